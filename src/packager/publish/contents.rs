//! What a release is made of: the project's own files, the lock, and what of the lock lies on this machine only.

use std::path::Path;

use super::super::failure::Failure;
use super::super::lock::{add_or_replace, write};
use super::parcel::Parcel;
use crate::fs;
use crate::package::filename::Format;
use crate::package::lock::{LARGEST, Lock, LockedFile, Package, Place, Source};
use crate::package::metadata::Metadata;
use crate::package::name::ProjectName;
use crate::trust::hashes::Hashes;

/// Where a lock in a channel's folder finds the files.
const FILES: &str = "../files/";

/// All of one publishing.
pub(super) struct Contents {
    /// The files.
    pub(super) parcels: Vec<Parcel>,
    /// The text of the lock, as it is released.
    pub(super) lock: Option<String>,
    /// The version of the project.
    pub(super) version: Option<String>,
}

impl Contents {
    /// The project's files and the lock that lies at `path`; without one the project stands alone in its release,
    /// unless it was `asked` for.
    ///
    /// # Errors
    /// When the lock is none, does not fit the project, or names files that are not there.
    pub(super) fn of(
        mut parcels: Vec<Parcel>,
        project: &ProjectName,
        path: &Path,
        asked: bool,
    ) -> Result<Self, Failure> {
        let bytes = if asked { Some(fs::read(path, LARGEST)?) } else { fs::read_if_there(path, LARGEST)? };
        let mut lock = match &bytes {
            None => Lock::default(),
            Some(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                Lock::parse(&text)
                    .map_err(|fault| Failure::Lock { path: path.to_owned(), reason: fault.to_string() })?
            }
        };
        let own: Vec<&Parcel> = parcels.iter().filter(|parcel| parcel.name.project == *project).collect();
        let newest = own.iter().max_by(|a, b| a.name.version.cmp(&b.name.version)).copied();
        let version = newest.map(|parcel| parcel.name.version.clone());
        if let Some(newest) = newest {
            if bytes.is_some() {
                fits(&lock, newest, path)?;
            }
            let of_version = own.iter().filter(|parcel| parcel.name.version == newest.name.version);
            add_or_replace(&mut lock, package(newest, of_version.copied()));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        for package in &mut lock.packages {
            if package.name != *project {
                take_along(package, folder, &mut parcels)?;
            }
        }
        Ok(Self { parcels, lock: Some(write(&lock)), version: version.map(|version| version.to_string()) })
    }
}

/// The project's own entry.
fn package<'p>(newest: &Parcel, parcels: impl Iterator<Item = &'p Parcel>) -> Package {
    let (mut wheels, mut sdist) = (Vec::new(), None);
    for parcel in parcels {
        let file = LockedFile {
            name: parcel.filename.clone(),
            place: Place::Path(format!("{FILES}{}", parcel.filename)),
            hashes: Hashes::sha256(&parcel.sha256),
            size: Some(parcel.size),
            uploaded: None,
        };
        match parcel.name.format {
            Format::Sdist => sdist = Some(file),
            _ => wheels.push(file),
        }
    }
    wheels.sort_by(|a, b| a.name.cmp(&b.name));
    Package {
        name: newest.name.project.clone(),
        version: Some(newest.name.version.clone()),
        marker: None,
        requires_python: newest.requires_python.as_ref().and_then(|text| text.parse().ok()),
        index: None,
        source: Source::Files { wheels, sdist },
    }
}

/// What lies beside the lock is published with it.
fn take_along(package: &mut Package, folder: &Path, parcels: &mut Vec<Parcel>) -> Result<(), Failure> {
    let files: Vec<&mut LockedFile> = match &mut package.source {
        Source::Files { wheels, sdist } => wheels.iter_mut().chain(sdist).collect(),
        Source::Archive(file) => vec![file],
        Source::Tree(_) => Vec::new(),
    };
    for file in files {
        let Place::Path(path) = &file.place else { continue };
        let parcel = Parcel::of(&folder.join(path))?;
        if file.hashes.check(&super::super::digest::of_file(&parcel.path)?).is_err() {
            let filename = parcel.filename;
            return Err(Failure::Lock {
                path: folder.join("pylock.toml"),
                reason: format!("{filename} is not the file that was locked"),
            });
        }
        file.place = Place::Path(format!("{FILES}{}", parcel.filename));
        parcels.push(parcel);
    }
    Ok(())
}

/// Whether the lock has what the project asks for: a release that no launcher can install is none.
fn fits(lock: &Lock, parcel: &Parcel, path: &Path) -> Result<(), Failure> {
    let failed = |reason: String| Failure::Lock { path: path.to_owned(), reason };
    let metadata = Metadata::parse(&parcel.metadata)
        .map_err(|reason| failed(format!("{} does not say what it asks for: {reason}", parcel.filename)))?;
    for requirement in &metadata.requires_dist {
        let of_extra = requirement.marker.as_ref().is_some_and(|marker| marker.to_string().contains("extra"));
        let locked: Vec<&Package> =
            lock.packages.iter().filter(|package| package.name == requirement.name).collect();
        let met = |package: &&Package| match (&package.version, requirement.specifiers()) {
            (Some(version), Some(specifiers)) => specifiers.contains(version),
            _ => true,
        };
        if of_extra || locked.iter().any(met) {
            continue;
        }
        // Of what is for other platforms alone the lock may say nothing.
        if locked.is_empty() && requirement.marker.is_some() {
            continue;
        }
        let reason = match locked.first().and_then(|package| package.version.as_ref()) {
            None => format!("it has no {} for {}", requirement, parcel.filename),
            Some(version) => {
                format!("it has {} {version}, {} asks for {requirement}", requirement.name, parcel.filename)
            }
        };
        return Err(failed(reason));
    }
    Ok(())
}
