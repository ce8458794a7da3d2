//! What `PubGrub` asks: which package next, in which version, with which dependencies.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use pep440_rs::Version;
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics, Ranges, SelectedDependencies};

use super::addresses::Addresses;
use super::choice::{Candidates, Policy, check_python};
use super::package::{Package, root_version};
use super::{Catalogue, Pin, Request, Unavailable, Unsolved, needs};
use crate::package::filename::Format;
use crate::package::metadata::Metadata;
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;
use crate::source::file::File;

/// How much one resolution may do. Large applications need a tenth of it.
const MOST_WORK: usize = 500_000;

/// What a decision costs, beside one for each dependency that it brings.
const DECISION: usize = 20;

/// What it costs to look at a range, in parts of which there are so many for one.
const PARTS: usize = 50;

/// How many files of one version are tried: each costs a request.
const MOST_FILES: usize = 3;

/// Candidates are counted up to here, for more make no difference to the order of decisions.
const MANY: usize = 64;

/// A project as its source has it.
pub(super) struct Project {
    /// `None` where no source has it.
    files: Option<Arc<[File]>>,
    pub(super) candidates: Candidates,
}

impl Project {
    /// Whether any source has it.
    pub(super) fn is_known(&self) -> bool {
        self.files.is_some()
    }

    fn file(&self, place: usize) -> Option<&File> {
        self.files.as_ref()?.get(place)
    }
}

/// The file that a version was read from.
struct Chosen {
    file: File,
    metadata: Arc<Metadata>,
}

/// The file of a version, or why none of its files is of use.
type Choice = Result<Rc<Chosen>, String>;

/// A requirement in the words of who has it, by who needs what; the range tells several of the same pair apart.
type Wordings = HashMap<(Package, Package), Vec<(Ranges<Version>, String)>>;

/// The world as one resolution sees it; everything is asked once.
pub(super) struct Provider<'a> {
    request: &'a Request,
    catalogue: &'a dyn Catalogue,
    /// The requirements that apply, in an order that does not depend on how they were given.
    direct: Vec<&'a Requirement>,
    direct_names: BTreeSet<&'a ProjectName>,
    pub(super) addresses: Addresses,
    projects: RefCell<HashMap<ProjectName, Result<Rc<Project>, Unsolved>>>,
    choices: RefCell<HashMap<(ProjectName, Version), Choice>>,
    /// What was last decided of a project. Perhaps no longer, but a good guess for its extras.
    decided: RefCell<HashMap<ProjectName, Version>>,
    wordings: RefCell<Wordings>,
    work: Cell<usize>,
    decisions: Cell<u32>,
}

impl<'a> Provider<'a> {
    /// `known` are addresses that an earlier resolution came upon.
    pub(super) fn new(
        request: &'a Request,
        catalogue: &'a dyn Catalogue,
        known: Addresses,
    ) -> Result<Self, Unsolved> {
        let mut direct: Vec<&Requirement> = request.direct().collect();
        direct.sort_by_cached_key(ToString::to_string);
        Ok(Self {
            addresses: Addresses::of(&direct, known)?,
            request,
            catalogue,
            direct_names: direct.iter().map(|requirement| &requirement.name).collect(),
            direct,
            projects: RefCell::default(),
            choices: RefCell::default(),
            decided: RefCell::default(),
            wordings: RefCell::default(),
            work: Cell::new(0),
            decisions: Cell::new(0),
        })
    }

    /// The project's files, judged.
    pub(super) fn project(&self, name: &ProjectName) -> Result<Rc<Project>, Unsolved> {
        if let Some(known) = self.projects.borrow().get(name) {
            return known.clone();
        }
        let offered = match self.addresses.file(name) {
            Some(file) => Ok(Some([file].as_slice().into())),
            None => self.catalogue.files(name),
        };
        let project = match offered {
            Ok(files) => {
                let policy = Policy::of(self.request, name);
                let candidates = Candidates::new(&policy, files.as_deref().unwrap_or_default());
                Ok(Rc::new(Project { files, candidates }))
            }
            Err(reason) => Err(unavailable(name, &reason)),
        };
        self.projects.borrow_mut().insert(name.clone(), project.clone());
        project
    }

    fn spend(&self, work: usize) {
        self.work.set(self.work.get().saturating_add(work));
    }

    /// How the requirement that gave rise to a dependency was written.
    pub(super) fn wording(&self, from: &Package, to: &Package, range: &Ranges<Version>) -> String {
        let wordings = self.wordings.borrow();
        let known = wordings.get(&(from.clone(), to.clone()));
        let exact = known.and_then(|known| known.iter().find(|(of, _)| of == range));
        exact.map_or_else(|| to.to_string(), |(_, text)| text.clone())
    }

