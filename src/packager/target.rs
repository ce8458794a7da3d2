//! The interpreter that a resolution is for: one that is here, or another version, or one of another machine.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::{ARCH, OS};
use std::fmt;

use pep440_rs::Version;

use crate::package::marker::MarkerEnvironment;
use crate::package::requirement::Requirement;
use crate::package::tags::{Platform, Tags};
use crate::package::version::{InvalidVersion, parse_version};
use crate::python::PythonVersion;
use crate::python::find::Interpreter;
use crate::update::resolve::Request;

/// The highest second number of a Python's version: each adds a tag for every platform, so that there must be an end.
const HIGHEST_MINOR: u32 = 999;

/// An interpreter as the resolver sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    version: PythonVersion,
    environment: MarkerEnvironment,
    tags: Tags,
}

/// A target that there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidTarget {
    /// The text is no version.
    Version(InvalidVersion),
    /// No Python has that version.
    Python(Version),
    /// No platform has that name.
    Platform(String),
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(invalid) => invalid.fmt(f),
            Self::Python(version) => write!(f, "there is no Python {version}"),
            Self::Platform(name) => write!(f, "'{}' is no platform", name.escape_debug()),
        }
    }
}

impl std::error::Error for InvalidTarget {}

impl Target {
    /// That very interpreter.
    pub(crate) fn of(interpreter: &Interpreter) -> Self {
        let facts = &interpreter.facts;
        Self { version: facts.version, environment: facts.markers.clone(), tags: interpreter.tags() }
    }

    /// `CPython` of that version on the machine of an interpreter.
    pub(crate) fn cpython_beside(interpreter: &Interpreter, version: PythonVersion) -> Self {
        let markers = &interpreter.facts.markers;
        let mut target = Self::cpython(version, &Platform::of(&interpreter.facts));
        target.environment = MarkerEnvironment {
            os_name: markers.os_name.clone(),
            sys_platform: markers.sys_platform.clone(),
            platform_machine: markers.platform_machine.clone(),
            platform_release: markers.platform_release.clone(),
            platform_system: markers.platform_system.clone(),
            platform_version: markers.platform_version.clone(),
            ..target.environment
        };
        target
    }

    /// `CPython` of that version on that platform.
    pub(crate) fn cpython(version: PythonVersion, platform: &Platform) -> Self {
        let mut environment = MarkerEnvironment::from_pairs([
            ("python_version", format!("{}.{}", version.major, version.minor)),
            ("python_full_version", version.to_string()),
            ("implementation_version", version.to_string()),
            ("implementation_name", "cpython".to_owned()),
            ("platform_python_implementation", "CPython".to_owned()),
        ]);
        platform.describe(&mut environment);
        Self { version, environment, tags: Tags::for_target(version, platform) }
    }

    /// The values of the markers' variables.
    pub(crate) fn environment(&self) -> &MarkerEnvironment {
        &self.environment
    }

    /// What it accepts.
    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The question what to install for it.
    pub(crate) fn request(self, requirements: Vec<Requirement>, prereleases: bool) -> Request {
        let PythonVersion { major, minor, micro } = self.version;
        Request {
            requirements,
            python_version: Version::new([major, minor, micro].map(u64::from)),
            environment: self.environment,
            tags: self.tags,
            prereleases,
            uploaded_before: None,
            dropped: BTreeSet::new(),
            no_build: BTreeSet::new(),
            no_binary: BTreeSet::new(),
            preferences: BTreeMap::new(),
        }
    }
}

/// The version of a Python; `3.11` is `3.11.0`.
///
/// # Errors
/// When the text is no version, or none that a Python has.
pub(crate) fn python_version(text: &str) -> Result<PythonVersion, InvalidTarget> {
    let version = parse_version(text).map_err(InvalidTarget::Version)?;
    let number = |at: usize| version.release().get(at).map_or(Ok(0), |number| u32::try_from(*number));
    match (number(0), number(1), number(2)) {
        (Ok(major), Ok(minor @ 0..=HIGHEST_MINOR), Ok(micro)) => Ok(PythonVersion { major, minor, micro }),
        _ => Err(InvalidTarget::Python(version)),
    }
}

/// The name of a platform like this machine's.
pub(crate) fn own_platform() -> String {
    format!("{OS}-{ARCH}")
}

/// The platform of that name, or one like this machine's.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn platform(name: Option<&str>) -> Result<Platform, InvalidTarget> {
    let own = own_platform();
    let name = name.unwrap_or(&own);
    Platform::named(name).ok_or_else(|| InvalidTarget::Platform(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_leave_numbers_out_and_none_is_without_end() {
        for (text, version) in [("3", (3, 0, 0)), ("3.11", (3, 11, 0)), ("3.11.7", (3, 11, 7))] {
            let (major, minor, micro) = version;
            assert_eq!(python_version(text), Ok(PythonVersion { major, minor, micro }), "{text}");
        }
        for (text, reason) in [
            ("three", "'three' is not a valid version"),
            ("3.1000", "there is no Python 3.1000"),
            ("4294967296", "there is no Python 4294967296"),
        ] {
            assert_eq!(python_version(text).unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn a_platform_has_a_name_and_this_one_is_the_default() {
        assert!(platform(None).is_ok());
        assert_eq!(platform(Some("amiga\n")).unwrap_err().to_string(), "'amiga\\n' is no platform");
    }
}
