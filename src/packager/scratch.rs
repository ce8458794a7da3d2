//! Room on disk for one piece of work, gone when it is done.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::fs;
use crate::host::Env;

/// Names that may be taken by what a killed process left behind.
const PATIENCE: usize = 100;

/// A directory of its own; it and all in it goes when this goes.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new one in the directory `temporary`.
    pub(crate) fn under(temporary: &Path) -> Result<Self, Error> {
        let beside = temporary.join("everfresh");
        let mut made = Err(taken(temporary));
        for _ in 0..PATIENCE {
            let path = fs::sibling(&beside, "scratch");
            // Somebody else's directory is never used: it must not be there yet.
            made = fs::create_dir(&path).map(|()| Self(path));
            if !matches!(&made, Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists)
            {
                break;
            }
        }
        made
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there harms nobody.
        let _ = fs::remove_tree(&self.0);
    }
}

fn taken(temporary: &Path) -> Error {
    let source = std::io::ErrorKind::AlreadyExists.into();
    Error::Io { action: "create a directory in", path: temporary.to_owned(), source }
}

/// Where temporary files go: `$TMPDIR`, else `/tmp`.
pub(crate) fn temporary(env: &Env) -> PathBuf {
    let named = env.non_empty("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
    named.unwrap_or_else(|| PathBuf::from("/tmp"))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_it_is_held_and_gone_afterwards() {
        let temporary = tempfile::tempdir().unwrap();
        let scratch = Scratch::under(temporary.path()).unwrap();
        std::fs::write(scratch.path().join("file"), "x").unwrap();
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
        drop(scratch);
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    }
}
