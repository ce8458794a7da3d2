//! What an interpreter says of itself: asked once, in a child, and not believed without a look.

pub mod download;
pub mod find;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::package::marker::MarkerEnvironment;

/// A script for any Python from 3.7 on, `-I -S` included, that prints one JSON object for
/// [`InterpreterFacts::parse`].
pub const PROBE: &str = include_str!("python/probe.py");

/// The longest answer that is read, in bytes; a real one has about 1500.
const LONGEST_ANSWER: usize = 64 << 10;

/// The longest text in it, in bytes: a path, or a kernel's build line.
const LONGEST_TEXT: usize = 4096;

/// The highest number in a version of Python, of a C library or of a system; tags count down from them.
const HIGHEST_NUMBER: u32 = 200;

/// The version of a Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PythonVersion {
    /// The `3` of `3.11.7`.
    pub major: u32,
    /// The `11` of `3.11.7`.
    pub minor: u32,
    /// The `7` of `3.11.7`.
    pub micro: u32,
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// A family of C libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LibcFamily {
    /// The GNU C library: `manylinux`.
    Glibc,
    /// musl: `musllinux`.
    Musl,
}

/// The C library that an interpreter runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Libc {
    /// Which one.
    pub family: LibcFamily,
    /// Its version's first number.
    pub major: u32,
    /// Its version's second number.
    pub minor: u32,
}

/// A version of macOS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Macos {
    /// Its version's first number.
    pub major: u32,
    /// Its version's second number.
    pub minor: u32,
    /// The processor: `arm64`, `x86_64`.
    pub arch: String,
}

/// What the head of an executable says (ELF, Linux).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Elf {
    /// 32 or 64.
    pub bits: u32,
    /// The order of bytes in a number.
    pub little_endian: bool,
    /// `e_machine`
    pub machine: u32,
    /// `e_flags`
    pub flags: u32,
}

/// What an interpreter says of itself. Only [`InterpreterFacts::parse`] makes one, so that its numbers are small,
/// its texts short, and its executable an absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Answer")]
pub struct InterpreterFacts {
    /// `sys.executable`
    pub executable: PathBuf,
    /// `sys.version_info`, without what comes behind the third number.
    pub version: PythonVersion,
    /// `sys.implementation.name`: `cpython`, `pypy`.
    pub implementation: String,
    /// `sys.implementation.cache_tag`: the middle of the names of compiled files, where it compiles any.
    pub cache_tag: Option<String>,
    /// What the names of extension modules end in.
    pub ext_suffix: Option<String>,
    /// The tag of the binary interface in those names.
    pub soabi: Option<String>,
    /// `sysconfig.get_platform()`: `linux-x86_64`.
    pub platform: String,
    /// The length of a pointer.
    pub pointer_bits: u32,
    /// Whether it was built for debugging.
    pub debug: bool,
    /// Whether it runs without the global lock (PEP 703).
    pub free_threaded: bool,
    /// Whether it was built with its own allocator, which was part of the binary interface before 3.8.
    pub pymalloc: bool,
    /// The C library, on Linux.
    pub libc: Option<Libc>,
    /// The head of its executable, on Linux.
    pub elf: Option<Elf>,
    /// The system's version, on macOS.
    pub macos: Option<Macos>,
    /// The values of markers.
    pub markers: MarkerEnvironment,
}

/// Why an answer of the probe is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidFacts {
    /// It is longer than any honest answer.
    TooLong,
    /// It is not the JSON object that the probe prints.
    NotFacts(String),
    /// The named value cannot be.
    Impossible(&'static str),
}

impl fmt::Display for InvalidFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the interpreter answered with more than {LONGEST_ANSWER} bytes"),
            Self::NotFacts(reason) => write!(f, "the interpreter did not say what it is: {reason}"),
            Self::Impossible(what) => write!(f, "the interpreter gave an impossible {what}"),
        }
    }
}

impl std::error::Error for InvalidFacts {}

impl InterpreterFacts {
    /// Reads the probe's answer. What an interpreter prints before it (a `.pth` file's greeting, a warning of a
    /// wrapper) is skipped: the last line counts.
    pub fn parse(answer: &[u8]) -> Result<Self, InvalidFacts> {
        if answer.len() > LONGEST_ANSWER {
            return Err(InvalidFacts::TooLong);
        }
        let last = answer.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let answer: Answer =
            serde_json::from_slice(last).map_err(|error| InvalidFacts::NotFacts(error.to_string()))?;
        Self::try_from(answer)
    }
}

