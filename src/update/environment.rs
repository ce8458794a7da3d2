//! Environments: one merged, immutable tree for a pinned set and an interpreter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::config::Entry;
use crate::error::Error;
use crate::fs;
use crate::launch::{Recipe, Target};
use crate::package::filename::{DistributionName, Format};
use crate::process as child;
use crate::python::find::Interpreter;
use crate::state::{Generation, PinnedFile, RememberedInterpreter};
use crate::store::{EnvironmentFiles, Store};
use crate::time::Deadline;
use crate::trust::hashes::sha256_hex;
use crate::update::clean;
use crate::update::description::Description;

/// Raised when environments are laid out in another way, so that old ones are not taken for new ones.
const LAYOUT: u32 = 1;

/// How long the compiling of bytecode may take.
const COMPILE: std::time::Duration = std::time::Duration::from_secs(600);

/// A pinned set whose files are all in the store.
#[derive(Debug)]
pub struct Plan {
    /// The files, sorted by project.
    pub files: Vec<Fetched>,
    /// Set when the sources could not be asked and this is what the store still has of them.
    pub offline: Option<Error>,
    /// Why a file that would have been chosen is not among them, where it could not be had or used.
    pub left_out: Option<String>,
}

/// A pinned file and what its unpacking told.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The pin.
    pub pin: PinnedFile,
    /// What is known of its contents.
    pub description: Description,
}

/// An environment to be.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its key: the pinned set and the interpreter, nothing else.
    pub key: String,
    interpreter: String,
    files: Vec<Fetched>,
}

/// Whether a generation's environment was made for that interpreter, as it was when it was probed.
pub fn is_for(interpreter: &RememberedInterpreter, generation: &Generation) -> bool {
    let interpreter = Interpreter::from_memory(interpreter);
    interpreter.is_some_and(|known| key(&known.identity(), generation.pins.iter()) == generation.environment)
}

/// Whether a file can be used by that interpreter.
pub fn fits(interpreter: &Interpreter, pin: &PinnedFile) -> bool {
    DistributionName::parse(&pin.filename).is_ok_and(|name| match &name.format {
        Format::Wheel { tags, .. } => interpreter.tags().rank(tags).is_some(),
        Format::Egg { .. } | Format::Sdist | Format::Pipper => true,
    })
}

fn key<'p>(interpreter: &str, pins: impl Iterator<Item = &'p PinnedFile>) -> String {
    let pins: Vec<String> = pins.map(|pin| format!("{}=={} {}", pin.name, pin.version, pin.sha256)).collect();
    let key = sha256_hex(format!("{LAYOUT}\n{interpreter}\n{}", pins.join("\n")).as_bytes());
    key[..32].to_owned()
}

/// An environment that is built and not yet in its place.
#[derive(Debug)]
pub struct Staged {
    files: EnvironmentFiles,
}

impl Staged {
    /// What goes on `sys.path`.
    pub fn site(&self) -> PathBuf {
        self.files.site()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already when it was committed.
        let _ = fs::remove_tree(self.files.root());
    }
}

/// The contents of `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Key of the environment.
    pub key: String,
    /// The interpreter it is for.
    pub interpreter: String,
    /// The pinned set.
    pub pins: Vec<PinnedFile>,
}

impl Environment {
    /// The environment of a pinned set.
    pub fn planned(interpreter: &Interpreter, files: Vec<Fetched>) -> Self {
        let identity = interpreter.identity();
        let key = key(&identity, files.iter().map(|file| &file.pin));
        Self { key, interpreter: identity, files }
    }

