//! What the file name of a distribution says: PEP 427 wheels, PEP 625 sdists and their elders, setuptools' eggs,
//! pipper's packages.

use std::collections::HashSet;
use std::fmt;

use pep440_rs::Version;

use crate::package::cursor::shown;
use crate::package::name::ProjectName;
use crate::package::pipper::EXTENSION;
use crate::package::pipper::semver::SemVer;
use crate::package::version::parse_version;

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

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// What a wheel is for, compressed as in its name (PEP 425), in lower case: `py2.py3-none-any` stands for two tags. A
/// page of an index has many thousands of these: they are small.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagSets(Box<str>);

impl TagSets {
    /// All combinations, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Tag> {
        self.of(&|_| true)
    }

    /// Those combinations that have only such parts: a name may stand for very many.
    pub(super) fn among(&self, known: &HashSet<String>) -> impl Iterator<Item = Tag> {
        self.of(&|part| known.contains(part))
    }

    fn of(&self, counts: &dyn Fn(&str) -> bool) -> std::vec::IntoIter<Tag> {
        let mut sets = self.0.splitn(3, '-');
        let mut next = || -> Vec<&str> {
            let set = sets.next().unwrap_or_default();
            set.split('.').filter(|part| !part.is_empty() && counts(part)).collect()
        };
        let (pythons, abis, platforms) = (next(), next(), next());
        let mut tags = Vec::with_capacity(pythons.len() * abis.len() * platforms.len());
        for python in &pythons {
            for abi in &abis {
                tags.extend(platforms.iter().map(|platform| Tag {
                    python: (*python).to_owned(),
                    abi: (*abi).to_owned(),
                    platform: (*platform).to_owned(),
                }));
            }
        }
        tags.into_iter()
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
        /// What it is for.
        tags: TagSets,
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
    /// `name-v1-2-3.pipper`, or `name-1.2.3.pipper` as `pipper download` writes it.
    Pipper,
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

/// Why a file name is not one of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFilename {
    /// The name of the file.
    pub filename: String,
    /// What is wrong with it.
    pub reason: FilenameFault,
}

/// What can be wrong with a distribution's file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilenameFault {
    /// It has a path separator or a control character, or is longer than any file system takes.
    NoFilename,
    /// It does not end as the wanted kind of file does.
    Extension,
    /// It has too few or too many parts with `-` between them.
    Parts,
    /// The part that should be a project's name is none.
    Project,
    /// The part that should be a version is none.
    Version,
    /// The part that should be a semantic version is none, or means nothing to PEP 440.
    SemVer,
    /// The build tag does not start with a digit.
    Build,
    /// The compatibility tags are none, or far too many.
    Tags,
}

impl fmt::Display for InvalidFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            FilenameFault::NoFilename => "it is no plain file name",
            FilenameFault::Extension => "its extension is another",
            FilenameFault::Parts => "it has the wrong number of parts",
            FilenameFault::Project => "it has no valid project name",
            FilenameFault::Version => "it has no valid version",
            FilenameFault::SemVer => "its version is no semantic one, or means nothing to PEP 440",
            FilenameFault::Build => "its build tag does not start with a digit",
            FilenameFault::Tags => "it has no valid compatibility tags",
        };
        write!(f, "'{}' is not the name of a distribution: {reason}", shown(&self.filename))
    }
}

impl std::error::Error for InvalidFilename {}

/// The longest file name that Linux and macOS take, in bytes.
const LONGEST: usize = 255;

/// The most tags that one wheel's name may stand for; real ones stand for a dozen.
const MOST_TAGS: usize = 1024;

/// How an sdist's name ends: the two of PEP 625 first, then what older tools made.
const SDIST_EXTENSIONS: [&str; 4] = [".tar.gz", ".zip", ".tgz", ".tar"];

impl DistributionName {
    /// Reads the name of any distribution that we can use, by its extension.
    pub fn parse(filename: &str) -> Result<Self, InvalidFilename> {
        Self::read(filename, |stem, kind| match kind {
            Kind::Wheel => wheel(stem, None),
            Kind::Egg => egg(stem),
            Kind::Sdist => sdist(stem),
            Kind::Pipper => pipper(stem, None),
        })
    }

