//! Every kind of mistake in `launcher.toml`, and every way to have no interpreter: exact words, exact status.

use crate::support::{App, Index, Wheel};

const GOOD: &str = "[app]\nname = \"myapp\"\nrequirements = [\"myapp\"]\nentry = \"myapp:main\"\n";

/// The config, what is said behind the file's name, and the hint.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("", ":1: [app] name is missing", "for example: name = \"myapp\""),
    (
        "[app]\nname = \"a\"\nrequirements = []\n",
        ":1: [app] entry is missing",
        "for example: entry = \"myapp.cli:main\"",
    ),
    (
        "\n[app]\nname = \"a\"\nmodule = \"a\"\n",
        ":2: [app] requirements is missing",
        "for example: requirements = [\"myapp>=2,<3\"]",
    ),
    ("[app\n", ":1: not valid TOML: unclosed table, expected `]`", "compare with launcher.toml.example"),
    (
        "[app]\nname = \"a\"\nname = \"b\"\n",
        ":3: not valid TOML: duplicate key",
        "compare with launcher.toml.example",
    ),
    ("GOOD[updates]\n", ":5: unknown section [updates]", "did you mean [update]?"),
    (
        "GOOD[colours]\n",
        ":5: unknown section [colours]",
        "the sections are [app], [python], [source], [update], [verify], [hooks], [network]",
    ),
    (
        "GOODcolour = 1\n",
        ":5: unknown key 'colour' in [app]",
        "the keys of [app] are name, requirements, entry, module, script, console-script, self, cache",
    ),
    ("app = 1\n", ":1: [app] app must be a section, not a whole number", "head it [app]"),
    (
        "GOOD[source]\nurl = \"x\"\n",
        ":5: [source] source must be a list of sections, each headed [[source]], not a table",
        "head each of them [[source]]",
    ),
    (
        "[app]\nname = \"a/b\"\n",
        ":2: [app] name cannot be 'a/b'",
        "it takes up to 100 letters without '/' that do not begin with '.'",
    ),
    (
        "[app]\nname = \"a\"\nentry = \"no function\"\n",
        ":3: [app] entry cannot be 'no function'",
        "it takes a module, a colon and a function: \"myapp.cli:main\"",
    ),
    (
        "[app]\nname = \"a\"\nmodule = \"a-b\"\n",
        ":3: [app] module cannot be 'a-b'",
        "it takes the name of a module or package: \"myapp\"",
    ),
    (
        "[app]\nname = \"a\"\nmodule = \"a\"\nrequirements = \"a\"\n",
        ":4: [app] requirements must be a list of strings, not a string",
        "for example: requirements = [\"one\", \"two\"]",
    ),
    (
        "GOOD[update]\nnotify = \"yes\"\n",
        ":6: [update] notify must be true or false, not a string",
        "for example: notify = true",
    ),
    (
        "GOOD[update]\nkeep = -1\n",
        ":6: [update] keep cannot be '-1'",
        "it takes a whole number from 0 to 1000",
    ),
    (
        "GOOD[update]\nkeep = 1.5\n",
        ":6: [update] keep must be a whole number, not a decimal number",
        "for example: keep = 2",
    ),
    (
        "GOOD[update]\ntimeout = \"soon\"\n",
        ":6: [update] timeout cannot be 'soon'",
        "it takes a whole number and a unit: ms, s, m, h, d or w",
    ),
    (
        "GOOD[verify]\ncommand = []\n",
        ":6: [verify] command cannot be '[]'",
        "it takes a list that is not empty",
    ),
    (
        "GOOD[hooks]\nfailed = \"mail\"\n",
        ":6: [hooks] failed must be a list of strings, not a string",
        "for example: failed = [\"one\", \"two\"]",
    ),
    (
        "GOOD[[source]]\ntype = \"s4\"\n",
        ":6: [source] type cannot be 's4'",
        "it takes \"index\" or \"s3\" or \"directory\" or \"links\" or \"release\"",
    ),
    (
        "GOOD[[source]]\ntype = \"links\"\n",
        ":5: [source] url is missing",
        "for example: url = \"https://packages.example.org/simple/\"",
    ),
    (
        "GOOD[[source]]\nurl = \"s3://b\"\nregion = \"EU (Ireland)\"\n",
        ":7: [source] region cannot be 'EU (Ireland)'",
        "it takes a word like \"eu-west-1\"",
    ),
    (
        "GOOD[[source]]\nurl = \"s3://b\"\nendpoint = \"https://me:pass@h/x?token=y\"\n",
        ":7: [source] endpoint cannot be 'https://h/x?token=***'",
        "it takes a web address without user name and query: \"https://storage.example.org\"",
    ),
    (
        "GOOD[[source]]\nurl = \"s3://b\"\nendpoint = \"me:pass@h\"\n",
        ":7: [source] endpoint cannot be 'h'",
        "it takes a web address without user name and query: \"https://storage.example.org\"",
    ),
    (
        "GOOD[[source]]\nurl = \"me:pass@h/simple/\"\ntype = \"index\"\n",
        ":5: 'h/simple/' is not the address of a source: no source has such a scheme",
        "a source is an index URL, s3://bucket/prefix, a directory, or has a type; each once",
    ),
    (
        "GOOD\n[[source]]\nurl = \"ftp://host/\"\n",
        ":6: 'ftp://host/' is not the address of a source: no source has such a scheme",
        "a source is an index URL, s3://bucket/prefix, a directory, or has a type; each once",
    ),
    (
        "GOOD[[source]]\nurl = \"http://[\"\n",
        ":5: 'http://[' is not the address of a source: it is not a valid URL",
        "a source is an index URL, s3://bucket/prefix, a directory, or has a type; each once",
    ),
    (
        "GOOD[[source]]\nurl = \"x\"\nprojects = [\n\"good\",\n\"-bad-\"]\n",
        ":9: '-bad-' is not a valid name",
        "a source is an index URL, s3://bucket/prefix, a directory, or has a type; each once",
    ),
    (
        "GOOD[python]\nrequires = \"three\"\n",
        ":6: [python] requires cannot be 'three'",
        "it takes versions as PEP 440 writes them: \">=3.9,<4\"",
    ),
    (
        "GOOD[python]\ndownload = { url = \"x\", sha256 = \"12\" }\n",
        ":6: [python] sha256 cannot be '12'",
        "it takes 64 hexadecimal digits",
    ),
    (
        "[app]\nname = \"a\"\nmodule = \"a\"\nrequirements = [\n\"good\",\n\"dep ==\"]\n",
        ":6: invalid requirement 'dep ==': '==' is not a valid version specifier",
        "requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\"",
    ),
];

