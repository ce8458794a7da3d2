//! Tar archives that are wrong in one place. Each is refused, and leaves nothing behind.

use std::path::Path;

use super::container;
use super::limits::Limits;
use super::refusal::Refusal;
use super::testing::{Place, gzip, refused, tar, tar_member, tar_patched, tight};
use super::tree::Tree;

fn extract_within(archive: &Path, destination: &Path, limits: &Limits) -> Result<(), Refusal> {
    let mut tree = Tree::begin(destination)?;
    container::extract(archive, &mut tree, limits)?;
    tree.finish()
}

fn extract(archive: &Path, destination: &Path) -> Result<(), Refusal> {
    extract_within(archive, destination, &tight())
}

fn refusal(bytes: &[u8]) -> String {
    refused("a.tar", bytes, extract)
}

fn refusal_of(members: &[Vec<u8>]) -> String {
    let plain = tar(&[&[tar_member("first", b'0', b"1")], members].concat());
    let refusal_plain = refusal(&plain);
    assert_eq!(refusal(&gzip(&plain)), refusal_plain);
    refusal_plain
}

fn assert_unpacks(bytes: &[u8], expected: &[(&str, &str)]) {
    let place = Place::new();
    let archive = place.put("a", bytes);
    extract(&archive, &place.destination()).unwrap();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    assert_eq!(place.files(), expected);
}

/// One record of an extended header, its own length included.
fn keyword(keyword: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {keyword}={value}\n");
    let length = (1..99_999).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
    format!("{length}{rest}").into_bytes()
}

fn extended(records: &[Vec<u8>]) -> Vec<u8> {
    tar_member("PaxHeader", b'x', &records.concat())
}

#[test]
fn an_archive_without_flaws_is_unpacked_whole() {
    let long = format!("{}/end", "directory/".repeat(20).trim_end_matches('/'));
    let members = [
        tar_member("pax_global_header", b'g', &keyword("comment", "0123")),
        tar_member("d/", b'5', b""),
        tar_member("d/file", b'0', &[b'x'; 513]),
        extended(&[keyword("mtime", "1.5"), keyword("path", &long)]),
        tar_member("short", b'0', b"long by pax"),
        tar_member("././@LongLink", b'L', format!("{long}2\0").as_bytes()),
        tar_member("short", 0, b"long by GNU"),
        tar_patched("name", b'0', b"prefixed", &[(345, b"prefix".to_vec())]),
        extended(&[keyword("size", "4")]),
        tar_member("sized", b'0', b"four"),
    ];
    let x = "x".repeat(513);
    let long2 = format!("{long}2");
    let expected = [
        ("d/file", x.as_str()),
        (&long, "long by pax"),
        (&long2, "long by GNU"),
        ("prefix/name", "prefixed"),
        ("sized", "four"),
    ];
    assert_unpacks(&tar(&members), &expected);
    assert_unpacks(&gzip(&tar(&members)), &expected);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["/etc/passwd", "../x", "a/../../x", "./x", "a//x", "a\\x", "C:/x", "a\nx", ".."] {
        assert!(refusal_of(&[tar_member(name, b'0', b"")]).contains("its path"), "{name:?}");
        let by_pax = [extended(&[keyword("path", name)]), tar_member("x", b'0', b"")];
        assert!(refusal_of(&by_pax).contains("its path"), "{name:?}");
    }
    let not_utf8 = tar_patched("", b'0', b"", &[(0, vec![0xff])]);
    assert_eq!(refusal_of(&[not_utf8]), "member '\u{fffd}': its name is not UTF-8");
    let hidden = tar_patched("a", b'0', b"", &[(2, b"b".to_vec())]);
    assert_eq!(refusal_of(&[hidden]), "member 'a': something is hidden behind its name");
    let trailing_slash = tar_member("x/", b'0', b"");
    assert_eq!(refusal_of(&[trailing_slash]), "member 'x/': it is a file and a directory");
}

#[test]
fn duplicate_and_colliding_names_are_refused() {
    for (name, expected) in [
        ("first", "member 'first': it is there twice"),
        ("FIRST", "member 'FIRST': another path differs only in case"),
        ("first/x", "member 'first/x': it is a file and a directory"),
    ] {
        assert_eq!(refusal_of(&[tar_member(name, b'0', b"")]), expected);
    }
}

