//! The tar reader: members one after the other, and nothing else in between. Extensions may name a member, and that
//! is all that they may: whatever moves a member's end (sizes, sparse files) is refused, since there readers differ.

use std::io::{ErrorKind, Read};

use super::limits::Limits;
use super::path::{MemberPath, PathSet};
use super::refusal::Refusal;
use super::tar_header::{BLOCK, Header, Kind};
use super::zip::Sink;

/// The most bytes of keywords or of a long name.
const LONGEST_EXTENSION: u64 = 64 << 10;
/// The most zeros behind the last member.
const LONGEST_PADDING: u64 = 1 << 20;

/// A member of a tar archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarMember {
    /// Its path.
    pub path: MemberPath,
    /// Whether it is a directory; else a regular file.
    pub directory: bool,
    /// Whether anybody may execute it.
    pub executable: bool,
    /// Its length, in bytes.
    pub size: u64,
}

/// A tar archive, being read.
pub struct Tar<R> {
    reader: R,
    limits: Limits,
    /// The archive's own length, packed.
    packed: u64,
    paths: PathSet,
    headers: u64,
    total: u64,
    /// Bytes of the current member that were not copied yet, with its padding.
    left: u64,
}

impl<R: Read> Tar<R> {
    /// Reads from a stream that was unpacked from `packed` bytes.
    pub fn new(reader: R, packed: u64, limits: &Limits) -> Self {
        let paths = PathSet::default();
        Self { reader, limits: *limits, packed, paths, headers: 0, total: 0, left: 0 }
    }

    /// The next member; `None` behind the last one, once the rest of the stream has been seen to be zeros.
    pub fn next_member(&mut self) -> Result<Option<TarMember>, Refusal> {
        self.skip()?;
        let mut long_name = None;
        loop {
            let Some(header) = self.header()? else {
                return match long_name {
                    None => Ok(None),
                    Some(_) => Err(Refusal::Container("it ends between a name and its member")),
                };
            };
            let name = match header.kind {
                Kind::File | Kind::Directory => return self.member(&header, long_name).map(Some),
                Kind::Global => {
                    let keywords = self.extension(&header)?;
                    if read_keywords(&header, &keywords)? != Keywords::default() {
                        return Err(Refusal::Container("global keywords change its members"));
                    }
                    continue;
                }
                Kind::Extended => {
                    let keywords = read_keywords(&header, &self.extension(&header)?)?;
                    Extension { path: keywords.path, size: keywords.size }
                }
                Kind::LongName => Extension { path: Some(self.long_name(&header)?), size: None },
            };
            if long_name.replace(name).is_some() {
                return Err(Refusal::Container("a member has more than one extended header"));
            }
        }
    }

