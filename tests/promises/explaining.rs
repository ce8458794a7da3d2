//! It explains itself to who asks, and is silent to who does not: one line says why nothing newer runs, and whatever
//! happens the app's output is the app's.

use std::time::Duration;

use crate::support::outcome::ports_hidden;
use crate::support::{App, Index, Response, Wheel};

/// `myapp` 1.0, installed and fresh for a day.
fn installed() -> (Index, App) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    (index, app)
}

/// A version that cannot be imported.
fn broken(version: &str) -> Wheel {
    Wheel::new("myapp", version).file("myapp/__init__.py", "import nowhere")
}

/// The line of `self info` that says why there is no update.
fn why(app: &App) -> String {
    let told = app.run(&["self", "info"]);
    let info = app.run(&["self", "info", "--json"]);
    let (told, info) = (told.status(0).stderr(""), info.status(0).stderr("").json());
    let line = format!("\nno update    {}\n", info["why_no_update"].as_str().unwrap());
    told.stdout_has(&ports_hidden(&line));
    moments_hidden(info["why_no_update"].as_str().unwrap())
}

/// `2026-01-31T12:00:00Z` becomes `[T]`, and local ports are hidden.
fn moments_hidden(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_end_matches([')', ';']);
        let is_moment = bare.len() == 20 && bare.ends_with('Z') && bare.contains('T');
        if is_moment { word.replace(bare, "[T]") } else { word.to_owned() }
    });
    ports_hidden(&words.collect::<Vec<_>>().join(" "))
}

/// A version that passes its test, and cannot be imported where it runs.
fn broken_at_home(version: &str) -> Wheel {
    let fails = "import os\nif 'EVERFRESH_GENERATION' in os.environ: import nowhere\ndef main(): pass\n";
    Wheel::new("myapp", version).file("myapp/__init__.py", fails)
}

#[test]
fn one_line_says_why_there_is_no_update() {
    let (mut index, app) = installed();
    assert_eq!(why(&app), "fresh until [T]");
    let manual = app.update("mode", "manual");
    assert_eq!(why(&manual), "mode is manual: only self update looks");
    let app = manual.update("mode", "launch").requirements(["myapp>0"]);
    assert_eq!(why(&app), "launcher.toml has changed: the next start looks");
    let app = app.requirements(["myapp"]).update("interval", "0s");
    assert_eq!(why(&app), "a check is due: the next start looks");
    let app = app.update("interval", "1d");
    index.shut_down();
    app.run(&["self", "update"]).status(125);
    let fault = "cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: cannot connect: connection refused";
    assert_eq!(why(&app), format!("the last check failed: {fault} (tried again from [T])"));
    app.run(&["self", "update"]).status(125);
    assert_eq!(why(&app), format!("the last 2 checks failed: {fault} (tried again from [T])"));
}

#[test]
fn before_the_first_installation_the_line_says_so() {
    let mut index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    assert_eq!(why(&app), "nothing is installed yet");
    index.shut_down();
    app.run::<&str>(&[]).status(125);
    let fault = "cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: cannot connect: connection refused";
    assert_eq!(why(&app), format!("nothing is installed yet: {fault}"));
}

#[test]
fn the_line_says_what_is_kept_out_and_why() {
    let (index, app) = installed();
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    app.run(&["self", "rollback"]).prints("myapp 1.1 → myapp 1.0\n");
    assert_eq!(why(&app), "you went back from what the sources offer; fresh until [T]");
    app.run(&["self", "update"]).status(0);
    assert_eq!(why(&app), "what the sources offer is kept out: you went back from it; fresh until [T]");
    index.add(broken("1.2"));
    app.run(&["self", "update"]).status(125);
    let reason = "the new myapp does not pass its test: ModuleNotFoundError: No module named 'nowhere'";
    assert_eq!(why(&app), format!("the last check failed: {reason} (tried again from [T])"));
    // Kept out without another try.
    let app = app.update("interval", "0s");
    std::fs::write(
        app.state(),
        std::fs::read_to_string(app.state()).unwrap().replace("\"retry_at\":", "\"retry_at\":1,\"was\":"),
    )
    .unwrap();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let app = app.update("interval", "1d");
    assert_eq!(why(&app), format!("what the sources offer is kept out: {reason}; fresh until [T]"));
    let info = app.run(&["self", "info", "--json"]).json();
    let kept_out = serde_json::json!([{"generation": null, "version": null, "reason": reason}]);
    assert_eq!(info["kept_out"], kept_out, "{info:#}");
    app.run(&["self", "info"]).stdout_has(&format!("\nkept out     {reason}\n"));
}

#[test]
fn a_bad_file_is_named_until_it_is_tried_again() {
    let (index, app) = installed();
    let lie = Wheel::app("1.1").distribution();
    index.add(lie.clone());
    index.server().route(&format!("/files/{}", lie.filename), Response::ok("no wheel"));
    app.run(&["self", "update"]).status(0);
    let info = app.run(&["self", "info", "--json"]).json();
    let bad = &info["bad_files"][0];
    assert_eq!((&bad["file"], &bad["count"]), (&"myapp-1.1-py3-none-any.whl".into(), &1.into()), "{info:#}");
    let message = bad["message"].as_str().unwrap();
    assert!(message.starts_with("myapp-1.1-py3-none-any.whl "), "{message}");
    assert_eq!(why(&app), format!("{message} (tried again from [T]); fresh until [T]"));
    app.run(&["self", "info"])
        .stdout_has("\nbad file     myapp-1.1-py3-none-any.whl, tried again from ")
        .stdout_has(message);
}

