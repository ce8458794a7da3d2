//! `myapp self …`: the launcher's own commands.

mod doctor;
mod info;
mod pin;

use std::ffi::OsStr;
use std::io::Write;

use pep440_rs::Version;

use crate::app::App;
use crate::error::Error;
use crate::host::Host;
use crate::log;
use crate::package::version::parse_version;
use crate::progress::{Draws, Progress};
use crate::run::Status;
use crate::state::State;
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
    /// `doctor [--json]`
    Doctor {
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
        ["doctor"] => Command::Doctor { json: false },
        ["doctor", "--json"] => Command::Doctor { json: true },
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
        [known @ ("rollback" | "pin"), _, extra, ..]
        | [known @ ("info" | "doctor"), "--json", extra, ..]
        | [
            known @ ("update" | "info" | "doctor" | "unpin" | "clean" | "log" | "help" | "--version"),
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

/// What can be answered though the configuration or the cache cannot be used: then the word is the default one.
pub fn asked_without_config(host: &Host) -> Option<Command> {
    match host.args.iter().map(|argument| argument.to_str()).collect::<Option<Vec<_>>>()?[..] {
        ["self", "help" | "--help" | "-h"] => Some(Command::Help),
        ["self", "--version" | "-V"] => Some(Command::Version),
        ["self", "doctor"] => Some(Command::Doctor { json: false }),
        ["self", "doctor", "--json"] => Some(Command::Doctor { json: true }),
        _ => None,
    }
}

/// Answers what needs no app, whose `trouble` is why there is none.
pub fn answer_without_config(command: &Command, host: &Host, trouble: &Error) -> Status {
    match command {
        Command::Doctor { json } => return doctor::run(host, Err(trouble), *json),
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
        Command::Info { json: true } => say(&format!("{:#}\n", info::info(app, host))),
        Command::Info { json: false } => say(&info::show(&info::info(app, host), host.now())),
        Command::Doctor { json } => return Ok(doctor::run(host, Ok(app), json)),
        Command::Rollback(number) => say(&format!("{}\n", activate::roll_back(app, host, number)?)),
        Command::Pin(version) => return pin::pin(app, host, version),
        Command::Unpin => say(&pin::unpin(app, host)?),
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
         {name} {word} doctor [--json]      what keeps it from starting or updating, and what helps\n  \
         {name} {word} rollback [NUMBER]    go back to the generation before, or to that one\n  \
         {name} {word} pin [VERSION]        stay at this version, or at that one\n  \
         {name} {word} unpin                follow the sources again\n  \
         {name} {word} clean                remove what no generation needs\n  \
         {name} {word} log                  the last events\n  \
         {name} {word} run -- ARGUMENTS     the app itself, whatever its arguments are\n  \
         {name} {word} help                 this\n  \
         {name} {word} --version            the launcher's version\n\n\
         Everything else goes to the app.\n"
    )
}

fn require_writable(app: &App) -> Result<(), Error> {
    if app.writable {
        return Ok(());
    }
    let source = std::io::ErrorKind::ReadOnlyFilesystem.into();
    Err(Error::Io { action: "write", path: app.store.root().to_owned(), source })
}

fn update(app: &App, host: &Host) -> Result<Status, Error> {
    require_writable(app)?;
    let name = &app.config.app.name;
    let progress = Progress::new(name, Draws::of(host, true));
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
