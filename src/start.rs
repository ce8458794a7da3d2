//! The slow path of a start: is a check due, what may be waited for, and what is started in the end.

use std::time::Duration;

use crate::app::App;
use crate::config::{Entry, Mode};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::launch::{IMPORT_ERROR, Launch, Target, Variable};
use crate::log;
use crate::probation::{self, Stage};
use crate::python::find;
use crate::record::{Ready, Record};
use crate::state::{Generation, RememberedInterpreter, State};
use crate::time::Timestamp;
use crate::update::Cause;
use crate::update::activate;
use crate::update::environment::{fits, is_for};
use crate::update::process::{self, Waited};

/// What a start does about its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// Nothing: start what is active.
    Start,
    /// Look for updates, and wait for them no longer than this.
    Check(Duration),
    /// Nothing can be started yet: install, and wait no longer than this.
    Install(Duration),
}

/// Decides what to start, after an update where one is due.
///
/// # Errors
/// When nothing is installed and nothing could be.
pub fn choose(app: &App, host: &mut Host) -> Result<Ready, Error> {
    if let Some(reason) = handed_back(host) {
        if let Some(ready) = go_back(app, host, &reason) {
            return Ok(ready);
        }
        // Nothing older to go to: perhaps it is damaged, and the store is not. If it fails again, Python says itself
        // what is wrong.
        if app.writable {
            process::update(app, host, app.config.update.first_run_timeout, Cause::Repair);
        }
        let state = State::read(&app.files.state());
        let active = state.active().and_then(|active| record_of(app, &state, active, host.now())?.hold());
        return active
            .or_else(|| last_resort(app, &state, host))
            .ok_or(Error::NothingInstalled { app: app.config.app.name.clone() });
    }
    let state = State::read(&app.files.state());
    let decision = decide(app, &state, host.now());
    log::debug(|| format!("{decision:?}"));
    let waited = match decision {
        Decision::Start => None,
        Decision::Check(wait) if wait.is_zero() => {
            // What this start has to note down is noted before the updater wants the same lock.
            let ready = ready(app, &state, host, true);
            process::update(app, host, wait, Cause::Check);
            return ready.ok_or(Error::NothingInstalled { app: app.config.app.name.clone() });
        }
        Decision::Check(wait) => Some(process::update(app, host, wait, Cause::Check)),
        Decision::Install(wait) => Some(process::update(app, host, wait, Cause::Install)),
    };
    let state = if waited.is_some() { State::read(&app.files.state()) } else { state };
    let updater_is_at_it = matches!(waited, Some(Waited::TimedOut | Waited::Busy));
    let ready = ready(app, &state, host, !updater_is_at_it).or_else(|| last_resort(app, &state, host));
    match (ready, waited) {
        (Some(ready), _) => Ok(ready),
        (None, Some(Waited::Failed { message, hint, status })) => {
            Err(Error::Update { message, hint, status })
        }
        (None, Some(Waited::TimedOut)) => Err(Error::TooSlow { waited: app.config.update.first_run_timeout }),
        (None, _) => Err(Error::NothingInstalled { app: app.config.app.name.clone() }),
    }
}

/// The reason for which the entry code of this very process gave the start back. What others left is taken away.
fn handed_back(host: &mut Host) -> Option<String> {
    let reason = host.env.get(IMPORT_ERROR)?.to_string_lossy().into_owned();
    let ours = reason.split_once(' ').filter(|(process, _)| *process == std::process::id().to_string());
    let reason = ours.map(|(_, reason)| reason.to_owned());
    if reason.is_none() {
        host.env.remove(IMPORT_ERROR);
    }
    reason
}

/// Whatever can still be started when the active generation cannot: an older one, or what the last record says.
fn last_resort(app: &App, state: &State, host: &Host) -> Option<Ready> {
    let mut kept =
        state.generations.iter().rev().filter(|generation| activate::can_start(app, state, generation));
    let older = kept.find_map(|generation| record_of(app, state, generation, host.now())?.hold());
    older.or_else(|| as_it_is(app, state, host)).or_else(|| {
        let mut records = app.records(host).into_iter();
        records.find_map(|path| Record::decode(&fs::read(&path, fs::SMALL_FILE).ok()?)?.hold())
    })
}

