//! Generations: which is started, which came before, and the records that say so to the next start.

use std::fs::TryLockError;

use pep440_rs::Version;
use serde_json::json;

use crate::app::App;
use crate::config::Config;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::launch::Recipe;
use crate::log;
use crate::package::name::ProjectName;
use crate::package::requirement::Requirement;
use crate::package::version::parse_version;
use crate::probation;
use crate::record::{FileStamp, Record};
use crate::start::record_of;
use crate::state::{Generation, Probation, State, pins_digest};
use crate::update::environment::{self, Environment};

/// Makes the environment the newest generation and the active one. Nothing is written yet: see [`save`].
pub fn activate<'s>(
    app: &App,
    host: &Host,
    state: &'s mut State,
    environment: &Environment,
    recipe: Recipe,
) -> &'s Generation {
    let number = state.next_number();
    // The first generation is news to nobody.
    if state.generations.is_empty() {
        state.announced = number;
    }
    state.active = Some(number);
    probation::end(app, state);
    state.generations.push(Generation {
        number,
        environment: environment.key.clone(),
        pins: environment.pins(),
        recipe,
        activated: host.now().0,
        main: main_project(&app.config),
        left: false,
    });
    // Without one to go back to there is nothing to find out.
    if app.config.verify.probation > 0 && state.good_before(number).is_some() {
        state.probation = Some(Probation { generation: number, crashes: 0 });
    }
    let last = state.generations.len() - 1;
    &state.generations[last]
}

/// The project whose version is the app's: the one named like it, else the first that is required. Of a release that is
/// taken whole it is the one named like the app.
pub fn main_project(config: &Config) -> Option<String> {
    let requirements = config.app.requirements.iter();
    let names: Vec<ProjectName> =
        requirements.filter_map(|r| Requirement::parse_lenient(&r.value).ok()).map(|r| r.name).collect();
    let own: Option<ProjectName> = config.app.name.parse().ok();
    let found = names.iter().find(|name| Some(*name) == own.as_ref()).or(names.first()).or(own.as_ref());
    found.map(ToString::to_string)
}

/// Writes the state, then the records that follow from it.
///
/// # Errors
/// When the state cannot be written. A record that cannot costs the next start a little time.
pub fn save(app: &App, host: &Host, state: &State) -> Result<(), Error> {
    state.write(&app.files.state())?;
    let record = state.active().and_then(|active| record_of(app, state, active, host.now()));
    for path in app.records(host) {
        let written = match &record {
            Some(record) => write_record(record, &path),
            None => fs::remove_file(&path),
        };
        if let Err(error) = written {
            log::debug(|| error.to_string());
        }
    }
    Ok(())
}

fn write_record(record: &Record, path: &std::path::Path) -> Result<(), Error> {
    let bytes = record.encode();
    if fs::read_if_there(path, fs::SMALL_FILE)?.as_deref() == Some(&bytes) {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write_atomic(path, &bytes)
}

/// Whether the active generation is there to be started.
pub fn is_startable(app: &App, state: &State) -> bool {
    state.active().is_some_and(|active| can_start(app, state, active))
}

/// Whether a generation's environment is whole, and made for the interpreter that is here.
pub fn can_start(app: &App, state: &State, generation: &Generation) -> bool {
    app.store.environment(&generation.environment).is_complete()
        && state.interpreter.as_ref().is_some_and(|known| {
            FileStamp::at(&known.path) == Some(known.stamp) && environment::is_for(known, generation)
        })
}

/// After a start by the slow path: tells the next one what this one found out. Where an updater is at work, or the
/// cache cannot be written, the next start finds it out again.
pub fn remember_start(app: &App, host: &Host, number: u64, passed: bool) {
    change_state(app, host, |state| {
        state.announced = state.announced.max(number);
        if passed {
            probation::pass(app, state, number);
        }
    });
}

/// Notes something down, unless somebody else holds the lock: what is lost then is found out again.
pub fn change_state(app: &App, host: &Host, change: impl FnOnce(&mut State)) {
    if !app.writable {
        return;
    }
    let Ok(lock) = fs::open_lock(&app.files.lock()) else { return };
    if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
        return;
    }
    let mut state = State::read(&app.files.state());
    change(&mut state);
    let _ = save(app, host, &state);
}

