//! The core metadata of a file, by the cheapest way there is: remembered, as a file of its own (PEP 658), from inside
//! the wheel by range requests, or by fetching the whole file.

use std::path::Path;

use url::Url;

use super::Catalogue;
use crate::error::Error;
use crate::net::{Answer, Get, show_url};
use crate::package::archive::limits::Limits;
use crate::package::filename::Format;
use crate::package::metadata::Metadata;
use crate::package::{pipper, unpack};
use crate::source::file::{File, Location};
use crate::source::remote_file::RemoteFile;
use crate::trust::hashes::{Hasher, Hashes};
use crate::update::fetch::Lost;
use crate::update::resolve::Unavailable;

/// The largest metadata of a distribution, in bytes.
const METADATA_CAP: u64 = 8 << 20;

/// An archive of at most so many bytes is fetched as a whole at once: its parts would cost as much time.
const SMALL_ARCHIVE: u64 = 128 << 10;

/// The largest archive that is fetched only to read its metadata, in bytes.
const ARCHIVE_CAP: u64 = 512 << 20;

impl Catalogue<'_> {
    pub(super) fn read_metadata(&self, file: &File) -> Result<Metadata, Unavailable> {
        if let Some(built) = self.builder.and_then(|builder| builder.known(file)) {
            return Ok(Metadata::clone(&built.metadata));
        }
        let key = file.metadata_key();
        if let Some(bytes) = key.as_ref().and_then(|key| self.depot.pages.fact(key)) {
            return parse(&bytes, file);
        }
        let bytes = self.metadata_bytes(file)?;
        let metadata = parse(&bytes, file)?;
        if let Some(key) = key {
            self.depot.pages.remember(&key, &bytes);
        }
        Ok(metadata)
    }

    fn metadata_bytes(&self, file: &File) -> Result<Vec<u8>, Unavailable> {
        let limits = Limits::default();
        match &file.location {
            Location::Path(path) => {
                let bytes =
                    unpack::metadata_of(path, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
                let requires =
                    unpack::requires_of(path, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
                Ok(with_requires(bytes, requires))
            }
            Location::Checkout(_) => Err(Unavailable::NeedsBuild),
            Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => {
                if let Some(promised) = &file.metadata
                    && let Some(bytes) = self.separate_metadata(url, promised)?
                {
                    return Ok(bytes);
                }
                if file.size.is_some_and(|size| size <= SMALL_ARCHIVE) {
                    return self.metadata_of_whole(file);
                }
                if matches!(file.name.format, Format::Wheel { .. })
                    && let Ok(remote) = RemoteFile::open(self.depot.net, url, self.depot.deadline)
                    && let Ok(bytes) = unpack::wheel_metadata_in(remote, &file.name, &limits)
                {
                    return Ok(bytes);
                }
                if file.name.format == Format::Pipper
                    && let Ok(remote) = RemoteFile::open(self.depot.net, url, self.depot.deadline)
                    && let Ok((bytes, meta)) = unpack::pipper_metadata_in(remote, &file.name, &limits)
                {
                    return Ok(with_requires(bytes, Some(meta)));
                }
                self.metadata_of_whole(file)
            }
        }
    }

    /// PEP 658: the metadata as a file of its own beside the distribution; `None` where there is none after all.
    fn separate_metadata(&self, url: &Url, promised: &Hashes) -> Result<Option<Vec<u8>>, Unavailable> {
        let mut url = url.clone();
        url.set_path(&format!("{}.metadata", url.path()));
        let get = Get { url: &url, accept: "*/*", validators: None, range: None, cap: METADATA_CAP };
        match self.depot.net.get(&get, self.depot.deadline) {
            Ok(Answer::Body(body)) => {
                let mut hasher = Hasher::for_promises(promised);
                hasher.update(&body.bytes);
                match promised.check(&hasher.finish()) {
                    Ok(()) => Ok(Some(body.bytes)),
                    Err(mismatch) => Err(Unavailable::File(format!("{}: {mismatch}", show_url(&url)))),
                }
            }
            Ok(_) => Ok(None),
            Err(error) => Err(self.network_trouble(error)),
        }
    }

    /// The whole file. It is kept: most likely it is the one that is chosen.
    fn metadata_of_whole(&self, file: &File) -> Result<Vec<u8>, Unavailable> {
        let limits = Limits::default();
        let look = |archive: &Path| {
            let bytes =
                unpack::metadata_of(archive, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
            let requires =
                unpack::requires_of(archive, &file.name, &limits).map_err(|refusal| broken(&refusal))?;
            Ok(with_requires(bytes, requires))
        };
        match self.depot.look(file, ARCHIVE_CAP, look) {
            Ok(metadata) => metadata,
            Err(error) if error.is_the_files_fault() => {
                let reason = error.to_string();
                if let Ok(mut lost) = self.lost.lock() {
                    lost.push(Lost::bad(file, error));
                }
                Err(Unavailable::File(reason))
            }
            Err(Error::Net(error)) => Err(self.network_trouble(error)),
            Err(error) => {
                let reason = error.to_string();
                self.remember(error);
                Err(Unavailable::Source(reason))
            }
        }
    }
}

fn parse(bytes: &[u8], file: &File) -> Result<Metadata, Unavailable> {
    let failed = |error: &dyn std::fmt::Display| Unavailable::File(format!("{}: {error}", file.filename));
    let (text, requires) = split_requires(bytes);
    match file.name.format {
        Format::Wheel { .. } => Metadata::parse(text).map_err(|error| failed(&error)),
        Format::Pipper => {
            pipper::metadata(text, requires.unwrap_or_default(), &file.name).map_err(|error| failed(&error))
        }
        Format::Egg { .. } => Metadata::parse_egg(text, requires).map_err(|error| failed(&error)),
        Format::Sdist => {
            let metadata = Metadata::parse(text).map_err(|error| failed(&error))?;
            if metadata.trusted_unbuilt() {
                return Ok(metadata);
            }
            // What is older than Metadata 2.2 says it as well as it can, in setuptools' own file where there is one.
            // What is newer and still leaves it open has to be built first.
            if metadata.metadata_version >= (2, 2) {
                return Err(Unavailable::NeedsBuild);
            }
            match requires {
                Some(_) => Metadata::parse_egg(text, requires).map_err(|error| failed(&error)),
                None => Ok(metadata),
            }
        }
    }
}

const REQUIRES: &[u8] = b"\n\0requires.txt\n";

/// Metadata and setuptools' `requires.txt` as one text that can be remembered.
fn with_requires(mut metadata: Vec<u8>, requires: Option<Vec<u8>>) -> Vec<u8> {
    if let Some(requires) = requires {
        metadata.extend_from_slice(REQUIRES);
        metadata.extend(requires);
    }
    metadata
}

fn split_requires(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.windows(REQUIRES.len()).position(|window| window == REQUIRES) {
        Some(at) => (&bytes[..at], Some(&bytes[at + REQUIRES.len()..])),
        None => (bytes, None),
    }
}

fn broken(refusal: &dyn std::fmt::Display) -> Unavailable {
    Unavailable::File(refusal.to_string())
}
