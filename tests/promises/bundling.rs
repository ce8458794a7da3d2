//! What a packager ships is what starts: a folder, an archive of it, or one file, without network where it is baked; and it
//! stays current from there on.

use std::path::{Path, PathBuf};

use crate::support::outcome::Outcome;
use crate::support::project::Project;
use crate::support::start::Start;
use crate::support::{App, Egg, Index, RefusedPort, Wheel, python};

const PYPROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['tools']\n\n\
    [project]\nname = 'myapp'\nversion = '1.0'\nrequires-python = '>=3.7'\n";

/// A packager's machine and, beside it, a user's.
struct Desk {
    app: App,
}

impl Desk {
    /// The project `myapp`, started by its module, with these lines in `pyproject.toml` besides.
    fn new(version: &str, settings: &str) -> Self {
        Self::of(&Project::app(version), settings)
    }

    fn of(project: &Project, settings: &str) -> Self {
        let app = App::new();
        let notes = app.root().join("home/builds");
        let desk = Self { app: app.env("BUILDS", notes) };
        desk.write_project(project, settings);
        desk
    }

    fn write_project(&self, project: &Project, settings: &str) -> &Self {
        let entry = "[tool.everfresh.app]\nentry = 'myapp:main'\n";
        project.clone().pyproject(&[PYPROJECT, entry, settings].concat()).write_to(&self.path("project"));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.app.root().join(name)
    }

    fn tool(&self, words: &[&str]) -> Outcome {
        self.app.start_tool(words).cwd(self.path("project")).run()
    }

    fn bundle(&self, words: &[&str]) -> Outcome {
        self.tool(&[&["bundle"], words].concat())
    }

    #[track_caller]
    fn bundled(&self, words: &[&str]) -> &Self {
        self.bundle(words).status(0);
        self
    }

    /// A start on the user's machine, where nothing of the packager's is.
    fn start(&self, executable: &str) -> Start {
        let home = self.path("user");
        std::fs::create_dir_all(&home).unwrap();
        let start = self.app.start::<&str>(&[]).program(self.path(executable)).cwd(&home);
        start.env("HOME", home).env_remove("EVERFRESH_CACHE")
    }

    /// The same with another executable's arguments.
    fn start_with(&self, executable: &str, words: &[&str]) -> Outcome {
        let home = self.path("user");
        let start = self.app.start(words).program(self.path(executable)).cwd(&home);
        start.env("HOME", home).env_remove("EVERFRESH_CACHE").run()
    }

    /// Waits until no process of that executable is left.
    fn settle(&self, executable: &str) {
        let executable = self.path(executable);
        crate::support::eventually("the updater has ended", || {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let mut running =
                processes.filter_map(|process| std::fs::read_link(process.path().join("exe")).ok());
            !running.any(|running| running == executable)
        });
    }

