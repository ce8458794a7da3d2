//! Whatever an index does: a first run ends with one clear message and one hint, an installed app starts as it was and
//! can say what is wrong.

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::distribution::Distribution;
use crate::support::outcome::Outcome;
use crate::support::{App, Index, Response, Wheel};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const ADDRESS: &str = "check the source's address in launcher.toml";
const NETWORK: &str = "check the network, and the proxy variables where there is a proxy";
const REQUIREMENTS: &str = "loosen the requirements in launcher.toml, or publish what they ask for";
const PAGE: &str = "http://127.0.0.1:[PORT]/simple/myapp/";

/// What an index does, and what is said of it.
struct Trouble {
    what: &'static str,
    make: fn(&mut Index),
    message: String,
    hint: &'static str,
}

fn trouble(what: &'static str, make: fn(&mut Index), message: &str, hint: &'static str) -> Trouble {
    Trouble { what, make, message: message.replace("PAGE", PAGE), hint }
}

fn everything(index: &Index, response: Response) {
    index.server().everything(response);
}

fn json(body: impl Into<Vec<u8>>) -> Response {
    Response::ok(body).content_type(JSON)
}

/// Troubles with pages: they come before any file is looked at.
fn page_troubles() -> impl Iterator<Item = Trouble> {
    answer_troubles().into_iter().chain(content_troubles())
}

/// No page comes at all.
fn answer_troubles() -> Vec<Trouble> {
    vec![
        trouble(
            "is down",
            Index::shut_down,
            "cannot fetch PAGE: cannot connect: connection refused",
            NETWORK,
        ),
        trouble(
            "drops connections",
            |index| everything(index, Response::drop_connection()),
            "cannot fetch PAGE: the connection ended before an answer",
            NETWORK,
        ),
        trouble(
            "never ends its page",
            |index| everything(index, Response::endless().content_type(JSON)),
            "cannot fetch PAGE: larger than 25165824 bytes",
            ADDRESS,
        ),
        trouble(
            "cuts its page",
            |index| everything(index, json("{\"files\": []}").cut_after(5)),
            "cannot fetch PAGE: the answer ended too early",
            "the server is in trouble: try again later",
        ),
        trouble(
            "redirects in a circle",
            |index| everything(index, Response::redirect("/simple/myapp/")),
            "cannot fetch PAGE: redirects lead in a circle",
            ADDRESS,
        ),
        trouble(
            "redirects for ever",
            |index| {
                index
                    .server()
                    .below("/simple/", |request| Response::redirect(&format!("{}x/", request.path())));
                index.server().handle("/simple/myapp/", |_| Response::redirect("/simple/x/"));
            },
            "cannot fetch http://127.0.0.1:[PORT]/simple/x/x/x/x/x/: too many redirects",
            ADDRESS,
        ),
        trouble(
            "redirects to nowhere",
            |index| everything(index, Response::redirect("file:///etc/passwd")),
            "cannot fetch PAGE: redirected to what is no http address",
            ADDRESS,
        ),
    ]
}

/// A page comes, and is none that can be used.
fn content_troubles() -> Vec<Trouble> {
    vec![
        trouble(
            "sends an HTML error page for JSON",
            |index| everything(index, Response::html("<h1>Down for maintenance</h1>").content_type(JSON)),
            "cannot use PAGE: not a list of packages",
            ADDRESS,
        ),
        trouble(
            "sends an HTML error page",
            |index| everything(index, Response::html("<h1>Down for maintenance</h1>")),
            "cannot use PAGE: not a list of packages",
            ADDRESS,
        ),
        trouble(
            "has files that are no list",
            |index| everything(index, json("{\"files\": 1}")),
            "cannot use PAGE: damaged JSON: invalid type: integer `1`, expected an array of files at line 1 column 11",
            ADDRESS,
        ),
        trouble(
            "sends a list",
            |index| everything(index, json("[1, 2]")),
            "cannot use PAGE: damaged JSON: it is no object",
            ADDRESS,
        ),
        trouble(
            "sends deep JSON",
            |index| everything(index, json(format!("{{\"files\": {}", "[".repeat(100_000)))),
            "cannot use PAGE: damaged JSON: EOF while parsing a list at line 1 column 100010",
            ADDRESS,
        ),
        trouble(
            "sends bytes that are no UTF-8",
            |index| everything(index, json(&b"{\"files\": [{\"url\": \"\xff\xfe\"}]}"[..])),
            "cannot use PAGE: damaged JSON: invalid unicode code point at line 1 column 21",
            ADDRESS,
        ),
        trouble(
            "speaks another version",
            |index| everything(index, json("{\"meta\": {\"api-version\": \"2.0\"}}")),
            "cannot use PAGE: version '2.0' of the index API is not supported",
            ADDRESS,
        ),
        trouble(
            "wants a password",
            |index| everything(index, Response::ok("").only_for("me", "pass")),
            "cannot fetch PAGE: the server answers 401 Unauthorized",
            "check the credentials: of the source in launcher.toml, in its URL, or in ~/.netrc",
        ),
        trouble(
            "is in trouble",
            |index| everything(index, Response::status(500)),
            "cannot fetch PAGE: the server answers 500 Internal Server Error",
            "the server is in trouble: try again later",
        ),
        trouble(
            "has no such project",
            |index| everything(index, Response::status(404)),
            "Because you require myapp and no source has myapp, there is no solution",
            REQUIREMENTS,
        ),
        trouble(
            "has entries of wrong types only",
            |index| everything(index, json("{\"files\": [1, null, {\"url\": [], \"filename\": {}}]}")),
            "Because you require myapp and no source has myapp, there is no solution",
            REQUIREMENTS,
        ),
    ]
}