    /// The environment of a generation's pinned set for another interpreter, all from the store.
    ///
    /// # Errors
    /// When a file is not in the store, or does not fit the interpreter.
    pub fn from_store(app: &App, interpreter: &Interpreter, generation: &Generation) -> Result<Self, Error> {
        let files = generation.pins.iter().map(|pin| {
            let gone = || Error::NotInStore { filename: pin.filename.clone() };
            if !fits(interpreter, pin) {
                let python = interpreter.facts.version.to_string();
                return Err(Error::Misfit { filename: pin.filename.clone(), python, then: None });
            }
            let description = Description::read(&app.store, &pin.sha256).ok_or_else(gone)?;
            Ok(Fetched { pin: pin.clone(), description })
        });
        let files = files.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self::planned(interpreter, files))
    }

    /// The pinned set.
    pub fn pins(&self) -> Vec<PinnedFile> {
        self.files.iter().map(|file| file.pin.clone()).collect()
    }

    /// Its place in the cache.
    pub fn files(&self, app: &App) -> EnvironmentFiles {
        app.store.environment(&self.key)
    }

    /// How the app is started in it.
    ///
    /// # Errors
    /// When it has no console script of the configured name.
    pub fn recipe(&self, app: &App) -> Result<Recipe, Error> {
        let pth = self.files.iter().any(|file| file.description.pth);
        let target = match (&app.config.app.entry, Target::of(&app.config.app.entry)) {
            (_, Some(target)) => target,
            (Entry::ConsoleScript(name), None) => self.console_script(name)?,
            (entry, None) => {
                return Err(Error::NoConsoleScript { name: entry.to_string(), available: Vec::new() });
            }
        };
        Ok(Recipe::new(target, &app.config.python, pth))
    }

    fn console_script(&self, name: &str) -> Result<Target, Error> {
        let scripts = || self.files.iter().flat_map(|file| &file.description.scripts);
        match scripts().find(|script| script.name == name) {
            Some(script) => {
                Ok(Target::Function { module: script.module.clone(), attribute: script.attribute.clone() })
            }
            None => Err(Error::NoConsoleScript {
                name: name.to_owned(),
                available: scripts()
                    .map(|script| script.name.clone())
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
            }),
        }
    }

    /// Builds it beside its place. One that is whole already is built again all the same: it may be damaged.
    ///
    /// # Errors
    /// When a file cannot be linked.
    pub fn build(&self, app: &App) -> Result<Staged, Error> {
        let place = self.files(app);
        let staged = Staged { files: EnvironmentFiles::at(fs::sibling(place.root(), "tmp")) };
        let site = staged.files.site();
        fs::create_dir_all(&site)?;
        for file in &self.files {
            merge(&app.store.distribution(&file.pin.sha256).tree(), &site)?;
        }
        let manifest =
            Manifest { key: self.key.clone(), interpreter: self.interpreter.clone(), pins: self.pins() };
        let text = serde_json::to_vec(&manifest).unwrap_or_default();
        fs::write_atomic(&staged.files.manifest(), &text)?;
        Ok(staged)
    }

    /// Puts it in its place: from now on it is whole. One that is whole already stays, unless it is known to be
    /// damaged and to be replaced.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn commit(&self, app: &App, staged: &Staged, replace: bool) -> Result<(), Error> {
        let place = self.files(app);
        if place.is_complete() && !replace {
            return Ok(());
        }
        // Waiting for the disk can take seconds, and somebody waits: until `settle` it counts for this boot only.
        let boot = crate::store::this_boot();
        if boot.is_none() {
            fs::sync_file_system(staged.files.root());
        }
        fs::write_atomic(&staged.files.completion(), &boot.unwrap_or_default())?;
        if fs::rename(staged.files.root(), place.root()).is_err() {
            // Another app's updater was quicker, or a crash left something there. It goes aside first: what runs from
            // it, or is being looked at, keeps its files.
            if place.is_complete() && !replace {
                return Ok(());
            }
            let aside = fs::sibling(place.root(), "old");
            let _ = fs::rename(place.root(), &aside);
            let renamed = fs::rename(staged.files.root(), place.root());
            clean::remove_environment(&aside);
            if renamed.is_err() && place.is_complete() && !replace {
                return Ok(());
            }
            renamed?;
        }
        fs::sync_parent(place.root());
        Ok(())
    }
}

/// Brings an environment to the disk for good, while nobody waits; `true` when it was not there before.
pub fn settle(app: &App, generation: &Generation) -> bool {
    let files = app.store.environment(&generation.environment);
    if files.boot().is_none() {
        return false;
    }
    fs::sync_file_system(files.root());
    for pin in &generation.pins {
        Description::settle(&app.store, &pin.sha256);
    }
    fs::truncate(&files.completion()).is_ok()
}

/// How many files of a generation's distributions are not in its environment.
pub fn missing(store: &Store, generation: &Generation) -> usize {
    let site = store.environment(&generation.environment).site();
    let trees = generation.pins.iter().map(|pin| (store.distribution(&pin.sha256).tree(), site.clone()));
    let mut waiting: Vec<(PathBuf, PathBuf)> = trees.collect();
    let mut missing = 0;
    while let Some((tree, site)) = waiting.pop() {
        for path in fs::list(&tree).unwrap_or_default() {
            // Bytecode is given to the store by any environment, and needed by none.
            let Some(name) = path.file_name().filter(|name| *name != "__pycache__") else { continue };
            let place = site.join(name);
            if fs::is_dir(&path) {
                waiting.push((path, place));
            } else if !fs::exists(&place) {
                missing += 1;
            }
        }
    }
    missing
}

