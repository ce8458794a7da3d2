//! Versions and version specifiers (PEP 440), with the meaning that the `packaging` library gives them.
//!
//! `pep440_rs` reads and orders versions. What a specifier contains is decided here, because the two differ: in
//! prefixes that are longer than the version, in `>` beside post-releases and local versions, in `===`.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionPattern, VersionSpecifier};

use crate::package::cursor::{is_space, shown};

/// A text that is no PEP 440 version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidVersion(pub String);

impl fmt::Display for InvalidVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a valid version", shown(&self.0))
    }
}

impl std::error::Error for InvalidVersion {}

/// A text that is no PEP 440 version specifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSpecifier(pub String);

impl fmt::Display for InvalidSpecifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a valid version specifier", shown(&self.0))
    }
}

impl std::error::Error for InvalidSpecifier {}

/// Reads a version; white space around it and a leading `v` are allowed. Its numbers must fit into 64 bits.
pub fn parse_version(text: &str) -> Result<Version, InvalidVersion> {
    text.trim_matches(is_space).parse().map_err(|_| InvalidVersion(text.to_owned()))
}

/// What one specifier says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Clause {
    /// An operator that compares versions, and its version.
    Ordered(VersionSpecifier),
    /// `===`: the very text, letter case aside, which need not be a version.
    Arbitrary(String),
}

/// One version specifier, such as `>=1.0`, `==2.*` or `===anything`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Specifier {
    /// As written, without white space.
    written: String,
    clause: Clause,
}

impl Specifier {
    /// What it says.
    pub fn clause(&self) -> &Clause {
        &self.clause
    }

    /// Whether it admits this version; whether pre-releases are wanted is not its question.
    pub fn contains(&self, version: &Version) -> bool {
        match &self.clause {
            Clause::Ordered(specifier) => admits(specifier, version),
            Clause::Arbitrary(text) => same_letters(text, &version.to_string()),
        }
    }

    /// Whether it names a pre-release, which says that pre-releases are welcome.
    fn names_prerelease(&self) -> bool {
        match &self.clause {
            Clause::Ordered(specifier) => {
                use Operator::{EqualStar, NotEqual, NotEqualStar};
                !matches!(specifier.operator(), NotEqual | NotEqualStar | EqualStar)
                    && specifier.version().any_prerelease()
            }
            Clause::Arbitrary(text) => parse_version(text).is_ok_and(|version| version.any_prerelease()),
        }
    }

    /// Two specifiers with the same key mean the same.
    fn canonical(&self) -> String {
        match &self.clause {
            Clause::Ordered(specifier) if !specifier.operator().is_star() => {
                let version = specifier.version();
                let trimmed = if *specifier.operator() == Operator::TildeEqual {
                    version.clone()
                } else {
                    version.clone().with_release(trim(version.release()))
                };
                format!("{}{trimmed}", specifier.operator())
            }
            _ => self.written.clone(),
        }
    }
}

impl FromStr for Specifier {
    type Err = InvalidSpecifier;

    fn from_str(text: &str) -> Result<Self, InvalidSpecifier> {
        let invalid = || InvalidSpecifier(text.to_owned());
        let specifier = text.trim_matches(is_space);
        if let Some(arbitrary) = specifier.strip_prefix("===") {
            let arbitrary = arbitrary.trim_start_matches(is_space);
            if arbitrary.contains(|c| is_space(c) || matches!(c, ';' | ')')) {
                return Err(invalid());
            }
            let clause = Clause::Arbitrary(arbitrary.to_owned());
            return Ok(Self { written: format!("==={arbitrary}"), clause });
        }
        let operators = ["~=", "==", "!=", "<=", ">=", "<", ">"];
        let operator = operators.into_iter().find(|o| specifier.starts_with(o)).ok_or_else(invalid)?;
        let version = specifier.get(operator.len()..).ok_or_else(invalid)?.trim_start_matches(is_space);
        let pattern: VersionPattern = version.parse().map_err(|_| invalid())?;
        let written = format!("{operator}{version}");
        let operator = operator.parse().map_err(|_| invalid())?;
        let clause = VersionSpecifier::from_pattern(operator, pattern).map_err(|_| invalid())?;
        Ok(Self { written, clause: Clause::Ordered(clause) })
    }
}

impl fmt::Display for Specifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Specifiers that all have to hold; without any, every version is admitted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SpecifierSet(Vec<Specifier>);

impl SpecifierSet {
    /// The specifiers as written.
    pub fn iter(&self) -> impl Iterator<Item = &Specifier> {
        self.0.iter()
    }

