//! Building: what has no wheel, by the interpreter's own pip in a child, where its source allows it.
//!
//! A build runs code of strangers, takes long and needs tools, so it is the last resort: only for a candidate that is
//! tried, only once for each interpreter, and only after every other file of that version.

mod checkout;
pub mod fault;
mod pip;
mod requirements;
mod words;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::app::App;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::log;
use crate::net::Net;
use crate::package::archive::limits::Limits;
use crate::package::filename::{DistributionName, Format};
use crate::package::metadata::Metadata;
use crate::package::name::ProjectName;
use crate::package::{sdist, unpack};
use crate::python::find::Interpreter;
use crate::source::file::{File, Location};
use crate::source::vcs::{self, Checkout};
use crate::state::PinnedFile;
use crate::store::DistributionFiles;
use crate::time::Deadline;
use crate::update::catalogue::{Catalogue, Places};
use crate::update::environment::Fetched;
use crate::update::events::{Event, Listener};
use crate::update::fetch::{self, Description};
use crate::update::pages::DiskPages;
use crate::update::resolve::{Request, Unavailable};
use fault::BuildFault;

/// The most that is kept of what a child writes, in bytes a stream.
const OUTPUT: u64 = 1 << 20;

/// Builds that may fail in one update: each can take minutes.
const PATIENCE: usize = 5;

/// What came of a build: a wheel in the store.
#[derive(Debug, Clone)]
pub struct Built {
    /// The SHA-256 of the wheel.
    pub sha256: String,
    /// The wheel's name.
    pub filename: String,
    /// Its version: of version control only a build tells.
    pub version: String,
    /// Its metadata; the version is that of the file on offer, which the resolver knows it by.
    pub metadata: Arc<Metadata>,
    /// What it was made from, without anything secret; of version control with its revision.
    pub source: String,
    /// What is known of it in the store.
    pub description: Description,
}

impl Built {
    /// As if it had been fetched.
    pub fn fetched(&self, name: &ProjectName) -> Fetched {
        let pin = PinnedFile {
            name: name.to_string(),
            version: self.version.clone(),
            filename: self.filename.clone(),
            sha256: self.sha256.clone(),
            source: self.source.clone(),
        };
        Fetched { pin, description: self.description.clone() }
    }
}

type Outcome = Result<Arc<Built>, BuildFault>;

/// Builds for one app and one interpreter.
pub struct Builder<'a> {
    app: &'a App,
    host: &'a Host,
    interpreter: &'a Interpreter,
    net: &'a Net,
    pages: &'a DiskPages,
    /// What builds need comes from the app's sources, by the same rules.
    tools: Catalogue<'a>,
    request: Request,
    deadline: Deadline,
    listener: &'a dyn Listener,
    allowed: Mutex<HashSet<String>>,
    outcomes: Mutex<HashMap<String, Arc<OnceLock<Outcome>>>>,
    revisions: Mutex<HashMap<Checkout, Arc<OnceLock<Result<String, BuildFault>>>>>,
    failed: AtomicUsize,
    /// The first build that failed, and why.
    trouble: Mutex<Option<(String, BuildFault)>>,
}

/// What a builder is made from.
pub struct Site<'a> {
    /// For which app.
    pub app: &'a App,
    /// On which machine.
    pub host: &'a Host,
    /// By whose pip.
    pub interpreter: &'a Interpreter,
    /// The app's sources.
    pub places: &'a Places,
    /// The network.
    pub net: &'a Net,
    /// Where is remembered what was built.
    pub pages: &'a DiskPages,
    /// When it has to be over.
    pub deadline: Deadline,
    /// Who wants to know.
    pub listener: &'a dyn Listener,
}

impl<'a> Builder<'a> {
    /// A builder that has built nothing yet; of `request` only the interpreter's part counts.
    pub fn new(site: &Site<'a>, request: &Request) -> Self {
        let &Site { app, host, interpreter, places, net, pages, deadline, listener } = site;
        Self {
            app,
            host,
            interpreter,
            net,
            pages,
            tools: Catalogue::new(places, net, pages, &app.store, deadline),
            request: request.clone(),
            deadline,
            listener,
            allowed: Mutex::default(),
            outcomes: Mutex::default(),
            revisions: Mutex::default(),
            failed: AtomicUsize::new(0),
            trouble: Mutex::default(),
        }
    }

