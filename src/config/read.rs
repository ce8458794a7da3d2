//! The reading of `launcher.toml`: keys, types and values checked one by one, each complaint with its line.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::problem::{ConfigError, KEYS, Problem, keys_of, nearest};
use super::{
    App, Config, Download, Entry, Hooks, Located, Mode, Network, Python, SourceConfig, SourceType, Update,
    Verify,
};
use crate::package::version::SpecifierSet;
use crate::time::parse_duration;

const DOWNLOAD_KEYS: &[&str] = &["url", "sha256"];

/// One table of the document and what is needed to complain about it.
struct Section<'t> {
    text: &'t str,
    name: &'static str,
    table: &'t DeTable<'t>,
    line: usize,
}

/// A value and where it stands.
struct Field<'t> {
    section: &'static str,
    key: &'t str,
    value: &'t DeValue<'t>,
    line: usize,
    text: &'t str,
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes().iter().take(span.start).filter(|&&byte| byte == b'\n').count() + 1
}

fn at<T>(line: usize, problem: Problem) -> Result<T, ConfigError> {
    Err(ConfigError { line, problem })
}

impl<'t> Section<'t> {
    fn new(
        text: &'t str,
        name: &'static str,
        table: &'t DeTable<'t>,
        line: usize,
    ) -> Result<Self, ConfigError> {
        Self::with_keys(text, name, table, line, keys_of(name))
    }

    fn with_keys(
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

    fn field(&self, key: &str) -> Option<Field<'t>> {
        let (key, value) = self.table.get_key_value(key)?;
        let line = line_of(self.text, &key.span());
        Some(Field { section: self.name, key: key.get_ref(), value: value.get_ref(), line, text: self.text })
    }

    fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Field<'t>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.field(key).map(|field| read(&field)).transpose()
    }

    fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Field<'t>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        Ok(self.optional(key, read)?.unwrap_or(default))
    }

    fn duration_or(&self, key: &str, default: Duration) -> Result<Duration, ConfigError> {
        self.or(key, default, Field::duration)
    }

    fn missing<T>(&self, key: &'static str, example: &'static str) -> Result<T, ConfigError> {
        at(self.line, Problem::Missing { section: self.name, key, example })
    }
}