    /// Reads the name of a distribution of a known project. Only so can an old sdist be read whose version has a
    /// `-` in it: `foo-bar-1.0-2.tar.gz` is version `1.0.post2` of `foo-bar`, but version `2` of `foo-bar-1-0`.
    pub fn parse_for(filename: &str, project: &ProjectName) -> Result<Self, InvalidFilename> {
        let name = Self::read(filename, |stem, kind| match kind {
            Kind::Wheel => wheel(stem, Some(project)),
            Kind::Egg => egg(stem),
            Kind::Sdist => sdist_of(stem, project),
            Kind::Pipper => pipper(stem, Some(project)),
        })?;
        if name.project == *project {
            Ok(name)
        } else {
            Err(InvalidFilename { filename: filename.to_owned(), reason: FilenameFault::Project })
        }
    }

    /// Reads a wheel's name (PEP 427, PEP 425).
    pub fn parse_wheel(filename: &str) -> Result<Self, InvalidFilename> {
        Self::read(filename, |stem, kind| match kind {
            Kind::Wheel => wheel(stem, None),
            _ => Err(FilenameFault::Extension),
        })
    }

    /// Reads an sdist's name (PEP 625): `.tar.gz` or `.zip`, split at the last `-`.
    pub fn parse_sdist(filename: &str) -> Result<Self, InvalidFilename> {
        Self::read(filename, |stem, kind| match kind {
            Kind::Sdist if is_modern(filename) => sdist(stem),
            _ => Err(FilenameFault::Extension),
        })
    }

    /// Reads an egg's name, as setuptools writes it.
    pub fn parse_egg(filename: &str) -> Result<Self, InvalidFilename> {
        Self::read(filename, |stem, kind| match kind {
            Kind::Egg => egg(stem),
            _ => Err(FilenameFault::Extension),
        })
    }

    fn read(
        filename: &str,
        parse: impl Fn(&str, Kind) -> Result<Self, FilenameFault>,
    ) -> Result<Self, InvalidFilename> {
        let invalid = |reason| InvalidFilename { filename: filename.to_owned(), reason };
        if filename.len() > LONGEST || filename.contains(|c: char| matches!(c, '/' | '\\') || c.is_control())
        {
            return Err(invalid(FilenameFault::NoFilename));
        }
        let sdist = || SDIST_EXTENSIONS.iter().find_map(|extension| filename.strip_suffix(extension));
        let (stem, kind) = if let Some(stem) = filename.strip_suffix(".whl") {
            (stem, Kind::Wheel)
        } else if let Some(stem) = filename.strip_suffix(".egg") {
            (stem, Kind::Egg)
        } else if let Some(stem) = filename.strip_suffix(EXTENSION) {
            (stem, Kind::Pipper)
        } else {
            (sdist().ok_or_else(|| invalid(FilenameFault::Extension))?, Kind::Sdist)
        };
        parse(stem, kind).map_err(invalid)
    }
}

fn is_modern(filename: &str) -> bool {
    SDIST_EXTENSIONS.iter().take(2).any(|extension| filename.ends_with(extension))
}

#[derive(Clone, Copy)]
enum Kind {
    Wheel,
    Egg,
    Sdist,
    Pipper,
}

fn project(name: &str) -> Result<ProjectName, FilenameFault> {
    name.parse().map_err(|_| FilenameFault::Project)
}

fn version(text: &str) -> Result<Version, FilenameFault> {
    parse_version(text).map_err(|_| FilenameFault::Version)
}

fn wheel(stem: &str, wanted: Option<&ProjectName>) -> Result<DistributionName, FilenameFault> {
    let parts: Vec<&str> = stem.split('-').collect();
    let (name, version_text, build, python, abi, platform) = match parts[..] {
        [name, version, python, abi, platform] => (name, version, None, python, abi, platform),
        [name, version, build, python, abi, platform] => (name, version, Some(build), python, abi, platform),
        _ => return Err(FilenameFault::Parts),
    };
    let project = project(name)?;
    if name.contains("__") || wanted.is_some_and(|wanted| *wanted != project) {
        return Err(FilenameFault::Project);
    }
    Ok(DistributionName {
        project,
        version: version(version_text)?,
        format: Format::Wheel {
            build: build.map(build_tag).transpose()?,
            tags: tag_sets(python, abi, platform)?,
        },
    })
}

