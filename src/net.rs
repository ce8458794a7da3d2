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
mod request;
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

use url::Url;

pub(crate) use credentials::base64;
pub use credentials::{percent_decode, percent_decode_bytes};
pub use error::{Fault, NetError, Phase, RedirectFault, hide_userinfo, show_url};
#[doc(hidden)]
pub use netrc::netrc_login;
pub use proxy::proxy_for;
pub use redirect::MOST_REDIRECTS;
pub use request::{
    Answer, Body, Call, Download, DownloadError, Get, Headers, Method, Partial, Range, Received, Reply, Sign,
    Unsigned, Validators, Way,
};
pub use tls::Roots;
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
