//! Named repositories: `$XDG_CONFIG_HOME/everfresh/repositories.json`, readable by this user alone; where there is none,
//! pipper's own `~/.pipper/repositories.json`, which is never written.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::identity::Keys;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::packager::failure::Failure;

/// Packages of one owner, and how they are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) bucket: Option<String>,
    pub(super) prefix: Option<String>,
    /// A profile of the shared AWS files.
    pub(super) profile: Option<String>,
    pub(super) keys: Option<Keys>,
    /// A service that is not Amazon's.
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
}

/// All that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Repositories {
    pub(super) named: BTreeMap<String, Repository>,
    /// The name of the one that counts where none is named.
    pub(super) default: Option<String>,
}

/// Where they are kept.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    own: PathBuf,
    pippers: Option<PathBuf>,
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.own.display().fmt(f)
    }
}

impl Shelf {
    /// Those of the user.
    ///
    /// # Errors
    /// When there is no home.
    pub(super) fn of(host: &Host) -> Result<Self, Failure> {
        let home = host.home();
        let named = host.env.non_empty("XDG_CONFIG_HOME").map(PathBuf::from);
        let settings = named.filter(|path| path.is_absolute());
        let settings = settings.or_else(|| home.as_ref().map(|home| home.join(".config")));
        Ok(Self {
            own: settings.ok_or(Fault::NoHome)?.join("everfresh/repositories.json"),
            pippers: home.map(|home| home.join(".pipper/repositories.json")),
        })
    }

    /// What is kept there.
    ///
    /// # Errors
    /// When a file cannot be read or meant.
    pub(super) fn load(&self) -> Result<Repositories, Failure> {
        for file in [Some(&self.own), self.pippers.as_ref()].into_iter().flatten() {
            if let Some(bytes) = fs::read_if_there(file, fs::SMALL_FILE)? {
                let read = Repositories::parse(&bytes);
                return Ok(read.map_err(|reason| Fault::Settings { file: file.clone(), reason })?);
            }
        }
        Ok(Repositories::default())
    }

    /// Changes what is kept, nobody else meanwhile. What was pipper's is ours from then on.
    ///
    /// # Errors
    /// Those of `change`, and when the file cannot be read or written.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Repositories) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let _lock = self.lock()?;
        let mut repositories = self.load()?;
        change(&mut repositories)?;
        let text = format!("{:#}\n", repositories.json());
        Ok(fs::write_atomic_mode(&self.own, text.as_bytes(), 0o600)?)
    }

    fn lock(&self) -> Result<File, Error> {
        fs::create_dir_all(self.own.parent().unwrap_or(Path::new("/")))?;
        let file = fs::open_lock(&self.own.with_extension("lock"))?;
        // Where there are no locks it is for the user not to do two things at once.
        let _ = file.lock();
        Ok(file)
    }
}

impl Repositories {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("line {}: not valid JSON", error.line().max(1)))?;
        let shape = || "expected {\"repositories\": {NAME: {…}}, \"default\": NAME}".to_owned();
        let Value::Object(document) = value else { return Err(shape()) };
        let named = match document.get("repositories") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(all)) => {
                let read =
                    |(name, value): (&String, &Value)| Ok((name.clone(), Repository::read(name, value)?));
                all.iter().map(read).collect::<Result<_, String>>()?
            }
            Some(_) => return Err(shape()),
        };
        let default = match document.get("default") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(shape()),
        };
        Ok(Self { named, default })
    }

    fn json(&self) -> Value {
        let named: Map<String, Value> =
            self.named.iter().map(|(name, repository)| (name.clone(), repository.json())).collect();
        json!({"repositories": named, "default": self.default})
    }

    /// The one of that name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn existing(&self, name: &str) -> Result<&Repository, Fault> {
        self.named.get(name).ok_or_else(|| Fault::NoRepository {
            name: name.to_owned(),
            there: self.named.keys().cloned().collect(),
        })
    }

    /// The one that counts where none is named.
    pub(super) fn usual(&self) -> Option<&Repository> {
        self.named.get(self.default.as_ref()?)
    }
}

impl Repository {
    fn read(name: &str, value: &Value) -> Result<Self, String> {
        let shown = name.escape_debug();
        let Value::Object(fields) = value else { return Err(format!("'{shown}' is no object")) };
        let text = |key: &str| match fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("{key} of '{shown}' is no text")),
        };
        let keys = match (text("access_key_id")?, text("secret_access_key")?) {
            (None, None) => None,
            (Some(id), Some(secret)) => Some(Keys::new(id, secret, text("session_token")?)),
            _ => return Err(format!("'{shown}' has one half of a key")),
        };
        Ok(Self {
            bucket: text("bucket")?,
            prefix: text("root_prefix")?,
            profile: text("profile")?,
            keys,
            endpoint: text("endpoint")?,
            region: text("region")?,
        })
    }

    /// As pipper has it, and two keys of our own.
    fn json(&self) -> Value {
        json!({
            "bucket": self.bucket,
            "profile": self.profile,
            "root_prefix": self.prefix,
            "access_key_id": self.keys.as_ref().map(|keys| &keys.id),
            "secret_access_key": self.keys.as_ref().map(|keys| &keys.secret),
            "session_token": self.keys.as_ref().and_then(|keys| keys.token.as_ref()),
            "endpoint": self.endpoint,
            "region": self.region,
        })
    }
}
