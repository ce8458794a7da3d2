//! What the tool could not do, what to do about it, and the exit status.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::arguments::Usage;
use super::bundle::BundleFault;
use super::pipper::Fault as PipperFault;
use crate::error::Error;
use crate::net::{Fault, NetError, TlsFault};
use crate::package::archive::refusal::Refusal;
use crate::package::filename::InvalidFilename;

/// A failure of the tool.
#[derive(Debug)]
pub enum Failure {
    /// The command line is none.
    Usage(Usage),
    /// What the launcher could not have done either.
    Error(Box<Error>),
    /// There is a file already where one should be written.
    Exists(PathBuf),
    /// A file is not named as a distribution is.
    NoDistribution(InvalidFilename),
    /// The system does not tell where this program lies.
    NoHost(io::Error),
    /// A lock would change.
    Outdated(PathBuf),
    /// A project's own description cannot be meant.
    Project {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, with the line where that is known.
        reason: String,
    },
    /// A bundle cannot be made.
    Bundle(BundleFault),
    /// A build failed.
    Build {
        /// The project.
        directory: PathBuf,
        /// All that it said.
        output: String,
    },
    /// Others wrote all the while.
    Contended {
        /// What was to be written.
        at: String,
    },
    /// Other bytes are published under that name.
    Different {
        /// Where.
        at: String,
    },
    /// A channel still points at it.
    InUse {
        /// What was to go.
        what: String,
        /// The channel.
        channel: String,
    },
    /// A lock cannot be used.
    Lock {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// There is no such channel.
    NoChannel {
        /// Its name.
        channel: String,
        /// Where it would be.
        at: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// The interpreter has no pip.
    NoPip(PathBuf),
    /// There is nothing to build.
    NoProject(PathBuf),
    /// There is no release to go back to.
    NoRelease {
        /// The channel.
        channel: String,
        /// The one that was asked for.
        number: Option<u64>,
        /// Those that there are.
        there: Vec<u64>,
    },
    /// Nothing of that is published.
    NotPublished {
        /// What.
        what: String,
        /// Where.
        at: String,
    },
    /// Packages in pipper's layout, and who may have them.
    Pipper(Box<PipperFault>),
    /// A page of an index that somebody else wrote.
    NotOurs {
        /// Where.
        at: String,
    },
    /// Standard input or output is in trouble.
    Stream(io::Error),
}

impl Failure {
    /// The exit status: 2 where the command line is to blame, else 1.
    pub fn status(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }

    /// Whether it is only that nobody reads on: no failure at all.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stream(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What the reader can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(usage) => Some(usage.hint()),
            Self::Error(error) => hint(error),

            Self::Exists(_) => Some("give --force to write it anew".to_owned()),
            Self::NoDistribution(_) => {
                Some("a wheel, an egg or an sdist keeps the name that it was built with".to_owned())
            }
            Self::Project { .. } => Some("mend it, or write launcher.toml by hand".to_owned()),
            Self::NoHost(_) => Some("mount /proc".to_owned()),
            Self::Bundle(fault) => Some(fault.hint()),
            Self::Build { .. } => Some("what the build backend said stands above".to_owned()),
            Self::Contended { .. } => Some("others publish there: try again".to_owned()),
            Self::Different { .. } => {
                Some("raise the version, or give --force: whoever has the old file keeps it".to_owned())
            }
            Self::InUse { .. } => Some("point the channel elsewhere first: everfresh rollback".to_owned()),
            Self::Outdated(_) | Self::Lock { .. } => Some("everfresh lock writes it anew".to_owned()),
            Self::NoChannel { there, .. } if there.is_empty() => {
                Some("everfresh publish makes one".to_owned())
            }
            Self::NoChannel { there, .. } => Some(format!("there are {}", there.join(", "))),
            Self::NoPip(_) => Some("install pip for it, or name another Python with --python".to_owned()),
            Self::NoProject(_) => {
                Some("go to the project's directory, or name files with --wheel".to_owned())
            }
            Self::NoRelease { there, .. } if there.len() < 2 => Some("there is no other release".to_owned()),
            Self::NoRelease { there, .. } => {
                let numbers: Vec<String> = there.iter().map(ToString::to_string).collect();
                Some(format!("there are {}", numbers.join(", ")))
            }
            Self::NotPublished { .. } => Some("its versions stand in the index: simple/".to_owned()),
            Self::NotOurs { .. } => Some("publish to a folder of its own, or take that page away".to_owned()),
            Self::Pipper(fault) => fault.hint(),
            Self::Stream(_) => None,
        }
    }
}

