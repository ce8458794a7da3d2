//! Where a build happens, and which directory of its sources is built.

use std::path::{Path, PathBuf};

use super::fault::BuildFault;
use super::words;
use crate::app::App;
use crate::fs;
use crate::source::vcs::Checkout;

/// The one directory of an unpacked sdist.
pub(super) fn only_directory(source: &Path) -> Result<PathBuf, BuildFault> {
    let entries = fs::list(source).map_err(|error| BuildFault::unusable(&error))?;
    entries.into_iter().next().ok_or(BuildFault::Project("is not there"))
}

/// The directory of a checkout that is built: never one that a link in it leads to.
pub(super) fn inside(source: &Path, checkout: &Checkout) -> Result<PathBuf, BuildFault> {
    let Some(subdirectory) = checkout.subdirectory() else { return Ok(source.to_owned()) };
    let gone = |_| BuildFault::NoReference(format!("directory {}", words::shorten(subdirectory)));
    let top = fs::canonicalize(&source.join(subdirectory)).map_err(gone)?;
    let root = fs::canonicalize(source).map_err(gone)?;
    if top.starts_with(&root) && fs::is_dir(&top) {
        Ok(top)
    } else {
        Err(BuildFault::NoReference(format!("directory {}", words::shorten(subdirectory))))
    }
}

/// A directory beside the store's that is gone when the build is over; cleaning removes what a killed process left.
pub(super) struct Work(PathBuf);

impl Work {
    pub(super) fn begin(app: &App) -> Result<Self, BuildFault> {
        let work = Self(fs::sibling(app.store.distribution("build").root(), "tmp"));
        fs::create_dir_all(work.path()).map_err(|error| BuildFault::unusable(&error))?;
        Ok(work)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_tree(&self.0);
    }
}
