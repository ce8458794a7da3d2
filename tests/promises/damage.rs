//! Damage means "make it again", never "broken for good"; and what one app does harms no other.

use crate::support::{App, Index, Wheel};

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
