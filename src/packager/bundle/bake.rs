//! What a first run is installed from: the project's wheel and all that it needs, fetched, checked, and locked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::fault::BundleFault;
use crate::aws::Aws;
use crate::config::{Entry, FILE_NAME};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::net::{Net, Settings as NetSettings};
use crate::package::archive::limits::Limits;
use crate::package::filename::{DistributionName, Format};
use crate::package::lock::{LARGEST, Lock, LockedFile, Package, Place as LockPlace, Source};
use crate::package::name::ProjectName;
use crate::package::unpack::unpack;
use crate::packager::failure::Failure;
use crate::packager::launcher_toml::Settings;
use crate::packager::lock::{add_or_replace, write};
use crate::packager::question::{self, with_progress};
use crate::packager::scratch::{self, Scratch};
use crate::packager::target::Target;
use crate::packager::{digest, resolution};
use crate::python::find::Interpreter;
use crate::source::{self, Address};
use crate::trust::hashes::Hashes;
use crate::update::catalogue::{Place, Places};
use crate::update::depot::{self, Depot};
use crate::update::plan::USER_AGENT;
use crate::update::resolve::Pin;

const LOCK: &str = "pylock.toml";

/// What is baked, and for whom.
pub(super) struct Oven<'a> {
    pub(super) host: &'a Host,
    pub(super) settings: &'a Settings,
    /// The project's directory.
    pub(super) directory: &'a Path,
    /// Its wheel, where it is one that can be built.
    pub(super) wheel: Option<&'a Path>,
    pub(super) interpreter: &'a Interpreter,
}

impl Oven<'_> {
    /// Fills the directory `into` with distributions and the lock that has their digests; the distributions' names.
    ///
    /// # Errors
    /// When something cannot be had, is not what its source or the lock promises, or would be refused by a launcher.
    pub(super) fn bake(&self, into: &Path) -> Result<Vec<String>, Failure> {
        let scratch = Scratch::under(&scratch::temporary(&self.host.env))?;
        let config = &self.settings.config;
        let places = self.places(&scratch)?;
        let target = Target::of(self.interpreter);
        let request = target.request(self.settings.requirements()?, config.update.prereleases);
        let net = Net::new(&NetSettings::of(&config.network), &self.host.env, USER_AGENT);
        fs::create_dir(into)?;
        let baked = with_progress(self.host, || {
            resolution::with_catalogue(&net, &places, scratch.path(), |catalogue, depot| {
                let request = catalogue.with_releases(&request)?;
                let pins = resolution::pins(&request, catalogue)?;
                pins.iter()
                    .map(|pin| fetch(pin, into, scratch.path(), depot))
                    .collect::<Result<Vec<_>, Error>>()
            })
        })?;
        let mut lock = Lock::default();
        let mut scripts = BTreeSet::new();
        for mut distribution in baked {
            scripts.append(&mut distribution.scripts);
            add_or_replace(&mut lock, package(&distribution, into)?);
        }
        if let Entry::ConsoleScript(name) = &config.app.entry
            && !scripts.contains(name)
        {
            let available = scripts.into_iter().collect();
            return Err(BundleFault::NoConsoleScript { name: name.clone(), available }.into());
        }
        fs::write_atomic(&into.join(LOCK), write(&lock).as_bytes())?;
        let names = lock.packages.iter().flat_map(Package::files).map(|file| file.name.clone());
        Ok(names.collect())
    }

    /// The project comes from its wheel and from nowhere else; all other projects from the lock, or where there is none
    /// from the sources.
    fn places(&self, scratch: &Scratch) -> Result<Places, Failure> {
        let aws = Aws::new(self.host, None);
        let mut places = Vec::new();
        let own = self.wheel.map(own).transpose()?;
        if let Some((wheel, name)) = &own {
            let directory = scratch.path().join("own");
            fs::create_dir(&directory)?;
            fs::copy_atomic(wheel, &directory.join(wheel.file_name().unwrap_or_default()), 0o644)?;
            let mut place = Place::plain(Address::Directory(directory), &aws);
            place.projects = Some(BTreeSet::from([name.project.clone()]));
            places.push(place);
        }
        let path = self.directory.join(LOCK);
        if let Some(bytes) = fs::read_if_there(&path, LARGEST)? {
            let own = own.as_ref().map(|(_, name)| &name.project);
            places.push(self.locked(&path, &bytes, own, scratch, &aws)?);
            return Ok(Places(places));
        }
        let base = self.directory.join(FILE_NAME);
        let mut configured = Places::of(&self.settings.config, &base, &self.host.env, &aws)?;
        // What this bundle follows is published later.
        configured.0.retain(|place| !matches!(place.address, Address::Release(_)));
        if configured.0.is_empty() {
            configured = question::public_index(super::COMMAND.name, &aws)?;
        }
        places.append(&mut configured.0);
        Ok(Places(places))
    }

    /// The project's lock without the project, whose wheel may be younger.
    fn locked(
        &self,
        path: &Path,
        bytes: &[u8],
        own: Option<&ProjectName>,
        scratch: &Scratch,
        aws: &Aws,
    ) -> Result<Place, Failure> {
        let failed = |reason: String| Failure::Lock { path: path.to_owned(), reason };
        let mut lock =
            Lock::parse(&String::from_utf8_lossy(bytes)).map_err(|fault| failed(fault.to_string()))?;
        lock.packages.retain(|package| Some(&package.name) != own);
        for package in &mut lock.packages {
            let files = match &mut package.source {
                Source::Files { wheels, sdist } => wheels.iter_mut().chain(sdist).collect(),
                Source::Archive(file) => vec![file],
                Source::Tree(_) => Vec::new(),
            };
            for file in files {
                if let LockPlace::Path(place) = &mut file.place {
                    let whole = fs::absolute(&self.directory.join(&place))?;
                    *place = whole.to_string_lossy().into_owned();
                }
            }
        }
        fs::write_atomic(&scratch.path().join(LOCK), write(&lock).as_bytes())?;
        let address = source::infer(LOCK, scratch.path()).map_err(|error| failed(error.to_string()))?;
        Ok(Place::plain(address, aws))
    }
}

