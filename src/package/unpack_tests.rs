//! Distributions as they should be, and each with one thing wrong.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::Digest as _;

use super::archive::limits::Limits;
use super::archive::refusal::Refusal;
use super::archive::testing::{Member, Place, file, gzip, refused, tar, tar_member, zip};
use super::entry_points::EntryPoint;
use super::filename::DistributionName;
use super::unpack::{Unpacked, metadata_of, requires_of, unpack, wheel_metadata_in};

const WHEEL: &str = "Demo_App-1.0-py3-none-any.whl";
const INFO: &str = "demo_app-1.0.dist-info";

fn install(archive: &Path, destination: &Path) -> Result<Unpacked, Refusal> {
    let name = DistributionName::parse(archive.file_name().unwrap().to_str().unwrap()).unwrap();
    unpack(archive, &name, destination, &Limits::default())
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    refused(name, bytes, install)
}

/// Unpacks; what it says and the files.
fn installed(name: &str, bytes: &[u8]) -> (Unpacked, Vec<(String, String)>) {
    let place = Place::new();
    let archive = place.put(name, bytes);
    let unpacked = install(&archive, &place.destination()).unwrap();
    assert_eq!(place.left_over(&archive), [place.destination()]);
    (unpacked, place.files())
}

fn names(files: &[(String, String)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().chain(&[0; 2]).take(3).fold(0, |number, byte| number << 8 | usize::from(*byte));
        for at in 0..=chunk.len() {
            text.push(char::from(LETTERS[number >> (18 - 6 * at) & 63]));
        }
    }
    text
}

pub(super) fn line(member: &Member) -> String {
    let digest = base64(&sha2::Sha256::digest(&member.data));
    let name = std::str::from_utf8(&member.name).unwrap();
    format!("{name},sha256={digest},{}\n", member.data.len())
}

fn metadata(name: &str, version: &str) -> Vec<u8> {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n").into_bytes()
}

