//! `package.meta`: what a pipper package says of the wheel in it and of what it needs.

use serde_json::Value;

use crate::log;
use crate::package::archive::identity;
use crate::package::archive::refusal::Refusal;
use crate::package::filename::{DistributionName, Format, TagSets};
use crate::package::metadata::{InvalidMetadata, Metadata};
use crate::package::requirement::{InvalidRequirement, Requirement};

use super::semver::SemVer;

/// The file's name in the archive.
pub(super) const FILE: &str = "package.meta";

/// The largest that is read, in bytes.
pub(super) const LONGEST: u64 = 1 << 20;

/// The most entries of one of its lists.
const MOST: usize = 10_000;

/// The file, read, and found to be that of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// What the wheel's name says that it is for.
    pub tags: TagSets,
    /// The packages that it needs, as pipper writes them.
    dependencies: Vec<String>,
    /// The packages that it needs, as PEP 508 writes them.
    pypi: Vec<String>,
}

impl Meta {
    /// Reads it. Nothing in it is joined to a path, yet a wheel's name that is none is refused: pipper itself would.
    pub(crate) fn read(bytes: &[u8], name: &DistributionName) -> Result<Self, Refusal> {
        // serde_json refuses what is nested too deeply.
        let Ok(Value::Object(meta)) = serde_json::from_slice::<Value>(bytes) else {
            return Err(flaw("it is no JSON object"));
        };
        let text = |key: &str| meta.get(key).and_then(Value::as_str);
        let project = text("name").ok_or_else(|| flaw("it has no name"))?;
        let version = text("version").ok_or_else(|| flaw("it has no version"))?;
        let own = SemVer::parse(version).and_then(|version| version.to_pep440());
        let own = own.map_or_else(|| version.to_owned(), |version| version.to_string());
        identity::check(FILE, project, &own, name)?;
        let safe = text("safe_version")
            .map(|safe| SemVer::parse_safe(safe).is_some_and(|v| v.to_string() == version));
        if safe == Some(false) {
            return Err(flaw("its safe_version is not that of its version"));
        }
        let wheel = text("wheel_name").ok_or_else(|| flaw("it has no wheel_name"))?;
        let wheel = DistributionName::parse_wheel(wheel)
            .map_err(|_| flaw("its wheel_name is not the name of a wheel"))?;
        identity::check("its wheel_name", wheel.project.as_str(), &wheel.version.to_string(), name)?;
        let Format::Wheel { tags, .. } = wheel.format else {
            return Err(flaw("its wheel_name is not the name of a wheel"));
        };
        let list = |key: &str| strings(meta.get(key));
        if let Some(conda) =
            meta.get("conda").filter(|conda| conda.as_array().is_none_or(|list| !list.is_empty()))
        {
            log::debug(|| {
                format!("{} {}: conda packages are not looked for: {conda}", name.project, name.version)
            });
        }
        Ok(Self { tags, dependencies: list("dependencies")?, pypi: list("pypi")? })
    }

    fn requirements(&self) -> Result<Vec<Requirement>, InvalidRequirement> {
        let all = self.dependencies.iter().chain(&self.pypi);
        all.map(|text| Requirement::parse_lenient(text)).collect()
    }
}

/// The wheel's own metadata, with what `package.meta` adds to it.
///
/// # Errors
/// When either cannot be read.
pub fn metadata(
    wheel_metadata: &[u8],
    meta: &[u8],
    name: &DistributionName,
) -> Result<Metadata, InvalidMetadata> {
    let mut metadata = Metadata::parse(wheel_metadata)?;
    // Only what is added may name addresses.
    if let Some(addressed) = metadata.requires_dist.iter().find(|requirement| requirement.url().is_some()) {
        return Err(InvalidMetadata::Invalid { field: "Requires-Dist", value: addressed.shown() });
    }
    let meta = Meta::read(meta, name)
        .map_err(|refusal| InvalidMetadata::Invalid { field: FILE, value: refusal.to_string() })?;
    metadata.requires_dist.extend(meta.requirements()?);
    metadata.wheel_tags = meta.tags;
    Ok(metadata)
}

/// A list of texts; nothing at all is an empty one.
fn strings(value: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let malformed = || flaw("its dependencies and pypi must be lists of texts");
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() > MOST => {
            Err(Refusal::Limit { what: "requirements of one package", most: MOST as u64 })
        }
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(malformed)).collect()
        }
        Some(_) => Err(malformed()),
    }
}

fn flaw(flaw: &'static str) -> Refusal {
    Refusal::Malformed { file: FILE, flaw }
}
