//! Versions as pipper has them: Semantic Versioning 2.0.0, and the form of them that is safe in file names and keys.

use std::fmt;

use pep440_rs::{PrereleaseKind, Version};

use crate::package::version::parse_version;

/// The words for a pre-release that mean the same to semantic versioning and to PEP 440.
const WORDS: [&str; 9] = ["a", "alpha", "b", "beta", "c", "dev", "pre", "preview", "rc"];

/// A semantic version (Semantic Versioning 2.0.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemVer {
    /// Major, minor and patch.
    release: [u64; 3],
    /// What stands behind the `-`; may be empty.
    pre: String,
    /// What stands behind the `+`; may be empty.
    build: String,
}

impl SemVer {
    /// Reads `1.2.3-alpha.1+build`; `None` where that is no complete semantic version.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, build) = split(text, "+");
        let (release, pre) = split(rest, "-");
        Self::new(release, '.', pre?, build?)
    }

    /// Reads the safe form, `v1-2-3__pre_alpha_1__build_2-test`.
    pub fn parse_safe(text: &str) -> Option<Self> {
        let (rest, build) = split(text.strip_prefix('v')?, "__build_");
        let (release, pre) = split(rest, "__pre_");
        Self::new(release, '-', &pre?.replace('_', "."), &build?.replace('_', "."))
    }

    fn new(release: &str, separator: char, pre: &str, build: &str) -> Option<Self> {
        let mut numbers = release.split(separator).map(number);
        let release = [numbers.next()??, numbers.next()??, numbers.next()??];
        let sound = numbers.next().is_none() && identifiers(pre, true) && identifiers(build, false);
        sound.then(|| Self { release, pre: pre.to_owned(), build: build.to_owned() })
    }

    /// The semantic version that means the same as a PEP 440 one: `1.1rc1` is `1.1.0-rc.1`. There is none for epochs,
    /// post-releases, and more than three numbers.
    pub fn from_pep440(version: &Version) -> Option<Self> {
        let mut numbers = version.release().iter().copied();
        let release = [numbers.next()?, numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
        let mut pre = version.pre().map(|pre| match pre.kind {
            PrereleaseKind::Alpha => format!("alpha.{}", pre.number),
            PrereleaseKind::Beta => format!("beta.{}", pre.number),
            PrereleaseKind::Rc => format!("rc.{}", pre.number),
        });
        if let Some(number) = version.dev() {
            pre = pre.is_none().then(|| format!("dev.{number}"));
            pre.as_ref()?;
        }
        let local: Vec<String> = version.local().iter().map(ToString::to_string).collect();
        let found = Self { release, pre: pre.unwrap_or_default(), build: local.join(".") };
        found.to_pep440().filter(|same| same == version).map(|_| found)
    }

    /// The form that is safe in file names and keys.
    pub fn safe(&self) -> String {
        let [major, minor, patch] = self.release;
        let mut text = format!("v{major}-{minor}-{patch}");
        for (head, part) in [("__pre_", &self.pre), ("__build_", &self.build)] {
            if !part.is_empty() {
                text += head;
                text += &part.replace('.', "_");
            }
        }
        text
    }

    /// The PEP 440 version that means the same: `1.2.3-alpha.1+2-test` is `1.2.3a1+2.test`. There is none for a
    /// pre-release that is not one word and a number (`1.2.0-2` is older than `1.2.0`, but a post-release to PEP 440),
    /// nor for a build that is no local label.
    pub fn to_pep440(&self) -> Option<Version> {
        let [major, minor, patch] = self.release;
        let word = self.pre.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = self.pre.get(word.len()..).unwrap_or_default();
        let word = word.strip_suffix(['.', '-']).unwrap_or(word).to_ascii_lowercase();
        if !self.pre.is_empty() && !WORDS.contains(&word.as_str()) {
            return None;
        }
        let mut text = format!("{major}.{minor}.{patch}{word}{number}");
        if !self.build.is_empty() {
            text.push('+');
            text += &self.build;
        }
        parse_version(&text).ok()
    }
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.release;
        write!(f, "{major}.{minor}.{patch}")?;
        for (head, part) in [('-', &self.pre), ('+', &self.build)] {
            if !part.is_empty() {
                write!(f, "{head}{part}")?;
            }
        }
        Ok(())
    }
}

/// What stands before a separator, and what behind it: an empty text where there is none, `None` where there is
/// nothing behind it.
fn split<'a>(text: &'a str, separator: &str) -> (&'a str, Option<&'a str>) {
    match text.split_once(separator) {
        None => (text, Some("")),
        Some((before, behind)) => (before, Some(behind).filter(|behind| !behind.is_empty())),
    }
}

/// A number without a needless zero before it.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plain = text == "0" || !text.starts_with('0');
    (digits && plain).then(|| text.parse().ok()).flatten()
}

/// Whether the text is empty or identifiers with dots between them (Semantic Versioning, 9 and 10).
fn identifiers(text: &str, strict_numbers: bool) -> bool {
    let sound = |part: &str| {
        let known = !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let numeric = part.bytes().all(|b| b.is_ascii_digit());
        known && !(strict_numbers && numeric && part.len() > 1 && part.starts_with('0'))
    };
    text.is_empty() || text.split('.').all(sound)
}
