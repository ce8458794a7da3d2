//! One file at a time: from its source into the store, checked while it streams, unpacked, and only then named.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::is_dotted_name;
use crate::error::Error;
use crate::fs;
use crate::net::{Net, show_url};
use crate::package::archive::limits::Limits;
use crate::package::filename::DistributionName;
use crate::package::unpack::unpack;
use crate::source::file::{File, Location};
use crate::source::receive::receive;
use crate::store::{DistributionFiles, Store, this_boot};
use crate::time::Deadline;
use crate::trust::hashes::{Algorithm, Hasher, Hashes, sha256_hex};
use crate::update::description::{Description, Script};
use crate::update::pages::DiskPages;

/// The largest archive, in bytes, where the source does not say how large it is.
pub const LARGEST: u64 = 8 << 30;

/// The store, and the way from a source into it.
#[derive(Clone, Copy)]
pub struct Depot<'a> {
    /// Where files go.
    pub store: &'a Store,
    /// The network.
    pub net: &'a Net,
    /// Digests of files whose source promises none that we can name them by.
    pub pages: &'a DiskPages,
    /// When it has to be over.
    pub deadline: Deadline,
}

impl Depot<'_> {
    /// The file's SHA-256 and what is known of it, where it is in the store.
    ///
    /// # Errors
    /// When a file on this machine cannot be read.
    pub fn known(&self, file: &File) -> Result<Option<(String, Description)>, Error> {
        let known = self.sha256(file)?;
        Ok(known.and_then(|sha256| Some((sha256.clone(), Description::read(self.store, &sha256)?))))
    }

    /// Has the file in the store, unpacked: its SHA-256, and what is known of it. At most `cap` bytes are fetched
    /// where the source does not say how many there are; `fetched` counts them.
    ///
    /// # Errors
    /// When it cannot be had, is not what its source promises, or is refused.
    pub fn fetch(&self, file: &File, cap: u64, fetched: &AtomicU64) -> Result<(String, Description), Error> {
        let staging = self.staging(file)?;
        let archive = self.archive(file, &staging, cap, fetched);
        let kept = archive.and_then(|(sha256, archive)| self.keep(file, &staging, &archive, sha256));
        if kept.is_err() {
            let _ = fs::remove_tree(staging.root());
        }
        kept
    }

    /// Has the file in the store, and lets `look` see its archive before. What is refused when it is unpacked is not
    /// kept: whoever chooses it finds out why.
    ///
    /// # Errors
    /// When it cannot be had, or is not what its source promises.
    pub fn look<T>(&self, file: &File, cap: u64, look: impl FnOnce(&Path) -> T) -> Result<T, Error> {
        let staging = self.staging(file)?;
        let archive = self.archive(file, &staging, cap, &AtomicU64::new(0));
        let seen = archive.map(|(sha256, archive)| {
            let seen = look(&archive);
            (seen, self.keep(file, &staging, &archive, sha256).is_ok())
        });
        if !matches!(seen, Ok((_, true))) {
            let _ = fs::remove_tree(staging.root());
        }
        seen.map(|(seen, _)| seen)
    }

    fn staging(&self, file: &File) -> Result<DistributionFiles, Error> {
        let staging =
            DistributionFiles::at(fs::sibling(self.store.distribution(&file.filename).root(), "tmp"));
        fs::create_dir_all(staging.root())?;
        Ok(staging)
    }

    /// The verified bytes, in `staging` or where they are on this machine, and their SHA-256.
    fn archive(
        &self,
        file: &File,
        staging: &DistributionFiles,
        cap: u64,
        fetched: &AtomicU64,
    ) -> Result<(String, PathBuf), Error> {
        let archive = staging.root().join(&file.filename);
        match &file.location {
            Location::Path(path) if fs::is_dir(path) => Ok((tree_digest(path)?, path.clone())),
            _ => Ok((bring(file, &archive, cap, self.net, self.deadline, fetched)?, archive)),
        }
    }

    fn keep(
        &self,
        file: &File,
        staging: &DistributionFiles,
        archive: &Path,
        sha256: String,
    ) -> Result<(String, Description), Error> {
        let description = keep(self.store, staging, archive, &file.name, &file.filename, &sha256)?;
        if file.hashes.get(Algorithm::Sha256).is_none() {
            self.pages.remember(&fact_key(file), sha256.as_bytes());
        }
        Ok((sha256, description))
    }

    /// The SHA-256 that names the file in the store, where it is known without fetching it.
    fn sha256(&self, file: &File) -> Result<Option<String>, Error> {
        if let Some(sha256) = file.hashes.get(Algorithm::Sha256) {
            return Ok(Some(sha256.to_owned()));
        }
        match &file.location {
            Location::Url(_) | Location::Object { .. } | Location::Direct(_) => {
                let fact = self.pages.fact(&fact_key(file));
                Ok(fact.and_then(|bytes| String::from_utf8(bytes).ok()))
            }
            // Its wheel has a digest, it has none.
            Location::Checkout(_) => Ok(None),
            Location::Path(path) if fs::is_dir(path) => tree_digest(path).map(Some),
            Location::Path(path) => file_digest(path).map(Some),
        }
    }
}

