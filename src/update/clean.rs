//! Housekeeping after an update: what no app's kept generations need is removed, what runs is not, and no link is
//! followed. A cache that is larger than its limit loses older generations of this app as well.

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
use crate::state::{Generation, State};
use crate::store::{Company, DistributionFiles, EnvironmentFiles, unneeded_mark};
use crate::time::Timestamp;
use crate::update::activate;

/// What is younger than this may belong to an update of another app that is under way.
const GRACE: Duration = Duration::from_secs(3600);

/// Where there are no locks, what nothing needs is left for so long to whoever runs from it, here or on another machine.
const GRACE_WITHOUT_LOCKS: Duration = Duration::from_secs(30 * 86_400);

/// Answers of sources that did not change for so long are asked for again: nobody may need them any more.
const FORGET: Duration = Duration::from_secs(90 * 86_400);

/// Entries removed in one run, at most: cleaning never becomes the long part of an update.
const BOUND: usize = 200;

/// Generations forgotten in one run for the sake of the cache's limit, at most: the cache is measured after each.
const FORGOTTEN: usize = 20;

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
    match app.store.use_alone() {
        // What is being made by an update belongs to no generation yet.
        Ok(Company::Somebody) | Err(_) => {}
        Ok(Company::Unknown) => drop(sweep_by_age(app, host)),
        Ok(Company::Nobody(_alone)) => {
            if waste(app, host, GRACE).is_empty() && !is_too_large(app) {
                return;
            }
            let Ok(lock) = fs::open_lock(&app.files.lock()) else { return };
            if lock.try_lock().is_ok() {
                sweep(app, host, GRACE);
                shrink(app, host);
            }
        }
    }
}

/// Cleans on demand: under the lock, without grace.
///
/// # Errors
/// When a lock cannot be opened.
pub fn clean_now(app: &App, host: &Host) -> Result<Cleaned, Error> {
    let lock = fs::open_lock(&app.files.lock())?;
    let _ = lock.lock();
    let _ = fs::remove_tree(&app.files.credentials());
    let mut state = State::read(&app.files.state());
    forget(app, &mut state);
    activate::save(app, host, &state)?;
    Ok(match app.store.use_alone()? {
        Company::Somebody => Cleaned::default(),
        Company::Unknown => sweep_by_age(app, host),
        Company::Nobody(_alone) => {
            let swept = sweep(app, host, Duration::ZERO);
            swept.and(shrink(app, host))
        }
    })
}

/// Forgets the generations before the last `keep` good ones. Never the active one, nor what a rollback left.
pub fn forget(app: &App, state: &mut State) {
    let Some(active) = state.active else { return };
    let mut earlier: Vec<u64> = state.generations.iter().map(|g| g.number).filter(|n| *n < active).collect();
    earlier.sort_unstable_by(|a, b| b.cmp(a));
    let kept: BTreeSet<u64> = earlier.into_iter().take(app.config.update.keep).collect();
    state.generations.retain(|g| g.number >= active || kept.contains(&g.number));
}

fn is_too_large(app: &App) -> bool {
    app.config.update.cache_limit.is_some_and(|limit| fs::size_of_tree(app.store.root()) > limit)
}

/// Brings the cache below its limit, as far as that goes: what nothing needs first, then older generations of this app.
fn shrink(app: &App, host: &Host) -> Cleaned {
    let mut cleaned = Cleaned::default();
    for _ in 0..FORGOTTEN {
        if !is_too_large(app) {
            break;
        }
        let swept = sweep(app, host, Duration::ZERO);
        if swept == Cleaned::default() && !forget_oldest(app, host) {
            break;
        }
        cleaned = cleaned.and(swept);
    }
    cleaned
}

/// Forgets the oldest generation before the active one whose environment nobody else needs and nobody runs from.
fn forget_oldest(app: &App, host: &Host) -> bool {
    let mut state = State::read(&app.files.state());
    let Some(active) = state.active else { return false };
    let own = app.files.state();
    let others: Option<Vec<State>> = app
        .store
        .all_states()
        .iter()
        .filter(|path| **path != own)
        .map(|path| State::read_strictly(path))
        .collect();
    let Some(others) = others else { return false };
    let stay = state.generations.iter().filter(|generation| generation.number >= active);
    let needed: BTreeSet<&str> = others
        .iter()
        .flat_map(|state| &state.generations)
        .chain(stay)
        .map(|g| g.environment.as_str())
        .collect();
    let may_go = |generation: &&Generation| {
        generation.number < active
            && !needed.contains(generation.environment.as_str())
            && !is_in_use(&app.store.environment(&generation.environment))
    };
    let oldest = state.generations.iter().filter(may_go).min_by_key(|generation| generation.number);
    let Some(gone) = oldest.map(|generation| generation.environment.clone()) else { return false };
    state.generations.retain(|generation| generation.number >= active || generation.environment != gone);
    activate::save(app, host, &state).is_ok()
}

impl Cleaned {
    fn and(self, more: Self) -> Self {
        Self {
            environments: self.environments + more.environments,
            distributions: self.distributions + more.distributions,
        }
    }
}

/// What the generations of all apps need.
struct Needed {
    environments: BTreeSet<String>,
    distributions: BTreeSet<String>,
}

impl Needed {
    /// `None` where a state cannot be read, by us or at all: what that app needs, nobody knows.
    fn by_all(app: &App) -> Option<Self> {
        let mut needed = Self { environments: BTreeSet::new(), distributions: BTreeSet::new() };
        for path in app.store.all_states() {
            for generation in State::read_strictly(&path)?.generations {
                needed.environments.insert(generation.environment);
                needed.distributions.extend(generation.pins.into_iter().map(|pin| pin.sha256));
            }
        }
        Some(needed)
    }
}

