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

/// `myapp` with 300 kB that cannot be had smaller.
fn large(version: &str) -> Wheel {
    let mut state = version.bytes().fold(1_u32, |state, byte| state.wrapping_mul(31) + u32::from(byte));
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    Wheel::app(version).file("noise.bin", noise.take(300_000).collect::<Vec<u8>>())
}

fn large_through(versions: &[&str]) -> (Index, App) {
    let index = Index::new();
    let app = App::of(&index).update("interval", "1d").update("keep", 10);
    for version in versions {
        index.add(large(version));
        app.run(&["self", "update"]).status(0);
        app.run::<&str>(&[]).prints(&format!("myapp {version}\n"));
    }
    (index, app)
}

fn size(app: &App) -> u64 {
    app.run(&["self", "info", "--json"]).json()["cache"]["bytes"].as_u64().unwrap()
}

#[test]
fn a_cache_over_its_limit_loses_the_oldest_generations_first() {
    let (_index, app) = large_through(&["1.0", "1.1", "1.2", "1.3"]);
    app.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    assert!(size(&app) > 1_200_000);
    let app = app.update("cache_limit", "1MB");
    app.run(&["self", "clean"]).prints("removed 1 environments and 1 distributions\n");
    assert_eq!(versions(&app), ["1.1", "1.2", "1.3"]);
    assert!(size(&app) <= 1_000_000);
    app.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    app.run(&["self", "rollback"]).prints("myapp 1.3 → myapp 1.2\n");
    app.run(&["self", "rollback", "4"]).prints("myapp 1.2 → myapp 1.3\n");
    // What is active stays, however large it is.
    let app = app.update("cache_limit", "1kB");
    app.run(&["self", "clean"]).prints("removed 2 environments and 2 distributions\n");
    assert_eq!(versions(&app), ["1.3"]);
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.3\n");
}

#[test]
fn the_limit_holds_after_an_update_too_and_what_nothing_needs_goes_first() {
    let (index, app) = large_through(&["1.0", "1.1"]);
    let garbage = app.cache().join("everfresh/store").join("0".repeat(64));
    std::fs::create_dir(&garbage).unwrap();
    std::fs::write(garbage.join("file"), vec![0; 300_000]).unwrap();
    // Younger than what an update of another app may be making, were there one.
    let app = app.update("cache_limit", "1MiB");
    index.add(large("1.2"));
    app.run(&["self", "update"]).prints("myapp 1.1 → 1.2\n");
    assert!(!garbage.exists());
    assert_eq!(versions(&app), ["1.0", "1.1", "1.2"]);
    index.add(large("1.3"));
    app.run(&["self", "update"]).prints("myapp 1.2 → 1.3\n");
    assert_eq!(versions(&app), ["1.1", "1.2", "1.3"]);
    assert_eq!(environments(&app).len(), 3);
    app.run::<&str>(&[]).prints("myapp 1.3\n");
}

#[test]
fn no_limit_takes_what_a_rollback_left_or_what_another_app_needs() {
    let (index, app) = large_through(&["1.0", "1.1", "1.2", "1.3"]);
    let twin = App::named("twin").requirements(["myapp==1.0"]).entry("myapp:main").source(&index);
    let twin = twin.env("PATH", app.root().join("bin")).env("EVERFRESH_CACHE", app.cache());
    twin.run::<&str>(&[]).prints("myapp 1.0\n");
    twin.settle();
    app.run(&["self", "rollback"]).prints("myapp 1.3 → myapp 1.2\n");
    let app = app.update("cache_limit", "1kB");
    app.run(&["self", "clean"]).prints("removed 1 environments and 1 distributions\n");
    assert_eq!(versions(&app), ["1.0", "1.2", "1.3"]);
    twin.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n");
    app.run(&["self", "rollback", "4"]).prints("myapp 1.2 → myapp 1.3\n");
}

/// An app that waits in its version 1.0, so that it is in use; and version 1.1.
fn running_in_an_older_generation() -> (Index, App, crate::support::outcome::Running) {
    let module = "import os, time\ndef main():\n    here = os.environ['HOME']\n    open(here + '/running', 'w').close()\n    \
                  while not os.path.exists(here + '/enough'): time.sleep(0.01)\n    import later\n    print(later.WORD)\n";
    let old = Wheel::new("myapp", "1.0").file("myapp.py", module).file("later.py", "WORD = 'still there'\n");
    let index = Index::with([old]);
    let app = App::of(&index).update("interval", "1d");
    app.run(&["self", "update"]).status(0);
    let running = app.start::<&str>(&[]).spawn();
    eventually("the app runs", || app.root().join("home/running").exists());
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    (index, app, running)
}

