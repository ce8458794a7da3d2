//! Fetching: pinned files into the store, in parallel, hashed while they stream, unpacked, and only then named.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde::{Deserialize, Serialize};

use crate::config::is_dotted_name;
use crate::error::Error;
use crate::fs;
use crate::net::{Net, show_url};
use crate::package::archive::limits::Limits;
use crate::package::archive::refusal::Refusal;
use crate::package::filename::DistributionName;
use crate::package::unpack::unpack;
use crate::source::file::{File, Location};
use crate::source::receive::receive;
use crate::state::PinnedFile;
use crate::store::{DistributionFiles, Store, this_boot};
use crate::time::Deadline;
use crate::trust::hashes::{Hasher, Hashes, sha256_hex};
use crate::update::build::{Builder, Built};
use crate::update::environment::Fetched;
use crate::update::events::{Event, Listener};
use crate::update::pages::DiskPages;
use crate::update::resolve::Pin;

/// Downloads at the same time.
const THREADS: usize = 8;

/// The largest archive, in bytes, where the source does not say how large it is.
const LARGEST: u64 = 8 << 30;

/// What is known of an unpacked distribution: the contents of `unpacked.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The file it came from.
    pub filename: String,
    /// Whether it has `.pth` files.
    pub pth: bool,
    /// Its console and GUI scripts.
    pub scripts: Vec<Script>,
    /// The boot in which it was unpacked, until its files are known to be on the disk: after a power cut they may
    /// not be.
    #[serde(default)]
    pub boot: Option<Vec<u8>>,
}

/// A console script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// The module it imports.
    pub module: String,
    /// The attribute it calls.
    pub attribute: String,
}

impl Description {
    /// What is known of the distribution whose archive has that SHA-256; `None` when it is not in the store, whole.
    pub fn read(store: &Store, sha256: &str) -> Option<Self> {
        let bytes = fs::read(&store.distribution(sha256).description(), fs::SMALL_FILE).ok()?;
        let description: Self = serde_json::from_slice(&bytes).ok()?;
        (description.boot.is_none() || description.boot == this_boot()).then_some(description)
    }

    /// Notes that the files are on the disk.
    pub fn settle(store: &Store, sha256: &str) {
        if let Some(description) = Self::read(store, sha256).filter(|known| known.boot.is_some()) {
            let settled = Self { boot: None, ..description };
            let text = serde_json::to_vec(&settled).unwrap_or_default();
            let _ = fs::write_atomic(&store.distribution(sha256).description(), &text);
        }
    }
}

/// A file that could not be had.
#[derive(Debug)]
pub struct Lost {
    /// Its name, to be left out when the sources are asked again.
    pub filename: String,
    /// Why.
    pub error: Box<Error>,
    /// What can be done.
    pub remedy: Remedy,
}

/// What can be done where a file could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: a dead network or a full disk is not the file's fault.
    None,
    /// The file is bad: another candidate may do.
    NextBest,
    /// It was built meanwhile: the sources are asked again, for only now is known what it requires.
    AskAgain,
}

/// What fetching needs.
#[derive(Clone, Copy)]
pub struct Fetcher<'a> {
    /// Where files go.
    pub store: &'a Store,
    /// The network.
    pub net: &'a Net,
    /// Digests of files whose source promises none that we can name them by.
    pub pages: &'a DiskPages,
    /// What builds where that is allowed.
    pub builder: &'a Builder<'a>,
    /// When it has to be over.
    pub deadline: Deadline,
    /// Who wants to know.
    pub listener: &'a dyn Listener,
}

