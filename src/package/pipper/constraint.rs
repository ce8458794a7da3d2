//! pipper's way to ask for versions, `name:constraint`, in terms of PEP 440.
//!
//! Where pipper's own comparison contradicts the order of versions (it takes `1.0.0` for older than `1.0.0-alpha.1`),
//! the order of versions holds.

use std::fmt;

use super::semver::{SemVer, number};
use crate::package::version::SpecifierSet;

/// What is wrong with a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintFault {
    /// What stands before the `:` is no project's name.
    Name,
    /// It does not begin with one of pipper's operators, or nothing follows it.
    Operator,
    /// What should be a version, or the beginning of one, is none.
    Version,
    /// The version has no counterpart in PEP 440.
    SemVer,
    /// A number follows a `*`.
    Wildcard,
    /// A version with a build is compared by order, which builds do not have.
    Build,
}

impl fmt::Display for ConstraintFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "expected a project name before the ':'",
            Self::Operator => "expected '=', '==', '<', '<=', '>' or '>=' and a version behind the ':'",
            Self::Version => "expected a version such as 1.2.3, 1.2.* or v1-2-3 behind the ':'",
            Self::SemVer => "its version means nothing to PEP 440",
            Self::Wildcard => "a number follows a '*'",
            Self::Build => "builds have no order: ask for one with '='",
        })
    }
}

/// What follows the `:` as PEP 440 specifiers; without any, all versions are admitted.
///
/// # Errors
/// What is wrong with it.
pub fn constraint(text: &str) -> Result<SpecifierSet, ConstraintFault> {
    let text = text.trim();
    let version = text.trim_start_matches(['=', '<', '>']);
    let operator = text.get(..text.len() - version.len()).unwrap_or_default();
    let operator = match operator {
        "" | "=" | "==" => "==",
        "<" | "<=" | ">" | ">=" => operator,
        _ => return Err(ConstraintFault::Operator),
    };
    let version = version.trim();
    match (version, text) {
        ("", "") => return Ok(SpecifierSet::default()),
        ("", _) => return Err(ConstraintFault::Operator),
        _ => {}
    }
    let specifier = match SemVer::parse(version).or_else(|| SemVer::parse_safe(version)) {
        Some(complete) => exact(operator, &complete)?,
        None => prefix(operator, version)?,
    };
    specifier.parse().map_err(|_| ConstraintFault::Version)
}

fn exact(operator: &str, version: &SemVer) -> Result<String, ConstraintFault> {
    let version = version.to_pep440().ok_or(ConstraintFault::SemVer)?;
    if operator != "==" && !version.local().is_empty() {
        return Err(ConstraintFault::Build);
    }
    Ok(format!("{operator}{version}"))
}

/// `1`, `1.2`, `1.2.*`, `1.*.*`: all versions that begin so are as good as equal.
fn prefix(operator: &str, text: &str) -> Result<String, ConstraintFault> {
    let numbers = numbers(text)?;
    let shown = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    let Some((last, init)) = numbers.split_last() else {
        return if matches!(operator, "<" | ">") { Err(ConstraintFault::Version) } else { Ok(String::new()) };
    };
    let next = || {
        let next = last.checked_add(1).ok_or(ConstraintFault::Version)?;
        Ok(shown(&[init, &[next]].concat()))
    };
    Ok(match operator {
        "<=" => format!("<{}", next()?),
        ">" => format!(">={}", next()?),
        "<" | ">=" => format!("{operator}{}", shown(&numbers)),
        _ => format!("=={}.*", shown(&numbers)),
    })
}

/// The numbers before the first `*`.
fn numbers(text: &str) -> Result<Vec<u64>, ConstraintFault> {
    let (text, separator) = match text.strip_prefix('v') {
        Some(safe) => (safe, '-'),
        None => (text.trim_end_matches('.'), '.'),
    };
    let parts: Vec<&str> = text.split(separator).collect();
    if parts.len() > 3 {
        return Err(ConstraintFault::Version);
    }
    let known = parts.iter().take_while(|part| **part != "*").count();
    if parts.iter().skip(known).any(|part| *part != "*") {
        return Err(ConstraintFault::Wildcard);
    }
    let numbers = parts.into_iter().take(known).map(number);
    numbers.collect::<Option<Vec<u64>>>().ok_or(ConstraintFault::Version)
}
