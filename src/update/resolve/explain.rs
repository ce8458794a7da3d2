//! Why there is no solution, in plain words: the facts that the proof rests on, each once, and never the solver's
//! own ranges. Versions are spoken of as specifiers over those that exist.
//!
//! The proof can be deep and wide, so it is walked and taken down with a stack of our own, and its text has an end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use pep440_rs::Version;
use pubgrub::{DerivationTree, External, Ranges};

use super::needs::and;
use super::package::Package;
use super::provider::Provider;
use crate::package::name::ProjectName;

/// The longest fact, in characters.
const LONGEST_FACT: usize = 1000;

type Tree = DerivationTree<Package, Ranges<Version>, String>;

/// How many facts of one kind are told.
const MOST_FACTS: usize = 16;

/// How many stretches of versions, or reasons of one project, are told.
const MOST_ITEMS: usize = 4;

/// The explanation: one sentence, on several lines where it is long.
pub(super) fn explain(tree: Tree, provider: &Provider<'_>) -> String {
    let facts = Facts::of(&tree);
    take_down(tree);
    facts.told(provider)
}

/// Leaves no deep chain behind whose destruction would be a recursion.
fn take_down(tree: Tree) {
    let mut trees = vec![tree];
    while let Some(tree) = trees.pop() {
        if let DerivationTree::Derived(derived) = tree {
            trees.extend([derived.cause1, derived.cause2].into_iter().filter_map(Arc::into_inner));
        }
    }
}

/// Who needs what, as it was written, in which versions.
type Needs = BTreeMap<(Package, String), Ranges<Version>>;

/// What a proof rests on.
#[derive(Default)]
struct Facts {
    needs: Vec<(Package, Ranges<Version>, Package, Ranges<Version>)>,
    /// What cannot be used, in a sentence.
    unusable: BTreeSet<(Package, String)>,
    /// What has no version in which range.
    absent: BTreeMap<ProjectName, Ranges<Version>>,
}

impl Facts {
    fn of(tree: &Tree) -> Self {
        let mut facts = Self::default();
        let mut seen: HashSet<*const Tree> = HashSet::new();
        let mut trees = vec![tree];
        while let Some(tree) = trees.pop() {
            match tree {
                DerivationTree::External(external) => facts.add(external),
                DerivationTree::Derived(derived) => {
                    for cause in [&derived.cause1, &derived.cause2] {
                        if seen.insert(Arc::as_ptr(cause)) {
                            trees.push(cause);
                        }
                    }
                }
            }
        }
        facts
    }

    fn add(&mut self, external: &External<Package, Ranges<Version>, String>) {
        match external {
            External::NotRoot(..) => {}
            External::NoVersions(package, range) => {
                if let Some(name) = package.project() {
                    let all = self.absent.entry(name.clone()).or_insert_with(Ranges::empty);
                    *all = all.union(range);
                }
            }
            External::Custom(package, _, sentence) => {
                self.unusable.insert((package.clone(), sentence.clone()));
            }
            External::FromDependencyOf(from, versions, to, range) => {
                // That an extra needs its project goes without saying.
                let is_tie = matches!((from, to), (Package::Extra(name, _), Package::Project(project)) if name == project);
                if !is_tie {
                    self.needs.push((from.clone(), versions.clone(), to.clone(), range.clone()));
                }
            }
        }
    }

    fn told(&self, provider: &Provider<'_>) -> String {
        let mut facts = self.requirements(provider);
        let sentences = self.unusable.iter().map(|(_, sentence)| sentence.clone());
        let reasons =
            sentences.chain(self.absent.iter().flat_map(|(name, range)| self.absence(name, range, provider)));
        facts.extend(reasons.take(MOST_FACTS));
        let facts: Vec<String> = facts.iter().map(|fact| harmless(fact)).collect();
        let conclusion = "there is no solution";
        match facts.as_slice() {
            [] => conclusion.to_owned(),
            [one] => format!("Because {one}, {conclusion}"),
            [one, two] => format!("Because {one} and {two}, {conclusion}"),
            [init @ .., last] => format!("Because {},\n  and {last},\n{conclusion}", init.join(",\n  ")),
        }
    }

    /// What is needed: first by the app, then by others, one fact for all versions that need the same.
    fn requirements(&self, provider: &Provider<'_>) -> Vec<String> {
        let mut yours = BTreeSet::new();
        let mut others = Needs::new();
        for (from, versions, to, range) in &self.needs {
            let text = provider.wording(from, to, range);
            if *from == Package::Root {
                yours.insert(text);
            } else {
                let all = others.entry((from.clone(), text)).or_insert_with(Ranges::empty);
                *all = all.union(versions);
            }
        }
        let yours: Vec<String> = yours.into_iter().collect();
        let mut facts = Vec::new();
        if !yours.is_empty() {
            facts.push(format!("you require {}", and(&yours)));
        }
        let distances = self.distances();
        let mut others: Vec<_> = others.into_iter().collect();
        others.sort_by_cached_key(|((from, text), versions)| {
            (distances.get(from).copied(), from.clone(), versions.clone(), text.clone())
        });
        let left_out = others.len().saturating_sub(MOST_FACTS);
        facts.extend(
            others.iter().take(MOST_FACTS).map(|((from, text), versions)| {
                format!("{} needs {text}", subject(from, versions, provider))
            }),
        );
        if left_out > 0 {
            facts.push(format!("so it goes on for {left_out} more"));
        }
        facts
    }

