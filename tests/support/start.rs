//! One start of a program in an app's world: what it is given, and what it is kept from.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::outcome::{Outcome, Redactions, Running};
use super::python;

/// One start of a program in the app's world.
#[must_use = "nothing runs before `run` or `spawn`"]
pub struct Start {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) directory: PathBuf,
    pub(super) input: Vec<u8>,
    /// Commands that run a command, the outermost first.
    pub(super) wrappers: Vec<Vec<OsString>>,
    pub(super) redactions: Redactions,
}

impl Start {
    /// The whole of standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    pub fn env_remove(mut self, name: &str) -> Self {
        self.environment.remove(OsStr::new(name));
        self
    }

    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Runs another name of the program, such as a link to it.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = path.into();
        self
    }

    /// Standard input and error are a terminal of 80 columns: what is written there is the outcome's stderr, lines
    /// ending in `\r\n`. Standard output stays a pipe.
    pub fn in_terminal(self) -> Self {
        self.wrapped_in_terminal("only-input-and-error")
    }

    /// Standard output is the terminal too; the outcome's stderr has both.
    pub fn all_in_terminal(self) -> Self {
        self.wrapped_in_terminal("everything")
    }

    fn wrapped_in_terminal(mut self, which: &str) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/terminal.py");
        let python = python::path().as_os_str();
        self.wrappers.push(vec![python.into(), "-I".into(), "-S".into(), program.into(), which.into()]);
        self.environment.entry("TERM".into()).or_insert_with(|| "xterm".into());
        self
    }

    /// In a network namespace of its own, where even 127.0.0.1 is unreachable.
    #[track_caller]
    pub fn without_network(mut self) -> Self {
        self.wrappers.insert(0, unshare("n").iter().map(OsString::from).collect());
        self
    }

    /// With an identity of the machine's boot that is `boot`'s contents, as after a power cut.
    #[track_caller]
    pub fn in_boot(mut self, boot: &Path) -> Self {
        let mount = "/usr/bin/mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";
        let words = ["/bin/sh", "-c", mount].into_iter().map(OsString::from);
        self.wrappers.insert(0, words.chain([boot.into()]).collect());
        self.wrappers.insert(0, unshare("m").iter().map(OsString::from).collect());
        self
    }

    /// By a shell script with mounts of its own; its first argument is `path`, the others are the command line.
    #[track_caller]
    pub fn in_mounts_of_its_own(mut self, script: &str, path: &Path) -> Self {
        let script = format!("PATH=$PATH:/usr/bin:/bin:/usr/sbin; {script}");
        let words = ["/bin/sh", "-ec", &script, "sh"].into_iter().map(OsString::from);
        self.wrappers.insert(0, words.chain([path.into()]).collect());
        self.wrappers.insert(0, unshare("m").iter().map(OsString::from).collect());
        self
    }

    /// Under a command that runs a command.
    pub fn under<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        self.wrappers.insert(0, words.iter().map(|word| word.as_ref().to_owned()).collect());
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it and lets it run.
    pub fn spawn(self) -> Running {
        let mut words: Vec<OsString> = self.wrappers.into_iter().flatten().collect();
        words.push(self.program.into());
        words.extend(self.arguments);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(self.environment).current_dir(self.directory);
        Running::start(command, self.input, self.redactions)
    }
}

/// The way to a namespace of that kind (`n`etwork, `m`ounts) that works here: as root at once, else through a user
/// namespace.
#[track_caller]
fn unshare(kind: &str) -> Vec<String> {
    static AS_ROOT: OnceLock<Option<bool>> = OnceLock::new();
    let way = |prefix: &str, kind: &str| vec!["/usr/bin/unshare".to_owned(), format!("-{prefix}{kind}")];
    let works = |as_root: &bool| {
        let words = way(if *as_root { "" } else { "r" }, "nm");
        let output = Command::new(&words[0]).args(&words[1..]).arg("/bin/true").output();
        output.is_ok_and(|output| output.status.success())
    };
    let as_root = AS_ROOT.get_or_init(|| [true, false].into_iter().find(works));
    let as_root =
        as_root.expect("this test needs namespaces: unshare (util-linux), and root or user namespaces");
    way(if as_root { "" } else { "r" }, kind)
}
