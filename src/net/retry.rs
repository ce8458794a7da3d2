//! Second tries.

use std::thread;
use std::time::Duration;

use super::error::NetError;
use crate::time::Deadline;

/// The pause before the second try, where the server does not say.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause that a server is granted; one that asks for more is not asked again.
const LONGEST: Duration = Duration::from_secs(1);

/// Runs `attempt`, and once more when its failure is transient and time remains.
pub(super) fn once<T>(
    deadline: Deadline,
    mut attempt: impl FnMut() -> Result<T, NetError>,
) -> Result<T, NetError> {
    match attempt() {
        Err(error) if error.is_transient() && pause(&error, deadline) => attempt(),
        first => first,
    }
}

/// Waits a moment before the next try; whether one is worth it: the server does not ask for a long pause, and time
/// remains after it.
pub(super) fn pause(error: &NetError, deadline: Deadline) -> bool {
    let pause = error.retry_after.unwrap_or(PAUSE);
    let worth_it = pause <= LONGEST && deadline.remaining().is_none_or(|left| left / 2 > pause);
    if worth_it {
        thread::sleep(pause);
    }
    worth_it
}
