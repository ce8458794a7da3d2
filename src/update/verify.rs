//! The smoke test: nothing is activated whose entry point cannot even be imported.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::app::App;
use crate::error::Error;
use crate::launch::{self, Recipe};
use crate::process as child;
use crate::python::find::Interpreter;
use crate::time::Deadline;
use crate::update::environment::Staged;

/// Bytes of a failed test's output that are looked at.
const OUTPUT: u64 = 256 * 1024;

/// Runs the configured test, or imports the entry point, in the new environment.
///
/// # Errors
/// When the test fails, hangs or cannot be run.
pub fn verify(app: &App, staged: &Staged, interpreter: &Interpreter, recipe: &Recipe) -> Result<(), Error> {
    let site = staged.site();
    let mut command = Command::new(&interpreter.path);
    command.args(recipe.interpreter_arguments());
    match &app.config.verify.command {
        None => {
            command.arg("-c").arg(launch::import_check(recipe, &site));
        }
        Some(arguments) => {
            // The command is Python's own words (`-m pkg`, a script): it finds the environment by PYTHONPATH.
            command.env("PYTHONPATH", &site).args(arguments);
        }
    }
    command.env_remove("PYTHONHOME").current_dir("/");
    if app.config.verify.command.is_none() {
        command.env_remove("PYTHONPATH");
    }
    if let Some(directory) = app.config_path.parent() {
        command.current_dir(directory);
    }
    let limit = app.config.verify.timeout;
    let failed = |reason: String| Error::VerifyFailed { app: app.config.app.name.clone(), reason };
    let finished = child::run(&mut command, Deadline::after(limit), OUTPUT)
        .map_err(|error| Error::Interpreter { path: interpreter.path.clone(), source: error })?;
    match finished.status {
        Some(status) if status.success() => Ok(()),
        Some(status) if status.signal() == Some(Signal::SIGKILL as i32) => {
            Err(Error::VerifyKilled { app: app.config.app.name.clone() })
        }
        Some(status) => {
            let words = finished.last_words();
            Err(failed(if words.is_empty() { status.to_string() } else { words }))
        }
        None => Err(failed(format!("not done after {}", crate::time::show_duration(limit)))),
    }
}
