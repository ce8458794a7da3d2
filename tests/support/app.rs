//! An app as a packager ships it and a user starts it: the chainable builder that every promise stands on.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::eventually;
use super::index::Index;
use super::outcome::{Outcome, Redactions};
use super::python;
use super::start::Start;

/// Something that can stand as a source's address in `launcher.toml`.
pub trait Address {
    fn address(&self) -> String;
}

impl Address for &Index {
    fn address(&self) -> String {
        self.url()
    }
}

impl Address for &str {
    fn address(&self) -> String {
        (*self).to_owned()
    }
}

impl Address for String {
    fn address(&self) -> String {
        self.clone()
    }
}

impl Address for &Path {
    fn address(&self) -> String {
        self.to_str().unwrap().to_owned()
    }
}

/// A temporary world: the app's folder with launcher and config, a home, a cache, and nothing else.
///
/// ```text
/// [DIR]/app/myapp  [DIR]/app/launcher.toml  [DIR]/home  [DIR]/cache  [DIR]/bin/python3
/// ```
pub struct App {
    directory: TempDir,
    name: String,
    tables: BTreeMap<&'static str, Vec<(String, Value)>>,
    sources: Vec<Vec<(String, Value)>>,
    text: Option<String>,
    environment: BTreeMap<OsString, Option<OsString>>,
    redactions: Redactions,
}

impl App {
    /// `myapp`, with an empty config.
    pub fn new() -> Self {
        Self::named("myapp")
    }

