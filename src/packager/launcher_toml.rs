//! The `launcher.toml` of a project: the one that lies there, or made of `[tool.everfresh]` in `pyproject.toml`, which has
//! the same sections and takes from `[project]` what it leaves out.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::bundle::BundleFault;
use super::failure::Failure;
use super::init::{entry_key, quoted};
use super::project::{Project, table};
use crate::config::{Config, ConfigError, FILE_NAME, KEYS, Problem, SourceConfig};
use crate::error::Error;
use crate::fs;
use crate::package::requirement::Requirement;
use crate::source::vcs;

const PYPROJECT: &str = "pyproject.toml";
/// What stands under `[tool.everfresh]` and is no section of a launcher's.
const NOT_FOR_LAUNCHERS: [&str; 1] = ["publish"];
/// The ways into an app, of which a configuration has one.
const ENTRIES: [&str; 4] = ["entry", "module", "script", "console-script"];

/// What a project's launchers are to follow.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The file that says so.
    pub(crate) file: PathBuf,
    /// The text of a `launcher.toml` that says it.
    pub(crate) text: String,
    /// What that means; paths start from the project's directory.
    pub(crate) config: Config,
}

impl Settings {
    /// Those of the project in `directory`, with `sources` before its own.
    ///
    /// # Errors
    /// When there are none, when there are two, or when they cannot be meant: with file, line and key.
    pub(crate) fn of(directory: &Path, project: &Project, sources: &[String]) -> Result<Self, Failure> {
        let (launcher, pyproject) = (directory.join(FILE_NAME), directory.join(PYPROJECT));
        let own = fs::read_if_there(&launcher, fs::SMALL_FILE)?;
        let of_project = fs::read_if_there(&pyproject, fs::SMALL_FILE)?;
        match (own, of_project) {
            (Some(_), Some(bytes)) if has_settings(&bytes) => {
                Err(BundleFault::TwoSettings { directory: directory.to_owned() }.into())
            }
            (Some(bytes), _) => of_launcher_toml(launcher, bytes, directory, sources),
            (None, Some(bytes)) => of_pyproject(pyproject, bytes, directory, project, sources),
            (None, None) if fs::exists(&directory.join("setup.py")) => {
                of_pyproject(pyproject, Vec::new(), directory, project, sources)
            }
            (None, None) => Err(BundleFault::NoSettings { directory: directory.to_owned() }.into()),
        }
    }

    /// Those that somebody wrote down: `None` where there is neither `launcher.toml` nor a section of one.
    ///
    /// # Errors
    /// As for [`Settings::of`].
    pub(crate) fn written_down(directory: &Path) -> Result<Option<Self>, Failure> {
        let of_project = fs::read_if_there(&directory.join(PYPROJECT), fs::SMALL_FILE)?;
        let is_there =
            fs::exists(&directory.join(FILE_NAME)) || of_project.is_some_and(|it| has_settings(&it));
        if is_there { Self::of(directory, &Project::of(directory)?, &[]).map(Some) } else { Ok(None) }
    }

    /// What has to be installed.
    ///
    /// # Errors
    /// The first requirement that is none, with its line.
    pub(crate) fn requirements(&self) -> Result<Vec<Requirement>, Error> {
        let read = self.config.app.requirements.iter().map(|located| {
            Requirement::parse_lenient(&vcs::without_dev(&located.value)).map_err(|error| {
                Error::Requirement {
                    file: Some(self.file.clone()),
                    line: located.line,
                    reason: error.to_string(),
                }
            })
        });
        read.collect()
    }
}

/// Whether a `pyproject.toml` has sections of a launcher's. What is wrong with it is told by who needs it.
fn has_settings(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(document) = DeTable::parse(&text) else { return false };
    everfresh(document.get_ref()).is_some_and(|table| table.keys().any(|key| is_for_launchers(key.get_ref())))
}

fn everfresh<'t>(document: &'t DeTable<'_>) -> Option<&'t DeTable<'t>> {
    table(document, "tool").and_then(|tool| table(tool, "everfresh"))
}

fn is_for_launchers(key: &str) -> bool {
    !NOT_FOR_LAUNCHERS.contains(&key)
}

fn utf8(file: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    let not = |_| Failure::Project { file: file.to_owned(), reason: "not UTF-8".to_owned() };
    String::from_utf8(bytes).map_err(not)
}

fn parse<'t>(file: &Path, text: &'t str) -> Result<DeTable<'t>, Failure> {
    let document = DeTable::parse(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let error = ConfigError { line, problem: Problem::Syntax(error.message().to_owned()) };
        Failure::from(Error::Config { file: file.to_owned(), error })
    })?;
    Ok(document.into_inner())
}

