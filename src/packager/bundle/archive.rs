//! A folder as a `.tar.gz` that is the same for the same contents: sorted, without owners, all of one moment (the
//! reproducible-builds project's `SOURCE_DATE_EPOCH`).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::Error;
use crate::fs;
use crate::host::Host;

const BLOCK: usize = 512;
/// The longest name that a header holds (POSIX.1-1988, `ustar`).
const LONGEST_NAME: usize = 100;

/// When all in an archive was changed, in seconds since 1970.
pub(super) fn moment(host: &Host) -> u64 {
    host.env.text("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Writes the folder and all in it, under its own name, to the file `to`.
///
/// # Errors
/// When the disk is in the way.
pub(super) fn write(folder: &Path, moment: u64, to: &Path) -> Result<(), Error> {
    fs::stream_atomic(to, 0o644, |file, temporary| {
        let gzip = GzEncoder::new(BufWriter::new(file), Compression::default());
        let mut archive = Archive { gzip, moment, path: temporary };
        let name = folder.file_name().unwrap_or_default().as_bytes().to_vec();
        archive.add(folder, &name)?;
        archive.finish()
    })
}

struct Archive<'f> {
    gzip: GzEncoder<BufWriter<&'f mut File>>,
    moment: u64,
    path: &'f Path,
}

/// What a header says beside its name.
struct Entry<'e> {
    kind: u8,
    mode: u32,
    size: u64,
    link: &'e [u8],
}

impl Archive<'_> {
    fn add(&mut self, path: &Path, name: &[u8]) -> Result<(), Error> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.is_symlink() {
            let link = fs::read_link(path)?;
            let link = link.as_os_str().as_bytes();
            return self.header(name, &Entry { kind: b'2', mode: 0o777, size: 0, link });
        }
        if metadata.is_dir() {
            let directory = [name, b"/"].concat();
            self.header(&directory, &Entry { kind: b'5', mode: 0o755, size: 0, link: b"" })?;
            return fs::list(path)?.iter().try_for_each(|inner| {
                let inner_name = inner.file_name().unwrap_or_default().as_bytes();
                self.add(inner, &[&directory, inner_name].concat())
            });
        }
        let mode = if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        self.header(name, &Entry { kind: b'0', mode, size: metadata.len(), link: b"" })?;
        let mut file = fs::open(path)?;
        let copied = io::copy(&mut file, &mut self.gzip).map_err(|source| self.failed(source))?;
        self.pad(copied)
    }

    /// A header, and before it what is too long for one (GNU tar's `L` and `K`).
    fn header(&mut self, name: &[u8], entry: &Entry<'_>) -> Result<(), Error> {
        for (kind, text) in [(b'L', name), (b'K', entry.link)] {
            if text.len() > LONGEST_NAME {
                let long = [text, b"\0"].concat();
                let size = long.len() as u64;
                let head = header(b"././@LongLink", 0, &Entry { kind, mode: 0o644, size, link: b"" });
                self.write(&head)?;
                self.write(&long)?;
                self.pad(size)?;
            }
        }
        let head = header(name, self.moment, entry);
        self.write(&head)
    }

    fn pad(&mut self, written: u64) -> Result<(), Error> {
        let over = usize::try_from(written % BLOCK as u64).unwrap_or(0);
        let missing = (BLOCK - over) % BLOCK;
        self.write(&vec![0; missing])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.gzip.write_all(bytes).map_err(|source| self.failed(source))
    }

    fn finish(mut self) -> Result<(), Error> {
        self.write(&[0; 2 * BLOCK])?;
        let path = self.path.to_owned();
        let written = self.gzip.finish().and_then(|mut file| file.flush());
        written.map_err(|source| Error::Io { action: "write", path, source })
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io { action: "write", path: self.path.to_owned(), source }
    }
}

fn header(name: &[u8], moment: u64, entry: &Entry<'_>) -> Vec<u8> {
    let text = |bytes: &[u8], width: usize| {
        let mut field: Vec<u8> = bytes.iter().copied().take(width).collect();
        field.resize(width, 0);
        field
    };
    let octal = |number: u64, width: usize| format!("{number:0digits$o}\0", digits = width - 1).into_bytes();
    let head = |sum: &[u8]| {
        let mut block = [
            text(name, LONGEST_NAME),
            octal(entry.mode.into(), 8),
            octal(0, 8),
            octal(0, 8),
            octal(entry.size, 12),
            octal(moment, 12),
            sum.to_vec(),
            vec![entry.kind],
            text(entry.link, LONGEST_NAME),
            b"ustar\x0000".to_vec(),
        ]
        .concat();
        block.resize(BLOCK, 0);
        block
    };
    // The sum is one over the block with spaces in its own place.
    let sum: u64 = head(&[b' '; 8]).iter().map(|byte| u64::from(*byte)).sum();
    head(format!("{sum:06o}\0 ").as_bytes())
}
