//! The containers that archives come in, told apart by their first bytes: a verified file in the store has no name
//! that would tell.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::input::Input;
use super::limits::Limits;
use super::path::MemberPath;
use super::refusal::Refusal;
use super::tar::Tar;
use super::tree::Tree;
use super::zip::Zip;
use super::zip_end::Tail;
use crate::fs;

/// What an archive is packed as.
enum Container {
    Zip(File),
    Tar(File, u64),
    TarGz(File, u64),
}

/// Decides on a member: whether its contents are wanted.
type Wanted<'a> = &'a dyn Fn(&MemberPath) -> bool;

/// Unpacks all members into `tree`, as they are.
pub(crate) fn extract(archive: &Path, tree: &mut Tree, limits: &Limits) -> Result<(), Refusal> {
    match open(archive)? {
        Container::Zip(file) => extract_zip(file, tree, limits),
        Container::Tar(mut file, packed) => {
            check_tar(&mut Tar::new(BufReader::new(&file), packed, limits))?;
            file.rewind().map_err(Refusal::Read)?;
            extract_tar(&mut Tar::new(BufReader::new(file), packed, limits), tree)
        }
        Container::TarGz(mut file, packed) => {
            let mut tar = Tar::new(GzDecoder::new(BufReader::new(&file)), packed, limits);
            check_tar(&mut tar)?;
            check_end(tar.into_inner())?;
            file.rewind().map_err(Refusal::Read)?;
            extract_tar(&mut Tar::new(GzDecoder::new(BufReader::new(file)), packed, limits), tree)
        }
    }
}

/// Reads all of it: to write a hundred thousand files and take them away again takes long.
fn check_tar<R: std::io::Read>(tar: &mut Tar<R>) -> Result<(), Refusal> {
    while tar.next_member()?.is_some() {}
    Ok(())
}

/// Unpacks all members of a ZIP archive into `tree`, as they are.
pub(crate) fn extract_zip(file: File, tree: &mut Tree, limits: &Limits) -> Result<(), Refusal> {
    let mut zip = Zip::open(Box::new(file) as Input<'_>, limits)?;
    for index in 0..zip.entries().len() {
        let Some(entry) = zip.entries().get(index).cloned() else { break };
        if entry.directory {
            tree.directory(&entry.path)?;
            zip.copy(index, &mut |_| Ok(()))?;
            continue;
        }
        let mut target = tree.file(&entry.path, entry.executable)?;
        zip.copy(index, &mut |bytes| target.write(bytes))?;
        tree.bytes += entry.size;
    }
    Ok(())
}

/// The contents of all wanted files, without unpacking anything. Together they must not have more than
/// `limits.small` bytes.
pub(crate) fn read_files(
    archive: &Path,
    wanted: Wanted<'_>,
    limits: &Limits,
) -> Result<Vec<(MemberPath, Vec<u8>)>, Refusal> {
    match open(archive)? {
        Container::Zip(file) => read_zip(file, wanted, limits),
        Container::Tar(file, packed) => {
            read_tar(&mut Tar::new(BufReader::new(file), packed, limits), wanted, limits)
        }
        Container::TarGz(file, packed) => {
            let mut tar = Tar::new(GzDecoder::new(BufReader::new(file)), packed, limits);
            let files = read_tar(&mut tar, wanted, limits)?;
            check_end(tar.into_inner())?;
            Ok(files)
        }
    }
}

fn open(archive: &Path) -> Result<Container, Refusal> {
    let mut file = fs::open(archive)?;
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(Refusal::Read)?;
    let length = file.seek(SeekFrom::End(0)).map_err(Refusal::Read)?;
    let is_zip = matches!(start.as_slice(), [b'P', b'K', 3 | 5 | 6, ..]);
    if !is_zip && Tail::read(&mut file)?.looks_like_zip() {
        return Err(Refusal::Container("it has the end of a ZIP archive, but not the start of one"));
    }
    file.rewind().map_err(Refusal::Read)?;
    match start.as_slice() {
        _ if is_zip => Ok(Container::Zip(file)),
        [0x1f, 0x8b, ..] => Ok(Container::TarGz(file, length)),
        header if header.get(257..262) == Some(b"ustar") => Ok(Container::Tar(file, length)),
        _ => Err(Refusal::Container("it is neither a ZIP nor a tar archive")),
    }
}

fn extract_tar<R: std::io::Read>(tar: &mut Tar<R>, tree: &mut Tree) -> Result<(), Refusal> {
    while let Some(member) = tar.next_member()? {
        if member.directory {
            tree.directory(&member.path)?;
            continue;
        }
        let mut target = tree.file(&member.path, member.executable)?;
        tar.copy(&member, &mut |bytes| target.write(bytes))?;
        tree.bytes += member.size;
    }
    Ok(())
}

/// A gzip stream has one member, and nothing follows it.
fn check_end<R: std::io::Read>(decoder: GzDecoder<BufReader<R>>) -> Result<(), Refusal> {
    match decoder.into_inner().fill_buf().map_err(Refusal::Read)? {
        [] => Ok(()),
        _ => Err(Refusal::Container("bytes follow its gzip stream")),
    }
}

fn read_zip(file: File, wanted: Wanted<'_>, limits: &Limits) -> Result<Vec<(MemberPath, Vec<u8>)>, Refusal> {
    let mut zip = Zip::open(Box::new(file) as Input<'_>, limits)?;
    let mut files = Vec::new();
    let mut room = limits.small;
    for index in 0..zip.entries().len() {
        let Some(entry) = zip.entries().get(index).filter(|e| !e.directory && wanted(&e.path)).cloned()
        else {
            continue;
        };
        let bytes = zip.read(index, room)?;
        room = room.saturating_sub(bytes.len() as u64);
        files.push((entry.path, bytes));
    }
    Ok(files)
}

fn read_tar<R: std::io::Read>(
    tar: &mut Tar<R>,
    wanted: Wanted<'_>,
    limits: &Limits,
) -> Result<Vec<(MemberPath, Vec<u8>)>, Refusal> {
    let mut files = Vec::new();
    let mut room = limits.small;
    while let Some(member) = tar.next_member()? {
        if member.directory || !wanted(&member.path) {
            continue;
        }
        Limits::at_most(member.size, room, "bytes in a file that is read whole")?;
        room = room.saturating_sub(member.size);
        let mut bytes = Vec::new();
        tar.copy(&member, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        files.push((member.path, bytes));
    }
    Ok(files)
}
