//! The same bytes mean the same files to us and to those who will look at them after us: whatever we accept, Python's
//! `zipfile` and `tarfile`, and pip, accept too, with exactly the same names, contents and execute bits (CVE-2025-54368,
//! CVE-2025-62518). What we refuse needs no judge.
//!
//! Mutations are made of honest archives: every byte of every header, both headers of a member alike, and seeded
//! accidents. The seeds are fixed, so that a failure can be seen again.

use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use everfresh::package::archive::limits::Limits;
use everfresh::package::archive::refusal::Refusal;
use everfresh::package::archive::tar::Tar;
use everfresh::package::archive::zip::Zip;
use everfresh::package::filename::DistributionName;
use everfresh::package::unpack;
use everfresh::trust::hashes::sha256_hex;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::archives::{
    Member, body, crc, deflate, end, file, gzip, tar, tar_member, tar_patched, zip,
};
use crate::support::python;
use crate::support::response::base64_url;

/// Names (a directory's ends in `/`) with digest and whether it may be executed, sorted.
type Seen = Vec<(String, String, bool)>;

/// How many archives are judged at a time.
const BATCH: usize = 4000;

/// Who else reads it.
#[derive(Clone, Copy)]
enum Reader {
    Zipfile = b'z' as isize,
    Tarfile = b't' as isize,
    Pip = b'p' as isize,
    WheelTools = b'w' as isize,
}

/// An archive that we accept.
struct Case {
    what: String,
    reader: Reader,
    bytes: Vec<u8>,
    seen: Seen,
}

/// Collects what we accept, and has it judged.
#[derive(Default)]
struct Jury {
    waiting: Vec<Case>,
    accepted: usize,
    refused: usize,
    differing: Vec<String>,
}

impl Jury {
    fn hear(&mut self, what: impl Into<String>, reader: Reader, bytes: Vec<u8>) {
        let seen = match reader {
            Reader::Zipfile => zip_seen(&bytes),
            Reader::Tarfile => tar_seen(&bytes),
            Reader::Pip => tree_seen("a.tar.gz", &bytes, |archive, place, limits| {
                unpack::extract(archive, place, limits).map(drop)
            }),
            Reader::WheelTools => tree_seen(WHEEL, &bytes, |archive, place, limits| {
                let name = DistributionName::parse(WHEEL).unwrap();
                unpack::unpack(archive, &name, place, limits).map(drop)
            }),
        };
        let Ok(mut seen) = seen else {
            self.refused += 1;
            return;
        };
        if matches!(reader, Reader::Pip) {
            // An sdist has one top directory; what pip makes of anything else is no rule.
            let Some(inner) = below_top(&seen) else { return };
            seen = inner;
        }
        seen.sort();
        self.accepted += 1;
        self.waiting.push(Case { what: what.into(), reader, bytes, seen });
        if self.waiting.len() >= BATCH {
            self.judge();
        }
    }

    fn judge(&mut self) {
        let cases = std::mem::take(&mut self.waiting);
        let answers = others(&cases);
        assert_eq!(answers.len(), cases.len());
        for (case, theirs) in cases.iter().zip(answers) {
            let ours = json!(case.seen);
            if ours != theirs {
                self.differing.push(format!("{}\n    ours   {ours}\n    theirs {theirs}\n", case.what));
            }
        }
    }

    /// Nothing differs, and enough of both kinds was there to prove something.
    #[track_caller]
    fn agrees(mut self, least: usize) {
        self.judge();
        let Self { accepted, refused, differing, .. } = &self;
        let shown: String = differing.iter().take(12).map(String::as_str).collect();
        assert!(differing.is_empty(), "{} of {accepted} differ:\n{shown}", differing.len());
        assert!(*accepted >= least && *refused >= least, "{accepted} accepted, {refused} refused");
    }
}

