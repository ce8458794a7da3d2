//! ZIP archives that are wrong in one place. Each is refused, and leaves nothing behind.

use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;

use super::limits::Limits;
use super::testing::{Member, Place, body, crc, deflate, end, file, refused, tight, zip};
use super::zip::Zip;
use crate::package::unpack::extract_zip;

fn refusal(bytes: &[u8]) -> String {
    refused("a.zip", bytes, |archive, destination| extract_zip(archive, destination, &tight()))
}

fn refusal_of(member: Member) -> String {
    refusal(&zip(&[file("first", b"1"), member, file("last", b"2")]))
}

fn le16(value: u16) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn le32(value: u32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = le16(id);
    bytes.extend(le16(u16::try_from(data.len()).unwrap()));
    bytes.extend(data);
    bytes
}

fn descriptor(signed: bool, wide: bool, member: &Member) -> Vec<u8> {
    let mut bytes = if signed { b"PK\x07\x08".to_vec() } else { Vec::new() };
    bytes.extend(le32(crc(&member.data)));
    for size in [member.packed_data().len() as u64, member.data.len() as u64] {
        let size = size.to_le_bytes();
        bytes.extend(if wide { &size[..] } else { &size[..4] });
    }
    bytes
}

/// A member as writers to a pipe make it: sizes and CRC behind the data only.
fn streamed(signed: bool, wide: bool) -> Member {
    file("s", b"some data").with(|member| {
        member.flags |= 1 << 3;
        member.local.push((14, vec![0; 12]));
        member.descriptor = descriptor(signed, wide, member);
    })
}

fn assert_unpacks(bytes: &[u8], expected: &[(&str, &str)]) {
    let place = Place::new();
    let archive = place.put("a.zip", bytes);
    let counts = extract_zip(&archive, &place.destination(), &tight()).unwrap();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    assert_eq!(place.files(), expected);
    let bytes: usize = expected.iter().map(|(_, text)| text.len()).sum();
    assert_eq!(counts, (expected.len() as u64, bytes as u64));
    assert_eq!(place.left_over(&archive), [place.destination()]);
}

#[test]
fn an_archive_without_flaws_is_unpacked_whole() {
    let members = [
        file("a/", b"").stored(),
        file("a/b.py", b"print()"),
        file("a/ü", b"stored").stored(),
        file("empty", b""),
    ];
    assert_unpacks(&zip(&members), &[("a/b.py", "print()"), ("a/ü", "stored"), ("empty", "")]);
    assert_unpacks(&zip(&[]), &[]);
    let (mut commented, entries, length, offset) = body(&members[1..2]);
    commented.extend(end(entries, length, offset, b"a comment"));
    assert_unpacks(&commented, &[("a/b.py", "print()")]);
}

#[test]
fn members_of_any_length_come_out_as_they_went_in() {
    // Lengths around that of the buffers, easy and hard to compress.
    for length in [1, 65_535, 65_536, 65_537, 300_000] {
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let text: Vec<u8> = (0..length).map(|at| b"abcdefg "[(at % 8) ^ (at / 1000 % 8)]).collect();
        let members = [file("noise", &noise), file("text", &text), file("stored", &noise).stored()];
        let mut zip = Zip::open(Cursor::new(zip(&members)), &Limits::default()).unwrap();
        for (index, expected) in [&noise, &text, &noise].into_iter().enumerate() {
            assert!(zip.read(index, 1 << 20).unwrap() == *expected, "{length} {index}");
        }
    }
}

#[test]
fn data_descriptors_are_read_in_all_their_forms() {
    for (signed, wide) in [(true, false), (false, false), (true, true), (false, true)] {
        assert_unpacks(&zip(&[streamed(signed, wide), file("t", b"x")]), &[("s", "some data"), ("t", "x")]);
    }
}

