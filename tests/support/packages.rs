//! Builders of real distributions, and of ones that lie: wheels, eggs, sdists, pipper packages, byte by byte.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::Digest as _;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::distribution::Distribution;
use super::response::base64_url;

/// What all kinds of distributions tell of themselves.
#[derive(Debug, Clone, Default)]
struct About {
    name: String,
    version: String,
    requires: Vec<String>,
    extras: Vec<String>,
    requires_python: Option<String>,
    files: Vec<Member>,
}

#[derive(Debug, Clone)]
struct Member {
    path: String,
    contents: Vec<u8>,
    mode: u32,
}

impl About {
    fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), ..Self::default() }
    }

    /// The name as file names have it.
    fn stem(&self) -> String {
        format!("{}-{}", self.name.replace('-', "_"), self.version)
    }

    fn metadata(&self) -> String {
        let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        for extra in &self.extras {
            let _ = writeln!(text, "Provides-Extra: {extra}");
        }
        for requirement in &self.requires {
            let _ = writeln!(text, "Requires-Dist: {requirement}");
        }
        if let Some(specifier) = &self.requires_python {
            let _ = writeln!(text, "Requires-Python: {specifier}");
        }
        text
    }

    fn distribution(&self, filename: String, bytes: Vec<u8>) -> Distribution {
        Distribution {
            project: self.name.clone(),
            version: self.version.clone(),
            filename,
            bytes,
            metadata: self.metadata(),
            requires_python: self.requires_python.clone(),
            yanked: None,
            uploaded: None,
            claimed_sha256: None,
            claimed_size: None,
        }
    }
}

/// The verbs that every builder has.
macro_rules! about {
    ($builder:ident) => {
        impl $builder {
            /// Adds a file at that path inside.
            pub fn file(mut self, path: &str, contents: impl AsRef<[u8]>) -> Self {
                let contents = contents.as_ref().to_vec();
                self.about.files.push(Member { path: path.to_owned(), contents, mode: 0o644 });
                self
            }

            /// Adds a file with its execute bits set.
            pub fn executable(mut self, path: &str, contents: impl AsRef<[u8]>) -> Self {
                let contents = contents.as_ref().to_vec();
                self.about.files.push(Member { path: path.to_owned(), contents, mode: 0o755 });
                self
            }

            /// A module of that name that prints its project's version and its arguments from `main`.
            pub fn printing_module(self, module: &str) -> Self {
                let version = self.about.version.clone();
                let name = self.about.name.clone();
                self.file(
                    &format!("{module}/__init__.py"),
                    format!(
                        "import sys\n__version__ = {version:?}\ndef main():\n    \
                         print({name:?}, __version__, *sys.argv[1:])\n"
                    ),
                )
            }

            /// Adds a requirement (PEP 508).
            pub fn requires(mut self, requirement: &str) -> Self {
                self.about.requires.push(requirement.to_owned());
                self
            }

            /// Adds a requirement of an extra.
            pub fn requires_for(mut self, extra: &str, requirement: &str) -> Self {
                if !self.about.extras.iter().any(|known| known == extra) {
                    self.about.extras.push(extra.to_owned());
                }
                self.about.requires.push(format!("{requirement}; extra == '{extra}'"));
                self
            }

            /// Which Pythons it is for.
            pub fn requires_python(mut self, specifier: &str) -> Self {
                self.about.requires_python = Some(specifier.to_owned());
                self
            }

            /// The file's bytes.
            pub fn build(&self) -> Vec<u8> {
                self.distribution().bytes
            }

            /// Builds it into a directory, under its name.
            pub fn write_to(&self, directory: &Path) -> PathBuf {
                self.distribution().write_to(directory)
            }
        }

        impl From<$builder> for Distribution {
            fn from(builder: $builder) -> Self {
                builder.distribution()
            }
        }
    };
}

about!(Wheel);
about!(Egg);
about!(Sdist);

