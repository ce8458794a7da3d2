//! Many at once, and many users: one download, no waiting, and a cache that stays everybody's own.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use crate::support::{App, Index, Wheel, python};

/// A user and a group that nobody has.
const SOMEBODY: u32 = 54_321;
const SOMEBODY_ELSE: u32 = 54_322;

fn all_print(app: &App, count: usize, printed: &str) {
    let all: Vec<_> = (0..count).map(|_| app.start::<&str>(&[]).spawn()).collect();
    for running in all {
        running.wait().status(0).stdout(printed);
    }
}

fn app_with_a_dependency() -> Index {
    let main = "import dep\ndef main():\n    print('with', dep.__version__)\n";
    Index::with([
        Wheel::new("myapp", "1.0").file("myapp.py", main).requires("dep"),
        Wheel::new("dep", "1.0").printing_module("dep"),
    ])
}

fn app_lock(app: &App) -> File {
    File::open(app.state().with_file_name("lock")).unwrap()
}

pub(super) fn a_hundred_cold_starts_do_one_download_of_each_file() {
    let index = app_with_a_dependency();
    let app = App::of(&index).update("interval", "1d");
    all_print(&app, 100, "with 1.0\n");
    let mut downloads = index.downloads();
    downloads.sort();
    assert_eq!(downloads, ["dep-1.0-py3-none-any.whl", "myapp-1.0-py3-none-any.whl"]);
}

#[test]
fn a_warm_start_waits_for_no_lock() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let calls = app.system_calls::<&str>(&[]);
    let locks: Vec<_> =
        calls.iter().filter(|call| call.contains("lock(") || call.contains("F_SETLK")).collect();
    assert!(locks.iter().all(|call| call.contains("LOCK_SH|LOCK_NB")), "{locks:?}");
    assert_eq!(locks.len(), 1, "{calls:#?}");
    // Whoever updates or cleans for ever is in nobody's way.
    let (own, shared) = (app_lock(&app), File::open(app.cache().join("everfresh/lock")).unwrap());
    own.lock().unwrap();
    shared.lock().unwrap();
    all_print(&app, 100, "myapp 1.0\n");
}

#[test]
fn two_apps_of_the_same_packages_install_at_the_same_time() {
    let index = app_with_a_dependency();
    let apps = ["myapp", "twin"].map(|name| {
        App::named(name).requirements(["myapp"]).entry("myapp:main").source(&index).update("interval", "1d")
    });
    let [one, two] = apps;
    let (bin, cache) = (one.root().join("bin"), one.cache());
    let two = two.env("PATH", bin).env("EVERFRESH_CACHE", &cache);
    let all: Vec<_> = (0..10).flat_map(|_| [&one, &two]).map(|app| app.start::<&str>(&[]).spawn()).collect();
    for running in all {
        running.wait().status(0).stdout("with 1.0\n");
    }
    one.settle();
    two.settle();
    let names = |place: &str| std::fs::read_dir(cache.join("everfresh").join(place)).unwrap().count();
    assert_eq!((names("envs"), names("store"), names("apps")), (1, 2, 2));
}

#[test]
fn cleaning_all_the_time_takes_nothing_away_from_fifty_that_run_and_start() {
    let slow = |version: &str| {
        let main =
            "import time\ndef main():\n    time.sleep(0.3)\n    import later\n    print('myapp', later.V)\n";
        Wheel::new("myapp", version).file("myapp.py", main).file("later.py", format!("V = '{version}'\n"))
    };
    let index = Index::with([slow("1.0")]);
    let app = App::of(&index).update("interval", "1d").update("keep", 0);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(slow("1.1"));
    let mut all = vec![];
    for round in 0..10 {
        all.extend((0..5).map(|_| app.start::<&str>(&[]).spawn()));
        if round == 4 {
            app.run(&["self", "update"]).status(0);
        }
        app.run(&["self", "clean"]).status(0);
    }
    for running in all {
        let outcome = running.wait();
        outcome.status(0).stderr("");
        let printed = String::from_utf8_lossy(outcome.bytes()).into_owned();
        assert!(["myapp 1.0\n", "myapp 1.1\n"].contains(&printed.as_str()), "{printed}");
    }
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn where_a_home_has_no_locks_everything_works_all_the_same() {
    for error in ["ENOLCK", "EOPNOTSUPP"] {
        let index = Index::with([Wheel::app("1.0")]);
        let app = App::of(&index);
        let log = app.root().join("strace.log");
        let inject = format!("--inject=flock:error={error}");
        let without_locks =
            ["/usr/bin/strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", "trace=flock", &inject];
        let run = |arguments: &[&str]| app.start(arguments).under(&without_locks).run();
        run(&[]).prints("myapp 1.0\n");
        index.add(Wheel::app("1.1"));
        run(&[]).prints("myapp 1.1\n");
        run(&["self", "rollback"]).prints("myapp 1.1 → myapp 1.0\n");
        run(&[]).prints("myapp 1.0\n");
        run(&["self", "clean"]).status(0);
        assert!(std::fs::read_to_string(&log).unwrap().contains(error), "no lock was asked for");
    }
}

// Two users: what a kernel lets one user do with another's files can only be seen by somebody who is both.

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("not tried: only root can be two users");
    }
    is_root
}

fn system(words: &[&OsStr]) {
    assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success(), "{words:?}");
}

/// The app's world belongs to somebody, and all may look at it.
fn belonging_to(app: &App, user: u32) {
    let root = app.root();
    system(&["chown".as_ref(), "-R".as_ref(), format!("{user}:{user}").as_ref(), root.as_ref()]);
    system(&["chmod".as_ref(), "755".as_ref(), root.as_ref()]);
    system(&["chmod".as_ref(), "1777".as_ref(), root.join("tmp").as_ref()]);
}

