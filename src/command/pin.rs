//! `self pin` and `self unpin`.

use pep440_rs::Version;

use super::{require_writable, say, update};
use crate::app::App;
use crate::error::Error;
use crate::host::Host;
use crate::package::version::parse_version;
use crate::run::Status;
use crate::state::State;
use crate::update::activate;

/// Follows the sources again; what is to be said about it.
pub(super) fn unpin(app: &App, host: &Host) -> Result<String, Error> {
    let name = &app.config.app.name;
    let before = activate::set_pin(app, host, None)?;
    Ok(match before {
        Some(version) => {
            format!("{name} is not pinned to {version} any more; the next start looks for updates\n")
        }
        None => format!("{name} is not pinned\n"),
    })
}

/// Stays at a version: at once where it is kept, else after an update to it.
pub(super) fn pin(app: &App, host: &Host, version: Option<Version>) -> Result<Status, Error> {
    require_writable(app)?;
    let name = &app.config.app.name;
    let state = State::read(&app.files.state());
    let active = || parse_version(state.active()?.main_version()?).ok();
    let Some(version) = version.or_else(active) else {
        return Err(match state.active() {
            None => Error::NothingInstalled { app: name.clone() },
            Some(_) => Error::Usage {
                message: format!("{name} has no version that it could be pinned to"),
                hint: "[app] requirements in launcher.toml names no project".to_owned(),
            },
        });
    };
    if let Some(what) = activate::pin_to_kept(app, host, &version)? {
        say(&format!("{what}, pinned\n"));
        return Ok(0);
    }
    let before = activate::set_pin(app, host, Some(version.to_string()))?;
    let updated = update(app, host);
    let state = State::read(&app.files.state());
    if updated.is_err() || !state.active().is_some_and(|active| active.is_of(&version)) {
        activate::set_pin(app, host, before)?;
    }
    updated
}
