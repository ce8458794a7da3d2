//! Pythons come, change and go; the app starts, from what is in the cache where that is possible, and never with
//! packages that were made for another one.

use std::path::PathBuf;

use crate::support::{App, Index, Wheel, python};

/// `myapp` with a Python of its own that says it is that version, installed.
fn installed(index: &Index, version: &str) -> App {
    let app = App::of(index).update("interval", "1d");
    python::pretend(&python3(&app), version);
    app.run::<&str>(&[]).status(0);
    app.settle();
    app
}

fn python3(app: &App) -> PathBuf {
    app.root().join("bin/python3")
}

/// The version of Python and the active generation.
fn runs_on(app: &App) -> (String, u64) {
    let info = app.run(&["self", "info", "--json"]).json();
    (info["python"]["version"].as_str().unwrap().to_owned(), info["generation"].as_u64().unwrap())
}

#[test]
fn an_upgrade_in_place_gets_its_environment_from_the_cache() {
    for (tag, upgraded) in [("cp311-none-any", "3.11.8"), ("py3-none-any", "3.12.1")] {
        let mut index = Index::with([Wheel::app("1.0").tag(tag)]);
        let app = installed(&index, "3.11.7");
        assert_eq!(runs_on(&app), ("3.11.7".to_owned(), 1));
        index.shut_down();
        python::pretend(&python3(&app), upgraded);
        app.start(&["x"]).without_network().run().prints("myapp 1.0 x\n");
        app.settle();
        assert_eq!(runs_on(&app), (upgraded.to_owned(), 2));
        app.start(&["warm"]).without_network().run().prints("myapp 1.0 warm\n");
    }
}

#[test]
fn packages_that_were_made_for_another_python_are_not_started_with_this_one() {
    let mut index = Index::with([Wheel::app("1.0").tag("cp311-none-any")]);
    let app = installed(&index, "3.11.7");
    index.add(Wheel::app("1.0").tag("cp312-none-any"));
    python::pretend(&python3(&app), "3.12.1");
    // Offline nothing fits, however often it is started; and Python stays what it was asked to be.
    for _ in 0..2 {
        let outcome = app.start::<&str>(&[]).without_network().run();
        outcome.status(125).stdout("").stderr(
            "myapp: error: myapp-1.0-cp311-none-any.whl is not for Python 3.12.1, which is here now; cannot fetch \
             http://127.0.0.1:[PORT]/simple/myapp/: cannot connect: network is unreachable\n\
             hint: check the network, and the proxy variables where there is a proxy\n",
        );
    }
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    // And back again.
    index.shut_down();
    python::pretend(&python3(&app), "3.11.9");
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n");
}

#[test]
fn where_the_newest_version_is_for_another_python_an_older_one_in_the_cache_that_fits_starts() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index, "3.11.7");
    index.add(Wheel::app("2.0").tag("cp311-none-any"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 2.0\n");
    python::pretend(&python3(&app), "3.12.1");
    let outcome = app.start::<&str>(&[]).without_network().run();
    outcome.status(0).stdout("myapp 1.0\n");
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n");
}

#[test]
fn going_back_to_a_generation_of_the_python_before_makes_it_for_this_one() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index, "3.11.7");
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    python::pretend(&python3(&app), "3.12.1");
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.1\n");
    app.settle();
    app.run(&["self", "rollback", "1"]).prints("myapp 1.1 → myapp 1.0\n");
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n");
    app.settle();
    let (version, generation) = runs_on(&app);
    assert_eq!(version, "3.12.1");
    assert!(generation > 2, "generation {generation} was made for 3.11.7");
}

/// A cache that everybody shares cannot be written by most; a package manager upgrades Python all the same.
#[test]
fn where_the_environment_cannot_be_made_again_it_is_started_as_it_is_if_all_in_it_fits() {
    for (tag, upgraded, starts) in [
        ("cp311-none-any", "3.11.8", true),
        ("py3-none-any", "3.12.1", true),
        ("cp311-none-any", "3.12.1", false),
    ] {
        let index = Index::with([Wheel::app("1.0").tag(tag)]);
        let app = installed(&index, "3.11.7");
        python::pretend(&python3(&app), upgraded);
        let read_only =
            "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"";
        for _ in 0..2 {
            let start = app.start::<&str>(&[]).in_mounts_of_its_own(read_only, &app.cache());
            let outcome = start.run();
            if starts {
                outcome.prints("myapp 1.0\n");
            } else {
                outcome.status(125).stdout("");
            }
        }
    }
}

#[test]
fn where_the_python_is_gone_another_one_on_path_does() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    let others = app.root().join("others");
    std::fs::create_dir(&others).unwrap();
    let path = std::env::join_paths([app.root().join("bin"), others.clone()]).unwrap();
    let app = app.env("PATH", path);
    python::pretend(&python3(&app), "3.11.7");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    python::pretend(&others.join("python3.12"), "3.12.1");
    std::fs::remove_file(python3(&app)).unwrap();
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n");
    app.settle();
    assert_eq!(runs_on(&app).0, "3.12.1");
}

#[test]
fn where_no_python_is_left_that_is_said() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index, "3.11.7");
    let aside = app.root().join("python-aside");
    std::fs::rename(python3(&app), &aside).unwrap();
    for _ in 0..2 {
        let outcome = app.run::<&str>(&[]);
        outcome.fails(
            127,
            "myapp: error: no Python found\nhint: install Python 3 or name one with [python] path in launcher.toml\n",
        );
    }
    std::fs::rename(aside, python3(&app)).unwrap();
    app.start::<&str>(&[]).without_network().run().prints("myapp 1.0\n");
}