#[test]
fn every_kind_of_mistake_has_its_message_and_its_hint() {
    let mut wrong = vec![];
    for (text, message, hint) in MISTAKES {
        let app = App::new().config(&text.replace("GOOD", GOOD));
        let outcome = app.run::<&str>(&[]);
        let expected = format!("myapp: error: [DIR]/app/launcher.toml{message}\nhint: {hint}\n");
        outcome.status(125).stdout("");
        if outcome.err_without_progress() != expected {
            wrong.push(format!("{text}\n- {expected}+ {}", outcome.err()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A start of an app whose config was made into something else after it was written.
fn with_config_made(change: impl FnOnce(&std::path::Path)) -> crate::support::outcome::Outcome {
    let app = App::new().config(GOOD);
    let start = app.start::<&str>(&[]);
    change(&app.folder().join("launcher.toml"));
    start.run()
}

#[test]
fn a_config_that_is_no_text_file_is_named() {
    let no_config = "myapp: error: there is no [DIR]/app/launcher.toml\n\
                     hint: launcher.toml has to lie beside the launcher; see launcher.toml.example\n";
    let outcome = with_config_made(|path| std::fs::write(path, b"[app]\nname = \"caf\xe9\"\n").unwrap());
    outcome.fails(125, "myapp: error: [DIR]/app/launcher.toml:2: not UTF-8\nhint: save the file as UTF-8\n");
    let outcome = with_config_made(|path| {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
    });
    outcome.fails(125, "myapp: error: cannot read [DIR]/app/launcher.toml: Is a directory\n");
    let outcome = with_config_made(|path| {
        std::fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("launcher.toml", path).unwrap();
    });
    outcome.fails(125, no_config);
    let outcome = with_config_made(|path| std::fs::remove_file(path).unwrap());
    outcome.fails(125, no_config);
}

#[test]
fn a_huge_config_is_refused() {
    let outcome = with_config_made(|path| std::fs::File::create(path).unwrap().set_len(1 << 40).unwrap());
    outcome.fails(125, "myapp: error: cannot read [DIR]/app/launcher.toml: larger than 16777216 bytes\n");
}

fn app() -> (Index, App) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    (index, app)
}

#[test]
fn without_any_interpreter_it_is_127() {
    let (_index, app) = app();
    app.env("PATH", "/nowhere").run::<&str>(&[]).fails(
        127,
        "myapp: error: no Python found\n\
         hint: install Python 3 or name one with [python] path in launcher.toml\n",
    );
}

#[test]
fn an_interpreter_that_was_named_and_will_not_do_is_127() {
    let hint = "hint: check [python] path in launcher.toml\n";
    for (path, message) in [
        ("/nowhere/python3", "no Python at /nowhere/python3: No such file or directory"),
        (
            "/bin/true",
            "no Python at /bin/true: the interpreter did not say what it is: EOF while parsing a value at line 1 column 0",
        ),
        ("/bin/false", "no Python at /bin/false: does not run Python code (exit status: 1)"),
        ("/etc/passwd", "no Python at /etc/passwd: Permission denied"),
        ("no-such-python", "no Python at no-such-python"),
    ] {
        let (_index, app) = app();
        app.python("path", path).run::<&str>(&[]).fails(127, &format!("myapp: error: {message}\n{hint}"));
    }
}

#[test]
fn an_interpreter_of_another_version_is_127_and_named() {
    let (_index, app) = app();
    let probe = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
    let python =
        std::process::Command::new(crate::support::python::path()).args(["-c", probe]).output().unwrap();
    let version = String::from_utf8(python.stdout).unwrap();
    let app = app.redact(version.trim(), "[VERSION]").python("requires", ">=99");
    app.run::<&str>(&[]).fails(
        127,
        "myapp: error: no Python >=99 found: [DIR]/bin/python3 is Python [VERSION]\n\
         hint: install a Python >=99 or name one with [python] path in launcher.toml\n",
    );
}
