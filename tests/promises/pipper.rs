//! Packages made with pipper are sources like any other: its layout, its versions, its own list of what is needed.

use std::path::Path;

use super::direct_addresses::rclone;
use crate::support::{App, Index, Pipper, Response, Server, Wheel};

fn app() -> App {
    App::new().requirements(["myapp"]).entry("myapp:main").update("interval", "0s").update("mode", "launch")
}

fn library(name: &str, version: &str) -> Pipper {
    Pipper::new(Wheel::new(name, version).printing_module(name), version)
}

fn bucket(app: &App) -> std::path::PathBuf {
    app.folder().join("pipper")
}

#[test]
fn a_directory_in_pippers_layout_serves_the_newest_stable_version() {
    let app = app().source("pipper");
    let prefix = bucket(&app);
    for version in ["1.2.3", "1.2.10", "1.10.0"] {
        Pipper::app(version).publish_to(&prefix);
        app.run::<&str>(&[]).prints(&format!("myapp {version}\n"));
    }
    Pipper::new(Wheel::app("2.0.0rc1"), "2.0.0-rc.1").publish_to(&prefix);
    app.run::<&str>(&[]).prints("myapp 1.10.0\n");
    Pipper::new(Wheel::app("1.10.0+build.2"), "1.10.0+build.2").publish_to(&prefix);
    app.run::<&str>(&[]).prints("myapp 1.10.0+build.2\n");
    app.update("prereleases", true).run::<&str>(&[]).prints("myapp 2.0.0rc1\n");
}

#[test]
fn files_as_pipper_bundles_and_downloads_them_serve_beside_other_kinds() {
    let app = app().source("pipper");
    let folder = bucket(&app);
    Pipper::app("1.0.0").distribution().write_to(&folder);
    app.run::<&str>(&[]).prints("myapp 1.0.0\n");
    Pipper::app("1.1.0").distribution().named("myapp-1.1.0.pipper").write_to(&folder);
    app.run::<&str>(&[]).prints("myapp 1.1.0\n");
    Wheel::app("1.2.0").write_to(&folder);
    app.run::<&str>(&[]).prints("myapp 1.2.0\n");
    let index = Index::with([Pipper::app("1.3.0")]);
    App::of(&index).run::<&str>(&[]).prints("myapp 1.3.0\n");
}

#[test]
fn a_key_outside_the_folder_of_a_project_is_nobodys() {
    let app = app().source("pipper");
    let folder = bucket(&app);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("v1-0-0.pipper"), Pipper::app("1.0.0").build()).unwrap();
    let found = app.run::<&str>(&[]);
    found.status(125).stderr_has("no source has myapp");
}

#[test]
fn listings_of_a_web_server_serve() {
    let server = Server::start();
    let page = |links: &str| Response::html(format!("<h1>Index</h1><a href='../'>up</a>{links}"));
    server.route("/pipper/", page("<a href='myapp/'>myapp/</a><a href='dep/'>dep/</a>"));
    server.route(
        "/pipper/myapp/",
        page("<a href='v1-0-0.pipper'>v1-0-0..&gt;</a><a href='v1-1-0.pipper'>x</a>"),
    );
    server.route("/pipper/dep/", page("<a href='v3-0-0.pipper'>x</a>"));
    server.route(
        "/pipper/myapp/v1-1-0.pipper",
        Response::ok(Pipper::app("1.1.0").meta("dependencies", vec!["dep:>=2.0.0"]).build()),
    );
    server.route("/pipper/dep/v3-0-0.pipper", Response::ok(library("dep", "3.0.0").build()).ranges());
    app().source_of_type("links", server.url("/pipper/")).run::<&str>(&[]).prints("myapp 1.1.0\n");
}

/// rclone verifies the signatures of listings and downloads.
#[test]
fn a_bucket_that_pipper_published_to_serves() {
    let root = tempfile::tempdir().unwrap();
    let prefix = root.path().join("data/bucket/pipper");
    library("dep", "1.4.9").publish_to(&prefix);
    library("dep", "2.0.0").publish_to(&prefix);
    Pipper::app("1.0.0").publish_to(&prefix);
    Pipper::app("1.1.0").meta("dependencies", vec!["dep:<=1.*.*"]).publish_to(&prefix);
    let server = rclone(root.path());
    for (requirement, version) in [("myapp", "1.1.0"), ("myapp:<1.1", "1.0.0")] {
        let app = app().requirements([requirement]).source("s3://bucket/pipper");
        let app = app.source_key("endpoint", server.url("")).env("AWS_EC2_METADATA_DISABLED", "true");
        let app = app.env("AWS_ACCESS_KEY_ID", "KEY").env("AWS_SECRET_ACCESS_KEY", "SECRET");
        let app = app.env("AWS_REGION", "us-east-1");
        app.run::<&str>(&[]).prints(&format!("myapp {version}\n"));
        app.settle();
        let info = app.run(&["self", "info", "--json"]);
        let has_dep = String::from_utf8_lossy(info.bytes()).contains("dep-v1-4-9.pipper");
        assert_eq!(has_dep, version == "1.1.0");
    }
}

