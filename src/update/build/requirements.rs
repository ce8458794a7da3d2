//! What a build needs (`[build-system] requires`, PEP 518), had by our own resolver from the app's own sources: the
//! rule against dependency confusion holds for it too, and pip learns of no index and no password.

use std::path::Path;
use std::sync::Arc;

use toml::{Table, Value};

use super::Builder;
use super::fault::BuildFault;
use crate::fs;
use crate::package::filename::Format;
use crate::package::metadata::Metadata;
use crate::package::name::ProjectName;
use crate::package::requirement::Requirement;
use crate::source::file::File;
use crate::update::catalogue::Catalogue;
use crate::update::fetch;
use crate::update::resolve::{self, Request, Unavailable};

/// What pip takes where a project says nothing.
const DEFAULT: &str = "setuptools>=40.8.0";

/// The most that a project may ask for; real ones ask for a handful.
const MOST: usize = 100;

/// The largest `pyproject.toml`, in bytes.
const LARGEST: u64 = 1 << 20;

/// Has wheels of all that the project in `source` needs for its build in the directory `tools`.
///
/// # Errors
/// When the project cannot be read, or the sources do not have it all.
pub(super) fn gather(builder: &Builder<'_>, source: &Path, tools: &Path) -> Result<(), BuildFault> {
    let wanted = read(source)?;
    let unmet =
        |error: &dyn std::fmt::Display| BuildFault::Requirements(super::words::shorten(&error.to_string()));
    let request = Request { requirements: wanted, ..builder.request.clone() };
    if request.requirements.is_empty() {
        return Ok(());
    }
    let catalogue = Wheels(&builder.tools);
    let resolved = match with_wheel(&request).map(|request| resolve::resolve(&request, &catalogue)) {
        Some(Ok(pins)) => Ok(pins),
        Some(Err(_)) | None => resolve::resolve(&request, &catalogue),
    };
    let pins = resolved.map_err(|unsolved| unmet(&builder.tools.explain(unsolved)))?;
    for pin in pins {
        let archive = tools.join(&pin.file.filename);
        fetch::archive(&pin.file, &archive, builder.net, builder.deadline).map_err(|error| unmet(&error))?;
    }
    Ok(())
}

/// Versions of setuptools before 70.1 ask for `wheel` only once they run, when it is too late.
fn with_wheel(request: &Request) -> Option<Request> {
    let has = |name: &str| request.requirements.iter().any(|requirement| requirement.name.as_str() == name);
    let wheel: Requirement = "wheel".parse().ok()?;
    (has("setuptools") && !has("wheel")).then(|| {
        let mut request = request.clone();
        request.requirements.push(wheel);
        request
    })
}

fn read(source: &Path) -> Result<Vec<Requirement>, BuildFault> {
    let text = fs::read_if_there(&source.join("pyproject.toml"), LARGEST)
        .map_err(|error| BuildFault::unusable(&error))?;
    let text =
        String::from_utf8(text.unwrap_or_default()).map_err(|_| BuildFault::Project("is not UTF-8"))?;
    let document: Table = text.parse().map_err(|_| BuildFault::Project("is not TOML"))?;
    let requires = document.get("build-system").and_then(|system| system.get("requires"));
    let default = Value::Array(vec![Value::from(DEFAULT)]);
    let requires = requires.unwrap_or(&default).as_array();
    let requires = requires.filter(|requires| requires.len() <= MOST);
    let requires = requires.ok_or(BuildFault::Project("has no list of build requirements"))?;
    let requirement = |value: &Value| {
        let text = value.as_str().ok_or(BuildFault::Project("has no list of build requirements"))?;
        text.parse().map_err(|error: crate::package::requirement::InvalidRequirement| {
            BuildFault::Requirements(error.to_string())
        })
    };
    requires.iter().map(requirement).collect()
}

/// The sources, as far as they have wheels: what is needed for a build is never built itself.
struct Wheels<'a>(&'a Catalogue<'a>);

impl resolve::Catalogue for Wheels<'_> {
    fn files(&self, project: &ProjectName) -> Result<Option<Arc<[File]>>, Unavailable> {
        let is_wheel = |file: &&File| matches!(file.name.format, Format::Wheel { .. });
        let files = self.0.files(project)?;
        Ok(files.map(|files| files.iter().filter(is_wheel).cloned().collect()))
    }

    fn metadata(&self, file: &File) -> Result<Arc<Metadata>, Unavailable> {
        self.0.metadata(file)
    }
}
