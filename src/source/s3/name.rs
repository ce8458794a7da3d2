//! Names of buckets and of folders in them.

use crate::source::address::AddressFault;

/// The name of a bucket: letters, digits, dots, hyphens and underscores ("General purpose bucket naming rules" of the
/// Amazon S3 user guide, and what older buckets and other services allow beyond them).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketName(String);

impl BucketName {
    /// Reads a name.
    ///
    /// # Errors
    /// When no bucket can have it.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if plain && begins && (1..=255).contains(&text.len()) && !text.contains("..") {
            return Ok(Self(text.to_owned()));
        }
        Err(AddressFault::Bucket)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can be the first label of a host's name. One with dots could, but no certificate fits it.
    pub fn is_label(&self) -> bool {
        let plain = self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        plain && !self.0.ends_with('-') && (3..=63).contains(&self.0.len())
    }
}

/// What the keys of a folder begin with: nothing, or a text that ends in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Reads a folder's path as it was typed, without percent-encoding.
    ///
    /// # Errors
    /// When it has parts that no URL keeps (`.` and `..`), or is longer than keys can be.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let kept = text.split('/').all(|part| part != "." && part != "..");
        if !kept || text.len() > 1000 || text.contains(char::is_control) {
            return Err(AddressFault::Prefix);
        }
        let slash = if text.is_empty() || text.ends_with('/') { "" } else { "/" };
        Ok(Self(format!("{text}{slash}")))
    }

    /// As keys begin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of that name in this one.
    #[must_use]
    pub fn join(&self, folder: &str) -> Self {
        Self(format!("{}{folder}/", self.0))
    }
}
