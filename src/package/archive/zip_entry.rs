//! One entry of a ZIP's central directory (APPNOTE 4.3.12), and the local header that must say the same (4.3.7).

use std::collections::HashSet;

use super::fields::Fields;
use super::limits::Limits;
use super::path::MemberPath;
use super::refusal::Refusal;

const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// Bytes of a local header before the name.
pub(super) const LOCAL_LENGTH: u64 = 30;

const DESCRIPTOR: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
/// Encryption of one member, strong encryption, encryption of the central directory.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// What may be set: how hard deflate tried, that a descriptor follows, that the name is UTF-8.
const FLAGS: u16 = 0b110 | DESCRIPTOR | UTF8;

const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;
/// The newest version of the format that Python's `zipfile` reads.
const NEWEST: u16 = 63;

const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const DOS_DIRECTORY: u32 = 1 << 4;

/// How a member's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// A member of a ZIP archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path.
    pub path: MemberPath,
    /// Whether it is a directory; else a regular file.
    pub directory: bool,
    /// Whether anybody may execute it.
    pub executable: bool,
    /// Its length, in bytes.
    pub size: u64,
    pub(super) packed: u64,
    pub(super) crc: u32,
    pub(super) method: Method,
    pub(super) offset: u64,
    /// Where the next member, or the central directory, begins.
    pub(super) end: u64,
    flags: u16,
}

impl Entry {
    /// Takes the next entry of the central directory.
    pub(super) fn read(directory: &mut Fields<'_>, limits: &Limits) -> Result<Self, Refusal> {
        let cut = || Refusal::Container("its central directory is cut short");
        let header = Header::read_central(directory).ok_or_else(cut)?;
        let name = header.name()?;
        let extras = header.extras(name)?;
        header.check(name)?;
        let [size, packed, offset] = resolve_zip64(extras.zip64, [header.size, header.packed, header.offset])
            .ok_or_else(|| Refusal::member(name, "its ZIP64 sizes contradict its header"))?;
        let (path, is_directory) = match name.strip_suffix('/') {
            Some(directory) => (MemberPath::parse(directory, limits)?, true),
            None => (MemberPath::parse(name, limits)?, false),
        };
        let mode = header.attributes >> 16;
        check_kind(name, mode, header.attributes, is_directory)?;
        let method = header.method(name)?;
        if is_directory && size != 0 || method == Method::Stored && size != packed {
            return Err(Refusal::member(name, "its sizes are impossible"));
        }
        limits.check_ratio(packed, size)?;
        Ok(Self {
            path,
            directory: is_directory,
            executable: mode & FILE_TYPE == REGULAR && mode & 0o111 != 0,
            size,
            packed,
            crc: header.crc,
            method,
            offset,
            end: offset,
            flags: header.flags,
        })
    }

