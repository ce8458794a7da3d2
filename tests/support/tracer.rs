//! A supervisor that stops a start and all it begins (updater, smoke test, bytecode compiler) at each system call that
//! changes the disk, counts them over all threads, and kills, or fails, the one that a test names.
//!
//! `strace --inject` counts in each thread for itself, so that most calls of a program with many threads can never be
//! the one that is hit; hence ptrace(2). Registers are read as x86-64 has them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, user_regs_struct};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::power::{NameChange, Pending};
use super::start::Start;
use super::system_calls::{change, inode, source};

/// No traced run takes longer; then everything is killed.
const LONGEST: Duration = Duration::from_secs(90);

/// What is done to the call of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to the process that makes it, before it is made.
    KillOne,
    /// SIGKILL to everything that runs, before it is made.
    KillAll,
    /// SIGKILL to everything that runs, after half of it was made, where it is a write.
    Tear,
    /// It is not made and says why.
    Fail(Errno),
    /// It and all that come after it are not made, as on a disk that is full or has become read-only.
    FailFromHere(Errno),
}

/// A system call that changes the disk.
#[derive(Debug, Clone)]
pub struct Change {
    pub call: &'static str,
    pub path: PathBuf,
    pub process: i32,
}

/// What became of a traced run.
pub struct Traced {
    pub stdout: String,
    pub stderr: String,
    /// Exit status of the start itself; `None` when a signal ended it.
    pub status: Option<i32>,
    /// All calls that changed the disk, in their order; the one that was hit is the last but for what ran beside it.
    pub changes: Vec<Change>,
    /// Whether the start itself was killed by the fault.
    pub start_was_hit: bool,
    /// What no fsync had brought to the disk when it ended.
    pub pending: Pending,
}

impl Traced {
    /// Whether the start ended by itself and said in a line of its own why there is no app.
    pub fn says_why(&self) -> bool {
        matches!(self.status, Some(125..=127)) && self.stderr.contains(": error: ")
    }
}

impl Start {
    /// Runs it to its end and to the end of all it began; `fault` happens to the call of that number (from 1) among
    /// those that change something below `below`.
    #[track_caller]
    pub fn trace(self, below: &Path, fault: Option<(usize, Fault)>) -> Traced {
        let mut words: Vec<OsString> = self.wrappers.into_iter().flatten().collect();
        words.push(self.program.into());
        words.extend(self.arguments);
        let mut command = Command::new("/bin/sh");
        // It waits for its tracer, then becomes what is traced.
        command.args(["-c", "read -r go; exec \"$@\"", "sh"]).args(words);
        command.env_clear().envs(self.environment).current_dir(self.directory);
        Tracer::new(below, fault).run(command)
    }
}

struct Tracer<'a> {
    below: &'a Path,
    fault: Option<(usize, Fault)>,
    /// Threads that are inside a system call, with what is to be done when it ends, and the name that it changes.
    inside: BTreeMap<i32, (AtExit, Option<NameChange>)>,
    processes: Arc<Mutex<BTreeSet<i32>>>,
    changes: Vec<Change>,
    pending: Pending,
    hit: Option<i32>,
}

#[derive(Debug, Clone, Copy)]
enum AtExit {
    Nothing,
    Fail(Errno),
    KillAll,
    /// The file behind the descriptor that it returns has been made or emptied.
    Opened,
    /// The file behind this descriptor has been written to.
    Written(u64),
    Synced(u64),
    AllSynced,
}

impl<'a> Tracer<'a> {
    fn new(below: &'a Path, fault: Option<(usize, Fault)>) -> Self {
        Self {
            below,
            fault,
            inside: BTreeMap::new(),
            processes: Arc::default(),
            changes: vec![],
            pending: Pending::new(below),
            hit: None,
        }
    }

    #[allow(clippy::zombie_processes, reason = "a tracer waits for all that it traces")]
    fn run(mut self, mut command: Command) -> Traced {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        let options = ptrace::Options::PTRACE_O_TRACESYSGOOD
            | ptrace::Options::PTRACE_O_TRACEFORK
            | ptrace::Options::PTRACE_O_TRACEVFORK
            | ptrace::Options::PTRACE_O_TRACECLONE
            | ptrace::Options::PTRACE_O_TRACEEXEC
            | ptrace::Options::PTRACE_O_EXITKILL;
        ptrace::seize(Pid::from_raw(id), options).unwrap();
        ptrace::interrupt(Pid::from_raw(id)).unwrap();
        self.processes.lock().unwrap().insert(id);
        let stdout = super::outcome::collect(child.stdout.take().unwrap());
        let stderr = super::outcome::collect(child.stderr.take().unwrap());
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        let over = self.watch();
        let status = self.follow(id);
        drop(over);
        // What was under way when everything was killed may have come to its end.
        for (_, name) in std::mem::take(&mut self.inside).into_values() {
            self.pending.done(name);
        }
        let text = |bytes: mpsc::Receiver<Vec<u8>>| {
            String::from_utf8_lossy(&bytes.recv_timeout(LONGEST).unwrap()).into_owned()
        };
        Traced {
            stdout: text(stdout),
            stderr: text(stderr),
            status,
            start_was_hit: self.hit == Some(id),
            changes: self.changes,
            pending: self.pending,
        }
    }

