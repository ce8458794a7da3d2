//! `.pipper` files as pipper 0.7 and later make them: a ZIP archive that only stores, with `package.whl` and
//! `package.meta`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::Crc;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::pipper::Fault;
use crate::error::Error;
use crate::fs;
use crate::package::archive::identity::only_value;
use crate::package::archive::limits::Limits;
use crate::package::filename::{DistributionName, Format};
use crate::package::pipper::{EXTENSION, semver::SemVer};
use crate::package::unpack;
use crate::time::Timestamp;

/// What a project adds to `package.meta`: what it depends on.
pub(crate) const SETTINGS: &str = "pipper.json";

/// A `.pipper` that was written.
#[derive(Debug, Clone)]
pub(crate) struct PipperFile {
    /// Where it lies: `<name>-<safe version>.pipper`.
    pub(crate) path: PathBuf,
    /// The package's name, as its wheel's metadata write it.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: SemVer,
    /// `package.meta`
    pub(crate) meta: Map<String, Value>,
}

impl PipperFile {
    /// Puts a wheel and what the project's `pipper.json` says, where there is one, into a file in `directory`.
    ///
    /// # Errors
    /// When the wheel is none, its version has no counterpart in semantic versioning, or a file cannot be read or
    /// written.
    pub(crate) fn write(
        wheel: &Path,
        project: &Path,
        now: Timestamp,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let filename = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parsed = DistributionName::parse_wheel(&filename).map_err(Failure::NoDistribution)?;
        let refused = |refusal| Error::Archive { filename: filename.clone(), refusal };
        let metadata = unpack::metadata_of(wheel, &parsed, &Limits::default()).map_err(refused)?;
        let none = || Fault::Version { wheel: filename.clone(), version: parsed.version.to_string() };
        let version = SemVer::from_pep440(&parsed.version).ok_or_else(none)?;
        // As the project writes it: that is what pipper's users ask for.
        let metadata = String::from_utf8_lossy(&metadata);
        let name = only_value(&metadata, "name").unwrap_or(parsed.project.as_str()).to_owned();
        let mut meta = settings(project)?;
        for (key, value) in [
            ("name", name.clone()),
            ("wheel_name", filename.clone()),
            ("version", version.to_string()),
            ("safe_version", version.safe()),
            ("timestamp", now.to_string().replace('Z', "+00:00")),
        ] {
            meta.insert(key.to_owned(), value.into());
        }
        let path = directory.join(format!("{name}-{}{EXTENSION}", version.safe()));
        let text = Value::Object(meta.clone()).to_string();
        let beside = fs::sibling(&path, "tmp");
        let written =
            write_zip(&beside, wheel, text.as_bytes()).and_then(|()| Ok(fs::rename(&beside, &path)?));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written?;
        let file = Self { path, name, version, meta };
        // What a launcher would refuse is not handed on.
        let own = DistributionName { format: Format::Pipper, ..parsed };
        let refused = |refusal| Error::Archive { filename: SETTINGS.to_owned(), refusal };
        unpack::metadata_of(&file.path, &own, &Limits::default()).map_err(refused)?;
        Ok(file)
    }

    /// One that is there already.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let own = DistributionName::parse(&filename).map_err(Failure::NoDistribution)?;
        let refused = |refusal| Error::Archive { filename: filename.clone(), refusal };
        let meta = unpack::requires_of(path, &own, &Limits::default()).map_err(refused)?.unwrap_or_default();
        let Ok(Value::Object(meta)) = serde_json::from_slice(&meta) else {
            return Err(
                Fault::Settings { file: path.to_owned(), reason: "no package.meta".to_owned() }.into()
            );
        };
        let text = |key: &str| meta.get(key).and_then(Value::as_str).unwrap_or_default();
        let none = || Fault::Version { wheel: filename.clone(), version: own.version.to_string() };
        let version = SemVer::parse(text("version")).ok_or_else(none)?;
        Ok(Self { path: path.to_owned(), name: text("name").to_owned(), version, meta })
    }
}

