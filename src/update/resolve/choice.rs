//! Which versions of a project there are to choose from, and for each the files that fit, best first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use pep440_rs::{Operator, Version};
use pubgrub::Ranges;

use super::Request;
use crate::package::filename::{BuildTag, Format};
use crate::package::name::ProjectName;
use crate::package::requirement::Requirement;
use crate::package::version::{Clause, Specifier, SpecifierSet};
use crate::source::file::{File, Location};

/// What the request says of one project.
pub(super) struct Policy<'a> {
    request: &'a Request,
    prereleases: bool,
    /// The versions that are required by `==` or `===` directly: these may be yanked ones.
    exact: Vec<&'a Specifier>,
    no_sdist: bool,
    only_sdist: bool,
    preferred: &'a [Version],
    python: Version,
}

impl<'a> Policy<'a> {
    /// The policy for `project`.
    pub(super) fn of(request: &'a Request, project: &ProjectName) -> Self {
        let direct = || request.direct().filter(|requirement| requirement.name == *project);
        let specifiers = || direct().filter_map(Requirement::specifiers);
        Self {
            request,
            prereleases: request.prereleases || specifiers().any(SpecifierSet::names_prerelease),
            exact: specifiers().flat_map(SpecifierSet::iter).filter(|s| is_exact(s)).collect(),
            no_sdist: request.no_build.contains(project),
            only_sdist: request.no_binary.contains(project),
            preferred: request.preferences.get(project).map_or(&[], Vec::as_slice),
            python: request.python_version.only_release(),
        }
    }

    /// How good the file is, or why it cannot be used at all.
    fn judge<'f>(&self, file: &'f File) -> Result<Preference<'f>, Rejection> {
        if self.is_dropped(file) {
            return Err(Rejection::Dropped);
        }
        let preference = self.prefer(file)?;
        check_python(file.requires_python.as_deref(), &self.python)?;
        if let Some(uploaded) = file.uploaded
            && self.request.uploaded_before.is_some_and(|latest| uploaded > latest)
        {
            return Err(Rejection::Young(uploaded.to_string()));
        }
        match &file.yanked {
            Some(reason) if !self.exact.iter().any(|exact| exact.contains(&file.name.version)) => {
                Err(Rejection::Yanked(reason.clone()))
            }
            _ => Ok(preference),
        }
    }

    fn is_dropped(&self, file: &File) -> bool {
        let dropped = &self.request.dropped;
        !dropped.is_empty()
            && (dropped.contains(&file.filename)
                || file.identity().is_some_and(|identity| dropped.contains(&identity))
                || match &file.location {
                    Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => {
                        dropped.contains(url.as_str())
                    }
                    Location::Path(path) => path.to_str().is_some_and(|path| dropped.contains(path)),
                    Location::Checkout(_) => false,
                })
    }

    fn prefer<'f>(&self, file: &'f File) -> Result<Preference<'f>, Rejection> {
        let filename = file.filename.as_str();
        match &file.name.format {
            Format::Sdist if self.no_sdist => Err(Rejection::NoBuild),
            Format::Sdist => Ok(Preference::Sdist(filename)),
            _ if self.only_sdist => Err(Rejection::NoBinary),
            Format::Pipper => Ok(Preference::Pipper(filename)),
            Format::Wheel { build, tags } => {
                let rank = self.request.tags.rank(tags).ok_or(Rejection::Tags)?;
                Ok(Preference::Wheel(rank, Reverse(build.as_ref()), filename))
            }
            Format::Egg { python, platform } => {
                let fits = python.as_deref().is_none_or(|python| self.is_python(python))
                    && platform.as_deref().is_none_or(|platform| self.is_platform(platform));
                if fits { Ok(Preference::Egg(filename)) } else { Err(Rejection::Tags) }
            }
        }
    }

    /// Whether an egg's `X.Y` is the interpreter's.
    fn is_python(&self, egg: &str) -> bool {
        let mut numbers = self.python.release().iter();
        let major = numbers.next().copied().unwrap_or_default();
        egg == format!("{major}.{}", numbers.next().copied().unwrap_or_default())
    }

    /// Whether an egg's platform, `get_platform()` of the machine that made it, is that of the interpreter.
    fn is_platform(&self, egg: &str) -> bool {
        let environment = &self.request.environment;
        let machine = environment.platform_machine.as_str();
        match environment.sys_platform.as_str() {
            "darwin" => egg.starts_with("macosx-") && egg.ends_with(&format!("-{machine}")),
            system => egg == format!("{system}-{machine}"),
        }
    }
}

impl Request {
    /// The requirements that apply here.
    pub(in crate::update) fn direct(&self) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().filter(|requirement| {
            requirement.marker.as_ref().is_none_or(|marker| marker.evaluate(&self.environment, &[]))
        })
    }
}

fn is_exact(specifier: &Specifier) -> bool {
    match specifier.clause() {
        Clause::Ordered(specifier) => {
            matches!(specifier.operator(), Operator::Equal | Operator::ExactEqual)
        }
        Clause::Arbitrary(_) => true,
    }
}

/// Whether `Requires-Python` admits the interpreter; one that cannot be read admits all, as with pip.
pub(super) fn check_python(requires: Option<&str>, python: &Version) -> Result<(), Rejection> {
    let Some(requires) = requires.map(str::trim).filter(|requires| !requires.is_empty()) else {
        return Ok(());
    };
    match requires.parse::<SpecifierSet>() {
        Ok(specifiers) if !specifiers.contains(python) => Err(Rejection::Python(specifiers.to_string())),
        _ => Ok(()),
    }
}

