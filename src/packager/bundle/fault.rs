//! Why a bundle cannot be made, and what helps.

use std::fmt;
use std::path::PathBuf;

/// A bundle that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleFault {
    /// A file that the app needs beside it would not be there.
    BesideOneFile {
        /// The key that names it.
        key: &'static str,
        /// As it is written.
        value: String,
    },
    /// A path leads out of the project.
    Elsewhere {
        /// The key that names it.
        key: &'static str,
        /// Where it leads.
        path: PathBuf,
    },
    /// A lock cannot have such a file.
    Format(String),
    /// There is something that no bundle is.
    Foreign(PathBuf),
    /// An app that is called like what lies beside it.
    Name(String),
    /// None of the baked distributions has the console script.
    NoConsoleScript {
        /// Its name.
        name: String,
        /// Those that they have.
        available: Vec<String>,
    },
    /// There is no executable to copy.
    NoLauncher(PathBuf),
    /// A file that `launcher.toml` names is not there.
    NoFile {
        /// The key that names it.
        key: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// There is no interpreter in it.
    NoRuntime(PathBuf),
    /// Nothing says what is to be started.
    NoSettings {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// The executable to copy is an app already.
    NotPlain(PathBuf),
    /// An interpreter cannot be part of one file.
    RuntimeInOneFile,
    /// Two files say what is to be started.
    TwoSettings {
        /// Where they are.
        directory: PathBuf,
    },
    /// A virtual environment needs the Python that it was made from.
    VirtualEnvironment(PathBuf),
}

impl BundleFault {
    /// What helps.
    pub(crate) fn hint(&self) -> String {
        let hint = match self {
            Self::BesideOneFile { key: "script", .. } => {
                "make a folder with --output, or give it an entry in a package: entry = \"module:function\""
            }
            Self::BesideOneFile { .. } => "make a folder with --output",
            Self::Elsewhere { .. } => "what is shipped lies below the project's directory",
            Self::Format(_) => "build a wheel of it",
            Self::Foreign(_) => "--force replaces a bundle, nothing else: name another directory",
            Self::Name(_) => "change [app] name",
            Self::NoConsoleScript { available, .. } if available.is_empty() => {
                "no baked distribution has a console script; use entry = \"module:function\""
            }
            Self::NoConsoleScript { available, .. } => return format!("there are {}", available.join(", ")),
            Self::NoLauncher(_) => "name the launcher's executable with --launcher",
            Self::NoFile { .. } => "the path starts from the project's directory",
            Self::NoRuntime(_) => "a runtime has bin/python3 in it, or python/bin/python3",
            Self::NoSettings { .. } => "see: everfresh help init",
            Self::NotPlain(_) => "name the launcher as it was built",
            Self::RuntimeInOneFile => "make a folder or an archive with it",
            Self::TwoSettings { .. } => "keep one",
            Self::VirtualEnvironment(_) => "take a Python that can be moved, such as a standalone build",
        };
        hint.to_owned()
    }
}

impl fmt::Display for BundleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BesideOneFile { key, value } => {
                write!(
                    f,
                    "{key} = \"{}\" has to lie beside the launcher, and one file has nothing beside it",
                    value.escape_debug()
                )
            }
            Self::Elsewhere { key, path } => write!(f, "{key} leads out of the project: {}", path.display()),
            Self::Format(filename) => {
                write!(f, "{filename} cannot be baked: a lock has wheels and sdists only")
            }
            Self::Foreign(path) => write!(f, "{} is there and no bundle", path.display()),
            Self::Name(name) => write!(f, "an app in a bundle cannot be called {name}"),
            Self::NoConsoleScript { name, .. } => {
                write!(f, "no baked distribution has the console script {name}")
            }
            Self::NoLauncher(path) => write!(f, "there is no launcher at {}", path.display()),
            Self::NoFile { key, path } => write!(f, "{key} is not there: {}", path.display()),
            Self::NoRuntime(path) => write!(f, "there is no Python in {}", path.display()),
            Self::NoSettings { directory } => {
                write!(f, "there is neither launcher.toml nor pyproject.toml in {}", directory.display())
            }
            Self::NotPlain(path) => write!(f, "{} is an app in one file already", path.display()),
            Self::RuntimeInOneFile => f.write_str("a Python runtime cannot be part of one file"),
            Self::TwoSettings { directory } => write!(
                f,
                "both launcher.toml and [tool.everfresh] in {} say what is started",
                directory.join("pyproject.toml").display()
            ),
            Self::VirtualEnvironment(path) => write!(f, "{} is a virtual environment", path.display()),
        }
    }
}

impl std::error::Error for BundleFault {}
