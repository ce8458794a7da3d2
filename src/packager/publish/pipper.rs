//! `everfresh publish --pipper`: a package in pipper's layout, for those who still install with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::arguments::{Arguments, Opt};
use super::super::commands::JSON;
use super::super::failure::Failure;
use super::super::pipper::Fault;
use super::super::pipper::remote::{Remote, Way};
use super::super::pipper_file::PipperFile;
use super::super::question::utf8;
use super::super::scratch::{self, Scratch};
use super::settings::{ACL, DRY_RUN, FORCE};
use crate::config::scheme;
use crate::fs;
use crate::host::Host;
use crate::package::pipper::EXTENSION;
use crate::source::s3::{Condition, Put, Written};
use crate::source::s3_folder;
use crate::time::Deadline;

pub(super) const PIPPER: Opt =
    Opt::flag("pipper", "a .pipper for pipper itself, in DESTINATION/NAME/; nothing else");
pub(super) const SKIP_FAILS: Opt = Opt::flag("skip-fails", "with --pipper: what is there is an error");

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(3600);
/// The largest package, in bytes.
const LARGEST: u64 = 1 << 30;
/// The most user metadata that S3 takes, in bytes ("Working with object metadata" of the Amazon S3 user guide).
const MOST_METADATA: usize = 2048;

/// Where a package goes.
enum Place {
    Bucket(Box<Remote>),
    Directory(PathBuf),
}

/// Publishes these wheels, or `.pipper` files, to the destinations, else to the repository.
pub(super) fn publish(
    host: &Host,
    arguments: &Arguments,
    directory: &Path,
    files: &[PathBuf],
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let scratch = Scratch::under(&scratch::temporary(&host.env))?;
    let mut packages = Vec::new();
    for file in files {
        let is_one = file.as_os_str().as_encoded_bytes().ends_with(EXTENSION.as_bytes());
        packages.push(if is_one {
            PipperFile::read(file)?
        } else {
            PipperFile::write(file, directory, host.now(), scratch.path())?
        });
    }
    let mut reports = Vec::new();
    for mut place in places(host, arguments)? {
        for package in &packages {
            let (at, done) = place.put(package, arguments)?;
            if !done && arguments.has(SKIP_FAILS) {
                return Err(Fault::Published { at }.into());
            }
            let (name, version) = (&package.name, package.version.to_string());
            if arguments.has(JSON) {
                reports.push(json!({"name": name, "version": version, "at": at, "uploaded": done}));
                continue;
            }
            match done {
                false => writeln!(output, "[SKIPPED]: \"{name}\" version {version} is already published")?,
                true if arguments.has(DRY_RUN) => writeln!(output, "[DRY_RUN]: {at}")?,
                true => writeln!(output, "[PUBLISHED]: \"{name}\" version {version} -> {at}")?,
            }
        }
    }
    if arguments.has(JSON) {
        writeln!(output, "{}", json!({ "published": reports }))?;
    }
    Ok(())
}

fn places(host: &Host, arguments: &Arguments) -> Result<Vec<Place>, Failure> {
    let command = super::COMMAND.name;
    let way = || Way::of(host, arguments, command);
    if arguments.operands.is_empty() {
        return Ok(vec![Place::Bucket(Box::new(way()?.open()?))]);
    }
    let place = |text| {
        let text = utf8(command, text)?;
        if scheme(text).is_none() {
            return Ok(Place::Directory(fs::absolute(Path::new(text))?));
        }
        let (bucket, prefix) =
            s3_folder(text).map_err(|error| super::super::question::invalid(command, error))?;
        Ok(Place::Bucket(Box::new(way()?.to(bucket, prefix).open()?)))
    };
    arguments.operands.iter().map(|text| place(text)).collect()
}

impl Place {
    /// Where it is, and whether it was brought there: what is there stays, unless by force.
    fn put(&mut self, package: &PipperFile, arguments: &Arguments) -> Result<(String, bool), Failure> {
        let dry = arguments.has(DRY_RUN);
        match self {
            Self::Directory(root) => {
                let folder = root.join(&package.name);
                let path = folder.join(format!("{}{EXTENSION}", package.version.safe()));
                let shown = path.display().to_string();
                if fs::exists(&path) && !arguments.has(FORCE) {
                    return Ok((shown, false));
                }
                if !dry {
                    fs::create_dir_all_mode(&folder, 0o755)?;
                    fs::copy_atomic(&package.path, &path, 0o644)?;
                }
                Ok((shown, true))
            }
            Self::Bucket(remote) => {
                let key = remote.key(&package.name, &package.version);
                let shown = remote.shown(&format!("{}/{}{EXTENSION}", package.name, package.version.safe()));
                let done = upload(remote, &key, package, arguments, dry)?;
                Ok((shown, done))
            }
        }
    }
}

fn upload(
    remote: &mut Remote,
    key: &str,
    package: &PipperFile,
    arguments: &Arguments,
    dry: bool,
) -> Result<bool, Failure> {
    let (bucket, net) = remote.parts();
    let force = arguments.has(FORCE);
    if !force && bucket.look_up(key, net, Deadline::after(UPLOAD)).map_err(Fault::S3)?.is_some() {
        return Ok(false);
    }
    if dry {
        return Ok(true);
    }
    let metadata = metadata(package);
    let headers: Vec<(&str, &str)> = metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let acl = arguments.value(ACL).map(|acl| acl.to_string_lossy().into_owned());
    let put = Put {
        content_type: "application/zip",
        acl: acl.as_deref(),
        headers: &headers,
        condition: if force { Condition::Always } else { Condition::New },
        ..Put::default()
    };
    let bytes = fs::read(&package.path, LARGEST)?;
    let written = bucket.put_as(key, &bytes, &put, net, Deadline::after(UPLOAD)).map_err(Fault::S3)?;
    Ok(written == Written::Done)
}

/// What pipper reads of an object without fetching it. All of `package.meta` only where there is room for it.
fn metadata(package: &PipperFile) -> Vec<(&'static str, String)> {
    let text = |key: &str| ascii(package.meta.get(key).and_then(Value::as_str).unwrap_or_default());
    let mut metadata = vec![
        ("x-amz-meta-name", text("name")),
        ("x-amz-meta-version", text("version")),
        ("x-amz-meta-safe_version", text("safe_version")),
        ("x-amz-meta-timestamp", text("timestamp")),
        ("x-amz-meta-package", ascii(&Value::Object(package.meta.clone()).to_string())),
    ];
    let length: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > MOST_METADATA {
        metadata.pop();
    }
    metadata
}

/// As JSON can be written in a header.
fn ascii(text: &str) -> String {
    let mut units = [0; 2];
    text.chars().fold(String::new(), |mut all, c| {
        if c.is_ascii() {
            all.push(c);
        } else {
            all.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        all
    })
}
