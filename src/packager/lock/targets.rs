//! The interpreters that a lock is for, and the markers that tell them apart.

use std::collections::BTreeSet;
use std::fmt;

use super::{COMMAND, PLATFORM, PYTHON};
use crate::host::Host;
use crate::package::marker::Marker;
use crate::package::tags::Tags;
use crate::package::version::SpecifierSet;
use crate::packager::arguments::{Arguments, Usage};
use crate::packager::failure::Failure;
use crate::packager::interpreter;
use crate::packager::question::{invalid, utf8};
use crate::packager::target::{self, Target};
use crate::python::PythonVersion;

/// The variables that tell one interpreter from another, in the order in which conditions name them.
const VARIABLES: [&str; 3] = ["sys_platform", "platform_machine", "python_version"];

/// The values of [`VARIABLES`].
pub(super) type Key = [String; 3];

/// One interpreter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LockTarget {
    /// The platform, as it was named.
    platform: String,
    python: PythonVersion,
    pub(super) target: Target,
}

impl fmt::Display for LockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PythonVersion { major, minor, micro } = self.python;
        write!(f, "Python {major}.{minor}")?;
        if micro > 0 {
            write!(f, ".{micro}")?;
        }
        write!(f, " on {}", self.platform)
    }
}

impl LockTarget {
    pub(super) fn key(&self) -> Key {
        let environment = self.target.environment();
        [&environment.sys_platform, &environment.platform_machine, &environment.python_version]
            .map(Clone::clone)
    }

    pub(super) fn tags(&self) -> &Tags {
        self.target.tags()
    }
}

/// All of them, oldest Python first: what an old one can use, a new one mostly can too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Targets(pub(super) Vec<LockTarget>);

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

impl Targets {
    /// Each platform that is named with each Python that is; what is not named is what is here.
    pub(super) fn of(host: &Host, arguments: &Arguments) -> Result<Self, Failure> {
        let mut pythons = Vec::new();
        for (_, text) in arguments.values(&[PYTHON]) {
            let python = target::python_version(utf8(COMMAND.name, text)?);
            pythons.push(python.map_err(|reason| invalid(COMMAND.name, reason))?);
        }
        if pythons.is_empty() {
            let here = interpreter::find(host, &Arguments::default())?.facts.version;
            pythons.push(PythonVersion { micro: 0, ..here });
        }
        pythons.sort_by_key(|python| (python.major, python.minor, python.micro));
        pythons.dedup();
        let given = arguments.values(&[PLATFORM]).map(|(_, text)| utf8(COMMAND.name, text));
        let mut platforms = given.collect::<Result<Vec<_>, Usage>>()?;
        let own = target::own_platform();
        if platforms.is_empty() {
            platforms.push(&own);
        }
        let mut targets: Vec<LockTarget> = Vec::new();
        for python in pythons {
            for name in &platforms {
                let platform =
                    target::platform(Some(name)).map_err(|reason| invalid(COMMAND.name, reason))?;
                let target = Target::cpython(python, &platform);
                if targets.iter().all(|known| known.target != target) {
                    targets.push(LockTarget { platform: (*name).to_owned(), python, target });
                }
            }
        }
        Ok(Self(targets))
    }

    /// All keys, each once, in order.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for key in self.0.iter().map(LockTarget::key) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// `environments` of the lock: all targets, apart.
    pub(super) fn environments(&self) -> Vec<Marker> {
        let mut environments: Vec<String> = Vec::new();
        for target in &self.0 {
            let PythonVersion { major, minor, micro } = target.python;
            let values = target.key();
            let mut parts: Vec<String> = VARIABLES
                .iter()
                .zip(&values)
                .map(|(variable, value)| format!("{variable} == '{value}'"))
                .collect();
            if micro > 0 {
                parts.push(format!("python_full_version >= '{major}.{minor}.{micro}'"));
            }
            let text = parts.join(" and ");
            if !environments.contains(&text) {
                environments.push(text);
            }
        }
        environments.sort();
        environments.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// `requires-python` of the lock.
    pub(super) fn requires_python(&self) -> Option<SpecifierSet> {
        let PythonVersion { major, minor, micro } = self.0.first()?.python;
        let micro = if micro > 0 { format!(".{micro}") } else { String::new() };
        format!(">={major}.{minor}{micro}").parse().ok()
    }
}

/// Whether a condition depends on anything.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Never,
    Always,
    /// What has to hold.
    Each(String),
    /// Of which one thing has to hold.
    Any(String),
}

/// The condition that holds for the chosen ones of all these; `None` where it holds for all.
pub(super) fn condition(all: &[Key], chosen: &BTreeSet<Key>) -> Option<Marker> {
    let all: Vec<&Key> = all.iter().collect();
    match expression(&all, chosen, 0) {
        Condition::Each(text) | Condition::Any(text) => text.parse().ok(),
        Condition::Never | Condition::Always => None,
    }
}

