//! `resolve`: requirements against one index, for an interpreter that need not be here.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::{Answer, Context, Refused, Request, optional_bool, optional_text, text, texts};
use crate::config::SourceType;
use crate::error::Error;
use crate::package::name::ProjectName;
use crate::packager::resolution;
use crate::packager::target::{self, Target};
use crate::source;
use crate::update::catalogue::{Place, Places};
use crate::update::resolve::{self, Unsolved};

/// The versions that the launcher would choose. Nothing is remembered from one request to the next.
pub(super) fn resolve(context: &Context, request: &Request) -> Result<Answer, Refused> {
    if optional_bool(request, "universal")?.unwrap_or_default() {
        return Err(Refused::Unsupported);
    }
    let wanted = wanted(request)?;
    let address = source::read(text(request, "index_url")?, SourceType::Index, Path::new("/"));
    let places = Places(vec![Place::plain(address.map_err(Refused::because)?, &context.aws)]);
    let pins = resolution::resolve(&context.net, &places, &wanted, &context.temporary);
    let pins = pins.map_err(|error| match error {
        Error::Unsolved(Unsolved::Conflict(explanation)) => Refused::Unsatisfiable(explanation),
        error => Refused::because(error),
    })?;
    let packages: Value =
        pins.iter().map(|pin| (pin.name.to_string(), json!(pin.version.to_string()))).collect();
    Ok(Answer::from_iter([("packages".to_owned(), packages)]))
}

/// What is asked for, and for which interpreter: `python_version`, else `interpreter_version`.
fn wanted(request: &Request) -> Result<resolve::Request, Refused> {
    let python = match optional_text(request, "python_version")? {
        Some(python) => python,
        None => text(request, "interpreter_version")?,
    };
    let python = target::python_version(python).map_err(Refused::because)?;
    let platform = target::platform(optional_text(request, "platform")?).map_err(Refused::because)?;
    let requirements = texts(request, "requirements")?.into_iter().map(str::parse);
    let requirements = requirements.collect::<Result<_, _>>().map_err(Refused::because)?;
    let prereleases = optional_bool(request, "prereleases")?.unwrap_or_default();
    Ok(resolve::Request {
        no_build: names(request, "no_build")?,
        no_binary: names(request, "no_binary")?,
        ..Target::cpython(python, &platform).request(requirements, prereleases)
    })
}

fn names(request: &Request, key: &str) -> Result<BTreeSet<ProjectName>, Refused> {
    let names: Result<_, _> = texts(request, key)?.into_iter().map(str::parse).collect();
    names.map_err(Refused::because)
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
