//! One distribution file that a source offers.

use std::path::PathBuf;

use url::Url;

use crate::package::filename::DistributionName;
use crate::time::Timestamp;
use crate::trust::hashes::Hashes;

/// Where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// To be fetched; without a fragment.
    Url(Url),
    /// On this machine's disk: an archive, or an egg that is a directory.
    Path(PathBuf),
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
