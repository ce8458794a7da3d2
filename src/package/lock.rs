//! `pylock.toml` (PEP 751; "pylock.toml Specification" of the Python Packaging User Guide): what it says, and which of it
//! is for one interpreter.

mod fault;
mod read;

use pep440_rs::Version;

use crate::package::filename::{DistributionName, Format};
use crate::package::marker::{Marker, MarkerEnvironment};
use crate::package::name::{ExtraName, ProjectName};
use crate::package::tags::Tags;
use crate::package::version::SpecifierSet;
use crate::time::Timestamp;
use crate::trust::hashes::Hashes;

pub use fault::LockFault;

/// The largest lock that is read, in bytes.
pub const LARGEST: u64 = 16 << 20;

/// A lock, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// `requires-python`
    pub requires_python: Option<SpecifierSet>,
    /// `environments`: without any it is for all.
    pub environments: Vec<Marker>,
    /// `extras`: those that its markers ask for.
    pub extras: Vec<ExtraName>,
    /// `dependency-groups`: those that its markers ask for.
    pub dependency_groups: Vec<ExtraName>,
    /// `default-groups`: those that are installed where nobody says otherwise.
    pub default_groups: Vec<ExtraName>,
    /// `packages`, in the order of the file.
    pub packages: Vec<Package>,
}

/// One of `packages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `name`
    pub name: ProjectName,
    /// `version`
    pub version: Option<Version>,
    /// `marker`: where it is installed; everywhere without.
    pub marker: Option<Marker>,
    /// `requires-python`
    pub requires_python: Option<SpecifierSet>,
    /// `index`: where its files were found.
    pub index: Option<String>,
    /// What it is installed from.
    pub source: Source,
}

/// What a package is installed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `wheels` and `sdist`.
    Files {
        /// `wheels`
        wheels: Vec<LockedFile>,
        /// `sdist`
        sdist: Option<LockedFile>,
    },
    /// `archive`: one file that was asked for by its address.
    Archive(LockedFile),
    /// `vcs` or `directory`: what has no hash.
    Tree(&'static str),
}

/// A file of a package. One without a hash that can be relied on is not read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedFile {
    /// `name`, else the last part of its place.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// `hashes`: SHA-256 or longer, perhaps MD5 besides.
    pub hashes: Hashes,
    /// `size`, in bytes.
    pub size: Option<u64>,
    /// `upload-time`
    pub uploaded: Option<Timestamp>,
}

/// Where a file is: `url`, else `path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Its address. A relative one, which the specification does not know, starts from that of the lock.
    Url(String),
    /// Its path, with `/` between its parts. A relative one starts from the folder of the lock.
    Path(String),
}

/// Who installs.
#[derive(Debug, Clone, Copy)]
pub struct Installer<'a> {
    /// The values of the markers' variables.
    pub environment: &'a MarkerEnvironment,
    /// The interpreter's version.
    pub python: &'a Version,
    /// What the interpreter accepts.
    pub tags: &'a Tags,
    /// The extras that are wanted of the lock.
    pub extras: &'a [ExtraName],
}

impl Package {
    /// All its files, wheels first.
    pub fn files(&self) -> impl Iterator<Item = &LockedFile> {
        let (wheels, other) = match &self.source {
            Source::Files { wheels, sdist } => (wheels.as_slice(), sdist.as_ref()),
            Source::Archive(file) => (&[][..], Some(file)),
            Source::Tree(_) => (&[][..], None),
        };
        wheels.iter().chain(other)
    }

    /// Whether one of its files can be used; if not, why.
    fn check_files(&self, tags: &Tags) -> Result<(), LockFault> {
        if let Source::Tree(kind) = self.source {
            return Err(LockFault::Tree { package: self.name.clone(), kind });
        }
        let mut offered = Vec::new();
        for file in self.files() {
            match DistributionName::parse_for(&file.name, &self.name).map(|name| name.format) {
                Ok(Format::Wheel { tags: of_wheel, .. }) if tags.rank(&of_wheel).is_none() => {
                    let shown =
                        of_wheel.iter().map(|tag| format!("{}-{}-{}", tag.python, tag.abi, tag.platform));
                    offered.extend(shown);
                }
                Ok(Format::Wheel { .. } | Format::Sdist) => return Ok(()),
                _ => {}
            }
        }
        offered.sort();
        offered.dedup();
        Err(LockFault::NoFile { package: self.name.clone(), tags: offered })
    }
}

impl LockedFile {
    /// What its name says; `None` where that is no distribution's, or another project's.
    pub fn distribution(&self, project: &ProjectName) -> Option<DistributionName> {
        DistributionName::parse_for(&self.name, project).ok()
    }
}

impl Lock {
    /// The packages to install, as the specification's "Installation" says, by their places in `packages`.
    ///
    /// # Errors
    /// When the lock is not for that interpreter, or contradicts itself there.
    pub fn applying(&self, installer: &Installer<'_>) -> Result<Vec<usize>, LockFault> {
        let Installer { environment, python, tags, extras } = *installer;
        let python = python.only_release();
        let is_foreign = |requires: &Option<SpecifierSet>| {
            requires.as_ref().filter(|requires| !requires.contains(&python)).map(ToString::to_string)
        };
        if let Some(requires) = is_foreign(&self.requires_python) {
            return Err(LockFault::Python { package: None, requires });
        }
        let holds = |marker: &Marker| marker.evaluate_in_lock(environment, extras, &self.default_groups);
        if !self.environments.is_empty() && !self.environments.iter().any(holds) {
            let MarkerEnvironment { python_version, sys_platform, platform_machine, .. } = environment;
            let here = format!("Python {python_version} on {sys_platform} {platform_machine}");
            return Err(LockFault::Environment { here });
        }
        let mut applying: Vec<usize> = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for (at, package) in self.packages.iter().enumerate() {
            if !package.marker.as_ref().is_none_or(holds) {
                continue;
            }
            if let Some(requires) = is_foreign(&package.requires_python) {
                return Err(LockFault::Python { package: Some(package.name.clone()), requires });
            }
            if !names.insert(package.name.clone()) {
                return Err(LockFault::Ambiguous { package: package.name.clone() });
            }
            package.check_files(tags)?;
            applying.push(at);
        }
        Ok(applying)
    }
}

#[cfg(test)]
mod tests;
