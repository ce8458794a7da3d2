//! An app in one file: the launcher's executable with its configuration, and what is baked, behind it.

use std::io::{self, Write};
use std::path::Path;

use super::bake::sha256;
use crate::bundle::{BAKED, LAUNCHER, Member, encode_end};
use crate::config::FILE_NAME;
use crate::error::Error;
use crate::fs;

/// Makes one file of a folder.
///
/// # Errors
/// When the disk is in the way.
pub(super) fn write(folder: &Path, launcher: &Path, to: &Path) -> Result<(), Error> {
    let mut files =
        vec![(LAUNCHER.to_owned(), launcher.to_owned()), (FILE_NAME.to_owned(), folder.join(FILE_NAME))];
    let baked = fs::if_there(fs::list(&folder.join(BAKED)))?.unwrap_or_default();
    files.extend(baked.into_iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ([BAKED, &name].join("/"), path)
    }));
    fs::stream_atomic(to, 0o755, |file, temporary| {
        let failed = |source| Error::Io { action: "write", path: temporary.to_owned(), source };
        let mut members = Vec::new();
        let mut offset = 0;
        for (name, path) in files {
            let size = io::copy(&mut fs::open(&path)?, file).map_err(failed)?;
            members.push(Member { name, offset, size, sha256: sha256(&path)? });
            offset += size;
        }
        file.write_all(&encode_end(&members, offset)).map_err(failed)
    })
}