/// The probe's answer, and the facts as they are kept: both are read with the same distrust.
#[derive(Deserialize)]
struct Answer {
    executable: PathBuf,
    version: Numbers,
    implementation: String,
    cache_tag: Option<String>,
    ext_suffix: Option<String>,
    soabi: Option<String>,
    platform: String,
    pointer_bits: u32,
    debug: bool,
    free_threaded: bool,
    pymalloc: bool,
    libc: Option<LibcAnswer>,
    elf: Option<Elf>,
    macos: Option<MacosAnswer>,
    markers: MarkerEnvironment,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    Probed([u32; 3]),
    Kept(PythonVersion),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LibcAnswer {
    Probed(LibcFamily, String),
    Kept(Libc),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MacosAnswer {
    Probed(String, String),
    Kept(Macos),
}

impl TryFrom<Answer> for InterpreterFacts {
    type Error = InvalidFacts;

    fn try_from(answer: Answer) -> Result<Self, InvalidFacts> {
        let version = match answer.version {
            Numbers::Probed([major, minor, micro]) => PythonVersion { major, minor, micro },
            Numbers::Kept(version) => version,
        };
        let libc = answer.libc.map(|libc| match libc {
            LibcAnswer::Probed(family, version) => {
                two_numbers(&version).map(|(major, minor)| Libc { family, major, minor })
            }
            LibcAnswer::Kept(libc) => Some(libc),
        });
        let macos = answer.macos.map(|macos| match macos {
            MacosAnswer::Probed(version, arch) => {
                two_numbers(&version).map(|(major, minor)| Macos { major, minor, arch })
            }
            MacosAnswer::Kept(macos) => Some(macos),
        });
        let facts = Self {
            executable: answer.executable,
            version,
            implementation: answer.implementation,
            cache_tag: answer.cache_tag,
            ext_suffix: answer.ext_suffix,
            soabi: answer.soabi,
            platform: answer.platform,
            pointer_bits: answer.pointer_bits,
            debug: answer.debug,
            free_threaded: answer.free_threaded,
            pymalloc: answer.pymalloc,
            // A C library or system whose version cannot be read only costs the tags that name it.
            libc: libc.flatten(),
            elf: answer.elf,
            macos: macos.flatten(),
            markers: answer.markers.normalized(),
        };
        match facts.impossible() {
            Some(what) => Err(InvalidFacts::Impossible(what)),
            None => Ok(facts),
        }
    }
}

impl InterpreterFacts {
    /// What among the facts cannot be.
    fn impossible(&self) -> Option<&'static str> {
        let PythonVersion { major, minor, .. } = self.version;
        let texts = [&self.implementation, &self.platform].into_iter();
        let mut texts = texts.chain([&self.cache_tag, &self.ext_suffix, &self.soabi].into_iter().flatten());
        let libc = self.libc.map_or((0, 0), |libc| (libc.major, libc.minor));
        let macos = self.macos.as_ref().map_or((0, 0), |macos| (macos.major, macos.minor));
        let small = |(major, minor): (u32, u32)| major <= HIGHEST_NUMBER && minor <= HIGHEST_NUMBER;
        let impossible = [
            (!self.executable.is_absolute(), "executable"),
            (major == 0 || !small((major, minor)), "version"),
            (texts.any(|text| !is_plain(text)), "name"),
            (!matches!(self.pointer_bits, 32 | 64), "pointer"),
            (!small(libc), "C library"),
            (!small(macos) || self.macos.as_ref().is_some_and(|macos| !is_plain(&macos.arch)), "system"),
            (self.markers.values().any(|value| value.len() > LONGEST_TEXT), "marker"),
        ];
        impossible.into_iter().find(|(impossible, _)| *impossible).map(|(_, what)| what)
    }
}

/// Names of platforms and interfaces end up in tags and in file names.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ' | '+'))
}

/// The first two numbers of a version; what comes behind them (`2.20-2014.11`) is a vendor's.
fn two_numbers(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests;
