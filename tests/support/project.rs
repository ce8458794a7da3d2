//! Source code that has to be built: a project with a build backend of its own (PEP 517, `backend-path`), so that
//! its build needs nothing else. Every build is noted in the file `$BUILDS`.

use std::path::Path;

use super::packages::Sdist;

const BACKEND: &str = r#"
import base64, hashlib, os, zipfile

NAME, VERSION, REQUIRES = @NAME@, @VERSION@, @REQUIRES@

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.environ["BUILDS"], "a") as builds:
        builds.write(VERSION + "\n")
    name, version, requires, files = NAME, VERSION, REQUIRES, {}
    with open("app.py") as app:
        files["myapp.py"] = app.read()
@EXTRA@
    stem = name + "-" + version
    lines = ["Metadata-Version: 2.1", "Name: " + name, "Version: " + version]
    lines += ["Requires-Dist: " + requirement for requirement in requires]
    files[stem + ".dist-info/METADATA"] = "\n".join(lines) + "\n"
    files[stem + ".dist-info/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (path, digest, len(text.encode()))
    files[stem + ".dist-info/RECORD"] = record + stem + ".dist-info/RECORD,,\n"
    filename = stem + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, filename), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return filename
"#;

/// The project `myapp` as its source code is.
#[derive(Debug, Clone)]
pub struct Project {
    version: String,
    requires: Vec<String>,
    extra: String,
    hook: String,
    pyproject: String,
    prints: String,
}

impl Project {
    /// Its module prints `myapp` and the version.
    pub fn app(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            requires: vec![],
            extra: String::new(),
            hook: String::new(),
            pyproject: "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['tools']\n"
                .into(),
            prints: format!("myapp {version}"),
        }
    }

    /// What its module prints.
    pub fn printing(mut self, text: &str) -> Self {
        text.clone_into(&mut self.prints);
        self
    }

    /// What only its build tells that it requires.
    pub fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// A line of Python in the middle of its build, which may change `name`, `version`, `requires` and `files`.
    pub fn building(mut self, line: &str) -> Self {
        self.extra.extend(["    ", line, "\n"]);
        self
    }

    /// A further hook of its backend.
    pub fn hook(mut self, python: &str) -> Self {
        python.clone_into(&mut self.hook);
        self
    }

    /// Another `pyproject.toml`.
    pub fn pyproject(mut self, text: &str) -> Self {
        text.clone_into(&mut self.pyproject);
        self
    }

    /// All of its files.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let backend = BACKEND
            .replace("@NAME@", "'myapp'")
            .replace("@VERSION@", &format!("{:?}", self.version))
            .replace("@REQUIRES@", &format!("{:?}", self.requires))
            .replace("@EXTRA@\n", &self.extra)
            + &self.hook;
        vec![
            ("pyproject.toml", self.pyproject.clone()),
            ("tools/backend.py", backend),
            ("native.c", "int main(void) { return 0; }\n".to_owned()),
            ("app.py", format!("def main():\n    print({:?})\n", self.prints)),
        ]
    }

    /// As an sdist that says of itself, as older ones do, that it requires nothing.
    pub fn sdist(&self) -> Sdist {
        let sdist = Sdist::new("myapp", &self.version);
        self.files().into_iter().fold(sdist, |sdist, (path, text)| sdist.file(path, text))
    }

    /// As an sdist that says of itself that only a build tells what it requires (PEP 643).
    pub fn open_sdist(&self) -> Sdist {
        let version = &self.version;
        let metadata =
            format!("Metadata-Version: 2.2\nName: myapp\nVersion: {version}\nDynamic: Requires-Dist\n");
        self.sdist().file("PKG-INFO", metadata)
    }

    /// Writes it into a directory.
    pub fn write_to(&self, directory: &Path) {
        for (path, text) in self.files() {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
}

/// How often something was built, by the versions.
pub fn builds(notes: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(notes.join("builds")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
