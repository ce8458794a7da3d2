//! `everfresh completions` and `everfresh man`: for shells and for `man`, made of the same definitions as parsing and
//! help.

use std::fmt::Write as _;
use std::io::Write;

use super::arguments::{Arguments, Operands, Opt, Usage};
use super::commands::{Command, HELP, commands};
use super::failure::Failure;
use super::question::{invalid, utf8};
use crate::host::Host;

pub(super) const COMPLETIONS: Command = Command {
    name: "completions",
    summary: "print what completes the tool's command lines in a shell",
    operands: Operands { shown: "bash|zsh|fish", least: 1, most: 1 },
    options: &[],
    text: "bash: into /etc/bash_completion.d/ or ~/.local/share/bash-completion/completions/everfresh\n\
           zsh:  as _everfresh into a directory of $fpath\n\
           fish: into ~/.config/fish/completions/everfresh.fish",
    examples: &["everfresh completions bash > /etc/bash_completion.d/everfresh"],
    run: completions,
};

pub(super) const MAN: Command = Command {
    name: "man",
    summary: "print the manual page of the tool or of a command",
    operands: Operands { shown: "[COMMAND]", least: 0, most: 1 },
    options: &[],
    text: "",
    examples: &["everfresh man publish | man -l -"],
    run: man,
};

fn completions(_host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let Some(shell) = arguments.operands.first() else {
        return Err(Usage::TooFew { command: COMPLETIONS.name, operands: COMPLETIONS.operands }.into());
    };
    let text = match utf8(COMPLETIONS.name, shell)? {
        "bash" => bash(),
        "zsh" => zsh(),
        "fish" => fish(),
        other => {
            let reason = format!(
                "there is nothing for the shell '{}', only for bash, zsh and fish",
                other.escape_debug()
            );
            return Err(invalid(COMPLETIONS.name, reason).into());
        }
    };
    Ok(output.write_all(text.as_bytes())?)
}

fn man(_host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let text = match arguments.operands.first() {
        None => overview(),
        Some(name) => page(Command::named(name)?),
    };
    Ok(output.write_all(text.as_bytes())?)
}

/// The options of a command and what every command has.
fn options(command: &Command) -> impl Iterator<Item = &Opt> {
    command.options.iter().chain([&HELP])
}

/// As they are typed: `--python`, `-p`.
fn typed(option: &Opt) -> Vec<String> {
    let short = option.short.map(|letter| format!("-{letter}"));
    [format!("--{}", option.name)].into_iter().chain(short).collect()
}

fn bash() -> String {
    let names: Vec<&str> = commands().iter().map(|command| command.name).collect();
    let mut cases = String::new();
    for command in commands() {
        let words: Vec<String> = options(command).flat_map(typed).collect();
        let _ = writeln!(cases, "        {}) words='{}' ;;", command.name, words.join(" "));
    }
    format!(
        "# bash completion for everfresh\n\
         _everfresh() {{\n    \
         local current=${{COMP_WORDS[COMP_CWORD]}} words=''\n    \
         if [ \"$COMP_CWORD\" -eq 1 ]; then\n        \
         words='{names} --help --version'\n    \
         elif [ \"${{COMP_WORDS[1]}}\" = help ] || [ \"${{COMP_WORDS[1]}}\" = man ]; then\n        \
         words='{names}'\n    \
         else\n        \
         case ${{COMP_WORDS[1]}} in\n{cases}        \
         esac\n    \
         fi\n    \
         case $current in\n        \
         -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n        \
         *) if [ \"$COMP_CWORD\" -eq 1 ] || [ \"${{COMP_WORDS[1]}}\" = help ] || [ \"${{COMP_WORDS[1]}}\" = man ]; then\n            \
         COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n        \
         else\n            \
         COMPREPLY=($(compgen -f -- \"$current\"))\n        \
         fi ;;\n    \
         esac\n\
         }}\n\
         complete -o filenames -F _everfresh everfresh\n",
        names = names.join(" "),
    )
}

