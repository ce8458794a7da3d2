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
        Format::Pipper => "pipper",
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::package::archive::testing::{Place, file, zip};

    fn request(archive: &Path, destination: &Path, kind: &str) -> Request {
        let fields = [("archive", json!(archive)), ("dest", json!(destination)), ("kind", json!(kind))];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn an_archive_is_unpacked_or_the_reason_told() {
        let place = Place::new();
        let archive = place.put("demo-1.0.zip", &zip(&[file("a", b"12"), file("b", b"3")]));
        let answer = unpack(&request(&archive, &place.destination(), "zip")).unwrap();
        assert_eq!(Value::Object(answer), json!({"files": 2, "bytes": 3}));
        assert_eq!(place.files().len(), 2);
        let elsewhere = place.directory.path().join("elsewhere");
        for (kind, how, expected) in [
            ("tar", unpack as fn(&Request) -> _, "kind 'tar' is not zip"),
            ("wheel", install, "'demo-1.0.zip' is the name of a distribution of kind sdist"),
            ("sdist", install, "it has more than one top directory, or none"),
        ] {
            let refused = how(&request(&archive, &elsewhere, kind)).unwrap_err();
            assert_eq!(refused, Refused::Error(expected.to_owned()));
            assert!(!crate::fs::exists(&elsewhere));
        }
        assert_eq!(
            install(&Request::new()).unwrap_err(),
            Refused::Error("'archive' must be a text".to_owned())
        );
    }
}
