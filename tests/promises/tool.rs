//! The packager's tool: what it prints is the launcher's own view, and what it cannot do it says in two lines.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{App, Egg, Index, RecordFlaw, RefusedPort, Sdist, Wheel};

const TOOL: &str = env!("CARGO_BIN_EXE_everfresh");

#[test]
fn help_shows_what_there_is() {
    let app = App::new();
    let overview = "\
everfresh: the packager's tool for applications that update themselves at each start

usage: everfresh COMMAND [OPTION]…

  init         write a launcher.toml for the project in a directory
  lock         write exact versions and hashes of all packages into a pylock.toml
  bundle       make what users are given: a folder, an archive or one file
  publish      bring a project's wheel and lock to a bucket or a directory
  promote      make what one channel points at the newest release of another
  rollback     point a channel at its previous release again
  yank         keep a published version from those who do not ask for it by number (PEP 592)
  unpublish    take a published version away
  repository   keep buckets, prefixes and keys under names of their own
  authorize    make addresses that serve packages without credentials for some time
  download     fetch packages from a repository or from authorized addresses
  install      install packages from a repository, or from addresses, with all that they need
  info         tell which version of a package is installed, and which a repository has
  resolve      tell which versions and files the launcher would choose
  unpack       unpack a wheel, an egg or an sdist exactly as the launcher would, or refuse it
  tags         list which wheels an interpreter accepts, best first
  rpc          answer JSON requests, one a line, for editors, support and tests
  completions  print what completes the tool's command lines in a shell
  man          print the manual page of the tool or of a command
  help         show what there is, or what a command does

  --help, --version

example:
  everfresh init && everfresh help resolve
";
    for words in [&["help"][..], &["--help"], &["-h"]] {
        app.tool(words).prints(overview);
    }
    let tags = "\
everfresh tags: list which wheels an interpreter accepts, best first

usage: everfresh tags [OPTION]…

One compatibility tag a line (PEP 425), in the order in which the launcher prefers files.

options:
  --python PATH             this interpreter, not the first on PATH
  --json                    report as JSON
  --help                    show this

example:
  everfresh tags --python python3.12
";
    for words in [&["help", "tags"][..], &["tags", "--help"], &["tags", "--json", "-h"]] {
        app.tool(words).prints(tags);
    }
    app.tool(&["--version"]).prints(&format!("everfresh {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_that_is_none_is_status_2_with_a_hint() {
    let app = App::new();
    let commands = "the commands are init, lock, bundle, publish, promote, rollback, yank, unpublish, \
                    repository, authorize, download, install, info, resolve, unpack, tags, rpc, completions, \
                    man, help";
    let cases: [(&[&str], &str, &str); 14] = [
        (&[], "there is no command", "see: everfresh help"),
        (&["frob"], "there is no command 'frob'", commands),
        (&["publish-it"], "there is no command 'publish-it'", commands),
        (&["help", "frob\n"], "there is no command 'frob\\n'", commands),
        (&["tags", "--frob"], "tags has no option '--frob'", "see: everfresh help tags"),
        (&["tags", "extra"], "tags does not take 'extra'", "see: everfresh help tags"),
        (&["resolve", "--json=yes", "a"], "resolve: --json takes no value", "see: everfresh help resolve"),
        (&["resolve", "--json"], "resolve needs REQUIREMENT…", "see: everfresh help resolve"),
        (&["resolve", "a", "--index"], "resolve: --index needs its URL", "see: everfresh help resolve"),
        (
            &["resolve", "a", "--python-version", "3.x"],
            "'3.x' is not a valid version",
            "see: everfresh help resolve",
        ),
        (
            &["resolve", "a", "--index", "ftp://h/"],
            "'ftp://h/' is not the address of a source: no source has such a scheme",
            "see: everfresh help resolve",
        ),
        (
            &["resolve", "a b"],
            "invalid requirement 'a b': expected ',', ';' or the end at position 3",
            "requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\"",
        ),
        (&["unpack", "a.whl"], "unpack needs ARCHIVE DIRECTORY", "see: everfresh help unpack"),
        (&["init", "a", "b"], "init does not take 'b'", "see: everfresh help init"),
    ];
    for (words, message, hint) in cases {
        app.tool(words).fails(2, &format!("everfresh: error: {message}\nhint: {hint}\n"));
    }
}

#[test]
fn nobody_who_reads_is_no_failure_and_no_room_is_one() {
    let run = |stdout: Stdio| {
        let mut command = Command::new(TOOL);
        command.arg("help").stdout(stdout).stderr(Stdio::piped()).output().unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = run(writer.into());
    assert_eq!((closed.status.code(), closed.stderr), (Some(0), vec![]));
    let full = run(std::fs::File::options().write(true).open("/dev/full").unwrap().into());
    let message = "everfresh: error: standard input or output: No space left on device\n";
    assert_eq!((full.status.code(), String::from_utf8_lossy(&full.stderr).as_ref()), (Some(1), message));
}

const PYPROJECT: &str = "[project]\nname = \"myapp\"\nrequires-python = \">=3.7\"\n\
                         [project.scripts]\nmyapp = \"myapp:main\"\nother = \"myapp:other\"\n";

const LAUNCHER_TOML: &str = "\
# What the launcher beside this file starts and keeps up to date.
# launcher.toml.example has every key with its default.

[app]
name = \"myapp\"
# What is installed (PEP 508). An update is whatever these allow: \"myapp>=2,<3\" stays below 3.
requirements = [\"myapp\"]
# What is started: a console script of what is installed.
# There are also: other
console-script = \"myapp\"

[python]
# Which interpreters will do; the best one on PATH is taken.
requires = \">=3.7\"

# Where packages come from, in order: the first source that has a project owns it.
# Without any it is the public index.
# [[source]]
# url = \"https://packages.example.org/simple/\"

[update]
# How long a successful check stays fresh, and how long a start may wait for the next one.
interval = \"1d\"
timeout = \"3s\"
";

#[test]
fn init_writes_a_config_that_the_launcher_starts_from() {
    let app = App::new().file("project/pyproject.toml", PYPROJECT);
    let project = app.folder().join("project");
    app.start_tool(&["init"]).cwd(&project).run().prints("./launcher.toml\n");
    let written = std::fs::read_to_string(project.join("launcher.toml")).unwrap();
    assert_eq!(written, LAUNCHER_TOML);
    let index = Index::with([Wheel::app("1.0").entry_point("myapp", "myapp:main")]);
    let app = app.config(&format!("{written}[[source]]\nurl = \"{}\"\ntype = \"index\"\n", index.url()));
    app.run(&["a"]).status(0).stdout("myapp 1.0 a\n");
}

#[test]
fn init_writes_over_nothing_unless_forced() {
    let app = App::new().file("p/launcher.toml", "mine").file("p/pyproject.toml", PYPROJECT);
    let path = app.folder().join("p/launcher.toml");
    let project = app.folder().join("p");
    let project = project.to_str().unwrap();
    let message =
        "everfresh: error: [DIR]/app/p/launcher.toml is there already\nhint: give --force to write it anew\n";
    app.tool(&["init", project]).fails(1, message);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    app.tool(&["init", "--force", project]).prints("[DIR]/app/p/launcher.toml\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), LAUNCHER_TOML);
}

#[test]
fn init_writes_nothing_for_a_project_that_cannot_be_meant() {
    let app = App::new().file("p/pyproject.toml", "[project]\nname = \"my app\"\n");
    let project = app.folder().join("p");
    let message = "everfresh: error: [DIR]/app/p/pyproject.toml: 'my app' is not a valid name\n\
                   hint: mend it, or write launcher.toml by hand\n";
    app.tool(&["init".as_ref(), project.as_os_str()]).fails(1, message);
    assert!(!project.join("launcher.toml").exists());
    let missing = app.tool(&["init", "nowhere"]);
    missing.fails(1, "everfresh: error: cannot resolve nowhere: No such file or directory\n");
}

/// `myapp` 1.0 to 2.0a1, which need `dep`; its 1.2 is for another Python.
fn index() -> Index {
    Index::with([
        Wheel::app("1.0").requires("dep>=1"),
        Wheel::app("1.1").requires("dep<2").requires_for("fast", "dep>=1"),
        Wheel::app("1.2").requires("dep").requires_python(">=3.99"),
        Wheel::app("2.0a1"),
        Wheel::new("dep", "1.5"),
        Wheel::new("dep", "2.0"),
    ])
}

#[test]
fn resolve_tells_what_the_launcher_installs() {
    let index = index();
    let app = App::of(&index);
    let url = index.url();
    let chosen = "dep==1.5  dep-1.5-py3-none-any.whl\nmyapp==1.1  myapp-1.1-py3-none-any.whl\n";
    app.tool(&["resolve", "--index", &url, "myapp"]).prints(chosen);
    assert_eq!(index.downloads(), Vec::<String>::new());
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    assert_eq!(index.downloads().len(), 2);
}

#[test]
fn resolve_reports_as_the_contract_says() {
    let wheel = Wheel::app("1.0").distribution();
    let index = Index::with([wheel.clone()]);
    let report = App::new().tool(&["resolve", "--json", "--index", &index.url(), "myapp"]);
    report.status(0).stderr("");
    let expected = json!({"packages": [{
        "name": "myapp",
        "version": "1.0",
        "filename": "myapp-1.0-py3-none-any.whl",
        "url": index.server().url("/files/myapp-1.0-py3-none-any.whl"),
        "hashes": {"sha256": wheel.sha256()},
    }]});
    assert_eq!(report.json(), expected);
}

#[test]
fn resolve_asks_for_another_python_and_for_prereleases() {
    let index = index();
    let app = App::new();
    let url = index.url();
    let dep = |version: &str| format!("dep=={version}  dep-{version}-py3-none-any.whl\n");
    let myapp = |version: &str| format!("myapp=={version}  myapp-{version}-py3-none-any.whl\n");
    for (words, expected) in [
        (&["myapp", "--python-version", "3.99"][..], dep("2.0") + &myapp("1.2")),
        (&["myapp", "--python-version=3.8.1"], dep("1.5") + &myapp("1.1")),
        (&["--prereleases", "myapp"], myapp("2.0a1")),
        (&["myapp==1.0; python_version>='3'", "dep; python_version<'3'"], dep("2.0") + &myapp("1.0")),
        (&["dep; python_full_version=='3.98.7'", "--python-version", "3.98.7"], dep("2.0")),
    ] {
        let words: Vec<&str> = ["resolve", "--index", url.as_str()].iter().chain(words).copied().collect();
        app.tool(&words).prints(&expected);
    }
}

#[test]
fn resolve_needs_no_python_here_for_another_one() {
    let index = index();
    let app = App::new().env("PATH", "/nowhere");
    let words = ["resolve", "--index", &index.url(), "dep"];
    let without = app.tool(&words);
    without.fails(1, "everfresh: error: no Python found\nhint: name an interpreter with --python PATH\n");
    let other: Vec<&str> = words.iter().copied().chain(["--python-version", "3.12"]).collect();
    app.tool(&other).prints("dep==2.0  dep-2.0-py3-none-any.whl\n");
}

#[test]
fn resolve_asks_sources_in_the_order_given() {
    let public = Index::with([Wheel::app("9.9").requires("dep"), Wheel::new("dep", "1.0")]);
    let app = App::new();
    let own = app.folder().join("dist");
    Sdist::new("myapp", "1.0").printing_module("myapp").requires("dep").write_to(&own);
    let (url, own) = (public.url(), own.to_str().unwrap().to_owned());
    let dep = "dep==1.0  dep-1.0-py3-none-any.whl\n";
    let first = app.tool(&["resolve", "--source", &own, "--index", &url, "myapp"]);
    first.prints(&format!("{dep}myapp==1.0  myapp-1.0.tar.gz\n"));
    let second = app.tool(&["resolve", "--index", &url, "--source", &own, "myapp"]);
    second.prints(&format!("{dep}myapp==9.9  myapp-9.9-py3-none-any.whl\n"));
    let relative = app.start_tool(&["resolve", "--json", "--source", "dist", "--index", &url, "myapp"]);
    let report = relative.cwd(app.folder()).run().json();
    assert_eq!(report["packages"][1]["url"], json!(format!("file://{own}/myapp-1.0.tar.gz")));
}

#[test]
fn resolve_never_prints_a_password() {
    let index = Index::with([Wheel::app("1.0")]);
    let url = index.url().replace("http://", "http://me:secret@");
    let report = App::new().tool(&["resolve", "--json", "--index", &url, "myapp"]);
    report.status(0).stderr("");
    assert!(!String::from_utf8_lossy(report.bytes()).contains("secret"));
    let down = RefusedPort::new().url("/simple/").replace("http://", "http://me:secret@");
    let failure = App::new().tool(&["resolve", "--index", &down, "myapp"]);
    failure.fails(
        1,
        "everfresh: error: cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: cannot connect: connection refused\n\
         hint: check the network, and the proxy variables where there is a proxy\n",
    );
}

#[test]
fn resolve_explains_why_there_is_no_solution() {
    let index = index();
    let hint = "hint: loosen the requirements, or name further sources with --index or --source\n";
    for json in [&["--json"][..], &[]] {
        let words = ["resolve", "--index", &index.url(), "myapp==1.1", "dep>=2"];
        let words: Vec<&str> = words.iter().chain(json).copied().collect();
        let explanation =
            "Because you require dep>=2 and myapp==1.1 and myapp 1.1 needs dep<2, there is no solution";
        App::new().tool(&words).fails(1, &format!("everfresh: error: {explanation}\n{hint}"));
    }
}

#[test]
fn resolve_says_that_an_extra_is_not_there() {
    let index = index();
    let outcome = App::new().tool(&["resolve", "--index", &index.url(), "dep[turbo]"]);
    outcome.status(0).stdout("dep==2.0  dep-2.0-py3-none-any.whl\n");
    outcome.stderr("everfresh: warning: dep 2.0 has no extra 'turbo'\n");
}

#[test]
fn resolve_leaves_nothing_on_disk() {
    // Without separate metadata an sdist has to be fetched to be read.
    let index = Index::with([Sdist::new("myapp", "1.0").printing_module("myapp")]).without_metadata();
    let app = App::new();
    app.tool(&["resolve", "--index", &index.url(), "myapp"]).prints("myapp==1.0  myapp-1.0.tar.gz\n");
    assert_eq!(index.downloads(), ["myapp-1.0.tar.gz"]);
    assert_eq!(app.cached(), Vec::<std::path::PathBuf>::new());
    assert_eq!(std::fs::read_dir(app.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn unpack_lays_a_distribution_out_as_the_launcher_does() {
    let app = App::new();
    let packages = app.folder().join("packages");
    let archives = [
        Wheel::app("1.0").write_to(&packages),
        Egg::new("myapp", "1.0").printing_module("myapp").write_to(&packages),
        Egg::new("myapp", "1.1").printing_module("myapp").write_directory(&packages),
        Sdist::new("myapp", "1.0").printing_module("myapp").write_to(&packages),
    ];
    for (at, archive) in archives.iter().enumerate() {
        let directory = app.folder().join(format!("out{at}"));
        app.tool(&["unpack".as_ref(), archive.as_os_str(), directory.as_os_str()]).prints("");
        assert!(directory.join("myapp/__init__.py").is_file(), "{}", archive.display());
    }
    let here = app.folder().join("here");
    std::fs::create_dir(&here).unwrap();
    let report = app.start_tool(&["unpack", "--json", "../packages/myapp-1.0-py3-none-any.whl", "."]);
    let report = report.cwd(&here).run();
    report.status(0).stderr("");
    assert!(here.join("myapp/__init__.py").is_file());
    let dist_info = "myapp-1.0.dist-info";
    let (report, bytes) = (report.json(), report.json()["bytes"].clone());
    let expected = json!({
        "name": "myapp", "version": "1.0", "dist_info": dist_info, "has_pth": false, "files": 4, "bytes": bytes,
    });
    assert_eq!(report, expected);
}

#[test]
fn unpack_refuses_with_a_reason_and_leaves_nothing_behind() {
    let app = App::new();
    let packages = app.folder().join("packages");
    let lying = Wheel::app("1.0").corrupt_record(RecordFlaw::WrongHash).write_to(&packages);
    let cut = Wheel::app("1.1").distribution().truncated().write_to(&packages);
    let other = Wheel::app("1.2").distribution().named("other-1.2-py3-none-any.whl").write_to(&packages);
    let nameless = Wheel::app("1.3").distribution().named("myapp.zip.txt").write_to(&packages);
    let missing = packages.join("myapp-9-py3-none-any.whl");
    let directory = app.folder().join("out");
    let unsafe_hint = "hint: the file is damaged or unsafe: ask whoever publishes it\n";
    for (archive, stderr) in [
        (
            &lying,
            format!(
                "myapp-1.0-py3-none-any.whl is refused: RECORD: 'myapp/__init__.py': its hash is another\n{unsafe_hint}"
            ),
        ),
        (
            &cut,
            format!(
                "myapp-1.1-py3-none-any.whl is refused: no ZIP archive: it has no end of central directory record\n\
                 {unsafe_hint}"
            ),
        ),
        (
            &other,
            format!(
                "other-1.2-py3-none-any.whl is refused: its .dist-info directory says myapp 1.2, the file name says \
                 other 1.2\n{unsafe_hint}"
            ),
        ),
        (
            &nameless,
            "'myapp.zip.txt' is not the name of a distribution: its extension is another\n\
             hint: a wheel, an egg or an sdist keeps the name that it was built with\n"
                .to_owned(),
        ),
        (
            &missing,
            "cannot open [DIR]/app/packages/myapp-9-py3-none-any.whl: No such file or directory\n".to_owned(),
        ),
    ] {
        let outcome = app.tool(&["unpack".as_ref(), archive.as_os_str(), directory.as_os_str()]);
        outcome.fails(1, &format!("everfresh: error: {stderr}"));
        assert!(!directory.exists(), "{}", archive.display());
    }
    let names = std::fs::read_dir(app.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["launcher.toml", "myapp", "packages"]);
}

#[test]
fn paths_need_not_be_text() {
    let app = App::new();
    let strange = app.folder().join(OsStr::from_bytes(b"\xff\n"));
    std::fs::create_dir(&strange).unwrap();
    let wheel = Wheel::app("1.0").write_to(&strange);
    let out = strange.join(OsStr::from_bytes(b"out\xfe"));
    app.tool(&["unpack".as_ref(), wheel.as_os_str(), out.as_os_str()]).prints("");
    assert!(out.join("myapp/__init__.py").is_file());
    app.tool(&["init".as_ref(), strange.as_os_str()]).status(0).stderr("");
    assert!(strange.join("launcher.toml").is_file());
    let outcome = app.tool(&["resolve".as_ref(), OsStr::from_bytes(b"a\xff")]);
    outcome.fails(2, "everfresh: error: 'a\u{fffd}' is not UTF-8\nhint: see: everfresh help resolve\n");
}

#[test]
fn unpack_keeps_what_is_in_its_way() {
    let app = App::new().file("out/mine", "mine");
    let wheel = Wheel::app("1.0").write_to(&app.folder().join("packages"));
    let outcome = app.tool(&["unpack".as_ref(), wheel.as_os_str(), app.folder().join("out").as_os_str()]);
    outcome.fails(
        1,
        "everfresh: error: myapp-1.0-py3-none-any.whl is refused: [DIR]/app/out is not an empty directory\n\
         hint: name a directory that is not there yet\n",
    );
    assert_eq!(std::fs::read_to_string(app.folder().join("out/mine")).unwrap(), "mine");
}

#[test]
fn tags_are_listed_best_first_one_a_line() {
    let app = App::new();
    let lines = app.tool(&["tags"]);
    lines.status(0).stderr("");
    let lines = String::from_utf8(lines.bytes().to_vec()).unwrap();
    let tags: Vec<&str> = lines.lines().collect();
    let python = crate::support::python::version().replace('.', "");
    assert!(tags[0].starts_with(&format!("cp{python}-cp{python}-")), "{}", tags[0]);
    assert_eq!(tags[tags.len() - 1], "py30-none-any");
    let link = app.root().join("bin/python3");
    for name in ["python3", link.to_str().unwrap(), "../bin/python3"] {
        let report = app.tool(&["tags", "--json", "--python", name]);
        report.status(0).stderr("");
        assert_eq!(report.json()["tags"], json!(tags), "{name}");
        let found = std::fs::canonicalize(report.json()["python"].as_str().unwrap()).unwrap();
        assert_eq!(found, std::fs::canonicalize(crate::support::python::path()).unwrap(), "{name}");
    }
}

#[test]
fn an_interpreter_that_is_none_is_named() {
    let app = App::new();
    app.tool(&["tags", "--python", "/bin/true"]).fails(
        1,
        "everfresh: error: no Python at /bin/true: the interpreter did not say what it is: \
         EOF while parsing a value at line 1 column 0\nhint: name an interpreter with --python PATH\n",
    );
}

/// bash itself completes; zsh and fish read what they are given.
#[test]
fn shells_complete_every_command_and_option() {
    let app = App::new();
    let script = |shell: &str| {
        String::from_utf8_lossy(app.tool(&["completions", shell]).status(0).bytes()).into_owned()
    };
    let complete = |words: &str, at: usize| {
        let ask = format!(
            "COMP_WORDS=({words}); COMP_CWORD={at}; _everfresh; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output =
            Command::new("bash").args(["-c", &format!("{}\n{ask}", script("bash"))]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let mut found: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        found.sort();
        found
    };
    assert_eq!(complete("everfresh un", 1), ["unpack", "unpublish"]);
    assert_eq!(complete("everfresh help pro", 2), ["promote"]);
    assert_eq!(complete("everfresh tags --", 2), ["--help", "--json", "--python"]);
    let overview = String::from_utf8_lossy(app.tool(&["help"]).bytes()).into_owned();
    let commands: Vec<&str> = overview
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with('-') && !name.contains(' '))
        .collect();
    assert!(commands.contains(&"publish"));
    for shell in ["zsh", "fish"] {
        let mut check = Command::new(crate::support::daemon::system(shell));
        let file = app.root().join("home/completion");
        std::fs::write(&file, script(shell)).unwrap();
        let output = check.arg("-n").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for command in &commands {
            assert!(script(shell).contains(command), "{shell}: {command}");
        }
    }
    app.tool(&["completions", "ksh"]).fails(
        2,
        "everfresh: error: there is nothing for the shell 'ksh', only for bash, zsh and fish\n\
         hint: see: everfresh help completions\n",
    );
}

/// groff formats each page without a warning.
#[test]
fn there_is_a_manual_page_for_the_tool_and_for_each_command() {
    use std::io::Write as _;
    let app = App::new();
    for words in [&["man"][..], &["man", "publish"], &["man", "repository"], &["man", "lock"]] {
        let page = app.tool(words);
        let mut groff = Command::new(crate::support::daemon::system("groff"))
            .args(["-man", "-Tutf8", "-ww", "-Kutf8", "-P-cbou"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        groff.stdin.take().unwrap().write_all(page.status(0).bytes()).unwrap();
        let output = groff.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("EXIT STATUS") || text.contains("EXAMPLES"), "{text}");
    }
}
