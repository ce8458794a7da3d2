//! No state of the network stops an app that has once been installed, or delays it beyond the deadline.

use std::time::Duration;

use crate::support::{App, BlackHole, Index, RefusedPort, Response, Wheel};

/// What a start may take with `timeout = "500ms"`: the deadline, and the time of a busy machine.
const BOUND: Duration = Duration::from_secs(3);

fn installed() -> (Index, App) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "500ms");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    (index, app)
}

#[test]
fn an_installed_app_starts_whatever_the_index_does() {
    let page = || Response::html("<a href='myapp-1.1-py3-none-any.whl'>myapp-1.1-py3-none-any.whl</a>");
    let json = |text: &str| Response::ok(text).content_type("application/vnd.pypi.simple.v1+json");
    let troubles = [
        ("is silent", Response::silent()),
        ("drops connections", Response::drop_connection()),
        ("never ends", Response::endless()),
        ("never ends its page", Response::endless().content_type("text/html")),
        ("dribbles", page().dribble(1, Duration::from_secs(1))),
        ("cuts its page", page().cut_after(10)),
        ("tells a wrong length", page().declare_length(1 << 40)),
        ("goes in circles", Response::redirect("/simple/myapp/")),
        ("redirects to nowhere", Response::redirect("http://127.0.0.1:1/")),
        ("redirects to a file", Response::redirect("file:///etc/passwd")),
        ("has an error", Response::status(500)),
        ("is busy", Response::status(503).header("Retry-After", "3600")),
        ("limits its rate", Response::status(429)),
        ("forbids", Response::status(403)),
        ("has forgotten the project", Response::status(404)),
        ("wants a password", Response::ok("").only_for("me", "pass")),
        ("sends another type", Response::ok("GIF89a").content_type("image/gif")),
        ("sends nothing", json("")),
        ("sends half of its JSON", json("{\"files\": [")),
        ("sends deep JSON", json(&"[".repeat(1_000_000))),
        ("sends bytes that are no UTF-8", json("{\"files\": \"\u{0}")),
    ];
    for (what, trouble) in troubles {
        let (index, app) = installed();
        index.server().everything(trouble);
        let outcome = app.run::<&str>(&[]);
        let (printed, elapsed) = (String::from_utf8_lossy(outcome.bytes()).into_owned(), outcome.elapsed());
        assert_eq!(printed, "myapp 1.0\n", "the index {what}: {outcome:?}");
        assert!(elapsed < BOUND, "the index {what}: {outcome:?}");
        outcome.status(0).stderr("");
    }
}

#[test]
fn a_refused_port_delays_nothing() {
    let (_index, app) = installed();
    let refused = RefusedPort::new();
    let app = app.without_sources().source(refused.url("/simple/"));
    app.run::<&str>(&[]).prints("myapp 1.0\n").within(BOUND);
}

#[test]
fn a_black_hole_delays_one_start_by_the_deadline_and_the_next_not_at_all() {
    let (_index, app) = installed();
    let hole = BlackHole::new();
    let app = app.update("timeout", "2s").without_sources().source(hole.url("/simple/"));
    let first = app.run::<&str>(&[]);
    first.prints("myapp 1.0\n");
    assert!(first.elapsed() >= Duration::from_secs(2), "it waited: {first:?}");
    app.run::<&str>(&[]).prints("myapp 1.0\n").within(Duration::from_millis(1900));
}

#[test]
fn without_any_network_an_installed_app_starts() {
    let (_index, app) = installed();
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n").within(BOUND);
}

#[test]
fn a_failure_backs_off_even_where_every_start_checks() {
    let (index, app) = installed();
    index.server().everything(Response::status(500)).forget();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let asked = index.server().requests().len();
    assert!(asked > 0);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(index.server().requests().len(), asked);
}

#[test]
fn self_update_does_not_wait_for_the_back_off() {
    let (index, app) = installed();
    index.server().everything(Response::status(500));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.server().heal();
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn one_page_that_cannot_be_had_keeps_the_whole_set() {
    let index =
        Index::with([Wheel::app("1.0").requires("dep"), Wheel::new("dep", "1.0").printing_module("dep")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1").requires("dep")).server().route("/simple/dep/", Response::status(500));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_first_run_without_an_index_says_so_and_gives_125() {
    let refused = RefusedPort::new();
    let app = App::new().requirements(["myapp"]).entry("myapp:main").source(refused.url("/simple/"));
    let outcome = app.run::<&str>(&[]);
    outcome.status(125).stdout("").stderr_has("myapp: error: ").stderr_has("\nhint: ");
    assert_eq!(outcome.err().lines().count(), 2, "{outcome:?}");
}

#[test]
fn a_credential_is_sent_to_its_own_host_only_and_never_shown() {
    let (other, index) = (crate::support::Server::start(), Index::with([Wheel::app("1.0")]));
    other.below("/", |_| Response::status(500));
    let elsewhere = other.url("/stolen");
    index.server().everything(Response::redirect(&elsewhere));
    let address = index.url().replace("http://", "http://me:sesame@");
    let app = App::new().requirements(["myapp"]).entry("myapp:main").source(address);
    let outcome = app.run::<&str>(&[]);
    outcome.status(125).stdout("");
    assert!(!outcome.err().contains("sesame"), "{outcome:?}");
    let own = index.server().requests();
    assert!(own.iter().any(|request| request.header("authorization") == Some("Basic bWU6c2VzYW1l")));
    assert_eq!(
        other.requests().iter().filter(|request| request.header("authorization").is_some()).count(),
        0
    );
    assert!(other.count("/stolen") > 0);
}
