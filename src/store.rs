//! The only file that knows the layout of the cache.
//!
//! ```text
//! <cache>/everfresh/
//!   CACHEDIR.TAG        tells backup programs to leave this alone
//!   lock                held by updaters, shared, and by cleaning, alone
//!   apps/<app id>/
//!     record            the launch record (`record.rs`)
//!     state.json        generations, stamps, back-off (`state.rs`)
//!     lock              held by the updater while it works
//!     log               one line of JSON an event
//!     baked/            what came in the launcher's own file, while it is installed from
//!   envs/<key>/
//!     site/             all distributions merged: what goes on sys.path
//!     manifest.json     what it was made from
//!     complete          written last; an app that runs holds a shared lock on it; holds the boot's identity until
//!                       all files are known to be on the disk
//!     unneeded          since when nothing needs it, where the file system has no locks; in store/<sha256>/ too
//!   store/<sha256>/
//!     tree/             one distribution unpacked, hard-linked into environments
//!     unpacked.json     what is known of it; written last
//!   pythons/<sha256>/   an interpreter that was fetched (`[python] download`)
//!   pages/<sha256 of URL>   remembered answers of sources, for conditional requests
//! ```

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fs;
use crate::host::{Env, Host};
use crate::trust::hashes::sha256_hex;

const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file marks a cache directory that can be made anew (https://bford.info/cachedir/).\n";

/// An everfresh cache: the directory `everfresh` in somebody's cache directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
    /// Whether it lies where every user can make directories, so that its owner has to be looked at.
    shared_place: bool,
}

/// Who else is at work in a cache.
#[derive(Debug)]
pub enum Company {
    /// Nobody, for as long as this lock is held.
    Nobody(File),
    /// An updater, or somebody who cleans.
    Somebody,
    /// The file system has no locks to tell.
    Unknown,
}

/// One app's own files in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFiles {
    root: PathBuf,
}

/// The cache that every start can know without reading anything: `$EVERFRESH_CACHE`, else `$XDG_CACHE_HOME`, else
/// `~/.cache`, else the user's own temporary one.
pub fn usual(env: &Env) -> Store {
    let absolute = |name: &str| env.non_empty(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("EVERFRESH_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME"))
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map_or_else(|| temporary(env), |base| Store::under(&base))
}

/// The cache for when no other can be written: `everfresh-<uid>` in the temporary directory.
pub fn temporary(env: &Env) -> Store {
    let base = env.non_empty("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let user = nix::unistd::geteuid();
    let base = base.unwrap_or_else(|| PathBuf::from("/tmp")).join(format!("everfresh-{user}"));
    Store { shared_place: true, ..Store::under(&base) }
}

/// An app's identity in a cache: the launcher's file name and a digest of its whole path, so that two installations
/// of one app never share state (they share environments and files all the same).
pub fn app_id(exe: &Path) -> String {
    let name: String = exe
        .file_name()
        .unwrap_or(OsStr::new("app"))
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(40)
        .collect();
    let digest = sha256_hex(exe.as_os_str().as_bytes());
    format!("{}-{}", name.trim_start_matches('.'), &digest[..16])
}

impl Store {
    /// The cache in the directory `base`.
    pub fn under(base: &Path) -> Self {
        Self { root: base.join("everfresh"), shared_place: false }
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files of the app whose launcher this is.
    pub fn app(&self, host: &Host) -> AppFiles {
        AppFiles { root: self.root.join("apps").join(app_id(&host.exe)) }
    }

    /// Whether nobody else can have put anything here: taken for granted where the user chose the place, looked at
    /// in a temporary directory that all share.
    pub fn is_private(&self) -> bool {
        if !self.shared_place {
            return true;
        }
        let Some(base) = self.root.parent() else { return false };
        match fs::symlink_metadata(base) {
            Ok(metadata) => {
                metadata.is_dir()
                    && metadata.uid() == nix::unistd::geteuid().as_raw()
                    && metadata.mode() & 0o022 == 0
            }
            Err(_) => false,
        }
    }

    /// Makes sure that files can be written here.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn prepare(&self, app: &AppFiles) -> Result<(), Error> {
        for directory in [
            &app.root,
            &self.root.join("envs"),
            &self.root.join("store"),
            &self.root.join("pages"),
            &self.root.join("pythons"),
        ] {
            fs::create_dir_all(directory)?;
        }
        let tag = self.root.join("CACHEDIR.TAG");
        if !fs::exists(&tag) {
            fs::write_atomic(&tag, CACHEDIR_TAG.as_bytes())?;
        }
        // Directories can exist on a disk that has become read-only: only a write tells.
        fs::open_lock(&app.lock()).map(drop)
    }

    /// The environment with that key.
    pub fn environment(&self, key: &str) -> EnvironmentFiles {
        EnvironmentFiles { root: self.root.join("envs").join(key) }
    }

    /// All environments there are, whole or not.
    pub fn environments(&self) -> Vec<PathBuf> {
        self.own("envs")
    }

    /// All unpacked distributions there are, whole or not.
    pub fn distributions(&self) -> Vec<PathBuf> {
        self.own("store")
    }

    /// What is in a directory of this cache; nothing where that is a link: what lies behind it may be anybody's.
    fn own(&self, directory: &str) -> Vec<PathBuf> {
        let directory = self.root.join(directory);
        if fs::is_own_dir(&directory) { fs::list(&directory).unwrap_or_default() } else { Vec::new() }
    }

    /// The unpacked distribution whose archive has that SHA-256.
    pub fn distribution(&self, sha256: &str) -> DistributionFiles {
        DistributionFiles { root: self.root.join("store").join(sha256) }
    }

    /// The interpreter whose archive has that SHA-256.
    pub fn interpreter(&self, sha256: &str) -> PathBuf {
        self.root.join("pythons").join(sha256)
    }

    /// Where the answer of `url` is remembered.
    pub fn page(&self, url: &str) -> PathBuf {
        self.root.join("pages").join(sha256_hex(url.as_bytes()))
    }

    /// The remembered answers.
    pub fn pages(&self) -> Vec<PathBuf> {
        self.own("pages")
    }

    /// What was being written when its writer died, but for environments and distributions: those of apps apart.
    pub fn unfinished(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let unfinished = |mut paths: Vec<PathBuf>| {
            paths.retain(|path| fs::is_unfinished(path));
            paths
        };
        let apps = self.own("apps").into_iter().filter(|app| fs::is_own_dir(app));
        (
            ["pages", "pythons", ""]
                .into_iter()
                .flat_map(|directory| unfinished(self.own(directory)))
                .collect(),
            apps.flat_map(|app| unfinished(fs::list(&app).unwrap_or_default())).collect(),
        )
    }

    /// Held by every updater while it works, shared; the file's lock ends with it. `None` where there are no locks.
    pub fn use_by_updater(&self) -> Option<File> {
        let file = fs::open_lock(&self.root.join("lock")).ok()?;
        file.lock_shared().ok().map(|()| file)
    }

    /// The same lock for who must be alone in the cache.
    ///
    /// # Errors
    /// When its file cannot be opened.
    pub fn use_alone(&self) -> Result<Company, Error> {
        let file = fs::open_lock(&self.root.join("lock"))?;
        Ok(match file.try_lock() {
            Ok(()) => Company::Nobody(file),
            Err(TryLockError::WouldBlock) => Company::Somebody,
            Err(TryLockError::Error(_)) => Company::Unknown,
        })
    }

    /// The state files of all apps that use this cache.
    pub fn all_states(&self) -> Vec<PathBuf> {
        let apps = fs::list(&self.root.join("apps")).unwrap_or_default();
        apps.into_iter().map(|app| app.join("state.json")).filter(|state| fs::exists(state)).collect()
    }
}

impl AppFiles {
    /// The app's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The launch record.
    pub fn record(&self) -> PathBuf {
        self.root.join("record")
    }

    /// The state.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// The updater's lock.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// What a start of a generation on probation leaves, and the app takes away.
    pub fn mark(&self) -> PathBuf {
        self.root.join("trial")
    }

    /// Temporary credentials, which only this user can read; the directory is made when there are some.
    pub fn credentials(&self) -> PathBuf {
        self.root.join("aws")
    }

    /// What came in the launcher's own file, while it is installed from.
    pub fn baked(&self) -> PathBuf {
        self.root.join("baked")
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }
}

/// Written into an environment or a distribution, where there are no locks, when nothing needs it any more.
pub fn unneeded_mark(root: &Path) -> PathBuf {
    root.join("unneeded")
}

/// What tells this run of the machine from the last one (Linux's `random/boot_id`); `None` where it does not say.
pub fn this_boot() -> Option<Vec<u8>> {
    fs::read(Path::new("/proc/sys/kernel/random/boot_id"), 256).ok().filter(|boot| !boot.is_empty())
}

/// Paths in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFiles {
    root: PathBuf,
}

