//! Archives made of a description that a fuzzer can change without breaking every checksum.
//!
//! The first byte is the [`Kind`]. Members follow, parted by `0x1e`; their fields are parted by `0x1f`: name,
//! contents, options. The options are a letter for the method (`d`: deflated), one for the kind of member (tar's type
//! flag, or `x` and `l` in a ZIP archive), and bytes of its headers to overwrite, three for each: place (the lowest
//! bit of the first says which half of a tar header, or which of the two ZIP headers), and value. What every
//! distribution needs is added where it is missing.

use std::io::Write as _;

use everfresh::trust::hashes::sha256_hex;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: myapp\nVersion: 1.0\n";
const META: &[u8] =
    br#"{"name":"myapp","version":"1.0.0","safe_version":"v1-0-0","wheel_name":"myapp-1.0.0-py3-none-any.whl"}"#;
const WHEEL: &[u8] = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
const RECORD: &str = "myapp-1.0.dist-info/RECORD";

/// What is packed, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Wheel,
    Egg,
    Tar,
    TarGz,
    ZippedSdist,
    Pipper,
}

impl Kind {
    pub(super) fn filename(self) -> &'static str {
        match self {
            Self::Wheel => "myapp-1.0-py3-none-any.whl",
            Self::Pipper => "myapp-v1-0-0.pipper",
            Self::Egg => "myapp-1.0-py3.11.egg",
            Self::Tar | Self::TarGz | Self::ZippedSdist => "myapp-1.0.tar.gz",
        }
    }

    /// Files without which nothing is accepted.
    fn needed(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::Wheel | Self::Pipper => {
                &[("myapp-1.0.dist-info/METADATA", METADATA), ("myapp-1.0.dist-info/WHEEL", WHEEL)]
            }
            Self::Egg => &[("EGG-INFO/PKG-INFO", METADATA)],
            Self::Tar | Self::TarGz | Self::ZippedSdist => &[("myapp-1.0/PKG-INFO", METADATA)],
        }
    }
}

pub(super) struct Member {
    pub(super) name: String,
    pub(super) contents: Vec<u8>,
    deflated: bool,
    kind: u8,
    patches: Vec<(usize, usize, u8)>,
}

pub(super) struct Description {
    pub(super) kind: Kind,
    members: Vec<Member>,
}

impl Description {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (letter, rest) = bytes.split_first()?;
        let kind = match letter {
            b'w' => Kind::Wheel,
            b'e' => Kind::Egg,
            b't' => Kind::Tar,
            b'g' => Kind::TarGz,
            b'z' => Kind::ZippedSdist,
            b'p' => Kind::Pipper,
            _ => return None,
        };
        let mut members: Vec<Member> = rest.split(|byte| *byte == 0x1e).take(70).map(member).collect();
        for (name, contents) in kind.needed() {
            if !members.iter().any(|member| member.name == *name) {
                members.push(plain(name, contents.to_vec()));
            }
        }
        if matches!(kind, Kind::Wheel | Kind::Pipper) && !members.iter().any(|member| member.name == RECORD) {
            let lines = members.iter().filter(|member| !member.name.ends_with('/')).map(record_line);
            let record = lines.collect::<String>() + RECORD + ",,\n";
            members.push(plain(RECORD, record.into_bytes()));
        }
        Some(Self { kind, members })
    }

    pub(super) fn archive(&self) -> Vec<u8> {
        match self.kind {
            Kind::Wheel | Kind::Egg | Kind::ZippedSdist => zip(&self.members),
            Kind::Tar => tar(&self.members),
            Kind::Pipper => {
                zip(&[plain("package.whl", zip(&self.members)), plain("package.meta", META.to_vec())])
            }
            Kind::TarGz => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&tar(&self.members)).expect("memory");
                encoder.finish().expect("memory")
            }
        }
    }

    /// Files that have to be found under their own name, once the archive is accepted.
    pub(super) fn plain_files(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| {
            let moved = match self.kind {
                Kind::Wheel | Kind::Pipper => {
                    member.name.split('/').next().is_some_and(|first| first.ends_with(".data"))
                }
                Kind::Egg => member.name.starts_with("EGG-INFO"),
                Kind::Tar | Kind::TarGz | Kind::ZippedSdist => true,
            };
            !moved && member.patches.is_empty() && !member.name.ends_with('/')
        })
    }

    /// How many files there have to be, where all members are files as they should be.
    pub(super) fn files(&self) -> Option<u64> {
        let whole = matches!(self.kind, Kind::Wheel | Kind::Pipper | Kind::Egg)
            && self.members.iter().all(|member| member.patches.is_empty());
        whole.then(|| self.members.iter().filter(|member| !member.name.ends_with('/')).count() as u64)
    }
}