    /// Takes note of what a source that says `build = true` offers.
    pub fn allow(&self, files: &[File]) {
        let sdists = files.iter().filter(|file| file.name.format == Format::Sdist);
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner).extend(sdists.map(place));
    }

    /// Whether the file may be built.
    pub fn allows(&self, file: &File) -> bool {
        matches!(file.location, Location::Checkout(_))
            || self.allowed.lock().unwrap_or_else(PoisonError::into_inner).contains(&place(file))
    }

    /// What was built of the file in this update or an earlier one, without building or asking anybody; `None` for
    /// checkouts, of which only their repository tells what is new.
    pub fn known(&self, file: &File) -> Option<Arc<Built>> {
        if matches!(file.location, Location::Checkout(_)) || !self.allows(file) {
            return None;
        }
        let done = self.slot(file).get().cloned();
        done.and_then(Result::ok).or_else(|| self.remembered(file, &self.key(file).ok()?).map(Arc::new))
    }

    /// The metadata of a file that only a build can tell.
    pub fn metadata(&self, file: &File) -> Result<Arc<Metadata>, Unavailable> {
        match self.outcome(file) {
            Ok(built) => Ok(Arc::clone(&built.metadata)),
            // A repository that does not answer is no reason to do without it: what is active stays.
            Err(fault @ BuildFault::Unanswered(_)) => {
                Err(Unavailable::Source(fault.of(&label(file)).to_string()))
            }
            Err(fault) => Err(Unavailable::File(fault.to_string())),
        }
    }

    /// The wheel of a file: built if it has to be.
    ///
    /// # Errors
    /// Why nothing came of it.
    pub fn build(&self, file: &File) -> Result<Arc<Built>, Error> {
        self.outcome(file).map_err(|fault| fault.of(&label(file)))
    }

    /// The first build that failed: when there is no solution, this is the reason that counts.
    pub fn trouble(&self) -> Option<Error> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        trouble.map(|(what, fault)| fault.of(&what))
    }

    fn slot(&self, file: &File) -> Arc<OnceLock<Outcome>> {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(outcomes.entry(place(file)).or_default())
    }

    fn outcome(&self, file: &File) -> Outcome {
        self.slot(file).get_or_init(|| self.make(file).map(Arc::new)).clone()
    }

    fn make(&self, file: &File) -> Result<Built, BuildFault> {
        if self.failed.load(Ordering::Relaxed) >= PATIENCE {
            return Err(BuildFault::GivenUp);
        }
        let key = self.key(file);
        let made = key.and_then(|key| match self.remembered(file, &key) {
            Some(built) => Ok(built),
            None => self.make_anew(file),
        });
        if let Err(fault) = &made {
            self.failed.fetch_add(1, Ordering::Relaxed);
            let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert((label(file), fault.clone()));
            drop(first);
            let details = [("file", json!(label(file))), ("reason", json!(fault.to_string()))];
            log::event(&self.app.files.log(), self.host.now(), "not built", &details);
        }
        made
    }

    fn make_anew(&self, file: &File) -> Result<Built, BuildFault> {
        self.listener.hear(Event::Step { name: format!("building {}", label(file)) });
        let work = Work::begin(self.app)?;
        let source = work.path().join("source");
        let revision = match &file.location {
            Location::Checkout(checkout) => {
                let asked = self.revision(checkout)?;
                Some(checkout::fetch(checkout, &asked, &source, self.deadline)?)
            }
            _ => {
                self.receive_sdist(file, work.path(), &source)?;
                None
            }
        };
        let top = match &file.location {
            Location::Checkout(checkout) => inside(&source, checkout)?,
            _ => only_directory(&source)?,
        };
        let wheels = work.path().join("wheels");
        let tools = work.path().join("tools");
        for directory in [&wheels, &tools] {
            fs::create_dir_all(directory).map_err(|error| BuildFault::unusable(&error))?;
        }
        requirements::gather(self, &top, &tools)?;
        let wheel = pip::wheel(self, file, work.path(), &top)?;
        self.keep(file, &wheel, revision.as_deref(), &work)
    }

    fn receive_sdist(&self, file: &File, work: &Path, source: &Path) -> Result<(), BuildFault> {
        let archive = work.join("sdist");
        fetch::archive(file, &archive, self.net, self.deadline)
            .map_err(|error| BuildFault::unusable(&error))?;
        let unpacked = sdist::extract(&archive, source, &Limits::default());
        unpacked.map(drop).map_err(|refusal| BuildFault::unusable(&refusal))
    }

    /// Checks the wheel that a build left and puts it into the store, as if it had been fetched.
    fn keep(
        &self,
        file: &File,
        wheel: &Path,
        revision: Option<&str>,
        work: &Work,
    ) -> Result<Built, BuildFault> {
        let filename = wheel.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let other = || BuildFault::OtherWheel(words::shorten(filename));
        let name = DistributionName::parse_wheel(filename).map_err(|_| other())?;
        let fits = match &name.format {
            Format::Wheel { tags, .. } => self.request.tags.rank(tags).is_some(),
            Format::Egg { .. } | Format::Sdist | Format::Pipper => false,
        };
        let any_version = revision.is_some() && vcs::is_dev(&file.name.version);
        let same = name.project == file.name.project && (any_version || name.version == file.name.version);
        if !fits || !same {
            return Err(other());
        }
        let unusable = |error: &dyn std::fmt::Display| BuildFault::unusable(&format!("{filename}: {error}"));
        let metadata =
            unpack::metadata_of(wheel, &name, &Limits::default()).map_err(|error| unusable(&error))?;
        Metadata::parse(&metadata).map_err(|error| unusable(&error))?;
        let sha256 = fetch::file_digest(wheel).map_err(|error| unusable(&error))?;
        let staging = DistributionFiles::at(work.path().join("unpacked"));
        fs::create_dir_all(staging.root()).map_err(|error| unusable(&error))?;
        fetch::keep(&self.app.store, &staging, wheel, &name, filename, &sha256)
            .map_err(|error| unusable(&error))?;
        let source = match (&file.location, revision) {
            (Location::Checkout(checkout), Some(revision)) => checkout.show_at(revision),
            (location, _) => fetch::show_location(location),
        };
        let head = json!({ "sha256": sha256, "filename": filename, "source": source }).to_string();
        let fact = [head.as_bytes(), b"\n", metadata.as_slice()].concat();
        let key = match (&file.location, revision) {
            (Location::Checkout(checkout), Some(revision)) => self.checkout_key(checkout, revision),
            _ => self.key(file)?,
        };
        self.pages.remember(&key, &fact);
        let event = [("file", json!(label(file))), ("wheel", json!(filename)), ("source", json!(source))];
        log::event(&self.app.files.log(), self.host.now(), "built", &event);
        self.read(file, &fact).ok_or_else(|| unusable(&"it is gone again"))
    }

    fn remembered(&self, file: &File, key: &str) -> Option<Built> {
        self.read(file, &self.pages.fact(key)?)
    }

    fn read(&self, file: &File, fact: &[u8]) -> Option<Built> {
        let at = fact.iter().position(|&b| b == b'\n')?;
        let head: Value = serde_json::from_slice(fact.get(..at)?).ok()?;
        let text = |name: &str| head.get(name).and_then(Value::as_str).map(str::to_owned);
        let sha256 = text("sha256")?;
        let description = Description::read(&self.app.store, &sha256)?;
        let mut metadata = Metadata::parse(fact.get(at + 1..)?).ok()?;
        let version = metadata.version.to_string();
        metadata.version = file.name.version.clone();
        let (filename, source) = (text("filename")?, text("source")?);
        Some(Built { sha256, filename, version, metadata: Arc::new(metadata), source, description })
    }

    /// What a build of the file is remembered by: its contents and the interpreter that it is for.
    fn key(&self, file: &File) -> Result<String, BuildFault> {
        let contents = match &file.location {
            Location::Checkout(checkout) => return Ok(self.checkout_key(checkout, &self.revision(checkout)?)),
            Location::Path(path) => fetch::file_digest(path).map_err(|error| BuildFault::unusable(&error))?,
            location @ (Location::Url(_) | Location::Object { .. } | Location::Direct(_)) => {
                format!("{} {}", fetch::show_location(location), file.identity().unwrap_or_default())
            }
        };
        Ok(format!("wheel of {} {contents} for {}", file.filename, self.interpreter.identity()))
    }

    fn checkout_key(&self, checkout: &Checkout, revision: &str) -> String {
        format!("wheel of {checkout} {} {revision} for {}", checkout.address(), self.interpreter.identity())
    }

    /// The revision that a link leads to, asked once an update.
    fn revision(&self, checkout: &Checkout) -> Result<String, BuildFault> {
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(revisions.entry(checkout.clone()).or_default());
        drop(revisions);
        slot.get_or_init(|| checkout::revision(checkout, self.deadline)).clone()
    }
}

