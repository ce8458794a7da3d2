//! `index` and `download`: what an index offers of a project, and its best file, fetched and verified.

use std::cmp::Ordering;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::Refused;
use crate::error::Error;
use crate::fs;
use crate::net::Net;
use crate::package::filename::Format;
use crate::package::name::ProjectName;
use crate::source::file::{File, Location};
use crate::source::receive::receive;
use crate::source::{Address, Found, NoPages, SourceError, infer, project_page};
use crate::time::Deadline;

/// How long one question to an index may take.
const QUESTION: Duration = Duration::from_secs(60);
/// How long one file may take.
const FILE: Duration = Duration::from_secs(15 * 60);
/// The largest file, in bytes, where its index does not tell its size.
const LARGEST: u64 = 8 << 30;

/// `index`: the project's files by an index, given by its base or by the project's page.
pub(super) fn index(net: &Net, request: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    let project = project(request)?;
    let files: Vec<Value> = find(net, text(request, "url")?, &project)?.files.iter().map(show).collect();
    Ok(Map::from_iter([("files".to_owned(), Value::Array(files))]))
}

/// `download`: the project's best file into the directory `dest`.
pub(super) fn download(net: &Net, request: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    let project = project(request)?;
    let directory = Path::new(text(request, "dest")?);
    let found = find(net, text(request, "index_url")?, &project)?;
    let file = found.files.iter().max_by(|a, b| compare(a, b));
    let file = file.ok_or_else(|| Refused::because(format!("the index has no file of {project}")))?;
    let (path, sha256) = fetch(net, file, directory)?;
    Ok(Map::from_iter([
        ("filename".to_owned(), json!(file.filename)),
        ("path".to_owned(), json!(path.to_string_lossy())),
        ("sha256".to_owned(), json!(sha256)),
    ]))
}

fn text<'a>(request: &'a Map<String, Value>, key: &str) -> Result<&'a str, Refused> {
    let value = request.get(key).and_then(Value::as_str);
    value.ok_or_else(|| Refused::because(format!("'{key}' must be given as a string")))
}

fn project(request: &Map<String, Value>) -> Result<ProjectName, Refused> {
    text(request, "project")?.parse().map_err(Refused::because)
}

/// Asks the address as what it looks like first, and as the other when that has nothing.
fn find(net: &Net, address: &str, project: &ProjectName) -> Result<Found, Refused> {
    let base = infer(address, Path::new("/")).map_err(Refused::because)?;
    let Address::Index(base_url) = &base else { return Err(Refused::because("'url' must be http or https")) };
    let page = Url::parse(address.trim()).map_err(Refused::because)?;
    // As PEP 503 has it, a page named after the project ends in a slash.
    let page = if is_document(&page) { &page } else { base_url };
    let deadline = Deadline::after(QUESTION);
    let as_page = || project_page(page, project, net, &NoPages, deadline);
    let as_base = || base.project(project, net, &NoPages, deadline);
    let found = if is_document(page) || is_named_after(page, project) {
        either(as_page(), as_base)
    } else {
        either(as_base(), as_page)
    };
    let found = found.map_err(Refused::because)?;
    found.ok_or_else(|| Refused::because(format!("the index does not have {project}")))
}

type Answer = Result<Option<Found>, SourceError>;

/// The first answer where it has files; else the second where that has; else the first.
fn either(first: Answer, second: impl FnOnce() -> Answer) -> Answer {
    let has_files = |answer: &Answer| matches!(answer, Ok(Some(found)) if !found.files.is_empty());
    if has_files(&first) {
        return first;
    }
    let second = second();
    if has_files(&second) { second } else { first }
}

fn last_part(url: &Url) -> &str {
    url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty())).unwrap_or_default()
}

/// Whether a URL is that of a page and never of a base.
fn is_document(url: &Url) -> bool {
    let last = last_part(url);
    last == "json" || [".html", ".htm", ".json"].iter().any(|extension| last.ends_with(extension))
}

fn is_named_after(url: &Url, project: &ProjectName) -> bool {
    last_part(url).parse().is_ok_and(|name: ProjectName| name == *project)
}

fn show(file: &File) -> Value {
    let hashes: Map<String, Value> =
        file.hashes.iter().map(|(algorithm, hex)| (algorithm.name().to_owned(), json!(hex))).collect();
    json!({
        "filename": file.filename,
        "url": match &file.location {
            Location::Url(url) | Location::Object { url, .. } | Location::Direct(url) => url.as_str().to_owned(),
            Location::Path(path) => path.to_string_lossy().into_owned(),
            Location::Checkout(checkout) => checkout.to_string(),
        },
        "hashes": hashes,
        "requires_python": file.requires_python,
        "yanked": file.yanked.is_some(),
    })
}

/// Worst to best: not yanked, stable, new, then by kind.
fn compare(a: &File, b: &File) -> Ordering {
    let rank = |file: &File| (file.yanked.is_none(), !file.name.version.any_prerelease());
    let kind = |file: &File| match &file.name.format {
        Format::Wheel { tags, .. } if tags.iter().any(|tag| tag.platform == "any") => 3,
        Format::Wheel { .. } => 2,
        Format::Pipper | Format::Sdist => 1,
        Format::Egg { .. } => 0,
    };
    rank(a)
        .cmp(&rank(b))
        .then_with(|| a.name.version.cmp(&b.name.version))
        .then_with(|| kind(a).cmp(&kind(b)))
}

