//! File operations that name what was tried and where. Everything else in the crate goes through here, so that
//! every failure can say what could not be done to which file and keeps the operating system's own reason.
#![allow(clippy::disallowed_methods, reason = "the one place where the standard library's own are called")]

pub mod path_bytes;

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::error::Error;

/// The largest configuration, record or state file that is ever read, in bytes.
pub const SMALL_FILE: u64 = 16 << 20;

trait Named<T> {
    fn named(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Named<T> for io::Result<T> {
    fn named(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}

/// Reads a whole file of at most `cap` bytes; a longer one is an error, never a long wait.
pub fn read(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    // Room for a launch record at once: growing by steps would be a system call each.
    let mut bytes = Vec::with_capacity(8 << 10);
    file.take(cap + 1).read_to_end(&mut bytes).named("read", path)?;
    if bytes.len() as u64 > cap {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {cap} bytes"));
        return Err(Error::Io { action: "read", path: path.to_owned(), source });
    }
    Ok(bytes)
}

/// Like [`read`], but a file that is not there is `None`.
pub fn read_if_there(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, Error> {
    if_there(read(path, cap))
}

/// [`read`] of a regular file of this user that nobody else can read or write; any other is an error.
pub fn read_private(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    use std::os::unix::fs::MetadataExt;
    let metadata = symlink_metadata(path)?;
    let private = metadata.is_file()
        && metadata.uid() == nix::unistd::geteuid().as_raw()
        && matches!(metadata.permissions().mode() & 0o777, 0o400 | 0o600);
    if !private {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied)).named("trust", path);
    }
    read(path, cap)
}

/// Turns "it is not there" into `None`.
pub fn if_there<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file for reading. A FIFO that nobody writes to is an empty file, not an endless wait.
pub fn open(path: &Path) -> Result<File, Error> {
    // musl's openat(2) believes that the kernel knows `O_CLOEXEC`; its open(2) makes a second call to be sure.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let opened = nix::fcntl::openat(nix::fcntl::AT_FDCWD, path, flags, Mode::empty());
    opened.map(File::from).map_err(io::Error::from).named("open", path)
}

/// Creates a file that must not exist yet, with the permission bits `mode` (less the umask).
pub fn create_new(path: &Path, mode: u32) -> Result<File, Error> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).named("create", path)
}

/// Opens a file for writing at its end, creating it when it is not there.
pub fn append(path: &Path) -> Result<File, Error> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).named("open", path)
}

/// Opens (and creates) a file to hold a lock; its contents do not matter.
pub fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).named("open", path)
}

/// Replaces `path` by `bytes` so that a reader, or a crash, sees the old file or the new one and nothing between:
/// a temporary file in the same directory, fsync, rename.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomic_mode(path, bytes, 0o644)
}

