//! A place to unpack to, and what has to be so there after a refusal.

use std::path::{Path, PathBuf};

use super::limits::Limits;
use super::refusal::Refusal;

mod bytes;

pub(crate) use bytes::*;

/// A directory of its own, in which to unpack.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
}

#[allow(clippy::disallowed_methods)]
impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn destination(&self) -> PathBuf {
        self.directory.path().join("destination")
    }

    /// All files below the destination with their contents, sorted.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        collect(&self.destination(), "", &mut files);
        files
    }

    /// What is in the directory besides the archive.
    pub(crate) fn left_over(&self, archive: &Path) -> Vec<PathBuf> {
        let mut paths = crate::fs::list(self.directory.path()).unwrap();
        paths.retain(|path| !archive.starts_with(path));
        paths
    }
}

#[allow(clippy::disallowed_methods)]
fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    for path in crate::fs::list(directory).unwrap() {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else {
            let contents = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            files.push((name, contents));
        }
    }
}

/// Unpacks bytes by `how`; after a refusal nothing may be there, whether or not the destination existed.
pub(crate) fn refused<T: std::fmt::Debug>(
    name: &str,
    bytes: &[u8],
    how: impl Fn(&Path, &Path) -> Result<T, Refusal>,
) -> String {
    let place = Place::new();
    let archive = place.put(name, bytes);
    let refusal = how(&archive, &place.destination()).unwrap_err();
    assert_eq!(place.left_over(&archive), Vec::<PathBuf>::new(), "{refusal}");
    crate::fs::create_dir(&place.destination()).unwrap();
    let again = how(&archive, &place.destination()).unwrap_err();
    assert_eq!(again.to_string(), refusal.to_string());
    assert_eq!(place.left_over(&archive), [place.destination()], "{refusal}");
    assert_eq!(place.files(), [], "{refusal}");
    refusal.to_string()
}

/// Bounds that a test can reach.
pub(crate) fn tight() -> Limits {
    Limits { total: 1 << 20, members: 10, ratio_free: 64 << 10, ..Limits::default() }
}
