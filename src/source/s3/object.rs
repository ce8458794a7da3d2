//! What a bucket's answer says of an object's contents, and whether they are that ("Checking object integrity" of the
//! Amazon S3 user guide).

use crate::net::{Headers, base64};
use crate::trust::hashes::{Algorithm, Digests, Hashes, Mismatch};

/// Checks an object that was listed with an `ETag`.
#[derive(Debug, Clone)]
pub struct Check<'a> {
    etag: &'a str,
    md5: Option<Hashes>,
}

impl<'a> Check<'a> {
    /// For the object with that `ETag`, quotes left out.
    pub fn of(etag: &'a str) -> Self {
        // One of an upload in parts ends in the number of parts.
        let mut hashes = Hashes::default();
        let md5 = hashes.insert(Algorithm::Md5.name(), etag).then_some(hashes);
        Self { etag, md5 }
    }

    /// What may have to be computed besides `promised`.
    pub fn wanted(&self, promised: &Hashes) -> Hashes {
        let mut wanted = promised.clone();
        for (algorithm, hex) in self.md5.iter().flat_map(Hashes::iter) {
            wanted.insert(algorithm.name(), hex);
        }
        wanted
    }

    /// Whether the answer is about another object than was listed.
    pub fn is_replaced(&self, headers: &Headers) -> bool {
        headers.get("etag").is_some_and(|etag| bare(etag) != self.etag)
    }

    /// Checks what came: against its SHA-256 where the service has one of the whole object, else against the `ETag`
    /// where that is an MD5: it is none of an upload in parts, nor where a key of one's own encrypts the object.
    ///
    /// # Errors
    /// What differs.
    pub fn verify(&self, headers: &Headers, found: &Digests) -> Result<(), Mismatch> {
        // A checksum of an upload in parts ends in their number, as the ETag does.
        let promised = headers.get("x-amz-checksum-sha256").filter(|text| !text.contains('-'));
        let composite = headers.get("x-amz-checksum-type").is_some_and(|kind| kind == "COMPOSITE");
        if let Some(promised) = promised.filter(|_| !composite) {
            let found = base64(&unhex(found.sha256()));
            let (algorithm, promised) = (Algorithm::Sha256, promised.to_owned());
            return if found == promised { Ok(()) } else { Err(Mismatch { algorithm, promised, found }) };
        }
        match &self.md5 {
            Some(md5) if !is_encrypted(headers) => md5.check(found),
            _ => Ok(()),
        }
    }
}

fn is_encrypted(headers: &Headers) -> bool {
    headers.get("x-amz-server-side-encryption").is_some_and(|kind| kind.starts_with("aws:kms"))
        || headers.get("x-amz-server-side-encryption-customer-algorithm").is_some()
}

/// An `ETag` without its quotes.
pub(super) fn bare(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or_default();
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| pair.iter().fold(0, |byte, &b| byte << 4 | digit(b))).collect()
}
