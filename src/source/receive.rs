//! The bytes of a file on offer, handed on while they come, and checked against all that was promised of them.

use super::file::{File, Location};
use super::s3::Check;
use crate::error::Error;
use crate::net::{Download, DownloadError, Fault, Net};
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
    let check = match &file.location {
        Location::Object { etag, .. } => Some((Check::of(etag), format!("\"{etag}\""))),
        _ => None,
    };
    let wanted = check.as_ref().map(|(check, _)| check.wanted(&file.hashes));
    let mut hasher = Hasher::for_promises(wanted.as_ref().unwrap_or(&file.hashes));
    let headers =
        check.as_ref().map(|(_, etag)| [("if-match", etag.as_str()), ("x-amz-checksum-mode", "ENABLED")]);
    let headers = headers.as_ref().map_or(&[][..], |headers| headers);
    let download = Download { url, cap: file.size.unwrap_or(cap), headers };
    let mut hash_and_pass = |bytes: &[u8]| {
        hasher.update(bytes);
        sink(bytes)
    };
    let received = net.download(&download, deadline, &mut hash_and_pass).map_err(|error| match error {
        DownloadError::Net(error) if check.is_some() && error.fault == Fault::Status(412) => {
            Error::Replaced { filename: file.filename.clone() }
        }
        DownloadError::Net(error) => Error::Net(error),
        DownloadError::Sink(error) => error,
    })?;
    if check.as_ref().is_some_and(|(check, _)| check.is_replaced(&received.headers)) {
        return Err(Error::Replaced { filename: file.filename.clone() });
    }
    if let Some(promised) = file.size.filter(|size| *size != received.length) {
        return Err(Error::Size { filename: file.filename.clone(), promised, found: received.length });
    }
    let digests = hasher.finish();
    let told = check.map_or(Ok(()), |(check, _)| check.verify(&received.headers, &digests));
    match told.and_then(|()| file.hashes.check(&digests)) {
        Ok(()) => Ok(digests),
        Err(mismatch) => Err(Error::Hash { filename: file.filename.clone(), mismatch }),
    }
}
