//! The ZIP reader. Each byte of an archive belongs to exactly one thing: members lie one behind the other from the
//! first byte on, then the central directory, then the end records. So nothing can be hidden before, between or
//! behind them, and no reader can find other members than we do.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::fields::Fields;
use super::input::{Input, Part};
use super::limits::Limits;
use super::path::PathSet;
use super::refusal::Refusal;
use super::zip_end::{CentralDirectory, Tail};
use super::zip_entry::{Entry, LOCAL_LENGTH, Method};

const CHUNK: usize = 64 << 10;
/// The longest data descriptor.
const LONGEST_DESCRIPTOR: u64 = 24;

/// Takes the bytes of a member, piece by piece.
pub type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Refusal>;

/// An open archive whose central directory is sound.
pub struct Zip<R> {
    reader: BufReader<R>,
    entries: Vec<Entry>,
    inflater: Decompress,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl<R: Read + Seek> Zip<R> {
    /// Reads the central directory: in one piece from the end where that is short enough, in two else. Nothing is
    /// read of the members, so a reader over a network has little to fetch.
    pub fn open(mut reader: R, limits: &Limits) -> Result<Self, Refusal> {
        let tail = Tail::read(&mut reader)?;
        let directory = tail.central_directory()?;
        Limits::at_most(directory.length, limits.directory, "bytes of central directory")?;
        limits.check_members(directory.entries)?;
        let mut fetched = Vec::new();
        let bytes = if let Some(bytes) = tail.slice(directory.offset, directory.length) {
            bytes
        } else {
            reader.seek(SeekFrom::Start(directory.offset)).map_err(Refusal::Read)?;
            reader.by_ref().take(directory.length).read_to_end(&mut fetched).map_err(Refusal::Read)?;
            &fetched
        };
        let entries = read_entries(bytes, &directory, limits)?;
        Ok(Self {
            reader: BufReader::with_capacity(CHUNK, reader),
            entries,
            inflater: Decompress::new(false),
            input: vec![0; CHUNK],
            output: vec![0; CHUNK],
        })
    }

    /// The members, in the order of their bytes.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Passes the member at `index` to `sink`, checking all that can be checked of it. What the sink has got before
    /// an error must not be used.
    pub fn copy(&mut self, index: usize, sink: Sink<'_>) -> Result<(), Refusal> {
        let Some(entry) = self.entries.get(index) else { return Ok(()) };
        let reader = &mut self.reader;
        let gap = go_to_data(reader, entry)?;
        let mut pump = Pump { entry, crc: Crc::new(), passed: 0, sink };
        match entry.method {
            Method::Stored => pump.store(reader, &mut self.input)?,
            Method::Deflated => {
                self.inflater.reset(false);
                pump.inflate(reader, &mut self.inflater, &mut self.input, &mut self.output)?;
            }
        }
        pump.finish()?;
        entry.check_descriptor(&take(reader, gap)?)
    }

    /// The member at `index` in memory; it must not have more than `most` bytes.
    pub fn read(&mut self, index: usize, most: u64) -> Result<Vec<u8>, Refusal> {
        let size = self.entries.get(index).map_or(0, |entry| entry.size);
        Limits::at_most(size, most, "bytes in a file that is read whole")?;
        let mut bytes = Vec::new();
        self.copy(index, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// The member at `index` as something that can be read from any place: where it is, when it is stored; else in
    /// memory, and then it must not have more than `most` bytes. Its CRC is [`Zip::copy`]'s to check.
    pub fn into_member<'a>(mut self, index: usize, most: u64) -> Result<Input<'a>, Refusal>
    where
        R: 'a,
    {
        match self.entries.get(index) {
            Some(entry) if entry.method == Method::Stored => {
                go_to_data(&mut self.reader, entry)?;
                let start = self.reader.stream_position().map_err(Refusal::Read)?;
                let length = entry.size;
                Ok(Box::new(Part::new(self.reader.into_inner(), start, length)))
            }
            _ => Ok(Box::new(Cursor::new(self.read(index, most)?))),
        }
    }
}

/// Goes to where the member's bytes begin, past a local header that agrees; returns what lies between their end and
/// the next member.
fn go_to_data<R: Read + Seek>(reader: &mut BufReader<R>, entry: &Entry) -> Result<u64, Refusal> {
    let here = reader.stream_position().map_err(Refusal::Read)?;
    let distance = i64::try_from(entry.offset).unwrap_or(i64::MAX).wrapping_sub_unsigned(here);
    reader.seek_relative(distance).map_err(Refusal::Read)?;
    let local = entry.check_local(&take(reader, LOCAL_LENGTH)?)?;
    let [name, extra] = local.lengths.map(u64::from);
    entry.check_local_rest(&local, &take(reader, name)?, &take(reader, extra)?)?;
    [LOCAL_LENGTH, name, extra, entry.packed]
        .into_iter()
        .try_fold(entry.end.saturating_sub(entry.offset), u64::checked_sub)
        .filter(|gap| *gap <= LONGEST_DESCRIPTOR)
        .ok_or_else(|| entry.refuse("it overlaps the next member, or something lies between them"))
}

fn take<R: Read>(reader: &mut R, length: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut bytes).map_err(Refusal::Read)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(Refusal::Container("it is cut short")) }
}

/// Reads all entries and sees that they share the archive's bytes without overlap.
fn read_entries(bytes: &[u8], directory: &CentralDirectory, limits: &Limits) -> Result<Vec<Entry>, Refusal> {
    let mut fields = Fields(bytes);
    let mut entries = Vec::new();
    let mut paths = PathSet::default();
    for _ in 0..directory.entries {
        let entry = Entry::read(&mut fields, limits)?;
        if entry.directory {
            paths.add_directory(&entry.path)?;
        } else {
            paths.add_file(&entry.path)?;
        }
        entries.push(entry);
    }
    if !fields.0.is_empty() {
        return Err(Refusal::Container("its central directory is longer than its members need"));
    }
    entries.sort_by_key(|entry| entry.offset);
    let total = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    limits.check_total(total)?;
    limits.check_ratio(directory.offset, total)?;
    if entries.first().map_or(directory.offset, |first| first.offset) != 0 {
        return Err(Refusal::Container("bytes precede its first member"));
    }
    let mut end = directory.offset;
    for entry in entries.iter_mut().rev() {
        let least = LOCAL_LENGTH.saturating_add(entry.packed).saturating_add(entry.name().len() as u64);
        if end.checked_sub(entry.offset).is_none_or(|room| room < least) {
            return Err(entry.refuse("it overlaps the next member"));
        }
        entry.end = end;
        end = entry.offset;
    }
    Ok(entries)
}

/// The way of one member's bytes: counted, summed, handed on.
struct Pump<'a, 'b> {
    entry: &'a Entry,
    crc: Crc,
    passed: u64,
    sink: Sink<'b>,
}

impl Pump<'_, '_> {
    fn pass(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.passed += bytes.len() as u64;
        if self.passed > self.entry.size {
            return Err(self.entry.refuse("it is longer than its header says"));
        }
        self.crc.update(bytes);
        (self.sink)(bytes)
    }

