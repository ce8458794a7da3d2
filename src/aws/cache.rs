//! Temporary credentials, remembered in the process, and in files that only this user can read, until they are nearly
//! over.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Aws, AwsError, Credentials, Place};
use crate::fs;
use crate::log;
use crate::time::Timestamp;
use crate::trust::hashes::sha256_hex;

/// Credentials that last no longer than this are asked for again, unless their whole life is short.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The largest file of this cache, in bytes: a session token has a few thousand characters.
const CAP: u64 = 64 << 10;

/// What a profile, or the usual places, turned out to have.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The profile that the source names.
    pub(super) profile: Option<String>,
    pub(super) credentials: Option<Credentials>,
    /// When it was found.
    pub(super) at: Timestamp,
}

impl Credentials {
    /// Whether they can be used for a while yet. `since` is when they were handed out; of a short life, the last
    /// third is too near to its end.
    pub(super) fn last(&self, since: Timestamp, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| end.since(now) > MARGIN.min(end.since(since) / 3))
    }

    /// Whether they are over.
    pub(super) fn are_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// Themselves, unless they are over.
    pub(super) fn unless_over(self, place: Place, now: Timestamp) -> Result<Self, AwsError> {
        match self.expires {
            Some(at) if self.are_over(now) => Err(AwsError::Expired { place, at, now }),
            _ => Ok(self),
        }
    }
}

impl Aws {
    /// Credentials that come from what `origin` says: those that were kept, where they last, else new ones. When
    /// there are no new ones, the kept ones serve until their end.
    pub(super) fn kept_or(
        &self,
        place: Place,
        origin: &[&str],
        ask: &mut dyn FnMut() -> Result<Credentials, AwsError>,
    ) -> Result<Credentials, AwsError> {
        let file = self.cache.as_ref().map(|directory| directory.join(name(origin)));
        let now = self.now();
        let kept = file.as_deref().and_then(read);
        if let Some((credentials, since)) = &kept
            && *since <= now
            && credentials.last(*since, now)
        {
            log::debug(|| format!("AWS credentials from {place}: kept ones"));
            return Ok(credentials.clone());
        }
        let asked = ask().and_then(|new| new.unless_over(place, self.now()));
        match (asked, kept) {
            (Ok(new), _) => {
                if let Some(file) = file.filter(|_| new.expires.is_some()) {
                    write(&file, &new, self.now());
                }
                Ok(new)
            }
            (Err(error), Some((old, since))) if since <= now && !old.are_over(now) => {
                log::debug(|| format!("AWS credentials: kept ones serve, for {error}"));
                Ok(old)
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// A name that tells nothing: among what credentials come from is a key's name.
fn name(origin: &[&str]) -> String {
    format!("{}.json", sha256_hex(origin.join("\0").as_bytes()))
}

/// What a file has. One that others could have read or written, or that is damaged, has nothing.
fn read(file: &Path) -> Option<(Credentials, Timestamp)> {
    let bytes = fs::read_private(file, CAP).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let credentials =
        Credentials::from_json(&bytes).ok().filter(|credentials| credentials.expires.is_some())?;
    Some((credentials, Timestamp(value.get("Since").and_then(Value::as_u64)?)))
}

/// A file that cannot be written is no reason to fail.
fn write(file: &Path, credentials: &Credentials, now: Timestamp) {
    let Credentials { access_key_id, secret_access_key, session_token, expires } = credentials;
    let value = json!({
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret_access_key,
        "SessionToken": session_token,
        "Expiration": expires.map(|at| at.to_string()),
        "Since": now.0,
    });
    if let Some(directory) = file.parent() {
        let _ = fs::create_dir_all(directory);
    }
    let _ = fs::replace(file, value.to_string().as_bytes());
}
