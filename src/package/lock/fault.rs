//! Why a lock cannot be used.

use std::fmt;

use crate::package::name::ProjectName;
use crate::package::shown;

/// How many tags are told.
const MOST_TAGS: usize = 4;

/// What is wrong with a lock, in itself or for one interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockFault {
    /// It is no TOML.
    Syntax {
        /// Where.
        line: usize,
        /// Why.
        reason: String,
    },
    /// Its version is not ours.
    Version(String),
    /// A key that is not there, or has a value that it cannot have.
    Key {
        /// The key.
        key: &'static str,
        /// The line of the table it stands in, or should.
        line: usize,
    },
    /// A file without a hash that can be relied on.
    NoHash {
        /// The file.
        file: String,
    },
    /// A package that is installed from nothing, or from several things at once.
    Sources {
        /// The package.
        package: ProjectName,
    },
    /// It, or one of its packages, is for other versions of Python.
    Python {
        /// The package; `None`: the lock.
        package: Option<ProjectName>,
        /// The versions it is for.
        requires: String,
    },
    /// It is for other machines.
    Environment {
        /// This one.
        here: String,
    },
    /// Two entries for one package hold here.
    Ambiguous {
        /// The package.
        package: ProjectName,
    },
    /// None of a package's files is for this interpreter.
    NoFile {
        /// The package.
        package: ProjectName,
        /// What its wheels are for.
        tags: Vec<String>,
    },
    /// A package that is no file.
    Tree {
        /// The package.
        package: ProjectName,
        /// The key that says so.
        kind: &'static str,
    },
    /// A requirement asks for something else.
    Unmet {
        /// The requirement.
        requirement: String,
        /// What the lock has.
        version: String,
    },
}

impl LockFault {
    /// What the reader can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Version(_) | Self::Key { .. } | Self::Sources { .. } => {
                "write it anew: everfresh lock, uv export or pip lock"
            }
            Self::NoHash { .. } => "lock it with a tool that writes hashes, such as everfresh lock",
            Self::Python { .. } | Self::Environment { .. } | Self::NoFile { .. } | Self::Ambiguous { .. } => {
                "ask whoever publishes it to lock for this Python and this platform too"
            }
            Self::Tree { .. } => "lock a wheel of it instead; uv export has --no-emit-project",
            Self::Unmet { .. } => {
                "change the requirements in launcher.toml, or publish a lock that meets them"
            }
        }
    }
}

impl fmt::Display for LockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, reason } => write!(f, "line {line}: not valid TOML: {reason}"),
            Self::Version(version) => write!(f, "lock-version '{}' is not supported", shown(version)),
            Self::Key { key, line } => write!(f, "line {line}: {key} is missing or cannot be meant"),
            Self::NoHash { file } => write!(f, "{} has no SHA-256 in it", shown(file)),
            Self::Sources { package } => {
                write!(f, "{package} has no source, or several that exclude each other")
            }
            Self::Python { package: None, requires } => write!(f, "it is for Python {}", shown(requires)),
            Self::Python { package: Some(package), requires } => {
                write!(f, "{package} needs Python {}", shown(requires))
            }
            Self::Environment { here } => write!(f, "it is not for {}", shown(here)),
            Self::Ambiguous { package } => write!(f, "two entries for {package} hold here"),
            Self::NoFile { package, tags } if tags.is_empty() => {
                write!(f, "{package} has no file in it that can be used")
            }
            Self::NoFile { package, tags } => {
                let more = if tags.len() > MOST_TAGS { ", …" } else { "" };
                let told: Vec<_> = tags.iter().take(MOST_TAGS).map(|tag| shown(tag)).collect();
                write!(
                    f,
                    "{package} has no file for this platform and interpreter, only {}{more}",
                    told.join(", ")
                )
            }
            Self::Tree { package, kind } => write!(f, "{package} is a {kind} there, which has no hash"),
            Self::Unmet { requirement, version } => {
                write!(f, "it has {version}, but {requirement} is required")
            }
        }
    }
}

impl std::error::Error for LockFault {}
