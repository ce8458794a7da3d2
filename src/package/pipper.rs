//! pipper's packages: `v1-2-3.pipper` in a folder of the project's name, or `name-v1-2-3.pipper`. A ZIP archive of two
//! members, `package.whl` and `package.meta`.

use pep440_rs::Version;

use super::archive::input::Input;
use super::archive::limits::Limits;
use super::archive::refusal::Refusal;
use super::archive::zip::Zip;
use super::filename::{DistributionName, Format};
use super::name::ProjectName;
use super::wheel::Wheel;
use crate::log;

pub mod constraint;
mod meta;
pub mod semver;

#[cfg(test)]
mod tests;

pub use meta::{Meta, metadata};
use semver::SemVer;

/// How the names of these files end.
pub const EXTENSION: &str = ".pipper";

const WHEEL: &str = "package.whl";

/// The largest wheel that is taken from an archive where it is compressed, in bytes. pipper itself only stores it.
const LARGEST_COMPRESSED: u64 = 16 << 20;

/// The version that a key of a bucket tells in its last part: `v1-2-3.pipper`. `None` where that is none, or one that
/// means nothing to PEP 440.
pub fn read_key(name: &str) -> Option<Version> {
    let version = SemVer::parse_safe(name.strip_suffix(EXTENSION)?)?;
    let mapped = version.to_pep440();
    if mapped.is_none() {
        log::debug(|| format!("{} is skipped: {version} means nothing to PEP 440", name.escape_debug()));
    }
    mapped
}

/// A file in the folder of a project (`<prefix>/<project>/v1-2-3.pipper`): the name it goes by once it has left that
/// folder, which tells the project too, and that name read.
pub fn in_folder(name: &str, project: &ProjectName) -> Option<(String, DistributionName)> {
    let version = read_key(name)?;
    let filename = format!("{project}-{name}");
    Some((filename, DistributionName { project: project.clone(), version, format: Format::Pipper }))
}

/// An open package whose `package.meta` is its own.
pub struct Package<'a> {
    zip: Zip<Input<'a>>,
    wheel: usize,
    /// `package.meta` as it is.
    pub meta: Vec<u8>,
}

impl<'a> Package<'a> {
    /// Finds the two members; there must be no other.
    pub fn open(archive: Input<'a>, name: &DistributionName, limits: &Limits) -> Result<Self, Refusal> {
        let mut zip = Zip::open(archive, limits)?;
        let place = |file: &str| zip.entries().iter().position(|e| !e.directory && e.path.as_str() == file);
        let wheel = place(WHEEL).ok_or(Refusal::Missing(WHEEL))?;
        let own = place(meta::FILE).ok_or(Refusal::Missing(meta::FILE))?;
        if let Some((_, other)) = zip.entries().iter().enumerate().find(|(at, _)| ![wheel, own].contains(at))
        {
            return Err(other.refuse("pipper packages have no such member"));
        }
        let meta = zip.read(own, meta::LONGEST)?;
        Meta::read(&meta, name)?;
        Ok(Self { zip, wheel, meta })
    }

    /// Reads all of the wheel once: whether it is what the outer archive says of it.
    pub fn check(&mut self) -> Result<(), Refusal> {
        self.zip.copy(self.wheel, &mut |_| Ok(()))
    }

    /// Hands the wheel on, as it is, piece by piece; checked to be what the outer archive says of it.
    pub fn copy_wheel(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.zip.copy(self.wheel, sink)
    }

    /// The wheel.
    pub fn into_wheel(self, name: &DistributionName, limits: &Limits) -> Result<Wheel<'a>, Refusal> {
        Wheel::open(self.zip.into_member(self.wheel, LARGEST_COMPRESSED)?, name, limits)
    }
}
