//! What can go wrong when something is built, as data.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;

/// Why nothing came of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildFault {
    /// The interpreter has no pip.
    NoPip(PathBuf),
    /// The program that speaks the version control system is not there.
    NoProgram(&'static str),
    /// The repository does not answer.
    Unanswered(String),
    /// The repository has no such branch, tag or revision.
    NoReference(String),
    /// What the build needs cannot be had.
    Requirements(String),
    /// `pyproject.toml` cannot be read.
    Project(&'static str),
    /// The build ended with an error; its own words.
    Failed(String),
    /// It took longer than it may.
    TooSlow(Duration),
    /// It left no wheel, or several.
    Wheels(usize),
    /// It left another wheel than it should.
    OtherWheel(String),
    /// Its sources, or the wheel that it left, cannot be used.
    Unusable(String),
    /// Too many builds failed before.
    GivenUp,
}

impl BuildFault {
    /// A failure of ours on the way.
    pub(super) fn unusable(error: &dyn fmt::Display) -> Self {
        Self::Unusable(error.to_string())
    }

    /// As an error: nothing came of building `what`.
    pub(super) fn of(self, what: &str) -> Error {
        Error::Build { what: what.to_owned(), fault: self }
    }

    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoPip(_) => "install pip for that Python, or publish a wheel",
            Self::NoProgram(_) => "install it, or publish a wheel",
            Self::Unanswered(_) => "check the network and the address of the repository",
            Self::NoReference(_) => "check what stands behind the @ of the link",
            Self::Requirements(_) => "put wheels of what its build needs where the sources find them",
            Self::TooSlow(_) | Self::GivenUp | Self::Failed(_) => {
                "publish a wheel; the log has more: self log"
            }
            Self::Project(_) | Self::Wheels(_) | Self::OtherWheel(_) | Self::Unusable(_) => {
                "ask whoever publishes it"
            }
        }
    }
}

impl fmt::Display for BuildFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPip(python) => write!(f, "{} has no pip", python.display()),
            Self::NoProgram(program) => write!(f, "there is no {program} on PATH"),
            Self::Unanswered(words) => write!(f, "the repository does not answer: {words}"),
            Self::NoReference(reference) => write!(f, "the repository has no {reference}"),
            Self::Requirements(words) => write!(f, "what its build needs cannot be had: {words}"),
            Self::Project(flaw) => write!(f, "pyproject.toml {flaw}"),
            Self::Failed(words) if words.is_empty() => f.write_str("the build failed"),
            Self::Failed(words) => write!(f, "the build failed: {words}"),
            Self::TooSlow(limit) => write!(f, "not done after {}", crate::time::show_duration(*limit)),
            Self::Wheels(count) => write!(f, "the build left {count} wheels"),
            Self::OtherWheel(found) => write!(f, "the build left another wheel: {found}"),
            Self::Unusable(reason) => f.write_str(reason),
            Self::GivenUp => f.write_str("too many builds failed"),
        }
    }
}

impl std::error::Error for BuildFault {}
