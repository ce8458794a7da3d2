//! The text of a source's address, read: which kind of source it is and where.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::release::{self, Release};
use super::s3::{BucketName, Folder, Prefix};
use crate::config::{SourceType, scheme};
use crate::net::{hide_userinfo, percent_decode};

/// The index that is asked when no source is given.
pub const PUBLIC_INDEX: &str = "https://pypi.org/simple/";

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The base of an index (PEP 503): `<base>/<project>/` are its pages. Its path ends in `/`.
    Index(Url),
    /// A page of links.
    Links(Url),
    /// A directory on this machine; absolute.
    Directory(PathBuf),
    /// A folder in S3.
    S3(Folder),
    /// A published lock.
    Release(Release),
}

/// An address that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAddress {
    /// The text, without anything secret.
    pub text: String,
    /// What is wrong with it.
    pub reason: AddressFault,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFault {
    /// Nothing there.
    Empty,
    /// A URL that cannot be read.
    Url,
    /// A scheme that no kind of source has.
    Scheme,
    /// A `file://` URL that names another machine.
    Remote,
    /// An `s3://` address with the name of no bucket.
    Bucket,
    /// An `s3://` address whose path no URL keeps.
    Prefix,
}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            AddressFault::Empty => "it is empty",
            AddressFault::Url => "it is not a valid URL",
            AddressFault::Scheme => "no source has such a scheme",
            AddressFault::Bucket => "no bucket can have that name",
            AddressFault::Prefix => "its path has parts that are '.' or '..', or is too long",
            AddressFault::Remote => "a file URL must name a path of this machine",
        };
        write!(f, "'{}' is not the address of a source: {reason}", self.text.escape_debug())
    }
}

impl std::error::Error for InvalidAddress {}

impl Address {
    /// Where it is asked over HTTP as it stands; `None` for what is no page.
    pub fn web(&self) -> Option<&Url> {
        match self {
            Self::Index(url) | Self::Links(url) => Some(url),
            Self::Release(release) => release.web(),
            Self::S3(_) | Self::Directory(_) => None,
        }
    }
}

/// Reads an address and infers its kind. A path is one from `base`.
pub fn infer(text: &str, base: &Path) -> Result<Address, InvalidAddress> {
    read(text, SourceType::of_address(text), base)
}

/// Reads an address whose kind is given.
pub fn read(text: &str, kind: SourceType, base: &Path) -> Result<Address, InvalidAddress> {
    let text = text.trim();
    match kind {
        SourceType::Index => web(text).map(|mut url| {
            close_path(&mut url);
            Address::Index(url)
        }),
        SourceType::Links => web(text).map(Address::Links),
        SourceType::Directory => directory(text, base).map(Address::Directory),
        SourceType::S3 => s3(text).map(Address::S3).map_err(|reason| invalid(text, reason)),
        SourceType::Release => release(text, base).map(Address::Release),
    }
}

fn web(text: &str) -> Result<Url, InvalidAddress> {
    if text.is_empty() {
        return Err(invalid(text, AddressFault::Empty));
    }
    let mut url = Url::parse(text).map_err(|_| invalid(text, AddressFault::Url))?;
    url.set_fragment(None);
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(invalid(text, AddressFault::Scheme)),
    }
}

fn directory(text: &str, base: &Path) -> Result<PathBuf, InvalidAddress> {
    match scheme(text) {
        _ if text.is_empty() => Err(invalid(text, AddressFault::Empty)),
        None => Ok(base.join(text)),
        Some("file") => {
            let url = Url::parse(text).map_err(|_| invalid(text, AddressFault::Url))?;
            url.to_file_path().map_err(|()| invalid(text, AddressFault::Remote))
        }
        Some(_) => Err(invalid(text, AddressFault::Scheme)),
    }
}

/// `s3://bucket/prefix`; the prefix counts as it is typed, whatever a URL would make of it.
fn s3(text: &str) -> Result<Folder, AddressFault> {
    let (bucket, prefix) = s3_place(text)?;
    Ok(Folder::public(BucketName::parse(bucket)?, Prefix::parse(prefix)?))
}

/// Bucket and prefix of `s3://bucket/prefix`.
///
/// # Errors
/// When no bucket can have the name, or no URL keeps the prefix.
pub fn s3_folder(text: &str) -> Result<(BucketName, Prefix), InvalidAddress> {
    let read = |(bucket, prefix)| Ok((BucketName::parse(bucket)?, Prefix::parse(prefix)?));
    s3_place(text.trim()).and_then(read).map_err(|reason| invalid(text, reason))
}

fn s3_place(text: &str) -> Result<(&str, &str), AddressFault> {
    let place = text.strip_prefix("s3://").ok_or(AddressFault::Scheme)?;
    Ok(place.split_once('/').unwrap_or((place, "")))
}

/// A file on the web, in a bucket or on this machine.
fn release(text: &str, base: &Path) -> Result<Release, InvalidAddress> {
    use release::Address;
    let address = match scheme(text) {
        Some("s3") => {
            let place = s3_place(text).and_then(|(bucket, key)| {
                // What holds for a folder's path holds for a file's.
                let bucket = BucketName::parse(bucket)?;
                Prefix::parse(key).map(|_| Address::Object(bucket, key.to_owned()))
            });
            place.map_err(|reason| invalid(text, reason))?
        }
        Some("file") | None => Address::Path(directory(text, base)?),
        Some(_) => Address::Web(web(text)?),
    };
    Ok(Release::at(address))
}

fn invalid(text: &str, reason: AddressFault) -> InvalidAddress {
    // A URL would make something else of an S3 prefix.
    let parsed = if text.starts_with("s3:") { None } else { Url::parse(text).ok() };
    let shown = parsed.map_or_else(|| hide_userinfo(text), |url| crate::net::show_url(&url));
    InvalidAddress { text: shown, reason }
}

/// Lets relative addresses start below the path and not beside its last part.
pub(super) fn close_path(url: &mut Url) {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
}

/// The last named part of an index's path: `simple`, `pypi`.
pub(super) fn last_name(url: &Url) -> String {
    let name = url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()));
    name.map(percent_decode).unwrap_or_default()
}
