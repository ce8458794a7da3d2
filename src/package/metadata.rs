//! What a distribution says of itself: core metadata (`METADATA`, `PKG-INFO`) and an egg's `requires.txt`.

use std::fmt;

use pep440_rs::Version;

use crate::package::cursor::shown;
use crate::package::filename::TagSets;
use crate::package::marker::{InvalidMarker, Marker};
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::{InvalidRequirement, Requirement};
use crate::package::version::parse_version;

mod headers;

use headers::Headers;

/// The largest metadata file that is read, in bytes: some hold a whole manual as their description.
pub const LONGEST: usize = 8 << 20;

/// The most requirements that one distribution may have.
const MOST_REQUIREMENTS: usize = 10_000;

/// The fields that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `Metadata-Version`, as its two numbers.
    pub metadata_version: (u32, u32),
    /// `Name`
    pub name: ProjectName,
    /// `Version`
    pub version: Version,
    /// `Requires-Dist`
    pub requires_dist: Vec<Requirement>,
    /// `Requires-Python` as written; an empty one counts as nothing.
    pub requires_python: Option<String>,
    /// `Provides-Extra`, without those that are no names.
    pub provides_extra: Vec<ExtraName>,
    /// `Dynamic` (PEP 643), in lower case: the fields that a build may still change.
    pub dynamic: Vec<String>,
    /// What the wheel in a pipper package is for, which its own name does not tell; empty elsewhere.
    pub wheel_tags: TagSets,
}

/// Why metadata cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidMetadata {
    /// The file is larger than [`LONGEST`], or has more requirements than any honest one.
    TooLarge,
    /// A field that every distribution has is not there.
    Missing(&'static str),
    /// A field has a value that it cannot have.
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A requirement is none.
    Requirement(InvalidRequirement),
    /// The condition of a section of `requires.txt` is none.
    Marker(InvalidMarker),
}

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the metadata is too large"),
            Self::Missing(field) => write!(f, "the metadata has no {field}"),
            Self::Invalid { field, value } => write!(f, "the metadata's {field} is '{}'", shown(value)),
            Self::Requirement(reason) => write!(f, "the metadata has an {reason}"),
            Self::Marker(reason) => write!(f, "the metadata has an {reason}"),
        }
    }
}

impl std::error::Error for InvalidMetadata {}

impl From<InvalidRequirement> for InvalidMetadata {
    fn from(reason: InvalidRequirement) -> Self {
        Self::Requirement(reason)
    }
}

impl From<InvalidMarker> for InvalidMetadata {
    fn from(reason: InvalidMarker) -> Self {
        Self::Marker(reason)
    }
}

impl Metadata {
    /// Reads `METADATA` or `PKG-INFO`; the description, which takes the most of it, is passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidMetadata> {
        if bytes.len() > LONGEST {
            return Err(InvalidMetadata::TooLarge);
        }
        let headers = Headers::parse(bytes);
        let name = headers.first("name").ok_or(InvalidMetadata::Missing("Name"))?;
        let version = headers.first("version").ok_or(InvalidMetadata::Missing("Version"))?;
        let invalid = |field, value: &str| InvalidMetadata::Invalid { field, value: value.to_owned() };
        if headers.all("requires-dist").count() > MOST_REQUIREMENTS {
            return Err(InvalidMetadata::TooLarge);
        }
        Ok(Self {
            metadata_version: match headers.first("metadata-version") {
                Some(text) => two_numbers(text).ok_or_else(|| invalid("Metadata-Version", text))?,
                // The oldest tools did not write it.
                None => (1, 0),
            },
            name: name.parse().map_err(|_| invalid("Name", name))?,
            version: parse_version(version).map_err(|_| invalid("Version", version))?,
            requires_dist: headers.all("requires-dist").map(str::parse).collect::<Result<_, _>>()?,
            requires_python: headers
                .first("requires-python")
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            provides_extra: headers.all("provides-extra").filter_map(|extra| extra.parse().ok()).collect(),
            dynamic: headers.all("dynamic").map(str::to_lowercase).collect(),
            wheel_tags: TagSets::default(),
        })
    }

    /// Reads an egg's `PKG-INFO` with its `requires.txt`, which holds the requirements where `PKG-INFO` has none.
    pub fn parse_egg(pkg_info: &[u8], requires: Option<&[u8]>) -> Result<Self, InvalidMetadata> {
        let mut metadata = Self::parse(pkg_info)?;
        if let Some(requires) = requires
            && metadata.requires_dist.is_empty()
        {
            let (requirements, extras) = egg_requirements(requires)?;
            metadata.requires_dist = requirements;
            metadata.provides_extra.extend(extras);
            metadata.provides_extra.sort();
            metadata.provides_extra.dedup();
        }
        Ok(metadata)
    }

    /// Whether an sdist's requirements are those of what is built from it, so that nothing need be built to know
    /// them (PEP 643).
    pub fn trusted_unbuilt(&self) -> bool {
        let fixed = |field: &str| !self.dynamic.iter().any(|dynamic| dynamic == field);
        self.metadata_version >= (2, 2) && fixed("requires-dist") && fixed("requires-python")
    }
}

fn two_numbers(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Reads setuptools' `requires.txt`: requirements a line, in sections `[extra]`, `[:marker]` or `[extra:marker]`.
fn egg_requirements(bytes: &[u8]) -> Result<(Vec<Requirement>, Vec<ExtraName>), InvalidMetadata> {
    if bytes.len() > LONGEST {
        return Err(InvalidMetadata::TooLarge);
    }
    let text = String::from_utf8_lossy(bytes);
    let (mut requirements, mut extras) = (Vec::new(), Vec::new());
    let mut section: Option<Marker> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (extra, condition) = heading.split_once(':').unwrap_or((heading, ""));
            section = None;
            if !extra.trim().is_empty() {
                let invalid = |_| InvalidMetadata::Invalid { field: "extra", value: extra.to_owned() };
                let extra: ExtraName = extra.trim().parse().map_err(invalid)?;
                section = Some(Marker::for_extra(&extra));
                extras.push(extra);
            }
            if !condition.trim().is_empty() {
                section = both(section, Some(condition.parse()?));
            }
            continue;
        }
        if requirements.len() == MOST_REQUIREMENTS {
            return Err(InvalidMetadata::TooLarge);
        }
        let mut requirement: Requirement = line.parse()?;
        requirement.marker = both(section.clone(), requirement.marker.take());
        requirements.push(requirement);
    }
    Ok((requirements, extras))
}

fn both(one: Option<Marker>, other: Option<Marker>) -> Option<Marker> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
