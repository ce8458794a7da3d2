//! What an archive is read from. Behind one pointer, so that the readers exist once, whatever they read from.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that can be read from any place.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// A file, a part of one, a file at the other end of a network, bytes in memory.
pub type Input<'a> = Box<dyn ReadSeek + 'a>;

/// A part of something, as if it were all.
pub(super) struct Part<R> {
    inner: R,
    start: u64,
    length: u64,
    position: u64,
}

impl<R: Read + Seek> Part<R> {
    /// The `length` bytes from `start` on.
    pub(super) fn new(inner: R, start: u64, length: u64) -> Self {
        Self { inner, start, length, position: 0 }
    }
}

impl<R: Read + Seek> Read for Part<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        self.inner.seek(SeekFrom::Start(self.start.saturating_add(self.position)))?;
        let count = self.inner.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Part<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = place(to, self.position, self.length)?;
        Ok(self.position)
    }
}

/// Where a seek leads to in what has so many bytes, now at `position`.
pub(crate) fn place(to: SeekFrom, position: u64, length: u64) -> io::Result<u64> {
    let place = match to {
        SeekFrom::Start(place) => Some(place),
        SeekFrom::End(offset) => length.checked_add_signed(offset),
        SeekFrom::Current(offset) => position.checked_add_signed(offset),
    };
    place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the start"))
}