fn is_among(path: &Path, names: &BTreeSet<String>) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| names.contains(name))
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
    let Some(needed) = Needed::by_all(app) else { return Waste::default() };
    let unneeded = |paths: Vec<PathBuf>, needed: &BTreeSet<String>| -> Vec<PathBuf> {
        let unneeded = paths.into_iter().filter(|path| !is_among(path, needed) && is_older(path, now, grace));
        unneeded.take(BOUND).collect()
    };
    Waste {
        environments: unneeded(app.store.environments(), &needed.environments),
        distributions: unneeded(app.store.distributions(), &needed.distributions),
        pages: forgotten_pages(app, now),
        unfinished: unfinished(app, now, grace),
    }
}

fn forgotten_pages(app: &App, now: Timestamp) -> Vec<PathBuf> {
    app.store.pages().into_iter().filter(|page| is_older(page, now, FORGET)).take(BOUND).collect()
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

/// Removes what nothing needs. Whoever calls is alone in the cache.
fn sweep(app: &App, host: &Host, grace: Duration) -> Cleaned {
    let waste = waste(app, host, grace);
    let cleaned = Cleaned {
        environments: waste.environments.iter().filter(|path| remove_environment(path)).count(),
        distributions: waste.distributions.iter().filter(|path| remove_distribution(path)).count(),
    };
    remove_all(waste.pages.iter().chain(&waste.unfinished));
    tell(app, host, cleaned);
    cleaned
}

/// Removes, where the file system has no locks, what nothing has needed for a month and nobody here has open. When that
/// began is written beside it: its own age tells nothing of those who run from it.
fn sweep_by_age(app: &App, host: &Host) -> Cleaned {
    let Some(needed) = Needed::by_all(app) else { return Cleaned::default() };
    let now = host.now();
    let is_old = |path: &PathBuf, is_needed: bool| {
        let mark = unneeded_mark(path);
        if !fs::is_own_dir(path) {
            return false;
        }
        if is_needed {
            let _ = fs::remove_file(&mark);
            return false;
        }
        if !fs::exists(&mark) {
            let _ = fs::replace(&mark, b"");
        }
        is_older(&mark, now, GRACE_WITHOUT_LOCKS)
    };
    let count = |paths: Vec<PathBuf>, needed: &BTreeSet<String>, remove: fn(&Path) -> bool| {
        let old = paths.into_iter().filter(|path| is_old(path, is_among(path, needed))).take(BOUND);
        old.filter(|path| remove(path)).count()
    };
    let cleaned = Cleaned {
        environments: count(app.store.environments(), &needed.environments, remove_unless_open),
        distributions: count(app.store.distributions(), &needed.distributions, remove_distribution),
    };
    remove_all(forgotten_pages(app, now).iter().chain(&unfinished(app, now, GRACE_WITHOUT_LOCKS)));
    tell(app, host, cleaned);
    cleaned
}

fn remove_all<'p>(paths: impl Iterator<Item = &'p PathBuf>) {
    for path in paths {
        // An interpreter that was being unpacked is a directory.
        let _ = if fs::is_own_dir(path) { fs::remove_tree(path) } else { fs::remove_file(path) };
    }
}

fn tell(app: &App, host: &Host, cleaned: Cleaned) {
    if cleaned != Cleaned::default() {
        let details =
            [("environments", cleaned.environments.into()), ("distributions", cleaned.distributions.into())];
        log::event(&app.files.log(), host.now(), "cleaned", &details);
    }
}

fn is_older(path: &Path, now: Timestamp, grace: Duration) -> bool {
    grace.is_zero() || FileStamp::modified(path).is_some_and(|modified| now.since(modified) > grace)
}

/// Removes an environment unless an app runs from it: it would hold a shared lock on the completion record.
pub fn remove_environment(root: &Path) -> bool {
    let completion = completion_of(root.to_owned());
    if !fs::is_own_dir(root) {
        return fs::remove_file(root).is_ok();
    }
    match fs::open(&completion) {
        Ok(file) => file.try_lock().is_ok() && take_down(root, &completion),
        // What is not whole is nobody's.
        Err(error) => error.is_not_found() && take_down(root, &completion),
    }
}

/// Removes an environment unless a process of this machine runs from it: it would have the completion record open.
fn remove_unless_open(root: &Path) -> bool {
    let completion = completion_of(root.to_owned());
    !fs::is_open_here(&completion) && take_down(root, &completion)
}

fn remove_distribution(root: &Path) -> bool {
    if fs::is_own_dir(root) {
        take_down(root, &DistributionFiles::at(root.to_owned()).description())
    } else {
        fs::remove_file(root).is_ok()
    }
}

/// Removes a directory. What says that it is whole goes first, and for good: the rest goes in any order, and a crash or
/// a power cut may come between.
fn take_down(root: &Path, proof: &Path) -> bool {
    if fs::remove_file(proof).is_err() {
        return false;
    }
    fs::sync_parent(proof);
    fs::remove_tree(root).is_ok()
}

fn is_in_use(environment: &EnvironmentFiles) -> bool {
    fs::open(&environment.completion()).is_ok_and(|completion| completion.try_lock().is_err())
}

fn completion_of(environment: PathBuf) -> PathBuf {
    EnvironmentFiles::at(environment).completion()
}