fn build_tag(text: &str) -> Result<BuildTag, FilenameFault> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    Ok((number.parse().map_err(|_| FilenameFault::Build)?, rest.to_owned()))
}

/// Reads compressed tag sets (PEP 425).
fn tag_sets(python: &str, abi: &str, platform: &str) -> Result<TagSets, FilenameFault> {
    let sets = [lower(python), lower(abi), lower(platform)];
    let count = sets.iter().map(|set| set.split('.').count()).product::<usize>();
    let [pythons, ..] = &sets;
    let sound = pythons.split('.').all(is_identifier)
        && sets.iter().flat_map(|set| set.split('.')).all(|member| !member.is_empty());
    if !sound || count > MOST_TAGS {
        return Err(FilenameFault::Tags);
    }
    Ok(TagSets(sets.map(|set| once_each(&set)).join("-").into()))
}

/// A set in lower case, each member for itself: where a word ends makes a difference to some letters.
fn lower(set: &str) -> String {
    if set.is_ascii() {
        return set.to_ascii_lowercase();
    }
    set.split('.').map(str::to_lowercase).collect::<Vec<_>>().join(".")
}

fn once_each(set: &str) -> String {
    let mut members: Vec<&str> = Vec::new();
    for member in set.split('.') {
        if !members.contains(&member) {
            members.push(member);
        }
    }
    members.join(".")
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn sdist(stem: &str) -> Result<DistributionName, FilenameFault> {
    let (name, version_text) = stem.rsplit_once('-').ok_or(FilenameFault::Parts)?;
    Ok(DistributionName { project: project(name)?, version: version(version_text)?, format: Format::Sdist })
}

/// An sdist of a known project: split at the first `-` that has that name before it and a version behind it.
fn sdist_of(stem: &str, project: &ProjectName) -> Result<DistributionName, FilenameFault> {
    let splits = stem.match_indices('-').filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)));
    let mut versions = splits
        .filter(|(name, _)| name.parse::<ProjectName>().is_ok_and(|name| name == *project))
        .map(|(_, text)| version(text));
    let first = versions.next().ok_or(FilenameFault::Project)?;
    let version = first.or_else(|fault| versions.find_map(Result::ok).ok_or(fault))?;
    Ok(DistributionName { project: project.clone(), version, format: Format::Sdist })
}

/// `name-v1-2-3` or `name-1.2.3`: split at the first `-` that has a semantic version behind it.
fn pipper(stem: &str, project: Option<&ProjectName>) -> Result<DistributionName, FilenameFault> {
    let splits = stem.match_indices('-').filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)));
    let mut found = splits.filter_map(|(name, text)| {
        let version = SemVer::parse_safe(text).or_else(|| SemVer::parse(text))?;
        let name: ProjectName = name.parse().ok()?;
        project.is_none_or(|project| *project == name).then_some((name, version))
    });
    let (project, version) = found.next().ok_or(FilenameFault::SemVer)?;
    let version = version.to_pep440().ok_or(FilenameFault::SemVer)?;
    Ok(DistributionName { project, version, format: Format::Pipper })
}

/// `name-version(-pyX.Y(-platform)?)?`, where `_` stands for a `-` of the name and of the version.
fn egg(stem: &str) -> Result<DistributionName, FilenameFault> {
    let mut parts = stem.splitn(4, '-');
    let name = parts.next().unwrap_or_default();
    let version_text = parts.next().ok_or(FilenameFault::Parts)?;
    let python = match parts.next() {
        None => None,
        Some(tag) => Some(tag.strip_prefix("py").filter(|v| !v.is_empty()).ok_or(FilenameFault::Tags)?),
    };
    let platform = parts.next();
    if platform == Some("") {
        return Err(FilenameFault::Tags);
    }
    Ok(DistributionName {
        project: project(name)?,
        version: version(&version_text.replace('_', "-"))?,
        format: Format::Egg { python: python.map(str::to_owned), platform: platform.map(str::to_owned) },
    })
}

#[cfg(test)]
mod tests;