/// Asks Python about all of them.
fn others(cases: &[Case]) -> Vec<Value> {
    let mut input = Vec::new();
    for case in cases {
        input.push(case.reader as u8);
        input.extend(u32::try_from(case.bytes.len()).unwrap().to_le_bytes());
        input.extend(&case.bytes);
    }
    let path = python::venv();
    let mut child = Command::new(&path)
        .args(["-W", "ignore", "-c", include_str!("../support/readers.py")])
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}: run scripts/test", path.display()));
    let mut stdin = child.stdin.take().unwrap();
    // Both sides of a pipe are finite, so one of them needs a thread.
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "Python's readers failed");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn limits() -> Limits {
    Limits { total: 8 << 20, members: 100, small: 1 << 20, ..Limits::default() }
}

fn zip_seen(bytes: &[u8]) -> Result<Seen, Refusal> {
    let mut zip = Zip::open(Cursor::new(bytes), &limits())?;
    let entries = zip.entries().to_vec();
    let mut seen = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let contents = zip.read(index, 1 << 20)?;
        let name = entry.path.as_str().to_owned();
        seen.push(if entry.directory {
            (name + "/", String::new(), false)
        } else {
            (name, sha256_hex(&contents), entry.executable)
        });
    }
    Ok(seen)
}

fn tar_seen(bytes: &[u8]) -> Result<Seen, Refusal> {
    let mut tar = Tar::new(bytes, bytes.len() as u64, &limits());
    let mut seen = Vec::new();
    while let Some(member) = tar.next_member()? {
        let mut contents = Vec::new();
        tar.copy(&member, &mut |chunk| {
            contents.extend_from_slice(chunk);
            Ok(())
        })?;
        let name = member.path.as_str().to_owned();
        seen.push(if member.directory {
            (name + "/", String::new(), false)
        } else {
            (name, sha256_hex(&contents), member.executable)
        });
    }
    Ok(seen)
}

/// What lies on the disk afterwards; directories are told by their files.
fn tree_seen(
    filename: &str,
    bytes: &[u8],
    how: impl Fn(&Path, &Path, &Limits) -> Result<(), Refusal>,
) -> Result<Seen, Refusal> {
    let scratch = TempDir::new().unwrap();
    let (archive, place) = (scratch.path().join(filename), scratch.path().join("place"));
    std::fs::write(&archive, bytes).unwrap();
    how(&archive, &place, &limits())?;
    let mut seen = Vec::new();
    collect(&place, "", &mut seen);
    Ok(seen)
}

fn collect(directory: &Path, prefix: &str, seen: &mut Seen) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            collect(&path, &format!("{name}/"), seen);
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            seen.push((name, sha256_hex(&std::fs::read(&path).unwrap()), executable));
        }
    }
}

/// The names below the one directory that all are in.
fn below_top(seen: &Seen) -> Option<Seen> {
    let top = seen.first()?.0.split_once('/')?.0.to_owned() + "/";
    let inner = seen
        .iter()
        .map(|(name, digest, run)| Some((name.strip_prefix(&top)?.to_owned(), digest.clone(), *run)));
    inner.collect()
}

/// What a byte is changed to: each bit, the extremes, the neighbours, and what means something in names and numbers.
fn changes(byte: u8) -> Vec<u8> {
    let mut values: Vec<u8> = (0..8).map(|bit| byte ^ 1 << bit).collect();
    values.extend([0, 0xff, byte.wrapping_add(1), byte.wrapping_sub(1), b'/', b' ', b'7', 1]);
    values.sort_unstable();
    values.dedup();
    values.retain(|value| *value != byte);
    values
}

/// Numerical Recipes' generator: good enough for accidents.
struct Accidents(u64);

impl Accidents {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    /// One to three of: a byte changed, bytes copied from elsewhere, put in, taken out.
    fn happen_to(&mut self, honest: &[u8]) -> Vec<u8> {
        let mut bytes = honest.to_vec();
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let (at, from) = (self.below(bytes.len()), self.below(bytes.len()));
            let length = (1 + self.below(8)).min(bytes.len() - at).min(bytes.len() - from);
            match self.below(8) {
                0 => drop(bytes.splice(at..at, honest[..length].to_vec())),
                1 => drop(bytes.drain(at..at + length)),
                2 | 3 => bytes.copy_within(from..from + length, at),
                _ => {
                    let values = changes(bytes[at]);
                    bytes[at] = values[self.below(values.len())];
                }
            }
        }
        bytes
    }
}

// ZIP

fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_le_bytes();
    [&id.to_le_bytes()[..], &length, data].concat()
}

/// Members of all kinds that honest writers make.
fn honest_members() -> Vec<Member> {
    let mut path = vec![1];
    path.extend(crc(b"unicode").to_le_bytes());
    path.extend(b"unicode");
    vec![
        file("d/", b"").stored(),
        file("d/run", b"#!/bin/sh\n").with(|member| member.mode = 0o100_755),
        file("stored", b"some data").stored(),
        file("streamed", b"some data").with(|member| {
            member.flags |= 1 << 3;
            member.local.push((14, vec![0; 12]));
            let [packed, size] = [member.packed_data().len(), member.data.len()]
                .map(|size| u32::try_from(size).unwrap().to_le_bytes());
            member.descriptor =
                [&b"PK\x07\x08"[..], &crc(b"some data").to_le_bytes(), &packed, &size].concat();
        }),
        file("unicode", b"").stored().with(|member| member.extra_central = extra(0x7075, &path)),
        file("wide", b"data").stored().with(|member| {
            member.local.push((18, vec![0xff; 8]));
            member.central.push((20, vec![0xff; 8]));
            let sizes = [4_u64.to_le_bytes(), 4_u64.to_le_bytes()].concat();
            member.extra_local = extra(1, &sizes);
            member.extra_central = extra(1, &sizes);
        }),
        file("ü", b"timed").with(|member| member.extra_central = extra(0x5455, &[1, 0, 0, 0, 0])),
    ]
}

/// An archive with ZIP64's end records, which say what `change` makes of the truth.
fn zip64(old: [Option<usize>; 3], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let (mut bytes, entries, length, offset) = body(&honest_members());
    let mut records = b"PK\x06\x06".to_vec();
    records.extend(44_u64.to_le_bytes());
    records.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    records.extend([entries, entries, length, offset].iter().flat_map(|value| (*value as u64).to_le_bytes()));
    records.extend(b"PK\x06\x07\0\0\0\0");
    records.extend((bytes.len() as u64).to_le_bytes());
    records.extend([1, 0, 0, 0]);
    let told = |at: usize, real| old[at].unwrap_or(real);
    records.extend(end(told(0, entries), told(1, length), told(2, offset), b""));
    change(&mut records);
    bytes.extend(records);
    bytes
}

fn honest_zips() -> Vec<Vec<u8>> {
    let (mut commented, entries, length, offset) = body(&honest_members()[1..3]);
    commented.extend(end(entries, length, offset, b"a comment"));
    vec![
        zip(&honest_members()),
        commented,
        zip64([Some(0xffff), Some(0xffff_ffff), Some(0xffff_ffff)], |_| {}),
    ]
}

#[test]
fn a_zip_archive_with_any_byte_changed_means_the_same_to_zipfile() {
    let mut jury = Jury::default();
    for (which, honest) in honest_zips().into_iter().enumerate() {
        jury.hear(format!("zip {which}"), Reader::Zipfile, honest.clone());
        for at in 0..honest.len() {
            for value in changes(honest[at]) {
                let mut bytes = honest.clone();
                bytes[at] = value;
                jury.hear(format!("zip {which}, byte {at} is {value}"), Reader::Zipfile, bytes);
            }
        }
    }
    jury.agrees(4000);
}

#[test]
fn a_zip_archive_with_both_headers_changed_alike_means_the_same_to_zipfile() {
    let mut jury = Jury::default();
    let honest = honest_members();
    for which in 0..honest.len() {
        // From the version to the extra field: the same place, two bytes later in the central header.
        let (local, central) = (honest[which].local_bytes(), honest[which].central_bytes(0));
        let length = honest[which].local.iter().map(|(at, patch)| at + patch.len()).max().unwrap_or(0);
        let last = (30 + honest[which].name.len() + honest[which].extra_local.len()).max(length);
        for (at, &honest_byte) in local.iter().enumerate().take(last).skip(4) {
            let there = if at < 28 { at + 2 } else { at + 16 };
            for value in changes(honest_byte) {
                let mut members = honest.clone();
                members[which].local.push((at, vec![value]));
                if !(26..30).contains(&at) && there < central.len() {
                    members[which].central.push((there, vec![value]));
                }
                jury.hear(format!("member {which}, byte {at} is {value}"), Reader::Zipfile, zip(&members));
            }
        }
    }
    jury.agrees(700);
}

