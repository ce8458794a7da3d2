//! A new version that crashes at each of its first starts is left again; one that starts well is not looked at twice.

use crate::support::{App, Index, Wheel, eventually};

/// `myapp` of that version, whose `main` runs this code first.
fn doing(version: &str, code: &str) -> Wheel {
    let text = format!(
        "import os, signal, sys, time\ndef main():\n    {code}\n    print('myapp {version}', *sys.argv[1:])\n"
    );
    Wheel::new("myapp", version).file("myapp.py", &text)
}

/// 1.0 runs well, and 1.1 does that, and is activated.
fn updated_to(index: &Index, code: &str) -> App {
    let app = App::of(index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(doing("1.1", code));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    app.settle();
    app
}

fn on_probation(app: &App) -> bool {
    !app.run(&["self", "info", "--json"]).json()["probation"].is_null()
}

#[test]
fn a_version_that_crashes_at_each_of_its_first_starts_is_left_and_the_one_before_it_starts() {
    for (signal, name) in [(6, "SIGABRT"), (9, "SIGKILL"), (11, "SIGSEGV")] {
        let index = Index::with([Wheel::app("1.0")]);
        let app = updated_to(&index, &format!("os.kill(os.getpid(), {signal})"));
        for start in 1..=3 {
            let outcome = app.run(&["x"]);
            assert_eq!(outcome.signal(), Some(signal), "start {start}");
            let told = format!(
                "myapp: myapp 1.1 was ended by {name} at each of its first 3 starts; the next start is myapp 1.0 again\n"
            );
            outcome.stdout("").stderr(if start == 3 { &told } else { "" });
        }
        app.run(&["x"]).prints("myapp 1.0 x\n");
        // Nobody asks for it: it stays left.
        let info = app.run(&["self", "info", "--json"]).json();
        let reasons: Vec<_> = info["quarantine"].as_object().unwrap().values().collect();
        assert_eq!(reasons, [&format!("ended by {name} at each of its first 3 starts")]);
    }
}

#[test]
fn the_number_of_starts_is_the_packagers_choice() {
    for allowed in [1, 2] {
        let index = Index::with([Wheel::app("1.0")]);
        let app = updated_to(&index, "os.abort()").verify("probation", allowed);
        for _ in 0..allowed {
            assert_eq!(app.run::<&str>(&[]).signal(), Some(6));
        }
        app.run::<&str>(&[]).prints("myapp 1.0\n");
    }
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d").verify("probation", 0);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(doing("1.1", "os.abort()"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    for _ in 0..5 {
        assert_eq!(app.run::<&str>(&[]).signal(), Some(6));
    }
}

#[test]
fn what_an_app_says_by_its_exit_status_is_not_judged() {
    for code in ["sys.exit(3)", "raise RuntimeError('mine')", "os._exit(3)"] {
        let index = Index::with([Wheel::app("1.0")]);
        let app = updated_to(&index, code);
        for _ in 0..5 {
            app.run::<&str>(&[]).status(if code.starts_with("raise") { 1 } else { 3 });
        }
        assert!(!on_probation(&app), "{code}");
    }
}

#[test]
fn signals_by_which_users_end_a_program_are_no_crash() {
    for signal in [1, 2, 3, 13, 15] {
        let index = Index::with([Wheel::app("1.0")]);
        let app = updated_to(&index, &format!("signal.signal({signal}, 0); os.kill(os.getpid(), {signal})"));
        for _ in 0..5 {
            app.run::<&str>(&[]).status(128 + signal);
        }
    }
}

#[test]
fn one_good_start_ends_it_and_later_crashes_are_the_apps_own() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = updated_to(&index, "sys.argv[1:] and os.abort()");
    assert!(on_probation(&app));
    assert_eq!(app.run(&["x"]).signal(), Some(6));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    assert!(!on_probation(&app));
    for _ in 0..4 {
        assert_eq!(app.run(&["x"]).signal(), Some(6));
    }
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn a_start_on_probation_is_an_exec_and_leaves_nothing_in_the_apps_environment() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = updated_to(
        &index,
        "print(os.getpid(), [k for k in os.environ if 'MARK' in k], 'MARK' in ''.join(os.environ))",
    );
    for _ in 0..3 {
        let start = app.start::<&str>(&[]).spawn();
        let id = start.id();
        start.wait().prints(&format!("{id} [] False\nmyapp 1.1\n"));
    }
}

#[test]
fn a_start_that_is_watched_is_the_app_to_whoever_started_it() {
    let index = Index::with([Wheel::app("1.0")]);
    let code = "sys.argv[1:2] == ['crash'] and os.abort(); \
                sys.argv[1:2] == ['wait'] and (signal.signal(15, lambda *_: sys.exit(7)), open(os.environ['HOME'] + '/ready', 'w'), time.sleep(60)); \
                print(os.getppid() != int(os.environ['TESTER']), sys.stdin.read())";
    let app = updated_to(&index, code).env("TESTER", std::process::id().to_string());
    assert_eq!(app.run(&["crash"]).signal(), Some(6));
    // Its signals are handed on, its status is handed back.
    let waiting = app.start(&["wait"]).spawn();
    eventually("it waits", || app.root().join("home/ready").exists());
    let pid = i32::try_from(waiting.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).unwrap();
    waiting.wait().status(7).stdout("");
    // That was an end by itself: from now on it is the app again.
    app.start(&["x"]).stdin("words").run().prints("False words\nmyapp 1.1 x\n");
}

#[test]
fn an_app_that_lives_ten_seconds_has_passed_while_it_still_runs() {
    let index = Index::with([Wheel::app("1.0")]);
    let app =
        updated_to(&index, "sys.argv[1:] and (open(os.environ['HOME'] + '/ready', 'w'), time.sleep(60))");
    let mut running = app.start(&["wait"]).spawn();
    eventually("it waits", || app.root().join("home/ready").exists());
    assert!(on_probation(&app));
    // A clock that shows more: the mark is older than it is.
    let mark = app.cached_named("trial").remove(0);
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(11);
    std::fs::File::open(&mark).unwrap().set_modified(then).unwrap();
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    assert!(!on_probation(&app));
    running.kill();
    eventually("it ends", || !running.is_running());
}

#[test]
fn a_first_installation_has_nothing_to_go_back_to_and_is_not_looked_at() {
    let index = Index::with([doing("1.0", "os.abort()")]);
    let app = App::of(&index).update("interval", "1d");
    for _ in 0..5 {
        assert_eq!(app.run::<&str>(&[]).signal(), Some(6));
    }
    assert!(!on_probation(&app));
}

#[test]
fn where_the_app_has_to_be_that_very_process_nobody_stays_its_parent() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = updated_to(&index, "os.abort()").env("NOTIFY_SOCKET", "/nowhere");
    for _ in 0..5 {
        assert_eq!(app.run::<&str>(&[]).signal(), Some(6));
    }
    assert!(on_probation(&app));
    let marks: Vec<_> = app.cached().into_iter().filter(|path| path.ends_with("trial")).collect();
    assert!(marks.is_empty(), "a mark that nobody takes away would look like a crash");
}
