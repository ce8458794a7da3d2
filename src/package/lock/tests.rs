use super::*;
use crate::package::tags::{Platform, Tags};
use crate::python::PythonVersion;

const SHA256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A lock of these packages: what stands behind `name = "…"` of each.
fn lock(head: &str, packages: &[(&str, &str)]) -> String {
    let packages = packages.iter().map(|(name, rest)| format!("[[packages]]\nname = \"{name}\"\n{rest}\n"));
    format!("lock-version = \"1.0\"\ncreated-by = \"test\"\n{head}\n{}", packages.collect::<String>())
}

fn wheel(name: &str) -> String {
    format!("wheels = [{{ url = \"https://h/{name}\", hashes = {{ sha256 = \"{SHA256}\" }} }}]")
}

/// What Python 3.11 on Linux would install of it: names and versions.
fn applying(text: &str, extras: &[&str]) -> Result<Vec<String>, String> {
    let version = PythonVersion { major: 3, minor: 11, micro: 2 };
    let platform = Platform::named("linux-x86_64").unwrap();
    let mut environment = MarkerEnvironment::from_pairs([
        ("python_version", "3.11"),
        ("python_full_version", "3.11.2"),
        ("implementation_name", "cpython"),
    ]);
    platform.describe(&mut environment);
    let extras: Vec<ExtraName> = extras.iter().map(|extra| extra.parse().unwrap()).collect();
    let installer = Installer {
        environment: &environment,
        python: &Version::new([3, 11, 2]),
        tags: &Tags::for_target(version, &platform),
        extras: &extras,
    };
    let lock = Lock::parse(text).map_err(|fault| fault.to_string())?;
    let places = lock.applying(&installer).map_err(|fault| fault.to_string())?;
    Ok(places.iter().map(|at| lock.packages[*at].name.to_string()).collect())
}

#[test]
fn what_is_installed_is_what_the_markers_say() {
    let any = |name: &str| wheel(&format!("{name}-1-py3-none-any.whl"));
    let with = |name: &str, marker: &str| format!("marker = \"{marker}\"\n{}", any(name));
    let text = lock(
        "extras = [\"fast\"]\ndependency-groups = [\"dev\", \"main\"]\ndefault-groups = [\"main\"]\n\
         environments = [\"sys_platform == 'win32'\", \"sys_platform == 'linux'\"]\nrequires-python = \">=3.9\"",
        &[
            ("a", &any("a")),
            ("b", &with("b", "sys_platform == 'win32'")),
            ("c", &with("c", "'fast' in extras")),
            ("d", &with("d", "'dev' in dependency_groups")),
            ("e", &with("e", "'main' in dependency_groups and python_full_version >= '3.11.1'")),
            ("f", &with("f", "python_version < '3.11'")),
            ("f", &with("f", "python_version >= '3.11'")),
            ("g", &format!("requires-python = \">=3.8\"\n{}", any("g"))),
        ],
    );
    assert_eq!(applying(&text, &[]).unwrap(), ["a", "e", "f", "g"]);
    assert_eq!(applying(&text, &["fast"]).unwrap(), ["a", "c", "e", "f", "g"]);
}

