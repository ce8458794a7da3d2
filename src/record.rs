//! The launch record: one small file with all that a start needs, so that the warm path reads nothing else.
//!
//! It is a cache of a decision and never the truth: whatever is odd about it (missing, another version's, damaged,
//! too old, the configuration edited, interpreter or environment gone) means that the slow path decides anew.
//!
//! Layout: a line that names format and program version, a line with the SHA-256 of the rest, then fields that end
//! in NUL. Paths and arguments are bytes: they need not be UTF-8.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::fs;
use crate::host::Host;
use crate::launch::{Launch, Variable};
use crate::probation::Stage;
use crate::store::this_boot;
use crate::time::Timestamp;
use crate::trust::hashes::sha256_hex;

const HEADER: &str = concat!("everfresh launch record 2, written by ", env!("CARGO_PKG_VERSION"), "\n");

/// What tells a file from an edited or replaced one without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct FileStamp {
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl FileStamp {
    /// The stamp of a file that was looked at.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }

    /// When the file or directory was last changed.
    pub fn modified(path: &Path) -> Option<Timestamp> {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Timestamp(u64::try_from(metadata.mtime()).unwrap_or(0)))
    }

    /// The stamp of what `path` leads to; `None` where there is nothing.
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// A decision, ready to be carried out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `launcher.toml`, or the executable that it is part of, as it was when this was decided.
    pub config: FileStamp,
    /// The interpreter as it was.
    pub interpreter: FileStamp,
    /// The environment's completion record: its presence says whole, a shared lock on it says in use.
    pub completion: PathBuf,
    /// The boot of the machine without which the environment may not be whole; `None` when it is on the disk.
    pub boot: Option<Vec<u8>>,
    /// When the sources were last asked, or asking was last put off.
    pub decided: Timestamp,
    /// From when on a start has to ask again; `None`: never.
    pub next_check: Option<Timestamp>,
    /// The first argument that calls the launcher's own commands.
    pub self_word: Option<OsString>,
    /// What is to be said once, before this generation's first start: its predecessor's and its own description.
    pub news: Option<String>,
    /// Whether this generation is on probation: then the slow path looks at each start.
    pub on_probation: bool,
    /// What to start.
    pub launch: Launch,
}

/// A record that holds at this moment, with the environment's lock that must stay open while the app runs.
#[derive(Debug)]
pub struct Ready {
    /// What to start.
    pub launch: Launch,
    /// Kept open across exec.
    pub in_use: File,
    /// What is to be made of this start.
    pub stage: Stage,
}

/// Reads the record at `path` and says whether this start can go by it.
pub fn ready(path: &Path, config: &Path, host: &Host) -> Option<Ready> {
    let record = Record::decode(&fs::read(path, fs::SMALL_FILE).ok()?)?;
    let for_us = record.self_word.is_some() && host.args.first() == record.self_word.as_ref();
    let handed_back = host.env.get(crate::launch::IMPORT_ERROR).is_some();
    if for_us || handed_back || record.news.is_some() || record.on_probation || !record.is_fresh(host.now()) {
        return None;
    }
    // Where the configuration is part of the executable, that one's stamp stands for it.
    if FileStamp::at(config).or_else(|| FileStamp::at(&host.exe))? != record.config {
        return None;
    }
    record.hold()
}

impl Record {
    /// Whether no check is due. A record from the future was written by a clock that was wrong: it is not fresh.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.decided <= now && self.next_check.is_none_or(|next| now < next)
    }

    /// Takes hold of the environment for the app's lifetime; `None` when it or the interpreter is gone or changed.
    pub fn hold(self) -> Option<Ready> {
        if FileStamp::at(&self.launch.interpreter)? != self.interpreter {
            return None;
        }
        if self.boot.is_some() && self.boot != this_boot() {
            return None;
        }
        let in_use = fs::open(&self.completion).ok()?;
        match in_use.try_lock_shared() {
            // Somebody is removing this environment at this very moment.
            Err(std::fs::TryLockError::WouldBlock) => None,
            // A file system without locks is no reason not to start.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => {
                Some(Ready { launch: self.launch, in_use, stage: Stage::Plain })
            }
        }
    }

    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.stamp(self.config).stamp(self.interpreter);
        fields.bytes(self.completion.as_os_str().as_bytes()).number(self.decided.0);
        fields.optional(self.boot.clone());
        fields.optional(self.next_check.map(|next| next.0.to_string()));
        fields.optional(self.self_word.as_ref().map(|word| word.as_bytes().to_vec()));
        fields.optional(self.news.clone());
        fields.number(self.on_probation.into());
        fields.number(self.launch.generation).bytes(self.launch.interpreter.as_os_str().as_bytes());
        fields.number(self.launch.arguments.len() as u64);
        for argument in &self.launch.arguments {
            fields.bytes(argument.as_bytes());
        }
        for variable in &self.launch.variables {
            match variable {
                Variable::Set(name, value) => {
                    fields.bytes(b"set").bytes(name.as_bytes()).bytes(value.as_bytes())
                }
                Variable::Hide(name) => fields.bytes(b"hide").bytes(name.as_bytes()),
                Variable::Remove(name) => fields.bytes(b"remove").bytes(name.as_bytes()),
            };
        }
        let mut encoded = HEADER.as_bytes().to_vec();
        encoded.extend(sha256_hex(&fields.0).into_bytes());
        encoded.push(b'\n');
        encoded.extend(fields.0);
        encoded
    }

    /// Reads a record; `None` for anything that this very version did not write.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(HEADER.as_bytes())?;
        let (checksum, body) = rest.split_at_checked(64)?;
        let body = body.strip_prefix(b"\n")?;
        if sha256_hex(body).as_bytes() != checksum {
            return None;
        }
        let mut fields = body.strip_suffix(b"\0")?.split(|&byte| byte == 0);
        let config = take_stamp(&mut fields)?;
        let interpreter_stamp = take_stamp(&mut fields)?;
        let completion = PathBuf::from(os(fields.next()?));
        let decided = Timestamp(number(fields.next()?)?);
        let boot = optional(fields.next()?).map(<[u8]>::to_vec);
        let next_check = match optional(fields.next()?) {
            Some(next) => Some(Timestamp(number(next)?)),
            None => None,
        };
        let self_word = optional(fields.next()?).map(os);
        let news = optional(fields.next()?).map(|text| String::from_utf8_lossy(text).into_owned());
        let on_probation = number(fields.next()?)? != 0;
        let generation = number(fields.next()?)?;
        let interpreter = PathBuf::from(os(fields.next()?));
        let count = usize::try_from(number(fields.next()?)?).ok()?;
        let arguments: Vec<OsString> = fields.by_ref().take(count).map(os).collect();
        if arguments.len() != count {
            return None;
        }
        let mut variables = Vec::new();
        while let Some(kind) = fields.next() {
            let name = os(fields.next()?);
            variables.push(match kind {
                b"set" => Variable::Set(name, os(fields.next()?)),
                b"hide" => Variable::Hide(name),
                b"remove" => Variable::Remove(name),
                _ => return None,
            });
        }
        let launch = Launch { generation, interpreter, arguments, variables };
        Some(Self {
            config,
            interpreter: interpreter_stamp,
            completion,
            boot,
            decided,
            next_check,
            self_word,
            news,
            on_probation,
            launch,
        })
    }
}

