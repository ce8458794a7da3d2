//! An update: ask the sources, resolve, fetch, build, verify, activate. Whole or not at all.

pub mod activate;
pub mod baked;
pub mod build;
pub mod catalogue;
pub mod clean;
pub mod depot;
pub mod description;
pub mod environment;
pub mod events;
pub mod fetch;
mod hook;
mod lock;
pub mod pages;
pub mod plan;
pub mod process;
pub mod resolve;
pub mod verify;

use std::fs::File;
use std::time::Duration;

use serde_json::json;

use crate::app::App;
use crate::error::Error;
use crate::host::Host;
use crate::log;
use crate::python::download;
use crate::python::find::Interpreter;
use crate::state::{Check, Failure, Generation, State, identity, pins_digest};
use crate::time::Deadline;
use baked::Baked;
use environment::Environment;
use events::{Event, Listener};
use plan::Aim;

/// The longest that an updater works, the network all told. It harms nobody while it does, but it holds the lock.
const LONGEST: Duration = Duration::from_secs(1800);

/// What an update is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A start found that a check is due.
    Check,
    /// A start found nothing that it could start.
    Install,
    /// What is active cannot be imported any more: it may be damaged.
    Repair,
    /// The user asked for it.
    Command,
}

impl Cause {
    /// The word for it between two processes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Install => "install",
            Self::Repair => "repair",
            Self::Command => "command",
        }
    }

    /// The cause of that name; a check where there is none.
    pub fn named(name: &str) -> Self {
        [Self::Install, Self::Repair, Self::Command]
            .into_iter()
            .find(|cause| cause.name() == name)
            .unwrap_or(Self::Check)
    }
}

/// What came of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The sources offer nothing else than what is active.
    Unchanged,
    /// This is active now: what it was before, and what it is.
    Activated(String),
    /// What the sources offer is kept out: it failed before, the user went back from it, or it could not be had.
    KeptOut(String),
    /// Another updater is at it.
    Busy,
}

/// Updates the app; returns when it can be started, after which bytecode is compiled and leftovers are cleaned.
///
/// # Errors
/// Whatever kept the update from being made. What was active still is.
pub fn update(app: &App, host: &Host, cause: Cause, listener: &dyn Listener) -> Result<Outcome, Error> {
    let Some(lock) = lock::take(app, cause, listener)? else {
        listener.hear(Event::Busy);
        return Ok(Outcome::Busy);
    };
    let mut state = State::read(&app.files.state());
    if cause == Cause::Install && activate::is_startable(app, &state) {
        listener.hear(Event::Done);
        return Ok(Outcome::Unchanged);
    }
    let in_use = app.store.use_by_updater();
    let lost = state.active().is_some() && !activate::is_startable(app, &state);
    let mut misfit = None;
    if cause == Cause::Repair || (cause == Cause::Install && lost) {
        match restore(app, host, &mut state, cause == Cause::Repair, listener) {
            Some(Ok(())) => {
                activate::save(app, host, &state)?;
                drop(lock);
                listener.hear(Event::Done);
                drop(in_use);
                tidy_up(app, host, &state);
                return Ok(Outcome::Unchanged);
            }
            Some(Err(Error::Misfit { filename, python, .. })) => misfit = Some((filename, python)),
            Some(Err(_)) | None => {}
        }
    }
    if cause == Cause::Repair {
        return Err(Error::NothingToRepair { app: app.config.app.name.clone() });
    }
    let is_first = state.active().is_none();
    let mut unusable = None;
    if cause == Cause::Install && is_first {
        match install_baked(app, host, &mut state, listener) {
            Ok(Some(outcome)) => {
                return conclude(app, host, &mut state, (lock, in_use), Ok(outcome), listener);
            }
            Ok(None) => {}
            Err(error @ Error::Bundle { .. }) => return Err(error),
            Err(error) => unusable = Some(error),
        }
    }
    let before = state.failure.clone();
    let put_off = |message: String| {
        Failure::after(before.as_ref(), host.now(), app.config.update.interval, chance(), message)
    };
    // Put off first, so that a start that meets a dead network waits for it once, whatever happens to this process.
    if cause != Cause::Command {
        state.failure = Some(put_off("the check was not finished".to_owned()));
        activate::save(app, host, &state)?;
    }
    let aim = Aim::Sources { pinned: state.pinned.clone() };
    let result = attempt(app, host, &mut state, cause, &aim, listener);
    let result = result.map_err(|error| match (misfit, unusable) {
        // Why the network is needed at all, for what ran until now.
        (Some((filename, python)), _) => Error::Misfit { filename, python, then: Some(Box::new(error)) },
        (None, Some(baked)) => Error::Baked { error: Box::new(baked), then: Box::new(error) },
        (None, None) => error,
    });
    match &result {
        Ok(Attempt { outcome, offline: None }) => {
            let kept_out = match outcome {
                Outcome::KeptOut(why) => Some(why.clone()),
                _ => None,
            };
            state.check = Some(Check { at: host.now().0, inputs: app.inputs(), kept_out });
            state.failure = None;
            log_outcome(app, host, outcome);
        }
        Ok(Attempt { outcome, offline: Some(error) }) => {
            state.failure = Some(put_off(error.to_string()));
            log_outcome(app, host, outcome);
        }
        Err(error) => {
            state.failure = Some(put_off(error.to_string()));
            log::event(&app.files.log(), host.now(), "failed", &[("reason", json!(error.to_string()))]);
            hook::run(
                app,
                host,
                app.config.hooks.failed.as_deref(),
                &[("EVERFRESH_ERROR", &error.to_string())],
            );
        }
    }
    let mut result = result.map(|attempt| attempt.outcome);
    // What ran is gone, and so are the sources: what came with the launcher is still there.
    if result.is_err()
        && cause == Cause::Install
        && !is_first
        && let Ok(Some(outcome)) = install_baked(app, host, &mut state, listener)
    {
        result = Ok(outcome);
    }
    conclude(app, host, &mut state, (lock, in_use), result, listener)
}

