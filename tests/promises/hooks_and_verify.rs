//! Hooks are told and never asked; the packager's own test decides whether a new version is used.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{App, Index, Response, Wheel, eventually};

/// A hook that notes the given words and its variables in a file of the home directory.
fn noting(what: &str) -> Vec<String> {
    let script = format!(
        "echo {what} $EVERFRESH_APP $EVERFRESH_LAUNCHER \"$EVERFRESH_ERROR\" >> $HOME/notes; echo chatter; echo chatter >&2"
    );
    ["/bin/sh", "-c", &script].map(str::to_owned).to_vec()
}

fn noted(app: &App) -> String {
    let text = std::fs::read_to_string(app.root().join("home/notes")).unwrap_or_default();
    let root = app.root();
    crate::support::outcome::Redactions(vec![(root.to_str().unwrap().to_owned(), "[DIR]".into())])
        .apply(&text)
}

fn with_hooks(index: &Index) -> App {
    App::of(index)
        .hook("starting", noting("starting"))
        .hook("succeeded", noting("succeeded"))
        .hook("failed", noting("failed"))
}

#[test]
fn hooks_run_in_order_with_the_names_they_need_and_are_not_heard() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = with_hooks(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let once = "starting myapp [DIR]/app/myapp \nsucceeded myapp [DIR]/app/myapp \n";
    assert_eq!(noted(&app), once);
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(noted(&app), once, "nothing new is no update");
    app.settle();
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    assert_eq!(noted(&app), once.repeat(2));
}

#[test]
fn a_failed_update_calls_its_hook_with_the_reason() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = with_hooks(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    std::fs::remove_file(app.root().join("home/notes")).unwrap();
    index.server().everything(Response::status(403));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let reason = "cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: the server answers 403 Forbidden";
    assert_eq!(noted(&app), format!("failed myapp [DIR]/app/myapp {reason}\n"));
}

#[test]
fn a_hook_that_fails_changes_nothing_but_a_line_of_the_log() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index)
        .hook("starting", ["/nowhere/hook"].to_vec())
        .hook("succeeded", ["/bin/sh", "-c", "echo sorry >&2; exit 3"].to_vec());
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let log = app.run(&["self", "log"]);
    log.status(0).stderr("").stdout_has("\"hook\":\"/nowhere/hook\",\"reason\":\"No such file or directory");
    log.stdout_has("\"hook\":\"/bin/sh\",\"reason\":\"exit status: 3: sorry\"");
}

#[test]
fn a_hook_that_hangs_delays_a_start_no_longer_than_the_deadline() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let hang = ["/bin/sh", "-c", "echo $$ > $HOME/hanging; exec /bin/sleep 50"].to_vec();
    let app = app.hook("starting", hang).update("timeout", "1s");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.0\n").within(std::time::Duration::from_secs(4));
    let pid = app.root().join("home/hanging");
    eventually("the hook has begun", || std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    let hanging = std::fs::read_to_string(&pid).unwrap();
    let killed = std::process::Command::new("/bin/kill").arg(hanging.trim()).status().unwrap();
    assert!(killed.success());
    app.settle();
    app.update("mode", "manual").run::<&str>(&[]).prints("myapp 1.1\n");
}

fn verified(index: &Index, code: &str) -> App {
    App::of(index).verify("command", ["-c", code].to_vec()).update("timeout", "20s")
}

/// Why environments are kept out, as `self info --json` has it.
fn kept_out(app: &App) -> Vec<String> {
    let info = app.run(&["self", "info", "--json"]).json();
    let reasons = info["quarantine"].as_object().unwrap().values().map(Value::to_string);
    reasons.collect()
}

#[test]
fn a_version_that_passes_the_packagers_test_is_used() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = verified(
        &index,
        "import os, myapp; open(os.environ['HOME'] + '/tested', 'a').write(myapp.__version__ + ' ')",
    );
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    let tested: PathBuf = app.root().join("home/tested");
    assert_eq!(std::fs::read_to_string(tested).unwrap(), "1.0 1.1 ");
    assert_eq!(kept_out(&app), [""; 0]);
}

#[test]
fn a_version_that_fails_the_packagers_test_is_kept_out_and_the_old_one_stays() {
    let cases = [
        ("import myapp, sys; sys.exit(3 * (myapp.__version__ > '1.0'))", "exit status: 3"),
        ("import myapp\nassert myapp.__version__ == '1.0', 'too new'", "AssertionError: too new"),
        ("import myapp, os; myapp.__version__ > '1.0' and os.kill(os.getpid(), 15)", "signal: 15 (SIGTERM)"),
    ];
    for (code, reason) in cases {
        let index = Index::with([Wheel::app("1.0")]);
        let app = verified(&index, code);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        index.add(Wheel::app("1.1"));
        for _ in 0..2 {
            app.run::<&str>(&[]).prints("myapp 1.0\n");
            app.settle();
        }
        assert_eq!(kept_out(&app), [format!("\"the new myapp does not pass its test: {reason}\"")]);
        index.add(Wheel::app("0.9"));
        // Who asks for it gets another try, and the reason.
        app.run(&["self", "update"]).fails(
            125,
            &format!(
                "myapp: error: the new myapp does not pass its test: {reason}
hint: see the log: self log
"
            ),
        );
    }
}

#[test]
fn a_test_that_hangs_is_a_test_that_fails() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = verified(&index, "import time, myapp\nif myapp.__version__ > '1.0': time.sleep(50)")
        .verify("timeout", "1s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.0\n").within(std::time::Duration::from_secs(15));
    assert_eq!(kept_out(&app), ["\"the new myapp does not pass its test: not done after 1 s\""]);
}

#[test]
fn a_first_version_that_fails_its_test_is_never_started() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = verified(&index, "raise SystemExit('no good')");
    let expected =
        "myapp: error: the new myapp does not pass its test: no good\nhint: see the log: self log\n";
    app.run::<&str>(&[]).fails(125, expected);
}
