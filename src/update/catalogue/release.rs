//! What releases say: their packages are wanted in these versions and no others.

use std::collections::BTreeSet;

use super::Catalogue;
use crate::error::Error;
use crate::package::lock::{Installer, Lock, LockFault, Package};
use crate::package::metadata::Metadata;
use crate::package::name::ExtraName;
use crate::package::requirement::Requirement;
use crate::source::file::File;
use crate::source::release::Release;
use crate::source::{Address, PageFault, SourceError};
use crate::update::resolve::Request;

impl Catalogue<'_> {
    /// The request, and with it all packages of all releases that are for this interpreter, in the versions that they
    /// have there. Of a project that several releases have, the first one counts.
    ///
    /// # Errors
    /// When a release cannot be had, is not for this interpreter, or has another version than is required.
    pub fn with_releases(&self, request: &Request) -> Result<Request, Error> {
        let mut wanted = request.clone();
        let mut taken = BTreeSet::new();
        for place in &self.places.0 {
            let Address::Release(release) = &place.address else { continue };
            let allowed =
                |package: &Package| place.projects.as_ref().is_none_or(|own| own.contains(&package.name));
            let lock = self.open(release)?;
            let extras = extras_of(lock, request);
            let installer = Installer {
                environment: &request.environment,
                python: &request.python_version,
                tags: &request.tags,
                extras: &extras,
            };
            let failed = |fault| Error::Lock { at: release.to_string(), fault };
            let chosen = release.choose(lock, &installer).map_err(failed)?;
            for package in chosen.into_iter().filter(|package| allowed(package)) {
                if taken.insert(package.name.clone()) {
                    wanted.requirements.extend(pin(package, request).map_err(failed)?);
                }
            }
        }
        Ok(wanted)
    }

    /// The lock of a release; without the network the one that was last seen.
    fn open<'r>(&self, release: &'r Release) -> Result<&'r Lock, Error> {
        let error = match release.lock(self.depot.net, self.depot.pages, self.depot.deadline) {
            Ok(lock) => return Ok(lock),
            Err(SourceError::Net(error)) => error,
            Err(SourceError::S3(error)) => return Err(Error::S3(error)),
            Err(SourceError::Directory(error)) => return Err(error),
            Err(SourceError::Page { url, fault: PageFault::Lock(fault) }) => {
                return Err(Error::Lock { at: url, fault });
            }
            Err(error @ SourceError::Page { .. }) => {
                return Err(Error::Unanswered { reason: error.to_string() });
            }
        };
        let remembered = if error.is_offline() { release.remembered(self.depot.pages) } else { None };
        let Some(lock) = remembered else { return Err(Error::Net(error)) };
        self.network_trouble(error);
        Ok(lock)
    }

    /// What a release says of one of its own files.
    pub(super) fn locked_metadata(&self, file: &File) -> Option<Metadata> {
        self.places.0.iter().find_map(|place| match &place.address {
            Address::Release(release) => release.metadata(file),
            _ => None,
        })
    }
}

/// The extras that are wanted of the lock: those it has, of those that are required of its packages.
fn extras_of(lock: &Lock, request: &Request) -> Vec<ExtraName> {
    let of_locked = request.direct().filter(|wanted| lock.packages.iter().any(|p| p.name == wanted.name));
    let wanted = of_locked.flat_map(|wanted| &wanted.extras);
    wanted.filter(|extra| lock.extras.contains(extra)).cloned().collect()
}

/// The requirement that a package amounts to; none where a requirement has an address for it.
fn pin(package: &Package, request: &Request) -> Result<Option<Requirement>, LockFault> {
    let required = || request.direct().filter(|requirement| requirement.name == package.name);
    if required().any(|requirement| requirement.url().is_some()) {
        return Ok(None);
    }
    let name = &package.name;
    let Some(version) = &package.version else { return Ok(name.as_str().parse().ok()) };
    let unmet =
        required().find(|requirement| requirement.specifiers().is_some_and(|set| !set.contains(version)));
    match unmet {
        Some(requirement) => {
            Err(LockFault::Unmet { requirement: requirement.shown(), version: format!("{name} {version}") })
        }
        None => Ok(format!("{name}=={version}").parse().ok()),
    }
}
