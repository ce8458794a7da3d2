//! What the reader of an error can do about it.

use std::io;

use super::Error;
use crate::aws;
use crate::net::Fault;
use crate::package::archive::refusal::Refusal;

impl Error {
    /// What the reader can do about it: one sentence without a full stop, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Archive { refusal: Refusal::NeedsBuild(_), .. } => {
                "publish a wheel of it, or say build = true of its source in launcher.toml".into()
            }
            Self::Archive { .. } => "the file is damaged or unsafe: ask whoever publishes it".into(),
            Self::Bundle { .. } => "get it anew from whoever ships it".into(),
            Self::Build { fault, .. } => fault.hint().into(),
            Self::Config { error, .. } => return error.problem.hint(),
            Self::ConfigNotUtf8 { .. } => "save the file as UTF-8".into(),
            Self::Hash { .. } | Self::Size { .. } => {
                "the source and the file do not agree: ask whoever publishes it".into()
            }
            Self::Interpreter { .. } => "check that it is a Python that runs here".into(),
            Self::Io { source, .. } => return io_hint(source).map(Into::into),
            Self::Lock { fault, .. } => fault.hint().into(),
            Self::Net(error) => error
                .code
                .as_deref()
                .and_then(aws::refusal::hint)
                .unwrap_or_else(|| net_hint(&error.fault))
                .into(),
            Self::Replaced { .. } => "start it again: somebody is publishing".into(),
            Self::S3(error) => error.hint().into(),
            Self::NoConfig { .. } => {
                "launcher.toml has to lie beside the launcher; see launcher.toml.example".into()
            }
            Self::NoConsoleScript { available, .. } if available.is_empty() => {
                "no installed distribution has a console script; use entry = \"module:function\"".into()
            }
            Self::NoConsoleScript { available, .. } => format!("there are {}", available.join(", ")),
            Self::NoGeneration { available, .. } if available.len() < 2 => {
                "there is no other generation".into()
            }
            Self::NoGeneration { available, .. } => {
                let numbers: Vec<String> = available.iter().map(ToString::to_string).collect();
                format!("there are {}", numbers.join(", "))
            }
            Self::NoInterpreter { configured: Some(_), .. } => "check [python] path in launcher.toml".into(),
            Self::NoInterpreter { requires: Some(requires), .. } => {
                format!("install a Python {requires} or name one with [python] path in launcher.toml")
            }
            Self::NoInterpreter { .. } => {
                "install Python 3 or name one with [python] path in launcher.toml".into()
            }
            Self::NoInterpreterInside { .. } | Self::InterpreterArchive { .. } => {
                "check [python] download in launcher.toml: a .tar.gz with python/bin/python3 in it".into()
            }
            Self::Misfit { then: Some(then), .. } | Self::Baked { then, .. } => return then.hint(),
            Self::Misfit { .. } | Self::NotInStore { .. } | Self::NothingInstalled { .. } => {
                "connect to the network and start it again".into()
            }
            Self::Requirement { .. } => {
                "requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\""
                    .into()
            }
            Self::SharedCache { .. } => "set EVERFRESH_CACHE to a directory of your own".into(),
            Self::Source { .. } => {
                "a source is an index URL, s3://bucket/prefix, a directory, or has a type; each once".into()
            }
            Self::TooSlow { .. } => "it goes on in the background: start it again in a while".into(),
            Self::Unanswered { .. } => "check the source's address in launcher.toml".into(),
            Self::Secret { .. } => "set it where the app is started, or change launcher.toml".into(),
            Self::Unsolved(_) => {
                "loosen the requirements in launcher.toml, or publish what they ask for".into()
            }
            Self::Update { hint, .. } => return hint.clone(),
            Self::Usage { hint, .. } => hint.clone(),
            Self::TooManyBadFiles { .. } => "the source is damaged: ask whoever publishes it".into(),
            Self::VerifyKilled { .. } => "perhaps the memory is too small; start it again".into(),
            Self::NothingToRepair { .. } | Self::VerifyFailed { .. } => "see the log: self log".into(),
        })
    }
}

fn io_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull => Some("free some space on that disk"),
        io::ErrorKind::PermissionDenied => Some("check who owns it and its permissions"),
        io::ErrorKind::ReadOnlyFilesystem => Some("set EVERFRESH_CACHE to a directory that can be written"),
        _ => None,
    }
}

fn net_hint(fault: &Fault) -> &'static str {
    match fault {
        Fault::Resolve | Fault::Connect(_) | Fault::Timeout(_) | Fault::Stalled | Fault::Disconnected => {
            "check the network, and the proxy variables where there is a proxy"
        }
        Fault::Tls(fault) => fault.hint(),
        Fault::Proxy { .. } => "check http_proxy, https_proxy, all_proxy and no_proxy",
        Fault::Status(401 | 403 | 407) => {
            "check the credentials: of the source in launcher.toml, in its URL, or in ~/.netrc"
        }
        // A page that is missing is an answer; only a file that a page lists gets here.
        Fault::Status(404 | 410) => "its source lists what it does not have: ask whoever publishes it",
        Fault::Status(_) | Fault::Truncated | Fault::Changed => "the server is in trouble: try again later",
        Fault::Redirect(_) | Fault::TooLarge(_) | Fault::Protocol(_) => {
            "check the source's address in launcher.toml"
        }
    }
}
