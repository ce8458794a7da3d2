//! `everfresh info`: which version is installed, and which there is.

use std::io::Write;
use std::path::Path;

use pep440_rs::Version;
use serde_json::{Value, json};

use super::fault::Fault;
use super::installed;
use super::remote::{BUCKET, CREDENTIALS, Offer, PREFIX, REPOSITORY, Remote, Way, operand};
use crate::fs;
use crate::host::Host;
use crate::package::name::ProjectName;
use crate::packager::arguments::{Arguments, Operands, Opt};
use crate::packager::commands::{Command, JSON};
use crate::packager::failure::Failure;
use crate::packager::interpreter::{self, PYTHON};
use crate::packager::publish::settings::{ENDPOINT, PROFILE, REGION};
use crate::packager::question::invalid;

const LOCAL: Opt = Opt::flag("local", "ask no repository").short('l');
const TARGET: Opt = Opt::taking("target", "DIRECTORY", "what is installed there").short('t');

const NAME: &str = "info";

pub(in super::super) const COMMAND: Command = Command {
    name: NAME,
    summary: "tell which version of a package is installed, and which a repository has",
    operands: Operands { shown: "NAME…", least: 1, most: usize::MAX },
    options: &[
        LOCAL,
        TARGET,
        PYTHON,
        REPOSITORY,
        BUCKET,
        PREFIX,
        PROFILE,
        CREDENTIALS,
        ENDPOINT,
        REGION,
        JSON,
    ],
    text: "MISSING: not installed. BEHIND, AHEAD, CURRENT: older, newer, the same as the newest release.",
    examples: &["everfresh info myapp --repository team", "everfresh info --local --json myapp dep"],
    run,
};

/// How what is installed stands to what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Missing,
    Behind,
    Ahead,
    Current,
}

impl Standing {
    pub(super) fn of(local: Option<&Version>, latest: &Version) -> Self {
        match local.map(|local| local.cmp(latest)) {
            None => Self::Missing,
            Some(std::cmp::Ordering::Less) => Self::Behind,
            Some(std::cmp::Ordering::Greater) => Self::Ahead,
            Some(std::cmp::Ordering::Equal) => Self::Current,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::Behind => "BEHIND",
            Self::Ahead => "AHEAD",
            Self::Current => "CURRENT",
        }
    }
}

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let names: Vec<(&str, ProjectName)> = arguments
        .operands
        .iter()
        .map(|text| {
            let text = operand(NAME, text)?;
            Ok((text, text.parse().map_err(|error| invalid(NAME, error))?))
        })
        .collect::<Result<_, Failure>>()?;
    let interpreter = interpreter::find(host, arguments)?;
    let target = arguments.value(TARGET).map(Path::new).map(fs::absolute).transpose()?;
    let installed = installed::of(&interpreter, target.as_deref())?;
    let remote =
        (!arguments.has(LOCAL)).then(|| Way::of(host, arguments, NAME)?.open().map_err(Failure::from));
    let mut remote = remote.transpose()?;
    let mut reports = Vec::new();
    for (name, project) in names {
        let local = installed.get(&project);
        match &mut remote {
            None if arguments.has(JSON) => reports.push(json!({
                "name": name,
                "local": local.map(ToString::to_string),
            })),
            None => write_local(name, local, output)?,
            Some(remote) => {
                let offers = remote.offers(name, &project)?;
                let latest = latest(remote, name, &offers)?;
                if arguments.has(JSON) {
                    reports.push(report(name, local, latest, &offers));
                } else {
                    write(name, local, latest, output)?;
                }
            }
        }
    }
    if arguments.has(JSON) {
        writeln!(output, "{}", json!({ "packages": reports }))?;
    }
    Ok(())
}

/// The newest release; where there is none, the newest pre-release.
fn latest<'o>(remote: &Remote, name: &str, offers: &'o [Offer]) -> Result<&'o Offer, Fault> {
    let stable = offers.iter().rfind(|offer| !offer.version.any_prerelease());
    stable.or(offers.last()).ok_or_else(|| Fault::NoPackage {
        wanted: name.to_owned(),
        at: remote.shown(""),
        there: Vec::new(),
    })
}

fn uploaded(offer: &Offer) -> Option<String> {
    offer.uploaded.map(|at| at.to_string())
}

fn report(name: &str, local: Option<&Version>, latest: &Offer, offers: &[Offer]) -> Value {
    json!({
        "name": name,
        "local": local.map(ToString::to_string),
        "latest": latest.semver,
        "uploaded": uploaded(latest),
        "state": Standing::of(local, &latest.version).word(),
        "versions": offers.iter().map(|offer| &offer.semver).collect::<Vec<_>>(),
    })
}

fn write_local(name: &str, local: Option<&Version>, output: &mut dyn Write) -> std::io::Result<()> {
    writeln!(output, "[PACKAGE]: {name}")?;
    match local {
        None => writeln!(output, "[MISSING]: The package is not installed locally"),
        Some(version) => writeln!(output, "[EXISTS]: Installed version is {name} {version}"),
    }
}

fn write(name: &str, local: Option<&Version>, latest: &Offer, output: &mut dyn Write) -> std::io::Result<()> {
    let standing = Standing::of(local, &latest.version);
    let words = match (standing, local) {
        (Standing::Behind, Some(local)) => format!("local {local} version is older than {}", latest.semver),
        (Standing::Ahead, _) => "Local version is newer than the released version".to_owned(),
        (Standing::Current, _) => "The most recent version is already installed".to_owned(),
        _ => "The package is not installed locally".to_owned(),
    };
    let uploaded = uploaded(latest).unwrap_or_else(|| "unknown".to_owned());
    writeln!(output, "[PACKAGE]: {name}\n\n   * Latest version: {}", latest.semver)?;
    writeln!(output, "   * Uploaded at: {uploaded}\n\n[{}]: {words}", standing.word())
}