    /// The first file of the version whose metadata can be used.
    fn choose(&self, name: &ProjectName, version: &Version) -> Result<Choice, Unsolved> {
        let key = (name.clone(), version.clone());
        if let Some(choice) = self.choices.borrow().get(&key) {
            return Ok(choice.clone());
        }
        let project = self.project(name)?;
        let mut choice: Option<Choice> = None;
        let places = project.candidates.files(version).iter().take(MOST_FILES);
        for file in places.filter_map(|place| project.file(*place)) {
            match self.read(name, file)? {
                Ok(metadata) => {
                    choice = Some(Ok(Rc::new(Chosen { file: file.clone(), metadata })));
                    break;
                }
                // The best file's reason is the one to tell.
                Err(reason) => choice = choice.or(Some(Err(reason))),
            }
        }
        let choice = choice.unwrap_or_else(|| Err("it has no file".to_owned()));
        self.choices.borrow_mut().insert(key, choice.clone());
        Ok(choice)
    }

    /// The metadata of a file, or why the file is of no use.
    fn read(&self, name: &ProjectName, file: &File) -> Result<Result<Arc<Metadata>, String>, Unsolved> {
        let metadata = match self.catalogue.metadata(file) {
            Ok(metadata) => metadata,
            Err(reason @ Unavailable::Source(_)) => return Err(unavailable(name, &reason)),
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        if metadata.name != *name || metadata.version != file.name.version {
            let found = format!("its metadata is that of {} {}", metadata.name, metadata.version);
            return Ok(Err(found));
        }
        let python = self.request.python_version.only_release();
        Ok(match check_python(metadata.requires_python.as_deref(), &python) {
            Ok(()) if !self.fits(&metadata) => {
                Err("the wheel in it is for another platform or interpreter".to_owned())
            }
            Ok(()) => Ok(metadata),
            Err(rejection) => Err(format!("it {rejection}")),
        })
    }

    /// Whether the wheel in a pipper package is for this interpreter; nobody could tell before it was opened.
    fn fits(&self, metadata: &Metadata) -> bool {
        let tags = &metadata.wheel_tags;
        tags.is_empty() || self.request.tags.rank(tags).is_some()
    }

    /// The requirements of a package in that version, as far as they apply.
    fn requirements<'m>(&self, metadata: &'m Metadata, extra: Option<&ExtraName>) -> Vec<&'m Requirement> {
        let holds = |requirement: &Requirement, extras: &[ExtraName]| {
            requirement
                .marker
                .as_ref()
                .is_none_or(|marker| marker.evaluate(&self.request.environment, extras))
        };
        let mut applying: Vec<&Requirement> = match extra {
            None => metadata.requires_dist.iter().filter(|r| holds(r, &[])).collect(),
            Some(extra) => {
                let extra = std::slice::from_ref(extra);
                metadata.requires_dist.iter().filter(|r| holds(r, extra) && !holds(r, &[])).collect()
            }
        };
        applying.sort_by_cached_key(|requirement: &&Requirement| requirement.to_string());
        applying
    }

    /// [`needs::combine`], with the wordings kept for an explanation.
    fn combine(
        &self,
        from: &Package,
        version: &Version,
        requirements: &[&Requirement],
        may_name_addresses: bool,
    ) -> Result<BTreeMap<Package, Ranges<Version>>, String> {
        let addressed = |requirement: &Requirement| {
            if requirement.url().is_some() && !may_name_addresses {
                return Err("which only launcher.toml and pipper packages may do".to_owned());
            }
            let is_late = || self.projects.borrow().contains_key(&requirement.name);
            self.addresses.version(requirement, is_late)
        };
        let mut ranges = BTreeMap::new();
        for (to, need) in needs::combine(from, version, requirements, &addressed)? {
            let mut wordings = self.wordings.borrow_mut();
            let known = wordings.entry((from.clone(), to.clone())).or_default();
            if known.iter().all(|(of, _)| *of != need.range) {
                known.push((need.range.clone(), need.wording));
            }
            ranges.insert(to, need.range);
        }
        Ok(ranges)
    }

    /// The dependencies of a package in that version.
    fn dependencies(
        &self,
        package: &Package,
        version: &Version,
    ) -> Result<Result<BTreeMap<Package, Ranges<Version>>, String>, Unsolved> {
        let (name, extra) = match package {
            Package::Root => return Ok(self.combine(package, version, &self.direct, true)),
            Package::Project(name) => (name, None),
            Package::Extra(name, extra) => (name, Some(extra)),
        };
        let chosen = match self.choose(name, version)? {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(Err(format!("{name} {version} cannot be used: {reason}"))),
        };
        let requirements = self.requirements(&chosen.metadata, extra);
        let is_pipper = chosen.file.name.format == Format::Pipper;
        Ok(self.combine(package, version, &requirements, is_pipper).map(|mut needs| {
            if extra.is_some() {
                needs.insert(Package::Project(name.clone()), Ranges::singleton(version.clone()));
            }
            needs
        }))
    }

    /// The solution in the words of the caller.
    pub(super) fn pins(
        &self,
        solution: &SelectedDependencies<Package, Version>,
    ) -> Result<Vec<Pin>, Unsolved> {
        let mut extras: BTreeMap<&ProjectName, BTreeSet<&ExtraName>> = BTreeMap::new();
        let mut versions: BTreeMap<&ProjectName, &Version> = BTreeMap::new();
        for (package, version) in solution.iter() {
            match package {
                Package::Root => {}
                Package::Project(name) => drop(versions.insert(name, version)),
                Package::Extra(name, extra) => drop(extras.entry(name).or_default().insert(extra)),
            }
        }
        let mut pins = Vec::with_capacity(versions.len());
        for (name, version) in versions {
            if let Ok(chosen) = self.choose(name, version)? {
                pins.push(self.pin(&chosen, extras.remove(name).unwrap_or_default()));
            }
        }
        Ok(pins)
    }

    fn pin(&self, chosen: &Chosen, wanted: BTreeSet<&ExtraName>) -> Pin {
        let metadata = &chosen.metadata;
        let (extras, missing_extras) =
            wanted.into_iter().cloned().partition(|extra| metadata.provides_extra.contains(extra));
        let extras: Vec<ExtraName> = extras;
        let added = extras.iter().flat_map(|extra| self.requirements(metadata, Some(extra)));
        let mut seen = HashSet::new();
        let requires = self.requirements(metadata, None).into_iter().chain(added);
        let requires = requires.filter(|requirement| seen.insert(*requirement)).cloned().collect();
        Pin {
            name: metadata.name.clone(),
            version: chosen.file.name.version.clone(),
            extras,
            missing_extras,
            file: chosen.file.clone(),
            requires,
        }
    }
}

