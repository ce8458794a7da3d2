//! A file on a server, read in parts: enough to see what a wheel requires without fetching all of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use url::Url;

use crate::net::{Answer, Fault, Get, Net, NetError, Range, Validators};
use crate::package::archive::input::place;
use crate::time::Deadline;

/// How much of the end is asked for first: the list of members of all but the largest wheels, in bytes.
const TAIL: u64 = 32 << 10;
/// How much is asked for at a time after that.
const BLOCK: u64 = 32 << 10;
/// The most that is fetched in parts of one file; a wheel's metadata is far smaller.
const MOST: u64 = 8 << 20;

/// Why a file cannot be read in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteFileError {
    /// The server sends only whole files, or none in answer to such a request: fetch it whole.
    NoRanges,
    /// There is no such file.
    Missing,
    /// It became another file meanwhile.
    Changed,
    /// So many bytes were wanted that fetching it whole is the better way.
    TooMuch,
    /// The network.
    Net(NetError),
}

impl fmt::Display for RemoteFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRanges => f.write_str("the server does not send parts of files"),
            Self::Missing => f.write_str("there is no such file"),
            Self::Changed => f.write_str("the file changed while it was read"),
            Self::TooMuch => write!(f, "more than {MOST} bytes of it are wanted"),
            Self::Net(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RemoteFileError {}

/// The file; reading it asks for what is not there yet. Failures while reading are I/O errors that hold a
/// [`RemoteFileError`].
#[derive(Debug)]
pub struct RemoteFile<'a> {
    net: &'a Net,
    url: &'a Url,
    deadline: Deadline,
    length: u64,
    validators: Validators,
    position: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
    fetched: u64,
}

impl<'a> RemoteFile<'a> {
    /// Asks for the end of the file, which tells its length.
    pub fn open(net: &'a Net, url: &'a Url, deadline: Deadline) -> Result<Self, RemoteFileError> {
        let (part, validators) = fetch(net, url, Range::Last(TAIL), TAIL, deadline)?;
        if part.end != part.total {
            return Err(RemoteFileError::NoRanges);
        }
        let fetched = part.end - part.start;
        let blocks = BTreeMap::from([(part.start, part.bytes)]);
        Ok(Self { net, url, deadline, length: part.total, validators, position: 0, blocks, fetched })
    }

    /// The length of the whole file, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is there of the file from `position` on.
    fn at(&self, position: u64) -> Option<&[u8]> {
        let (start, bytes) = self.blocks.range(..=position).next_back()?;
        let skip = usize::try_from(position - start).ok()?;
        bytes.get(skip..).filter(|rest| !rest.is_empty())
    }

    /// Fetches from `position` up to the next part that is there.
    fn fill(&mut self, position: u64) -> Result<(), RemoteFileError> {
        let next = self.blocks.range(position..).next().map_or(self.length, |(start, _)| *start);
        let end = next.min(position.saturating_add(BLOCK)).min(self.length);
        let count = end.saturating_sub(position);
        self.fetched += count;
        if self.fetched > MOST {
            return Err(RemoteFileError::TooMuch);
        }
        let range = Range::Between(position, end.saturating_sub(1));
        let (part, validators) = fetch(self.net, self.url, range, count, self.deadline)?;
        let same = part.total == self.length && validators.etag == self.validators.etag;
        if !same || (part.start, part.end) != (position, end) {
            return Err(RemoteFileError::Changed);
        }
        self.blocks.insert(position, part.bytes);
        Ok(())
    }
}

struct Part {
    start: u64,
    end: u64,
    total: u64,
    bytes: Vec<u8>,
}

fn fetch(
    net: &Net,
    url: &Url,
    range: Range,
    cap: u64,
    deadline: Deadline,
) -> Result<(Part, Validators), RemoteFileError> {
    let get = Get { url, accept: "*/*", validators: None, range: Some(range), cap };
    match net.get(&get, deadline) {
        Ok(Answer::Body(body)) => {
            // A whole file within the cap is as good as its parts.
            let total = body.bytes.len() as u64;
            let (start, end, total) =
                body.partial.map_or((0, total, total), |part| (part.start, part.end, part.total));
            Ok((Part { start, end, total, bytes: body.bytes }, body.validators))
        }
        Ok(Answer::Missing) => Err(RemoteFileError::Missing),
        Ok(Answer::NotModified)
        | Err(NetError {
            fault: Fault::TooLarge(_) | Fault::Status(400 | 405 | 416 | 501) | Fault::Protocol(_),
            ..
        }) => Err(RemoteFileError::NoRanges),
        Err(error) => Err(RemoteFileError::Net(error)),
    }
}

impl Read for RemoteFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || buffer.is_empty() {
            return Ok(0);
        }
        if self.at(self.position).is_none() {
            self.fill(self.position).map_err(io::Error::other)?;
        }
        let bytes = self.at(self.position).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for RemoteFile<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = place(to, self.position, self.length)?;
        Ok(self.position)
    }
}
