//! What can be wrong with a `launcher.toml`: the keys there are, and complaints that name the nearest.

use std::fmt;

use crate::package::shown;

/// Every section and key there is, in the order of `launcher.toml.example`.
pub const KEYS: &[(&str, &[&str])] = &[
    ("app", &["name", "requirements", "entry", "module", "script", "console-script", "self", "cache"]),
    ("python", &["requires", "path", "flags", "inherit", "isolated", "compile", "download"]),
    (
        "source",
        &[
            "url",
            "type",
            "projects",
            "any",
            "username",
            "password_env",
            "token_env",
            "endpoint",
            "region",
            "profile",
            "credentials",
            "vcs",
            "build",
        ],
    ),
    (
        "update",
        &[
            "interval",
            "timeout",
            "mode",
            "first_run_timeout",
            "cooldown",
            "prereleases",
            "keep",
            "cache_limit",
            "notify",
        ],
    ),
    ("verify", &["command", "timeout", "probation"]),
    ("hooks", &["starting", "succeeded", "failed"]),
    ("network", &["ca", "client_cert", "client_key"]),
];

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// The ways in which a configuration can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The text is no TOML.
    Syntax(String),
    /// A section that does not exist.
    UnknownSection {
        /// As written.
        name: String,
        /// The nearest there is.
        nearest: Option<&'static str>,
    },
    /// A key that does not exist.
    UnknownKey {
        /// The section it stands in.
        section: &'static str,
        /// As written.
        key: String,
        /// The nearest there is.
        nearest: Option<&'static str>,
    },
    /// A value of another type than the key takes.
    WrongType {
        /// The section.
        section: &'static str,
        /// The key.
        key: String,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        found: &'static str,
    },
    /// A value of the right type that cannot be meant.
    Impossible {
        /// The section.
        section: &'static str,
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What would be possible.
        expected: String,
    },
    /// A key that has to be there.
    Missing {
        /// The section.
        section: &'static str,
        /// The key.
        key: &'static str,
        /// An example of it.
        example: &'static str,
    },
    /// Keys of which only one can hold.
    Conflict {
        /// The section.
        section: &'static str,
        /// Those that were given.
        keys: Vec<&'static str>,
    },
    /// A key that says nothing of this kind of source.
    Misfit {
        /// The key.
        key: &'static str,
        /// The kind, as `type` names it.
        kind: &'static str,
        /// The kinds that it is for.
        fits: &'static str,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "not valid TOML: {reason}"),
            Self::UnknownSection { name, .. } => write!(f, "unknown section [{}]", shown(name)),
            Self::UnknownKey { section, key, .. } => write!(f, "unknown key '{}' in [{section}]", shown(key)),
            Self::WrongType { section, key, expected, found } => {
                write!(f, "[{section}] {key} must be {expected}, not {found}")
            }
            Self::Impossible { section, key, value, .. } => {
                write!(f, "[{section}] {key} cannot be '{}'", shown(value))
            }
            Self::Missing { section, key, .. } => write!(f, "[{section}] {key} is missing"),
            Self::Conflict { section, keys } => {
                write!(f, "[{section}] has {}, of which only one can hold", keys.join(" and "))
            }
            Self::Misfit { key, kind, .. } => {
                write!(f, "[source] {key} is not for a source of type \"{kind}\"")
            }
        }
    }
}

impl Problem {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax(_) => Some("compare with launcher.toml.example".into()),
            Self::UnknownSection { nearest: Some(nearest), .. } => Some(format!("did you mean [{nearest}]?")),
            Self::UnknownSection { nearest: None, .. } => {
                let sections: Vec<String> = KEYS.iter().map(|(name, _)| format!("[{name}]")).collect();
                Some(format!("the sections are {}", sections.join(", ")))
            }
            Self::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean '{nearest}'?")),
            Self::UnknownKey { section, nearest: None, .. } => {
                Some(format!("the keys of [{section}] are {}", keys_of(section).join(", ")))
            }
            Self::Impossible { expected, .. } => Some(format!("it takes {expected}")),
            Self::Missing { example, .. } => Some(format!("for example: {example}")),
            Self::WrongType { section, expected: "a section", .. } => Some(format!("head it [{section}]")),
            Self::WrongType { section: "source", key, .. } if key == "source" => {
                Some("head each of them [[source]]".into())
            }
            Self::WrongType { key, expected, .. } => {
                expected_example(expected).map(|e| format!("for example: {key} = {e}"))
            }
            Self::Conflict { keys, .. } => {
                keys.first().map(|key| format!("keep {key}, say, and remove the rest"))
            }
            Self::Misfit { key, fits, .. } => {
                Some(format!("{key} is for {fits}; the type is told by type, else by the address"))
            }
        }
    }
}

fn expected_example(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "a list of strings" => "[\"one\", \"two\"]",
        "true or false" => "true",
        "a duration in quotes" => "\"30s\"",
        "a size in quotes" => "\"500MB\"",
        "a string" => "\"text\"",
        "a whole number" => "2",
        _ => return None,
    })
}

pub(super) fn keys_of(section: &str) -> &'static [&'static str] {
    KEYS.iter().find(|(name, _)| *name == section).map_or(&[], |(_, keys)| keys)
}

/// The candidate within two edits of `word` that is nearest to it.
pub(super) fn nearest(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let distances = candidates.iter().map(|candidate| (edit_distance(word, candidate), *candidate));
    distances
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.len())
        .min()
        .map(|(_, c)| c)
}

/// How many letters have to be changed, added, taken out or swapped with their neighbour.
fn edit_distance(left: &str, right: &str) -> usize {
    let normal =
        |text: &str| -> Vec<char> { text.to_lowercase().replace('-', "_").chars().take(40).collect() };
    let (left, right) = (normal(left), normal(right));
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut cost = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                cost = cost.min(rows[i - 1][j - 1] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}
