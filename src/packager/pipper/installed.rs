//! What an interpreter has installed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pep440_rs::Version;
use serde_json::Value;

use super::fault::Fault;
use crate::error::Error;
use crate::package::name::ProjectName;
use crate::package::version::parse_version;
use crate::packager::failure::Failure;
use crate::process;
use crate::python::find::Interpreter;
use crate::time::Deadline;

/// Names and versions as `importlib.metadata` has them: the first of each name counts, as for an import. What lies in
/// the directory where it is called is none of it.
const SCRIPT: &str = "import json, sys
here = sys.argv[1:]
sys.path[:] = [place for place in sys.path if place not in ('', '.')]
from importlib.metadata import distributions
found = {}
for one in distributions(path=here) if here else distributions():
    name, version = one.metadata['Name'], one.version
    if isinstance(name, str) and isinstance(version, str):
        found.setdefault(name, version)
print(json.dumps(found))";

/// How long the interpreter may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest answer, in bytes.
const CAP: u64 = 16 << 20;

/// What is installed, by name.
pub(super) type Installed = BTreeMap<ProjectName, Version>;

/// What the interpreter would import; of `target` alone, where one is given.
///
/// # Errors
/// When it does not tell.
pub(super) fn of(interpreter: &Interpreter, target: Option<&Path>) -> Result<Installed, Failure> {
    let mut command = Command::new(&interpreter.path);
    command.args(["-c", SCRIPT]).args(target);
    let finished = process::run(&mut command, Deadline::after(PATIENCE), CAP)
        .map_err(|source| Error::Interpreter { path: interpreter.path.clone(), source })?;
    let answer = finished.success().then(|| serde_json::from_slice(&finished.stdout).ok()).flatten();
    let Some(Value::Object(answer)) = answer else {
        return Err(Fault::Silent { python: interpreter.path.clone(), words: finished.last_words() }.into());
    };
    let read = |(name, version): (&String, &Value)| {
        Some((name.parse().ok()?, parse_version(version.as_str()?).ok()?))
    };
    Ok(answer.iter().filter_map(read).collect())
}