#[test]
fn zip_archives_that_had_accidents_mean_the_same_to_zipfile() {
    let mut jury = Jury::default();
    let mut accidents = Accidents(54_368);
    for (which, honest) in honest_zips().into_iter().enumerate() {
        for number in 0..8000 {
            let bytes = accidents.happen_to(&honest);
            jury.hear(format!("zip {which}, accident {number}"), Reader::Zipfile, bytes);
        }
    }
    jury.agrees(200);
}

/// Streams that only an inflater can tell: our own says what comes out, and the headers agree with it.
#[test]
fn a_compressed_stream_means_the_same_to_zlib() {
    let mut jury = Jury::default();
    let mut accidents = Accidents(1951);
    let text =
        b"a text that repeats itself, a text that repeats itself again, and again, and again".repeat(3);
    for honest in [deflate(&text), deflate(b"short"), deflate(&(0..=255).collect::<Vec<u8>>())] {
        for number in 0..6000 {
            let packed = accidents.happen_to(&honest);
            let mut data = Vec::new();
            let decoder = flate2::read::DeflateDecoder::new(&packed[..]);
            if decoder.take(1 << 20).read_to_end(&mut data).is_err() {
                continue;
            }
            let member = file("x", &data).with(|member| member.packed = Some(packed));
            jury.hear(format!("stream {number}"), Reader::Zipfile, zip(&[member]));
        }
    }
    jury.agrees(500);
}

/// The attacks that have names.
#[test]
fn zip_archives_that_were_made_to_be_read_in_two_ways_are_refused_or_mean_the_same() {
    let mut jury = Jury::default();
    let (good, evil) = (zip(&[file("d/good", b"1")]), zip(&[file("d/evil", b"2")]));
    let named = |name: &[u8], flags| file("x", b"1").with(|m| (m.name, m.flags) = (name.to_vec(), flags));
    let patched = |local: Vec<(usize, Vec<u8>)>, central: Vec<(usize, Vec<u8>)>| {
        zip(&[file("x", b"1").with(|member| (member.local, member.central) = (local, central))])
    };
    let with_extra = |bytes: Vec<u8>| zip(&[file("x", b"1").with(|member| member.extra_central = bytes)]);
    let unicode = |name: &[u8]| extra(0x7075, &[&[1][..], &crc(b"x").to_le_bytes(), name].concat());
    let (mut in_comment, entries, length, offset) = body(&[file("d/good", b"1")]);
    let (mut moved, two) =
        (body(&[file("d/good", b"1")]).0, body(&[file("d/good", b"1"), file("d/more", b"")]));
    in_comment.extend(end(entries, length, offset, &evil));
    moved.extend(end(entries, length, offset - 1, b""));
    let fewer = |told: usize| [two.0.clone(), end(told, two.2, two.3, b"")].concat();
    let second_end = [&good[..], &end(entries, length, offset, b"")].concat();
    let all = [
        ("honest", good.clone()),
        ("two archives, one behind the other", [&good[..], &evil[..]].concat()),
        ("an archive in the comment", in_comment),
        ("two end records", second_end),
        ("a byte behind the end", [&good[..], b"\n"].concat()),
        ("a script before the start", [b"#!/bin/sh\n", &good[..]].concat()),
        ("an offset that leads elsewhere", moved),
        ("fewer entries than there are", fewer(1)),
        ("more entries than there are", fewer(3)),
        ("an archive as a stored member", zip(&[file("d/inner.zip", &evil).stored()])),
        ("one name twice", zip(&[file("x", b"1"), file("x", b"2")])),
        ("names that differ in case", zip(&[file("x", b"1"), file("X", b"2")])),
        ("a NUL in a name", zip(&[named(b"good\0.py", 0)])),
        ("a name in code page 437", zip(&[named(b"\x81", 0)])),
        ("a name that is no UTF-8", zip(&[named(b"\x81", 1 << 11)])),
        ("a byte order mark", zip(&[named("\u{feff}x".as_bytes(), 1 << 11)])),
        ("a backslash", zip(&[named(b"a\\b", 0)])),
        ("another local name", patched(vec![(30, b"y".to_vec())], vec![])),
        ("another local method", patched(vec![(8, vec![0, 0])], vec![])),
        ("other local flags", patched(vec![(6, vec![0, 8])], vec![])),
        ("another local CRC", patched(vec![(14, vec![0; 4])], vec![])),
        ("a wrong CRC", patched(vec![(14, vec![0; 4])], vec![(16, vec![0; 4])])),
        ("no sizes without a descriptor", patched(vec![(14, vec![0; 12])], vec![])),
        ("patched data", patched(vec![(6, vec![0x20, 0])], vec![(8, vec![0x20, 0])])),
        ("a disk that is not there", patched(vec![], vec![(34, vec![1, 0])])),
        ("a Unicode path that differs", with_extra(unicode(b"y"))),
        ("a Unicode path that is empty", with_extra(unicode(b""))),
        ("a Unicode path that is the same", with_extra(unicode(b"x"))),
        ("two ZIP64 fields", with_extra([extra(1, &[0; 16]), extra(1, &[1; 16])].concat())),
        ("ZIP64 sizes that nobody asked for", with_extra(extra(1, &[9; 16]))),
        ("half an extra field", with_extra(vec![1])),
        ("ZIP64's values beside the old ones", zip64([None; 3], |_| {})),
        ("ZIP64's entries differ", zip64([Some(1), None, None], |_| {})),
        ("ZIP64's length differs", zip64([None, Some(1), None], |_| {})),
        ("ZIP64's offset differs", zip64([None, None, Some(1)], |_| {})),
        ("ZIP64's record is elsewhere", zip64([None; 3], |records| records[64] ^= 1)),
        ("a byte between ZIP64's records", zip64([None; 3], |records| records.insert(56, 0))),
        ("ZIP64's record is longer", zip64([None; 3], |records| records[4] = 45)),
    ];
    for (what, bytes) in all {
        jury.hear(what, Reader::Zipfile, bytes.clone());
        jury.hear(format!("{what}, to pip"), Reader::Pip, bytes);
    }
    jury.agrees(6);
}