/// Links all files below `tree` into `site`. Of two distributions that bring the same file the first one's stays.
fn merge(tree: &Path, site: &Path) -> Result<(), Error> {
    let mut waiting = vec![(tree.to_owned(), site.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        for path in fs::list(&from)? {
            let Some(name) = path.file_name() else { continue };
            let target = to.join(name);
            if fs::symlink_metadata(&path)?.is_dir() {
                match fs::create_dir(&target) {
                    Err(error) if !fs::is_dir(&target) => return Err(error),
                    _ => waiting.push((path, target)),
                }
            } else if !fs::exists(&target) {
                fs::link_or_copy(&path, &target)?;
            }
        }
    }
    Ok(())
}

/// Compiles the bytecode of a generation that is in use, and gives it to the store so that the next environment with
/// the same distributions has it from the beginning. Nobody waits for it, and nothing depends on it.
pub fn compile(app: &App, generation: &Generation, interpreter: &Path) {
    let tag = sha256_hex(interpreter.as_os_str().as_encoded_bytes());
    let marker = |pin: &PinnedFile| {
        app.store.distribution(&pin.sha256).root().join(format!("compiled-{}", &tag[..16]))
    };
    let missing: Vec<&PinnedFile> = generation.pins.iter().filter(|pin| !fs::exists(&marker(pin))).collect();
    if missing.is_empty() {
        return;
    }
    let site = app.store.environment(&generation.environment).site();
    let mut command = Command::new(interpreter);
    command.args(["-S", "-E", "-c", COMPILE_CODE]).arg(&site);
    let compiled =
        child::run(&mut command, Deadline::after(COMPILE), 64 * 1024).is_ok_and(|ended| ended.success());
    for pin in missing {
        let given = give_bytecode(&site, &app.store, &pin.sha256);
        if compiled && given.is_ok() {
            let _ = fs::replace(&marker(pin), b"");
        }
    }
}

/// Compiles what has no bytecode, gently; a file that cannot be compiled is the app's own affair.
const COMPILE_CODE: &str = "import sys,os,compileall\n\
try:os.nice(10);os.sched_setscheduler(0,os.SCHED_IDLE,os.sched_param(0))\n\
except(OSError,AttributeError):pass\n\
compileall.compile_dir(sys.argv[1],maxlevels=50,quiet=2,workers=1)\n";

fn give_bytecode(site: &Path, store: &Store, sha256: &str) -> Result<(), Error> {
    let tree = store.distribution(sha256).tree();
    let mut waiting = vec![(tree, site.to_owned())];
    while let Some((tree, site)) = waiting.pop() {
        let entries = fs::list(&tree)?;
        let mut stems = BTreeSet::new();
        for path in &entries {
            let Some(name) = path.file_name() else { continue };
            if name == "__pycache__" {
                continue;
            }
            if fs::symlink_metadata(path)?.is_dir() {
                waiting.push((path.clone(), site.join(name)));
            } else if path.extension().is_some_and(|extension| extension == "py") {
                stems.extend(path.file_stem().map(ToOwned::to_owned));
            }
        }
        let compiled = fs::list(&site.join("__pycache__")).unwrap_or_default();
        for bytecode in compiled {
            let Some(name) = bytecode.file_name() else { continue };
            // module.cpython-311.pyc
            let stem = bytecode.file_stem().map(Path::new).and_then(Path::file_stem);
            let of_ours = stem.is_some_and(|stem| stems.contains(stem));
            // Where two distributions bring the same file, the bytecode belongs to the one whose file was taken.
            let source = stem.map(|stem| Path::new(stem).with_extension("py")).unwrap_or_default();
            let of_ours = of_ours && fs::same_file(&tree.join(&source), &site.join(&source));
            let is_bytecode = bytecode.extension().is_some_and(|ending| ending == "pyc");
            let target = tree.join("__pycache__").join(name);
            if of_ours && is_bytecode && !fs::exists(&target) {
                fs::create_dir_all(&tree.join("__pycache__"))?;
                fs::link_or_copy(&bytecode, &target)?;
            }
        }
    }
    Ok(())
}