/// The project's `pipper.json`, where there is one.
fn settings(project: &Path) -> Result<Map<String, Value>, Failure> {
    let file = project.join(SETTINGS);
    let Some(bytes) = fs::read_if_there(&file, fs::SMALL_FILE)? else { return Ok(Map::new()) };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(Fault::Settings { file, reason: "it is no JSON object".to_owned() }.into()),
        Err(error) => {
            let reason = format!("line {}: not valid JSON", error.line().max(1));
            Err(Fault::Settings { file, reason }.into())
        }
    }
}

/// A member that is only stored (APPNOTE 4.3.7 and 4.3.12).
struct Member {
    name: &'static str,
    crc: u32,
    length: u32,
    offset: u32,
}

impl Member {
    /// What its two headers share, from "version needed to extract" to "extra field length": no compression, the first
    /// moment that the format knows.
    fn fields(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        for half in [20_u16, 0, 0, 0, 0x21] {
            fields.extend(half.to_le_bytes());
        }
        for whole in [self.crc, self.length, self.length] {
            fields.extend(whole.to_le_bytes());
        }
        let name = u16::try_from(self.name.len()).unwrap_or_default();
        fields.extend(name.to_le_bytes());
        fields.extend([0; 2]);
        fields
    }

    fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04".as_slice(), &self.fields(), self.name.as_bytes()].concat()
    }

    fn central(&self) -> Vec<u8> {
        // A regular file of Unix that all may read.
        let attributes = 0o100_644_u32 << 16;
        let mut header = [b"PK\x01\x02".as_slice(), &[20, 3], &self.fields(), &[0; 6]].concat();
        header.extend(attributes.to_le_bytes());
        header.extend(self.offset.to_le_bytes());
        header.extend(self.name.as_bytes());
        header
    }
}

fn write_zip(place: &Path, wheel: &Path, meta: &[u8]) -> Result<(), Failure> {
    let too_large = || Failure::from(Fault::TooLarge(wheel.to_owned()));
    let mut crc = Crc::new();
    let mut length = 0;
    each_piece(wheel, &mut |bytes| {
        crc.update(bytes);
        length += bytes.len() as u64;
        Ok(())
    })?;
    let length = u32::try_from(length).map_err(|_| too_large())?;
    let first = Member { name: "package.whl", crc: crc.sum(), length, offset: 0 };
    let mut crc = Crc::new();
    crc.update(meta);
    let small = u32::try_from(meta.len()).map_err(|_| too_large())?;
    let head = first.local();
    let end = |start: u32, length: usize| {
        u32::try_from(length).ok().and_then(|length| start.checked_add(length)).ok_or_else(too_large)
    };
    let offset = end(length, head.len())?;
    let second = Member { name: "package.meta", crc: crc.sum(), length: small, offset };
    let tail = [second.local().as_slice(), meta].concat();
    let directory = [first.central(), second.central()].concat();
    let start = end(offset, tail.len())?;
    let size = end(0, directory.len())?;
    end(start, directory.len())?;
    let mut file = fs::create_new(place, 0o644)?;
    fs::write_all(&mut file, place, &head)?;
    each_piece(wheel, &mut |bytes| fs::write_all(&mut file, place, bytes))?;
    let mut last = [tail, directory, b"PK\x05\x06\0\0\0\0\x02\0\x02\0".to_vec()].concat();
    last.extend(size.to_le_bytes());
    last.extend(start.to_le_bytes());
    last.extend([0; 2]);
    Ok(fs::write_all(&mut file, place, &last)?)
}

fn each_piece(path: &Path, take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut file: File = fs::open(path)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer);
        match read.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })? {
            0 => return Ok(()),
            count => take(buffer.get(..count).unwrap_or_default())?,
        }
    }
}
