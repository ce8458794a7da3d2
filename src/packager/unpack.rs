//! `everfresh unpack`: one distribution laid out as the launcher would.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::{Arguments, Operands, Usage};
use super::commands::{Command, JSON};
use super::failure::Failure;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::package::archive::limits::Limits;
use crate::package::filename::DistributionName;
use crate::package::unpack;

pub(super) const COMMAND: Command = Command {
    name: "unpack",
    summary: "unpack a wheel, an egg or an sdist exactly as the launcher would, or refuse it",
    operands: Operands { shown: "ARCHIVE DIRECTORY", least: 2, most: 2 },
    options: &[JSON],
    text: "DIRECTORY is not there yet, or is empty. After a refusal it is what it was.",
    examples: &["everfresh unpack dist/myapp-1.0-py3-none-any.whl /tmp/myapp"],
    run,
};

fn run(_host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let [archive, directory] = arguments.operands.as_slice() else {
        return Err(Usage::TooFew { command: COMMAND.name, operands: COMMAND.operands }.into());
    };
    let archive = Path::new(archive);
    let filename = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = DistributionName::parse(&filename).map_err(Failure::NoDistribution)?;
    let directory = whole(Path::new(directory))?;
    let unpacked = unpack::unpack(archive, &name, &directory, &Limits::default())
        .map_err(|refusal| Error::Archive { filename, refusal })?;
    if arguments.has(JSON) {
        let report = json!({
            "name": name.project.as_str(),
            "version": name.version.to_string(),
            "dist_info": unpacked.dist_info,
            "has_pth": unpacked.has_pth,
            "files": unpacked.files,
            "bytes": unpacked.bytes,
        });
        writeln!(output, "{report}")?;
    }
    Ok(())
}

/// A path that ends in a name, for something is made beside it: `.` has none.
fn whole(path: &Path) -> Result<PathBuf, Error> {
    if path.file_name().is_some() { fs::absolute(path) } else { fs::canonicalize(path) }
}