    fn store(&mut self, reader: &mut impl Read, input: &mut [u8]) -> Result<(), Refusal> {
        let mut left = self.entry.packed;
        while left > 0 {
            let chunk = next_chunk(reader, input, &mut left)?;
            self.pass(chunk)?;
        }
        Ok(())
    }

    fn inflate(
        &mut self,
        reader: &mut impl Read,
        inflater: &mut Decompress,
        input: &mut [u8],
        output: &mut [u8],
    ) -> Result<(), Refusal> {
        let mut left = self.entry.packed;
        let mut ended = false;
        while left > 0 {
            let mut chunk = next_chunk(reader, input, &mut left)?;
            loop {
                if ended && chunk.is_empty() {
                    break;
                }
                if ended {
                    return Err(self.entry.refuse("bytes follow its compressed data"));
                }
                let before = (inflater.total_in(), inflater.total_out());
                let status = inflater
                    .decompress(chunk, output, FlushDecompress::None)
                    .map_err(|_| self.entry.refuse("its compressed data are corrupt"))?;
                let consumed = usize::try_from(inflater.total_in() - before.0).unwrap_or(chunk.len());
                let produced = usize::try_from(inflater.total_out() - before.1).unwrap_or(output.len());
                self.pass(output.get(..produced).unwrap_or_default())?;
                chunk = chunk.get(consumed..).unwrap_or_default();
                ended = status == Status::StreamEnd;
                // Room left in the output means that all input is used up.
                if !ended && produced < output.len() {
                    break;
                }
            }
        }
        if ended { Ok(()) } else { Err(self.entry.refuse("its compressed data end too early")) }
    }

    fn finish(self) -> Result<(), Refusal> {
        if self.passed != self.entry.size {
            return Err(self.entry.refuse("it is shorter than its header says"));
        }
        if self.crc.sum() != self.entry.crc {
            return Err(self.entry.refuse("its CRC is wrong"));
        }
        Ok(())
    }
}

/// Fills as much of `buffer` as is left to read.
fn next_chunk<'a>(reader: &mut impl Read, buffer: &'a mut [u8], left: &mut u64) -> Result<&'a [u8], Refusal> {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    let chunk = buffer.get_mut(..length).unwrap_or_default();
    reader.read_exact(chunk).map_err(Refusal::Read)?;
    *left -= length as u64;
    Ok(chunk)
}
