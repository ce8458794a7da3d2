use super::constraint::{ConstraintFault, constraint};
use super::semver::SemVer;
use super::*;
use crate::package::archive::testing::{Member, Place, file, refused, zip};
use crate::package::metadata::InvalidMetadata;
use crate::package::unpack::{metadata_of, requires_of, unpack};
use crate::package::unpack_tests::line;
use crate::package::version::SpecifierSet;

#[test]
fn versions_have_a_safe_form_and_a_meaning_to_pep_440() {
    // The first two columns are what pipper 0.10.4's `versioning.serialize` and `deserialize` make of each other.
    for (version, safe, meaning) in [
        ("1.2.3", "v1-2-3", Some("1.2.3")),
        ("0.0.18", "v0-0-18", Some("0.0.18")),
        ("1.2.3-alpha.1+2-test", "v1-2-3__pre_alpha_1__build_2-test", Some("1.2.3a1+2.test")),
        ("1.2.0-2+2-test", "v1-2-0__pre_2__build_2-test", None),
        ("1.2.3-alpha.1", "v1-2-3__pre_alpha_1", Some("1.2.3a1")),
        ("1.2.3+exp.sha.5114f85", "v1-2-3__build_exp_sha_5114f85", Some("1.2.3+exp.sha.5114f85")),
        ("0.0.1-rc1", "v0-0-1__pre_rc1", Some("0.0.1rc1")),
        ("0.0.1-beta", "v0-0-1__pre_beta", Some("0.0.1b0")),
        ("0.0.1-DEV.7", "v0-0-1__pre_DEV_7", Some("0.0.1.dev7")),
        ("1.2.3--x.-", "v1-2-3__pre_-x_-", None),
        ("1.2.3-alpha.beta", "v1-2-3__pre_alpha_beta", None),
        ("1.2.3-post.1", "v1-2-3__pre_post_1", None),
        ("1.2.3-1.a", "v1-2-3__pre_1_a", None),
        ("1.2.3+-", "v1-2-3__build_-", None),
    ] {
        let read = SemVer::parse(version).unwrap_or_else(|| panic!("{version}"));
        assert_eq!(read.safe(), safe);
        assert_eq!(SemVer::parse_safe(safe), Some(read.clone()), "{safe}");
        assert_eq!(read.to_string(), version);
        assert_eq!(read.to_pep440().map(|v| v.to_string()).as_deref(), meaning, "{version}");
    }
    for none in [
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "v1.2.3",
        "1.2.x",
        "01.2.3",
        "1.2.3-",
        "1.2.3+",
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3+a+b",
        "1.2.3-ä",
        "1.2.99999999999999999999",
    ] {
        assert_eq!(SemVer::parse(none), None, "{none}");
    }
    for none in [
        "1-2-3",
        "v1-2",
        "v1-2-3-4",
        "v1-2-3__pre_",
        "v1-2-3__build_",
        "v1-2-3_",
        "v1.2.3",
        "v-1-2",
        "vv1-2-3",
    ] {
        assert_eq!(SemVer::parse_safe(none), None, "{none}");
    }
}

#[test]
fn keys_and_file_names_tell_project_and_version() {
    let shown = |found: Option<(String, DistributionName)>| {
        found.map(|(filename, name)| format!("{filename}: {} {}", name.project, name.version))
    };
    let project: ProjectName = "Hello_World".parse().unwrap();
    assert_eq!(
        shown(in_folder("v1-2-3.pipper", &project)).as_deref(),
        Some("hello-world-v1-2-3.pipper: hello-world 1.2.3")
    );
    for none in
        ["v1-2-3", "1.2.3.pipper", "v1-2-0__pre_2.pipper", "../v1-2-3.pipper", "v1-2-3.PIPPER", ".pipper"]
    {
        assert_eq!(in_folder(none, &project), None, "{none}");
        assert_eq!(read_key(none), None, "{none}");
    }
    for (filename, project, version) in [
        ("Hello_World-v1-2-3.pipper", "hello-world", "1.2.3"),
        ("a-b-v1-2-3__pre_alpha_1.pipper", "a-b", "1.2.3a1"),
        ("a-1.2.3.pipper", "a", "1.2.3"),
        ("a-1-1.2.3-rc.1+5.pipper", "a-1", "1.2.3rc1+5"),
    ] {
        let name = DistributionName::parse(filename).unwrap_or_else(|error| panic!("{error}"));
        let expected = (project, version.to_owned(), Format::Pipper);
        assert_eq!((name.project.as_str(), name.version.to_string(), name.format.clone()), expected);
        assert_eq!(DistributionName::parse_for(filename, &name.project), Ok(name));
    }
    for (filename, reason) in [
        ("v1-2-3.pipper", "its version is no semantic one, or means nothing to PEP 440"),
        ("a-v1-2.pipper", "its version is no semantic one, or means nothing to PEP 440"),
        ("a-1.2.0-2.pipper", "its version is no semantic one, or means nothing to PEP 440"),
        ("../a-v1-2-3.pipper", "it is no plain file name"),
    ] {
        let error = DistributionName::parse(filename).unwrap_err().to_string();
        assert_eq!(error, format!("'{filename}' is not the name of a distribution: {reason}"));
    }
}

