//! What came of a build.

use std::sync::Arc;

use crate::package::metadata::Metadata;
use crate::package::name::ProjectName;
use crate::state::PinnedFile;
use crate::update::description::Description;
use crate::update::environment::Fetched;

/// A wheel that was built and lies in the store.
#[derive(Debug, Clone)]
pub struct Built {
    /// The SHA-256 of the wheel.
    pub sha256: String,
    /// The wheel's name.
    pub filename: String,
    /// Its version: of version control only a build tells.
    pub version: String,
    /// Its metadata; the version is that of the file on offer, which the resolver knows it by.
    pub metadata: Arc<Metadata>,
    /// What it was made from, without anything secret; of version control with its revision.
    pub source: String,
    /// What is known of it in the store.
    pub description: Description,
}

impl Built {
    /// As if it had been fetched.
    pub fn fetched(&self, name: &ProjectName) -> Fetched {
        let pin = PinnedFile {
            name: name.to_string(),
            version: self.version.clone(),
            filename: self.filename.clone(),
            sha256: self.sha256.clone(),
            source: self.source.clone(),
        };
        Fetched { pin, description: self.description.clone() }
    }
}