impl Fetcher<'_> {
    /// Has all these files in the store, or says which one could not be had.
    ///
    /// # Errors
    /// The first file that failed, by name.
    pub fn all(&self, pins: &[Pin]) -> Result<Vec<Fetched>, Lost> {
        let next = AtomicUsize::new(0);
        let bytes = AtomicU64::new(0);
        let results: Mutex<BTreeMap<usize, Result<Fetched, Lost>>> = Mutex::default();
        thread::scope(|scope| {
            for _ in 0..THREADS.min(pins.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(pin) = pins.get(at) else { return };
                        let result = self.one(pin, &bytes);
                        let failed = result.is_err();
                        let Ok(mut results) = results.lock() else { return };
                        results.insert(at, result);
                        let (done, fetched) = (results.len(), bytes.load(Ordering::Relaxed));
                        if failed {
                            next.store(pins.len(), Ordering::Relaxed);
                        } else if fetched > 0 {
                            self.listener.hear(Event::Files { done, total: pins.len(), bytes: fetched });
                        }
                    }
                });
            }
        });
        let results = results.into_inner().unwrap_or_default();
        results.into_values().collect()
    }

    fn one(&self, pin: &Pin, bytes: &AtomicU64) -> Result<Fetched, Lost> {
        let lost = |error: Error| {
            let remedy = if error.is_the_files_fault() { Remedy::NextBest } else { Remedy::None };
            // Whoever puts another file in its place will have other metadata too.
            if let Some(key) = pin.file.metadata_key().filter(|_| remedy == Remedy::NextBest) {
                self.pages.forget(&key);
            }
            Lost { filename: pin.file.filename.clone(), error: Box::new(error), remedy }
        };
        if let Some(built) = self.built(&pin.file).map_err(lost)? {
            return Ok(built.fetched(&pin.name));
        }
        let known = self.known_sha256(&pin.file).map_err(lost)?;
        let (sha256, description) =
            match known.and_then(|sha| Some((Description::read(self.store, &sha)?, sha))) {
                Some((description, sha256)) => (sha256, description),
                None => self
                    .fetch(&pin.file, bytes)
                    .map_err(|error| self.build_instead(&pin.file, error, lost))?,
            };
        let pin = PinnedFile {
            name: pin.name.to_string(),
            version: pin.version.to_string(),
            filename: pin.file.filename.clone(),
            sha256,
            source: show_location(&pin.file.location),
        };
        Ok(Fetched { pin, description })
    }

    /// What was built of the file, where that is how it is had.
    fn built(&self, file: &File) -> Result<Option<Arc<Built>>, Error> {
        match file.location {
            Location::Checkout(_) => self.builder.build(file).map(Some),
            _ => Ok(self.builder.known(file)),
        }
    }

    /// Builds an sdist of which only unpacking told that it has to be.
    fn build_instead(&self, file: &File, error: Error, lost: impl Fn(Error) -> Lost) -> Lost {
        let needs_build = matches!(&error, Error::Archive { refusal: Refusal::NeedsBuild(_), .. });
        if !needs_build || !self.builder.allows(file) {
            return lost(error);
        }
        match self.builder.build(file) {
            Ok(_) => Lost { remedy: Remedy::AskAgain, ..lost(error) },
            Err(error) => lost(error),
        }
    }

    /// The SHA-256 that names the file in the store, where it is known without fetching it.
    fn known_sha256(&self, file: &File) -> Result<Option<String>, Error> {
        if let Some(sha256) = file.hashes.get(crate::trust::hashes::Algorithm::Sha256) {
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

    fn fetch(&self, file: &File, bytes: &AtomicU64) -> Result<(String, Description), Error> {
        let staging =
            DistributionFiles::at(fs::sibling(self.store.distribution(&file.filename).root(), "tmp"));
        fs::create_dir_all(staging.root())?;
        let fetched = self.fetch_into(file, &staging, bytes);
        if fetched.is_err() {
            let _ = fs::remove_tree(staging.root());
        }
        fetched
    }

    fn fetch_into(
        &self,
        file: &File,
        staging: &DistributionFiles,
        bytes: &AtomicU64,
    ) -> Result<(String, Description), Error> {
        let archive = staging.root().join(&file.filename);
        let (sha256, source) = match &file.location {
            Location::Url(_) | Location::Object { .. } | Location::Direct(_) => {
                (self.download(file, &archive, bytes)?, archive.as_path())
            }
            Location::Checkout(_) => return Err(Error::NotInStore { filename: file.filename.clone() }),
            Location::Path(path) if fs::is_dir(path) => (tree_digest(path)?, path.as_path()),
            Location::Path(path) => (copy_verified(file, path, &archive)?, archive.as_path()),
        };
        let description = keep(self.store, staging, source, &file.name, &file.filename, &sha256)?;
        if file.hashes.get(crate::trust::hashes::Algorithm::Sha256).is_none() {
            self.pages.remember(&fact_key(file), sha256.as_bytes());
        }
        Ok((sha256, description))
    }

    fn download(&self, file: &File, archive: &Path, bytes: &AtomicU64) -> Result<String, Error> {
        let mut target = fs::create_new(archive, 0o600)?;
        let mut sink = |chunk: &[u8]| {
            bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            fs::write_all(&mut target, archive, chunk)
        };
        let digests = receive(file, LARGEST, self.net, self.deadline, &mut sink)?;
        Ok(digests.sha256().to_owned())
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
    if let Location::Path(path) = &file.location {
        return copy_verified(file, path, archive).map(drop);
    }
    let mut target = fs::create_new(archive, 0o600)?;
    let mut sink = |chunk: &[u8]| fs::write_all(&mut target, archive, chunk);
    receive(file, LARGEST, net, deadline, &mut sink).map(drop)
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

impl std::fmt::Debug for Fetcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetcher")
    }
}
