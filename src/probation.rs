//! The first starts of a new generation: where it crashes at each of them, the one before it is started again.
//!
//! A start is an exec, so nobody is left to see how the app ends. On probation the entry code says goodbye instead
//! when the interpreter ends by itself: it renames the mark that the start left. Where that goodbye is missing the app
//! may have crashed, or was ended, or replaced itself: the next start stays the app's parent and sees.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, raise};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, alarm, dup2_stdin, dup2_stdout, getpid};

use crate::app::App;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::launch::{self, Launch, Variable};
use crate::log;
use crate::record::FileStamp;
use crate::run::Status;
use crate::state::{Generation, State};
use crate::update::activate;

/// Tells the entry code where the mark is that it renames when the interpreter ends by itself.
pub const MARK: &str = "EVERFRESH_MARK";

/// Whoever lives so long has started.
const TRIAL: Duration = Duration::from_secs(10);

/// What a start of the active generation comes to.
#[derive(Debug)]
pub enum Stage {
    /// It is not on probation, or another start of it is just being tried.
    Plain,
    /// It has passed.
    Passed,
    /// The app is given the mark.
    Marked(File),
    /// This start stays the app's parent; the lock tells others that it is at it.
    Watched(Option<File>),
}

/// What this start of a generation comes to; leaves a mark where it needs one.
pub fn stage(app: &App, state: &State, active: &Generation, host: &Host) -> Stage {
    let on_probation =
        state.probation.as_ref().is_some_and(|probation| probation.generation == active.number);
    if !on_probation || !app.writable {
        return Stage::Plain;
    }
    let number = active.number.to_string();
    let is_of_it = |path: &Path| fs::read(path, fs::SMALL_FILE).is_ok_and(|text| text == number.as_bytes());
    let mark = app.files.mark();
    if is_of_it(&passed(&mark)) {
        return Stage::Passed;
    }
    // To its supervisor this very process has to be the app.
    let supervised = getpid().as_raw() == 1 || host.env.get("NOTIFY_SOCKET").is_some();
    if supervised {
        return Stage::Plain;
    }
    if !is_of_it(&mark) {
        return match leave(&mark, &number) {
            Ok(file) if app.config.verify.probation > 1 => Stage::Marked(file),
            Ok(file) => Stage::Watched(Some(file)),
            Err(_) => Stage::Plain,
        };
    }
    let Ok(file) = fs::open(&mark) else { return Stage::Plain };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let since = FileStamp::modified(&mark).map_or(Duration::ZERO, |since| host.now().since(since));
            if since >= TRIAL { Stage::Passed } else { Stage::Plain }
        }
        Ok(()) => {
            // From now on it counts as begun just now: the next one does not take it for one that lives on.
            let _ = file.set_modified((host.clock)());
            Stage::Watched(Some(file))
        }
        Err(TryLockError::Error(_)) => Stage::Watched(None),
    }
}

/// The mark, locked before anybody can see it.
fn leave(mark: &Path, number: &str) -> Result<File, Error> {
    let unfinished = fs::sibling(mark, "tmp");
    let mut file = fs::create_new(&unfinished, 0o600)?;
    let _ = file.try_lock();
    let left =
        fs::write_all(&mut file, &unfinished, number.as_bytes()).and_then(|()| fs::rename(&unfinished, mark));
    if left.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    left.map(|()| file)
}

/// What the entry code makes of the mark.
fn passed(mark: &Path) -> std::path::PathBuf {
    let mut path = OsString::from(mark);
    path.push("-passed");
    path.into()
}

/// The mark as a variable for the app.
pub fn variable(app: &App) -> Variable {
    Variable::Set(MARK.into(), app.files.mark().into())
}

/// Takes away what trials left; the state says from now on that there is none.
pub fn end(app: &App, state: &mut State) {
    if state.probation.take().is_some() {
        let mark = app.files.mark();
        let _ = fs::remove_file(&mark);
        let _ = fs::remove_file(&passed(&mark));
    }
}

/// How a watched app ended, or did not.
enum Verdict {
    /// It ended by itself, or lives.
    Passed,
    /// Somebody ended it.
    Unknown,
    /// It crashed.
    Crashed(Signal),
}

