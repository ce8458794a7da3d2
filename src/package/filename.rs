//! What the file name of a distribution says: PEP 427 wheels, PEP 625 sdists and their elders, setuptools' eggs.

use pep440_rs::Version;

use crate::package::name::ProjectName;

/// One compatibility tag (PEP 425), such as `cp311-abi3-manylinux_2_17_x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// Implementation and version: `py3`, `cp311`.
    pub python: String,
    /// Binary interface: `none`, `abi3`, `cp311`.
    pub abi: String,
    /// Operating system and processor: `any`, `musllinux_1_2_x86_64`.
    pub platform: String,
}

/// A wheel's build number (PEP 427): digits first, compared as a number, then the rest.
pub type BuildTag = (u64, String);

/// The kinds of files that we can use, with what only that kind's name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// `name-version(-build)?-python-abi-platform.whl`
    Wheel {
        /// Breaks ties between files of one version; the higher wins.
        build: Option<BuildTag>,
        /// All combinations of the compressed tag sets.
        tags: Vec<Tag>,
    },
    /// `name-version-pyX.Y(-platform)?.egg`
    Egg {
        /// The `X.Y` it was made for.
        python: Option<String>,
        /// A platform where it has compiled parts.
        platform: Option<String>,
    },
    /// `name-version.tar.gz`, or `.zip`, `.tgz`, `.tar`.
    Sdist,
}

/// A distribution's file name, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionName {
    /// The normalized project name.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// What kind of file.
    pub format: Format,
}