#[test]
fn a_lock_that_cannot_be_used_says_why() {
    let any = wheel("a-1-py3-none-any.whl");
    let sdist = format!("sdist = {{ path = \"a-1.tar.gz\", hashes = {{ sha256 = \"{SHA256}\" }} }}");
    let both = wheel("a-1-cp310-cp310-manylinux_2_17_x86_64.whl").replace(
        "wheels = [",
        &format!(
            "wheels = [{{ name = \"a-1-cp311-cp311-win_amd64.whl\", url = \"x\", hashes = {{ sha256 = \"{SHA256}\" }} }}, "
        ),
    );
    for (text, expected) in [
        ("nonsense".to_owned(), "line 1: not valid TOML: "),
        (String::new(), "line 1: lock-version is missing or cannot be meant"),
        ("lock-version = 1".to_owned(), "line 1: lock-version is missing or cannot be meant"),
        ("lock-version = \"2.0\"\npackages = 3".to_owned(), "lock-version '2.0' is not supported"),
        (lock("packages = 3", &[]), "line 1: packages is missing or cannot be meant"),
        (
            lock(&format!("packages = [{}]", "{},".repeat(10_001)), &[]),
            "line 1: packages is missing or cannot be meant",
        ),
        (lock("environments = [\"frob\"]", &[]), "line 1: environments is missing or cannot be meant"),
        (lock("", &[("-", &any)]), "line 4: name is missing or cannot be meant"),
        (lock("", &[("a", "version = \"x\"")]), "line 4: version is missing or cannot be meant"),
        (lock("", &[("a", "wheels = [1]")]), "line 4: wheels is missing or cannot be meant"),
        (
            lock("", &[("a", "wheels = [{ name = \"a-1-py3-none-any.whl\" }]")]),
            "line 6: url is missing or cannot be meant",
        ),
        (lock("", &[("a", &any.replace("sha256", "md5"))]), "a-1-py3-none-any.whl has no SHA-256 in it"),
        (lock("", &[("a", &any.replace("00", "0"))]), "a-1-py3-none-any.whl has no SHA-256 in it"),
        (lock("", &[("a", "")]), "a has no source, or several that exclude each other"),
        (
            lock("", &[("a", &format!("{any}\nvcs = {{}}"))]),
            "a has no source, or several that exclude each other",
        ),
        (lock("requires-python = \">=3.12\"", &[]), "it is for Python >=3.12"),
        (
            lock("environments = [\"sys_platform == 'win32'\"]", &[]),
            "it is not for Python 3.11 on linux x86_64",
        ),
        (lock("", &[("a", &format!("requires-python = \"<3.11\"\n{any}"))]), "a needs Python <3.11"),
        (lock("", &[("a", &any), ("A", &sdist)]), "two entries for a hold here"),
        (
            lock("", &[("a", &both)]),
            "a has no file for this platform and interpreter, only cp310-cp310-manylinux_2_17_x86_64, cp311-cp311-win_amd64",
        ),
        (lock("", &[("a", &wheel("b-1-py3-none-any.whl"))]), "a has no file in it that can be used"),
        (lock("", &[("a", "directory = { path = \".\" }")]), "a is a directory there, which has no hash"),
    ] {
        let found = applying(&text, &[]).unwrap_err();
        let syntax = expected.ends_with(": ") && found.starts_with(expected);
        assert!(syntax || found == expected, "{text}\n{found}");
    }
    assert_eq!(applying(&lock("", &[("a", &sdist)]), &[]).unwrap(), ["a"]);
    assert_eq!(applying(&lock("", &[("a", &format!("{any}\n{sdist}"))]), &[]).unwrap(), ["a"]);
    assert_eq!(applying("lock-version = \"1.9\"\nfrob = 1", &[]).unwrap(), [""; 0]);
}

#[test]
fn a_file_has_a_name_a_place_and_what_is_known_of_it() {
    let text = lock(
        "",
        &[(
            "a",
            &format!(
                "archive = {{ url = \"https://h/x/a%2B-1.zip?token=b/c#d\", size = 0x10, \
                 upload-time = 2026-01-31T12:00:00.5Z, hashes = {{ sha256 = \"{SHA256}\", frob = \"1\" }} }}"
            ),
        )],
    );
    let lock = Lock::parse(&text).unwrap();
    let file = LockedFile {
        name: "a+-1.zip".to_owned(),
        place: Place::Url("https://h/x/a%2B-1.zip?token=b/c#d".to_owned()),
        hashes: Hashes::sha256(SHA256),
        size: Some(16),
        uploaded: Timestamp::parse_rfc3339("2026-01-31T12:00:00Z"),
    };
    assert_eq!(lock.packages[0].source, Source::Archive(file));
}
