//! What is different between two locks, package by package.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use crate::package::lock::{Lock, Package};
use crate::package::name::ProjectName;

/// A package of which the locks do not say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    name: ProjectName,
    /// The versions before, and after; several where markers tell them apart.
    from: String,
    to: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from, to } = self;
        match (from.as_str(), to.as_str()) {
            ("", to) => write!(f, "{name}: {to} is new"),
            (from, "") => write!(f, "{name}: {from} goes"),
            (from, to) if from == to => write!(f, "{name}: other files or markers of {to}"),
            (from, to) => write!(f, "{name}: {from} becomes {to}"),
        }
    }
}

impl Change {
    pub(super) fn report(&self) -> Value {
        let told = |versions: &str| Some(versions.to_owned()).filter(|versions| !versions.is_empty());
        json!({ "name": self.name.as_str(), "from": told(&self.from), "to": told(&self.to) })
    }
}

/// The changes from one lock to another, by name.
pub(super) fn between(before: Option<&Lock>, after: &Lock) -> Vec<Change> {
    let of = |lock: Option<&Lock>, name: &ProjectName| -> Vec<Package> {
        let packages = lock.into_iter().flat_map(|lock| &lock.packages);
        packages.filter(|package| package.name == *name).cloned().collect()
    };
    let names =
        before.into_iter().chain([after]).flat_map(|lock| &lock.packages).map(|package| &package.name);
    let names: BTreeSet<&ProjectName> = names.collect();
    let changes = names.into_iter().filter_map(|name| {
        let (old, new) = (of(before, name), of(Some(after), name));
        (old != new).then(|| Change { name: name.clone(), from: versions(&old), to: versions(&new) })
    });
    changes.collect()
}

fn versions(packages: &[Package]) -> String {
    let shown =
        |package: &Package| package.version.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    packages.iter().map(shown).collect::<Vec<_>>().join(" and ")
}
