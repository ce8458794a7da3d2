//! What is asked of servers, and what they answer.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{Fault, NetError};
use super::exchange::{self, Encoding};
use crate::error::Error;

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

/// What is to be done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Fetch it.
    Get,
    /// Fetch its headers.
    Head,
    /// Hand it something.
    Post,
    /// Make it something.
    Put,
    /// Take it away.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request of a service's own protocol: every status is an answer, redirects are not followed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What to do.
    pub method: Method,
    /// With what.
    pub url: &'a Url,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is handed over.
    pub body: &'a [u8],
    /// The most bytes of the answer that are taken.
    pub cap: u64,
}

impl<'a> Call<'a> {
    pub(super) fn request(&self) -> exchange::Request<'a> {
        exchange::Request {
            method: self.method,
            url: self.url,
            accept: "*/*",
            validators: None,
            range: None,
            encoding: Encoding::Identity,
            headers: self.headers,
            body: self.body,
        }
    }
}

/// How a request leaves this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the environment says: perhaps through a proxy.
    Usual,
    /// Without a proxy: what answers is on this machine, or on its link.
    Direct,
}

/// The answer to a [`Call`].
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub bytes: Vec<u8>,
}

/// The headers of an answer.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub(super) ureq::http::HeaderMap);

impl Headers {
    /// The first header of that name, where it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A request for a file.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// The address; a user name and password in it hold for its origin.
    pub url: &'a Url,
    /// The most bytes that are taken.
    pub cap: u64,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
}

/// A file that came whole.
#[derive(Debug)]
pub struct Received {
    /// Its length, in bytes.
    pub length: u64,
    /// What the server said of it.
    pub headers: Headers,
}

/// Shows who asks by a signature of each request (AWS Signature Version 4).
pub trait Sign: Send + Sync {
    /// The headers to add: signature, date, token.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>, Fault>;
}

/// What there is to sign.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// What is to be done.
    pub method: Method,
    /// The address, without user name, password and fragment.
    pub url: &'a Url,
    /// Further headers: AWS wants those signed that begin with `x-amz-`.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is handed over.
    pub body: &'a [u8],
}

/// A part of a file (RFC 9110, 14.1.2), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// From the first to the last of these places, both included.
    Between(u64, u64),
    /// The last so many.
    Last(u64),
    /// From this place to the end.
    From(u64),
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
