//! The texts of Python packaging. What is read is written again, and that must be read as the same.

use std::str::from_utf8;

use everfresh::package::address::FileAddress;
use everfresh::package::entry_points::EntryPoints;
use everfresh::package::filename::{DistributionName, Format};
use everfresh::package::marker::Marker;
use everfresh::package::metadata::Metadata;
use everfresh::package::name::ExtraName;
use everfresh::package::pipper;
use everfresh::package::record::Record;
use everfresh::package::requirement::Requirement;
use everfresh::package::version::{SpecifierSet, parse_version};

use super::{environment, myapp, one_line, two};

/// Versions of every shape, to tell two specifiers apart by what they admit.
const VERSIONS: [&str; 12] = [
    "0",
    "0.9",
    "1",
    "1.0.0",
    "1.0a1",
    "1.0.post1",
    "1.0.dev3",
    "1.0+local.7",
    "1.1",
    "2.0rc1",
    "1!0.1",
    "2024.10.1",
];

/// See the table.
pub fn version(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match parse_version(text) {
        Ok(version) => {
            let again = parse_version(&version.to_string()).expect("what we write is a version");
            assert_eq!(again, version, "{text:?}");
            assert_eq!(again.to_string(), version.to_string(), "{text:?}");
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

/// See the table.
pub fn specifier(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match text.parse::<SpecifierSet>() {
        Ok(set) => {
            let again: SpecifierSet = set.to_string().parse().expect("what we write is a specifier");
            assert_eq!(again.to_string(), set.to_string(), "{text:?}");
            assert_eq!(again.names_prerelease(), set.names_prerelease(), "{text:?}");
            same_admitted(&set, &again);
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

fn same_admitted(left: &SpecifierSet, right: &SpecifierSet) {
    for candidate in VERSIONS {
        let admitted = left.contains_text(candidate, None);
        assert_eq!(admitted, right.contains_text(candidate, None), "{left} and {right}: {candidate}");
        let version = parse_version(candidate).expect("a version");
        assert_eq!(left.contains(&version), right.contains(&version), "{left} and {right}: {candidate}");
    }
    assert_eq!(left.filter(&VERSIONS, None), right.filter(&VERSIONS, None), "{left} and {right}");
}

/// See the table.
pub fn requirement(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match text.parse::<Requirement>() {
        Ok(requirement) => {
            same_requirement(&requirement);
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

fn same_requirement(requirement: &Requirement) {
    let written = requirement.to_string();
    let again: Requirement = written.parse().unwrap_or_else(|error| panic!("{written:?}: {error}"));
    assert_eq!(again.to_string(), written);
    assert_eq!((&again.name, &again.extras), (&requirement.name, &requirement.extras), "{written:?}");
    assert_eq!((again.url(), &again.marker), (requirement.url(), &requirement.marker), "{written:?}");
    if let (Some(left), Some(right)) = (requirement.specifiers(), again.specifiers()) {
        same_admitted(left, right);
    }
    assert!(!written.contains(['\n', '\r']), "{written:?}");
}

/// See the table.
pub fn marker(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match text.parse::<Marker>() {
        Ok(marker) => {
            same_marker(&marker);
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

fn same_marker(marker: &Marker) {
    let written = marker.to_string();
    let again: Marker = written.parse().unwrap_or_else(|error| panic!("{written:?}: {error}"));
    assert_eq!(&again, marker, "{written:?}");
    let extras: [ExtraName; 2] = ["test", "x-y"].map(|extra| extra.parse().expect("a name"));
    let environment = environment();
    marker.evaluate(&environment, &[]);
    let with_extras = marker.evaluate(&environment, &extras);
    let one_by_one = extras.iter().any(|extra| marker.evaluate(&environment, std::slice::from_ref(extra)));
    // Only `extras` (PEP 751) sees more than one extra at a time.
    assert!(with_extras == one_by_one || written.contains("extras"), "{written:?}");
    match marker.evaluate_strictly(&environment, "test", &extras) {
        Ok(holds) => assert!(!holds || with_extras, "{written:?}"),
        Err(undefined) => one_line(&undefined),
    }
}

/// See the table.
pub fn filename(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match DistributionName::parse(text) {
        Ok(name) => {
            assert!(!text.contains(['/', '\\', '\0', '\n']) && text.len() <= 255, "{text:?}");
            assert_eq!(DistributionName::parse_for(text, &name.project).as_ref(), Ok(&name), "{text:?}");
            if let Format::Wheel { tags, .. } = &name.format {
                assert!((1..=1024).contains(&tags.iter().count()), "{text:?}");
                assert_eq!(DistributionName::parse_wheel(text).as_ref(), Ok(&name), "{text:?}");
            }
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

/// See the table.
pub fn entry_points(bytes: &[u8]) -> bool {
    let points = EntryPoints::parse(bytes);
    let again = EntryPoints::parse(points.to_ini().as_bytes());
    assert_eq!(again, points, "{:?}", points.to_ini());
    let scripts: Vec<_> = points.group("console_scripts").collect();
    for (name, point) in scripts {
        assert_eq!(points.console_script(name), Some(point));
    }
    !points.is_empty()
}

/// See the table.
pub fn metadata(bytes: &[u8]) -> bool {
    let (pkg_info, requires) = two(bytes);
    match Metadata::parse_egg(pkg_info, requires) {
        Ok(metadata) => {
            metadata.trusted_unbuilt();
            metadata.requires_dist.iter().for_each(same_requirement);
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

/// See the table.
pub fn wheel_record(bytes: &[u8]) -> bool {
    match Record::parse(bytes, bytes.len()) {
        Ok(mut record) => {
            while let Some(path) = record.first_left().map(str::to_owned) {
                let line = record.remove(&path).expect("a line");
                let found = line.hasher().finish();
                if let Err(refusal) = line.check(&path, &found, 0) {
                    one_line(&refusal);
                }
            }
            true
        }
        Err(refusal) => {
            one_line(&refusal);
            false
        }
    }
}

/// See the table.
pub fn pipper_meta(bytes: &[u8]) -> bool {
    const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: myapp\nVersion: 1.0\n";
    let name = DistributionName::parse_for("myapp-v1-0-0.pipper", &myapp()).expect("a file name");
    match pipper::metadata(METADATA, bytes, &name) {
        Ok(metadata) => {
            metadata.requires_dist.iter().for_each(same_requirement);
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

/// See the table.
pub fn pipper_constraint(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match Requirement::parse_lenient(text) {
        Ok(requirement) => {
            same_requirement(&requirement);
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

/// See the table.
pub fn package_address(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    let project = myapp();
    match FileAddress::parse(text, Some(&project)) {
        Ok(address) => {
            assert_eq!((&address.name.project, address.url.fragment()), (&project, None), "{text:?}");
            assert!(!address.filename.contains(['/', '\\', '\0']), "{text:?}");
            true
        }
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}
