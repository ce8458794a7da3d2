//! Pages of links as old egg repositories have them: made by hand or by a script, with everything mixed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use md5::Digest as _;

use crate::support::distribution::Distribution;
use crate::support::servers::{apache, folder, public_directory};
use crate::support::{App, Egg, Response, Sdist, Server, Wheel};

fn app() -> App {
    App::new().requirements(["myapp"]).entry("myapp:main").update("interval", "0s")
}

fn md5(file: &Distribution) -> String {
    md5::Md5::digest(&file.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn egg(version: &str) -> Egg {
    Egg::new("myapp", version).printing_module("myapp")
}

/// A script as they lay beside eggs: it lists what is in a directory, mixed with links that somebody added.
const LISTER: &str = r#"#!/bin/sh
echo "Content-Type: text/html"
echo
cd "$(dirname "$0")"
directory=.
case "$QUERY_STRING" in
dir=old*) directory=old ;;
esac
echo "<html><body><h1>Our eggs</h1>"
echo "<a href='?C=N;O=D'>Name</a> <a href='/'>home</a> <a href='#top'>top</a> <a name=top>"
for file in "$directory"/*.egg "$directory"/*.tar.gz "$directory"/*.whl; do
    [ -e "$file" ] || continue
    sum=$(md5sum "$file" | cut -d' ' -f1)
    name=$(basename "$file")
    echo "<A HREF=\"$file#md5=$sum\">$(echo "$name" | cut -c1-12)..&gt;</A><BR>"
done
[ "$directory" = old ] || echo "<a href=lister.cgi?dir=old>older ones</a>"
echo "<a href='http://svn.invalid/myapp/trunk#egg=myapp-dev'>myapp in development</a>"
echo "<a href='trunk/#egg=myapp-dev'>the same here</a>"
echo "<!-- <a href='myapp-99-py3-none-any.whl'>not yet</a> -->"
"#;

fn install(lister: &str, path: &Path) {
    std::fs::write(path, lister).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What Apache decides: that the script runs, with which query, and where its relative links start from.
#[test]
fn a_real_lister_cgi_mixing_eggs_archives_wheels_and_checkouts_serves() {
    let work = public_directory();
    let eggs = folder(&work, "eggs");
    let old = folder(&work, "eggs/old");
    install(LISTER, &eggs.join("lister.cgi"));
    let server = apache(&eggs, &folder(&work, "apache"), "Options +ExecCGI");
    let app = app().source_of_type("links", server.url("/lister.cgi"));
    let nothing = app.run::<&str>(&[]);
    nothing.status(125).stderr_has("no source has myapp");
    app.settle();
    egg("0.9").distribution().write_to(&old);
    app.run::<&str>(&[]).prints("myapp 0.9\n");
    app.settle();
    egg("1.0").distribution().write_to(&eggs);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    Sdist::new("myapp", "1.1").printing_module("myapp").write_to(&eggs);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.settle();
    Wheel::app("1.2").write_to(&eggs);
    app.run::<&str>(&[]).prints("myapp 1.2\n");
    let asked = App::new().requirements(["myapp==0.9"]).entry("myapp:main");
    let asked = asked.source_of_type("links", server.url("/lister.cgi?sorted=yes"));
    asked.run::<&str>(&[]).prints("myapp 0.9\n");
}

/// A server with that page at `path`, and these files beside it.
fn serving(path: &str, page: &str, files: &[(&str, &Distribution)]) -> Server {
    let server = Server::start();
    server.route(path, Response::html(page));
    for (path, file) in files {
        server.route(path, Response::ok(file.bytes.clone()));
    }
    server
}

#[test]
fn links_are_found_however_they_are_written() {
    let file = egg("1.0").distribution();
    let name = file.filename.clone();
    let spaced = file.filename.replace("myapp", "my%61pp");
    let sum = md5(&file);
    let cases = [
        ("relative to the page", format!("<a href='{name}'>x</a>"), format!("/eggs/{name}")),
        ("relative to the host", format!("<a href='/other/{name}'>x</a>"), format!("/other/{name}")),
        ("up and down", format!("<a href='../a/./{name}'>x</a>"), format!("/a/{name}")),
        ("without quotes", format!("<A HREF={name}#md5={sum}>x</A>"), format!("/eggs/{name}")),
        ("over lines", format!("<a\n class='x'\n href =\n '\n {name}\n '>x</a>"), format!("/eggs/{name}")),
        ("with escapes", format!("<a href='{spaced}'>x</a>"), format!("/eggs/{spaced}")),
        ("with a space before", format!("<a href='my eggs/{name}'>x</a>"), format!("/eggs/my%20eggs/{name}")),
        (
            "with entities",
            format!("<a href='{name}?a=1&amp;b=2#egg=myapp&amp;md5={sum}'>x</a>"),
            format!("/eggs/{name}"),
        ),
        ("from a base", format!("<base href='/far/'><a href='{name}'>x</a>"), format!("/far/{name}")),
        (
            "with its text cut",
            format!("<a href='{name}' title='>'>{}..&gt;</a>", &name[..8]),
            format!("/eggs/{name}"),
        ),
        (
            "with a name for the archive",
            format!("<a href='get/{name}#egg=myapp-1.0'>x</a>"),
            format!("/eggs/get/{name}"),
        ),
    ];
    for (what, link, path) in cases {
        let page = format!("<html><body><p>Eggs: {link} and <a href='http://127.0.0.1:1/'>more</a>");
        let server = serving("/eggs/list.html", &page, &[(&path, &file)]);
        let outcome = app().source_of_type("links", server.url("/eggs/list.html")).run::<&str>(&[]);
        assert_eq!(String::from_utf8_lossy(outcome.bytes()), "myapp 1.0\n", "{what}: {outcome:?}");
    }
}

#[test]
fn files_on_other_hosts_are_fetched_from_there() {
    let file = egg("1.0").distribution();
    let path = format!("/{}", file.filename);
    let far = serving("/", "", &[(&path, &file)]);
    let page = format!("<a href='{}#md5={}'>x</a>", far.url(&path), md5(&file));
    let near = serving("/links", &page, &[]);
    app().source_of_type("links", near.url("/links")).run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(near.requests().len(), 1);
    assert!(far.count(&path) > 0 && far.requests().len() == far.count(&path));
}

#[test]
fn checkouts_and_other_things_on_a_page_are_passed_over() {
    let file = egg("1.0").distribution();
    let page = format!(
        "<a href='svn+http://127.0.0.1:1/trunk#egg=myapp-dev'>a</a><a href='trunk/#egg=myapp-dev'>b</a>\
         <a href='git+https://127.0.0.1:1/x.git#egg=myapp-dev'>c</a><a href='tip.tar.gz#egg=myapp-dev'>d</a>\
         <a href='mailto:me@example.org'>e</a><a href='ftp://127.0.0.1/myapp-9.tar.gz'>f</a>\
         <a href='file:///etc/passwd#egg=myapp-9'>g</a><a href='javascript:void(0)'>h</a>\
         <a href='myapp-9-py2.4.egg'>i</a><a href='myapp-9.rpm'>j</a><a href=''>k</a><a>l</a>\
         <a href='http://[bad/myapp-9.tar.gz'>m</a><a href='{}'>n</a>",
        file.filename
    );
    let server = serving("/eggs/", &page, &[(&format!("/eggs/{}", file.filename), &file)]);
    app().source_of_type("links", server.url("/eggs/")).run::<&str>(&[]).prints("myapp 1.0\n");
    let mut asked: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
    asked.dedup();
    assert_eq!(asked, ["/eggs/".to_owned(), format!("/eggs/{}", file.filename)]);
}

#[test]
fn listings_are_followed_one_level_and_no_further() {
    let page = |own: &str| format!("<a href='../'>up</a><a href='sub/'>sub</a>{own}");
    let (first, second) = (egg("1.0").distribution(), egg("2.0").distribution());
    let server = serving("/eggs/", &page(""), &[(&format!("/eggs/sub/{}", first.filename), &first)]);
    server.route("/eggs/sub/", Response::html(page(&format!("<a href='{}'>x</a>", first.filename))));
    server.route("/eggs/sub/sub/", Response::html(format!("<a href='{}'>x</a>", second.filename)));
    app().source_of_type("links", server.url("/eggs/")).run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!((server.count("/eggs/sub/sub/"), server.count("/")), (0, 0));
}

/// Of the project's own folder and others only the former is asked, also where a script makes the pages.
#[test]
fn a_listing_for_the_project_is_enough() {
    let file = egg("1.0").distribution();
    for (page, links, inner) in [
        ("/eggs/", "<a href='MyApp/'>x</a><a href='other/'>y</a>", "/eggs/MyApp/"),
        ("/lister.cgi", "<a href='?p=myapp'>x</a><a href='?p=other'>y</a>", "/lister.cgi?p=myapp"),
        (
            "/lister.cgi",
            "<a href='lister.cgi/myapp/'>x</a><a href='lister.cgi/other/'>y</a>",
            "/lister.cgi/myapp/",
        ),
        (
            "/list?of=all",
            "<a href='/list?of=eggs/myapp'>x</a><a href='?of=other'>y</a>",
            "/list?of=eggs/myapp",
        ),
    ] {
        let server = Server::start();
        let link = Response::html(format!("<a href='/f/{}'>x</a>", file.filename));
        let (outer, target) = (Response::html(links), inner.to_owned());
        server.below("/", move |request| if request.target == target { link.clone() } else { outer.clone() });
        server.route(&format!("/f/{}", file.filename), Response::ok(file.bytes.clone()));
        app().source_of_type("links", server.url(page)).run::<&str>(&[]).prints("myapp 1.0\n");
        let targets: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
        assert_eq!(targets[..2], [page.to_owned(), inner.to_owned()]);
        assert!(targets[2..].iter().all(|target| target.starts_with("/f/")), "{targets:?}");
    }
}

/// python-transmute's rule: what was fetched and has not the promised digest is dropped, and the next best is used.
#[test]
fn an_egg_with_a_wrong_digest_is_dropped_for_the_next_best() {
    let (good, bad) = (egg("1.0").distribution(), egg("1.1").distribution());
    let page = format!(
        "<a href='{}#md5={}'>x</a><a href='{}#md5={}'>x</a>",
        good.filename,
        md5(&good),
        bad.filename,
        md5(&good)
    );
    let (good_path, bad_path) = (format!("/eggs/{}", good.filename), format!("/eggs/{}", bad.filename));
    let server = serving("/eggs/", &page, &[(&good_path, &good), (&bad_path, &bad)]);
    app().source_of_type("links", server.url("/eggs/")).run::<&str>(&[]).prints("myapp 1.0\n");
}
