//! Why there are no credentials, as data, with what can be done about it.

use std::fmt;
use std::path::PathBuf;

use super::refusal;
use crate::net::{NetError, show_url};
use crate::time::Timestamp;

/// Why there are no credentials. Nothing secret is ever part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsError {
    /// One of two values that only make sense together is missing.
    Half {
        /// Where.
        place: Place,
        /// What is there.
        has: &'static str,
        /// What is not.
        lacks: &'static str,
    },
    /// A file cannot be read, in words that name it.
    File(String),
    /// A line of a file cannot be meant.
    Line {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Why not.
        reason: &'static str,
    },
    /// A file has to have something and does not.
    Lacking {
        /// The file.
        file: PathBuf,
        /// What it has to have.
        what: &'static str,
    },
    /// No file has the profile.
    NoProfile {
        /// Its name.
        name: String,
        /// The files.
        files: [PathBuf; 2],
    },
    /// A profile cannot be followed.
    Profile {
        /// Its name.
        name: String,
        /// Why not.
        fault: ProfileFault,
    },
    /// A `credential_process` does not do what it is for.
    Process {
        /// The profile.
        profile: String,
        /// What it does.
        reason: String,
    },
    /// A variable of the environment, or the key of a profile that stands for it, has an impossible value.
    Setting {
        /// Its name.
        name: &'static str,
        /// What is wrong with the value, which is not repeated.
        reason: &'static str,
    },
    /// A place cannot be reached.
    Net {
        /// The place.
        place: Place,
        /// Why not.
        error: NetError,
    },
    /// A place answers with what is of no use.
    Answer {
        /// The place.
        place: Place,
        /// What.
        reason: String,
    },
    /// The Security Token Service refuses.
    Refused {
        /// The role that was asked for.
        role: String,
        /// The error's code.
        code: String,
        /// The error's message; may be empty.
        message: String,
    },
    /// The credentials are over.
    Expired {
        /// Where they are from.
        place: Place,
        /// When they ended.
        at: Timestamp,
        /// What the clock shows.
        now: Timestamp,
    },
    /// The profile that the source names says nothing of credentials.
    Bare {
        /// Its name.
        profile: String,
    },
    /// A place that a profile names has no credentials.
    Empty {
        /// The place.
        place: Place,
        /// The profile.
        profile: String,
    },
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The variables of the environment.
    Environment,
    /// The file named by `AWS_CREDENTIAL_FILE`.
    CredentialFile(PathBuf),
    /// A profile of the shared files.
    Profile(String),
    /// A role of the Security Token Service.
    Role(String),
    /// The container's credentials service.
    Container,
    /// The instance metadata service.
    Metadata,
}

/// Why a profile cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileFault {
    /// Its sources lead back to it.
    Loop,
    /// One source after the other.
    TooLong,
    /// A role, and nobody to assume it.
    NoSource,
    /// A role, and two who could assume it.
    TwoSources,
    /// A `credential_source` that is none.
    UnknownSource,
    /// A value that has to be a number of seconds.
    Duration,
    /// A `region` that cannot be one.
    Region,
    /// An `endpoint_url` that cannot be one.
    Endpoint,
    /// A `credential_process` without a program, or whose quotes do not end.
    Command,
    /// It needs a person with a second factor.
    Mfa,
    /// It needs a person at a browser.
    SignOn,
}

impl AwsError {
    /// What the reader can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Half { .. } => "set both, or neither",
            Self::File(_) => "check who owns it and its permissions",
            Self::Line { .. } => "mend the file: sections in brackets, and name = value",
            Self::Lacking { .. } => "check what is in that file, and the variable that names it",
            Self::NoProfile { .. } => "check profile in launcher.toml, and AWS_PROFILE",
            Self::Profile { fault, .. } => fault.hint(),
            Self::Process { .. } => "run the command by hand: it has to print one JSON object with Version 1",
            Self::Setting { .. } => "check that variable, or take it out of the environment",
            Self::Net { place: Place::Metadata, .. } | Self::Answer { place: Place::Metadata, .. } => {
                "set AWS_EC2_METADATA_DISABLED=true where this is no EC2 instance"
            }
            Self::Net { .. } => "check the network, and the proxy variables where there is a proxy",
            Self::Answer {
                place: Place::Environment | Place::CredentialFile(_) | Place::Profile(_), ..
            } => "copy the key once more, as it was handed out",
            Self::Answer { .. } => "check the address of that service in the environment",
            Self::Refused { code, message, .. } if is_clock(code, message) => "set this machine's clock",
            Self::Refused { code, .. } if refusal::is_about_the_asker(code) => {
                refusal::hint(code).unwrap_or_default()
            }
            Self::Refused { .. } => "check the role, and who is allowed to assume it",
            Self::Expired { .. } => "renew the credentials, or set this machine's clock",
            Self::Bare { .. } => "give that profile a key, a role or a credential_process",
            Self::Empty { place: Place::Profile(_), .. } => "check source_profile in that profile",
            Self::Empty { .. } => "check credential_source in that profile",
        }
    }
}

