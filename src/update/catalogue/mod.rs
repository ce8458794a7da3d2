//! What the sources offer, asked for once and remembered: the resolver's view of the world.
//!
//! Sources are asked in order and the first that has a project owns it, so that nobody can put a package of the same
//! name, and a higher version, in a place that is asked later.

mod login;
mod metadata;
mod queue;
mod release;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use crate::aws::Aws;
use crate::config::{AwsConfig, Config, SourceConfig, SourceType};
use crate::error::Error;
use crate::host::Env;
use crate::log;
use crate::net::{Net, NetError};
use crate::package::metadata::Metadata;
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;
use crate::source::file::{File, direct};
use crate::source::s3::Folder;
use crate::source::{self, Address, Found, PUBLIC_INDEX, SourceError};
use crate::store::Store;
use crate::trust::hashes::Algorithm;
use crate::update::build::Builder;
use crate::update::depot::Depot;
use crate::update::fetch::Lost;
use login::Login;
pub use login::SecretFault;
use queue::Queue;

use crate::update::resolve::{self, Request, Unavailable, Unsolved};

/// Questions under way at the same time.
const THREADS: usize = 16;

/// One configured source.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it is.
    pub address: Address,
    /// The only projects that come from here; `None`: all may.
    pub projects: Option<BTreeSet<ProjectName>>,
    /// What else is said of it.
    pub config: SourceConfig,
    login: Login,
}

impl Place {
    /// A source of which nothing else is said.
    pub fn plain(address: Address, aws: &Aws) -> Self {
        let address = address.asked_by(aws, &AwsConfig::default());
        let login = address.web().map_or(Login::Nobody, Login::in_url);
        Self { address, projects: None, config: SourceConfig::default(), login }
    }

    /// Tells `net` who asks here.
    pub fn log_in(&self, net: &Net) {
        if let Some(url) = self.address.web() {
            self.login.show(net, url);
        }
    }
}

/// All configured sources, in order.
#[derive(Debug, Clone)]
pub struct Places(pub Vec<Place>);

impl Places {
    /// The sources of a configuration, with the secrets that the environment has for them.
    ///
    /// # Errors
    /// When an address or a project's name cannot be meant, or a variable that has a secret is not set.
    pub fn of(config: &Config, config_path: &Path, env: &Env, aws: &Aws) -> Result<Self, Error> {
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
            let login = address.web().map_or(Ok(Login::Nobody), |url| Login::new(&source.login, url, env));
            let login = login.map_err(|(name, fault)| Error::Secret {
                file: config_path.to_owned(),
                line: name.line,
                name: name.value.clone(),
                fault,
            })?;
            let address = address.asked_by(aws, &source.aws);
            Ok(Place { address, projects, config: source.clone(), login })
        });
        let places = Self(places.collect::<Result<Vec<_>, Error>>()?);
        match places.torn() {
            Some((line, folder)) => Err(Error::Source {
                file: config_path.to_owned(),
                line,
                reason: format!("{folder} is a source above already, asked by somebody else"),
            }),
            None => Ok(places),
        }
    }

    /// A folder in S3 that two sources ask with different credentials: a request can have one signature.
    fn torn(&self) -> Option<(usize, &Folder)> {
        self.0.iter().enumerate().find_map(|(at, place)| {
            let Address::S3(folder) = &place.address else { return None };
            let here = &place.config.aws;
            let mut above = self.0.iter().take(at).filter(|other| other.address == place.address);
            let torn = above.any(|other| {
                let there = &other.config.aws;
                there.endpoint == here.endpoint
                    && (&there.profile, there.anonymous) != (&here.profile, here.anonymous)
            });
            torn.then_some((place.config.line, folder))
        })
    }
}

type Files = Result<Option<Arc<[File]>>, Unavailable>;
type Described = Result<Arc<Metadata>, Unavailable>;
type Once<T> = Arc<OnceLock<T>>;

