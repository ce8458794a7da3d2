//! A distribution on this machine that is to be published.

use std::path::{Path, PathBuf};

use super::super::digest;
use super::super::failure::Failure;
use crate::error::Error;
use crate::fs;
use crate::package::archive::limits::Limits;
use crate::package::filename::DistributionName;
use crate::package::metadata::Metadata;
use crate::package::unpack;

/// A distribution, looked at: what a launcher would refuse is not published.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its name, as it will be.
    pub(crate) filename: String,
    /// What its name says.
    pub(crate) name: DistributionName,
    /// Its SHA-256, in hex.
    pub(crate) sha256: String,
    /// Its MD5, in hex.
    pub(crate) md5: String,
    /// Its length, in bytes.
    pub(crate) size: u64,
    /// Its core metadata, for those who ask for that alone (PEP 658).
    pub(crate) metadata: Vec<u8>,
    /// `Requires-Python` of that.
    pub(crate) requires_python: Option<String>,
}

impl Parcel {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it is no distribution, or damaged.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = DistributionName::parse(&filename).map_err(Failure::NoDistribution)?;
        let refused = |refusal| Error::Archive { filename: filename.clone(), refusal };
        let digests = digest::of_file(path)?;
        let metadata = unpack::metadata_of(path, &name, &Limits::default()).map_err(refused)?;
        let requires_python = Metadata::parse(&metadata).ok().and_then(|metadata| metadata.requires_python);
        Ok(Self {
            path: path.to_owned(),
            sha256: digests.sha256().to_owned(),
            md5: digests.md5().unwrap_or_default().to_owned(),
            size: fs::metadata(path)?.len(),
            filename,
            name,
            metadata,
            requires_python,
        })
    }
}
