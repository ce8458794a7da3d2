//! What goes wrong between us and a server, as data, and URLs as they may be shown.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::tls_fault::TlsFault;
use crate::aws::refusal;

/// The most of a URL that a message repeats, in bytes.
const LONGEST_SHOWN: usize = 1000;

/// A request that did not get its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetError {
    /// What was asked for, without anything secret (see [`show_url`]).
    pub url: String,
    /// Why it failed.
    pub fault: Fault,
    /// The service's own code, where it answers in XML as S3 does.
    pub code: Option<String>,
    /// How long the server asks to wait (RFC 9110 `Retry-After`), where it does.
    pub(super) retry_after: Option<Duration>,
}

/// The kinds of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The host's name leads to no address.
    Resolve,
    /// No connection: refused, no route, network down.
    Connect(String),
    /// No secure connection.
    Tls(TlsFault),
    /// The proxy cannot be used or refuses.
    Proxy {
        /// Which one, as a URL without user name and password.
        proxy: String,
        /// Why.
        reason: String,
    },
    /// The time given ran out.
    Timeout(Phase),
    /// No byte came for [`STALL`](super::STALL).
    Stalled,
    /// The connection ended before an answer.
    Disconnected,
    /// The server answered with this status.
    Status(u16),
    /// A redirect that is not followed.
    Redirect(RedirectFault),
    /// More bytes than this cap.
    TooLarge(u64),
    /// A download could not go on, because the file is another one now.
    Changed,
    /// The body ended before its announced end.
    Truncated,
    /// An answer that is not HTTP as we know it.
    Protocol(String),
}

/// What was waited for when the time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The host's address.
    Resolve,
    /// The connection.
    Connect,
    /// The head of the answer.
    Answer,
    /// The rest of the body.
    Body,
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectFault {
    /// It leads where we have been.
    Circle,
    /// More than [`MOST_REDIRECTS`](super::redirect::MOST_REDIRECTS) in a row.
    TooMany,
    /// It leads from https to http.
    Downgrade,
    /// It names no http address.
    Nowhere,
}

impl NetError {
    /// A failure of a request to that address.
    pub(crate) fn new(url: &Url, fault: Fault) -> Self {
        let mut shown = show_url(url);
        // Pages may name addresses of any length; a URL has only ASCII, so that it can be cut anywhere.
        if shown.len() > LONGEST_SHOWN {
            shown.truncate(LONGEST_SHOWN);
            shown.push('…');
        }
        Self { url: shown, fault, code: None, retry_after: None }
    }

    /// Whether the same request may well succeed in a moment. Certificate errors, refusals and the 4xx statuses
    /// (but 429) never do, and trying again would only spend the deadline.
    pub fn is_transient(&self) -> bool {
        match self.fault {
            Fault::Disconnected | Fault::Truncated => true,
            Fault::Status(status) => matches!(status, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Whether it looks as though there is no network, or no way to that host.
    pub fn is_offline(&self) -> bool {
        matches!(
            self.fault,
            Fault::Resolve
                | Fault::Connect(_)
                | Fault::Proxy { .. }
                | Fault::Timeout(Phase::Resolve | Phase::Connect | Phase::Answer)
                | Fault::Stalled
                | Fault::Disconnected
        )
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = &self.code else { return write!(f, "cannot fetch {}: {}", self.url, self.fault) };
        match refusal::words(code) {
            Some(words) => write!(f, "cannot fetch {}: {words} ({code})", self.url),
            None => write!(f, "cannot fetch {}: {} ({code})", self.url, self.fault),
        }
    }
}

impl std::error::Error for NetError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve => f.write_str("the host name cannot be resolved"),
            Self::Connect(reason) => write!(f, "cannot connect: {reason}"),
            Self::Tls(reason) => write!(f, "no secure connection: {reason}"),
            Self::Proxy { proxy, reason } => write!(f, "proxy {proxy}: {reason}"),
            Self::Timeout(Phase::Resolve) => {
                f.write_str("the host name was not resolved within the time given")
            }
            Self::Timeout(Phase::Connect) => f.write_str("no connection within the time given"),
            Self::Timeout(Phase::Answer) => f.write_str("no answer within the time given"),
            Self::Timeout(Phase::Body) => f.write_str("not complete within the time given"),
            Self::Stalled => write!(f, "no byte came for {} s", super::STALL.as_secs()),
            Self::Disconnected => f.write_str("the connection ended before an answer"),
            Self::Status(status) => write!(f, "the server answers {}", show_status(*status)),
            Self::Redirect(fault) => fault.fmt(f),
            Self::TooLarge(cap) => write!(f, "larger than {cap} bytes"),
            Self::Changed => f.write_str("the file changed while it was fetched"),
            Self::Truncated => f.write_str("the answer ended too early"),
            Self::Protocol(reason) => write!(f, "not understood: {reason}"),
        }
    }
}

