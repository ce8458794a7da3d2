//! The packager's own commands around an update.

use std::time::Duration;

use serde_json::json;

use crate::app::App;
use crate::host::Host;
use crate::log;
use crate::process as child;
use crate::time::Deadline;

/// The longest that a hook may take.
const HOOK: Duration = Duration::from_secs(60);

/// Runs a hook. What it says and how it ends is logged and changes nothing: it is told, not asked.
pub(super) fn run(app: &App, host: &Host, hook: Option<&[String]>, variables: &[(&str, &str)]) {
    let Some([program, arguments @ ..]) = hook else { return };
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(host.exe_dir());
    command.env("EVERFRESH_APP", &app.config.app.name).env("EVERFRESH_LAUNCHER", &host.exe);
    command.envs(variables.iter().copied());
    let ended = match child::run(&mut command, Deadline::after(HOOK), 64 * 1024) {
        Ok(finished) if finished.success() => return,
        Ok(finished) => match finished.status {
            Some(status) => format!("{status}: {}", finished.last_words()),
            None => format!("not done after {} s", HOOK.as_secs()),
        },
        Err(error) => error.to_string(),
    };
    log::event(
        &app.files.log(),
        host.now(),
        "hook failed",
        &[("hook", json!(program)), ("reason", json!(ended))],
    );
}