#[test]
fn constraints_choose_what_pipper_chooses() {
    // What `versioning.find_latest_match` of pipper 0.10.4 answers over these versions.
    const OFFERED: [&str; 14] = [
        "1.0.0",
        "1.0.1-alpha.1",
        "1.0.1-alpha.2",
        "1.0.1",
        "1.1.0",
        "1.1.1",
        "1.2.4",
        "1.3.5",
        "2.0.0-rc.1",
        "2.0.0",
        "2.1.9",
        "2.1.10",
        "10.0.0",
        "11.0.0-alpha.1",
    ];
    let offered: Vec<Version> =
        OFFERED.iter().map(|text| SemVer::parse(text).unwrap().to_pep440().unwrap()).collect();
    let newest = |constraint: &SpecifierSet| {
        let admitted = offered.iter().filter(|v| constraint.contains(v));
        let stable = admitted.filter(|v| v.is_stable() || constraint.names_prerelease());
        stable.max().map(ToString::to_string)
    };
    for (text, chosen) in [
        ("", Some("10.0.0")),
        ("1", Some("1.3.5")),
        ("1.*", Some("1.3.5")),
        ("1.*.*", Some("1.3.5")),
        ("=1.*.*", Some("1.3.5")),
        ("==1", Some("1.3.5")),
        ("1.", Some("1.3.5")),
        ("1.1", Some("1.1.1")),
        ("1.1.*", Some("1.1.1")),
        ("1.1.0", Some("1.1.0")),
        ("=1.1.0", Some("1.1.0")),
        ("==1.1.0", Some("1.1.0")),
        ("<1.1", Some("1.0.1")),
        ("<1.1.0", Some("1.0.1")),
        ("<=1.1", Some("1.1.1")),
        ("<=1.1.0", Some("1.1.0")),
        ("<=1.1.*", Some("1.1.1")),
        (">1.1", Some("10.0.0")),
        (">1.1.0", Some("10.0.0")),
        (">=1.1.*", Some("10.0.0")),
        ("<2", Some("1.3.5")),
        ("<=2", Some("2.1.10")),
        ("<=2.0.0", Some("2.0.0")),
        ("<2.*.*", Some("1.3.5")),
        ("<2.1.10", Some("2.1.9")),
        ("2.1.*", Some("2.1.10")),
        (">2.1.9", Some("10.0.0")),
        (">10.0.0", None),
        ("<1.0.0", None),
        ("9.9.9", None),
        ("*", Some("10.0.0")),
        // Beyond pipper's own: the safe form, and what names a pre-release finds it.
        ("v1-1-0", Some("1.1.0")),
        ("v1-1-*", Some("1.1.1")),
        ("1.0.1-alpha.1", Some("1.0.1a1")),
        ("v1-0-1__pre_alpha_1", Some("1.0.1a1")),
        // pipper takes 1.0.1 for older than its own pre-release and would answer 1.0.1.
        ("<=1.0.1-alpha.2", Some("1.0.1a2")),
    ] {
        let specifiers = constraint(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(newest(&specifiers).as_deref(), chosen, "{text}: {specifiers}");
    }
    for (text, fault) in [
        ("!=1.0.0", ConstraintFault::Version),
        ("~=1.0.0", ConstraintFault::Version),
        ("=>1.0.0", ConstraintFault::Operator),
        (">=", ConstraintFault::Operator),
        ("1.*.4", ConstraintFault::Wildcard),
        ("1.2.3.4", ConstraintFault::Version),
        ("a.b.c", ConstraintFault::Version),
        ("<*", ConstraintFault::Version),
        ("1.2.0-2", ConstraintFault::SemVer),
        ("<=1.2.0+5", ConstraintFault::Build),
        (">18446744073709551615", ConstraintFault::Version),
        ("1.0.0:2", ConstraintFault::Version),
        ("1..2", ConstraintFault::Version),
    ] {
        assert_eq!(constraint(text), Err(fault), "{text}");
    }
}

const INFO: &str = "demo-1.2.3.dist-info";
const META: &str = r#"{"name":"Demo","version":"1.2.3","safe_version":"v1-2-3","wheel_name":"Demo-1.2.3-py2.py3-none-any.whl",
    "timestamp":"2020-01-01T00:00:00","dependencies":["other:>=1.0.0"],"pypi":["dep>=2; python_version>'3'"],
    "conda":["numpy",["scipy","conda-forge"]]}"#;

