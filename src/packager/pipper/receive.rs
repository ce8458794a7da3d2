//! Files fetched whole and sound, or not at all.

use std::path::Path;

use url::Url;

use super::fault::Fault;
use super::remote::{EXCHANGE, Way};
use crate::error::Error;
use crate::fs;
use crate::net::{Fault as NetFault, Net, NetError, show_url};
use crate::package::address::FileAddress;
use crate::package::archive::limits::Limits;
use crate::package::archive::refusal::Refusal;
use crate::package::filename::{DistributionName, Format};
use crate::package::pipper::Package;
use crate::package::unpack;
use crate::packager::failure::Failure;
use crate::packager::question::invalid;
use crate::source::file::{File, Location};
use crate::source::receive::receive;
use crate::source::s3::BucketName;
use crate::time::{Deadline, Timestamp};

/// How long one file may take.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(3600);
/// The largest file, in bytes, where nothing says how large it is.
const LARGEST: u64 = 4 << 30;

/// The file at an address.
pub(super) fn at(address: &FileAddress) -> File {
    let location = match address.url.to_file_path() {
        Ok(path) if address.url.scheme() == "file" => Location::Path(path),
        _ => Location::Direct(address.url.clone()),
    };
    File {
        filename: address.filename.clone(),
        name: address.name.clone(),
        location,
        hashes: address.hashes.clone(),
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
    }
}

/// An object of a bucket that is a distribution, signed for where the bucket is private.
///
/// # Errors
/// When there is none, or it is no distribution.
pub(super) fn object(way: &Way, bucket: &str, key: &str, command: &'static str) -> Result<File, Failure> {
    let name = bucket_name(bucket, command)?;
    let mut open = way.bucket(&name)?;
    if open.look_up(key, &way.net, Deadline::after(EXCHANGE)).map_err(Fault::S3)?.is_none() {
        let at = format!("s3://{bucket}/");
        return Err(Fault::NoPackage { wanted: key.to_owned(), at, there: Vec::new() }.into());
    }
    let url = open.url(key).map_err(Fault::S3)?;
    open.sign_below(&url, &way.net);
    let address = FileAddress::parse(url.as_str(), None).map_err(|error| invalid(command, error))?;
    Ok(File { location: Location::Url(url), ..at(&address) })
}

/// A bucket's name, as an operand has it.
///
/// # Errors
/// When no bucket can have it.
pub(super) fn bucket_name(text: &str, command: &'static str) -> Result<BucketName, Failure> {
    let wrong = || format!("no bucket can have the name '{}'", text.escape_debug());
    BucketName::parse(text).map_err(|_| invalid(command, wrong()).into())
}

/// Fetches a file to `place`; what is there already is replaced once the new one is whole and sound.
///
/// # Errors
/// When it cannot be had, or is not what it should be.
pub(super) fn fetch(file: &File, place: &Path, net: &Net, now: Timestamp) -> Result<(), Failure> {
    let beside = fs::sibling(place, "tmp");
    let fetched = fetch_to(file, &beside, net, now).and_then(|()| Ok(fs::rename(&beside, place)?));
    if fetched.is_err() {
        let _ = fs::remove_file(&beside);
    }
    fetched
}

fn fetch_to(file: &File, place: &Path, net: &Net, now: Timestamp) -> Result<(), Failure> {
    match &file.location {
        Location::Path(path) => fs::copy_atomic(path, place, 0o644)?,
        location => {
            let mut written = fs::create_new(place, 0o644)?;
            let mut sink = |bytes: &[u8]| fs::write_all(&mut written, place, bytes);
            let received = receive(file, LARGEST, net, Deadline::after(LONGEST), &mut sink);
            received.map_err(|error| match location.url() {
                Some(url) => of_authorized(url, error, now),
                None => error.into(),
            })?;
        }
    }
    let refused = |refusal| Error::Archive { filename: file.filename.clone(), refusal };
    Ok(check(place, &file.name).map_err(refused)?)
}

/// All of it is what its format says.
fn check(path: &Path, name: &DistributionName) -> Result<(), Refusal> {
    let limits = Limits::default();
    if name.format == Format::Pipper {
        Package::open(Box::new(fs::open(path)?), name, &limits)?.check()?;
    }
    unpack::metadata_of(path, name, &limits).map(drop)
}

/// What is wrong with an address that somebody sent: that nothing is there, or that its own signature is refused.
fn of_authorized(url: &Url, error: Error, now: Timestamp) -> Failure {
    let value = |wanted: &str| {
        url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    if matches!(&error, Error::Net(NetError { fault: NetFault::Status(404 | 410), .. })) {
        return Fault::Nothing { url: show_url(url) }.into();
    }
    let refused = matches!(&error, Error::Net(NetError { fault: NetFault::Status(400 | 401 | 403), .. }));
    if !refused || value("X-Amz-Signature").is_none() {
        return error.into();
    }
    let end = value("X-Amz-Date").and_then(|at| moment(&at)).zip(value("X-Amz-Expires"));
    let end = end.and_then(|(at, seconds)| Some(Timestamp(at.0.checked_add(seconds.parse().ok()?)?)));
    Fault::Refused { url: show_url(url), ended: end.filter(|end| *end <= now) }.into()
}

/// `20260131T120000Z`, as signatures have it.
fn moment(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to);
    let (date, time) = text.split_once('T')?;
    if date.len() != 8 || time.len() != 7 {
        return None;
    }
    Timestamp::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 16)?
    ))
}
