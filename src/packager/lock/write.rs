//! A lock, written: always the same text for the same lock, a line for each file, so that a difference between two of
//! them can be read.

use std::fmt::Write as _;

use crate::package::lock::{Lock, LockedFile, Package, Place, Source};
use crate::package::marker::Marker;

/// The text of a lock (PEP 751).
pub fn write(lock: &Lock) -> String {
    let mut text = String::from("lock-version = \"1.0\"\n");
    let environments: Vec<String> = lock.environments.iter().map(|marker| quoted(&shown(marker))).collect();
    if !environments.is_empty() {
        let _ = writeln!(text, "environments = [\n    {},\n]", environments.join(",\n    "));
    }
    if let Some(requires) = &lock.requires_python {
        let _ = writeln!(text, "requires-python = {}", quoted(&requires.to_string()));
    }
    let lists = [
        ("extras", &lock.extras),
        ("dependency-groups", &lock.dependency_groups),
        ("default-groups", &lock.default_groups),
    ];
    for (key, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
        let names: Vec<String> = names.iter().map(|name| quoted(name.as_str())).collect();
        let _ = writeln!(text, "{key} = [{}]", names.join(", "));
    }
    text.push_str("created-by = \"everfresh\"\n");
    for package in &lock.packages {
        write_package(&mut text, package);
    }
    text
}

/// Puts a package in its place by name, instead of all entries that there are for it.
pub fn add_or_replace(lock: &mut Lock, package: Package) {
    lock.packages.retain(|known| known.name != package.name);
    let at = lock.packages.partition_point(|known| known.name < package.name);
    lock.packages.insert(at, package);
}

fn write_package(text: &mut String, package: &Package) {
    let _ = writeln!(text, "\n[[packages]]\nname = {}", quoted(package.name.as_str()));
    let lines = [
        ("version", package.version.as_ref().map(ToString::to_string)),
        ("marker", package.marker.as_ref().map(shown)),
        ("requires-python", package.requires_python.as_ref().map(ToString::to_string)),
        ("index", package.index.clone()),
    ];
    for (key, value) in lines {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {}", quoted(&value));
        }
    }
    match &package.source {
        Source::Archive(file) => {
            let _ = writeln!(text, "archive = {}", table(file, false));
        }
        Source::Files { wheels, sdist } => {
            if let Some(sdist) = sdist {
                let _ = writeln!(text, "sdist = {}", table(sdist, true));
            }
            let wheels: Vec<String> = wheels.iter().map(|wheel| table(wheel, true)).collect();
            if !wheels.is_empty() {
                let _ = writeln!(text, "wheels = [\n    {},\n]", wheels.join(",\n    "));
            }
        }
        // There is no faithful way to write what was not read; whoever reads it is told so.
        Source::Tree(kind) => {
            let _ = writeln!(text, "{kind} = {{}}");
        }
    }
}

fn table(file: &LockedFile, named: bool) -> String {
    let mut pairs = Vec::new();
    if named {
        pairs.push(format!("name = {}", quoted(&file.name)));
    }
    pairs.extend(file.uploaded.map(|moment| format!("upload-time = {moment}")));
    pairs.push(match &file.place {
        Place::Url(url) => format!("url = {}", quoted(url)),
        Place::Path(path) => format!("path = {}", quoted(path)),
    });
    pairs.extend(file.size.map(|size| format!("size = {size}")));
    let hashes = file.hashes.iter().map(|(algorithm, hex)| format!("{} = \"{hex}\"", algorithm.name()));
    pairs.push(format!("hashes = {{ {} }}", hashes.collect::<Vec<_>>().join(", ")));
    format!("{{ {} }}", pairs.join(", "))
}

/// A marker as others write it, with single quotes where none stand inside, so that TOML need not escape them.
pub(super) fn shown(marker: &Marker) -> String {
    let text = marker.to_string();
    if text.contains('\'') { text } else { text.replace('"', "'") }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::hashes::Hashes;

    const SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn package(name: &str, version: &str) -> Package {
        let file = LockedFile {
            name: format!("{name}-{version}-py3-none-any.whl"),
            place: Place::Path(format!("a \\ \"b\"/{name}\n")),
            hashes: Hashes::sha256(SHA256),
            size: Some(12),
            uploaded: Some(crate::time::Timestamp(1_700_000_000)),
        };
        Package {
            name: name.parse().unwrap(),
            version: version.parse().ok(),
            marker: "sys_platform == 'linux' and \"it's\" in extras".parse().ok(),
            requires_python: ">=3.8".parse().ok(),
            index: Some("https://h/simple".to_owned()),
            source: Source::Files { wheels: vec![file.clone(), file.clone()], sdist: Some(file) },
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let archive = |mut package: Package| {
            let Source::Files { sdist: Some(mut file), .. } = package.source else { unreachable!() };
            "x.whl".clone_into(&mut file.name);
            file.place = Place::Url("https://h/x.whl".to_owned());
            package.source = Source::Archive(file);
            package
        };
        let lock = Lock {
            requires_python: "<4,>=3.9".parse().ok(),
            environments: vec!["os_name == 'nt'".parse().unwrap()],
            extras: names(&["one"]),
            dependency_groups: names(&["dev", "docs"]),
            default_groups: names(&["dev"]),
            packages: vec![package("a", "1"), archive(package("b", "2"))],
        };
        assert_eq!(Lock::parse(&write(&lock)), Ok(lock.clone()));
        assert_eq!(Lock::parse(&write(&Lock::default())), Ok(Lock::default()));
    }

    #[test]
    fn a_package_takes_the_place_of_all_its_entries_or_its_place_by_name() {
        let mut lock = Lock {
            packages: ["a", "b", "b", "d"].map(|name| package(name, "1")).to_vec(),
            ..Lock::default()
        };
        add_or_replace(&mut lock, package("b", "2"));
        add_or_replace(&mut lock, package("c", "1"));
        let shown: Vec<String> =
            lock.packages.iter().map(|p| format!("{} {}", p.name, p.version.as_ref().unwrap())).collect();
        assert_eq!(shown, ["a 1", "b 2", "c 1", "d 1"]);
    }
}
