//! Fetching: pinned files into the store, many at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::error::Error;
use crate::package::archive::refusal::Refusal;
use crate::source::file::{File, Location};
use crate::state::PinnedFile;
use crate::update::build::{Builder, Built};
use crate::update::depot::{Depot, LARGEST, show_location};
use crate::update::environment::Fetched;
use crate::update::events::{Event, Listener};
use crate::update::resolve::Pin;

/// Downloads at the same time.
const THREADS: usize = 8;

/// A file that could not be had.
#[derive(Debug)]
pub struct Lost {
    /// Its name, to be left out when the sources are asked again.
    pub filename: String,
    /// What tells it from another file of that name, where it had to be fetched and its source says so.
    pub identity: Option<String>,
    /// Why.
    pub error: Box<Error>,
    /// What can be done.
    pub remedy: Remedy,
}

impl Lost {
    /// A file that is bad.
    pub fn bad(file: &File, error: Error) -> Self {
        let identity = file.location.url().and_then(|_| file.identity());
        let (filename, error) = (file.filename.clone(), Box::new(error));
        Self { filename, identity, error, remedy: Remedy::NextBest }
    }
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
    pub depot: Depot<'a>,
    /// What builds where that is allowed.
    pub builder: &'a Builder<'a>,
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
                self.depot.pages.forget(&key);
            }
            Lost { remedy, ..Lost::bad(&pin.file, error) }
        };
        if let Some(built) = self.built(&pin.file).map_err(lost)? {
            return Ok(built.fetched(&pin.name));
        }
        let (sha256, description) = match self.depot.known(&pin.file).map_err(lost)? {
            Some(known) => known,
            None => self
                .depot
                .fetch(&pin.file, LARGEST, bytes)
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
}

impl std::fmt::Debug for Fetcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetcher")
    }
}
