//! `resolve`: requirements against one index, for an interpreter that need not be here.

use std::collections::BTreeSet;
use std::env::consts::{ARCH, OS};
use std::path::Path;
use std::time::Duration;

use pep440_rs::Version;
use serde_json::{Value, json};

use super::{Answer, Context, Refused, Request, optional_bool, optional_text, text};
use crate::config::SourceType;
use crate::error::Error;
use crate::fs;
use crate::net::Net;
use crate::package::marker::MarkerEnvironment;
use crate::package::name::ProjectName;
use crate::package::tags::{Platform, Tags};
use crate::package::version::parse_version;
use crate::python::PythonVersion;
use crate::source;
use crate::store::Store;
use crate::time::Deadline;
use crate::update::catalogue::{Catalogue, Place, Places};
use crate::update::pages::DiskPages;
use crate::update::resolve::{self, Unsolved};

/// How long one resolution may take, the network all told.
const RESOLUTION: Duration = Duration::from_secs(5 * 60);

/// The versions that the launcher would choose. Nothing is remembered from one request to the next.
pub(super) fn resolve(context: &Context, request: &Request) -> Result<Answer, Refused> {
    if optional_bool(request, "universal")?.unwrap_or_default() {
        return Err(Refused::Unsupported);
    }
    let wanted = wanted(request)?;
    let address = source::read(text(request, "index_url")?, SourceType::Index, Path::new("/"));
    let places =
        Places(vec![Place { address: address.map_err(Refused::because)?, projects: None, any: false }]);
    let scratch = fs::sibling(&context.scratch, "rpc");
    fs::create_dir(&scratch).map_err(Refused::because)?;
    let packages = packages(&context.net, &places, &Store::under(&scratch), &wanted);
    // What is left there harms nobody, and the answer is what was asked for.
    let _ = fs::remove_tree(&scratch);
    Ok(Answer::from_iter([("packages".to_owned(), packages?)]))
}

fn packages(net: &Net, places: &Places, store: &Store, wanted: &resolve::Request) -> Result<Value, Refused> {
    let pages = DiskPages::new(store, false);
    let catalogue = Catalogue::new(places, net, &pages, store, Deadline::after(RESOLUTION));
    catalogue.warm(wanted);
    let pins =
        resolve::resolve(wanted, &catalogue).map_err(|unsolved| match catalogue.explain(unsolved) {
            Error::Unsolved(Unsolved::Conflict(explanation)) => Refused::Unsatisfiable(explanation),
            error => Refused::because(error),
        })?;
    Ok(pins.iter().map(|pin| (pin.name.to_string(), json!(pin.version.to_string()))).collect())
}

/// What is asked for, and for which interpreter: `python_version`, else `interpreter_version`.
fn wanted(request: &Request) -> Result<resolve::Request, Refused> {
    let python = match optional_text(request, "python_version")? {
        Some(python) => python,
        None => text(request, "interpreter_version")?,
    };
    let python = python_version(python)?;
    let platform = platform(optional_text(request, "platform")?)?;
    let requirements = texts(request, "requirements")?;
    let requirements: Result<_, _> = requirements.into_iter().map(str::parse).collect();
    Ok(resolve::Request {
        requirements: requirements.map_err(Refused::because)?,
        python_version: Version::new([python.major, python.minor, python.micro].map(u64::from)),
        environment: environment(python, &platform),
        tags: Tags::for_target(python, &platform),
        prereleases: optional_bool(request, "prereleases")?.unwrap_or_default(),
        uploaded_before: None,
        dropped: BTreeSet::new(),
        no_build: names(request, "no_build")?,
        no_binary: names(request, "no_binary")?,
    })
}

/// `3.11` is `3.11.0`.
fn python_version(text: &str) -> Result<PythonVersion, Refused> {
    let version = parse_version(text).map_err(Refused::because)?;
    let number = |at: usize| version.release().get(at).map_or(Ok(0), |number| u32::try_from(*number));
    match (number(0), number(1), number(2)) {
        // Every minor version adds a tag for each platform, so that there must be an end to them.
        (Ok(major), Ok(minor @ 0..=999), Ok(micro)) => Ok(PythonVersion { major, minor, micro }),
        _ => Err(Refused::because(format!("there is no Python {version}"))),
    }
}

/// The platform of that name, or one like this machine's.
fn platform(name: Option<&str>) -> Result<Platform, Refused> {
    let own = if OS == "linux" { format!("linux-{ARCH}") } else { format!("{OS}-{ARCH}") };
    let name = name.unwrap_or(&own);
    Platform::named(name).ok_or_else(|| Refused::because(format!("'{}' is no platform", name.escape_debug())))
}

/// The markers of `CPython` of that version there.
fn environment(python: PythonVersion, platform: &Platform) -> MarkerEnvironment {
    let mut environment = MarkerEnvironment::from_pairs([
        ("python_version", format!("{}.{}", python.major, python.minor)),
        ("python_full_version", python.to_string()),
        ("implementation_version", python.to_string()),
        ("implementation_name", "cpython".to_owned()),
        ("platform_python_implementation", "CPython".to_owned()),
    ]);
    platform.describe(&mut environment);
    environment
}