impl std::fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Builder")
    }
}

impl std::fmt::Debug for Site<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Site")
    }
}

/// How a person knows the file.
fn label(file: &File) -> String {
    words::shorten(&file.filename)
}

/// What tells a file on offer from all others in this update.
fn place(file: &File) -> String {
    format!("{} {:?}", file.name.project, file.location)
}

fn only_directory(source: &Path) -> Result<PathBuf, BuildFault> {
    let entries = fs::list(source).map_err(|error| BuildFault::unusable(&error))?;
    entries.into_iter().next().ok_or(BuildFault::Project("is not there"))
}

/// The directory of a checkout that is built: never one that a link in it leads to.
fn inside(source: &Path, checkout: &Checkout) -> Result<PathBuf, BuildFault> {
    let Some(subdirectory) = checkout.subdirectory() else { return Ok(source.to_owned()) };
    let gone = |_| BuildFault::NoReference(format!("directory {}", words::shorten(subdirectory)));
    let top = fs::canonicalize(&source.join(subdirectory)).map_err(gone)?;
    let root = fs::canonicalize(source).map_err(gone)?;
    if top.starts_with(&root) && fs::is_dir(&top) {
        Ok(top)
    } else {
        Err(BuildFault::NoReference(format!("directory {}", words::shorten(subdirectory))))
    }
}

/// A directory beside the store's that is gone when the build is over; cleaning removes what a killed process left.
struct Work(PathBuf);

impl Work {
    fn begin(app: &App) -> Result<Self, BuildFault> {
        let work = Self(fs::sibling(app.store.distribution("build").root(), "tmp"));
        fs::create_dir_all(work.path()).map_err(|error| BuildFault::unusable(&error))?;
        Ok(work)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_tree(&self.0);
    }
}

#[cfg(test)]
mod tests;