fn plain(name: &str, contents: Vec<u8>) -> Member {
    Member { name: name.to_owned(), contents, deflated: false, kind: b'0', patches: Vec::new() }
}

fn member(bytes: &[u8]) -> Member {
    let mut fields = bytes.splitn(3, |byte| *byte == 0x1f);
    let name = String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
    let contents = fields.next().unwrap_or_default().to_vec();
    let options = fields.next().unwrap_or_default();
    let patches = options.get(2..).unwrap_or_default().chunks_exact(3);
    Member {
        deflated: options.first() == Some(&b'd'),
        kind: *options.get(1).unwrap_or(&if name.ends_with('/') { b'5' } else { b'0' }),
        patches: patches.map(|patch| (usize::from(patch[0] & 1), usize::from(patch[1]), patch[2])).collect(),
        name,
        contents,
    }
}

fn record_line(member: &Member) -> String {
    let hex = sha256_hex(&member.contents);
    let digest: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect();
    let name = member.name.replace('"', "\"\"");
    format!("\"{name}\",sha256={},{}\n", base64(&digest), member.contents.len())
}

/// URL-safe and without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
        let letters = (0..=chunk.len()).map(|at| char::from(LETTERS[bits >> (18 - 6 * at) & 63]));
        text.extend(letters);
    }
    text
}

fn zip(members: &[Member]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let mut crc = flate2::Crc::new();
        crc.update(&member.contents);
        let packed = if member.deflated { deflate(&member.contents) } else { member.contents.clone() };
        let name = member.name.as_bytes();
        let common = [
            &20_u16.to_le_bytes()[..],
            &if member.name.is_ascii() { 0_u16 } else { 1 << 11 }.to_le_bytes(),
            &if member.deflated { 8_u16 } else { 0 }.to_le_bytes(),
            &[0; 4],
            &crc.sum().to_le_bytes(),
            &low32(packed.len()),
            &low32(member.contents.len()),
            &low16(name.len()),
            &[0; 2],
        ]
        .concat();
        let mode: u32 = match member.kind {
            b'5' => 0o040_755,
            b'x' => 0o100_755,
            b'l' => 0o120_777,
            _ => 0o100_644,
        };
        let offset = low32(archive.len());
        let mut central =
            [b"PK\x01\x02\x14\x03", &common[..], &[0; 6], &(mode << 16).to_le_bytes(), &offset, name]
                .concat();
        let mut local = [b"PK\x03\x04", &common[..], name].concat();
        overwrite(member, 0, &mut local);
        overwrite(member, 1, &mut central);
        archive.extend(local);
        archive.extend(packed);
        directory.extend(central);
    }
    let (offset, length, count) = (low32(archive.len()), low32(directory.len()), low16(members.len()));
    archive.extend(directory);
    archive.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &length, &offset, &[0; 2]].concat());
    archive
}

fn overwrite(member: &Member, half: usize, header: &mut [u8]) {
    for (_, at, value) in member.patches.iter().filter(|(which, ..)| *which == half) {
        if let Some(byte) = header.get_mut(*at) {
            *byte = *value;
        }
    }
}

fn low16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

fn low32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn tar(members: &[Member]) -> Vec<u8> {
    let mut archive = Vec::new();
    for member in members {
        let mut header = [0_u8; 512];
        let name = member.name.as_bytes();
        let length = name.len().min(100);
        header[..length].copy_from_slice(&name[..length]);
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", member.contents.len()).as_bytes());
        header[156] = member.kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let (low, high) = header.split_at_mut(256);
        overwrite(member, 0, low);
        overwrite(member, 1, high);
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(&member.contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive
}
