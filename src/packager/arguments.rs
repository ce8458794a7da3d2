//! A command line held against the definition of its command.

use std::ffi::{OsStr, OsString};
use std::fmt;

use lexopt::Arg;

use super::commands::{self, Command};
use crate::package::requirement::InvalidRequirement;

/// An option of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// Its short form, the letter behind one dash.
    pub short: Option<char>,
    /// Other names for it, without the dashes: those that other tools have.
    pub aliases: &'static [&'static str],
    /// What its value is called in the help; `None`: it takes none.
    pub value: Option<&'static str>,
    /// How many values it takes, at least and at most.
    pub count: (usize, usize),
    /// Whether it may be given more than once.
    pub repeats: bool,
    /// What it is for, in a few words.
    pub help: &'static str,
}

impl Opt {
    /// An option without a value.
    pub(crate) const fn flag(name: &'static str, help: &'static str) -> Self {
        Self { name, short: None, aliases: &[], value: None, count: (0, 0), repeats: false, help }
    }

    /// An option with a value.
    pub(crate) const fn taking(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, short: None, aliases: &[], value: Some(value), count: (1, 1), repeats: false, help }
    }

    /// The same, more than once if need be.
    #[must_use]
    pub(crate) const fn repeated(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// The same, also by a letter.
    #[must_use]
    pub(crate) const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }

    /// The same, also by these names.
    #[must_use]
    pub(crate) const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The same with several values; what is beyond the least many is taken where it does not look like an option.
    #[must_use]
    pub(crate) const fn with_values(self, least: usize, most: usize) -> Self {
        Self { count: (least, most), ..self }
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// What may stand on a command line beside options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operands {
    /// As the help shows them.
    pub shown: &'static str,
    /// How many there must be.
    pub least: usize,
    /// How many there may be.
    pub most: usize,
}

impl Operands {
    /// None.
    pub(crate) const NONE: Self = Self { shown: "", least: 0, most: 0 };
}

/// The arguments of a command: options in the order in which they were given, and operands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    options: Vec<(Opt, OsString)>,
    /// What stands beside options; as many as the command's definition says.
    pub operands: Vec<OsString>,
}

impl Arguments {
    /// Whether the option is there.
    pub fn has(&self, option: Opt) -> bool {
        self.options.iter().any(|(given, _)| *given == option)
    }

    /// The option's value.
    pub fn value(&self, option: Opt) -> Option<&OsStr> {
        self.values(&[option]).next().map(|(_, value)| value)
    }

    /// The values of any of these options, in the order in which they were given.
    pub fn values(&self, options: &[Opt]) -> impl Iterator<Item = (Opt, &OsStr)> {
        self.options
            .iter()
            .filter(|(given, _)| options.contains(given))
            .map(|(given, value)| (*given, value.as_os_str()))
    }
}

/// What a command line comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The command's help is wanted.
    Help,
    /// The command is wanted.
    Arguments(Arguments),
}

/// A command line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// There is nothing on it.
    NoCommand,
    /// There is no such command.
    UnknownCommand(String),
    /// The command has no such option.
    UnknownOption {
        /// The command.
        command: &'static str,
        /// As written, with its dashes.
        option: String,
    },
    /// An option is without its value.
    NoValue {
        /// The command.
        command: &'static str,
        /// The option.
        option: Opt,
    },
    /// An option that takes no value has one.
    Value {
        /// The command.
        command: &'static str,
        /// The option.
        option: Opt,
    },
    /// An option is there more than once.
    Twice {
        /// The command.
        command: &'static str,
        /// The option.
        option: Opt,
    },
    /// There are too few operands.
    TooFew {
        /// The command.
        command: &'static str,
        /// What is asked for.
        operands: Operands,
    },
    /// There is an operand too many.
    TooMany {
        /// The command.
        command: &'static str,
        /// The operand.
        operand: String,
    },
    /// A requirement that is none.
    Requirement(InvalidRequirement),
    /// Any other text that cannot be meant.
    Invalid {
        /// The command.
        command: &'static str,
        /// Which text, and why.
        reason: String,
    },
}

