//! `everfresh lock`: requirements become exact files, for several interpreters, the same ones until somebody says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::support::outcome::Outcome;
use crate::support::{App, Index, Response, Sdist, Server, Wheel, daemon};

/// A folder in which things are locked, and an index.
struct Desk {
    app: App,
    folder: TempDir,
    index: Index,
}

impl Desk {
    fn new() -> Self {
        Self::with(Index::new())
    }

    fn with(index: Index) -> Self {
        Self { app: App::new(), folder: tempfile::tempdir().unwrap(), index }
    }

    fn add(&self, wheel: Wheel) -> &Self {
        self.index.add(wheel);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    /// Locks in the folder, for Python 3.11 on Linux unless said otherwise.
    fn lock(&self, words: &[&str]) -> Outcome {
        let url = self.index.url();
        let mut all = vec!["lock", "--index", &url];
        all.extend(words);
        self.app.start_tool(&all).cwd(self.folder.path()).run()
    }

    fn lock_here(&self, words: &[&str]) -> Outcome {
        let all = [&["--python", "3.11", "--platform", "linux-x86_64"], words].concat();
        self.lock(&all)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path("pylock.toml"))
            .unwrap()
            .replace(self.index.server().url("/").trim_end_matches('/'), "[INDEX]")
    }

    /// Names, versions and markers in the lock.
    fn locked(&self) -> Vec<String> {
        let lock = everfresh::package::lock::Lock::parse(&self.text()).unwrap();
        let shown = lock.packages.iter().map(|package| {
            let marker = package
                .marker
                .as_ref()
                .map(|marker| format!("; {marker}").replace('"', "'"))
                .unwrap_or_default();
            format!("{}=={}{marker}", package.name, package.version.as_ref().unwrap())
        });
        shown.collect()
    }
}

const HERE: &str = "Python 3.11 on linux-x86_64";

