//! Signs requests to a bucket.

use std::fmt;

use url::{Position, Url};

use crate::aws::sigv4::{PathRule, Request, Signed, Signing};
use crate::aws::{Aws, Credentials};
use crate::net::{Fault, Sign, Unsigned};
use crate::time::Timestamp;

/// Signs what goes to S3 in one region.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) aws: Aws,
    pub(super) credentials: Credentials,
    pub(super) region: String,
    /// How far the service's clock is ahead of ours, in seconds.
    pub(super) ahead: i64,
}

impl fmt::Debug for Signer {
    // The environment it was made from has secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    fn now(&self) -> Timestamp {
        Timestamp(self.aws.now().0.saturating_add_signed(self.ahead))
    }

    fn signing(&self) -> Signing<'_> {
        Signing {
            credentials: &self.credentials,
            region: &self.region,
            service: "s3",
            at: self.now(),
            path: PathRule::Once,
            content: true,
            token: true,
        }
    }

    /// Sets the clock by the service's.
    pub(super) fn set_clock(&mut self, server: Timestamp) {
        let (here, there) = (self.aws.now().0, server.0);
        self.ahead = i64::try_from(there).unwrap_or_default() - i64::try_from(here).unwrap_or_default();
    }

    /// The query of an address that serves whoever has it for some time.
    pub(super) fn presign(&self, method: &str, url: &Url, expires: std::time::Duration) -> Signed {
        let host = host(url);
        let headers = [("host", host)];
        let request = Request { method, path: url.path(), query: "", headers: &headers, body: None };
        self.signing().in_query(&request, expires)
    }
}

impl Sign for Signer {
    fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>, Fault> {
        let mut headers = vec![("host", host(request.url))];
        // Of all others proxies may change one or the other.
        let own = |name: &str| name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        headers.extend(request.headers.iter().filter(|(name, _)| own(name)));
        let to_sign = Request {
            method: request.method.name(),
            path: request.url.path(),
            query: request.url.query().unwrap_or_default(),
            headers: &headers,
            body: Some(request.body),
        };
        Ok(self.signing().in_headers(&to_sign).headers)
    }
}

/// The value of the `Host` header.
fn host(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}
