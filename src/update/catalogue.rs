//! What the sources offer, asked for once and remembered: the resolver's view of the world.
//!
//! Sources are asked in order and the first that has a project owns it, so that nobody can put a package of the same
//! name, and a higher version, in a place that is asked later.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;

use crate::config::{Config, SourceType};
use crate::error::Error;
use crate::log;
use crate::net::{Net, NetError, show_url};
use crate::package::archive::limits::Limits;
use crate::package::filename::Format;
use crate::package::metadata::Metadata;
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;
use crate::package::unpack;
use crate::source::file::{File, Location};
use crate::source::remote_file::RemoteFile;
use crate::source::{self, Address, PUBLIC_INDEX, SourceError};
use crate::store::Store;
use crate::time::Deadline;
use crate::trust::hashes::{Algorithm, Hasher};
use crate::update::pages::DiskPages;
use crate::update::resolve::{self, Request, Unavailable, Unsolved};

/// Questions under way at the same time.
const THREADS: usize = 16;

/// The largest metadata of a distribution, in bytes.
const METADATA_CAP: u64 = 8 << 20;

/// The largest archive that is fetched only to read its metadata, in bytes.
const ARCHIVE_CAP: u64 = 512 << 20;

/// One configured source.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it is.
    pub address: Address,
    /// The only projects that come from here; `None`: all may.
    pub projects: Option<BTreeSet<ProjectName>>,
    /// Whether the best version among all such sources wins.
    pub any: bool,
}

/// All configured sources, in order.
#[derive(Debug, Clone)]
pub struct Places(pub Vec<Place>);

impl Places {
    /// The sources of a configuration.
    ///
    /// # Errors
    /// When an address or a project's name cannot be meant.
    pub fn of(config: &Config, config_path: &Path) -> Result<Self, Error> {
        let base = config_path.parent().unwrap_or(Path::new("/"));
        let places = config.sources.iter().map(|source| {
            let invalid =
                |line: usize, reason: String| Error::Source { file: config_path.to_owned(), line, reason };
            let address = match (&source.url, source.kind) {
                (None, _) => source::read(PUBLIC_INDEX, SourceType::Index, base),
                (Some(url), Some(kind)) => source::read(url, kind, base),
                (Some(url), None) => source::infer(url, base),
            };
            let address = address.map_err(|error| invalid(source.line, error.to_string()))?;
            let read = |name: &crate::config::Located<String>| {
                name.value.parse::<ProjectName>().map_err(|error| invalid(name.line, error.to_string()))
            };
            let projects = source.projects.as_ref().map(|all| all.iter().map(read).collect()).transpose()?;
            Ok(Place { address, projects, any: source.any })
        });
        places.collect::<Result<Vec<_>, Error>>().map(Self)
    }
}

type Files = Result<Option<Arc<[File]>>, Unavailable>;
type Described = Result<Arc<Metadata>, Unavailable>;
type Once<T> = Arc<OnceLock<T>>;

/// The sources' offers, asked for on demand.
pub struct Catalogue<'a> {
    places: &'a Places,
    net: &'a Net,
    pages: &'a DiskPages,
    store: &'a Store,
    deadline: Deadline,
    projects: Mutex<HashMap<ProjectName, Once<Files>>>,
    metadata: Mutex<HashMap<String, Once<Described>>>,
    /// Set by the first sign that there is no network: nothing more is asked of it.
    offline: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

/// The network's or a disk's fault that kept a source from answering.
enum Trouble {
    Net(NetError),
    Source(String),
}

impl<'a> Catalogue<'a> {
    /// A catalogue of nothing yet.
    pub fn new(
        places: &'a Places,
        net: &'a Net,
        pages: &'a DiskPages,
        store: &'a Store,
        deadline: Deadline,
    ) -> Self {
        Self {
            places,
            net,
            pages,
            store,
            deadline,
            projects: Mutex::default(),
            metadata: Mutex::default(),
            offline: AtomicBool::new(false),
            trouble: Mutex::default(),
        }
    }