/// Whether the service finds the request too old or too new, as its codes and messages tell it.
fn is_clock(code: &str, message: &str) -> bool {
    matches!(code, "RequestExpired" | "RequestTimeTooSkewed")
        || message.contains("Signature expired")
        || message.contains("not yet current")
}

impl ProfileFault {
    fn hint(&self) -> &'static str {
        match self {
            Self::Mfa | Self::SignOn => {
                "sign in and use its result: credential_process = aws configure export-credentials --profile NAME"
            }
            Self::UnknownSource => "there are Environment, Ec2InstanceMetadata and EcsContainer",
            Self::Command => "quote words with spaces by double quotes",
            _ => "mend that profile in ~/.aws/config",
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Half { place, has, lacks } => write!(f, "{place}: {has} is set and {lacks} is not"),
            Self::File(reason) => f.write_str(reason),
            Self::Line { file, line, reason } => write!(f, "{}:{line}: {reason}", file.display()),
            Self::Lacking { file, what } => write!(f, "{}: there is no {what}", file.display()),
            Self::NoProfile { name, files: [first, second] } => {
                write!(f, "there is no profile {name} in {} or {}", first.display(), second.display())
            }
            Self::Profile { name, fault } => write!(f, "the profile {name} {fault}"),
            Self::Process { profile, reason } => {
                write!(f, "the credential_process of the profile {profile} {reason}")
            }
            Self::Setting { name, reason } => write!(f, "{name} {reason}"),
            Self::Net { place, error } => write!(f, "no credentials from {place}: {error}"),
            Self::Answer { place, reason } => write!(f, "no credentials from {place}: {reason}"),
            Self::Refused { role, code, message } if message.is_empty() => {
                write!(f, "{role} is refused: {code}")
            }
            Self::Refused { role, code, message } => write!(f, "{role} is refused: {code}: {message}"),
            Self::Expired { place, at, now } => {
                write!(f, "the credentials from {place} expired at {at}, and it is {now}")
            }
            Self::Bare { profile } => write!(f, "there are no credentials in the profile {profile}"),
            Self::Empty { place, profile } => {
                write!(f, "the profile {profile} wants credentials from {place}, and there are none")
            }
        }
    }
}

impl std::error::Error for AwsError {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment"),
            Self::CredentialFile(path) => path.display().fmt(f),
            Self::Profile(name) => write!(f, "the profile {name}"),
            Self::Role(role) => f.write_str(role),
            Self::Container => f.write_str("the container's credentials service"),
            Self::Metadata => f.write_str("the instance metadata service"),
        }
    }
}

impl fmt::Display for ProfileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loop => "has itself as a source",
            Self::TooLong => "has too long a chain of sources",
            Self::NoSource => "has a role_arn, but neither source_profile nor credential_source",
            Self::TwoSources => "has both source_profile and credential_source",
            Self::UnknownSource => "has a credential_source that is not known",
            Self::Duration => "has a duration_seconds that is no number of seconds",
            Self::Region => "has a region that cannot be one",
            Self::Endpoint => "has an endpoint_url that cannot be one",
            Self::Command => "has a credential_process that cannot be read",
            Self::Mfa => "needs a second factor (mfa_serial), for which nobody is asked",
            Self::SignOn => "needs a sign-on at a browser, for which nobody is asked",
        })
    }
}

/// What a failed exchange with a place means.
pub(super) fn unreached(place: Place) -> impl FnOnce(NetError) -> AwsError {
    move |error| AwsError::Net { place, error }
}

/// An answer's status as a reason.
pub(super) fn status(place: Place, url: &url::Url, status: u16) -> AwsError {
    AwsError::Answer { place, reason: format!("{} answers with status {status}", show_url(url)) }
}

/// A foreign text as part of one line: control characters are spaces, and it ends somewhere.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_control() || c.is_whitespace()).collect();
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    words.chars().take(300).collect()
}
