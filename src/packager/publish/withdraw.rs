//! `everfresh yank` and `everfresh unpublish`: a version that nobody should take any more, or that is to be gone.

use std::io::Write;
use std::path::Path;

use pep440_rs::Version;
use serde_json::json;

use super::super::arguments::{Arguments, Operands, Opt, Usage};
use super::super::commands::{Command, JSON};
use super::super::failure::Failure;
use super::super::question::{invalid, utf8};
use super::settings::{self, ACL, DRY_RUN, ENDPOINT, FORCE, PROFILE, REGION};
use super::shelf::Shelf;
use crate::host::Host;
use crate::package::name::ProjectName;
use crate::package::version::parse_version;

const REASON: Opt = Opt::taking("reason", "TEXT", "why, for whoever meets it");
const UNDO: Opt = Opt::flag("undo", "offer it again");

pub(in super::super) const YANK: Command = Command {
    name: "yank",
    summary: "keep a published version from those who do not ask for it by number (PEP 592)",
    operands: Operands { shown: "PROJECT==VERSION [DESTINATION]…", least: 1, most: usize::MAX },
    options: &[REASON, UNDO, DRY_RUN, ACL, ENDPOINT, REGION, PROFILE, JSON],
    text: "Launchers that follow a channel have what the channel points at: everfresh rollback changes that.",
    examples: &["everfresh yank --reason 'loses data' myapp==1.1 s3://my-bucket/myapp"],
    run: yank,
};

pub(in super::super) const UNPUBLISH: Command = Command {
    name: "unpublish",
    summary: "take a published version away",
    operands: Operands { shown: "PROJECT==VERSION [DESTINATION]…", least: 1, most: usize::MAX },
    options: &[FORCE, DRY_RUN, ACL, ENDPOINT, REGION, PROFILE, JSON],
    text: "What a channel points at stays, unless --force is given: new users could not install it any more.",
    examples: &["everfresh unpublish myapp==0.9 s3://my-bucket/myapp"],
    run: unpublish,
};

/// `PROJECT==VERSION`
fn wanted(arguments: &Arguments, command: &Command) -> Result<(ProjectName, Version), Failure> {
    let Some(text) = arguments.operands.first() else {
        return Err(Usage::TooFew { command: command.name, operands: command.operands }.into());
    };
    let text = utf8(command.name, text)?;
    let wrong = || invalid(command.name, format!("'{}' is not written as myapp==1.1", text.escape_debug()));
    let (name, version) = text.split_once("==").ok_or_else(wrong)?;
    let name = name.parse().map_err(|error| invalid(command.name, error))?;
    Ok((name, parse_version(version).map_err(|error| invalid(command.name, error))?))
}

/// The names of a version's files.
fn files(shelf: &mut Shelf, project: &ProjectName, version: &Version) -> Result<Vec<String>, Failure> {
    let (page, _) = shelf.page(project)?;
    let files = page.files.iter().filter(|entry| entry.version().as_ref() == Some(version));
    let names: Vec<String> = files.map(|entry| entry.filename.clone()).collect();
    if names.is_empty() {
        let at = shelf.destination.shown("");
        return Err(Failure::NotPublished { what: format!("{project} {version}"), at });
    }
    Ok(names)
}

fn yank(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let (project, version) = wanted(arguments, &YANK)?;
    let reason = arguments.value(REASON).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let yanked = (!arguments.has(UNDO)).then_some(reason);
    for mut shelf in settings::shelves(host, arguments, 1, Path::new("."), YANK.name)? {
        let names = files(&mut shelf, &project, &version)?;
        shelf.change_page(&project, &mut |page| {
            for entry in page.files.iter_mut().filter(|entry| names.contains(&entry.filename)) {
                entry.yanked.clone_from(&yanked);
            }
        })?;
        let verb = if yanked.is_some() { "yanked" } else { "offered again" };
        tell(&shelf, arguments, output, &names, verb)?;
    }
    Ok(())
}

fn unpublish(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let (project, version) = wanted(arguments, &UNPUBLISH)?;
    for mut shelf in settings::shelves(host, arguments, 1, Path::new("."), UNPUBLISH.name)? {
        let names = files(&mut shelf, &project, &version)?;
        if !arguments.has(FORCE) {
            for channel in shelf.channels()? {
                let parsed = settings::named(channel.as_ref(), UNPUBLISH.name)?;
                let Some((release, _)) = shelf.current(&parsed)? else { continue };
                if names.iter().any(|name| release.lock.contains(name.as_str())) {
                    return Err(Failure::InUse { what: format!("{project} {version}"), channel });
                }
            }
        }
        shelf.remove(&project, &names)?;
        tell(&shelf, arguments, output, &names, "removed")?;
    }
    Ok(())
}

fn tell(
    shelf: &Shelf,
    arguments: &Arguments,
    output: &mut dyn Write,
    names: &[String],
    verb: &str,
) -> Result<(), Failure> {
    if arguments.has(JSON) {
        let report = json!({"destination": shelf.destination.shown(""), "files": names, "done": !shelf.dry});
        return Ok(writeln!(output, "{report}")?);
    }
    let would = if shelf.dry { "would be " } else { "" };
    names.iter().try_for_each(|name| Ok(writeln!(output, "{name} {would}{verb}")?))
}