    /// Asks, many at a time, what the resolver will most likely ask one after the other.
    pub fn warm(&self, request: &Request) {
        let queue = Queue::default();
        for requirement in &request.requirements {
            if applies(requirement, request, &[]) {
                queue.push(requirement.clone());
            }
        }
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Some(requirement) = queue.pop() {
                        for next in self.look_ahead(&requirement, request) {
                            queue.push(next);
                        }
                        queue.done();
                    }
                });
            }
        });
    }

    /// What the candidate that would be chosen now requires itself.
    fn look_ahead(&self, requirement: &Requirement, request: &Request) -> Vec<Requirement> {
        use resolve::Catalogue as _;
        let Ok(Some(files)) = self.files(&requirement.name) else { return Vec::new() };
        let Some(file) = resolve::likely(request, requirement, &files) else { return Vec::new() };
        let Ok(metadata) = self.metadata(file) else { return Vec::new() };
        let wanted = metadata.requires_dist.iter().filter(|next| applies(next, request, &requirement.extras));
        wanted.cloned().collect()
    }

    /// The error behind a resolution that failed: the network's own words where that is the cause.
    pub fn explain(&self, unsolved: Unsolved) -> Error {
        let trouble = self.trouble.lock().ok().and_then(|mut trouble| trouble.take());
        match (unsolved, trouble) {
            (Unsolved::Unavailable { .. } | Unsolved::Conflict(_), Some(Trouble::Net(error))) => {
                Error::Net(error)
            }
            (Unsolved::Unavailable { .. } | Unsolved::Conflict(_), Some(Trouble::Source(reason))) => {
                Error::Unanswered { reason }
            }
            (unsolved, _) => Error::Unsolved(unsolved),
        }
    }

    fn ask(&self, name: &ProjectName) -> Files {
        let mut merged: Vec<File> = Vec::new();
        let mut merging = false;
        for place in &self.places.0 {
            let allowed = place.projects.as_ref().is_none_or(|projects| projects.contains(name));
            if !allowed || (merging && !place.any) {
                continue;
            }
            let Some(files) = self.ask_one(&place.address, name)? else { continue };
            merged.extend(files);
            merging = place.any;
            if !merging {
                break;
            }
        }
        Ok((!merged.is_empty()).then(|| merged.into()))
    }

    fn ask_one(&self, address: &Address, name: &ProjectName) -> Result<Option<Vec<File>>, Unavailable> {
        let on_network = !matches!(address, Address::Directory(_));
        if on_network && self.offline.load(Ordering::Relaxed) {
            return self.cached(address, name);
        }
        match address.project(name, self.net, self.pages, self.deadline) {
            Ok(found) => Ok(found.map(|found| {
                log::debug(|| {
                    let state = if found.unchanged { "unchanged" } else { "read" };
                    format!("{name}: {} files, {} skipped, {state}", found.files.len(), found.skipped)
                });
                found.files
            })),
            Err(error) => {
                log::debug(|| format!("{name}: {error}"));
                let offline = matches!(&error, SourceError::Net(net) if net.is_offline());
                let reason = error.to_string();
                self.remember(match error {
                    SourceError::Net(error) => Trouble::Net(error),
                    other => Trouble::Source(other.to_string()),
                });
                if offline {
                    self.offline.store(true, Ordering::Relaxed);
                    return self.cached(address, name);
                }
                Err(Unavailable::Source(reason))
            }
        }
    }

    /// Without the network: what the source last said, as far as the files lie in the store.
    fn cached(&self, address: &Address, name: &ProjectName) -> Result<Option<Vec<File>>, Unavailable> {
        let files = address.remembered(name, self.pages);
        let here = |file: &File| {
            let sha256 = file.hashes.get(Algorithm::Sha256);
            sha256.is_some_and(|sha256| fs_has(self.store, sha256))
        };
        let files: Vec<File> = files.into_iter().flatten().filter(here).collect();
        if files.is_empty() {
            return Err(Unavailable::Source("the network is not reachable".to_owned()));
        }
        Ok(Some(files))
    }

    fn remember(&self, trouble: Trouble) {
        if let Ok(mut first) = self.trouble.lock() {
            first.get_or_insert(trouble);
        }
    }

    /// Whether some source could not be asked: what was resolved then is not what the sources offer now.
    pub fn was_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed)
    }

    /// The network's fault that was met, where one was.
    pub fn network_error(&self) -> Option<Error> {
        match self.trouble.lock().ok()?.take()? {
            Trouble::Net(error) => Some(Error::Net(error)),
            Trouble::Source(reason) => Some(Error::Unanswered { reason }),
        }
    }

    fn read_metadata(&self, file: &File) -> Result<Metadata, Unavailable> {
        let key = format!("metadata of {} {}", file.filename, file.hashes);
        let immutable = !file.hashes.is_empty();
        if immutable && let Some(bytes) = self.pages.fact(&key) {
            return parse(&bytes, file);
        }
        let bytes = self.metadata_bytes(file)?;
        let metadata = parse(&bytes, file)?;
        if immutable {
            self.pages.remember(&key, &bytes);
        }
        Ok(metadata)
    }

    fn metadata_bytes(&self, file: &File) -> Result<Vec<u8>, Unavailable> {
        let limits = Limits::default();
        match &file.location {
            Location::Path(path) => {
                let bytes =
                    unpack::metadata_of(path, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
                let requires =
                    unpack::requires_of(path, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
                Ok(with_requires(bytes, requires))
            }
            Location::Url(url) => {
                if let Some(promised) = &file.metadata
                    && let Some(bytes) = self.separate_metadata(url, promised)?
                {
                    return Ok(bytes);
                }
                if matches!(file.name.format, Format::Wheel { .. })
                    && let Ok(remote) = RemoteFile::open(self.net, url, self.deadline)
                    && let Ok(bytes) = unpack::wheel_metadata_in(remote, &file.name, &limits)
                {
                    return Ok(bytes);
                }
                self.metadata_of_download(file)
            }
        }
    }

    /// PEP 658: the metadata as a file of its own beside the distribution; `None` where there is none after all.
    fn separate_metadata(
        &self,
        url: &url::Url,
        promised: &crate::trust::hashes::Hashes,
    ) -> Result<Option<Vec<u8>>, Unavailable> {
        let mut url = url.clone();
        url.set_path(&format!("{}.metadata", url.path()));
        let get =
            crate::net::Get { url: &url, accept: "*/*", validators: None, range: None, cap: METADATA_CAP };
        match self.net.get(&get, self.deadline) {
            Ok(crate::net::Answer::Body(body)) => {
                let mut hasher = Hasher::for_promises(promised);
                hasher.update(&body.bytes);
                match promised.check(&hasher.finish()) {
                    Ok(()) => Ok(Some(body.bytes)),
                    Err(mismatch) => Err(Unavailable::File(format!("{}: {mismatch}", show_url(&url)))),
                }
            }
            Ok(_) => Ok(None),
            Err(error) => Err(self.network_trouble(error)),
        }
    }

    fn network_trouble(&self, error: NetError) -> Unavailable {
        let reason = error.to_string();
        if error.is_offline() {
            self.offline.store(true, Ordering::Relaxed);
        }
        self.remember(Trouble::Net(error));
        Unavailable::Source(reason)
    }

    /// The last resort: the whole file, for its metadata alone. It is fetched again when it is chosen.
    fn metadata_of_download(&self, file: &File) -> Result<Vec<u8>, Unavailable> {
        let Location::Url(url) = &file.location else {
            return Err(Unavailable::File(format!("{} is not on the network", file.filename)));
        };
        let directory = crate::fs::sibling(self.store.distribution(&file.filename).root(), "tmp");
        let fetched = self.download_for_metadata(file, url, &directory);
        let _ = crate::fs::remove_tree(&directory);
        fetched
    }

    fn download_for_metadata(
        &self,
        file: &File,
        url: &url::Url,
        directory: &Path,
    ) -> Result<Vec<u8>, Unavailable> {
        let failed = |error: &dyn std::fmt::Display| Unavailable::File(error.to_string());
        crate::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
        let archive = directory.join(&file.filename);
        let mut target = crate::fs::create_new(&archive, 0o600).map_err(|error| failed(&error))?;
        let mut hasher = Hasher::for_promises(&file.hashes);
        let mut sink = |chunk: &[u8]| {
            hasher.update(chunk);
            crate::fs::write_all(&mut target, &archive, chunk)
        };
        match self.net.download(url, file.size.unwrap_or(ARCHIVE_CAP), self.deadline, &mut sink) {
            Ok(_) => {}
            Err(crate::net::DownloadError::Net(error)) => return Err(self.network_trouble(error)),
            Err(crate::net::DownloadError::Sink(error)) => return Err(failed(&error)),
        }
        file.hashes.check(&hasher.finish()).map_err(|mismatch| failed(&mismatch))?;
        let limits = Limits::default();
        let bytes = unpack::metadata_of(&archive, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
        let requires =
            unpack::requires_of(&archive, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
        Ok(with_requires(bytes, requires))
    }
}

impl resolve::Catalogue for Catalogue<'_> {
    fn files(&self, project: &ProjectName) -> Files {
        let slot = match self.projects.lock() {
            Ok(mut projects) => Arc::clone(projects.entry(project.clone()).or_default()),
            Err(_) => return Err(Unavailable::Source("another thread ended badly".to_owned())),
        };
        slot.get_or_init(|| self.ask(project)).clone()
    }

    fn metadata(&self, file: &File) -> Result<Arc<Metadata>, Unavailable> {
        let key = format!("{:?}", file.location);
        let slot = match self.metadata.lock() {
            Ok(mut metadata) => Arc::clone(metadata.entry(key).or_default()),
            Err(_) => return Err(Unavailable::Source("another thread ended badly".to_owned())),
        };
        slot.get_or_init(|| self.read_metadata(file).map(Arc::new)).clone()
    }
}

impl std::fmt::Debug for Catalogue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catalogue")
    }
}