fn names(request: &Request, key: &str) -> Result<BTreeSet<ProjectName>, Refused> {
    let names: Result<_, _> = texts(request, key)?.into_iter().map(str::parse).collect();
    names.map_err(Refused::because)
}

/// A list of texts that the request may have; null is as good as an empty one.
fn texts<'a>(request: &'a Request, key: &str) -> Result<Vec<&'a str>, Refused> {
    let wrong = || Refused::because(format!("'{key}' must be a list of texts"));
    match request.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::host::Env;
    use crate::net::testing::{Server, answer};

    const ABSENT: &str = "404 Not Found";

    /// `a` 1.0 has metadata of its own and needs `b<2`; `a` 2.0 is for another Python; `b` has 1.0 and 2.0.
    fn index() -> Server {
        let metadata = |name: &str, version: &str, more: &str| {
            answer(
                "200 OK",
                &[],
                format!("Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n{more}").as_bytes(),
            )
        };
        Server::answering(move |head| {
            match head.split(' ').nth(1).unwrap() {
            "/simple/a/" => answer(
                "200 OK",
                &[],
                b"<a href='/f/a-1.0-py3-none-any.whl' data-core-metadata='true'>x</a>\
                  <a href='/f/a-2.0-py3-none-any.whl' data-core-metadata='true' data-requires-python='&gt;=3.13'>x</a>",
            ),
            "/simple/b/" => answer(
                "200 OK",
                &[],
                b"<a href='/f/b-1.0-py3-none-any.whl' data-core-metadata='true'>x</a>\
                  <a href='/f/b-2.0-py3-none-any.whl' data-core-metadata='true'>x</a>",
            ),
            "/f/a-1.0-py3-none-any.whl.metadata" => metadata("a", "1.0", "Requires-Dist: b<2\n"),
            "/f/a-2.0-py3-none-any.whl.metadata" => metadata("a", "2.0", ""),
            "/f/b-1.0-py3-none-any.whl.metadata" => metadata("b", "1.0", ""),
            "/f/b-2.0-py3-none-any.whl.metadata" => metadata("b", "2.0", ""),
            _ => answer(ABSENT, &[], b""),
        }
        })
    }

    fn ask(changes: &Value) -> Result<Value, Refused> {
        let server = index();
        let directory = tempfile::tempdir().unwrap();
        let mut env = Env::default();
        env.set("TMPDIR", directory.path());
        let mut request = json!({
            "index_url": server.at("/simple/").as_str(),
            "requirements": ["a"],
            "python_version": "3.12",
            "interpreter_version": "3.11.7",
            "platform": null,
            "prereleases": false,
            "no_build": [],
            "no_binary": [],
            "universal": false,
        });
        for (key, value) in changes.as_object().unwrap() {
            request[key] = value.clone();
        }
        let answered = resolve(&Context::new(&env), request.as_object().unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        answered.map(Value::Object)
    }

    #[test]
    fn the_answer_is_what_the_launcher_would_choose() {
        for (changes, packages) in [
            (json!({}), json!({"a": "1.0", "b": "1.0"})),
            (json!({"python_version": "3.13.1"}), json!({"a": "2.0"})),
            (json!({"python_version": null, "interpreter_version": "3.14"}), json!({"a": "2.0"})),
            (json!({"platform": "windows", "requirements": ["b; os_name=='nt'"]}), json!({"b": "2.0"})),
            (json!({"requirements": []}), json!({})),
        ] {
            assert_eq!(ask(&changes), Ok(json!({ "packages": packages })), "{changes}");
        }
    }

    #[test]
    fn no_solution_is_told_apart_from_a_bad_request() {
        let unsatisfiable = |text: &str| Refused::Unsatisfiable(text.to_owned());
        let error = |text: &str| Refused::Error(text.to_owned());
        for (changes, refused) in [
            (
                json!({"requirements": ["a", "b>=2"]}),
                unsatisfiable(
                    "Because you require a and b>=2,\n  a 1.0 needs b<2,\n  and a 2.0 needs Python >=3.13,\nthere is no solution",
                ),
            ),
            (
                json!({"requirements": ["c"]}),
                unsatisfiable("Because you require c and no source has c, there is no solution"),
            ),
            (
                json!({"no_binary": ["a"], "requirements": ["a<2"]}),
                unsatisfiable(
                    "Because you require a<2 and a 1.0 has no sdist, and its other files may not be used, there is no solution",
                ),
            ),
            (json!({"universal": true}), Refused::Unsupported),
            (json!({"requirements": "a"}), error("'requirements' must be a list of texts")),
            (json!({"requirements": [1]}), error("'requirements' must be a list of texts")),
            (json!({"python_version": "4294967296"}), error("there is no Python 4294967296")),
            (json!({"platform": "amiga\n"}), error("'amiga\\n' is no platform")),
            (json!({"no_build": ["-"]}), error("'-' is not a valid name")),
        ] {
            assert_eq!(ask(&changes), Err(refused), "{changes}");
        }
    }
}