    /// Kills everything when it takes too long, until the answer is dropped.
    fn watch(&self) -> mpsc::Sender<()> {
        let (over, ended) = mpsc::channel();
        let processes = Arc::clone(&self.processes);
        thread::spawn(move || {
            if ended.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
                kill_each(&processes);
            }
        });
        over
    }

    /// Until nothing is left; the exit status of `start`.
    fn follow(&mut self, start: i32) -> Option<i32> {
        let mut status = None;
        // Only what this thread traces: other tests wait for children of their own.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            match waitpid(None, Some(flags)) {
                Err(Errno::ECHILD) => return status,
                Err(error) => assert_eq!(error, Errno::EINTR),
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    self.system_call(thread);
                    go_on(thread, None);
                }
                Ok(WaitStatus::PtraceEvent(thread, ..)) => {
                    self.processes.lock().unwrap().insert(process_of(thread));
                    go_on(thread, None);
                }
                Ok(WaitStatus::Stopped(thread, signal)) => go_on(thread, Some(signal)),
                Ok(WaitStatus::Exited(process, code)) => {
                    self.ended(process.as_raw());
                    self.processes.lock().unwrap().remove(&process.as_raw());
                    if process.as_raw() == start {
                        status = Some(code);
                    }
                }
                Ok(WaitStatus::Signaled(process, ..)) => {
                    self.ended(process.as_raw());
                    self.processes.lock().unwrap().remove(&process.as_raw());
                }
                Ok(_) => {}
            }
        }
    }

    /// A thread that dies inside a call may have come to its end.
    fn ended(&mut self, thread: i32) {
        if let Some((_, name)) = self.inside.remove(&thread) {
            self.pending.done(name);
        }
    }

    fn system_call(&mut self, thread: Pid) {
        // A thread that was killed meanwhile has no registers any more.
        let Ok(registers) = ptrace::getregs(thread) else { return };
        // What the kernel puts there before a call: a call's own result tells an end whose beginning was not seen.
        let begins = registers.rax.cast_signed() == -i64::from(libc::ENOSYS);
        match self.inside.remove(&thread.as_raw()) {
            None if !begins => {}
            None => {
                let inside = self.enter(thread, registers);
                self.inside.insert(thread.as_raw(), inside);
            }
            Some((at_exit, name)) => {
                self.leave(thread, registers, at_exit);
                if registers.rax.cast_signed() >= 0 {
                    self.pending.done(name);
                }
            }
        }
    }

    fn enter(&mut self, thread: Pid, registers: user_regs_struct) -> (AtExit, Option<NameChange>) {
        let Some((call, path)) = change(thread, &registers, self.below) else {
            return (AtExit::Nothing, None);
        };
        let name = self.pending.begins(call, source(thread, &registers).as_deref(), &path);
        (self.meet(thread, registers, call, path), name)
    }

    /// What happens to a call that changes the disk.
    fn meet(
        &mut self,
        thread: Pid,
        mut registers: user_regs_struct,
        call: &'static str,
        path: PathBuf,
    ) -> AtExit {
        let process = process_of(thread);
        self.changes.push(Change { call, path, process });
        let number = self.changes.len();
        let at_exit = match call {
            "open" => AtExit::Opened,
            "write" | "truncate" => AtExit::Written(registers.rdi),
            "copy" => AtExit::Written(registers.rdx),
            "fsync" => AtExit::Synced(registers.rdi),
            "syncfs" => AtExit::AllSynced,
            _ => AtExit::Nothing,
        };
        let Some((at, fault)) = self.fault else { return at_exit };
        if number != at && !(number > at && matches!(fault, Fault::FailFromHere(_))) {
            return at_exit;
        }
        self.hit = Some(process);
        match fault {
            Fault::KillOne => {
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
            Fault::Tear if call == "write" && registers.rdx > 1 => {
                registers.rdx /= 2;
                let _ = ptrace::setregs(thread, registers);
                return AtExit::KillAll;
            }
            Fault::KillAll | Fault::Tear => kill_each(&self.processes),
            Fault::Fail(errno) | Fault::FailFromHere(errno) => {
                // No call has this number: the kernel does nothing.
                registers.orig_rax = u64::MAX;
                let _ = ptrace::setregs(thread, registers);
                return AtExit::Fail(errno);
            }
        }
        at_exit
    }

    fn leave(&mut self, thread: Pid, mut registers: user_regs_struct, at_exit: AtExit) {
        let result = registers.rax.cast_signed();
        match at_exit {
            AtExit::Fail(errno) => {
                registers.rax = i64::from(-(errno as i32)).cast_unsigned();
                let _ = ptrace::setregs(thread, registers);
            }
            AtExit::KillAll => kill_each(&self.processes),
            AtExit::Opened if result >= 0 => {
                self.pending.written(inode(thread, result.cast_unsigned()));
            }
            AtExit::Written(descriptor) if result >= 0 => {
                self.pending.written(inode(thread, descriptor));
            }
            AtExit::Synced(descriptor) if result == 0 => {
                self.pending.synced(inode(thread, descriptor));
            }
            AtExit::AllSynced if result == 0 => self.pending.all_synced(),
            _ => {}
        }
    }
}

fn go_on(thread: Pid, signal: Option<Signal>) {
    // One that was killed meanwhile cannot go on.
    let _ = ptrace::syscall(thread, signal);
}

fn kill_each(processes: &Mutex<BTreeSet<i32>>) {
    for process in processes.lock().unwrap().iter() {
        let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
    }
}

fn process_of(thread: Pid) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(thread.as_raw())
}