#[test]
fn a_lock_has_every_file_that_any_target_could_use_with_all_that_the_index_says() {
    let desk = Desk::new();
    let fast =
        |tag: &str| Wheel::new("fast", "1.0").tag(tag).distribution().uploaded("2026-01-31T12:00:00.000000Z");
    let tags = ["cp310-cp310-manylinux_2_17_x86_64", "cp311-cp311-macosx_11_0_arm64", "cp39-cp39-win_amd64"];
    for tag in tags {
        desk.index.add(fast(tag));
    }
    desk.index.add(Sdist::new("fast", "1.0").distribution());
    desk.index.add(Wheel::new("myapp", "1.0").requires("fast").requires("winonly; sys_platform == 'win32'"));
    let words = [
        "--platform",
        "linux-x86_64",
        "--platform",
        "macos",
        "--python",
        "3.11",
        "--python",
        "3.10",
        "myapp",
    ];
    let of = |distribution: &crate::support::distribution::Distribution| {
        format!(
            "size = {}, hashes = {{ sha256 = \"{}\" }} }}",
            distribution.bytes.len(),
            distribution.sha256()
        )
    };
    let said = "fast: 1.0 is new\nmyapp: 1.0 is new\npylock.toml is written: 2 packages for \
                Python 3.10 on linux-x86_64, Python 3.10 on macos, Python 3.11 on linux-x86_64, Python 3.11 on macos\n";
    desk.lock(&words).prints(said);
    let expected = format!(
        "lock-version = \"1.0\"
environments = [
    \"sys_platform == 'darwin' and platform_machine == 'arm64' and python_version == '3.10'\",
    \"sys_platform == 'darwin' and platform_machine == 'arm64' and python_version == '3.11'\",
    \"sys_platform == 'linux' and platform_machine == 'x86_64' and python_version == '3.10'\",
    \"sys_platform == 'linux' and platform_machine == 'x86_64' and python_version == '3.11'\",
]
requires-python = \">=3.10\"
created-by = \"everfresh\"

[[packages]]
name = \"fast\"
version = \"1.0\"
index = \"[INDEX]/simple\"
sdist = {{ name = \"fast-1.0.tar.gz\", url = \"[INDEX]/files/fast-1.0.tar.gz\", {}
wheels = [
    {{ name = \"fast-1.0-{}.whl\", upload-time = 2026-01-31T12:00:00Z, url = \"[INDEX]/files/fast-1.0-{}.whl\", {},
    {{ name = \"fast-1.0-{}.whl\", upload-time = 2026-01-31T12:00:00Z, url = \"[INDEX]/files/fast-1.0-{}.whl\", {},
]

[[packages]]
name = \"myapp\"
version = \"1.0\"
index = \"[INDEX]/simple\"
wheels = [
    {{ name = \"myapp-1.0-py3-none-any.whl\", url = \"[INDEX]/files/myapp-1.0-py3-none-any.whl\", {},
]
",
        of(&Sdist::new("fast", "1.0").distribution()),
        tags[0],
        tags[0],
        of(&fast(tags[0])),
        tags[1],
        tags[1],
        of(&fast(tags[1])),
        of(&Wheel::new("myapp", "1.0").requires("fast").requires("winonly; sys_platform == 'win32'").distribution()),
    );
    assert_eq!(desk.text(), expected);
}

#[test]
fn one_version_serves_all_where_it_can_and_markers_tell_apart_where_it_cannot() {
    let desk = Desk::new();
    desk.add(Wheel::new("old", "1.0")).add(Wheel::new("old", "2.0").requires_python(">=3.11"));
    desk.add(Wheel::new("split", "1.0").requires_python("<3.11"));
    desk.add(Wheel::new("split", "2.0").requires_python(">=3.11"));
    desk.add(Wheel::new("backport", "1.0")).add(Wheel::new("winonly", "1.0"));
    desk.add(
        Wheel::new("myapp", "1.0")
            .requires("old")
            .requires("split")
            .requires("backport; python_version < '3.11'")
            .requires("winonly; sys_platform == 'win32'"),
    );
    let pythons = ["--python", "3.10", "--python", "3.12"];
    let platforms = ["--platform", "linux-x86_64", "--platform", "linux-aarch64", "--platform", "windows"];
    desk.lock(&[&pythons[..], &platforms, &["myapp"]].concat()).status(0);
    let expected = [
        "backport==1.0; python_version == '3.10'",
        "myapp==1.0",
        "old==1.0",
        "split==1.0; python_version == '3.10'",
        "split==2.0; python_version == '3.12'",
        "winonly==1.0; sys_platform == 'win32'",
    ];
    assert_eq!(desk.locked(), expected);
}

#[test]
fn what_is_locked_stays_until_it_is_upgraded_and_the_same_lock_is_not_written_again() {
    let desk = Desk::new();
    desk.add(Wheel::new("myapp", "1.0").requires("dep")).add(Wheel::new("dep", "1.0"));
    desk.lock_here(&["myapp"]).prints(&format!(
        "dep: 1.0 is new\nmyapp: 1.0 is new\npylock.toml is written: 2 packages for {HERE}\n"
    ));
    desk.add(Wheel::new("myapp", "1.1").requires("dep")).add(Wheel::new("dep", "1.1"));
    let first = desk.text();
    let written = || std::fs::metadata(desk.path("pylock.toml")).unwrap().modified().unwrap();
    let before = written();
    desk.lock_here(&["myapp"]).prints(&format!("pylock.toml is up to date: 2 packages for {HERE}\n"));
    desk.lock_here(&["myapp", "--check"]).prints("");
    assert_eq!((desk.text(), written()), (first.clone(), before));
    desk.lock_here(&["myapp", "--upgrade-package", "dep", "--check"])
        .status(1)
        .stdout("dep: 1.0 becomes 1.1\n")
        .stderr("everfresh: error: pylock.toml is not up to date\nhint: everfresh lock writes it anew\n");
    assert_eq!(desk.text(), first);
    desk.lock_here(&["myapp", "--upgrade-package", "dep"])
        .prints(&format!("dep: 1.0 becomes 1.1\npylock.toml is written: 2 packages for {HERE}\n"));
    let report = desk.lock_here(&["myapp", "--upgrade", "--json"]).status(0).json();
    let expected = json!({
        "path": "pylock.toml",
        "written": true,
        "packages": [
            {"name": "dep", "version": "1.1", "marker": null},
            {"name": "myapp", "version": "1.1", "marker": null},
        ],
        "changes": [{"name": "myapp", "from": "1.0", "to": "1.1"}],
    });
    assert_eq!(report, expected);
    // A version that will not do any more does not stay.
    desk.lock_here(&["myapp", "dep<1.1"]).status(0).stdout_has("dep: 1.1 becomes 1.0\n");
}

#[test]
fn what_cannot_be_met_is_told_with_the_target() {
    let desk = Desk::new();
    desk.add(Wheel::new("myapp", "1.0").requires("dep>=2")).add(Wheel::new("dep", "1.0"));
    desk.lock_here(&["myapp"]).fails(
        1,
        "everfresh: error: for Python 3.11 on linux-x86_64: Because you require myapp,\n  \
         myapp 1.0 needs dep>=2,\n  and dep has only 1.0,\nthere is no solution\n\
         hint: loosen the requirements, or name further sources with --index or --source\n",
    );
    assert!(!desk.path("pylock.toml").exists());
    desk.add(Wheel::new("libc", "1.0").tag("cp311-cp311-manylinux_2_17_x86_64"));
    desk.add(Wheel::new("libc", "0.9").tag("cp311-cp311-musllinux_1_2_x86_64"));
    let both =
        ["--platform", "linux-x86_64", "--platform", "x86_64-unknown-linux-musl", "--python", "3.11", "libc"];
    desk.lock(&both).fails(
        1,
        "everfresh: error: Python 3.11 on x86_64-unknown-linux-musl and Python 3.11 on linux-x86_64 need other \
         versions of libc, and no marker tells them apart\n\
         hint: loosen the requirements, or name further sources with --index or --source\n",
    );
}

#[test]
fn a_command_line_that_cannot_be_meant_is_status_2() {
    let desk = Desk::new();
    for (words, message) in [
        (&[][..], "lock needs requirements, or a launcher.toml or a pyproject.toml here"),
        (&["--platform", "amiga", "a"], "'amiga' is no platform"),
        (&["--python", "three", "a"], "'three' is not a valid version"),
        (&["--upgrade-package", "-", "a"], "'-' is not a valid name"),
    ] {
        let expected = format!("everfresh: error: {message}\nhint: see: everfresh help lock\n");
        desk.lock(words).fails(2, &expected);
    }
}

const PYPROJECT: &str = "[project]\nname = \"My.App\"\nversion = \"1\"\ndependencies = [\"dep<2\"]\n\
                         [project.optional-dependencies]\nfast = [\"extra\"]\n";

#[test]
fn in_a_project_its_dependencies_are_locked_and_the_project_itself_from_its_own_wheel_alone() {
    let desk = Desk::new();
    desk.add(Wheel::new("dep", "1.0")).add(Wheel::new("dep", "2.0")).add(Wheel::new("extra", "1.0"));
    // Somebody else's.
    desk.add(Wheel::new("my-app", "9.9"));
    desk.write("pyproject.toml", PYPROJECT);
    let note = "everfresh: note: my-app itself is not locked: there is no wheel of it in dist/\n";
    desk.lock_here(&[]).status(0).stderr(note);
    assert_eq!(desk.locked(), ["dep==1.0"]);
    let launcher = "[app]\nname = \"x\"\nmodule = \"x\"\nrequirements = [\"my_app[fast]\"]\n\
                    [[source]]\nurl = \"https://packages.example.org/stable/pylock.toml\"\n";
    desk.write("launcher.toml", launcher);
    desk.lock_here(&[]).status(0).stderr(note);
    assert_eq!(desk.locked(), ["dep==1.0", "extra==1.0"]);
    for version in ["1.0", "1.1"] {
        let wheel = Wheel::new("my_app", version).requires("dep<2").requires_for("fast", "extra");
        wheel.write_to(&desk.path("dist"));
        desk.lock_here(&[]).status(0).stderr("");
        assert_eq!(desk.locked(), ["dep==1.0", "extra==1.0", &format!("my-app=={version}")]);
    }
    let text = desk.text();
    assert!(text.contains("path = \"dist/my_app-1.1-py3-none-any.whl\", size = "), "{text}");
    let named = ["--output", "release/pylock.toml"];
    std::fs::create_dir(desk.path("release")).unwrap();
    desk.lock_here(&named).status(0);
    let text = std::fs::read_to_string(desk.path("release/pylock.toml")).unwrap();
    assert!(text.contains("path = \"../dist/my_app-1.1-py3-none-any.whl\", size = "), "{text}");
}

#[test]
fn the_launcher_runs_what_was_locked() {
    let desk = Desk::new();
    desk.add(Wheel::app("1.0")).add(Wheel::app("1.1"));
    let python = format!("{}.{}", python().0, python().1);
    desk.lock(&["--python", &python, "myapp<1.1"]).status(0);
    let path = desk.path("pylock.toml");
    let app = App::new().requirements(["myapp"]).entry("myapp:main").source(path.to_str().unwrap());
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

/// The version of the Python that the tests run with.
fn python() -> (u32, u32) {
    let code = "import sys; print(*sys.version_info[:2])";
    let output = Command::new(daemon::tool("python")).args(["-c", code]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (major, minor) = text.trim().split_once(' ').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

#[test]
fn no_secret_gets_into_a_lock() {
    let desk = Desk::new();
    desk.add(Wheel::new("myapp", "1.0"));
    let url = desk.index.url().replace("://", "://reader:open-sesame@");
    let words = ["lock", "--index", &url, "--python", "3.11", "--platform", "linux", "myapp"];
    let outcome = desk.app.start_tool(&words).cwd(desk.folder.path()).run();
    outcome.status(0).stderr("");
    let text = desk.text();
    assert!(text.contains("index = \"[INDEX]/simple\"\n"), "{text}");
    assert!(!text.contains("open-sesame") && !text.contains("reader"), "{text}");
}

/// An index that tells no SHA-256, and a folder, which tells nothing: the files are fetched for their digests.
#[test]
fn a_file_of_which_nobody_tells_the_digest_is_hashed() {
    let desk = Desk::new();
    let files = desk.path("files");
    Wheel::new("myapp", "1.0").requires("dep").write_to(&files);
    let dep = Wheel::new("dep", "1.0").distribution();
    let server = Server::start();
    server.route(&format!("/{}", dep.filename), Response::ok(dep.bytes.clone()));
    server.route("/links/dep/", Response::html(format!("<a href='/{}'>x</a>", dep.filename)));
    let links = server.url("/links/");
    let words =
        ["lock", "--source", "files", "--index", &links, "--python", "3.11", "--platform", "linux", "myapp"];
    desk.app.start_tool(&words).cwd(desk.folder.path()).run().status(0);
    let text = desk.text();
    for file in [dep, Wheel::new("myapp", "1.0").requires("dep").distribution()] {
        let told = format!("size = {}, hashes = {{ sha256 = \"{}\" }}", file.bytes.len(), file.sha256());
        assert!(text.contains(&told), "{told}\n{text}");
    }
}

/// uv installs what we locked: of an index, of a path, with markers; and refuses what another hash has.
#[test]
fn uv_installs_what_we_locked() {
    let desk = Desk::new();
    desk.add(Wheel::new("dep", "1.0")).add(Wheel::new("winonly", "1.0"));
    let wheel = Wheel::new("my_app", "1.0").requires("dep").requires("winonly; sys_platform == 'win32'");
    wheel.write_to(&desk.path("dist"));
    desk.write("pyproject.toml", "[project]\nname = \"my-app\"\ndynamic = [\"dependencies\"]\n");
    let python = format!("{}.{}", python().0, python().1);
    desk.lock(&["--python", &python, "--python", "3.99", "--platform", "linux", "--platform", "windows"])
        .status(0);
    assert_eq!(desk.locked(), ["dep==1.0", "my-app==1.0", "winonly==1.0; sys_platform == 'win32'"]);
    let uv = |words: &[&str]| {
        let mut command = Command::new(daemon::tool("uv"));
        command.args(words).args(["--no-cache", "--quiet", "--no-config"]).current_dir(desk.folder.path());
        command.env("HOME", desk.folder.path()).output().unwrap()
    };
    let installed = |target: &str| {
        let names = std::fs::read_dir(desk.path(target)).unwrap();
        let mut names: Vec<String> =
            names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.ends_with(".dist-info"));
        names.sort();
        names
    };
    let tool = daemon::tool("python");
    let tool: &Path = &tool;
    for command in ["sync", "install"] {
        let with = ["pip", command, "--python", tool.to_str().unwrap(), "--target", command];
        let lock: &[&str] = if command == "sync" { &["pylock.toml"] } else { &["-r", "pylock.toml"] };
        let done = uv(&[&with, lock].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(installed(command), ["dep-1.0.dist-info", "my_app-1.0.dist-info"]);
    }
    let text = std::fs::read_to_string(desk.path("pylock.toml")).unwrap();
    let hash = text.rsplit_once("sha256 = \"").unwrap().1[..64].to_owned();
    assert_eq!(hash, Wheel::new("winonly", "1.0").distribution().sha256());
    let own = wheel.distribution().sha256();
    desk.write("pylock.toml", &text.replace(&own, &own.chars().rev().collect::<String>()));
    let done = uv(&["pip", "sync", "--python", tool.to_str().unwrap(), "--target", "bad", "pylock.toml"]);
    assert!(!done.status.success());
}
