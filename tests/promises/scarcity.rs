//! A machine that has little left, of disk, descriptors or file size, starts the app all the same.

use crate::support::{App, Index, Wheel};

/// `myapp` 1.0 is installed, 1.1 is offered; both are large enough to fill a small disk.
fn pending() -> (Index, App) {
    let large = |version: &str| {
        let filling: String =
            (0_u64..4000).map(|n| format!("# {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        Wheel::app(version).file("myapp/filling.py", filling)
    };
    let index = Index::with([large("1.0")]);
    let app = App::of(&index).update("timeout", "60s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(large("1.1"));
    (index, app)
}

/// `script` in mounts of its own, with the cache as `$1` and the app's command line behind it.
fn in_mounts(app: &App, script: &str) -> crate::support::outcome::Outcome {
    let cache = app.cache();
    app.start::<&str>(&[]).in_mounts_of_its_own(script, &cache).run()
}

pub(super) fn on_a_disk_that_is_full_what_is_installed_starts() {
    let (_index, app) = pending();
    // From just enough for what is there to enough for the update: each size is full at another moment of it.
    let mut seen = std::collections::BTreeSet::new();
    for room in [0, 4, 8, 16, 32, 64, 96, 128, 160, 192, 256, 512, 4096] {
        let script = format!(
            "cache=$1; shift; used=$(du -sk \"$cache\" | cut -f1); cp -a \"$cache\" \"$cache.kept\"; \
             mount -t tmpfs -o mode=700,size=$((used + {room}))k none \"$cache\"; \
             cp -a \"$cache.kept/.\" \"$cache/\"; rm -rf \"$cache.kept\"; \"$@\" && \"$@\""
        );
        let outcome = in_mounts(&app, &script);
        outcome.status(0);
        let printed = String::from_utf8_lossy(outcome.bytes()).into_owned();
        let whole = ["myapp 1.0\nmyapp 1.0\n", "myapp 1.0\nmyapp 1.1\n", "myapp 1.1\nmyapp 1.1\n"];
        assert!(whole.contains(&printed.as_str()), "with {room} KiB: {printed:?}, {}", outcome.err());
        assert!(!outcome.err().contains("panicked"), "with {room} KiB: {}", outcome.err());
        seen.insert(printed);
        app.settle();
    }
    assert!(seen.contains("myapp 1.0\nmyapp 1.0\n") && seen.contains("myapp 1.1\nmyapp 1.1\n"), "{seen:?}");
}

pub(super) fn on_a_disk_that_became_read_only_what_is_installed_starts() {
    let (_index, app) = pending();
    let script =
        "cache=$1; shift; mount --bind \"$cache\" \"$cache\"; mount -o remount,bind,ro \"$cache\"; \"$@\"";
    in_mounts(&app, script).prints("myapp 1.0\n");
}

#[test]
fn with_few_descriptors_what_is_installed_starts() {
    for limit in [8, 16, 32, 64] {
        let (_index, app) = pending();
        let limited = ["/bin/sh", "-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"];
        let outcome = app.start::<&str>(&[]).under(&limited).run();
        outcome.status(0).stderr("");
        let printed = String::from_utf8_lossy(outcome.bytes()).into_owned();
        assert!(["myapp 1.0\n", "myapp 1.1\n"].contains(&printed.as_str()), "{limit}: {printed:?}");
        app.settle();
        app.run(&["self", "update"]).status(0);
        app.run::<&str>(&[]).prints("myapp 1.1\n");
    }
}

#[test]
fn a_limit_of_file_sizes_ends_no_start() {
    let signal = "import signal\ndef main():\n    print(signal.getsignal(signal.SIGXFSZ).name, \
                  signal.SIGXFSZ in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n";
    for limit in [0, 1, 64] {
        let (index, app) = pending();
        let limited = ["/bin/sh", "-c", &format!("ulimit -f {limit}; exec \"$@\""), "sh"];
        for _ in 0..2 {
            let outcome = app.start::<&str>(&[]).under(&limited).run();
            outcome.status(0).stdout("myapp 1.0\n");
        }
        app.settle();
        // What was spared to the launcher is the app's own again: Python itself ignores the signal, unblocked.
        index.add(Wheel::new("myapp", "1.2").file("myapp/__init__.py", signal));
        app.run(&["self", "update"]).prints("myapp 1.0 → 1.2\n");
        app.start::<&str>(&[]).under(&limited).run().status(0).stdout("SIG_IGN False\n");
    }
}
