//! Asking a source for one project.

use std::cell::RefCell;
use std::fmt;

use url::Url;

use super::address::{Address, close_path, last_name};
use super::directory;
use super::file::File;
use super::links;
use super::listing::Listing;
use super::page::{self, ACCEPT, LARGEST, Page, PageFault};
use super::s3::S3Error;
use crate::aws::Aws;
use crate::config::AwsConfig;
use crate::error::Error;
use crate::net::{Answer, Get, Net, NetError, show_url};
use crate::package::name::ProjectName;
use crate::time::Deadline;

/// Pages remembered from earlier, for conditional requests.
pub trait Pages {
    /// The page last saved for the address that was asked (not the one it was found at).
    fn load(&self, url: &Url) -> Option<Page>;
    /// Remembers a page that was read without fault.
    fn save(&self, url: &Url, page: &Page);
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPages;

impl Pages for NoPages {
    fn load(&self, _: &Url) -> Option<Page> {
        None
    }

    fn save(&self, _: &Url, _: &Page) {}
}

/// What a source has of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Its files, in the source's order.
    pub files: Vec<File>,
    /// Links to version control, which count only where the source says so.
    pub checkouts: Vec<File>,
    /// Whether every page was as remembered (304).
    pub unchanged: bool,
    /// How many entries were no distribution of the project that we can read.
    pub skipped: usize,
}

/// A source that does not answer as it should.
#[derive(Debug)]
pub enum SourceError {
    /// The network.
    Net(NetError),
    /// A page that cannot be used.
    Page {
        /// Its address, without anything secret.
        url: String,
        /// What is wrong with it.
        fault: PageFault,
    },
    /// A directory.
    Directory(Error),
    /// A bucket.
    S3(S3Error),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(error) => error.fmt(f),
            Self::Page { url, fault } => write!(f, "cannot use {url}: {fault}"),
            Self::Directory(error) => error.fmt(f),
            Self::S3(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SourceError {}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Net(error) => Self::Net(error),
            SourceError::S3(error) => Self::S3(error),
            other => Self::Unanswered { reason: other.to_string() },
        }
    }
}

impl From<S3Error> for SourceError {
    fn from(error: S3Error) -> Self {
        match error {
            S3Error::Net(error) => Self::Net(error),
            error => Self::S3(error),
        }
    }
}

impl Found {
    fn new(listing: Listing, unchanged: bool) -> Self {
        let Listing { files, checkouts, skipped } = listing;
        Self { files, checkouts, unchanged, skipped }
    }

    /// Where there is no page for each project, a project without files is one that is not there.
    fn unless_empty(self) -> Option<Self> {
        (!self.files.is_empty() || !self.checkouts.is_empty()).then_some(self)
    }
}

impl Address {
    /// The same address; where it is that of a bucket, asked by that one.
    #[must_use]
    pub fn asked_by(self, aws: &Aws, wish: &AwsConfig) -> Self {
        match self {
            Self::S3(folder) => Self::S3(folder.asked_by(aws, wish)),
            Self::Release(release) => Self::Release(release.asked_by(aws, wish)),
            other => other,
        }
    }

    /// The project's files; `None` where this source does not have the project.
    pub fn project(
        &self,
        name: &ProjectName,
        net: &Net,
        pages: &dyn Pages,
        deadline: Deadline,
    ) -> Result<Option<Found>, SourceError> {
        let fetcher = Fetcher { net, pages, deadline, accept: ACCEPT, cap: LARGEST };
        match self {
            Self::Index(base) => fetcher.index(base, name),
            Self::Links(url) => fetcher.links(url, name),
            Self::S3(folder) => {
                let listing = folder.project(name, net, pages, deadline)?;
                Ok(Found::new(listing, false).unless_empty())
            }
            Self::Release(release) => {
                let found = release.project(name, net, pages, deadline)?;
                Ok(found.map(|(files, unchanged)| Found { files, unchanged, ..Found::default() }))
            }
            Self::Directory(path) => {
                let listing = directory::list(path, name).map_err(SourceError::Directory)?;
                Ok(Found::new(listing, false).unless_empty())
            }
        }
    }

    /// What an index or a release last said of a project, without asking it; `None` where nothing is remembered.
    pub fn remembered(&self, name: &ProjectName, pages: &dyn Pages) -> Option<Vec<File>> {
        let base = match self {
            Self::Index(base) => base,
            Self::Release(release) => return release.known_files(name, pages),
            Self::Links(_) | Self::Directory(_) | Self::S3(_) => return None,
        };
        let mut base = base.clone();
        close_path(&mut base);
        let _ = base.set_username("");
        let _ = base.set_password(None);
        let places = [format!("{name}/"), format!("{name}/json")];
        let page = places.iter().find_map(|place| pages.load(&base.join(place).ok()?))?;
        page::read(&page, name).ok().map(|listing| listing.files)
    }
}

