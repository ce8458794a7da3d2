//! An app as it lies on disk: its configuration beside the launcher, its files in a cache that can be used.

use std::path::PathBuf;

use crate::bundle::Bundle;
use crate::config::{self, Config};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::log;
use crate::owner::Acting;
use crate::record::FileStamp;
use crate::state::State;
use crate::store::{self, AppFiles, Store};
use crate::trust::hashes::sha256_hex;

/// An app, opened for anything but the warm path.
#[derive(Debug)]
pub struct App {
    /// Its configuration.
    pub config: Config,
    /// Where that stands: `launcher.toml`, or the executable that it is part of.
    pub config_path: PathBuf,
    /// The file as it was when it was read.
    pub config_stamp: FileStamp,
    /// The cache.
    pub store: Store,
    /// The app's own files in it.
    pub files: AppFiles,
    /// Whether the cache can be written; without that the app is started as it is and never updated.
    pub writable: bool,
    /// Set where root works in somebody else's cache: as its owner, until the app is dropped.
    _acting: Option<Acting>,
}

/// The configuration beside a launcher, or in it, read.
#[derive(Debug)]
pub struct Configured {
    /// What it says.
    pub config: Config,
    /// Where it stands.
    pub path: PathBuf,
    /// The file as it was when it was read.
    pub stamp: FileStamp,
}

impl Configured {
    /// Reads it.
    ///
    /// # Errors
    /// When it is missing or wrong.
    pub fn read(host: &Host) -> Result<Self, Error> {
        let beside = host.exe_dir().join(config::FILE_NAME);
        // Stamped before it is read: an edit in between makes the record stale, never the configuration.
        let (path, stamp, bytes) = match FileStamp::at(&beside) {
            Some(stamp) => (beside.clone(), stamp, fs::read(&beside, fs::SMALL_FILE)?),
            None => match (FileStamp::at(&host.exe), Bundle::open(&host.exe)?) {
                (Some(stamp), Some(bundle)) => (host.exe.clone(), stamp, bundle.config()?),
                _ => return Err(Error::NoConfig { path: beside }),
            },
        };
        let text = String::from_utf8(bytes).map_err(|error| Error::ConfigNotUtf8 {
            file: path.clone(),
            line: error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count(),
        })?;
        let config = Config::parse(&text, host.exe_dir())
            .map_err(|error| Error::Config { file: path.clone(), error })?;
        Ok(Self { config, path, stamp })
    }
}

impl App {
    /// Reads the configuration beside the launcher and settles on a cache.
    ///
    /// # Errors
    /// When the configuration is missing or wrong, or no cache can be used.
    pub fn open(host: &Host) -> Result<Self, Error> {
        let Configured { config, path: config_path, stamp: config_stamp } = Configured::read(host)?;
        let (store, writable, acting) = choose_store(&config, host)?;
        let files = store.app(host);
        log::debug(|| {
            format!("cache {}{}", files.root().display(), if writable { "" } else { " (read-only)" })
        });
        Ok(Self { config, config_path, config_stamp, store, files, writable, _acting: acting })
    }

    /// What decides which packages are installed, as a digest.
    pub fn inputs(&self) -> String {
        sha256_hex(self.config.resolution_inputs().as_bytes())
    }

    /// Where a start looks for its record: in the app's own cache, and where it looks before it has read anything.
    pub fn records(&self, host: &Host) -> Vec<PathBuf> {
        let usual = store::usual(&host.env).app(host).record();
        let own = self.files.record();
        if own == usual { vec![own] } else { vec![own, usual] }
    }
}

/// The cache that is wanted: the configured one, else the usual one.
pub fn wanted_store(config: &Config, host: &Host) -> Store {
    let configured = config.app.cache.as_deref().filter(|_| host.env.non_empty("EVERFRESH_CACHE").is_none());
    configured.map_or_else(|| store::usual(&host.env), Store::under)
}

/// The configured cache or the usual one where it can be written or at least has the app in it, else a temporary one.
fn choose_store(config: &Config, host: &Host) -> Result<(Store, bool, Option<Acting>), Error> {
    let store = wanted_store(config, host);
    let temporary = store::temporary(&host.env);
    let acting = Acting::as_owner_of(store.root(), &host.exe);
    let Err(error) = prepare(&store, host) else { return Ok((store, true, acting)) };
    if State::read(&store.app(host).state()).active().is_some() {
        return Ok((store, false, acting));
    }
    drop(acting);
    if store == temporary || prepare(&temporary, host).is_err() {
        return Err(error);
    }
    if State::read(&temporary.app(host).state()).active().is_none() {
        log::tell(host, &format!("warning: {error}; using {} instead", temporary.root().display()));
    }
    Ok((temporary, true, None))
}

fn prepare(store: &Store, host: &Host) -> Result<(), Error> {
    store.prepare(&store.app(host))?;
    if !store.is_private() {
        return Err(Error::SharedCache { path: store.root().to_owned() });
    }
    Ok(())
}
