//! Child processes that are given a deadline and whose output has a cap.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, killpg, raise};
use nix::unistd::Pid;

use crate::time::Deadline;

/// Says which part a new process of this executable plays (`update/process.rs`); taken out of the environment at once.
pub(crate) const ROLE: &str = "EVERFRESH_ROLE";

/// Says to an updater what it is started for.
pub(crate) const CAUSE: &str = "EVERFRESH_CAUSE";

/// How long the streams of a child that ended may stay open: what it started elsewhere can hold them for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// While it lives, a write beyond the user's limit of file sizes (`ulimit -f`) is an error like any other and not the
/// end of the process (`SIGXFSZ`). What this process starts meanwhile has it so too.
#[derive(Debug)]
pub struct BoundedFiles {
    before: Option<SigSet>,
}

impl BoundedFiles {
    /// From now on.
    pub fn begin() -> Self {
        Self { before: Self::signal().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok() }
    }

    fn signal() -> SigSet {
        SigSet::from_iter([Signal::SIGXFSZ])
    }
}

impl Drop for BoundedFiles {
    fn drop(&mut self) {
        let Some(before) = self.before.filter(|before| !before.contains(Signal::SIGXFSZ)) else { return };
        // One that waits to be delivered would end the app after exec. With another one there is one to take for sure:
        // they do not add up.
        if raise(Signal::SIGXFSZ).is_ok() && Self::signal().wait().is_ok() {
            let _ = before.thread_set_mask();
        }
    }
}

/// How a child ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status; `None` when its time ran out and it was killed.
    pub status: Option<ExitStatus>,
    /// The beginning of what it wrote to standard output.
    pub stdout: Vec<u8>,
    /// The beginning of what it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Whether it ended by itself and said that all is well.
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The last line of standard error that says something: of a Python traceback, the exception.
    pub fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }
}

/// Runs a child without standard input until it ends or the deadline passes; then it and all it started are killed.
/// Output beyond `cap` bytes a stream is read and thrown away.
///
/// # Errors
/// When it cannot be started.
pub fn run(command: &mut Command, deadline: Deadline, cap: u64) -> io::Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    // A child that starts a launcher itself starts an app, whatever part this process plays.
    command.env_remove(ROLE).env_remove(CAUSE);
    let mut child = command.spawn()?;
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let stdout = collect(child.stdout.take(), cap);
    let stderr = collect(child.stderr.take(), cap);
    let (send, ended) = mpsc::channel();
    thread::spawn(move || send.send(child.wait()));
    let status = match deadline.remaining() {
        None => ended.recv().ok(),
        Some(left) => ended.recv_timeout(left).ok(),
    };
    // Whatever it left behind would keep the pipes open; a group that is gone already is what we want.
    let _ = killpg(group, Signal::SIGKILL);
    if status.is_none() {
        let _ = ended.recv();
    }
    Ok(Finished {
        status: status.transpose()?,
        stdout: stdout.recv_timeout(LAST_WORDS).unwrap_or_default(),
        stderr: stderr.recv_timeout(LAST_WORDS).unwrap_or_default(),
    })
}

fn collect(stream: Option<impl Read + Send + 'static>, cap: u64) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.by_ref().take(cap).read_to_end(&mut kept);
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        send.send(kept)
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Deadline) -> Finished {
        run(Command::new("/bin/sh").args(["-c", script]), deadline, 10).unwrap()
    }

    #[test]
    fn status_and_the_beginning_of_both_streams_come_back() {
        let finished = shell("echo out; echo 'long, long error' >&2; exit 3", Deadline::NEVER);
        assert_eq!(finished.status.and_then(|status| status.code()), Some(3));
        assert_eq!(
            (finished.stdout.as_slice(), finished.stderr.as_slice()),
            (&b"out\n"[..], &b"long, long"[..])
        );
    }

    #[test]
    fn what_overstays_is_killed_with_all_it_started() {
        let finished = shell("echo here; sleep 600 & sleep 600", Deadline::after(Duration::from_millis(300)));
        assert!(finished.status.is_none());
        assert_eq!(finished.stdout, b"here\n");
    }
}
