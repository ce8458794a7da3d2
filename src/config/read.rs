//! The reading of `launcher.toml`, section by section.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::field::{Field, Section, at, line_of};
use super::problem::{ConfigError, KEYS, Problem, nearest};
use super::{
    App, AwsConfig, Config, Download, Entry, Hooks, Login, Mode, Network, Python, SourceConfig, SourceType,
    Update, Verify, scheme,
};

/// `credentials = "…"`: whether requests to an S3 folder stay unsigned.
const CREDENTIALS: [(&str, bool); 2] = [("default", false), ("none", true)];

/// The keys that only some kinds of source heed: which kinds, and in words.
const PARTICULAR: [(&[&str], &[SourceType], &str); 3] = [
    (
        &["username", "password_env", "token_env"],
        &[SourceType::Index, SourceType::Links],
        "\"index\" and \"links\"",
    ),
    (&["endpoint", "region", "profile", "credentials"], &[SourceType::S3], "\"s3\""),
    (&["vcs"], &[SourceType::Links], "\"links\""),
];

const DOWNLOAD_KEYS: &[&str] = &["url", "sha256"];

pub(super) fn config(text: &str, directory: &Path) -> Result<Config, ConfigError> {
    let document = DeTable::parse(text).map_err(|error| ConfigError {
        line: error.span().map_or(1, |span| line_of(text, &span)),
        problem: Problem::Syntax(error.message().to_owned()),
    })?;
    sections(text, document.get_ref(), directory)
}

/// Reads the sections that are the keys of `document`, all of which stand in `text`.
pub(super) fn sections(text: &str, document: &DeTable<'_>, directory: &Path) -> Result<Config, ConfigError> {
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
        network: network(&section("network")?, directory)?,
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
        return Ok(vec![SourceConfig { line: 1, ..SourceConfig::default() }]);
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
    fits(section, kind.unwrap_or_else(|| SourceType::of_address(url.as_deref().unwrap_or_default())))?;
    let login = Login {
        username: section.optional("username", Field::string)?,
        password_env: section.optional("password_env", Field::located)?,
        token_env: section.optional("token_env", Field::located)?,
    };
    let other = login.username.as_ref().map(|_| "username");
    let other = other.or(login.password_env.as_ref().map(|_| "password_env"));
    if let (Some(_), Some(other)) = (&login.token_env, other) {
        let problem = Problem::Conflict { section: section.name, keys: vec!["token_env", other] };
        return at(section.line, problem);
    }
    Ok(SourceConfig {
        line: section.line,
        url,
        kind,
        projects: section.optional("projects", Field::strings)?,
        any: section.or("any", false, Field::boolean)?,
        vcs: section.or("vcs", false, Field::boolean)?,
        build: section.or("build", false, Field::boolean)?,
        login,
        aws: AwsConfig {
            endpoint: section.optional("endpoint", Field::service)?,
            region: section.optional("region", Field::region)?,
            profile: section.optional("profile", Field::string)?,
            anonymous: section.or("credentials", false, |field| field.one_of(&CREDENTIALS))?,
        },
    })
}

/// Refuses the first key that a source of that kind would not heed: whoever wrote it relies on it.
fn fits(section: &Section<'_>, kind: SourceType) -> Result<(), ConfigError> {
    // A release is asked as what lies beside it would be.
    let url = section.optional("url", Field::string)?.unwrap_or_default();
    let asked = match (kind, scheme(&url)) {
        (SourceType::Release, Some("s3")) => SourceType::S3,
        (SourceType::Release, None | Some("file")) => SourceType::Directory,
        (SourceType::Release, _) => SourceType::Index,
        _ => kind,
    };
    let strange = PARTICULAR.iter().filter(|(_, kinds, _)| !kinds.contains(&asked));
    let strange = strange.flat_map(|(keys, _, fits)| keys.iter().map(move |key| (*key, *fits)));
    // Its default may be stated anywhere: nobody relies on that.
    let counts = |key: &str, field: &Field<'_>| match (key, field.value) {
        ("vcs", DeValue::Boolean(value)) => *value,
        ("credentials", DeValue::String(word)) => word != "default",
        _ => true,
    };
    let given = strange.filter_map(|(key, fits)| {
        section.field(key).filter(|field| counts(key, field)).map(|field| (field.line, key, fits))
    });
    match given.min_by_key(|(line, ..)| *line) {
        None => Ok(()),
        Some((line, key, fits)) => at(line, Problem::Misfit { key, kind: kind.name(), fits }),
    }
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
        cache_limit: section.optional("cache_limit", Field::size)?,
        notify: section.or("notify", true, Field::boolean)?,
    })
}

fn verify(section: &Section<'_>) -> Result<Verify, ConfigError> {
    Ok(Verify {
        command: section.optional("command", Field::command)?,
        timeout: section.duration_or("timeout", Duration::from_secs(20))?,
        probation: section
            .or("probation", 3, |field| Ok(u32::try_from(field.count()?).unwrap_or(u32::MAX)))?,
    })
}

fn hooks(section: &Section<'_>) -> Result<Hooks, ConfigError> {
    Ok(Hooks {
        starting: section.optional("starting", Field::command)?,
        succeeded: section.optional("succeeded", Field::command)?,
        failed: section.optional("failed", Field::command)?,
    })
}

fn network(section: &Section<'_>, directory: &Path) -> Result<Network, ConfigError> {
    let path = |key| Ok(section.optional(key, Field::string)?.map(|path| directory.join(path)));
    Ok(Network { ca: path("ca")?, client_cert: path("client_cert")?, client_key: path("client_key")? })
}