impl Usage {
    /// What would be right.
    pub fn hint(&self) -> String {
        match self {
            Self::NoCommand => "see: everfresh help".to_owned(),
            Self::UnknownCommand(_) => format!("the commands are {}", commands::names()),
            Self::Requirement(_) => {
                "requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\""
                    .to_owned()
            }
            Self::UnknownOption { command, .. }
            | Self::NoValue { command, .. }
            | Self::Value { command, .. }
            | Self::Twice { command, .. }
            | Self::TooFew { command, .. }
            | Self::TooMany { command, .. }
            | Self::Invalid { command, .. } => format!("see: everfresh help {command}"),
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => f.write_str("there is no command"),
            Self::UnknownCommand(name) => write!(f, "there is no command '{}'", name.escape_debug()),
            Self::UnknownOption { command, option } => {
                write!(f, "{command} has no option '{}'", option.escape_debug())
            }
            Self::NoValue { command, option } => {
                let value = option.value.unwrap_or_default();
                write!(f, "{command}: --{} needs its {value}", option.name)
            }
            Self::Value { command, option } => write!(f, "{command}: --{} takes no value", option.name),
            Self::Twice { command, option } => write!(f, "{command}: --{} is given twice", option.name),
            Self::TooFew { command, operands } => write!(f, "{command} needs {}", operands.shown),
            Self::TooMany { command, operand } => {
                write!(f, "{command} does not take '{}'", operand.escape_debug())
            }
            Self::Requirement(invalid) => invalid.fmt(f),
            Self::Invalid { reason, .. } => f.write_str(reason),
        }
    }
}

impl std::error::Error for Usage {}

/// Reads the words behind a command's name.
///
/// # Errors
/// The first of them that the command does not take, or what is missing.
pub fn parse(command: &'static Command, words: &[OsString]) -> Result<Given, Usage> {
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(word) = next(command, &mut parser, &arguments)? {
        let option = match word {
            Arg::Short('h') | Arg::Long("help") => return Ok(Given::Help),
            Arg::Value(operand) => {
                arguments.operands.push(operand);
                continue;
            }
            Arg::Short(letter) => match command.options.iter().find(|option| option.short == Some(letter)) {
                Some(option) => *option,
                None => return unknown(command, format!("-{letter}")),
            },
            Arg::Long(name) => match command.options.iter().find(|option| option.is_called(name)) {
                Some(option) => *option,
                None => return unknown(command, format!("--{name}")),
            },
        };
        if arguments.has(option) && !option.repeats {
            return Err(Usage::Twice { command: command.name, option });
        }
        let values = values(command, option, &mut parser)?;
        arguments.options.extend(values.into_iter().map(|value| (option, value)));
    }
    let operands = command.operands;
    if arguments.operands.len() < operands.least {
        return Err(Usage::TooFew { command: command.name, operands });
    }
    match arguments.operands.get(operands.most) {
        Some(extra) => {
            Err(Usage::TooMany { command: command.name, operand: extra.to_string_lossy().into_owned() })
        }
        None => Ok(Given::Arguments(arguments)),
    }
}

/// The values of an option; one without any has an empty one, so that it is there.
fn values(command: &Command, option: Opt, parser: &mut lexopt::Parser) -> Result<Vec<OsString>, Usage> {
    let (least, most) = option.count;
    if most == 0 {
        return Ok(vec![OsString::new()]);
    }
    let mut values = Vec::new();
    while values.len() < least {
        values.push(parser.value().map_err(|_| Usage::NoValue { command: command.name, option })?);
    }
    if least < most
        && let Ok(more) = parser.values()
    {
        values.extend(more.take(most - least));
    }
    Ok(values)
}

/// The next word. The parser complains here of one thing only: the option before it takes no value and has one.
fn next<'p>(
    command: &Command,
    parser: &'p mut lexopt::Parser,
    so_far: &Arguments,
) -> Result<Option<Arg<'p>>, Usage> {
    parser.next().map_err(|error| match so_far.options.last() {
        Some((option, _)) => Usage::Value { command: command.name, option: *option },
        None => Usage::Invalid { command: command.name, reason: format!("{}: {error}", command.name) },
    })
}