/// `myapp` with a Python that everybody may run: the tests' own can lie in somebody's home.
fn app_for_everybody(index: &Index) -> App {
    let mut pythons = [python::path(), Path::new("/usr/bin/python3")].into_iter();
    let may_run = |python: &&Path| {
        let [program, arguments @ ..] = as_user(SOMEBODY);
        let output = Command::new(program).args(arguments).args(["/usr/bin/stat", "-L"]).arg(python).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = pythons.find(may_run).expect("a Python that every user may run");
    App::of(index).python("path", found.to_str().unwrap())
}

fn as_user(user: u32) -> [String; 4] {
    let word = |name: &str| format!("--{name}={user}");
    ["/usr/bin/setpriv".to_owned(), word("reuid"), word("regid"), "--clear-groups".to_owned()]
}

fn not_owned_by(directory: &Path, user: u32) -> Vec<std::path::PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let mut found = vec![];
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        if metadata.uid() != user || metadata.gid() != user {
            found.push(path);
        }
    }
    found
}

#[test]
fn root_in_a_users_cache_leaves_nothing_there_that_is_not_the_users() {
    if !is_root() {
        return;
    }
    let index = Index::with([Wheel::app("1.0")]);
    let app = app_for_everybody(&index).file("empty", "");
    let user = as_user(SOMEBODY);
    app.run(&["self", "help"]).status(0);
    std::fs::remove_dir_all(app.cache()).unwrap();
    std::fs::create_dir(app.cache()).unwrap();
    belonging_to(&app, SOMEBODY);
    // `sudo myapp`, cold, then with an update, then its own commands.
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    assert_eq!(not_owned_by(&app.cache(), SOMEBODY), Vec::<std::path::PathBuf>::new());
    app.start::<&str>(&[]).under(&user).run().prints("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    index.add(Wheel::app("1.2"));
    app.run(&["self", "update"]).prints("myapp 1.1 → 1.2\n");
    app.run(&["self", "rollback"]).prints("myapp 1.2 → myapp 1.1\n");
    app.run(&["self", "clean"]).status(0);
    app.settle();
    assert_eq!(not_owned_by(&app.cache(), SOMEBODY), Vec::<std::path::PathBuf>::new());
    // And the user goes on as if nothing had happened.
    app.start::<&str>(&[]).under(&user).run().prints("myapp 1.1\n");
    index.add(Wheel::app("1.3"));
    app.start::<&str>(&[]).under(&user).run().prints("myapp 1.3\n");
    app.start(&["self", "clean"]).under(&user).run().status(0);
}

#[test]
fn the_app_that_root_starts_in_a_users_cache_runs_as_root() {
    if !is_root() {
        return;
    }
    let main = "import os\ndef main():\n    print(os.getresuid(), os.getresgid())\n";
    let index = Index::with([Wheel::new("myapp", "1.0").file("myapp.py", main)]);
    let app = app_for_everybody(&index);
    belonging_to(&app, SOMEBODY);
    app.run::<&str>(&[]).prints("(0, 0, 0) (0, 0, 0)\n");
    app.run::<&str>(&[]).prints("(0, 0, 0) (0, 0, 0)\n");
}

#[test]
fn another_user_may_start_from_a_cache_that_only_its_owner_can_change() {
    if !is_root() {
        return;
    }
    let index = Index::with([Wheel::app("1.0")]);
    let app = app_for_everybody(&index);
    app.run(&["self", "help"]).status(0);
    belonging_to(&app, SOMEBODY);
    let (owner, other) = (as_user(SOMEBODY), as_user(SOMEBODY_ELSE));
    app.start::<&str>(&[]).under(&owner).run().prints("myapp 1.0\n");
    app.settle();
    // The owner shares it; nothing but the owner's own umask and modes decide.
    system(&["chmod".as_ref(), "-R".as_ref(), "a+rX".as_ref(), app.cache().as_ref()]);
    index.add(Wheel::app("1.1"));
    app.start::<&str>(&[]).under(&other).run().prints("myapp 1.0\n");
    app.start::<&str>(&[]).under(&owner).run().prints("myapp 1.1\n");
    app.settle();
    assert_eq!(not_owned_by(&app.cache(), SOMEBODY), Vec::<std::path::PathBuf>::new());
}

pub(super) fn a_user_who_may_not_look_into_the_cache_gets_one_of_their_own() {
    if !is_root() {
        return;
    }
    let index = Index::with([Wheel::app("1.0")]);
    let app = app_for_everybody(&index);
    app.run(&["self", "help"]).status(0);
    belonging_to(&app, SOMEBODY);
    app.start::<&str>(&[]).under(&as_user(SOMEBODY)).run().prints("myapp 1.0\n");
    app.settle();
    let other = as_user(SOMEBODY_ELSE);
    let warning = format!(
        "myapp: warning: cannot create directory [DIR]/cache/everfresh/apps/{}: Permission denied; using \
         [DIR]/tmp/everfresh-{SOMEBODY_ELSE}/everfresh instead\n",
        app.state().parent().unwrap().file_name().unwrap().to_str().unwrap()
    );
    app.start::<&str>(&[]).under(&other).run().status(0).stdout("myapp 1.0\n").stderr(&warning);
}

#[test]
fn where_the_caches_owner_cannot_find_the_launcher_root_stays_root() {
    if !is_root() {
        return;
    }
    let index = Index::with([Wheel::app("1.0")]);
    let app = app_for_everybody(&index);
    app.run(&["self", "help"]).status(0);
    belonging_to(&app, SOMEBODY);
    system(&["chown".as_ref(), "0:0".as_ref(), app.folder().as_ref()]);
    system(&["chmod".as_ref(), "700".as_ref(), app.folder().as_ref()]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}
