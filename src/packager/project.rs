//! What a project says of itself, as far as a launcher needs it: `pyproject.toml` (PEP 621, or Poetry's own tables),
//! else setuptools' `setup.cfg`, else the name of its directory.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::failure::Failure;
use crate::error::Error;
use crate::fs;
use crate::package::name::ProjectName;
use crate::package::version::SpecifierSet;

/// The name of a project that says nothing in a directory without a usable name.
const NAMELESS: &str = "myapp";

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Project {
    /// Its name, as written.
    pub(super) name: String,
    /// `Requires-Python`, as written.
    pub(super) requires_python: Option<String>,
    /// The names of its console scripts, sorted.
    pub(super) scripts: Vec<String>,
}

impl Project {
    /// The project in that directory.
    ///
    /// # Errors
    /// When one of the files cannot be read or cannot be meant.
    pub(super) fn of(directory: &Path) -> Result<Self, Failure> {
        for (filename, read) in READERS {
            let file = directory.join(filename);
            let Some(bytes) = fs::read_if_there(&file, fs::SMALL_FILE)? else { continue };
            let read = match String::from_utf8(bytes) {
                Ok(text) => read(&text).and_then(|project| project.map(Self::checked).transpose()),
                Err(_) => Err("not UTF-8".to_owned()),
            };
            if let Some(project) = read.map_err(|reason| Failure::Project { file, reason })? {
                return Ok(project);
            }
        }
        Ok(Self { name: directory_name(directory)?, requires_python: None, scripts: Vec::new() })
    }

    /// What other programs would not accept, we do not write down.
    fn checked(self) -> Result<Self, String> {
        self.name.parse::<ProjectName>().map_err(|error| error.to_string())?;
        if let Some(requires) = &self.requires_python {
            requires.parse::<SpecifierSet>().map_err(|error| error.to_string())?;
        }
        let mut scripts = self.scripts;
        scripts.retain(|name| !name.is_empty() && !name.chars().any(char::is_control));
        scripts.sort();
        Ok(Self { scripts, ..self })
    }
}

type Reader = fn(&str) -> Result<Option<Project>, String>;

const READERS: [(&str, Reader); 2] =
    [("pyproject.toml", of_pyproject), ("setup.cfg", |text| Ok(of_setup_cfg(text)))];

fn directory_name(directory: &Path) -> Result<String, Error> {
    let path = fs::canonicalize(directory)?;
    let name = path.file_name().and_then(|name| name.to_str());
    let usable = name.filter(|name| name.parse::<ProjectName>().is_ok());
    Ok(usable.unwrap_or(NAMELESS).to_owned())
}

fn of_pyproject(text: &str) -> Result<Option<Project>, String> {
    let document = DeTable::parse(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: not valid TOML: {}", before.matches('\n').count() + 1, error.message())
    })?;
    let document = document.get_ref();
    let project = table(document, "project");
    // Poetry's own way to say which Python is not PEP 440's, so that only its name and scripts are used.
    let poetry = table(document, "tool").and_then(|tool| table(tool, "poetry"));
    Ok(match (project, poetry) {
        (Some(project), _) if project.contains_key("name") => text_in(project, "name").map(|name| Project {
            name,
            requires_python: text_in(project, "requires-python"),
            scripts: scripts_in(project),
        }),
        (_, Some(poetry)) => text_in(poetry, "name").map(|name| Project {
            name,
            requires_python: None,
            scripts: scripts_in(poetry),
        }),
        _ => None,
    })
}

