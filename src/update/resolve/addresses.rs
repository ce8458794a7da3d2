//! Files that are required by their address: each is the one candidate of its project, whatever the sources have.
//!
//! Only the app, and pipper packages, may require by address: whoever publishes a dependency must not choose the server
//! that an app's user fetches from. An address that a pipper package brings may come up after the sources were asked for
//! the project; the resolution then begins anew with what it has learned.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use pep440_rs::Version;

use super::Unsolved;
use crate::package::name::ProjectName;
use crate::package::requirement::Requirement;
use crate::source::file::{File, direct};

/// The addresses that are known, by project.
#[derive(Default)]
pub(super) struct Addresses {
    known: RefCell<BTreeMap<ProjectName, Known>>,
    /// Whether one came up that should have been known before.
    outdated: Cell<bool>,
}

#[derive(Clone)]
struct Known {
    file: File,
    /// The requirement, without anything secret.
    wording: String,
}

impl Addresses {
    /// Those of the app's own requirements, beside those that are known from before.
    pub(super) fn of(direct: &[&Requirement], before: Self) -> Result<Self, Unsolved> {
        let addresses = Self { known: before.known, outdated: Cell::new(false) };
        for requirement in direct.iter().filter(|requirement| requirement.url().is_some()) {
            let reason = match addresses.add(requirement) {
                Ok(_) => continue,
                Err(Refused::Unusable(reason)) => return Err(Unsolved::Address(reason)),
                Err(Refused::Another(other)) => other,
            };
            return Err(Unsolved::Conflict(format!(
                "Because you require {} and {reason}, which are two files, there is no solution",
                requirement.shown()
            )));
        }
        Ok(addresses)
    }

    /// The one candidate of a project, where it has been required by address.
    pub(super) fn file(&self, project: &ProjectName) -> Option<File> {
        self.known.borrow().get(project).map(|known| known.file.clone())
    }

    /// The requirement that named the address of that project's file.
    pub(super) fn wording(&self, project: &ProjectName) -> Option<String> {
        self.known.borrow().get(project).map(|known| known.wording.clone())
    }

    /// Whether what was resolved so far did not know all addresses.
    pub(super) fn are_outdated(&self) -> bool {
        self.outdated.get()
    }

    /// The version at the address that `requirement` has; `None` where it has none. `is_late` says whether the sources
    /// have been asked for the project already. The error is the end of a sentence that names the requirement.
    pub(super) fn version(
        &self,
        requirement: &Requirement,
        is_late: impl FnOnce() -> bool,
    ) -> Result<Option<Version>, String> {
        if requirement.url().is_none() {
            return Ok(None);
        }
        let was_known = self.known.borrow().contains_key(&requirement.name);
        let version = self.add(requirement).map_err(|refused| match refused {
            Refused::Unusable(reason) => format!("but {reason}"),
            Refused::Another(other) => format!("but {other} is required too"),
        })?;
        if !was_known && is_late() {
            self.outdated.set(true);
        }
        Ok(Some(version))
    }

    fn add(&self, requirement: &Requirement) -> Result<Version, Refused> {
        let url = requirement.url().unwrap_or_default();
        let file = direct(url, &requirement.name).map_err(|error| Refused::Unusable(error.to_string()))?;
        let mut known = self.known.borrow_mut();
        match known.get(&requirement.name) {
            Some(other) if !is_same(&other.file, &file) => Err(Refused::Another(other.wording.clone())),
            Some(_) => Ok(file.name.version),
            None => {
                let version = file.name.version.clone();
                known.insert(requirement.name.clone(), Known { file, wording: requirement.shown() });
                Ok(version)
            }
        }
    }
}

/// Whether two addresses lead to one file: the same object may be pre-signed twice.
fn is_same(one: &File, other: &File) -> bool {
    one.name == other.name
        && one.identity() == other.identity()
        && (one.location == other.location || one.location.url().is_some())
}

enum Refused {
    Unusable(String),
    Another(String),
}
