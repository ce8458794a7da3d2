//! `launcher.toml`: its text read into a [`Config`] with every default filled in. No I/O.

mod field;
mod problem;
mod read;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

pub use problem::{ConfigError, KEYS, Problem};
pub(crate) use read::is_dotted_name;

/// The name of the file that lies beside the launcher.
pub const FILE_NAME: &str = "launcher.toml";

/// All that a packager can say, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[app]`
    pub app: App,
    /// `[python]`
    pub python: Python,
    /// `[[source]]`, in order; never empty: without one it is the public index.
    pub sources: Vec<SourceConfig>,
    /// `[update]`
    pub update: Update,
    /// `[verify]`
    pub verify: Verify,
    /// `[hooks]`
    pub hooks: Hooks,
    /// `[network]`
    pub network: Network,
}

/// `[app]`: what is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The app's name, as shown to its user.
    pub name: String,
    /// What has to be installed, as PEP 508 requirements; checked later, with the line they stand in.
    pub requirements: Vec<Located<String>>,
    /// How the app is entered.
    pub entry: Entry,
    /// The word that calls the launcher's own commands; `None` when switched off.
    pub self_word: Option<String>,
    /// Where the cache lies, relative to `launcher.toml`.
    pub cache: Option<PathBuf>,
}

/// A value and the line of `launcher.toml` that it stands in, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The line.
    pub line: usize,
}

/// The four ways into an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// `entry = "pkg.mod:func"`: import and call.
    Function {
        /// The module to import.
        module: String,
        /// The attribute to call, perhaps dotted.
        attribute: String,
    },
    /// `module = "pkg"`: what `python -m pkg` runs.
    Module(String),
    /// `script = "app.py"`, relative to `launcher.toml`.
    Script(PathBuf),
    /// `console-script = "name"`: as an installed distribution's entry points say.
    ConsoleScript(String),
}

/// `[python]`: what it is run by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// Versions that will do.
    pub requires: Option<Located<String>>,
    /// A certain interpreter, relative to `launcher.toml`, or a command name to look up on PATH.
    pub path: Option<PathBuf>,
    /// Further options for the interpreter.
    pub flags: Vec<String>,
    /// Whether the user's PYTHONPATH stays, behind the app's own packages.
    pub inherit: bool,
    /// Whether the interpreter's own site-packages are kept out.
    pub isolated: bool,
    /// Whether bytecode is compiled ahead, in the background.
    pub compile: bool,
    /// An interpreter to fetch when none is found.
    pub download: Option<Download>,
}

/// `[python] download = { url = "…", sha256 = "…" }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// A `.tar.gz` with a Python in it.
    pub url: String,
    /// What it must hash to.
    pub sha256: String,
    /// The line of `launcher.toml` that says so.
    pub line: usize,
}

/// The kinds of source (`type = "…"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    /// A package index (PEP 503, PEP 691, or PyPI's JSON API).
    Index,
    /// An S3 folder.
    S3,
    /// A directory.
    Directory,
    /// A page of links.
    Links,
    /// A published `pylock.toml`.
    Release,
}

impl SourceType {
    const ALL: [(&'static str, Self); 5] = [
        ("index", Self::Index),
        ("s3", Self::S3),
        ("directory", Self::Directory),
        ("links", Self::Links),
        ("release", Self::Release),
    ];

    /// The kind that an address tells where nothing else does: what ends in `pylock.toml` or `pylock.NAME.toml` (PEP
    /// 751) is a release, `http(s)://` an index, `s3://` a folder in S3, `file://` or a path a directory.
    pub fn of_address(text: &str) -> Self {
        let is_web = matches!(scheme(text), Some("http" | "https"));
        let path = if is_web { text.split(['?', '#']).next().unwrap_or_default() } else { text };
        let last = path.trim().rsplit('/').next().unwrap_or_default();
        let name = last.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
        let is_one = |name: &str| !name.is_empty() && !name.contains('.');
        if name.is_some_and(|name| name.is_empty() || name.strip_suffix('.').is_some_and(is_one)) {
            return Self::Release;
        }
        match scheme(text) {
            None | Some("file") => Self::Directory,
            Some("s3") => Self::S3,
            Some(_) => Self::Index,
        }
    }

    /// As `type` names it.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// The text before `://`, where that is a scheme and not a part of a file's name.
pub(crate) fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim().split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    (is_scheme && rest.starts_with("//")).then_some(scheme)
}

/// One `[[source]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceConfig {
    /// The line where it begins.
    pub line: usize,
    /// The address as written; `None` is the public index.
    pub url: Option<String>,
    /// The kind, where it is said.
    pub kind: Option<SourceType>,
    /// Only these projects come from here; `None`: any project may.
    pub projects: Option<Vec<Located<String>>>,
    /// Whether the best version among all such sources wins, instead of the first source that has the project.
    pub any: bool,
    /// Whether links to version control count too: `git+https://…`, `svn+https://…`, `…/trunk#egg=name-dev`.
    pub vcs: bool,
    /// Whether sdists that need a build backend are built, by the interpreter's own pip.
    pub build: bool,
    /// Who asks, at an index or a page of links.
    pub login: Login,
    /// Who asks, and where, at an S3 folder.
    pub aws: AwsConfig,
}

