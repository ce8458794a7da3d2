//! Everything that can go wrong, as data; worded here and nowhere else; each with a hint and an exit status.
//!
//! Modules that judge one kind of thing (an archive, a requirement, a network exchange) have a small enum of their
//! own for the reason; it is wrapped here and gets its hint here.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A failure, with the names a reader needs to do something about it.
#[derive(Debug)]
pub enum Error {
    /// A file operation failed.
    Io {
        /// What was tried, as a verb that fits behind "cannot".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The interpreter could not be executed.
    Interpreter {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// Whether this is a file or directory that is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    }

    /// What the reader can do about it: one sentence without a full stop, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some("free some space on that disk".into()),
                io::ErrorKind::PermissionDenied => Some("check who owns it and its permissions".into()),
                _ => None,
            },
            Self::Interpreter { .. } => Some("check that it is a Python that runs here".into()),
        }
    }

    /// The exit status of the launcher when this keeps the app from starting, as `env` and `timeout` have it.
    pub fn status(&self) -> u8 {
        match self {
            Self::Interpreter { .. } => 126,
            Self::Io { .. } => 125,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interpreter { path, source } => {
                write!(f, "cannot run {}: {}", path.display(), reason(source))
            }
            Self::Io { action, path, source } => {
                write!(f, "cannot {action} {}: {}", path.display(), reason(source))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Interpreter { source, .. } => Some(source),
        }
    }
}

/// The system's words without "(os error 2)", which says the same twice.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
