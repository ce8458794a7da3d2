//! Digests: what a source promises about a file, and what the file turns out to be.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use md5::Digest as _;
use ring::digest::{Context, SHA256, SHA384, SHA512, digest};

/// The algorithms we compute, weakest first. MD5 counts only where a legacy source offers nothing better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// 128 bits; broken, kept for S3 ETags, `#md5=` links and old JSON.
    Md5,
    /// 256 bits.
    Sha256,
    /// 384 bits.
    Sha384,
    /// 512 bits.
    Sha512,
}

impl Algorithm {
    /// The name as PEP 503 fragments and PEP 691 dictionaries have it (`hashlib`'s).
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "md5" => Self::Md5,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// `hashlib`'s name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// What a source says a file's digests are: lower-case hex by algorithm. Unknown algorithms and malformed digests
/// never get in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes(
    /// Weakest first. A page has tens of thousands of these: they are small.
    Vec<(Algorithm, Box<str>)>,
);

impl Hashes {
    /// Adds a digest; `false` (and nothing added) where the algorithm is unknown or the digest is not hex of its length.
    pub fn insert(&mut self, algorithm: &str, hex: &str) -> bool {
        let Some(algorithm) = Algorithm::parse(algorithm) else { return false };
        let well_formed = hex.len() == algorithm.hex_length() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        if well_formed {
            self.set(algorithm, hex.to_ascii_lowercase().into());
        }
        well_formed
    }

    fn set(&mut self, algorithm: Algorithm, hex: Box<str>) {
        let at = self.0.iter().take_while(|(known, _)| *known < algorithm).count();
        match self.0.get_mut(at) {
            Some((known, old)) if *known == algorithm => *old = hex,
            _ => {
                self.0.reserve_exact(1);
                self.0.insert(at, (algorithm, hex));
            }
        }
    }

    /// One SHA-256.
    #[must_use]
    pub fn sha256(hex: &str) -> Self {
        let mut hashes = Self::default();
        hashes.insert("sha256", hex);
        hashes
    }

    /// The digest of that algorithm.
    pub fn get(&self, algorithm: Algorithm) -> Option<&str> {
        self.iter().find(|(known, _)| *known == algorithm).map(|(_, hex)| hex)
    }

    /// Whether the source says nothing that we can check.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The strongest promise.
    pub fn strongest(&self) -> Option<(Algorithm, &str)> {
        self.0.last().map(|(algorithm, hex)| (*algorithm, &**hex))
    }

    /// All promises, weakest first.
    pub fn iter(&self) -> impl Iterator<Item = (Algorithm, &str)> {
        self.0.iter().map(|(algorithm, hex)| (*algorithm, &**hex))
    }

    /// Checks a finished file: every promise must hold, so a right MD5 never excuses a wrong SHA-256.
    ///
    /// # Errors
    /// The first promise that is broken.
    pub fn check(&self, found: &Digests) -> Result<(), Mismatch> {
        for (algorithm, promised) in self.iter() {
            let found = found.hex(algorithm);
            if found.as_deref() != Some(promised) {
                return Err(Mismatch {
                    algorithm,
                    promised: promised.to_owned(),
                    found: found.unwrap_or_else(|| "not computed".to_owned()),
                });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> =
            self.iter().map(|(algorithm, hex)| format!("{}={hex}", algorithm.name())).collect();
        f.write_str(&all.join(" "))
    }
}

/// A digest that is not the promised one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Of which algorithm.
    pub algorithm: Algorithm,
    /// What the source said.
    pub promised: String,
    /// What the file has.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, should be {}", self.algorithm.name(), self.found, self.promised)
    }
}

impl std::error::Error for Mismatch {}

/// Digests of one stream of bytes, computed while it passes: always SHA-256 (the store's key), and whatever else
/// was promised.
#[derive(Clone)]
pub struct Hasher {
    sha256: Context,
    md5: Option<md5::Md5>,
    sha384: Option<Context>,
    sha512: Option<Context>,
}

impl Hasher {
    /// A hasher for all that `promised` names.
    pub fn for_promises(promised: &Hashes) -> Self {
        let wants = |algorithm| promised.get(algorithm).is_some();
        Self {
            sha256: Context::new(&SHA256),
            md5: wants(Algorithm::Md5).then(md5::Md5::new),
            sha384: wants(Algorithm::Sha384).then(|| Context::new(&SHA384)),
            sha512: wants(Algorithm::Sha512).then(|| Context::new(&SHA512)),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.md5.iter_mut().for_each(|h| h.update(bytes));
        self.sha384.iter_mut().for_each(|h| h.update(bytes));
        self.sha512.iter_mut().for_each(|h| h.update(bytes));
    }

    /// The digests of all that came.
    pub fn finish(self) -> Digests {
        let mut digests = BTreeMap::from([(Algorithm::Sha256, hex(self.sha256.finish().as_ref()))]);
        digests.extend(self.md5.map(|h| (Algorithm::Md5, hex(&h.finalize()))));
        digests.extend(self.sha384.map(|h| (Algorithm::Sha384, hex(h.finish().as_ref()))));
        digests.extend(self.sha512.map(|h| (Algorithm::Sha512, hex(h.finish().as_ref()))));
        Digests(digests)
    }
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests(BTreeMap<Algorithm, String>);

impl Digests {
    fn hex(&self, algorithm: Algorithm) -> Option<String> {
        self.0.get(&algorithm).cloned()
    }

    /// The MD5 in hex, where it was wanted.
    pub fn md5(&self) -> Option<&str> {
        self.0.get(&Algorithm::Md5).map(String::as_str)
    }

    /// The SHA-256 in hex: the file's name in the store.
    pub fn sha256(&self) -> &str {
        &self.0[&Algorithm::Sha256]
    }
}

/// SHA-256 of bytes in memory, in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC_SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    fn promises(pairs: &[(&str, &str)]) -> Hashes {
        let mut hashes = Hashes::default();
        for (algorithm, hex) in pairs {
            assert!(hashes.insert(algorithm, hex));
        }
        hashes
    }

    fn digests(promised: &Hashes) -> Digests {
        let mut hasher = Hasher::for_promises(promised);
        hasher.update(b"a");
        hasher.update(b"bc");
        hasher.finish()
    }

    #[test]
    fn every_promise_must_hold() {
        let good = promises(&[("md5", ABC_MD5), ("sha256", &ABC_SHA256.to_uppercase())]);
        assert_eq!(good.check(&digests(&good)), Ok(()));
        let bad = promises(&[("md5", ABC_MD5), ("sha256", &ABC_SHA256.replace('b', "c"))]);
        assert_eq!(bad.check(&digests(&bad)).unwrap_err().algorithm, Algorithm::Sha256);
        let bad = promises(&[("md5", &ABC_MD5.replace('9', "8")), ("sha256", ABC_SHA256)]);
        assert_eq!(bad.check(&digests(&bad)).unwrap_err().algorithm, Algorithm::Md5);
    }

    #[test]
    fn what_is_no_digest_does_not_get_in() {
        let mut hashes = Hashes::default();
        for (algorithm, hex) in [("crc32", "00000000"), ("sha256", "abc"), ("md5", &"g".repeat(32)[..])] {
            assert!(!hashes.insert(algorithm, hex));
        }
        assert!(hashes.is_empty());
    }
}
