//! From a verified archive to a directory that Python can import from.

use std::io::{Read, Seek};
use std::path::Path;

use super::archive::container;
use super::archive::limits::Limits;
use super::archive::refusal::Refusal;
use super::archive::tree::Tree;
use super::entry_points::EntryPoints;
use super::filename::{DistributionName, Format};
use super::pipper::Package;
use super::wheel::Wheel;
use super::{egg, sdist};
use crate::fs;

/// What came of unpacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The name of the directory with the distribution's metadata.
    pub dist_info: Option<String>,
    /// Its entry points.
    pub entry_points: EntryPoints,
    /// Whether there is a `*.pth` file, which only the interpreter's `site` would read.
    pub has_pth: bool,
    /// `Root-Is-Purelib`: whether the wheel is without compiled parts. Sdists are; eggs do not tell.
    pub root_is_purelib: bool,
    /// How many files there are.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Lays out the distribution `archive` as `pip install --target destination` would. `destination` is not there yet,
/// or is an empty directory; after a refusal it is what it was.
pub fn unpack(
    archive: &Path,
    name: &DistributionName,
    destination: &Path,
    limits: &Limits,
) -> Result<Unpacked, Refusal> {
    let mut tree = Tree::begin(destination)?;
    let (dist_info, entry_points, root_is_purelib) = match &name.format {
        Format::Wheel { .. } => {
            let laid_out = open_wheel(archive, name, limits)?.lay_out(name, &mut tree)?;
            (laid_out.dist_info, laid_out.entry_points, laid_out.root_is_purelib)
        }
        Format::Pipper => {
            let mut package = open_package(archive, name, limits)?;
            package.check()?;
            let laid_out = package.into_wheel(name, limits)?.lay_out(name, &mut tree)?;
            (laid_out.dist_info, laid_out.entry_points, laid_out.root_is_purelib)
        }
        Format::Egg { platform, .. } => {
            let (info, entry_points) = egg::lay_out(archive, name, &mut tree, limits)?;
            (info, entry_points, platform.is_none())
        }
        Format::Sdist => {
            let (info, entry_points) = sdist::lay_out(archive, name, &mut tree, limits)?;
            (info, entry_points, true)
        }
    };
    let has_pth = fs::list(tree.root())?
        .iter()
        .any(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pth")));
    let (files, bytes) = (tree.files, tree.bytes);
    tree.finish()?;
    Ok(Unpacked { dist_info: Some(dist_info), entry_points, has_pth, root_is_purelib, files, bytes })
}

/// Unpacks a bare ZIP archive, before any rule of a package format; returns how many files it has and their bytes.
/// `destination` as for [`unpack`].
pub fn extract_zip(archive: &Path, destination: &Path, limits: &Limits) -> Result<(u64, u64), Refusal> {
    let mut tree = Tree::begin(destination)?;
    container::extract_zip(fs::open(archive)?, &mut tree, limits)?;
    let counts = (tree.files, tree.bytes);
    tree.finish()?;
    Ok(counts)
}

/// Unpacks a bare archive, ZIP or tar, before any rule of a package format; for the rest as [`extract_zip`].
pub fn extract(archive: &Path, destination: &Path, limits: &Limits) -> Result<(u64, u64), Refusal> {
    let mut tree = Tree::begin(destination)?;
    container::extract(archive, &mut tree, limits)?;
    let counts = (tree.files, tree.bytes);
    tree.finish()?;
    Ok(counts)
}

/// The distribution's core metadata (`METADATA` or `PKG-INFO`), without unpacking it.
pub fn metadata_of(archive: &Path, name: &DistributionName, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    match name.format {
        Format::Wheel { .. } => open_wheel(archive, name, limits)?.metadata(name),
        Format::Pipper => open_package(archive, name, limits)?.into_wheel(name, limits)?.metadata(name),
        Format::Egg { .. } => egg::metadata(archive, name, limits),
        Format::Sdist => sdist::metadata(archive, name, limits),
    }
}

/// A wheel's `METADATA` from whatever can be read at any place, such as a file at the other end of a network: the
/// central directory in one piece (two when it is longer than 64 KiB), then the one member.
pub fn wheel_metadata_in<'a, R: Read + Seek + 'a>(
    wheel: R,
    name: &DistributionName,
    limits: &Limits,
) -> Result<Vec<u8>, Refusal> {
    Wheel::open(Box::new(wheel), name, limits)?.metadata(name)
}

/// The same of the wheel in a pipper package, and the `package.meta` beside it.
pub fn pipper_metadata_in<'a, R: Read + Seek + 'a>(
    package: R,
    name: &DistributionName,
    limits: &Limits,
) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let package = Package::open(Box::new(package), name, limits)?;
    let meta = package.meta.clone();
    Ok((package.into_wheel(name, limits)?.metadata(name)?, meta))
}

fn open_wheel(archive: &Path, name: &DistributionName, limits: &Limits) -> Result<Wheel<'static>, Refusal> {
    Wheel::open(Box::new(fs::open(archive)?), name, limits)
}

fn open_package(
    archive: &Path,
    name: &DistributionName,
    limits: &Limits,
) -> Result<Package<'static>, Refusal> {
    Package::open(Box::new(fs::open(archive)?), name, limits)
}

/// What has requirements beside the core metadata: setuptools' `requires.txt` in eggs, and in sdists whose `PKG-INFO`
/// has none; `package.meta` in pipper packages.
pub fn requires_of(
    archive: &Path,
    name: &DistributionName,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Refusal> {
    match name.format {
        Format::Wheel { .. } => Ok(None),
        Format::Pipper => Ok(Some(open_package(archive, name, limits)?.meta)),
        Format::Egg { .. } => egg::requires(archive, limits),
        Format::Sdist => sdist::requires(archive, name, limits),
    }
}
