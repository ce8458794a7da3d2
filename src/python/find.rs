//! Finding an interpreter: the configured one, else one shipped beside the launcher, else the best on PATH. It is
//! probed once and remembered by path, inode, size and time of change.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pep440_rs::Version;

use crate::config::Python;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::log;
use crate::package::tags::Tags;
use crate::package::version::SpecifierSet;
use crate::process;
use crate::python::{InterpreterFacts, PROBE};
use crate::record::FileStamp;
use crate::state::RememberedInterpreter;
use crate::time::Deadline;

/// How long an interpreter may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// The newest minor version of Python 3 that is looked for by name.
const NEWEST: u32 = 20;

/// The oldest.
const OLDEST: u32 = 7;

/// An interpreter that is there, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpreter {
    /// Its executable.
    pub path: PathBuf,
    /// What it said.
    pub facts: InterpreterFacts,
    wanted: String,
    stamp: FileStamp,
}

/// An interpreter that will not do, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsuitable {
    /// Where it is.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

impl Interpreter {
    /// What tells its environments from another interpreter's.
    pub fn identity(&self) -> String {
        let soabi = self.facts.soabi.as_deref().unwrap_or_default();
        format!(
            "{} {} {} {soabi} {}",
            self.path.display(),
            self.facts.implementation,
            self.facts.version,
            self.facts.platform
        )
    }

    /// What it accepts.
    pub fn tags(&self) -> Tags {
        Tags::for_interpreter(&self.facts)
    }

    /// Its version as PEP 440 has it.
    ///
    /// # Errors
    /// Never for a version that was probed; the type of it does not say so.
    pub fn version(&self) -> Result<Version, Error> {
        Ok(Version::new(
            [self.facts.version.major, self.facts.version.minor, self.facts.version.micro].map(u64::from),
        ))
    }

    /// As it was when it was probed; `None` for what no probe can have told.
    pub fn from_memory(known: &RememberedInterpreter) -> Option<Self> {
        let RememberedInterpreter { wanted, path, stamp, facts } = known.clone();
        // By way of its text: there is one reader of it, not two.
        let facts = InterpreterFacts::parse(&serde_json::to_vec(&facts).ok()?).ok()?;
        Some(Self { path, facts, wanted, stamp })
    }

    /// As it is kept in the state.
    pub fn remembered(&self) -> RememberedInterpreter {
        RememberedInterpreter {
            wanted: self.wanted.clone(),
            path: self.path.clone(),
            stamp: self.stamp,
            facts: serde_json::to_value(&self.facts).unwrap_or_default(),
        }
    }
}

/// Finds the interpreter for a configuration.
///
/// # Errors
/// When there is none that will do, with all that were looked at.
pub fn find(
    python: &Python,
    host: &Host,
    remembered: Option<&RememberedInterpreter>,
) -> Result<Interpreter, Error> {
    let requires = requires(python)?;
    let wanted = wanted(python);
    if let Some(known) = remembered.filter(|known| known.wanted == wanted)
        && FileStamp::at(&known.path) == Some(known.stamp)
        && let Some(interpreter) = Interpreter::from_memory(known)
    {
        return Ok(interpreter);
    }
    let mut unsuitable: Vec<Unsuitable> = Vec::new();
    for path in candidates(python, host) {
        if unsuitable.iter().any(|seen| seen.path == path) {
            continue;
        }
        match probe(&path, &requires) {
            Ok((facts, stamp)) => {
                log::debug(|| format!("{} is Python {}", path.display(), facts.version));
                return Ok(Interpreter { path: facts.executable.clone(), facts, wanted, stamp });
            }
            Err(reason) => unsuitable.push(Unsuitable { path, reason }),
        }
    }
    let configured = python.path.clone();
    Err(Error::NoInterpreter {
        requires: python.requires.as_ref().map(|r| r.value.clone()),
        configured,
        unsuitable,
    })
}

/// The interpreter at a certain place.
///
/// # Errors
/// When it will not do.
pub fn at(path: &Path, python: &Python) -> Result<Interpreter, Error> {
    match probe(path, &requires(python)?) {
        Ok((facts, stamp)) => {
            Ok(Interpreter { path: facts.executable.clone(), facts, wanted: wanted(python), stamp })
        }
        Err(reason) => Err(Error::NoInterpreter {
            requires: python.requires.as_ref().map(|requires| requires.value.clone()),
            configured: Some(path.to_owned()),
            unsuitable: vec![Unsuitable { path: path.to_owned(), reason }],
        }),
    }
}

/// What is looked for, as it is remembered beside what was found.
fn wanted(python: &Python) -> String {
    format!("{:?} {:?}", python.path, python.requires.as_ref().map(|requires| &requires.value))
}

fn requires(python: &Python) -> Result<SpecifierSet, Error> {
    let Some(requires) = &python.requires else { return Ok(SpecifierSet::default()) };
    requires.value.parse().map_err(|error: crate::package::version::InvalidSpecifier| Error::Requirement {
        file: None,
        line: requires.line,
        reason: error.to_string(),
    })
}

fn candidates(python: &Python, host: &Host) -> Vec<PathBuf> {
    if let Some(path) = &python.path {
        if path.components().count() > 1 {
            return vec![path.clone()];
        }
        return on_path(path.as_os_str(), host).collect();
    }
    let shipped = host.exe_dir().join("python");
    let beside = ["bin/python3", "bin/python"]
        .map(|name| shipped.join(name))
        .into_iter()
        .filter(|p| fs::is_executable(p));
    let versions = (OLDEST..=NEWEST).rev().map(|minor| format!("python3.{minor}"));
    let names = ["python3".to_owned(), "python".to_owned()].into_iter().chain(versions);
    beside.chain(names.flat_map(|name| on_path(OsStr::new(&name), host).collect::<Vec<_>>())).collect()
}

fn on_path<'h>(name: &'h OsStr, host: &'h Host) -> impl Iterator<Item = PathBuf> + 'h {
    let path = host.env.get("PATH").unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    let directories: Vec<PathBuf> =
        std::env::split_paths(path).filter(|directory| directory.is_absolute()).collect();
    directories.into_iter().map(move |directory| directory.join(name)).filter(|path| fs::is_executable(path))
}

/// Starts an interpreter once to hear what it is.
fn probe(path: &Path, requires: &SpecifierSet) -> Result<(InterpreterFacts, FileStamp), String> {
    let mut command = Command::new(path);
    command.args(["-I", "-S", "-c", PROBE]).current_dir("/");
    let finished = process::run(&mut command, Deadline::after(PATIENCE), 1 << 20).map_err(|error| {
        let text = error.to_string();
        text.split(" (os error").next().unwrap_or_default().to_owned()
    })?;
    if !finished.success() {
        let words = finished.last_words();
        return Err(match finished.status {
            None => format!("did not answer within {} s", PATIENCE.as_secs()),
            Some(status) if words.is_empty() => format!("does not run Python code ({status})"),
            Some(_) => format!("does not run Python code ({words})"),
        });
    }
    let facts = InterpreterFacts::parse(&finished.stdout).map_err(|error| error.to_string())?;
    let version =
        Version::new([facts.version.major, facts.version.minor, facts.version.micro].map(u64::from));
    if !requires.contains(&version) {
        return Err(format!("is Python {version}"));
    }
    let stamp =
        FileStamp::at(&facts.executable).ok_or_else(|| "does not say where its executable is".to_owned())?;
    Ok((facts, stamp))
}
