//! The two shared files, `~/.aws/credentials` and `~/.aws/config`, as one set of profiles.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::ini::Ini;
use super::{Aws, AwsError};
use crate::fs;

/// The longest file that is read, in bytes.
pub(super) const CAP: u64 = 1 << 20;

/// The profiles that a user has.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The credentials file and the configuration file.
    paths: [PathBuf; 2],
    credentials: Ini,
    config: Ini,
}

impl Aws {
    /// Reads the shared files; one that is not there is empty.
    pub(super) fn files(&self) -> Result<Files, AwsError> {
        let credentials = self.shared_file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
        let config = self.shared_file("AWS_CONFIG_FILE", ".aws/config");
        Ok(Files {
            credentials: read(credentials.as_deref())?,
            config: read(config.as_deref())?,
            paths: [credentials, config].map(Option::unwrap_or_default),
        })
    }

    fn shared_file(&self, variable: &str, usual: &str) -> Option<PathBuf> {
        match self.env.non_empty(variable) {
            Some(path) => Some(self.at_home(path)),
            None => self.home.as_deref().map(|home| home.join(usual)),
        }
    }

    /// A path that may begin with `~/`.
    pub(super) fn at_home(&self, path: &OsStr) -> PathBuf {
        let path = Path::new(path);
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }

    /// The profile that the environment names, or the default one.
    pub(super) fn usual_profile(&self) -> &str {
        ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
            .iter()
            .find_map(|name| self.env.text(name))
            .unwrap_or("default")
    }
}

fn read(path: Option<&Path>) -> Result<Ini, AwsError> {
    let Some(path) = path else { return Ok(Ini::default()) };
    let Some(text) = text(path)? else { return Ok(Ini::default()) };
    Ini::parse(&text).map_err(|flaw| AwsError::Line {
        file: path.to_owned(),
        line: flaw.line,
        reason: flaw.reason,
    })
}

/// The text of a file, where there is one.
pub(super) fn text(path: &Path) -> Result<Option<String>, AwsError> {
    let bytes = fs::read_if_there(path, CAP).map_err(|error| AwsError::File(error.to_string()))?;
    bytes.map(String::from_utf8).transpose().map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.split(|byte| *byte == b'\n').count();
        AwsError::Line { file: path.to_owned(), line, reason: "not UTF-8" }
    })
}

impl Files {
    /// One profile; `None` where no file has it.
    pub(super) fn profile<'f>(&'f self, name: &str) -> Option<Profile<'f>> {
        let profile = Profile { files: self, name: name.to_owned(), section: format!("profile {name}") };
        let in_config =
            self.config.has(&profile.section) || (name == "default" && self.config.has("default"));
        (in_config || self.credentials.has(name)).then_some(profile)
    }

    /// [`Self::profile`], as an error where it is not there.
    pub(super) fn required(&self, name: &str) -> Result<Profile<'_>, AwsError> {
        self.profile(name)
            .ok_or_else(|| AwsError::NoProfile { name: name.to_owned(), files: self.paths.clone() })
    }
}

/// One profile of both files.
#[derive(Debug)]
pub(super) struct Profile<'f> {
    files: &'f Files,
    pub(super) name: String,
    /// Its section in the configuration file.
    section: String,
}

impl<'f> Profile<'f> {
    /// The value of a key; the credentials file counts before the configuration file.
    pub(super) fn get(&self, key: &str) -> Option<&'f str> {
        let Files { credentials, config, .. } = self.files;
        // `[profile default]` counts before `[default]`.
        let default = || if self.name == "default" { config.get("default", key) } else { None };
        credentials.get(&self.name, key).or_else(|| config.get(&self.section, key)).or_else(default)
    }

    /// The base address of a service (`s3`, `sts`): its own, or the one for all.
    pub(super) fn endpoint(&self, service: &str) -> Option<&'f str> {
        let own = self.get("services").and_then(|services| {
            self.files.config.get(&format!("services {services}"), &format!("{service}.endpoint_url"))
        });
        own.or_else(|| self.get("endpoint_url"))
    }
}
