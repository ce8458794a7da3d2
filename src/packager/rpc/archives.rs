//! The operations on archives: unpacked as the launcher would, or refused with nothing left behind.

use std::fmt::Display;
use std::path::Path;

use super::{Answer, Refused, Request, text};
use crate::package::archive::limits::Limits;
use crate::package::filename::{DistributionName, Format};
use crate::package::unpack;

/// `unpack`: a bare ZIP, before any rule of a package format.
pub(super) fn unpack(request: &Request) -> Result<Answer, Refused> {
    match text(request, "kind")? {
        "zip" => {}
        kind => return Err(because(format!("kind '{}' is not zip", kind.escape_debug()))),
    }
    let (archive, destination) = paths(request)?;
    let (files, bytes) = unpack::extract_zip(archive, destination, &Limits::default()).map_err(because)?;
    Ok(Answer::from_iter([("files".into(), files.into()), ("bytes".into(), bytes.into())]))
}

/// `install`: a wheel, an egg or an sdist, laid out as in an environment.
pub(super) fn install(request: &Request) -> Result<Answer, Refused> {
    let (archive, destination) = paths(request)?;
    let filename = archive.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = DistributionName::parse(filename).map_err(because)?;
    let kind = match name.format {
        Format::Wheel { .. } => "wheel",
        Format::Egg { .. } => "egg",
        Format::Sdist => "sdist",
    };
    if text(request, "kind")? != kind {
        return Err(because(format!("'{filename}' is the name of a distribution of kind {kind}")));
    }
    let unpacked = unpack::unpack(archive, &name, destination, &Limits::default()).map_err(because)?;
    Ok(Answer::from_iter([
        ("dist_info".into(), unpacked.dist_info.into()),
        ("has_pth".into(), unpacked.has_pth.into()),
        ("files".into(), unpacked.files.into()),
        ("bytes".into(), unpacked.bytes.into()),
    ]))
}

fn paths(request: &Request) -> Result<(&Path, &Path), Refused> {
    Ok((Path::new(text(request, "archive")?), Path::new(text(request, "dest")?)))
}

fn because(reason: impl Display) -> Refused {
    Refused::Error(reason.to_string())
}