#[test]
fn links_and_special_files_are_refused() {
    for kind in [b'1', b'2', b'3', b'4', b'6', b'7', b'K', b'S', b'D', b'V', b'?'] {
        assert_eq!(
            refusal_of(&[tar_member("x", kind, b"")]),
            "member 'x': it is a link or a special file",
            "{kind}"
        );
    }
    let target = tar_patched("x", b'0', b"", &[(157, b"/etc".to_vec())]);
    assert_eq!(refusal_of(&[target]), "member 'x': it names a link target but is no link");
    assert_eq!(refusal_of(&[tar_member("x/", b'5', b"?")]), "member 'x/': it is a directory with contents");
}

#[test]
fn extensions_that_move_a_member_are_refused() {
    let file = || tar_member("x", b'0', b"data");
    for (records, expected) in [
        (vec![keyword("size", "512")], "member 'x': its extended header has another size"),
        (vec![keyword("size", "0")], "member 'x': its extended header has another size"),
        (vec![keyword("size", "-1")], "member 'PaxHeader': its extended header is malformed"),
        (
            vec![keyword("path", "a"), keyword("path", "b")],
            "member 'PaxHeader': its extended header says a thing twice",
        ),
        (vec![keyword("linkpath", "/etc")], "member 'PaxHeader': an extended header changes what it is"),
        (vec![keyword("GNU.sparse.major", "1")], "member 'PaxHeader': it is a sparse file"),
        (vec![b"9 path=a\n".to_vec()[..8].to_vec()], "member 'PaxHeader': its extended header is malformed"),
        (vec![b"99 path=a\n".to_vec()], "member 'PaxHeader': its extended header is malformed"),
        (vec![b"99999999999 path=a\n".to_vec()], "member 'PaxHeader': its extended header is malformed"),
        (vec![b"+9 path=a\n".to_vec()], "member 'PaxHeader': its extended header is malformed"),
        (vec![b"0 path=a\n".to_vec()], "member 'PaxHeader': its extended header is malformed"),
    ] {
        assert_eq!(refusal_of(&[extended(&records), file()]), expected);
    }
    let path = || extended(&[keyword("path", "y")]);
    let long = || tar_member("././@LongLink", b'L', b"y\0");
    for pair in [[path(), path()], [path(), long()], [long(), path()], [long(), long()]] {
        assert_eq!(
            refusal_of(&[&pair[..], &[file()]].concat()),
            "a member has more than one extended header"
        );
    }
    for lonely in [path(), long()] {
        assert_eq!(refusal_of(&[lonely]), "it ends between a name and its member");
    }
    for record in [keyword("path", "y"), keyword("size", "4")] {
        let global = tar_member("g", b'g', &record);
        assert_eq!(refusal_of(&[global, file()]), "global keywords change its members");
    }
}

#[test]
fn headers_that_readers_take_differently_are_refused() {
    let patched = |at: usize, bytes: &[u8]| [tar_patched("x", b'0', b"", &[(at, bytes.to_vec())])];
    for (at, bytes, expected) in [
        (124, &b"\x80\0\0\0\0\0\0\0\0\0\0\0"[..], "member 'x': its size is no octal number"),
        (124, b"-0000000000\0", "member 'x': its size is no octal number"),
        (124, b"0o000000000\0", "member 'x': its size is no octal number"),
        (124, b"000\x00000000\0", "member 'x': its size is no octal number"),
        (124, &[0; 12], "member 'x': its size is no octal number"),
        (100, b"rw-r--r-", "member 'x': its mode is no octal number"),
        (257, &[0; 8], "a header is neither ustar's nor GNU's"),
    ] {
        assert_eq!(refusal_of(&patched(at, bytes)), expected);
    }
    let gnu = [(257, b"ustar  \0".to_vec()), (345, b"p".to_vec())];
    assert_eq!(
        refusal_of(&[tar_patched("x", b'0', b"", &gnu)]),
        "member 'x': it has a prefix in a GNU header"
    );
    let mut wrong_sum = tar_member("x", b'0', b"");
    wrong_sum[0] = b'y';
    assert_eq!(refusal_of(&[wrong_sum]), "a header's checksum is wrong");
}