#[test]
fn what_went_back_by_itself_is_told_with_its_generation() {
    let (index, app) = installed();
    index.add(broken_at_home("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
    app.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
    let info = app.run(&["self", "info", "--json"]).json();
    let kept_out = &info["kept_out"][0];
    assert_eq!((&kept_out["generation"], &kept_out["version"]), (&2.into(), &"1.1".into()), "{info:#}");
    app.run(&["self", "info"])
        .stdout_has("\nkept out     generation 2: ")
        .stdout_has("No module named 'nowhere'");
}

#[test]
fn info_names_every_file_with_its_digest() {
    let (_index, app) = installed();
    let digest = Wheel::app("1.0").distribution().sha256();
    let package = "  package    myapp 1.0  http://127.0.0.1:[PORT]/files/myapp-1.0-py3-none-any.whl";
    app.run(&["self", "info"]).stdout_has(&format!("\n{package}\n             sha256 {digest}\n"));
}

#[test]
fn whatever_happens_standard_output_is_the_apps() {
    for level in ["", "debug"] {
        let app_of = |index: &Index| App::of(index).env("EVERFRESH_LOG", level).update("timeout", "1s");
        let index = Index::with([Wheel::app("1.0")]);
        let app = app_of(&index);
        for arguments in [&[][..], &["a"][..]] {
            let start = app.start(arguments).in_terminal().run();
            start.status(0).stdout(&format!("myapp 1.0{}\n", if arguments.is_empty() { "" } else { " a" }));
        }
        app.settle();
        // Updated; then sources that are too slow; then a version that cannot be imported where it runs.
        index.add(Wheel::app("1.1"));
        app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.1\n");
        app.settle();
        index.server().everything(Response::status(500).delay(Duration::from_secs(2)));
        app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.1\n");
        app.settle();
        index.server().heal();
        index.add(broken_at_home("1.2"));
        app.run(&["self", "update"]).status(0);
        app.start::<&str>(&[]).in_terminal().run().status(0).stdout("myapp 1.1\n");
        app.settle();
        index.remove("myapp-1.2-py3-none-any.whl");
        // A cache that is not the wanted one, and no cache at all: then nothing is started, and nothing printed.
        let elsewhere = app_of(&index).env("EVERFRESH_CACHE", "/dev/null");
        elsewhere
            .run::<&str>(&[])
            .status(0)
            .stdout("myapp 1.1\n")
            .stderr_has("warning: cannot create directory");
        elsewhere.settle();
        let nowhere = app_of(&index).env("EVERFRESH_CACHE", "/dev/null").env("TMPDIR", "/dev/null");
        nowhere.run::<&str>(&[]).status(125).stdout("").stderr_has("myapp: error: cannot create directory");
    }
}

#[test]
fn debugging_speaks_on_standard_error_and_only_where_it_is_asked_for() {
    let (_index, app) = installed();
    for (level, speaks) in [("debug", true), ("trace", true), ("", false), ("0", false), ("warning", false)] {
        let app = app.start(&["self", "info"]).env("EVERFRESH_LOG", level).run();
        app.status(0);
        assert_eq!(
            app.err().lines().any(|line| line.starts_with("everfresh ") && line.contains(" ms  ")),
            speaks,
            "{level}: {}",
            app.err()
        );
        assert_eq!(app.err().is_empty(), !speaks, "{level}: {}", app.err());
    }
}

/// An app whose first run, and whose update to 1.1, take so long that progress shows.
fn slow() -> (Index, App) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "20s");
    make_slow(&index, "1.0");
    (index, app)
}

fn make_slow(index: &Index, version: &str) {
    let wheel = Wheel::app(version).distribution();
    let listing = format!("<a href=\"/files/{0}#sha256={1}\">{0}</a>", wheel.filename, wheel.sha256());
    let page = Response::html(listing).delay(Duration::from_millis(900));
    index.server().route("/simple/myapp/", page);
}

/// A slow first run and a slow update on a terminal of that kind: all that was written there.
fn drawn(change: impl Fn(App) -> App, variables: &[(&str, &str)]) -> [String; 2] {
    let (index, app) = slow();
    let app = change(app);
    let run = |printed: &str| {
        let mut start = app.start::<&str>(&[]);
        for (name, value) in variables {
            start = start.env(name, value);
        }
        let outcome = start.in_terminal().run();
        outcome.status(0).stdout(printed);
        app.settle();
        outcome.err().to_owned()
    };
    let first = run("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    make_slow(&index, "1.1");
    [first, run("myapp 1.1\n")]
}

#[test]
fn what_is_drawn_has_no_colour_and_only_takes_its_own_line_away() {
    for variables in
        [&[][..], &[("NO_COLOR", "1")], &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]]
    {
        let [first, update] = drawn(|app| app, variables);
        for text in [&first, &update] {
            assert!(text.contains("\r\u{1b}[Kmyapp: looking for packages"), "{variables:?}: {text:?}");
            let others = text.replace("\r\u{1b}[K", "");
            assert!(!others.contains('\u{1b}'), "{variables:?}: {text:?}");
        }
        assert!(update.ends_with("myapp 1.0 → 1.1\r\n"), "{variables:?}: {update:?}");
    }
}

#[test]
fn on_a_terminal_that_erases_nothing_there_is_no_escape_sequence() {
    let [first, update] = drawn(|app| app, &[("TERM", "dumb")]);
    assert!(first.starts_with("myapp: looking for packages\r\n"), "{first:?}");
    assert_eq!(update, "myapp 1.0 → 1.1\r\n");
    assert!(!first.contains('\u{1b}'), "{first:?}");
}

#[test]
fn without_notify_nothing_is_said_at_all() {
    assert_eq!(drawn(|app| app.update("notify", false), &[]), ["", ""]);
    // Who asks for an update is told of it all the same.
    let (index, app) = installed();
    let app = app.update("notify", false);
    index.add(Wheel::app("1.1"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
}