fn newest() -> Distribution {
    Wheel::app("1.1").distribution()
}

const FILE: &str = "/files/myapp-1.1-py3-none-any.whl";

/// Troubles with the newest file alone: an older one may do.
fn file_troubles() -> Vec<Trouble> {
    let size = newest().bytes.len();
    vec![
        trouble(
            "tells too small a size",
            |index| _ = index.add(newest().lying_about_size(10)),
            &format!("cannot fetch http://127.0.0.1:[PORT]{FILE}: larger than 10 bytes"),
            ADDRESS,
        ),
        trouble(
            "tells too large a size",
            |index| _ = index.add(newest().lying_about_size(1 << 30)),
            &format!("myapp-1.1-py3-none-any.whl has {size} bytes, its source promises 1073741824"),
            "the source and the file do not agree: ask whoever publishes it",
        ),
        trouble(
            "tells another hash",
            |index| _ = index.add(newest().lying_about_hash()),
            &format!(
                "myapp-1.1-py3-none-any.whl is not what its source promises: sha256 is {}, should be {}",
                newest().sha256(),
                newest().lying_about_hash().claimed_sha256.unwrap()
            ),
            "the source and the file do not agree: ask whoever publishes it",
        ),
        trouble(
            "cuts its file",
            |index| {
                let file = newest();
                index.add(file.clone()).server().route(FILE, Response::ok(file.bytes).cut_after(100));
            },
            &format!("cannot fetch http://127.0.0.1:[PORT]{FILE}: the answer ended too early"),
            "the server is in trouble: try again later",
        ),
        trouble(
            "has lost its file",
            |index| _ = index.add(newest()).server().route(FILE, Response::status(404)),
            &format!("cannot fetch http://127.0.0.1:[PORT]{FILE}: the server answers 404 Not Found"),
            "its source lists what it does not have: ask whoever publishes it",
        ),
    ]
}

#[track_caller]
fn fails_with(outcome: &Outcome, trouble: &Trouble) {
    let expected = format!("myapp: error: {}\nhint: {}\n", trouble.message, trouble.hint);
    assert_eq!(outcome.err_without_progress(), expected, "the index {}", trouble.what);
    outcome.status(125).stdout("");
}

/// Troubles that have a test of their own, named after them: `bad_input.rs`.
const NAMED: [&str; 9] = [
    "is down",
    "never ends its page",
    "redirects in a circle",
    "sends an HTML error page for JSON",
    "sends deep JSON",
    "sends bytes that are no UTF-8",
    "tells too small a size",
    "tells too large a size",
    "tells another hash",
];

fn is_unnamed(trouble: &Trouble) -> bool {
    !NAMED.contains(&trouble.what)
}

/// All that is promised of the trouble of that name.
#[track_caller]
pub(super) fn does_no_harm(what: &str) {
    assert!(NAMED.contains(&what), "'{what}' is tried here");
    if let Some(trouble) = page_troubles().find(|trouble| trouble.what == what) {
        first_run_says(&trouble);
        if what != "is down" {
            next_run_installs(&trouble);
        }
        installed_app_tells(&trouble);
    } else {
        let trouble = file_troubles().into_iter().find(|trouble| trouble.what == what).unwrap();
        first_run_says(&trouble);
        installed_app_stays(&trouble);
    }
}

#[track_caller]
fn first_run_says(trouble: &Trouble) {
    let mut index = Index::new();
    (trouble.make)(&mut index);
    fails_with(&App::of(&index).run::<&str>(&[]), trouble);
}

