//! One request and its answer, redirects followed; the words of the HTTP crate turned into ours.

use std::io::{self, Read};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use ureq::http::StatusCode;
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ureq::{BodyReader, Timeout};
use url::Url;

use super::error::{Fault, NetError, Phase, show_status};
use super::{DownloadError, Headers, Method, Net, Partial, Range, TlsFault, Unsigned, Validators, redirect};
use crate::aws::refusal;
use crate::error::Error;
use crate::time::Deadline;

/// The most bytes of an unwanted body that are read so that its connection can be used again.
const SETTLE: u64 = 16 << 10;
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Which encoding of the body is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// For pages.
    Gzip,
    /// For files, whose bytes are hashed as they are.
    Identity,
}

pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) accept: &'a str,
    pub(super) validators: Option<&'a Validators>,
    pub(super) range: Option<Range>,
    pub(super) encoding: Encoding,
    /// What else the server is to be told.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// An answer's head, its body still to be read.
pub(super) struct Reply {
    pub(super) url: Url,
    pub(super) status: u16,
    headers: HeaderMap,
    /// What `Content-Length` says.
    pub(super) length: Option<u64>,
    encoding: Encoding,
    body: BodyReader<'static>,
}

/// Sends the request once; redirects are answers.
pub(super) fn run_once(net: &Net, request: &Request<'_>, deadline: Deadline) -> Result<Reply, NetError> {
    send(net, &bare(request.url), request, deadline)
}

/// The URL without what is not sent.
fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

/// Sends the request and follows redirects.
pub(super) fn run(net: &Net, request: &Request<'_>, deadline: Deadline) -> Result<Reply, NetError> {
    let mut url = bare(request.url);
    let mut trail = vec![url.clone()];
    loop {
        let mut reply = send(net, &url, request, deadline)?;
        if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(reply);
        }
        let location = reply.header("location").unwrap_or_default();
        url = redirect::next(&trail, &location).map_err(|fault| reply.error(Fault::Redirect(fault)))?;
        trail.push(url.clone());
        reply.settle();
    }
}

fn send(net: &Net, url: &Url, request: &Request<'_>, deadline: Deadline) -> Result<Reply, NetError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NetError::new(
            url,
            Fault::Protocol(format!("{}: is no scheme for requests", url.scheme())),
        ));
    }
    if deadline.passed() {
        return Err(NetError::new(url, Fault::Timeout(Phase::Connect)));
    }
    let failed = |fault| NetError::new(url, fault);
    let authorization = net.credentials.of(url);
    let route = net.routes.to(url).map_err(failed)?;
    let failed = |fault| NetError::new(url, route.ascribe(fault));
    let mut head = ureq::http::Request::builder()
        .method(request.method.name())
        .uri(url.as_str())
        .body(())
        .map_err(|error| failed(Fault::Protocol(error.to_string())))?;
    set_headers(head.headers_mut(), request);
    set(head.headers_mut(), header::PROXY_AUTHORIZATION, route.proxy_authorization.as_deref());
    let unsigned = Unsigned { method: request.method, url, headers: request.headers, body: request.body };
    // What signed its requests itself needs nobody else's word.
    if !request.headers.iter().any(|(name, _)| *name == "authorization") {
        for (name, value) in authorization.headers(&unsigned).map_err(failed)? {
            set(head.headers_mut(), name, Some(&value));
        }
    }
    let response =
        route.call(head, request.body, deadline).map_err(|error| failed(fault(error, Phase::Answer)))?;
    let (head, body) = response.into_parts();
    if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && route.proxy.is_some() {
        return Err(failed(Fault::Status(407)));
    }
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Reply {
        url: url.clone(),
        status: head.status.as_u16(),
        headers: head.headers,
        length,
        encoding: request.encoding,
        body: body.into_with_config().limit(u64::MAX).reader(),
    })
}

