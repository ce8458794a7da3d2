//! Whose metadata these are: the `Name` and `Version` that core metadata, and directories named after them, must
//! share with the archive's file name.

use std::str::FromStr as _;

use pep440_rs::Version;

use super::refusal::Refusal;
use crate::package::filename::DistributionName;
use crate::package::name::ProjectName;

/// Checks the header of a core metadata file (`METADATA`, `PKG-INFO`; RFC 822 as Python's `email` reads it).
pub(crate) fn check_metadata(
    file: &'static str,
    bytes: &[u8],
    expected: &DistributionName,
) -> Result<(), Refusal> {
    let flaw = |flaw| Refusal::Malformed { file, flaw };
    let text = std::str::from_utf8(bytes).map_err(|_| flaw("it is not UTF-8"))?;
    let name = only_value(text, "name").ok_or_else(|| flaw("it does not have exactly one Name"))?;
    let version = only_value(text, "version").ok_or_else(|| flaw("it does not have exactly one Version"))?;
    check(file, name, version, expected)
}

/// Checks a name and a version as written somewhere.
pub(crate) fn check(
    place: &'static str,
    name: &str,
    version: &str,
    expected: &DistributionName,
) -> Result<(), Refusal> {
    let same_name = ProjectName::from_str(name).is_ok_and(|name| name == expected.project);
    let same_version = Version::from_str(version).is_ok_and(|version| version == expected.version);
    if same_name && same_version {
        return Ok(());
    }
    Err(Refusal::OtherIdentity {
        place,
        found: format!("{name} {version}"),
        expected: format!("{} {}", expected.project, expected.version),
    })
}

/// The name of the directory for this distribution's metadata, without its ending: no `-` but the one between name
/// and version, so that `importlib.metadata` finds it.
pub(crate) fn stem(name: &DistributionName) -> String {
    let version = name.version.to_string().replace('-', "_");
    format!("{}-{version}", name.project.as_str().replace('-', "_"))
}

/// The value of the header field `key` (lower case), where the header has exactly one. The header ends at the first
/// line that is neither a field nor the continuation of one.
pub(crate) fn only_value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut found = None;
    let mut is_wanted = false;
    for line in text.lines() {
        let is_continuation = line.starts_with([' ', '\t']);
        let field = line.split_once(':').filter(|(name, _)| name.bytes().all(is_name_byte));
        match field {
            // A lone carriage return ends a line for Python, not here.
            _ if line.contains('\r') => return None,
            _ if is_continuation && is_wanted => return None,
            _ if is_continuation => {}
            None => break,
            Some((name, value)) => {
                is_wanted = name.eq_ignore_ascii_case(key);
                if is_wanted && found.replace(value.trim_matches([' ', '\t'])).is_some() {
                    return None;
                }
            }
        }
    }
    found
}

/// What a field's name may be made of (RFC 5322, section 3.6.8).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b':'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_field_counts_where_it_is_the_only_one() {
        for (text, value) in [
            ("Name: a\n", Some("a")),
            ("Metadata-Version: 2.1\r\nNAME:a b \r\n\r\nName: body\r\n", Some("a b")),
            ("Summary: x\n Name: folded\nName: a\n", Some("a")),
            ("Name: a\nName: a\n", None),
            ("Name: a\rVersion: 1\n", None),
            ("\nName: a\n", None),
            ("Summary: x\rName: b\nName: a\n", None),
            ("Name: a\n folded\n", None),
            ("Name : a\nName: a\n", None),
            ("no header\nName: a\n", None),
            ("", None),
        ] {
            assert_eq!(only_value(text, "name"), value, "{text:?}");
        }
    }
}
