//! A folder that can be shipped: the launcher under the app's name, and what it needs beside it.

use std::path::{Component, Path, PathBuf};

use super::fault::BundleFault;
use crate::bundle::{BAKED, Bundle};
use crate::config::{Config, Entry, FILE_NAME};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::packager::failure::Failure;
use crate::packager::launcher_toml::Settings;
use crate::packager::scratch::Scratch;
use crate::python::download::{executable_in, extract};

/// The name of a runtime's directory.
pub(super) const PYTHON: &str = "python";

/// A file that has to lie beside the launcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Companion {
    /// The key that names it.
    pub(super) key: &'static str,
    /// Where it is.
    pub(super) from: PathBuf,
    /// Where it will be, from the launcher's directory on.
    pub(super) to: PathBuf,
}

/// The files that a configuration names below the project's directory. Absolute ones are the machine's own.
///
/// # Errors
/// When one is not there, or leads elsewhere.
pub(super) fn companions(config: &Config, directory: &Path) -> Result<Vec<Companion>, BundleFault> {
    let script = match &config.app.entry {
        Entry::Script(path) => Some(path),
        _ => None,
    };
    let mut companions = Vec::new();
    for (key, path) in [("script", script), ("ca", config.network.ca.as_ref())] {
        let Some(path) = path else { continue };
        let from = path.clone();
        match path.strip_prefix(directory) {
            Ok(to)
                if to.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) =>
            {
                if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
                    return Err(BundleFault::NoFile { key, path: from });
                }
                companions.push(Companion { key, from, to: to.to_owned() });
            }
            Err(_) if key == "ca" => {}
            Ok(_) | Err(_) => return Err(BundleFault::Elsewhere { key, path: from }),
        }
    }
    Ok(companions)
}

/// The launcher to copy: the named one, else the one beside this program.
///
/// # Errors
/// When there is none, or it is an app already.
pub(super) fn launcher(host: &Host, named: Option<&Path>) -> Result<PathBuf, Failure> {
    let path = named.map_or_else(|| host.exe_dir().join("launcher"), Path::to_owned);
    if !fs::is_executable(&path) {
        return Err(BundleFault::NoLauncher(path).into());
    }
    match Bundle::open(&path)? {
        Some(_) => Err(BundleFault::NotPlain(path).into()),
        None => Ok(path),
    }
}

/// Lays out everything but what is baked.
///
/// # Errors
/// When the disk is in the way.
pub(super) fn lay_out(
    folder: &Path,
    launcher: &Path,
    settings: &Settings,
    companions: &[Companion],
) -> Result<(), Error> {
    fs::copy_atomic(launcher, &folder.join(&settings.config.app.name), 0o755)?;
    fs::write_atomic(&folder.join(FILE_NAME), settings.text.as_bytes())?;
    for Companion { from, to, .. } in companions {
        let target = folder.join(to);
        if let Some(parent) = target.parent() {
            fs::create_dir_all_mode(parent, 0o755)?;
        }
        fs::copy_atomic(from, &target, 0o644)?;
    }
    Ok(())
}

/// Lays out a runtime, an archive or a directory, as `python/`; its interpreter.
///
/// # Errors
/// When there is none in it, or it cannot be moved.
pub(super) fn add_runtime(folder: &Path, runtime: &Path, scratch: &Scratch) -> Result<PathBuf, Failure> {
    let unpacked = scratch.path().join("runtime");
    if fs::is_dir(runtime) {
        fs::copy_tree(runtime, &unpacked)?;
    } else {
        fs::create_dir(&unpacked)?;
        let filename = runtime.file_name().unwrap_or_default().to_string_lossy();
        fs::metadata(runtime)?;
        extract(&fs::absolute(runtime)?, &unpacked, &filename)?;
    }
    let nothing = || Failure::from(BundleFault::NoRuntime(runtime.to_owned()));
    let executable = executable_in(&unpacked).ok_or_else(nothing)?;
    let root =
        executable.parent().filter(|bin| bin.ends_with("bin")).and_then(Path::parent).ok_or_else(nothing)?;
    if fs::exists(&root.join("pyvenv.cfg")) {
        return Err(BundleFault::VirtualEnvironment(runtime.to_owned()).into());
    }
    let place = folder.join(PYTHON);
    fs::rename(root, &place)?;
    Ok(place.join("bin/python3"))
}

/// Refuses a name that something else in the folder has.
///
/// # Errors
/// When it is one.
pub(super) fn check_name(name: &str) -> Result<(), BundleFault> {
    match name {
        FILE_NAME | BAKED | PYTHON => Err(BundleFault::Name(name.to_owned())),
        _ => Ok(()),
    }
}

/// Puts a folder that is whole in its place. What is there already has to be a bundle, and is replaced where that is
/// wanted.
///
/// # Errors
/// When it may not be replaced, or the disk is in the way.
pub(super) fn settle(folder: &Path, place: &Path) -> Result<(), Error> {
    let old = fs::sibling(place, "old");
    let had_one = fs::symlink_metadata(place).is_ok();
    if had_one {
        fs::rename(place, &old)?;
    }
    let renamed = fs::rename(folder, place);
    if renamed.is_err() && had_one {
        let _ = fs::rename(&old, place);
    }
    renamed?;
    fs::remove_tree(&old)
}

/// Whether a folder may come to `place`.
///
/// # Errors
/// When there is something that may not be replaced.
pub(super) fn may_be(place: &Path, force: bool) -> Result<(), Failure> {
    if fs::symlink_metadata(place).is_err() {
        return Ok(());
    }
    let entries = if fs::is_own_dir(place) { Some(fs::list(place)?) } else { None };
    match entries {
        Some(entries) if entries.is_empty() => Ok(()),
        Some(entries) if entries.iter().any(|path| path.ends_with(FILE_NAME)) && force => Ok(()),
        _ if force => Err(BundleFault::Foreign(place.to_owned()).into()),
        _ => Err(Failure::Exists(place.to_owned())),
    }
}
