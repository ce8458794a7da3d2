//! What the lying server answers at one path.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use super::server::Request;

/// How the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// As it should.
    #[default]
    Whole,
    /// After so many bytes the connection is closed.
    Cut(usize),
    /// Never.
    Endless,
    /// The connection is closed before the first byte of an answer.
    Drop,
    /// The request is taken and nothing ever answered.
    Silent,
}

/// Which length the head tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Length {
    #[default]
    True,
    Lie(u64),
    /// None: the body ends with the connection.
    Untold,
}

/// One answer, honest unless told otherwise.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) dribble: Option<(usize, Duration)>,
    pub(super) ending: Ending,
    length: Length,
    ranges: bool,
    gzip: bool,
    credentials: Option<String>,
}

impl Response {
    /// 200 with that body and no type.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }
    }

    /// 200 with an HTML page.
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self::ok(body).content_type("text/html; charset=utf-8")
    }

    /// Nothing but a status and a word of body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::ok(format!("{status}\n")) }.content_type("text/plain")
    }

    /// 302 to any address.
    pub fn redirect(to: &str) -> Self {
        Self::status(302).header("Location", to)
    }

    /// Closes the connection instead of answering.
    pub fn drop_connection() -> Self {
        Self { ending: Ending::Drop, ..Self::default() }
    }

    /// Takes the request and says nothing, as long as the client waits.
    pub fn silent() -> Self {
        Self { ending: Ending::Silent, ..Self::default() }
    }

    /// 200, and a body that never ends.
    pub fn endless() -> Self {
        Self { ending: Ending::Endless, length: Length::Untold, ..Self::ok("") }
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn content_type(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| name != "Content-Type");
        self.header("Content-Type", value)
    }

    /// Names the version of the body, without quotes here; a request that has it already gets 304.
    pub fn etag(self, tag: &str) -> Self {
        self.header("ETag", &format!("\"{tag}\""))
    }

    /// Dates the body; a request that has it already gets 304.
    pub fn last_modified(self, date: &str) -> Self {
        self.header("Last-Modified", date)
    }

    /// Waits before the first byte.
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// Sends `bytes` at a time with `pause` between.
    pub fn dribble(mut self, bytes: usize, pause: Duration) -> Self {
        self.dribble = Some((bytes, pause));
        self
    }

    /// Promises the whole body and closes the connection after so many bytes.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.ending = Ending::Cut(bytes);
        self
    }

    /// Tells this `Content-Length`, whatever the body's is.
    pub fn declare_length(mut self, length: u64) -> Self {
        self.length = Length::Lie(length);
        self
    }

    /// Tells no length; the end of the connection is the end of the body.
    pub fn without_length(mut self) -> Self {
        self.length = Length::Untold;
        self
    }

    /// Serves single ranges (RFC 9110 §14) with 206.
    pub fn ranges(mut self) -> Self {
        self.ranges = true;
        self
    }

    /// Compresses for clients that accept it.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// 401 for everybody who does not present these by basic authentication.
    pub fn only_for(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some(format!("Basic {}", base64(format!("{user}:{password}").as_bytes())));
        self
    }

    /// The answer that this request gets: 304, 401, 206 and compression are decided here.
    pub(super) fn suited_to(mut self, request: &Request) -> Self {
        if self.credentials.is_some() && self.credentials.as_deref() != request.header("authorization") {
            return Self::status(401).header("WWW-Authenticate", "Basic realm=\"test\"");
        }
        if self.status == 200 && self.is_known_to(request) {
            self.status = 304;
            self.body.clear();
            self.length = Length::True;
            return self;
        }
        if self.ranges {
            self = self.header("Accept-Ranges", "bytes").part_for(request);
        }
        let accepts_gzip = request.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
        if self.gzip && accepts_gzip {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&self.body).unwrap();
            self.body = encoder.finish().unwrap();
            self = self.header("Content-Encoding", "gzip").header("Vary", "Accept-Encoding");
        }
        self
    }

    fn own(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// RFC 9110 §13.2.2: `If-None-Match` decides where it is given, `If-Modified-Since` else.
    fn is_known_to(&self, request: &Request) -> bool {
        let Some(tags) = request.header("if-none-match") else {
            let date = self.own("Last-Modified");
            return date.is_some() && date == request.header("if-modified-since");
        };
        self.own("ETag").is_some_and(|own| {
            tags.split(',').any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == own)
        })
    }

    fn part_for(mut self, request: &Request) -> Self {
        let Some(range) = request.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
            return self;
        };
        let all = self.body.len();
        let (first, last) = range.split_once('-').unwrap_or((range, ""));
        let (from, to) = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(from), Ok(last)) => (from, (last.saturating_add(1)).min(all)),
            (Ok(from), Err(_)) => (from, all),
            (Err(_), Ok(last)) => (all.saturating_sub(last), all),
            (Err(_), Err(_)) => return self,
        };
        if from >= to {
            return Self::status(416).header("Content-Range", &format!("bytes */{all}"));
        }
        self.body = self.body[from..to].to_vec();
        self.status = 206;
        self.header("Content-Range", &format!("bytes {from}-{}/{all}", to - 1))
    }

    pub(super) fn keeps_alive(&self) -> bool {
        self.length == Length::True
    }

    pub(super) fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = match self.length {
            Length::True if self.status == 304 => Ok(()),
            Length::True => write!(head, "Content-Length: {}\r\n", self.body.len()),
            Length::Lie(length) => write!(head, "Content-Length: {length}\r\nConnection: close\r\n"),
            Length::Untold => write!(head, "Connection: close\r\n"),
        };
        head + "\r\n"
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        302 => "Found",
        304 => "Not Modified",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// RFC 4648 §4.
pub fn base64(bytes: &[u8]) -> String {
    encode(bytes, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true)
}

/// RFC 4648 §5 without padding, as RECORD has it.
pub fn base64_url(bytes: &[u8]) -> String {
    encode(bytes, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false)
}

fn encode(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            if at <= group.len() {
                text.push(char::from(alphabet[(bits >> (18 - 6 * at) & 63) as usize]));
            } else if padded {
                text.push('=');
            }
        }
    }
    text
}
