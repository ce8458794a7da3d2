//! What an interpreter accepts: compatibility tags (PEP 425, 600, 656), best first, as `packaging.tags` lists them.

use std::collections::{HashMap, HashSet};

use crate::package::filename::{Tag, TagSets};
use crate::python::{InterpreterFacts, PythonVersion};

mod platform;

pub use platform::Platform;

/// The tags that an interpreter accepts, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    ordered: Vec<Tag>,
    ranks: HashMap<Tag, usize>,
    /// All that the tags are made of.
    parts: HashSet<String>,
}

impl Tags {
    /// The tags of a probed interpreter.
    pub fn for_interpreter(facts: &InterpreterFacts) -> Self {
        let platforms = Platform::of(facts).tags();
        let mut list = List::default();
        let version = facts.version;
        let exact = match facts.implementation.as_str() {
            "cpython" => {
                list.cpython(version, &cpython_abis(facts), facts.free_threaded, &platforms);
                Some(format!("cp{}{}", version.major, version.minor))
            }
            name => {
                let short = match name {
                    "pypy" => "pp",
                    "ironpython" => "ip",
                    "jython" => "jy",
                    "python" => "py",
                    other => other,
                };
                let interpreter = format!("{short}{}{}", version.major, version.minor);
                list.generic(&interpreter, foreign_abi(facts.ext_suffix.as_deref()).as_deref(), &platforms);
                (short == "pp").then(|| "pp3".to_owned())
            }
        };
        list.compatible(version, exact.as_deref(), &platforms);
        list.finish()
    }

    /// The tags of a `CPython` of that version on another machine.
    pub fn for_target(version: PythonVersion, platform: &Platform) -> Self {
        let platforms = platform.tags();
        let interpreter = format!("cp{}{}", version.major, version.minor);
        let pymalloc = if (version.major, version.minor) < (3, 8) { "m" } else { "" };
        let mut list = List::default();
        list.cpython(version, &[format!("{interpreter}{pymalloc}")], false, &platforms);
        list.compatible(version, Some(&interpreter), &platforms);
        list.finish()
    }

    /// How good the best of a wheel's tags is: 0 is best; `None` where the interpreter accepts none of them.
    pub fn rank(&self, wheel: &TagSets) -> Option<usize> {
        wheel.among(&self.parts).filter_map(|tag| self.ranks.get(&tag).copied()).min()
    }

    /// All tags, best first.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.ordered.iter()
    }
}

/// The binary interfaces of this very `CPython`: its own first, then that of a build without debugging.
fn cpython_abis(facts: &InterpreterFacts) -> Vec<String> {
    let PythonVersion { major, minor, .. } = facts.version;
    let threads = if facts.free_threaded && (major, minor) >= (3, 13) { "t" } else { "" };
    let debug = if facts.debug { "d" } else { "" };
    let old = (major, minor) < (3, 8);
    let pymalloc = if old && facts.pymalloc { "m" } else { "" };
    let mut abis = vec![format!("cp{major}{minor}{threads}{debug}{pymalloc}")];
    if facts.debug && !old {
        abis.push(format!("cp{major}{minor}{threads}"));
    }
    abis
}

/// The binary interface of another implementation, out of what its extension modules' names end in:
/// `.pypy310-pp73-x86_64-linux-gnu.so` is `pypy310_pp73`.
fn foreign_abi(ext_suffix: Option<&str>) -> Option<String> {
    let soabi = ext_suffix?.strip_prefix('.')?.split_once('.')?.0;
    let parts = if soabi.starts_with("pypy") {
        2
    } else if soabi.starts_with("graalpy") {
        3
    } else {
        usize::MAX
    };
    let abi: Vec<&str> = soabi.split('-').take(parts).collect();
    Some(platform::normalize(&abi.join("-"))).filter(|abi| !abi.is_empty())
}

/// Tags in the order in which they are added; the first of equal ones counts.
#[derive(Default)]
struct List(Vec<Tag>);

impl List {
    fn add(&mut self, python: &str, abi: &str, platforms: &[String]) {
        self.0.extend(platforms.iter().map(|platform| Tag {
            python: python.to_lowercase(),
            abi: abi.to_lowercase(),
            platform: platform.to_lowercase(),
        }));
    }

    /// What only a `CPython` of this version, or a stable interface up to it, promises.
    fn cpython(
        &mut self,
        version: PythonVersion,
        abis: &[String],
        free_threaded: bool,
        platforms: &[String],
    ) {
        let PythonVersion { major, minor, .. } = version;
        let interpreter = format!("cp{major}{minor}");
        for abi in abis {
            self.add(&interpreter, abi, platforms);
        }
        let stable = if free_threaded && (major, minor) >= (3, 13) { "abi3t" } else { "abi3" };
        if (major, minor) >= (3, 2) {
            self.add(&interpreter, stable, platforms);
        }
        self.add(&interpreter, "none", platforms);
        if (major, minor) >= (3, 2) {
            for minor in (2..minor).rev() {
                self.add(&format!("cp{major}{minor}"), stable, platforms);
            }
        }
    }

    /// What another implementation promises.
    fn generic(&mut self, interpreter: &str, abi: Option<&str>, platforms: &[String]) {
        for abi in abi.into_iter().chain(["none"]) {
            self.add(interpreter, abi, platforms);
        }
    }

    /// What any Python of this version promises.
    fn compatible(&mut self, version: PythonVersion, interpreter: Option<&str>, platforms: &[String]) {
        let PythonVersion { major, minor, .. } = version;
        let mut pythons = vec![format!("py{major}{minor}"), format!("py{major}")];
        pythons.extend((0..minor).rev().map(|minor| format!("py{major}{minor}")));
        for python in &pythons {
            self.add(python, "none", platforms);
        }
        let any = ["any".to_owned()];
        for python in interpreter.into_iter().chain(pythons.iter().map(String::as_str)) {
            self.add(python, "none", &any);
        }
    }

    fn finish(self) -> Tags {
        let mut ranks = HashMap::with_capacity(self.0.len());
        let mut ordered = Vec::with_capacity(self.0.len());
        for tag in self.0 {
            if let std::collections::hash_map::Entry::Vacant(rank) = ranks.entry(tag.clone()) {
                rank.insert(ordered.len());
                ordered.push(tag);
            }
        }
        let parts = ordered.iter().flat_map(|Tag { python, abi, platform }| [python, abi, platform]);
        let parts = parts.cloned().collect();
        Tags { ordered, ranks, parts }
    }
}

#[cfg(test)]
mod tests;
