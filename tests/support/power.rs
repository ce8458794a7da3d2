//! What a disk may look like after a power cut: data that no fsync brought to it is gone, and of the names that were
//! given and taken, each directory has what it had when it was last synchronised, or what came since.
//!
//! POSIX promises no more. Journalled file systems keep the order of names, so that all of the last ones are lost
//! together; here directories may differ in that, which is the worst that a file system can do.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What has not reached the disk yet.
pub struct Pending {
    /// Files whose contents have not, by inode.
    data: BTreeSet<u64>,
    /// Changes of names that have not, in their order.
    names: Vec<NameChange>,
    /// Files that lost a name keep one here, so that they can have it back.
    kept: TempDir,
    count: usize,
}

/// A name that was given or taken in a directory.
pub struct NameChange {
    /// The directory's inode: it may be renamed itself.
    directory: u64,
    name: OsString,
    kind: Kind,
}

enum Kind {
    /// There was nothing of that name.
    Made,
    Removed(Removed),
    /// It had another name before.
    Renamed {
        inode: u64,
        directory: u64,
        name: OsString,
        replaced: Option<Removed>,
    },
}

enum Removed {
    /// It has this name too.
    File(PathBuf),
    /// It was empty, and had this inode.
    Directory(u64),
}

/// Which changes of names a power cut takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    Nothing,
    Everything,
    /// All that happened in every other directory.
    EveryOther,
}

impl Pending {
    pub fn new(beside: &Path) -> Self {
        let kept = tempfile::Builder::new().prefix("names-").tempdir_in(beside.parent().unwrap()).unwrap();
        Self { data: BTreeSet::new(), names: vec![], kept, count: 0 }
    }

    /// A call that changes a name is about to be made.
    pub fn begins(&mut self, call: &str, from: Option<&Path>, path: &Path) -> Option<NameChange> {
        let (directory, name) = place_of(path)?;
        let there = std::fs::symlink_metadata(path).ok();
        let kind = match (call, from) {
            ("open" | "mkdir" | "link" | "symlink", _) if there.is_none() => Kind::Made,
            ("unlink" | "rmdir", _) => Kind::Removed(self.keep(path)?),
            ("rename", Some(from)) => {
                let inode = std::fs::symlink_metadata(from).ok()?.ino();
                let (directory, name) = place_of(from)?;
                Kind::Renamed { inode, directory, name, replaced: self.keep(path) }
            }
            _ => return None,
        };
        Some(NameChange { directory, name, kind })
    }

    fn keep(&mut self, path: &Path) -> Option<Removed> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        if metadata.is_dir() {
            return Some(Removed::Directory(metadata.ino()));
        }
        self.count += 1;
        let name = self.kept.path().join(self.count.to_string());
        std::fs::hard_link(path, &name).ok()?;
        Some(Removed::File(name))
    }

    pub fn done(&mut self, change: Option<NameChange>) {
        self.names.extend(change);
    }

    pub fn written(&mut self, inode: Option<u64>) {
        self.data.extend(inode);
    }

    /// A file or directory was synchronised.
    pub fn synced(&mut self, inode: Option<u64>) {
        let Some(inode) = inode else { return };
        self.data.remove(&inode);
        self.names.retain(|change| change.directory != inode);
    }

    pub fn all_synced(&mut self) {
        self.data.clear();
        self.names.clear();
    }

    /// Makes `disk` what it is after a power cut. Files whose contents were lost are empty, or `gone`.
    pub fn cut_power(&self, disk: &Path, loss: Loss, gone: bool) {
        self.take_back(disk, loss);
        each(disk, &mut |path, metadata| {
            if !metadata.is_file() || !self.data.contains(&metadata.ino()) {
                return;
            }
            if gone {
                std::fs::remove_file(path).unwrap();
            } else {
                std::fs::File::create(path).map(drop).unwrap();
            }
        });
    }

    fn take_back(&self, disk: &Path, loss: Loss) {
        let directories: BTreeSet<u64> = self.names.iter().map(|change| change.directory).collect();
        let lost: BTreeSet<u64> = match loss {
            Loss::Nothing => return,
            Loss::Everything => directories,
            Loss::EveryOther => directories.into_iter().step_by(2).collect(),
        };
        let mut places = Places::of(disk);
        // Each undoes itself only if it is still to be seen: it may have been under way.
        for change in self.names.iter().rev().filter(|change| lost.contains(&change.directory)) {
            let Some(path) = places.path(change.directory, &change.name) else { continue };
            match &change.kind {
                Kind::Made => remove(&path),
                Kind::Removed(removed) => places.restore(removed, &path),
                Kind::Renamed { inode, directory, name, replaced } => {
                    let is_it = |metadata: std::fs::Metadata| metadata.ino() == *inode;
                    let before = places.path(*directory, name);
                    if let Some(before) = before
                        && std::fs::symlink_metadata(&path).is_ok_and(is_it)
                    {
                        std::fs::rename(&path, &before).unwrap();
                        places.renamed(&path, &before);
                        if let Some(replaced) = replaced {
                            places.restore(replaced, &path);
                        }
                    }
                }
            }
        }
    }
}

/// Where directories are by now, by the inode that they had.
struct Places(BTreeMap<u64, PathBuf>);

impl Places {
    fn of(disk: &Path) -> Self {
        let mut places = BTreeMap::from([(std::fs::metadata(disk).unwrap().ino(), disk.to_owned())]);
        each(disk, &mut |path, metadata| {
            if metadata.is_dir() {
                places.insert(metadata.ino(), path.to_owned());
            }
        });
        Self(places)
    }

    fn path(&self, directory: u64, name: &OsString) -> Option<PathBuf> {
        self.0.get(&directory).filter(|place| place.is_dir()).map(|place| place.join(name))
    }

    fn renamed(&mut self, from: &Path, to: &Path) {
        for place in self.0.values_mut() {
            if let Ok(rest) = place.strip_prefix(from) {
                *place = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
            }
        }
    }

    fn restore(&mut self, removed: &Removed, path: &Path) {
        if std::fs::symlink_metadata(path).is_ok() {
            return;
        }
        match removed {
            Removed::File(kept) => std::fs::hard_link(kept, path).unwrap(),
            Removed::Directory(inode) => {
                std::fs::create_dir(path).unwrap();
                self.0.insert(*inode, path.to_owned());
            }
        }
    }
}

fn place_of(path: &Path) -> Option<(u64, OsString)> {
    let directory = std::fs::metadata(path.parent()?).ok()?.ino();
    Some((directory, path.file_name()?.to_owned()))
}

fn remove(path: &Path) {
    let _ = match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        _ => std::fs::remove_file(path),
    };
}

/// Everything below a directory, each before what is in it.
fn each(directory: &Path, look: &mut impl FnMut(&Path, &std::fs::Metadata)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        look(&path, &metadata);
        if metadata.is_dir() {
            each(&path, look);
        }
    }
}