pub(super) fn table<'t>(parent: &'t DeTable<'_>, key: &str) -> Option<&'t DeTable<'t>> {
    match parent.get(key)?.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn text_in(parent: &DeTable<'_>, key: &str) -> Option<String> {
    match parent.get(key)?.get_ref() {
        DeValue::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

fn scripts_in(parent: &DeTable<'_>) -> Vec<String> {
    let scripts = table(parent, "scripts").into_iter().flat_map(DeTable::keys);
    scripts.map(|name| name.get_ref().to_string()).collect()
}

/// `setup.cfg` as Python's `configparser` reads it, without its interpolation.
fn of_setup_cfg(text: &str) -> Option<Project> {
    let (mut section, mut key) = (String::new(), String::new());
    let (mut name, mut requires_python, mut scripts) = (None, None, Vec::new());
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let continues = line.starts_with([' ', '\t']) && !key.is_empty();
        let value = if continues {
            content
        } else if let Some(heading) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            heading.trim().clone_into(&mut section);
            key.clear();
            continue;
        } else {
            let Some((left, value)) = content.split_once(['=', ':']) else { continue };
            key = left.trim().to_lowercase().replace('-', "_");
            value.trim()
        };
        match (section.as_str(), key.as_str()) {
            _ if value.is_empty() => {}
            ("metadata", "name") => name = name.or(Some(value.to_owned())),
            ("options", "python_requires") => requires_python = requires_python.or(Some(value.to_owned())),
            ("options.entry_points", "console_scripts") => {
                scripts.extend(value.split_once('=').map(|(name, _)| name.trim().to_owned()));
            }
            _ => {}
        }
    }
    name.map(|name| Project { name, requires_python, scripts })
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn project(name: &str, requires: Option<&str>, scripts: &[&str]) -> Project {
        let scripts = scripts.iter().map(|name| (*name).to_owned()).collect();
        Project { name: name.to_owned(), requires_python: requires.map(str::to_owned), scripts }
    }

    fn read(files: &[(&str, &str)]) -> Result<Project, String> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("Some.App");
        std::fs::create_dir(&root).unwrap();
        for (name, text) in files {
            std::fs::write(root.join(name), text).unwrap();
        }
        Project::of(&root).map_err(|failure| failure.to_string().replace(root.to_str().unwrap(), "[ROOT]"))
    }

    #[test]
    fn the_first_file_that_names_a_project_counts() {
        let pep621 =
            "[project]\nname = 'My_App'\nrequires-python = '>=3.9'\nscripts.b = 'x:y'\nscripts.a = 'x:y'\n";
        let poetry = "[tool.poetry]\nname = 'poem'\n[tool.poetry.scripts]\nread = 'poem:read'\n\
                      [tool.poetry.dependencies]\npython = '^3.9'\n";
        let cfg = "[metadata]\n# who\nname = old\n[options]\npython_requires = >=3.8\n[options.entry_points]\n\
                   console_scripts =\n    old = old.cli:main\n\told-too=old:main\ngui_scripts =\n    window = old:w\n";
        let only_tools = "[build-system]\nrequires = []\n[project]\nversion = '1'\n";
        for (files, expected) in [
            (
                &[("pyproject.toml", pep621), ("setup.cfg", cfg)][..],
                project("My_App", Some(">=3.9"), &["a", "b"]),
            ),
            (&[("pyproject.toml", poetry)], project("poem", None, &["read"])),
            (
                &[("pyproject.toml", only_tools), ("setup.cfg", cfg)],
                project("old", Some(">=3.8"), &["old", "old-too"]),
            ),
            (&[("setup.cfg", "[flake8]\nname = x\n")], project("Some.App", None, &[])),
            (&[], project("Some.App", None, &[])),
        ] {
            assert_eq!(read(files), Ok(expected), "{files:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_named_with_its_file() {
        let deep = format!("a = {}", "[".repeat(100_000));
        for (name, text, reason) in [
            ("pyproject.toml", "[project]\nname = 'a b'\n", "'a b' is not a valid name"),
            ("pyproject.toml", "[project]\nname =\n", "line 2: not valid TOML: "),
            ("pyproject.toml", deep.as_str(), "line 1: not valid TOML: "),
            ("setup.cfg", "[metadata]\nname = attr: x.y\n", "'attr: x.y' is not a valid name"),
        ] {
            let failure = read(&[(name, text)]).unwrap_err();
            assert!(failure.starts_with(&format!("[ROOT]/{name}: {reason}")), "{failure}");
        }
        let requires = read(&[("pyproject.toml", "[project]\nname = 'a'\nrequires-python = 'three'\n")]);
        assert!(requires.is_err_and(|failure| failure.contains("three")));
    }

    #[test]
    fn names_of_scripts_that_would_break_a_line_are_left_out() {
        let text = "[project]\nname = 'a'\n[project.scripts]\n\"b\\nc\" = 'x:y'\n\"\" = 'x:y'\nd = 'x:y'\n";
        assert_eq!(read(&[("pyproject.toml", text)]), Ok(project("a", None, &["d"])));
    }
}
