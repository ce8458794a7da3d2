//! `myapp self …`: the launcher's own commands.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use pep440_rs::Version;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::log;
use crate::package::version::parse_version;
use crate::progress::{Progress, show_bytes};
use crate::run::Status;
use crate::state::{Generation, State};
use crate::time::{Timestamp, show_duration};
use crate::update::clean;
use crate::update::{self, Cause, Outcome, activate};

/// Events of the log that `self log` shows.
const LOG_LINES: usize = 50;

const VERSION: &str = concat!("everfresh ", env!("CARGO_PKG_VERSION"), "\n");

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `update`
    Update,
    /// `info [--json]`
    Info {
        /// As JSON.
        json: bool,
    },
    /// `rollback [GENERATION]`
    Rollback(Option<u64>),
    /// `pin [VERSION]`
    Pin(Option<Version>),
    /// `unpin`
    Unpin,
    /// `clean`
    Clean,
    /// `log`
    Log,
    /// `help`
    Help,
    /// `--version`
    Version,
}

/// The command that the arguments ask for. `None`: they are the app's; those behind `self run --` are made so.
///
/// # Errors
/// When there is no such command.
pub fn asked_for(app: &App, host: &mut Host) -> Result<Option<Command>, Error> {
    let Some(word) = app.config.app.self_word.as_deref() else { return Ok(None) };
    if host.args.first().is_none_or(|first| first != word) {
        return Ok(None);
    }
    let arguments: Vec<&OsStr> = host.args.iter().skip(1).map(AsRef::as_ref).collect();
    let name = host.called();
    let usage = |message: String| Error::Usage { message, hint: format!("see: {name} {word} help") };
    let text: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap_or("\u{fffd}")).collect();
    let command = match text[..] {
        ["update"] => Command::Update,
        ["info"] => Command::Info { json: false },
        ["info", "--json"] => Command::Info { json: true },
        ["rollback"] => Command::Rollback(None),
        ["rollback", number] => match number.parse() {
            Ok(number) => Command::Rollback(Some(number)),
            Err(_) => {
                return Err(usage(format!("'{}' is not the number of a generation", number.escape_debug())));
            }
        },
        ["pin"] => Command::Pin(None),
        ["pin", version] => match parse_version(version) {
            Ok(version) => Command::Pin(Some(version)),
            Err(error) => return Err(usage(error.to_string())),
        },
        ["unpin"] => Command::Unpin,
        ["clean"] => Command::Clean,
        ["log"] => Command::Log,
        [] | ["help" | "--help" | "-h"] => Command::Help,
        ["--version" | "-V"] => Command::Version,
        ["run", "--", ..] => {
            host.args.drain(..3);
            return Ok(None);
        }
        ["run", ..] => {
            host.args.drain(..2);
            return Ok(None);
        }
        [
            known @ ("update" | "info" | "rollback" | "pin" | "unpin" | "clean" | "log" | "help"
            | "--version"),
            extra,
            ..,
        ] => {
            return Err(usage(format!("{word} {known} does not take '{}'", extra.escape_debug())));
        }
        [unknown, ..] => {
            return Err(usage(format!("there is no command '{word} {}'", unknown.escape_debug())));
        }
    };
    Ok(Some(command))
}

/// Help and version of a launcher whose configuration cannot be read: then the word is the default one.
pub fn asked_without_config(host: &Host) -> Option<Command> {
    match host.args.iter().map(|argument| argument.to_str()).collect::<Option<Vec<_>>>()?[..] {
        ["self", "help" | "--help" | "-h"] => Some(Command::Help),
        ["self", "--version" | "-V"] => Some(Command::Version),
        _ => None,
    }
}

/// Answers what needs no app.
pub fn answer_without_config(command: &Command, host: &Host) -> Status {
    match command {
        Command::Version => say(VERSION),
        _ => say(&help(&host.called(), &host.called(), "self")),
    }
    0
}

/// Does it.
///
/// # Errors
/// Whatever kept it from being done.
pub fn run(command: Command, app: &App, host: &Host) -> Result<Status, Error> {
    match command {
        Command::Update => return update(app, host),
        Command::Info { json: true } => say(&format!("{:#}\n", info(app, host))),
        Command::Info { json: false } => say(&show_info(&info(app, host), host.now())),
        Command::Rollback(number) => say(&format!("{}\n", activate::roll_back(app, host, number)?)),
        Command::Pin(version) => return pin(app, host, version),
        Command::Unpin => say(&unpin(app, host)?),
        Command::Clean => {
            let cleaned = clean::clean_now(app, host)?;
            say(&format!(
                "removed {} environments and {} distributions\n",
                cleaned.environments, cleaned.distributions
            ));
        }
        Command::Log => say(&log::last(&app.files.log(), LOG_LINES)),
        Command::Help => {
            let word = app.config.app.self_word.as_deref().unwrap_or("self");
            say(&help(&app.config.app.name, &host.called(), word));
        }
        Command::Version => say(VERSION),
    }
    Ok(0)
}

