//! Progress as a person sees it: one line that changes on a terminal, plain lines elsewhere, nothing for work that
//! takes less than half a second.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::update::events::{Event, Listener};

const PATIENCE: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(80);

/// What is drawn on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draws {
    /// One line that changes.
    Line,
    /// A line for each step.
    Lines,
    /// Nothing.
    Nothing,
}

impl Draws {
    /// What standard error takes. Where there is no terminal, or none that can take a line away again, only somebody
    /// who waits for a first installation or asked for an update wants `plain_lines` of text; in the output of an app
    /// that updates itself they have no place.
    pub fn of(host: &Host, plain_lines: bool) -> Self {
        let erases = host.env.get("TERM").is_none_or(|terminal| terminal != "dumb");
        match std::io::stderr().is_terminal() && erases {
            true => Self::Line,
            false if plain_lines => Self::Lines,
            false => Self::Nothing,
        }
    }
}

/// Shows events on standard error.
pub struct Progress {
    app: String,
    draws: Draws,
    started: Instant,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    step: String,
    files: String,
    line_open: bool,
    last: Option<Instant>,
    said: Vec<String>,
}

impl Progress {
    /// Shows the progress of `app`.
    pub fn new(app: &str, draws: Draws) -> Self {
        Self { app: app.to_owned(), draws, started: Instant::now(), shown: Mutex::default() }
    }

    /// Draws what has become due.
    pub fn tick(&self) {
        if self.started.elapsed() < PATIENCE {
            return;
        }
        let Ok(mut shown) = self.shown.lock() else { return };
        if shown.step.is_empty() {
            return;
        }
        let mut err = std::io::stderr().lock();
        if self.draws == Draws::Line {
            if shown.last.is_some_and(|last| last.elapsed() < REDRAW) {
                return;
            }
            shown.last = Some(Instant::now());
            shown.line_open = true;
            let _ = write!(err, "\r\x1b[K{}: {}{}", self.app, shown.step, shown.files);
            let _ = err.flush();
        } else if self.draws == Draws::Lines && !shown.said.contains(&shown.step) {
            let step = shown.step.clone();
            let _ = writeln!(err, "{}: {step}", self.app);
            shown.said.push(step);
        }
    }

    /// Takes the line away again: what follows on the terminal is the app's.
    pub fn clear(&self) {
        let Ok(mut shown) = self.shown.lock() else { return };
        if std::mem::take(&mut shown.line_open) {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\x1b[K");
            let _ = err.flush();
        }
        shown.step.clear();
    }
}

impl Listener for Progress {
    fn hear(&self, event: Event) {
        match event {
            Event::Step { name } => {
                if let Ok(mut shown) = self.shown.lock() {
                    shown.step = name;
                    shown.files.clear();
                }
            }
            Event::Files { done, total, bytes } => {
                if let Ok(mut shown) = self.shown.lock() {
                    shown.files = format!(" {done}/{total}, {}", show_bytes(bytes));
                }
            }
            Event::Done | Event::Busy | Event::Failed { .. } => return self.clear(),
        }
        self.tick();
    }
}

/// A number of bytes as a person reads it: `12 kB`, `3.4 MB`.
pub fn show_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_at_most_one_decimal() {
        let shown: Vec<String> = [999, 12_345, 3_456_789, 20_000_000_000].map(show_bytes).into();
        assert_eq!(shown, ["999 B", "12 kB", "3.4 MB", "20.0 GB"]);
    }
}
