//! A folder in S3, or in what speaks like it: listed once for all projects, its files signed for where it is private.

mod bucket;
mod error;
mod listing;
mod name;
mod object;
mod signer;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use url::Url;

pub use bucket::{Bucket, Lifetime};
pub use error::{ListingFault, S3Error};
pub use listing::{Entries, Object};
pub use name::{BucketName, Prefix};
pub use object::Check;
pub use write::{Condition, Found, Put, Written};

use super::file::{File, Location};
use super::listing::{Listing, parse};
use super::project::Pages;
use crate::aws::Aws;
use crate::config::AwsConfig;
use crate::log;
use crate::net::Net;
use crate::package::filename::DistributionName;
use crate::package::name::ProjectName;
use crate::package::pipper;
use crate::time::Deadline;
use crate::trust::hashes::Hashes;

/// Reads one page of a bucket's listing. Public for the fuzzer alone.
#[doc(hidden)]
pub fn read_listing(page: &[u8], prefix: &str) -> Result<Entries, ListingFault> {
    listing::read(page, prefix, Some("/")).map(|page| page.entries)
}

type Opened = Result<(Bucket, Entries), S3Error>;
type Inner = Arc<OnceLock<Result<Entries, S3Error>>>;

/// A folder of distributions in a bucket.
#[derive(Clone)]
pub struct Folder {
    bucket: BucketName,
    prefix: Prefix,
    /// Who asks; without anybody requests stay unsigned.
    asker: Option<(Aws, AwsConfig)>,
    opened: Arc<OnceLock<Opened>>,
    /// The folders in it that were listed too, by name.
    inner: Arc<Mutex<BTreeMap<String, Inner>>>,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Folder({self})")
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.as_str(), self.prefix.as_str())
    }
}

impl PartialEq for Folder {
    fn eq(&self, other: &Self) -> bool {
        (&self.bucket, &self.prefix) == (&other.bucket, &other.prefix)
    }
}

impl Eq for Folder {}

impl Folder {
    /// A folder that everybody may read.
    pub fn public(bucket: BucketName, prefix: Prefix) -> Self {
        Self { bucket, prefix, asker: None, opened: Arc::default(), inner: Arc::default() }
    }

    /// The same folder, asked by that one.
    #[must_use]
    pub fn asked_by(&self, aws: &Aws, wish: &AwsConfig) -> Self {
        let asker = Some((aws.clone(), wish.clone()));
        Self { asker, ..Self::public(self.bucket.clone(), self.prefix.clone()) }
    }

    /// The project's files: those in the folder itself, and those in a folder in it that is named after the project.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn project(
        &self,
        name: &ProjectName,
        net: &Net,
        pages: &dyn Pages,
        deadline: Deadline,
    ) -> Result<Listing, S3Error> {
        let opened = self.opened.get_or_init(|| self.open(net, pages, deadline));
        let (bucket, entries) = opened.as_ref().map_err(Clone::clone)?;
        let mut listing = files(entries, bucket, &self.prefix, name);
        let named_after =
            entries.folders.iter().filter(|folder| folder.parse().is_ok_and(|n: ProjectName| n == *name));
        for folder in named_after {
            let prefix = self.prefix.join(folder);
            let inner = self.inner(bucket, folder, &prefix, net, deadline)?;
            listing.extend(files(&inner, bucket, &prefix, name));
        }
        Ok(listing)
    }

    /// Where it is asked, once it was and answered.
    pub fn url(&self) -> Option<Url> {
        let (bucket, _) = self.opened.get()?.as_ref().ok()?;
        bucket.url(self.prefix.as_str()).ok()
    }

    fn open(&self, net: &Net, pages: &dyn Pages, deadline: Deadline) -> Opened {
        let asker = self.asker.as_ref().map(|(aws, wish)| (aws, wish));
        let mut bucket = Bucket::open(&self.bucket, asker, net, pages, deadline)?;
        let entries = bucket.list(self.prefix.as_str(), Some("/"), net, deadline)?;
        bucket.remember(pages);
        if let Ok(base) = bucket.url(self.prefix.as_str()) {
            bucket.sign_below(&base, net);
        }
        log::debug(|| {
            format!("{self}: {} objects, {} folders", entries.objects.len(), entries.folders.len())
        });
        Ok((bucket, entries))
    }

    fn inner(
        &self,
        bucket: &Bucket,
        folder: &str,
        prefix: &Prefix,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Entries, S3Error> {
        let slot = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(inner.entry(folder.to_owned()).or_default())
        };
        let list = || bucket.clone().list(prefix.as_str(), Some("/"), net, deadline);
        slot.get_or_init(list).clone()
    }
}

fn files(entries: &Entries, bucket: &Bucket, prefix: &Prefix, project: &ProjectName) -> Listing {
    let mut listing = Listing::default();
    for object in &entries.objects {
        match file(object, bucket, prefix, project) {
            Some(file) => listing.files.push(file),
            None => listing.skipped += 1,
        }
    }
    listing
}

/// `<prefix>/project/v1-2-3.pipper`: only the folder tells whose package it is.
fn pipper_name(
    object: &Object,
    prefix: &Prefix,
    project: &ProjectName,
) -> Option<(String, DistributionName)> {
    let folder = prefix.as_str().trim_end_matches('/').rsplit('/').next()?;
    let own = object.name.ends_with(pipper::EXTENSION)
        && folder.parse().is_ok_and(|folder: ProjectName| folder == *project);
    own.then(|| pipper::in_folder(&object.name, project)).flatten()
}

fn file(object: &Object, bucket: &Bucket, prefix: &Prefix, project: &ProjectName) -> Option<File> {
    let (filename, name) = match parse(&object.name, project) {
        Some(name) => (object.name.clone(), name),
        None => pipper_name(object, prefix, project)?,
    };
    let url = bucket.url(&format!("{}{}", prefix.as_str(), object.name)).ok()?;
    // Without an ETag nothing tells that the object is still the same.
    let location = match &object.etag {
        Some(etag) => Location::Object { url, etag: etag.clone() },
        None => Location::Url(url),
    };
    Some(File {
        filename,
        name,
        location,
        hashes: Hashes::default(),
        size: Some(object.size),
        requires_python: None,
        yanked: None,
        uploaded: object.modified,
        metadata: None,
    })
}