fn unavailable(project: &ProjectName, reason: &Unavailable) -> Unsolved {
    Unsolved::Unavailable { project: project.clone(), reason: reason.to_string() }
}

/// What is decided first: what has no alternative, what caused most conflicts, what was asked for directly; then
/// what has the fewest versions to choose from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Priority {
    root: bool,
    forced: bool,
    conflicts: u32,
    direct: bool,
    candidates: Reverse<usize>,
    package: Reverse<Package>,
}

impl DependencyProvider for Provider<'_> {
    type P = Package;
    type V = Version;
    type VS = Ranges<Version>;
    type Priority = Priority;
    type M = String;
    type Err = Unsolved;

    fn prioritize(
        &self,
        package: &Package,
        range: &Ranges<Version>,
        statistics: &PackageResolutionStatistics,
    ) -> Priority {
        // What cannot be looked up is decided at once, and that is where the failure can be told.
        let count = |name| self.project(name).map_or(0, |project| project.candidates.count(range, MANY));
        let candidates = package.project().map_or(1, count);
        self.spend(range.iter().size_hint().0 / PARTS);
        Priority {
            root: *package == Package::Root,
            forced: candidates <= 1,
            conflicts: statistics.conflict_count(),
            direct: package.project().is_some_and(|name| self.direct_names.contains(name)),
            candidates: Reverse(candidates),
            package: Reverse(package.clone()),
        }
    }

    fn choose_version(
        &self,
        package: &Package,
        range: &Ranges<Version>,
    ) -> Result<Option<Version>, Unsolved> {
        let name = match package {
            Package::Root => return Ok(Some(root_version()).filter(|version| range.contains(version))),
            Package::Project(name) | Package::Extra(name, _) => name,
        };
        let project = self.project(name)?;
        let best = || project.candidates.best(range).cloned();
        if matches!(package, Package::Extra(..)) {
            let decided = self.decided.borrow();
            let same = decided.get(name).filter(|v| range.contains(v) && project.candidates.contains(v));
            return Ok(same.cloned().or_else(best));
        }
        let version = best();
        if let Some(version) = &version {
            self.decided.borrow_mut().insert(name.clone(), version.clone());
        }
        Ok(version)
    }

    fn get_dependencies(
        &self,
        package: &Package,
        version: &Version,
    ) -> Result<Dependencies<Package, Ranges<Version>, String>, Unsolved> {
        Ok(match self.dependencies(package, version)? {
            // An error of any kind ends this resolution; the next one knows the address from the start.
            Ok(_) if self.addresses.are_outdated() => return Err(Unsolved::TooHard(self.decisions.get())),
            Ok(needs) => {
                self.spend(needs.len());
                Dependencies::Available(needs.into_iter().collect())
            }
            Err(reason) => Dependencies::Unavailable(reason),
        })
    }

    fn should_cancel(&self) -> Result<(), Unsolved> {
        self.decisions.set(self.decisions.get().saturating_add(1));
        self.spend(DECISION);
        if self.work.get() > MOST_WORK { Err(Unsolved::TooHard(self.decisions.get())) } else { Ok(()) }
    }
}
