//! The cache holds what is needed to go on and to go back, and nothing that anybody runs is ever taken away.

use std::path::PathBuf;

use crate::support::{App, Index, Wheel, eventually};

/// `myapp` in these versions, one update after the other.
fn through(versions: &[&str], keep: u64) -> (Index, App) {
    let index = Index::new();
    let app = App::of(&index).update("interval", "1d").update("keep", keep);
    for version in versions {
        index.add(Wheel::app(version));
        app.run(&["self", "update"]).status(0);
        app.run::<&str>(&[]).prints(&format!("myapp {version}\n"));
    }
    (index, app)
}

fn environments(app: &App) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(app.cache().join("everfresh/envs")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn versions(app: &App) -> Vec<String> {
    let info = app.run(&["self", "info", "--json"]).json();
    let generations = info["generations"].as_array().unwrap().iter();
    generations.map(|generation| generation["version"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_last_generations_stay_and_older_ones_go() {
    let (_index, app) = through(&["1.0", "1.1", "1.2", "1.3"], 2);
    assert_eq!(versions(&app), ["1.1", "1.2", "1.3"]);
    assert_eq!(environments(&app).len(), 4);
    app.run(&["self", "clean"]).prints("removed 1 environments and 1 distributions\n");
    assert_eq!(environments(&app).len(), 3);
    app.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    app.run::<&str>(&[]).prints("myapp 1.3\n");
    app.run(&["self", "rollback", "2"]).prints("myapp 1.3 → myapp 1.1\n");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn where_nothing_is_kept_the_active_generation_stays() {
    let (_index, app) = through(&["1.0", "1.1"], 0);
    app.run(&["self", "clean"]).prints("removed 1 environments and 1 distributions\n");
    assert_eq!(versions(&app), ["1.1"]);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.run(&["self", "rollback"]).fails(
        125,
        "myapp: error: there is no earlier generation to go back to\nhint: there is no other generation\n",
    );
}

#[test]
fn an_environment_that_runs_is_not_cleaned_away() {
    let module = "import os, time\ndef main():\n    here = os.environ['HOME']\n    open(here + '/running', 'w').close()\n    \
                  while not os.path.exists(here + '/enough'): time.sleep(0.01)\n    import later\n    print(later.WORD)\n";
    let old = Wheel::new("myapp", "1.0").file("myapp.py", module).file("later.py", "WORD = 'still there'\n");
    let index = Index::with([old]);
    let app = App::of(&index).update("interval", "1d").update("keep", 0);
    app.run(&["self", "update"]).status(0);
    let running = app.start::<&str>(&[]).spawn();
    let home = app.root().join("home");
    eventually("the app runs", || home.join("running").exists());
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    app.run(&["self", "clean"]).status(0).stdout_has("removed 0 environments and ");
    assert_eq!(environments(&app).len(), 2);
    std::fs::write(home.join("enough"), "").unwrap();
    running.wait().prints("still there\n");
    app.run(&["self", "clean"]).status(0).stdout_has("removed 1 environments and ");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn another_app_in_the_same_cache_keeps_what_is_its_own() {
    let (_index, app) = through(&["1.0", "1.1"], 0);
    let other_index = Index::with([Wheel::new("other", "5.0").printing_module("other")]);
    let other = App::named("other").requirements(["other"]).entry("other:main").source(&other_index);
    let other = other.update("interval", "1d").env("EVERFRESH_CACHE", app.cache());
    other.run::<&str>(&[]).prints("other 5.0\n");
    assert_eq!(environments(&app).len(), 3);
    app.run(&["self", "clean"]).prints("removed 1 environments and 1 distributions\n");
    other.start::<&str>(&[]).without_network().run().prints("other 5.0\n");
    other.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.1\n");
}

#[test]
fn two_apps_of_the_same_packages_share_one_environment() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let twin = App::named("twin").requirements(["myapp"]).entry("myapp:main").source(&index);
    // The same interpreter, by the same name.
    let twin = twin.env("PATH", app.root().join("bin"));
    twin.env("EVERFRESH_CACHE", app.cache()).run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!((environments(&app).len(), index.downloads().len()), (1, 1));
}

#[test]
fn backup_programs_are_told_to_pass_the_cache_over() {
    let (_index, app) = through(&["1.0"], 2);
    let tag = std::fs::read_to_string(app.cache().join("everfresh/CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"), "{tag}");
}

#[test]
fn rollback_goes_to_the_generation_that_is_named() {
    let (_index, app) = through(&["1.0", "1.1", "1.2"], 5);
    app.run(&["self", "rollback", "1"]).prints("myapp 1.2 → myapp 1.0\n");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.run(&["self", "rollback", "3"]).prints("myapp 1.0 → myapp 1.2\n");
    app.run::<&str>(&[]).prints("myapp 1.2\n");
    app.run(&["self", "rollback"]).prints("myapp 1.2 → myapp 1.1\n");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn a_generation_that_is_not_there_is_named_with_those_that_are() {
    let (_index, app) = through(&["1.0", "1.1"], 2);
    app.run(&["self", "rollback", "7"])
        .fails(125, "myapp: error: there is no generation 7\nhint: there are 1, 2\n");
    app.run(&["self", "rollback", "seven"])
        .fails(125, "myapp: error: 'seven' is not the number of a generation\nhint: see: myapp self help\n");
    std::fs::remove_dir_all(app.cache().join("everfresh/envs")).unwrap();
    app.run(&["self", "rollback", "1"]).status(125).stdout("").stderr_has("there is no generation 1");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn before_the_first_run_there_is_nothing_to_go_back_from() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run(&["self", "rollback"]).fails(
        125,
        "myapp: error: myapp is not installed yet\nhint: connect to the network and start it again\n",
    );
    app.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    app.run(&["self", "run", "--", "self", "info"]).prints("myapp 1.0 self info\n");
    app.run(&["self", "run", "self", "clean"]).prints("myapp 1.0 self clean\n");
    app.run(&["self", "run"]).prints("myapp 1.0\n");
}
