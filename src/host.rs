//! What a process is given: arguments, environment, its own path, the clock. Made once in `main` and passed down.
#![allow(clippy::disallowed_methods, reason = "the one place where the process's own surroundings are read")]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::time::Timestamp;

/// The environment variables, in their order, as bytes that need not be UTF-8. They are kept as exec takes them: a
/// start that changes three of a hundred hands the others on as they are.
#[derive(Debug, Clone, Default)]
pub struct Env(Vec<Assignment>);

/// A variable as `NAME=value`.
#[derive(Debug, Clone)]
pub struct Assignment {
    text: CString,
    name_length: usize,
}

impl Assignment {
    /// The assignment of `value` to `name`. Both come from C strings or from files read without NUL; a NUL could only
    /// cut the value short.
    pub fn new(name: impl Into<OsString>, value: impl AsRef<OsStr>) -> Self {
        let (name, value) = (name.into(), value.as_ref().as_bytes());
        let name_length = name.len();
        let mut text = name.into_vec();
        // The sign between them, and the NUL behind.
        text.reserve_exact(value.len() + 2);
        text.push(b'=');
        text.extend_from_slice(value);
        Self { text: c_string(text), name_length }
    }

    /// The variable's name.
    pub fn name(&self) -> &OsStr {
        OsStr::from_bytes(self.text.to_bytes().get(..self.name_length).unwrap_or_default())
    }

    /// Its value.
    pub fn value(&self) -> &OsStr {
        OsStr::from_bytes(self.text.to_bytes().get(self.name_length + 1..).unwrap_or_default())
    }

    /// The whole.
    pub fn as_c_str(&self) -> &CStr {
        &self.text
    }
}

/// Bytes as a C string, cut at the first NUL where there is one.
pub fn c_string(bytes: Vec<u8>) -> CString {
    CString::new(bytes).unwrap_or_else(|error| {
        let end = error.nul_position();
        let mut bytes = error.into_vec();
        bytes.truncate(end);
        CString::new(bytes).unwrap_or_default()
    })
}

impl Env {
    /// The variable's value; one that is set but empty is `Some("")`.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let name = name.as_ref();
        self.0.iter().find(|variable| variable.name() == name).map(Assignment::value)
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
    pub fn set(&mut self, name: impl Into<OsString>, value: impl AsRef<OsStr>) {
        let new = Assignment::new(name, value);
        match self.0.iter_mut().find(|variable| variable.name() == new.name()) {
            Some(variable) => *variable = new,
            None => self.0.push(new),
        }
    }

    /// Takes a variable out.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        let at = self.0.iter().position(|variable| variable.name() == name.as_ref())?;
        Some(self.0.remove(at).value().to_owned())
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = &Assignment> {
        self.0.iter()
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(key, value)| Assignment::new(key, value.into())).collect())
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
    pub(crate) clock: fn() -> SystemTime,
}

/// What that clock shows; a moment before 1970 counts as 1970.
pub(crate) fn timestamp(clock: fn() -> SystemTime) -> Timestamp {
    Timestamp(clock().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
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
            env: std::env::vars_os().collect(),
            exe: std::env::current_exe()?,
            clock: SystemTime::now,
        })
    }

    /// Surroundings of which nothing but the environment and the clock is known.
    pub fn of_env(env: Env) -> Self {
        Self { arg0: OsString::new(), args: Vec::new(), env, exe: PathBuf::new(), clock: SystemTime::now }
    }

    /// The wall clock, in seconds since 1970; a clock before that is 1970.
    pub fn now(&self) -> Timestamp {
        timestamp(self.clock)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_kept_as_exec_takes_it() {
        for (name, value, whole) in
            [("A", "1", c"A=1"), ("EMPTY", "", c"EMPTY="), ("A", "b=c", c"A=b=c"), ("CUT", "a\0b", c"CUT=a")]
        {
            let assignment = Assignment::new(name, value);
            assert_eq!(assignment.as_c_str(), whole);
            assert_eq!(assignment.name(), name);
            assert_eq!(Some(assignment.value()), value.split('\0').next().map(OsStr::new));
        }
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let mut env: Env =
            [("PATHS", "no"), ("PAT", "no"), ("PATH", "/bin"), ("NONE", "")].into_iter().collect();
        assert_eq!(env.get("PATH"), Some(OsStr::new("/bin")));
        assert_eq!(env.get("PA"), None);
        assert_eq!((env.get("NONE"), env.non_empty("NONE")), (Some(OsStr::new("")), None));
        assert_eq!(env.remove("PATH"), Some("/bin".into()));
        assert_eq!(env.remove("PATH"), None);
        let names: Vec<&OsStr> = env.iter().map(Assignment::name).collect();
        assert_eq!(names, ["PATHS", "PAT", "NONE"]);
    }
}