fn fs_has(store: &Store, sha256: &str) -> bool {
    crate::update::fetch::Description::read(store, sha256).is_some()
}

fn applies(requirement: &Requirement, request: &Request, extras: &[ExtraName]) -> bool {
    requirement.marker.as_ref().is_none_or(|marker| marker.evaluate(&request.environment, extras))
}

fn parse(bytes: &[u8], file: &File) -> Result<Metadata, Unavailable> {
    let failed = |error: &dyn std::fmt::Display| Unavailable::File(format!("{}: {error}", file.filename));
    let (text, requires) = split_requires(bytes);
    match file.name.format {
        Format::Wheel { .. } => Metadata::parse(text).map_err(|error| failed(&error)),
        Format::Egg { .. } => Metadata::parse_egg(text, requires).map_err(|error| failed(&error)),
        Format::Sdist => {
            let metadata = Metadata::parse(text).map_err(|error| failed(&error))?;
            if metadata.trusted_unbuilt() {
                return Ok(metadata);
            }
            // What is older than Metadata 2.2 says it as well as it can, in setuptools' own file where there is one.
            // What is newer and still leaves it open has to be built first.
            if metadata.metadata_version >= (2, 2) {
                return Err(Unavailable::NeedsBuild);
            }
            match requires {
                Some(_) => Metadata::parse_egg(text, requires).map_err(|error| failed(&error)),
                None => Ok(metadata),
            }
        }
    }
}

