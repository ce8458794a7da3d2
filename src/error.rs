//! Everything that can go wrong, as data; worded here and nowhere else; each with a hint and an exit status.
//!
//! Modules that judge one kind of thing (an archive, a requirement, a network exchange) have a small enum of their
//! own for the reason; it is wrapped here and gets its hint here.

mod hint;

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::aws;
use crate::config::ConfigError;
use crate::net::{Fault, NetError};
use crate::package::archive::refusal::Refusal;
use crate::package::lock::LockFault;
use crate::python::find::Unsuitable;
use crate::source::s3::S3Error;
use crate::trust::hashes::Mismatch;
use crate::update::build::fault::BuildFault;
use crate::update::catalogue::SecretFault;
use crate::update::resolve::Unsolved;

/// A failure, with the names a reader needs to do something about it.
#[derive(Debug)]
pub enum Error {
    /// An archive was refused.
    Archive {
        /// The file.
        filename: String,
        /// Why.
        refusal: Refusal,
    },
    /// What came with the launcher for a first run cannot be used, and the sources are no help.
    Baked {
        /// Why not.
        error: Box<Self>,
        /// What the sources said.
        then: Box<Self>,
    },
    /// An app in one file is not what was written.
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nothing came of a build.
    Build {
        /// What was to be built.
        what: String,
        /// Why not.
        fault: BuildFault,
    },
    /// The configuration cannot be meant.
    Config {
        /// The file.
        file: PathBuf,
        /// The line and the reason.
        error: ConfigError,
    },
    /// The configuration is not text.
    ConfigNotUtf8 {
        /// The file.
        file: PathBuf,
        /// The line of the first byte that is none.
        line: usize,
    },
    /// A file's digest is not the promised one.
    Hash {
        /// The file.
        filename: String,
        /// What differs.
        mismatch: Mismatch,
    },
    /// The interpreter could not be executed.
    Interpreter {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file operation failed.
    Io {
        /// What was tried, as a verb that fits behind "cannot".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A published lock cannot be used.
    Lock {
        /// Where it is, without anything secret.
        at: String,
        /// What is wrong with it.
        fault: LockFault,
    },
    /// The network.
    Net(NetError),
    /// There is no configuration beside the launcher.
    NoConfig {
        /// Where it should be.
        path: PathBuf,
    },
    /// No distribution has the configured console script.
    NoConsoleScript {
        /// The name.
        name: String,
        /// Those that there are.
        available: Vec<String>,
    },
    /// No such generation to go back to.
    NoGeneration {
        /// The number, where one was given.
        number: Option<u64>,
        /// Those that there are.
        available: Vec<u64>,
    },
    /// No interpreter will do.
    NoInterpreter {
        /// What is asked of its version.
        requires: Option<String>,
        /// The one that was asked for.
        configured: Option<PathBuf>,
        /// Those that were looked at.
        unsuitable: Vec<Unsuitable>,
    },
    /// The archive of an interpreter has none in it.
    NoInterpreterInside {
        /// Where it came from.
        url: String,
    },
    /// The archive of an interpreter cannot be unpacked.
    InterpreterArchive {
        /// The file.
        filename: String,
        /// Why not.
        reason: String,
    },
    /// A pinned file is not in the store, or does not fit the interpreter.
    NotInStore {
        /// The file.
        filename: String,
    },
    /// A file of the active generation is for another Python than the one that is here now.
    Misfit {
        /// The file.
        filename: String,
        /// The version of the Python that is here.
        python: String,
        /// Why nothing else could be had either, where that was tried.
        then: Option<Box<Self>>,
    },
    /// What cannot be imported is as it should be, as far as the store knows.
    NothingToRepair {
        /// The app.
        app: String,
    },
    /// Nothing is installed that could be started.
    NothingInstalled {
        /// The app.
        app: String,
    },
    /// A requirement cannot be read.
    Requirement {
        /// The configuration it stands in, where it does.
        file: Option<PathBuf>,
        /// Its line there.
        line: usize,
        /// What is wrong with it, in words that quote it.
        reason: String,
    },
    /// A bucket does not answer as it should.
    S3(S3Error),
    /// Others can write to the only cache there is.
    SharedCache {
        /// The directory.
        path: PathBuf,
    },
    /// A file became another one between its listing and its download.
    Replaced {
        /// The file.
        filename: String,
    },
    /// A file is not as long as its source says.
    Size {
        /// The file.
        filename: String,
        /// The promised length, in bytes.
        promised: u64,
        /// Its length.
        found: u64,
    },
    /// A `[[source]]` cannot be meant.
    Source {
        /// The configuration.
        file: PathBuf,
        /// The line.
        line: usize,
        /// Why not.
        reason: String,
    },
    /// One candidate after the other turned out bad.
    TooManyBadFiles {
        /// How many.
        count: usize,
    },
    /// The first installation is not through in time; it goes on.
    TooSlow {
        /// How long was waited.
        waited: std::time::Duration,
    },
    /// A source did not answer as it should.
    Unanswered {
        /// What it did.
        reason: String,
    },
    /// An environment variable that `launcher.toml` names has no secret.
    Secret {
        /// The configuration.
        file: PathBuf,
        /// The line that names it.
        line: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: SecretFault,
    },
    /// The requirements cannot be met.
    Unsolved(Unsolved),
    /// The updater, another process, failed; it worded this.
    Update {
        /// Its message.
        message: String,
        /// Its hint.
        hint: Option<String>,
        /// The exit status that it found fitting.
        status: u8,
    },
    /// A command line that is none.
    Usage {
        /// What is wrong with it.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// The new environment's test was killed, which says nothing about the environment.
    VerifyKilled {
        /// The app.
        app: String,
    },
    /// The new environment did not pass its test.
    VerifyFailed {
        /// The app.
        app: String,
        /// What the test said.
        reason: String,
    },
}

impl Error {
    /// Whether this is a file or directory that is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    }

    /// Whether a file from a source is to blame, so that another candidate may do.
    pub fn is_the_files_fault(&self) -> bool {
        match self {
            Self::Archive { refusal, .. } => !matches!(refusal, Refusal::Io(_) | Refusal::Read(_)),
            Self::Build { fault, .. } => !matches!(fault, BuildFault::Unanswered(_)),
            Self::Hash { .. } | Self::Size { .. } => true,
            Self::Net(error) if error.code.as_deref().is_some_and(aws::refusal::is_about_the_asker) => false,
            Self::Net(error) => {
                matches!(error.fault, Fault::Status(_) | Fault::TooLarge(_) | Fault::Truncated)
            }
            _ => false,
        }
    }

    /// The exit status of the launcher when this keeps the app from starting, as `env` and `timeout` have it.
    pub fn status(&self) -> u8 {
        match self {
            Self::Interpreter { .. } => 126,
            Self::NoInterpreter { .. } | Self::NoInterpreterInside { .. } => 127,
            Self::Misfit { then: Some(then), .. } | Self::Baked { then, .. } => then.status(),
            Self::Update { status, .. } => *status,
            _ => 125,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive { filename, refusal } => write!(f, "{filename} is refused: {refusal}"),
            Self::Baked { error, then } => {
                write!(f, "what came with it cannot be used: {error}; {then}")
            }
            Self::Bundle { path, reason } => write!(f, "{} is damaged: {reason}", path.display()),
            Self::Build { what, fault } => write!(f, "cannot build {what}: {fault}"),
            Self::Config { file, error } => write!(f, "{}:{}: {}", file.display(), error.line, error.problem),
            Self::ConfigNotUtf8 { file, line } => write!(f, "{}:{line}: not UTF-8", file.display()),
            Self::Hash { filename, mismatch } => {
                write!(f, "{filename} is not what its source promises: {mismatch}")
            }
            Self::Interpreter { path, source } => {
                write!(f, "cannot run {}: {}", path.display(), reason(source))
            }
            Self::Io { action, path, source } => {
                write!(f, "cannot {action} {}: {}", path.display(), reason(source))
            }
            Self::Lock { at, fault } => write!(f, "cannot use {at}: {fault}"),
            Self::Net(error) => error.fmt(f),
            Self::NoConfig { path } => write!(f, "there is no {}", path.display()),
            Self::NoConsoleScript { name, .. } => write!(f, "no installed distribution has {name}"),
            Self::NoGeneration { number: Some(number), .. } => write!(f, "there is no generation {number}"),
            Self::NoGeneration { number: None, .. } => {
                f.write_str("there is no earlier generation to go back to")
            }
            Self::NoInterpreter { requires, configured, unsuitable } => {
                match (configured, requires) {
                    (Some(path), Some(requires)) => write!(f, "no Python {requires} at {}", path.display())?,
                    (Some(path), None) => write!(f, "no Python at {}", path.display())?,
                    (None, Some(requires)) => write!(f, "no Python {requires} found")?,
                    (None, None) => f.write_str("no Python found")?,
                }
                let seen = unsuitable.iter().map(|seen| match configured {
                    Some(path) if *path == seen.path => seen.reason.clone(),
                    _ => format!("{} {}", seen.path.display(), seen.reason),
                });
                let seen: Vec<String> = seen.collect();
                if seen.is_empty() { Ok(()) } else { write!(f, ": {}", seen.join("; ")) }
            }
            Self::NoInterpreterInside { url } => write!(f, "there is no Python in {url}"),
            Self::InterpreterArchive { filename, reason } => {
                write!(f, "{filename} cannot be unpacked: {reason}")
            }
            Self::Misfit { filename, python, then } => {
                write!(f, "{filename} is not for Python {python}, which is here now")?;
                then.as_ref().map_or(Ok(()), |then| write!(f, "; {then}"))
            }
            Self::NotInStore { filename } => write!(f, "{filename} is not in the cache"),
            Self::NothingToRepair { app } => write!(f, "{app} cannot be repaired from the cache"),
            Self::NothingInstalled { app } => write!(f, "{app} is not installed yet"),
            Self::Requirement { file, line, reason } => match file {
                Some(file) => write!(f, "{}:{line}: {reason}", file.display()),
                None => f.write_str(reason),
            },
            Self::Replaced { filename } => write!(f, "{filename} was replaced after it had been listed"),
            Self::S3(error) => error.fmt(f),
            Self::SharedCache { path } => write!(f, "{} can be written by others", path.display()),
            Self::Size { filename, promised, found } => {
                write!(f, "{filename} has {found} bytes, its source promises {promised}")
            }
            Self::Source { file, line, reason } => write!(f, "{}:{line}: {reason}", file.display()),
            Self::Secret { file, line, name, fault } => {
                let fault = match fault {
                    SecretFault::Unset => "is not set",
                    SecretFault::NoToken => "holds no token",
                };
                let name = name.escape_debug();
                write!(f, "{}:{line}: the environment variable {name} {fault}", file.display())
            }
            Self::TooManyBadFiles { count } => write!(f, "{count} files in a row turned out bad"),
            Self::TooSlow { waited } => {
                write!(f, "the first installation is not done after {}", crate::time::show_duration(*waited))
            }
            Self::Unanswered { reason } => f.write_str(reason),
            Self::Unsolved(unsolved) => unsolved.fmt(f),
            Self::Update { message, .. } | Self::Usage { message, .. } => f.write_str(message),
            Self::VerifyKilled { app } => write!(f, "the test of the new {app} was killed"),
            Self::VerifyFailed { app, reason } => write!(f, "the new {app} does not pass its test: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Interpreter { source, .. } => Some(source),
            Self::Net(error) => Some(error),
            _ => None,
        }
    }
}

/// The system's words without "(os error 2)", which says the same twice.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
