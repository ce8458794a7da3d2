//! System calls of a traced thread, as x86-64 has them in its registers: what they change, and where.

use std::ffi::OsString;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::libc::{self, c_long, user_regs_struct};
use nix::unistd::Pid;

/// What of the disk below `below` the call is about to change: its kind, and where.
pub(super) fn change(
    thread: Pid,
    registers: &user_regs_struct,
    below: &Path,
) -> Option<(&'static str, PathBuf)> {
    let &user_regs_struct { rdi, rsi, rdx, r10, orig_rax, .. } = registers;
    let here = u64::from(libc::AT_FDCWD.cast_unsigned());
    let opened = |directory: u64, path: u64, flags: u64| {
        let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
        let writes = i32::try_from(flags & 0xff_ffff).is_ok_and(|flags| flags & writing != 0);
        writes.then(|| ("open", named(thread, directory, path))).and_then(|(call, path)| Some((call, path?)))
    };
    let at = |call, directory, path| named(thread, directory, path).map(|path| (call, path));
    let on = |call, descriptor| behind(thread, descriptor).map(|path| (call, path));
    let found = match c_long::try_from(orig_rax).ok()? {
        libc::SYS_open => opened(here, rdi, rsi),
        libc::SYS_openat => opened(rdi, rsi, rdx),
        libc::SYS_creat => at("open", here, rdi),
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_sendfile => on("write", rdi),
        libc::SYS_copy_file_range => on("copy", rdx),
        libc::SYS_ftruncate => on("truncate", rdi),
        libc::SYS_fsync | libc::SYS_fdatasync => on("fsync", rdi),
        libc::SYS_syncfs => on("syncfs", rdi),
        libc::SYS_fchmod => on("chmod", rdi),
        libc::SYS_chmod => at("chmod", here, rdi),
        libc::SYS_fchmodat => at("chmod", rdi, rsi),
        libc::SYS_utimensat => at("utime", rdi, rsi),
        libc::SYS_rename => at("rename", here, rsi),
        libc::SYS_renameat | libc::SYS_renameat2 => at("rename", rdx, r10),
        libc::SYS_link => at("link", here, rsi),
        libc::SYS_linkat => at("link", rdx, r10),
        libc::SYS_symlink => at("symlink", here, rsi),
        libc::SYS_symlinkat => at("symlink", rsi, rdx),
        libc::SYS_unlink => at("unlink", here, rdi),
        libc::SYS_unlinkat => at("unlink", rdi, rsi),
        libc::SYS_rmdir => at("rmdir", here, rdi),
        libc::SYS_mkdir => at("mkdir", here, rdi),
        libc::SYS_mkdirat => at("mkdir", rdi, rsi),
        _ => None,
    };
    found.filter(|(_, path)| path.starts_with(below))
}

/// The name that a renaming takes away.
pub(super) fn source(thread: Pid, registers: &user_regs_struct) -> Option<PathBuf> {
    let &user_regs_struct { rdi, rsi, orig_rax, .. } = registers;
    match c_long::try_from(orig_rax).ok()? {
        libc::SYS_rename => named(thread, u64::from(libc::AT_FDCWD.cast_unsigned()), rdi),
        libc::SYS_renameat | libc::SYS_renameat2 => named(thread, rdi, rsi),
        _ => None,
    }
}

/// The path that a call names.
pub(super) fn named(thread: Pid, directory: u64, address: u64) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let memory = std::fs::File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = vec![];
    // A name may end just before memory that is not there.
    while !bytes.contains(&0) && bytes.len() < 4096 {
        let mut piece = [0; 64];
        let count =
            memory.read_at(&mut piece, address + bytes.len() as u64).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    }
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.truncate(end);
    let path = PathBuf::from(OsString::from_vec(bytes));
    if path.is_absolute() {
        return Some(path);
    }
    let is_here = i32::try_from(directory & 0xffff_ffff).is_err();
    let base = if is_here {
        std::fs::read_link(format!("/proc/{thread}/cwd")).ok()
    } else {
        behind(thread, directory)
    };
    Some(base?.join(path))
}

/// The file behind a descriptor.
pub(super) fn behind(thread: Pid, descriptor: u64) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{thread}/fd/{descriptor}")).ok()
}

pub(super) fn inode(thread: Pid, descriptor: u64) -> Option<u64> {
    std::fs::metadata(format!("/proc/{thread}/fd/{descriptor}")).ok().map(|metadata| metadata.ino())
}
