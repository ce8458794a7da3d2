//! Channels: `stable/pylock.toml` and its like, each of which is the newest of the releases that are kept beside it.
//! A release is a lock with a few words of ours at its end, where PEP 751 lets tools keep them.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::super::destination::{Kind, Version};
use super::super::failure::Failure;
use super::shelf::Shelf;
use crate::package::lock::LARGEST;
use crate::source::s3::Written;

/// The channel where nothing else is said.
pub(crate) const DEFAULT: &str = "stable";

/// How often a release is tried again because somebody else released meanwhile.
const PATIENCE: usize = 20;

/// Where our words begin.
const TABLE: &str = "\n[tool.everfresh]\n";

/// The name of a channel: a folder beside `files` and `simple`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel(String);

/// A text that no channel is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidChannel(String);

impl FromStr for Channel {
    type Err = InvalidChannel;

    fn from_str(text: &str) -> Result<Self, InvalidChannel> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if plain && begins && text.len() <= 64 && text != "files" && text != "simple" {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidChannel(text.to_owned()))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_debug();
        write!(
            f,
            "'{text}' is no name of a channel: small letters, digits, '.', '-' and '_', not files or simple"
        )
    }
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    /// The lock, without our words.
    pub(crate) lock: String,
    /// Its number in its channel, from 1.
    pub(crate) number: u64,
    /// The number of the one before it.
    pub(crate) previous: Option<u64>,
    /// The version of the project that it is a release of.
    pub(crate) version: Option<String>,
    /// When it was released.
    pub(crate) released: String,
}

impl Release {
    /// Reads one; a lock without our words is release 0.
    pub(crate) fn read(text: &str) -> Self {
        let lock = text.rsplit_once(TABLE).map_or(text, |(lock, _)| lock).to_owned();
        let document = DeTable::parse(text).ok();
        let table = document.as_ref().and_then(|document| {
            let tool = table(document.get_ref(), "tool")?;
            table(tool, "everfresh")
        });
        let number = |key: &str| match table?.get(key)?.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let word = |key: &str| match table?.get(key)?.get_ref() {
            DeValue::String(word) => Some(word.to_string()),
            _ => None,
        };
        Self {
            lock,
            number: number("release").unwrap_or_default(),
            previous: number("previous"),
            version: word("version"),
            released: word("released").unwrap_or_default(),
        }
    }

    /// As a lock with our words.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}{TABLE}release = {}\n", self.lock, self.number);
        if let Some(previous) = self.previous {
            let _ = writeln!(text, "previous = {previous}");
        }
        if let Some(version) = &self.version {
            let _ = writeln!(text, "version = {}", serde_json::Value::from(version.as_str()));
        }
        text + &format!("released = {}\n", serde_json::Value::from(self.released.as_str()))
    }

    /// For a person.
    pub(crate) fn describe(&self) -> String {
        match &self.version {
            Some(version) => format!("release {} ({version})", self.number),
            None => format!("release {}", self.number),
        }
    }
}

fn table<'t>(parent: &'t DeTable<'_>, key: &str) -> Option<&'t DeTable<'t>> {
    match parent.get(key)?.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// What releasing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Released {
    /// This is what the channel points at now.
    New(Release),
    /// It points at the same already.
    Same(Release),
}

impl Shelf {
    /// What a channel points at.
    pub(crate) fn current(&mut self, channel: &Channel) -> Result<Option<(Release, Version)>, Failure> {
        let read = self.destination.read(&pointer(channel), LARGEST)?;
        Ok(read.map(|(bytes, version)| (Release::read(&String::from_utf8_lossy(&bytes)), version)))
    }

    /// What a channel points at.
    ///
    /// # Errors
    /// When there is no such channel: tells which there are.
    pub(crate) fn existing(&mut self, channel: &Channel) -> Result<(Release, Version), Failure> {
        if let Some(found) = self.current(channel)? {
            Ok(found)
        } else {
            let at = self.destination.shown(&pointer(channel));
            Err(Failure::NoChannel { channel: channel.to_string(), at, there: self.channels()? })
        }
    }

