//! `self doctor`: what could keep the app from starting or from being updated, looked at one by one. It updates
//! nothing, and whatever is broken is a line of its report and no reason to stop.

mod network;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{info, say};
use crate::app::{self, App, Configured};
use crate::aws::Aws;
use crate::config::{self, Config};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::process;
use crate::progress::show_bytes;
use crate::python::find;
use crate::record::FileStamp;
use crate::run::Status;
use crate::state::State;
use crate::store::{self, AppFiles, Store};
use crate::time::Deadline;
use crate::update::catalogue::Places;
use crate::update::environment;
use crate::update::plan;

/// How long an interpreter may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A disk with fewer bytes left than this is nearly full.
const LITTLE_SPACE: u64 = 100_000_000;

/// The exit status when something is wrong.
const SOMETHING_IS_WRONG: Status = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line of the report, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    level: Level,
    name: &'static str,
    text: String,
    hint: Option<String>,
}

impl Finding {
    fn ok(name: &'static str, text: String) -> Self {
        Self { level: Level::Ok, name, text, hint: None }
    }

    fn warning(name: &'static str, text: String, hint: &str) -> Self {
        Self { level: Level::Warning, name, text, hint: Some(hint.to_owned()) }
    }

    fn error(name: &'static str, error: &Error) -> Self {
        Self { level: Level::Error, name, text: error.to_string(), hint: error.hint() }
    }

    fn shown(&self) -> String {
        let Self { level, name, text, hint } = self;
        let hint = hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        format!("{:<9}{name:<15}{text}\n{hint}", level.name())
    }
}

/// `1 file`, `2 files`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Looks at everything and reports it. `opened` is the app, or why it could not be opened.
pub(super) fn run(host: &Host, opened: Result<&App, &Error>, json: bool) -> Status {
    let findings = examine(host, opened);
    if json {
        let all = findings.iter().map(|finding| {
            json!({
                "name": finding.name,
                "status": finding.level.name(),
                "finding": finding.text,
                "hint": finding.hint,
            })
        });
        say(&format!("{:#}\n", json!({ "findings": all.collect::<Vec<_>>() })));
    } else {
        say(&findings.iter().map(Finding::shown).collect::<String>());
    }
    let is_wrong = findings.iter().any(|finding| finding.level == Level::Error);
    if is_wrong { SOMETHING_IS_WRONG } else { 0 }
}

fn examine(host: &Host, opened: Result<&App, &Error>) -> Vec<Finding> {
    // Without an app its configuration may still be whole: then it is the cache that cannot be used.
    let configured = opened.err().map(|_| Configured::read(host));
    let config = match (opened, &configured) {
        (Ok(app), _) => Some((&app.config, &app.config_path)),
        (Err(_), Some(Ok(read))) => Some((&read.config, &read.path)),
        (Err(_), _) => None,
    };
    let usual = store::usual(&host.env);
    let (store, files) = match opened {
        Ok(app) => (&app.store, app.files.clone()),
        Err(_) => (&usual, usual.app(host)),
    };
    let state = State::read(&files.state());
    let aws = Aws::new(host, opened.ok().map(|app| app.files.credentials()));
    let places = config.map(|(config, path)| Places::of(config, path, &host.env, &aws));
    let mut findings = vec![configuration(host, opened, configured.as_ref(), places.as_ref())];
    thread::scope(|scope| {
        let interpreter = config.map(|(config, _)| scope.spawn(|| interpreter(config, host, &state)));
        let network = match (config, &places) {
            (Some((config, _)), Some(Ok(places))) => network::findings(config, places, host),
            _ => vec![network::clock(host.now(), None)],
        };
        findings.extend(interpreter.and_then(|thread| thread.join().ok()));
        findings.push(cache(host, opened, config.map(|(config, _)| config), store, &files));
        findings.push(installed(store, &state));
        findings.extend(network);
    });
    if let Ok(app) = opened {
        findings.push(updates(app, &state, host));
    }
    findings
}

/// Whether `launcher.toml` can be meant, the requirements and sources in it too.
fn configuration(
    host: &Host,
    opened: Result<&App, &Error>,
    configured: Option<&Result<Configured, Error>>,
    places: Option<&Result<Places, Error>>,
) -> Finding {
    const NAME: &str = "configuration";
    if let (Some(Err(error)), _) | (_, Some(Err(error))) = (configured, places) {
        return Finding::error(NAME, error);
    }
    match opened.map(plan::requirements) {
        Ok(Err(error)) => Finding::error(NAME, &error),
        _ => Finding::ok(
            NAME,
            opened.map_or_else(
                |_| host.exe_dir().join(config::FILE_NAME).display().to_string(),
                |app| app.config_path.display().to_string(),
            ),
        ),
    }
}

