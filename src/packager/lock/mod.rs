//! `everfresh lock`: loose requirements become a `pylock.toml` (PEP 751), for several platforms and versions of Python.

mod change;
mod solve;
mod targets;
mod wanted;
mod write;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::arguments::{Arguments, Operands, Opt};
use super::commands::{Command, JSON};
use super::failure::Failure;
use super::question::{INDEX, PRERELEASES, SOURCE, invalid, utf8, with_progress};
use super::scratch;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::net::Net;
use crate::package::lock::{LARGEST, Lock};
use crate::package::name::ProjectName;
use crate::update::plan::USER_AGENT;
use change::Change;
use solve::{Kept, Question};
use targets::Targets;
use wanted::Wanted;

pub use write::{add_or_replace, write};

const OUTPUT: Opt = Opt::taking("output", "FILE", "write this file, not pylock.toml");
const PLATFORM: Opt = Opt::taking("platform", "NAME", "for this platform: linux-aarch64, macos").repeated();
const PYTHON: Opt = Opt::taking("python", "X.Y", "for this version of CPython").repeated();
const UPGRADE: Opt = Opt::flag("upgrade", "take the newest versions, whatever was locked");
const UPGRADE_PACKAGE: Opt =
    Opt::taking("upgrade-package", "NAME", "the newest version of this one").repeated();
const CHECK: Opt = Opt::flag("check", "write nothing; status 1 when something would change");

pub(super) const COMMAND: Command = Command {
    name: "lock",
    summary: "write exact versions and hashes of all packages into a pylock.toml",
    operands: Operands { shown: "[REQUIREMENT]…", least: 0, most: usize::MAX },
    options: &[OUTPUT, PLATFORM, PYTHON, INDEX, SOURCE, PRERELEASES, UPGRADE, UPGRADE_PACKAGE, CHECK, JSON],
    text: "The lock holds for each platform with each Python; without any, for those here. Without requirements\n\
           they are those of launcher.toml here, else of pyproject.toml; the project itself comes from dist/.\n\
           Versions that are locked already stay where they will do.",
    examples: &[
        "everfresh lock --python 3.10 --python 3.12 --platform linux-x86_64 --platform macos",
        "everfresh lock --upgrade-package httpx && everfresh lock --check",
    ],
    run,
};

const DEFAULT_OUTPUT: &str = "pylock.toml";

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let here = fs::absolute(Path::new("."))?;
    let path = PathBuf::from(arguments.value(OUTPUT).unwrap_or(DEFAULT_OUTPUT.as_ref()));
    let wanted = Wanted::of(host, arguments, &here)?;
    if let Some(note) = &wanted.note {
        let _ = writeln!(io::stderr(), "everfresh: note: {note}");
    }
    let targets = Targets::of(host, arguments)?;
    let before = before(&path)?;
    let kept = kept(arguments, before.as_ref().map(|(_, lock)| lock), wanted.own.as_ref())?;
    let net = Net::new(&wanted.settings, &host.env, USER_AGENT);
    let target = fs::absolute(&path)?;
    let folder = target.parent().unwrap_or(&here);
    let question = Question { wanted: &wanted, targets: &targets, kept: &kept, folder };
    let temporary = scratch::temporary(&host.env);
    let lock = with_progress(host, || solve::solve(&question, &net, &temporary))?;
    let text = write(&lock);
    let same = before.as_ref().is_some_and(|(known, _)| *known == text);
    let changes = change::between(before.as_ref().map(|(_, lock)| lock), &lock);
    let check = arguments.has(CHECK);
    if !same && !check {
        fs::write_atomic_mode(&path, text.as_bytes(), 0o644)?;
    }
    if arguments.has(JSON) {
        writeln!(output, "{}", report(&path, &lock, &changes, !same && !check))?;
    } else {
        changes.iter().try_for_each(|change| writeln!(output, "{change}"))?;
        if !check {
            let state = if same { "is up to date" } else { "is written" };
            writeln!(output, "{} {state}: {} packages for {}", path.display(), lock.packages.len(), targets)?;
        }
    }
    if check && !same { Err(Failure::Outdated(path)) } else { Ok(()) }
}

/// The text of the lock that is there, and what it says. One that cannot be read holds nothing back.
fn before(path: &Path) -> Result<Option<(String, Lock)>, Error> {
    let Some(bytes) = fs::read_if_there(path, LARGEST)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Some(match Lock::parse(&text) {
        Ok(lock) => (text, lock),
        Err(fault) => {
            let shown = path.display();
            let _ = writeln!(io::stderr(), "everfresh: warning: what is in {shown} does not count: {fault}");
            (text, Lock::default())
        }
    }))
}

/// Which locked versions are to stay.
fn kept<'l>(
    arguments: &Arguments,
    before: Option<&'l Lock>,
    own: Option<&ProjectName>,
) -> Result<Kept<'l>, Failure> {
    let mut loose: Vec<ProjectName> = own.cloned().into_iter().collect();
    for (_, text) in arguments.values(&[UPGRADE_PACKAGE]) {
        let name = utf8(COMMAND.name, text)?.parse();
        loose.push(name.map_err(|reason| invalid(COMMAND.name, reason))?);
    }
    let lock = before.filter(|_| !arguments.has(UPGRADE));
    Ok(Kept { lock, loose })
}

fn report(path: &Path, lock: &Lock, changes: &[Change], written: bool) -> Value {
    let packages = lock.packages.iter().map(|package| {
        json!({
            "name": package.name.as_str(),
            "version": package.version.as_ref().map(ToString::to_string),
            "marker": package.marker.as_ref().map(write::shown),
        })
    });
    json!({
        "path": path.to_string_lossy(),
        "written": written,
        "packages": packages.collect::<Vec<_>>(),
        "changes": changes.iter().map(Change::report).collect::<Vec<_>>(),
    })
}