    /// The channels that there are, sorted.
    pub(crate) fn channels(&mut self) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        for folder in self.destination.folders()? {
            let Ok(channel) = folder.parse::<Channel>() else { continue };
            if self.destination.look_up(&pointer(&channel))?.is_some() {
                found.push(folder);
            }
        }
        Ok(found)
    }

    /// Makes a lock the channel's newest release. Two publishers at once make two releases, one after the other.
    pub(crate) fn release(
        &mut self,
        channel: &Channel,
        lock: &str,
        version: Option<&str>,
        now: &str,
    ) -> Result<Released, Failure> {
        for _ in 0..PATIENCE {
            let current = self.current(channel)?;
            if let Some((current, _)) = current.as_ref().filter(|(current, _)| current.lock == lock) {
                return Ok(Released::Same(current.clone()));
            }
            let kept = self.kept(channel)?;
            let before = current.as_ref().map(|(release, _)| release.number).filter(|number| *number > 0);
            let release = Release {
                lock: lock.to_owned(),
                number: kept.last().copied().max(before).unwrap_or_default() + 1,
                previous: before,
                version: version.map(str::to_owned),
                released: now.to_owned(),
            };
            if self.dry {
                return Ok(Released::New(release));
            }
            let text = release.text();
            let own = kept_at(channel, release.number);
            if self.destination.write_if(&own, text.as_bytes(), Kind::Toml, None)? == Written::Conflict {
                continue;
            }
            let seen = current.as_ref().map(|(_, version)| version);
            if self.destination.write_if(&pointer(channel), text.as_bytes(), Kind::Toml, seen)?
                == Written::Done
            {
                return Ok(Released::New(release));
            }
            self.destination.delete(&own)?;
        }
        Err(Failure::Contended { at: self.destination.shown(&pointer(channel)) })
    }

    /// Points a channel at the release before the one that it points at, or at that one.
    pub(crate) fn go_back(
        &mut self,
        channel: &Channel,
        to: Option<u64>,
    ) -> Result<(Release, Release), Failure> {
        for _ in 0..PATIENCE {
            let (current, seen) = self.existing(channel)?;
            let kept = self.kept(channel)?;
            let none =
                || Failure::NoRelease { channel: channel.to_string(), number: to, there: kept.clone() };
            let target = to.or(current.previous).filter(|number| kept.contains(number)).ok_or_else(none)?;
            let read = self.destination.read(&kept_at(channel, target), LARGEST)?;
            let (bytes, _) = read.ok_or_else(none)?;
            let release = Release::read(&String::from_utf8_lossy(&bytes));
            if self.dry
                || self.destination.write_if(&pointer(channel), &bytes, Kind::Toml, Some(&seen))?
                    == Written::Done
            {
                return Ok((current, release));
            }
        }
        Err(Failure::Contended { at: self.destination.shown(&pointer(channel)) })
    }

    /// The numbers of the releases that are kept of a channel, sorted.
    fn kept(&mut self, channel: &Channel) -> Result<Vec<u64>, Failure> {
        let names = self.destination.list(&format!("{channel}/releases/"))?;
        let mut numbers: Vec<u64> =
            names.iter().filter_map(|name| name.strip_suffix(".toml")?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn pointer(channel: &Channel) -> String {
    format!("{channel}/pylock.toml")
}

/// Where a release is kept: as deep as what points at it is not, so its text is never installed from there.
fn kept_at(channel: &Channel, number: u64) -> String {
    format!("{channel}/releases/{number}.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_lock_with_our_words_at_its_end() {
        let lock = "lock-version = \"1.0\"\ncreated-by = \"everfresh\"\n\n[[packages]]\nname = \"a\"\n";
        let release = Release {
            lock: lock.to_owned(),
            number: 7,
            previous: Some(6),
            version: Some("1.1".to_owned()),
            released: "2026-01-02T03:04:05Z".to_owned(),
        };
        assert_eq!(
            release.text(),
            format!(
                "{lock}\n[tool.everfresh]\nrelease = 7\nprevious = 6\nversion = \"1.1\"\n\
                 released = \"2026-01-02T03:04:05Z\"\n"
            )
        );
        assert_eq!(Release::read(&release.text()), release);
        let foreign = Release::read(lock);
        assert_eq!((foreign.number, foreign.previous, foreign.lock.as_str()), (0, None, lock));
    }

    #[test]
    fn a_channel_is_a_folder_of_its_own() {
        for name in ["stable", "beta", "2.x", "nightly-3_1"] {
            assert_eq!(name.parse::<Channel>().unwrap().to_string(), name);
        }
        for name in ["", "files", "simple", "Stable", "a/b", "..", ".hidden", "-x", "ä", &"a".repeat(65)] {
            assert!(name.parse::<Channel>().is_err(), "{name}");
        }
    }
}
