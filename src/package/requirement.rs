//! Requirements: a project's name, with extras, a constraint and a marker (PEP 508).

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::net::show_url;
use crate::package::address::{FileAddress, InvalidFileAddress};
use crate::package::cursor::{Cursor, is_space, shown};
use crate::package::marker::{InvalidMarker, Marker};
use crate::package::name::{ExtraName, InvalidName, ProjectName};
use crate::package::pipper::constraint::{ConstraintFault, constraint};
use crate::package::version::{InvalidSpecifier, SpecifierSet};

/// Which of a project's files will do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// Those of the admitted versions.
    Versions(SpecifierSet),
    /// The one at this address, as written.
    Url(String),
}

/// What an app or a distribution needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// Of which project.
    pub name: ProjectName,
    /// With which of its optional parts: sorted, each once.
    pub extras: Vec<ExtraName>,
    /// Which of its files.
    pub constraint: Constraint,
    /// Under which condition.
    pub marker: Option<Marker>,
}

impl Requirement {
    /// The admitted versions; none are named where the requirement has an address instead.
    pub fn specifiers(&self) -> Option<&SpecifierSet> {
        match &self.constraint {
            Constraint::Versions(specifiers) => Some(specifiers),
            Constraint::Url(_) => None,
        }
    }

    /// Reads what people write in `launcher.toml` and pipper in its packages: PEP 508; or `name:constraint` as pipper has
    /// it; or the bare address of a file that tells project and version, such as a pre-signed one. Every address must
    /// be one of a file that we can use.
    ///
    /// # Errors
    /// What is wrong with it, without the secrets of an address.
    pub fn parse_lenient(text: &str) -> Result<Self, InvalidRequirement> {
        let text = text.trim();
        let bare = text
            .split_once("://")
            .is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
        if bare {
            let address = FileAddress::parse(text, None).map_err(InvalidRequirement::Address)?;
            let constraint = Constraint::Url(text.to_owned());
            return Ok(Self { name: address.name.project, extras: Vec::new(), constraint, marker: None });
        }
        let requirement = match text.split_once(':') {
            Some((name, versions)) if !name.contains(['@', ';']) => pipper(name, versions)
                .map_err(|reason| InvalidRequirement::Pipper { requirement: text.to_owned(), reason }),
            _ => text.parse().map_err(|error: InvalidRequirement| error.without_secrets()),
        }?;
        if let Some(url) = requirement.url() {
            FileAddress::parse(url, Some(&requirement.name)).map_err(InvalidRequirement::Address)?;
        }
        Ok(requirement)
    }

    /// As it may be shown: without its marker, and without the secrets of an address.
    pub fn shown(&self) -> String {
        let mut shown = Self { marker: None, ..self.clone() };
        if let Constraint::Url(url) = &mut shown.constraint {
            *url = masked(url);
        }
        shown.to_string()
    }

    /// The address of the one file that will do.
    pub fn url(&self) -> Option<&str> {
        match &self.constraint {
            Constraint::Versions(_) => None,
            Constraint::Url(url) => Some(url),
        }
    }
}

/// Why a text is no requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidRequirement {
    /// Something else should have come at that place.
    Syntax {
        /// The whole text.
        requirement: String,
        /// Where reading stopped, in bytes.
        offset: usize,
        /// What should have come there.
        expected: &'static str,
    },
    /// The name of the project or of an extra is none.
    Name {
        /// The whole text.
        requirement: String,
        /// The name.
        reason: InvalidName,
    },
    /// What follows the `:` of `name:constraint` is none.
    Pipper {
        /// The whole text.
        requirement: String,
        /// What follows the name.
        reason: ConstraintFault,
    },
    /// An address is not that of a file that we can use.
    Address(InvalidFileAddress),
    /// A version specifier is none.
    Specifier {
        /// The whole text.
        requirement: String,
        /// The specifier.
        reason: InvalidSpecifier,
    },
    /// The marker is none.
    Marker {
        /// The whole text.
        requirement: String,
        /// Why.
        reason: InvalidMarker,
    },
}

impl fmt::Display for InvalidRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { requirement, offset, expected } => {
                let requirement = shown(requirement);
                write!(
                    f,
                    "invalid requirement '{requirement}': expected {expected} at position {}",
                    offset + 1
                )
            }
            Self::Pipper { requirement, reason } => {
                write!(f, "invalid requirement '{}': {reason}", shown(requirement))
            }
            Self::Address(reason) => reason.fmt(f),
            Self::Name { requirement, reason } => {
                write!(f, "invalid requirement '{}': {reason}", shown(requirement))
            }
            Self::Specifier { requirement, reason } => {
                write!(f, "invalid requirement '{}': {reason}", shown(requirement))
            }
            Self::Marker { requirement, reason } => {
                write!(f, "invalid requirement '{}': {reason}", shown(requirement))
            }
        }
    }
}

impl std::error::Error for InvalidRequirement {}

impl InvalidRequirement {
    /// The same, with the addresses in the text masked.
    fn without_secrets(mut self) -> Self {
        let (Self::Syntax { requirement, .. }
        | Self::Name { requirement, .. }
        | Self::Pipper { requirement, .. }
        | Self::Specifier { requirement, .. }
        | Self::Marker { requirement, .. }) = &mut self
        else {
            return self;
        };
        let words: Vec<String> = requirement.split(' ').map(masked).collect();
        *requirement = words.join(" ");
        self
    }
}

