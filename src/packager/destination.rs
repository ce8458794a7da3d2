//! Where packages are published: a folder in a bucket, or a directory that some web server serves. No server of ours:
//! what is written here is all there is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::arguments::Usage;
use super::failure::Failure;
use crate::aws::Aws;
use crate::config::{AwsConfig, scheme};
use crate::error::Error;
use crate::fs;
use crate::net::Net;
use crate::source::NoPages;
use crate::source::s3::{Bucket, BucketName, Condition, Found, Prefix, Put, Written};
use crate::source::s3_folder;
use crate::time::Deadline;
use crate::trust::hashes::sha256_hex;

/// How long one small exchange with a service may take.
const EXCHANGE: Duration = Duration::from_secs(60);
/// How long the upload of one file may take.
const UPLOAD: Duration = Duration::from_secs(3600);
/// Files from this size on are sent in parts, in bytes.
const LARGE: u64 = 64 << 20;
/// Held in a directory while somebody publishes to it.
pub(crate) const LOCK: &str = ".everfresh.lock";

/// What a file is to those who fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A distribution, or anything else whose contents never change under its name.
    File,
    /// Metadata of a distribution.
    Metadata,
    /// A page of an index for people and for PEP 503.
    Html,
    /// A page of an index for PEP 691.
    Json,
    /// A lock.
    Toml,
}

impl Kind {
    fn content_type(self) -> &'static str {
        match self {
            Self::File => "application/octet-stream",
            Self::Metadata => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::Toml => "application/toml",
        }
    }

    /// What never changes is kept for ever; what says what there is, for a minute.
    fn cache_control(self) -> &'static str {
        match self {
            Self::File | Self::Metadata => "public, max-age=31536000, immutable",
            Self::Html | Self::Json | Self::Toml => "public, max-age=60",
        }
    }
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version(String);

/// A place to publish to.
pub(crate) struct Destination {
    place: Place,
    acl: Option<String>,
    folder_objects: bool,
}

enum Place {
    Directory { root: PathBuf, _lock: Option<File> },
    Bucket { name: BucketName, prefix: Prefix, bucket: Box<Bucket>, net: Box<Net> },
}

/// What opens a destination, beside its address.
pub(crate) struct Key<'a> {
    /// Whose credentials.
    pub(crate) aws: &'a Aws,
    /// Endpoint, region, profile.
    pub(crate) wish: &'a AwsConfig,
    /// The way to the network.
    pub(crate) net: Net,
    /// A canned access list for what is written: `public-read`.
    pub(crate) acl: Option<String>,
    /// Whether a service that is not Amazon's keeps objects whose keys end in a slash.
    pub(crate) folder_objects: bool,
}

impl Destination {
    /// Opens `s3://bucket/prefix` or a directory, which is made.
    ///
    /// # Errors
    /// When the address is none, or the credentials cannot be had.
    pub(crate) fn open(address: &str, key: Key<'_>, command: &'static str) -> Result<Self, Failure> {
        let invalid = |reason: String| Failure::from(Usage::Invalid { command, reason });
        let place = match scheme(address) {
            Some("s3") => {
                let (name, prefix) = s3_folder(address).map_err(|error| invalid(error.to_string()))?;
                let asker = Some((key.aws, key.wish));
                let bucket = Bucket::open(&name, asker, &key.net, &NoPages, Deadline::after(EXCHANGE));
                let bucket = Box::new(bucket.map_err(Error::S3)?);
                Place::Bucket { name, prefix, bucket, net: Box::new(key.net) }
            }
            Some(scheme) if scheme != "file" => {
                return Err(invalid(format!(
                    "'{}' cannot be published to: a destination is s3://bucket/prefix or a directory",
                    crate::net::hide_userinfo(address).escape_debug()
                )));
            }
            _ => {
                let root = fs::absolute(Path::new(address.strip_prefix("file://").unwrap_or(address)))?;
                fs::create_dir_all_mode(&root, 0o755)?;
                let lock = fs::open_lock(&root.join(LOCK))?;
                // Without locks it is for the publishers to see to it that they are not two.
                let _ = lock.lock();
                Place::Directory { root, _lock: Some(lock) }
            }
        };
        // Services that keep objects as files have no such names: some refuse them, some hang.
        let amazon = matches!(&place, Place::Bucket { bucket, .. } if bucket.is_amazon());
        Ok(Self { place, acl: key.acl, folder_objects: amazon || key.folder_objects })
    }

