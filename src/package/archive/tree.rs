//! A directory tree in the making: beside its destination, moved there whole, gone when anything is refused.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::path::{MemberPath, PathSet};
use super::refusal::Refusal;
use crate::error::Error;
use crate::fs;

const DIRECTORY_MODE: u32 = 0o755;

/// The tree.
#[derive(Debug)]
pub struct Tree {
    destination: PathBuf,
    staging: PathBuf,
    paths: PathSet,
    /// The directory of the last file: most often that of the next one too.
    last_directory: PathBuf,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tree {
    /// Begins a tree that will be at `destination`, which is not there yet or is an empty directory.
    pub fn begin(destination: &Path) -> Result<Self, Refusal> {
        let free = match fs::if_there(fs::symlink_metadata(destination))? {
            None => true,
            Some(there) => there.is_dir() && fs::list(destination)?.is_empty(),
        };
        if !free {
            return Err(Refusal::Destination(destination.to_owned()));
        }
        let staging = fs::sibling(destination, "unpacking");
        fs::create_dir(&staging)?;
        Ok(Self {
            destination: destination.to_owned(),
            last_directory: staging.clone(),
            staging,
            paths: PathSet::default(),
            files: 0,
            bytes: 0,
        })
    }

    /// Where the tree is made.
    pub fn root(&self) -> &Path {
        &self.staging
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: &MemberPath) -> Result<(), Refusal> {
        self.paths.add_directory(path)?;
        Ok(fs::create_dir_all_mode(&self.staging.join(path.as_str()), DIRECTORY_MODE)?)
    }

    /// Adds a file, to be written.
    pub fn file(&mut self, path: &MemberPath, executable: bool) -> Result<TreeFile, Refusal> {
        self.paths.add_file(path)?;
        let path = self.staging.join(path.as_str());
        if let Some(directory) = path.parent().filter(|directory| *directory != self.last_directory) {
            fs::create_dir_all_mode(directory, DIRECTORY_MODE)?;
            directory.clone_into(&mut self.last_directory);
        }
        let file = fs::create_new(&path, if executable { 0o755 } else { 0o644 })?;
        self.files += 1;
        Ok(TreeFile { path, file })
    }

    /// Adds a file of these bytes.
    pub fn small_file(&mut self, path: &MemberPath, bytes: &[u8]) -> Result<(), Refusal> {
        let mut file = self.file(path, false)?;
        file.write(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Takes over a file or directory that was unpacked below [`Tree::root`] by this module, as `path`.
    pub fn adopt(&mut self, from: &Path, path: &MemberPath) -> Result<(), Refusal> {
        if fs::is_dir(from) {
            self.paths.add_directory(path)?;
        } else {
            self.paths.add_file(path)?;
        }
        let to = self.staging.join(path.as_str());
        fs::rename(from, &to)?;
        self.count(&to)
    }

    /// Counts what is there. Unpacking has bounded the depth of paths, and thereby the recursion.
    fn count(&mut self, path: &Path) -> Result<(), Refusal> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.is_dir() {
            return fs::list(path)?.iter().try_for_each(|inner| self.count(inner));
        }
        self.files += 1;
        self.bytes += metadata.len();
        Ok(())
    }

    /// Moves the finished tree to its destination.
    pub fn finish(self) -> Result<(), Refusal> {
        Ok(fs::rename(&self.staging, &self.destination)?)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // After `finish` there is nothing left to remove.
        let _ = fs::remove_tree(&self.staging);
    }
}

/// A file of the tree, open for writing.
#[derive(Debug)]
pub struct TreeFile {
    path: PathBuf,
    file: File,
}

impl TreeFile {
    /// Appends these bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.file
            .write_all(bytes)
            .map_err(|source| Error::Io { action: "write", path: self.path.clone(), source }.into())
    }
}
