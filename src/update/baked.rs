//! What was shipped with the launcher for a first run without any network: `baked/` beside it, or in it.

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::aws::Aws;
use crate::bundle::{BAKED, Bundle};
use crate::config::SourceType;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::package::requirement::{Constraint, Requirement};
use crate::package::version::SpecifierSet;
use crate::source::{self, Address};
use crate::update::catalogue::{Place, Places};

/// The lock that says which file is which, by its digest.
const LOCK: &str = "pylock.toml";

/// Distributions that came with the launcher.
#[derive(Debug)]
pub struct Baked {
    directory: PathBuf,
    /// Whether they were taken out of the executable, for as long as they are needed.
    is_copy: bool,
}

impl Baked {
    /// Those of an app; `None` where it has none. Whoever calls holds the updater's lock.
    ///
    /// # Errors
    /// When the executable that they are in is damaged, or there is no room for them.
    pub fn of(app: &App, host: &Host) -> Result<Option<Self>, Error> {
        if app.config_path != host.exe {
            let directory = host.exe_dir().join(BAKED);
            return Ok(fs::is_dir(&directory).then_some(Self { directory, is_copy: false }));
        }
        let Some(bundle) = Bundle::open(&host.exe)? else { return Ok(None) };
        let baked = Self { directory: app.files.baked(), is_copy: true };
        // A killed updater may have left one.
        fs::remove_tree(&baked.directory)?;
        fs::create_dir_all(&baked.directory)?;
        let any = bundle.unpack_baked(&baked.directory)?;
        Ok(any.then_some(baked))
    }

    /// The one place that is asked.
    ///
    /// # Errors
    /// When the directory's name cannot be meant.
    pub fn places(&self, aws: &Aws) -> Result<Places, Error> {
        let address = if fs::exists(&self.directory.join(LOCK)) {
            source::read(LOCK, SourceType::Release, &self.directory)
                .map_err(|invalid| Error::Unanswered { reason: invalid.to_string() })?
        } else {
            Address::Directory(self.directory.clone())
        };
        Ok(Places(vec![Place::plain(address, aws)]))
    }

    /// Where they lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Baked {
    fn drop(&mut self) {
        if self.is_copy {
            let _ = fs::remove_tree(&self.directory);
        }
    }
}

/// The same requirements without addresses: what is at them lies here.
pub fn without_addresses(requirements: &mut [Requirement]) {
    for requirement in requirements {
        if requirement.url().is_some() {
            requirement.constraint = Constraint::Versions(SpecifierSet::default());
        }
    }
}
