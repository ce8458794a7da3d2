//! Specifiers as sets of versions that `PubGrub` can calculate with (PEP 440).
//!
//! The order of versions puts a version's local labels right behind it, its post-releases behind those and its
//! pre-releases before it, so that every operator is one interval or the gap beside one.

use pep440_rs::{Operator, Version, VersionSpecifier};
use pubgrub::Ranges;

use crate::package::version::{Clause, Specifier, SpecifierSet, parse_version};

/// The versions that all specifiers admit; whether pre-releases are wanted is not their question.
pub(super) fn of_set(specifiers: &SpecifierSet) -> Ranges<Version> {
    intersection(specifiers.iter().map(of).collect())
}

/// What all ranges have in common. Pairs first, then pairs of pairs: one after the other, many `!=` would cost the
/// square of their number.
pub(super) fn intersection(mut ranges: Vec<Ranges<Version>>) -> Ranges<Version> {
    while ranges.len() > 1 {
        ranges = ranges
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => left.intersection(right),
                rest => rest.first().cloned().unwrap_or_else(Ranges::full),
            })
            .collect();
    }
    ranges.pop().unwrap_or_else(Ranges::full)
}

/// The versions that one specifier admits. `===` admits every spelling of the version that it names.
fn of(specifier: &Specifier) -> Ranges<Version> {
    match specifier.clause() {
        Clause::Arbitrary(text) => parse_version(text).map_or_else(|_| Ranges::empty(), Ranges::singleton),
        Clause::Ordered(specifier) => ordered(specifier),
    }
}

fn ordered(specifier: &VersionSpecifier) -> Ranges<Version> {
    let named = specifier.version();
    match specifier.operator() {
        Operator::Equal => equal(named),
        Operator::NotEqual => equal(named).complement(),
        Operator::ExactEqual => Ranges::singleton(named.clone()),
        Operator::EqualStar => prefix(named, named.release()),
        Operator::NotEqualStar => prefix(named, named.release()).complement(),
        Operator::TildeEqual => {
            let leading = named.release().split_last().map_or(&[][..], |(_, leading)| leading);
            prefix(named, leading).intersection(&Ranges::higher_than(named.clone()))
        }
        Operator::GreaterThanEqual => Ranges::higher_than(named.clone()),
        Operator::LessThanEqual => match after_labels(named) {
            Some(next) => Ranges::strictly_lower_than(next),
            None => Ranges::lower_than(named.clone()),
        },
        Operator::LessThan if named.any_prerelease() => Ranges::strictly_lower_than(named.clone()),
        Operator::LessThan => Ranges::strictly_lower_than(named.clone().without_local().with_dev(Some(0))),
        Operator::GreaterThan => greater(named),
    }
}

/// A local label counts only where the specifier has one.
fn equal(named: &Version) -> Ranges<Version> {
    match after_labels(named) {
        Some(next) if named.local().is_empty() => Ranges::between(named.clone(), next),
        _ => Ranges::singleton(named.clone()),
    }
}

/// `>`: without the post-releases of the version, unless it is one, and without its local labels.
fn greater(named: &Version) -> Ranges<Version> {
    if named.dev().is_some() || named.post().is_some() {
        return after_labels(named).map_or_else(Ranges::empty, Ranges::higher_than);
    }
    Ranges::strictly_higher_than(named.clone().without_local().with_max(Some(0)))
}

/// All versions whose release, padded with zeros, begins with `release`.
fn prefix(named: &Version, release: &[u64]) -> Ranges<Version> {
    let first = |release: &[u64]| Version::new(release).with_epoch(named.epoch()).with_dev(Some(0));
    // A number that cannot be raised hands over to the one before it.
    let next = (0..release.len()).rev().find_map(|at| {
        let raised = release.get(at)?.checked_add(1)?;
        Some([release.get(..at)?, &[raised]].concat())
    });
    match next {
        _ if release.is_empty() => Ranges::full(),
        Some(next) => Ranges::between(first(release), first(&next)),
        None => Ranges::higher_than(first(release)),
    }
}

