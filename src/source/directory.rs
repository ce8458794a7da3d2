//! A directory of distributions on this machine: wheels, sdists, pipper packages, and eggs as files or directories.

use std::path::Path;

use super::file::{File, Location};
use super::listing::{Listing, parse};
use crate::error::Error;
use crate::fs;
use crate::package::filename::Format;
use crate::package::name::ProjectName;
use crate::package::pipper;
use crate::trust::hashes::Hashes;

/// Lists what a directory has of a project: its own entries, and those of a sub-directory named after the project,
/// as mirrors and pipper lay them out.
pub fn list(directory: &Path, project: &ProjectName) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for path in fs::list(directory)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let named_after = name.parse().is_ok_and(|name: ProjectName| name == *project);
        if named_after && fs::is_dir(&path) {
            // One that may not be read is one more entry that does not count.
            for inner in fs::list(&path).unwrap_or_default() {
                add(&mut listing, &inner, project, true);
            }
        } else {
            add(&mut listing, &path, project, false);
        }
    }
    Ok(listing)
}

fn add(listing: &mut Listing, path: &Path, project: &ProjectName, in_own_folder: bool) {
    match read(path, project, in_own_folder) {
        Some(file) => listing.files.push(file),
        None => listing.skipped += 1,
    }
}

fn read(path: &Path, project: &ProjectName, in_own_folder: bool) -> Option<File> {
    // A name that is not UTF-8 is no distribution's.
    let filename = path.file_name()?.to_str()?.to_owned();
    let in_folder = || in_own_folder.then(|| pipper::in_folder(&filename, project)).flatten();
    let (filename, name) = match parse(&filename, project) {
        Some(name) => (filename, name),
        None => in_folder()?,
    };
    let metadata = fs::metadata(path).ok()?;
    let usable = metadata.is_file() || (metadata.is_dir() && matches!(name.format, Format::Egg { .. }));
    usable.then(|| File {
        filename,
        name,
        location: Location::Path(path.to_owned()),
        hashes: Hashes::default(),
        size: metadata.is_file().then_some(metadata.len()),
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
    })
}
