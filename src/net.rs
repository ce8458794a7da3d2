//! HTTP: one deadline over all of a request, caps, proxies, roots, credentials. With the files of `net/` the only
//! place that names the HTTP and TLS crates.

mod credentials;
mod error;
mod exchange;
mod forward;
mod netrc;
mod proxy;
mod redirect;
mod retry;
mod route;
mod tls;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

pub use credentials::percent_decode;
pub use error::{Fault, NetError, Phase, RedirectFault, show_url};
pub use redirect::MOST_REDIRECTS;

use crate::error::Error;
use crate::host::Env;
use crate::time::Deadline;
use credentials::Credentials;
use exchange::Encoding;
use route::Routes;

/// How long a server may keep silent, whatever the deadline.
pub const STALL: Duration = Duration::from_secs(30);

/// What the configuration says of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `[network] ca`: a PEM file whose certificates are trusted as roots too.
    pub ca: Option<PathBuf>,
}

/// The way to the network: connections kept for reuse, credentials, roots. Threads share one.
pub struct Net {
    routes: Routes,
    credentials: Credentials,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Net")
    }
}

/// A request for one page.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// The address; a user name and password in it hold for its origin.
    pub url: &'a Url,
    /// The `Accept` header.
    pub accept: &'a str,
    /// What an earlier answer said, to be told when nothing changed.
    pub validators: Option<&'a Validators>,
    /// The part of the file that is wanted; all of it without.
    pub range: Option<Range>,
    /// The most bytes that are taken, after decompression.
    pub cap: u64,
}

/// A part of a file (RFC 9110, 14.1.2), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// From the first to the last of these places, both included.
    Between(u64, u64),
    /// The last so many.
    Last(u64),
}

/// An answer that is none of the failures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, moved once")]
pub enum Answer {
    /// The page.
    Body(Body),
    /// It is still what the validators say.
    NotModified,
    /// There is no such page (404, 410).
    Missing,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its bytes, decompressed.
    pub bytes: Vec<u8>,
    /// The `Content-Type` header; may be empty.
    pub content_type: String,
    /// For the next conditional request.
    pub validators: Validators,
    /// Where it was found after redirects, without user name and password.
    pub url: Url,
    /// Which part this is, when a range was asked for and the server heeds that.
    pub partial: Option<Partial>,
}

/// A part of a file, as the server tells it (`Content-Range`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// The place of the first byte.
    pub start: u64,
    /// The place after the last byte.
    pub end: u64,
    /// The length of the whole file.
    pub total: u64,
}

/// What a server says to recognize a page by (RFC 9110, 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// A download that failed: on the network's side or on ours.
#[derive(Debug)]
pub enum DownloadError {
    /// The network.
    Net(NetError),
    /// Whoever takes the bytes.
    Sink(Error),
}

impl From<NetError> for DownloadError {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DownloadError {}

impl Net {
    /// Cheap: no file is read and no root loaded before a request needs it. What is wrong with the settings shows
    /// in the request that would need them.
    pub fn new(settings: &Settings, env: &Env, user_agent: &str) -> Self {
        Self { routes: Routes::new(settings, env, user_agent), credentials: Credentials::new(env) }
    }

    /// Takes note of the user name and password in a URL, for all requests to its origin: files are often linked
    /// without them. The first URL with credentials for an origin counts.
    pub fn learn_credentials(&self, url: &Url) {
        self.credentials.learn(url);
    }

    /// Fetches a page.
    pub fn get(&self, get: &Get<'_>, deadline: Deadline) -> Result<Answer, NetError> {
        self.learn_credentials(get.url);
        retry::once(deadline, |error| Some(error), || self.get_once(get, deadline))
    }

    fn get_once(&self, get: &Get<'_>, deadline: Deadline) -> Result<Answer, NetError> {
        let request = exchange::Request {
            url: get.url,
            accept: get.accept,
            validators: get.validators,
            range: get.range,
            encoding: if get.range.is_some() { Encoding::Identity } else { Encoding::Gzip },
        };
        let mut reply = exchange::run(self, &request, deadline)?;
        match reply.status {
            304 if get.validators.is_some() => return Ok(Answer::NotModified),
            404 | 410 => {
                reply.settle();
                return Ok(Answer::Missing);
            }
            200 => {}
            206 if get.range.is_some() => {}
            _ => return Err(reply.refusal()),
        }
        let bytes = reply.read(get.cap)?;
        Ok(Answer::Body(Body {
            content_type: reply.header("content-type").unwrap_or_default(),
            validators: Validators {
                etag: reply.header("etag"),
                last_modified: reply.header("last-modified"),
            },
            partial: if reply.status == 206 { Some(reply.partial(bytes.len())?) } else { None },
            url: reply.url,
            bytes,
        }))
    }

    /// Fetches a file as it is, piece by piece; gives its length. A second try is made only while `sink` has
    /// nothing yet. More than `cap` bytes, or fewer than announced, are an error.
    pub fn download(
        &self,
        url: &Url,
        cap: u64,
        deadline: Deadline,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, DownloadError> {
        self.learn_credentials(url);
        let mut taken = 0;
        let request = exchange::Request {
            url,
            accept: "*/*",
            validators: None,
            range: None,
            encoding: Encoding::Identity,
        };
        retry::once(
            deadline,
            |error| match error {
                (DownloadError::Net(error), 0) => Some(error),
                _ => None,
            },
            || {
                let result = self.download_once(&request, cap, deadline, &mut |bytes| {
                    taken += bytes.len() as u64;
                    sink(bytes)
                });
                result.map_err(|error| (error, taken))
            },
        )
        .map_err(|(error, _)| error)
    }

    fn download_once(
        &self,
        request: &exchange::Request<'_>,
        cap: u64,
        deadline: Deadline,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, DownloadError> {
        let mut reply = exchange::run(self, request, deadline)?;
        if reply.status != 200 {
            return Err(reply.refusal().into());
        }
        reply.stream(cap, sink)
    }
}
