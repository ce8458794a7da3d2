//! What `PubGrub` chooses versions of.

use std::fmt;

use pep440_rs::Version;

use crate::package::name::{ExtraName, ProjectName};

/// A project, an extra of one, or what asks for them all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Package {
    /// The app, whose dependencies are the direct requirements.
    Root,
    /// A project.
    Project(ProjectName),
    /// An extra of a project: it needs the project in its own version, and what the extra adds.
    Extra(ProjectName, ExtraName),
}

impl Package {
    /// The project that has the files.
    pub(super) fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Root => None,
            Self::Project(name) | Self::Extra(name, _) => Some(name),
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("you"),
            Self::Project(name) => name.fmt(f),
            Self::Extra(name, extra) => write!(f, "{name}[{extra}]"),
        }
    }
}

/// The only version of [`Package::Root`].
pub(super) fn root_version() -> Version {
    Version::new([0])
}
