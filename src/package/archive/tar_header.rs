//! One 512-byte header of a tar archive (POSIX.1-2017 `pax`, "ustar Interchange Format"; GNU's variant of it).

use super::refusal::Refusal;

/// The size of all units of a tar archive, in bytes.
pub(super) const BLOCK: usize = 512;

/// Place and length of the numbers that mean nothing to us: owner, group, time, device. Where one is malformed Python's
/// `tarfile` takes the header for the archive's end.
const OTHER_NUMBERS: [(usize, usize); 5] = [(108, 8), (116, 8), (136, 12), (329, 8), (337, 8)];

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// Keywords for the next member.
    Extended,
    /// Keywords for all members.
    Global,
    /// GNU's way to say the next member's name.
    LongName,
}

/// A header's fields, as far as they mean anything to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: u64,
}

impl Header {
    /// Reads a header that is not all zeros.
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Self, Refusal> {
        if octal(field(block, 148, 8)) != Some(checksum(block)) {
            return Err(Refusal::Container("a header's checksum is wrong"));
        }
        let is_gnu = match field(block, 257, 8) {
            b"ustar\x0000" => false,
            b"ustar  \0" => true,
            _ => return Err(Refusal::Container("a header is neither ustar's nor GNU's")),
        };
        let name = full_name(block, is_gnu)?;
        let refuse = |flaw| Refusal::member(&name, flaw);
        let kind = match field(block, 156, 1) {
            [b'0' | 0] => Kind::File,
            [b'5'] => Kind::Directory,
            [b'x'] => Kind::Extended,
            [b'g'] => Kind::Global,
            [b'L'] => Kind::LongName,
            _ => return Err(refuse("it is a link or a special file")),
        };
        if field(block, 157, 100).iter().any(|byte| *byte != 0) && kind != Kind::LongName {
            return Err(refuse("it names a link target but is no link"));
        }
        // A name's slash makes a directory of a file for some readers, also where an extension gives another name.
        if kind == Kind::File && name.ends_with('/') {
            return Err(refuse("it is a file and a directory"));
        }
        if !OTHER_NUMBERS.iter().all(|&(at, length)| is_number(field(block, at, length))) {
            return Err(refuse("a field of its header is no number"));
        }
        let size = octal(field(block, 124, 12)).ok_or_else(|| refuse("its size is no octal number"))?;
        let mode = octal(field(block, 100, 8)).ok_or_else(|| refuse("its mode is no octal number"))?;
        if kind == Kind::Directory && size != 0 {
            return Err(refuse("it is a directory with contents"));
        }
        Ok(Self { name, kind, size, mode })
    }
}

fn field(block: &[u8; BLOCK], from: usize, length: usize) -> &[u8] {
    block.get(from..from + length).unwrap_or_default()
}

/// The sum of all bytes, those of the checksum itself taken as spaces.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let all: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = field(block, 148, 8).iter().map(|byte| u64::from(*byte)).sum();
    all - own + 8 * u64::from(b' ')
}

/// Octal digits between spaces before and spaces or NULs behind. GNU's binary numbers are for sizes over 8 GiB.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_start_matches(' ').trim_end_matches(['\0', ' ']);
    let valid = !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if valid { u64::from_str_radix(digits, 8).ok() } else { None }
}

/// Whether a field is a number: octal, GNU's binary, or not given.
fn is_number(field: &[u8]) -> bool {
    matches!(field, [0x80 | 0xff, ..])
        || field.iter().all(|byte| matches!(byte, 0 | b' '))
        || octal(field).is_some()
}

/// Prefix and name. Readers disagree on bytes behind a NUL and on the prefix in GNU's headers: there must be none.
fn full_name(block: &[u8; BLOCK], is_gnu: bool) -> Result<String, Refusal> {
    let (name, prefix) = (text(field(block, 0, 100))?, text(field(block, 345, 155))?);
    match prefix.as_str() {
        "" => Ok(name),
        _ if is_gnu => Err(Refusal::member(&name, "it has a prefix in a GNU header")),
        prefix => Ok(format!("{prefix}/{name}")),
    }
}

fn text(field: &[u8]) -> Result<String, Refusal> {
    let length = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, padding) = field.split_at(length);
    let refuse = |flaw| Refusal::member(&String::from_utf8_lossy(text), flaw);
    if padding.iter().any(|byte| *byte != 0) {
        return Err(refuse("something is hidden behind its name"));
    }
    String::from_utf8(text.to_owned()).map_err(|_| refuse("its name is not UTF-8"))
}
