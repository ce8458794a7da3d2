//! Archives, given to the very function that fills the store.

use std::path::Path;

use everfresh::package::archive::limits::Limits;
use everfresh::package::entry_points::EntryPoints;
use everfresh::package::filename::DistributionName;
use everfresh::package::metadata::Metadata;
use everfresh::package::unpack::{Unpacked, metadata_of, requires_of, unpack};

use super::description::{Description, Kind};
use super::one_line;

const ARCHIVE: &str = "archive";
const DESTINATION: &str = "destination";

/// Small, so that no run takes long: what is beyond a bound differs from what is within by that alone.
fn limits() -> Limits {
    Limits { total: 1 << 20, members: 64, ratio_free: 64 << 10, small: 64 << 10, ..Limits::default() }
}

/// See the table.
pub fn wheel(bytes: &[u8]) -> bool {
    with_unpacked(Kind::Wheel, bytes, |_, _| {})
}

/// See the table.
pub fn egg(bytes: &[u8]) -> bool {
    with_unpacked(Kind::Egg, bytes, |_, _| {})
}

/// See the table.
pub fn sdist(bytes: &[u8]) -> bool {
    with_unpacked(Kind::Tar, bytes, |_, _| {})
}

/// Archives with the right checksums, sizes and digests, made of a description: mutations of the bytes of an archive
/// rarely come behind those.
/// See the table.
pub fn members(bytes: &[u8]) -> bool {
    let Some(description) = Description::parse(bytes) else { return false };
    with_unpacked(description.kind, &description.archive(), |destination, unpacked| {
        for member in description.plain_files() {
            let found = std::fs::read(destination.join(&member.name)).expect(&member.name);
            assert!(found == member.contents, "{}: other contents than in the archive", member.name);
        }
        if let Some(files) = description.files() {
            assert_eq!(unpacked.files, files, "files are left out, or added");
        }
    })
}

/// Unpacks, checks what must hold whatever the bytes are, and shows what was unpacked to `check`.
fn with_unpacked(kind: Kind, bytes: &[u8], check: impl Fn(&Path, &Unpacked)) -> bool {
    let scratch = tempfile::tempdir().expect("a directory");
    let (archive, destination) = (scratch.path().join(ARCHIVE), scratch.path().join(DESTINATION));
    std::fs::write(&archive, bytes).expect("a file");
    let name = DistributionName::parse(kind.filename()).expect("a file name");
    let metadata = metadata_of(&archive, &name, &limits());
    let requires = requires_of(&archive, &name, &limits());
    if let (Ok(metadata), Ok(requires)) = (&metadata, &requires) {
        let _ = Metadata::parse_egg(metadata, requires.as_deref());
    }
    let unpacked = unpack(&archive, &name, &destination, &limits());
    let mut left: Vec<_> = std::fs::read_dir(scratch.path())
        .expect("a directory")
        .map(|e| e.expect("one").file_name())
        .collect();
    left.sort();
    match &unpacked {
        Ok(unpacked) => {
            assert_eq!(left, [ARCHIVE, DESTINATION], "something is beside the destination");
            assert_eq!(count(&destination), (unpacked.files, unpacked.bytes), "miscounted");
            let info = destination.join(unpacked.dist_info.as_deref().expect("metadata"));
            assert!(info.is_dir(), "{} is not there", info.display());
            let written = std::fs::read(info.join("entry_points.txt")).unwrap_or_default();
            assert_eq!(
                EntryPoints::parse(&written),
                unpacked.entry_points,
                "Python will see other entry points"
            );
            assert!(metadata.is_ok(), "{metadata:?}, but it was unpacked");
            check(&destination, unpacked);
        }
        Err(refusal) => {
            assert_eq!(left, [ARCHIVE], "something is left after a refusal: {refusal}");
            one_line(&refusal.to_string().replace(&*scratch.path().to_string_lossy(), ""));
        }
    }
    unpacked.is_ok()
}

/// Counts files and their bytes; there is nothing but files and directories.
fn count(directory: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = std::fs::symlink_metadata(&path).expect("metadata");
        if metadata.is_dir() {
            let (inner_files, inner_bytes) = count(&path);
            files += inner_files;
            bytes += inner_bytes;
        } else {
            assert!(metadata.is_file(), "{} is neither file nor directory", path.display());
            files += 1;
            bytes += metadata.len();
        }
    }
    (files, bytes)
}