    /// Names in a directory, sorted.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Sources that nobody answers at.
fn dead_source() -> String {
    let port = RefusedPort::new();
    format!("http://127.0.0.1:{}/simple/", port.port())
}

#[test]
fn a_folder_with_all_packages_starts_on_another_machine_without_any_network() {
    let index = Index::with([Wheel::new("dep", "2.0").file("dep.py", "NAME = 'dep'\n")]);
    let source = format!("[[tool.everfresh.source]]\nurl = '{}'\n", index.url());
    let project = Project::app("1.0").requires("dep>=1");
    let desk = Desk::of(&project, &source);
    let made = desk.bundle(&["--bake", "--source", "https://packages.example.org/stable/pylock.toml"]);
    made.prints("folder   dist/bundle/myapp\nbaked    dep-2.0-py3-none-any.whl\nbaked    myapp-1.0-py3-none-any.whl\n");
    let folder = "project/dist/bundle/myapp";
    assert_eq!(desk.names(folder), ["baked", "launcher.toml", "myapp"]);
    assert_eq!(
        desk.names(&format!("{folder}/baked")),
        ["dep-2.0-py3-none-any.whl", "myapp-1.0-py3-none-any.whl", "pylock.toml"]
    );
    let text = std::fs::read_to_string(desk.path(folder).join("launcher.toml")).unwrap();
    let expected = format!(
        "# What the launcher beside this file starts and keeps up to date.\n\n\
         [app]\nentry = \"myapp:main\"\nname = \"myapp\"\nrequirements = [\"myapp\"]\n\n\
         [python]\nrequires = \">=3.7\"\n\n\
         [[source]]\nurl = \"https://packages.example.org/stable/pylock.toml\"\n\n\
         [[source]]\nurl = \"{}\"\n",
        index.url()
    );
    assert_eq!(text, expected);
    // Elsewhere, under another name, and the folder cannot be written.
    std::fs::rename(desk.path(folder), desk.path("shipped")).unwrap();
    let asked = index.server().requests().len();
    let started = desk.start("shipped/myapp").without_network().env("EVERFRESH_LOG", "debug").run();
    started.stdout("myapp 1.0\n");
    desk.settle("shipped/myapp");
    assert_eq!(index.server().requests().len(), asked);
    let info = desk.start_with("shipped/myapp", &["self", "info", "--json"]).json();
    assert_eq!(info["packages"].as_array().map(Vec::len), Some(2), "{info}");
    assert_eq!(info["packages"][1]["version"], "1.0");
}

#[test]
fn what_was_baked_is_left_for_what_the_sources_offer_at_the_next_start() {
    let index = Index::with([Wheel::app("1.1")]);
    let source = format!("[[tool.everfresh.source]]\nurl = '{}'\n", index.url());
    let desk = Desk::new("1.0", &source);
    desk.bundled(&["--bake", "--output", "../shipped"]);
    index.server().forget();
    desk.start("shipped/myapp").run().prints("myapp 1.0\n");
    desk.settle("shipped/myapp");
    assert_eq!(index.server().requests().len(), 0);
    desk.start("shipped/myapp").run().stdout("myapp 1.1\n");
}

#[test]
fn a_bundle_follows_a_published_folder_from_version_to_version() {
    let desk = Desk::new("1.0", "[tool.everfresh.update]\ninterval = '0s'\n");
    desk.tool(&["publish", "../site"]).status(0);
    let release = desk.path("site/stable/pylock.toml");
    let release = release.to_str().unwrap();
    desk.bundled(&["--bake", "--output", "../shipped", "--onefile", "../one", "--source", release]);
    for executable in ["shipped/myapp", "one"] {
        desk.start(executable).without_network().run().stdout("myapp 1.0\n");
        desk.settle(executable);
        desk.start(executable).run().stdout("myapp 1.0\n");
        desk.settle(executable);
    }
    desk.write_project(&Project::app("1.1"), "").tool(&["publish", "../site"]).status(0);
    for executable in ["shipped/myapp", "one"] {
        desk.start(executable).run().stdout("myapp 1.1\n");
        desk.settle(executable);
    }
    desk.tool(&["rollback", "stable", "../site"]).status(0);
    std::fs::rename(desk.path("site"), desk.path("gone")).unwrap();
    for executable in ["shipped/myapp", "one"] {
        desk.start(executable).run().stdout("myapp 1.1\n");
    }
}

#[test]
fn one_file_is_the_whole_app_wherever_it_lies_and_whoever_starts_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new("1.0", "");
    desk.bundle(&["--bake", "--onefile", "../one"])
        .prints("onefile  ../one\nbaked    myapp-1.0-py3-none-any.whl\n");
    std::fs::create_dir(desk.path("elsewhere")).unwrap();
    let place = desk.path("elsewhere/called otherwise");
    std::fs::rename(desk.path("one"), &place).unwrap();
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o555)).unwrap();
    std::fs::set_permissions(desk.path("elsewhere"), std::fs::Permissions::from_mode(0o555)).unwrap();
    for home in ["first", "second"] {
        std::fs::create_dir(desk.path(home)).unwrap();
        let start =
            || desk.start("elsewhere/called otherwise").env("HOME", desk.path(home)).without_network();
        start().run().stdout("myapp 1.0\n");
        desk.settle("elsewhere/called otherwise");
        // What was unpacked for it is gone.
        let apps = desk.path(home).join(".cache/everfresh/apps");
        let own = std::fs::read_dir(apps).unwrap().next().unwrap().unwrap().path();
        assert!(own.join("state.json").exists() && !own.join("baked").exists());
    }
    std::fs::set_permissions(desk.path("elsewhere"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_launcher_toml_beside_one_file_wins() {
    let desk = Desk::new("1.0", "");
    let index =
        Index::with([Wheel::new("other", "3.0").file("other.py", "def main():\n    print('other')\n")]);
    desk.bundled(&["--bake", "--onefile", "../one/myapp"]);
    desk.start("one/myapp").run().prints("myapp 1.0\n");
    desk.settle("one/myapp");
    let config = format!(
        "[app]\nname = 'other'\nrequirements = ['other']\nentry = 'other:main'\n[[source]]\nurl = '{}'\n[update]\ninterval = '0s'\n",
        index.url()
    );
    std::fs::write(desk.path("one/launcher.toml"), config).unwrap();
    desk.start("one/myapp").run().stdout("other\n");
}

#[test]
fn a_damaged_file_is_one_clear_error() {
    let desk = Desk::new("1.0", "");
    desk.bundled(&["--bake", "--onefile", "../one"]);
    let whole = std::fs::read(desk.path("one")).unwrap();
    let plain = std::fs::read(env!("CARGO_BIN_EXE_launcher")).unwrap().len();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (name, bytes, reason) in [
        ("config", flipped(plain), "its launcher.toml is not what was written"),
        ("wheel", flipped(whole.len() - 1000), "a file in it is not what was written"),
        ("index", flipped(whole.len() - 70), "its index is not what was written"),
        ("end", whole[..whole.len() - 1].to_vec(), "its end is missing"),
        ("half", whole[..plain + 10].to_vec(), "its end is missing"),
    ] {
        std::fs::copy(desk.path("one"), desk.path(name)).unwrap();
        std::fs::write(desk.path(name), bytes).unwrap();
        let outcome = desk.start(name).run();
        outcome.fails(
            125,
            &format!(
                "{name}: error: [DIR]/{name} is damaged: {reason}
hint: get it anew from whoever ships it
"
            ),
        );
    }
}

#[test]
fn what_is_broken_or_for_another_platform_is_left_for_the_sources_and_told_where_they_are_no_help() {
    let index = Index::with([Wheel::app("1.0")]);
    let source = format!("[[tool.everfresh.source]]\nurl = '{}'\n", index.url());
    let desk = Desk::new("1.0", &source);
    desk.bundled(&["--bake", "--output", "../shipped"]);
    let wheel = desk.path("shipped/baked/myapp-1.0-py3-none-any.whl");
    let mut bytes = std::fs::read(&wheel).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&wheel, bytes).unwrap();
    let outcome = desk.start("shipped/myapp").without_network().run();
    outcome.status(125);
    outcome.stderr_has("myapp: error: what came with it cannot be used: myapp-1.0-py3-none-any.whl is not what its source promises: ");
    desk.settle("shipped/myapp");
    desk.start_with("shipped/myapp", &["self", "update"]).status(0);
    desk.start("shipped/myapp").run().stdout("myapp 1.0\n");
    let foreign = "myapp-1.0-cp311-cp311-win_amd64.whl";
    std::fs::rename(&wheel, wheel.with_file_name(foreign)).unwrap();
    let lock = desk.path("shipped/baked/pylock.toml");
    let text = std::fs::read_to_string(&lock).unwrap();
    std::fs::write(&lock, text.replace("myapp-1.0-py3-none-any.whl", foreign)).unwrap();
    let start = desk.start("shipped/myapp").env("HOME", desk.path("home")).without_network().run();
    start.status(125);
    start.stderr_has(
        "pylock.toml: myapp has no file for this platform and interpreter, only cp311-cp311-win_amd64; ",
    );
}

#[test]
fn an_archive_is_the_same_twice_and_tar_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new("1.0", "[tool.everfresh.network]\nca = 'certificates/root.pem'\n");
    std::fs::create_dir(desk.path("project/certificates")).unwrap();
    std::fs::write(desk.path("project/certificates/root.pem"), "a root").unwrap();
    std::fs::write(desk.path("launcher"), "#!/bin/sh\necho started\n").unwrap();
    std::fs::set_permissions(desk.path("launcher"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let long = "a".repeat(120);
    let runtime = desk.path("runtime");
    std::fs::create_dir_all(runtime.join("bin")).unwrap();
    std::fs::write(runtime.join(&long), "deep").unwrap();
    std::os::unix::fs::symlink(python::path(), runtime.join("bin/python3")).unwrap();
    std::os::unix::fs::symlink(format!("bin/../{long}"), runtime.join("link")).unwrap();
    let make = |name: &str| {
        let words = ["--archive", name, "--launcher", "../launcher", "--python-runtime", "../runtime"];
        desk.bundle(&words).prints(&format!("archive  {name}\n"));
    };
    make("../one.tar.gz");
    std::fs::set_permissions(desk.path("launcher"), std::fs::Permissions::from_mode(0o755)).unwrap();
    make("../two.tar.gz");
    let (one, two) = (desk.path("one.tar.gz"), desk.path("two.tar.gz"));
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(two).unwrap());
    // GNU tar has the last word on what is an archive.
    let tar = |words: &[&str]| {
        let output = std::process::Command::new("tar")
            .args(words)
            .arg(&one)
            .current_dir(desk.path("user-tar"))
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::create_dir(desk.path("user-tar")).unwrap();
    let listed = tar(&["--utc", "--full-time", "-tvf"]);
    let first = listed.lines().next().unwrap();
    assert!(first.starts_with("drwxr-xr-x 0/0") && first.ends_with("1970-01-01 00:00:00 myapp/"), "{first}");
    tar(&["-xf"]);
    assert_eq!(desk.names("user-tar/myapp"), ["certificates", "launcher.toml", "myapp", "python"]);
    assert_eq!(std::fs::read_to_string(desk.path("user-tar/myapp/python/link")).unwrap(), "deep");
    let started = std::process::Command::new(desk.path("user-tar/myapp/myapp")).output().unwrap();
    assert_eq!(started.stdout, b"started\n");
}

#[test]
fn a_shipped_python_is_what_starts_it() {
    let desk = Desk::new("1.0", "");
    let runtime = desk.path("runtime");
    std::fs::create_dir_all(runtime.join("install/bin")).unwrap();
    std::fs::create_dir_all(runtime.join("python")).unwrap();
    std::fs::rename(runtime.join("install"), runtime.join("python/install")).unwrap();
    python::pretend(&runtime.join("python/install/bin/python3"), "3.9.1");
    let archive = desk.path("python.tar.gz");
    let packed = std::process::Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(&runtime)
        .arg("python")
        .status();
    assert!(packed.unwrap().success());
    let words = ["bundle", "--bake", "--python-runtime", "../python.tar.gz", "--output", "../shipped"];
    let path = format!("{}:/usr/bin:/bin", desk.path("bin").display());
    desk.app.start_tool(&words).cwd(desk.path("project")).env("PATH", path).run().status(0);
    desk.start("shipped/myapp").without_network().run().prints("myapp 1.0\n");
    let info = desk.start_with("shipped/myapp", &["self", "info"]);
    info.stdout_has("3.9.1").stdout_has("shipped/python/bin/python3");
}

#[test]
fn a_lock_says_what_is_baked_and_which_package_does_not_fit_here() {
    let index = Index::with([
        Wheel::new("dep", "1.0").file("dep.py", "").distribution(),
        Wheel::new("dep", "2.0").file("dep.py", "").tag("cp311-cp311-win_amd64").distribution(),
    ]);
    let project = Project::app("1.0").requires("dep");
    let desk = Desk::of(&project, "");
    let lock = |filename: &str, version: &str, bytes: &[u8]| {
        let sha256 = everfresh::trust::hashes::sha256_hex(bytes);
        let text = format!(
            "lock-version = '1.0'\ncreated-by = 'a test'\n[[packages]]\nname = 'dep'\nversion = '{version}'\n\
             wheels = [{{ name = '{filename}', path = 'wheels/{filename}', hashes = {{ sha256 = '{sha256}' }} }}]\n"
        );
        std::fs::write(desk.path("project/pylock.toml"), text).unwrap();
    };
    drop(index);
    let wheel = Wheel::new("dep", "1.0").file("dep.py", "");
    wheel.write_to(&desk.path("project/wheels"));
    lock("dep-1.0-py3-none-any.whl", "1.0", &wheel.build());
    desk.bundle(&["--bake", "--json", "--output", "../shipped"]).status(0);
    desk.start("shipped/myapp").without_network().run().stdout("myapp 1.0\n");
    lock("dep-1.0-py3-none-any.whl", "1.0", b"other bytes");
    let refused = desk.bundle(&["--bake", "--output", "../other"]);
    refused.status(1).stderr_has("dep-1.0-py3-none-any.whl is not what its source promises: ");
    lock("dep-2.0-cp311-cp311-win_amd64.whl", "2.0", b"");
    let refused = desk.bundle(&["--bake", "--output", "../other"]);
    refused.status(1);
    refused.stderr_has("dep has no file for this platform and interpreter, only cp311-cp311-win_amd64");
    assert!(!desk.path("other").exists());
}

#[test]
fn what_cannot_be_bundled_is_told_and_nothing_is_left_behind() {
    let no_file = "[tool.everfresh.network]\nca = 'root.pem'\n";
    for (settings, words, status, error) in [
        (
            "",
            &["--launcher", "nowhere"][..],
            1,
            "there is no launcher at nowhere\nhint: name the launcher's executable with --launcher\n",
        ),
        (
            no_file,
            &[][..],
            1,
            "ca is not there: ./root.pem\nhint: the path starts from the project's directory\n",
        ),
        (
            "",
            &["--onefile", "one", "--python-runtime", "x"][..],
            1,
            "a Python runtime cannot be part of one file\nhint: make a folder or an archive with it\n",
        ),
        (
            "",
            &["--python-runtime", "tools"][..],
            1,
            "there is no Python in tools\nhint: a runtime has bin/python3 in it, or python/bin/python3\n",
        ),
        ("", &["--source", "s3://"][..], 2, "'s3://' "),
        ("", &["--output", "tools"][..], 1, "tools is there already\nhint: give --force to write it anew\n"),
        (
            "",
            &["--output", "tools", "--force"][..],
            1,
            "tools is there and no bundle\nhint: --force replaces a bundle, nothing else: name another directory\n",
        ),
        (
            "",
            &["--archive", "app.py"][..],
            1,
            "app.py is there already\nhint: give --force to write it anew\n",
        ),
        ("", &["--output", "/proc/there"][..], 1, "cannot create directory /proc/"),
    ] {
        let desk = Desk::new("1.0", settings);
        let outcome = desk.bundle(words);
        outcome.status(status);
        outcome.stderr_has(&format!("everfresh: error: {error}"));
        let mut left = desk.names("project");
        left.retain(|name| !["dist", "build"].contains(&name.as_str()) && !name.ends_with(".egg-info"));
        assert_eq!(left, ["app.py", "native.c", "pyproject.toml", "tools"], "{words:?}");
        if desk.path("project/dist").exists() {
            let mut dist = desk.names("project/dist");
            dist.retain(|name| name != "bundle");
            assert!(dist.iter().all(|name| name.ends_with(".whl")), "{dist:?}");
        }
    }
}

#[test]
fn a_script_lies_beside_the_launcher_or_is_told_that_it_has_to() {
    let desk = Desk::new("1.0", "");
    std::fs::remove_dir_all(desk.path("project")).unwrap();
    std::fs::create_dir(desk.path("project")).unwrap();
    let config = "[app]\nname = 'tool'\nrequirements = []\nscript = 'run.py'\n";
    std::fs::write(desk.path("project/launcher.toml"), config).unwrap();
    let missing = desk.bundle(&["--output", "../shipped"]);
    missing.fails(1, "everfresh: error: script is not there: ./run.py\nhint: the path starts from the project's directory\n");
    std::fs::write(desk.path("project/run.py"), "print('script')\n").unwrap();
    desk.bundle(&["--onefile", "../one"]).fails(
        1,
        "everfresh: error: script = \"run.py\" has to lie beside the launcher, and one file has nothing beside it\n\
         hint: make a folder with --output, or give it an entry in a package: entry = \"module:function\"\n",
    );
    desk.bundled(&["--output", "../shipped"]);
    desk.start("shipped/tool").without_network().run().stdout("script\n");
    let again = desk.bundle(&["--output", "../shipped"]);
    again.fails(1, "everfresh: error: ../shipped is there already\nhint: give --force to write it anew\n");
    std::fs::write(desk.path("project/run.py"), "print('new')\n").unwrap();
    desk.bundled(&["--output", "../shipped", "--force"]);
    desk.start("shipped/tool").run().stdout("new\n");
}

#[test]
fn a_build_that_fails_shows_what_it_said_and_an_entry_that_nothing_has_is_told() {
    let desk = Desk::of(&Project::app("1.0").building("raise RuntimeError('no compiler')"), "");
    let outcome = desk.bundle(&[]);
    outcome.status(1);
    outcome.stderr_has("RuntimeError: no compiler").stderr_has("the build of . failed\n");
    outcome.stderr_has("hint: what the build backend said stands above\n");
    assert!(!desk.path("project/dist").exists());
    let desk = Desk::new("1.0", "");
    let text = std::fs::read_to_string(desk.path("project/pyproject.toml")).unwrap();
    let text = text.replace("entry = 'myapp:main'", "console-script = 'other'");
    std::fs::write(desk.path("project/pyproject.toml"), text).unwrap();
    desk.bundle(&["--bake"]).fails(
        1,
        "everfresh: error: no baked distribution has the console script other\n\
         hint: no baked distribution has a console script; use entry = \"module:function\"\n",
    );
}

#[test]
fn settings_that_cannot_be_meant_are_told_with_the_line_in_pyproject() {
    let desk = Desk::new("1.0", "[tool.everfresh.update]\nintervall = '1h'\n");
    desk.bundle(&[]).fails(
        1,
        "everfresh: error: ./pyproject.toml:13: unknown key 'intervall' in [update]\nhint: did you mean 'interval'?\n",
    );
    std::fs::write(desk.path("project/pyproject.toml"), "[project\n").unwrap();
    desk.bundle(&[]).status(1).stderr_has("./pyproject.toml: line 1: not valid TOML");
    desk.tool(&["bundle", "--project", Path::new("..").join("bin").to_str().unwrap()]).fails(
        1,
        "everfresh: error: there is neither launcher.toml nor pyproject.toml in ../bin\nhint: see: everfresh help init\n",
    );
}

#[test]
fn a_warm_start_of_one_file_looks_at_the_file_itself_and_does_nothing_else_more() {
    let dead = format!("[[tool.everfresh.source]]\nurl = '{}'\n", dead_source());
    let desk = Desk::new("1.0", &(dead + "[tool.everfresh.update]\nmode = 'manual'\n"));
    desk.bundled(&["--bake", "--output", "../shipped", "--onefile", "../one"]);
    let calls = |executable: &str| -> Vec<String> {
        for _ in 0..2 {
            desk.start(executable).run().prints("myapp 1.0\n");
            desk.settle(executable);
        }
        let log = desk.path("strace.log");
        let words = ["/usr/bin/strace", "-qq", "-s", "4096", "-o", log.to_str().unwrap()];
        desk.start(executable).under(&words).run().status(0);
        let text = std::fs::read_to_string(&log).unwrap();
        let python = text.lines().skip(1).take_while(|line| !line.starts_with("execve("));
        python.map(str::to_owned).collect()
    };
    let (one, folder) = (calls("one"), calls("shipped/myapp"));
    let names = |calls: &[String]| -> Vec<String> {
        let names = calls.iter().filter_map(|call| call.split('(').next());
        names.filter(|name| *name != "statx").map(str::to_owned).collect()
    };
    assert_eq!(names(&one), names(&folder));
    let itself = format!("\"{}\"", desk.path("one").display());
    assert_eq!(
        one.iter().filter(|call| call.starts_with("statx(") && call.contains(&itself)).count(),
        1,
        "{one:#?}"
    );
}

#[test]
fn settings_in_pyproject_are_what_is_locked_and_the_lock_is_what_is_baked() {
    let index = Index::with([
        Wheel::new("dep", "1.0").file("dep.py", "NAME = 1\n"),
        Wheel::new("dep", "2.0").file("dep.py", "NAME = 2\n"),
    ]);
    let source =
        format!("requirements = ['myapp', 'dep<2']\n[[tool.everfresh.source]]\nurl = '{}'\n", index.url());
    let desk = Desk::new("1.0", &source);
    desk.bundled(&["--output", "../first"]);
    desk.tool(&["lock"]).status(0).stdout_has("dep: 1.0 is new").stdout_has("myapp: 1.0 is new");
    index.remove("dep-1.0-py3-none-any.whl").add(Wheel::new("dep", "1.1"));
    let gone = desk.bundle(&["--bake", "--output", "../second"]);
    gone.status(1).stderr_has("dep-1.0-py3-none-any.whl");
    index.add(Wheel::new("dep", "1.0").file("dep.py", "NAME = 1\n"));
    let made = desk.bundle(&["--bake", "--json", "--output", "../second"]).json();
    let expected = serde_json::json!({
        "app": "myapp", "folder": "../second", "archive": null, "onefile": null, "python": false,
        "wheel": "./dist/myapp-1.0-py3-none-any.whl",
        "baked": ["dep-1.0-py3-none-any.whl", "myapp-1.0-py3-none-any.whl"],
    });
    assert_eq!(made, expected);
    desk.start("second/myapp").without_network().run().stdout("myapp 1.0\n");
}

#[test]
fn what_was_baked_is_installed_again_where_cache_and_network_are_gone() {
    let desk = Desk::new("1.0", "");
    desk.bundled(&["--bake", "--output", "../shipped"]);
    let start = || desk.start("shipped/myapp").without_network();
    start().run().stdout("myapp 1.0\n");
    desk.settle("shipped/myapp");
    let store = desk.path("user/.cache/everfresh/store");
    for lost in [desk.path("user/.cache/everfresh"), store] {
        std::fs::remove_dir_all(lost).unwrap();
        let environments = desk.path("user/.cache/everfresh/envs");
        if environments.exists() {
            std::fs::remove_dir_all(environments).unwrap();
        }
        start().run().stdout("myapp 1.0\n");
        desk.settle("shipped/myapp");
    }
}

#[test]
fn of_many_first_starts_of_one_file_each_starts_the_app() {
    let desk = Desk::new("1.0", "");
    desk.bundled(&["--bake", "--onefile", "../one"]);
    let started: Vec<_> = (0..12).map(|_| desk.start("one").without_network().spawn()).collect();
    for running in started {
        running.wait().stdout("myapp 1.0\n");
    }
}

#[test]
fn the_launchers_own_commands_speak_of_the_one_file() {
    let desk = Desk::new("1.0", "");
    desk.bundled(&["--bake", "--onefile", "../one"]);
    desk.start("one").without_network().run().stdout("myapp 1.0\n");
    desk.settle("one");
    let path = desk.path("one");
    let info = desk.start_with("one", &["self", "info", "--json"]).json();
    assert_eq!(info["config"], path.to_str().unwrap());
    desk.start_with("one", &["self", "rollback"]).status(125).stderr_has("there is no other generation");
}

#[test]
fn what_cannot_be_moved_or_locked_or_is_an_app_already_is_refused() {
    let desk = Desk::new("1.0", "requirements = ['myapp', 'old']\n[[tool.everfresh.source]]\nurl = 'eggs'\n");
    Egg::new("old", "1.0").file("old.py", "").distribution().write_to(&desk.path("project/eggs"));
    std::fs::create_dir_all(desk.path("venv/bin")).unwrap();
    std::fs::write(desk.path("venv/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    std::os::unix::fs::symlink(python::path(), desk.path("venv/bin/python3")).unwrap();
    desk.bundled(&["--onefile", "../one"]);
    for (words, error) in [
        (
            &["--bake"][..],
            format!(
                "old-1.0-py{}.egg cannot be baked: a lock has wheels and sdists only\nhint: build a wheel of it\n",
                python::version()
            ),
        ),
        (
            &["--python-runtime", "../venv"],
            "../venv is a virtual environment\n\
             hint: take a Python that can be moved, such as a standalone build\n"
                .to_owned(),
        ),
        (
            &["--launcher", "../one"],
            "../one is an app in one file already\nhint: name the launcher as it was built\n".to_owned(),
        ),
    ] {
        desk.bundle(words).fails(1, &format!("everfresh: error: {error}"));
        assert!(!desk.path("project/dist/bundle/myapp").exists());
    }
    assert_eq!(desk.names("project/dist/bundle"), [""; 0]);
}