    /// An app whose executable has that name.
    pub fn named(name: &str) -> Self {
        // Below target/, so that the launcher can be hard-linked: a copy that is still open for writing in one
        // thread while another forks cannot be executed ("text file busy").
        let directory =
            tempfile::Builder::new().prefix("app-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = directory.path().canonicalize().unwrap();
        for folder in ["app", "home", "cache", "bin", "tmp"] {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        std::fs::hard_link(env!("CARGO_BIN_EXE_launcher"), root.join("app").join(name)).unwrap();
        std::os::unix::fs::symlink(python::path(), root.join("bin/python3")).unwrap();
        let hidden = [(root.as_path(), "[DIR]"), (python::path(), "[PYTHON]")];
        let hidden = hidden.map(|(path, word)| (path.to_str().unwrap().to_owned(), word.to_owned()));
        Self {
            directory,
            name: name.to_owned(),
            tables: BTreeMap::new(),
            sources: vec![],
            text: None,
            environment: BTreeMap::new(),
            redactions: Redactions(hidden.to_vec()),
        }
    }

    /// `myapp:main` from that index, checked at every start.
    pub fn of(index: &Index) -> Self {
        Self::new().requirements(["myapp"]).entry("myapp:main").source(index).update("interval", "0s")
    }

    // launcher.toml

    /// Sets `[app] requirements`.
    pub fn requirements<const N: usize>(self, requirements: [&str; N]) -> Self {
        self.app("requirements", requirements.to_vec())
    }

    /// Sets `[app] entry`.
    pub fn entry(self, entry: &str) -> Self {
        self.app("entry", entry)
    }

    /// Sets a key of `[app]`.
    pub fn app(self, key: &str, value: impl Into<Value>) -> Self {
        self.set("app", key, value.into())
    }

    /// Sets a key of `[python]`.
    pub fn python(self, key: &str, value: impl Into<Value>) -> Self {
        self.set("python", key, value.into())
    }

    /// Sets a key of `[update]`.
    pub fn update(self, key: &str, value: impl Into<Value>) -> Self {
        self.set("update", key, value.into())
    }

    /// Sets a key of `[verify]`.
    pub fn verify(self, key: &str, value: impl Into<Value>) -> Self {
        self.set("verify", key, value.into())
    }

    /// Sets a key of `[hooks]`.
    pub fn hook(self, key: &str, value: impl Into<Value>) -> Self {
        self.set("hooks", key, value.into())
    }

    /// Sets a key of `[network]`.
    pub fn network(self, key: &str, value: impl Into<Value>) -> Self {
        self.set("network", key, value.into())
    }

    /// Adds a `[[source]]`; its type is inferred where it is no index.
    pub fn source(mut self, address: impl Address) -> Self {
        self.sources.push(vec![("url".to_owned(), address.address().into())]);
        if address.address().ends_with("/simple/") {
            return self.source_key("type", "index");
        }
        self
    }

    /// Adds a `[[source]]` of that type.
    pub fn source_of_type(mut self, kind: &str, address: impl Address) -> Self {
        self.sources.push(vec![("url".to_owned(), address.address().into())]);
        self.source_key("type", kind)
    }

    /// Sets a key of the source that was added last.
    pub fn source_key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.sources.last_mut().unwrap().push((key.to_owned(), value.into()));
        self
    }

    /// Takes all sources away.
    pub fn without_sources(mut self) -> Self {
        self.sources.clear();
        self
    }

    /// The whole `launcher.toml` as it stands, whatever else was chained.
    pub fn config(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    fn set(mut self, table: &'static str, key: &str, value: Value) -> Self {
        let keys = self.tables.entry(table).or_default();
        keys.retain(|(known, _)| known != key);
        keys.push((key.to_owned(), value));
        self
    }

    fn config_text(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let mut app = vec![("name".to_owned(), Value::from(self.name.as_str()))];
        app.extend(self.tables.get("app").into_iter().flatten().cloned());
        let mut text = table("[app]", &app);
        for (name, keys) in self.tables.iter().filter(|(name, _)| **name != "app") {
            text += &table(&format!("[{name}]"), keys);
        }
        self.sources.iter().fold(text, |text, keys| text + &table("[[source]]", keys))
    }

    // its surroundings

    /// Sets an environment variable for every run.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Takes an environment variable away for every run.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.environment.insert(name.into(), None);
        self
    }

    /// Writes a file into the app's folder.
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    /// Shows `text` as `word` in what is compared.
    pub fn redact(mut self, text: &str, word: &str) -> Self {
        self.redactions.0.push((text.to_owned(), word.to_owned()));
        self
    }

    /// All of this app's world.
    pub fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// Where launcher and config lie.
    pub fn folder(&self) -> PathBuf {
        self.root().join("app")
    }

    /// The launcher under the app's name.
    pub fn executable(&self) -> PathBuf {
        self.folder().join(&self.name)
    }

    /// What `EVERFRESH_CACHE` is.
    pub fn cache(&self) -> PathBuf {
        self.root().join("cache")
    }

    /// Every file in the cache, sorted, relative to [`App::cache`].
    pub fn cached(&self) -> Vec<PathBuf> {
        let cache = self.cache();
        let mut files = vec![];
        walk(&cache, &mut files);
        let mut files: Vec<_> =
            files.iter().map(|file| file.strip_prefix(&cache).unwrap().to_owned()).collect();
        files.sort();
        files
    }

    /// Absolute paths of the files of that name in the cache; there must be one at least.
    #[track_caller]
    pub fn cached_named(&self, name: &str) -> Vec<PathBuf> {
        let all = self.cached();
        let found: Vec<_> = all.iter().filter(|path| path.file_name() == Some(OsStr::new(name))).collect();
        assert!(!found.is_empty(), "no '{name}' in the cache; there is {all:#?}");
        found.into_iter().map(|path| self.cache().join(path)).collect()
    }

    /// Waits until nothing of the launcher is at work any more: an updater goes on after the start that it served.
    pub fn settle(&self) -> &Self {
        eventually("the updater has ended", || {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let executables =
                processes.filter_map(|process| std::fs::read_link(process.path().join("exe")).ok());
            !executables.into_iter().any(|executable| executable == self.executable())
        });
        self
    }

    /// The launch record, for tests that damage it.
    #[track_caller]
    pub fn record(&self) -> PathBuf {
        self.own_file("record")
    }

    /// The state, for tests that damage it.
    #[track_caller]
    pub fn state(&self) -> PathBuf {
        self.own_file("state.json")
    }

    /// A file of this app's own: `everfresh/apps/<id>/<name>`, not one of a package that has that name.
    #[track_caller]
    fn own_file(&self, name: &str) -> PathBuf {
        let found = self.cached_named(name).into_iter();
        let mut own = found.filter(|path| path.iter().rev().nth(2) == Some(OsStr::new("apps")));
        own.next().unwrap_or_else(|| panic!("the app has no '{name}'; there is {:#?}", self.cached()))
    }

    // runs

    /// Starts the app as its user would, and waits.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Outcome {
        self.start(arguments).run()
    }

