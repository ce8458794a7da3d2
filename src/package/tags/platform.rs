//! Platforms: the last part of a compatibility tag.

use crate::package::marker::MarkerEnvironment;
use crate::python::{Elf, InterpreterFacts, Libc, LibcFamily, Macos};

/// A machine and its system, as far as they decide which compiled code runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux {
        /// The processor: `x86_64`.
        arch: String,
        /// The C library; `None` where none of the two with tags is known.
        libc: Option<Libc>,
    },
    /// macOS.
    Macos(Macos),
    /// Any other, as `sysconfig.get_platform()` names it, with `_` for `-` and `.`.
    Other(String),
}

/// The oldest C library that a tag can name: PEP 513 for the two Intel processors, PEP 599 for all others.
const OLDEST_GLIBC_INTEL: u32 = 5;
const OLDEST_GLIBC: u32 = 17;

/// If there is ever a glibc 3, this is the guess for the last 2.x, as `packaging` guesses it.
const LAST_GLIBC_2: u32 = 50;

impl Platform {
    /// The platform that an interpreter runs on.
    pub fn of(facts: &InterpreterFacts) -> Self {
        if facts.markers.platform_system == "Darwin"
            && let Some(macos) = &facts.macos
        {
            let mut macos = macos.clone();
            if facts.pointer_bits == 32 {
                let arch = if macos.arch.starts_with("ppc") { "ppc" } else { "i386" };
                arch.clone_into(&mut macos.arch);
            }
            return Self::Macos(macos);
        }
        let name = normalize(&facts.platform);
        match name.strip_prefix("linux_") {
            Some(arch) if facts.markers.platform_system == "Linux" => {
                let arch = match (arch, facts.pointer_bits) {
                    ("x86_64", 32) => "i686",
                    ("aarch64", 32) => "armv8l",
                    (arch, _) => arch,
                };
                let libc = facts.libc.filter(|libc| {
                    libc.family == LibcFamily::Musl || has_manylinux_interface(arch, facts.elf)
                });
                Self::Linux { arch: arch.to_owned(), libc }
            }
            _ => Self::Other(name),
        }
    }

    /// A platform by a name that people use: `linux-x86_64`, `x86_64-manylinux_2_17`, `x86_64-unknown-linux-musl`,
    /// `aarch64-apple-darwin`, `macos`, `windows`, or a tag such as `manylinux_2_28_aarch64`.
    pub fn named(name: &str) -> Option<Self> {
        let linux = |arch: &str, family, major, minor| {
            let known = !arch.is_empty() && arch.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let libc = Some(Libc { family, major, minor });
            known.then(|| Self::Linux { arch: arch.to_owned(), libc })
        };
        let macos = |major, arch: &str| Some(Self::Macos(Macos { major, minor: 0, arch: arch.to_owned() }));
        match name {
            "linux" => return linux("x86_64", LibcFamily::Glibc, 2, 28),
            "macos" | "aarch64-apple-darwin" | "macos-arm64" => return macos(13, "arm64"),
            "x86_64-apple-darwin" | "macos-x86_64" => return macos(13, "x86_64"),
            "windows" | "x86_64-pc-windows-msvc" | "win-amd64" | "win_amd64" => {
                return Some(Self::Other("win_amd64".into()));
            }
            "i686-pc-windows-msvc" | "win32" => return Some(Self::Other("win32".into())),
            "aarch64-pc-windows-msvc" | "win-arm64" | "win_arm64" => {
                return Some(Self::Other("win_arm64".into()));
            }
            _ => {}
        }
        if let Some(arch) = name.strip_prefix("linux-").or_else(|| name.strip_prefix("linux_")) {
            return linux(arch, LibcFamily::Glibc, 2, 28);
        }
        if let Some((arch, system)) = name.split_once('-') {
            let libc = match system {
                "unknown-linux-gnu" => Libc { family: LibcFamily::Glibc, major: 2, minor: 28 },
                "unknown-linux-musl" => Libc { family: LibcFamily::Musl, major: 1, minor: 2 },
                system => libc_tag(system)?,
            };
            return linux(arch, libc.family, libc.major, libc.minor);
        }
        if let Some(rest) = name.strip_prefix("macosx_") {
            let mut parts = rest.splitn(3, '_');
            let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let arch = parts.next()?.to_owned();
            return (major <= 200 && minor <= 200).then_some(Self::Macos(Macos { major, minor, arch }));
        }
        let (at, _) = name.match_indices('_').find(|(at, _)| {
            let (libc, arch) = (name.get(..*at), name.get(at + 1..));
            libc.and_then(libc_tag).is_some()
                && arch.is_some_and(|arch| !arch.starts_with(|c: char| c.is_ascii_digit()))
        })?;
        let libc = libc_tag(name.get(..at)?)?;
        linux(name.get(at + 1..)?, libc.family, libc.major, libc.minor)
    }