    /// How far from the app each package is: an explanation starts with what its reader wrote.
    fn distances(&self) -> HashMap<&Package, usize> {
        let mut needed: HashMap<&Package, Vec<&Package>> = HashMap::new();
        for (from, _, to, _) in &self.needs {
            needed.entry(from).or_default().push(to);
        }
        let mut distances = HashMap::from([(&Package::Root, 0)]);
        let mut queue = VecDeque::from([(&Package::Root, 0)]);
        while let Some((from, distance)) = queue.pop_front() {
            for to in needed.get(from).into_iter().flatten() {
                if !distances.contains_key(to) {
                    distances.insert(to, distance + 1);
                    queue.push_back((to, distance + 1));
                }
            }
        }
        distances
    }

    /// Why a project has no version in a range.
    fn absence(&self, name: &ProjectName, range: &Ranges<Version>, provider: &Provider<'_>) -> Vec<String> {
        let Ok(project) = provider.project(name) else { return Vec::new() };
        if !project.is_known() {
            return vec![format!("no source has {name}")];
        }
        let candidates = &project.candidates;
        let all: BTreeSet<&Version> =
            candidates.fitting().chain(candidates.rejected().map(|(version, _)| version)).collect();
        let all: Vec<&Version> = all.into_iter().collect();
        let mut reasons: BTreeMap<String, Vec<&Version>> = BTreeMap::new();
        for (version, rejection) in candidates.rejected().filter(|(version, _)| range.contains(*version)) {
            reasons.entry(rejection.to_string()).or_default().push(version);
        }
        if reasons.is_empty() {
            // Where the versions that exist are spoken of anyway, that there are no others is no news.
            let mut spoken_of =
                self.needs.iter().map(|(from, ..)| from).chain(self.unusable.iter().map(|(of, _)| of));
            let is_spoken_of = spoken_of.any(|package| package.project() == Some(name));
            if is_spoken_of {
                return Vec::new();
            }
            let addressed = provider.addresses.wording(name);
            return vec![addressed.map_or_else(|| stock(name, &all), |it| format!("{it} is required too"))];
        }
        // The newest versions' reasons come first: those versions are the ones that were meant.
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by(|(_, a), (_, b)| b.last().cmp(&a.last()));
        let told = reasons.iter().take(MOST_ITEMS);
        told.map(|(reason, versions)| {
            let is_meant = |version: &Version| versions.binary_search(&version).is_ok();
            format!("{} {reason}", versions_of(name.as_str(), &all, is_meant))
        })
        .collect()
    }
}

/// A fact that can be printed: strangers' texts are in it.
fn harmless(fact: &str) -> String {
    let mut printable = fact.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut short: String = printable.by_ref().take(LONGEST_FACT).collect();
    if printable.next().is_some() {
        short.push('…');
    }
    short
}

/// What there is of a project.
fn stock(name: &ProjectName, versions: &[&Version]) -> String {
    match versions {
        [] => format!("{name} has no usable file"),
        [first, .., last] if versions.len() > MOST_ITEMS => {
            format!("{name} has only {} versions, from {first} to {last}", versions.len())
        }
        few => {
            let few: Vec<String> = few.iter().map(ToString::to_string).collect();
            format!("{name} has only {}", and(&few))
        }
    }
}

/// A package in some of its versions.
fn subject(package: &Package, range: &Ranges<Version>, provider: &Provider<'_>) -> String {
    let text = package.to_string();
    let Some(Ok(project)) = package.project().map(|name| provider.project(name)) else { return text };
    let fitting: Vec<&Version> = project.candidates.fitting().collect();
    versions_of(&text, &fitting, |version| range.contains(version))
}

/// `a 1.0`, `a>=2.0`, `every version of a`, `a<=1.0 or ==3.0`: the versions among `all` (oldest first) that are
/// meant.
fn versions_of(name: &str, all: &[&Version], is_meant: impl Fn(&Version) -> bool) -> String {
    let meant: Vec<bool> = all.iter().map(|version| is_meant(version)).collect();
    let count = meant.iter().filter(|is_meant| **is_meant).count();
    if count == all.len() && count > 1 {
        return format!("every version of {name}");
    }
    if count == 1 {
        let only = all.iter().zip(&meant).find(|(_, is_meant)| **is_meant);
        return only.map_or_else(|| name.to_owned(), |(version, _)| format!("{name} {version}"));
    }
    let mut stretches: Vec<String> = Vec::new();
    for stretch in all.iter().zip(&meant).collect::<Vec<_>>().chunk_by(|a, b| a.1 == b.1) {
        let (Some((first, true)), Some((last, _))) = (stretch.first(), stretch.last()) else { continue };
        stretches.push(match (Some(*first) == all.first(), Some(*last) == all.last()) {
            _ if first == last => format!("=={first}"),
            (true, _) => format!("<={last}"),
            (_, true) => format!(">={first}"),
            _ => format!(">={first},<={last}"),
        });
    }
    if stretches.len() > MOST_ITEMS {
        stretches.truncate(MOST_ITEMS);
        stretches.push("others".to_owned());
    }
    format!("{name}{}", stretches.join(" or "))
}
