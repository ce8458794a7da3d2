//! Housekeeping after an update: what no app's kept generations need is removed, what runs is not, and no link is
//! followed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::App;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::log;
use crate::record::FileStamp;
use crate::state::State;
use crate::store::EnvironmentFiles;
use crate::time::Timestamp;
use crate::update::activate;

/// What is younger than this may belong to an update of another app that is under way.
const GRACE: Duration = Duration::from_secs(3600);

/// Answers of sources that did not change for so long are asked for again: nobody may need them any more.
const FORGET: Duration = Duration::from_secs(90 * 86_400);

/// Entries removed in one run, at most: cleaning never becomes the long part of an update.
const BOUND: usize = 200;

/// What cleaning removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// Environments.
    pub environments: usize,
    /// Unpacked distributions.
    pub distributions: usize,
}

/// Cleans after an update, where there is something to clean and no other update has begun.
pub fn clean(app: &App, host: &Host) {
    if waste(app, host, GRACE).is_empty() {
        return;
    }
    let Ok(lock) = fs::open_lock(&app.files.lock()) else { return };
    if !matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)) {
        sweep(app, host, GRACE);
    }
}

/// Cleans on demand: under the lock, without grace.
///
/// # Errors
/// When the lock cannot be opened.
pub fn clean_now(app: &App, host: &Host) -> Result<Cleaned, Error> {
    let lock = fs::open_lock(&app.files.lock())?;
    let _ = lock.lock();
    let _ = fs::remove_tree(&app.files.credentials());
    let mut state = State::read(&app.files.state());
    forget(app, &mut state);
    activate::save(app, host, &state)?;
    Ok(sweep(app, host, Duration::ZERO))
}

/// Forgets the generations before the last `keep` good ones. Never the active one, nor what a rollback left.
pub fn forget(app: &App, state: &mut State) {
    let Some(active) = state.active else { return };
    let mut earlier: Vec<u64> = state.generations.iter().map(|g| g.number).filter(|n| *n < active).collect();
    earlier.sort_unstable_by(|a, b| b.cmp(a));
    let kept: BTreeSet<u64> = earlier.into_iter().take(app.config.update.keep).collect();
    state.generations.retain(|g| g.number >= active || kept.contains(&g.number));
}

/// What no kept generation of any app needs.
#[derive(Default)]
struct Waste {
    environments: Vec<PathBuf>,
    distributions: Vec<PathBuf>,
    pages: Vec<PathBuf>,
    unfinished: Vec<PathBuf>,
}

impl Waste {
    fn is_empty(&self) -> bool {
        let Self { environments, distributions, pages, unfinished } = self;
        [environments, distributions, pages, unfinished].into_iter().all(Vec::is_empty)
    }
}

fn waste(app: &App, host: &Host, grace: Duration) -> Waste {
    let now = host.now();
    let states =
        app.store.all_states().iter().map(|path| State::read_strictly(path)).collect::<Option<Vec<State>>>();
    // What an app needs whose state cannot be read, by us or at all, nobody knows.
    let Some(states) = states else { return Waste::default() };
    let generations = || states.iter().flat_map(|state| &state.generations);
    let environments: BTreeSet<&str> = generations().map(|g| g.environment.as_str()).collect();
    let distributions: BTreeSet<&str> =
        generations().flat_map(|g| &g.pins).map(|pin| pin.sha256.as_str()).collect();
    let unneeded = |paths: Vec<PathBuf>, needed: &BTreeSet<&str>| -> Vec<PathBuf> {
        let is_needed = |path: &PathBuf| {
            path.file_name().and_then(OsStr::to_str).is_some_and(|name| needed.contains(name))
        };
        paths.into_iter().filter(|path| !is_needed(path) && is_older(path, now, grace)).take(BOUND).collect()
    };
    Waste {
        environments: unneeded(app.store.environments(), &environments),
        distributions: unneeded(app.store.distributions(), &distributions),
        pages: app.store.pages().into_iter().filter(|page| is_older(page, now, FORGET)).take(BOUND).collect(),
        unfinished: unfinished(app, now, grace),
    }
}

/// What a crash left half-written. Other apps' own files are written under locks of theirs, not ours.
fn unfinished(app: &App, now: Timestamp, grace: Duration) -> Vec<PathBuf> {
    let (shared, of_apps) = app.store.unfinished();
    let of_apps = of_apps.into_iter().filter(|path| {
        let grace = if path.starts_with(app.files.root()) { grace } else { grace.max(GRACE) };
        is_older(path, now, grace)
    });
    shared.into_iter().filter(|path| is_older(path, now, grace)).chain(of_apps).take(BOUND).collect()
}

fn sweep(app: &App, host: &Host, grace: Duration) -> Cleaned {
    // Not while any app is being updated: what is being made belongs to no generation yet.
    let Some(_alone) = app.store.use_alone() else { return Cleaned::default() };
    let waste = waste(app, host, grace);
    let cleaned = Cleaned {
        environments: waste.environments.iter().filter(|path| remove_environment(path)).count(),
        distributions: waste.distributions.iter().filter(|path| fs::remove_tree(path).is_ok()).count(),
    };
    for path in waste.pages.iter().chain(&waste.unfinished) {
        // An interpreter that was being unpacked is a directory.
        let _ = if fs::is_dir(path) { fs::remove_tree(path) } else { fs::remove_file(path) };
    }
    if cleaned != Cleaned::default() {
        let details =
            [("environments", cleaned.environments.into()), ("distributions", cleaned.distributions.into())];
        log::event(&app.files.log(), host.now(), "cleaned", &details);
    }
    cleaned
}

fn is_older(path: &Path, now: Timestamp, grace: Duration) -> bool {
    grace.is_zero() || FileStamp::modified(path).is_some_and(|modified| now.since(modified) > grace)
}

/// Removes an environment unless an app runs from it: it would hold a shared lock on the completion record.
pub fn remove_environment(root: &Path) -> bool {
    let files = EnvironmentFiles::at(root.to_owned());
    let Ok(completion) = fs::open(&files.completion()) else { return fs::remove_tree(root).is_ok() };
    if completion.try_lock().is_err() {
        return false;
    }
    // Without its completion record it is no environment: whoever comes now takes the slow path.
    fs::remove_file(&files.completion()).is_ok() && fs::remove_tree(root).is_ok()
}
