//! Each target is resolved by itself, with what is locked or chosen already as its preference; then all that was chosen
//! becomes one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pep440_rs::Version;
use url::Url;

use super::targets::{Key, LockTarget, Targets, condition};
use super::wanted::Wanted;
use crate::error::Error;
use crate::fs;
use crate::net::{Net, show_url};
use crate::package::filename::Format;
use crate::package::lock::{Lock, LockedFile, Package, Place, Source};
use crate::package::name::ProjectName;
use crate::packager::resolution;
use crate::source::Address;
use crate::source::file::{File, Location};
use crate::trust::hashes::{Algorithm, Hashes};
use crate::update::catalogue::Catalogue;
use crate::update::depot::{self, Depot};
use crate::update::resolve::{Catalogue as _, Pin, Request, Unsolved};

/// What a lock is made of.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) targets: &'a Targets,
    pub(super) kept: &'a Kept<'a>,
    /// Where the lock will be: what paths in it start from. Absolute.
    pub(super) folder: &'a Path,
}

/// What is to stay of an earlier lock.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    pub(super) lock: Option<&'a Lock>,
    /// Projects of which nothing has to.
    pub(super) loose: Vec<ProjectName>,
}

impl Kept<'_> {
    /// The locked versions, those first that are for the target.
    fn preferences(&self, target: &LockTarget) -> BTreeMap<ProjectName, Vec<Version>> {
        let packages = self.lock.into_iter().flat_map(|lock| &lock.packages);
        let mut packages: Vec<&Package> =
            packages.filter(|package| !self.loose.contains(&package.name)).collect();
        let environment = target.target.environment();
        packages.sort_by_key(|package| {
            !package.marker.as_ref().is_none_or(|marker| marker.evaluate_in_lock(environment, &[], &[]))
        });
        let mut preferences: BTreeMap<ProjectName, Vec<Version>> = BTreeMap::new();
        for package in packages {
            if let Some(version) = &package.version {
                preferences.entry(package.name.clone()).or_default().push(version.clone());
            }
        }
        preferences
    }
}

/// What one target is to have of a project.
struct Chosen<'a> {
    target: &'a LockTarget,
    pin: Pin,
}

/// Makes the lock.
///
/// # Errors
/// When the sources cannot be asked, a target's requirements cannot be met, or a file cannot be locked.
pub(super) fn solve(question: &Question<'_>, net: &Net, temporary: &Path) -> Result<Lock, Error> {
    resolution::with_catalogue(net, &question.wanted.places, temporary, |catalogue, depot| {
        let chosen = choose(question, catalogue)?;
        let keys = question.targets.keys();
        let mut packages = Vec::new();
        for (name, chosen) in &chosen {
            for (version, of_version) in by_version(chosen) {
                let marker_keys = told_apart(name, question.targets, &of_version)?;
                let writer = Writer { question, catalogue, depot };
                let source = writer.source(name, version, &of_version)?;
                packages.push(Package {
                    name: name.clone(),
                    version: Some(version.clone()),
                    marker: condition(&keys, &marker_keys),
                    requires_python: None,
                    index: index_of(catalogue, name).filter(|_| matches!(source, Source::Files { .. })),
                    source,
                });
            }
        }
        Ok(Lock {
            requires_python: question.targets.requires_python(),
            environments: question.targets.environments(),
            packages,
            ..Lock::default()
        })
    })
}

type ByProject<'a> = BTreeMap<ProjectName, Vec<Chosen<'a>>>;

fn choose<'a>(question: &Question<'a>, catalogue: &Catalogue<'_>) -> Result<ByProject<'a>, Error> {
    let mut chosen: ByProject<'_> = BTreeMap::new();
    for target in &question.targets.0 {
        let mut preferences = question.kept.preferences(target);
        for (name, known) in &chosen {
            let versions = known.iter().rev().map(|known| known.pin.version.clone());
            preferences.entry(name.clone()).or_default().extend(versions);
        }
        let wanted = question.wanted;
        let request = target.target.clone().request(wanted.requirements.clone(), wanted.prereleases);
        let pins = resolution::pins(&Request { preferences, ..request }, catalogue);
        for pin in pins.map_err(|error| of_target(error, target))? {
            chosen.entry(pin.name.clone()).or_default().push(Chosen { target, pin });
        }
    }
    Ok(chosen)
}

/// A contradiction, with the target where it is one.
fn of_target(error: Error, target: &LockTarget) -> Error {
    match error {
        Error::Unsolved(Unsolved::Conflict(reason)) => {
            Error::Unsolved(Unsolved::Conflict(format!("for {target}: {reason}")))
        }
        error => error,
    }
}

fn by_version<'c, 'a>(chosen: &'c [Chosen<'a>]) -> BTreeMap<&'c Version, Vec<&'c Chosen<'a>>> {
    let mut by_version: BTreeMap<&Version, Vec<&Chosen<'_>>> = BTreeMap::new();
    for chosen in chosen {
        by_version.entry(&chosen.pin.version).or_default().push(chosen);
    }
    by_version
}

