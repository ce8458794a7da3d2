//! Why an archive is not unpacked.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::error::Error;
use crate::package::shown;

/// The one reason for which an archive is refused. A refused archive leaves nothing behind.
#[derive(Debug)]
pub enum Refusal {
    /// A file operation of ours failed: the disk is at fault, not the archive.
    Io(Box<Error>),
    /// The archive's bytes could not be read.
    Read(io::Error),
    /// The place to unpack to is already in use.
    Destination(PathBuf),
    /// The container as a whole is not what its format says.
    Container(&'static str),
    /// One member is not what its format, or safety, asks for.
    Member {
        /// The member's name as written, made printable.
        name: String,
        /// What is wrong with it.
        flaw: &'static str,
    },
    /// A bound that no honest archive reaches.
    Limit {
        /// Of what there is too much.
        what: &'static str,
        /// How much is allowed.
        most: u64,
    },
    /// A file that the package format asks for is not there.
    Missing(&'static str),
    /// A file that the package format asks for cannot be read as such.
    Malformed {
        /// The file.
        file: &'static str,
        /// What is wrong with it.
        flaw: &'static str,
    },
    /// A name or version that is not that of the archive's file name.
    OtherIdentity {
        /// Where it stands.
        place: &'static str,
        /// What stands there.
        found: String,
        /// What the file name says.
        expected: String,
    },
    /// A file and its line in `RECORD` do not agree.
    Record {
        /// The file.
        path: String,
        /// In what they differ.
        flaw: &'static str,
    },
    /// The sdist has something that has to be built before it can be imported.
    NeedsBuild(String),
    /// The file name promises a format that we do not read.
    Unsupported(String),
}

impl Refusal {
    /// A refusal of the member of that name.
    pub(crate) fn member(name: &str, flaw: &'static str) -> Self {
        Self::Member { name: shown(name), flaw }
    }

    /// A refusal of a line of `RECORD`.
    pub(crate) fn record(path: &str, flaw: &'static str) -> Self {
        Self::Record { path: shown(path), flaw }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Read(error) => write!(f, "cannot read the archive: {error}"),
            Self::Destination(path) => write!(f, "{} is not an empty directory", path.display()),
            Self::Container(flaw) => f.write_str(flaw),
            Self::Member { name, flaw } => write!(f, "member '{name}': {flaw}"),
            Self::Limit { what, most } => write!(f, "more than {most} {what}"),
            Self::Missing(file) => write!(f, "there is no {file}"),
            Self::Malformed { file, flaw } => write!(f, "{file}: {flaw}"),
            Self::OtherIdentity { place, found, expected } => {
                write!(f, "{place} says {}, the file name says {expected}", shown(found))
            }
            Self::Record { path, flaw } => write!(f, "RECORD: '{path}': {flaw}"),
            Self::NeedsBuild(what) => write!(f, "it has to be built: {what}"),
            Self::Unsupported(what) => write!(f, "cannot unpack {what}"),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Io(Box::new(error))
    }
}
