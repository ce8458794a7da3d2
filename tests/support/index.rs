//! A package index on the lying server: the Simple API as JSON (PEP 691) and HTML (PEP 503), PyPI's older JSON API,
//! and listings as Apache and nginx write them, all of the same files, which may change while it runs.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everfresh::trust::hashes::sha256_hex;
use md5::Digest as _;
use serde_json::{Value, json};

use super::distribution::Distribution;
use super::response::Response;
use super::server::{Request, Server};

const SIMPLE_JSON: &str = "application/vnd.pypi.simple.v1+json";

#[derive(Debug)]
struct Shelf {
    files: Vec<Distribution>,
    json: bool,
    html: bool,
    metadata: bool,
    pep_700: bool,
    validators: bool,
}

/// The index, at a port of its own.
pub struct Index {
    server: Server,
    shelf: Arc<Mutex<Shelf>>,
}

fn locked(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Index {
    /// An empty index that offers everything a modern one does.
    pub fn new() -> Self {
        let shelf =
            Shelf { files: vec![], json: true, html: true, metadata: true, pep_700: true, validators: true };
        let index = Self { server: Server::start(), shelf: Arc::new(Mutex::new(shelf)) };
        index.below("/simple/", simple);
        index.below("/pypi/", legacy_json);
        index.below("/files/", file);
        index.below("/apache/", |shelf, request| listing(shelf, request, "/apache/", apache_listing));
        index.below("/nginx/", |shelf, request| listing(shelf, request, "/nginx/", nginx_listing));
        index
    }

    /// An index that offers these.
    pub fn with<D: Into<Distribution>>(files: impl IntoIterator<Item = D>) -> Self {
        let index = Self::new();
        for file in files {
            index.add(file);
        }
        index
    }

    fn below(&self, prefix: &str, answer: impl Fn(&Shelf, &Request) -> Response + Send + Sync + 'static) {
        let shelf = Arc::clone(&self.shelf);
        self.server.below(prefix, move |request| answer(&locked(&shelf), request));
    }

    /// Publishes a file; one of the same name is replaced.
    pub fn add(&self, file: impl Into<Distribution>) -> &Self {
        let file = file.into();
        let mut shelf = locked(&self.shelf);
        shelf.files.retain(|known| known.filename != file.filename);
        shelf.files.push(file);
        drop(shelf);
        self
    }

    /// Takes a file away.
    pub fn remove(&self, filename: &str) -> &Self {
        let mut shelf = locked(&self.shelf);
        let before = shelf.files.len();
        shelf.files.retain(|known| known.filename != filename);
        assert_eq!(shelf.files.len() + 1, before, "'{filename}' is not on the index");
        drop(shelf);
        self
    }

    fn set(self, change: impl FnOnce(&mut Shelf)) -> Self {
        change(&mut locked(&self.shelf));
        self
    }

    /// HTML, whatever the client would accept.
    pub fn html_only(self) -> Self {
        self.set(|shelf| shelf.json = false)
    }

    /// JSON, whatever the client would accept.
    pub fn json_only(self) -> Self {
        self.set(|shelf| shelf.html = false)
    }

    /// No separate metadata files (PEP 658).
    pub fn without_metadata(self) -> Self {
        self.set(|shelf| shelf.metadata = false)
    }

    /// No sizes and upload times (PEP 700).
    pub fn without_sizes(self) -> Self {
        self.set(|shelf| shelf.pep_700 = false)
    }

    /// No ETag: every check costs a whole page.
    pub fn without_validators(self) -> Self {
        self.set(|shelf| shelf.validators = false)
    }

    /// The Simple API's base.
    pub fn url(&self) -> String {
        self.server.url("/simple/")
    }

    /// The base of PyPI's older API: `<base>/<project>/json`.
    pub fn legacy_url(&self) -> String {
        self.server.url("/pypi/")
    }

    /// All files on one page as Apache's `mod_autoindex` lists them.
    pub fn apache_url(&self) -> String {
        self.server.url("/apache/")
    }

    /// All files on one page as nginx's `autoindex` lists them.
    pub fn nginx_url(&self) -> String {
        self.server.url("/nginx/")
    }

    /// The server itself: to count, and to make trouble.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Ends it: the port refuses connections.
    pub fn shut_down(&mut self) {
        self.server.stop();
    }

    /// Names of the files that were fetched, in that order, metadata files not among them.
    pub fn downloads(&self) -> Vec<String> {
        let requests = self.server.requests();
        let names = requests.iter().filter(|request| matches!(request.status, 200 | 206));
        let names = names.filter_map(|request| request.path().rsplit_once('/').map(|(_, name)| name));
        names.filter(|name| is_archive(name)).map(str::to_owned).collect()
    }

    /// How often that project's page was asked for.
    pub fn checks(&self, project: &str) -> usize {
        self.server.count(&format!("/simple/{project}/"))
    }
}

fn is_archive(name: &str) -> bool {
    [".whl", ".egg", ".tar.gz", ".zip"].iter().any(|ending| name.ends_with(ending))
}

fn normalized(name: &str) -> String {
    name.parse::<everfresh::package::name::ProjectName>().unwrap().to_string()
}

fn sha256_of(file: &Distribution) -> String {
    file.claimed_sha256.clone().unwrap_or_else(|| file.sha256())
}

fn page(shelf: &Shelf, body: String, content_type: &str) -> Response {
    let tag = sha256_hex(body.as_bytes())[..16].to_owned();
    let response = Response::ok(body).content_type(content_type).header("Vary", "Accept");
    if shelf.validators { response.etag(&tag) } else { response }
}

/// PEP 503 and 691: `/simple/` and `/simple/<project>/`.
fn simple(shelf: &Shelf, request: &Request) -> Response {
    let accepted = request.header("accept").unwrap_or_default();
    let as_json = shelf.json && (!shelf.html || accepted.contains(SIMPLE_JSON));
    let name = request.path().trim_start_matches("/simple/").trim_end_matches('/');
    if name.is_empty() {
        return projects(shelf, as_json);
    }
    if !request.path().ends_with('/') {
        return Response::redirect(&format!("/simple/{name}/"));
    }
    let files: Vec<_> = shelf.files.iter().filter(|file| normalized(&file.project) == name).collect();
    if files.is_empty() {
        return Response::status(404);
    }
    if as_json {
        return page(shelf, project_json(shelf, name, &files).to_string(), SIMPLE_JSON);
    }
    page(shelf, project_html(shelf, name, &files), "text/html; charset=utf-8")
}

fn projects(shelf: &Shelf, as_json: bool) -> Response {
    let mut names: Vec<_> = shelf.files.iter().map(|file| normalized(&file.project)).collect();
    names.sort();
    names.dedup();
    if as_json {
        let names: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let body = json!({"meta": {"api-version": "1.1"}, "projects": names});
        return page(shelf, body.to_string(), SIMPLE_JSON);
    }
    let links: String = names.iter().map(|name| format!("<a href=\"{name}/\">{name}</a><br>\n")).collect();
    page(shelf, format!("<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n"), "text/html")
}

fn project_json(shelf: &Shelf, name: &str, files: &[&Distribution]) -> Value {
    let entries = files.iter().map(|file| {
        let mut entry = json!({
            "filename": file.filename,
            "url": format!("/files/{}", file.filename),
            "hashes": {"sha256": sha256_of(file)},
        });
        if let Some(specifier) = &file.requires_python {
            entry["requires-python"] = json!(specifier);
        }
        if let Some(reason) = &file.yanked {
            entry["yanked"] = if reason.is_empty() { json!(true) } else { json!(reason) };
        }
        if shelf.metadata && file.filename.ends_with(".whl") {
            let hash = json!({"sha256": sha256_hex(file.metadata.as_bytes())});
            entry["core-metadata"] = hash.clone();
            entry["dist-info-metadata"] = hash;
        }
        if shelf.pep_700 {
            entry["size"] = json!(file.claimed_size.unwrap_or(file.bytes.len() as u64));
        }
        if let (true, Some(moment)) = (shelf.pep_700, &file.uploaded) {
            entry["upload-time"] = json!(moment);
        }
        entry
    });
    let entries: Vec<_> = entries.collect();
    let mut project = json!({"meta": {"api-version": "1.1"}, "name": name, "files": entries});
    if shelf.pep_700 {
        let mut versions: Vec<_> = files.iter().map(|file| file.version.as_str()).collect();
        versions.dedup();
        project["versions"] = json!(versions);
    } else {
        project["meta"]["api-version"] = json!("1.0");
    }
    project
}

fn project_html(shelf: &Shelf, name: &str, files: &[&Distribution]) -> String {
    let mut body = format!(
        "<!DOCTYPE html>\n<html>\n  <head>\n    <meta name=\"pypi:repository-version\" content=\"1.1\">\n    \
         <title>Links for {name}</title>\n  </head>\n  <body>\n    <h1>Links for {name}</h1>\n"
    );
    for file in files {
        let _ = write!(body, "    <a href=\"/files/{}#sha256={}\"", file.filename, sha256_of(file));
        if let Some(specifier) = &file.requires_python {
            let _ = write!(body, " data-requires-python=\"{}\"", escape(specifier));
        }
        if let Some(reason) = &file.yanked {
            let _ = write!(body, " data-yanked=\"{}\"", escape(reason));
        }
        if shelf.metadata && file.filename.ends_with(".whl") {
            let hash = sha256_hex(file.metadata.as_bytes());
            let _ = write!(
                body,
                " data-core-metadata=\"sha256={hash}\" data-dist-info-metadata=\"sha256={hash}\""
            );
        }
        let _ = writeln!(body, ">{}</a><br />", file.filename);
    }
    body + "  </body>\n</html>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// PyPI's JSON API as python-transmute read it: the newest release's files under `urls`.
fn legacy_json(shelf: &Shelf, request: &Request) -> Response {
    let name = request.path().trim_start_matches("/pypi/").trim_end_matches("/json");
    let files: Vec<_> = shelf.files.iter().filter(|file| normalized(&file.project) == name).collect();
    let Some(newest) = files.last().map(|file| file.version.clone()) else { return Response::status(404) };
    let urls = files.iter().filter(|file| file.version == newest).map(|file| {
        let (kind, python) = match file.filename.rsplit_once('.').map_or("", |(_, ending)| ending) {
            "whl" => ("bdist_wheel", "py3"),
            "egg" => (
                "bdist_egg",
                file.filename.rsplit_once("-py").map_or("", |(_, rest)| &rest[..rest.len() - 4]),
            ),
            _ => ("sdist", "source"),
        };
        let md5: String = md5::Md5::digest(&file.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "filename": file.filename,
            "url": format!("{}/files/{}", origin(request), file.filename),
            "packagetype": kind,
            "python_version": python,
            "requires_python": file.requires_python,
            "size": file.claimed_size.unwrap_or(file.bytes.len() as u64),
            "md5_digest": md5,
            "digests": {"md5": md5, "sha256": sha256_of(file)},
            "yanked": file.yanked.is_some(),
            "yanked_reason": file.yanked,
        })
    });
    let urls: Vec<_> = urls.collect();
    let body = json!({"info": {"name": name, "version": newest}, "releases": {newest: urls}, "urls": urls});
    page(shelf, body.to_string(), "application/json")
}

fn origin(request: &Request) -> String {
    format!("http://{}", request.header("host").unwrap_or_default())
}

/// The files themselves, and their metadata (PEP 658).
fn file(shelf: &Shelf, request: &Request) -> Response {
    let name = request.path().trim_start_matches("/files/");
    if let Some(file) = shelf.files.iter().find(|file| file.filename == name) {
        return Response::ok(file.bytes.clone()).content_type("application/octet-stream").ranges();
    }
    let owner = name.strip_suffix(".metadata").filter(|_| shelf.metadata);
    match shelf.files.iter().find(|file| Some(file.filename.as_str()) == owner) {
        Some(file) => Response::ok(file.metadata.clone()).content_type("binary/octet-stream"),
        None => Response::status(404),
    }
}

fn listing(shelf: &Shelf, request: &Request, base: &str, write: fn(&[Distribution]) -> String) -> Response {
    let name = request.path().trim_start_matches(base);
    if name.is_empty() {
        return page(shelf, write(&shelf.files), "text/html;charset=UTF-8");
    }
    let found = shelf.files.iter().find(|file| file.filename == name);
    found.map_or_else(|| Response::status(404), |file| Response::ok(file.bytes.clone()))
}

/// What Apache 2.4 writes with `IndexOptions FancyIndexing HTMLTable`.
fn apache_listing(files: &[Distribution]) -> String {
    let rows = files.iter().map(|file| {
        format!(
            "<tr><td valign=\"top\"><img src=\"/icons/unknown.gif\" alt=\"[   ]\"></td><td><a href=\"{0}\">{0}</a>\
             </td><td align=\"right\">2026-01-31 12:00  </td><td align=\"right\">1.0K</td><td>&nbsp;</td></tr>\n",
            file.filename
        )
    });
    format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of /apache</title>\n \
         </head>\n <body>\n<h1>Index of /apache</h1>\n  <table>\n   <tr><th valign=\"top\"></th><th>\
         <a href=\"?C=N;O=D\">Name</a></th><th><a href=\"?C=M;O=A\">Last modified</a></th><th>\
         <a href=\"?C=S;O=A\">Size</a></th><th><a href=\"?C=D;O=A\">Description</a></th></tr>\n   \
         <tr><th colspan=\"5\"><hr></th></tr>\n<tr><td valign=\"top\"><img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\">\
         </td><td><a href=\"/\">Parent Directory</a></td><td>&nbsp;</td><td align=\"right\">  - </td><td>&nbsp;</td>\
         </tr>\n{}   <tr><th colspan=\"5\"><hr></th></tr>\n</table>\n</body></html>\n",
        rows.collect::<String>()
    )
}

/// What nginx writes with `autoindex on`: long names are cut in the text, never in the address.
fn nginx_listing(files: &[Distribution]) -> String {
    let rows = files.iter().map(|file| {
        let name = &file.filename;
        let shown = if name.len() > 50 { format!("{}..&gt;", &name[..47]) } else { name.clone() };
        let gap = " ".repeat(51usize.saturating_sub(shown.len()));
        format!("<a href=\"{name}\">{shown}</a>{gap}31-Jan-2026 12:00 {:>19}\r\n", file.bytes.len())
    });
    format!(
        "<html>\r\n<head><title>Index of /nginx/</title></head>\r\n<body>\r\n<h1>Index of /nginx/</h1><hr><pre>\
         <a href=\"../\">../</a>\r\n{}</pre><hr></body>\r\n</html>\r\n",
        rows.collect::<String>()
    )
}
