//! What a Python program may expect of its interpreter, its process and its packages, it finds under the launcher too.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::support::{App, Index, Wheel};

fn wheel(module: &str) -> Wheel {
    Wheel::new("myapp", "1.0").file("myapp.py", module)
}

/// An app whose `main` is this code.
fn doing(code: &str) -> (Index, App) {
    let indented = code.replace('\n', "\n    ");
    let index = Index::with([wheel(&format!("import os, sys\ndef main():\n    {indented}\n"))]);
    let app = App::of(&index).update("interval", "1d");
    (index, app)
}

#[test]
fn the_interpreters_flags_are_the_packagers() {
    let code = "print(sys.flags.utf8_mode, sys.flags.optimize, sys.warnoptions, sys.flags.no_site, sys.flags.no_user_site)";
    let (_index, app) = doing(code);
    app.run::<&str>(&[]).prints("0 0 [] 1 0\n");
    let app = app.python("flags", ["-X", "utf8", "-O", "-W", "error"].to_vec());
    app.run::<&str>(&[]).prints("1 1 ['error'] 1 0\n");
    let app = app.python("flags", Vec::<String>::new()).python("isolated", false);
    app.run::<&str>(&[]).prints("0 0 [] 0 1\n");
}

#[test]
fn a_changed_way_of_starting_needs_no_network() {
    let (mut index, app) = doing("print(sys.flags.optimize)");
    app.run::<&str>(&[]).prints("0\n");
    app.settle();
    index.shut_down();
    app.python("flags", ["-O"].to_vec()).run::<&str>(&[]).status(0).stderr("");
}

#[test]
fn the_helpers_of_site_are_there() {
    let (_index, app) =
        doing("print(repr(exit), callable(quit), callable(help))\nsys.stdout.flush()\nexit(4)");
    app.run::<&str>(&[]).status(4).stderr("").stdout("Use exit() or Ctrl-D (i.e. EOF) to exit True True\n");
}

#[test]
fn pth_files_of_a_package_are_honoured() {
    let module = "import hidden\ndef main():\n    print(hidden.WORD)\n";
    let index = Index::with([wheel(module)
        .file("myapp.pth", "behind\nimport sys; sys.pth_ran = True\n")
        .file("behind/hidden.py", "import sys\nWORD = 'found', sys.pth_ran\n")]);
    App::of(&index).run::<&str>(&[]).prints("('found', True)\n");
}

#[test]
fn importlib_metadata_knows_versions_and_entry_points() {
    let module = "from importlib.metadata import distribution, version\ndef main():\n    \
                  print(version('myapp'), version('dep'), [(e.name, e.value) for e in distribution('myapp').entry_points])\n";
    let index = Index::with([
        wheel(module).entry_point("tool", "myapp:main").requires("dep"),
        Wheel::new("dep", "2.5").printing_module("dep"),
    ]);
    App::of(&index).run::<&str>(&[]).prints("1.0 2.5 [('tool', 'myapp:main')]\n");
}

#[test]
fn multiprocessing_spawns() {
    let module = "import multiprocessing\ndef double(n):\n    return 2 * n\ndef main():\n    \
                  with multiprocessing.get_context('spawn').Pool(1) as pool:\n        print(pool.map(double, [1, 2]))\n";
    let index = Index::with([wheel(module)]);
    App::of(&index).run::<&str>(&[]).prints("[2, 4]\n");
}

#[test]
fn main_is_as_clean_as_without_a_launcher() {
    let show = "import sys\nprint(__name__, __file__.rsplit('/', 1)[-1], __spec__ and __spec__.name, __package__, \
                sorted(n for n in dir() if not n.startswith('__')), sys.argv[1:], sys.modules['__main__'].__dict__ is globals())\n";
    let index = Index::with([Wheel::new("myapp", "1.0")
        .file("myapp/__init__.py", "")
        .file("myapp/__main__.py", show)
        .file("myapp/part.py", show)
        .file("single.py", show)]);
    let app = || App::new().requirements(["myapp"]).source(&index);
    let package = app().app("module", "myapp");
    package.run(&["a"]).prints("__main__ __main__.py myapp.__main__ myapp ['sys'] ['a'] True\n");
    app()
        .app("module", "myapp.part")
        .run::<&str>(&[])
        .prints("__main__ part.py myapp.part myapp ['sys'] [] True\n");
    app().app("module", "single").run::<&str>(&[]).prints("__main__ single.py single  ['sys'] [] True\n");
    let script = app().app("script", "run me.py").file("run me.py", show);
    script.run::<&str>(&[]).prints("__main__ run me.py None None ['sys'] [] True\n");
}

#[test]
fn names_with_spaces_quotes_and_accents_are_names() {
    for name in ["my app", "it's", "café", "a\"b", "a\\b", "$HOME"] {
        let index = Index::with([wheel("import sys\ndef main():\n    print(sys.argv[0].rsplit('/')[-1])\n")]);
        let app = App::named(name).requirements(["myapp"]).entry("myapp:main").source(&index);
        app.run::<&str>(&[]).prints(&format!("{name}\n"));
        app.run::<&str>(&[]).prints(&format!("{name}\n"));
    }
}

