//! What a process is given: arguments, environment, its own path, the clock. Made once in `main` and passed down.
#![allow(clippy::disallowed_methods, reason = "the one place where the process's own surroundings are read")]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::time::Timestamp;

/// The environment variables, in their order, as bytes that need not be UTF-8.
#[derive(Debug, Clone, Default)]
pub struct Env(Vec<(OsString, OsString)>);

impl Env {
    /// The variable's value; one that is set but empty is `Some("")`.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
    }

    /// The variable's value as a path or word; unset and empty are the same, as POSIX tools have it.
    pub fn non_empty(&self, name: &str) -> Option<&OsStr> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The variable's value where it is set, not empty, and UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.non_empty(name).and_then(OsStr::to_str)
    }

    /// Sets a variable, in place where it exists.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes a variable out.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        let at = self.0.iter().position(|(key, _)| key == name.as_ref())?;
        Some(self.0.remove(at).1)
    }

    /// All variables as `NAME=value`, the form in which exec takes them.
    pub fn into_assignments(self) -> impl Iterator<Item = OsString> {
        self.0.into_iter().map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            name
        })
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(key, value)| (key.as_os_str(), value.as_os_str()))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// The surroundings of this process.
#[derive(Debug, Clone)]
pub struct Host {
    /// The name it was called by.
    pub arg0: OsString,
    /// The arguments behind the name.
    pub args: Vec<OsString>,
    /// The environment.
    pub env: Env,
    /// The real path of this executable, links resolved.
    pub exe: PathBuf,
    clock: fn() -> SystemTime,
}

impl Host {
    /// The surroundings of the running process.
    ///
    /// # Errors
    /// When the system does not tell where this executable lies (`/proc` is not mounted).
    pub fn from_process() -> std::io::Result<Self> {
        let mut args = std::env::args_os();
        Ok(Self {
            arg0: args.next().unwrap_or_default(),
            args: args.collect(),
            env: Env(std::env::vars_os().collect()),
            exe: std::env::current_exe()?,
            clock: SystemTime::now,
        })
    }

    /// The wall clock, in seconds since 1970; a clock before that is 1970.
    pub fn now(&self) -> Timestamp {
        Timestamp((self.clock)().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// The directory of the executable: where `launcher.toml` lies.
    pub fn exe_dir(&self) -> &Path {
        self.exe.parent().unwrap_or(Path::new("/"))
    }

    /// The user's home directory, where the environment names an absolute one.
    pub fn home(&self) -> Option<PathBuf> {
        self.env.non_empty("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
    }

    /// What the app sees as its own path (`sys.argv[0]`): what the user typed, made whole where it was found on PATH.
    pub fn shown_path(&self) -> OsString {
        let typed_a_path = self.arg0.as_bytes().contains(&b'/');
        if typed_a_path || (self.exe.file_name() != Some(&self.arg0) && !self.arg0.is_empty()) {
            return self.arg0.clone();
        }
        self.exe.clone().into_os_string()
    }

    /// The name for messages: the last part of what it was called by.
    pub fn called(&self) -> String {
        let name = self.arg0.as_bytes().rsplit(|&b| b == b'/').next().unwrap_or_default();
        let name = if name.is_empty() { self.exe.file_name().unwrap_or_default().as_bytes() } else { name };
        String::from_utf8_lossy(name).into_owned()
    }
}
