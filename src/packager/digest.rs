//! Digests of files on this machine.

use std::io::Read;
use std::path::Path;

use crate::error::Error;
use crate::fs;
use crate::trust::hashes::{Digests, Hasher, Hashes};

/// SHA-256 and MD5 of a file, read once and never held.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn of_file(path: &Path) -> Result<Digests, Error> {
    let mut file = fs::open(path)?;
    let mut wanted = Hashes::default();
    wanted.insert("md5", &"0".repeat(32));
    let mut hasher = Hasher::for_promises(&wanted);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer);
        match read.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}
