//! One key of `launcher.toml` at a time: its type and its value checked, each complaint with its line.

use std::ops::Range;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use url::Url;

use super::Located;
use super::problem::{ConfigError, Problem, keys_of, nearest};
use crate::aws::is_region;
use crate::net::{hide_userinfo, show_url};
use crate::package::version::SpecifierSet;
use crate::time::parse_duration;

/// One table of the document and what is needed to complain about it.
pub(super) struct Section<'t> {
    pub(super) text: &'t str,
    pub(super) name: &'static str,
    pub(super) table: &'t DeTable<'t>,
    pub(super) line: usize,
}

/// A value and where it stands.
pub(super) struct Field<'t> {
    pub(super) section: &'static str,
    pub(super) key: &'t str,
    pub(super) value: &'t DeValue<'t>,
    pub(super) line: usize,
    pub(super) text: &'t str,
}

pub(super) fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes().iter().take(span.start).filter(|&&byte| byte == b'\n').count() + 1
}

pub(super) fn at<T>(line: usize, problem: Problem) -> Result<T, ConfigError> {
    Err(ConfigError { line, problem })
}

/// Units of sizes: decimal as in the SI, binary as in IEC 80000-13.
const UNITS: [(&str, u64); 6] = [
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

fn parse_size(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse().ok().filter(|number: &u64| *number > 0)?.checked_mul(*unit)
}

impl<'t> Section<'t> {
    pub(super) fn new(
        text: &'t str,
        name: &'static str,
        table: &'t DeTable<'t>,
        line: usize,
    ) -> Result<Self, ConfigError> {
        Self::with_keys(text, name, table, line, keys_of(name))
    }

    pub(super) fn with_keys(
        text: &'t str,
        name: &'static str,
        table: &'t DeTable<'t>,
        line: usize,
        keys: &[&'static str],
    ) -> Result<Self, ConfigError> {
        let unknown = table.iter().find(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
        if let Some((key, _)) = unknown {
            let written = key.get_ref().to_string();
            let nearest = nearest(&written, keys);
            return at(
                line_of(text, &key.span()),
                Problem::UnknownKey { section: name, key: written, nearest },
            );
        }
        Ok(Self { text, name, table, line })
    }

    pub(super) fn field(&self, key: &str) -> Option<Field<'t>> {
        let (key, value) = self.table.get_key_value(key)?;
        let line = line_of(self.text, &key.span());
        Some(Field { section: self.name, key: key.get_ref(), value: value.get_ref(), line, text: self.text })
    }

    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Field<'t>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.field(key).map(|field| read(&field)).transpose()
    }

    pub(super) fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Field<'t>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        Ok(self.optional(key, read)?.unwrap_or(default))
    }

    pub(super) fn duration_or(&self, key: &str, default: Duration) -> Result<Duration, ConfigError> {
        self.or(key, default, Field::duration)
    }

    pub(super) fn missing<T>(&self, key: &'static str, example: &'static str) -> Result<T, ConfigError> {
        at(self.line, Problem::Missing { section: self.name, key, example })
    }
}

impl Field<'_> {
    pub(super) fn wrong_type<T>(&self, expected: &'static str) -> Result<T, ConfigError> {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        at(self.line, Problem::WrongType { section: self.section, key: self.key.to_owned(), expected, found })
    }

    pub(super) fn impossible<T>(&self, value: &str, expected: impl Into<String>) -> Result<T, ConfigError> {
        let (section, key) = (self.section, self.key.to_owned());
        at(
            self.line,
            Problem::Impossible { section, key, value: value.to_owned(), expected: expected.into() },
        )
    }

    /// A string that says something: not empty, and without NUL, which no path, argument or address can hold.
    pub(super) fn string(&self) -> Result<String, ConfigError> {
        match self.value {
            DeValue::String(text) if text.is_empty() || text.contains('\0') => {
                self.impossible(text, "a text that is not empty")
            }
            DeValue::String(text) => Ok(text.to_string()),
            _ => self.wrong_type("a string"),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        match self.value {
            DeValue::Boolean(value) => Ok(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    pub(super) fn count(&self) -> Result<usize, ConfigError> {
        let DeValue::Integer(number) = self.value else { return self.wrong_type("a whole number") };
        match usize::from_str_radix(number.as_str(), number.radix()) {
            Ok(count) if count <= 1000 => Ok(count),
            _ => self.impossible(number.as_str(), "a whole number from 0 to 1000"),
        }
    }

    pub(super) fn duration(&self) -> Result<Duration, ConfigError> {
        let DeValue::String(text) = self.value else { return self.wrong_type("a duration in quotes") };
        match parse_duration(text) {
            Some(duration) => Ok(duration),
            None => self.impossible(text, "a whole number and a unit: ms, s, m, h, d or w"),
        }
    }

    /// A number of bytes, one at least.
    pub(super) fn size(&self) -> Result<u64, ConfigError> {
        let DeValue::String(text) = self.value else { return self.wrong_type("a size in quotes") };
        match parse_size(text) {
            Some(size) => Ok(size),
            None => self.impossible(text, "a whole number from 1 on and a unit: kB, MB, GB, KiB, MiB or GiB"),
        }
    }

    pub(super) fn located(&self) -> Result<Located<String>, ConfigError> {
        self.string().map(|value| Located { value, line: self.line })
    }

    pub(super) fn strings(&self) -> Result<Vec<Located<String>>, ConfigError> {
        let DeValue::Array(items) = self.value else { return self.wrong_type("a list of strings") };
        let read = items.iter().map(|item| match item.get_ref() {
            DeValue::String(text) if !text.contains('\0') => {
                Ok(Located { value: text.to_string(), line: line_of(self.text, &item.span()) })
            }
            _ => self.wrong_type("a list of strings"),
        });
        read.collect()
    }

    pub(super) fn words(&self) -> Result<Vec<String>, ConfigError> {
        Ok(self.strings()?.into_iter().map(|item| item.value).collect())
    }

    pub(super) fn command(&self) -> Result<Vec<String>, ConfigError> {
        let words = self.words()?;
        if words.is_empty() { self.impossible("[]", "a list that is not empty") } else { Ok(words) }
    }

    /// The address of a service; it says who asks in no way that would be heeded.
    pub(super) fn service(&self) -> Result<String, ConfigError> {
        let text = self.string()?;
        let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let plain = |url: &Url| {
            url.username().is_empty() && url.password().is_none() && url.query().or(url.fragment()).is_none()
        };
        if url.as_ref().is_some_and(plain) {
            return Ok(text);
        }
        // What stands before the `@` or behind the `?` may be secret.
        let shown = url.map_or_else(|| hide_userinfo(&text), |url| show_url(&url));
        self.impossible(&shown, "a web address without user name and query: \"https://storage.example.org\"")
    }

    /// A region of AWS, or what another service calls so.
    pub(super) fn region(&self) -> Result<String, ConfigError> {
        let text = self.string()?;
        if is_region(&text) { Ok(text) } else { self.impossible(&text, "a word like \"eu-west-1\"") }
    }

    /// Versions of Python that will do (PEP 440).
    pub(super) fn specifiers(&self) -> Result<Located<String>, ConfigError> {
        let text = self.string()?;
        match text.parse::<SpecifierSet>() {
            Ok(_) => Ok(Located { value: text, line: self.line }),
            Err(_) => self.impossible(&text, "versions as PEP 440 writes them: \">=3.9,<4\""),
        }
    }

    pub(super) fn one_of<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, ConfigError> {
        let text = self.string()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        self.impossible(&text, names.join(" or "))
    }
}