fn wheel() -> Vec<u8> {
    let mut members = vec![
        file("demo.py", b""),
        file(
            &format!("{INFO}/METADATA"),
            b"Metadata-Version: 2.1\nName: Demo\nVersion: 1.2.3\nRequires-Dist: own\n",
        ),
        file(&format!("{INFO}/WHEEL"), b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"),
    ];
    let record: String = members.iter().map(line).chain([format!("{INFO}/RECORD,,\n")]).collect();
    members.push(file(&format!("{INFO}/RECORD"), record.as_bytes()));
    zip(&members)
}

fn package(meta: &str) -> Vec<Member> {
    vec![file("package.meta", meta.as_bytes()).stored(), file("package.whl", &wheel()).stored()]
}

fn name() -> DistributionName {
    DistributionName::parse("demo-v1-2-3.pipper").unwrap()
}

fn refusal(members: &[Member]) -> String {
    refused("demo-v1-2-3.pipper", &zip(members), |archive, destination| {
        unpack(archive, &name(), destination, &Limits::default())
    })
}

#[test]
fn a_package_is_laid_out_as_its_wheel_stored_or_compressed() {
    let compressed = vec![file("package.whl", &wheel()), file("package.meta", META.as_bytes())];
    for members in [package(META), compressed] {
        let place = Place::new();
        let archive = place.put("demo-v1-2-3.pipper", &zip(&members));
        let unpacked = unpack(&archive, &name(), &place.destination(), &Limits::default()).unwrap();
        assert_eq!((unpacked.files, unpacked.dist_info.as_deref()), (4, Some(INFO)));
        let bytes = metadata_of(&archive, &name(), &Limits::default()).unwrap();
        let meta = requires_of(&archive, &name(), &Limits::default()).unwrap().unwrap();
        let metadata = metadata(&bytes, &meta, &name()).unwrap();
        let requires: Vec<String> = metadata.requires_dist.iter().map(ToString::to_string).collect();
        assert_eq!(requires, ["own", "other>=1.0.0", "dep>=2; python_version > \"3\""]);
        assert_eq!(metadata.wheel_tags.iter().count(), 2);
    }
}

#[test]
fn a_package_that_is_not_what_its_name_says_is_refused() {
    let change = |from: &str, to: &str| {
        assert!(META.contains(from));
        refusal(&package(&META.replacen(from, to, 1)))
    };
    let wheel_name = "Demo-1.2.3-py2.py3-none-any.whl";
    for (from, to, reason) in [
        (
            wheel_name,
            "../Demo-1.2.3-py3-none-any.whl",
            "package.meta: its wheel_name is not the name of a wheel",
        ),
        (
            wheel_name,
            "/etc/Demo-1.2.3-py3-none-any.whl",
            "package.meta: its wheel_name is not the name of a wheel",
        ),
        (wheel_name, "Demo-1.2.3.tar.gz", "package.meta: its wheel_name is not the name of a wheel"),
        (
            wheel_name,
            "Other-1.2.3-py3-none-any.whl",
            "its wheel_name says other 1.2.3, the file name says demo 1.2.3",
        ),
        (
            wheel_name,
            "Demo-1.2.4-py3-none-any.whl",
            "its wheel_name says demo 1.2.4, the file name says demo 1.2.3",
        ),
        ("\"wheel_name\"", "\"wheel\"", "package.meta: it has no wheel_name"),
        ("\"Demo\"", "\"Other\"", "package.meta says Other 1.2.3, the file name says demo 1.2.3"),
        ("\"Demo\"", "[\"Demo\"]", "package.meta: it has no name"),
        ("\"1.2.3\"", "\"1.2.4\"", "package.meta says Demo 1.2.4, the file name says demo 1.2.3"),
        (
            "\"1.2.3\"",
            "\"1.2.3\\u001b[31m\"",
            "package.meta says Demo 1.2.3\\u{1b}[31m, the file name says demo 1.2.3",
        ),
        ("\"v1-2-3\"", "\"v1-2-4\"", "package.meta: its safe_version is not that of its version"),
        (
            "[\"other:>=1.0.0\"]",
            "\"other\"",
            "package.meta: its dependencies and pypi must be lists of texts",
        ),
        ("[\"other:>=1.0.0\"]", "[7]", "package.meta: its dependencies and pypi must be lists of texts"),
    ] {
        assert_eq!(change(from, to), reason, "{to}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for meta in ["", "{", "[]", "\u{feff}{}", deep.as_str()] {
        assert_eq!(refusal(&package(meta)), "package.meta: it is no JSON object");
    }
    let huge = format!("{META}{}", " ".repeat(1 << 20));
    assert_eq!(refusal(&package(&huge)), "more than 1048576 bytes in a file that is read whole");
    let many = format!("[{}\"a\"]", "\"a\",".repeat(10_000));
    assert_eq!(change("[\"other:>=1.0.0\"]", &many), "more than 10000 requirements of one package");
}

#[test]
fn a_package_has_its_two_members_and_no_other() {
    let whole = package(META);
    let one = |at: usize| refusal(&whole[at..=at]);
    assert_eq!(one(0), "there is no package.whl");
    assert_eq!(one(1), "there is no package.meta");
    let and = |more: Member| refusal(&[&whole[..], &[more]].concat());
    assert_eq!(and(file("evil.py", b"")), "member 'evil.py': pipper packages have no such member");
    assert_eq!(and(file("package.whl", b"")), "member 'package.whl': it is there twice");
    let damaged = file("package.whl", &wheel()).stored().with(|member| {
        let mut packed = member.data.clone();
        packed[40] ^= 1;
        member.packed = Some(packed);
    });
    assert_eq!(refusal(&[whole[0].clone(), damaged]), "member 'package.whl': its CRC is wrong");
    let no_wheel = file("package.whl", b"nothing").stored();
    assert_eq!(
        refusal(&[whole[0].clone(), no_wheel]),
        "no ZIP archive: it has no end of central directory record"
    );
}

#[test]
fn what_a_package_requires_in_an_unreadable_way_is_said_without_secrets() {
    let bytes = b"Metadata-Version: 2.1\nName: Demo\nVersion: 1.2.3\n";
    let read = |dependency: &str| {
        let meta = META.replace("other:>=1.0.0", dependency);
        metadata(bytes, meta.as_bytes(), &name()).map(|m| m.requires_dist).map_err(|error| error.to_string())
    };
    for (dependency, reason) in [
        (
            "other:~1",
            "the metadata has an invalid requirement 'other:~1': expected a version such as 1.2.3, 1.2.* or v1-2-3 behind the ':'",
        ),
        (
            "https://h/pipper/other/x.pipper?X-Amz-Signature=s3cret",
            "the metadata has an 'https://h/pipper/other/x.pipper?X-Amz-Signature=***' cannot be required: it does not tell \
             project and version: name the file so, or an archive with #egg=name-1.0",
        ),
    ] {
        assert_eq!(read(dependency), Err(reason.to_owned()));
    }
    let url = "https://h/bucket/pipper/other/v1-0-0.pipper?X-Amz-Signature=s3cret";
    let requires = read(url).unwrap();
    assert_eq!((requires[0].name.as_str(), requires[0].url()), ("other", Some(url)));
    let by_wheel = b"Metadata-Version: 2.1\nName: Demo\nVersion: 1.2.3\nRequires-Dist: a @ https://h/a-1-py3-none-any.whl?token=x\n";
    assert_eq!(
        metadata(by_wheel, META.as_bytes(), &name()),
        Err(InvalidMetadata::Invalid {
            field: "Requires-Dist",
            value: "a @ https://h/a-1-py3-none-any.whl?token=***".to_owned()
        })
    );
}

#[test]
fn no_text_makes_a_reader_panic_and_what_is_read_is_written_the_same() {
    const PIECES: [&str; 24] = [
        "v",
        "1",
        "0",
        "18446744073709551615",
        "99999999999999999999",
        "-",
        ".",
        "_",
        "__pre_",
        "__build_",
        "+",
        "*",
        "<",
        ">",
        "=",
        ":",
        "alpha",
        "rc",
        "a-",
        "ä",
        " ",
        "\0",
        ".pipper",
        "..",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let project: ProjectName = "a".parse().unwrap();
    for _ in 0..50_000 {
        let text: String = (0..next(9)).map(|_| PIECES[next(PIECES.len())]).collect();
        for read in [SemVer::parse(&text), SemVer::parse_safe(&text)].into_iter().flatten() {
            assert_eq!(SemVer::parse(&read.to_string()).as_ref(), Some(&read), "{text}");
            assert_eq!(SemVer::parse_safe(&read.safe()).as_ref(), Some(&read), "{text}");
            let _ = read.to_pep440();
        }
        let _ = constraint(&text);
        let _ = DistributionName::parse(&format!("a-{text}.pipper"));
        let _ = in_folder(&format!("{text}.pipper"), &project);
    }
}
