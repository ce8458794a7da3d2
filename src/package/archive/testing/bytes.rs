//! Archives made byte by byte, right or wrong in any one place.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// A member of a ZIP archive; `local` and `central` overwrite bytes of its headers at these places.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) packed: Option<Vec<u8>>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) mode: u32,
    pub(crate) extra_local: Vec<u8>,
    pub(crate) extra_central: Vec<u8>,
    pub(crate) descriptor: Vec<u8>,
    pub(crate) local: Vec<(usize, Vec<u8>)>,
    pub(crate) central: Vec<(usize, Vec<u8>)>,
}

pub(crate) fn file(name: &str, data: &[u8]) -> Member {
    Member {
        name: name.into(),
        data: data.to_vec(),
        packed: None,
        method: 8,
        flags: if name.is_ascii() { 0 } else { 1 << 11 },
        mode: if name.ends_with('/') { 0o040_755 } else { 0o100_644 },
        extra_local: Vec::new(),
        extra_central: Vec::new(),
        descriptor: Vec::new(),
        local: Vec::new(),
        central: Vec::new(),
    }
}

impl Member {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn stored(self) -> Self {
        self.with(|member| member.method = 0)
    }

    pub(crate) fn packed_data(&self) -> Vec<u8> {
        match (&self.packed, self.method) {
            (Some(packed), _) => packed.clone(),
            (None, 8) => deflate(&self.data),
            (None, _) => self.data.clone(),
        }
    }

    /// What both headers say of the member, from the flags to the lengths.
    fn common(&self, extra: usize) -> Vec<u8> {
        let packed = self.packed_data();
        let mut bytes = Vec::new();
        bytes.extend(20_u16.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(crc(&self.data).to_le_bytes());
        bytes.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(self.data.len()).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(extra).unwrap().to_le_bytes());
        bytes
    }

    pub(crate) fn local_bytes(&self) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(self.common(self.extra_local.len()));
        bytes.extend(&self.name);
        bytes.extend(&self.extra_local);
        overwrite(&mut bytes, &self.local);
        bytes.extend(self.packed_data());
        bytes.extend(&self.descriptor);
        bytes
    }

    pub(crate) fn central_bytes(&self, offset: usize) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02\x14\x03".to_vec();
        bytes.extend(self.common(self.extra_central.len()));
        bytes.extend([0; 6]);
        bytes.extend((self.mode << 16).to_le_bytes());
        bytes.extend(u32::try_from(offset).unwrap().to_le_bytes());
        bytes.extend(&self.name);
        bytes.extend(&self.extra_central);
        overwrite(&mut bytes, &self.central);
        bytes
    }
}

fn overwrite(bytes: &mut [u8], patches: &[(usize, Vec<u8>)]) {
    for (at, patch) in patches {
        bytes[*at..at + patch.len()].copy_from_slice(patch);
    }
}

pub(crate) fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The end of central directory record.
pub(crate) fn end(entries: usize, length: usize, offset: usize, comment: &[u8]) -> Vec<u8> {
    let entries = u16::try_from(entries).unwrap().to_le_bytes();
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend(entries);
    bytes.extend(entries);
    bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(offset).unwrap().to_le_bytes());
    bytes.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend(comment);
    bytes
}

/// Members and central directory, with what an end record has to say of them: entries, length, offset.
pub(crate) fn body(members: &[Member]) -> (Vec<u8>, usize, usize, usize) {
    let mut bytes = Vec::new();
    let mut central = Vec::new();
    for member in members {
        central.extend(member.central_bytes(bytes.len()));
        bytes.extend(member.local_bytes());
    }
    let offset = bytes.len();
    bytes.extend(&central);
    (bytes, members.len(), central.len(), offset)
}

/// A whole ZIP archive.
pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, entries, length, offset) = body(members);
    bytes.extend(end(entries, length, offset, b""));
    bytes
}

/// One header of a tar archive with its contents.
pub(crate) fn tar_member(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    tar_patched(name, kind, data, &[])
}

/// The same with bytes of the header overwritten, under a right checksum.
pub(crate) fn tar_patched(name: &str, kind: u8, data: &[u8], patches: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", data.len()).as_bytes());
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    overwrite(&mut header, patches);
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(data);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

/// A whole tar archive.
pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend([0; 1024]);
    bytes
}
