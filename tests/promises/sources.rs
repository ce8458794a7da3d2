//! Every kind of source serves an app, and the first that has a project owns it.

use crate::support::servers::{folder, nginx, public_directory};
use crate::support::{App, Egg, Index, RefusedPort, Sdist, Server, Wheel};

fn app() -> App {
    App::new().requirements(["myapp"]).entry("myapp:main").update("interval", "0s")
}

#[test]
fn an_index_of_either_form_serves() {
    let forms: [fn(Index) -> Index; 4] =
        [Index::html_only, Index::json_only, Index::without_metadata, Index::without_sizes];
    for form in forms {
        let index = form(Index::with([Wheel::app("1.0"), Wheel::app("1.1")]));
        App::of(&index).run::<&str>(&[]).prints("myapp 1.1\n");
    }
}

#[test]
fn a_directory_beside_the_launcher_serves_wheels_eggs_and_sdists() {
    let app = app().source("packages");
    let packages = app.folder().join("packages");
    Sdist::new("myapp", "1.0").printing_module("myapp").write_to(&packages);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    Egg::new("myapp", "1.1").printing_module("myapp").write_to(&packages);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    Egg::new("myapp", "1.2").printing_module("myapp").not_zip_safe().write_directory(&packages);
    app.run::<&str>(&[]).prints("myapp 1.2\n");
    Wheel::app("1.3").write_to(&packages);
    app.run::<&str>(&[]).prints("myapp 1.3\n");
}

#[test]
fn the_first_source_that_has_a_project_owns_it() {
    let own = Index::with([Wheel::app("1.0")]);
    let public = Index::with([Wheel::app("9.9"), Wheel::new("dep", "1.0").printing_module("dep")]);
    app().source(&own).source(&public).run::<&str>(&[]).prints("myapp 1.0\n");
    let both = app().source(&own).source_key("any", true).source(&public).source_key("any", true);
    both.run::<&str>(&[]).prints("myapp 9.9\n");
}

#[test]
fn a_source_that_is_down_does_not_hand_its_projects_to_the_next() {
    let own = RefusedPort::new();
    let public = Index::with([Wheel::app("9.9")]);
    let app = app().source(own.url("/simple/")).source(&public);
    app.run::<&str>(&[]).status(125).stdout("");
    assert!(public.downloads().is_empty(), "{:?}", public.downloads());
}

#[test]
fn only_the_named_projects_are_asked_of_a_bound_source() {
    let own = Index::with([Wheel::app("1.0").requires("dep")]);
    let public = Index::with([Wheel::new("dep", "1.0").printing_module("dep")]);
    let app = app().source(&own).source_key("projects", ["myapp"].to_vec()).source(&public);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!((own.checks("dep"), public.checks("myapp")), (0, 0));
}

#[test]
fn an_index_behind_a_password_serves_those_who_have_it() {
    let wheel = Wheel::app("1.0").distribution();
    let server = Server::start();
    let private = |body: Vec<u8>| crate::support::Response::html(body).only_for("me", "pass");
    let page = format!("<a href=\"/files/{0}#sha256={1}\">{0}</a>", wheel.filename, wheel.sha256());
    server.route("/simple/myapp/", private(page.into_bytes()));
    server.route(&format!("/files/{}", wheel.filename), private(wheel.bytes));
    let address = server.url("/simple/").replace("http://", "http://me:pass@");
    app().source(address).run::<&str>(&[]).prints("myapp 1.0\n");
    let netrc = app().source(server.url("/simple/"));
    let path = netrc.root().join("home/.netrc");
    std::fs::write(path, "machine 127.0.0.1 login me password pass\n").unwrap();
    netrc.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_real_nginx_serves() {
    let work = public_directory();
    let packages = folder(&work, "packages");
    Wheel::app("1.0").write_to(&packages);
    Wheel::new("a-name-so-long-that-the-listing-cuts-it-off", "1.0").write_to(&packages);
    let nginx = nginx(&packages, &folder(&work, "nginx"), "autoindex on;");
    let app = app().source_of_type("links", nginx.url("/"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    Wheel::app("1.1").write_to(&packages);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}
