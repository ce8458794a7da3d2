//! An interpreter from a server, for machines that have none that will do: `[python] download`, hash required.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use url::Url;

use crate::app::App;
use crate::config::Download;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::net::{DownloadError, Net, Settings};
use crate::process;
use crate::python::find::{self, Interpreter};
use crate::state::State;
use crate::time::Deadline;
use crate::trust::hashes::{Hasher, Hashes};
use crate::update::events::{Event, Listener};
use crate::update::plan::USER_AGENT;

/// The largest archive, in bytes.
const LARGEST: u64 = 1 << 30;

/// How long unpacking may take.
const UNPACK: Duration = Duration::from_secs(300);

/// Where the executable may lie in the archive.
const PLACES: [&str; 4] = ["python/bin/python3", "bin/python3", "python/install/bin/python3", "python3"];

/// The interpreter that is here, else the one that is to be fetched.
///
/// # Errors
/// When there is none that will do.
pub fn interpreter(
    app: &App,
    host: &Host,
    state: &State,
    deadline: Deadline,
    listener: &dyn Listener,
) -> Result<Interpreter, Error> {
    let python = &app.config.python;
    match (find::find(python, host, state.interpreter.as_ref()), &python.download) {
        (Err(Error::NoInterpreter { .. }), Some(wanted)) => {
            find::at(&ensure(app, host, wanted, deadline, listener)?, python)
        }
        (found, _) => found,
    }
}

/// The interpreter of that archive, fetched and unpacked where it is not there yet.
///
/// # Errors
/// When it cannot be fetched, is not what the configuration says, or has no interpreter in it.
pub fn ensure(
    app: &App,
    host: &Host,
    download: &Download,
    deadline: Deadline,
    listener: &dyn Listener,
) -> Result<PathBuf, Error> {
    let place = app.store.interpreter(&download.sha256);
    if let Some(python) = executable_in(&place) {
        return Ok(python);
    }
    listener.hear(Event::Step { name: "fetching Python".to_owned() });
    let staging = fs::sibling(&place, "tmp");
    let unpacked = fetch(app, host, download, deadline, &staging);
    let finished = unpacked.and_then(|()| {
        fs::sync_file_system(&staging);
        fs::remove_tree(&place)?;
        fs::rename(&staging, &place)
    });
    let _ = fs::remove_tree(&staging);
    finished?;
    executable_in(&place).ok_or_else(|| Error::NoInterpreterInside { url: download.url.clone() })
}

/// The executable in an unpacked archive.
pub(crate) fn executable_in(place: &Path) -> Option<PathBuf> {
    PLACES.iter().map(|inside| place.join(inside)).find(|path| fs::is_executable(path))
}

fn fetch(
    app: &App,
    host: &Host,
    download: &Download,
    deadline: Deadline,
    staging: &Path,
) -> Result<(), Error> {
    let invalid =
        |reason: String| Error::Source { file: app.config_path.clone(), line: download.line, reason };
    let url = Url::parse(&download.url).map_err(|error| invalid(format!("'{}': {error}", download.url)))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(invalid(format!("'{}' is not a web address", download.url)));
    }
    fs::create_dir_all(staging)?;
    let archive = staging.join(".archive");
    let promised = Hashes::sha256(&download.sha256);
    let mut hasher = Hasher::for_promises(&promised);
    let mut target = fs::create_new(&archive, 0o600)?;
    let mut sink = |chunk: &[u8]| {
        hasher.update(chunk);
        fs::write_all(&mut target, &archive, chunk)
    };
    let net = Net::new(&Settings::of(&app.config.network), &host.env, USER_AGENT);
    let download = crate::net::Download { url: &url, cap: LARGEST, headers: &[] };
    net.download(&download, deadline, &mut sink).map_err(|error| match error {
        DownloadError::Net(error) => Error::Net(error),
        DownloadError::Sink(error) => error,
    })?;
    let filename = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
    promised
        .check(&hasher.finish())
        .map_err(|mismatch| Error::Hash { filename: filename.clone(), mismatch })?;
    extract(&archive, staging, &filename)?;
    fs::remove_file(&archive)
}

/// By the system's own `tar`: builds of Python are full of links, which our reader of packages refuses with reason,
/// and this archive's hash is the packager's own word.
pub(crate) fn extract(archive: &Path, into: &Path, filename: &str) -> Result<(), Error> {
    let mut command = Command::new("tar");
    command.arg("-xf").arg(archive).arg("-C").arg(into).arg("--no-same-owner");
    let failed = |reason: String| Error::InterpreterArchive { filename: filename.to_owned(), reason };
    let finished = process::run(&mut command, Deadline::after(UNPACK), 64 << 10)
        .map_err(|error| failed(format!("cannot run tar: {error}")))?;
    if finished.success() { Ok(()) } else { Err(failed(finished.last_words())) }
}
