//! The launcher's story on one screen.

use std::convert::Infallible;
use std::os::fd::IntoRawFd;

use crate::app::App;
use crate::command;
use crate::config::FILE_NAME;
use crate::error::Error;
use crate::host::Host;
use crate::launch;
use crate::log;
use crate::owner;
use crate::probation::{self, Stage};
use crate::process::BoundedFiles;
use crate::record;
use crate::start;
use crate::store;
use crate::update::process::{self, Role};

/// How a run of the launcher ends that does not become the app.
pub type Status = u8;

/// Becomes the app, or does what was asked instead and returns its exit status.
///
/// # Errors
/// Whatever keeps the app from starting.
pub fn run(mut host: Host) -> Result<Status, Error> {
    log::configure(&host);
    match process::take_role(&mut host) {
        Role::Updater => return Ok(process::update_for_a_start(&host)),
        Role::Spawner => return Ok(process::spawn_updater(&host)),
        Role::Launcher => {}
    }
    let usual = store::usual(&host.env);
    let record = usual.app(&host).record();
    if usual.is_private()
        && let Some(ready) = record::ready(&record, &host.exe_dir().join(FILE_NAME), &host)
    {
        return never(launch::exec(&ready.launch, Some(ready.in_use), &host)?);
    }
    // From here on files are written.
    let bounded = BoundedFiles::begin();
    let app = match (App::open(&host), command::asked_without_config(&host)) {
        (Ok(app), _) => app,
        (Err(error), Some(command)) => {
            return Ok(command::answer_without_config(&command, &host, &error));
        }
        (Err(error), None) => return Err(error),
    };
    if let Some(command) = command::asked_for(&app, &mut host)? {
        owner::stay();
        return command::run(command, &app, &host);
    }
    let ready = start::choose(&app, &mut host)?;
    drop(app);
    drop(bounded);
    match ready.stage {
        Stage::Watched(mark) => probation::watch(&ready.launch, ready.in_use, mark, &host),
        Stage::Marked(mark) => {
            let _ = launch::keep_across_exec(mark).into_raw_fd();
            never(launch::exec(&ready.launch, Some(ready.in_use), &host)?)
        }
        Stage::Plain | Stage::Passed => never(launch::exec(&ready.launch, Some(ready.in_use), &host)?),
    }
}

fn never(infallible: Infallible) -> Result<Status, Error> {
    match infallible {}
}