#[track_caller]
fn next_run_installs(trouble: &Trouble) {
    let mut index = Index::with([Wheel::app("1.0")]);
    (trouble.make)(&mut index);
    let app = App::of(&index);
    fails_with(&app.run::<&str>(&[]), trouble);
    index.server().heal();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[track_caller]
fn installed_app_tells(trouble: &Trouble) {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "20s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    (trouble.make)(&mut index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let info = app.run(&["self", "info", "--json"]);
    let info = info.status(0).stderr("").json();
    let message = info["failure"]["message"].as_str().unwrap_or_default();
    let message = crate::support::outcome::Redactions::default().apply(message);
    assert_eq!(message, trouble.message, "the index {}: {info:#}", trouble.what);
    assert_eq!((&info["version"], &info["failure"]["count"]), (&"1.0".into(), &1.into()), "{info:#}");
}

#[track_caller]
fn installed_app_stays(trouble: &Trouble) {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "20s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    (trouble.make)(&mut index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run(&["self", "log"]).status(0).stdout_has(&trouble.message);
}

#[test]
fn a_first_run_says_in_one_message_and_one_hint_what_the_index_does() {
    page_troubles().chain(file_troubles()).filter(is_unnamed).for_each(|trouble| first_run_says(&trouble));
}

#[test]
fn after_a_failed_first_run_the_next_one_installs() {
    let healed = page_troubles().filter(is_unnamed).filter(|trouble| trouble.what != "redirects for ever");
    healed.for_each(|trouble| next_run_installs(&trouble));
}

#[test]
fn an_installed_app_starts_as_it_was_and_its_info_names_what_the_index_does() {
    page_troubles().filter(is_unnamed).for_each(|trouble| installed_app_tells(&trouble));
}

#[test]
fn a_bad_file_leaves_an_installed_app_as_it_was_and_is_told_in_its_log() {
    file_troubles().into_iter().filter(is_unnamed).for_each(|trouble| installed_app_stays(&trouble));
}

pub(super) fn a_first_run_from_a_silent_index_ends_with_its_timeout() {
    let index = Index::new();
    index.server().everything(Response::silent());
    let outcome = App::of(&index).update("first_run_timeout", "1s").run::<&str>(&[]);
    let expected = "myapp: looking for packages\n\
                    myapp: error: the first installation is not done after 1 s\n\
                    hint: it goes on in the background: start it again in a while\n";
    outcome.stderr_with_progress(expected).stdout("").status(125).within(Duration::from_secs(5));
}

pub(super) fn an_installed_app_behind_a_silent_index_says_that_its_check_is_not_finished() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "300ms");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.server().everything(Response::silent());
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let info = app.run(&["self", "info", "--json"]).json();
    assert_eq!(info["failure"]["message"], "the check was not finished", "{info:#}");
}

pub(super) fn a_dependency_that_no_source_has_is_named_with_who_wants_it() {
    let index = Index::with([Wheel::app("1.0").requires("dep>=2")]);
    let expected = format!(
        "myapp: error: Because you require myapp,\n  myapp 1.0 needs dep>=2,\n  \
         and no source has dep,\nthere is no solution\nhint: {REQUIREMENTS}\n"
    );
    App::of(&index).run::<&str>(&[]).fails(125, &expected);
}

#[test]
fn metadata_that_cannot_be_read_is_named() {
    let bad = |text: &str| {
        let index = Index::with([Wheel::app("1.0").metadata(text)]).without_metadata();
        App::of(&index).run::<&str>(&[])
    };
    for (text, reason) in [
        ("", "METADATA: it does not have exactly one Name"),
        (
            "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n",
            "METADATA says other 1.0, the file name says myapp 1.0",
        ),
        (
            "Metadata-Version: 2.1\nName: myapp\nVersion: 1.0\nRequires-Dist: ==\n",
            "myapp-1.0-py3-none-any.whl: the metadata has an invalid requirement '==': expected a project name at position 1",
        ),
        (
            "Metadata-Version: 2.1\nName: myapp\nVersion: one\n",
            "METADATA says myapp one, the file name says myapp 1.0",
        ),
    ] {
        let expected = format!(
            "myapp: error: Because you require myapp and myapp 1.0 cannot be used: {reason}, there is no solution\n\
             hint: {REQUIREMENTS}\n"
        );
        let outcome = bad(text);
        assert_eq!(outcome.err_without_progress(), expected, "{text}");
        outcome.status(125).stdout("");
    }
}

/// A page of so many versions, the newest of which is real.
fn crowded(count: usize) -> Index {
    let index = Index::with([Wheel::app("1.0")]);
    let real = Wheel::app("999999").distribution();
    let mut page = String::with_capacity(count * 40);
    for number in 1..count {
        let _ = writeln!(page, "<a href=/f/myapp-{number}-py3-none-any.whl>a</a>");
    }
    let _ = write!(page, "<a href=/files/{}#sha256={}>a</a>", real.filename, real.sha256());
    index.add(real).server().route("/simple/myapp/", Response::html(page));
    index
}

#[test]
fn fifty_thousand_versions_on_one_page_are_no_obstacle() {
    let index = crowded(50_000);
    let outcome = App::of(&index).run::<&str>(&[]);
    outcome.status(0).stdout("myapp 999999\n").stderr("").within(Duration::from_secs(50));
}

#[test]
fn more_versions_than_any_project_has_are_refused() {
    let index = crowded(50_001);
    let outcome = App::of(&index).run::<&str>(&[]);
    let expected = format!("myapp: error: cannot use {PAGE}: too many files\nhint: {ADDRESS}\n");
    outcome.fails(125, &expected).within(Duration::from_secs(50));
}
