//! `everfresh promote` and `everfresh rollback`: what a channel points at, changed.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::super::arguments::{Arguments, Operands, Opt, Usage};
use super::super::commands::{Command, JSON};
use super::super::failure::Failure;
use super::super::question::{invalid, utf8};
use super::channel::Released;
use super::settings::{self, ACL, DRY_RUN, ENDPOINT, PROFILE, REGION};
use crate::host::Host;

const TO: Opt = Opt::taking("to", "NUMBER", "this release, not the one before");

pub(in super::super) const PROMOTE: Command = Command {
    name: "promote",
    summary: "make what one channel points at the newest release of another",
    operands: Operands { shown: "FROM TO [DESTINATION]…", least: 2, most: usize::MAX },
    options: &[DRY_RUN, ACL, ENDPOINT, REGION, PROFILE, JSON],
    text: "No file is sent: both channels share them.",
    examples: &["everfresh promote beta stable s3://my-bucket/myapp"],
    run: promote,
};

pub(in super::super) const ROLLBACK: Command = Command {
    name: "rollback",
    summary: "point a channel at its previous release again",
    operands: Operands { shown: "CHANNEL [DESTINATION]…", least: 1, most: usize::MAX },
    options: &[TO, DRY_RUN, ACL, ENDPOINT, REGION, PROFILE, JSON],
    text: "Launchers that follow the channel go back at their next check. The next release comes after it.",
    examples: &["everfresh rollback stable s3://my-bucket/myapp"],
    run: rollback,
};

fn promote(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let [from, to, ..] = arguments.operands.as_slice() else {
        return Err(Usage::TooFew { command: PROMOTE.name, operands: PROMOTE.operands }.into());
    };
    let (from, to) = (settings::named(from, PROMOTE.name)?, settings::named(to, PROMOTE.name)?);
    let dry = arguments.has(DRY_RUN);
    for mut shelf in settings::shelves(host, arguments, 2, Path::new("."), PROMOTE.name)? {
        let (source, _) = shelf.existing(&from)?;
        let now = host.now().to_string();
        let released = shelf.release(&to, &source.lock, source.version.as_deref(), &now)?;
        let (Released::New(release) | Released::Same(release)) = &released;
        let is_new = matches!(released, Released::New(_));
        if arguments.has(JSON) {
            let report = json!({
                "destination": shelf.destination.shown(""),
                "channel": to.to_string(),
                "number": release.number,
                "version": release.version,
                "new": is_new,
            });
            writeln!(output, "{report}")?;
        } else if is_new {
            let verb = if dry { "would be" } else { "is now" };
            writeln!(output, "{to} {verb} {}", release.describe())?;
        } else {
            writeln!(output, "{to} is {} already", release.describe())?;
        }
    }
    Ok(())
}

fn rollback(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let Some(channel) = arguments.operands.first() else {
        return Err(Usage::TooFew { command: ROLLBACK.name, operands: ROLLBACK.operands }.into());
    };
    let channel = settings::named(channel, ROLLBACK.name)?;
    let to = arguments.value(TO).map(|text| {
        let text = utf8(ROLLBACK.name, text)?;
        let wrong =
            || invalid(ROLLBACK.name, format!("'{}' is not the number of a release", text.escape_debug()));
        text.parse().map_err(|_| wrong())
    });
    let to = to.transpose()?;
    let dry = arguments.has(DRY_RUN);
    for mut shelf in settings::shelves(host, arguments, 1, Path::new("."), ROLLBACK.name)? {
        let (left, release) = shelf.go_back(&channel, to)?;
        if arguments.has(JSON) {
            let report = json!({
                "destination": shelf.destination.shown(""),
                "channel": channel.to_string(),
                "from": left.number,
                "number": release.number,
                "version": release.version,
            });
            writeln!(output, "{report}")?;
        } else {
            let verb = if dry { "would go" } else { "goes" };
            writeln!(output, "{channel} {verb} back from {} to {}", left.describe(), release.describe())?;
        }
    }
    Ok(())
}
