//! The lock of whoever changes an app's state.

use std::fs::{File, TryLockError};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::app::App;
use crate::error::Error;
use crate::fs;
use crate::time::Deadline;
use crate::update::Cause;
use crate::update::events::{Event, Listener};

/// How long a start's check waits for somebody who only notes something down. An update takes longer: it is left alone.
const NOTE: Duration = Duration::from_millis(500);

/// The lock of whoever changes the app's state: an updater for as long as it works, others for a moment. Where the
/// file system has no locks, the renames keep things whole all the same.
pub(super) fn take(app: &App, cause: Cause, listener: &dyn Listener) -> Result<Option<File>, Error> {
    let file = fs::open_lock(&app.files.lock())?;
    match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            listener.hear(Event::Step { name: "waiting for another update of it".to_owned() });
            let patience = if cause == Cause::Check { Deadline::after(NOTE) } else { Deadline::NEVER };
            Ok(locked_by(file, patience))
        }
    }
}

/// Waits for a lock in a thread of its own: the system knows no limit for that.
fn locked_by(file: File, deadline: Deadline) -> Option<File> {
    let (send, locked) = mpsc::channel();
    thread::spawn(move || {
        let _ = file.lock();
        send.send(file)
    });
    match deadline.remaining() {
        Some(left) => locked.recv_timeout(left).ok(),
        None => locked.recv().ok(),
    }
}
