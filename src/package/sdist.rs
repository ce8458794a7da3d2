//! Sdists (PEP 625 and their elders) of pure Python: unpacked and made importable without a build. What has to be
//! compiled, or is laid out in a way that only its build backend knows, is refused.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::archive::container;
use super::archive::identity;
use super::archive::limits::Limits;
use super::archive::path::MemberPath;
use super::archive::refusal::Refusal;
use super::archive::tree::Tree;
use super::entry_points::EntryPoints;
use super::filename::DistributionName;
use super::sdist_layout::{self, Layout};
use crate::fs;

const METADATA: &str = "PKG-INFO";
const PROJECT: &str = "pyproject.toml";
/// Where all of the sdist is for a while: no package can have this name.
const WHOLE: &str = ".sdist";

/// Lays out an sdist in `tree`; returns the name of its metadata directory and its entry points.
pub(crate) fn lay_out(
    archive: &Path,
    name: &DistributionName,
    tree: &mut Tree,
    limits: &Limits,
) -> Result<(String, EntryPoints), Refusal> {
    let whole = tree.root().join(WHOLE);
    let top = extract(archive, &whole, limits)?;
    let metadata = fs::read_if_there(&top.join(METADATA), limits.small)?.ok_or(Refusal::Missing(METADATA))?;
    identity::check_metadata(METADATA, &metadata, name)?;
    let layout = Layout::find(&top, name, limits)?;
    let entry_points = entry_points(&top, &layout, limits)?;
    for path in &layout.importable {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        tree.adopt(path, &MemberPath::parse(&file_name, limits)?)?;
    }
    fs::remove_tree(&whole)?;
    let info = format!("{}.dist-info", identity::stem(name));
    tree.small_file(&MemberPath::parse(&format!("{info}/METADATA"), limits)?, &metadata)?;
    if !entry_points.is_empty() {
        let path = MemberPath::parse(&format!("{info}/entry_points.txt"), limits)?;
        tree.small_file(&path, entry_points.to_ini().as_bytes())?;
    }
    Ok((info, entry_points))
}

/// Unpacks all of an sdist to `destination`; returns its one directory.
pub(crate) fn extract(archive: &Path, destination: &Path, limits: &Limits) -> Result<PathBuf, Refusal> {
    let mut unpacked = Tree::begin(destination)?;
    container::extract(archive, &mut unpacked, limits)?;
    unpacked.finish()?;
    only_directory(destination)
}

/// `PKG-INFO`, checked to be this distribution's.
pub(crate) fn metadata(archive: &Path, name: &DistributionName, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let wanted = |path: &MemberPath| path.split_first().1 == Some(METADATA);
    let mut files = container::read_files(archive, &wanted, limits)?;
    let (_, metadata) = files.pop().ok_or(Refusal::Missing(METADATA))?;
    if !files.is_empty() {
        return Err(Refusal::Container("it has more than one top directory"));
    }
    identity::check_metadata(METADATA, &metadata, name)?;
    Ok(metadata)
}

/// setuptools' `requires.txt`, where there is exactly one for this project.
pub(crate) fn requires(
    archive: &Path,
    name: &DistributionName,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Refusal> {
    let wanted = |path: &MemberPath| {
        let directory = path.as_str().strip_suffix("/requires.txt").unwrap_or_default();
        sdist_layout::is_egg_info(directory.rsplit('/').next().unwrap_or_default(), name)
    };
    let mut files = container::read_files(archive, &wanted, limits)?;
    Ok(files.pop().filter(|_| files.is_empty()).map(|(_, bytes)| bytes))
}

fn only_directory(whole: &Path) -> Result<PathBuf, Refusal> {
    match fs::list(whole)?.as_slice() {
        [top] if fs::is_dir(top) => Ok(top.clone()),
        _ => Err(Refusal::Container("it has more than one top directory, or none")),
    }
}

/// What setuptools has written down, else what `pyproject.toml` says (PEP 621).
fn entry_points(top: &Path, layout: &Layout, limits: &Limits) -> Result<EntryPoints, Refusal> {
    if let Some(egg_info) = &layout.egg_info {
        let text = fs::read_if_there(&egg_info.join("entry_points.txt"), limits.small)?;
        return Ok(EntryPoints::parse(&text.unwrap_or_default()));
    }
    let Some(text) = fs::read_if_there(&top.join(PROJECT), limits.small)? else {
        return Ok(EntryPoints::default());
    };
    let malformed = || Refusal::Malformed { file: PROJECT, flaw: "it is not TOML" };
    let text = String::from_utf8(text).map_err(|_| malformed())?;
    let document: Table = text.parse().map_err(|_| malformed())?;
    Ok(document.get("project").map(project_entry_points).unwrap_or_default())
}

fn project_entry_points(project: &Value) -> EntryPoints {
    let mut points = EntryPoints::default();
    let mut add = |group: &str, table: Option<&Value>| {
        for (name, value) in table.and_then(Value::as_table).into_iter().flatten() {
            points.insert(group, name, value.as_str().unwrap_or_default());
        }
    };
    add("console_scripts", project.get("scripts"));
    add("gui_scripts", project.get("gui-scripts"));
    for (group, table) in project.get("entry-points").and_then(Value::as_table).into_iter().flatten() {
        add(group, Some(table));
    }
    points
}