fn of_launcher_toml(
    file: PathBuf,
    bytes: Vec<u8>,
    directory: &Path,
    sources: &[String],
) -> Result<Settings, Failure> {
    let text = utf8(&file, bytes)?;
    let document = parse(&file, &text)?;
    let meant = Config::of_table(&text, &document, directory);
    let meant = meant.map_err(|error| Error::Config { file: file.clone(), error })?;
    if sources.is_empty() {
        return Ok(Settings { config: meant, file, text });
    }
    written(file, &document, meant, directory, sources)
}

fn of_pyproject(
    file: PathBuf,
    bytes: Vec<u8>,
    directory: &Path,
    project: &Project,
    sources: &[String],
) -> Result<Settings, Failure> {
    let text = utf8(&file, bytes)?;
    let document = parse(&file, &text)?;
    let said = everfresh(&document).into_iter().flatten();
    let mut sections: DeTable<'_> = said
        .filter(|(key, _)| is_for_launchers(key.get_ref()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    fill_in(&mut sections, project);
    let meant = Config::of_table(&text, &sections, directory)
        .map_err(|error| Error::Config { file: file.clone(), error })?;
    written(file, &sections, meant, directory, sources)
}

/// Takes from a project what its settings do not say.
fn fill_in(sections: &mut DeTable<'_>, project: &Project) {
    let text = |text: &str| unplaced(DeValue::String(Cow::Owned(text.to_owned())));
    if let Some(app) = section(sections, "app") {
        let (entry, value) = entry_key(project);
        let has_entry = ENTRIES.iter().any(|key| app.contains_key(*key));
        let requirements = std::iter::once(text(&project.name)).collect();
        let missing = [
            ("name", text(&project.name), app.contains_key("name")),
            ("requirements", unplaced(DeValue::Array(requirements)), app.contains_key("requirements")),
            (entry, text(&value), has_entry),
        ];
        for (key, value, is_there) in missing {
            if !is_there {
                app.insert(unplaced(Cow::Borrowed(key)), value);
            }
        }
    }
    let requires = project.requires_python.as_deref();
    if let Some(requires) = requires
        && let Some(python) = section(sections, "python")
        && !python.contains_key("requires")
    {
        python.insert(unplaced(Cow::Borrowed("requires")), text(requires));
    }
}

/// The section of that name, made where it is missing; `None` where something else has the name.
fn section<'s, 't>(sections: &'s mut DeTable<'t>, name: &'static str) -> Option<&'s mut DeTable<'t>> {
    if !sections.contains_key(name) {
        sections.insert(unplaced(Cow::Borrowed(name)), unplaced(DeValue::Table(DeTable::new())));
    }
    match sections.get_mut(name).map(Spanned::get_mut) {
        Some(DeValue::Table(table)) => Some(table),
        _ => None,
    }
}

/// What stands nowhere in the file.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

/// Sections that can be meant, written as a `launcher.toml` of their own.
fn written(
    file: PathBuf,
    sections: &DeTable<'_>,
    mut config: Config,
    directory: &Path,
    sources: &[String],
) -> Result<Settings, Failure> {
    let mut text = "# What the launcher beside this file starts and keeps up to date.\n".to_owned();
    for (name, _) in KEYS {
        if *name == "source" {
            for source in sources {
                let _ = writeln!(text, "\n[[source]]\nurl = {}", quoted(source));
            }
        }
        match sections.get(*name).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => write_section(&mut text, &format!("[{name}]"), table),
            Some(DeValue::Array(items)) => {
                for item in items {
                    if let DeValue::Table(table) = item.get_ref() {
                        write_section(&mut text, &format!("[[{name}]]"), table);
                    }
                }
            }
            _ => {}
        }
    }
    if let Err(error) = Config::parse(&text, directory) {
        return Err(Error::Config { file, error }.into());
    }
    if !sources.is_empty() {
        let own =
            if sections.contains_key("source") { std::mem::take(&mut config.sources) } else { Vec::new() };
        let named = sources.iter().map(|source| SourceConfig {
            line: 1,
            url: Some(source.clone()),
            ..SourceConfig::default()
        });
        config.sources = named.chain(own).collect();
    }
    Ok(Settings { file, text, config })
}

fn write_section(text: &mut String, head: &str, table: &DeTable<'_>) {
    if table.is_empty() && !head.starts_with("[[") {
        return;
    }
    let _ = writeln!(text, "\n{head}");
    for (key, value) in table {
        let _ = writeln!(text, "{} = {}", shown_key(key.get_ref()), shown(value.get_ref()));
    }
}

fn shown_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            Err(_) => number.as_str().to_owned(),
        },
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => {
            let pairs = table.iter().map(|(key, value)| (shown_key(key.get_ref()), shown(value.get_ref())));
            let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key} = {value}")).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    /// The written text, its first line left out, or what is wrong.
    fn text(files: &[(&str, &str)], sources: &[&str]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let project = Project::of(directory.path()).unwrap();
        let sources: Vec<String> = sources.iter().map(|source| (*source).to_owned()).collect();
        let settings = Settings::of(directory.path(), &project, &sources);
        let told = |failure: Failure| {
            failure.to_string().replace(directory.path().to_str().unwrap(), "[DIR]")
                + failure.hint().map(|hint| format!(" ({hint})")).as_deref().unwrap_or_default()
        };
        let text = settings.map_err(told)?.text;
        Ok(text.split_once("\n\n").map(|(_, rest)| rest.to_owned()).unwrap_or(text))
    }

    #[test]
    fn what_a_project_says_of_itself_fills_in_what_its_settings_leave_out() {
        let project =
            "[project]\nname = 'My.App'\nrequires-python = '>=3.9'\n[project.scripts]\nmy-app = 'a:b'\n";
        let bare = "[app]\nconsole-script = \"my-app\"\nname = \"My.App\"\nrequirements = [\"My.App\"]\n\n\
                    [python]\nrequires = \">=3.9\"\n";
        assert_eq!(text(&[("pyproject.toml", project)], &[]), Ok(bare.to_owned()));
        let said = "[tool.everfresh]\npublish = 's3://b/p'\n[tool.everfresh.app]\nentry = 'my.app:main'\n\
                    requirements = ['my-app>=2', 'rich']\nself = false\n[tool.everfresh.python]\nrequires = '>=3.10'\n\
                    download = { url = 'https://x.example/p.tar.gz', sha256 = '0000000000000000000000000000000000000000000000000000000000000000' }\n\
                    [[tool.everfresh.source]]\nurl = 's3://b/p'\nany = true\n[tool.everfresh.update]\nkeep = 0x3\n";
        let all = "[app]\nentry = \"my.app:main\"\nname = \"My.App\"\nrequirements = [\"my-app>=2\", \"rich\"]\n\
                   self = false\n\n[python]\ndownload = { sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\", \
                   url = \"https://x.example/p.tar.gz\" }\nrequires = \">=3.10\"\n\n\
                   [[source]]\nurl = \"https://x.example/stable/pylock.toml\"\n\n\
                   [[source]]\nany = true\nurl = \"s3://b/p\"\n\n[update]\nkeep = 3\n";
        let source = &["https://x.example/stable/pylock.toml"][..];
        assert_eq!(text(&[("pyproject.toml", &(project.to_owned() + said))], source), Ok(all.to_owned()));
    }

    #[test]
    fn a_launcher_toml_is_taken_as_it_is_and_written_anew_only_for_further_sources() {
        let own = "# mine\n\n[app]\nname = 'a'\nrequirements = []\nmodule = 'a' # so\n";
        assert_eq!(text(&[("launcher.toml", own)], &[]).unwrap(), own.split_once("\n\n").unwrap().1);
        let with = "[app]\nmodule = \"a\"\nname = \"a\"\nrequirements = []\n\n[[source]]\nurl = \"dist\"\n";
        assert_eq!(text(&[("launcher.toml", own)], &["dist"]), Ok(with.to_owned()));
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_its_line_in_the_launchers_own_words() {
        let project = "[project]\nname = 'a'\n";
        for (said, reason) in [
            (
                "[tool.everfresh.app]\nentri = 'a:b'\n",
                ":4: unknown key 'entri' in [app] (did you mean 'entry'?)",
            ),
            ("[tool.everfresh.apps]\n", ":3: unknown section [apps] (did you mean [app]?)"),
            (
                "[tool.everfresh]\napp = 3\n",
                ":4: [app] app must be a section, not a whole number (head it [app])",
            ),
            (
                "[tool.everfresh.app]\nentry = 'a'\n",
                ":4: [app] entry cannot be 'a' (it takes a module, a colon and a \
              function: \"myapp.cli:main\")",
            ),
            (
                "[tool.everfresh.update]\ninterval = 3\n",
                ":4: [update] interval must be a duration in quotes, not a \
              whole number",
            ),
        ] {
            let expected = format!("[DIR]/pyproject.toml{reason}");
            let told = text(&[("pyproject.toml", &(project.to_owned() + said))], &[]).unwrap_err();
            assert_eq!(told.split(" (for ").next(), Some(expected.as_str()));
        }
        let both = [("pyproject.toml", "[tool.everfresh.app]\n"), ("launcher.toml", "")];
        let told = text(&both, &[]).unwrap_err();
        assert_eq!(
            told,
            "both launcher.toml and [tool.everfresh] in [DIR]/pyproject.toml say what is started (keep one)"
        );
        let none = "there is neither launcher.toml nor pyproject.toml in [DIR] (see: everfresh help init)";
        assert_eq!(text(&[], &[]), Err(none.to_owned()));
    }
}