/// A generation that was made for the interpreter before, where it cannot be made for the one that is here (a cache that
/// is full, or that others write) and everything in it is for that one too.
fn as_it_is(app: &App, state: &State, host: &Host) -> Option<Ready> {
    let interpreter = find::find(&app.config.python, host, state.interpreter.as_ref()).ok()?;
    let known = interpreter.remembered();
    let active = state.active()?;
    let older = state.generations.iter().rev().filter(|older| older.number < active.number && !older.left);
    std::iter::once(active)
        .chain(older)
        .filter(|generation| !state.quarantine.contains_key(&generation.identity()))
        .filter(|generation| app.store.environment(&generation.environment).is_complete())
        .filter(|generation| generation.pins.iter().all(|pin| fits(&interpreter, pin)))
        .find_map(|generation| record(app, state, &known, generation, host.now()).hold())
}

fn decide(app: &App, state: &State, now: Timestamp) -> Decision {
    let update = &app.config.update;
    let startable = activate::is_startable(app, state);
    if !startable {
        return if app.writable { Decision::Install(update.first_run_timeout) } else { Decision::Start };
    }
    if !app.writable || update.mode == Mode::Manual {
        return Decision::Start;
    }
    let due = state.is_due(update.interval, &app.inputs(), now);
    let edited = state.failure.is_none() && state.active().is_some_and(|active| is_outdated(app, active));
    match (due || edited, update.mode) {
        (false, _) => Decision::Start,
        (true, Mode::Background) => Decision::Check(Duration::ZERO),
        (true, _) => Decision::Check(update.timeout),
    }
}

/// Whether the configuration asks for another way of starting than the generation has.
fn is_outdated(app: &App, active: &Generation) -> bool {
    let python = &app.config.python;
    let recipe = &active.recipe;
    let target_differs = match Target::of(&app.config.app.entry) {
        Some(target) => target != recipe.target,
        None => {
            matches!(app.config.app.entry, Entry::ConsoleScript(_))
                && !matches!(recipe.target, Target::Function { .. })
        }
    };
    target_differs
        || recipe.flags != python.flags
        || recipe.isolated != python.isolated
        || recipe.inherit != python.inherit
}

/// The record of a generation, as it would be written now; `None` without the interpreter that it was made for.
pub fn record_of(app: &App, state: &State, generation: &Generation, now: Timestamp) -> Option<Record> {
    let interpreter = state.interpreter.as_ref().filter(|known| is_for(known, generation))?;
    Some(record(app, state, interpreter, generation, now))
}

fn record(
    app: &App,
    state: &State,
    interpreter: &RememberedInterpreter,
    generation: &Generation,
    now: Timestamp,
) -> Record {
    let environment = app.store.environment(&generation.environment);
    let update = &app.config.update;
    let next_check = match update.mode {
        Mode::Manual => None,
        _ => Some(state.next_check(update.interval, &app.inputs()).unwrap_or(Timestamp(0))),
    };
    let launch: Launch = generation.recipe.launch(generation.number, &interpreter.path, &environment.site());
    Record {
        config: app.config_stamp,
        interpreter: interpreter.stamp,
        completion: environment.completion(),
        boot: environment.boot(),
        decided: if state.decided() > now { now } else { state.decided() },
        next_check,
        self_word: app.config.app.self_word.as_ref().map(Into::into),
        news: activate::news(state, generation, &app.config.app.name),
        on_probation: state.probation.is_some(),
        launch,
    }
}

/// The active generation, ready to be started; tells the user once what is new in it.
fn ready(app: &App, state: &State, host: &Host, remember: bool) -> Option<Ready> {
    let active = state.active()?;
    let record = record_of(app, state, active, host.now())?;
    let news = record.news.clone();
    let from =
        activate::predecessor(state, active).map(|from| from.main_version().unwrap_or_default().to_owned());
    let mut ready = record.hold()?;
    if let Some(news) = news {
        if app.config.update.notify {
            process::tell_a_terminal(&news);
        }
        if let Some(from) = from.filter(|from| !from.is_empty()) {
            ready.launch.variables.push(Variable::Set("EVERFRESH_UPDATED_FROM".into(), from.into()));
        }
    }
    ready.stage = probation::stage(app, state, active, host);
    if let Stage::Marked(_) = ready.stage {
        ready.launch.variables.push(probation::variable(app));
        ready.launch.say_goodbye();
    }
    if remember {
        let passed = matches!(ready.stage, Stage::Passed);
        activate::remember_start(app, host, active.number, passed);
    }
    Some(ready)
}

/// After a start whose entry point could not be imported: quarantines that generation and starts the one before it.
fn go_back(app: &App, host: &mut Host, reason: &str) -> Option<Ready> {
    let failed: u64 = host.env.text("EVERFRESH_GENERATION")?.parse().ok()?;
    let back = activate::go_back(app, host, failed, reason)?;
    host.env.remove(IMPORT_ERROR);
    log::tell(host, &format!("{} cannot be imported ({reason}); started {} instead", back.failed, back.to));
    back.record.hold()
}
