//! Versions, specifiers, requirements, markers, names: what needs no file and no network.

use std::fmt::Display;

use serde_json::{Value, json};

use super::{Answer, Refused, Request, optional_bool, optional_text, text, texts};
use crate::package::filename::{DistributionName, Format};
use crate::package::marker::{Marker, MarkerEnvironment};
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;
use crate::package::version::{SpecifierSet, parse_version};

fn failed(error: impl Display) -> Refused {
    Refused::Error(error.to_string())
}

fn answer<const N: usize>(pairs: [(&str, Value); N]) -> Answer {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

pub(super) fn version_parse(request: &Request) -> Result<Answer, Refused> {
    let version = parse_version(text(request, "version")?).map_err(failed)?;
    Ok(answer([("version", json!(version.to_string())), ("prerelease", json!(version.any_prerelease()))]))
}

pub(super) fn version_cmp(request: &Request) -> Result<Answer, Refused> {
    let left = parse_version(text(request, "left")?).map_err(failed)?;
    let right = parse_version(text(request, "right")?).map_err(failed)?;
    Ok(answer([("cmp", json!(left.cmp(&right) as i8))]))
}

fn specifiers(request: &Request) -> Result<SpecifierSet, Refused> {
    text(request, "specifier")?.parse().map_err(failed)
}

pub(super) fn specifier_parse(request: &Request) -> Result<Answer, Refused> {
    specifiers(request).map(|_| Answer::new())
}

pub(super) fn specifier_contains(request: &Request) -> Result<Answer, Refused> {
    let prereleases = optional_bool(request, "prereleases")?;
    let contains = specifiers(request)?.contains_text(text(request, "version")?, prereleases);
    Ok(answer([("contains", json!(contains))]))
}

pub(super) fn specifier_filter(request: &Request) -> Result<Answer, Refused> {
    let prereleases = optional_bool(request, "prereleases")?;
    let versions = texts(request, "versions")?;
    Ok(answer([("versions", json!(specifiers(request)?.filter(&versions, prereleases)))]))
}

pub(super) fn requirement_parse(request: &Request) -> Result<Answer, Refused> {
    let requirement: Requirement = text(request, "requirement")?.parse().map_err(failed)?;
    let extras: Vec<&str> = requirement.extras.iter().map(ExtraName::as_str).collect();
    Ok(answer([
        ("name", json!(requirement.name.as_str())),
        ("extras", json!(extras)),
        ("url", json!(requirement.url())),
        ("specifier", json!(requirement.specifiers().map(ToString::to_string).unwrap_or_default())),
        ("marker", json!(requirement.marker.as_ref().map(ToString::to_string))),
    ]))
}

fn marker(request: &Request) -> Result<Marker, Refused> {
    text(request, "marker")?.parse().map_err(failed)
}

pub(super) fn marker_parse(request: &Request) -> Result<Answer, Refused> {
    marker(request).map(|_| Answer::new())
}

/// The environment may name an `extra`, as that of `packaging` may, and a list of `extras`.
pub(super) fn marker_evaluate(request: &Request) -> Result<Answer, Refused> {
    let marker = marker(request)?;
    let Some(Value::Object(values)) = request.get("environment") else {
        return Err(Refused::Error("'environment' must be an object".to_owned()));
    };
    let texts_of = values.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let environment = MarkerEnvironment::from_pairs(texts_of);
    let extra = optional_text(values, "extra")?.unwrap_or_default();
    let extras = texts(values, "extras")?;
    let extras = extras.into_iter().map(str::parse).collect::<Result<Vec<ExtraName>, _>>().map_err(failed)?;
    let result = marker.evaluate_strictly(&environment, extra, &extras).map_err(failed)?;
    Ok(answer([("result", json!(result))]))
}

pub(super) fn wheel_parse(request: &Request) -> Result<Answer, Refused> {
    let name = DistributionName::parse_wheel(text(request, "filename")?).map_err(failed)?;
    let Format::Wheel { build, tags } = name.format else {
        return Err(Refused::Error("not a wheel".to_owned()));
    };
    let mut tags: Vec<String> = tags.iter().map(|tag| tag.to_string()).collect();
    tags.sort();
    Ok(answer([
        ("name", json!(name.project.as_str())),
        ("version", json!(name.version.to_string())),
        // As `packaging` has it: nothing, or a number and what comes behind it.
        ("build", build.map_or_else(|| json!([]), |(number, rest)| json!([number, rest]))),
        ("tags", json!(tags)),
    ]))
}

pub(super) fn sdist_parse(request: &Request) -> Result<Answer, Refused> {
    let name = DistributionName::parse_sdist(text(request, "filename")?).map_err(failed)?;
    Ok(answer([("name", json!(name.project.as_str())), ("version", json!(name.version.to_string()))]))
}

pub(super) fn name_normalize(request: &Request) -> Result<Answer, Refused> {
    let name: ProjectName = text(request, "name")?.parse().map_err(failed)?;
    Ok(answer([("name", json!(name.as_str()))]))
}
