//! From loose requirements to exact pins, by `PubGrub`, or the reason why there are none.
//!
//! Pure: whatever has to be known of the world comes through [`Catalogue`]. The rules are pip's and uv's: stable
//! versions first, extras as packages of their own that are tied to their project, files that do not fit this
//! interpreter as if they were not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use pep440_rs::Version;
use pubgrub::PubGrubError;

use crate::package::marker::MarkerEnvironment;
use crate::package::metadata::Metadata;
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;
use crate::package::tags::Tags;
use crate::source::file::File;
use crate::time::Timestamp;

mod addresses;
mod choice;
mod explain;
mod needs;
mod package;
mod provider;
mod ranges;

use addresses::Addresses;
use choice::{Candidates, Policy};
use package::Package;
use provider::Provider;

/// How often a resolution may begin anew because a package named an address that came up too late.
const MOST_BEGINNINGS: u32 = 64;

/// What the sources offer. Answers have to stay the same for as long as one resolution runs.
pub trait Catalogue {
    /// All files that the source which owns the project has of it; `None` where no source has it.
    fn files(&self, project: &ProjectName) -> Result<Option<Arc<[File]>>, Unavailable>;

    /// The core metadata of a file; asked only for files of versions that are tried.
    fn metadata(&self, file: &File) -> Result<Arc<Metadata>, Unavailable>;
}

/// Why a catalogue cannot answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// The source cannot be asked at this time: the resolution ends, for this is no contradiction.
    Source(String),
    /// This one file is of no use, whatever the network does: the next one is tried.
    File(String),
    /// An sdist that would have to be built, where that is not allowed: the next file is tried.
    NeedsBuild,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(reason) | Self::File(reason) => f.write_str(reason),
            Self::NeedsBuild => f.write_str("its sdist would need building"),
        }
    }
}

impl std::error::Error for Unavailable {}

/// What is wanted, and for which interpreter.
#[derive(Debug, Clone)]
pub struct Request {
    /// The app's requirements; those whose marker does not hold do not count.
    pub requirements: Vec<Requirement>,
    /// The interpreter's full version; its release alone is compared with `Requires-Python`, as pip does.
    pub python_version: Version,
    /// The values of the markers' variables.
    pub environment: MarkerEnvironment,
    /// What the interpreter accepts.
    pub tags: Tags,
    /// Whether pre-releases are as good as other versions. Otherwise they count only of a project that has nothing
    /// else that fits, or where one of `requirements` names a pre-release of it.
    pub prereleases: bool,
    /// Files uploaded later are left out (a cooldown); files without a time stay.
    pub uploaded_before: Option<Timestamp>,
    /// File names, addresses and identities ([`File::identity`]) that failed to download or to verify, and are left out.
    pub dropped: BTreeSet<String>,
    /// Projects of which no sdist may be used.
    pub no_build: BTreeSet<ProjectName>,
    /// Projects of which only sdists may be used.
    pub no_binary: BTreeSet<ProjectName>,
    /// Versions that are better than newer ones where they will do, best first. One of which only an sdist fits is not,
    /// where another version has more.
    pub preferences: BTreeMap<ProjectName, Vec<Version>>,
}

/// One project of the solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Which project.
    pub name: ProjectName,
    /// In which version.
    pub version: Version,
    /// The extras that are wanted of it, sorted.
    pub extras: Vec<ExtraName>,
    /// Extras that are wanted but that this version does not have: worth a note, no error, as with pip.
    pub missing_extras: Vec<ExtraName>,
    /// The best of its files.
    pub file: File,
    /// Its requirements that apply here, those of its wanted extras included.
    pub requires: Vec<Requirement>,
}

/// Why there is no solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsolved {
    /// The requirements contradict each other or what the sources offer; the explanation may have several lines.
    Conflict(String),
    /// A source could not be asked: trying again later may help.
    Unavailable {
        /// About which project.
        project: ProjectName,
        /// Why not.
        reason: String,
    },
    /// A requirement has an address that is none of a file that we can use, for this reason.
    Address(String),
    /// The search was given up after so many steps.
    TooHard(u32),
}

impl fmt::Display for Unsolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(explanation) => f.write_str(explanation),
            Self::Unavailable { project, reason } => write!(f, "cannot look up {project}: {reason}"),
            Self::Address(reason) => f.write_str(reason),
            Self::TooHard(steps) => write!(f, "found no solution in {steps} steps"),
        }
    }
}

impl std::error::Error for Unsolved {}

/// The newest versions that satisfy all requirements, sorted by name. The result does not depend on the order of
/// the requirements.
///
/// # Errors
/// Why there is no solution, in words for the app's user.
pub fn resolve(request: &Request, catalogue: &dyn Catalogue) -> Result<Vec<Pin>, Unsolved> {
    let mut addresses = Addresses::default();
    for _ in 0..MOST_BEGINNINGS {
        let provider = Provider::new(request, catalogue, addresses)?;
        let solved = solve(&provider);
        if !provider.addresses.are_outdated() {
            return solved;
        }
        addresses = provider.addresses;
    }
    Err(Unsolved::TooHard(MOST_BEGINNINGS))
}

fn solve(provider: &Provider<'_>) -> Result<Vec<Pin>, Unsolved> {
    match pubgrub::resolve(provider, Package::Root, package::root_version()) {
        Ok(solution) => provider.pins(&solution),
        Err(PubGrubError::NoSolution(tree)) => Err(Unsolved::Conflict(explain::explain(tree, provider))),
        Err(
            PubGrubError::ErrorRetrievingDependencies { source, .. }
            | PubGrubError::ErrorChoosingVersion { source, .. }
            | PubGrubError::ErrorInShouldCancel(source),
        ) => Err(source),
    }
}

/// The file that [`resolve`] would try first for `requirement`, were there no others: what is worth fetching the
/// metadata of in advance.
pub fn likely<'f>(request: &Request, requirement: &Requirement, files: &'f [File]) -> Option<&'f File> {
    let policy = Policy::of(request, &requirement.name);
    let range = ranges::of_set(requirement.specifiers()?);
    let candidates = Candidates::new(&policy, files);
    let version = candidates.best(&range)?;
    files.get(*candidates.files(version).first()?)
}

#[cfg(test)]
mod tests;