#[test]
fn what_a_package_lists_is_installed_with_it() {
    let index = Index::with([
        Wheel::new("public", "2.0").printing_module("public"),
        Wheel::new("own", "1.0").printing_module("own"),
    ]);
    let app = app().source("pipper").source(&index);
    let prefix = bucket(&app);
    library("dep", "1.4.9").publish_to(&prefix);
    library("dep", "2.0.0").publish_to(&prefix);
    let code = "import dep, own, public\ndef main():\n    print(dep.__version__, own.__version__, public.__version__)\n";
    let wheel = Wheel::new("myapp", "1.0.0").file("myapp.py", code).requires("own");
    let package = Pipper::new(wheel, "1.0.0")
        .meta("dependencies", vec!["dep:1.*.*"])
        .meta("pypi", vec!["public>=1; python_version>'3'"])
        .meta("conda", serde_json::json!(["numpy", ["scipy", "conda-forge"]]));
    package.publish_to(&prefix);
    app.run::<&str>(&[]).prints("1.4.9 1.0 2.0\n");
    app.settle();
    // What is for conda is no error, and told to who asks.
    app.update("interval", "0s")
        .start(&["self", "update"])
        .env("EVERFRESH_LOG", "debug")
        .run()
        .stderr_has("conda packages are not looked for: [\"numpy\",[\"scipy\",\"conda-forge\"]]");
}

#[test]
fn requirements_may_be_written_as_pipper_writes_them() {
    for (requirement, version) in [
        ("myapp:1.0.0", "1.0.0"),
        ("myapp:1.*.*", "1.1.0"),
        ("myapp:<2", "1.1.0"),
        ("myapp:>=v2-0-0", "2.0.0"),
    ] {
        let app = app().requirements([requirement]).source("pipper");
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            Pipper::app(version).publish_to(&bucket(&app));
        }
        app.run::<&str>(&[]).prints(&format!("myapp {version}\n"));
        app.settle();
        app.run(&["self", "info"]).stdout_has(version);
    }
    app().requirements(["myapp:~1"]).source("pipper").run::<&str>(&[]).fails(
        125,
        "myapp: error: [DIR]/app/launcher.toml:4: invalid requirement 'myapp:~1': expected a version such as 1.2.3, 1.2.* or \
         v1-2-3 behind the ':'\n\
         hint: requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\"\n",
    );
}

#[test]
fn a_package_that_lies_is_dropped_and_the_next_best_is_used() {
    let duplicate = || {
        let package = Pipper::app("1.1.0").file("package.two", Wheel::app("6.6.6").build());
        package.distribution().with_bytes_replaced("package.two", "package.whl")
    };
    let cases = [
        Pipper::app("1.1.0").meta("wheel_name", "../../myapp-1.1.0-py3-none-any.whl").distribution(),
        Pipper::app("1.1.0").meta("name", "other").distribution(),
        Pipper::app("1.1.0").meta("version", "1.2.0").distribution(),
        Pipper::app("1.1.0").file("extra.py", "import os").distribution(),
        Pipper::new(Wheel::app("1.2.0").distribution().named("myapp-1.1.0-py3-none-any.whl"), "1.1.0")
            .distribution(),
        Pipper::new(Wheel::app("1.1.0").distribution().named("myapp-1.1.0-cp27-none-win32.whl"), "1.1.0")
            .distribution(),
        Pipper::app("1.1.0").meta("dependencies", vec!["no such thing"]).distribution(),
        Pipper::app("1.1.0").distribution().truncated(),
        Pipper::app("1.1.0").distribution().with_a_flipped_bit(),
        duplicate(),
    ];
    for lie in cases {
        let app = app().source("pipper");
        let prefix = bucket(&app);
        Pipper::app("1.0.0").publish_to(&prefix);
        lie.write_to(&prefix);
        app.run::<&str>(&[]).prints("myapp 1.0.0\n");
        assert_eq!(outside(&app.root()), Vec::<String>::new());
    }
}

/// Wheels that were written anywhere: nothing of a package is ever laid out as a file of the name that it gives.
fn outside(root: &Path) -> Vec<String> {
    let mut found = vec![];
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
            } else if entry.path().extension().is_some_and(|ending| ending == "whl") {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}
