//! It stays current: what the sources offer and the requirements allow runs by the next start.

use std::time::Duration;

use crate::support::distribution::Distribution;
use crate::support::{App, Index, Response, Wheel};

fn installed(version: &str) -> (Index, App) {
    let index = Index::with([Wheel::app(version)]);
    let app = App::of(&index);
    let printed = format!("myapp {version}\n");
    app.run::<&str>(&[]).prints(&printed);
    (index, app)
}

#[test]
fn a_new_version_runs_at_the_next_start() {
    let (index, app) = installed("1.0");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn an_update_is_announced_on_a_terminal_once() {
    let (index, app) = installed("1.0");
    index.add(Wheel::app("1.1"));
    app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.1\n").stderr("myapp 1.0 → 1.1\r\n");
    app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.1\n").stderr("");
}

#[test]
fn notify_false_keeps_an_update_to_itself() {
    let (index, app) = installed("1.0");
    let app = app.update("notify", false);
    index.add(Wheel::app("1.1"));
    app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.1\n").stderr("");
}

#[test]
fn a_check_that_finds_nothing_new_is_one_small_answer() {
    let (index, app) = installed("1.0");
    index.server().forget();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let statuses: Vec<_> = index.server().requests().iter().map(|request| request.status).collect();
    assert_eq!((statuses.as_slice(), index.server().body_bytes()), (&[304][..], 0));
}

#[test]
fn the_requirements_bound_what_is_taken() {
    let index = Index::with(["1.0", "1.9", "2.0"].map(Wheel::app));
    App::of(&index).requirements(["myapp<2"]).run::<&str>(&[]).prints("myapp 1.9\n");
}

#[test]
fn a_pre_release_waits_until_it_is_wanted() {
    let index = Index::with(["1.0", "1.1rc1"].map(Wheel::app));
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.update("prereleases", true).run::<&str>(&[]).prints("myapp 1.1rc1\n");
}

#[test]
fn a_yanked_version_is_passed_over_but_for_an_exact_pin() {
    let index = Index::with([
        Distribution::from(Wheel::app("1.0")),
        Distribution::from(Wheel::app("1.1")).yanked("broken"),
    ]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.requirements(["myapp==1.1"]).run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn the_cooldown_lets_others_go_first() {
    let index = Index::with([
        Distribution::from(Wheel::app("1.0")).uploaded("2020-01-01T00:00:00Z"),
        Distribution::from(Wheel::app("1.1")).uploaded("2999-01-01T00:00:00Z"),
    ]);
    App::of(&index).update("cooldown", "3d").run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_version_for_other_pythons_is_passed_over() {
    let index = Index::with([Wheel::app("1.0"), Wheel::app("1.1").requires_python(">=99")]);
    App::of(&index).run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_version_whose_entry_cannot_be_imported_is_never_activated() {
    let (index, app) = installed("1.0");
    index.add(Wheel::new("myapp", "1.1").file("myapp.py", "import nothing_of_that_name\n"));
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
    let downloads = index.downloads().len();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(index.downloads().len(), downloads, "what failed once is not fetched again");
    index.add(Wheel::app("1.2"));
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).prints("myapp 1.2\n");
}

#[test]
fn a_file_of_another_hash_is_never_activated() {
    let (index, app) = installed("1.0");
    index.add(Distribution::from(Wheel::app("1.1")).lying_about_hash());
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}

#[test]
fn a_slow_download_serves_the_next_start() {
    let (index, app) = installed("1.0");
    let app = app.update("timeout", "200ms");
    let update = Wheel::app("1.1").file("myapp/data", [7u8; 4096]).distribution();
    let path = format!("/files/{}", update.filename);
    let slow = Response::ok(update.bytes.clone()).delay(Duration::from_millis(1500));
    index.add(update).server().route(&path, slow);
    let app = app.update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n").within(Duration::from_secs(1));
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn in_background_mode_a_start_waits_for_nothing() {
    let (index, app) = installed("1.0");
    let app = app.update("mode", "background");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn in_manual_mode_only_the_command_updates() {
    let (index, app) = installed("1.0");
    let app = app.update("mode", "manual");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn a_newest_file_that_is_bad_is_not_fetched_at_each_check() {
    let newest = Wheel::app("1.1").distribution();
    let path = format!("/files/{}", newest.filename);
    let (index, app) = installed("1.0");
    index.add(newest.clone().lying_about_hash());
    for _ in 0..3 {
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
    }
    assert_eq!(index.server().count(&path), 1);
    // Who asks for it gets another try, and the same name with other bytes is another file.
    app.run(&["self", "update"]).status(0);
    assert_eq!(index.server().count(&path), 2);
    index.remove(&newest.filename).add(newest);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    assert_eq!(index.server().count(&path), 3);
}
