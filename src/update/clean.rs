//! Housekeeping after an update: what no app's kept generations need is removed, what runs is not, and no link is
//! followed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
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
const GRACE: Duration = Duration::from_secs(86_400);

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

/// Cleans after an update: forgets generations beyond `keep`, then removes what nothing needs.
pub fn clean(app: &App, host: &Host, state: &State) -> Cleaned {
    let mut state = state.clone();
    forget(app, &mut state);
    let _ = activate::save(app, host, &state);
    sweep(app, host, GRACE)
}

/// Cleans on demand: under the lock, without grace.
///
/// # Errors
/// When the lock cannot be opened.
pub fn clean_now(app: &App, host: &Host) -> Result<Cleaned, Error> {
    let lock = fs::open_lock(&app.files.lock())?;
    let _ = lock.lock();
    let mut state = State::read(&app.files.state());
    forget(app, &mut state);
    activate::save(app, host, &state)?;
    Ok(sweep(app, host, Duration::ZERO))
}

/// Forgets the generations before the last `keep` good ones. Never the active one, nor what a rollback left.
fn forget(app: &App, state: &mut State) {
    let Some(active) = state.active else { return };
    let mut earlier: Vec<u64> = state.generations.iter().map(|g| g.number).filter(|n| *n < active).collect();
    earlier.sort_unstable_by(|a, b| b.cmp(a));
    let kept: BTreeSet<u64> = earlier.into_iter().take(app.config.update.keep).collect();
    state.generations.retain(|g| g.number >= active || kept.contains(&g.number));
}

fn sweep(app: &App, host: &Host, grace: Duration) -> Cleaned {
    let now = host.now();
    let states: Vec<State> = app.store.all_states().iter().map(|path| State::read(path)).collect();
    let generations = || states.iter().flat_map(|state| &state.generations);
    let needed: BTreeSet<&OsStr> = generations().map(|g| OsStr::new(&g.environment)).collect();
    let pinned: BTreeSet<&str> =
        generations().flat_map(|g| &g.pins).map(|pin| pin.sha256.as_str()).collect();
    let mut cleaned = Cleaned::default();
    for path in app.store.environments() {
        let name = path.file_name().unwrap_or_default();
        if cleaned.environments < BOUND && !needed.contains(name) && is_older(&path, now, grace) && remove_environment(&path) {
            cleaned.environments += 1;
        }
    }
    for path in app.store.distributions() {
        let needed = path.file_name().and_then(OsStr::to_str).is_some_and(|name| pinned.contains(name));
        if cleaned.distributions < BOUND && !needed && is_older(&path, now, grace) && fs::remove_tree(&path).is_ok() {
            cleaned.distributions += 1;
        }
    }
    if cleaned != Cleaned::default() {
        let details = [("environments", cleaned.environments.into()), ("distributions", cleaned.distributions.into())];
        log::event(&app.files.log(), now, "cleaned", &details);
    }
    cleaned
}

fn is_older(path: &Path, now: Timestamp, grace: Duration) -> bool {
    grace.is_zero() || FileStamp::modified(path).is_some_and(|modified| now.since(modified) > grace)
}

/// Removes an environment unless an app runs from it: it would hold a shared lock on the completion record.
fn remove_environment(root: &Path) -> bool {
    let files = EnvironmentFiles::at(root.to_owned());
    let Ok(completion) = fs::open(&files.completion()) else { return fs::remove_tree(root).is_ok() };
    if completion.try_lock().is_err() {
        return false;
    }
    // Without its completion record it is no environment: whoever comes now takes the slow path.
    fs::remove_file(&files.completion()).is_ok() && fs::remove_tree(root).is_ok()
}