fn zsh() -> String {
    let quote = |text: &str| text.replace('\'', "'\\''").replace(['[', ']'], "").replace(':', "\\:");
    let mut text = String::from("#compdef everfresh\n_everfresh() {\n    local -a names\n    names=(\n");
    for command in commands() {
        let _ = writeln!(text, "        '{}:{}'", command.name, quote(command.summary));
    }
    text += "    )\n    if (( CURRENT == 2 )); then\n        _describe command names\n        return\n    fi\n    \
             case $words[2] in\n        help|man) _describe command names ;;\n";
    for command in commands().iter().filter(|command| !matches!(command.name, "help" | "man")) {
        let _ = write!(text, "        {}) _arguments", command.name);
        for option in options(command) {
            let repeats = if option.repeats { "*" } else { "" };
            let value = option.value.map(|value| format!(":{}:_files", quote(value))).unwrap_or_default();
            for typed in typed(option) {
                let _ = write!(text, " '{repeats}{typed}[{}]{value}'", quote(option.help));
            }
        }
        text += " '*:file:_files' ;;\n";
    }
    text + "    esac\n}\n_everfresh \"$@\"\n"
}

fn fish() -> String {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let mut text = String::from("complete -c everfresh -n __fish_use_subcommand -l help -l version -f\n");
    for command in commands() {
        let summary = quote(command.summary);
        let _ = writeln!(
            text,
            "complete -c everfresh -n __fish_use_subcommand -f -a {} -d '{summary}'",
            command.name
        );
    }
    for command in commands() {
        for option in options(command) {
            let short = option.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
            let value = if option.value.is_some() { " -r" } else { "" };
            let _ = writeln!(
                text,
                "complete -c everfresh -n '__fish_seen_subcommand_from {}' -l {}{short}{value} -d '{}'",
                command.name,
                option.name,
                quote(option.help)
            );
        }
    }
    text
}

/// Text as a manual's source has it: nothing at the beginning of a line is a request, a hyphen is one.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = escaped
        .lines()
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

fn title(name: &str) -> String {
    let name = roff(&name.to_uppercase());
    format!(".TH {name} 1 \"\" \"everfresh {}\"\n", env!("CARGO_PKG_VERSION"))
}

fn overview() -> String {
    let mut text = title("everfresh");
    text += ".SH NAME\neverfresh \\- the packager's tool for applications that update themselves at each start\n\
             .SH SYNOPSIS\n.B everfresh\n.I COMMAND\n[\\fIOPTION\\fR]...\n.SH COMMANDS\n";
    for command in commands() {
        let _ = write!(text, ".TP\n.B {}\n{}\n", roff(command.name), roff(command.summary));
    }
    text + ".SH EXIT STATUS\n0: done; 1: it could not be done; 2: the command line is wrong\n"
}

fn page(command: &Command) -> String {
    let name = format!("everfresh {}", command.name);
    let mut text = title(&name.replace(' ', "-"));
    let _ = write!(
        text,
        ".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n[\\fIOPTION\\fR]... {}\n",
        roff(&name.replace(' ', "-")),
        roff(command.summary),
        roff(&name),
        roff(command.operands.shown)
    );
    if !command.text.is_empty() {
        let _ = write!(text, ".SH DESCRIPTION\n{}\n", roff(command.text));
    }
    text += ".SH OPTIONS\n";
    for option in options(command) {
        let value = option.value.map(|value| format!(" \\fI{}\\fR", roff(value))).unwrap_or_default();
        let typed: Vec<String> =
            typed(option).iter().map(|typed| format!("\\fB{}\\fR{value}", roff(typed))).collect();
        let repeats = if option.repeats { "; again for more" } else { "" };
        let _ = write!(text, ".TP\n{}\n{}{repeats}\n", typed.join(", "), roff(option.help));
    }
    text += ".SH EXAMPLES\n.nf\n";
    for example in command.examples {
        let _ = writeln!(text, "{}", roff(example));
    }
    text + ".fi\n.SH SEE ALSO\n.BR everfresh (1)\n"
}