/// What a `[[source]]` says of the credentials for HTTP. The secrets themselves stay in the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The user's name (RFC 7617).
    pub username: Option<String>,
    /// The environment variable with the password.
    pub password_env: Option<Located<String>>,
    /// The environment variable with a bearer token (RFC 6750).
    pub token_env: Option<Located<String>>,
}

/// What a `[[source]]` says of an S3 folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsConfig {
    /// The base address of an S3-compatible service.
    pub endpoint: Option<String>,
    /// The region; without it the environment, the profile or the service says it.
    pub region: Option<String>,
    /// The profile of the shared configuration files that has the credentials.
    pub profile: Option<String>,
    /// Whether requests stay unsigned (`credentials = "none"`).
    pub anonymous: bool,
}

/// When a start looks for updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A start waits for a due check, up to the deadline.
    Launch,
    /// A due check runs beside the app and serves the next start.
    Background,
    /// Only `self update` checks.
    Manual,
}

/// `[update]`: when and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// How long a successful check stays fresh.
    pub interval: Duration,
    /// What a start may wait for an update, all in all.
    pub timeout: Duration,
    /// When a start looks.
    pub mode: Mode,
    /// What the very first start may wait.
    pub first_run_timeout: Duration,
    /// Files younger than this are ignored.
    pub cooldown: Duration,
    /// Whether pre-releases are as good as releases.
    pub prereleases: bool,
    /// How many previous generations are kept.
    pub keep: usize,
    /// The bytes that the cache may have before kept generations have to go.
    pub cache_limit: Option<u64>,
    /// Whether an update is told on a terminal.
    pub notify: bool,
}

/// `[verify]`: what a new environment has to pass before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// Arguments for the interpreter instead of importing the entry point.
    pub command: Option<Vec<String>>,
    /// How long that may take.
    pub timeout: Duration,
    /// At how many first starts in a row a new generation may crash before the one before it is started again; 0: it
    /// is not looked at.
    pub probation: u32,
}

/// `[hooks]`: commands that are run around an update; the first word is a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hooks {
    /// Before an update is installed.
    pub starting: Option<Vec<String>>,
    /// After it is activated.
    pub succeeded: Option<Vec<String>>,
    /// When it failed.
    pub failed: Option<Vec<String>>,
}

/// `[network]`: what the network needs that the environment does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// A PEM file of further roots to trust, relative to `launcher.toml`.
    pub ca: Option<PathBuf>,
    /// A PEM file with the certificate that servers ask of us, and its key unless that has a file of its own.
    pub client_cert: Option<PathBuf>,
    /// A PEM file with the certificate's key.
    pub client_key: Option<PathBuf>,
}

impl Config {
    /// Reads the text of a `launcher.toml` that lies in `directory`.
    ///
    /// # Errors
    /// The first thing in it that cannot be meant, with its line.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, ConfigError> {
        read::config(text, directory)
    }

    /// Reads the sections of a `launcher.toml` that stand in a table of another document, whose whole text is `text`.
    ///
    /// # Errors
    /// As for [`Config::parse`], with the line in that text.
    pub(crate) fn of_table(text: &str, table: &DeTable<'_>, directory: &Path) -> Result<Self, ConfigError> {
        read::sections(text, table, directory)
    }

    /// What decides which packages are installed: when two configurations agree in this, no new check is due.
    pub fn resolution_inputs(&self) -> String {
        let requirements: Vec<&str> = self.app.requirements.iter().map(|r| r.value.as_str()).collect();
        let sources: Vec<_> = self
            .sources
            .iter()
            .map(|s| {
                (
                    (&s.url, s.kind, s.any, s.vcs, s.build, &s.aws.endpoint),
                    s.projects.as_ref().map(|all| all.iter().map(|p| &p.value).collect::<Vec<_>>()),
                )
            })
            .collect();
        format!(
            "{requirements:?} {sources:?} {:?} {:?} {:?}",
            self.python.requires.as_ref().map(|r| &r.value),
            self.update.cooldown,
            self.update.prereleases,
        )
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { module, attribute } => write!(f, "{module}:{attribute}"),
            Self::Module(module) => write!(f, "module {module}"),
            Self::Script(path) => write!(f, "script {}", path.display()),
            Self::ConsoleScript(name) => write!(f, "console script {name}"),
        }
    }
}

#[cfg(test)]
mod tests;
