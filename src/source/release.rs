//! A release: a `pylock.toml` that somebody published. What it says was resolved once, by them; here it is fetched once
//! per check, and its packages are taken whole or not at all.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use url::Url;

use super::file::{File, Location};
use super::listing::{self, resolve};
use super::page::{Page, PageFault};
use super::project::{Fetcher, Pages, SourceError};
use super::s3::{Bucket, BucketName};
use crate::aws::Aws;
use crate::aws::sigv4::encode;
use crate::config::AwsConfig;
use crate::fs;
use crate::net::{Net, Validators, percent_decode, show_url};
use crate::package::filename::TagSets;
use crate::package::lock::{Installer, LARGEST, Lock, LockFault, LockedFile, Package, Place};
use crate::package::metadata::Metadata;
use crate::package::name::ProjectName;
use crate::time::Deadline;

/// Where a lock is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// On the web.
    Web(Url),
    /// On this machine; absolute.
    Path(PathBuf),
    /// In a bucket, by its key.
    Object(BucketName, String),
}

/// A published lock.
#[derive(Clone)]
pub struct Release {
    address: Address,
    /// Who asks a bucket; without anybody requests stay unsigned.
    asker: Option<(Aws, AwsConfig)>,
    opened: Arc<OnceLock<Opened>>,
    /// The places of the packages that apply.
    applying: Arc<OnceLock<Vec<usize>>>,
}

struct Opened {
    lock: Lock,
    /// What its places start from: the address of the lock, unless it is on this machine.
    base: Option<Url>,
    unchanged: bool,
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Release({self})")
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Web(url) => f.write_str(&show_url(url)),
            Address::Path(path) => path.display().fmt(f),
            Address::Object(bucket, key) => write!(f, "s3://{}/{}", bucket.as_str(), key.escape_debug()),
        }
    }
}

impl PartialEq for Release {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl Eq for Release {}

impl Release {
    pub(super) fn at(address: Address) -> Self {
        Self { address, asker: None, opened: Arc::default(), applying: Arc::default() }
    }

    /// The same release, asked by that one.
    #[must_use]
    pub(super) fn asked_by(&self, aws: &Aws, wish: &AwsConfig) -> Self {
        Self { asker: Some((aws.clone(), wish.clone())), ..Self::at(self.address.clone()) }
    }

    /// Where it is asked over HTTP as it stands.
    pub(super) fn web(&self) -> Option<&Url> {
        match &self.address {
            Address::Web(url) => Some(url),
            Address::Path(_) | Address::Object(..) => None,
        }
    }

    /// Whether it lies on this machine.
    pub fn is_here(&self) -> bool {
        matches!(self.address, Address::Path(_))
    }

    /// The lock.
    ///
    /// # Errors
    /// When it cannot be had or cannot be meant.
    pub fn lock(&self, net: &Net, pages: &dyn Pages, deadline: Deadline) -> Result<&Lock, SourceError> {
        self.opened(net, pages, deadline).map(|opened| &opened.lock)
    }

    /// The lock as it was last seen, without asking for it; `None` where nothing is remembered.
    pub fn remembered(&self, pages: &dyn Pages) -> Option<&Lock> {
        if self.opened.get().is_none() {
            let page = pages.load(&self.memory()?)?;
            let opened = Opened { lock: parse(&page.bytes).ok()?, base: Some(page.url), unchanged: true };
            let _ = self.opened.set(opened);
        }
        self.opened.get().map(|opened| &opened.lock)
    }