/// How a wheel's RECORD tells the untruth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFlaw {
    /// There is none.
    Missing,
    /// The first file has another hash there.
    WrongHash,
    /// The first file is not in it.
    Forgets,
    /// A file is in it that is not in the archive.
    Invents,
}

/// A wheel (PEP 427).
#[derive(Debug, Clone)]
pub struct Wheel {
    about: About,
    tag: String,
    build: Option<String>,
    entry_points: Vec<(String, String)>,
    purelib: bool,
    flaw: Option<RecordFlaw>,
    metadata: Option<String>,
}

impl Wheel {
    /// An empty `py3-none-any` wheel.
    pub fn new(name: &str, version: &str) -> Self {
        let about = About::new(name, version);
        let tag = "py3-none-any".to_owned();
        Self { about, tag, build: None, entry_points: vec![], purelib: true, flaw: None, metadata: None }
    }

    /// The app that most tests start: `myapp` whose `myapp:main` prints its version and arguments.
    pub fn app(version: &str) -> Self {
        Self::new("myapp", version).printing_module("myapp")
    }

    /// Compressed tag set, as `cp311-cp311-manylinux_2_17_x86_64`.
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    pub fn build_tag(mut self, tag: &str) -> Self {
        self.build = Some(tag.to_owned());
        self
    }

    pub fn platlib(mut self) -> Self {
        self.purelib = false;
        self
    }

    /// A console script: its name and `module:function`.
    pub fn entry_point(mut self, name: &str, target: &str) -> Self {
        self.entry_points.push((name.to_owned(), target.to_owned()));
        self
    }

    /// Writes a RECORD that is wrong in this way.
    pub fn corrupt_record(mut self, flaw: RecordFlaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    /// Puts this text for METADATA into the archive.
    pub fn metadata(mut self, text: &str) -> Self {
        self.metadata = Some(text.to_owned());
        self
    }

    pub fn distribution(&self) -> Distribution {
        let stem = self.about.stem();
        let build = self.build.as_ref().map(|build| format!("-{build}")).unwrap_or_default();
        let filename = format!("{stem}{build}-{}.whl", self.tag);
        let members = self.members(&format!("{stem}.dist-info"));
        self.about.distribution(filename, zip_of(&members))
    }

    fn members(&self, dist_info: &str) -> Vec<Member> {
        let mut members = self.about.files.clone();
        let mut add = |name: &str, contents: String| {
            let path = format!("{dist_info}/{name}");
            members.push(Member { path, contents: contents.into_bytes(), mode: 0o644 });
        };
        add("METADATA", self.metadata.clone().unwrap_or_else(|| self.about.metadata()));
        add("WHEEL", self.wheel_file());
        if !self.entry_points.is_empty() {
            let scripts = self.entry_points.iter().map(|(name, target)| format!("{name} = {target}\n"));
            add("entry_points.txt", format!("[console_scripts]\n{}", scripts.collect::<String>()));
        }
        if self.flaw != Some(RecordFlaw::Missing) {
            let record = self.record(&members, dist_info);
            members.push(Member {
                path: format!("{dist_info}/RECORD"),
                contents: record.into(),
                mode: 0o644,
            });
        }
        members
    }

    fn wheel_file(&self) -> String {
        let mut text = format!(
            "Wheel-Version: 1.0\nGenerator: everfresh-tests\nRoot-Is-Purelib: {}\n",
            if self.purelib { "true" } else { "false" }
        );
        if let Some(build) = &self.build {
            let _ = writeln!(text, "Build: {build}");
        }
        let parts: Vec<Vec<&str>> = self.tag.split('-').map(|part| part.split('.').collect()).collect();
        for python in &parts[0] {
            for abi in &parts[1] {
                for platform in &parts[2] {
                    let _ = writeln!(text, "Tag: {python}-{abi}-{platform}");
                }
            }
        }
        text
    }

    fn record(&self, members: &[Member], dist_info: &str) -> String {
        let mut record = String::new();
        for (at, member) in members.iter().enumerate() {
            let contents = match self.flaw {
                Some(RecordFlaw::WrongHash) if at == 0 => b"something else".as_slice(),
                Some(RecordFlaw::Forgets) if at == 0 => continue,
                _ => &member.contents,
            };
            let digest = base64_url(&sha2::Sha256::digest(contents));
            let _ = writeln!(record, "{},sha256={digest},{}", member.path, member.contents.len());
        }
        if self.flaw == Some(RecordFlaw::Invents) {
            let digest = base64_url(&sha2::Sha256::digest(b""));
            let _ = writeln!(record, "invented.py,sha256={digest},0");
        }
        let _ = writeln!(record, "{dist_info}/RECORD,,");
        record
    }
}

/// A setuptools egg: a zip, or a directory by [`Egg::write_directory`].
#[derive(Debug, Clone)]
pub struct Egg {
    about: About,
    python: String,
    zip_safe: bool,
}

impl Egg {
    /// An empty, zip-safe egg for the Python of the tests.
    pub fn new(name: &str, version: &str) -> Self {
        let python = super::python::version().to_owned();
        Self { about: About::new(name, version), python, zip_safe: true }
    }

