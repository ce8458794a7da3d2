//! What the app finds when it runs: its own modules first, the user's environment untouched, and no trace of ours.

use crate::support::{App, Index, Wheel};

fn of_module(source: &str) -> (Index, App) {
    let index = Index::with([Wheel::new("myapp", "1.0").file("myapp.py", source)]);
    let app = App::of(&index);
    (index, app)
}

#[test]
fn every_kind_of_entry_starts() {
    let index = Index::with([Wheel::new("myapp", "1.0")
        .file("myapp/__init__.py", "def main():\n    print('function')\n")
        .file("myapp/__main__.py", "print('module', __name__)\n")
        .entry_point("my-script", "myapp:main")]);
    let app = || App::new().requirements(["myapp"]).source(&index);
    app().entry("myapp:main").run::<&str>(&[]).prints("function\n");
    app().app("module", "myapp").run::<&str>(&[]).prints("module __main__\n");
    app().app("console-script", "my-script").run::<&str>(&[]).prints("function\n");
    let script = app().app("script", "app.py").file("helper.py", "word = 'script'\n").file(
        "app.py",
        "import myapp, helper, sys, os\nprint(helper.word, __name__, os.path.basename(__file__), sys.argv[1:])\n",
    );
    script.run(&["a"]).prints("script __main__ app.py ['a']\n");
}

#[test]
fn what_main_returns_is_the_exit_status() {
    for (returned, status, stderr) in [("None", 0, ""), ("3", 3, ""), ("'sorry'", 1, "sorry\n")] {
        let (_index, app) = of_module(&format!("def main():\n    return {returned}\n"));
        app.run::<&str>(&[]).status(status).stdout("").stderr(stderr);
    }
}

#[test]
fn the_users_pythonpath_shadows_nothing_and_reaches_the_children() {
    let (_index, app) = of_module(
        "import os, sys, subprocess\n\
         def main():\n    \
             print('/elsewhere' in sys.path, os.environ['PYTHONPATH'])\n    \
             sys.stdout.flush()\n    \
             code = 'import os, sys; print(\"/elsewhere\" in sys.path, os.environ[\"PYTHONPATH\"])'\n    \
             subprocess.run([sys.executable, '-c', code], check=True)\n",
    );
    let app = app.env("PYTHONPATH", "/elsewhere");
    app.run::<&str>(&[]).prints("False /elsewhere\nTrue /elsewhere\n");
    app.python("inherit", true).run::<&str>(&[]).stdout("True /elsewhere\nTrue /elsewhere\n").status(0);
}

#[test]
fn a_wrong_pythonhome_does_not_stop_the_app() {
    let index = Index::with([Wheel::app("1.0")]);
    App::of(&index).env("PYTHONHOME", "/nowhere").run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn the_working_directory_is_not_searched_for_modules() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).file("elsewhere/myapp.py", "raise SystemExit('the wrong one')\n");
    let elsewhere = app.folder().join("elsewhere");
    app.start::<&str>(&[]).cwd(elsewhere).run().prints("myapp 1.0\n");
}

#[test]
fn the_app_can_see_who_started_it() {
    let (index, app) = of_module(
        "import os\nnames = ['LAUNCHER', 'GENERATION', 'UPDATED_FROM']\n\
         def main():\n    print(*[os.environ.get('EVERFRESH_' + name) for name in names])\n",
    );
    app.run::<&str>(&[]).prints("[DIR]/app/myapp 1 None\n");
    let module = "import os\ndef main():\n    print(os.environ.get('EVERFRESH_GENERATION'))\n";
    index.add(Wheel::new("myapp", "1.1").file("myapp.py", module));
    app.run::<&str>(&[]).prints("2\n");
}

#[test]
fn the_traceback_of_an_app_shows_only_the_app() {
    let (_index, app) = of_module("def main():\n    raise ValueError('mine')\n");
    let outcome = app.run::<&str>(&[]);
    outcome.status(1).stdout("").stderr_has("ValueError: mine\n");
    assert!(!outcome.err().contains("everfresh: "), "{outcome:?}");
}

#[test]
fn two_nested_launchers_do_not_mix() {
    let inner_index = Index::with([Wheel::new("inner", "1.0").printing_module("inner")]);
    let inner = App::named("inner").requirements(["inner"]).entry("inner:main").source(&inner_index);
    inner.run::<&str>(&[]).prints("inner 1.0\n");
    let (_index, app) = of_module(&format!(
        "import subprocess\ndef main():\n    subprocess.run([{:?}, 'x'], check=True)\n",
        inner.executable().display().to_string()
    ));
    app.run::<&str>(&[]).prints("inner 1.0 x\n");
}

#[test]
fn started_by_a_link_it_finds_its_own_config() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    let link = app.root().join("bin/shortcut");
    std::os::unix::fs::symlink(app.executable(), &link).unwrap();
    app.start(&["a"]).program(link).run().prints("myapp 1.0 a\n");
}
