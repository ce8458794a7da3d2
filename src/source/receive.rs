//! The bytes of a file on offer, handed on while they come, and checked against all that was promised of them.

use super::file::File;
use crate::error::Error;
use crate::net::{Download, DownloadError, Net};
use crate::time::Deadline;
use crate::trust::hashes::{Digests, Hasher};

/// Fetches a file. At most as many bytes are taken as its source says it has, or `cap` where that says nothing.
///
/// # Errors
/// The network's, the sink's, or that the file is not what its source promises.
pub fn receive(
    file: &File,
    cap: u64,
    net: &Net,
    deadline: Deadline,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Digests, Error> {
    let Some(url) = file.location.url() else {
        return Err(Error::NotInStore { filename: file.filename.clone() });
    };
    let mut hasher = Hasher::for_promises(&file.hashes);
    let download = Download { url, cap: file.size.unwrap_or(cap), headers: &[] };
    let mut hash_and_pass = |bytes: &[u8]| {
        hasher.update(bytes);
        sink(bytes)
    };
    let received = net.download(&download, deadline, &mut hash_and_pass).map_err(|error| match error {
        DownloadError::Net(error) => Error::Net(error),
        DownloadError::Sink(error) => error,
    })?;
    if let Some(promised) = file.size.filter(|size| *size != received.length) {
        return Err(Error::Size { filename: file.filename.clone(), promised, found: received.length });
    }
    let digests = hasher.finish();
    match file.hashes.check(&digests) {
        Ok(()) => Ok(digests),
        Err(mismatch) => Err(Error::Hash { filename: file.filename.clone(), mismatch }),
    }
}