/// Writes to standard output. Whoever closed it does not want to hear more.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn help(app: &str, name: &str, word: &str) -> String {
    format!(
        "{app} updates itself when it is started. Commands:\n\n  \
         {name} {word} update               look for an update now\n  \
         {name} {word} info [--json]        what runs, from where, when it was checked, what failed\n  \
         {name} {word} rollback [NUMBER]    go back to the generation before, or to that one\n  \
         {name} {word} pin [VERSION]        stay at this version, or at that one
  \
         {name} {word} unpin                follow the sources again
  \
         {name} {word} clean                remove what no generation needs\n  \
         {name} {word} log                  the last events\n  \
         {name} {word} run -- ARGUMENTS     the app itself, whatever its arguments are\n  \
         {name} {word} help                 this\n  \
         {name} {word} --version            the launcher's version\n\n\
         Everything else goes to the app.\n"
    )
}

fn update(app: &App, host: &Host) -> Result<Status, Error> {
    require_writable(app)?;
    let name = &app.config.app.name;
    let progress = Progress::new(name, true);
    let outcome = update::update(app, host, Cause::Command, &progress);
    progress.clear();
    let state = State::read(&app.files.state());
    let current = state.active().map_or_else(|| name.clone(), |active| active.describe(name));
    match outcome? {
        Outcome::Unchanged => {
            let pinned = if state.pinned.is_some() { " (pinned)" } else { "" };
            say(&format!("{current} is up to date{pinned}\n"));
        }
        Outcome::Activated(what) => {
            activate::remember_start(app, host, state.active.unwrap_or_default(), false);
            say(&format!("{what}\n"));
        }
        Outcome::KeptOut(why) => {
            say(&format!("{current} stays: what the sources offer is kept out ({why})\n"));
        }
        Outcome::Busy => say(&format!("{current} is being updated already\n")),
    }
    Ok(0)
}

fn unpin(app: &App, host: &Host) -> Result<String, Error> {
    let name = &app.config.app.name;
    let before = activate::set_pin(app, host, None)?;
    Ok(match before {
        Some(version) => {
            format!("{name} is not pinned to {version} any more; the next start looks for updates\n")
        }
        None => format!("{name} is not pinned\n"),
    })
}

/// Stays at a version: at once where it is kept, else after an update to it.
fn pin(app: &App, host: &Host, version: Option<Version>) -> Result<Status, Error> {
    require_writable(app)?;
    let name = &app.config.app.name;
    let state = State::read(&app.files.state());
    let active = || parse_version(state.active()?.main_version()?).ok();
    let Some(version) = version.or_else(active) else {
        return Err(match state.active() {
            None => Error::NothingInstalled { app: name.clone() },
            Some(_) => Error::Usage {
                message: format!("{name} has no version that it could be pinned to"),
                hint: "[app] requirements in launcher.toml names no project".to_owned(),
            },
        });
    };
    if let Some(what) = activate::pin_to_kept(app, host, &version)? {
        say(&format!("{what}, pinned\n"));
        return Ok(0);
    }
    let before = activate::set_pin(app, host, Some(version.to_string()))?;
    let updated = update(app, host);
    let state = State::read(&app.files.state());
    if updated.is_err() || !state.active().is_some_and(|active| active.is_of(&version)) {
        activate::set_pin(app, host, before)?;
    }
    updated
}

fn require_writable(app: &App) -> Result<(), Error> {
    if app.writable {
        return Ok(());
    }
    let source = std::io::ErrorKind::ReadOnlyFilesystem.into();
    Err(Error::Io { action: "write", path: app.store.root().to_owned(), source })
}

