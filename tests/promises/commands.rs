//! It can be explained, and it can go back: `myapp self …`.

use crate::support::{App, Index, Wheel};

fn updated() -> (Index, App) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    (index, app)
}

#[test]
fn the_word_self_alone_belongs_to_the_launcher() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run(&["selfish"]).prints("myapp 1.0 selfish\n");
    app.run(&["x", "self", "info"]).prints("myapp 1.0 x self info\n");
    app.run(&["--", "self"]).prints("myapp 1.0 -- self\n");
    app.run(&["self", "run", "--", "self", "info"]).prints("myapp 1.0 self info\n");
}

#[test]
fn the_word_can_be_changed_and_switched_off() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).app("self", "launcher");
    app.run(&["self", "info"]).prints("myapp 1.0 self info\n");
    app.run(&["launcher", "run", "--", "a"]).prints("myapp 1.0 a\n");
    let app = app.app("self", "");
    app.run(&["self", "info"]).prints("myapp 1.0 self info\n");
    app.run(&["launcher", "info"]).prints("myapp 1.0 launcher info\n");
}

#[test]
fn an_unknown_command_is_refused_with_the_known_ones() {
    let index = Index::with([Wheel::app("1.0")]);
    let outcome = App::of(&index).run(&["self", "updtae"]);
    outcome.status(125).stdout("").stderr_has("myapp: error: ").stderr_has("updtae").stderr_has("\nhint: ");
}

#[test]
fn rollback_goes_back_and_stays_there() {
    let (_index, app) = updated();
    app.run(&["self", "rollback"]).status(0);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn what_was_rolled_back_does_not_come_again_by_itself() {
    let (index, app) = updated();
    app.run(&["self", "rollback"]).status(0);
    let app = app.update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.2"));
    app.run::<&str>(&[]).prints("myapp 1.2\n");
}

#[test]
fn info_tells_what_runs_and_why() {
    let (_index, app) = updated();
    let info = app.run(&["self", "info", "--json"]);
    info.status(0).stderr("");
    let info = info.json();
    assert!(info.to_string().contains("\"1.1\""), "{info}");
    app.run(&["self", "info"]).status(0).stdout_has("myapp 1.1").stderr("");
}

#[test]
fn clean_leaves_the_app_ready_to_start() {
    let (mut index, app) = updated();
    app.run(&["self", "clean"]).status(0);
    index.shut_down();
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn the_log_tells_of_updates_and_failures() {
    let (index, app) = updated();
    index.server().everything(crate::support::Response::status(500));
    let failed = app.run(&["self", "update"]);
    failed.status(125).stdout("");
    app.run(&["self", "log"]).status(0).stdout_has("1.1").stdout_has("500").stderr("");
}

#[test]
fn help_and_version_need_neither_config_nor_network() {
    let app = App::new().config("");
    app.start(&["self", "help"]).without_network().run().status(0).stdout_has("update").stderr("");
    let version = format!("everfresh {}\n", env!("CARGO_PKG_VERSION"));
    app.start(&["self", "--version"]).without_network().run().prints(&version);
}
