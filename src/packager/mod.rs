//! The packager's tool: what `everfresh` does beyond the launcher.

pub mod arguments;
pub mod commands;
pub mod failure;
pub mod rpc;

mod bundle;
mod destination;
mod digest;
mod index_page;
mod init;
mod interpreter;
mod launcher_toml;
pub mod lock;
pub mod pipper;
mod pipper_file;
mod project;
mod publish;
mod question;
mod resolution;
mod resolve;
mod scratch;
mod tags;
mod target;
mod unpack;
mod wheel_build;

use std::io::Write;

use crate::host::Host;
use crate::log;
use arguments::{Given, Usage};
use commands::Command;
use failure::Failure;

/// Does what the arguments ask for; results go to `output`, which is flushed.
///
/// # Errors
/// When the command line is none, or it could not be done.
pub fn run(host: &Host, output: &mut dyn Write) -> Result<(), Failure> {
    log::configure(host);
    let Some((word, words)) = host.args.split_first() else { return Err(Usage::NoCommand.into()) };
    match word.to_str() {
        Some("--help" | "-h") => commands::write_overview(output)?,
        Some("--version" | "-V") => writeln!(output, "everfresh {}", env!("CARGO_PKG_VERSION"))?,
        _ => {
            let command = Command::named(word)?;
            match arguments::parse(command, words)? {
                Given::Help => command.write_help(output)?,
                Given::Arguments(arguments) => (command.run)(host, &arguments, output)?,
            }
        }
    }
    Ok(output.flush()?)
}
