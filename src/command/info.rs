//! `self info`: what runs, where it comes from, when it was looked for something newer, and why nothing newer runs.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::App;
use crate::config::Mode;
use crate::fs;
use crate::host::Host;
use crate::progress::show_bytes;
use crate::state::{Failure, Generation, State};
use crate::time::{Timestamp, show_duration};

/// All that `self info` tells. The shape is described in `docs/commands.md`.
pub(super) fn info(app: &App, host: &Host) -> Value {
    let state = State::read(&app.files.state());
    let update = &app.config.update;
    let looks = update.mode != Mode::Manual;
    let next =
        state.active().filter(|_| looks).and_then(|_| state.next_check(update.interval, &app.inputs()));
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
        "why_no_update": why_no_update(app, &state, host.now()),
        "failure": state.failure.as_ref().map(|failure| json!({
            "at": moment(failure.at),
            "count": failure.count,
            "retry": moment(failure.retry_at),
            "message": failure.message,
        })),
        "quarantine": state.quarantine,
        "kept_out": kept_out(&state),
        "held_back": state.held_back,
        "pinned": state.pinned,
        "probation": state.probation.as_ref().map(|probation| json!({
            "generation": probation.generation,
            "crashes": probation.crashes,
        })),
        "bad_files": bad_files(&state),
        "cache": {
            "path": shown(app.store.root()),
            "bytes": fs::size_of_tree(app.store.root()),
            "writable": app.writable,
        },
    })
}

/// What is quarantined, with the generation that it was, where it ever was one that is kept.
fn kept_out(state: &State) -> Vec<Value> {
    let told = state.quarantine.iter().map(|(identity, reason)| {
        let generation = state.generations.iter().find(|generation| generation.identity() == *identity);
        json!({
            "generation": generation.map(|generation| generation.number),
            "version": generation.and_then(Generation::main_version),
            "reason": reason,
        })
    });
    told.collect()
}

/// Files that turned out bad. An identity begins with the file's name.
fn bad_files(state: &State) -> Vec<Value> {
    let told = state.bad_files.iter().map(|(identity, bad)| {
        json!({
            "file": identity.split(' ').next(),
            "at": moment(bad.at),
            "count": bad.count,
            "retry": moment(bad.retry_at),
            "message": bad.message,
        })
    });
    told.collect()
}

/// Why nothing newer runs than what runs, in one line.
pub(super) fn why_no_update(app: &App, state: &State, now: Timestamp) -> String {
    if !app.writable {
        return format!("{} cannot be written", app.store.root().display());
    }
    let pinned = state.pinned.as_ref().map(|version| format!("you pinned it to {version}"));
    let mut reasons: Vec<String> = pinned.into_iter().collect();
    reasons.extend(if state.failure.is_none() { left_out(state, now) } else { Vec::new() });
    reasons.push(next_look(app, state, now));
    reasons.join("; ")
}

/// What the last check found and did not take.
fn left_out(state: &State, now: Timestamp) -> Vec<String> {
    let bad = state.bad_files.values().filter(|bad| bad.at <= now.0 && now.0 < bad.retry_at);
    let tell = |bad: &Failure| format!("{} (tried again from {})", bad.message, Timestamp(bad.retry_at));
    let mut reasons: Vec<String> = bad.clone().map(tell).collect();
    let kept_out = state.check.as_ref().and_then(|check| check.kept_out.as_ref());
    match kept_out {
        // Told already.
        Some(why) if bad.clone().any(|bad| bad.message == *why) => {}
        Some(why) => reasons.push(format!("what the sources offer is kept out: {why}")),
        None if state.held_back.is_some() => {
            reasons.push("you went back from what the sources offer".to_owned());
        }
        None => {}
    }
    reasons
}

/// When the sources are asked again, and why not now.
fn next_look(app: &App, state: &State, now: Timestamp) -> String {
    let update = &app.config.update;
    if state.active().is_none() {
        let failed = state.failure.as_ref().map(|failure| format!(": {}", failure.message));
        return format!("nothing is installed yet{}", failed.unwrap_or_default());
    }
    if update.mode == Mode::Manual {
        return "mode is manual: only self update looks".to_owned();
    }
    let due = state.is_due(update.interval, &app.inputs(), now);
    let next = state.next_check(update.interval, &app.inputs());
    match (&state.failure, next) {
        (Some(failure), _) => {
            let failed = match failure.count {
                1 => "the last check failed".to_owned(),
                count => format!("the last {count} checks failed"),
            };
            let retry = if due {
                "at the next start".to_owned()
            } else {
                format!("from {}", Timestamp(failure.retry_at))
            };
            format!("{failed}: {} (tried again {retry})", failure.message)
        }
        (None, None) if state.check.is_some() => "launcher.toml has changed: the next start looks".to_owned(),
        (None, Some(next)) if !due => format!("fresh until {next}"),
        (None, _) => "a check is due: the next start looks".to_owned(),
    }
}

fn moment(seconds: u64) -> Value {
    json!(Timestamp(seconds).to_string())
}

/// A path as text; what of it is no text is replaced.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The same for people.
pub(super) fn show(info: &Value, now: Timestamp) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = |value: &'static str| info[value].as_array().into_iter().flatten();
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
    line("no update", text(&info["why_no_update"]));
    if !info["failure"].is_null() {
        line("failed", ago(&info["failure"]["at"]).unwrap_or_default());
        line("", text(&info["failure"]["message"]));
    }
    for kept_out in list("kept_out") {
        let generation = &kept_out["generation"];
        let which = if generation.is_null() { String::new() } else { format!("generation {generation}: ") };
        line("kept out", which + &text(&kept_out["reason"]));
    }
    for bad in list("bad_files") {
        line("bad file", format!("{}, tried again from {}", text(&bad["file"]), text(&bad["retry"])));
        line("", text(&bad["message"]));
    }
    for generation in list("generations") {
        let number = &generation["number"];
        let version = generation["version"].as_str().unwrap_or("-");
        let mark = if *number == info["generation"] { " (active)" } else { "" };
        line(
            "  kept",
            format!("generation {number}: {version}, since {}{mark}", text(&generation["activated"])),
        );
    }
    for package in list("packages") {
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        line("  package", format!("{name} {version}  {}", text(&package["source"])));
        line("", format!("sha256 {}", text(&package["sha256"])));
    }
    let cache = &info["cache"];
    let writable = if cache["writable"] == true { "" } else { ", cannot be written" };
    let size = show_bytes(cache["bytes"].as_u64().unwrap_or_default());
    line("cache", format!("{} ({size}{writable})", text(&cache["path"])));
    lines.join("\n") + "\n"
}