    /// The platform's tags, best first.
    pub fn tags(&self) -> Vec<String> {
        match self {
            Self::Linux { arch, libc } => linux_tags(arch, *libc),
            Self::Macos(macos) => macos_tags(macos),
            Self::Other(name) => vec![name.clone()],
        }
    }

    /// Puts what the platform decides into the values of markers: for resolving on another machine.
    pub fn describe(&self, markers: &mut MarkerEnvironment) {
        let (os, sys, system, machine) = match self {
            Self::Linux { arch, .. } => ("posix", "linux", "Linux", arch.as_str()),
            Self::Macos(macos) => ("posix", "darwin", "Darwin", macos.arch.as_str()),
            Self::Other(name) => match name.as_str() {
                "win32" => ("nt", "win32", "Windows", "x86"),
                "win_amd64" => ("nt", "win32", "Windows", "AMD64"),
                "win_arm64" => ("nt", "win32", "Windows", "ARM64"),
                _ => return,
            },
        };
        os.clone_into(&mut markers.os_name);
        sys.clone_into(&mut markers.sys_platform);
        system.clone_into(&mut markers.platform_system);
        machine.clone_into(&mut markers.platform_machine);
        // Neither is known; without a value no comparison with them holds.
        markers.platform_release.clear();
        markers.platform_version.clear();
    }
}

/// `manylinux_2_17`, `musllinux_1_2`, or one of the three old names.
fn libc_tag(tag: &str) -> Option<Libc> {
    let (family, numbers) = match tag {
        "manylinux2014" => (LibcFamily::Glibc, "2_17"),
        "manylinux2010" => (LibcFamily::Glibc, "2_12"),
        "manylinux1" => (LibcFamily::Glibc, "2_5"),
        _ => match (tag.strip_prefix("manylinux_"), tag.strip_prefix("musllinux_")) {
            (Some(numbers), _) => (LibcFamily::Glibc, numbers),
            (None, Some(numbers)) => (LibcFamily::Musl, numbers),
            (None, None) => return None,
        },
    };
    let (major, minor) = numbers.split_once('_')?;
    let libc = Libc { family, major: major.parse().ok()?, minor: minor.parse().ok()? };
    (libc.major <= 200 && libc.minor <= 200).then_some(libc)
}

/// What `packaging` writes for `-`, `.` and blanks in a tag.
pub(super) fn normalize(name: &str) -> String {
    name.replace(['-', '.', ' '], "_")
}

/// Which 32-bit interpreters `manylinux` files run on only their executable tells (PEP 513, PEP 599).
fn has_manylinux_interface(arch: &str, elf: Option<Elf>) -> bool {
    const MACHINE_386: u32 = 3;
    const MACHINE_ARM: u32 = 40;
    const ARM_ABI: u32 = 0xff00_0000;
    const ARM_ABI_5: u32 = 0x0500_0000;
    const ARM_HARD_FLOAT: u32 = 0x0000_0400;
    let narrow = elf.filter(|elf| elf.bits == 32 && elf.little_endian);
    match arch {
        "armv7l" | "armv8l" => narrow.is_some_and(|elf| {
            elf.machine == MACHINE_ARM && elf.flags & ARM_ABI == ARM_ABI_5 && elf.flags & ARM_HARD_FLOAT != 0
        }),
        "i686" => narrow.is_some_and(|elf| elf.machine == MACHINE_386),
        _ => {
            matches!(arch, "x86_64" | "aarch64" | "ppc64" | "ppc64le" | "s390x" | "loongarch64" | "riscv64")
        }
    }
}