    /// Whether there is no specifier.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all specifiers admit this version; whether pre-releases are wanted is the caller's question.
    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().all(|specifier| specifier.contains(version))
    }

    /// Whether a specifier names a pre-release, which says that pre-releases are welcome (PEP 440).
    pub fn names_prerelease(&self) -> bool {
        self.0.iter().any(Specifier::names_prerelease)
    }

    /// Whether a version as a source writes it is admitted. `prereleases` is `Some(false)` to refuse all
    /// pre-releases; a single candidate that is a pre-release is otherwise as good as any.
    pub fn contains_text(&self, candidate: &str, prereleases: Option<bool>) -> bool {
        let version = parse_version(candidate).ok();
        let refused = prereleases == Some(false) && version.as_ref().is_some_and(Version::any_prerelease);
        !refused && self.admits_text(candidate, version.as_ref())
    }

    /// The candidates that are admitted, in their order. With `prereleases` as `None`, pre-releases are among
    /// them only where a specifier names one, or where nothing else is admitted.
    pub fn filter<'a>(&self, candidates: &[&'a str], prereleases: Option<bool>) -> Vec<&'a str> {
        let is_prerelease = |version: &Option<Version>| version.as_ref().is_some_and(Version::any_prerelease);
        let mut admitted: Vec<(&str, Option<Version>)> = candidates
            .iter()
            .map(|candidate| (*candidate, parse_version(candidate).ok()))
            .filter(|(candidate, version)| self.admits_text(candidate, version.as_ref()))
            .collect();
        let has_final = admitted.iter().any(|(_, version)| version.is_some() && !is_prerelease(version));
        let wanted = prereleases.unwrap_or_else(|| self.names_prerelease() || !has_final);
        if !wanted {
            admitted.retain(|(_, version)| !is_prerelease(version));
        }
        admitted.into_iter().map(|(candidate, _)| candidate).collect()
    }

    fn admits_text(&self, candidate: &str, version: Option<&Version>) -> bool {
        self.0.iter().all(|specifier| match (&specifier.clause, version) {
            (Clause::Arbitrary(text), _) => same_letters(text, candidate),
            (Clause::Ordered(specifier), Some(version)) => admits(specifier, version),
            (Clause::Ordered(_), None) => false,
        })
    }
}

impl FromIterator<Specifier> for SpecifierSet {
    fn from_iter<I: IntoIterator<Item = Specifier>>(specifiers: I) -> Self {
        Self(specifiers.into_iter().collect())
    }
}

impl FromStr for SpecifierSet {
    type Err = InvalidSpecifier;

    /// Reads specifiers with commas between them; empty ones are skipped.
    fn from_str(text: &str) -> Result<Self, InvalidSpecifier> {
        let specifiers = text.split(',').map(|part| part.trim_matches(is_space));
        specifiers.filter(|part| !part.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for SpecifierSet {
    /// Sorted, and each only once, so that sets that mean the same are mostly written the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Specifier> = self.0.iter().collect();
        sorted.sort_by(|a, b| a.written.cmp(&b.written));
        let mut seen = std::collections::HashSet::new();
        sorted.retain(|specifier| seen.insert(specifier.canonical()));
        for (index, specifier) in sorted.into_iter().enumerate() {
            write!(f, "{}{specifier}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn same_letters(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// The rules of PEP 440 for one operator.
fn admits(specifier: &VersionSpecifier, version: &Version) -> bool {
    let named = specifier.version();
    match specifier.operator() {
        Operator::Equal => equals(named, version),
        Operator::NotEqual => !equals(named, version),
        Operator::EqualStar => has_prefix(named.epoch(), named.release(), version),
        Operator::NotEqualStar => !has_prefix(named.epoch(), named.release(), version),
        Operator::TildeEqual => {
            let prefix = named.release().split_last().map_or(&[][..], |(_, prefix)| prefix);
            version >= named && has_prefix(named.epoch(), prefix, version)
        }
        Operator::GreaterThanEqual => version >= named,
        Operator::LessThanEqual => public(version) <= *named,
        Operator::LessThan => is_before(named, version),
        Operator::GreaterThan => is_after(named, version),
        // `===` is read as `Clause::Arbitrary`; a specifier made elsewhere compares the texts.
        Operator::ExactEqual => same_letters(&named.to_string(), &version.to_string()),
    }
}

/// A local label counts only where the specifier has one.
fn equals(named: &Version, version: &Version) -> bool {
    if named.local().is_empty() { public(version) == *named } else { version == named }
}

/// `==prefix.*`: the version's release, padded with zeros, starts with `prefix`.
fn has_prefix(epoch: u64, prefix: &[u64], version: &Version) -> bool {
    let release = version.release();
    version.epoch() == epoch
        && prefix.iter().enumerate().all(|(at, number)| release.get(at).unwrap_or(&0) == number)
}

/// `<`: the pre-releases of the named version are not before it, unless it is one itself.
fn is_before(named: &Version, version: &Version) -> bool {
    if named.any_prerelease() {
        version < named
    } else {
        *version < named.clone().with_local(Vec::new()).with_dev(Some(0))
    }
}

/// `>`: the post-releases and local versions of the named version are not after it, unless it is a post-release.
fn is_after(named: &Version, version: &Version) -> bool {
    let next = |number: u64| number.checked_add(1);
    if let Some(dev) = named.dev() {
        next(dev).is_some_and(|dev| *version >= named.clone().with_dev(Some(dev)))
    } else if let Some(post) = named.post() {
        next(post).is_some_and(|post| *version >= named.clone().with_post(Some(post)).with_dev(Some(0)))
    } else {
        let same_family = version.epoch() == named.epoch()
            && trim(version.release()) == trim(named.release())
            && version.pre() == named.pre();
        version > named && !same_family
    }
}

fn public(version: &Version) -> Version {
    if version.local().is_empty() { version.clone() } else { version.clone().without_local() }
}

/// The release without the zeros at its end, which do not matter; its first number always stays.
fn trim(release: &[u64]) -> &[u64] {
    let mut trimmed = release;
    while let [rest @ .., 0] = trimmed
        && !rest.is_empty()
    {
        trimmed = rest;
    }
    trimmed
}

#[cfg(test)]
mod tests;