/// Asks for one page of an index whose address is known.
pub fn project_page(
    url: &Url,
    name: &ProjectName,
    net: &Net,
    pages: &dyn Pages,
    deadline: Deadline,
) -> Result<Option<Found>, SourceError> {
    Fetcher { net, pages, deadline, accept: ACCEPT, cap: LARGEST }.page(url, name)
}

pub(super) struct Fetcher<'a> {
    pub(super) net: &'a Net,
    pub(super) pages: &'a dyn Pages,
    pub(super) deadline: Deadline,
    /// The forms that are understood.
    pub(super) accept: &'static str,
    /// The most bytes that are taken.
    pub(super) cap: u64,
}

impl Fetcher<'_> {
    fn index(&self, base: &Url, name: &ProjectName) -> Result<Option<Found>, SourceError> {
        let mut base = base.clone();
        close_path(&mut base);
        // PyPI's own API has its base there; an index that merely has that name answers 404.
        if last_name(&base) == "pypi"
            && let Some(found) = self.page(&below(&base, &format!("{name}/json"))?, name)?
        {
            return Ok(Some(found));
        }
        self.page(&below(&base, &format!("{name}/"))?, name)
    }

    fn page(&self, url: &Url, name: &ProjectName) -> Result<Option<Found>, SourceError> {
        let answer = self.fetch(url, |page| page::read(page, name))?;
        Ok(answer.map(|(listing, unchanged)| Found::new(listing, unchanged)))
    }

    fn links(&self, url: &Url, name: &ProjectName) -> Result<Option<Found>, SourceError> {
        let read = |page: &Page| {
            let links = links::read(&page.bytes, &page.url, name)?;
            Ok((links.listing.complete()?, links.folders))
        };
        // A page that is not there does not say that it lacks the project: the next source must not get it for that.
        let Some(((mut listing, folders), mut unchanged)) = self.fetch(url, read)? else {
            return Err(SourceError::Page { url: show_url(url), fault: PageFault::Missing });
        };
        for folder in &folders {
            if let Some(((inner, _), same)) = self.fetch(folder, read)? {
                listing.extend(inner);
                unchanged &= same;
            }
        }
        Ok(Found::new(listing, unchanged).unless_empty())
    }

    /// Fetches a page, or takes the remembered one when the server says that it still holds. A page is remembered
    /// only after it was read without fault.
    pub(super) fn fetch<T>(
        &self,
        url: &Url,
        read: impl Fn(&Page) -> Result<T, PageFault>,
    ) -> Result<Option<(T, bool)>, SourceError> {
        let value = RefCell::new(None);
        let unchanged = self.fetch_page(url, &|page| {
            let read = read(page)?;
            value.replace(Some(read));
            Ok(())
        })?;
        Ok(unchanged.and_then(|unchanged| Some((value.into_inner()?, unchanged))))
    }

    /// [`Self::fetch`] of whatever is read: the last page that `read` takes is the one that counts.
    fn fetch_page(
        &self,
        url: &Url,
        read: &dyn Fn(&Page) -> Result<(), PageFault>,
    ) -> Result<Option<bool>, SourceError> {
        self.net.learn_credentials(url);
        let mut url = url.clone();
        let _ = url.set_username("");
        let _ = url.set_password(None);
        // A remembered page that can no longer be read counts as none.
        let remembered = self.pages.load(&url).filter(|page| read(page).is_ok());
        let validators = remembered.as_ref().map(|page| &page.validators);
        let get = Get { url: &url, accept: self.accept, validators, range: None, cap: self.cap };
        match self.net.get(&get, self.deadline).map_err(SourceError::Net)? {
            Answer::NotModified if remembered.is_some() => Ok(Some(true)),
            Answer::NotModified | Answer::Missing => Ok(None),
            Answer::Body(body) => {
                let page = Page {
                    validators: body.validators,
                    content_type: body.content_type,
                    url: body.url,
                    bytes: body.bytes,
                };
                read(&page).map_err(|fault| SourceError::Page { url: show_url(&page.url), fault })?;
                self.pages.save(&url, &page);
                Ok(Some(false))
            }
        }
    }
}

fn below(base: &Url, path: &str) -> Result<Url, SourceError> {
    base.join(path).map_err(|_| SourceError::Page { url: show_url(base), fault: PageFault::NoList })
}
