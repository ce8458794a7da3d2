//! What an update says of itself while it works: to the start that waits for it, or to a terminal.

use serde::{Deserialize, Serialize};

/// One thing said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A step begins: "asking the sources", "installing".
    Step {
        /// What it is, as a phrase.
        name: String,
    },
    /// Files have come in.
    Files {
        /// How many are there.
        done: usize,
        /// Of how many.
        total: usize,
        /// Bytes fetched so far.
        bytes: u64,
    },
    /// The app can be started.
    Done,
    /// Another updater is at it.
    Busy,
    /// It did not work.
    Failed {
        /// Why.
        message: String,
        /// What can be done.
        hint: Option<String>,
        /// Exit status of a start that depends on it.
        status: u8,
    },
}

/// Somebody who listens.
pub trait Listener: Sync {
    /// Takes note. Never fails, never blocks for long: whoever listens may be gone.
    fn hear(&self, event: Event);
}

impl Event {
    /// As one line, for a pipe.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// From one line.
    pub fn decode(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}