const REQUIRES: &[u8] = b"\n\0requires.txt\n";

/// Metadata and setuptools' `requires.txt` as one text that can be remembered.
fn with_requires(mut metadata: Vec<u8>, requires: Option<Vec<u8>>) -> Vec<u8> {
    if let Some(requires) = requires {
        metadata.extend_from_slice(REQUIRES);
        metadata.extend(requires);
    }
    metadata
}

fn split_requires(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.windows(REQUIRES.len()).position(|window| window == REQUIRES) {
        Some(at) => (&bytes[..at], Some(&bytes[at + REQUIRES.len()..])),
        None => (bytes, None),
    }
}

fn broken(refusal: &dyn std::fmt::Display) -> Unavailable {
    Unavailable::File(refusal.to_string())
}

/// Requirements to look at, each project and extra once; ends when nobody can add any more.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Requirement>,
    seen: BTreeMap<ProjectName, BTreeSet<Vec<ExtraName>>>,
    at_work: usize,
}

impl Queue {
    fn push(&self, requirement: Requirement) {
        let Ok(mut state) = self.state.lock() else { return };
        let extras = requirement.extras.clone();
        if state.seen.entry(requirement.name.clone()).or_default().insert(extras) {
            state.waiting.push_back(requirement);
            self.changed.notify_one();
        }
    }

    fn pop(&self) -> Option<Requirement> {
        let mut state = self.state.lock().ok()?;
        loop {
            if let Some(requirement) = state.waiting.pop_front() {
                state.at_work += 1;
                return Some(requirement);
            }
            if state.at_work == 0 {
                self.changed.notify_all();
                return None;
            }
            state = self.changed.wait(state).ok()?;
        }
    }

    fn done(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.at_work -= 1;
            self.changed.notify_all();
        }
    }
}
