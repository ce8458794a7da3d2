//! Project and extra names, normalized as PEP 503 and PEP 685 say.

use std::fmt;
use std::str::FromStr;

use crate::package::cursor::shown;

/// A name as given that is none: names consist of ASCII letters and digits, with `-`, `_` and `.` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName(pub String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a valid name", shown(&self.0))
    }
}

impl std::error::Error for InvalidName {}

/// A project's normalized name: lower case, runs of `-`, `_` and `.` made one `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// An extra's normalized name; the rule is the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtraName(String);

/// Normalizes as PEP 503 says, or says that this is no name.
fn normalize(name: &str) -> Result<String, InvalidName> {
    let is_separator = |c: char| matches!(c, '-' | '_' | '.');
    let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || is_separator(c))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !valid {
        return Err(InvalidName(name.to_owned()));
    }
    let words: Vec<String> =
        name.split(is_separator).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    Ok(words.join("-"))
}

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// The normalized name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                normalize(name).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(ProjectName);
name!(ExtraName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalized_as_pep_503_says() {
        for name in [
            "friendly-bard",
            "Friendly-Bard",
            "FRIENDLY-BARD",
            "friendly.bard",
            "friendly--bard",
            "FrIeNdLy-._.-bArD",
        ] {
            assert_eq!(name.parse::<ProjectName>().unwrap().as_str(), "friendly-bard");
        }
        for name in ["", "-a", "a-", "a b", "ä", "../etc", "a/b", "."] {
            assert_eq!(name.parse::<ProjectName>(), Err(InvalidName(name.to_owned())));
        }
    }
}