    /// Its name as the archive has it.
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.path, if self.directory { "/" } else { "" })
    }

    /// A refusal of this member.
    pub(crate) fn refuse(&self, flaw: &'static str) -> Refusal {
        Refusal::member(self.path.as_str(), flaw)
    }

    /// Compares the local header's 30 bytes; returns the lengths of the name and the extra fields that follow.
    pub(super) fn check_local(&self, bytes: &[u8]) -> Result<Local, Refusal> {
        let local = Header::read_local(bytes).ok_or_else(|| self.refuse("its local header is missing"))?;
        let method_agrees = local.method(self.path.as_str()).is_ok_and(|method| method == self.method);
        if !method_agrees || local.flags != self.flags {
            return Err(self.refuse("its local header has another method or other flags"));
        }
        Ok(Local { size: local.size, packed: local.packed, crc: local.crc, lengths: local.lengths })
    }

    /// Compares the local header's name, extra fields, sizes and CRC.
    pub(super) fn check_local_rest(&self, local: &Local, name: &[u8], extra: &[u8]) -> Result<(), Refusal> {
        let own_name = self.name();
        if name != own_name.as_bytes() {
            return Err(self.refuse("its local header has another name"));
        }
        let extras = Extras::read(extra, &own_name)?;
        let sizes = match (extras.zip64, local.size == u32::MAX || local.packed == u32::MAX) {
            (Some(_), true) if local.size != local.packed => None,
            (zip64, _) => resolve_zip64(zip64, [local.size, local.packed]),
        };
        let [size, packed] =
            sizes.ok_or_else(|| self.refuse("its local ZIP64 sizes contradict its header"))?;
        let told = (size, packed, local.crc);
        let may_be_unknown = self.has_descriptor() && told == (0, 0, 0);
        if told != (self.size, self.packed, self.crc) && !may_be_unknown {
            return Err(self.refuse("its local header has other sizes or another CRC"));
        }
        Ok(())
    }

    /// Whether sizes and CRC are told again behind the data.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & DESCRIPTOR != 0
    }

    /// Judges the bytes between this member's data and what comes next.
    pub(super) fn check_descriptor(&self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.has_descriptor() && self.descriptor_agrees(bytes) == Some(true)
            || bytes.is_empty() && !self.has_descriptor()
        {
            return Ok(());
        }
        Err(self.refuse("its data are followed by something else than what its header promises"))
    }

    fn descriptor_agrees(&self, bytes: &[u8]) -> Option<bool> {
        let mut fields = match bytes.len() {
            12 | 20 => Fields(bytes),
            16 | 24 => Fields(bytes.strip_prefix(b"PK\x07\x08")?),
            _ => return None,
        };
        let crc = fields.u32()?;
        let (packed, size) = if fields.0.len() == 8 {
            (fields.u32()?.into(), fields.u32()?.into())
        } else {
            (fields.u64()?, fields.u64()?)
        };
        Some((crc, packed, size) == (self.crc, self.packed, self.size))
    }
}

/// What a local header says of the data and of what follows it.
#[derive(Debug)]
pub(super) struct Local {
    size: u32,
    packed: u32,
    crc: u32,
    /// Bytes of the name and of the extra fields.
    pub(super) lengths: [u16; 2],
}

/// The fields of a header, as far as they mean anything to us.
#[derive(Debug)]
struct Header<'a> {
    version: u16,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    lengths: [u16; 2],
    disk: u16,
    attributes: u32,
    offset: u32,
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> Header<'a> {
    /// What both kinds of headers have in common.
    fn read(fields: &mut Fields<'a>) -> Option<Self> {
        let (version, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let _time = fields.u32()?;
        Some(Self {
            version,
            flags,
            method,
            crc: fields.u32()?,
            packed: fields.u32()?,
            size: fields.u32()?,
            lengths: [fields.u16()?, fields.u16()?],
            disk: 0,
            attributes: 0,
            offset: 0,
            name: &[],
            extra: &[],
        })
    }

    fn read_local(bytes: &'a [u8]) -> Option<Self> {
        Self::read(&mut Fields(bytes.strip_prefix(LOCAL)?))
    }

    fn read_central(directory: &mut Fields<'a>) -> Option<Self> {
        let mut fields = Fields(directory.0.strip_prefix(CENTRAL)?);
        let _made_by = fields.u16()?;
        let mut header = Self::read(&mut fields)?;
        let comment = fields.u16()?;
        header.disk = fields.u16()?;
        let _internal_attributes = fields.u16()?;
        header.attributes = fields.u32()?;
        header.offset = fields.u32()?;
        header.name = fields.bytes(header.lengths[0].into())?;
        header.extra = fields.bytes(header.lengths[1].into())?;
        let _comment = fields.bytes(comment.into())?;
        *directory = fields;
        Some(header)
    }

    /// The name. Without the flag for UTF-8 it is in whatever alphabet its writer had: only ASCII is the same in all.
    fn name(&self) -> Result<&'a str, Refusal> {
        let refuse = |flaw| Err(Refusal::member(&String::from_utf8_lossy(self.name), flaw));
        match std::str::from_utf8(self.name) {
            Ok(name) if name.is_ascii() || self.flags & UTF8 != 0 => Ok(name),
            Ok(_) => refuse("its name is not ASCII and not marked as UTF-8"),
            Err(_) => refuse("its name is not UTF-8"),
        }
    }

    fn extras(&self, name: &str) -> Result<Extras<'a>, Refusal> {
        Extras::read(self.extra, name)
    }

    fn check(&self, name: &str) -> Result<(), Refusal> {
        let flaw = if self.flags & ENCRYPTED != 0 {
            "it is encrypted"
        } else if self.flags & !FLAGS != 0 {
            "it has flags that we do not know"
        } else if self.version & 0xff > NEWEST {
            "it needs a newer reader"
        } else if self.disk != 0 {
            "it is in another volume"
        } else {
            return Ok(());
        };
        Err(Refusal::member(name, flaw))
    }

    fn method(&self, name: &str) -> Result<Method, Refusal> {
        match self.method {
            0 => Ok(Method::Stored),
            8 => Ok(Method::Deflated),
            _ => Err(Refusal::member(name, "it is compressed by an unsupported method")),
        }
    }
}

