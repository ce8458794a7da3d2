//! The one second try.

use std::thread;
use std::time::Duration;

use super::error::NetError;
use crate::time::Deadline;

/// The pause before the second try, where the server does not say.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause that a server is granted; one that asks for more is not asked again.
const LONGEST: Duration = Duration::from_secs(1);

/// Runs `attempt`, and once more when its failure is transient and time remains. `fault` gives the network's failure
/// in an error where trying again is allowed.
pub(super) fn once<T, E>(
    deadline: Deadline,
    fault: impl Fn(&E) -> Option<&NetError>,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let first = attempt();
    let pause = first.as_ref().err().and_then(fault).and_then(|error| pause(error, deadline));
    let Some(pause) = pause else { return first };
    thread::sleep(pause);
    attempt()
}

fn pause(error: &NetError, deadline: Deadline) -> Option<Duration> {
    let pause = error.retry_after.unwrap_or(PAUSE);
    let in_time = deadline.remaining().is_none_or(|left| left / 2 > pause);
    (error.is_transient() && pause <= LONGEST && in_time).then_some(pause)
}
