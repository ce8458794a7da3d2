//! The requirements of one package, brought together: several may be about one project, and extras are packages
//! of their own.

use std::collections::BTreeMap;

use pep440_rs::Version;
use pubgrub::Ranges;

use super::package::Package;
use super::ranges;
use crate::package::requirement::Requirement;

/// How many requirements on one project are told when they contradict each other.
const MOST_TEXTS: usize = 8;

/// What a package needs of another.
pub(super) struct Need {
    /// The versions that all its requirements admit.
    pub(super) range: Ranges<Version>,
    /// Those requirements as they were written.
    pub(super) wording: String,
}

/// The version at the address that a requirement has, where it has one; or why it may not be used.
pub(super) type Addressed<'a> = dyn Fn(&Requirement) -> Result<Option<Version>, String> + 'a;

/// What the requirements of `from` in that version amount to, or the sentence that says why they cannot be met.
pub(super) fn combine(
    from: &Package,
    version: &Version,
    requirements: &[&Requirement],
    addressed: &Addressed<'_>,
) -> Result<BTreeMap<Package, Need>, String> {
    let mut needs = Needs { from, version, addressed, combined: BTreeMap::new() };
    for requirement in requirements {
        needs.add(requirement)?;
    }
    let combined = needs.combined.into_iter().map(|(package, (ranges, texts))| {
        let need = Need { range: ranges::intersection(ranges), wording: and(&texts) };
        if need.range.is_empty() {
            return Err(match from {
                Package::Root => format!("you require {}, which admits no version", need.wording),
                _ => format!("{from} {version} needs {}, which admits no version", need.wording),
            });
        }
        Ok((package, need))
    });
    combined.collect()
}

/// Requirements, brought together by what they ask for.
struct Needs<'a> {
    from: &'a Package,
    version: &'a Version,
    addressed: &'a Addressed<'a>,
    combined: BTreeMap<Package, (Vec<Ranges<Version>>, Vec<String>)>,
}

impl Needs<'_> {
    fn add(&mut self, requirement: &Requirement) -> Result<(), String> {
        let (from, version) = (self.from, self.version);
        let text = requirement.shown();
        let at_address = (self.addressed)(requirement);
        let range = match at_address.map_err(|reason| format!("{from} {version} needs {text}, {reason}"))? {
            Some(version) => Ranges::singleton(version),
            None => requirement.specifiers().map_or_else(Ranges::full, ranges::of_set),
        };
        if from.project() == Some(&requirement.name) {
            if !range.contains(version) {
                return Err(format!("{from} {version} needs itself in another version ({text})"));
            }
            for extra in &requirement.extras {
                let package = Package::Extra(requirement.name.clone(), extra.clone());
                if package != *from {
                    self.narrow(package, &Ranges::singleton(version.clone()), &text);
                }
            }
            return Ok(());
        }
        self.narrow(Package::Project(requirement.name.clone()), &range, &text);
        for extra in &requirement.extras {
            self.narrow(Package::Extra(requirement.name.clone(), extra.clone()), &range, &text);
        }
        Ok(())
    }

    fn narrow(&mut self, package: Package, range: &Ranges<Version>, text: &str) {
        let (all, texts) = self.combined.entry(package).or_default();
        all.push(range.clone());
        if texts.len() < MOST_TEXTS && texts.iter().all(|known| known != text) {
            texts.push(text.to_owned());
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