/// Only regular files and directories, and all signs must agree which of them it is.
fn check_kind(name: &str, mode: u32, attributes: u32, directory: bool) -> Result<(), Refusal> {
    let agrees = match mode & FILE_TYPE {
        0 => directory || attributes & DOS_DIRECTORY == 0,
        REGULAR => !directory && attributes & DOS_DIRECTORY == 0,
        DIRECTORY => directory,
        _ => return Err(Refusal::member(name, "it is a link or a special file")),
    };
    if agrees { Ok(()) } else { Err(Refusal::member(name, "it is a file and a directory")) }
}

/// The extra fields that change what a header means (APPNOTE 4.5.3 and 4.6.9).
#[derive(Debug, Default)]
struct Extras<'a> {
    zip64: Option<&'a [u8]>,
}

impl<'a> Extras<'a> {
    fn read(bytes: &'a [u8], name: &str) -> Result<Self, Refusal> {
        let malformed = || Refusal::member(name, "its extra fields are malformed");
        let mut fields = Fields(bytes);
        let mut extras = Self::default();
        let mut seen = HashSet::new();
        while !fields.0.is_empty() {
            let id = fields.u16().ok_or_else(malformed)?;
            let length = fields.u16().ok_or_else(malformed)?;
            let data = fields.bytes(length.into()).ok_or_else(malformed)?;
            match id {
                ZIP64 | UNICODE_PATH if !seen.insert(id) => return Err(malformed()),
                ZIP64 => extras.zip64 = Some(data),
                UNICODE_PATH if !is_same_path(data, name) => {
                    return Err(Refusal::member(name, "an extra field gives it another name"));
                }
                _ => {}
            }
        }
        Ok(extras)
    }
}

/// Whether a Unicode path field (version, CRC of the header's name, name) says what the header says.
fn is_same_path(data: &[u8], name: &str) -> bool {
    let mut crc = flate2::Crc::new();
    crc.update(name.as_bytes());
    let mut fields = Fields(data);
    fields.bytes(1) == Some(&[1]) && fields.u32() == Some(crc.sum()) && fields.0 == name.as_bytes()
}

/// Replaces each value that says "see there" by the next one of the ZIP64 field, which holds those and nothing else.
fn resolve_zip64<const N: usize>(field: Option<&[u8]>, values: [u32; N]) -> Option<[u64; N]> {
    let mut fields = Fields(field.unwrap_or_default());
    let mut resolved = [0; N];
    for (value, place) in values.into_iter().zip(&mut resolved) {
        *place = if value == u32::MAX { fields.u64()? } else { value.into() };
    }
    fields.0.is_empty().then_some(resolved)
}