#[test]
fn every_truncation_is_refused() {
    let whole =
        tar(&[tar_member("a", b'0', b"data"), extended(&[keyword("path", "b")]), tar_member("c", b'0', b"")]);
    for length in (0..whole.len()).step_by(64) {
        refusal(&whole[..length]);
    }
    let packed = gzip(&whole);
    for length in 0..packed.len() {
        refusal(&packed[..length]);
    }
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let whole = tar(&[tar_member("a", b'0', b"data")]);
    assert_eq!(refusal(&[&whole[..], b"x"].concat()), "bytes follow its end");
    assert_eq!(refusal(&[&whole[..], &whole[..]].concat()), "bytes follow its end");
    let half = &whole[..whole.len() - 512];
    assert_eq!(refusal(&[half, &whole[..]].concat()), "members follow its end");
    assert_eq!(refusal(&[&gzip(&whole)[..], b"x"].concat()), "bytes follow its gzip stream");
    assert_eq!(refusal(&[gzip(half), gzip(&[0; 512])].concat()), "it is cut short");
    assert_eq!(refusal(&[gzip(&whole), gzip(&whole)].concat()), "bytes follow its gzip stream");
    let endless = [whole, vec![0; 2 << 20]].concat();
    assert_eq!(refusal(&gzip(&endless)), "more than 1048576 bytes behind the last member");
}

#[test]
fn a_gzip_stream_with_a_wrong_crc_is_refused() {
    let mut packed = gzip(&tar(&[tar_member("a", b'0', b"data")]));
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    assert!(refusal(&packed).starts_with("cannot read the archive"));
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let bomb = tar(&[tar_member("a", b'0', &vec![0; 200_000])]);
    assert_eq!(refusal(&gzip(&bomb)), "more than 100 bytes out of each byte of the archive");
    let much = tar_patched("a", b'0', b"", &[(124, b"77777777777\0".to_vec())]);
    assert_eq!(refusal(&tar(&[much])), "more than 1048576 bytes unpacked");
    let many: Vec<Vec<u8>> = (0..11).map(|at| tar_member(&at.to_string(), b'0', b"")).collect();
    assert_eq!(refusal(&tar(&many)), "more than 10 members");
    let keywords = tar_patched("a", b'x', b"", &[(124, b"77777777777\0".to_vec())]);
    assert_eq!(refusal(&tar(&[keywords])), "more than 65536 bytes in an extended header");
}

#[test]
fn what_another_reader_takes_for_more_or_for_the_end_is_refused() {
    // Python makes a directory of such a header, and looks for the next one where the data are.
    let slash = |kind| tar_patched("x/", kind, b"data", &[]);
    for kind in [0, b'0'] {
        let named = [extended(&[keyword("path", "y")]), slash(kind)];
        assert_eq!(refusal_of(&named), "member 'x/': it is a file and a directory");
    }
    // Python reads on in the padding.
    let mut padded = extended(&[keyword("mtime", "1")]);
    let evil = keyword("path", "evil");
    let behind = 512 + keyword("mtime", "1").len();
    padded[behind..behind + evil.len()].copy_from_slice(&evil);
    let hidden = "something is hidden behind its extended header";
    assert_eq!(refusal_of(&[padded, tar_member("x", b'0', b"")]), format!("member 'PaxHeader': {hidden}"));
    let mut long = tar_member("././@LongLink", b'L', b"y");
    long[513] = b'z';
    assert_eq!(refusal_of(&[long, tar_member("x", b'0', b"")]), format!("member '././@LongLink': {hidden}"));
    // Python's keywords end here.
    let nameless = extended(&[b"5 =a\n".to_vec(), keyword("path", "y")]);
    assert_eq!(
        refusal_of(&[nameless, tar_member("x", b'0', b"")]),
        "member 'PaxHeader': its extended header is malformed"
    );
    // Python's archive ends here.
    for at in [108, 116, 136, 329, 337] {
        let patched = tar_patched("x", b'0', b"", &[(at, b"nonsense".to_vec())]);
        assert_eq!(refusal_of(&[patched]), "member 'x': a field of its header is no number", "{at}");
    }
    for number in [&b"\x80\0\0\0\0\0\x01\0"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff", b"        ", &[0; 8]] {
        assert_unpacks(&tar(&[tar_patched("x", b'0', b"", &[(108, number.to_vec())])]), &[("x", "")]);
    }
}

#[test]
fn a_tar_archive_that_pip_takes_for_a_zip_archive_is_refused() {
    let inner = super::testing::zip(&[super::testing::file("a", b"evil")]);
    let expected = "it has the end of a ZIP archive, but not the start of one";
    assert_eq!(refusal(&tar(&[tar_member("a.zip", b'0', &inner)])), expected);
    assert_eq!(refusal(&[&gzip(&tar(&[tar_member("a", b'0', b"good")]))[..], &inner[..]].concat()), expected);
}

#[test]
fn a_tar_archive_whose_first_name_begins_like_a_zip_archive_is_unpacked() {
    assert_unpacks(&tar(&[tar_member("PKG-INFO", b'0', b"data")]), &[("PKG-INFO", "data")]);
}