/// Starts the app as a child, hands on what others send to this process, and ends as the app does.
///
/// # Errors
/// When the interpreter cannot be executed.
pub fn watch(launch: &Launch, in_use: File, mark: Option<File>, host: &Host) -> Result<Status, Error> {
    let failed = |source: std::io::Error| Error::Interpreter { path: launch.interpreter.clone(), source };
    let signals = SignalFd::new(&SigSet::all()).map_err(|errno| failed(errno.into()))?;
    let in_use = launch::keep_across_exec(in_use);
    let mut command = Command::new(&launch.interpreter);
    command.args(launch::arguments(launch, &host.shown_path(), host)).env_clear();
    command.envs(launch::variables(launch, host).iter().map(|variable| (variable.name(), variable.value())));
    let mut child = command.arg0(&launch.interpreter).spawn().map_err(failed)?;
    // Not before: the child has the mask that its parent has.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).unwrap_or_else(|_| SigSet::empty());
    // Whoever reads what the app writes waits for its end, not for ours.
    if let Ok(nothing) = fs::open(Path::new("/dev/null")) {
        let _ = dup2_stdin(&nothing).and_then(|()| dup2_stdout(&nothing));
    }
    let ended = attend(&mut child, &signals, || note(launch, host, &Verdict::Passed));
    note(launch, host, &verdict(ended));
    drop((in_use, mark));
    if let Some(signal) = ended.signal().and_then(|signal| Signal::try_from(signal).ok()) {
        // As whoever waits for us would have seen it. Twice: the runtime takes the first of some for its own.
        let _ = before.thread_set_mask();
        let _ = raise(signal).and_then(|()| raise(signal));
        return Ok(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX));
    }
    Ok(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Waits for the app's end; `lives` is called when it has lived long enough.
fn attend(child: &mut Child, signals: &SignalFd, mut lives: impl FnMut()) -> ExitStatus {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    alarm::set(u32::try_from(TRIAL.as_secs()).unwrap_or(u32::MAX));
    loop {
        // It may have ended before anybody listened.
        match waitpid(pid, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Exited(_, code)) => return ExitStatus::from_raw(code << 8),
            Ok(WaitStatus::Signaled(_, signal, _)) => return ExitStatus::from_raw(signal as i32),
            Ok(WaitStatus::Stopped(..)) => {
                let _ = raise(Signal::SIGSTOP);
            }
            // Whoever started us wants to hear nothing of children.
            Err(_) => return ExitStatus::from_raw(0),
            Ok(_) => {}
        }
        let Ok(Some(news)) = signals.read_signal() else { continue };
        let signal = i32::try_from(news.ssi_signo).ok().and_then(|signal| Signal::try_from(signal).ok());
        // What a terminal sends it sends to the whole group.
        let by_somebody = news.ssi_code <= 0;
        match signal {
            Some(Signal::SIGALRM) if !by_somebody => lives(),
            Some(Signal::SIGCHLD) => {}
            Some(signal) if by_somebody => {
                let _ = kill(pid, signal);
            }
            _ => {}
        }
    }
}

/// What an end means, within the time of a trial: after it the verdict is there already.
fn verdict(ended: ExitStatus) -> Verdict {
    match ended.signal().and_then(|signal| Signal::try_from(signal).ok()) {
        None => Verdict::Passed,
        // That is how users, their terminals and their sessions end a program.
        Some(Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGQUIT | Signal::SIGPIPE) => {
            Verdict::Unknown
        }
        Some(signal) => Verdict::Crashed(signal),
    }
}

/// Notes a verdict, and goes back where it was the last crash of them all.
fn note(launch: &Launch, host: &Host, verdict: &Verdict) {
    let Ok(app) = App::open(host) else { return };
    let signal = match verdict {
        Verdict::Unknown => return,
        Verdict::Passed => {
            return activate::change_state(&app, host, |state| pass(&app, state, launch.generation));
        }
        Verdict::Crashed(signal) => *signal,
    };
    let allowed = app.config.verify.probation;
    let mut crashes = 0;
    activate::change_state(&app, host, |state| {
        if let Some(probation) = state.probation.as_mut().filter(|it| it.generation == launch.generation) {
            // The first one was not watched, unless it was to be the only one.
            probation.crashes = probation.crashes.saturating_add(1).max(2.min(allowed));
            crashes = probation.crashes;
        }
    });
    if crashes == 0 || crashes < allowed {
        return;
    }
    let starts = if allowed == 1 {
        "its first start".to_owned()
    } else {
        format!("each of its first {allowed} starts")
    };
    let reason = format!("ended by {} at {starts}", signal.as_str());
    if let Some(back) = activate::go_back(&app, host, launch.generation, &reason) {
        log::tell(host, &format!("{} was {reason}; the next start is {} again", back.failed, back.to));
    }
}

/// Ends the probation of that generation.
pub fn pass(app: &App, state: &mut State, generation: u64) {
    if state.probation.as_ref().is_some_and(|probation| probation.generation == generation) {
        end(app, state);
    }
}