/// The least version behind `version` and all that differ from it in their local label only; `None` where its
/// numbers are at their end.
pub(super) fn after_labels(version: &Version) -> Option<Version> {
    let version = version.clone().without_local();
    if let Some(dev) = version.dev() {
        return Some(version.with_dev(Some(dev.checked_add(1)?)));
    }
    let post = version.post().map_or(Some(0), |post| post.checked_add(1))?;
    Some(version.with_post(Some(post)).with_dev(Some(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: [&str; 34] = [
        "0.9",
        "1.0.dev0",
        "1.0.dev1",
        "1.0.dev1+l",
        "1.0a1.dev1",
        "1.0a1",
        "1.0a1+l",
        "1.0a1.post1",
        "1.0a2",
        "1.0rc1",
        "1.0",
        "1.0+l",
        "1.0+l.2",
        "1.0.post0.dev1",
        "1.0.post0",
        "1.0.post1.dev2",
        "1.0.post1",
        "1.0.post1+l",
        "1.0.post2.dev0",
        "1.0.post2",
        "1.0.0.1",
        "1.0.1.dev0",
        "1.0.1",
        "1.1.dev0",
        "1.1a1",
        "1.1",
        "1.10",
        "2.0.dev0",
        "2.0a1",
        "2",
        "2.0+l",
        "3.1",
        "1!0.5",
        "1!1.0",
    ];

    #[test]
    fn a_range_holds_exactly_the_versions_that_the_specifier_admits() {
        let mut admitted = 0;
        for operator in ["==", "!=", "<", "<=", ">", ">=", "~="] {
            for named in VERSIONS {
                let Ok(specifier) = format!("{operator}{named}").parse::<Specifier>() else { continue };
                for version in VERSIONS {
                    let parsed: Version = version.parse().unwrap();
                    let expected = specifier.contains(&parsed);
                    assert_eq!(of(&specifier).contains(&parsed), expected, "{version} in {specifier}");
                    admitted += usize::from(expected);
                }
            }
        }
        assert!(admitted > 2000, "{admitted}");
    }

    #[test]
    fn a_star_stands_for_every_version_that_begins_so() {
        for text in ["==1.*", "!=1.*", "==1.0.*", "==1.1.*", "!=1!0.*", "==1.0.0.*", "~=1.0.1", "~=1.0.post1"]
        {
            let specifier: Specifier = text.parse().unwrap();
            for version in VERSIONS {
                let parsed: Version = version.parse().unwrap();
                assert_eq!(
                    of(&specifier).contains(&parsed),
                    specifier.contains(&parsed),
                    "{version} in {text}"
                );
            }
        }
    }

    #[test]
    fn numbers_at_their_end_are_no_reason_to_panic() {
        let max = u64::MAX;
        for (text, inside, outside) in [
            (format!("==1.{max}.*"), format!("1.{max}.1"), "2".to_owned()),
            (format!("=={max}.*"), format!("{max}.1"), "2".to_owned()),
            (format!("~=1.{max}.0"), format!("1.{max}.5"), "2".to_owned()),
            (format!("==1.0.post{max}"), format!("1.0.post{max}"), "1.1".to_owned()),
            (format!("<=1.0.dev{max}"), "1.0.dev3".to_owned(), "1.1".to_owned()),
        ] {
            let range = of(&text.parse().unwrap());
            assert!(range.contains(&inside.parse().unwrap()), "{inside} in {text}");
            assert!(!range.contains(&outside.parse().unwrap()), "{outside} in {text}");
        }
        assert!(of(&format!(">1.0.post{max}").parse().unwrap()).is_empty());
    }

    #[test]
    fn arbitrary_equality_means_that_version_alone() {
        let range = of(&"===1.0".parse().unwrap());
        let holds = ["1.0", "1.0+l", "1.0.post1"].map(|version| range.contains(&version.parse().unwrap()));
        assert_eq!(holds, [true, false, false]);
        assert!(of(&"===not-a-version".parse().unwrap()).is_empty());
    }
}