impl Field<'_> {
    fn wrong_type<T>(&self, expected: &'static str) -> Result<T, ConfigError> {
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

    fn impossible<T>(&self, value: &str, expected: impl Into<String>) -> Result<T, ConfigError> {
        let (section, key) = (self.section, self.key.to_owned());
        at(
            self.line,
            Problem::Impossible { section, key, value: value.to_owned(), expected: expected.into() },
        )
    }

    /// A string that says something: not empty, and without NUL, which no path, argument or address can hold.
    fn string(&self) -> Result<String, ConfigError> {
        match self.value {
            DeValue::String(text) if text.is_empty() || text.contains('\0') => {
                self.impossible(text, "a text that is not empty")
            }
            DeValue::String(text) => Ok(text.to_string()),
            _ => self.wrong_type("a string"),
        }
    }

    fn boolean(&self) -> Result<bool, ConfigError> {
        match self.value {
            DeValue::Boolean(value) => Ok(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    fn count(&self) -> Result<usize, ConfigError> {
        let DeValue::Integer(number) = self.value else { return self.wrong_type("a whole number") };
        match usize::from_str_radix(number.as_str(), number.radix()) {
            Ok(count) if count <= 1000 => Ok(count),
            _ => self.impossible(number.as_str(), "a whole number from 0 to 1000"),
        }
    }

    fn duration(&self) -> Result<Duration, ConfigError> {
        let DeValue::String(text) = self.value else { return self.wrong_type("a duration in quotes") };
        match parse_duration(text) {
            Some(duration) => Ok(duration),
            None => self.impossible(text, "a whole number and a unit: ms, s, m, h, d or w"),
        }
    }

    fn strings(&self) -> Result<Vec<Located<String>>, ConfigError> {
        let DeValue::Array(items) = self.value else { return self.wrong_type("a list of strings") };
        let read = items.iter().map(|item| match item.get_ref() {
            DeValue::String(text) if !text.contains('\0') => {
                Ok(Located { value: text.to_string(), line: line_of(self.text, &item.span()) })
            }
            _ => self.wrong_type("a list of strings"),
        });
        read.collect()
    }

    fn words(&self) -> Result<Vec<String>, ConfigError> {
        Ok(self.strings()?.into_iter().map(|item| item.value).collect())
    }

    fn command(&self) -> Result<Vec<String>, ConfigError> {
        let words = self.words()?;
        if words.is_empty() { self.impossible("[]", "a list that is not empty") } else { Ok(words) }
    }

    /// Versions of Python that will do (PEP 440).
    fn specifiers(&self) -> Result<Located<String>, ConfigError> {
        let text = self.string()?;
        match text.parse::<SpecifierSet>() {
            Ok(_) => Ok(Located { value: text, line: self.line }),
            Err(_) => self.impossible(&text, "versions as PEP 440 writes them: \">=3.9,<4\""),
        }
    }

    fn one_of<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, ConfigError> {
        let text = self.string()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        self.impossible(&text, names.join(" or "))
    }
}

pub(super) fn config(text: &str, directory: &Path) -> Result<Config, ConfigError> {
    let document = DeTable::parse(text).map_err(|error| ConfigError {
        line: error.span().map_or(1, |span| line_of(text, &span)),
        problem: Problem::Syntax(error.message().to_owned()),
    })?;
    let document = document.get_ref();
    let names: Vec<&'static str> = KEYS.iter().map(|(name, _)| *name).collect();
    if let Some((name, _)) = document.iter().find(|(name, _)| !names.contains(&name.get_ref().as_ref())) {
        let written = name.get_ref().to_string();
        let nearest = nearest(&written, &names);
        return at(line_of(text, &name.span()), Problem::UnknownSection { name: written, nearest });
    }
    let empty = DeTable::new();
    let section = |name: &'static str| match document.get_key_value(name) {
        None => Section::new(text, name, &empty, 1),
        Some((key, value)) => {
            let line = line_of(text, &key.span());
            match value.get_ref() {
                DeValue::Table(table) => Section::new(text, name, table, line),
                other => {
                    let field = Field { section: name, key: name, value: other, line, text };
                    field.wrong_type("a section")
                }
            }
        }
    };
    Ok(Config {
        app: app(&section("app")?, directory)?,
        python: python(&section("python")?, directory)?,
        sources: sources(text, document)?,
        update: update(&section("update")?)?,
        verify: verify(&section("verify")?)?,
        hooks: hooks(&section("hooks")?)?,
        network: Network {
            ca: section("network")?.optional("ca", Field::string)?.map(|ca| directory.join(ca)),
        },
    })
}

fn app(section: &Section<'_>, directory: &Path) -> Result<App, ConfigError> {
    let Some(name) = section.optional("name", app_name)? else {
        return section.missing("name", "name = \"myapp\"");
    };
    let entry = entry(section, directory)?;
    let Some(requirements) = section.optional("requirements", Field::strings)? else {
        return section.missing("requirements", "requirements = [\"myapp>=2,<3\"]");
    };
    let self_word = section.or("self", Some("self".to_owned()), |field| match field.value {
        DeValue::Boolean(false) => Ok(None),
        DeValue::String(word) if word.is_empty() => Ok(None),
        _ => field.string().map(Some),
    })?;
    let cache = section.optional("cache", Field::string)?.map(|cache| directory.join(cache));
    Ok(App { name, requirements, entry, self_word, cache })
}

/// A name that can stand in a message and be part of a file name.
fn app_name(field: &Field<'_>) -> Result<String, ConfigError> {
    let name = field.string()?;
    if name.chars().any(char::is_control) || name.contains('/') || name.starts_with('.') || name.len() > 100 {
        return field.impossible(&name, "up to 100 letters without '/' that do not begin with '.'");
    }
    Ok(name)
}

fn entry(section: &Section<'_>, directory: &Path) -> Result<Entry, ConfigError> {
    let given: Vec<&'static str> = ["entry", "module", "script", "console-script"]
        .into_iter()
        .filter(|key| section.table.contains_key(*key))
        .collect();
    let [key] = given[..] else {
        if given.is_empty() {
            return section.missing("entry", "entry = \"myapp.cli:main\"");
        }
        return at(section.line, Problem::Conflict { section: section.name, keys: given });
    };
    let Some(field) = section.field(key) else {
        return section.missing("entry", "entry = \"myapp.cli:main\"");
    };
    let text = field.string()?;
    match key {
        "entry" => match text.split_once(':') {
            Some((module, attribute))
                if is_dotted_name(module.trim()) && is_dotted_name(attribute.trim()) =>
            {
                Ok(Entry::Function {
                    module: module.trim().to_owned(),
                    attribute: attribute.trim().to_owned(),
                })
            }
            _ => field.impossible(&text, "a module, a colon and a function: \"myapp.cli:main\""),
        },
        "module" if is_dotted_name(&text) => Ok(Entry::Module(text)),
        "module" => field.impossible(&text, "the name of a module or package: \"myapp\""),
        "script" => Ok(Entry::Script(directory.join(text))),
        _ => Ok(Entry::ConsoleScript(text)),
    }
}

/// Whether a text is a dotted Python name: what may stand in an import statement that we write.
pub(crate) fn is_dotted_name(text: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    !text.is_empty() && text.split('.').all(is_name)
}

fn python(section: &Section<'_>, directory: &Path) -> Result<Python, ConfigError> {
    let path = section.optional("path", Field::string)?.map(|path| {
        // A bare name is a command to look up; anything with a slash is a place.
        if path.contains('/') { directory.join(path) } else { PathBuf::from(path) }
    });
    Ok(Python {
        requires: section.optional("requires", Field::specifiers)?,
        path,
        flags: section.or("flags", Vec::new(), Field::words)?,
        inherit: section.or("inherit", false, Field::boolean)?,
        isolated: section.or("isolated", true, Field::boolean)?,
        compile: section.or("compile", true, Field::boolean)?,
        download: section.optional("download", download)?,
    })
}

fn download(field: &Field<'_>) -> Result<Download, ConfigError> {
    let DeValue::Table(table) = field.value else {
        return field.wrong_type("{ url = \"…\", sha256 = \"…\" }");
    };
    let section = Section::with_keys(field.text, "python", table, field.line, DOWNLOAD_KEYS)?;
    let Some(url) = section.optional("url", Field::string)? else {
        return section.missing("url", "download = { url = \"https://…\", sha256 = \"…\" }");
    };
    let sha256 = section.optional("sha256", |field| {
        let text = field.string()?;
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(text.to_ascii_lowercase());
        }
        field.impossible(&text, "64 hexadecimal digits")
    })?;
    match sha256 {
        Some(sha256) => Ok(Download { url, sha256, line: field.line }),
        None => section.missing("sha256", "download = { url = \"https://…\", sha256 = \"…\" }"),
    }
}

fn sources(text: &str, document: &DeTable<'_>) -> Result<Vec<SourceConfig>, ConfigError> {
    let Some((key, value)) = document.get_key_value("source") else {
        return Ok(vec![SourceConfig { line: 1, url: None, kind: None, projects: None, any: false }]);
    };
    let line = line_of(text, &key.span());
    let DeValue::Array(items) = value.get_ref() else {
        let field = Field { section: "source", key: "source", value: value.get_ref(), line, text };
        return field.wrong_type("a list of sections, each headed [[source]]");
    };
    let read = items.iter().map(|item| match item.get_ref() {
        DeValue::Table(table) => source(&Section::new(text, "source", table, line_of(text, &item.span()))?),
        other => {
            let field = Field { section: "source", key: "source", value: other, line, text };
            field.wrong_type("a list of sections, each headed [[source]]")
        }
    });
    read.collect()
}

fn source(section: &Section<'_>) -> Result<SourceConfig, ConfigError> {
    let kind = section.optional("type", |field| field.one_of(&SourceType::ALL))?;
    let url = section.optional("url", Field::string)?;
    if url.is_none() && !matches!(kind, Some(SourceType::Index)) {
        return section.missing("url", "url = \"https://packages.example.org/simple/\"");
    }
    Ok(SourceConfig {
        line: section.line,
        url,
        kind,
        projects: section.optional("projects", Field::strings)?,
        any: section.or("any", false, Field::boolean)?,
    })
}

fn update(section: &Section<'_>) -> Result<Update, ConfigError> {
    let seconds = Duration::from_secs;
    let modes = [("launch", Mode::Launch), ("background", Mode::Background), ("manual", Mode::Manual)];
    Ok(Update {
        interval: section.duration_or("interval", seconds(86_400))?,
        timeout: section.duration_or("timeout", seconds(3))?,
        mode: section.or("mode", Mode::Launch, |field| field.one_of(&modes))?,
        first_run_timeout: section.duration_or("first_run_timeout", seconds(300))?,
        cooldown: section.duration_or("cooldown", Duration::ZERO)?,
        prereleases: section.or("prereleases", false, Field::boolean)?,
        keep: section.or("keep", 2, Field::count)?,
        notify: section.or("notify", true, Field::boolean)?,
    })
}

fn verify(section: &Section<'_>) -> Result<Verify, ConfigError> {
    Ok(Verify {
        command: section.optional("command", Field::command)?,
        timeout: section.duration_or("timeout", Duration::from_secs(20))?,
    })
}

fn hooks(section: &Section<'_>) -> Result<Hooks, ConfigError> {
    Ok(Hooks {
        starting: section.optional("starting", Field::command)?,
        succeeded: section.optional("succeeded", Field::command)?,
        failed: section.optional("failed", Field::command)?,
    })
}