/// Best first: wheels by tag, then by build number; pipper packages; eggs; sdists. The name makes the order complete.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Preference<'f> {
    Wheel(usize, Reverse<Option<&'f BuildTag>>, &'f str),
    Pipper(&'f str),
    Egg(&'f str),
    Sdist(&'f str),
}

/// Why no file of a version can be used: worded to follow the version. The order is by what tells a reader most,
/// least first, since one file's reason has to stand for the version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rejection {
    Tags,
    NoBinary,
    NoBuild,
    Python(String),
    Dropped,
    Young(String),
    Yanked(String),
    Prerelease,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags => f.write_str("has no file for this platform and interpreter"),
            Self::NoBinary => f.write_str("has no sdist, and its other files may not be used"),
            Self::NoBuild => f.write_str("has no wheel that fits, and its sdist may not be used"),
            Self::Python(requires) => write!(f, "needs Python {requires}"),
            Self::Dropped => f.write_str("could not be fetched or verified"),
            Self::Young(uploaded) => write!(f, "is too young (uploaded {uploaded})"),
            Self::Yanked(reason) if reason.is_empty() => f.write_str("was yanked"),
            Self::Yanked(reason) => write!(f, "was yanked ({})", shorten(reason)),
            Self::Prerelease => f.write_str("is a pre-release"),
        }
    }
}

/// One line of at most 80 characters out of what a stranger wrote.
fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let printable: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
    if printable.len() < line.len() { printable + "…" } else { printable }
}

/// A project's versions: those that can be chosen, and the others with the reason.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    fitting: BTreeMap<Version, Vec<usize>>,
    rejected: BTreeMap<Version, Rejection>,
    preferred: Vec<Version>,
}

impl Candidates {
    /// Sorts a project's files; they are known by their places in `files`.
    pub(super) fn new(policy: &Policy<'_>, files: &[File]) -> Self {
        let mut versions: BTreeMap<&Version, Vec<usize>> = BTreeMap::new();
        for (place, file) in files.iter().enumerate() {
            versions.entry(&file.name.version).or_default().push(place);
        }
        let mut candidates = Self::default();
        for (version, places) in versions {
            match best_first(policy, files, &places) {
                Ok(places) => drop(candidates.fitting.insert(version.clone(), places)),
                Err(rejection) => drop(candidates.rejected.insert(version.clone(), rejection)),
            }
        }
        if !policy.prereleases && candidates.fitting.keys().any(Version::is_stable) {
            candidates.reject_prereleases();
        }
        candidates.prefer(policy.preferred, files);
        candidates
    }

    fn reject_prereleases(&mut self) {
        let (stable, prereleases) = std::mem::take(&mut self.fitting)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(version, _)| version.is_stable());
        self.fitting = stable;
        self.rejected.extend(prereleases.into_keys().map(|version| (version, Rejection::Prerelease)));
    }

    /// Takes those preferences that count.
    fn prefer(&mut self, preferred: &[Version], files: &[File]) {
        let is_sdist = |places: &Vec<usize>| {
            let best = places.first().and_then(|place| files.get(*place));
            best.is_some_and(|file| file.name.format == Format::Sdist)
        };
        let counts = |version: &&Version| {
            let fitting = self.fitting.get(*version);
            fitting.is_some_and(|places| !is_sdist(places) || self.fitting.values().all(is_sdist))
        };
        self.preferred = preferred.iter().filter(counts).cloned().collect();
    }

    /// The version in `range` to choose: a preferred one, else the newest.
    pub(super) fn best(&self, range: &Ranges<Version>) -> Option<&Version> {
        self.preferred.iter().find(|version| range.contains(version)).or_else(|| self.newest(range))
    }

    fn newest(&self, range: &Ranges<Version>) -> Option<&Version> {
        let segments: Vec<_> = range.iter().collect();
        segments.into_iter().rev().find_map(|(start, end)| {
            self.fitting.range((start.as_ref(), end.as_ref())).next_back().map(|(version, _)| version)
        })
    }

    /// How many versions in `range` can be chosen; counting ends at `most`.
    pub(super) fn count(&self, range: &Ranges<Version>, most: usize) -> usize {
        range
            .iter()
            .flat_map(|(start, end)| self.fitting.range((start.as_ref(), end.as_ref())))
            .take(most)
            .count()
    }

    /// Whether the version can be chosen.
    pub(super) fn contains(&self, version: &Version) -> bool {
        self.fitting.contains_key(version)
    }

    /// The places of a version's files that fit, best first.
    pub(super) fn files(&self, version: &Version) -> &[usize] {
        self.fitting.get(version).map_or(&[], Vec::as_slice)
    }

    /// The versions that can be chosen, oldest first.
    pub(super) fn fitting(&self) -> impl Iterator<Item = &Version> {
        self.fitting.keys()
    }

    /// The versions that cannot, oldest first, with the reason.
    pub(super) fn rejected(&self) -> impl Iterator<Item = (&Version, &Rejection)> {
        self.rejected.iter()
    }
}

/// The places of the files that fit, best first, or the reason that tells most about those that do not.
fn best_first(policy: &Policy<'_>, files: &[File], places: &[usize]) -> Result<Vec<usize>, Rejection> {
    let mut fitting = Vec::new();
    let mut rejection = Rejection::Tags;
    for &place in places {
        let Some(file) = files.get(place) else { continue };
        match policy.judge(file) {
            Ok(preference) => fitting.push((preference, place)),
            Err(reason) => rejection = rejection.max(reason),
        }
    }
    if fitting.is_empty() {
        return Err(rejection);
    }
    fitting.sort();
    Ok(fitting.into_iter().map(|(_, place)| place).collect())
}