    /// Takes the packages that are for `installer`, and none of the others.
    ///
    /// # Errors
    /// When the lock is not for it.
    pub fn choose<'l>(
        &self,
        lock: &'l Lock,
        installer: &Installer<'_>,
    ) -> Result<Vec<&'l Package>, LockFault> {
        let applying = lock.applying(installer)?;
        let chosen = applying.iter().filter_map(|at| lock.packages.get(*at)).collect();
        let _ = self.applying.set(applying);
        Ok(chosen)
    }

    /// The project's files and whether the lock was as remembered; `None` where the lock does not have it. Of a
    /// project that does not apply here they are all files of all entries.
    pub(super) fn project(
        &self,
        name: &ProjectName,
        net: &Net,
        pages: &dyn Pages,
        deadline: Deadline,
    ) -> Result<Option<(Vec<File>, bool)>, SourceError> {
        let opened = self.opened(net, pages, deadline)?;
        Ok(self.files_in(opened, name).map(|files| (files, opened.unchanged)))
    }

    /// The project's files as far as the lock is known already.
    pub(super) fn known_files(&self, name: &ProjectName, pages: &dyn Pages) -> Option<Vec<File>> {
        self.remembered(pages)?;
        self.files_in(self.opened.get()?, name)
    }

    /// What the lock says of one of its files instead of the file itself: it requires nothing that the lock does not
    /// have, for its publisher has seen to that.
    pub fn metadata(&self, file: &File) -> Option<Metadata> {
        let opened = self.opened.get()?;
        let name = &file.name.project;
        let own = self.files_in(opened, name).is_some_and(|files| files.contains(file));
        own.then(|| Metadata {
            metadata_version: (2, 2),
            name: name.clone(),
            version: file.name.version.clone(),
            requires_dist: Vec::new(),
            requires_python: None,
            provides_extra: Vec::new(),
            dynamic: Vec::new(),
            wheel_tags: TagSets::default(),
        })
    }

    fn files_in(&self, opened: &Opened, name: &ProjectName) -> Option<Vec<File>> {
        let packages = opened.lock.packages.iter().enumerate().filter(|(_, package)| package.name == *name);
        let packages: Vec<(usize, &Package)> = packages.collect();
        if packages.is_empty() {
            return None;
        }
        let chosen = self.applying.get();
        let applies = |at: &usize| chosen.is_some_and(|chosen| chosen.contains(at));
        let any = packages.iter().any(|(at, _)| applies(at));
        let counting = packages.iter().filter(|(at, _)| !any || applies(at));
        let files = counting.flat_map(|(_, package)| {
            package.files().filter_map(|file| self.file(file, package, opened.base.as_ref()))
        });
        Some(files.collect())
    }

    fn file(&self, locked: &LockedFile, package: &Package, base: Option<&Url>) -> Option<File> {
        Some(File {
            filename: locked.name.clone(),
            name: listing::parse(&locked.name, &package.name)?,
            location: self.locate(&locked.place, base)?,
            hashes: locked.hashes.clone(),
            size: locked.size,
            requires_python: package.requires_python.as_ref().map(ToString::to_string),
            yanked: None,
            uploaded: locked.uploaded,
            metadata: None,
        })
    }

    fn locate(&self, place: &Place, base: Option<&Url>) -> Option<Location> {
        match (place, base) {
            (Place::Url(text), Some(base)) if base.scheme() == "s3" && !text.contains("://") => {
                base.join(text).ok().map(Location::Url)
            }
            (Place::Url(text), Some(base)) => resolve(text, base).map(Location::Url),
            // An absolute path is one of the publisher's machine.
            (Place::Path(path), Some(_)) if path.starts_with('/') => None,
            (Place::Path(path), Some(base)) => {
                let parts: Vec<String> = path.split('/').map(|part| encode(part.as_bytes())).collect();
                base.join(&parts.join("/")).ok().map(Location::Url)
            }
            (Place::Url(text), None) => match Url::parse(text) {
                Ok(url) if url.scheme() == "file" => url.to_file_path().ok().map(Location::Path),
                Ok(url) => resolve(text, &url).map(Location::Url),
                Err(_) => self.beside(&percent_decode(text)),
            },
            (Place::Path(path), None) => self.beside(path),
        }
    }

    fn beside(&self, path: &str) -> Option<Location> {
        match &self.address {
            Address::Path(lock) => Some(Location::Path(lock.parent().unwrap_or(Path::new("/")).join(path))),
            Address::Web(_) | Address::Object(..) => None,
        }
    }

    /// Under which address it is remembered.
    fn memory(&self) -> Option<Url> {
        match &self.address {
            Address::Web(url) => Some(without_userinfo(url)),
            Address::Path(_) => None,
            Address::Object(bucket, key) => {
                let parts: Vec<String> = key.split('/').map(|part| encode(part.as_bytes())).collect();
                let mut url = Url::parse(&format!("s3://{}/{}", bucket.as_str(), parts.join("/"))).ok()?;
                let endpoint = self.asker.as_ref().and_then(|(_, wish)| wish.endpoint.as_deref());
                url.set_query(endpoint);
                Some(url)
            }
        }
    }

    fn opened(&self, net: &Net, pages: &dyn Pages, deadline: Deadline) -> Result<&Opened, SourceError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = match &self.address {
            Address::Web(url) => self.open_web(url, net, pages, deadline)?,
            Address::Path(path) => {
                let bytes = fs::read(path, LARGEST).map_err(SourceError::Directory)?;
                Opened { lock: self.parse(&bytes)?, base: None, unchanged: false }
            }
            Address::Object(name, key) => {
                let asker = self.asker.as_ref().map(|(aws, wish)| (aws, wish));
                let mut bucket = Bucket::open(name, asker, net, pages, deadline)?;
                let opened = self.open_object(&mut bucket, key, net, pages, deadline)?;
                bucket.remember(pages);
                opened
            }
        };
        Ok(self.opened.get_or_init(|| opened))
    }

    fn open_web(
        &self,
        url: &Url,
        net: &Net,
        pages: &dyn Pages,
        deadline: Deadline,
    ) -> Result<Opened, SourceError> {
        let fetcher = Fetcher { net, pages, deadline, accept: "*/*", cap: LARGEST };
        let read = |page: &Page| Ok((parse(&page.bytes).map_err(PageFault::Lock)?, page.url.clone()));
        match fetcher.fetch(url, read)? {
            Some(((lock, base), unchanged)) => Ok(Opened { lock, base: Some(base), unchanged }),
            None => Err(self.fault(PageFault::Missing)),
        }
    }

    fn open_object(
        &self,
        bucket: &mut Bucket,
        key: &str,
        net: &Net,
        pages: &dyn Pages,
        deadline: Deadline,
    ) -> Result<Opened, SourceError> {
        let memory = self.memory();
        let remembered = memory.as_ref().and_then(|memory| pages.load(memory));
        // A remembered lock that can no longer be read counts as none.
        let remembered = remembered.and_then(|page| Some((parse(&page.bytes).ok()?, page.validators.etag?)));
        let etag = remembered.as_ref().map(|(_, etag)| etag.as_str());
        let reply = bucket.get(key, LARGEST, etag, net, deadline)?;
        let (lock, unchanged) = match (remembered, reply.status) {
            (Some((lock, _)), 304) => (lock, true),
            _ => (self.parse(&reply.bytes)?, false),
        };
        if let (false, Some(memory)) = (unchanged, &memory) {
            let validators =
                Validators { etag: reply.headers.get("etag").map(str::to_owned), last_modified: None };
            let url = memory.clone();
            pages.save(memory, &Page { validators, content_type: String::new(), url, bytes: reply.bytes });
        }
        let base = bucket.url(key)?;
        let mut folders: Vec<Url> = Vec::new();
        for file in lock.packages.iter().flat_map(Package::files) {
            if let Some(Location::Url(url)) = self.locate(&file.place, Some(&base))
                && let Ok(folder) = url.join(".")
                && !folders.contains(&folder)
            {
                bucket.sign_below(&folder, net);
                folders.push(folder);
            }
        }
        Ok(Opened { lock, base: Some(base), unchanged })
    }

    fn parse(&self, bytes: &[u8]) -> Result<Lock, SourceError> {
        parse(bytes).map_err(|fault| self.fault(PageFault::Lock(fault)))
    }

    fn fault(&self, fault: PageFault) -> SourceError {
        SourceError::Page { url: self.to_string(), fault }
    }
}

fn parse(bytes: &[u8]) -> Result<Lock, LockFault> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Lock::parse(text),
        Err(_) => Err(LockFault::Syntax { line: 1, reason: "not UTF-8".to_owned() }),
    }
}

fn without_userinfo(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}
