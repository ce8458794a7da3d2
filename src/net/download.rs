//! A file as it is, piece by piece, and taken up again where the connection was lost (RFC 9110, 13.1.5 and 14.2).

use super::error::{Fault, NetError};
use super::exchange::{self, Encoding, Reply};
use super::{Download, DownloadError, Headers, Method, Net, Range, Received, retry};
use crate::error::Error;
use crate::time::Deadline;

/// How often one file is taken up again.
const MOST_RESUMPTIONS: u32 = 10;
/// How many attempts in a row may bring nothing.
const MOST_FRUITLESS: u32 = 1;

/// Whoever takes the bytes.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), Error> + 'a;

/// A download under way.
pub(super) struct Transfer<'a> {
    net: &'a Net,
    download: &'a Download<'a>,
    deadline: Deadline,
    /// How many bytes the sink has.
    taken: u64,
    /// What they are the beginning of, where that can be asked for again.
    whole: Option<Whole>,
}

/// A file that can be recognized.
struct Whole {
    length: u64,
    validator: Validator,
    headers: Headers,
}

/// By what a file is recognized (RFC 9110, 13.1.5): its strong `ETag`, or else the time of its last change.
#[derive(Debug, PartialEq, Eq)]
struct Validator {
    header: &'static str,
    value: String,
}

impl Validator {
    fn of(reply: &Reply) -> Option<Self> {
        let strong = reply.header("etag").filter(|tag| tag.starts_with('"'));
        let tag = strong.map(|value| Self { header: "etag", value });
        let time = |value| Self { header: "last-modified", value };
        // A weak tag says that bytes may differ, and the time would not know better.
        tag.or_else(|| match reply.header("etag") {
            Some(_) => None,
            None => reply.header("last-modified").map(time),
        })
    }
}

impl<'a> Transfer<'a> {
    pub(super) fn new(net: &'a Net, download: &'a Download<'a>, deadline: Deadline) -> Self {
        Self { net, download, deadline, taken: 0, whole: None }
    }

    /// Attempts until the file is there. Before the first byte a failure that may pass is forgiven once; after it the
    /// file is taken up again as long as that brings bytes.
    pub(super) fn run(mut self, sink: &mut Sink<'_>) -> Result<Received, DownloadError> {
        let (mut fruitless, mut resumptions) = (0, 0);
        loop {
            let before = self.taken;
            let error = match self.attempt(sink) {
                Ok(headers) => return Ok(Received { length: self.taken, headers }),
                Err(DownloadError::Net(error)) => error,
                Err(error) => return Err(error),
            };
            fruitless = if self.taken > before { 0 } else { fruitless + 1 };
            let may_go_on = if self.taken == 0 { error.is_transient() } else { self.may_resume(&error) };
            let bounded = fruitless <= MOST_FRUITLESS && resumptions < MOST_RESUMPTIONS;
            if !(may_go_on && bounded && retry::pause(&error, self.deadline)) {
                return Err(error.into());
            }
            resumptions += 1;
        }
    }

    fn may_resume(&self, error: &NetError) -> bool {
        self.whole.is_some()
            && (error.is_transient() || matches!(error.fault, Fault::Stalled | Fault::Connect(_)))
    }

    fn attempt(&mut self, sink: &mut Sink<'_>) -> Result<Headers, DownloadError> {
        match self.whole.take() {
            Some(whole) if self.taken > 0 => {
                let result = self.resume(&whole, sink).map(|()| whole.headers.clone());
                self.whole = Some(whole);
                result
            }
            _ => self.begin(sink),
        }
    }

    fn begin(&mut self, sink: &mut Sink<'_>) -> Result<Headers, DownloadError> {
        let mut reply = self.ask(None, self.download.headers)?;
        if reply.status != 200 {
            return Err(reply.refusal().into());
        }
        let headers = reply.headers();
        self.whole = reply.length.zip(Validator::of(&reply)).map(|(length, validator)| Whole {
            length,
            validator,
            headers: headers.clone(),
        });
        self.take(&mut reply, self.download.cap, 0, sink)?;
        Ok(headers)
    }

    fn resume(&mut self, whole: &Whole, sink: &mut Sink<'_>) -> Result<(), DownloadError> {
        let mut headers = self.download.headers.to_vec();
        headers.push(("if-range", &whole.validator.value));
        let mut reply = self.ask(Some(Range::From(self.taken)), &headers)?;
        let rest = whole.length.saturating_sub(self.taken);
        let skipped = match reply.status {
            200 | 206 => part(&reply, whole, self.taken)?,
            // There is less of it than we have already.
            416 => return Err(reply.error(Fault::Changed).into()),
            _ => return Err(reply.refusal().into()),
        };
        self.take(&mut reply, skipped + rest, skipped, sink)?;
        if self.taken < whole.length { Err(reply.error(Fault::Truncated).into()) } else { Ok(()) }
    }

    fn ask(&self, range: Option<Range>, headers: &[(&str, &str)]) -> Result<Reply, NetError> {
        let request = exchange::Request {
            method: Method::Get,
            headers,
            body: &[],
            url: self.download.url,
            accept: "*/*",
            validators: None,
            range,
            encoding: Encoding::Identity,
        };
        exchange::run(self.net, &request, self.deadline)
    }

    /// Hands the body on, without its first `skipped` bytes.
    fn take(
        &mut self,
        reply: &mut Reply,
        cap: u64,
        mut skipped: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(), DownloadError> {
        let taken = &mut self.taken;
        reply.stream(cap, &mut |bytes| {
            let skip = usize::try_from(skipped).unwrap_or(usize::MAX).min(bytes.len());
            skipped -= skip as u64;
            let bytes = bytes.get(skip..).unwrap_or_default();
            *taken += bytes.len() as u64;
            if bytes.is_empty() { Ok(()) } else { sink(bytes) }
        })?;
        Ok(())
    }
}

/// How many bytes of that answer are already there. Bytes of another file must never follow ours, and some servers
/// look at `Range` but not at `If-Range`, or send the part with the status of the whole: what counts is what the
/// answer says of itself.
fn part(reply: &Reply, whole: &Whole, taken: u64) -> Result<u64, NetError> {
    let told = reply.header(whole.validator.header);
    if told.as_ref().is_some_and(|value| *value != whole.validator.value) {
        return Err(reply.error(Fault::Changed));
    }
    if let Some(range) = reply.content_range() {
        let follows = range.start == taken && range.total == whole.length;
        return if follows { Ok(0) } else { Err(misplaced(reply)) };
    }
    let is_whole = reply.status == 200 && reply.length == Some(whole.length) && told.is_some();
    if is_whole { Ok(taken) } else { Err(misplaced(reply)) }
}

fn misplaced(reply: &Reply) -> NetError {
    reply.error(Fault::Protocol("another part of the file than was asked for".into()))
}
