//! An app in one file: what stands behind a launcher's executable, and how it is found there.
//!
//! ```text
//! the launcher's executable
//! the files, one after the other: launcher.toml, baked/…
//! the index, one line each: OFFSET SIZE SHA256 NAME; the executable itself is the line "launcher"
//! 64 bytes: offset and length of the index (little endian), its SHA-256, MAGIC
//! ```
//!
//! Nothing of it is believed before its digest was compared.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::config::FILE_NAME;
use crate::error::Error;
use crate::fs;
use crate::trust::hashes::{Hasher, Hashes, sha256_hex};

/// The line of the executable itself.
pub const LAUNCHER: &str = "launcher";

/// What a first run is installed from lies below this directory: beside a launcher, and in a bundle.
pub const BAKED: &str = "baked";

const MAGIC: &[u8; 16] = b"everfresh one\0\x01\n";
const TRAILER: u64 = 64;
/// The largest index, in bytes.
const LARGEST_INDEX: u64 = 1 << 20;

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, with `/` between its parts.
    pub name: String,
    /// Where it begins, in bytes from the bundle's beginning.
    pub offset: u64,
    /// Its length, in bytes.
    pub size: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// An executable with an app behind it.
#[derive(Debug)]
pub struct Bundle {
    file: File,
    path: PathBuf,
    members: Vec<Member>,
}

impl Bundle {
    /// The bundle that an executable is; `None` where nothing stands behind it.
    ///
    /// # Errors
    /// When it cannot be read, or what stands behind it is damaged.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        let damaged = |reason| Error::Bundle { path: path.to_owned(), reason };
        let file = fs::open(path)?;
        let length = fs::metadata(path)?.len();
        let mut bundle = Self { file, path: path.to_owned(), members: Vec::new() };
        let Some(trailer_at) = length.checked_sub(TRAILER) else { return Ok(None) };
        let trailer = bundle.read(trailer_at, TRAILER)?;
        if !trailer.ends_with(MAGIC) {
            // A copy that was cut short has lost its end.
            let head = bundle.read(0, TRAILER)?;
            let is_longer = end_of_executable(&head).is_some_and(|end| end < length);
            return if is_longer { Err(damaged("its end is missing")) } else { Ok(None) };
        }
        let (index_at, index_length) = (number(&trailer, 0, 8), number(&trailer, 8, 8));
        if index_length > LARGEST_INDEX || index_at.checked_add(index_length) != Some(trailer_at) {
            return Err(damaged("its index is not where it should be"));
        }
        let index = bundle.read(index_at, index_length)?;
        let digest = trailer.get(16..48).map(crate::trust::hashes::hex);
        if digest != Some(sha256_hex(&index)) {
            return Err(damaged("its index is not what was written"));
        }
        let text = String::from_utf8_lossy(&index);
        let members = text.lines().map(|line| member(line, index_at)).collect::<Option<Vec<_>>>();
        bundle.members = members.ok_or_else(|| damaged("its index cannot be meant"))?;
        Ok(Some(bundle))
    }

    /// The text of its `launcher.toml`.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn config(&self) -> Result<Vec<u8>, Error> {
        let member = self.members.iter().find(|member| member.name == FILE_NAME);
        let member = member.filter(|member| member.size <= fs::SMALL_FILE);
        let member = member.ok_or_else(|| self.damaged("it has no launcher.toml"))?;
        let text = self.read(member.offset, member.size)?;
        if sha256_hex(&text) != member.sha256 {
            return Err(self.damaged("its launcher.toml is not what was written"));
        }
        Ok(text)
    }

    /// Compares all of it with its digests, and lays what is baked into `directory`, which must be there; whether there
    /// is anything.
    ///
    /// # Errors
    /// When it is damaged, or the disk is in the way.
    pub fn unpack_baked(&self, directory: &Path) -> Result<bool, Error> {
        let mut any = false;
        for member in &self.members {
            let name = member.name.strip_prefix(BAKED).and_then(|rest| rest.strip_prefix('/'));
            let mut target = match name {
                Some(name) => {
                    any = true;
                    let path = directory.join(name);
                    Some((fs::create_new(&path, 0o600)?, path))
                }
                None => None,
            };
            let mut hasher = Hasher::for_promises(&Hashes::default());
            let mut done = 0;
            while done < member.size {
                let chunk = self.read(member.offset + done, (member.size - done).min(128 << 10))?;
                done += chunk.len() as u64;
                hasher.update(&chunk);
                if let Some((file, path)) = &mut target {
                    fs::write_all(file, path, &chunk)?;
                }
            }
            if hasher.finish().sha256() != member.sha256 {
                return Err(self.damaged("a file in it is not what was written"));
            }
        }
        Ok(any)
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes),
            Err(source) => Err(Error::Io { action: "read", path: self.path.clone(), source }),
        }
    }

    fn damaged(&self, reason: &'static str) -> Error {
        Error::Bundle { path: self.path.clone(), reason }
    }
}