impl EnvironmentFiles {
    /// An environment that is being made elsewhere.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What goes on `sys.path`.
    pub fn site(&self) -> PathBuf {
        self.root.join("site")
    }

    /// What it was made from.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// Written last. Empty: all of it is on the disk. Else the identity of the boot in which it was made, and before
    /// whose end it may not be: after a power cut it proves nothing.
    pub fn completion(&self) -> PathBuf {
        self.root.join("complete")
    }

    /// Whether it is whole.
    pub fn is_complete(&self) -> bool {
        match fs::read(&self.completion(), fs::SMALL_FILE) {
            Ok(boot) => boot.is_empty() || Some(boot) == this_boot(),
            Err(_) => false,
        }
    }

    /// The boot without which it is not known to be whole; `None` when it is on the disk.
    pub fn boot(&self) -> Option<Vec<u8>> {
        fs::read(&self.completion(), fs::SMALL_FILE).ok().filter(|boot| !boot.is_empty())
    }
}

/// Paths of one unpacked distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionFiles {
    root: PathBuf,
}

impl DistributionFiles {
    /// Paths of one that is being made elsewhere.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// What is known of them; written last.
    pub fn description(&self) -> PathBuf {
        self.root.join("unpacked.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        variables.iter().copied().collect()
    }

    #[test]
    fn the_cache_is_where_the_first_variable_that_says_so_puts_it() {
        let all = [("EVERFRESH_CACHE", "/e"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        for (variables, root) in [
            (&all[..], "/e/everfresh"),
            (&all[1..], "/x/everfresh"),
            (&all[2..], "/h/.cache/everfresh"),
            (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")], "/h/.cache/everfresh"),
        ] {
            assert_eq!(usual(&env(variables)).root(), Path::new(root));
        }
        let user = nix::unistd::geteuid();
        assert_eq!(
            usual(&env(&[("TMPDIR", "/t")])).root(),
            Path::new(&format!("/t/everfresh-{user}/everfresh"))
        );
    }

    #[test]
    fn two_installations_of_one_app_have_two_identities() {
        let (one, two) = (app_id(Path::new("/opt/one/my app")), app_id(Path::new("/opt/two/my app")));
        assert_ne!(one, two);
        assert!(one.starts_with("my_app-") && two.starts_with("my_app-"));
    }
}