fn linux_tags(arch: &str, libc: Option<Libc>) -> Vec<String> {
    let archs: &[&str] = if arch == "armv8l" { &["armv8l", "armv7l"] } else { &[arch] };
    let mut tags: Vec<String> = archs.iter().map(|arch| format!("linux_{arch}")).collect();
    for arch in archs {
        match libc {
            Some(Libc { family: LibcFamily::Glibc, major, minor }) => {
                manylinux_tags(arch, major, minor, &mut tags);
            }
            Some(Libc { family: LibcFamily::Musl, major, minor }) => {
                tags.extend((0..=minor).rev().map(|minor| format!("musllinux_{major}_{minor}_{arch}")));
            }
            None => {}
        }
    }
    tags
}

/// PEP 600: every glibc up to the present one, with the old names behind the three versions that had one.
fn manylinux_tags(arch: &str, major: u32, minor: u32, tags: &mut Vec<String>) {
    let oldest = if matches!(arch, "x86_64" | "i686") { OLDEST_GLIBC_INTEL } else { OLDEST_GLIBC };
    for glibc in (2..=major).rev() {
        let newest = if glibc == major { minor } else { LAST_GLIBC_2 };
        let oldest = if glibc == 2 { oldest } else { 0 };
        for minor in (oldest..=newest).rev() {
            tags.push(format!("manylinux_{glibc}_{minor}_{arch}"));
            let old_name = match (glibc, minor) {
                (2, 17) => "manylinux2014",
                (2, 12) => "manylinux2010",
                (2, 5) => "manylinux1",
                _ => continue,
            };
            tags.push(format!("{old_name}_{arch}"));
        }
    }
}

fn macos_tags(macos: &Macos) -> Vec<String> {
    let Macos { major, minor, arch } = macos;
    let mut tags = Vec::new();
    let mut add = |major: u32, minor: u32, formats: &[&str]| {
        tags.extend(formats.iter().map(|format| format!("macosx_{major}_{minor}_{format}")));
    };
    if *major == 10 {
        (0..=*minor).rev().for_each(|minor| add(10, minor, &binary_formats(10, minor, arch)));
    }
    if *major >= 11 {
        (11..=*major).rev().for_each(|major| add(major, 0, &binary_formats(major, 0, arch)));
        // On Intel, what was built for a 10.x runs; elsewhere at most the other half of a `universal2` names one.
        for minor in (4..=16).rev() {
            if arch == "x86_64" {
                add(10, minor, &binary_formats(10, minor, arch));
            } else {
                add(10, minor, &["universal2"]);
            }
        }
    }
    tags
}

/// The kinds of executables with several processors in one file that a processor can run.
fn binary_formats(major: u32, minor: u32, arch: &str) -> Vec<&str> {
    let version = (major, minor);
    let mut formats = vec![arch];
    match arch {
        "x86_64" | "i386" if version < (10, 4) => return Vec::new(),
        "ppc64" if !((10, 4)..=(10, 5)).contains(&version) => return Vec::new(),
        "ppc" if version > (10, 6) => return Vec::new(),
        "x86_64" => formats.extend(["intel", "fat64", "fat3"]),
        "i386" => formats.extend(["intel", "fat3", "fat"]),
        "ppc64" => formats.push("fat64"),
        "ppc" => formats.extend(["fat3", "fat"]),
        _ => {}
    }
    if matches!(arch, "arm64" | "x86_64") {
        formats.push("universal2");
    }
    if matches!(arch, "x86_64" | "i386" | "ppc64" | "ppc" | "intel") {
        formats.push("universal");
    }
    formats
}
