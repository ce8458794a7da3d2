//! The app starts: whatever happened to cache, clock or disk, and however many start at once.

use std::time::Duration;

use crate::support::{App, Index, Wheel};

/// `myapp` that runs `body` inside `main`.
fn app_doing(body: &str) -> Wheel {
    let indented = body.replace('\n', "\n    ");
    Wheel::new("myapp", "1.0").file("myapp.py", format!("import os, sys\ndef main():\n    {indented}\n"))
}

#[test]
fn the_first_run_installs_and_starts() {
    let index = Index::with([Wheel::app("1.0")]);
    App::of(&index).run(&["a", "b"]).prints("myapp 1.0 a b\n");
}

#[test]
fn requirements_of_requirements_come_along() {
    let index = Index::with([
        app_doing("import dep; print('dep', dep.__version__)").requires("dep>=1,<2"),
        Wheel::new("dep", "1.5").printing_module("dep"),
        Wheel::new("dep", "2.0").printing_module("dep"),
    ]);
    App::of(&index).run::<&str>(&[]).prints("dep 1.5\n");
}

#[test]
fn the_process_is_the_apps_own() {
    let index = Index::with([app_doing(
        "print(os.getpid(), os.getcwd(), sys.argv[1:])\nprint(sys.stdin.read(), end='')\nsys.exit(7)",
    )]);
    let app = App::of(&index);
    app.start::<&str>(&[]).stdin("").run().status(7);
    let running = app.start(&["x y", ""]).cwd(app.root()).stdin("typed\n").spawn();
    let expected = format!("{} [DIR] ['x y', '']\ntyped\n", running.id());
    running.wait().status(7).stdout(&expected).stderr("");
}

#[test]
fn arguments_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt as _;
    let index = Index::with([app_doing("print(os.fsencode(sys.argv[1]))")]);
    let argument = std::ffi::OsStr::from_bytes(b"caf\xe9");
    App::of(&index).run(&[argument]).prints("b'caf\\xe9'\n");
}

#[test]
fn a_signal_ends_the_app_as_without_a_launcher() {
    let index = Index::with([app_doing("import signal\nos.kill(os.getpid(), signal.SIGTERM)")]);
    App::of(&index).run::<&str>(&[]).status(143).stdout("").stderr("");
}

#[test]
fn a_damaged_record_or_state_costs_nothing_but_a_new_one() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    for file in [app.record(), app.state()] {
        let whole = std::fs::read(&file).unwrap();
        for damage in [&b""[..], b"\0\xff garbage", &whole[..whole.len() / 2]] {
            std::fs::write(&file, damage).unwrap();
            app.run::<&str>(&[]).prints("myapp 1.0\n");
            app.settle();
        }
    }
}

#[test]
fn a_damaged_record_is_no_reason_to_need_the_network() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.shut_down();
    std::fs::write(app.record(), "").unwrap();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_deleted_cache_is_filled_again() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    std::fs::remove_dir_all(app.cache()).unwrap();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn an_environment_without_its_completion_record_is_made_again() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    for file in app.cached_named("complete") {
        std::fs::remove_file(file).unwrap();
    }
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn where_no_cache_can_be_written_a_temporary_one_serves() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).file("not-a-directory", "");
    let blocked = app.folder().join("not-a-directory");
    let app = app.env("EVERFRESH_CACHE", &blocked);
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}

#[test]
fn a_state_from_the_future_counts_as_stale() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(app.state()).unwrap()).unwrap();
    let checked = state["check"]["at"].as_u64().unwrap();
    state["check"]["at"] = (checked + 100 * 365 * 86_400).into();
    std::fs::write(app.state(), state.to_string()).unwrap();
    std::fs::remove_file(app.record()).unwrap();
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

pub(super) fn first_runs_at_once_share_one_download(count: usize) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    let all: Vec<_> = (0..count).map(|_| app.start::<&str>(&[]).spawn()).collect();
    for running in all {
        running.wait().prints("myapp 1.0\n");
    }
    assert_eq!(index.downloads().len(), 1);
}

#[test]
fn a_killed_first_run_is_taken_up_by_the_next() {
    let wheel = Wheel::app("1.0").distribution();
    let index = Index::new();
    index.add(wheel.clone());
    let slow = crate::support::Response::ok(wheel.bytes.clone()).dribble(64, Duration::from_millis(50));
    let path = format!("/files/{}", wheel.filename);
    index.server().route(&path, slow);
    let app = App::of(&index);
    let mut first = app.start::<&str>(&[]).spawn();
    crate::support::eventually("the download begins", || index.server().count(&path) > 0);
    first.kill();
    drop(first);
    index.server().route(&path, crate::support::Response::ok(wheel.bytes));
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}

#[test]
fn without_the_network_an_older_version_in_the_cache_meets_a_new_requirement() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("2.0"));
    app.run::<&str>(&[]).prints("myapp 2.0\n");
    index.shut_down();
    app.requirements(["myapp<2"]).run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn an_interpreter_that_was_replaced_gets_its_environment_from_the_cache() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let state = std::fs::read_to_string(app.state()).unwrap();
    let moved = state.replacen("\"inode\":", "\"inode\":1", 1);
    assert_ne!(state, moved);
    std::fs::write(app.state(), moved).unwrap();
    std::fs::remove_file(app.record()).unwrap();
    std::fs::remove_dir_all(app.cache().join("everfresh/envs")).unwrap();
    index.shut_down();
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}

