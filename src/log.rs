//! The app's log: one event a line, as JSON, bounded; and `EVERFRESH_LOG=debug`, which tells a terminal as it happens.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::fs;
use crate::host::Host;
use crate::time::Timestamp;

/// The log is begun anew when it is larger than this, in bytes; one older file is kept.
const LIMIT: u64 = 256 * 1024;

static DEBUG: AtomicBool = AtomicBool::new(false);

/// Whether `EVERFRESH_LOG` asks for everything.
pub fn is_debug(host: &Host) -> bool {
    host.env.get("EVERFRESH_LOG").is_some_and(|level| level == "debug" || level == "trace")
}

/// Switches [`debug`] on where the environment asks for it.
pub fn configure(host: &Host) {
    DEBUG.store(is_debug(host), Ordering::Relaxed);
}

/// Says on standard error what is being done, with the milliseconds since the process first said something.
pub fn debug(message: impl FnOnce() -> String) {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    if DEBUG.load(Ordering::Relaxed) {
        let elapsed = START.get_or_init(Instant::now).elapsed();
        let _ = writeln!(
            std::io::stderr(),
            "everfresh {:>9.3} ms  {}",
            elapsed.as_secs_f64() * 1000.0,
            message()
        );
    }
}

/// Tells the user, on standard error, what they would want to know though the app starts. Whoever closed it does not.
pub fn tell(host: &Host, message: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {message}", host.called());
}

/// Appends an event. A log that cannot be written is no reason to fail.
pub fn event(log: &Path, now: Timestamp, name: &str, details: &[(&str, Value)]) {
    debug(|| {
        format!(
            "{name} {}",
            details.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        )
    });
    let mut line = Map::new();
    line.insert("time".into(), json!(now.to_string()));
    line.insert("event".into(), json!(name));
    line.extend(details.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    if fs::metadata(log).is_ok_and(|metadata| metadata.len() > LIMIT) {
        let _ = fs::rename(log, &older(log));
    }
    if let Ok(mut file) = fs::append(log) {
        let _ = file.write_all((Value::Object(line).to_string() + "\n").as_bytes());
    }
}

/// The last `count` lines, oldest first.
pub fn last(log: &Path, count: usize) -> String {
    let text: String = [older(log), log.to_owned()]
        .iter()
        .filter_map(|file| fs::read(file, LIMIT * 4).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines[lines.len().saturating_sub(count)..].concat()
}

fn older(log: &Path) -> PathBuf {
    log.with_extension("1")
}