/// [`write_atomic`] with the permission bits of the new file.
pub fn write_atomic_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let temporary = sibling(path, "tmp");
    let written = create_new(&temporary, mode).and_then(|mut file| {
        file.write_all(bytes).named("write", &temporary)?;
        file.sync_all().named("sync", &temporary)
    });
    let renamed = written.and_then(|()| rename(&temporary, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    sync_parent(path);
    Ok(())
}

/// Makes `to` a copy of `from` so that nobody sees half of it: [`write_atomic`] for a file of any size.
pub fn copy_atomic(from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    stream_atomic(to, mode, |file, temporary| {
        io::copy(&mut open(from)?, file).named("write", temporary)?;
        Ok(())
    })
}

/// Makes the file `to` of what `write` puts into it, whole or not at all; `write` is told the file's name meanwhile.
pub fn stream_atomic(
    to: &Path,
    mode: u32,
    write: impl FnOnce(&mut File, &Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let temporary = sibling(to, "tmp");
    let written = create_new(&temporary, mode).and_then(|mut file| {
        write(&mut file, &temporary)?;
        file.sync_all().named("sync", &temporary)
    });
    let renamed = written.and_then(|()| rename(&temporary, to));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    sync_parent(to);
    Ok(())
}

/// Replaces `path` whole, but without waiting for the disk: for what may be lost in a power cut.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace_with_parts(path, &[bytes])
}

/// [`replace`], where the contents lie in more than one place.
pub fn replace_with_parts(path: &Path, parts: &[&[u8]]) -> Result<(), Error> {
    let temporary = sibling(path, "tmp");
    let written = create_new(&temporary, 0o600).and_then(|mut file| {
        parts.iter().try_for_each(|part| file.write_all(part)).named("write", &temporary)
    });
    let renamed = written.and_then(|()| rename(&temporary, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// A name beside `path` that nobody else uses or has ever used. Process ids would not do: after a crash in a container
/// the next process has the same one, and two containers that share a directory have it at the same time.
pub fn sibling(path: &Path, purpose: &str) -> PathBuf {
    use std::hash::{BuildHasher, RandomState};
    let unique = RandomState::new().hash_one(std::process::id());
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{unique:016x}.{purpose}"));
    path.with_file_name(name)
}

/// Whether the path has a name that [`sibling`] makes for what is under way.
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") && (name.ends_with(b".tmp") || name.ends_with(b".old"))
}

/// Makes a rename in `path`'s directory last through a power cut. A file system that cannot is no reason to fail.
pub fn sync_parent(path: &Path) {
    if let Some(directory) = path.parent().and_then(|parent| File::open(parent).ok()) {
        let _ = directory.sync_all();
    }
}

/// Renames a file or directory within one file system.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).named("rename to", to)
}

/// Writes all of `bytes` to an open file that lies at `path`.
pub fn write_all(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    file.write_all(bytes).named("write", path)
}

/// Empties a file in place, for good: whoever holds a lock on it goes on to hold it.
pub fn truncate(path: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).open(path).named("open", path)?;
    file.set_len(0).named("write", path)?;
    file.sync_all().named("sync", path)
}

/// Waits until all that was written to the file system of `path` is on the disk. One that cannot is no reason to fail.
pub fn sync_file_system(path: &Path) {
    if let Ok(file) = File::open(path) {
        let _ = nix::unistd::syncfs(&file);
    }
}

/// Creates a directory and its parents, all readable by this user only where they are new.
pub fn create_dir_all(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).named("create directory", path)
}

/// Creates a directory and its parents, with the permission bits `mode` (less the umask) where they are new.
pub fn create_dir_all_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).named("create directory", path)
}

/// Creates one directory whose parent exists and which must not.
pub fn create_dir(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().mode(0o755).create(path).named("create directory", path)
}

/// Removes a file; one that is not there is fine.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    if_there(fs::remove_file(path).named("remove", path)).map(|_| ())
}

/// Removes a directory and all below it without following links; one that is not there is fine.
pub fn remove_tree(path: &Path) -> Result<(), Error> {
    if_there(fs::remove_dir_all(path).named("remove", path)).map(|_| ())
}

/// Makes `to` a copy of the directory `from` and all below it, links as links; special files are left out.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), Error> {
    create_dir(to)?;
    for path in list(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        let metadata = symlink_metadata(&path)?;
        if metadata.is_symlink() {
            std::os::unix::fs::symlink(read_link(&path)?, &target).named("create", &target)?;
        } else if metadata.is_dir() {
            copy_tree(&path, &target)?;
        } else if metadata.is_file() {
            fs::copy(&path, &target).named("copy to", &target)?;
        }
    }
    Ok(())
}

/// Where a symbolic link leads, as it says.
pub fn read_link(path: &Path) -> Result<PathBuf, Error> {
    fs::read_link(path).named("read the link", path)
}

/// Makes `to` another name of `from`, or a copy where the file system has no hard links to give.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<(), Error> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error).named("link to", to),
        Err(_) => fs::copy(from, to).map(|_| ()).named("copy to", to),
    }
}

/// What the names in a directory are, sorted; an unreadable entry is an error.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(path).named("list", path)?;
    let mut paths =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().named("list", path)?;
    paths.sort();
    Ok(paths)
}

/// Metadata of what `path` leads to, links followed.
pub fn metadata(path: &Path) -> Result<Metadata, Error> {
    fs::metadata(path).named("look at", path)
}