/// Notes down what came of an update, says so, and tidies up.
fn conclude(
    app: &App,
    host: &Host,
    state: &mut State,
    (lock, in_use): (File, Option<File>),
    result: Result<Outcome, Error>,
    listener: &dyn Listener,
) -> Result<Outcome, Error> {
    clean::forget(app, state);
    activate::save(app, host, state)?;
    // The next start may already look for the next update while this one tidies up.
    drop(lock);
    let outcome = result?;
    if let Outcome::Activated(_) = outcome {
        hook::run(app, host, app.config.hooks.succeeded.as_deref(), &[]);
    }
    listener.hear(Event::Done);
    drop(in_use);
    tidy_up(app, host, state);
    Ok(outcome)
}

/// Installs what came with the launcher, without any network; `None` where nothing came with it. No check was made, so
/// that the next start makes one.
fn install_baked(
    app: &App,
    host: &Host,
    state: &mut State,
    listener: &dyn Listener,
) -> Result<Option<Outcome>, Error> {
    let installed = Baked::of(app, host).and_then(|baked| {
        let Some(baked) = baked else { return Ok(None) };
        log::debug(|| format!("installing from {}", baked.directory().display()));
        attempt(app, host, state, Cause::Install, &Aim::Baked(&baked), listener).map(Some)
    });
    match &installed {
        Ok(Some(attempt)) => {
            state.failure = None;
            log_outcome(app, host, &attempt.outcome);
        }
        Ok(None) => {}
        Err(error) => {
            let details = [("reason", json!(error.to_string()))];
            log::event(&app.files.log(), host.now(), "baked not usable", &details);
        }
    }
    Ok(installed?.map(|attempt| attempt.outcome))
}

/// What nobody waits for: the disk, bytecode, leftovers.
fn tidy_up(app: &App, host: &Host, state: &State) {
    if state.active().is_some_and(|active| environment::settle(app, active)) {
        activate::refresh_records(app, host);
    }
    if app.config.python.compile
        && let (Some(active), Some(interpreter)) = (state.active(), state.interpreter.as_ref())
    {
        environment::compile(app, active, &interpreter.path);
    }
    clean::clean(app, host);
}

/// A number from 0 to 1 that differs between machines and moments; nothing secret hangs on it.
fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(std::process::id());
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// An update that came to an end.
struct Attempt {
    outcome: Outcome,
    /// Why it was made from the store alone, where it was: then it does not count as a check.
    offline: Option<Error>,
}

fn attempt(
    app: &App,
    host: &Host,
    state: &mut State,
    cause: Cause,
    aim: &Aim<'_>,
    listener: &dyn Listener,
) -> Result<Attempt, Error> {
    let deadline = Deadline::after(LONGEST);
    let interpreter = download::interpreter(app, host, state, deadline, listener)?;
    state.interpreter = Some(interpreter.remembered());
    let bad_files = plan::BadFiles { known: &mut state.bad_files, retry: cause == Cause::Command };
    let plan = plan::plan(app, host, &interpreter, bad_files, aim, deadline, listener)?;
    let asked_the_same = state.check.as_ref().is_some_and(|check| check.inputs == app.inputs());
    match plan.offline {
        // What runs was made from more than the store has to offer now: it stays.
        Some(error) if asked_the_same && activate::is_startable(app, state) => Err(error),
        offline => {
            let environment = Environment::planned(&interpreter, plan.files);
            let outcome = install(app, host, state, &interpreter, &environment, cause, listener)?;
            // What could not be had is not nothing.
            let outcome = match plan.left_out {
                Some(why) if outcome == Outcome::Unchanged => Outcome::KeptOut(why),
                _ => outcome,
            };
            Ok(Attempt { outcome, offline })
        }
    }
}