/// The sources' offers, asked for on demand.
pub struct Catalogue<'a> {
    places: &'a Places,
    depot: Depot<'a>,
    projects: Mutex<HashMap<ProjectName, Once<Files>>>,
    metadata: Mutex<HashMap<String, Once<Described>>>,
    /// Set by the first sign that there is no network: nothing more is asked of it.
    offline: AtomicBool,
    /// What first kept a source from answering.
    trouble: Mutex<Option<Error>>,
    /// Files that turned out bad when they were fetched for their metadata.
    lost: Mutex<Vec<Lost>>,
    /// Which source has what was asked for, by its place.
    owners: Mutex<Vec<(ProjectName, usize)>>,
    /// What builds where a source allows it.
    builder: Option<&'a Builder<'a>>,
}

impl<'a> Catalogue<'a> {
    /// A catalogue of nothing yet; `net` is told who asks at which source.
    pub fn new(places: &'a Places, depot: Depot<'a>) -> Self {
        places.0.iter().for_each(|place| place.log_in(depot.net));
        Self {
            places,
            depot,
            projects: Mutex::default(),
            metadata: Mutex::default(),
            offline: AtomicBool::new(false),
            trouble: Mutex::default(),
            lost: Mutex::default(),
            owners: Mutex::default(),
            builder: None,
        }
    }

    /// With what is built where a source allows it; without it nothing is.
    #[must_use]
    pub fn building(self, builder: &'a Builder<'a>) -> Self {
        Self { builder: Some(builder), ..self }
    }

