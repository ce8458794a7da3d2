//! `pip wheel`, in a child that has a deadline, no terminal, no network configuration of its own and no sources but
//! the directory that we filled.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::fault::BuildFault;
use super::{Builder, OUTPUT, label, words};
use crate::error::Error;
use crate::fs;
use crate::log;
use crate::process::{self, Finished};
use crate::source::file::File;
use crate::time::Deadline;

/// The longest that one build may take. Who needs more has a wheel to publish.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Builds the source in `source`; returns the one wheel that this left. `work` has the directories `tools`, with
/// what the build needs, and `wheels`, which is empty.
///
/// # Errors
/// When pip is not there, fails, takes too long, or leaves anything but one wheel.
pub(super) fn wheel(
    builder: &Builder<'_>,
    file: &File,
    work: &Path,
    source: &Path,
) -> Result<PathBuf, BuildFault> {
    let temporary = work.join("tmp");
    fs::create_dir_all(&temporary).map_err(|error| BuildFault::unusable(&error))?;
    let wheels = work.join("wheels");
    let mut command = Command::new(&builder.interpreter.path);
    command.args(["-I", "-m", "pip", "wheel", "--no-deps", "--no-input", "--disable-pip-version-check"]);
    command.args(["--no-cache-dir", "--no-index", "--progress-bar", "off", "--find-links"]);
    command.arg(work.join("tools")).arg("--wheel-dir").arg(&wheels).arg(source);
    // What the user, or this machine, has set for pip and Python would let other packages in.
    for assignment in builder.host.env.iter() {
        let name = assignment.name().as_encoded_bytes();
        if name.starts_with(b"PIP_") || name.starts_with(b"PYTHON") {
            command.env_remove(assignment.name());
        }
    }
    // pip reads no file at all then, not even that of the machine.
    command.env("PIP_CONFIG_FILE", "/dev/null").env("TMPDIR", &temporary).current_dir(work);
    let left = builder.deadline.remaining().map_or(LONGEST, |left| left.min(LONGEST));
    let ended = process::run(&mut command, Deadline::after(left), OUTPUT);
    let finished = ended.map_err(|source| {
        BuildFault::unusable(&Error::Interpreter { path: builder.interpreter.path.clone(), source })
    })?;
    match finished.status {
        None => Err(BuildFault::TooSlow(left)),
        Some(status) if !status.success() => Err(failure(builder, file, &finished)),
        Some(_) => only_wheel(&wheels),
    }
}

fn failure(builder: &Builder<'_>, file: &File, finished: &Finished) -> BuildFault {
    let output = [finished.stdout.as_slice(), finished.stderr.as_slice()].concat();
    let output = String::from_utf8_lossy(&output);
    if output.lines().any(|line| line.ends_with(": No module named pip")) {
        return BuildFault::NoPip(builder.interpreter.path.clone());
    }
    let details = [("file", json!(label(file))), ("output", json!(words::tail(&output)))];
    log::event(&builder.app.files.log(), builder.host.now(), "build failed", &details);
    BuildFault::Failed(words::essence(&output))
}

/// The one plain file in `wheels` that is a wheel by its name.
fn only_wheel(wheels: &Path) -> Result<PathBuf, BuildFault> {
    let entries = fs::list(wheels).map_err(|error| BuildFault::unusable(&error))?;
    let is_wheel = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == "whl")
            && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
    };
    let mut found: Vec<PathBuf> = entries.into_iter().filter(is_wheel).collect();
    match (found.pop(), found.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (found, others) => Err(BuildFault::Wheels(others + usize::from(found.is_some()))),
    }
}
