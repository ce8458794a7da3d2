//! The updater as a process of its own: started detached, heard through a socket for as long as the start that it
//! serves will wait, and going on by itself after that.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::{getppid, getsid, setsid};

use crate::app::App;
use crate::error::Error;
use crate::host::Host;
use crate::log;
use crate::owner;
use crate::process::{BoundedFiles, CAUSE, ROLE};
use crate::progress::{Draws, Progress};
use crate::run::Status;
use crate::time::Deadline;
use crate::update::events::{Event, Listener};
use crate::update::{self, Cause};

/// How often progress is drawn while nothing is heard.
const TICK: Duration = Duration::from_millis(100);

/// The parts that this executable plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It starts the app.
    Launcher,
    /// It starts an updater and ends, so that the updater is nobody's child: an app that waits for its children
    /// must not meet one that it never made.
    Spawner,
    /// It updates.
    Updater,
}

/// What came of waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// The update is through.
    Done,
    /// Another updater was at it.
    Busy,
    /// It goes on without us.
    TimedOut,
    /// It failed.
    Failed {
        /// Why.
        message: String,
        /// What can be done.
        hint: Option<String>,
        /// The exit status that fits.
        status: u8,
    },
}

/// The part this process plays. The variable that says so goes no further, and counts only where the right process set
/// it: one that somebody left in the environment of a start is no reason not to start.
pub fn take_role(host: &mut Host) -> Role {
    let said = host.env.remove(ROLE).and_then(|said| said.into_string().ok()).unwrap_or_default();
    match said.split_once(' ') {
        Some(("spawner", parent)) if parent == getppid().to_string() => Role::Spawner,
        // Its parent may have ended by now; the session bears its number all the same.
        Some(("updater", parent)) if getsid(None).is_ok_and(|session| parent == session.to_string()) => {
            Role::Updater
        }
        _ => Role::Launcher,
    }
}

/// Starts an updater and waits for it until `wait` is over.
pub fn update(app: &App, host: &Host, wait: Duration, cause: Cause) -> Waited {
    let deadline = Deadline::after(wait);
    let stream = match spawn(host, cause.name()) {
        Ok(stream) => stream,
        Err(error) => {
            return Waited::Failed {
                message: format!("cannot start the updater: {error}"),
                hint: None,
                status: 125,
            };
        }
    };
    if wait.is_zero() {
        return Waited::TimedOut;
    }
    let draws =
        if app.config.update.notify { Draws::of(host, cause != Cause::Check) } else { Draws::Nothing };
    let progress = Progress::new(&app.config.app.name, draws);
    let waited = listen(stream, deadline, &progress);
    progress.clear();
    log::debug(|| format!("the updater: {waited:?}"));
    waited
}

fn spawn(host: &Host, cause: &str) -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut spawner = command(host, "spawner");
    spawner.env(CAUSE, cause).stdout(OwnedFd::from(theirs)).spawn()?.wait()?;
    Ok(ours)
}

fn command(host: &Host, role: &str) -> Command {
    let mut command = Command::new(&host.exe);
    let role = format!("{role} {}", std::process::id());
    command.arg0(&host.arg0).env(ROLE, role).stdin(Stdio::null()).current_dir("/");
    // Its words end when the start that it serves goes on; only who debugs it wants to hear more.
    command.stderr(if log::is_debug(host) { Stdio::inherit() } else { Stdio::null() });
    command
}

fn listen(stream: UnixStream, deadline: Deadline, progress: &Progress) -> Waited {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let left = deadline.remaining().unwrap_or(TICK);
        if left.is_zero() {
            return Waited::TimedOut;
        }
        // A timeout of zero would mean none at all.
        let _ = reader.get_ref().set_read_timeout(Some(left.min(TICK).max(Duration::from_micros(1))));
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => {
                let message = "the updater ended before its work was done".to_owned();
                return Waited::Failed { message, hint: Some("start again".to_owned()), status: 125 };
            }
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                progress.tick();
                continue;
            }
            Err(error) => return Waited::Failed { message: error.to_string(), hint: None, status: 125 },
        }
        let event = std::str::from_utf8(&line).ok().and_then(Event::decode);
        line.clear();
        match event {
            Some(Event::Done) => return Waited::Done,
            Some(Event::Busy) => return Waited::Busy,
            Some(Event::Failed { message, hint, status }) => return Waited::Failed { message, hint, status },
            Some(event) => progress.hear(event),
            None => {}
        }
    }
}

/// The spawner's whole life.
pub fn spawn_updater(host: &Host) -> Status {
    owner::stay();
    // Out of the terminal's reach: Ctrl-C and a closed window are meant for the app.
    if setsid().is_err() {
        return 1;
    }
    let mut updater = command(host, "updater");
    u8::from(updater.stdout(Stdio::inherit()).spawn().is_err())
}

/// The updater's whole life.
pub fn update_for_a_start(host: &Host) -> Status {
    let _bounded = BoundedFiles::begin();
    let mut host = host.clone();
    let cause = host.env.remove(CAUSE).as_deref().and_then(OsStr::to_str).map_or(Cause::Check, Cause::named);
    let listener = Pipe;
    let outcome = App::open(&host).and_then(|app| update::update(&app, &host, cause, &listener));
    match outcome {
        Ok(_) => 0,
        Err(error) => {
            let status = error.status();
            listener.hear(failed(&error));
            status
        }
    }
}

/// An error as an event.
pub fn failed(error: &Error) -> Event {
    Event::Failed { message: error.to_string(), hint: error.hint(), status: error.status() }
}

/// The start that waits at the other end of standard output, if it still does.
struct Pipe;

impl Listener for Pipe {
    fn hear(&self, event: Event) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(event.encode().as_bytes()).and_then(|()| stdout.flush());
    }
}

/// Says something on standard error if that is a terminal.
pub fn tell_a_terminal(text: &str) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let _ = writeln!(err, "{text}");
    }
}