    /// The address of a file in it, as people write it.
    pub(crate) fn shown(&self, key: &str) -> String {
        match &self.place {
            Place::Directory { root, .. } => root.join(key).display().to_string(),
            Place::Bucket { name, prefix, .. } => format!("s3://{}/{}{key}", name.as_str(), prefix.as_str()),
        }
    }

    /// Whether keys may end in a slash: what a server without pages for directories serves for one.
    pub(crate) fn has_folder_objects(&self) -> bool {
        self.folder_objects && matches!(self.place, Place::Bucket { .. })
    }

    /// A file's contents, at most `cap` bytes; `None` where there is none.
    pub(crate) fn read(&mut self, key: &str, cap: u64) -> Result<Option<(Vec<u8>, Version)>, Error> {
        match &mut self.place {
            Place::Directory { root, .. } => {
                let bytes = fs::read_if_there(&root.join(key), cap)?;
                Ok(bytes
                    .map(|bytes| (Version(sha256_hex(&bytes)), bytes))
                    .map(|(version, bytes)| (bytes, version)))
            }
            Place::Bucket { prefix, bucket, net, .. } => {
                let key = format!("{}{key}", prefix.as_str());
                let found =
                    bucket.get_if_there(&key, cap, net, Deadline::after(EXCHANGE)).map_err(Error::S3)?;
                Ok(found.map(|(bytes, etag)| {
                    let version = Version(etag.unwrap_or_default());
                    (bytes, version)
                }))
            }
        }
    }

    /// Writes a small file whole, if it still has the version that it was read with (`None`: is still not there).
    pub(crate) fn write_if(
        &mut self,
        key: &str,
        bytes: &[u8],
        kind: Kind,
        read: Option<&Version>,
    ) -> Result<Written, Error> {
        let current = match &self.place {
            // The directory is locked: nobody comes between.
            Place::Directory { .. } => self.read(key, fs::SMALL_FILE)?.map(|(_, version)| version),
            Place::Bucket { .. } => None,
        };
        match &self.place {
            Place::Directory { .. } if current.as_ref() != read => return Ok(Written::Conflict),
            _ => {}
        }
        let condition = match read {
            None => Condition::New,
            Some(Version(etag)) if etag.is_empty() => Condition::Always,
            Some(Version(etag)) => Condition::Unchanged(etag),
        };
        self.put(key, bytes, kind, condition)
    }

    /// Writes a small file whole, whatever is there.
    pub(crate) fn write(&mut self, key: &str, bytes: &[u8], kind: Kind) -> Result<(), Error> {
        self.put(key, bytes, kind, Condition::Always).map(drop)
    }

    fn put(
        &mut self,
        key: &str,
        bytes: &[u8],
        kind: Kind,
        condition: Condition<'_>,
    ) -> Result<Written, Error> {
        match &mut self.place {
            Place::Directory { root, .. } => {
                let path = root.join(key);
                make_parent(&path)?;
                fs::write_atomic(&path, bytes)?;
                Ok(Written::Done)
            }
            Place::Bucket { prefix, bucket, net, .. } => {
                let key = format!("{}{key}", prefix.as_str());
                let put = put_as(kind, self.acl.as_deref(), None, condition);
                bucket.put_as(&key, bytes, &put, net, Deadline::after(EXCHANGE)).map_err(Error::S3)
            }
        }
    }

    /// What is known of a file; `None` where there is none.
    pub(crate) fn look_up(&mut self, key: &str) -> Result<Option<Found>, Error> {
        match &mut self.place {
            Place::Directory { root, .. } => {
                let path = root.join(key);
                let Some(metadata) = fs::if_there(fs::metadata(&path))? else { return Ok(None) };
                let sha256 = Some(super::digest::of_file(&path)?.sha256().to_owned());
                Ok(Some(Found { size: Some(metadata.len()), etag: None, sha256 }))
            }
            Place::Bucket { prefix, bucket, net, .. } => {
                let key = format!("{}{key}", prefix.as_str());
                bucket.look_up(&key, net, Deadline::after(EXCHANGE)).map_err(Error::S3)
            }
        }
    }

