//! What the tool can do. One definition of each command gives its dispatch, its parsing and its help.

use std::ffi::OsStr;
use std::io::{self, Write};

use super::arguments::{Arguments, Operands, Opt, Usage};
use super::failure::Failure;
use super::{bundle, init, lock, pipper, publish, resolve, rpc, tags, unpack};
use crate::host::Host;

/// One command.
#[derive(Debug)]
pub struct Command {
    /// The word that calls it.
    pub name: &'static str,
    /// What it does, as half a sentence.
    pub summary: &'static str,
    /// What it takes beside options.
    pub operands: Operands,
    /// Its options.
    pub options: &'static [Opt],
    /// What else there is to know, as lines.
    pub text: &'static str,
    /// Command lines that do something useful.
    pub examples: &'static [&'static str],
    /// Does it; results go to the writer.
    pub run: fn(&Host, &Arguments, &mut dyn Write) -> Result<(), Failure>,
}

/// Reports as JSON.
pub(super) const JSON: Opt = Opt::flag("json", "report as JSON");

const HELP: Opt = Opt::flag("help", "show this");

const COMMANDS: &[Command] = &[
    init::COMMAND,
    lock::COMMAND,
    bundle::COMMAND,
    publish::COMMAND,
    publish::PROMOTE,
    publish::ROLLBACK,
    publish::YANK,
    publish::UNPUBLISH,
    pipper::REPOSITORY,
    pipper::AUTHORIZE,
    pipper::DOWNLOAD,
    pipper::INSTALL,
    pipper::INFO,
    resolve::COMMAND,
    unpack::COMMAND,
    tags::COMMAND,
    rpc::COMMAND,
    HELP_COMMAND,
];

const HELP_COMMAND: Command = Command {
    name: "help",
    summary: "show what there is, or what a command does",
    operands: Operands { shown: "[COMMAND]", least: 0, most: 1 },
    options: &[],
    text: "",
    examples: &["everfresh help resolve"],
    run: |_, arguments, output| match arguments.operands.first() {
        Some(name) => Ok(Command::named(name)?.write_help(output)?),
        None => Ok(write_overview(output)?),
    },
};

impl Command {
    /// The command that is called so.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &OsStr) -> Result<&'static Self, Usage> {
        let known = COMMANDS.iter().find(|command| name == command.name);
        known.ok_or_else(|| Usage::UnknownCommand(name.to_string_lossy().into_owned()))
    }

    /// Writes its help.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn write_help(&self, output: &mut dyn Write) -> io::Result<()> {
        let options = if self.options.is_empty() { "" } else { " [OPTION]…" };
        let space = if self.operands.shown.is_empty() { "" } else { " " };
        writeln!(output, "everfresh {}: {}", self.name, self.summary)?;
        writeln!(output, "\nusage: everfresh {}{options}{space}{}", self.name, self.operands.shown)?;
        if !self.text.is_empty() {
            writeln!(output, "\n{}", self.text)?;
        }
        writeln!(output, "\noptions:")?;
        for option in self.options.iter().chain([&HELP]) {
            let value = option.value.map(|value| format!(" {value}")).unwrap_or_default();
            let repeats = if option.repeats { "; again for more" } else { "" };
            let short = option.short.map(|letter| format!("; or -{letter}")).unwrap_or_default();
            let name = format!("{}{value}", option.name);
            writeln!(output, "  --{name:<23} {}{short}{repeats}", option.help)?;
        }
        writeln!(output, "\nexample:")?;
        self.examples.iter().try_for_each(|example| writeln!(output, "  {example}"))
    }
}

/// Writes what there is.
///
/// # Errors
/// When that cannot be written.
pub fn write_overview(output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "everfresh: the packager's tool for applications that update themselves at each start")?;
    writeln!(output, "\nusage: everfresh COMMAND [OPTION]…\n")?;
    for command in COMMANDS {
        writeln!(output, "  {:<11}{}", command.name, command.summary)?;
    }
    writeln!(output, "\n  --help, --version\n\nexample:\n  everfresh init && everfresh help resolve")
}

/// The names of all commands, as one text.
pub(super) fn names() -> String {
    COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_name_of_its_own_and_an_example_that_calls_it() {
        for (at, command) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..at].iter().all(|other| other.name != command.name), "{}", command.name);
            assert!(!command.examples.is_empty(), "{}", command.name);
            let called = format!("everfresh {}", command.name);
            assert!(command.examples.iter().all(|example| example.contains(&called)), "{}", command.name);
            assert!(command.operands.least <= command.operands.most, "{}", command.name);
        }
    }

    #[test]
    fn help_fits_a_terminal_of_100_columns() {
        let mut output = Vec::new();
        write_overview(&mut output).unwrap();
        for command in COMMANDS {
            command.write_help(&mut output).unwrap();
        }
        let text = String::from_utf8(output).unwrap();
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
        assert_eq!(long, Vec::<&str>::new());
    }
}