fn unknown(command: &Command, option: String) -> Result<Given, Usage> {
    Err(Usage::UnknownOption { command: command.name, option })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: Opt = Opt::flag("loud", "say it");
    const FROM: Opt = Opt::taking("from", "PLACE", "where").repeated();
    const TO: Opt = Opt::taking("to", "PLACE", "where to").short('t').also(&["into"]);
    const KEY: Opt = Opt::taking("key", "A B [C]", "who").short('k').with_values(2, 3);
    const SAMPLE: &Command = &Command {
        name: "move",
        summary: "moves",
        operands: Operands { shown: "THING [THING]", least: 1, most: 2 },
        options: &[LOUD, FROM, TO, KEY],
        text: "",
        examples: &[],
        run: |_, _, _| Ok(()),
    };

    fn read(words: &[&str]) -> Result<Given, Usage> {
        parse(SAMPLE, &words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_anywhere_and_keep_their_order() {
        let Ok(Given::Arguments(arguments)) =
            read(&["--from", "a", "thing", "--to=b", "--loud", "--from=-c", "--", "--loud"])
        else {
            panic!("not read")
        };
        assert!(arguments.has(LOUD));
        assert_eq!(arguments.value(TO), Some(OsStr::new("b")));
        let places: Vec<_> = arguments.values(&[FROM, TO]).map(|(opt, value)| (opt.name, value)).collect();
        let expected = [("from", "a"), ("to", "b"), ("from", "-c")];
        assert_eq!(places, expected.map(|(name, value)| (name, OsStr::new(value))));
        assert_eq!(arguments.operands, ["thing", "--loud"]);
    }

    #[test]
    fn letters_and_other_names_are_the_option_itself() {
        for words in [&["a", "-t", "b"][..], &["-tb", "a"], &["-t=b", "a"], &["--into", "b", "a"]] {
            let Ok(Given::Arguments(arguments)) = read(words) else { panic!("not read: {words:?}") };
            assert_eq!(arguments.value(TO), Some(OsStr::new("b")), "{words:?}");
        }
    }

    #[test]
    fn an_option_of_several_values_ends_at_the_next_option_or_when_it_has_all() {
        for (words, expected) in [
            (&["a", "-k", "1", "-2"][..], &["1", "-2"][..]),
            (&["-k", "1", "2", "--loud", "a"], &["1", "2"]),
            (&["-k", "1", "2", "3", "a"], &["1", "2", "3"]),
            (&["--key", "1", "2", "--", "a"], &["1", "2"]),
        ] {
            let Ok(Given::Arguments(arguments)) = read(words) else { panic!("not read: {words:?}") };
            let values: Vec<&OsStr> = arguments.values(&[KEY]).map(|(_, value)| value).collect();
            assert_eq!(values, expected, "{words:?}");
            assert_eq!(arguments.operands, ["a"], "{words:?}");
        }
    }

    #[test]
    fn help_wins_over_what_is_missing() {
        for word in ["--help", "-h"] {
            assert_eq!(read(&[word]), Ok(Given::Help));
        }
    }

    #[test]
    fn what_the_command_does_not_take_is_named() {
        for (words, message) in [
            (&[][..], "move needs THING [THING]"),
            (&["a", "b", "c\n"], "move does not take 'c\\n'"),
            (&["a", "--quiet"], "move has no option '--quiet'"),
            (&["a", "-q"], "move has no option '-q'"),
            (&["a", "--to"], "move: --to needs its PLACE"),
            (&["a", "--to=b", "--to=c"], "move: --to is given twice"),
            (&["a", "-k", "1"], "move: --key needs its A B [C]"),
            (&["a", "--loud=yes"], "move: --loud takes no value"),
            (&["a", "--loud=yes", "--to=b"], "move: --loud takes no value"),
        ] {
            let usage = read(words).unwrap_err();
            assert_eq!(
                (usage.to_string().as_str(), usage.hint()),
                (message, "see: everfresh help move".into())
            );
        }
    }
}