// Wheels

const WHEEL: &str = "demo-1.0-py3-none-any.whl";

/// A wheel of one module whose METADATA are these, and whose RECORD is what `change` makes of the true one.
fn wheel(metadata: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    use sha2::Digest as _;
    let info = |name: &str| format!("demo-1.0.dist-info/{name}");
    let mut members = vec![
        file("demo.py", b"x = 1\n"),
        file(&info("METADATA"), metadata),
        file(&info("WHEEL"), b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
    ];
    let line = |member: &Member| {
        let name = std::str::from_utf8(&member.name).unwrap();
        format!("{name},sha256={},{}\n", base64_url(&sha2::Sha256::digest(&member.data)), member.data.len())
    };
    let mut record = members.iter().map(line).collect::<String>() + &info("RECORD,,\n");
    let mut bytes = std::mem::take(&mut record).into_bytes();
    change(&mut bytes);
    members.push(file(&info("RECORD"), &bytes));
    zip(&members)
}

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: demo\nSummary: a\n b: c\nVersion: 1.0\n\nName: body\n";

#[test]
fn a_record_means_the_same_to_pythons_csv() {
    let mut jury = Jury::default();
    let mut honest = Vec::new();
    let whole = wheel(METADATA, |record| honest.clone_from(record));
    jury.hear("honest", Reader::WheelTools, whole);
    let quoted = String::from_utf8(honest.clone()).unwrap().replace("demo.py", "\"demo.py\"").into_bytes();
    let mut accidents = Accidents(376);
    for (which, record) in [honest, quoted].into_iter().enumerate() {
        for at in 0..record.len() {
            for value in [b'"', b',', b'\n', b'\r', b' ', b'=', 0, record[at] ^ 0x20, record[at] ^ 1] {
                let bytes = wheel(METADATA, |changed| {
                    changed.clone_from(&record);
                    changed[at] = value;
                });
                jury.hear(format!("RECORD {which}, byte {at} is {value}"), Reader::WheelTools, bytes);
            }
        }
        for number in 0..500 {
            let bytes = wheel(METADATA, |changed| *changed = accidents.happen_to(&record));
            jury.hear(format!("RECORD {which}, accident {number}"), Reader::WheelTools, bytes);
        }
    }
    jury.agrees(5);
}

#[test]
fn a_name_and_a_version_mean_the_same_to_pythons_email() {
    let mut jury = Jury::default();
    for at in 0..METADATA.len() {
        for value in [b':', b'\n', b'\r', b' ', b'\t', b'-', b'\x0c', 0, METADATA[at] ^ 0x20] {
            let mut metadata = METADATA.to_vec();
            metadata[at] = value;
            let what = format!("METADATA, byte {at} is {value}");
            jury.hear(what, Reader::WheelTools, wheel(&metadata, |_| {}));
        }
    }
    let mut accidents = Accidents(822);
    for number in 0..1500 {
        let metadata = accidents.happen_to(METADATA);
        jury.hear(format!("METADATA, accident {number}"), Reader::WheelTools, wheel(&metadata, |_| {}));
    }
    jury.agrees(100);
}

// tar

/// One record of an extended header, its own length included.
fn keyword(keyword: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {keyword}={value}\n");
    let length = (1..999).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
    format!("{length}{rest}").into_bytes()
}

/// Headers of all kinds that honest writers make, each with its contents.
fn honest_headers() -> Vec<(&'static str, u8, Vec<u8>)> {
    vec![
        ("pax_global_header", b'g', keyword("comment", "0123")),
        ("d/", b'5', vec![]),
        ("d/file", b'0', b"a line\n".repeat(80)),
        (
            "PaxHeader",
            b'x',
            [keyword("mtime", "1.5"), keyword("path", "d/pax"), keyword("size", "4")].concat(),
        ),
        ("short", b'0', b"four".to_vec()),
        ("././@LongLink", b'L', b"d/long\0".to_vec()),
        ("short", 0, b"long".to_vec()),
        ("d/last", b'0', b"last".to_vec()),
    ]
}

/// What an honest writer puts into the fields of all headers.
fn usual() -> Vec<(usize, Vec<u8>)> {
    let octal = |at: usize| (at, b"0001750\0".to_vec());
    vec![
        octal(108),
        octal(116),
        (136, b"15013414321\0".to_vec()),
        (265, b"user".to_vec()),
        octal(329),
        octal(337),
    ]
}

/// The honest archive with more patches of header `which`.
fn tar_with(which: usize, patches: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let members = honest_headers().into_iter().enumerate().map(|(at, (name, kind, data))| {
        let more = if at == which { patches } else { &[] };
        tar_patched(name, kind, &data, &[&usual()[..], more].concat())
    });
    tar(&members.collect::<Vec<_>>())
}

#[test]
fn a_tar_archive_with_any_byte_of_a_header_changed_means_the_same_to_tarfile() {
    let mut jury = Jury::default();
    let honest = tar_with(usize::MAX, &[]);
    let mut start = 0;
    for (which, (_, _, data)) in honest_headers().into_iter().enumerate() {
        for at in (0..512).filter(|at| !(148..156).contains(at)) {
            // Of names of users, and of what follows the start of the prefix, a few places will do.
            if (at > 265 && at < 329 || at > 350) && at % 16 != 0 {
                continue;
            }
            for value in changes(honest[start + at]) {
                let bytes = tar_with(which, &[(at, vec![value])]);
                jury.hear(format!("header {which}, byte {at} is {value}"), Reader::Tarfile, bytes);
            }
        }
        start += 512 + data.len().next_multiple_of(512);
    }
    assert_eq!(start + 1024, honest.len());
    jury.agrees(4000);
}

#[test]
fn a_tar_archive_with_any_byte_of_an_extension_changed_means_the_same_to_tarfile() {
    let mut jury = Jury::default();
    let mut accidents = Accidents(62_518);
    for which in [0, 3, 5] {
        let rebuilt = |bytes: &dyn Fn(&[u8]) -> Vec<u8>| {
            let members = honest_headers().into_iter().enumerate().map(|(at, (name, kind, data))| {
                let data = if at == which { bytes(&data) } else { data };
                tar_patched(name, kind, &data, &usual())
            });
            tar(&members.collect::<Vec<_>>())
        };
        let honest = honest_headers().remove(which).2;
        for at in 0..honest.len() {
            for value in changes(honest[at]) {
                let bytes = rebuilt(&|data| {
                    let mut data = data.to_vec();
                    data[at] = value;
                    data
                });
                jury.hear(format!("extension {which}, byte {at} is {value}"), Reader::Tarfile, bytes);
            }
        }
        for number in 0..3000 {
            let data = accidents.happen_to(&honest);
            let bytes = rebuilt(&|_| data.clone());
            jury.hear(format!("extension {which}, accident {number}: {data:?}"), Reader::Tarfile, bytes);
        }
    }
    jury.agrees(300);
}

#[test]
fn tar_archives_that_had_accidents_mean_the_same_to_tarfile_and_pip() {
    let mut jury = Jury::default();
    let honest = tar_with(usize::MAX, &[]);
    let mut accidents = Accidents(1003);
    for number in 0..4000 {
        jury.hear(format!("accident {number}"), Reader::Tarfile, accidents.happen_to(&honest));
    }
    // gzip's own bytes, the checksum of which is right seldom.
    let packed = gzip(&honest);
    for at in (0..packed.len()).filter(|at| *at < 24 || at + 24 > packed.len() || at % 8 == 0) {
        for value in changes(packed[at]) {
            let mut bytes = packed.clone();
            bytes[at] = value;
            jury.hear(format!("gzip, byte {at} is {value}"), Reader::Pip, bytes);
        }
    }
    jury.agrees(100);
}

#[test]
fn tar_archives_that_were_made_to_be_read_in_two_ways_are_refused_or_mean_the_same() {
    let mut jury = Jury::default();
    let inner = tar(&[tar_member("d/evil", b'0', b"2")]);
    let header = |name: &str, kind, data: &[u8]| tar_patched(name, kind, data, &usual());
    let pax = |records: &[Vec<u8>]| header("PaxHeader", b'x', &records.concat());
    let (x, y) = (|| header("d/x", b'0', b"1"), || header("d/y", b'0', b"2"));
    let long = |name: &[u8]| header("././@LongLink", b'L', name);
    let hidden_size = |told: &str| {
        // The size in the header is none: whoever does not heed the keyword reads the contents as members.
        let mut empty = tar_patched("d/x", b'0', &inner, &[(124, b"00000000000\0".to_vec())]);
        empty.truncate(512 + inner.len().next_multiple_of(512));
        tar(&[pax(&[keyword("size", told)]), empty])
    };
    let patched = |at: usize, bytes: &[u8]| {
        tar(&[x(), tar_patched("d/y", b'0', b"2", &[&usual()[..], &[(at, bytes.to_vec())]].concat())])
    };
    let padded = |mut extension: Vec<u8>, behind: usize, with: &[u8]| {
        extension[512 + behind..512 + behind + with.len()].copy_from_slice(with);
        tar(&[extension, x()])
    };
    let honest = tar(&[x(), y()]);
    let all = [
        ("honest", honest.clone()),
        ("CVE-2025-62518: a size that only a keyword tells", hidden_size(&inner.len().to_string())),
        (
            "a size that a keyword takes away",
            tar(&[pax(&[keyword("size", "0")]), header("d/x", b'0', &inner)]),
        ),
        ("a size with a sign", tar(&[pax(&[keyword("size", "+1")]), x()])),
        ("a size in other digits", tar(&[pax(&[keyword("size", "١")]), x()])),
        ("a path by keyword", tar(&[pax(&[keyword("path", "d/z")]), x()])),
        ("a path with a slash behind", tar(&[pax(&[keyword("path", "d/z/")]), x()])),
        ("a path twice", tar(&[pax(&[keyword("path", "d/z"), keyword("path", "d/w")]), x()])),
        ("a path by keyword and by GNU", tar(&[pax(&[keyword("path", "d/z")]), long(b"d/w\0"), x()])),
        ("a path by GNU and by keyword", tar(&[long(b"d/w\0"), pax(&[keyword("path", "d/z")]), x()])),
        ("a path for all", tar(&[header("g", b'g', &keyword("path", "d/z")), x()])),
        ("a keyword without a name", tar(&[pax(&[b"5 =a\n".to_vec(), keyword("path", "d/z")]), x()])),
        ("a keyword in the padding", padded(pax(&[keyword("a", "b")]), 8, &keyword("path", "d/z"))),
        ("a name that goes on in the padding", padded(long(b"d/w"), 3, b"v")),
        ("a name behind a NUL", tar(&[long(b"d/w\0v"), x()])),
        ("a name that is a directory's", tar(&[pax(&[keyword("path", "d/z")]), header("d/e/", 0, &inner)])),
        ("a directory with contents", tar(&[header("d/e/", b'5', &inner)])),
        ("a sparse file", tar(&[pax(&[keyword("GNU.sparse.realsize", "9")]), x()])),
        ("GNU's old sparse file", tar(&[header("d/x", b'S', b"1")])),
        ("a hard link with contents", tar(&[header("d/x", b'1', &inner)])),
        ("a symbolic link", tar(&[tar_patched("d/x", b'2', b"", &[(157, b"/etc".to_vec())])])),
        ("a device", tar(&[header("d/x", b'3', b"")])),
        ("a contiguous file", tar(&[header("d/x", b'7', b"1")])),
        ("a kind that nobody knows", tar(&[header("d/x", b'Z', b"1")])),
        ("Solaris' keywords", tar(&[header("d/x", b'X', &keyword("path", "d/z")), x()])),
        ("a size in base 256", patched(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")),
        ("a size below zero", patched(124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
        ("a size with an underscore", patched(124, b"0000000_001\0")),
        ("a size with spaces", patched(124, b"          1 ")),
        ("an owner that is no number", patched(108, b"nobody\0\0")),
        ("an owner in base 256", patched(108, b"\x80\0\0\0\0\0\x10\0")),
        ("a time that is no number", patched(136, b"yesterday\0\0\0")),
        ("no time", patched(136, &[0; 12])),
        ("a device number that is none", patched(329, b"none\0\0\0\0")),
        ("no device numbers", patched(329, &[0; 16])),
        ("a mode that is no number", patched(100, b"rw-r--r-")),
        ("a prefix", patched(345, b"p")),
        ("members behind the end", [&honest[..], &inner[..]].concat()),
        ("one block of zeros between members", [&x()[..], &[0; 512], &tar(&[y()])[..]].concat()),
        ("one block of zeros at the end", honest[..honest.len() - 512].to_vec()),
        ("no end", honest[..honest.len() - 1024].to_vec()),
        ("zeros behind the end", [&honest[..], &[0; 4096]].concat()),
        ("no members", vec![0; 1024]),
    ];
    for (what, bytes) in all {
        jury.hear(what, Reader::Tarfile, bytes.clone());
        jury.hear(format!("{what}, to pip"), Reader::Pip, gzip(&bytes));
        jury.hear(format!("{what}, to pip, plain"), Reader::Pip, bytes);
    }
    let half = honest[..512].to_vec();
    let evil = zip(&[file("evil", b"2")]);
    let packed = gzip(&honest);
    let containers = [
        ("two gzip members", [gzip(&half), gzip(&honest[512..])].concat()),
        ("two archives", [&packed[..], &gzip(&inner)[..]].concat()),
        ("bytes behind the stream", [&packed[..], b"x"].concat()),
        ("zeros behind the stream", [&packed[..], &[0; 512]].concat()),
        ("a ZIP archive behind the stream", [&packed[..], &evil[..]].concat()),
        ("a ZIP archive as the last member", tar(&[x(), header("d/evil.zip", b'0', &evil)])),
        ("a ZIP archive as the last member, packed", gzip(&tar(&[x(), header("d/evil.zip", b'0', &evil)]))),
        ("a ZIP archive by another name", zip(&[file("d/x", b"1"), file("d/y", b"2")])),
        ("an archive whose name begins like a ZIP archive", tar(&[header("PK/x", b'0', b"1")])),
    ];
    for (what, bytes) in containers {
        jury.hear(what, Reader::Pip, bytes);
    }
    jury.agrees(15);
}