    /// Brings a file of this machine there; `sent` hears how many bytes have gone. With `replace` whatever is there.
    pub(crate) fn upload(
        &mut self,
        key: &str,
        file: &Path,
        sha256: &str,
        replace: bool,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Written, Error> {
        let size = fs::metadata(file)?.len();
        match &mut self.place {
            Place::Directory { root, .. } => {
                let path = root.join(key);
                if !replace && fs::exists(&path) {
                    return Ok(Written::Conflict);
                }
                make_parent(&path)?;
                fs::copy_atomic(file, &path, 0o644)?;
                sent(size);
                Ok(Written::Done)
            }
            Place::Bucket { prefix, bucket, net, .. } => {
                let key = format!("{}{key}", prefix.as_str());
                let condition = if replace { Condition::Always } else { Condition::New };
                let put = put_as(Kind::File, self.acl.as_deref(), Some(sha256), condition);
                let deadline = Deadline::after(UPLOAD);
                if size < LARGE {
                    let bytes = fs::read(file, LARGE)?;
                    let written = bucket.put_as(&key, &bytes, &put, net, deadline).map_err(Error::S3)?;
                    sent(size);
                    return Ok(written);
                }
                let mut contents = fs::open(file)?;
                let written = bucket.put_in_parts(&key, &mut contents, &put, sent, (net, deadline));
                written.map_err(Error::S3)?.map_err(|source| Error::Io {
                    action: "read",
                    path: file.to_owned(),
                    source,
                })
            }
        }
    }

    /// Takes a file away; one that is not there is gone already.
    pub(crate) fn delete(&mut self, key: &str) -> Result<(), Error> {
        match &mut self.place {
            Place::Directory { root, .. } => fs::remove_file(&root.join(key)),
            Place::Bucket { prefix, bucket, net, .. } => {
                let key = format!("{}{key}", prefix.as_str());
                bucket.delete(&key, net, Deadline::after(EXCHANGE)).map_err(Error::S3)
            }
        }
    }

    /// The names of the files directly in a folder of it, sorted; `folder` ends in `/`.
    pub(crate) fn list(&mut self, folder: &str) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = match &mut self.place {
            Place::Directory { root, .. } => {
                let paths = fs::if_there(fs::list(&root.join(folder)))?.unwrap_or_default();
                let names = paths
                    .iter()
                    .filter(|path| !fs::is_dir(path))
                    .filter_map(|path| path.file_name()?.to_str());
                names.map(str::to_owned).collect()
            }
            Place::Bucket { prefix, bucket, net, .. } => {
                let folder = format!("{}{folder}", prefix.as_str());
                let entries =
                    bucket.list(&folder, Some("/"), net, Deadline::after(UPLOAD)).map_err(Error::S3)?;
                entries.objects.into_iter().map(|object| object.name).collect()
            }
        };
        names.retain(|name| !name.is_empty() && !name.starts_with('.'));
        names.sort();
        Ok(names)
    }
}

impl Destination {
    /// The names of the folders in it, sorted.
    pub(crate) fn folders(&mut self) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = match &mut self.place {
            Place::Directory { root, .. } => {
                let paths = fs::list(root)?;
                let names = paths
                    .iter()
                    .filter(|path| fs::is_dir(path))
                    .filter_map(|path| path.file_name()?.to_str());
                names.map(str::to_owned).collect()
            }
            Place::Bucket { prefix, bucket, net, .. } => {
                let listed = bucket.list(prefix.as_str(), Some("/"), net, Deadline::after(UPLOAD));
                listed.map_err(Error::S3)?.folders
            }
        };
        names.sort();
        Ok(names)
    }
}

fn put_as<'a>(
    kind: Kind,
    acl: Option<&'a str>,
    sha256: Option<&'a str>,
    condition: Condition<'a>,
) -> Put<'a> {
    Put {
        content_type: kind.content_type(),
        cache_control: Some(kind.cache_control()),
        acl,
        sha256,
        condition,
        headers: &[],
    }
}

fn make_parent(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), |parent| fs::create_dir_all_mode(parent, 0o755))
}
