//! `credential_process`: a program that prints credentials ("Process credential provider" in the AWS SDKs and Tools
//! Reference Guide).

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::error::one_line;
use super::{Aws, AwsError, Credentials, Place, ProfileFault};
use crate::process;
use crate::time::{Deadline, show_duration};

/// The most that is read of what it prints, in bytes.
const CAP: u64 = 64 << 10;
/// The longest time it may take, where the deadline would give it more.
const PATIENCE: Duration = Duration::from_secs(60);

impl Aws {
    /// Credentials that the program of a profile prints.
    pub(super) fn of_process(
        &self,
        profile: &str,
        line: &str,
        deadline: Deadline,
    ) -> Result<Credentials, AwsError> {
        let place = Place::Profile(profile.to_owned());
        self.kept_or(place, &["process", profile, line], &mut || self.run(profile, line, deadline))
    }

    fn run(&self, profile: &str, line: &str, deadline: Deadline) -> Result<Credentials, AwsError> {
        let failed = |reason: String| AwsError::Process { profile: profile.to_owned(), reason };
        let unreadable = || AwsError::Profile { name: profile.to_owned(), fault: ProfileFault::Command };
        let words = words(line).ok_or_else(unreadable)?;
        let (program, arguments) = words.split_first().ok_or_else(unreadable)?;
        let mut command = Command::new(self.at_home(program.as_ref()));
        command.args(arguments).env_clear();
        command.envs(self.env.iter().map(|variable| (variable.name(), variable.value())));
        let deadline = deadline.at_most(PATIENCE);
        let given = deadline.remaining().unwrap_or(PATIENCE);
        let finished = process::run(&mut command, deadline, CAP).map_err(|error| {
            let reason = error.to_string();
            failed(format!("cannot run {program}: {}", reason.split(" (os error").next().unwrap_or_default()))
        })?;
        let Some(status) = finished.status else {
            return Err(failed(format!("does not end within {}", show_duration(given))));
        };
        if !status.success() {
            let words = one_line(&finished.last_words());
            let reason = if words.is_empty() { status.to_string() } else { words };
            return Err(failed(format!("fails: {reason}")));
        }
        let useless = |reason| failed(format!("does not print credentials: {reason}"));
        // As botocore: a newer version of this form may mean something else.
        let value: Value = serde_json::from_slice(&finished.stdout).map_err(|_| useless("no JSON"))?;
        if value.get("Version").and_then(Value::as_u64) != Some(1) {
            return Err(useless("no \"Version\": 1"));
        }
        Credentials::from_json(&finished.stdout).map_err(useless)
    }
}

/// The words of a command, quoted as in a POSIX shell; nothing is expanded. `None`: a quote is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// The rest of what stands in double quotes: a backslash means something before a quote and a backslash only.
fn quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => match rest.next()? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_splits_and_nothing_is_expanded() {
        for (line, expected) in [
            ("a b\tc", Some(&["a", "b", "c"][..])),
            (
                "\"/opt/my tools/get\" --name \"a \\\"b\\\" \\c\"",
                Some(&["/opt/my tools/get", "--name", "a \"b\" \\c"]),
            ),
            ("'a  b'c\\ d", Some(&["a  bc d"])),
            ("$HOME *;ls \"\"", Some(&["$HOME", "*;ls", ""])),
            ("  ", Some(&[])),
            ("\"a", None),
            ("'a", None),
            ("a\\", None),
        ] {
            assert_eq!(
                words(line),
                expected.map(|words| words.iter().map(|&w| w.to_owned()).collect()),
                "{line}"
            );
        }
    }
}
