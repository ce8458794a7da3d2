//! Damage means "make it again", never "broken for good"; and what one app does harms no other.

use crate::support::{App, Index, Wheel, eventually};

fn installed(index: &Index) -> App {
    let app = App::of(index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app
}

#[test]
fn a_file_that_went_missing_from_the_environment_comes_back_from_the_store() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index);
    let site = app.cached_named("complete").remove(0).parent().unwrap().join("site");
    let module =
        ["myapp.py", "myapp/__init__.py"].map(|name| site.join(name)).into_iter().find(|path| path.exists());
    std::fs::remove_file(module.unwrap()).unwrap();
    let _ = std::fs::remove_dir_all(site.join("__pycache__"));
    index.shut_down();
    app.run(&["x"]).status(0).stdout("myapp 1.0 x\n");
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_lost_state_and_a_lost_network_still_leave_the_last_record() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index).update("interval", "0s");
    std::fs::write(app.state(), "{}").unwrap();
    index.shut_down();
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}

#[test]
fn where_the_active_environment_is_lost_for_good_an_older_one_starts() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index).update("interval", "0s");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.settle();
    let info = app.run(&["self", "info", "--json"]).json();
    std::fs::remove_dir_all(info["environment"].as_str().unwrap()).unwrap();
    let newest = info["packages"][0]["sha256"].as_str().unwrap();
    std::fs::remove_dir_all(app.cache().join("everfresh/store").join(newest)).unwrap();
    index.shut_down();
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}

#[test]
fn a_first_run_whose_test_failed_is_tried_again() {
    let fragile = "import os\nif os.path.exists(os.path.join(os.environ['HOME'], 'broken')): import nothing_there\n\
                   def main():\n    print('whole')\n";
    let index = Index::with([Wheel::new("myapp", "1.0").file("myapp.py", fragile)]);
    let app = App::of(&index);
    let broken = app.root().join("home/broken");
    std::fs::write(&broken, "").unwrap();
    let message = "myapp: error: the new myapp does not pass its test: ModuleNotFoundError: No module named \
                   'nothing_there'\nhint: see the log: self log\n";
    app.run::<&str>(&[]).fails(125, message);
    app.run::<&str>(&[]).fails(125, message);
    std::fs::remove_file(&broken).unwrap();
    app.run::<&str>(&[]).prints("whole\n");
}

#[test]
fn bytecode_belongs_to_the_distribution_whose_file_was_taken() {
    let shared = |name: &str| {
        let code = format!("def main():\n    print('code of {name}')\n");
        Wheel::new(name, "1.0").file("common/__init__.py", "").file("common/x.py", code)
    };
    let index = Index::with([shared("aa"), shared("bb")]);
    let app = App::of(&index).entry("common.x:main").update("interval", "0s").requirements(["aa", "bb"]);
    app.run::<&str>(&[]).prints("code of aa\n");
    app.settle();
    let app = app.requirements(["bb"]);
    app.run::<&str>(&[]).prints("code of bb\n");
    app.settle();
    app.run::<&str>(&[]).prints("code of bb\n");
}

#[test]
fn what_another_process_left_in_the_environment_quarantines_nothing() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    let start = app.start::<&str>(&[]);
    start
        .env("EVERFRESH_IMPORT_ERROR", "1 OSError: once")
        .env("EVERFRESH_GENERATION", "2")
        .run()
        .prints("myapp 1.1\n");
}

#[test]
fn a_hook_may_start_the_launcher_itself() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index)
        .update("interval", "1d")
        .hook("succeeded", ["/bin/sh", "-c", "$EVERFRESH_LAUNCHER self --version > \"$HOME/said\""]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(std::fs::read_to_string(app.root().join("home/said")).unwrap(), "everfresh 0.1.0\n");
}

pub(super) fn what_a_crash_left_half_written_is_swept() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = installed(&index);
    let own = app.state().parent().unwrap().to_owned();
    let root = app.cache().join("everfresh");
    let left = [
        own.join(".state.json.0123456789abcdef.tmp"),
        root.join(".CACHEDIR.TAG.0123456789abcdef.tmp"),
        root.join("pages/.page.0123456789abcdef.tmp"),
    ];
    for path in &left {
        std::fs::write(path, "half").unwrap();
    }
    let trees = [
        "pythons/.python.0123456789abcdef.tmp",
        "store/.a.whl.0123456789abcdef.tmp",
        "envs/.key.0123456789abcdef.old",
    ];
    let trees = trees.map(|name| root.join(name));
    for tree in &trees {
        std::fs::create_dir_all(tree.join("inside")).unwrap();
        std::fs::write(tree.join("inside/file"), "half").unwrap();
    }
    // Another app's own may be written at this moment.
    let others = root.join("apps/other-0123456789abcdef");
    std::fs::create_dir(&others).unwrap();
    std::fs::write(others.join(".record.0123456789abcdef.tmp"), "half").unwrap();
    app.run(&["self", "clean"]).status(0);
    let found: Vec<_> = left.iter().chain(&trees).filter(|path| path.exists()).collect();
    assert!(found.is_empty(), "{found:?}");
    assert!(others.join(".record.0123456789abcdef.tmp").exists());
}

#[test]
fn a_smoke_test_that_somebody_killed_condemns_nothing() {
    let victim = "import os, signal\nif not os.path.exists(os.path.join(os.environ['HOME'], 'spared')): \
                  os.kill(os.getpid(), signal.SIGKILL)\ndef main():\n    print('myapp 1.1')\n";
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::new("myapp", "1.1").file("myapp.py", victim));
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
    app.settle();
    std::fs::write(app.root().join("home/spared"), "").unwrap();
    let info = app.run(&["self", "info", "--json"]).json();
    assert_eq!(info["quarantine"], serde_json::json!({}));
    assert_eq!(info["failure"]["message"], "the test of the new myapp was killed");
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
}

/// Says so and waits until it may go on, and imports what it has not imported yet.
fn app_that_waits() -> Wheel {
    let module = "import os, sys, time\ndef main():\n    here = os.environ['HOME']\n    if sys.argv[1:] == ['wait']:\n        \
                  open(here + '/running', 'w').close()\n        \
                  while not os.path.exists(here + '/enough'): time.sleep(0.01)\n    import later\n    print(later.WORD)\n";
    Wheel::new("myapp", "1.0").file("myapp.py", module).file("later.py", "WORD = 'there'\n")
}

fn while_it_runs(happens: impl FnOnce(&App)) {
    let index = Index::with([app_that_waits()]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("there\n");
    app.settle();
    let running = app.start(&["wait"]).spawn();
    eventually("the app runs", || app.root().join("home/running").exists());
    happens(&app);
    app.run::<&str>(&[]).status(0).stdout("there\n");
    app.run(&["self", "clean"]).status(0);
    std::fs::write(app.root().join("home/enough"), "").unwrap();
    running.wait().prints("there\n");
    app.settle();
    app.run(&["self", "clean"]).status(0);
    assert_eq!(std::fs::read_dir(app.cache().join("everfresh/envs")).unwrap().count(), 1);
    app.run::<&str>(&[]).prints("there\n");
}

#[test]
fn the_cache_may_be_deleted_while_the_app_runs() {
    while_it_runs(|app| std::fs::remove_dir_all(app.cache()).unwrap());
}

#[test]
fn an_environment_may_be_damaged_while_the_app_runs() {
    while_it_runs(|app| {
        let site = app.cached_named("complete").remove(0).with_file_name("site");
        for name in ["myapp.py", "later.py", "__pycache__"] {
            let path = site.join(name);
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            removed.unwrap();
        }
    });
}
