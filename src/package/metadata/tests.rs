use super::*;

const WHEEL: &str = "\
Metadata-Version: 2.1\r
NAME: Some.Package\r
Version: 1.0-1\r
Author: J\u{f6}rg\r
Requires-Python: >=3.8,\r
\t<4\r
Requires-Dist: rich (>=10)\r
Requires-Dist: tomli ; python_version < '3.11'\r
  and extra == 'Toml_Files'\r
Provides-Extra: Toml_Files\r
Provides-Extra: no extra\r
\r
Requires-Dist: from-the-description\r
";

fn parse(text: &str) -> Result<Metadata, InvalidMetadata> {
    Metadata::parse(text.as_bytes())
}

fn requirements(metadata: &Metadata) -> Vec<String> {
    metadata.requires_dist.iter().map(ToString::to_string).collect()
}

#[test]
fn fields_are_read_up_to_the_first_empty_line() {
    let metadata = parse(WHEEL).unwrap();
    assert_eq!(metadata.metadata_version, (2, 1));
    assert_eq!(metadata.name.as_str(), "some-package");
    assert_eq!(metadata.version.to_string(), "1.0.post1");
    assert_eq!(metadata.requires_python.as_deref(), Some(">=3.8,\t<4"));
    assert_eq!(
        requirements(&metadata),
        ["rich>=10", "tomli; python_version < \"3.11\" and extra == \"toml-files\""]
    );
    assert_eq!(metadata.provides_extra, ["toml-files".parse().unwrap()]);
    assert_eq!(metadata.dynamic, Vec::<String>::new());
}

#[test]
fn bytes_that_are_no_utf_8_matter_only_where_they_are_used() {
    let bytes = b"\xef\xbb\xbfName: a\nVersion: 1\nAuthor: J\xf6rg\nRequires-Python:\n";
    let metadata = Metadata::parse(bytes).unwrap();
    assert_eq!((metadata.name.as_str(), metadata.metadata_version), ("a", (1, 0)));
    assert_eq!(metadata.requires_python, None);
    let bytes = b"Name: \xf6\nVersion: 1\n";
    let value = "\u{fffd}".to_owned();
    assert_eq!(Metadata::parse(bytes), Err(InvalidMetadata::Invalid { field: "Name", value }));
}

#[test]
fn metadata_that_cannot_be_used_is_refused_with_the_field() {
    for (text, message) in [
        ("", "the metadata has no Name"),
        ("Name: a\n", "the metadata has no Version"),
        ("Name: a\n\nVersion: 1\n", "the metadata has no Version"),
        ("Name: a\nno field\nVersion: 1\n", "the metadata has no Version"),
        ("Name: a\nVersion: one\n", "the metadata's Version is 'one'"),
        ("Name: ../a\nVersion: 1\n", "the metadata's Name is '../a'"),
        ("Metadata-Version: two\nName: a\nVersion: 1\n", "the metadata's Metadata-Version is 'two'"),
        (
            "Name: a\nVersion: 1\nRequires-Dist: b (>dev)\n",
            "the metadata has an invalid requirement 'b (>dev)': '>dev' is not a valid version specifier",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }
    let many = format!("Name: a\nVersion: 1\n{}", "Requires-Dist: b\n".repeat(MOST_REQUIREMENTS + 1));
    assert_eq!(parse(&many), Err(InvalidMetadata::TooLarge));
    assert_eq!(Metadata::parse(&vec![b'a'; LONGEST + 1]), Err(InvalidMetadata::TooLarge));
}

#[test]
fn an_sdists_requirements_are_trusted_only_where_no_build_may_change_them() {
    for (fields, trusted) in [
        ("Metadata-Version: 2.1\n", false),
        ("Metadata-Version: 2.2\n", true),
        ("Metadata-Version: 2.10\nDynamic: Description\n", true),
        ("Metadata-Version: 2.4\nDynamic: Requires-Dist\n", false),
        ("Metadata-Version: 2.4\nDynamic: requires-python\n", false),
    ] {
        let metadata = parse(&format!("{fields}Name: a\nVersion: 1\n")).unwrap();
        assert_eq!(metadata.trusted_unbuilt(), trusted, "{fields}");
    }
}

#[test]
fn sections_of_an_eggs_requirements_become_markers() {
    let requires = b"\
# written by setuptools
rich>=10

[:python_version < '3.8' or os_name == 'nt']
typing-extensions
colorama; sys_platform == 'win32'

[Dev_Tools]
pytest

[dev-tools:os_name == 'posix']
uvloop>=0.1

[empty]
";
    let pkg_info = b"Name: a\nVersion: 1\n";
    let metadata = Metadata::parse_egg(pkg_info, Some(requires)).unwrap();
    assert_eq!(
        requirements(&metadata),
        [
            "rich>=10",
            "typing-extensions; python_version < \"3.8\" or os_name == \"nt\"",
            "colorama; (python_version < \"3.8\" or os_name == \"nt\") and sys_platform == \"win32\"",
            "pytest; extra == \"dev-tools\"",
            "uvloop>=0.1; extra == \"dev-tools\" and os_name == \"posix\"",
        ]
    );
    let extras: Vec<&str> = metadata.provides_extra.iter().map(ExtraName::as_str).collect();
    assert_eq!(extras, ["dev-tools", "empty"]);
    let newer = Metadata::parse_egg(b"Name: a\nVersion: 1\nRequires-Dist: rich\n", Some(requires)).unwrap();
    assert_eq!(requirements(&newer), ["rich"]);
    for bad in [&b"[:os_name]\nb\n"[..], b"[a b]\n", b"b c\n"] {
        assert!(Metadata::parse_egg(pkg_info, Some(bad)).is_err());
    }
}