/// A wheel's members without `RECORD`.
fn members() -> Vec<Member> {
    vec![
        file("demo/", b""),
        file("demo/__init__.py", b"x = 1\n"),
        file(&format!("{INFO}/METADATA"), &metadata("Demo.App", "1.0.0")),
        file(&format!("{INFO}/WHEEL"), b"Wheel-Version: 1.9\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    ]
}

/// A wheel of these members, with a `RECORD` that `change` may spoil.
fn recorded(mut members: Vec<Member>, change: impl FnOnce(&mut String)) -> Vec<u8> {
    let mut record: String = members.iter().filter(|member| !member.name.ends_with(b"/")).map(line).collect();
    record.push_str(INFO);
    record.push_str("/RECORD,,\n");
    change(&mut record);
    members.push(file(&format!("{INFO}/RECORD"), record.as_bytes()));
    zip(&members)
}

fn wheel(members: Vec<Member>) -> Vec<u8> {
    recorded(members, |_| {})
}

fn wheel_and(more: &[Member]) -> Vec<u8> {
    wheel([&members()[..], more].concat())
}

fn replace(name: &str, data: &[u8]) -> Vec<u8> {
    let path = format!("{INFO}/{name}");
    let mut members = members();
    members.retain(|member| member.name != path.as_bytes());
    members.push(file(&path, data));
    wheel(members)
}

#[test]
fn a_wheel_is_laid_out_as_pip_does_with_target() {
    let bytes = wheel_and(&[
        file("demo_app-1.0.data/purelib/pure.py", b"1"),
        file("demo_app-1.0.data/platlib/plat/a,\"b\".txt", b"2"),
        file("demo_app-1.0.data/scripts/tool", b"#!python\n"),
        file("demo_app-1.0.data/data/share/doc.txt", b"3"),
        file("demo_app-1.0.data/headers/demo.h", b"4"),
        file("demo.pth", b"import x\n"),
        file(&format!("{INFO}/entry_points.txt"), b"[console_scripts]\ndemo = demo:main\n"),
    ]);
    // The path with a comma and quotes has to be quoted in RECORD.
    assert!(refusal(WHEEL, &bytes).starts_with("RECORD: it is not CSV"));
    let mut all = members();
    all.extend([
        file("demo_app-1.0.data/purelib/pure.py", b"1"),
        file("demo_app-1.0.data/platlib/plat/a,\"b\".txt", b"2"),
        file("demo_app-1.0.data/scripts/tool", b"#!python\n"),
        file("demo_app-1.0.data/data/share/doc.txt", b"3"),
        file("demo_app-1.0.data/headers/demo.h", b"4"),
        file("demo.pth", b"import x\n"),
        file(&format!("{INFO}/entry_points.txt"), b"[console_scripts]\ndemo = demo:main\n"),
    ]);
    let quoted = recorded(all, |record| {
        *record = record.replace(
            "demo_app-1.0.data/platlib/plat/a,\"b\".txt",
            "\"demo_app-1.0.data/platlib/plat/a,\"\"b\"\".txt\"",
        );
        *record = record.replace('\n', "\r\n");
    });
    let (unpacked, files) = installed(WHEEL, &quoted);
    assert_eq!(
        names(&files),
        [
            "bin/tool",
            "demo/__init__.py",
            "demo.pth",
            "demo_app-1.0.dist-info/METADATA",
            "demo_app-1.0.dist-info/RECORD",
            "demo_app-1.0.dist-info/WHEEL",
            "demo_app-1.0.dist-info/entry_points.txt",
            "include/demo-app/demo.h",
            "plat/a,\"b\".txt",
            "pure.py",
            "share/doc.txt",
        ]
    );
    assert_eq!(files[0].1, "#!python\n");
    assert_eq!(unpacked.dist_info.as_deref(), Some(INFO));
    assert_eq!(unpacked.entry_points.console_script("demo"), EntryPoint::parse("demo:main").as_ref());
    assert_eq!((unpacked.has_pth, unpacked.root_is_purelib, unpacked.files), (true, true, 11));
}

#[test]
fn a_wheel_with_little_is_fine() {
    let (unpacked, _) = installed(WHEEL, &wheel(members()));
    assert_eq!((unpacked.has_pth, unpacked.root_is_purelib, unpacked.files), (false, true, 4));
    assert!(unpacked.entry_points.is_empty());
}

#[test]
fn scripts_are_executable_whatever_their_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let archive = place.put(WHEEL, &wheel_and(&[file("demo_app-1.0.data/scripts/tool", b"#!python\n")]));
    install(&archive, &place.destination()).unwrap();
    let metadata = crate::fs::metadata(&place.destination().join("bin/tool")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o100, 0o100);
}

#[test]
fn name_and_version_must_be_those_of_the_file_name() {
    for name in ["other-1.0-py3-none-any.whl", "demo_app-1.1-py3-none-any.whl"] {
        let refusal = refusal(name, &wheel(members()));
        assert!(
            refusal.starts_with("its .dist-info directory says demo_app 1.0, the file name"),
            "{refusal}"
        );
    }
    for (name, version) in [("other", "1.0"), ("demo-app", "1.1"), ("", "1.0")] {
        let refusal = refusal(WHEEL, &replace("METADATA", &metadata(name, version)));
        assert!(refusal.starts_with(&format!("METADATA says {name} {version}, the file name")), "{refusal}");
    }
}

#[test]
fn missing_or_wrong_metadata_is_refused() {
    for (file, expected) in [("METADATA", "there is no METADATA"), ("WHEEL", "there is no WHEEL")] {
        let mut members = members();
        members.retain(|member| !member.name.ends_with(file.as_bytes()));
        assert_eq!(refusal(WHEEL, &wheel(members)), expected);
    }
    assert_eq!(refusal(WHEEL, &zip(&members())), "there is no RECORD");
    assert_eq!(refusal(WHEEL, &zip(&[file("demo.py", b"")])), "there is no .dist-info directory");
    for (file, data, expected) in [
        ("METADATA", &b"Name: demo-app\n"[..], "METADATA: it does not have exactly one Version"),
        ("METADATA", b"Name: demo-app\nName: x\nVersion: 1\n", "METADATA: it does not have exactly one Name"),
        ("METADATA", b"\xff", "METADATA: it is not UTF-8"),
        ("WHEEL", b"", "WHEEL: it has no Wheel-Version"),
        ("WHEEL", b"Wheel-Version: 2.0\n", "WHEEL: its Wheel-Version is not 1"),
        ("WHEEL", b"Wheel-Version: one\n", "WHEEL: its Wheel-Version is malformed"),
    ] {
        assert_eq!(refusal(WHEEL, &replace(file, data)), expected);
    }
    let second = wheel_and(&[file("other-1.0.dist-info/METADATA", b"")]);
    assert_eq!(refusal(WHEEL, &second), "it has more than one .dist-info directory");
}

#[test]
fn record_lists_every_file_once_with_its_hash() {
    let spoiled = |from: &str, to: &str| {
        refusal(
            WHEEL,
            &recorded(members(), |record| {
                assert!(record.contains(from), "{from}");
                *record = record.replacen(from, to, 1);
            }),
        )
    };
    let init = line(&members()[1]);
    let digest = init.split(['=', ',']).nth(2).unwrap().to_owned();
    let named = |flaw: &str| format!("RECORD: 'demo/__init__.py': {flaw}");
    assert_eq!(spoiled(&init, ""), named("it is not listed"));
    assert_eq!(spoiled(&init, &init.repeat(2)), named("it is listed twice"));
    assert_eq!(spoiled(",6\n", ",7\n"), named("its size is another"));
    assert_eq!(spoiled(",6\n", ",six\n"), named("its size is no number"));
    assert_eq!(spoiled(",6\n", ",-6\n"), named("its size is no number"));
    assert_eq!(spoiled(&digest, &"A".repeat(43)), named("its hash is another"));
    assert_eq!(spoiled(&digest, &digest[1..]), named("its hash is malformed"));
    assert_eq!(spoiled(&digest, &format!("{digest}=")), named("its hash is malformed"));
    assert_eq!(spoiled(&format!("sha256={digest}"), ""), named("it is listed without a hash"));
    let weak = named("its hash is none of sha256, sha384 and sha512");
    for hash in ["md5=rL0Y20zC-Fzt72VPzMSk2A", "sha1=C-7Hteo_D9vJXQ3UfzxbwnXaijM", "crc32=AAAA", "sha256"] {
        assert_eq!(spoiled(&format!("sha256={digest}"), hash), weak);
    }
    assert_eq!(
        spoiled(&init, &format!("{init}gone.py,sha256={digest},6\n")),
        "RECORD: 'gone.py': it is listed but not there"
    );
    for broken in ["a,b\n", "a,b,c,d\n", "\"a,,\n", "\"a\"b,,\n", "a\"b,,\n", "\n", "a,,\r"] {
        assert_eq!(spoiled(&init, broken), "RECORD: it is not CSV of three fields a line", "{broken:?}");
    }
}

#[test]
fn strong_hashes_and_unlisted_signatures_are_taken() {
    let data = b"data";
    let strong = |name: &str, hash: &str| format!("{name},{hash},\n");
    let sha384 = format!("sha384={}", base64(&sha2::Sha384::digest(data)));
    let sha512 = format!("sha512={}", base64(&sha2::Sha512::digest(data)));
    let mut all = members();
    all.push(file("a", data));
    all.push(file("b", data));
    let (a, b) = (line(&all[4]), line(&all[5]));
    let with = |wrong: &str| {
        recorded(all.clone(), |record| {
            *record = record.replace(&a, &strong("a", &sha384)).replace(&b, &strong("b", &sha512));
            *record = record.replace("sha512=", wrong);
        })
    };
    installed(WHEEL, &with("sha512="));
    assert_eq!(refusal(WHEEL, &with("sha384=")), "RECORD: 'b': its hash is malformed");
    let mut signed = members();
    signed.push(file(&format!("{INFO}/RECORD.jws"), b"{}"));
    let jws = line(&signed[4]);
    installed(WHEEL, &recorded(signed.clone(), |record| *record = record.replace(&jws, "")));
    let wrong = recorded(signed, |record| *record = record.replace(&jws, &jws.replace(",2\n", ",3\n")));
    assert!(refusal(WHEEL, &wrong).ends_with("its size is another"));
}

#[test]
fn data_schemes_lead_nowhere_else() {
    for (path, expected) in [
        ("demo_app-1.0.data/loose", "it is in no scheme of the .data directory"),
        ("demo_app-1.0.data/other/x", "it is in an unknown scheme of the .data directory"),
        ("other-1.0.data/purelib/x", "it is in another distribution's .data directory"),
        ("demo_app-1.0.data/purelib/other-2.0.dist-info/METADATA", "it would change what is installed"),
    ] {
        assert_eq!(refusal(WHEEL, &wheel_and(&[file(path, b"")])), format!("member '{path}': {expected}"));
    }
    for (path, target) in [
        ("demo_app-1.0.data/purelib/demo/__init__.py", "demo/__init__.py"),
        ("demo_app-1.0.data/platlib/Demo/x", "Demo/x"),
    ] {
        let refusal = refusal(WHEEL, &wheel_and(&[file(path, b"")]));
        assert!(refusal.starts_with(&format!("member '{target}': ")), "{refusal}");
    }
}

/// Counts what a network would have to fetch.
struct Counting<R>(R, u64, std::rc::Rc<std::cell::Cell<u64>>);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1 += length as u64;
        self.2.set(self.1);
        Ok(length)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn metadata_of_a_remote_wheel_costs_little() {
    let mut state = 1_u32;
    let noise: Vec<u8> = (0..4 << 20)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect();
    let bytes = wheel_and(&[file("demo/big", &noise).stored()]);
    let fetched = std::rc::Rc::default();
    let name = DistributionName::parse(WHEEL).unwrap();
    let reader = Counting(Cursor::new(bytes), 0, std::rc::Rc::clone(&fetched));
    let found = wheel_metadata_in(reader, &name, &Limits::default()).unwrap();
    assert_eq!(found, metadata("Demo.App", "1.0.0"));
    assert!(fetched.get() < 256 << 10, "{}", fetched.get());
}

const EGG: &str = "Demo_App-1.0-py3.11.egg";

fn egg_members() -> Vec<Member> {
    vec![
        file("demo/__init__.py", b"x = 1\n"),
        file("EGG-INFO/PKG-INFO", &metadata("Demo-App", "1.0")),
        file("EGG-INFO/requires.txt", b"rich\n"),
        file("EGG-INFO/not-zip-safe", b"\n"),
        file("EGG-INFO/entry_points.txt", b"[console_scripts]\ndemo = demo:main\n"),
    ]
}

const EGG_FILES: [&str; 5] = [
    "demo/__init__.py",
    "demo_app-1.0.egg-info/PKG-INFO",
    "demo_app-1.0.egg-info/entry_points.txt",
    "demo_app-1.0.egg-info/not-zip-safe",
    "demo_app-1.0.egg-info/requires.txt",
];

#[test]
fn an_egg_is_laid_out_with_its_metadata_where_it_is_found() {
    let (unpacked, files) = installed(EGG, &zip(&egg_members()));
    assert_eq!(names(&files), EGG_FILES);
    assert_eq!(unpacked.dist_info.as_deref(), Some("demo_app-1.0.egg-info"));
    assert_eq!(unpacked.entry_points.console_script("demo"), EntryPoint::parse("demo:main").as_ref());
    assert_eq!(unpacked.files, 5);
}

#[test]
fn an_egg_that_is_a_directory_is_copied() {
    let place = Place::new();
    for member in egg_members() {
        place.put(&format!("{EGG}/{}", String::from_utf8(member.name).unwrap()), &member.data);
    }
    let egg = place.directory.path().join(EGG);
    install(&egg, &place.destination()).unwrap();
    assert_eq!(names(&place.files()), EGG_FILES);
    let name = DistributionName::parse(EGG).unwrap();
    assert_eq!(requires_of(&egg, &name, &Limits::default()).unwrap().as_deref(), Some(&b"rich\n"[..]));
    let edited = place.put(&format!("{EGG}/demo/__init__.py"), b"edited");
    assert!(crate::fs::exists(&edited));
    assert_eq!(place.files()[0].1, "x = 1\n");
}

#[test]
fn a_directory_egg_with_a_link_is_refused() {
    let place = Place::new();
    place.put(&format!("{EGG}/EGG-INFO/PKG-INFO"), &metadata("demo-app", "1.0"));
    let egg = place.directory.path().join(EGG);
    std::os::unix::fs::symlink("/etc/passwd", egg.join("link")).unwrap();
    let refusal = install(&egg, &place.destination()).unwrap_err();
    assert_eq!(refusal.to_string(), "member 'link': it is a link or a special file");
    assert_eq!(place.left_over(&egg), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_egg_with_missing_or_wrong_metadata_is_refused() {
    let with = |metadata: &[u8]| zip(&[file("EGG-INFO/PKG-INFO", metadata)]);
    assert_eq!(refusal(EGG, &zip(&[file("demo.py", b"")])), "there is no EGG-INFO/PKG-INFO");
    let other = refusal(EGG, &with(&metadata("demo-app", "2")));
    assert_eq!(other, "EGG-INFO/PKG-INFO says demo-app 2, the file name says demo-app 1.0");
    let twice = zip(&[&egg_members()[..], &[file("demo_app-1.0.egg-info/PKG-INFO", b"")]].concat());
    assert_eq!(refusal(EGG, &twice), "member 'demo_app-1.0.egg-info': it is there twice");
}

const SDIST: &str = "demo_app-1.0.tar.gz";

fn sdist(files: &[(&str, &str)]) -> Vec<u8> {
    let info = String::from_utf8(metadata("demo-app", "1.0")).unwrap();
    let mut all = vec![("PKG-INFO", info.as_str())];
    all.extend_from_slice(files);
    let members: Vec<Vec<u8>> = all
        .iter()
        .map(|(name, text)| tar_member(&format!("demo_app-1.0/{name}"), b'0', text.as_bytes()))
        .collect();
    gzip(&tar(&members))
}

#[test]
fn an_sdist_gives_what_can_be_imported() {
    let egg_info = ("src/Demo.App.egg-info/top_level.txt", "demo\nsingle\n");
    let project = "[project]\nscripts = { demo = 'demo:main' }\n[project.entry-points.'x.y']\na = 'demo:b'\n";
    for (files, expected) in [
        (
            vec![("src/demo/__init__.py", ""), ("src/single.py", ""), egg_info],
            vec!["demo/__init__.py", "single.py"],
        ),
        (
            vec![
                ("demo/__init__.py", ""),
                ("demo/data.bin", ""),
                ("setup.py", ""),
                ("tests/__init__.py", ""),
            ],
            vec!["demo/__init__.py", "demo/data.bin"],
        ),
        (vec![("demo_app.py", ""), ("setup.py", ""), ("helper.py", "")], vec!["demo_app.py"]),
        (vec![("src/other/__init__.py", ""), ("pkg/__init__.py", "")], vec!["other/__init__.py"]),
        (vec![("demo/app/__init__.py", "")], vec!["demo/app/__init__.py"]),
        (
            vec![("demo_app/fast.pyx", ""), ("demo_app/fast.py", "")],
            vec!["demo_app/fast.py", "demo_app/fast.pyx"],
        ),
    ] {
        let (unpacked, found) = installed(SDIST, &sdist(&files));
        let info = "demo_app-1.0.dist-info/METADATA";
        let mut expected = [&expected[..], &[info]].concat();
        expected.sort_unstable();
        let mut found_names = names(&found);
        found_names.sort_unstable();
        assert_eq!(found_names, expected);
        assert_eq!(unpacked.files, expected.len() as u64);
    }
    let (unpacked, files) =
        installed(SDIST, &sdist(&[("demo/__init__.py", ""), ("pyproject.toml", project)]));
    assert_eq!(files[2].1, "[console_scripts]\ndemo = demo:main\n[x.y]\na = demo:b\n");
    assert_eq!(unpacked.entry_points.console_script("demo"), EntryPoint::parse("demo:main").as_ref());
}

#[test]
fn an_sdist_that_has_to_be_built_is_refused() {
    for (name, expected) in [
        ("demo/fast.c", "it has to be built: demo/fast.c has to be compiled"),
        ("demo/fast.pyx", "it has to be built: demo/fast.pyx has to be compiled"),
        ("Cargo.toml", "it has to be built: Cargo.toml has to be compiled"),
        ("demo_app.egg-info/top_level.txt", "it has to be built: 'x' is not there yet"),
    ] {
        assert_eq!(refusal(SDIST, &sdist(&[("demo/__init__.py", ""), (name, "x\n")])), expected);
    }
    let nothing = sdist(&[("setup.py", ""), ("docs/conf.py", "")]);
    assert_eq!(
        refusal(SDIST, &nothing),
        "it has to be built: no package or module is where one would expect it"
    );
    let outside = sdist(&[("demo_app.egg-info/top_level.txt", "../../etc\n")]);
    assert_eq!(refusal(SDIST, &outside), "it has to be built: '../../etc' is not there yet");
    installed(SDIST, &sdist(&[("demo/__init__.py", ""), ("tests/native.c", "")]));
}

#[test]
fn an_sdist_with_missing_or_wrong_metadata_is_refused() {
    let top = |name: &str, text: &[u8]| tar_member(name, b'0', text);
    assert_eq!(refusal(SDIST, &gzip(&tar(&[top("d/demo.py", b"")]))), "there is no PKG-INFO");
    let other = gzip(&tar(&[top("d/PKG-INFO", &metadata("demo-app", "2"))]));
    assert_eq!(refusal(SDIST, &other), "PKG-INFO says demo-app 2, the file name says demo-app 1.0");
    let two = gzip(&tar(&[top("d/PKG-INFO", b""), top("e/x", b"")]));
    assert_eq!(refusal(SDIST, &two), "it has more than one top directory, or none");
    assert_eq!(refusal(SDIST, b"<!doctype html>"), "it is neither a ZIP nor a tar archive");
}

#[test]
fn metadata_is_read_without_unpacking() {
    let name = |text: &str| DistributionName::parse(text).unwrap();
    let requires = ("demo_app.egg-info/requires.txt", "rich\n");
    let info = ("demo/__init__.py", "");
    for (file, bytes, expected, required) in [
        (WHEEL, wheel(members()), metadata("Demo.App", "1.0.0"), None),
        (EGG, zip(&egg_members()), metadata("Demo-App", "1.0"), Some("rich\n")),
        (SDIST, sdist(&[info, requires]), metadata("demo-app", "1.0"), Some("rich\n")),
        (SDIST, sdist(&[info]), metadata("demo-app", "1.0"), None),
    ] {
        let place = Place::new();
        let archive = place.put(file, &bytes);
        assert_eq!(metadata_of(&archive, &name(file), &Limits::default()).unwrap(), expected);
        let found = requires_of(&archive, &name(file), &Limits::default()).unwrap();
        assert_eq!(found.as_deref(), required.map(str::as_bytes));
        let other = name(&file.replace("1.0", "1.1"));
        metadata_of(&archive, &other, &Limits::default()).unwrap_err();
    }
}

#[test]
fn record_lists_files_by_the_very_path_that_they_have() {
    let with = |more: &str| recorded(members(), |record| record.insert_str(0, more));
    let digest = base64(&sha2::Sha256::digest(b"x = 1\n"));
    for path in [
        "/demo/__init__.py",
        "../demo/__init__.py",
        "./demo/__init__.py",
        "demo//__init__.py",
        "Demo/__init__.py",
    ] {
        let expected = format!("RECORD: '{path}': it is listed but not there");
        assert_eq!(refusal(WHEEL, &with(&format!("{path},sha256={digest},6\n"))), expected);
    }
    for more in ["demo/,,\n", ",,\n"] {
        let path = more.trim_end_matches(",,\n");
        assert_eq!(refusal(WHEEL, &with(more)), format!("RECORD: '{path}': it is listed but not there"));
    }
    let many: String = (0..200).fold(String::new(), |lines, number| format!("{lines}{number},,\n"));
    assert_eq!(refusal(WHEEL, &with(&many)), "RECORD: it lists more files than there are");
    assert_eq!(refusal(WHEEL, &with("\u{feff}")), "RECORD: 'demo/__init__.py': it is not listed");
}

#[test]
fn record_and_its_signatures_alone_need_no_hash() {
    let signature = |name: &str| file(&format!("{INFO}/{name}"), b"signed");
    for name in ["RECORD.jws", "RECORD.p7s"] {
        let signed = [&members()[..], &[signature(name)]].concat();
        let line = line(&signature(name));
        let bare = format!("{INFO}/{name},,\n");
        for told in ["", &bare, &line] {
            installed(WHEEL, &recorded(signed.clone(), |record| *record = record.replace(&line, told)));
        }
        let wrong = line.replace(",6\n", ",7\n");
        let refused = refusal(WHEEL, &recorded(signed, |record| *record = record.replace(&line, &wrong)));
        assert_eq!(refused, format!("RECORD: '{INFO}/{name}': its size is another"));
    }
    let own = format!("{INFO}/RECORD");
    installed(WHEEL, &recorded(members(), |record| *record = record.replace(&format!("{own},,\n"), "")));
    let told = format!("{own},sha256={},\n", base64(&[0; 32]));
    let wrong = recorded(members(), |record| *record = record.replace(&format!("{own},,\n"), &told));
    assert_eq!(refusal(WHEEL, &wrong), format!("RECORD: '{own}': its hash is another"));
    let other = [&members()[..], &[signature("RECORD.asc")]].concat();
    let line = line(&other[4]);
    let bare = recorded(other, |record| *record = record.replace(&line, &format!("{INFO}/RECORD.asc,,\n")));
    assert_eq!(refusal(WHEEL, &bare), format!("RECORD: '{INFO}/RECORD.asc': it is listed without a hash"));
}

#[test]
fn a_wheel_whose_list_is_wrong_is_refused_before_anything_is_written() {
    let place = Place::new();
    let bytes = recorded(members(), |record| record.push_str("gone.py,,\n"));
    let archive = place.put(WHEEL, &bytes);
    let name = DistributionName::parse(WHEEL).unwrap();
    let mut tree = super::archive::tree::Tree::begin(&place.destination()).unwrap();
    let reader = Box::new(crate::fs::open(&archive).unwrap());
    let wheel = super::wheel::Wheel::open(reader, &name, &Limits::default()).unwrap();
    let refusal = wheel.lay_out(&name, &mut tree).unwrap_err();
    assert_eq!(refusal.to_string(), "RECORD: 'gone.py': it is listed but not there");
    assert_eq!(tree.files, 0);
}