fn expression(all: &[&Key], chosen: &BTreeSet<Key>, at: usize) -> Condition {
    if all.iter().all(|key| chosen.contains(*key)) {
        return Condition::Always;
    }
    let Some(variable) = VARIABLES.get(at).filter(|_| all.iter().any(|key| chosen.contains(*key))) else {
        return Condition::Never;
    };
    // Values with one and the same condition on the other variables go together.
    let mut groups: Vec<(Condition, Vec<&str>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for value in all.iter().filter_map(|key| key.get(at)).filter(|value| seen.insert(*value)) {
        let of_value: Vec<&Key> = all.iter().copied().filter(|key| key.get(at) == Some(value)).collect();
        let inner = expression(&of_value, chosen, at + 1);
        match groups.iter_mut().find(|(known, _)| *known == inner) {
            Some((_, values)) => values.push(value),
            None => groups.push((inner, vec![value])),
        }
    }
    if groups.len() == 1 {
        return groups.pop().map_or(Condition::Never, |(condition, _)| condition);
    }
    groups.retain(|(inner, _)| *inner != Condition::Never);
    let mut parts: Vec<Condition> =
        groups.iter().map(|(inner, values)| both(one_of(variable, values), inner.clone())).collect();
    if parts.len() == 1 {
        return parts.pop().unwrap_or(Condition::Never);
    }
    let parts = parts.into_iter().filter_map(|part| match part {
        Condition::Each(text) | Condition::Any(text) => Some(text),
        Condition::Never | Condition::Always => None,
    });
    Condition::Any(parts.collect::<Vec<_>>().join(" or "))
}

fn one_of(variable: &str, values: &[&str]) -> Condition {
    let parts: Vec<String> = values.iter().map(|value| format!("{variable} == '{value}'")).collect();
    let text = parts.join(" or ");
    if parts.len() == 1 { Condition::Each(text) } else { Condition::Any(text) }
}

fn both(left: Condition, right: Condition) -> Condition {
    let shown = |condition: &Condition| match condition {
        Condition::Each(text) => text.clone(),
        Condition::Any(text) => format!("({text})"),
        Condition::Never | Condition::Always => String::new(),
    };
    match (&left, &right) {
        (_, Condition::Always) => left,
        (Condition::Always, _) => right,
        _ => Condition::Each(format!("{} and {}", shown(&left), shown(&right))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<Key> {
        names
            .iter()
            .map(|name| {
                let parts: Vec<&str> = name.split(' ').collect();
                [parts[0], parts[1], parts[2]].map(str::to_owned)
            })
            .collect()
    }

    const ALL: [&str; 6] = [
        "linux x86_64 3.9",
        "linux aarch64 3.9",
        "darwin arm64 3.9",
        "linux x86_64 3.10",
        "linux aarch64 3.10",
        "darwin arm64 3.10",
    ];

    #[test]
    fn a_condition_names_what_decides_and_nothing_else() {
        for (chosen, expected) in [
            (&[0, 1, 2, 3, 4, 5][..], None),
            (&[0, 1, 2], Some("python_version == '3.9'")),
            (&[0, 1, 3, 4], Some("sys_platform == 'linux'")),
            (&[2, 5], Some("sys_platform == 'darwin'")),
            (&[1, 4], Some("sys_platform == 'linux' and platform_machine == 'aarch64'")),
            (
                &[0],
                Some("sys_platform == 'linux' and platform_machine == 'x86_64' and python_version == '3.9'"),
            ),
            (&[0, 1], Some("sys_platform == 'linux' and python_version == '3.9'")),
            (
                &[0, 1, 2, 3, 4],
                Some("sys_platform == 'linux' or sys_platform == 'darwin' and python_version == '3.9'"),
            ),
            (
                &[0, 1, 3],
                Some(
                    "sys_platform == 'linux' and (platform_machine == 'x86_64' or \
                     platform_machine == 'aarch64' and python_version == '3.9')",
                ),
            ),
        ] {
            let all = keys(&ALL);
            let chosen: BTreeSet<Key> = chosen.iter().map(|at| all[*at].clone()).collect();
            let found = condition(&all, &chosen);
            let shown = found.as_ref().map(|marker| marker.to_string().replace('"', "'"));
            assert_eq!(shown.as_deref(), expected, "{chosen:?}");
            for key in &all {
                let values = VARIABLES.iter().zip(key.iter().cloned());
                let environment = crate::package::marker::MarkerEnvironment::from_pairs(values);
                let holds = found.as_ref().is_none_or(|marker| marker.evaluate(&environment, &[]));
                assert_eq!(holds, chosen.contains(key), "{expected:?} {key:?}");
            }
        }
    }
}
