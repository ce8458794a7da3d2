//! Progress is for whoever waits: plain lines in a pipe, one vanishing line on a terminal, nothing for quick work, and
//! never a byte on standard output.

use std::time::Duration;

use crate::support::{App, Index, Response, Wheel};

const ERASE: &str = "\r\u{1b}[K";

/// An index whose page comes after `page` and whose file after `file`.
fn slow(page: Duration, file: Duration) -> Index {
    let wheel = Wheel::app("1.0").distribution();
    let index = Index::with([wheel.clone()]);
    let listing = format!("<a href=\"/files/{0}#sha256={1}\">{0}</a>", wheel.filename, wheel.sha256());
    index.server().route("/simple/myapp/", Response::html(listing).delay(page));
    let path = format!("/files/{}", wheel.filename);
    index.server().route(&path, Response::ok(wheel.bytes).ranges().delay(file));
    index
}

#[test]
fn a_slow_first_run_tells_its_steps_in_plain_lines() {
    let index = slow(Duration::from_millis(900), Duration::ZERO);
    let outcome = App::of(&index).run::<&str>(&[]);
    outcome.status(0).stdout("myapp 1.0\n");
    outcome
        .stderr_with_progress("myapp: looking for packages\nmyapp: fetching packages\nmyapp: installing\n");
}

#[test]
fn on_a_terminal_a_slow_first_run_leaves_nothing_behind() {
    let index = slow(Duration::from_millis(900), Duration::from_millis(300));
    let outcome = App::of(&index).start::<&str>(&[]).in_terminal().run();
    outcome.status(0).stdout("myapp 1.0\n");
    let drawn = outcome.err();
    assert!(drawn.starts_with(&format!("{ERASE}myapp: looking for packages")), "{drawn:?}");
    assert!(drawn.contains(&format!("{ERASE}myapp: fetching packages")), "{drawn:?}");
    assert!(drawn.ends_with(ERASE), "{drawn:?}");
    assert!(!drawn.contains('\n'), "one line: {drawn:?}");
}

#[test]
fn a_quick_first_run_shows_nothing() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    let outcome = app.start::<&str>(&[]).in_terminal().run();
    // Whatever took longer than half a second was not quick, and may be shown.
    outcome.status(0).stdout("myapp 1.0\n").stderr("");
}

#[test]
fn a_slow_update_says_nothing_in_a_pipe() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "2s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.server().everything(Response::silent());
    let outcome = app.run::<&str>(&[]);
    outcome.status(0).stdout("myapp 1.0\n").stderr_with_progress("");
    assert!(outcome.elapsed() >= Duration::from_secs(2), "{outcome:?}");
}

#[test]
fn on_a_terminal_a_slow_update_shows_a_line_that_is_gone_when_the_app_starts() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "2s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.server().everything(Response::silent());
    let outcome = app.start::<&str>(&[]).in_terminal().run();
    outcome.status(0).stdout("myapp 1.0\n");
    let drawn = outcome.err();
    assert!(drawn.starts_with(&format!("{ERASE}myapp: looking for packages")), "{drawn:?}");
    assert!(drawn.ends_with(ERASE) && !drawn.contains('\n'), "{drawn:?}");
}

#[test]
fn in_the_background_nothing_is_shown() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("mode", "background");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.server().everything(Response::silent());
    app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.0\n").stderr_with_progress("");
}

#[test]
fn an_update_is_not_announced_in_a_pipe_whatever_notify_says() {
    for notify in [true, false] {
        let index = Index::with([Wheel::app("1.0")]);
        let app = App::of(&index).update("notify", notify);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        index.add(Wheel::app("1.1"));
        app.run::<&str>(&[]).prints("myapp 1.1\n");
    }
}