    /// Runs the packager's tool in the app's home.
    #[track_caller]
    pub fn tool<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Outcome {
        self.start_tool(arguments).run()
    }

    /// A start of the packager's tool, to be changed before it runs.
    pub fn start_tool<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Start {
        self.start_of(PathBuf::from(env!("CARGO_BIN_EXE_everfresh")), arguments)
    }

    /// A start of the app, to be changed before it runs.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Start {
        self.start_of(self.executable(), arguments)
    }

    fn start_of<A: AsRef<OsStr>>(&self, program: PathBuf, arguments: &[A]) -> Start {
        self.write_config();
        let root = self.root();
        let own = [
            ("PATH", root.join("bin")),
            ("HOME", root.join("home")),
            ("TMPDIR", root.join("tmp")),
            ("EVERFRESH_CACHE", self.cache()),
            ("LANG", PathBuf::from("C.UTF-8")),
        ];
        let mut environment: BTreeMap<OsString, OsString> =
            own.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        for (name, value) in &self.environment {
            match value {
                Some(value) => drop(environment.insert(name.clone(), value.clone())),
                None => drop(environment.remove(name)),
            }
        }
        Start {
            program,
            arguments: arguments.iter().map(|argument| argument.as_ref().to_owned()).collect(),
            environment,
            directory: root.join("home"),
            input: vec![],
            wrappers: vec![],
            redactions: self.redactions.clone(),
        }
    }

    /// A config that is as it was stays untouched: its inode and time are part of what the launcher looks at.
    fn write_config(&self) {
        let path = self.folder().join("launcher.toml");
        let text = self.config_text();
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            std::fs::write(&path, text).unwrap();
        }
    }

    /// Runs the app under strace; the system calls of the launcher itself, up to the start of Python.
    #[track_caller]
    pub fn system_calls<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Vec<String> {
        let log = self.root().join("strace.log");
        let mut start = self.start(arguments);
        let strace =
            ["/usr/bin/strace", "-qq", "-s", "4096", "-o", log.to_str().unwrap()].map(OsString::from);
        start.wrappers.insert(0, strace.to_vec());
        let outcome = start.run();
        let text = std::fs::read_to_string(&log)
            .unwrap_or_else(|error| panic!("strace left nothing behind: {error}\n{}", outcome.err()));
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let second = lines.iter().skip(1).position(|line| line.starts_with("execve("));
        let second = second.unwrap_or_else(|| panic!("the launcher never started Python:\n{text}")) + 1;
        lines[..=second].to_vec()
    }
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

fn table(header: &str, keys: &[(String, Value)]) -> String {
    let mut text = format!("{header}\n");
    for (key, value) in keys {
        let _ = writeln!(text, "{key} = {}", toml_value(value));
    }
    text + "\n"
}

/// JSON's strings, numbers, booleans and lists are TOML's; only tables differ.
fn toml_value(value: &Value) -> String {
    let Value::Object(keys) = value else { return value.to_string() };
    let keys: Vec<_> = keys.iter().map(|(key, value)| format!("{key} = {}", toml_value(value))).collect();
    format!("{{ {} }}", keys.join(", "))
}
