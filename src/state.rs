//! What is known of an app between two starts: its generations, when its sources were asked, what went wrong.
//!
//! Damage means "know nothing": the state is made anew, never an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fs;
use crate::launch::Recipe;
use crate::package::version::parse_version;
use crate::record::FileStamp;
use crate::time::Timestamp;
use crate::trust::hashes::sha256_hex;

const FORMAT: u32 = 1;

/// The contents of `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// Number of the generation that is started.
    pub active: Option<u64>,
    /// All generations that are kept, oldest first.
    pub generations: Vec<Generation>,
    /// The last check that succeeded.
    pub check: Option<Check>,
    /// The failure since then, where there is one.
    pub failure: Option<Failure>,
    /// What must not be activated ([`identity`]), and why.
    pub quarantine: BTreeMap<String, String>,
    /// The interpreter that was found.
    pub interpreter: Option<RememberedInterpreter>,
    /// The last generation whose predecessor was told to the user.
    pub announced: u64,
    /// Files that turned out bad, by [`File::identity`](crate::source::file::File::identity): so that a check does not
    /// fetch them once more before their time.
    #[serde(default)]
    pub bad_files: BTreeMap<String, Failure>,
    /// The active generation, until it has started well.
    #[serde(default)]
    pub probation: Option<Probation>,
    /// The version of the app that the user wants to stay at.
    #[serde(default)]
    pub pinned: Option<String>,
    /// Set by a rollback: digest of the pinned set that was left, not to be taken again while the sources offer it.
    pub held_back: Option<String>,
}

/// An environment that was activated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number, from 1, never used again.
    pub number: u64,
    /// Key of its environment.
    pub environment: String,
    /// Its pinned set.
    pub pins: Vec<PinnedFile>,
    /// How it is started.
    pub recipe: Recipe,
    /// When it was activated.
    pub activated: u64,
    /// The project that gives the app its version, where one does.
    pub main: Option<String>,
    /// Whether the user went back from it: it is never gone back to but by the user.
    #[serde(default)]
    pub left: bool,
}

/// A generation whose first starts are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probation {
    /// Its number.
    pub generation: u64,
    /// How often it crashed, every time so far.
    pub crashes: u32,
}

/// One file of a pinned set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedFile {
    /// Normalized project name.
    pub name: String,
    /// Version.
    pub version: String,
    /// File name.
    pub filename: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Where it came from, without secrets.
    pub source: String,
}

/// A check that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Digest of the configuration's resolution inputs that it was made with.
    pub inputs: String,
    /// Why what it found is not what runs, where that is so.
    #[serde(default)]
    pub kept_out: Option<String>,
}

/// What went wrong since the last check that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it last did, in seconds since 1970.
    pub at: u64,
    /// How often in a row.
    pub count: u32,
    /// The moment from which on it is tried again.
    pub retry_at: u64,
    /// What it was; empty while a try is under way.
    pub message: String,
}

/// An interpreter, probed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberedInterpreter {
    /// What was looked for: part of the configuration and PATH.
    pub wanted: String,
    /// Its executable.
    #[serde(with = "crate::fs::path_bytes")]
    pub path: PathBuf,
    /// The executable as it was.
    pub stamp: FileStamp,
    /// What the probe printed.
    pub facts: serde_json::Value,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            active: None,
            generations: Vec::new(),
            check: None,
            failure: None,
            quarantine: BTreeMap::new(),
            interpreter: None,
            announced: 0,
            bad_files: BTreeMap::new(),
            probation: None,
            pinned: None,
            held_back: None,
        }
    }
}

impl State {
    /// Reads the state; what is missing, damaged or of another format is an empty one.
    pub fn read(path: &Path) -> Self {
        Self::read_strictly(path).unwrap_or_default()
    }

    /// Reads the state; `None` where there is one that cannot be read.
    pub fn read_strictly(path: &Path) -> Option<Self> {
        Self::parse(&fs::read(path, fs::SMALL_FILE).ok()?)
    }

    /// Reads the file's contents; `None` for what is damaged or of another format.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let state: Self = serde_json::from_slice(bytes).ok()?;
        (state.format == FORMAT).then_some(state)
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let unwritable = |source: serde_json::Error| Error::Io {
            action: "write",
            path: path.to_owned(),
            source: std::io::Error::other(source),
        };
        let mut text = serde_json::to_vec(self).map_err(unwritable)?;
        text.push(b'\n');
        fs::write_atomic(path, &text)
    }

    /// The generation that is started.
    pub fn active(&self) -> Option<&Generation> {
        self.generation(self.active?)
    }

    /// The generation of that number.
    pub fn generation(&self, number: u64) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.number == number)
    }

    /// The newest generation before `number` that is not quarantined and that the user has not left.
    pub fn good_before(&self, number: u64) -> Option<&Generation> {
        let earlier = self.generations.iter().rev().filter(|generation| generation.number < number);
        earlier
            .into_iter()
            .find(|generation| !generation.left && !self.quarantine.contains_key(&generation.identity()))
    }

    /// The number that the next generation gets.
    pub fn next_number(&self) -> u64 {
        self.generations
            .iter()
            .map(|generation| generation.number)
            .max()
            .unwrap_or(0)
            .max(self.announced)
            .saturating_add(1)
    }

    /// From when on a start has to ask the sources again, by interval and back-off; `None`: at once.
    pub fn next_check(&self, interval: Duration, inputs: &str) -> Option<Timestamp> {
        let checked = self.check.as_ref().filter(|check| check.inputs == inputs);
        let fresh_until = checked.map(|check| Timestamp(check.at).plus(interval));
        let retry_at = self.failure.as_ref().map(|failure| Timestamp(failure.retry_at));
        retry_at.or(fresh_until)
    }

    /// Whether a start has to ask the sources again. What was decided in the future counts as stale.
    pub fn is_due(&self, interval: Duration, inputs: &str, now: Timestamp) -> bool {
        self.next_check(interval, inputs).is_none_or(|next| next <= now || self.decided() > now)
    }

    /// The latest moment that this state was written for: a clock that shows less was put back.
    pub fn decided(&self) -> Timestamp {
        let check = self.check.as_ref().map_or(0, |check| check.at);
        let failure = self.failure.as_ref().map_or(0, |failure| failure.at);
        Timestamp(check.max(failure))
    }
}

