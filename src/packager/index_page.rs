//! Pages of a static index: what pip, uv and our own launcher read from a bucket or behind any web server. The JSON
//! form (PEP 691, PEP 700) is the one that is kept and read again; the HTML form (PEP 503, 592, 658, 714) follows it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use pep440_rs::Version;
use serde_json::{Value, json};

use crate::package::filename::DistributionName;
use crate::package::name::ProjectName;

/// Where a page of a project finds the files, seen from itself.
const FILES: &str = "../../files/";

/// All that an index says of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectPage {
    /// The project.
    pub(crate) name: ProjectName,
    /// Its files, by name.
    pub(crate) files: Vec<Entry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) filename: String,
    /// Its SHA-256, in hex.
    pub(crate) sha256: String,
    /// Its length, in bytes.
    pub(crate) size: u64,
    /// `Requires-Python` of its metadata.
    pub(crate) requires_python: Option<String>,
    /// When it was published, as RFC 3339 has it.
    pub(crate) uploaded: String,
    /// The SHA-256 of its metadata, where that lies beside it (PEP 658).
    pub(crate) metadata: Option<String>,
    /// Why it should not be used any more (PEP 592); may be empty.
    pub(crate) yanked: Option<String>,
}

impl Entry {
    /// The version that its name tells.
    pub(crate) fn version(&self) -> Option<Version> {
        DistributionName::parse(&self.filename).ok().map(|name| name.version)
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let digest = |value: &Value| value.get("sha256").and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            filename: text("filename")?,
            sha256: digest(value.get("hashes")?)?,
            size: value.get("size")?.as_u64()?,
            requires_python: text("requires-python"),
            uploaded: text("upload-time").unwrap_or_default(),
            metadata: value.get("core-metadata").and_then(digest),
            yanked: match value.get("yanked") {
                Some(Value::String(reason)) => Some(reason.clone()),
                Some(Value::Bool(true)) => Some(String::new()),
                _ => None,
            },
        })
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "filename": self.filename,
            "url": format!("{FILES}{}", escape_path(&self.filename)),
            "hashes": {"sha256": self.sha256},
            "size": self.size,
            "upload-time": self.uploaded,
        });
        if let Some(requires) = &self.requires_python {
            value["requires-python"] = json!(requires);
        }
        if let Some(metadata) = &self.metadata {
            value["core-metadata"] = json!({"sha256": metadata});
        }
        if let Some(reason) = &self.yanked {
            value["yanked"] = if reason.is_empty() { json!(true) } else { json!(reason) };
        }
        value
    }

    fn html(&self) -> String {
        let mut link =
            format!("<a href=\"{FILES}{}#sha256={}\"", escape_path(&self.filename), escape(&self.sha256));
        let mut attribute = |name: &str, value: &str| {
            let _ = write!(link, " {name}=\"{}\"", escape(value));
        };
        if let Some(requires) = &self.requires_python {
            attribute("data-requires-python", requires);
        }
        if let Some(metadata) = &self.metadata {
            attribute("data-core-metadata", &format!("sha256={metadata}"));
            attribute("data-dist-info-metadata", &format!("sha256={metadata}"));
        }
        if let Some(reason) = &self.yanked {
            attribute("data-yanked", reason);
        }
        format!("{link}>{}</a><br>\n", escape(&self.filename))
    }
}

impl ProjectPage {
    /// The page of a project that has no files yet.
    pub(crate) fn empty(name: &ProjectName) -> Self {
        Self { name: name.clone(), files: Vec::new() }
    }