/// All that `self info` tells. The shape is described in `docs/commands.md`.
fn info(app: &App, host: &Host) -> Value {
    let state = State::read(&app.files.state());
    let update = &app.config.update;
    let moment = |seconds: u64| json!(Timestamp(seconds).to_string());
    let next = state.active().and_then(|_| state.next_check(update.interval, &app.inputs()));
    let describe = |generation: &Generation| {
        json!({
            "number": generation.number,
            "version": generation.main_version(),
            "activated": moment(generation.activated),
            "environment": shown(app.store.environment(&generation.environment).root()),
            "complete": app.store.environment(&generation.environment).is_complete(),
        })
    };
    let active = state.active();
    json!({
        "app": app.config.app.name,
        "launcher": shown(&host.exe),
        "launcher_version": env!("CARGO_PKG_VERSION"),
        "config": shown(&app.config_path),
        "entry": app.config.app.entry.to_string(),
        "generation": active.map(|g| g.number),
        "version": active.and_then(Generation::main_version),
        "environment": active.map(|g| shown(app.store.environment(&g.environment).root())),
        "packages": active.map(|g| &g.pins),
        "generations": state.generations.iter().map(describe).collect::<Vec<_>>(),
        "python": state.interpreter.as_ref().map(|known| json!({
            "path": shown(&known.path),
            "version": known.facts.pointer("/markers/python_full_version"),
        })),
        "checked": state.check.as_ref().map(|check| moment(check.at)),
        "next_check": next.map(|next| moment(next.0)),
        "failure": state.failure.as_ref().map(|failure| json!({
            "at": moment(failure.at),
            "count": failure.count,
            "retry": moment(failure.retry_at),
            "message": failure.message,
        })),
        "quarantine": state.quarantine,
        "held_back": state.held_back,
        "pinned": state.pinned,
        "probation": state.probation.as_ref().map(|probation| json!({
            "generation": probation.generation,
            "crashes": probation.crashes,
        })),
        "cache": {
            "path": shown(app.store.root()),
            "bytes": fs::size_of_tree(app.store.root()),
            "writable": app.writable,
        },
    })
}

/// A path as text; what of it is no text is replaced.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn show_info(info: &Value, now: Timestamp) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = vec![format!(
        "{:<13}{}",
        text(&info["app"]),
        match info["version"].as_str() {
            Some(version) => version.to_owned(),
            None if info["generation"].is_null() => "not installed yet".to_owned(),
            None => format!("generation {}", info["generation"]),
        }
    )];
    let mut line = |name: &str, value: String| lines.push(format!("{name:<13}{value}"));
    line("started by", format!("{} {}", text(&info["launcher"]), text(&info["launcher_version"])));
    if let Some(pinned) = info["pinned"].as_str() {
        line("pinned", format!("to {pinned}, until `self unpin`"));
    }
    line("configured", text(&info["config"]));
    line("entry", text(&info["entry"]));
    if !info["python"].is_null() {
        line("python", format!("{} ({})", text(&info["python"]["version"]), text(&info["python"]["path"])));
    }
    if !info["generation"].is_null() {
        line("generation", format!("{} in {}", info["generation"], text(&info["environment"])));
    }
    let ago = |value: &Value| {
        let moment = value.as_str().and_then(Timestamp::parse_rfc3339)?;
        let distance = if moment > now {
            format!("in {}", show_duration(moment.since(now)))
        } else {
            format!("{} ago", show_duration(now.since(moment)))
        };
        Some(format!("{} ({distance})", text(value)))
    };
    line("checked", ago(&info["checked"]).unwrap_or_else(|| "never".to_owned()));
    if let Some(next) = ago(&info["next_check"]) {
        line("next check", next);
    }
    if !info["failure"].is_null() {
        line("failed", ago(&info["failure"]["at"]).unwrap_or_default());
        line("", text(&info["failure"]["message"]));
    }
    for (_, reason) in info["quarantine"].as_object().into_iter().flatten() {
        line("kept out", text(reason));
    }
    for generation in info["generations"].as_array().into_iter().flatten() {
        let number = &generation["number"];
        let version = generation["version"].as_str().unwrap_or("-");
        let mark = if *number == info["generation"] { " (active)" } else { "" };
        line(
            "  kept",
            format!("generation {number}: {version}, since {}{mark}", text(&generation["activated"])),
        );
    }
    for package in info["packages"].as_array().into_iter().flatten() {
        line(
            "  package",
            format!("{} {}  {}", text(&package["name"]), text(&package["version"]), text(&package["source"])),
        );
    }
    let cache = &info["cache"];
    line(
        "cache",
        format!("{} ({})", text(&cache["path"]), show_bytes(cache["bytes"].as_u64().unwrap_or_default())),
    );
    lines.join("\n") + "\n"
}
