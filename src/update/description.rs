//! What is known of an unpacked distribution.

use serde::{Deserialize, Serialize};

use crate::fs;
use crate::store::{Store, this_boot};

/// What is known of an unpacked distribution: the contents of `unpacked.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The file it came from.
    pub filename: String,
    /// Whether it has `.pth` files.
    pub pth: bool,
    /// Its console and GUI scripts.
    pub scripts: Vec<Script>,
    /// The boot in which it was unpacked, until its files are known to be on the disk: after a power cut they may
    /// not be.
    #[serde(default)]
    pub boot: Option<Vec<u8>>,
}

/// A console script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// The module it imports.
    pub module: String,
    /// The attribute it calls.
    pub attribute: String,
}

impl Description {
    /// What is known of the distribution whose archive has that SHA-256; `None` when it is not in the store, whole.
    pub fn read(store: &Store, sha256: &str) -> Option<Self> {
        let bytes = fs::read(&store.distribution(sha256).description(), fs::SMALL_FILE).ok()?;
        let description: Self = serde_json::from_slice(&bytes).ok()?;
        (description.boot.is_none() || description.boot == this_boot()).then_some(description)
    }

    /// Notes that the files are on the disk.
    pub fn settle(store: &Store, sha256: &str) {
        if let Some(description) = Self::read(store, sha256).filter(|known| known.boot.is_some()) {
            let settled = Self { boot: None, ..description };
            let text = serde_json::to_vec(&settled).unwrap_or_default();
            let _ = fs::write_atomic(&store.distribution(sha256).description(), &text);
        }
    }
}
