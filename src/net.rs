//! HTTP: one deadline over all of a request, caps, proxies, roots, credentials. With the files of `net/` the only
//! place that names the HTTP and TLS crates.

mod connect;
mod credentials;
mod download;
mod error;
mod exchange;
mod forward;
mod identity;
mod netrc;
mod proxy;
mod redirect;
mod resolve;
mod retry;
mod route;
mod socks;
mod tcp;
mod tls;
mod tls_fault;

#[cfg(test)]
mod download_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

pub(crate) use credentials::base64;
pub use credentials::{percent_decode, percent_decode_bytes};
pub use error::{Fault, NetError, Phase, RedirectFault, hide_userinfo, show_url};
#[doc(hidden)]
pub use netrc::netrc_login;
pub use redirect::MOST_REDIRECTS;
pub use tls_fault::TlsFault;

use crate::config;
use crate::error::Error;
use crate::host::Env;
use crate::time::Deadline;
use credentials::{Authorization, Credentials};
use exchange::Encoding;
use route::Routes;

/// How long a server may keep silent, whatever the deadline.
pub const STALL: Duration = Duration::from_secs(30);

/// What the configuration says of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `[network] ca`: a PEM file whose certificates are trusted as roots too.
    pub ca: Option<PathBuf>,
    /// `[network] client_cert`: a PEM file with the certificate that servers ask of us, and perhaps its key.
    pub client_cert: Option<PathBuf>,
    /// `[network] client_key`: the key, where it has a file of its own.
    pub client_key: Option<PathBuf>,
}

impl Settings {
    /// What the configuration says.
    pub fn of(network: &config::Network) -> Self {
        let config::Network { ca, client_cert, client_key } = network.clone();
        Self { ca, client_cert, client_key }
    }
}

/// The way to the network: connections kept for reuse, credentials, roots. Threads share one.
pub struct Net {
    routes: Routes,
    credentials: Credentials,
    notes: Mutex<Vec<String>>,
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
    fn request(&self) -> exchange::Request<'a> {
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
pub struct Headers(ureq::http::HeaderMap);

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

impl Net {
    /// Cheap: no file is read and no root loaded before a request needs it. What is wrong with the settings shows
    /// in the request that would need them.
    pub fn new(settings: &Settings, env: &Env, user_agent: &str) -> Self {
        Self {
            routes: Routes::new(settings, env, user_agent),
            credentials: Credentials::new(env),
            notes: Mutex::default(),
        }
    }

    /// Takes note of the user name and password in a URL, for all requests to its origin: files are often linked
    /// without them. The first URL with credentials for an origin counts.
    pub fn learn_credentials(&self, url: &Url) {
        self.credentials.learn(url);
    }

    /// Shows a user name and password (RFC 7617) in all requests below `base`. Without a password it is the one that
    /// `.netrc` has for that name, else an empty one: many services take a token for a name.
    pub fn log_in(&self, base: &Url, user: &str, password: Option<&str>) {
        self.credentials.log_in(base, user, password);
    }

    /// Shows a token (RFC 6750) in all requests below `base`.
    pub fn show_token(&self, base: &Url, token: &str) {
        self.credentials.add(base, Authorization::Bearer(token.to_owned()));
    }

    /// Takes down what the user would want to know though it works.
    pub fn note(&self, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// What was taken down.
    pub fn notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs all requests below `base`.
    pub fn sign_requests(&self, base: &Url, signer: Arc<dyn Sign>) {
        self.credentials.add(base, Authorization::Signed(signer));
    }

    /// Shows nobody in all requests below `base`, whatever is known of its origin or stands in `.netrc`.
    pub fn show_nobody(&self, base: &Url) {
        self.credentials.add(base, Authorization::Nobody);
    }

    /// Sends one request as it is, once, and takes whatever status comes.
    pub fn call(&self, call: &Call<'_>, deadline: Deadline) -> Result<Reply, NetError> {
        let mut reply = exchange::run_once(self, &call.request(), deadline)?;
        Ok(Reply { bytes: reply.read(call.cap)?, status: reply.status, headers: reply.headers() })
    }

    /// [`Self::call`] without anybody's credentials but those among its headers: no user name and password of a URL or
    /// of `.netrc`, no token, no signature.
    pub fn call_plainly(&self, call: &Call<'_>, way: Way, deadline: Deadline) -> Result<Reply, NetError> {
        let mut reply = exchange::run_plainly(self, &call.request(), way, deadline)?;
        Ok(Reply { bytes: reply.read(call.cap)?, status: reply.status, headers: reply.headers() })
    }

    /// Fetches a page.
    pub fn get(&self, get: &Get<'_>, deadline: Deadline) -> Result<Answer, NetError> {
        self.learn_credentials(get.url);
        retry::once(deadline, || self.get_once(get, deadline))
    }

    fn get_once(&self, get: &Get<'_>, deadline: Deadline) -> Result<Answer, NetError> {
        let request = exchange::Request {
            method: Method::Get,
            headers: &[],
            body: &[],
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
            // There are servers that send the part with 200.
            partial: match get.range.and(reply.header("content-range")) {
                None if reply.status != 206 => None,
                _ => Some(reply.partial(bytes.len())?),
            },
            url: reply.url,
            bytes,
        }))
    }

    /// Fetches a file as it is, piece by piece. A connection lost on the way is made again and the file taken up where
    /// it ended, a bounded number of times, where the server says by what to recognize it. More than `cap` bytes, or
    /// fewer than announced, are an error.
    pub fn download(
        &self,
        download: &Download<'_>,
        deadline: Deadline,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Received, DownloadError> {
        self.learn_credentials(download.url);
        download::Transfer::new(self, download, deadline).run(sink)
    }
}
