//! The interpreter that a command is about.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::arguments::{Arguments, Opt};
use crate::config::Python;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::python::find::{self, Interpreter};

/// Which interpreter.
pub(super) const PYTHON: Opt = Opt::taking("python", "PATH", "this interpreter, not the first on PATH");

/// The one that `--python` names, by its path or as a command; else the one that a launcher would find here.
///
/// # Errors
/// When there is none.
pub(super) fn find(host: &Host, arguments: &Arguments) -> Result<Interpreter, Error> {
    let path = arguments.value(PYTHON).map(place).transpose()?;
    let python = Python {
        requires: None,
        path,
        flags: Vec::new(),
        inherit: false,
        isolated: true,
        compile: false,
        download: None,
    };
    find::find(&python, host, None)
}

/// A bare name is a command to look up; anything with a slash is a place.
fn place(text: &OsStr) -> Result<PathBuf, Error> {
    let path = Path::new(text);
    if text.as_encoded_bytes().contains(&b'/') { fs::absolute(path) } else { Ok(path.to_owned()) }
}
