//! A project's own wheel, built by its own backend (PEP 517) in an isolated environment, by the interpreter's pip.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::failure::Failure;
use super::scratch::{self, Scratch};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::package::filename::{DistributionName, Format};
use crate::package::name::ProjectName;
use crate::process;
use crate::python::find::Interpreter;
use crate::time::Deadline;

/// The longest that a build may take.
const LONGEST: Duration = Duration::from_secs(3600);
/// The most that is kept of a build's output, in bytes.
const OUTPUT: u64 = 1 << 20;
/// The moment that files in a wheel get ("Reproducible Builds").
const EPOCH: &str = "SOURCE_DATE_EPOCH";
/// Files beside the sources that no wheel has: ours.
const OURS: [&str; 2] = ["pylock.toml", "launcher.toml"];
/// Directories that are made from the sources, not sources.
const MADE: [&str; 9] =
    ["dist", "build", "target", "node_modules", "__pycache__", "venv", "env", "htmlcov", "site"];

/// The wheel of the project in `directory`: the newest in its `dist`, built anew where there is none or a source is
/// younger. `Ok((path, true))`: it was built.
///
/// # Errors
/// When there is no project, or its backend fails.
pub(crate) fn ensure(
    host: &Host,
    interpreter: impl FnOnce() -> Result<Interpreter, Error>,
    directory: &Path,
    name: &ProjectName,
) -> Result<(PathBuf, bool), Failure> {
    let newest = wheels(&directory.join("dist"), name)?.into_iter().max_by_key(|path| modified(path));
    let is_current = |wheel: &PathBuf| modified(wheel) >= newest_source(directory);
    if let Some(wheel) = newest.filter(is_current) {
        return Ok((wheel, false));
    }
    Ok((build(host, &interpreter()?, directory, &directory.join("dist"))?, true))
}

/// Builds the project in `directory` and leaves its wheel in `output`.
///
/// # Errors
/// When there is no project, or its backend fails: with all that it said.
pub(crate) fn build(
    host: &Host,
    interpreter: &Interpreter,
    directory: &Path,
    output: &Path,
) -> Result<PathBuf, Failure> {
    let has = |name: &str| fs::exists(&directory.join(name));
    if !has("pyproject.toml") && !has("setup.py") {
        return Err(Failure::NoProject(directory.to_owned()));
    }
    let scratch = Scratch::under(&scratch::temporary(&host.env))?;
    let mut command = Command::new(&interpreter.path);
    command.args(["-m", "pip", "wheel", "--no-deps", "--no-input", "--disable-pip-version-check"]);
    command.args(["--progress-bar", "off", "--wheel-dir"]).arg(scratch.path()).arg(fs::absolute(directory)?);
    // The same sources make the same wheel, whenever they are built.
    let since =
        newest_source(directory).and_then(|newest| newest.duration_since(SystemTime::UNIX_EPOCH).ok());
    if let (None, Some(since)) = (host.env.get(EPOCH), since) {
        command.env(EPOCH, since.as_secs().to_string());
    }
    // Of PYTHONPATH and its like nothing must get into a wheel.
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
    let finished = process::run(&mut command, Deadline::after(LONGEST), OUTPUT)
        .map_err(|source| Error::Interpreter { path: interpreter.path.clone(), source })?;
    if !finished.success() {
        let output = [finished.stdout.as_slice(), finished.stderr.as_slice()].concat();
        let output = String::from_utf8_lossy(&output).trim_end().to_owned();
        return Err(match finished.status {
            _ if output.lines().any(|line| line.ends_with(": No module named pip")) => {
                Failure::NoPip(interpreter.path.clone())
            }
            None => Failure::Build { directory: directory.to_owned(), output: "it took too long".to_owned() },
            Some(_) => Failure::Build { directory: directory.to_owned(), output },
        });
    }
    let built =
        fs::list(scratch.path())?.into_iter().find(|path| path.extension().is_some_and(|e| e == "whl"));
    let nothing =
        || Failure::Build { directory: directory.to_owned(), output: "it left no wheel".to_owned() };
    let built = built.ok_or_else(nothing)?;
    fs::create_dir_all_mode(output, 0o755)?;
    let wheel = output.join(built.file_name().unwrap_or_default());
    fs::copy_atomic(&built, &wheel, 0o644)?;
    Ok(wheel)
}

fn wheels(dist: &Path, name: &ProjectName) -> Result<Vec<PathBuf>, Error> {
    let paths = fs::if_there(fs::list(dist))?.unwrap_or_default();
    let is_own = |path: &PathBuf| {
        let file = path.file_name().and_then(|name| name.to_str()).map(DistributionName::parse);
        file.is_some_and(|file| {
            file.is_ok_and(|file| file.project == *name && matches!(file.format, Format::Wheel { .. }))
        })
    };
    Ok(paths.into_iter().filter(is_own).collect())
}

/// As finely as the file system tells: a change may follow a build at once.
fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).ok()?.modified().ok()
}

/// When a source was last changed.
fn newest_source(directory: &Path) -> Option<SystemTime> {
    let mut newest = None;
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for path in fs::list(&directory).unwrap_or_default() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name.ends_with(".egg-info") || OURS.contains(&name.as_str()) {
                continue;
            }
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_file() {
                newest = newest.max(modified(&path));
            } else if metadata.is_dir()
                && !MADE.contains(&name.as_str())
                && !fs::exists(&path.join("pyvenv.cfg"))
                && !fs::exists(&path.join(super::destination::LOCK))
            {
                waiting.push(path);
            }
        }
    }
    newest
}