/// A word that may be an address, without its secrets.
fn masked(word: &str) -> String {
    match Url::parse(word) {
        Ok(url) if word.contains("://") => show_url(&url),
        _ if word.contains("://") => word.split(['?', '#']).next().unwrap_or_default().to_owned(),
        _ => word.to_owned(),
    }
}

/// `name` and what stands behind its `:`. Nothing behind it admits all versions.
fn pipper(name: &str, versions: &str) -> Result<Requirement, ConstraintFault> {
    let name = name.trim().parse().map_err(|_| ConstraintFault::Name)?;
    let constraint = Constraint::Versions(constraint(versions)?);
    Ok(Requirement { name, extras: Vec::new(), constraint, marker: None })
}

/// A failure inside the grammar, before the whole text and the position are put to it.
enum Fault {
    Expected(&'static str),
    Name(InvalidName),
    Specifier(InvalidSpecifier),
    Marker(InvalidMarker),
}

impl From<InvalidName> for Fault {
    fn from(reason: InvalidName) -> Self {
        Self::Name(reason)
    }
}

impl FromStr for Requirement {
    type Err = InvalidRequirement;

    fn from_str(text: &str) -> Result<Self, InvalidRequirement> {
        let mut cursor = Cursor::new(text);
        parse(&mut cursor).map_err(|fault| {
            let requirement = text.to_owned();
            match fault {
                Fault::Expected(expected) => {
                    InvalidRequirement::Syntax { requirement, offset: cursor.offset(), expected }
                }
                Fault::Name(reason) => InvalidRequirement::Name { requirement, reason },
                Fault::Specifier(reason) => InvalidRequirement::Specifier { requirement, reason },
                Fault::Marker(reason) => InvalidRequirement::Marker { requirement, reason },
            }
        })
    }
}

fn parse(cursor: &mut Cursor<'_>) -> Result<Requirement, Fault> {
    cursor.skip_blanks();
    let name = identifier(cursor, "a project name")?.parse()?;
    cursor.skip_blanks();
    let extras = extras(cursor)?;
    cursor.skip_blanks();
    let constraint = if cursor.eat("@") { url(cursor)? } else { versions(cursor)? };
    let blanks = cursor.skip_blanks();
    let marker = match cursor.peek() {
        None => None,
        // An address runs to the next blank, so a semicolon right behind one would belong to it.
        Some(';') if blanks || matches!(constraint, Constraint::Versions(_)) => Some(marker(cursor)?),
        Some(_) => return Err(Fault::Expected("',', ';' or the end")),
    };
    Ok(Requirement { name, extras, constraint, marker })
}

fn identifier<'a>(cursor: &mut Cursor<'a>, expected: &'static str) -> Result<&'a str, Fault> {
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if name.is_empty() { Err(Fault::Expected(expected)) } else { Ok(name) }
}

fn extras(cursor: &mut Cursor<'_>) -> Result<Vec<ExtraName>, Fault> {
    let mut extras = Vec::new();
    if !cursor.eat("[") {
        return Ok(extras);
    }
    cursor.skip_blanks();
    if !cursor.eat("]") {
        loop {
            extras.push(identifier(cursor, "the name of an extra")?.parse()?);
            cursor.skip_blanks();
            if cursor.eat("]") {
                break;
            }
            if !cursor.eat(",") {
                return Err(Fault::Expected("',' or ']'"));
            }
            cursor.skip_blanks();
        }
    }
    extras.sort();
    extras.dedup();
    Ok(extras)
}

fn url(cursor: &mut Cursor<'_>) -> Result<Constraint, Fault> {
    cursor.skip_blanks();
    let url = cursor.take_while(|c| !is_space(c) && !c.is_control());
    if url.is_empty() { Err(Fault::Expected("an address")) } else { Ok(Constraint::Url(url.to_owned())) }
}

fn versions(cursor: &mut Cursor<'_>) -> Result<Constraint, Fault> {
    let parenthesis = cursor.eat("(");
    cursor.skip_blanks();
    let mut specifiers = Vec::new();
    while matches!(cursor.peek(), Some('<' | '>' | '=' | '!' | '~')) {
        let operator = cursor.take_while(|c| matches!(c, '<' | '>' | '=' | '!' | '~'));
        let gap = cursor.take_while(is_space);
        let version = cursor.take_while(|c| !is_space(c) && !matches!(c, ',' | ';' | ')'));
        // With what stands between them, so that `~ =1` does not become `~=1`.
        specifiers.push(format!("{operator}{gap}{version}").parse().map_err(Fault::Specifier)?);
        cursor.skip_blanks();
        if !cursor.eat(",") {
            break;
        }
        cursor.skip_blanks();
    }
    if parenthesis && !cursor.eat(")") {
        return Err(Fault::Expected("',' or ')'"));
    }
    Ok(Constraint::Versions(specifiers.into_iter().collect()))
}

fn marker(cursor: &mut Cursor<'_>) -> Result<Marker, Fault> {
    cursor.eat(";");
    cursor.take_while(|_| true).parse().map_err(Fault::Marker)
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(ExtraName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match &self.constraint {
            Constraint::Versions(specifiers) => write!(f, "{specifiers}")?,
            Constraint::Url(url) => write!(f, " @ {url}")?,
        }
        match &self.marker {
            Some(marker) if self.url().is_some() => write!(f, " ; {marker}"),
            Some(marker) => write!(f, "; {marker}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