    /// Passes the current member to `sink`. What the sink has got before an error must not be used.
    pub fn copy(&mut self, member: &TarMember, sink: Sink<'_>) -> Result<(), Refusal> {
        let mut buffer = vec![0; 64 << 10];
        let mut left = member.size.min(self.left);
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let chunk = buffer.get_mut(..length).unwrap_or_default();
            self.fill(chunk)?;
            self.left -= length as u64;
            left -= length as u64;
            sink(chunk)?;
        }
        self.skip()
    }

    /// The stream behind the archive.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn member(&mut self, header: &Header, extension: Option<Extension>) -> Result<TarMember, Refusal> {
        let extension = extension.unwrap_or_default();
        let name = extension.path.as_ref().unwrap_or(&header.name);
        if extension.size.is_some_and(|size| size != header.size) {
            return Err(Refusal::member(name, "its extended header has another size"));
        }
        let directory = header.kind == Kind::Directory;
        let plain = if directory { name.strip_suffix('/').unwrap_or(name) } else { name };
        let path = MemberPath::parse(plain, &self.limits)?;
        if directory {
            self.paths.add_directory(&path)?;
        } else {
            self.paths.add_file(&path)?;
        }
        self.total = self.total.saturating_add(header.size);
        self.limits.check_total(self.total)?;
        self.limits.check_ratio(self.packed, self.total)?;
        self.left = padded(header.size);
        let executable = !directory && header.mode & 0o111 != 0;
        Ok(TarMember { path, directory, executable, size: header.size })
    }

    fn header(&mut self) -> Result<Option<Header>, Refusal> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        if block == [0; BLOCK] {
            self.fill(&mut block)?;
            if block != [0; BLOCK] {
                return Err(Refusal::Container("members follow its end"));
            }
            return self.finish().map(|()| None);
        }
        self.headers += 1;
        self.limits.check_members(self.headers)?;
        Header::read(&block).map(Some)
    }

    /// The contents of an extension header, without its padding.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, Refusal> {
        Limits::at_most(header.size, LONGEST_EXTENSION, "bytes in an extended header")?;
        let mut bytes = vec![0; usize::try_from(header.size).unwrap_or_default()];
        self.fill(&mut bytes)?;
        // Some readers go on in the padding, as far as it looks like text of the extension.
        let mut block = [0; BLOCK];
        let padding = usize::try_from(padded(header.size) - header.size).unwrap_or_default();
        let padding = block.get_mut(..padding).unwrap_or_default();
        self.fill(padding)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Refusal::member(&header.name, "something is hidden behind its extended header"));
        }
        Ok(bytes)
    }

    fn long_name(&mut self, header: &Header) -> Result<String, Refusal> {
        let bytes = self.extension(header)?;
        let name = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        std::str::from_utf8(name)
            .map(str::to_owned)
            .map_err(|_| Refusal::member(&String::from_utf8_lossy(name), "its name is not UTF-8"))
    }

    /// Passes over what was not copied.
    fn skip(&mut self) -> Result<(), Refusal> {
        let mut block = [0; BLOCK];
        while self.left > 0 {
            let length = usize::try_from(self.left).unwrap_or(BLOCK).min(BLOCK);
            self.fill(block.get_mut(..length).unwrap_or_default())?;
            self.left -= length as u64;
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Refusal> {
        self.reader.read_exact(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Refusal::Container("it is cut short"),
            _ => Refusal::Read(error),
        })
    }

    /// Only zeros may follow the end.
    fn finish(&mut self) -> Result<(), Refusal> {
        let mut buffer = [0; BLOCK];
        let mut padding = 0;
        loop {
            match self.reader.read(&mut buffer).map_err(Refusal::Read)? {
                0 => return Ok(()),
                length => {
                    padding += length as u64;
                    Limits::at_most(padding, LONGEST_PADDING, "bytes behind the last member")?;
                    if buffer.iter().take(length).any(|byte| *byte != 0) {
                        return Err(Refusal::Container("bytes follow its end"));
                    }
                }
            }
        }
    }
}

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

#[derive(Debug, Default)]
struct Extension {
    path: Option<String>,
    size: Option<u64>,
}

/// The pax keywords that mean anything to us.
#[derive(Debug, Default, PartialEq, Eq)]
struct Keywords {
    path: Option<String>,
    size: Option<u64>,
}

/// Reads `length keyword=value\n` records (POSIX.1-2017 `pax`, "pax Extended Header").
fn read_keywords(header: &Header, bytes: &[u8]) -> Result<Keywords, Refusal> {
    let refuse = |flaw| Refusal::member(&header.name, flaw);
    let mut keywords = Keywords::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (keyword, value, after) =
            keyword(rest).ok_or_else(|| refuse("its extended header is malformed"))?;
        rest = after;
        let is_new = match keyword {
            "path" => keywords.path.replace(value.to_owned()).is_none(),
            "size" => {
                let size = value.parse().map_err(|_| refuse("its extended header is malformed"))?;
                keywords.size.replace(size).is_none()
            }
            "linkpath" | "hdrcharset" => return Err(refuse("an extended header changes what it is")),
            sparse if sparse.starts_with("GNU.") => return Err(refuse("it is a sparse file")),
            _ => true,
        };
        if !is_new {
            return Err(refuse("its extended header says a thing twice"));
        }
    }
    Ok(keywords)
}

fn keyword(bytes: &[u8]) -> Option<(&str, &str, &[u8])> {
    let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(bytes.get(..space)?).ok()?;
    let length = if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok()? } else { None? };
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let (keyword, value) = std::str::from_utf8(record).ok()?.split_once('=')?;
    (!keyword.is_empty()).then_some((keyword, value, rest))
}
