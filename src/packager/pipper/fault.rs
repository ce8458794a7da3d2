//! What goes wrong with packages in pipper's layout.

use std::fmt;
use std::path::PathBuf;

use crate::source::s3::S3Error;
use crate::time::Timestamp;

/// Why a package cannot be found, had, made or handed on. Nothing secret is ever part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The bucket.
    S3(S3Error),
    /// A file with settings cannot be meant.
    Settings {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, with the line where that is known.
        reason: String,
    },
    /// There is no place for settings.
    NoHome,
    /// There is no such repository.
    NoRepository {
        /// Its name.
        name: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// There is such a repository already.
    RepositoryThere(String),
    /// Nothing says which bucket.
    NoBucket,
    /// The repository does not have it.
    NoPackage {
        /// What was asked for.
        wanted: String,
        /// Where: `s3://bucket/prefix/`.
        at: String,
        /// The versions that there are, oldest first.
        there: Vec<String>,
    },
    /// Nobody's credentials sign.
    NobodySigns,
    /// An authorized address does not serve any more, or never did.
    Refused {
        /// The address, without anything secret.
        url: String,
        /// When its time was over.
        ended: Option<Timestamp>,
    },
    /// An address leads to nothing.
    Nothing {
        /// The address, without anything secret.
        url: String,
    },
    /// That version is published already.
    Published {
        /// Where.
        at: String,
    },
    /// A wheel whose version pipper cannot have.
    Version {
        /// The wheel.
        wheel: String,
        /// Its version.
        version: String,
    },
    /// A file that no archive of that kind can hold.
    TooLarge(PathBuf),
    /// The interpreter does not tell what it has.
    Silent {
        /// The interpreter.
        python: PathBuf,
        /// What it said.
        words: String,
    },
    /// pip failed.
    Pip {
        /// All that it said.
        output: String,
    },
}

impl Fault {
    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::S3(error) => return Some(bucket_hint(error)),
            Self::Settings { .. } => "mend it, or take it away".to_owned(),
            Self::NoHome => "set HOME or XDG_CONFIG_HOME".to_owned(),
            Self::NoRepository { there, .. } if there.is_empty() => {
                "everfresh repository add makes one".to_owned()
            }
            Self::RepositoryThere(_) => "everfresh repository modify changes it".to_owned(),
            Self::NoBucket => "give --bucket or --repository, or add a default repository".to_owned(),
            Self::NoPackage { there, .. } if there.is_empty() => {
                "check the name, --bucket and --prefix".to_owned()
            }
            Self::NoRepository { there, .. } | Self::NoPackage { there, .. } => {
                format!("there are {}", there.join(", "))
            }
            Self::NobodySigns => "give --profile, --repository or --credentials".to_owned(),
            Self::Refused { ended: Some(_), .. } => {
                "ask whoever sent it for a new one: everfresh authorize".to_owned()
            }
            Self::Refused { ended: None, .. } => {
                "it has to be whole, with all behind the '?'; else ask for a new one".to_owned()
            }
            Self::Nothing { .. } => "check the address, or ask whoever sent it".to_owned(),
            Self::Published { .. } => "raise the version, or give --force".to_owned(),
            Self::Version { .. } => "pipper's versions are three numbers, as 1.2.3 or 1.2.3rc1".to_owned(),
            Self::TooLarge(_) => "publish it without --pipper".to_owned(),
            Self::Silent { .. } => "name another Python with --python".to_owned(),
            Self::Pip { .. } => "what pip said stands above".to_owned(),
        })
    }
}

/// The launcher's own hints speak of `launcher.toml`, where the tool has options.
fn bucket_hint(error: &S3Error) -> String {
    let hint = error.hint();
    let own = if hint.contains("launcher.toml") {
        "check --bucket, --prefix, --endpoint and --region"
    } else {
        hint
    };
    own.to_owned()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(error) => error.fmt(f),
            Self::Settings { file, reason } => write!(f, "{}: {reason}", file.display()),
            Self::NoHome => f.write_str("there is no home directory"),
            Self::NoRepository { name, .. } => {
                write!(f, "there is no repository '{}'", name.escape_debug())
            }
            Self::RepositoryThere(name) => {
                write!(f, "there is a repository '{}' already", name.escape_debug())
            }
            Self::NoBucket => f.write_str("nothing says which bucket"),
            Self::NoPackage { wanted, at, .. } => write!(f, "{at} has no {}", wanted.escape_debug()),
            Self::NobodySigns => f.write_str("there are no credentials to authorize with"),
            Self::Refused { url, ended: Some(at) } => {
                write!(f, "the authorization of {url} ended at {at}")
            }
            Self::Refused { url, ended: None } => write!(f, "the authorization of {url} is refused"),
            Self::Nothing { url } => write!(f, "there is nothing at {url}"),
            Self::Published { at } => write!(f, "{at} is published already"),
            Self::Version { wheel, version } => {
                write!(f, "{wheel}: {version} has no counterpart in semantic versioning")
            }
            Self::TooLarge(path) => write!(f, "{} is too large for a .pipper", path.display()),
            Self::Silent { python, words } => {
                write!(f, "{} does not tell what is installed: {words}", python.display())
            }
            Self::Pip { output } => write!(f, "{output}\n\npip failed"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<S3Error> for Fault {
    fn from(error: S3Error) -> Self {
        Self::S3(error)
    }
}