    /// The `X.Y` it is for.
    pub fn python(mut self, version: &str) -> Self {
        version.clone_into(&mut self.python);
        self
    }

    pub fn not_zip_safe(mut self) -> Self {
        self.zip_safe = false;
        self
    }

    pub fn filename(&self) -> String {
        format!("{}-py{}.egg", self.about.stem(), self.python)
    }

    pub fn distribution(&self) -> Distribution {
        self.about.distribution(self.filename(), zip_of(&self.members()))
    }

    /// Lays it out as a directory of the egg's name; its path.
    pub fn write_directory(&self, parent: &Path) -> PathBuf {
        let root = parent.join(self.filename());
        for member in self.members() {
            write_member(&root, &member);
        }
        root
    }

    fn members(&self) -> Vec<Member> {
        let mut members = self.about.files.clone();
        let mut add = |name: &str, contents: String| {
            let path = format!("EGG-INFO/{name}");
            members.push(Member { path, contents: contents.into_bytes(), mode: 0o644 });
        };
        add("PKG-INFO", self.about.metadata());
        add(if self.zip_safe { "zip-safe" } else { "not-zip-safe" }, "\n".to_owned());
        let plain = self.about.requires.iter().filter(|line| !line.contains(';'));
        add("requires.txt", plain.map(|line| format!("{line}\n")).collect());
        members
    }
}

/// A source distribution: `.tar.gz` with PKG-INFO, `pyproject.toml` and `setup.py`.
#[derive(Debug, Clone)]
pub struct Sdist {
    about: About,
}

impl Sdist {
    pub fn new(name: &str, version: &str) -> Self {
        Self { about: About::new(name, version) }
    }

    pub fn distribution(&self) -> Distribution {
        let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut archive = tar::Builder::new(encoder);
        for member in self.members() {
            let mut header = tar::Header::new_gnu();
            header.set_size(member.contents.len() as u64);
            header.set_mode(member.mode);
            header.set_mtime(315_532_800);
            let path = format!("{}/{}", self.about.stem(), member.path);
            archive.append_data(&mut header, path, member.contents.as_slice()).unwrap();
        }
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        self.about.distribution(format!("{}.tar.gz", self.about.stem()), bytes)
    }