fn set_headers(headers: &mut HeaderMap, request: &Request<'_>) {
    let validators = request.validators;
    let range = request.range.map(|range| match range {
        Range::Between(first, last) => format!("bytes={first}-{last}"),
        Range::Last(count) => format!("bytes=-{count}"),
        Range::From(first) => format!("bytes={first}-"),
    });
    let encoding = match request.encoding {
        Encoding::Gzip => "gzip",
        Encoding::Identity => "identity",
    };
    set(headers, header::ACCEPT, Some(request.accept));
    set(headers, header::ACCEPT_ENCODING, Some(encoding));
    set(headers, header::IF_NONE_MATCH, validators.and_then(|v| v.etag.as_deref()));
    set(headers, header::IF_MODIFIED_SINCE, validators.and_then(|v| v.last_modified.as_deref()));
    set(headers, header::RANGE, range.as_deref());
    for (name, value) in request.headers {
        set(headers, *name, Some(value));
    }
}

/// A value that no header can carry (a damaged remembered page) is not sent.
fn set(headers: &mut HeaderMap, name: impl TryInto<HeaderName>, value: Option<&str>) {
    let value = value.and_then(|value| HeaderValue::from_str(value).ok());
    if let (Some(value), Ok(name)) = (value, name.try_into()) {
        headers.insert(name, value);
    }
}

impl Reply {
    /// A header's value, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// All headers.
    pub(super) fn headers(&self) -> Headers {
        Headers(self.headers.clone())
    }

    pub(super) fn error(&self, fault: Fault) -> NetError {
        NetError::new(&self.url, fault)
    }

    /// The error that a status stands for.
    pub(super) fn refusal(mut self) -> NetError {
        let said = self.rest();
        let code = if said.starts_with(b"<") { refusal::code(&said) } else { None };
        let seconds = self.header("retry-after").and_then(|value| value.trim().parse().ok());
        NetError {
            code,
            retry_after: seconds.map(Duration::from_secs),
            ..self.error(Fault::Status(self.status))
        }
    }

    /// Reads a short rest of the body, so that the connection can be used again.
    pub(super) fn settle(&mut self) {
        let _ = self.rest();
    }

