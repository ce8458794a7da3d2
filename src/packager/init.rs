//! `everfresh init`: a first `launcher.toml` for the project that lies there.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::arguments::{Arguments, Operands, Opt};
use super::commands::Command;
use super::failure::Failure;
use super::project::Project;
use crate::config::{Config, FILE_NAME, is_dotted_name};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::package::name::ProjectName;

const FORCE: Opt = Opt::flag("force", "write over a launcher.toml that is there");

pub(super) const COMMAND: Command = Command {
    name: "init",
    summary: "write a launcher.toml for the project in a directory",
    operands: Operands { shown: "[DIRECTORY]", least: 0, most: 1 },
    options: &[FORCE],
    text: "Asks nothing: pyproject.toml or setup.cfg say what the project is called, what starts it and which\n\
           Python it needs. DIRECTORY is the current one unless given.",
    examples: &["everfresh init ~/src/myapp"],
    run,
};

fn run(_host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let directory = arguments.operands.first().map_or_else(PathBuf::new, PathBuf::from);
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
    let path = directory.join(FILE_NAME);
    let force = arguments.has(FORCE);
    if !force && fs::symlink_metadata(&path).is_ok() {
        return Err(Failure::Exists(path));
    }
    let text = launcher_toml(&Project::of(directory)?);
    Config::parse(&text, directory).map_err(|error| Error::Config { file: path.clone(), error })?;
    if force {
        fs::write_atomic(&path, text.as_bytes())?;
    } else {
        write_new(&path, text.as_bytes())?;
    }
    Ok(writeln!(output, "{}", path.display())?)
}

/// Never replaces what somebody else wrote meanwhile, and never leaves half a file.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = fs::create_new(path, 0o644)?;
    let written = fs::write_all(&mut file, path, bytes);
    if written.is_err() {
        // The failure that led here is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

/// A string as TOML writes it: as JSON does, for text without control characters.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn launcher_toml(project: &Project) -> String {
    let name = quoted(&project.name);
    let python = match &project.requires_python {
        Some(requires) => format!("requires = {}", quoted(requires)),
        None => "# requires = \">=3.9\"".to_owned(),
    };
    format!(
        "# What the launcher beside this file starts and keeps up to date.\n\
         # launcher.toml.example has every key with its default.\n\
         \n\
         [app]\n\
         name = {name}\n\
         # What is installed (PEP 508). An update is whatever these allow: \"{plain}>=2,<3\" stays below 3.\n\
         requirements = [{name}]\n\
         {entry}\n\
         [python]\n\
         # Which interpreters will do; the best one on PATH is taken.\n\
         {python}\n\
         \n\
         # Where packages come from, in order: the first source that has a project owns it.\n\
         # Without any it is the public index.\n\
         # [[source]]\n\
         # url = \"https://packages.example.org/simple/\"\n\
         \n\
         [update]\n\
         # How long a successful check stays fresh, and how long a start may wait for the next one.\n\
         interval = \"1d\"\n\
         timeout = \"3s\"\n",
        plain = project.name,
        entry = entry(project),
    )
}

/// The console script that is named like the project, else the first; without any, the package of that name.
fn entry(project: &Project) -> String {
    let mut text = String::new();
    let (key, chosen) = entry_key(project);
    if key == "console-script" {
        let others: Vec<&str> =
            project.scripts.iter().filter(|script| **script != chosen).map(String::as_str).collect();
        let _ = writeln!(text, "# What is started: a console script of what is installed.");
        if !others.is_empty() {
            let _ = writeln!(text, "# There are also: {}", others.join(", "));
        }
        let _ = writeln!(text, "console-script = {}", quoted(&chosen));
        return text;
    }
    let _ = writeln!(
        text,
        "# What is started, as `python -m` does. The project names no console script; a function\n\
                            # is written: entry = \"module:function\""
    );
    let _ = writeln!(text, "module = {}", quoted(&chosen));
    text
}

/// The key of `[app]` that starts a project, and its value.
pub(super) fn entry_key(project: &Project) -> (&'static str, String) {
    let normalized = |name: &str| name.parse::<ProjectName>().ok();
    let same =
        |script: &&String| normalized(script).is_some_and(|name| Some(name) == normalized(&project.name));
    if let Some(chosen) = project.scripts.iter().find(same).or(project.scripts.first()) {
        return ("console-script", chosen.clone());
    }
    let module = project.name.replace(['-', '.'], "_");
    ("module", if is_dotted_name(&module) { module } else { format!("_{module}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Entry;

    fn config(name: &str, requires: Option<&str>, scripts: &[&str]) -> Config {
        let scripts = scripts.iter().map(|name| (*name).to_owned()).collect();
        let requires_python = requires.map(str::to_owned);
        let text = launcher_toml(&Project { name: name.to_owned(), requires_python, scripts });
        Config::parse(&text, Path::new("/app")).unwrap()
    }

    #[test]
    fn the_launcher_reads_what_is_written() {
        let written = config("My.App", Some(">=3.9,<4"), &["other", "my-app"]);
        assert_eq!(written.app.name, "My.App");
        assert_eq!(written.app.requirements.iter().map(|r| r.value.as_str()).collect::<Vec<_>>(), ["My.App"]);
        assert_eq!(written.python.requires.map(|requires| requires.value), Some(">=3.9,<4".to_owned()));
    }

    #[test]
    fn what_starts_it_is_the_script_of_its_name_then_the_first_then_its_module() {
        for (name, scripts, entry) in [
            ("My.App", &["a", "my-app"][..], Entry::ConsoleScript("my-app".to_owned())),
            ("My.App", &["a", "b\"\\"], Entry::ConsoleScript("a".to_owned())),
            ("my-app", &[], Entry::Module("my_app".to_owned())),
            ("7zip", &[], Entry::Module("_7zip".to_owned())),
        ] {
            assert_eq!(config(name, None, scripts).app.entry, entry, "{name} {scripts:?}");
        }
    }
}