/// The launcher's own hints speak of `launcher.toml`, where the tool has options.
fn hint(error: &Error) -> Option<String> {
    let own = match error {
        Error::Unsolved(_) => "loosen the requirements, or name further sources with --index or --source",
        Error::Unanswered { .. } | Error::Net(NetError { fault: Fault::Redirect(_), .. }) => {
            "check the addresses given with --index and --source"
        }
        Error::InterpreterArchive { .. } => {
            "a runtime is a directory, or a .tar.gz with python/bin/python3 in it"
        }
        Error::S3(error) if error.hint().contains("launcher.toml") => {
            "check the network, the address, and --endpoint and --region where they are given"
        }
        Error::NoInterpreter { .. } => "name an interpreter with --python PATH",
        Error::Archive { refusal: Refusal::NeedsBuild(_), .. } => "build a wheel of it",
        Error::Archive { refusal: Refusal::Destination(_), .. } => "name a directory that is not there yet",
        Error::Archive { refusal: Refusal::Io(error), .. } => return hint(error),
        Error::Net(NetError {
            fault: Fault::Tls(TlsFault::UnknownIssuer | TlsFault::AuthorityItself),
            ..
        }) => "name the root certificate of your network with SSL_CERT_FILE",
        error => return error.hint(),
    };
    Some(own.to_owned())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(usage) => usage.fmt(f),
            Self::Error(error) => match error.as_ref() {
                Error::Archive { refusal: Refusal::Io(error), .. } => error.fmt(f),
                error => error.fmt(f),
            },
            Self::Outdated(path) => write!(f, "{} is not up to date", path.display()),
            Self::Exists(path) => write!(f, "{} is there already", path.display()),
            Self::NoDistribution(reason) => reason.fmt(f),
            Self::Project { file, reason } => write!(f, "{}: {reason}", file.display()),
            Self::Bundle(fault) => fault.fmt(f),
            Self::Build { directory, output } => {
                write!(f, "{output}\n\nthe build of {} failed", directory.display())
            }
            Self::Contended { at } => write!(f, "{at} is being written all the time"),
            Self::Different { at } => write!(f, "{at} is there already, with other contents"),
            Self::InUse { what, channel } => write!(f, "{what} is what the channel {channel} points at"),
            Self::Lock { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::NoChannel { channel, at, .. } => write!(f, "there is no channel {channel}: no {at}"),
            Self::NoPip(python) => write!(f, "{} has no pip", python.display()),
            Self::NoProject(path) => {
                write!(f, "there is no project in {}: neither pyproject.toml nor setup.py", path.display())
            }
            Self::NoRelease { channel, number: None, .. } => {
                write!(f, "the channel {channel} has no release before the one that it points at")
            }
            Self::NoRelease { channel, number: Some(number), .. } => {
                write!(f, "the channel {channel} has no release {number}")
            }
            Self::NotPublished { what, at } => write!(f, "there is no {what} in {at}"),
            Self::Pipper(fault) => fault.fmt(f),
            Self::NotOurs { at } => write!(f, "{at} is not a page that everfresh wrote"),
            Self::NoHost(error) => write!(f, "cannot tell where this program lies: {}", words(error)),
            Self::Stream(error) => write!(f, "standard input or output: {}", words(error)),
        }
    }
}

/// The system's words without "(os error 2)", which says the same twice.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl std::error::Error for Failure {}

impl From<Usage> for Failure {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl From<BundleFault> for Failure {
    fn from(fault: BundleFault) -> Self {
        Self::Bundle(fault)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<PipperFault> for Failure {
    fn from(fault: PipperFault) -> Self {
        Self::Pipper(Box::new(fault))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}