    /// A short rest of the body.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if self.length.is_some_and(|length| length <= SETTLE) {
            let _ = (&mut self.body).take(SETTLE + 1).read_to_end(&mut rest);
        }
        rest
    }

    /// All of the body, decompressed, in memory.
    pub(super) fn read(&mut self, cap: u64) -> Result<Vec<u8>, NetError> {
        let mut bytes = Vec::new();
        let mut keep = |piece: &[u8]| -> Result<(), Error> {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        match self.stream(cap, &mut keep) {
            Ok(_) => Ok(bytes),
            Err(DownloadError::Net(error)) => Err(error),
            Err(DownloadError::Sink(error)) => Err(self.error(Fault::Protocol(error.to_string()))),
        }
    }

    /// Hands the body on piece by piece; gives its length.
    pub(super) fn stream(
        &mut self,
        cap: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, DownloadError> {
        if self.length.is_some_and(|length| length > cap) {
            return Err(self.error(Fault::TooLarge(cap)).into());
        }
        let url = &self.url;
        let mut unpacked;
        let body: &mut dyn Read =
            match decoding(self.encoding, &self.headers).map_err(|f| NetError::new(url, f))? {
                Encoding::Identity => &mut self.body,
                Encoding::Gzip => {
                    unpacked = MultiGzDecoder::new(&mut self.body);
                    &mut unpacked
                }
            };
        let mut piece = vec![0; PIECE];
        let mut total = 0;
        loop {
            let count = body.read(&mut piece).map_err(|error| NetError::new(url, body_fault(error)))?;
            if count == 0 {
                return Ok(total);
            }
            total += count as u64;
            if total > cap {
                return Err(NetError::new(url, Fault::TooLarge(cap)).into());
            }
            sink(piece.get(..count).unwrap_or_default()).map_err(DownloadError::Sink)?;
        }
    }

    /// Which part of the file the answer says to be.
    pub(super) fn content_range(&self) -> Option<Partial> {
        self.headers.get(header::CONTENT_RANGE)?.to_str().ok().and_then(parse_content_range)
    }

    /// Which part of the file a 206 answer of `length` bytes holds.
    pub(super) fn partial(&self, length: usize) -> Result<Partial, NetError> {
        self.content_range().filter(|part| part.end - part.start == length as u64).ok_or_else(|| {
            self.error(Fault::Protocol("a part of the file that is not the part announced".into()))
        })
    }
}

/// How the body has to be decoded. A file asked for as it is stays as it is: servers that mark `.tar.gz` files as
/// gzip-encoded mean the file, and it is the file that is hashed.
fn decoding(asked: Encoding, headers: &HeaderMap) -> Result<Encoding, Fault> {
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    if asked == Encoding::Identity {
        return Ok(Encoding::Identity);
    }
    match coding.to_str().map(|coding| coding.trim().to_ascii_lowercase()).as_deref() {
        Ok("" | "identity") => Ok(Encoding::Identity),
        Ok("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        _ => Err(Fault::Protocol("an encoding of the body that was not asked for".into())),
    }
}

/// `bytes 0-499/1234` (RFC 9110, 14.4).
fn parse_content_range(text: &str) -> Option<Partial> {
    let (span, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (start, last, total): (u64, u64, u64) =
        (first.trim().parse().ok()?, last.trim().parse().ok()?, total.trim().parse().ok()?);
    (start <= last && last < total).then(|| Partial { start, end: last + 1, total })
}

fn body_fault(error: io::Error) -> Fault {
    match fault(ureq::Error::from(error), Phase::Body) {
        Fault::Disconnected => Fault::Truncated,
        other => other,
    }
}

/// The HTTP crate's error in our words; `phase` is where the total time ran out, if it did.
fn fault(error: ureq::Error, phase: Phase) -> Fault {
    use ureq::Error as E;
    match error {
        E::HostNotFound => Fault::Resolve,
        E::Timeout(Timeout::PerRead | Timeout::PerWrite) => Fault::Stalled,
        E::Timeout(Timeout::Resolve) => Fault::Timeout(Phase::Resolve),
        E::Timeout(Timeout::Connect) => Fault::Timeout(Phase::Connect),
        E::Timeout(_) => Fault::Timeout(phase),
        E::Rustls(error) => Fault::Tls(TlsFault::from(&error)),
        E::Tls(reason) => Fault::Tls(TlsFault::Other(reason.to_owned())),
        E::TlsRequired => Fault::Tls(TlsFault::Other("the connection is not encrypted".to_owned())),
        E::Other(error) => match error.downcast_ref::<TlsFault>() {
            Some(fault) => Fault::Tls(fault.clone()),
            None => Fault::Protocol(error.to_string()),
        },
        E::ConnectProxyFailed(reason) => Fault::Proxy { proxy: String::new(), reason: proxy_reason(reason) },
        E::ConnectionFailed => Fault::Connect("no way to the host".to_owned()),
        E::Io(error) => io_fault(&error),
        other => Fault::Protocol(other.to_string()),
    }
}

fn io_fault(error: &io::Error) -> Fault {
    use io::ErrorKind as K;
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Fault::Tls(TlsFault::from(tls));
    }
    match error.kind() {
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Fault::Disconnected,
        K::TimedOut | K::WouldBlock => Fault::Timeout(Phase::Connect),
        K::InvalidData | K::InvalidInput => Fault::Protocol(error.to_string()),
        _ => {
            let text = error.to_string();
            Fault::Connect(text.split(" (os error").next().unwrap_or_default().to_lowercase())
        }
    }
}

/// ureq words a proxy's refusal of a tunnel as `proxy server responded 407/407`.
fn proxy_reason(reason: String) -> String {
    match reason.rsplit_once("responded ").and_then(|(_, status)| status.split('/').next()?.parse().ok()) {
        Some(status) => format!("it answers {}", show_status(status)),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_taken_at_its_word_only_when_it_makes_sense() {
        assert_eq!(parse_content_range("bytes 5-9/10"), Some(Partial { start: 5, end: 10, total: 10 }));
        for text in
            ["", "bytes", "bytes */10", "bytes 5-9/*", "bytes 9-5/10", "bytes 5-10/10", "bytes -1-2/3"]
        {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
        let most = u64::MAX;
        assert_eq!(parse_content_range(&format!("bytes 0-{most}/{most}")), None);
    }
}