/// A wheel and what its name says.
fn own(wheel: &Path) -> Result<(PathBuf, DistributionName), Failure> {
    let filename = wheel.file_name().unwrap_or_default().to_string_lossy();
    let name = DistributionName::parse(&filename).map_err(Failure::NoDistribution)?;
    Ok((wheel.to_owned(), name))
}

/// A distribution that was fetched.
struct Baked {
    pin: Pin,
    sha256: String,
    /// Its console scripts.
    scripts: BTreeSet<String>,
}

/// Fetches one, and unpacks it once: what a launcher would refuse is not shipped.
fn fetch(pin: &Pin, into: &Path, scratch: &Path, depot: Depot<'_>) -> Result<Baked, Error> {
    let filename = &pin.file.filename;
    let path = into.join(filename);
    let sha256 = depot::digest(&pin.file, &path, depot.net, depot.deadline)?;
    fs::set_mode(&path, 0o644)?;
    let tree = scratch.join("tree");
    let unpacked = unpack(&path, &pin.file.name, &tree, &Limits::default());
    let unpacked = unpacked.map_err(|refusal| Error::Archive { filename: filename.clone(), refusal })?;
    fs::remove_tree(&tree)?;
    let scripts = unpacked.entry_points.group("console_scripts").map(|(name, _)| name.to_owned()).collect();
    Ok(Baked { pin: pin.clone(), sha256, scripts })
}

/// What the lock says of it.
fn package(baked: &Baked, folder: &Path) -> Result<Package, Failure> {
    let Baked { pin, sha256, .. } = baked;
    let filename = &pin.file.filename;
    let file = LockedFile {
        name: filename.clone(),
        place: LockPlace::Path(filename.clone()),
        hashes: Hashes::sha256(sha256),
        size: Some(fs::metadata(&folder.join(filename))?.len()),
        uploaded: None,
    };
    let source = match pin.file.name.format {
        Format::Wheel { .. } => Source::Files { wheels: vec![file], sdist: None },
        Format::Sdist => Source::Files { wheels: Vec::new(), sdist: Some(file) },
        Format::Egg { .. } | Format::Pipper => return Err(BundleFault::Format(filename.clone()).into()),
    };
    Ok(Package {
        name: pin.name.clone(),
        version: Some(pin.version.clone()),
        marker: None,
        requires_python: None,
        index: None,
        source,
    })
}

/// SHA-256 of a file, in hex.
pub(super) fn sha256(path: &Path) -> Result<String, Error> {
    Ok(digest::of_file(path)?.sha256().to_owned())
}
