//! One distribution file that a source offers.

use std::path::PathBuf;

use url::Url;

use super::vcs::Checkout;
use crate::net::show_url;
use crate::package::address::{FileAddress, InvalidFileAddress};
use crate::package::filename::DistributionName;
use crate::package::name::ProjectName;
use crate::time::Timestamp;
use crate::trust::hashes::Hashes;

/// Where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// To be fetched; without a fragment.
    Url(Url),
    /// An object in a bucket, to be fetched as it was when it was listed.
    Object {
        /// Its address.
        url: Url,
        /// What its bytes were recognized by in the listing.
        etag: String,
    },
    /// To be fetched from where a requirement says; once fetched, what is there counts as the same for ever.
    Direct(Url),
    /// On this machine's disk: an archive, or an egg that is a directory.
    Path(PathBuf),
    /// Under version control: to be checked out and built.
    Checkout(Box<Checkout>),
}

impl Location {
    /// The address, where it has to be fetched.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Url(url) | Self::Object { url, .. } | Self::Direct(url) => Some(url),
            Self::Path(_) | Self::Checkout(_) => None,
        }
    }
}

impl File {
    /// Under which name its core metadata are remembered, where they can be.
    pub fn metadata_key(&self) -> Option<String> {
        self.identity().map(|identity| format!("metadata of {identity}"))
    }

    /// What is remembered of its contents holds as long as this text is the same; `None` where its source says
    /// nothing to recognize them by.
    pub fn identity(&self) -> Option<String> {
        match &self.location {
            Location::Object { etag, .. } => Some(format!("{} etag={etag} {}", self.filename, self.hashes)),
            Location::Direct(url) => Some(format!("{} at {} {}", self.filename, lasting(url), self.hashes)),
            _ => (!self.hashes.is_empty()).then(|| format!("{} {}", self.filename, self.hashes)),
        }
    }
}

/// The file of a project that a requirement's address names.
///
/// # Errors
/// What is wrong with the address.
pub fn direct(address: &str, project: &ProjectName) -> Result<File, InvalidFileAddress> {
    let FileAddress { url, filename, name, hashes } = FileAddress::parse(address, Some(project))?;
    let location = match url.to_file_path() {
        Ok(path) if url.scheme() == "file" => Location::Path(path),
        _ => Location::Direct(url),
    };
    Ok(File {
        filename,
        name,
        location,
        hashes,
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
    })
}

/// What stays the same of an address that is signed anew from time to time: all but a query that has a secret in it,
/// of which only the version of the object counts.
fn lasting(url: &Url) -> String {
    let shown = show_url(url);
    match shown.split_once('?') {
        Some((address, query)) if query.split('&').any(|pair| pair.ends_with("=***")) => {
            let version = query.split('&').find(|pair| pair.starts_with("versionId="));
            format!("{address}?{}", version.unwrap_or_default())
        }
        _ => shown,
    }
}

/// A file on offer, with all that its source says of it (PEP 503, 592, 658, 691, 700, 714).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name as the source writes it.
    pub filename: String,
    /// The name, read.
    pub name: DistributionName,
    /// Where its bytes are.
    pub location: Location,
    /// What its bytes must hash to; may be empty.
    pub hashes: Hashes,
    /// Its length in bytes, where told.
    pub size: Option<u64>,
    /// `Requires-Python` as written; an empty string counts as nothing.
    pub requires_python: Option<String>,
    /// Why it was yanked (PEP 592), where it was; the reason may be empty.
    pub yanked: Option<String>,
    /// When it was uploaded, where told.
    pub uploaded: Option<Timestamp>,
    /// Where its core metadata can be fetched alone (PEP 658): the hashes of that file, perhaps none.
    pub metadata: Option<Hashes>,
}
