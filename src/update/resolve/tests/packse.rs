//! The scenarios that uv is held to. They are in the sdist of `packse` and not copied here:
//! `EVERFRESH_PACKSE=<unpacked sdist> cargo test --lib packse -- --ignored`.

#![allow(clippy::disallowed_methods, reason = "finds and reads the scenarios")]

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::*;

/// Scenarios where we keep to what is written and uv does not.
const OTHERWISE: [(&str, &str); 1] =
    [("python-less-than-current", "upper bounds of Requires-Python count, as with pip")];

fn scenarios(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scenarios(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

fn strings<'a>(table: &'a Table, key: &str) -> Vec<&'a str> {
    table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn table<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    table.get(key).and_then(Value::as_table)
}

fn add_version(world: &mut World, name: &str, version: &str, described: &Table) {
    let is = |key: &str, default| described.get(key).and_then(Value::as_bool).unwrap_or(default);
    let mut requires: Vec<String> = strings(described, "requires").into_iter().map(str::to_owned).collect();
    let mut provides_extra = Vec::new();
    for (extra, _) in table(described, "extras").into_iter().flatten() {
        provides_extra.push(extra.parse().unwrap());
        let added = strings(table(described, "extras").unwrap(), extra);
        requires.extend(added.into_iter().map(|requirement| format!("{requirement}; extra == '{extra}'")));
    }
    let requires_python =
        described.get("requires_python").and_then(Value::as_str).unwrap_or(">=3.12").to_owned();
    let mut names = Vec::new();
    if is("wheel", true) {
        let tags = strings(described, "wheel_tags");
        let tags = if tags.is_empty() { vec!["py3-none-any"] } else { tags };
        names.extend(tags.into_iter().map(|tag| format!("{name}-{version}-{tag}.whl")));
    }
    if is("sdist", true) {
        names.push(format!("{name}-{version}.tar.gz"));
    }
    for filename in names {
        let mut file = file(&filename);
        file.requires_python = Some(requires_python.clone());
        file.yanked = is("yanked", false).then(String::new);
        let metadata = Metadata {
            metadata_version: (2, 3),
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            requires_dist: requires.iter().map(|requirement| requirement.parse().unwrap()).collect(),
            requires_python: Some(requires_python.clone()),
            provides_extra: provides_extra.clone(),
            dynamic: Vec::new(),
            wheel_tags: TagSets::default(),
        };
        world.add(file, Ok(metadata));
    }
}

fn world(scenario: &Table) -> World {
    let mut world = World::default();
    for (name, package) in table(scenario, "packages").into_iter().flatten() {
        let versions = package.as_table().and_then(|package| table(package, "versions"));
        for (version, described) in versions.into_iter().flatten() {
            add_version(&mut world, name, version, described.as_table().unwrap());
        }
    }
    world
}

fn request_of(scenario: &Table) -> Request {
    let nothing = Table::new();
    let options = table(scenario, "resolver_options").unwrap_or(&nothing);
    let environment = table(scenario, "environment").unwrap_or(&nothing);
    let text = |table: &Table, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let python =
        text(options, "python").or_else(|| text(environment, "python")).unwrap_or_else(|| "3.12".into());
    // A scenario's default and a bare `3.12` stand for any patch version of an installed interpreter.
    let mut numbers = python.split('.').map(|number| number.parse::<u32>().unwrap());
    let mut next = || numbers.next().unwrap_or(0);
    let platform = text(options, "python_platform").unwrap_or_else(|| "linux-x86_64".into());
    let requires = strings(table(scenario, "root").unwrap(), "requires");
    let mut request = request_for([next(), next(), next()], &platform, &requires);
    request.prereleases = options.get("prereleases").and_then(Value::as_bool).unwrap_or(false);
    request.no_build = strings(options, "no_build").into_iter().map(|name| name.parse().unwrap()).collect();
    request.no_binary = strings(options, "no_binary").into_iter().map(|name| name.parse().unwrap()).collect();
    request
}

/// What came out that should not have, or nothing.
fn check(scenario: &Table) -> Option<String> {
    let expected = table(scenario, "expected").unwrap();
    let satisfiable = expected["satisfiable"].as_bool().unwrap();
    match resolve(&request_of(scenario), &world(scenario)) {
        Err(Unsolved::Conflict(_)) if !satisfiable => None,
        Ok(pins) if satisfiable => {
            let found: BTreeMap<String, String> =
                pins.into_iter().map(|pin| (pin.name.to_string(), pin.version.to_string())).collect();
            let packages = table(expected, "packages")?;
            let right = packages.len() == found.len()
                && packages
                    .iter()
                    .all(|(name, version)| found.get(name).map(String::as_str) == version.as_str());
            (!right).then(|| format!("{found:?} instead of {packages:?}"))
        }
        found => Some(format!("{found:?}")),
    }
}

#[test]
#[ignore = "needs EVERFRESH_PACKSE, the unpacked sdist of packse"]
fn every_scenario_of_packse_that_is_not_universal_ends_as_with_uv() {
    let directory = std::env::var_os("EVERFRESH_PACKSE").expect("EVERFRESH_PACKSE is set");
    let mut paths = Vec::new();
    scenarios(&Path::new(&directory).join("scenarios"), &mut paths);
    paths.sort();
    let (mut run, mut wrong) = (0, Vec::new());
    for path in paths {
        let scenario: Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let name = scenario["name"].as_str().unwrap();
        let options = table(&scenario, "resolver_options");
        let universal =
            options.is_some_and(|options| options.get("universal").and_then(Value::as_bool) == Some(true));
        if universal {
            continue;
        }
        let otherwise = OTHERWISE.iter().any(|(other, _)| *other == name);
        run += 1;
        let failure = check(&scenario);
        if failure.is_some() != otherwise {
            wrong.push(format!("{name}: {}", failure.unwrap_or_else(|| "as with uv after all".to_owned())));
        }
    }
    println!("{run} scenarios");
    assert!(run > 100, "only {run} scenarios");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