#[test]
fn a_version_that_can_no_longer_be_imported_gives_way_to_the_one_before() {
    let broken = "import os\nif os.path.exists(os.path.join(os.environ['HOME'], 'broken')): import nothing_there\n\
                  def main():\n    print('myapp 1.1')\n";
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::new("myapp", "1.1").file("myapp.py", broken));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    std::fs::write(app.root().join("home").join("broken"), "").unwrap();
    app.settle();
    let message = "myapp: myapp 1.1 cannot be imported (ModuleNotFoundError: No module named 'nothing_there'); \
                   started myapp 1.0 instead\n";
    app.start(&["x"]).stdin("typed").run().status(0).stdout("myapp 1.0 x\n").stderr(message);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn with_nothing_to_go_back_to_python_says_itself_what_is_wrong() {
    let fragile = "import os\nif os.path.exists(os.path.join(os.environ['HOME'], 'broken')): import nothing_there\n\
                   def main():\n    print('whole')\n";
    let index = Index::with([Wheel::new("myapp", "1.0").file("myapp.py", fragile)]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("whole\n");
    std::fs::write(app.root().join("home").join("broken"), "").unwrap();
    let outcome = app.run::<&str>(&[]);
    outcome.status(1).stdout("").stderr_has("ModuleNotFoundError: No module named 'nothing_there'\n");
}

#[test]
fn where_there_is_no_python_the_one_to_download_is_fetched_once_and_verified() {
    use everfresh::trust::hashes::sha256_hex;
    let index = Index::with([Wheel::app("1.0")]);
    let mut archive = tar::Builder::new(Vec::new());
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", crate::support::python::path().display());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(script.len() as u64);
    archive.append_data(&mut header, "python/bin/python3", script.as_bytes()).unwrap();
    let bytes = archive.into_inner().unwrap();
    index.server().route("/python.tar", crate::support::Response::ok(bytes.clone()));
    let url = index.server().url("/python.tar");
    let with_hash = |hash: &str| {
        let config = format!(
            "[app]\nname = \"myapp\"\nrequirements = [\"myapp\"]\nentry = \"myapp:main\"\n\
             [python]\npath = \"no-such-python\"\ndownload = {{ url = \"{url}\", sha256 = \"{hash}\" }}\n\
             [[source]]\nurl = \"{}\"\n",
            index.url()
        );
        App::of(&index).config(&config)
    };
    // Unpacked by the system's own tar.
    let run = |app: &App| app.start::<&str>(&[]).env("PATH", "/usr/bin:/bin").run();
    let wrong = with_hash(&"0".repeat(64));
    let outcome = run(&wrong);
    outcome
        .status(125)
        .stdout("")
        .stderr_has("myapp: error: python.tar is not what its source promises: sha256 is ");
    let right = with_hash(&sha256_hex(&bytes));
    run(&right).prints("myapp 1.0\n");
    run(&right).prints("myapp 1.0\n");
    assert_eq!(index.server().count("/python.tar"), 2);
}

#[test]
fn after_a_power_cut_what_was_not_yet_on_the_disk_is_made_again() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let complete = app.cached_named("complete").remove(0);
    assert_eq!(std::fs::read(&complete).unwrap(), b"", "on the disk, once nobody waits");
    let described = app.cached_named("unpacked.json").remove(0);
    let description = std::fs::read_to_string(&described).unwrap();
    std::fs::write(&complete, "another boot\n").unwrap();
    std::fs::write(&described, description.replace("\"boot\":null", "\"boot\":[1,2]")).unwrap();
    std::fs::remove_file(app.record()).unwrap();
    let fetched = index.downloads().len();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(index.downloads().len(), fetched + 1);
}

#[test]
fn what_part_to_play_is_not_for_the_environment_to_say() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    for role in ["updater", "spawner", "updater 1", "spawner 1"] {
        app.start(&["x"])
            .env("EVERFRESH_ROLE", role)
            .env("EVERFRESH_CAUSE", "repair")
            .run()
            .prints("myapp 1.0 x\n");
    }
}

#[test]
fn what_the_user_went_back_from_is_not_gone_back_to() {
    let fragile = "import os\nif os.path.exists(os.path.join(os.environ['HOME'], 'broken')): import nothing_there\n\
                   def main():\n    print('myapp 1.2')\n";
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.run(&["self", "rollback"]).prints("myapp 1.1 → myapp 1.0\n");
    index.add(Wheel::new("myapp", "1.2").file("myapp.py", fragile));
    app.run::<&str>(&[]).prints("myapp 1.2\n");
    std::fs::write(app.root().join("home/broken"), "").unwrap();
    app.settle();
    let message = "myapp: myapp 1.2 cannot be imported (ModuleNotFoundError: No module named 'nothing_there'); \
                   started myapp 1.0 instead\n";
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n").stderr(message);
}