/// Fetches a file under another name, checks it, and gives it its own name; gives its path and SHA-256.
fn fetch(net: &Net, file: &File, directory: &Path) -> Result<(PathBuf, String), Refused> {
    if file.location.url().is_none() {
        return Err(Refused::Unsupported);
    }
    fs::create_dir_all(directory).map_err(Refused::because)?;
    let path = directory.join(&file.filename);
    let temporary = fs::sibling(&path, "download");
    let done = stream(net, file, &temporary)
        .and_then(|sha256| fs::rename(&temporary, &path).map_err(Refused::because).map(|()| sha256));
    if done.is_err() {
        // The failure that led here is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    done.map(|sha256| (path, sha256))
}

fn stream(net: &Net, file: &File, path: &Path) -> Result<String, Refused> {
    let named = |source| Error::Io { action: "write", path: path.to_owned(), source };
    let mut output = fs::create_new(path, 0o644).map_err(Refused::because)?;
    let mut sink = |bytes: &[u8]| output.write_all(bytes).map_err(named);
    let digests = receive(file, LARGEST, net, Deadline::after(FILE), &mut sink).map_err(Refused::because)?;
    output.sync_all().map_err(|source| Refused::because(named(source)))?;
    Ok(digests.sha256().to_owned())
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::net::testing::{Server, answer, net};

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// An index whose page lists these links, and whose files hold `abc`.
    fn index_with(links: &str) -> Server {
        let page = format!("<html><body>{links}</body></html>");
        Server::answering(move |head| match head.split(' ').nth(1).unwrap() {
            "/simple/demo/" | "/demo.html" => answer("200 OK", &[], page.as_bytes()),
            "/simple/" => answer("200 OK", &[], b"<a href=demo/>demo</a>"),
            path if path.starts_with("/files/") => answer("200 OK", &[], b"abc"),
            _ => answer("404 Not Found", &[], b""),
        })
    }

    fn request(pairs: &[(&str, &str)]) -> Map<String, Value> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect()
    }

    #[test]
    fn an_index_is_given_by_its_base_or_by_a_page() {
        let server = index_with(&format!(
            "<a href='/files/demo-1.0.tar.gz#sha256={ABC}' data-requires-python='&gt;=3' data-yanked>x</a><a href='/'>y</a>"
        ));
        let expected = json!({"files": [{
            "filename": "demo-1.0.tar.gz",
            "url": server.at("/files/demo-1.0.tar.gz").as_str(),
            "hashes": {"sha256": ABC},
            "requires_python": ">=3",
            "yanked": true,
        }]});
        for path in ["/simple", "/simple/", "/simple/demo", "/simple/demo/", "/demo.html"] {
            let answer = index(&net(), &request(&[("url", server.at(path).as_str()), ("project", "Demo")]));
            assert_eq!(answer.map(Value::Object).as_ref(), Ok(&expected), "{path}");
        }
    }

    #[test]
    fn bad_requests_are_refused_with_a_reason() {
        for (pairs, reason) in [
            (&[("project", "demo")][..], "'url' must be given as a string"),
            (&[("url", "https://h/")], "'project' must be given as a string"),
            (&[("url", "https://h/"), ("project", "-")], "'-' is not a valid name"),
            (&[("url", "/srv/wheels"), ("project", "demo")], "'url' must be http or https"),
        ] {
            assert_eq!(index(&net(), &request(pairs)), Err(Refused::Error(reason.to_owned())));
        }
    }

    fn fetched(links: &str) -> (Result<Value, Refused>, Vec<String>) {
        let server = index_with(links);
        let directory = tempfile::tempdir().unwrap();
        let dest = directory.path().join("new");
        let answer = download(
            &net(),
            &request(&[
                ("index_url", server.at("/simple/").as_str()),
                ("project", "demo"),
                ("dest", dest.to_str().unwrap()),
            ]),
        );
        let left = std::fs::read_dir(&dest).map_or(Vec::new(), |entries| {
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        });
        (answer.map(|answer| answer["filename"].clone()), left)
    }

    #[test]
    fn the_best_file_is_the_newest_stable_wheel() {
        let names = [
            "demo-2.0.tar.gz",
            "demo-2.0-py3-none-any.whl",
            "demo-2.0-cp312-cp312-win_amd64.whl",
            "demo-10.0rc1-py3-none-any.whl",
            "demo-1.0-py3-none-any.whl",
        ];
        let links: Vec<String> = names.iter().map(|name| format!("<a href='/files/{name}'>x</a>")).collect();
        let yanked = "<a data-yanked href='/files/demo-3.0-py3-none-any.whl'>x</a>";
        let (answer, left) = fetched(&format!("{}{yanked}", links.concat()));
        assert_eq!(answer, Ok(json!("demo-2.0-py3-none-any.whl")));
        assert_eq!(left, ["demo-2.0-py3-none-any.whl"]);
    }

    #[test]
    fn a_file_that_is_not_the_promised_one_leaves_nothing() {
        let (good, left) = fetched(&format!("<a href='/files/demo-1.zip#sha256={ABC}'>x</a>"));
        assert_eq!((good, left), (Ok(json!("demo-1.zip")), vec!["demo-1.zip".to_owned()]));
        let (bad, left) =
            fetched(&format!("<a href='/files/demo-1.zip#sha256={}'>x</a>", ABC.replace('b', "c")));
        assert!(matches!(bad, Err(Refused::Error(reason)) if reason.contains("sha256 is")));
        assert_eq!(left, Vec::<String>::new());
    }
}