/// Fields as they are written.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    /// Appends a field. What is written here can hold no NUL: paths, arguments and names never do.
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes.iter().filter(|&&byte| byte != 0));
        self.0.push(0);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(number.to_string().as_bytes())
    }

    fn stamp(&mut self, stamp: FileStamp) -> &mut Self {
        let FileStamp { inode, size, seconds, nanoseconds } = stamp;
        self.bytes(format!("{inode} {size} {seconds} {nanoseconds}").as_bytes())
    }

    fn optional(&mut self, value: Option<impl Into<Vec<u8>>>) -> &mut Self {
        let field = value.map_or_else(|| b"-".to_vec(), |value| [b"+".to_vec(), value.into()].concat());
        self.bytes(&field)
    }
}

fn os(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

fn number(bytes: &[u8]) -> Option<u64> {
    OsStr::from_bytes(bytes).to_str()?.parse().ok()
}

fn optional(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(b"+")
}

fn take_stamp<'f>(fields: &mut impl Iterator<Item = &'f [u8]>) -> Option<FileStamp> {
    let text = OsStr::from_bytes(fields.next()?).to_str()?;
    let mut numbers = text.split(' ');
    let inode = numbers.next()?.parse().ok()?;
    let size = numbers.next()?.parse().ok()?;
    let seconds = numbers.next()?.parse().ok()?;
    let nanoseconds = numbers.next()?.parse().ok()?;
    numbers.next().is_none().then_some(FileStamp { inode, size, seconds, nanoseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            config: FileStamp { inode: 7, size: 120, seconds: 1_795_232_127, nanoseconds: 5 },
            interpreter: FileStamp { inode: 9, size: 6_000_000, seconds: -1, nanoseconds: 0 },
            completion: OsString::from_vec(b"/home/j\xfcrgen/.cache/everfresh/envs/ab/complete".to_vec())
                .into(),
            boot: None,
            decided: Timestamp(1000),
            next_check: Some(Timestamp(2000)),
            self_word: Some("self".into()),
            news: None,
            on_probation: false,
            launch: Launch {
                generation: 3,
                interpreter: "/usr/bin/python3".into(),
                arguments: vec!["-S".into(), "-c".into(), "import sys\n".into(), "".into()],
                variables: vec![
                    Variable::Set("A".into(), "".into()),
                    Variable::Hide("PYTHONHOME".into()),
                    Variable::Remove("B".into()),
                ],
            },
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut other = record();
        other.boot = Some(b"0b7f\n".to_vec());
        other.next_check = None;
        other.self_word = None;
        other.on_probation = true;
        other.news = Some("myapp 1.0 → 1.1".into());
        other.launch.variables.clear();
        for record in [record(), other] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn a_record_with_any_byte_changed_or_missing_is_none() {
        let good = record().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(Record::decode(&bad), None, "byte {at} changed");
            assert_eq!(Record::decode(&good[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn a_record_is_fresh_from_its_decision_until_its_next_check() {
        let record = record();
        let fresh: Vec<bool> =
            [0, 999, 1000, 1999, 2000, 9999].map(|now| record.is_fresh(Timestamp(now))).into();
        assert_eq!(fresh, [false, false, true, true, false, false]);
        let never = Record { next_check: None, ..record };
        assert!(never.is_fresh(Timestamp(u64::MAX)));
    }
}