/// The keys of the targets that are to have it; an error where another target has one of them.
fn told_apart(name: &ProjectName, targets: &Targets, chosen: &[&Chosen<'_>]) -> Result<BTreeSet<Key>, Error> {
    let keys: BTreeSet<Key> = chosen.iter().map(|chosen| chosen.target.key()).collect();
    let has = |target: &LockTarget| chosen.iter().any(|chosen| chosen.target == target);
    let left_out = targets.0.iter().find(|target| keys.contains(&target.key()) && !has(target));
    let Some(left_out) = left_out else { return Ok(keys) };
    let with = chosen.iter().find(|chosen| chosen.target.key() == left_out.key());
    let with = with.map(|with| with.target.to_string()).unwrap_or_default();
    Err(Error::Unsolved(Unsolved::Conflict(format!(
        "{with} and {left_out} need other versions of {name}, and no marker tells them apart"
    ))))
}

/// The index that a project comes from, where it is one, without anything secret.
fn index_of(catalogue: &Catalogue<'_>, name: &ProjectName) -> Option<String> {
    match &catalogue.owner(name)?.address {
        Address::Index(url) => Some(plain(url).trim_end_matches('/').to_owned()),
        _ => None,
    }
}

/// An address as it may be published: nobody's name and password, and no query that lets somebody in.
fn plain(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if show_url(&url) != url.as_str() {
        url.set_query(None);
    }
    url.into()
}

/// Writes down the files of packages.
struct Writer<'a> {
    question: &'a Question<'a>,
    catalogue: &'a Catalogue<'a>,
    depot: Depot<'a>,
}

impl Writer<'_> {
    fn source(&self, name: &ProjectName, version: &Version, chosen: &[&Chosen<'_>]) -> Result<Source, Error> {
        if let Some(direct) =
            chosen.iter().find(|chosen| matches!(chosen.pin.file.location, Location::Direct(_)))
        {
            return Ok(Source::Archive(self.locked(&direct.pin.file)?));
        }
        let offered = self.catalogue.files(name).ok().flatten();
        let offered =
            offered.as_deref().unwrap_or_default().iter().filter(|file| file.name.version == *version);
        let mut wheels: BTreeMap<&str, &File> = BTreeMap::new();
        let mut sdist: Option<&File> = None;
        for file in chosen.iter().map(|chosen| &chosen.pin.file).chain(offered) {
            match &file.name.format {
                Format::Wheel { tags, .. } => {
                    if chosen.iter().any(|chosen| chosen.target.tags().rank(tags).is_some()) {
                        wheels.entry(&file.filename).or_insert(file);
                    }
                }
                Format::Sdist => sdist = sdist.or(Some(file)),
                Format::Egg { .. } | Format::Pipper => {}
            }
        }
        if wheels.is_empty() && sdist.is_none() {
            let reason =
                format!("{name} {version} has neither a wheel nor an sdist, and a lock has no other files");
            return Err(Error::Unsolved(Unsolved::Conflict(reason)));
        }
        let wheels = wheels.into_values().map(|file| self.locked(file)).collect::<Result<Vec<_>, _>>()?;
        let sdist = sdist.map(|file| self.locked(file)).transpose()?;
        Ok(Source::Files { wheels, sdist })
    }

    fn locked(&self, file: &File) -> Result<LockedFile, Error> {
        let place = match &file.location {
            Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => {
                Place::Url(plain(url))
            }
            Location::Path(path) => Place::Path(relative(path, self.question.folder)),
            Location::Checkout(_) => {
                let reason =
                    format!("{} is under version control, which no lock of ours holds", file.filename);
                return Err(Error::Unsolved(Unsolved::Conflict(reason)));
            }
        };
        let (hashes, size) = self.hashes(file)?;
        Ok(LockedFile { name: file.filename.clone(), place, hashes, size, uploaded: file.uploaded })
    }

    /// The file's digests as its source tells them, else of its bytes; and its size.
    fn hashes(&self, file: &File) -> Result<(Hashes, Option<u64>), Error> {
        if file.hashes.strongest().is_some_and(|(algorithm, _)| algorithm >= Algorithm::Sha256) {
            let mut hashes = Hashes::default();
            let strong = file.hashes.iter().filter(|(algorithm, _)| *algorithm >= Algorithm::Sha256);
            for (algorithm, hex) in strong {
                hashes.insert(algorithm.name(), hex);
            }
            return Ok((hashes, file.size));
        }
        let folder = self.depot.store.distribution(&file.filename);
        fs::create_dir_all(folder.root())?;
        let archive = fs::sibling(&folder.root().join(&file.filename), "lock");
        let sha256 = depot::digest(file, &archive, self.depot.net, self.depot.deadline)?;
        let size = fs::metadata(&archive)?.len();
        fs::remove_file(&archive)?;
        Ok((Hashes::sha256(&sha256), Some(size)))
    }
}

/// A path from a folder, with `/` between its parts; both absolute.
fn relative(path: &Path, folder: &Path) -> String {
    let parts = |path: &Path| -> Vec<PathBuf> {
        let parts = path.components().filter(|part| *part != Component::CurDir);
        parts.map(|part| PathBuf::from(part.as_os_str())).collect()
    };
    let (to, from) = (parts(path), parts(folder));
    let common = to.iter().zip(&from).take_while(|(left, right)| left == right).count();
    let up = from.iter().skip(common).map(|_| "..".to_owned());
    let down = to.iter().skip(common).map(|part| part.to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}