/// Metadata of `path` itself, links not followed.
pub fn symlink_metadata(path: &Path) -> Result<Metadata, Error> {
    fs::symlink_metadata(path).named("look at", path)
}

/// Bytes that this user can still write to the file system of `path`; `None` where it does not say.
#[allow(clippy::useless_conversion, reason = "these numbers have 32 bits on other machines")]
pub fn space_left(path: &Path) -> Option<u64> {
    let told = nix::sys::statvfs::statvfs(path).ok()?;
    u64::from(told.blocks_available()).checked_mul(u64::from(told.fragment_size()))
}

/// The kind of file system that `path` lies on, as `/proc/self/mounts` names it: `ext4`, `nfs4`.
pub fn file_system(path: &Path) -> Option<String> {
    let path = canonicalize(path).ok()?;
    let mounts = read(Path::new("/proc/self/mounts"), SMALL_FILE).ok()?;
    let mounts = String::from_utf8_lossy(&mounts);
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        // proc_pid_mounts(5) writes a space as an octal number.
        let place = PathBuf::from(fields.next()?.replace("\\040", " "));
        Some((place, fields.next()?))
    });
    // Of mounts at one place the last one is what is seen.
    let around = mounts.filter(|(place, _)| path.starts_with(place));
    around.max_by_key(|(place, _)| place.as_os_str().len()).map(|(_, kind)| kind.to_owned())
}

/// Whether there is anything at `path` (links followed) that can be looked at.
pub fn exists(path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

/// Whether two names lead to the same file, or to files of the same contents where links could not be made.
pub fn same_file(left: &Path, right: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(a), Ok(b)) = (fs::metadata(left), fs::metadata(right)) else { return false };
    let same_inode = a.dev() == b.dev() && a.ino() == b.ino();
    same_inode
        || (a.len() == b.len()
            && read(left, SMALL_FILE).ok().is_some_and(|bytes| read(right, SMALL_FILE).ok() == Some(bytes)))
}

/// Whether `path` leads to a directory.
pub fn is_dir(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whether `path` itself is a directory, and no link to one.
pub fn is_own_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Bytes of all files below a directory, links not followed; files that have several names count once.
pub fn size_of_tree(root: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut seen = std::collections::BTreeSet::new();
    let mut waiting = vec![root.to_owned()];
    let mut bytes = 0;
    while let Some(directory) = waiting.pop() {
        for path in list(&directory).unwrap_or_default() {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() {
                waiting.push(path);
            } else if seen.insert((metadata.dev(), metadata.ino())) {
                bytes += metadata.len();
            }
        }
    }
    bytes
}

/// Whether a process of this machine has the file open, as far as this user may know (Linux's `/proc`).
pub fn is_open_here(path: &Path) -> bool {
    let Ok(path) = fs::canonicalize(path) else { return false };
    let processes = list(Path::new("/proc")).unwrap_or_default();
    let descriptors = |process: &PathBuf| list(&process.join("fd")).unwrap_or_default();
    processes.iter().flat_map(descriptors).any(|open| fs::read_link(open).is_ok_and(|file| file == path))
}

/// Whether `path` leads to a regular file with an execute bit.
pub fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The absolute path, from the working directory on, whether or not there is anything.
pub fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).named("find", path)
}

/// The absolute path with every link resolved.
pub fn canonicalize(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).named("resolve", path)
}

/// Sets the permission bits of a file.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).named("set the permissions of", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfinished_has_a_name_that_nothing_had_before() {
        // A name with the process's number would meet what another process of that number left.
        let path = Path::new("/cache/envs/key");
        let names: std::collections::BTreeSet<PathBuf> = (0..1000).map(|_| sibling(path, "tmp")).collect();
        assert_eq!(names.len(), 1000);
        let unfinished =
            |path: &&PathBuf| is_unfinished(path) && path.parent() == Path::new("/cache/envs").into();
        assert_eq!(names.iter().filter(unfinished).count(), 1000);
        for finished in ["key", ".hidden", "key.tmp", "..", ""] {
            assert!(!is_unfinished(Path::new(finished)), "{finished}");
        }
    }
}
