//! The end of a ZIP archive (APPNOTE 4.3.14 to 4.3.16): where its central directory is.

use std::io::{Read, Seek, SeekFrom};

use super::fields::Fields;
use super::refusal::Refusal;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: u64 = 22;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;
const END64: &[u8] = b"PK\x06\x06";
const END64_LENGTH: u64 = 56;
/// The longest comment's worth of bytes and all records that may stand before it.
const TAIL: u64 = END64_LENGTH + LOCATOR_LENGTH + END_LENGTH + u16::MAX as u64;

/// Where the central directory is: it ends where the records that tell so begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CentralDirectory {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) entries: u64,
}

/// The last bytes of an archive.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where they begin.
    start: u64,
    bytes: Vec<u8>,
}

impl Tail {
    /// Reads them, all at once.
    pub(super) fn read<R: Read + Seek>(reader: &mut R) -> Result<Self, Refusal> {
        let length = reader.seek(SeekFrom::End(0)).map_err(Refusal::Read)?;
        let start = length.saturating_sub(TAIL);
        reader.seek(SeekFrom::Start(start)).map_err(Refusal::Read)?;
        let mut bytes = Vec::new();
        reader.take(TAIL).read_to_end(&mut bytes).map_err(Refusal::Read)?;
        Ok(Self { start, bytes })
    }

    /// The `length` bytes at `offset`, where they are among these.
    pub(super) fn slice(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
    }

    /// Whether there is what pip, which asks Python's `zipfile.is_zipfile` first, takes for the end of a ZIP archive.
    pub(super) fn looks_like_zip(&self) -> bool {
        let mut places = self.bytes.windows(usize::try_from(END_LENGTH).unwrap_or(usize::MAX));
        places.any(|place| place.starts_with(END))
    }

    /// Finds the central directory. There must be one reading only: the end record ends the archive, the central
    /// directory ends where the end records begin, and ZIP64's values do not contradict the old ones.
    pub(super) fn central_directory(&self) -> Result<CentralDirectory, Refusal> {
        let at = self
            .bytes
            .windows(END.len())
            .rposition(|window| window == END)
            .ok_or(Refusal::Container("no ZIP archive: it has no end of central directory record"))?;
        let record = self.bytes.get(at..).unwrap_or_default();
        let end = End::read(record).ok_or(Refusal::Container("its end of central directory is cut short"))?;
        if u64::from(end.comment) + END_LENGTH != record.len() as u64 {
            return Err(Refusal::Container("bytes follow the end of central directory record"));
        }
        if end.disks != [0, 0] || end.entries_here != end.entries {
            return Err(Refusal::Container("it is a part of a multi-volume archive"));
        }
        let position = self.start + at as u64;
        let (found, ends) = match self.zip64(position, &end)? {
            Some(found) => (found, position - LOCATOR_LENGTH - END64_LENGTH),
            None => (end.directory(), position),
        };
        if found.offset.checked_add(found.length) != Some(ends) {
            return Err(Refusal::Container("its central directory is not where its end record says"));
        }
        Ok(found)
    }

    /// What ZIP64 says, where the archive has its records before the end record at `position`.
    fn zip64(&self, position: u64, end: &End) -> Result<Option<CentralDirectory>, Refusal> {
        let Some(locator) =
            position.checked_sub(LOCATOR_LENGTH).and_then(|at| self.slice(at, LOCATOR_LENGTH))
        else {
            return Ok(None);
        };
        let Some(locator) = locator.strip_prefix(LOCATOR) else { return Ok(None) };
        self.end64(position, locator)
            .filter(|found| end.agrees(found))
            .map(Some)
            .ok_or(Refusal::Container("its ZIP64 end records contradict it"))
    }

    fn end64(&self, position: u64, locator: &[u8]) -> Option<CentralDirectory> {
        let at = position.checked_sub(LOCATOR_LENGTH + END64_LENGTH)?;
        let mut locator = Fields(locator);
        let (disk, offset, disks) = (locator.u32()?, locator.u64()?, locator.u32()?);
        let mut record = Fields(self.slice(at, END64_LENGTH)?.strip_prefix(END64)?);
        let (rest, _versions) = (record.u64()?, record.u32()?);
        let (this_disk, directory_disk) = (record.u32()?, record.u32()?);
        let (entries_here, entries) = (record.u64()?, record.u64()?);
        let (length, offset_of_directory) = (record.u64()?, record.u64()?);
        let consistent = (disk, disks, this_disk, directory_disk) == (0, 1, 0, 0)
            && offset == at
            && rest == END64_LENGTH - 12
            && entries_here == entries;
        consistent.then_some(CentralDirectory { offset: offset_of_directory, length, entries })
    }
}

/// The fields of the end record.
#[derive(Debug)]
struct End {
    disks: [u16; 2],
    entries_here: u16,
    entries: u16,
    length: u32,
    offset: u32,
    comment: u16,
}

impl End {
    fn read(record: &[u8]) -> Option<Self> {
        let mut fields = Fields(record.strip_prefix(END)?);
        Some(Self {
            disks: [fields.u16()?, fields.u16()?],
            entries_here: fields.u16()?,
            entries: fields.u16()?,
            length: fields.u32()?,
            offset: fields.u32()?,
            comment: fields.u16()?,
        })
    }

    fn directory(&self) -> CentralDirectory {
        CentralDirectory {
            offset: self.offset.into(),
            length: self.length.into(),
            entries: self.entries.into(),
        }
    }

    /// Whether each value is ZIP64's or says "see there".
    fn agrees(&self, other: &CentralDirectory) -> bool {
        let own = self.directory();
        (self.entries == u16::MAX || own.entries == other.entries)
            && (self.length == u32::MAX || own.length == other.length)
            && (self.offset == u32::MAX || own.offset == other.offset)
    }
}
