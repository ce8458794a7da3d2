//! A wheel's `RECORD` (PEP 376, PEP 427): all of its files with their hashes and sizes.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::archive::refusal::Refusal;
use crate::trust::hashes::{Algorithm, Digests, Hasher, Hashes};

const FILE: &str = "RECORD";
/// Lines beyond the number of members that are still looked for one by one, for a better message.
const SPARE_LINES: usize = 100;

/// A digest, decoded, and what it was made with.
type Digest = (Algorithm, Box<[u8]>);

/// What is recorded of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// The digest as it stands there.
    digest: Option<Digest>,
    size: Option<u64>,
}

impl Line {
    /// Whether there is a digest to compare with.
    pub fn has_digest(&self) -> bool {
        self.digest.is_some()
    }

    fn promises(&self) -> Hashes {
        let mut hashes = Hashes::default();
        if let Some((algorithm, digest)) = &self.digest {
            let hex = digest.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            hashes.insert(algorithm.name(), &hex);
        }
        hashes
    }

    /// A hasher for the digest that is promised.
    pub fn hasher(&self) -> Hasher {
        Hasher::for_promises(&self.promises())
    }

    /// Compares a file of this digest and size.
    pub fn check(&self, path: &str, digests: &Digests, size: u64) -> Result<(), Refusal> {
        if self.size.is_some_and(|promised| promised != size) {
            return Err(Refusal::record(path, "its size is another"));
        }
        self.promises().check(digests).map_err(|_| Refusal::record(path, "its hash is another"))
    }
}

/// All lines, by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record(HashMap<String, Line>);

impl Record {
    /// Reads the file: CSV as Python's `csv` writes it, three fields a line. The archive has `members`; so much longer
    /// a list is wrong without being read.
    pub fn parse(bytes: &[u8], members: usize) -> Result<Self, Refusal> {
        let flaw = |flaw| Refusal::Malformed { file: FILE, flaw };
        let text = std::str::from_utf8(bytes).map_err(|_| flaw("it is not UTF-8"))?;
        let mut lines = HashMap::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (row, after) = row(rest).ok_or_else(|| flaw("it is not CSV of three fields a line"))?;
            rest = after;
            let [path, hash, size] = row;
            let line = Line { digest: digest(&path, &hash)?, size: parse_size(&path, &size)? };
            if lines.contains_key(&path) {
                return Err(Refusal::record(&path, "it is listed twice"));
            }
            lines.insert(path, line);
            if lines.len() > members.saturating_add(SPARE_LINES) {
                return Err(flaw("it lists more files than there are"));
            }
        }
        Ok(Self(lines))
    }

    /// Takes out the line of a file.
    pub fn remove(&mut self, path: &str) -> Option<Line> {
        self.0.remove(path)
    }

    /// One path that has not been taken out: the first by name, so that the same archive gives the same message.
    pub fn first_left(&self) -> Option<&str> {
        self.0.keys().map(String::as_str).min()
    }
}

/// Takes one row off the front of `text`.
fn row(text: &str) -> Option<([String; 3], &str)> {
    let (path, rest) = field(text)?;
    let (hash, rest) = field(rest.strip_prefix(',')?)?;
    let (size, rest) = field(rest.strip_prefix(',')?)?;
    let rest = match rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')) {
        Some(rest) => rest,
        None if rest.is_empty() => rest,
        None => return None,
    };
    Some(([path, hash, size], rest))
}

/// Takes one field off the front of `text`: in quotes, with inner quotes doubled, or plain.
fn field(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (plain, rest) = text.split_at(text.find([',', '\n', '\r']).unwrap_or(text.len()));
        return (!plain.contains('"')).then(|| (plain.to_owned(), rest));
    };
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

fn parse_size(path: &str, size: &str) -> Result<Option<u64>, Refusal> {
    if size.is_empty() {
        return Ok(None);
    }
    let digits = size.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { size.parse().ok() } else { None };
    number.map(Some).ok_or_else(|| Refusal::record(path, "its size is no number"))
}

/// Reads `sha256=` and the digest in URL-safe Base64 without padding. MD5 and SHA-1 must not be used (PEP 427).
fn digest(path: &str, hash: &str) -> Result<Option<Digest>, Refusal> {
    if hash.is_empty() {
        return Ok(None);
    }
    let (algorithm, length) = match hash.split_once('=').map(|(name, _)| name) {
        Some("sha256") => (Algorithm::Sha256, 32),
        Some("sha384") => (Algorithm::Sha384, 48),
        Some("sha512") => (Algorithm::Sha512, 64),
        _ => return Err(Refusal::record(path, "its hash is none of sha256, sha384 and sha512")),
    };
    let encoded = hash.split_once('=').map(|(_, digest)| digest).unwrap_or_default();
    let digest = decode_base64(encoded).filter(|digest| digest.len() == length);
    let digest = digest.ok_or_else(|| Refusal::record(path, "its hash is malformed"))?;
    Ok(Some((algorithm, digest.into())))
}

/// URL-safe Base64 without padding (RFC 4648, section 5), in its one canonical form.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    let canonical = count < 6 && bits & ((1 << count) - 1) == 0;
    canonical.then_some(bytes)
}