#[test]
fn found_on_path_it_needs_no_slash() {
    let (_index, app) = doing("print(sys.argv)");
    let path = format!("{}:{}", app.folder().display(), app.root().join("bin").display());
    for _ in 0..2 {
        let start = app.start(&["-c", "exec myapp a"]).program("/bin/sh").env("PATH", &path);
        start.run().prints("['[DIR]/app/myapp', 'a']\n");
    }
}

#[test]
fn variables_that_are_no_utf_8_arrive() {
    let (_index, app) = doing("print(os.environb[b'WORD'], os.environb.get(b'B\\xe9'))");
    for _ in 0..2 {
        let start = app.start::<&str>(&[]).env("WORD", OsStr::from_bytes(b"caf\xe9"));
        start.env(OsStr::from_bytes(b"B\xe9"), "1").run().prints("b'caf\\xe9' b'1'\n");
    }
}

#[test]
fn long_lists_of_arguments_arrive() {
    let (_index, app) = doing("print(len(sys.argv), sum(map(len, sys.argv[1:])))");
    let many: Vec<String> = (0..20_000).map(|number| format!("{number:020}")).collect();
    app.run(&many).prints("20001 400000\n");
    app.run(&many).prints("20001 400000\n");
    app.run(&["x".repeat(100_000)]).prints("2 100000\n");
}

/// What Python itself prints for that code, started without a launcher by the same test.
fn without_launcher(app: &App, code: &str) -> String {
    let start = app.start(&["-I", "-S", "-c", &format!("import os, sys\n{code}\n")]);
    let outcome = start.program(crate::support::python::path()).run();
    String::from_utf8(outcome.status(0).stderr("").bytes().to_vec()).unwrap()
}

#[test]
fn closed_streams_are_the_null_device() {
    let (_index, app) =
        doing("os.write(1, ' '.join(os.readlink(f'/proc/self/fd/{fd}') for fd in (0, 2)).encode())");
    app.run::<&str>(&[]).status(0).stderr("");
    let script = format!("exec '{}' <&- 2>&-", app.executable().display());
    app.start(&["-c", &script]).program("/bin/sh").run().prints("/dev/null /dev/null");
}

#[test]
fn signals_are_as_the_user_left_them() {
    let code = "import signal\nfor line in open('/proc/self/status'):\n    if line[:6] in ('SigBlk', 'SigIgn', 'SigCgt'): print(line, end='')\n\
                print([getattr(signal.getsignal(n), 'name', 'python') for n in range(1, 32)])";
    let (_index, app) = doing(code);
    let expected = without_launcher(&app, code);
    app.run::<&str>(&[]).prints(&expected);
    app.run::<&str>(&[]).prints(&expected);
    // Whoever ignores a signal before the start, as `nohup` does, ignores it in the app.
    let ignoring = |program: String| {
        let script = format!("trap '' HUP USR1; exec {program}");
        let outcome = app.start(&["-c", &script]).program("/bin/sh").run();
        String::from_utf8(outcome.status(0).stderr("").bytes().to_vec()).unwrap()
    };
    let launched = ignoring(format!("'{}'", app.executable().display()));
    assert_ne!(launched, expected);
    assert!(launched.contains("['SIG_IGN', 'python', "), "{launched}");
}

#[test]
fn an_app_meets_no_children_that_it_never_made() {
    let code = "try:\n    print(os.wait())\nexcept ChildProcessError:\n    print('no children')";
    let (index, app) = doing(code);
    let app = app.update("interval", "0s");
    app.run::<&str>(&[]).prints("no children\n");
    app.settle();
    let module = format!("import os\ndef main():\n    {}\n", code.replace('\n', "\n    "));
    index.add(Wheel::new("myapp", "1.1").file("myapp.py", &module));
    app.run::<&str>(&[]).prints("no children\n");
    app.settle();
    let app = app.update("mode", "background");
    index.add(Wheel::new("myapp", "1.2").file("myapp.py", &module));
    app.run::<&str>(&[]).prints("no children\n");
}

#[test]
fn an_app_inherits_no_descriptor_but_the_one_that_keeps_its_environment() {
    let code = "names = []\nfor fd in os.listdir('/proc/self/fd'):\n    try:\n        \
                if int(fd) > 2: names.append(os.readlink('/proc/self/fd/' + fd).rsplit('/', 1)[-1])\n    \
                except OSError:\n        pass\nprint(*sorted(names), sep='\\n')";
    let (_index, app) = doing(code);
    let direct = without_launcher(&app, code);
    let mut expected: Vec<_> = direct.lines().filter(|line| !line.is_empty()).chain(["complete"]).collect();
    expected.sort_unstable();
    let expected = expected.join("\n") + "\n";
    app.run::<&str>(&[]).prints(&expected);
    app.settle();
    app.run::<&str>(&[]).prints(&expected);
}
