//! The tests' own tools do what their names say: a test on a soft ground proves nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::distribution::Distribution;
use crate::support::net::within;
use crate::support::outcome::{Redactions, times_hidden};
use crate::support::start::Start;
use crate::support::{App, BlackHole, Egg, Index, RefusedPort, Response, Sdist, Server, Wheel, python};

/// One request over a connection of its own, answered until the other side closes; the raw answer.
fn ask(port: u16, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn get(server: &Server, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
    String::from_utf8_lossy(&ask(server.port(), &request)).into_owned()
}

#[test]
fn the_server_answers_lies_and_counts() {
    let server = Server::start();
    server
        .route("/plain", Response::ok("body").content_type("text/plain"))
        .route("/cut", Response::ok("0123456789").cut_after(4))
        .route("/liar", Response::ok("four").declare_length(400))
        .route("/circle", Response::redirect("/circle"))
        .route("/dropped", Response::drop_connection())
        .route("/private", Response::ok("secret").only_for("me", "pass"))
        .route("/part", Response::ok("0123456789").ranges())
        .turns("/twice", [Response::status(503), Response::ok("now")]);
    let plain = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody";
    let cases = [
        ("/plain", "", plain),
        ("/cut", "", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123"),
        ("/liar", "", "HTTP/1.1 200 OK\r\nContent-Length: 400\r\nConnection: close\r\n\r\nfour"),
        ("/dropped", "", ""),
        (
            "/circle",
            "",
            "HTTP/1.1 302 Found\r\nContent-Type: text/plain\r\nLocation: /circle\r\nContent-Length: 4\r\n\r\n302\n",
        ),
        (
            "/private",
            "",
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nWWW-Authenticate: Basic realm=\"test\"\r\n\
             Content-Length: 4\r\n\r\n401\n",
        ),
        (
            "/private",
            "Authorization: Basic bWU6cGFzcw==\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret",
        ),
        (
            "/part",
            "Range: bytes=2-4\r\n",
            "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Range: bytes 2-4/10\r\n\
             Content-Length: 3\r\n\r\n234",
        ),
        (
            "/part",
            "Range: bytes=-3\r\n",
            "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Range: bytes 7-9/10\r\n\
             Content-Length: 3\r\n\r\n789",
        ),
        (
            "/twice",
            "",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n503\n",
        ),
        ("/twice", "", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnow"),
        ("/twice", "", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnow"),
        (
            "/nowhere",
            "",
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n404\n",
        ),
    ];
    for (path, headers, answer) in cases {
        assert_eq!(get(&server, path, headers), answer, "{path}");
    }
    let seen: Vec<_> = server.requests().iter().map(|r| (r.target.clone(), r.status, r.sent)).collect();
    assert_eq!(seen.len(), cases.len());
    assert_eq!(seen[1], ("/cut".into(), 200, 4));
    assert_eq!(seen[3], ("/dropped".into(), 0, 0));
    assert_eq!(server.count("/twice"), 3);
    assert_eq!(server.body_bytes(), 4 + 4 + 4 + 4 + 4 + 6 + 3 + 3 + 4 + 3 + 3 + 4);
}

#[test]
fn the_server_honours_validators() {
    let server = Server::start();
    let date = "Sat, 31 Jan 2026 12:00:00 GMT";
    server.route("/page", Response::ok("page").etag("one").last_modified(date));
    let known = [
        ("If-None-Match: \"one\"\r\n".to_owned(), "304"),
        ("If-None-Match: W/\"one\", \"two\"\r\n".to_owned(), "304"),
        (format!("If-Modified-Since: {date}\r\n"), "304"),
        (format!("If-None-Match: \"two\"\r\nIf-Modified-Since: {date}\r\n"), "200"),
        (String::new(), "200"),
    ];
    for (headers, status) in known {
        assert_eq!(get(&server, "/page", &headers).split(' ').nth(1), Some(status), "{headers}");
    }
    assert_eq!(server.body_bytes(), 8);
}

#[test]
fn one_connection_serves_many_requests() {
    let server = Server::start();
    server.route("/a", Response::ok("A")).route("/b", Response::ok("B").gzip());
    let request = "GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nPUT /b HTTP/1.1\r\nContent-Length: 3\r\n\
                   Connection: close\r\n\r\nxyz";
    let answer = String::from_utf8(ask(server.port(), request)).unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    assert_eq!(answer, format!("{head}A{head}{head}B"));
    let requests = server.requests();
    assert_eq!(requests.iter().map(|r| r.method.as_str()).collect::<Vec<_>>(), ["GET", "HEAD", "PUT"]);
    assert_eq!(requests[2].body, b"xyz");
}

#[test]
fn the_server_can_be_silent_endless_and_slow_and_still_stops_at_once() {
    let mut server = Server::start();
    server
        .route("/silent", Response::silent())
        .route("/endless", Response::endless())
        .route("/slow", Response::ok("0123456789").dribble(1, Duration::from_secs(30)))
        .route("/late", Response::ok("late").delay(Duration::from_secs(30)));
    let clients = ["/silent", "/endless", "/slow", "/late"].map(|path| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        stream
    });
    assert!(within(Duration::from_secs(5), || server.requests().len() == 4));
    assert!(within(Duration::from_secs(5), || server.body_bytes() > 100_000), "endless sends on and on");
    let before = Instant::now();
    server.stop();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err(), "a stopped server refuses");
    drop(clients);
}

#[test]
fn trouble_comes_and_goes() {
    let server = Server::start();
    server.route("/a", Response::ok("A")).everything(Response::status(500));
    assert!(get(&server, "/a", "").starts_with("HTTP/1.1 500 "));
    server.heal();
    assert!(get(&server, "/a", "").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_refused_port_refuses_and_a_black_hole_swallows() {
    let refused = RefusedPort::new();
    let error = TcpStream::connect(("127.0.0.1", refused.port())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let hole = BlackHole::new();
    let address = SocketAddr::from(([127, 0, 0, 1], hole.port()));
    let error = TcpStream::connect_timeout(&address, Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

fn index() -> Index {
    Index::with([
        Wheel::new("My.App", "1.0")
            .printing_module("myapp")
            .requires("dep>=1")
            .requires_python(">=3.6")
            .into(),
        Distribution::from(Wheel::new("My.App", "1.1")).yanked("bad <news>").uploaded("2026-01-31T12:00:00Z"),
        Distribution::from(Sdist::new("dep", "1.0")).lying_about_hash(),
        Egg::new("old", "0.1").python("2.7").into(),
    ])
}

#[test]
fn the_index_speaks_json_to_those_who_accept_it_and_html_to_others() {
    let index = index();
    let json = get(index.server(), "/simple/my-app/", "Accept: application/vnd.pypi.simple.v1+json\r\n");
    assert!(json.contains("\r\nContent-Type: application/vnd.pypi.simple.v1+json\r\n"), "{json}");
    let body = json.split("\r\n\r\n").nth(1).unwrap();
    let project: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(project["files"][0]["filename"], "My.App-1.0-py3-none-any.whl");
    assert_eq!(project["files"][0]["requires-python"], ">=3.6");
    assert_eq!(project["files"][1]["yanked"], "bad <news>");
    assert_eq!(project["files"][1]["upload-time"], "2026-01-31T12:00:00Z");
    assert_eq!(project["versions"], serde_json::json!(["1.0", "1.1"]));
    let html = get(index.server(), "/simple/my-app/", "Accept: text/html\r\n");
    assert!(html.contains(" data-requires-python=\"&gt;=3.6\" data-core-metadata=\"sha256="), "{html}");
    assert!(html.contains(" data-yanked=\"bad &lt;news&gt;\""), "{html}");
    assert_eq!(index.checks("my-app"), 2);
    assert!(get(index.server(), "/simple/none/", "").starts_with("HTTP/1.1 404 "));
    let tag = html.split("ETag: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    let again = get(index.server(), "/simple/my-app/", &format!("If-None-Match: {tag}\r\n"));
    assert!(again.starts_with("HTTP/1.1 304 "), "{again}");
    index.add(Wheel::new("my-app", "1.2"));
    let after = get(index.server(), "/simple/my-app/", &format!("If-None-Match: {tag}\r\n"));
    assert!(after.starts_with("HTTP/1.1 200 "), "a new version is a new page");
}

#[test]
fn the_index_serves_files_metadata_listings_and_the_old_json() {
    let index = index();
    let wheel = get(index.server(), "/files/My.App-1.0-py3-none-any.whl", "");
    assert!(wheel.contains("\r\n\r\nPK\u{3}\u{4}"));
    let metadata = get(index.server(), "/files/My.App-1.0-py3-none-any.whl.metadata", "");
    assert!(
        metadata.ends_with("Name: My.App\nVersion: 1.0\nRequires-Dist: dep>=1\nRequires-Python: >=3.6\n"),
        "{metadata}"
    );
    for path in ["/apache/", "/nginx/"] {
        let page = get(index.server(), path, "");
        assert!(page.contains("<a href=\"old-0.1-py2.7.egg\">old-0.1-py2.7.egg</a>"), "{page}");
    }
    let old = get(index.server(), "/pypi/old/json", "");
    let old: serde_json::Value = serde_json::from_str(old.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(old["urls"][0]["packagetype"], "bdist_egg");
    assert_eq!(old["urls"][0]["python_version"], "2.7");
    assert_eq!(index.downloads(), ["My.App-1.0-py3-none-any.whl"]);
}

fn python(arguments: &[&str], directory: &Path) -> String {
    let output = Command::new(python::path()).args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn wheels_eggs_and_sdists_are_what_python_takes_them_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let wheel = Wheel::app("1.0").entry_point("myapp", "myapp:main").write_to(path);
    let egg = Egg::new("myegg", "2.0").printing_module("myegg").write_to(path);
    let sdist = Sdist::new("mysdist", "3.0").printing_module("mysdist").write_to(path);
    let run = "import sys; sys.argv[0] = 'x'; sys.path.insert(0, sys.argv.pop(1)); m = __import__(sys.argv.pop(1)); m.main()";
    for (archive, module, shown) in [(&wheel, "myapp", "myapp 1.0 a\n"), (&egg, "myegg", "myegg 2.0 a\n")] {
        python(&["-m", "zipfile", "-t", archive.to_str().unwrap()], path);
        assert_eq!(python(&["-I", "-c", run, archive.to_str().unwrap(), module, "a"], path), shown);
    }
    python(&["-m", "tarfile", "-e", sdist.to_str().unwrap(), "out"], path);
    let unpacked = path.join("out/mysdist-3.0");
    assert_eq!(python(&["-I", "-c", run, unpacked.to_str().unwrap(), "mysdist"], path), "mysdist 3.0\n");
    let folder = Egg::new("mydir", "4.0").printing_module("mydir").write_directory(path);
    assert_eq!(python(&["-I", "-c", run, folder.to_str().unwrap(), "mydir"], path), "mydir 4.0\n");
}

#[test]
fn record_lists_every_file_with_its_hash() {
    let directory = tempfile::tempdir().unwrap();
    let wheel =
        Wheel::app("1.0").executable("myapp-1.0.data/scripts/tool", "#!python\n").write_to(directory.path());
    let check = "
import base64, csv, hashlib, io, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
rows = list(csv.reader(io.StringIO(archive.read('myapp-1.0.dist-info/RECORD').decode())))
assert [row[0] for row in rows] == archive.namelist(), rows
for name, digest, size in rows[:-1]:
    data = archive.read(name)
    right = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
    assert (digest, size) == ('sha256=' + right, str(len(data))), name
print(len(rows), oct(archive.getinfo('myapp-1.0.data/scripts/tool').external_attr >> 16))
";
    let printed = python(&["-I", "-c", check, wheel.to_str().unwrap()], directory.path());
    assert_eq!(printed, "5 0o100755\n");
}

/// Installs from `index` with pip, as a judge of our packages and our index; what then lies in the directory.
fn pip_install(index: &Index, requirement: &str) -> Vec<String> {
    let venv = python::venv();
    assert!(venv.exists(), "{} is missing: run scripts/setup-test-env", venv.display());
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    let mut pip = Command::new(venv);
    pip.args([
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--quiet",
        "install",
    ]);
    pip.args(["--no-build-isolation", "--no-compile", "--index-url", &index.url(), "--target"]);
    let output = pip.arg(&target).arg(requirement).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = std::fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn pip_takes_index_wheels_and_sdists_for_real_ones() {
    let files = || {
        [
            Distribution::from(Wheel::app("1.0").requires("dep>=1").requires_for("extra", "missing")),
            Distribution::from(Wheel::app("1.1")).yanked("broken"),
            Distribution::from(Wheel::app("1.2").requires_python(">=99")),
            Sdist::new("dep", "1.0").file("dep.py", "").into(),
        ]
    };
    for index in [Index::with(files()), Index::with(files()).html_only().without_metadata()] {
        let found = pip_install(&index, "myapp");
        assert_eq!(found, ["dep-1.0.dist-info", "dep.py", "myapp", "myapp-1.0.dist-info"]);
        let downloads = index.downloads();
        assert!(!downloads.contains(&"myapp-1.1-py3-none-any.whl".to_owned()), "{downloads:?}");
    }
}

/// A start of a shell script in place of the launcher, which shows what a run is given.
fn shell(app: &App, script: &str, arguments: &[&str]) -> Start {
    let words = [&["-c", script, "sh"][..], arguments].concat();
    app.start(&words).program("/bin/sh")
}

#[test]
fn a_run_is_compared_whole() {
    let app = App::new();
    let script = "cat; echo \"$@\" $HOME 127.0.0.1:80; echo bad >&2; exit 3";
    let outcome = shell(&app, script, &["a", "b"]).env("PATH", "/bin").stdin("in\n").run();
    outcome.status(3).stdout("in\na b [DIR]/home 127.0.0.1:[PORT]\n").stderr("bad\n");
}

#[test]
fn a_run_has_only_the_environment_it_was_given() {
    let app = App::new().env("EXTRA", "1").env_remove("LANG");
    shell(&app, "/usr/bin/env | /usr/bin/sort", &[]).run().prints(
        "EVERFRESH_CACHE=[DIR]/cache\nEXTRA=1\nHOME=[DIR]/home\nPATH=[DIR]/bin\nPWD=[DIR]/home\nTMPDIR=[DIR]/tmp\n",
    );
}

#[test]
fn a_terminal_is_one_for_input_and_error_alone() {
    let app = App::new();
    let script = "for fd in 0 1 2; do [ -t $fd ] && echo $fd >&2; done; echo out; exit 7";
    let start = || shell(&app, script, &[]);
    start().run().status(7).stdout("out\n").stderr("");
    start().in_terminal().run().status(7).stdout("out\n").stderr("0\r\n2\r\n");
    start().all_in_terminal().run().status(7).stdout("").stderr("0\r\n1\r\n2\r\nout\r\n");
}

#[test]
fn without_network_not_even_this_machine_answers() {
    let (app, server) = (App::new(), Server::start());
    let connect = format!("import socket; socket.create_connection(('127.0.0.1', {}))", server.port());
    let start = || app.start(&["-I", "-c", &connect]).program(python::path());
    start().run().prints("");
    start().without_network().run().status(1).stderr_has("OSError: [Errno 101] Network is unreachable");
}

#[test]
fn the_config_is_written_as_chained() {
    let app = App::new()
        .requirements(["myapp>=2", "say \"hi\""])
        .update("interval", "0s")
        .update("keep", 3)
        .update("interval", "1d")
        .source("s3://bucket/eggs")
        .source_key("projects", ["myapp"].to_vec())
        .source_of_type("links", "http://127.0.0.1:1/");
    app.start::<&str>(&[]).program(python::path()).env("PYTHONSTARTUP", "").run().prints("");
    let text = std::fs::read_to_string(app.folder().join("launcher.toml")).unwrap();
    assert_eq!(
        text,
        "[app]\nname = \"myapp\"\nrequirements = [\"myapp>=2\",\"say \\\"hi\\\"\"]\n\n[update]\nkeep = 3\n\
         interval = \"1d\"\n\n[[source]]\nurl = \"s3://bucket/eggs\"\nprojects = [\"myapp\"]\n\n\
         [[source]]\nurl = \"http://127.0.0.1:1/\"\ntype = \"links\"\n\n"
    );
}

#[test]
fn what_differs_from_run_to_run_is_hidden() {
    let redactions = Redactions(vec![("/tmp/x1".into(), "[DIR]".into())]);
    assert_eq!(redactions.apply("/tmp/x1/a at 127.0.0.1:4031/p"), "[DIR]/a at 127.0.0.1:[PORT]/p");
    let times = [
        ("in 0.31 s", "in [TIME]"),
        ("12ms, 3 s.", "[TIME], [TIME]."),
        ("1.0 → 1.1", "1.0 → 1.1"),
        ("3 steps", "3 steps"),
    ];
    for (text, hidden) in times {
        assert_eq!(times_hidden(text), hidden);
    }
}
