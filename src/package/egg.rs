//! setuptools' eggs, packed or as directories: laid out unpacked, zip-safe or not, with `EGG-INFO` where
//! `importlib.metadata` finds it.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::archive::container;
use super::archive::identity;
use super::archive::limits::Limits;
use super::archive::path::MemberPath;
use super::archive::refusal::Refusal;
use super::archive::tree::Tree;
use super::entry_points::EntryPoints;
use super::filename::DistributionName;
use crate::fs;

const METADATA: &str = "EGG-INFO/PKG-INFO";
const REQUIRES: &str = "EGG-INFO/requires.txt";

/// Unpacks (or copies) an egg into `tree`; returns the name of its metadata directory and its entry points.
pub(crate) fn lay_out(
    egg: &Path,
    name: &DistributionName,
    tree: &mut Tree,
    limits: &Limits,
) -> Result<(String, EntryPoints), Refusal> {
    if fs::is_dir(egg) {
        copy_directory(egg, "", tree, limits)?;
    } else {
        container::extract_zip(fs::open(egg)?, tree, limits)?;
    }
    let metadata = read_if_there(tree.root(), METADATA, limits)?.ok_or(Refusal::Missing(METADATA))?;
    identity::check_metadata(METADATA, &metadata, name)?;
    let entry_points = read_if_there(tree.root(), "EGG-INFO/entry_points.txt", limits)?.unwrap_or_default();
    let info = format!("{}.egg-info", identity::stem(name));
    if fs::exists(&tree.root().join(&info)) {
        return Err(Refusal::member(&info, "it is there twice"));
    }
    fs::rename(&tree.root().join("EGG-INFO"), &tree.root().join(&info))?;
    Ok((info, EntryPoints::parse(&entry_points)))
}

/// `PKG-INFO`, checked to be this distribution's.
pub(crate) fn metadata(egg: &Path, name: &DistributionName, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let metadata = read_member(egg, METADATA, limits)?.ok_or(Refusal::Missing(METADATA))?;
    identity::check_metadata(METADATA, &metadata, name)?;
    Ok(metadata)
}

/// `requires.txt`, where there is one.
pub(crate) fn requires(egg: &Path, limits: &Limits) -> Result<Option<Vec<u8>>, Refusal> {
    read_member(egg, REQUIRES, limits)
}

fn read_member(egg: &Path, member: &str, limits: &Limits) -> Result<Option<Vec<u8>>, Refusal> {
    if fs::is_dir(egg) {
        return read_if_there(egg, member, limits);
    }
    let files = container::read_files(egg, &|path| path.as_str() == member, limits)?;
    Ok(files.into_iter().next().map(|(_, bytes)| bytes))
}

fn read_if_there(root: &Path, file: &str, limits: &Limits) -> Result<Option<Vec<u8>>, Refusal> {
    Ok(fs::read_if_there(&root.join(file), limits.small)?)
}

/// Copies what is in a directory. Not linked: whoever edits the original must not edit what runs.
fn copy_directory(from: &Path, prefix: &str, tree: &mut Tree, limits: &Limits) -> Result<(), Refusal> {
    for path in fs::list(from)? {
        let name = path.file_name().unwrap_or_default();
        let name = name.to_str().ok_or_else(|| {
            Refusal::member(&format!("{prefix}{}", name.to_string_lossy()), "its name is not UTF-8")
        })?;
        // The depth of a path is bounded, and thereby the recursion.
        let member = MemberPath::parse(&format!("{prefix}{name}"), limits)?;
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            tree.directory(&member)?;
            copy_directory(&path, &format!("{member}/"), tree, limits)?;
        } else if metadata.is_file() {
            copy_file(&path, &member, metadata.permissions().mode() & 0o111 != 0, tree, limits)?;
        } else {
            return Err(Refusal::member(member.as_str(), "it is a link or a special file"));
        }
        limits.check_members(tree.files)?;
    }
    Ok(())
}

fn copy_file(
    from: &Path,
    member: &MemberPath,
    executable: bool,
    tree: &mut Tree,
    limits: &Limits,
) -> Result<(), Refusal> {
    let mut source = fs::open(from)?;
    let mut target = tree.file(member, executable)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match source.read(&mut buffer).map_err(Refusal::Read)? {
            0 => return Ok(()),
            length => {
                tree.bytes += length as u64;
                limits.check_total(tree.bytes)?;
                target.write(buffer.get(..length).unwrap_or_default())?;
            }
        }
    }
}