/// Writes the records anew when what they are made from has changed. Waits for whoever notes something down: nobody
/// waits for this.
pub fn refresh_records(app: &App, host: &Host) {
    let Ok(lock) = fs::open_lock(&app.files.lock()) else { return };
    let _ = lock.lock();
    let _ = save(app, host, &State::read(&app.files.state()));
}

/// The generation that was active before this one.
pub fn predecessor<'s>(state: &'s State, generation: &Generation) -> Option<&'s Generation> {
    state.generations.iter().rev().find(|earlier| earlier.number < generation.number)
}

/// What is to be said once before the first start of a generation.
pub fn news(state: &State, generation: &Generation, app: &str) -> Option<String> {
    if generation.number <= state.announced {
        return None;
    }
    predecessor(state, generation).map(|previous| change(previous, generation, app))
}

/// From one generation to another, in a line: `myapp 1.2 → 1.3`, or `myapp 1.2 (rich 12.0 → 13.0)`.
pub fn change(from: &Generation, to: &Generation, app: &str) -> String {
    match (from.main_version(), to.main_version()) {
        (Some(old), Some(new)) if old != new => return format!("{app} {old} → {new}"),
        _ => {}
    }
    let changes: Vec<String> = to
        .pins
        .iter()
        .filter_map(|pin| {
            let before = from.pins.iter().find(|other| other.name == pin.name);
            match before {
                Some(before) if before.version != pin.version => {
                    Some(format!("{} {} → {}", pin.name, before.version, pin.version))
                }
                Some(_) => None,
                None => Some(format!("{} {}", pin.name, pin.version)),
            }
        })
        .collect();
    let shown = match changes.len() {
        0 => "set up anew".to_owned(),
        1..=3 => changes.join(", "),
        more => format!("{}, {} more", changes[..2].join(", "), more - 2),
    };
    format!("{} ({shown})", to.describe(app))
}

/// A generation left and the record of the one before it.
#[derive(Debug)]
pub struct WentBack {
    /// The one that was left, described.
    pub failed: String,
    /// The one that is active now, described.
    pub to: String,
    /// How to start it.
    pub record: Record,
}

