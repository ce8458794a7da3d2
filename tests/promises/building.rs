//! What has to be built is built where its source says so, once, and by the real pip of the tests' interpreter; and
//! nothing comes of a build that goes wrong.

use std::path::Path;
use std::process::Command;

use crate::support::distribution::Distribution;
use crate::support::project::{Project, builds};
use crate::support::{App, Index, Sdist, Server, Wheel, python};

/// An app from that index, which may build; its builds are noted in its home directory.
fn app(index: &Index) -> App {
    let app = App::of(index).source_key("build", true).update("timeout", "2m");
    let notes = app.root().join("home/builds");
    app.env("BUILDS", notes)
}

fn built(app: &App) -> Vec<String> {
    builds(&app.root().join("home"))
}

#[test]
fn what_has_to_be_built_is_built_once_for_an_interpreter() {
    let index = Index::with([Project::app("1.0").sdist()]);
    let app = app(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    assert_eq!(built(&app), ["1.0"]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(Project::app("1.1").open_sdist());
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.settle();
    assert_eq!(built(&app), ["1.0", "1.1"]);
    let info = app.run(&["self", "info", "--json"]).json();
    assert_eq!(info["packages"][0]["version"], "1.1");
    assert_eq!(info["packages"][0]["filename"], "myapp-1.1-py3-none-any.whl");
    assert!(info["packages"][0]["source"].as_str().unwrap().ends_with("/myapp-1.1.tar.gz"));
}

#[test]
fn a_build_leaves_nothing_behind_but_its_wheel_in_the_store() {
    let index = Index::with([Project::app("1.0").building("import tempfile; tempfile.mkdtemp()").sdist()]);
    let app = app(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let store: Vec<_> = std::fs::read_dir(app.cache().join("everfresh/store")).unwrap().collect();
    assert_eq!(store.len(), 1, "{store:?}");
    assert_eq!(std::fs::read_dir(app.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn without_leave_nothing_is_built() {
    for (sdist, reason) in [
        (
            Project::app("1.0").sdist(),
            "myapp: error: myapp-1.0.tar.gz is refused: it has to be built: native.c has to be compiled\n\
             hint: publish a wheel of it, or say build = true of its source in launcher.toml\n",
        ),
        (
            Project::app("1.0").open_sdist(),
            "myapp: error: Because you require myapp and myapp 1.0 cannot be used: its sdist would need building, there is \
             no solution\nhint: loosen the requirements in launcher.toml, or publish what they ask for\n",
        ),
    ] {
        let index = Index::with([sdist]);
        let app = App::of(&index);
        let outcome = app.run::<&str>(&[]);
        outcome.status(125);
        assert_eq!(outcome.err_without_progress(), reason);
    }
}

#[test]
fn what_need_not_be_built_is_not() {
    let sdist = Sdist::new("myapp", "2.0").printing_module("myapp");
    let index = Index::with([Project::app("1.0").sdist().distribution(), sdist.distribution()]);
    index.add(Project::app("3.0").sdist()).add(Wheel::app("3.0"));
    let app = app(&index);
    app.run::<&str>(&[]).prints("myapp 3.0\n");
    app.settle();
    index.remove("myapp-3.0-py3-none-any.whl").remove("myapp-3.0.tar.gz");
    app.run::<&str>(&[]).prints("myapp 2.0\n");
    app.settle();
    assert_eq!(built(&app), [""; 0]);
}

#[test]
fn what_a_built_distribution_requires_is_installed_too() {
    let project = || {
        Project::app("1.0")
            .requires("dep>=2")
            .building(r#"files["myapp.py"] = "import dep\n" + files["myapp.py"]"#)
    };
    for sdist in [project().sdist(), project().open_sdist()] {
        let index = Index::with([
            sdist.distribution(),
            Wheel::new("dep", "2.1").printing_module("dep").distribution(),
        ]);
        let app = app(&index);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        let info = app.run(&["self", "info", "--json"]).json();
        assert_eq!(
            (&info["packages"][0]["name"], &info["packages"][0]["version"]),
            (&"dep".into(), &"2.1".into())
        );
        assert_eq!(built(&app), ["1.0"]);
    }
}

#[test]
fn a_build_that_goes_wrong_leaves_the_next_best_and_then_what_is_active() {
    let cases = [
        (
            Project::app("2.0").building("raise RuntimeError('no compiler')"),
            "the build failed: RuntimeError: no compiler",
        ),
        (
            Project::app("2.0").building("version = '3.0'"),
            "the build left another wheel: myapp-3.0-py3-none-any.whl",
        ),
        (
            Project::app("2.0").building("name = 'other'"),
            "the build left another wheel: other-2.0-py3-none-any.whl",
        ),
        (
            Project::app("2.0").building("files['../evil.py'] = ''"),
            "myapp-2.0-py3-none-any.whl: member '../evil.py': its path has a '.' or '..' part",
        ),
        (Project::app("2.0").building("return 'myapp-2.0-py3-none-any.whl'"), "the build"),
        (Project::app("2.0").pyproject("[build-system"), "pyproject.toml is not TOML"),
        (
            Project::app("2.0").pyproject("build-system = { requires = 3 }"),
            "pyproject.toml has no list of build requirements",
        ),
        (
            Project::app("2.0").pyproject("[build-system]\nrequires = ['nowhere']\n"),
            "what its build needs cannot be had: Because",
        ),
    ];
    for (project, reason) in cases {
        let index = Index::with([project.open_sdist().distribution(), Wheel::app("1.0").distribution()]);
        let app = app(&index);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        let log = app.run(&["self", "log"]);
        log.stdout_has("\"event\":\"not built\"").stdout_has(reason);
        assert!(!app.cached().iter().any(|path| path.ends_with("evil.py")), "{reason}");
        index.remove("myapp-1.0-py3-none-any.whl");
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
    }
}

#[test]
fn a_build_that_fails_where_nothing_else_will_do_is_told_in_one_line_and_the_log_has_more() {
    let index = Index::with([Project::app("1.0")
        .building("print('first'); raise RuntimeError('no compiler')")
        .sdist()]);
    let app = app(&index);
    let outcome = app.run::<&str>(&[]);
    outcome.status(125);
    assert_eq!(
        outcome.err_without_progress(),
        "myapp: error: cannot build myapp-1.0.tar.gz: the build failed: RuntimeError: no compiler\n\
         hint: publish a wheel; the log has more: self log\n"
    );
    app.run(&["self", "log"]).stdout_has("\"event\":\"build failed\"").stdout_has("first");
}

#[test]
fn an_interpreter_without_pip_says_so() {
    let index = Index::with([Project::app("1.0").sdist()]);
    let app = app(&index);
    let venv = app.root().join("venv");
    let made =
        Command::new(python::path()).args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    let app = app.python("path", venv.join("bin/python").to_str().unwrap());
    let outcome = app.run::<&str>(&[]);
    outcome.status(125);
    assert_eq!(
        outcome.err_without_progress(),
        "myapp: error: cannot build myapp-1.0.tar.gz: [DIR]/venv/bin/python has no pip\n\
         hint: install pip for that Python, or publish a wheel\n"
    );
}

/// What is installed for the tests, as a wheel again.
fn installed(name: &str, directory: &Path) -> Distribution {
    let script = r#"
import importlib.metadata, os, sys, zipfile
found = importlib.metadata.distribution(sys.argv[2])
stem = sys.argv[2] + "-" + found.version
skip = ("INSTALLER", "REQUESTED", "RECORD")
with zipfile.ZipFile(os.path.join(sys.argv[1], stem + "-py3-none-any.whl"), "w") as wheel:
    record = ""
    for path in found.files:
        text = str(path)
        if text.startswith("..") or text.endswith(".pyc") or os.path.basename(text) in skip:
            continue
        wheel.write(path.locate(), text)
        record += text + ",,\n"
    wheel.writestr(stem + ".dist-info/RECORD", record + stem + ".dist-info/RECORD,,\n")
print(found.version)
"#;
    let output = Command::new(python::venv()).args(["-c", script]).arg(directory).arg(name).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let version = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let filename = format!("{name}-{version}-py3-none-any.whl");
    let bytes = std::fs::read(directory.join(&filename)).unwrap();
    Distribution { filename, bytes, ..Wheel::new(name, &version).distribution() }
}

/// Real setuptools, which pip installs into the environment of the build, and which is had by the same rule as all
/// else: the source that owns it first is asked, whatever others offer.
#[test]
fn what_a_build_needs_comes_from_the_apps_own_sources_by_their_own_rule() {
    let directory = tempfile::tempdir().unwrap();
    let project = |name: &str| {
        Sdist::new(name, "1.0")
            .file(
                "PKG-INFO",
                format!("Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\nDynamic: Requires-Dist\n"),
            )
            .file(
                "setup.py",
                "from setuptools import setup\nsetup(name='myapp', version='1.0', py_modules=['myapp'])\n",
            )
            .file("myapp.py", "def main():\n    print('by setuptools')\n")
    };
    let modern = project("myapp").file("pyproject.toml", "[build-system]\nrequires = ['setuptools']\n");
    let legacy = project("myapp").file("pyproject.toml", "");
    for sdist in [modern, legacy] {
        let own =
            Index::with([sdist.distribution(), installed("setuptools", directory.path())]).without_metadata();
        // Without a `[build-system]`, pip asks for wheel too (23.2).
        for name in ["wheel", "packaging"] {
            own.add(installed(name, directory.path()));
        }
        let foreign = Index::with([Wheel::new("setuptools", "999").distribution()]);
        let app = app(&own).source(&foreign);
        app.run::<&str>(&[]).prints("by setuptools\n");
        app.settle();
        assert_eq!(foreign.downloads(), [""; 0]);
    }
}

#[test]
fn pip_asks_nobody_whatever_the_user_has_set_for_it() {
    let server = Server::start();
    let project = Project::app("1.0").pyproject("[build-system]\nrequires = ['nowhere']\n");
    let index = Index::with([project.sdist()]);
    let app = app(&index).env("PIP_INDEX_URL", server.url("/env/")).env("PIP_NO_INDEX", "0");
    let config = format!("[global]\nextra-index-url = {}\n", server.url("/file/"));
    let path = app.root().join("home/.config/pip");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("pip.conf"), config).unwrap();
    let outcome = app.run::<&str>(&[]);
    outcome.status(125).stderr_has("what its build needs cannot be had");
    outcome.stderr_has("hint: put wheels of what its build needs where the sources find them");
    // What only the backend asks for, when pip is at work already.
    index.remove("myapp-1.0.tar.gz");
    let hook = "def get_requires_for_build_wheel(settings=None):\n    return ['nowhere']\n";
    index.add(Project::app("1.1").hook(hook).open_sdist());
    app.run(&["self", "update"]).status(125).stderr_has("cannot build myapp-1.1.tar.gz: the build failed: ");
    assert_eq!(server.requests().len(), 0);
}
