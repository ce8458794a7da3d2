//! Servers as they are out there, pages as people write them, and packages of every kind.

use md5::Digest as _;

use crate::support::distribution::Distribution;
use crate::support::servers::pypiserver;
use crate::support::{App, Egg, Index, Response, Sdist, Server, Wheel};

fn app() -> App {
    App::new().requirements(["myapp"]).entry("myapp:main").update("interval", "0s")
}

fn md5(bytes: &[u8]) -> String {
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_real_pypiserver_serves() {
    let packages = tempfile::tempdir().unwrap();
    Wheel::app("1.0").requires("dep>=2").write_to(packages.path());
    Sdist::new("dep", "2.0").printing_module("dep").write_to(packages.path());
    let server = pypiserver(packages.path(), &packages.path().join("log"), &[]);
    let app = app().source(server.url("/simple/"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    Wheel::app("1.1").write_to(packages.path());
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn pypis_older_json_api_serves() {
    let index = Index::with([Wheel::app("1.0"), Wheel::app("1.1")]);
    app().source_of_type("index", index.legacy_url()).run::<&str>(&[]).prints("myapp 1.1\n");
    let eggs = Index::with([Egg::new("myapp", "2.0").printing_module("myapp")]);
    app().source_of_type("index", eggs.legacy_url()).run::<&str>(&[]).prints("myapp 2.0\n");
}

#[test]
fn listings_of_apache_and_nginx_serve() {
    let index = Index::with([Wheel::app("1.0"), Wheel::app("1.1")]);
    for address in [index.apache_url(), index.nginx_url()] {
        app().source_of_type("links", address).run::<&str>(&[]).prints("myapp 1.1\n");
    }
}

/// A page of links at `/links`, and the file it speaks of under another name.
fn linking(file: &Distribution, href: &str) -> Server {
    let server = Server::start();
    server.route("/links", Response::html(format!("<p><a href='{href}'>download</a>")));
    let path = href.split(['#', '?']).next().unwrap();
    server.route(path, Response::ok(file.bytes.clone()));
    server
}

#[test]
fn a_link_may_name_its_file_and_its_digests_behind_the_hash() {
    let sdist = Sdist::new("myapp", "1.0").printing_module("myapp").distribution();
    let wheel = Wheel::app("1.0").distribution();
    let cases = [
        (&sdist, "/archive/v1.0.tar.gz#egg=myapp-1.0".to_owned()),
        (&wheel, format!("/{}#md5={}", wheel.filename, md5(&wheel.bytes))),
        (&wheel, format!("/{}#sha256={}", wheel.filename, wheel.sha256())),
        (&wheel, format!("/{}", wheel.filename)),
    ];
    for (file, href) in cases {
        let server = linking(file, &href);
        app().source_of_type("links", server.url("/links")).run::<&str>(&[]).prints("myapp 1.0\n");
    }
}

#[test]
fn a_digest_behind_the_hash_that_is_wrong_is_never_activated() {
    let wheel = Wheel::app("1.0").distribution();
    for (algorithm, wrong, found) in
        [("md5", "0".repeat(32), md5(&wheel.bytes)), ("sha256", "0".repeat(64), wheel.sha256())]
    {
        let server = linking(&wheel, &format!("/{}#{algorithm}={wrong}", wheel.filename));
        let app = app().source_of_type("links", server.url("/links"));
        let expected = format!(
            "myapp: error: {} is not what its source promises: {algorithm} is {found}, should be {wrong}\n\
             hint: the source and the file do not agree: ask whoever publishes it\n",
            wheel.filename
        );
        app.run::<&str>(&[]).fails(125, &expected);
    }
}

#[test]
fn among_sources_that_say_any_the_best_version_wins_and_the_rest_is_asked_in_order() {
    let dep = |version| Wheel::new("dep", version).printing_module("dep");
    let app_of = |version: &str| {
        Wheel::new("myapp", version)
            .file("myapp.py", format!("import dep\ndef main():\n    print('{version}', dep.__version__)\n"))
            .requires("dep")
    };
    let (first, second, third) = (
        Index::with([app_of("1.0"), dep("3.0")]),
        Index::with([app_of("1.2")]),
        Index::with([app_of("9.9"), dep("9.9")]),
    );
    let app =
        app().source(&first).source_key("any", true).source(&second).source_key("any", true).source(&third);
    app.run::<&str>(&[]).prints("1.2 3.0\n");
    assert_eq!(third.server().requests().len(), 0, "the first that has a project owns it");
}

#[test]
fn a_project_bound_to_a_source_comes_from_nowhere_else() {
    let public = Index::with([Wheel::app("9.9")]);
    let own = Index::with([Wheel::app("1.0")]);
    let bound = app().source(&own).source_key("projects", ["MyApp"].to_vec()).source(&public);
    bound.run::<&str>(&[]).prints("myapp 1.0\n");
    let reversed = app().source(&public).source_key("projects", ["other"].to_vec()).source(&own);
    reversed.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(public.server().requests().len(), 0);
}

#[test]
fn eggs_and_sdists_from_an_index_run() {
    let packages: [Distribution; 3] = [
        Egg::new("myapp", "1.0").printing_module("myapp").into(),
        Egg::new("myapp", "1.0").printing_module("myapp").not_zip_safe().into(),
        Sdist::new("myapp", "1.0").printing_module("myapp").into(),
    ];
    for package in packages {
        let index = Index::with([package]);
        App::of(&index).run(&["a"]).prints("myapp 1.0 a\n");
    }
}

#[test]
fn what_an_egg_or_an_sdist_requires_comes_along() {
    let module = "import dep\ndef main():\n    print('dep', dep.__version__)\n";
    let packages: [Distribution; 2] = [
        Egg::new("myapp", "1.0").file("myapp.py", module).requires("dep<2").into(),
        Sdist::new("myapp", "1.0").file("myapp.py", module).requires("dep<2").into(),
    ];
    for package in packages {
        let index = Index::with([package]);
        index.add(Wheel::new("dep", "1.5").printing_module("dep")).add(Wheel::new("dep", "2.0"));
        App::of(&index).run::<&str>(&[]).prints("dep 1.5\n");
    }
}

#[test]
fn extras_and_markers_decide_what_comes_along() {
    let module = "import importlib.util as u\ndef main():\n    print([n for n in ('extra', 'ours', 'theirs', 'both') if u.find_spec(n)])\n";
    let part = |name: &str| Wheel::new(name, "1.0").printing_module(name);
    let index = Index::with([
        Wheel::new("myapp", "1.0")
            .file("myapp.py", module)
            .requires_for("fast", "extra")
            .requires_for("fast", "both")
            .requires("ours; sys_platform == 'linux'")
            .requires("theirs; sys_platform == 'win32'"),
        part("extra"),
        part("ours"),
        part("theirs"),
        part("both"),
    ]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("['ours']\n");
    app.settle();
    let app = app.requirements(["myapp[fast]"]);
    app.run::<&str>(&[]).prints("['extra', 'ours', 'both']\n");
    app.settle();
    let app = app.requirements(["myapp", "theirs; python_version < '3'", "extra; python_version >= '3'"]);
    app.run::<&str>(&[]).prints("['extra', 'ours']\n");
}

#[test]
fn a_file_that_two_wheels_bring_is_there_once_and_both_work() {
    let namespace = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n";
    let index = Index::with([
        Wheel::new("myapp", "1.0")
            .file("shared/__init__.py", namespace)
            .file("shared/one.py", "WORD = 'one'\n")
            .file("myapp.py", "from shared import one, two\ndef main():\n    print(one.WORD, two.WORD)\n")
            .requires("dep"),
        Wheel::new("dep", "1.0")
            .file("shared/__init__.py", namespace)
            .file("shared/two.py", "WORD = 'two'\n"),
    ]);
    App::of(&index).run::<&str>(&[]).prints("one two\n");
}

#[test]
fn of_two_wheels_that_disagree_about_a_file_the_same_one_wins_every_time() {
    let mut printed = vec![];
    for order in [["aaa", "zzz"], ["zzz", "aaa"]] {
        let part = |name: &str| Wheel::new(name, "1.0").file("shared.py", format!("WORD = '{name}'\n"));
        let index = Index::with(order.map(part));
        index.add(
            Wheel::new("myapp", "1.0")
                .file("myapp.py", "import shared\ndef main():\n    print(shared.WORD)\n"),
        );
        let outcome = App::of(&index).requirements(["myapp", order[0], order[1]]).run::<&str>(&[]);
        printed.push(String::from_utf8(outcome.status(0).stderr("").bytes().to_vec()).unwrap());
    }
    assert_eq!(printed[0], printed[1]);
}