/// Unpacks a verified archive in `staging`, and gives it its place in the store. An archive in `staging` does not stay.
///
/// # Errors
/// When it is refused, or the disk is in the way.
pub(super) fn keep(
    store: &Store,
    staging: &DistributionFiles,
    archive: &Path,
    name: &DistributionName,
    filename: &str,
    sha256: &str,
) -> Result<Description, Error> {
    let unpacked = unpack(archive, name, &staging.tree(), &Limits::default())
        .map_err(|refusal| Error::Archive { filename: filename.to_owned(), refusal })?;
    let scripts =
        ["console_scripts", "gui_scripts"].into_iter().flat_map(|group| unpacked.entry_points.group(group));
    let scripts = scripts.filter_map(|(name, entry)| {
        let (module, attribute) = (entry.module.clone(), entry.attr.clone()?);
        let usable = is_dotted_name(&module) && is_dotted_name(&attribute);
        usable.then(|| Script { name: name.to_owned(), module, attribute })
    });
    let description = Description {
        filename: filename.to_owned(),
        pth: unpacked.has_pth,
        scripts: scripts.collect(),
        boot: this_boot(),
    };
    // A file on this machine's disk may be what was unpacked; it is not ours.
    if archive.starts_with(staging.root()) {
        fs::remove_file(archive)?;
    }
    let text = serde_json::to_vec(&description).unwrap_or_default();
    fs::replace(&staging.description(), &text)?;
    let place = store.distribution(sha256);
    if Description::read(store, sha256).is_none() {
        fs::remove_tree(place.root())?;
        // Another app's updater may have been quicker; its files are the same.
        if let Err(error) = fs::rename(staging.root(), place.root())
            && Description::read(store, sha256).is_none()
        {
            return Err(error);
        }
    }
    let _ = fs::remove_tree(staging.root());
    Ok(description)
}

/// Has the file's bytes in a new file at `archive`, checked against all that its source promises.
///
/// # Errors
/// The network's, the disk's, or that the file is not what its source promises.
pub(super) fn archive(file: &File, archive: &Path, net: &Net, deadline: Deadline) -> Result<(), Error> {
    bring(file, archive, LARGEST, net, deadline, &AtomicU64::new(0)).map(drop)
}

/// The SHA-256 of the file, which has its bytes in a new file at `archive` afterwards.
///
/// # Errors
/// As [`archive`].
pub(crate) fn digest(file: &File, archive: &Path, net: &Net, deadline: Deadline) -> Result<String, Error> {
    bring(file, archive, LARGEST, net, deadline, &AtomicU64::new(0))
}

fn bring(
    file: &File,
    archive: &Path,
    cap: u64,
    net: &Net,
    deadline: Deadline,
    fetched: &AtomicU64,
) -> Result<String, Error> {
    if let Location::Path(path) = &file.location {
        return copy_verified(file, path, archive);
    }
    let mut target = fs::create_new(archive, 0o600)?;
    let mut sink = |chunk: &[u8]| {
        fetched.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        fs::write_all(&mut target, archive, chunk)
    };
    let digests = receive(file, cap, net, deadline, &mut sink)?;
    Ok(digests.sha256().to_owned())
}

fn fact_key(file: &File) -> String {
    let identity = file.identity().unwrap_or_default();
    if let Location::Direct(_) = file.location {
        return format!("sha256 of {identity}");
    }
    format!("sha256 of {} {identity}", show_location(&file.location))
}

/// Where a file comes from, without anything secret.
pub(super) fn show_location(location: &Location) -> String {
    match location {
        Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => show_url(url),
        Location::Path(path) => path.display().to_string(),
        Location::Checkout(checkout) => checkout.to_string(),
    }
}

/// Copies a local archive: what is unpacked must be the very bytes that were hashed, whoever writes to the original.
fn copy_verified(file: &File, from: &Path, to: &Path) -> Result<String, Error> {
    let mut hasher = Hasher::for_promises(&file.hashes);
    let mut target = fs::create_new(to, 0o600)?;
    each_chunk(from, |chunk| {
        hasher.update(chunk);
        fs::write_all(&mut target, to, chunk)
    })?;
    let digests = hasher.finish();
    file.hashes
        .check(&digests)
        .map_err(|mismatch| Error::Hash { filename: file.filename.clone(), mismatch })?;
    Ok(digests.sha256().to_owned())
}

/// The SHA-256 of a file.
pub(super) fn file_digest(path: &Path) -> Result<String, Error> {
    let mut hasher = Hasher::for_promises(&Hashes::default());
    each_chunk(path, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok(hasher.finish().sha256().to_owned())
}

fn each_chunk(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut file = fs::open(path)?;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = file.read(&mut buffer).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        if count == 0 {
            return Ok(());
        }
        take(&buffer[..count])?;
    }
}

/// A digest of a directory egg: names and contents of all its files.
fn tree_digest(root: &Path) -> Result<String, Error> {
    let mut lines = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for path in fs::list(&directory)? {
            if fs::symlink_metadata(&path)?.is_dir() {
                waiting.push(path);
            } else {
                let name =
                    path.strip_prefix(root).unwrap_or(&path).as_os_str().as_encoded_bytes().escape_ascii();
                lines.push(format!("{} {name}", file_digest(&path)?));
            }
        }
    }
    lines.sort();
    Ok(sha256_hex(lines.join("\n").as_bytes()))
}

impl std::fmt::Debug for Depot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Depot")
    }
}
