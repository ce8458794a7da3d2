//! Starting through the launcher costs nothing: a fresh start reads a record and becomes Python.

use crate::support::{App, Index, Wheel};

/// An app that was started once, and whose index has gone away since.
fn installed() -> App {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app
}

#[test]
fn a_fresh_start_asks_nobody() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let asked = index.server().requests().len();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(index.server().requests().len(), asked);
}

#[test]
fn a_fresh_start_needs_no_network() {
    installed().start(&["a"]).without_network().run().prints("myapp 1.0 a\n");
}

#[test]
fn a_fresh_start_is_one_exec_and_few_calls() {
    let calls = installed().system_calls::<&str>(&[]);
    let named = |name: &str| calls.iter().filter(|call| call.starts_with(&format!("{name}("))).count();
    // Before this one come the loader's and the runtime's, which are others in a static release build (`benches/`).
    let begin = calls.iter().position(|call| call.contains("/proc/self/exe")).unwrap();
    let own = &calls[begin..];
    assert!(own.len() <= 15, "{} system calls:\n{}", own.len(), own.join("\n"));
    assert_eq!(named("execve"), 2, "its own and Python's:\n{}", calls.join("\n"));
    for never in ["fork", "vfork", "clone", "clone3", "socket", "rename", "fsync", "write", "mkdir", "unlink"]
    {
        assert_eq!(named(never), 0, "{never}:\n{}", calls.join("\n"));
    }
}

#[test]
fn a_fresh_start_does_not_read_the_config() {
    let calls = installed().system_calls::<&str>(&[]);
    let opened: Vec<_> = calls.iter().filter(|call| call.starts_with("open")).collect();
    assert!(!opened.iter().any(|call| call.contains("launcher.toml")), "{opened:#?}");
}

#[test]
fn a_fresh_start_leaves_the_cache_as_it_was() {
    let app = installed();
    let looks = || {
        let files = app.cached().into_iter();
        let stamped = files.map(|file| {
            let modified = std::fs::metadata(app.cache().join(&file)).unwrap().modified().unwrap();
            (file, modified)
        });
        stamped.collect::<Vec<_>>()
    };
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let before = looks();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(looks(), before);
}

#[test]
fn an_edited_config_is_noticed_at_once() {
    let index = Index::with([Wheel::app("1.0"), Wheel::app("2.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 2.0\n");
    app.requirements(["myapp<2"]).run::<&str>(&[]).prints("myapp 1.0\n");
}
