//! A page as it was fetched, which of the known forms it has, and why it has none.

use std::fmt;

use url::Url;

use super::listing::Listing;
use super::{json, simple_html};
use crate::net::Validators;
use crate::package::lock::LockFault;
use crate::package::name::ProjectName;

/// Every form of an index page that we read, best first (PEP 691).
pub const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
     application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// The largest page that is read, in bytes.
pub const LARGEST: u64 = 24 << 20;

/// A page, with what is needed to ask again for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What the server recognizes it by.
    pub validators: Validators,
    /// The `Content-Type` header.
    pub content_type: String,
    /// Where it was found in the end: what relative links start from.
    pub url: Url,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a page cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageFault {
    /// It is JSON, but damaged.
    Json(String),
    /// A version of the index API that is not ours (PEP 629, PEP 691).
    ApiVersion(String),
    /// It is a lock that cannot be used.
    Lock(LockFault),
    /// More files of one project than any project has.
    TooMany,
    /// There is none, where the source itself should be.
    Missing,
    /// It lists nothing and does not look like a list: an error page, a login form.
    NoList,
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(reason) => write!(f, "damaged JSON: {reason}"),
            Self::ApiVersion(version) => {
                write!(f, "version '{}' of the index API is not supported", version.escape_debug())
            }
            Self::Lock(fault) => fault.fmt(f),
            Self::TooMany => f.write_str("too many files"),
            Self::Missing => f.write_str("there is no such page"),
            Self::NoList => f.write_str("not a list of packages"),
        }
    }
}

impl std::error::Error for PageFault {}

/// Reads an index's page of one project: PEP 691 JSON, PEP 503 HTML, or PyPI's own JSON. The first byte tells which,
/// since servers are known to send one as the other.
pub fn read(page: &Page, project: &ProjectName) -> Result<Listing, PageFault> {
    if let Some(version) = foreign_version(&page.content_type) {
        return Err(PageFault::ApiVersion(version));
    }
    let text = page.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&page.bytes);
    let listing = match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => json::read(text, &page.url, project),
        None => Err(PageFault::NoList),
        Some(byte) if *byte != b'<' && page.content_type.contains("json") => {
            Err(PageFault::Json("it is no object".to_owned()))
        }
        Some(_) => simple_html::read(text, &page.url, project),
    };
    listing?.complete()
}

/// `2` in `application/vnd.pypi.simple.v2+json`.
fn foreign_version(content_type: &str) -> Option<String> {
    let (_, rest) = content_type.split_once("vnd.pypi.simple.v")?;
    let version: String = rest.chars().take_while(|c| *c != '+' && *c != ';').take(20).collect();
    (version != "1").then_some(version)
}

/// Refuses another major version than 1 (PEP 629); a minor one only adds what may be ignored.
pub(super) fn check_version(version: &str) -> Result<(), PageFault> {
    if version.trim().split('.').next() == Some("1") {
        return Ok(());
    }
    Err(PageFault::ApiVersion(version.chars().take(20).collect()))
}
