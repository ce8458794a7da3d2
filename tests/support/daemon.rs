//! Servers that we did not write, each at a free port of 127.0.0.1. They end with the test, and by themselves after
//! [`MAXIMUM_LIFE`] where the test cannot end them.

use std::ffi::OsString;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::python;

const MAXIMUM_LIFE: &str = "300";
/// devpi takes ten seconds to start where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server.
pub struct Daemon {
    process: Child,
    port: u16,
}

impl Daemon {
    /// Starts the program that `command` makes for a port, and waits until it listens there. Its output goes to
    /// `log`, which is shown when it does not come up.
    pub fn start(log: &Path, command: impl FnOnce(u16) -> Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let wanted = command(port);
        let output = File::create(log).unwrap();
        let mut bounded = Command::new("timeout");
        bounded.args(["--signal=TERM", "--kill-after=2", MAXIMUM_LIFE]).arg(wanted.get_program());
        bounded.args(wanted.get_args());
        for (name, value) in wanted.get_envs() {
            match value {
                Some(value) => bounded.env(name, value),
                None => bounded.env_remove(name),
            };
        }
        if let Some(directory) = wanted.get_current_dir() {
            bounded.current_dir(directory);
        }
        bounded.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut process = bounded.spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{wanted:?} does not listen ({ended:?}):\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `timeout` hands the signal on; killed outright it would leave its child behind.
        let id = i32::try_from(self.process.id()).unwrap();
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

/// A program of the test environment that `scripts/setup-test-env` makes.
pub fn tool(name: &str) -> PathBuf {
    let path = python::venv().with_file_name(name);
    assert!(path.exists(), "{} is missing: run scripts/setup-test-env", path.display());
    path
}

/// A program of the system; servers live in sbin, which a user's PATH need not have.
pub fn system(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let found = places.into_iter().map(|place| place.join(OsString::from(name))).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is missing: run scripts/setup-test-env"))
}
