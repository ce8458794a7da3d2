//! What a command line asks of sources, and the patience that it takes.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::arguments::{Arguments, Opt, Usage};
use super::failure::Failure;
use crate::aws::Aws;
use crate::config::SourceType;
use crate::fs;
use crate::host::Host;
use crate::package::requirement::Requirement;
use crate::progress::{Draws, Progress};
use crate::source::{self, PUBLIC_INDEX};
use crate::update::catalogue::{Place, Places};
use crate::update::events::{Event, Listener};

pub(super) const INDEX: Opt = Opt::taking("index", "URL", "ask this package index").repeated();
pub(super) const SOURCE: Opt = Opt::taking("source", "ADDRESS", "ask this directory or index").repeated();
pub(super) const PRERELEASES: Opt = Opt::flag("prereleases", "take pre-releases as good as releases");

/// How often the progress line is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// A value that cannot be meant.
pub(super) fn invalid(command: &'static str, reason: impl std::fmt::Display) -> Usage {
    Usage::Invalid { command, reason: reason.to_string() }
}

/// An argument as text.
pub(super) fn utf8<'t>(command: &'static str, text: &'t OsStr) -> Result<&'t str, Usage> {
    let not = || format!("'{}' is not UTF-8", text.to_string_lossy().escape_debug());
    text.to_str().ok_or_else(|| invalid(command, not()))
}

/// The sources that are named, in order; `None` where none is.
pub(super) fn named_places(
    command: &'static str,
    arguments: &Arguments,
    aws: &Aws,
) -> Result<Option<Places>, Failure> {
    let base = fs::absolute(Path::new("."))?;
    let mut places = Vec::new();
    for (option, text) in arguments.values(&[INDEX, SOURCE]) {
        let text = utf8(command, text)?;
        let read = if option == INDEX {
            source::read(text, SourceType::Index, &base)
        } else {
            source::infer(text, &base)
        };
        let address = read.map_err(|reason| invalid(command, reason))?;
        places.push(Place::plain(address, aws));
    }
    Ok(Some(Places(places)).filter(|places| !places.0.is_empty()))
}

/// The public index.
pub(super) fn public_index(command: &'static str, aws: &Aws) -> Result<Places, Usage> {
    let address = source::read(PUBLIC_INDEX, SourceType::Index, Path::new("/"));
    Ok(Places(vec![Place::plain(address.map_err(|reason| invalid(command, reason))?, aws)]))
}

/// The operands as requirements.
pub(super) fn requirements(command: &'static str, arguments: &Arguments) -> Result<Vec<Requirement>, Usage> {
    let read = |text| utf8(command, text)?.parse::<Requirement>().map_err(Usage::Requirement);
    arguments.operands.iter().map(|operand| read(operand)).collect()
}

/// Does the work and shows on a terminal that it is being done.
pub(super) fn with_progress<T>(host: &Host, work: impl FnOnce() -> T) -> T {
    let progress = Progress::new("everfresh", Draws::of(host, false));
    progress.hear(Event::Step { name: "looking for packages".to_owned() });
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let waiting = waiting;
            while waiting.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                progress.tick();
            }
            progress.clear();
        });
        let result = work();
        drop(done);
        result
    })
}
