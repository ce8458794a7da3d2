//! `everfresh tags`: what an interpreter accepts.

use std::io::Write;

use serde_json::json;

use super::arguments::{Arguments, Operands};
use super::commands::{Command, JSON};
use super::failure::Failure;
use super::interpreter::{self, PYTHON};
use crate::host::Host;
use crate::package::filename::Tag;

pub(super) const COMMAND: Command = Command {
    name: "tags",
    summary: "list which wheels an interpreter accepts, best first",
    operands: Operands::NONE,
    options: &[PYTHON, JSON],
    text: "One compatibility tag a line (PEP 425), in the order in which the launcher prefers files.",
    examples: &["everfresh tags --python python3.12"],
    run,
};

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let interpreter = interpreter::find(host, arguments)?;
    let tags = interpreter.tags();
    let show = |tag: &Tag| format!("{}-{}-{}", tag.python, tag.abi, tag.platform);
    if !arguments.has(JSON) {
        return Ok(tags.iter().try_for_each(|tag| writeln!(output, "{}", show(tag)))?);
    }
    let report = json!({
        "python": interpreter.path.to_string_lossy(),
        "version": interpreter.facts.version.to_string(),
        "tags": tags.iter().map(show).collect::<Vec<_>>(),
    });
    Ok(writeln!(output, "{report}")?)
}