    fn members(&self) -> Vec<Member> {
        let mut members = self.about.files.clone();
        let requires: Vec<String> =
            self.about.requires.iter().map(|line| serde_json::json!(line).to_string()).collect();
        let mut add = |path: &str, contents: String| {
            let known = members.iter().any(|member| member.path == path);
            if !known {
                members.push(Member { path: path.to_owned(), contents: contents.into_bytes(), mode: 0o644 });
            }
        };
        add("PKG-INFO", self.about.metadata());
        add(
            "pyproject.toml",
            format!(
                "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\n\
                 [project]\nname = {:?}\nversion = {:?}\ndependencies = [{}]\n",
                self.about.name,
                self.about.version,
                requires.join(", ")
            ),
        );
        add("setup.py", "from setuptools import setup\nsetup()\n".to_owned());
        members
    }
}

/// A pipper package as `pipper bundle` (0.10.4) makes it: `package.whl` and `package.meta`, stored.
#[derive(Debug, Clone)]
pub struct Pipper {
    wheel: Distribution,
    semver: String,
    meta: serde_json::Map<String, Value>,
    more: Vec<Member>,
}

impl Pipper {
    /// A package of that wheel in that semantic version, which is the wheel's own in other words.
    pub fn new(wheel: impl Into<Distribution>, semver: &str) -> Self {
        let wheel = wheel.into();
        let (rest, build) = semver.split_once('+').unwrap_or((semver, ""));
        let (release, pre) = rest.split_once('-').unwrap_or((rest, ""));
        let mut safe = format!("v{}", release.replace('.', "-"));
        for (head, part) in [("__pre_", pre), ("__build_", build)] {
            if !part.is_empty() {
                let _ = write!(safe, "{head}{}", part.replace('.', "_"));
            }
        }
        let meta = json!({
            "name": wheel.project, "wheel_name": wheel.filename, "version": semver, "safe_version": safe,
            "timestamp": "2020-01-31T12:00:00.000000",
        });
        let Value::Object(meta) = meta else { unreachable!() };
        Self { wheel, semver: semver.to_owned(), meta, more: vec![] }
    }

    /// The app that most tests start.
    pub fn app(version: &str) -> Self {
        Self::new(Wheel::app(version), version)
    }

    /// Sets a key of `package.meta`, such as `dependencies`, `pypi`, `conda`.
    pub fn meta(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a member.
    pub fn file(mut self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let contents = contents.as_ref().to_vec();
        self.more.push(Member { path: path.to_owned(), contents, mode: 0o644 });
        self
    }

    fn safe_version(&self) -> &str {
        self.meta["safe_version"].as_str().unwrap()
    }

    /// Where it lies below a bucket's prefix: `name/v1-2-3.pipper`.
    pub fn key(&self) -> String {
        format!("{}/{}.pipper", self.wheel.project, self.safe_version())
    }

    pub fn build(&self) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default());
        let meta = serde_json::to_vec(&self.meta).unwrap();
        let own = [("package.whl", &self.wheel.bytes), ("package.meta", &meta)];
        let more = self.more.iter().map(|member| (member.path.as_str(), &member.contents));
        for (path, contents) in own.into_iter().chain(more) {
            writer.start_file(path, options).unwrap();
            writer.write_all(contents).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// The file as `pipper bundle` names it.
    pub fn distribution(&self) -> Distribution {
        let filename = format!("{}-{}.pipper", self.wheel.project, self.safe_version());
        let version = self.semver.clone();
        Distribution { filename, version, bytes: self.build(), ..self.wheel.clone() }
    }

    /// Writes it below a folder as a bucket has it below its prefix.
    pub fn publish_to(&self, prefix: &Path) -> PathBuf {
        let path = prefix.join(self.key());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, self.build()).unwrap();
        path
    }
}

impl From<Pipper> for Distribution {
    fn from(builder: Pipper) -> Self {
        builder.distribution()
    }
}

fn zip_of(members: &[Member]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(member.mode)
            .last_modified_time(zip::DateTime::default());
        writer.start_file(member.path.as_str(), options).unwrap();
        writer.write_all(&member.contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn write_member(root: &Path, member: &Member) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = root.join(&member.path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, &member.contents).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(member.mode)).unwrap();
}
