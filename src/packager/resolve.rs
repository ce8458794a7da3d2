//! `everfresh resolve`: what the launcher would choose, and why not.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use url::Url;

use super::arguments::{Arguments, Operands, Opt, Usage};
use super::commands::{Command, JSON};
use super::failure::Failure;
use super::interpreter::{self, PYTHON};
use super::question::{self, INDEX, PRERELEASES, SOURCE, with_progress};
use super::target::{self, Target};
use super::{resolution, scratch};
use crate::aws::Aws;
use crate::host::Host;
use crate::net::{Net, Settings, show_url};
use crate::source::file::{File, Location};
use crate::update::plan::USER_AGENT;
use crate::update::resolve::{Pin, Request};

const PYTHON_VERSION: Opt =
    Opt::taking("python-version", "X.Y[.Z]", "as if for that version of CPython here");

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

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let aws = Aws::new(host, None);
    let places = match question::named_places(COMMAND.name, arguments, &aws)? {
        Some(places) => places,
        None => question::public_index(COMMAND.name, &aws)?,
    };
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
    question::invalid(COMMAND.name, reason)
}

fn request(host: &Host, arguments: &Arguments) -> Result<Request, Failure> {
    let requirements = question::requirements(COMMAND.name, arguments)?;
    let wanted = arguments.value(PYTHON_VERSION);
    let wanted = wanted
        .map(|text| target::python_version(question::utf8(COMMAND.name, text)?).map_err(invalid))
        .transpose()?;
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