#[test]
fn no_limit_takes_a_generation_that_runs() {
    let (_index, app, running) = running_in_an_older_generation();
    let app = app.update("cache_limit", "1kB");
    app.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    assert_eq!(versions(&app), ["1.0", "1.1"]);
    std::fs::write(app.root().join("home/enough"), "").unwrap();
    running.wait().prints("still there\n");
    app.run(&["self", "clean"]).prints("removed 1 environments and 1 distributions\n");
    assert_eq!(versions(&app), ["1.1"]);
}

/// strace makes every flock(2) fail, as on a home that a server lends without locks.
#[test]
fn without_locks_what_nothing_needs_goes_after_a_month_unless_somebody_here_has_it_open() {
    let (_index, app, running) = running_in_an_older_generation();
    let app = app.update("keep", 0);
    let clean = || {
        let log = app.root().join("strace.log");
        let strace = ["/usr/bin/strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", "trace=flock"];
        let without_locks = [&strace[..], &["--inject=flock:error=ENOLCK"]].concat();
        app.start(&["self", "clean"]).under(&without_locks).run()
    };
    let marks = || {
        let everything = app.cached().into_iter().map(|path| app.cache().join(path));
        everything.filter(|path| path.ends_with("unneeded")).collect::<Vec<_>>()
    };
    let a_month_ago = |paths: &[PathBuf]| {
        let status = std::process::Command::new("touch").args(["-d", "31 days ago"]).args(paths).status();
        assert!(status.unwrap().success());
    };
    clean().prints("removed 0 environments and 0 distributions\n");
    assert_eq!((marks().len(), environments(&app).len()), (2, 2));
    clean().prints("removed 0 environments and 0 distributions\n");
    // An environment's own age says nothing; since when it is not needed does.
    a_month_ago(&marks());
    clean().prints("removed 0 environments and 1 distributions\n");
    std::fs::write(app.root().join("home/enough"), "").unwrap();
    running.wait().prints("still there\n");
    // What is needed is not counted on.
    let active = environments(&app).into_iter().find(|path| !path.join("unneeded").exists()).unwrap();
    std::fs::write(active.join("unneeded"), "").unwrap();
    a_month_ago(&[active.join("unneeded")]);
    clean().prints("removed 1 environments and 0 distributions\n");
    assert_eq!((marks(), environments(&app)), (vec![], vec![active]));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn cleaning_follows_no_link() {
    let (_index, app) = through(&["1.0", "1.1"], 2);
    let outside = app.root().join("outside");
    for name in ["complete", "unpacked.json", "tree/file", "site/file"] {
        let file = outside.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, name).unwrap();
    }
    let root = app.cache().join("everfresh");
    std::fs::create_dir_all(root.join("envs/unneeded/site")).unwrap();
    std::fs::create_dir_all(root.join("store/unneeded/tree")).unwrap();
    let links = [
        "envs/linked",
        "envs/.linked.0123456789abcdef.old",
        "envs/unneeded/site/linked",
        "store/linked",
        "store/.linked.0123456789abcdef.tmp",
        "store/unneeded/tree/linked",
        "pythons/.linked.0123456789abcdef.tmp",
        "pages/.linked.0123456789abcdef.tmp",
        ".linked.0123456789abcdef.tmp",
    ];
    for link in links {
        std::os::unix::fs::symlink(&outside, root.join(link)).unwrap();
    }
    app.run(&["self", "clean"]).prints("removed 3 environments and 3 distributions\n");
    for link in links {
        assert!(std::fs::symlink_metadata(root.join(link)).is_err(), "{link} is still there");
    }
    let intact = || {
        ["complete", "unpacked.json", "tree/file", "site/file"]
            .iter()
            .all(|name| std::fs::read_to_string(outside.join(name)).is_ok_and(|text| text == *name))
    };
    assert!(intact());
    // Nor where a part of the cache is a link itself: what lies there may be anybody's.
    for part in ["envs", "store", "pages", "pythons"] {
        let moved = app.root().join(format!("moved-{part}"));
        std::fs::rename(root.join(part), &moved).unwrap();
        std::os::unix::fs::symlink(&moved, root.join(part)).unwrap();
        std::fs::create_dir(moved.join("somebody's")).unwrap();
        std::fs::write(moved.join("somebody's/file"), "").unwrap();
    }
    app.run(&["self", "clean"]).prints("removed 0 environments and 0 distributions\n");
    for part in ["envs", "store", "pages", "pythons"] {
        assert!(app.root().join(format!("moved-{part}/somebody's/file")).exists(), "{part}");
    }
    assert!(intact());
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.1\n");
}