#[test]
fn execute_bits_are_kept_and_no_other() {
    let place = Place::new();
    let mode = |name: &str, mode| file(name, b"").with(|member| member.mode = mode);
    let members = [mode("plain", 0o100_666), mode("run", 0o104_711), mode("bare", 0)];
    let archive = place.put("a.zip", &zip(&members));
    extract_zip(&archive, &place.destination(), &tight()).unwrap();
    let found = ["plain", "run", "bare"].map(|name| {
        let metadata = crate::fs::metadata(&place.destination().join(name)).unwrap();
        // Whoever runs this may have any umask.
        metadata.permissions().mode() & 0o7100
    });
    assert_eq!(found, [0, 0o100, 0]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["/etc/passwd", "../x", "a/../../x", "./x", "a//x", "a\\x", "a\0x", "C:/x", "a\nx", ".."] {
        assert!(refusal_of(file(name, b"")).contains("its path"), "{name:?}");
    }
    let cases = [
        (&b"\xff\xfe"[..], 1 << 11, "member '\u{fffd}\u{fffd}': its name is not UTF-8"),
        ("ü".as_bytes(), 0, "member 'ü': its name is not ASCII and not marked as UTF-8"),
        (&b""[..], 0, "member '': its name is empty"),
        (&b"/"[..], 0, "member '': its name is empty"),
    ];
    for (name, flags, expected) in cases {
        let member = file("x", b"").with(|member| {
            member.name = name.to_vec();
            member.flags = flags;
        });
        assert_eq!(refusal_of(member), expected);
    }
}

#[test]
fn duplicate_and_colliding_names_are_refused() {
    for (name, expected) in [
        ("first", "member 'first': it is there twice"),
        ("First", "member 'First': another path differs only in case"),
        ("first/x", "member 'first/x': it is a file and a directory"),
        ("first/", "member 'first': it is a file and a directory"),
    ] {
        assert_eq!(refusal_of(file(name, b"")), expected);
    }
}

#[test]
fn links_and_special_files_are_refused() {
    for mode in [0o120_777, 0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        let member = file("x", b"target").with(|member| member.mode = mode);
        assert_eq!(refusal_of(member), "member 'x': it is a link or a special file");
    }
    for (name, mode) in [("x", 0o040_755), ("x/", 0o100_644)] {
        let member = file(name, b"").with(|member| member.mode = mode);
        assert_eq!(refusal_of(member), format!("member '{name}': it is a file and a directory"));
    }
    let dos = file("x", b"").with(|member| member.central.push((38, vec![0x10])));
    assert_eq!(refusal_of(dos), "member 'x': it is a file and a directory");
}

#[test]
fn encryption_and_unknown_features_are_refused() {
    for (flags, expected) in [
        (1, "it is encrypted"),
        (1 << 6, "it is encrypted"),
        (1 << 13, "it is encrypted"),
        (1 << 5, "it has flags that we do not know"),
        (1 << 4, "it has flags that we do not know"),
    ] {
        let member = file("x", b"data").with(|member| member.flags = flags);
        assert_eq!(refusal_of(member), format!("member 'x': {expected}"));
    }
    for method in [1, 9, 12, 14, 93, 99] {
        let member = file("x", b"data").with(|member| member.method = method);
        assert_eq!(refusal_of(member), "member 'x': it is compressed by an unsupported method");
    }
}

#[test]
fn a_local_header_that_differs_from_the_central_one_is_refused() {
    for (at, bytes, expected) in [
        (0, b"PK\x03\x05".to_vec(), "its local header is missing"),
        (6, le16(1 << 1), "its local header has another method or other flags"),
        (8, le16(0), "its local header has another method or other flags"),
        (14, le32(1), "its local header has other sizes or another CRC"),
        (18, le32(1), "its local header has other sizes or another CRC"),
        (22, le32(1), "its local header has other sizes or another CRC"),
        (14, vec![0; 12], "its local header has other sizes or another CRC"),
        (30, b"y".to_vec(), "its local header has another name"),
    ] {
        let member = file("x", b"some data").with(|member| member.local.push((at, bytes)));
        assert_eq!(refusal_of(member), format!("member 'x': {expected}"), "{at}");
    }
}

#[test]
fn a_wrong_crc_or_size_is_refused() {
    let both = |at: usize, bytes: &[u8]| {
        file("x", b"some data").with(|member| {
            member.local.push((at, bytes.to_vec()));
            member.central.push((at + 2, bytes.to_vec()));
        })
    };
    assert_eq!(refusal_of(both(14, &[0; 4])), "member 'x': its CRC is wrong");
    assert_eq!(refusal_of(both(22, &le32(8))), "member 'x': it is longer than its header says");
    assert_eq!(refusal_of(both(22, &le32(10))), "member 'x': it is shorter than its header says");
    assert_eq!(refusal_of(both(22, &le32(8)).stored()), "member 'x': its sizes are impossible");
    let directory = file("x/", b"data");
    assert_eq!(refusal_of(directory), "member 'x/': its sizes are impossible");
}

#[test]
fn compressed_data_that_are_not_exactly_one_stream_are_refused() {
    let with = |packed: Vec<u8>| file("x", b"some data").with(|member| member.packed = Some(packed));
    let whole = deflate(b"some data");
    let longer = [&whole[..], b"?"].concat();
    let shorter = whole[..whole.len() - 1].to_vec();
    let twice = [&whole[..], &whole[..]].concat();
    assert_eq!(refusal_of(with(longer)), "member 'x': bytes follow its compressed data");
    assert_eq!(refusal_of(with(twice)), "member 'x': bytes follow its compressed data");
    assert_eq!(refusal_of(with(shorter)), "member 'x': its compressed data end too early");
    assert_eq!(refusal_of(with(vec![0xff; 20])), "member 'x': its compressed data are corrupt");
    assert_eq!(refusal_of(with(Vec::new())), "member 'x': its compressed data end too early");
}

#[test]
fn a_descriptor_that_differs_from_the_header_is_refused() {
    let expected = "member 's': its data are followed by something else than what its header promises";
    for at in 0..16 {
        let member = streamed(true, false).with(|member| member.descriptor[at] ^= 1);
        assert_eq!(refusal_of(member), expected, "{at}");
    }
    assert_eq!(refusal_of(streamed(true, false).with(|member| member.descriptor.clear())), expected);
    assert_eq!(refusal_of(streamed(true, false).with(|member| member.descriptor.push(0))), expected);
}

#[test]
fn every_truncation_is_refused() {
    let whole = zip(&[file("a", b"some data"), streamed(true, false)]);
    for length in 0..whole.len() {
        refusal(&whole[..length]);
    }
}

#[test]
fn trailing_and_prepended_bytes_are_refused() {
    let whole = zip(&[file("a", b"data")]);
    let trailing = [&whole[..], b"x"].concat();
    assert_eq!(refusal(&trailing), "bytes follow the end of central directory record");
    let prepended = [b"#!/bin/sh\n", &whole[..]].concat();
    assert_eq!(refusal(&prepended), "its central directory is not where its end record says");
    let other = zip(&[file("b", b"data")]);
    let joined = [&other[..], &whole[..]].concat();
    assert_eq!(refusal(&joined), "its central directory is not where its end record says");
}

#[test]
fn prepended_bytes_are_refused_with_adjusted_offsets_too() {
    let member = file("a", b"data");
    let mut bytes = b"#!/bin/sh\n".to_vec();
    let central = member.central_bytes(bytes.len());
    bytes.extend(member.local_bytes());
    let offset = bytes.len();
    bytes.extend(&central);
    bytes.extend(end(1, central.len(), offset, b""));
    assert_eq!(refusal(&bytes), "bytes precede its first member");
    let mut empty = b"#!/bin/sh\n".to_vec();
    empty.extend(end(0, 0, 10, b""));
    assert_eq!(refusal(&empty), "bytes precede its first member");
}

#[test]
fn an_archive_in_the_comment_is_refused() {
    let (mut bytes, entries, length, offset) = body(&[file("a", b"good")]);
    bytes.extend(end(entries, length, offset, &zip(&[file("a", b"evil")])));
    assert_eq!(refusal(&bytes), "its central directory is not where its end record says");
    let (mut bytes, entries, length, offset) = body(&[file("a", b"good")]);
    bytes.extend(end(entries, length, offset, b"PK\x05\x06"));
    assert_eq!(refusal(&bytes), "its end of central directory is cut short");
}

#[test]
fn overlapping_members_and_gaps_are_refused() {
    let (first, second) = (file("a", b"data"), file("b", b"data"));
    // Both entries lead to one local header.
    let mut bytes = first.local_bytes();
    let central = [first.central_bytes(0), second.central_bytes(0)].concat();
    let offset = bytes.len();
    bytes.extend(&central);
    bytes.extend(end(2, central.len(), offset, b""));
    assert_eq!(refusal(&bytes), "member 'a': it overlaps the next member");
    // A member that the central directory does not know lies between two.
    for hidden in [file("hidden", b"x").local_bytes(), b"?".to_vec()] {
        let mut bytes = [first.local_bytes(), hidden].concat();
        let at = bytes.len();
        bytes.extend(second.local_bytes());
        let central = [first.central_bytes(0), second.central_bytes(at)].concat();
        let offset = bytes.len();
        bytes.extend(&central);
        bytes.extend(end(2, central.len(), offset, b""));
        let refusal = refusal(&bytes);
        assert!(
            refusal == "member 'a': it overlaps the next member, or something lies between them"
                || refusal.ends_with("followed by something else than what its header promises"),
            "{refusal}"
        );
    }
}

#[test]
fn a_central_directory_with_more_or_fewer_entries_is_refused() {
    let members = [file("a", b"data"), file("b", b"data")];
    for (entries, expected) in [
        (1, "its central directory is longer than its members need"),
        (3, "its central directory is cut short"),
    ] {
        let (mut bytes, _, length, offset) = body(&members);
        bytes.extend(end(entries, length, offset, b""));
        assert_eq!(refusal(&bytes), expected);
    }
    let (mut bytes, entries, length, offset) = body(&members);
    bytes.extend(end(entries, length, offset, b""));
    let disk = bytes.len() - 18;
    bytes[disk] = 1;
    assert_eq!(refusal(&bytes), "it is a part of a multi-volume archive");
}

#[test]
fn a_unicode_path_field_must_say_what_the_header_says() {
    let field = |version: u8, name: &str, told: &str| {
        let mut data = vec![version];
        data.extend(le32(crc(name.as_bytes())));
        data.extend(told.as_bytes());
        extra(0x7075, &data)
    };
    let right = file("x", b"").with(|member| member.extra_central = field(1, "x", "x"));
    assert_unpacks(&zip(&[right]), &[("x", "")]);
    let wrong = [field(1, "x", "y"), field(1, "y", "x"), field(2, "x", "x"), extra(0x7075, b"")];
    for bytes in wrong {
        let expected = "member 'x': an extra field gives it another name";
        assert_eq!(refusal_of(file("x", b"").with(|member| member.extra_central = bytes.clone())), expected);
        assert_eq!(refusal_of(file("x", b"").with(|member| member.extra_local = bytes)), expected);
    }
    for bytes in [vec![0], vec![1, 2, 3], le32(0x0008_5455), [extra(1, b""), extra(1, b"")].concat()] {
        let member = file("x", b"").with(|member| member.extra_central = bytes);
        assert_eq!(refusal_of(member), "member 'x': its extra fields are malformed");
    }
}

fn zip64_sizes(size: u64, packed: u64) -> Vec<u8> {
    extra(1, &[size.to_le_bytes(), packed.to_le_bytes()].concat())
}

#[test]
fn zip64_sizes_are_read_where_the_header_says_see_there() {
    let wide = |extra: Vec<u8>| {
        file("x", b"data").stored().with(|member| {
            member.local.push((18, vec![0xff; 8]));
            member.central.push((20, vec![0xff; 8]));
            member.extra_local.clone_from(&extra);
            member.extra_central = extra;
        })
    };
    assert_unpacks(&zip(&[wide(zip64_sizes(4, 4))]), &[("x", "data")]);
    let expected = "member 'x': its ZIP64 sizes contradict its header";
    assert_eq!(refusal_of(wide(Vec::new())), expected);
    assert_eq!(refusal_of(wide(extra(1, &[4; 8]))), expected);
    assert_eq!(refusal_of(wide(extra(1, &[0; 24]))), expected);
    let needless = file("x", b"data").with(|member| member.extra_central = zip64_sizes(4, 4));
    assert_eq!(refusal_of(needless), expected);
    let local = file("x", b"data").with(|member| member.extra_local = zip64_sizes(4, 4));
    assert_eq!(refusal_of(local), "member 'x': its local ZIP64 sizes contradict its header");
}

/// ZIP64's end record and locator for an archive of these values.
fn end64(values: [u64; 4], position: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(position.to_le_bytes());
    bytes.extend([1, 0, 0, 0]);
    bytes
}

#[test]
fn zip64_end_records_must_not_contradict_the_old_one() {
    let build = |change: &dyn Fn(&mut [u64; 4], &mut u64), old: [Option<usize>; 3]| {
        let (mut bytes, entries, length, offset) = body(&[file("a", b"data")]);
        let mut values = [entries as u64, entries as u64, length as u64, offset as u64];
        let mut position = bytes.len() as u64;
        change(&mut values, &mut position);
        bytes.extend(end64(values, position));
        let [entries, length, offset] = [entries, length, offset]
            .into_iter()
            .zip(old)
            .map(|(real, told)| told.unwrap_or(real))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        bytes.extend(end(entries, length, offset, b""));
        bytes
    };
    let unsaid = [Some(0xffff), Some(0xffff_ffff), Some(0xffff_ffff)];
    assert_unpacks(&build(&|_, _| {}, unsaid), &[("a", "data")]);
    assert_unpacks(&build(&|_, _| {}, [None; 3]), &[("a", "data")]);
    let expected = "its ZIP64 end records contradict it";
    assert_eq!(refusal(&build(&|_, _| {}, [Some(2), None, None])), expected);
    assert_eq!(refusal(&build(&|_, _| {}, [None, Some(1), None])), expected);
    assert_eq!(refusal(&build(&|_, _| {}, [None, None, Some(1)])), expected);
    assert_eq!(refusal(&build(&|values, _| values[0] = 2, unsaid)), expected);
    assert_eq!(refusal(&build(&|_, position| *position -= 1, unsaid)), expected);
    let elsewhere = build(&|values, _| values[3] = u64::MAX, unsaid);
    assert_eq!(refusal(&elsewhere), "its central directory is not where its end record says");
    let mut no_records = body(&[file("a", b"data")]).0;
    no_records.extend(end(0xffff, 0xffff_ffff, 0xffff_ffff, b""));
    assert_eq!(refusal(&no_records), "its central directory is not where its end record says");
}

#[test]
fn bombs_are_refused_before_anything_is_unpacked() {
    let expected = "more than 100 bytes out of each byte of the archive";
    assert_eq!(refusal_of(file("x", &vec![0; 200_000])), expected);
    let total = vec![7; (1 << 20) + 1];
    assert_eq!(refusal_of(file("x", &total).stored()), "more than 1048576 bytes unpacked");
    let many: Vec<Member> = (0..11).map(|at| file(&at.to_string(), b"")).collect();
    assert_eq!(refusal(&zip(&many)), "more than 10 members");
    // Two GiB by the headers; it does not have to be so to be refused.
    let lie = file("x", b"data").with(|member| {
        member.local.push((22, le32(1 << 31)));
        member.central.push((24, le32(1 << 31)));
    });
    assert_eq!(refusal_of(lie), expected);
}

#[test]
fn a_destination_in_use_is_left_alone() {
    let place = Place::new();
    let archive = place.put("a.zip", &zip(&[file("a", b"new")]));
    place.put("destination/mine", b"old");
    let refusal = extract_zip(&archive, &place.destination(), &tight()).unwrap_err();
    assert_eq!(refusal.to_string(), format!("{} is not an empty directory", place.destination().display()));
    assert_eq!(place.files(), [("mine".to_owned(), "old".to_owned())]);
}