    /// Asks, many at a time, what the resolver will most likely ask one after the other.
    pub fn warm(&self, request: &Request) {
        let queue = Queue::default();
        let direct = || request.requirements.iter().filter(|requirement| applies(requirement, request, &[]));
        // Of a project that is required by its address, no source is asked.
        let addressed: BTreeSet<&ProjectName> =
            direct().filter(|requirement| requirement.url().is_some()).map(|r| &r.name).collect();
        let wanted = |next: &Requirement| next.url().is_some() || !addressed.contains(&next.name);
        direct().filter(|requirement| wanted(requirement)).for_each(|r| queue.push(r.clone()));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Some(requirement) = queue.pop() {
                        for next in self.look_ahead(&requirement, request).into_iter().filter(wanted) {
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
        let Some(file) = self.likely(requirement, request) else { return Vec::new() };
        // Building is not for what may never be tried.
        let Ok(metadata) = self.unbuilt_metadata(&file) else { return Vec::new() };
        // Addresses in what is not the app's own are looked at when it is known that they may be used.
        let wanted = metadata
            .requires_dist
            .iter()
            .filter(|next| next.url().is_none() && applies(next, request, &requirement.extras));
        wanted.cloned().collect()
    }

    fn likely(&self, requirement: &Requirement, request: &Request) -> Option<File> {
        use resolve::Catalogue as _;
        if let Some(url) = requirement.url() {
            return direct(url, &requirement.name).ok();
        }
        let files = self.files(&requirement.name).ok()??;
        resolve::likely(request, requirement, &files).cloned()
    }

    /// The error behind a resolution that failed: the network's own words where that is the cause.
    pub fn explain(&self, unsolved: Unsolved) -> Error {
        let by_network =
            matches!(unsolved, Unsolved::Unavailable { .. }) || self.offline.load(Ordering::Relaxed);
        by_network.then(|| self.trouble()).flatten().unwrap_or(Error::Unsolved(unsolved))
    }

    /// Why what was resolved is not what the sources offer now, but what is left of them in the store; `None` when
    /// all of them answered.
    pub fn offline(&self) -> Option<Error> {
        self.offline.load(Ordering::Relaxed).then(|| self.trouble()).flatten()
    }

    /// The files that turned out bad when they were fetched for their metadata.
    pub fn lost(&self) -> Vec<Lost> {
        self.lost.lock().map(|mut lost| std::mem::take(&mut *lost)).unwrap_or_default()
    }

    /// The source that has the project, the first of several, as far as it was asked for.
    pub fn owner(&self, name: &ProjectName) -> Option<&Place> {
        let owners = self.owners.lock().ok()?;
        let (_, at) = owners.iter().find(|(owned, _)| owned == name)?;
        self.places.0.get(*at)
    }

    fn trouble(&self) -> Option<Error> {
        self.trouble.lock().ok()?.take()
    }

    fn ask(&self, name: &ProjectName) -> Files {
        let mut merged: Vec<File> = Vec::new();
        let mut merging = false;
        for (at, place) in self.places.0.iter().enumerate() {
            let allowed = place.projects.as_ref().is_none_or(|projects| projects.contains(name));
            if !allowed || (merging && !place.config.any) {
                continue;
            }
            let Some(files) = self.ask_one(place, name)? else { continue };
            merged.extend(files);
            if let Ok(mut owners) = self.owners.lock() {
                owners.push((name.clone(), at));
            }
            merging = place.config.any;
            if !merging {
                break;
            }
        }
        Ok((!merged.is_empty()).then(|| merged.into()))
    }

    fn ask_one(&self, place: &Place, name: &ProjectName) -> Result<Option<Vec<File>>, Unavailable> {
        let address = &place.address;
        let on_network = match address {
            Address::Directory(_) => false,
            Address::Release(release) => !release.is_here(),
            Address::Index(_) | Address::Links(_) | Address::S3(_) => true,
        };
        if on_network && self.offline.load(Ordering::Relaxed) {
            return self.cached(address, name);
        }
        match address.project(name, self.depot.net, self.depot.pages, self.depot.deadline) {
            Ok(found) => Ok(found.and_then(|found| {
                log::debug(|| {
                    let state = if found.unchanged { "unchanged" } else { "read" };
                    format!("{name}: {} files, {} skipped, {state}", found.files.len(), found.skipped)
                });
                self.admitted(found, place)
            })),
            Err(SourceError::Net(error)) => {
                let unavailable = self.network_trouble(error);
                if self.offline.load(Ordering::Relaxed) {
                    self.cached(address, name)
                } else {
                    Err(unavailable)
                }
            }
            Err(error) => {
                let reason = error.to_string();
                self.remember(error.into());
                Err(Unavailable::Source(reason))
            }
        }
    }

    /// What counts of an answer: links to version control and builds only where the source says so.
    fn admitted(&self, found: Found, place: &Place) -> Option<Vec<File>> {
        let mut files = found.files;
        let nothing_else = files.is_empty() && !found.checkouts.is_empty();
        if let Some(builder) = self.builder {
            if place.config.build {
                builder.allow(&files);
            }
            if place.config.vcs {
                files.extend(found.checkouts);
            }
        }
        (!files.is_empty() || !nothing_else).then_some(files)
    }

    fn network_trouble(&self, error: NetError) -> Unavailable {
        let reason = error.to_string();
        log::debug(|| reason.clone());
        if error.is_offline() {
            self.offline.store(true, Ordering::Relaxed);
        }
        self.remember(Error::Net(error));
        Unavailable::Source(reason)
    }

    /// Without the network: what the source last said, as far as the files lie in the store.
    fn cached(&self, address: &Address, name: &ProjectName) -> Result<Option<Vec<File>>, Unavailable> {
        let files = address.remembered(name, self.depot.pages);
        let here = |file: &File| {
            let sha256 = file.hashes.get(Algorithm::Sha256);
            sha256.is_some_and(|sha256| fs_has(self.depot.store, sha256))
        };
        let files: Vec<File> = files.into_iter().flatten().filter(here).collect();
        if files.is_empty() {
            return Err(Unavailable::Source("the network is not reachable".to_owned()));
        }
        Ok(Some(files))
    }

    fn remember(&self, trouble: Error) {
        if let Ok(mut first) = self.trouble.lock() {
            first.get_or_insert(trouble);
        }
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
        match (self.unbuilt_metadata(file), self.builder) {
            (Err(Unavailable::NeedsBuild), Some(builder)) if builder.allows(file) => builder.metadata(file),
            (described, _) => described,
        }
    }
}

impl Catalogue<'_> {
    /// The metadata of a file as far as it can be had without building anything.
    fn unbuilt_metadata(&self, file: &File) -> Described {
        if let Some(metadata) = self.locked_metadata(file) {
            return Ok(Arc::new(metadata));
        }
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
    crate::update::description::Description::read(store, sha256).is_some()
}

fn applies(requirement: &Requirement, request: &Request, extras: &[ExtraName]) -> bool {
    requirement.marker.as_ref().is_none_or(|marker| marker.evaluate(&request.environment, extras))
}
