//! What an update says of itself while it works: to the start that waits for it, or to a terminal.

use serde_json::{Value, json};

/// One thing said.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let value = match self {
            Self::Step { name } => json!({"event": "step", "name": name}),
            Self::Files { done, total, bytes } => json!([done, total, bytes]),
            Self::Done => json!("done"),
            Self::Busy => json!("busy"),
            Self::Failed { message, hint, status } => {
                json!({"event": "failed", "message": message, "hint": hint, "status": status})
            }
        };
        format!("{value}\n")
    }

    /// From one line.
    pub fn decode(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |at: usize| value.get(at).and_then(Value::as_u64);
        Some(match value.as_str().or(value.get("event").and_then(Value::as_str)) {
            Some("done") => Self::Done,
            Some("busy") => Self::Busy,
            Some("step") => Self::Step { name: text("name")? },
            Some("failed") => Self::Failed {
                message: text("message")?,
                hint: text("hint"),
                status: value.get("status")?.as_u64()?.try_into().ok()?,
            },
            _ => Self::Files {
                done: number(0)?.try_into().ok()?,
                total: number(1)?.try_into().ok()?,
                bytes: number(2)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_through_a_pipe_is_heard() {
        for event in [
            Event::Step { name: "asking \"the\nsources\"".to_owned() },
            Event::Files { done: 1, total: 2, bytes: u64::MAX },
            Event::Done,
            Event::Busy,
            Event::Failed { message: "no".to_owned(), hint: Some("yes".to_owned()), status: 127 },
            Event::Failed { message: String::new(), hint: None, status: 0 },
        ] {
            let line = event.encode();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Event::decode(&line), Some(event));
        }
        for noise in ["", "\"", "[1]", "{\"event\":\"failed\",\"message\":\"x\",\"status\":256}", "\"other\""]
        {
            assert_eq!(Event::decode(noise), None, "{noise}");
        }
    }
}
