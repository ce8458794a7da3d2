//! `everfresh resolve`: what the launcher would choose, and why not.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::arguments::{Arguments, Operands, Opt, Usage};
use super::commands::{Command, JSON};
use super::failure::Failure;
use super::interpreter::{self, PYTHON};
use super::target::{self, Target};
use super::{resolution, scratch};
use crate::aws::Aws;
use crate::config::SourceType;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::net::{Net, Settings, show_url};
use crate::package::requirement::Requirement;
use crate::progress::{Draws, Progress};
use crate::source::file::{File, Location};
use crate::source::{self, PUBLIC_INDEX};
use crate::update::catalogue::{Place, Places};
use crate::update::events::{Event, Listener};
use crate::update::plan::USER_AGENT;
use crate::update::resolve::{Pin, Request};

const INDEX: Opt = Opt::taking("index", "URL", "ask this package index").repeated();
const SOURCE: Opt = Opt::taking("source", "ADDRESS", "ask this directory or index").repeated();
const PYTHON_VERSION: Opt =
    Opt::taking("python-version", "X.Y[.Z]", "as if for that version of CPython here");
const PRERELEASES: Opt = Opt::flag("prereleases", "take pre-releases as good as releases");

pub(super) const COMMAND: Command = Command {
    name: "resolve",
    summary: "tell which versions and files the launcher would choose",
    operands: Operands { shown: "REQUIREMENT…", least: 1, most: usize::MAX },
    options: &[INDEX, SOURCE, PYTHON_VERSION, PYTHON, PRERELEASES, JSON],
    text: "Sources are asked in the order given; the first that has a project owns it. Without any it is\n\
           the public index. Without a solution it says why there is none.",
    examples: &[
        "everfresh resolve --python-version 3.12 'httpie>=3' \"rich; python_version<'3.12'\"",
        "everfresh resolve --source dist --index https://packages.example.org/simple/ --json myapp",
    ],
    run,
};

/// How often the progress line is drawn.
const REDRAW: Duration = Duration::from_millis(100);

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let places = places(arguments, &Aws::new(host, None))?;
    let request = request(host, arguments)?;
    let net = Net::new(&Settings::default(), &host.env, USER_AGENT);
    let temporary = scratch::temporary(&host.env);
    let pins = with_progress(host, || resolution::resolve(&net, &places, &request, &temporary))?;
    warn_of_missing_extras(&pins);
    if arguments.has(JSON) {
        let packages: Vec<Value> = pins.iter().map(report).collect();
        return Ok(writeln!(output, "{}", json!({ "packages": packages }))?);
    }
    let mut lines = pins.iter();
    Ok(lines.try_for_each(|pin| writeln!(output, "{}=={}  {}", pin.name, pin.version, pin.file.filename))?)
}

fn invalid(reason: impl std::fmt::Display) -> Usage {
    Usage::Invalid { command: COMMAND.name, reason: reason.to_string() }
}

fn utf8(text: &OsStr) -> Result<&str, Usage> {
    text.to_str().ok_or_else(|| invalid(format!("'{}' is not UTF-8", text.to_string_lossy().escape_debug())))
}

fn places(arguments: &Arguments, aws: &Aws) -> Result<Places, Failure> {
    let base = fs::absolute(Path::new("."))?;
    let mut places = Vec::new();
    for (option, text) in arguments.values(&[INDEX, SOURCE]) {
        let text = utf8(text)?;
        let read = if option == INDEX {
            source::read(text, SourceType::Index, &base)
        } else {
            source::infer(text, &base)
        };
        places.push(Place::plain(read.map_err(invalid)?, aws));
    }
    if places.is_empty() {
        let address = source::read(PUBLIC_INDEX, SourceType::Index, &base).map_err(invalid)?;
        places.push(Place::plain(address, aws));
    }
    Ok(Places(places))
}

fn request(host: &Host, arguments: &Arguments) -> Result<Request, Failure> {
    let requirements: Result<Vec<_>, Usage> =
        arguments.operands.iter().map(|operand| requirement(operand)).collect();
    let requirements = requirements?;
    let wanted = arguments.value(PYTHON_VERSION);
    let wanted = wanted.map(|text| target::python_version(utf8(text)?).map_err(invalid)).transpose()?;
    let target = match (wanted, interpreter::find(host, arguments)) {
        (None, found) => Target::of(&found?),
        (Some(version), Ok(interpreter)) => Target::cpython_beside(&interpreter, version),
        // A machine without a Python can be asked for what it would get all the same.
        (Some(version), Err(_)) if !arguments.has(PYTHON) => {
            Target::cpython(version, &target::platform(None).map_err(invalid)?)
        }
        (Some(_), Err(error)) => return Err(error.into()),
    };
    Ok(target.request(requirements, arguments.has(PRERELEASES)))
}

fn requirement(text: &OsStr) -> Result<Requirement, Usage> {
    utf8(text)?.parse::<Requirement>().map_err(Usage::Requirement)
}

/// Does the work and shows on a terminal that it is being done.
fn with_progress(
    host: &Host,
    work: impl FnOnce() -> Result<Vec<Pin>, Error> + Send,
) -> Result<Vec<Pin>, Error> {
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

/// As with pip, an extra that is not there is worth a word and no more.
fn warn_of_missing_extras(pins: &[Pin]) {
    for pin in pins {
        for extra in &pin.missing_extras {
            let (name, version) = (&pin.name, &pin.version);
            let _ = writeln!(io::stderr(), "everfresh: warning: {name} {version} has no extra '{extra}'");
        }
    }
}

fn report(pin: &Pin) -> Value {
    let hashes: Map<String, Value> =
        pin.file.hashes.iter().map(|(algorithm, hex)| (algorithm.name().to_owned(), json!(hex))).collect();
    json!({
        "name": pin.name.as_str(),
        "version": pin.version.to_string(),
        "filename": pin.file.filename,
        "url": address(&pin.file),
        "hashes": hashes,
    })
}

/// Where the file is, as a URL without anything secret.
fn address(file: &File) -> String {
    match &file.location {
        Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => show_url(url),
        Location::Checkout(checkout) => checkout.to_string(),
        Location::Path(path) => {
            Url::from_file_path(path).map_or_else(|()| path.to_string_lossy().into_owned(), Into::into)
        }
    }
}