/// Makes the environment and activates it, unless it is active already or kept out.
fn install(
    app: &App,
    host: &Host,
    state: &mut State,
    interpreter: &Interpreter,
    environment: &Environment,
    cause: Cause,
    listener: &dyn Listener,
) -> Result<Outcome, Error> {
    let recipe = environment.recipe(app)?;
    let name = &app.config.app.name;
    let offered = identity(&environment.key, &recipe);
    let active = state.active().cloned();
    let same = |active: &Generation| active.identity() == offered;
    if active.as_ref().is_some_and(same) && environment.files(app).is_complete() {
        state.held_back = None;
        return Ok(Outcome::Unchanged);
    }
    // Kept out in favour of something that can be started only; and who asks for an update gets another try.
    if activate::is_startable(app, state) {
        if let Some(reason) = state.quarantine.get(&offered).filter(|_| cause != Cause::Command) {
            return Ok(Outcome::KeptOut(reason.clone()));
        }
        if state.held_back == Some(pins_digest(&environment.pins())) {
            return Ok(Outcome::KeptOut("you went back from it".to_owned()));
        }
    }
    listener.hear(Event::Step { name: "installing".to_owned() });
    hook::run(app, host, app.config.hooks.starting.as_deref(), &[]);
    let staged = environment.build(app)?;
    log::debug(|| "built".to_owned());
    if let Err(error) = verify::verify(app, &staged, interpreter, &recipe) {
        // Whoever killed it, or a machine that cannot start it, says nothing about the packages.
        if matches!(error, Error::VerifyFailed { .. }) {
            state.quarantine.insert(offered, error.to_string());
        }
        return Err(error);
    }
    log::debug(|| "verified".to_owned());
    environment.commit(app, &staged, false)?;
    log::debug(|| "committed".to_owned());
    state.quarantine.remove(&offered);
    state.held_back = None;
    let generation = activate::activate(app, host, state, environment, recipe);
    Ok(Outcome::Activated(match active {
        Some(previous) => activate::change(&previous, generation, name),
        None => generation.describe(name),
    }))
}

/// The active pinned set once more, from the store, for the interpreter that is here now: when its environment is
/// gone, or damaged, or made for another interpreter. Needs no network. `None`: there is nothing to restore.
fn restore(
    app: &App,
    host: &Host,
    state: &mut State,
    replace: bool,
    listener: &dyn Listener,
) -> Option<Result<(), Error>> {
    let active = state.active().cloned()?;
    let rebuilt = || -> Result<(Interpreter, Environment), Error> {
        let interpreter = download::interpreter(app, host, state, Deadline::after(LONGEST), listener)?;
        let environment = Environment::from_store(app, &interpreter, &active)?;
        listener.hear(Event::Step { name: "installing again from the cache".to_owned() });
        let staged = environment.build(app)?;
        verify::verify(app, &staged, &interpreter, &active.recipe)?;
        environment.commit(app, &staged, replace)?;
        Ok((interpreter, environment))
    };
    Some(match rebuilt() {
        Ok((interpreter, environment)) => {
            state.interpreter = Some(interpreter.remembered());
            if environment.key != active.environment {
                activate::activate(app, host, state, &environment, active.recipe);
            }
            log::event(&app.files.log(), host.now(), "restored", &[("generation", json!(state.active))]);
            Ok(())
        }
        Err(error) => {
            log::event(&app.files.log(), host.now(), "not restored", &[("reason", json!(error.to_string()))]);
            Err(error)
        }
    })
}

fn log_outcome(app: &App, host: &Host, outcome: &Outcome) {
    let log = app.files.log();
    match outcome {
        Outcome::Unchanged => log::event(&log, host.now(), "nothing new", &[]),
        Outcome::Activated(what) => log::event(&log, host.now(), "activated", &[("what", json!(what))]),
        Outcome::KeptOut(why) => log::event(&log, host.now(), "kept out", &[("why", json!(why))]),
        Outcome::Busy => {}
    }
}