impl fmt::Display for RedirectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Circle => "redirects lead in a circle",
            Self::TooMany => "too many redirects",
            Self::Downgrade => "redirected from https to http",
            Self::Nowhere => "redirected to what is no http address",
        })
    }
}

/// The number with its phrase (RFC 9110), where it has one.
pub(super) fn show_status(status: u16) -> String {
    let phrase = ureq::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    phrase.map_or_else(|| status.to_string(), |phrase| format!("{status} {phrase}"))
}

/// A URL for people and logs: without user name and password, and with the values of query parameters that grant
/// access (pre-signed S3 URLs, tokens) masked.
pub fn show_url(url: &Url) -> String {
    // `user:password@host` is a URL, too: of the scheme `user`, and without a host.
    if url.cannot_be_a_base() && url.path().contains('@') {
        return hide_userinfo(url.as_str());
    }
    let mut shown = url.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if let Some(query) = url.query() {
        let pairs: Vec<String> = query.split('&').map(mask).collect();
        shown.set_query(Some(&pairs.join("&")));
    }
    shown.into()
}

/// The same for what looks like a URL and is none: everything up to the `@`, but for the scheme, is left out.
pub fn hide_userinfo(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => text.to_owned(),
    }
}

fn mask(pair: &str) -> String {
    const SECRET: [&str; 11] = [
        "x-amz-",
        "x-goog-",
        "awsaccesskeyid",
        "token",
        "signature",
        "secret",
        "password",
        "passwd",
        "credential",
        "auth",
        "key",
    ];
    let name = pair.split('=').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let secret = lower == "sig" || SECRET.iter().any(|word| lower.contains(word));
    if secret && pair.contains('=') { format!("{name}=***") } else { pair.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        for (url, shown) in [
            ("https://user:pw@host/simple/", "https://host/simple/"),
            (
                "https://host/a?X-Amz-Signature=abc&X-Amz-Expires=5&x=1",
                "https://host/a?X-Amz-Signature=***&X-Amz-Expires=***&x=1",
            ),
            (
                "https://host/a?private_token=abc&sig=d&format=json",
                "https://host/a?private_token=***&sig=***&format=json",
            ),
            ("https://host/a?flag#sha256=00", "https://host/a?flag"),
        ] {
            assert_eq!(show_url(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn a_message_is_not_as_long_as_any_address() {
        let url = Url::parse(&format!("https://host/{}", "\u{fffd}".repeat(4000))).unwrap();
        let message = NetError::new(&url, Fault::Status(404)).to_string();
        assert!(message.len() < 1100 && message.contains("…: the server answers 404"), "{message}");
    }

    #[test]
    fn only_what_may_pass_in_a_moment_is_tried_again() {
        let url = Url::parse("http://h/").unwrap();
        let transient = |fault| NetError::new(&url, fault).is_transient();
        for fault in [Fault::Disconnected, Fault::Truncated, Fault::Status(503), Fault::Status(429)] {
            assert!(transient(fault.clone()), "{fault}");
        }
        for fault in [
            Fault::Tls(TlsFault::UnknownIssuer),
            Fault::Connect("connection refused".into()),
            Fault::Status(401),
            Fault::Status(404),
            Fault::Timeout(Phase::Answer),
            Fault::Redirect(RedirectFault::Circle),
            Fault::TooLarge(1),
        ] {
            assert!(!transient(fault.clone()), "{fault}");
        }
    }
}
