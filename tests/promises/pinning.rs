//! A pin by the user: the app stays at that version, whatever its sources offer.

use crate::support::{App, Index, Wheel};

fn installed(index: &Index) -> App {
    let app = App::of(index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app
}

#[test]
fn a_pinned_app_stays_and_an_unpinned_one_follows_its_sources_again() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index);
    app.run(&["self", "pin"]).prints("myapp 1.0, pinned\n");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.run(&["self", "update"]).prints("myapp 1.0 is up to date (pinned)\n");
    assert_eq!(app.run(&["self", "info", "--json"]).json()["pinned"], "1.0");
    app.run(&["self", "unpin"])
        .prints("myapp is not pinned to 1.0 any more; the next start looks for updates\n");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.run(&["self", "unpin"]).prints("myapp is not pinned\n");
}

#[test]
fn a_pin_to_a_version_that_is_kept_needs_no_network() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index).update("interval", "1d");
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    app.settle();
    index.shut_down();
    app.run(&["self", "pin", "1.0"]).prints("myapp 1.1 → myapp 1.0, pinned\n");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.run(&["self", "pin", "1.1"]).prints("myapp 1.0 → myapp 1.1, pinned\n");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn a_pin_to_another_version_is_an_update_to_it() {
    let index = Index::with([Wheel::app("0.9"), Wheel::app("1.0")]);
    let app = installed(&index);
    app.run(&["self", "pin", "v0.9.0"]).prints("myapp 1.0 → 0.9\n");
    app.run::<&str>(&[]).prints("myapp 0.9\n");
    app.settle();
    index.add(Wheel::app("0.9.1"));
    app.run::<&str>(&[]).prints("myapp 0.9\n");
}

#[test]
fn a_pin_that_cannot_be_met_changes_nothing() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index);
    let refused = app.run(&["self", "pin", "7"]);
    refused.status(125).stdout("");
    refused.stderr_has("myapp: error: ").stderr_has("==7");
    app.run(&["self", "pin", "not a version"])
        .fails(125, "myapp: error: 'not a version' is not a valid version\nhint: see: myapp self help\n");
    assert_eq!(app.run(&["self", "info", "--json"]).json()["pinned"], serde_json::Value::Null);
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn who_goes_back_from_a_pinned_version_is_not_pinned_to_it() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index).update("interval", "1d");
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    app.run(&["self", "pin"]).prints("myapp 1.1, pinned\n");
    app.run(&["self", "rollback"]).prints("myapp 1.1 → myapp 1.0\n");
    assert_eq!(app.run(&["self", "info", "--json"]).json()["pinned"], serde_json::Value::Null);
    app.run(&["self", "update"])
        .prints("myapp 1.0 stays: what the sources offer is kept out (you went back from it)\n");
}

#[test]
fn what_a_command_does_not_take_is_named() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index);
    for (arguments, extra) in [
        (["pin", "1.0", "2.0"], "2.0"),
        (["rollback", "1", "2"], "2"),
        (["info", "--json", "more"], "more"),
        (["unpin", "1.0", "2.0"], "1.0"),
    ] {
        let command = arguments[0];
        let told =
            format!("myapp: error: self {command} does not take '{extra}'\nhint: see: myapp self help\n");
        app.run(&["self"].into_iter().chain(arguments).collect::<Vec<_>>()).fails(125, &told);
    }
}