/// Leaves a generation that cannot be started, for good, for the one before it. `None` where there is none.
pub fn go_back(app: &App, host: &Host, failed: u64, reason: &str) -> Option<WentBack> {
    let name = &app.config.app.name;
    // An update under way keeps the lock for long: then this start goes back alone, and the next one notes it.
    let lock = fs::open_lock(&app.files.lock()).ok();
    let may_note =
        lock.as_ref().is_some_and(|lock| !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    let mut state = State::read(&app.files.state());
    let generation = state.generation(failed)?.clone();
    // Another start may have gone back already, or an update may have replaced it.
    if state.active == Some(failed) {
        let before = startable_before(app, &state, failed)?;
        probation::end(app, &mut state);
        state.quarantine.insert(generation.identity(), reason.to_owned());
        state.active = Some(before);
        state.announced = state.announced.max(failed);
        if may_note {
            let _ = save(app, host, &state);
        }
    }
    let active = state.active()?;
    let details = [("from", json!(failed)), ("to", json!(active.number)), ("reason", json!(reason))];
    log::event(&app.files.log(), host.now(), "went back", &details);
    let record = record_of(app, &state, active, host.now())?;
    Some(WentBack { failed: generation.describe(name), to: active.describe(name), record })
}

/// The newest generation before that one that is good and can be started, else that is good.
fn startable_before(app: &App, state: &State, failed: u64) -> Option<u64> {
    let mut number = failed;
    while let Some(earlier) = state.good_before(number) {
        if can_start(app, state, earlier) {
            return Some(earlier.number);
        }
        number = earlier.number;
    }
    Some(state.good_before(failed)?.number)
}

/// Goes back to an earlier generation because the user says so, and holds back what is left until the sources offer
/// something else.
///
/// # Errors
/// When there is no such generation, or it is not whole any more.
pub fn roll_back(app: &App, host: &Host, number: Option<u64>) -> Result<String, Error> {
    let lock = fs::open_lock(&app.files.lock())?;
    let _ = lock.lock();
    let mut state = State::read(&app.files.state());
    let name = &app.config.app.name;
    let Some(active) = state.active().cloned() else {
        return Err(Error::NothingInstalled { app: name.clone() });
    };
    let target = match number {
        Some(number) => state.generation(number),
        None => state.good_before(active.number),
    };
    let available = || state.generations.iter().map(|generation| generation.number).collect();
    let Some(target) = target.cloned() else {
        return Err(Error::NoGeneration { number, available: available() });
    };
    if !app.store.environment(&target.environment).is_complete() {
        return Err(Error::NoGeneration { number: Some(target.number), available: available() });
    }
    if target.number < active.number {
        let newest = state.generations.iter().max_by_key(|generation| generation.number);
        state.held_back = newest.map(|generation| pins_digest(&generation.pins));
    } else {
        state.held_back = None;
    }
    for generation in &mut state.generations {
        if generation.number == target.number {
            generation.left = false;
        } else if generation.number == active.number {
            generation.left = target.number < active.number;
        }
    }
    probation::end(app, &mut state);
    if !state.pinned.as_deref().and_then(|pin| parse_version(pin).ok()).is_some_and(|pin| target.is_of(&pin))
    {
        state.pinned = None;
    }
    state.active = Some(target.number);
    state.announced = state.announced.max(target.number);
    save(app, host, &state)?;
    let what = format!("{} → {}", active.describe(name), target.describe(name));
    log::event(&app.files.log(), host.now(), "rolled back", &[("what", json!(what))]);
    Ok(what)
}

/// Stays at the active version from now on, or at that one where a generation of it is kept. `None` where none is.
///
/// # Errors
/// When the state cannot be written.
pub fn pin_to_kept(app: &App, host: &Host, version: &Version) -> Result<Option<String>, Error> {
    let lock = fs::open_lock(&app.files.lock())?;
    let _ = lock.lock();
    let mut state = State::read(&app.files.state());
    let name = &app.config.app.name;
    let is_it = |generation: &&Generation| generation.is_of(version);
    let is_good = |generation: &&Generation| {
        can_start(app, &state, generation) && !state.quarantine.contains_key(&generation.identity())
    };
    let active = state.active().filter(is_it);
    let Some(target) = active.or_else(|| state.generations.iter().rev().filter(is_it).find(is_good)).cloned()
    else {
        return Ok(None);
    };
    let before = state.active().cloned();
    state.pinned = Some(version.to_string());
    state.held_back = None;
    let what = match before.filter(|before| before.number != target.number) {
        Some(before) => {
            probation::end(app, &mut state);
            state.active = Some(target.number);
            state.announced = state.announced.max(target.number);
            format!("{} → {}", before.describe(name), target.describe(name))
        }
        None => target.describe(name),
    };
    save(app, host, &state)?;
    log::event(&app.files.log(), host.now(), "pinned", &[("what", json!(what))]);
    Ok(Some(what))
}

/// Pins to a version, or to none; returns what was there before. Unpinned, the sources are asked at the next start.
///
/// # Errors
/// When the state cannot be written.
pub fn set_pin(app: &App, host: &Host, version: Option<String>) -> Result<Option<String>, Error> {
    let lock = fs::open_lock(&app.files.lock())?;
    let _ = lock.lock();
    let mut state = State::read(&app.files.state());
    let before = std::mem::replace(&mut state.pinned, version);
    if state.pinned != before {
        state.held_back = None;
        state.check = None;
        state.failure = None;
        save(app, host, &state)?;
    }
    Ok(before)
}