    /// Reads the JSON form; `None` where it is none that we wrote.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let name = value.get("name")?.as_str()?.parse().ok()?;
        let files: Option<Vec<Entry>> = value.get("files")?.as_array()?.iter().map(Entry::read).collect();
        Some(Self { name, files: files? })
    }

    /// The entry of that file.
    pub(crate) fn file(&self, filename: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.filename == filename)
    }

    /// Adds a file, or replaces what was said of it.
    pub(crate) fn insert(&mut self, entry: Entry) {
        self.files.retain(|known| known.filename != entry.filename);
        self.files.push(entry);
        self.files.sort_by(|a, b| (a.version(), &a.filename).cmp(&(b.version(), &b.filename)));
    }

    /// The JSON form.
    pub(crate) fn json(&self) -> String {
        let versions: BTreeSet<Version> = self.files.iter().filter_map(Entry::version).collect();
        let page = json!({
            "meta": {"api-version": "1.1"},
            "name": self.name.to_string(),
            "versions": versions.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "files": self.files.iter().map(Entry::json).collect::<Vec<_>>(),
        });
        format!("{page:#}\n")
    }

    /// The HTML form, newest files first: people read it too.
    pub(crate) fn html(&self) -> String {
        let mut files: Vec<&Entry> = self.files.iter().collect();
        files.sort_by_key(|entry| Reverse(entry.version()));
        page(&format!("Links for {}", self.name), files.into_iter().map(Entry::html))
    }
}

/// The page of all projects.
pub(crate) struct RootPage(pub(crate) BTreeSet<ProjectName>);

impl RootPage {
    /// Reads the JSON form; what is none says nothing.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let projects = value.get("projects").and_then(Value::as_array).into_iter().flatten();
        Self(projects.filter_map(|project| project.get("name")?.as_str()?.parse().ok()).collect())
    }

    /// The JSON form.
    pub(crate) fn json(&self) -> String {
        let projects: Vec<Value> = self.0.iter().map(|name| json!({"name": name.to_string()})).collect();
        format!("{:#}\n", json!({"meta": {"api-version": "1.1"}, "projects": projects}))
    }

    /// The HTML form.
    pub(crate) fn html(&self) -> String {
        page("Simple index", self.0.iter().map(|name| format!("<a href=\"{name}/\">{name}</a><br>\n")))
    }
}

fn page(title: &str, links: impl Iterator<Item = String>) -> String {
    let links: Vec<String> = links.collect();
    let links = links.concat();
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"1.1\">\n<title>{title}</title>\n</head>\n<body>\n\
         <h1>{title}</h1>\n{links}</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A file name as a part of a URL: of what names of distributions have, `+` and `!` alone mean something to somebody.
fn escape_path(name: &str) -> String {
    crate::aws::sigv4::encode(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(filename: &str) -> Entry {
        Entry {
            filename: filename.to_owned(),
            sha256: "ab".repeat(32),
            size: 7,
            requires_python: Some(">=3.9,<4".to_owned()),
            uploaded: "2026-01-02T03:04:05Z".to_owned(),
            metadata: Some("cd".repeat(32)),
            yanked: None,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut page = ProjectPage::empty(&"My.App".parse().unwrap());
        page.insert(entry("my_app-1.10-py3-none-any.whl"));
        page.insert(Entry { yanked: Some(String::new()), ..entry("my_app-1.9-py3-none-any.whl") });
        let last = Entry {
            yanked: Some("<bad>".to_owned()),
            metadata: None,
            requires_python: None,
            ..entry("my_app-1.0+x.1.tar.gz")
        };
        page.insert(last.clone());
        page.insert(last);
        assert_eq!(ProjectPage::read(page.json().as_bytes()), Some(page.clone()));
        let names: Vec<&str> = page.files.iter().map(|entry| entry.filename.as_str()).collect();
        let sorted = ["my_app-1.0+x.1.tar.gz", "my_app-1.9-py3-none-any.whl", "my_app-1.10-py3-none-any.whl"];
        assert_eq!(names, sorted);
        let html = page.html();
        assert!(html.contains("href=\"../../files/my_app-1.0%2Bx.1.tar.gz#sha256=abab"), "{html}");
        assert!(html.contains(" data-yanked=\"&lt;bad&gt;\">"), "{html}");
        assert!(html.contains(" data-requires-python=\"&gt;=3.9,&lt;4\""), "{html}");
    }

    #[test]
    fn the_page_of_all_projects_keeps_those_it_had() {
        let mut root = RootPage::read(b"no json");
        root.0.insert("b".parse().unwrap());
        let mut again = RootPage::read(root.json().as_bytes());
        again.0.insert("A_a".parse().unwrap());
        assert!(again.html().contains("<a href=\"a-a/\">a-a</a><br>\n<a href=\"b/\">b</a><br>\n"));
    }
}
