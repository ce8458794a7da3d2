//! A finished distribution file, what an index says of it, and the lies that can be told about it.

use std::path::{Path, PathBuf};

use everfresh::trust::hashes::sha256_hex;

/// A finished file and what an index says of it.
#[derive(Debug, Clone)]
pub struct Distribution {
    pub project: String,
    pub version: String,
    pub filename: String,
    pub bytes: Vec<u8>,
    pub metadata: String,
    pub requires_python: Option<String>,
    pub yanked: Option<String>,
    pub uploaded: Option<String>,
    pub claimed_sha256: Option<String>,
    pub claimed_size: Option<u64>,
}

impl Distribution {
    /// Withdrawn (PEP 592), with the reason.
    pub fn yanked(mut self, reason: &str) -> Self {
        self.yanked = Some(reason.to_owned());
        self
    }

    /// When it was uploaded (PEP 700), as `2026-01-31T12:00:00.000000Z`.
    pub fn uploaded(mut self, moment: &str) -> Self {
        self.uploaded = Some(moment.to_owned());
        self
    }

    /// The index tells another file's hash.
    pub fn lying_about_hash(mut self) -> Self {
        self.claimed_sha256 = Some(sha256_hex(b"another file"));
        self
    }

    /// The index tells this size.
    pub fn lying_about_size(mut self, size: u64) -> Self {
        self.claimed_size = Some(size);
        self
    }

    /// Gives it any other name.
    pub fn named(mut self, filename: &str) -> Self {
        filename.clone_into(&mut self.filename);
        self
    }

    /// Keeps the first half.
    pub fn truncated(mut self) -> Self {
        self.bytes.truncate(self.bytes.len() / 2);
        self
    }

    /// Flips one bit in the middle.
    pub fn with_a_flipped_bit(mut self) -> Self {
        let middle = self.bytes.len() / 2;
        self.bytes[middle] ^= 1;
        self
    }

    /// Replaces bytes by others of the same length, wherever they stand: how a name is forged that a zip writer refuses.
    pub fn with_bytes_replaced(mut self, from: &str, to: &str) -> Self {
        assert_eq!(from.len(), to.len(), "'{from}' and '{to}' must be equally long");
        let starts: Vec<usize> = (0..self.bytes.len().saturating_sub(from.len()))
            .filter(|&at| self.bytes[at..].starts_with(from.as_bytes()))
            .collect();
        assert!(!starts.is_empty(), "'{from}' is not in {}", self.filename);
        for at in starts {
            self.bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        self
    }

    pub fn sha256(&self) -> String {
        sha256_hex(&self.bytes)
    }

    /// Writes it into a directory, under its name.
    pub fn write_to(&self, directory: &Path) -> PathBuf {
        let path = directory.join(&self.filename);
        std::fs::create_dir_all(directory).unwrap();
        std::fs::write(&path, &self.bytes).unwrap();
        path
    }
}