/// Whether there is a Python that will do, and how long it takes to start.
fn interpreter(config: &Config, host: &Host, state: &State) -> Finding {
    const NAME: &str = "interpreter";
    let python = &config.python;
    let remembered = state.interpreter.as_ref();
    let found = match find::find(python, host, remembered) {
        Ok(found) => found,
        Err(error) => {
            let here = remembered.filter(|known| FileStamp::at(&known.path) == Some(known.stamp));
            return match (&python.download, here) {
                (None, _) => Finding::error(NAME, &error),
                (Some(_), Some(known)) => Finding::ok(NAME, format!("{}, fetched", known.path.display())),
                (Some(_), None) => {
                    let text = format!("{error}; the first start fetches one");
                    Finding::warning(NAME, text, "connect to the network and start the app")
                }
            };
        }
    };
    let started = Instant::now();
    let mut command = Command::new(&found.path);
    command.args(["-I", "-S", "-c", "pass"]).current_dir("/");
    let ran = process::run(&mut command, Deadline::after(PATIENCE), 4096);
    let took = started.elapsed().as_millis();
    let what = format!("Python {} at {}", found.facts.version, found.path.display());
    match ran {
        Ok(ended) if ended.success() => {
            let wanted = python.requires.as_ref().map(|wanted| format!(" (wanted: {})", wanted.value));
            Finding::ok(NAME, format!("{what}{}, starts in {took} ms", wanted.unwrap_or_default()))
        }
        Ok(ended) => {
            let text = format!("{what} does not run Python code: {}", ended.last_words());
            Finding { level: Level::Error, ..Finding::warning(NAME, text, "install it again") }
        }
        Err(source) => Finding::error(NAME, &Error::Interpreter { path: found.path, source }),
    }
}

/// Whether the cache that is wanted can be written, and what its disk is like.
fn cache(
    host: &Host,
    opened: Result<&App, &Error>,
    config: Option<&Config>,
    store: &Store,
    files: &AppFiles,
) -> Finding {
    const NAME: &str = "cache";
    let unusable = |level, error: &Error, outcome: &str| Finding {
        level,
        name: NAME,
        text: format!("{error}{outcome}"),
        hint: error
            .hint()
            .or_else(|| Some("set EVERFRESH_CACHE to a directory that can be written".to_owned())),
    };
    if let (Err(error), Some(_)) = (opened, config) {
        return unusable(Level::Error, error, "");
    }
    let wanted = config.map_or_else(|| store.clone(), |config| app::wanted_store(config, host));
    if let Err(error) = wanted.prepare(&wanted.app(host)) {
        return if *store == wanted {
            unusable(Level::Error, &error, ": the app is never updated")
        } else {
            let instead = format!(": {} is used instead", store.root().display());
            unusable(Level::Warning, &error, &instead)
        };
    }
    let root = store.root();
    let left = fs::space_left(root);
    let size = show_bytes(fs::size_of_tree(root));
    let free = left.map(|left| format!(", {} free", show_bytes(left))).unwrap_or_default();
    let kind = fs::file_system(root).map(|kind| format!(" on {kind}")).unwrap_or_default();
    let text = format!("{}, {size}{free}{kind}", root.display());
    if left.is_some_and(|left| left < LITTLE_SPACE) {
        return Finding::warning(NAME, text + ": the disk is nearly full", "free some space on that disk");
    }
    let locks = fs::open_lock(&files.lock()).map(|lock| lock.try_lock_shared());
    if matches!(locks, Ok(Err(std::fs::TryLockError::Error(_)))) {
        let hint = "set EVERFRESH_CACHE to a directory on a disk of this machine";
        return Finding::warning(
            NAME,
            text + ": it has no locks, so starts may do the same work twice",
            hint,
        );
    }
    Finding::ok(NAME, text)
}

/// Whether what is started is whole.
fn installed(store: &Store, state: &State) -> Finding {
    const NAME: &str = "environment";
    let Some(active) = state.active() else {
        let hint = "connect to the network and start the app";
        return Finding::warning(NAME, "nothing is installed yet".to_owned(), hint);
    };
    let files = store.environment(&active.environment);
    let what = match active.main_version() {
        Some(version) => format!("generation {} ({version})", active.number),
        None => format!("generation {}", active.number),
    };
    let again = "start the app: it is made again from the cache";
    let known = state.interpreter.as_ref();
    if !files.is_complete() {
        return Finding::warning(NAME, format!("{what} is not whole"), again);
    }
    if !known.is_some_and(|known| FileStamp::at(&known.path) == Some(known.stamp)) {
        return Finding::warning(NAME, format!("{what} was made for a Python that has changed"), again);
    }
    match environment::missing(store, active) {
        0 => Finding::ok(NAME, format!("{what}, {}, whole", count(active.pins.len(), "package"))),
        missing => Finding {
            level: Level::Error,
            name: NAME,
            text: format!("{what} lacks {}", count(missing, "file")),
            hint: Some(format!(
                "remove {} and start the app: it is made again from the cache",
                files.root().display()
            )),
        },
    }
}

/// What became of the last look for updates.
fn updates(app: &App, state: &State, host: &Host) -> Finding {
    const NAME: &str = "updates";
    let text = info::why_no_update(app, state, host.now());
    let kept_out = state.check.as_ref().is_some_and(|check| check.kept_out.is_some());
    if app.writable && (state.failure.is_some() || kept_out) {
        return Finding::warning(NAME, text, "try again: self update; what happened before: self log");
    }
    Finding::ok(NAME, text)
}