/// A line of the index; `None` for what no bundle has: files behind its end, or names that lead elsewhere.
fn member(line: &str, end: u64) -> Option<Member> {
    let mut parts = line.splitn(4, ' ');
    let (offset, size) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (sha256, name) = (parts.next()?, parts.next()?);
    let is_inside = u64::checked_add(offset, size).is_some_and(|member_end| member_end <= end);
    let file = name.strip_prefix(BAKED).and_then(|rest| rest.strip_prefix('/'));
    let is_plain = file.is_none_or(|file| !file.contains(['/', '\0']) && !matches!(file, "" | "." | ".."));
    (is_inside && is_plain).then(|| Member { name: name.to_owned(), offset, size, sha256: sha256.to_owned() })
}

/// What stands behind the last file of a bundle: the index, which begins at `offset`, and the trailer.
pub fn encode_end(members: &[Member], offset: u64) -> Vec<u8> {
    let lines = members.iter().map(|Member { name, offset, size, sha256 }| {
        let mut line = [offset.to_string(), size.to_string(), sha256.clone(), name.clone()].join(" ");
        line.push('\n');
        line
    });
    let mut end = lines.collect::<String>().into_bytes();
    let length = end.len() as u64;
    let digest = ring::digest::digest(&ring::digest::SHA256, &end);
    end.extend(offset.to_le_bytes());
    end.extend(length.to_le_bytes());
    end.extend(digest.as_ref());
    end.extend(MAGIC);
    end
}

/// Where a 64-bit little-endian ELF file ends: linkers put the section headers last.
fn end_of_executable(head: &[u8]) -> Option<u64> {
    let table = head.starts_with(b"\x7fELF\x02\x01").then(|| number(head, 0x28, 8))?;
    let size = number(head, 0x3a, 2) * number(head, 0x3c, 2);
    table.checked_add(size).filter(|_| table > 0)
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let digits = bytes.get(at..at + length).unwrap_or_default();
    digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = b"#!/bin/sh\n".to_vec();
        let mut members = vec![];
        for (name, contents) in files {
            let offset = bytes.len() as u64;
            bytes.extend(*contents);
            let size = contents.len() as u64;
            members.push(Member { name: (*name).to_owned(), offset, size, sha256: sha256_hex(contents) });
        }
        let end = encode_end(&members, bytes.len() as u64);
        [bytes, end].concat()
    }

    /// Its configuration, and the names and contents of what is baked.
    type Contents = (String, Vec<(String, String)>);

    fn read(bytes: &[u8]) -> Result<Option<Contents>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app");
        std::fs::write(&path, bytes).unwrap();
        let told = |error: Error| error.to_string().replace(path.to_str().unwrap(), "[APP]");
        let Some(bundle) = Bundle::open(&path).map_err(told)? else { return Ok(None) };
        let baked = directory.path().join("baked");
        std::fs::create_dir(&baked).unwrap();
        let config = String::from_utf8(bundle.config().map_err(told)?).unwrap();
        bundle.unpack_baked(&baked).map_err(told)?;
        let files = fs::list(&baked).unwrap().into_iter().map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        });
        Ok(Some((config, files.collect())))
    }

    #[test]
    fn what_was_written_is_what_is_read() {
        let whole = bundle(&[(FILE_NAME, b"[app]\n"), ("baked/a b.whl", b"wheel")]);
        let expected = ("[app]\n".to_owned(), vec![("a b.whl".to_owned(), "wheel".to_owned())]);
        assert_eq!(read(&whole), Ok(Some(expected)));
        for plain in [&b"#!/bin/sh\n"[..], b"", &[b'x'; 64]] {
            assert_eq!(read(plain), Ok(None));
        }
    }

    #[test]
    fn no_byte_behind_the_executable_can_change_unseen() {
        let whole = bundle(&[(FILE_NAME, b"[app]\n"), ("baked/a.whl", b"wheel")]);
        for at in 10..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x41;
            let is_magic = at >= whole.len() - MAGIC.len();
            match read(&changed) {
                Ok(None) => assert!(is_magic, "{at}"),
                Ok(Some(_)) => panic!("{at} does not matter"),
                Err(reason) => assert!(reason.starts_with("[APP] is damaged: ") && !is_magic, "{reason}"),
            }
        }
    }

    #[test]
    fn names_that_lead_elsewhere_and_files_behind_the_end_are_refused() {
        for name in ["baked/", "baked/..", "baked/../x", "baked/a/b"] {
            let refused = Err("[APP] is damaged: its index cannot be meant".to_owned());
            assert_eq!(read(&bundle(&[(FILE_NAME, b""), (name, b"")])), refused, "{name}");
        }
        for line in ["0 11 00 x", "18446744073709551615 1 00 x", "0 1 00", "", "-1 1 00 x"] {
            assert_eq!(member(line, 10), None, "{line}");
        }
    }

    #[test]
    fn an_executable_that_was_cut_short_is_damaged_and_one_that_never_had_more_is_not() {
        let mut elf = vec![0; 200];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[0x28] = 100;
        (elf[0x3a], elf[0x3c]) = (50, 2);
        assert_eq!(read(&elf), Ok(None));
        elf.push(0);
        assert_eq!(read(&elf), Err("[APP] is damaged: its end is missing".to_owned()));
    }
}