impl Failure {
    /// The failure after `previous`: waits 1, 2, 4 … minutes, at most the larger of `interval` and an hour, more or
    /// less a fifth of it by `chance` (0 to 1), so that a thousand machines do not come back in the same second.
    #[must_use]
    pub fn after(
        previous: Option<&Self>,
        now: Timestamp,
        interval: Duration,
        chance: f64,
        message: String,
    ) -> Self {
        let count = previous.map_or(0, |failure| failure.count).saturating_add(1);
        let minutes = 1_u64.checked_shl(count - 1).unwrap_or(u64::MAX);
        let ceiling = interval.max(Duration::from_secs(3600));
        let wait = Duration::from_secs(minutes.saturating_mul(60)).min(ceiling);
        let wait = wait.as_secs_f64() * (0.8 + 0.4 * chance.clamp(0.0, 1.0));
        // An interval may be as long as a duration can be.
        let wait = Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX);
        Self { at: now.0, count, retry_at: now.plus(wait).0, message }
    }
}

/// What is activated: an environment and the way it is started. The same packages may do under another entry.
pub fn identity(environment: &str, recipe: &Recipe) -> String {
    let recipe = serde_json::to_string(recipe).unwrap_or_default();
    format!("{environment}-{}", &sha256_hex(recipe.as_bytes())[..8])
}

/// A digest of a pinned set, whatever the interpreter.
pub fn pins_digest(pins: &[PinnedFile]) -> String {
    let all: Vec<&str> = pins.iter().map(|pin| pin.sha256.as_str()).collect();
    sha256_hex(all.join(" ").as_bytes())
}

impl Generation {
    /// What tells it from others.
    pub fn identity(&self) -> String {
        identity(&self.environment, &self.recipe)
    }

    /// The version of the app in it.
    pub fn main_version(&self) -> Option<&str> {
        let main = self.main.as_deref()?;
        self.pins.iter().find(|pin| pin.name == main).map(|pin| pin.version.as_str())
    }

    /// Whether the app in it has that version, whatever local build of it.
    pub fn is_of(&self, version: &Version) -> bool {
        let own = self.main_version().and_then(|text| parse_version(text).ok());
        own.is_some_and(|own| own == *version || own.without_local() == *version)
    }

    /// One line that names it: `myapp 1.2`, or `generation 3` where the app has no version.
    pub fn describe(&self, app: &str) -> String {
        match self.main_version() {
            Some(version) => format!("{app} {version}"),
            None => format!("{app} generation {}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_a_minute_to_the_ceiling_give_or_take_a_fifth() {
        let hour = Duration::from_secs(3600);
        let mut failure = None;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let next = Failure::after(failure.as_ref(), Timestamp(1000), Duration::ZERO, 0.5, String::new());
            waits.push(next.retry_at - 1000);
            failure = Some(next);
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        let many = Failure { count: u32::MAX, at: 0, retry_at: 0, message: String::new() };
        let day = Failure::after(Some(&many), Timestamp(0), 24 * hour, 0.5, String::new());
        assert_eq!(day.retry_at, 86_400);
        let never = Failure::after(Some(&many), Timestamp(7), Duration::MAX, 1.0, String::new());
        assert_eq!(never.retry_at, u64::MAX);
        let jitter =
            [0.0, 1.0].map(|chance| Failure::after(None, Timestamp(0), hour, chance, String::new()).retry_at);
        assert_eq!(jitter, [48, 72]);
    }

    #[test]
    fn a_damaged_state_is_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        assert_eq!(State::read(&path), State::default());
        let state = State { active: Some(3), announced: 2, ..State::default() };
        state.write(&path).unwrap();
        assert_eq!(State::read(&path), state);
        for damage in ["", "{", "[]", "{\"format\":2}", "null"] {
            fs::write_atomic(&path, damage.as_bytes()).unwrap();
            assert_eq!(State::read(&path), State::default(), "{damage}");
        }
    }

    #[test]
    fn a_number_that_no_launcher_wrote_is_no_overflow() {
        let state = State { announced: u64::MAX, ..State::default() };
        assert_eq!(state.next_number(), u64::MAX);
    }

    #[test]
    fn a_failure_decides_before_freshness_and_other_inputs_are_never_fresh() {
        let interval = Duration::from_secs(100);
        let mut state =
            State { check: Some(Check { at: 1000, inputs: "a".into(), kept_out: None }), ..State::default() };
        assert_eq!(state.next_check(interval, "a"), Some(Timestamp(1100)));
        assert_eq!(state.next_check(interval, "b"), None);
        state.failure = Some(Failure { at: 2000, count: 1, retry_at: 2060, message: String::new() });
        assert_eq!(state.next_check(interval, "a"), Some(Timestamp(2060)));
        assert_eq!(state.next_check(interval, "b"), Some(Timestamp(2060)));
    }
}
