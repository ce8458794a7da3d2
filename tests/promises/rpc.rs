//! `everfresh rpc`: one answer a line, in order, whatever the request; never a crash, never a hang.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Egg, Index, RefusedPort, Sdist, Wheel};

const OPERATIONS: [&str; 21] = [
    "version.parse",
    "version.cmp",
    "specifier.parse",
    "specifier.contains",
    "specifier.filter",
    "requirement.parse",
    "marker.parse",
    "marker.evaluate",
    "wheel.parse",
    "sdist.parse",
    "name.normalize",
    "resolve",
    "index",
    "download",
    "unpack",
    "install",
    "sigv4",
    "s3.list",
    "s3.get",
    "s3.put",
    "s3.presign",
];

/// Every answer to these lines; nothing else is said, and it ends well.
#[track_caller]
fn talk(app: &App, input: impl Into<Vec<u8>>) -> Vec<Value> {
    let outcome = app.start_tool(&["rpc"]).stdin(input).run();
    outcome.status(0).stderr("");
    let text = String::from_utf8(outcome.bytes().to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn ask(app: &App, requests: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
    let answers = talk(app, lines.join("\n"));
    assert_eq!(answers.len(), requests.len());
    answers
}

#[track_caller]
fn check(app: &App, cases: &[(Value, Value)]) {
    let requests: Vec<Value> = cases.iter().map(|(request, _)| request.clone()).collect();
    for ((request, expected), answer) in cases.iter().zip(ask(app, &requests)) {
        assert_eq!(answer, *expected, "{request}");
    }
}

fn error(text: &str) -> Value {
    json!({"ok": false, "error": text})
}

#[test]
fn what_needs_nothing_but_the_request_is_answered() {
    check(
        &App::new(),
        &[
            (
                json!({"op": "version.parse", "version": "1.0RC1"}),
                json!({"ok": true, "version": "1.0rc1", "prerelease": true}),
            ),
            (json!({"op": "version.parse", "version": "one"}), error("'one' is not a valid version")),
            (json!({"op": "version.cmp", "left": "1.10", "right": "1.9"}), json!({"ok": true, "cmp": 1})),
            (json!({"op": "version.cmp", "left": "1.10"}), error("'right' must be a text")),
            (json!({"op": "specifier.parse", "specifier": "~=1.2"}), json!({"ok": true})),
            (
                json!({"op": "specifier.parse", "specifier": "~=1"}),
                error("'~=1' is not a valid version specifier"),
            ),
            (
                json!({"op": "specifier.contains", "specifier": "==1.*", "version": "1.5", "prereleases": null}),
                json!({"ok": true, "contains": true}),
            ),
            (
                json!({"op": "specifier.contains", "specifier": "", "version": "1", "prereleases": "no"}),
                error("'prereleases' must be true, false or null"),
            ),
            (
                json!({"op": "specifier.filter", "specifier": ">1", "versions": ["1", "2"], "prereleases": false}),
                json!({"ok": true, "versions": ["2"]}),
            ),
            (
                json!({"op": "specifier.filter", "specifier": ">1", "versions": "2"}),
                error("'versions' must be a list of texts"),
            ),
            (
                json!({"op": "requirement.parse", "requirement": "A[b] (>=1)"}),
                json!({"ok": true, "name": "a", "extras": ["b"], "url": null, "specifier": ">=1", "marker": null}),
            ),
            (
                json!({"op": "requirement.parse", "requirement": "a b"}),
                error("invalid requirement 'a b': expected ',', ';' or the end at position 3"),
            ),
            (json!({"op": "marker.parse", "marker": "os_name == 'nt'"}), json!({"ok": true})),
            (
                json!({"op": "marker.parse", "marker": "os_name"}),
                error(
                    "invalid marker 'os_name': expected one of <=, <, !=, ==, >=, >, ~=, ===, in, not in at position 8",
                ),
            ),
            (
                json!({"op": "marker.evaluate", "marker": "python_version < '3.10'",
                       "environment": {"python_version": "3.9"}}),
                json!({"ok": true, "result": true}),
            ),
            (
                json!({"op": "marker.evaluate", "marker": "os_name == 'nt'", "environment": []}),
                error("'environment' must be an object"),
            ),
            (
                json!({"op": "wheel.parse", "filename": "a-1-py3-none-any.whl"}),
                json!({"ok": true, "name": "a", "version": "1", "build": [], "tags": ["py3-none-any"]}),
            ),
            (
                json!({"op": "wheel.parse", "filename": "a-1.whl"}),
                error("'a-1.whl' is not the name of a distribution: it has the wrong number of parts"),
            ),
            (
                json!({"op": "sdist.parse", "filename": "a-1.tar.gz"}),
                json!({"ok": true, "name": "a", "version": "1"}),
            ),
            (
                json!({"op": "sdist.parse", "filename": "a.tar.gz"}),
                error("'a.tar.gz' is not the name of a distribution: it has the wrong number of parts"),
            ),
            (json!({"op": "name.normalize", "name": "A.b"}), json!({"ok": true, "name": "a-b"})),
            (json!({"op": "name.normalize", "name": "-"}), error("'-' is not a valid name")),
            (json!({"op": "sigv5"}), json!({"ok": false, "unsupported": true})),
        ],
    );
}

#[test]
fn an_index_is_asked_and_a_file_fetched() {
    let wheel = Wheel::app("1.0").distribution();
    let index = Index::with([wheel.clone()]);
    let app = App::new();
    let dest = app.folder().join("fetched");
    let fetched = dest.join(&wheel.filename);
    let down = RefusedPort::new().url("/simple/");
    let refused = format!("cannot fetch {down}myapp/: cannot connect: connection refused");
    let file = json!({
        "filename": wheel.filename, "hashes": {"sha256": wheel.sha256()}, "requires_python": null, "yanked": false,
        "url": index.server().url("/files/myapp-1.0-py3-none-any.whl"),
    });
    check(
        &app,
        &[
            (
                json!({"op": "index", "url": index.url(), "project": "myapp"}),
                json!({"ok": true, "files": [file]}),
            ),
            (
                json!({"op": "index", "url": index.url(), "project": "absent"}),
                error("the index does not have absent"),
            ),
            (
                json!({"op": "download", "index_url": index.url(), "project": "MyApp", "dest": dest}),
                json!({"ok": true, "filename": wheel.filename, "path": fetched, "sha256": wheel.sha256()}),
            ),
            (json!({"op": "download", "index_url": down, "project": "myapp", "dest": dest}), error(&refused)),
        ],
    );
    assert_eq!(std::fs::read(&fetched).unwrap(), wheel.bytes);
}

#[test]
fn a_resolution_has_an_answer_and_none_is_told_apart() {
    let index = Index::with([
        Wheel::app("1.0").requires("dep<2"),
        Wheel::app("1.1").requires_python(">=3.13"),
        Wheel::new("dep", "1.0"),
        Wheel::new("dep", "2.0"),
    ]);
    let app = App::new();
    let request = |changes: Value| {
        let mut request = json!({
            "op": "resolve", "index_url": index.url(), "requirements": ["myapp"], "python_version": "3.11",
            "interpreter_version": "3.11.7", "platform": null, "prereleases": false, "no_build": [],
            "no_binary": [], "universal": false,
        });
        request.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        request
    };
    let unsatisfiable = json!({
        "ok": false, "unsatisfiable": true,
        "error": "Because you require dep>=2 and myapp==1.0 and myapp 1.0 needs dep<2, there is no solution",
    });
    check(
        &app,
        &[
            (request(json!({})), json!({"ok": true, "packages": {"myapp": "1.0", "dep": "1.0"}})),
            (request(json!({"python_version": "3.13"})), json!({"ok": true, "packages": {"myapp": "1.1"}})),
            (request(json!({"requirements": ["myapp==1.0", "dep>=2"]})), unsatisfiable),
            (request(json!({"universal": true})), json!({"ok": false, "unsupported": true})),
            (
                request(json!({"requirements": ["a b"]})),
                error("invalid requirement 'a b': expected ',', ';' or the end at position 3"),
            ),
            (request(json!({"python_version": "3.4294967295"})), error("there is no Python 3.4294967295")),
        ],
    );
    assert_eq!(std::fs::read_dir(app.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn archives_are_unpacked_or_refused_with_nothing_left() {
    let app = App::new();
    let packages = app.folder().join("packages");
    let wheel = Wheel::app("1.0").write_to(&packages);
    let egg = Egg::new("myapp", "1.0").printing_module("myapp").write_to(&packages);
    let sdist = Sdist::new("myapp", "1.0").printing_module("myapp").write_to(&packages);
    let cut = Wheel::app("1.1").distribution().truncated().write_to(&packages);
    let out = |name: &str| app.folder().join(name);
    let answers = ask(
        &app,
        &[
            json!({"op": "unpack", "archive": wheel, "dest": out("zip"), "kind": "zip"}),
            json!({"op": "install", "archive": wheel, "dest": out("wheel"), "kind": "wheel"}),
            json!({"op": "install", "archive": egg, "dest": out("egg"), "kind": "egg"}),
            json!({"op": "install", "archive": sdist, "dest": out("sdist"), "kind": "sdist"}),
            json!({"op": "unpack", "archive": cut, "dest": out("bad"), "kind": "zip"}),
            json!({"op": "install", "archive": cut, "dest": out("bad"), "kind": "wheel"}),
            json!({"op": "install", "archive": egg, "dest": out("bad"), "kind": "wheel"}),
            json!({"op": "install", "archive": wheel, "dest": out("wheel"), "kind": "wheel"}),
            json!({"op": "unpack", "archive": wheel, "dest": out("bad"), "kind": "rar"}),
        ],
    );
    let ok: Vec<&Value> = answers.iter().map(|answer| &answer["ok"]).collect();
    assert_eq!(ok, [true, true, true, true, false, false, false, false, false], "{answers:#?}");
    for name in ["zip", "wheel", "egg", "sdist"] {
        assert!(out(name).join("myapp/__init__.py").is_file(), "{name}");
    }
    assert!(!out("bad").exists());
    let left = std::fs::read_dir(app.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["egg", "launcher.toml", "myapp", "packages", "sdist", "wheel", "zip"]);
}

#[test]
fn a_hostile_line_gets_an_error_and_the_next_one_its_answer() {
    let good = json!({"op": "name.normalize", "name": "A"}).to_string();
    let deep = "[".repeat(1 << 20);
    let deep_value = format!("{{\"op\":\"name.normalize\",\"name\":{}}}", "[".repeat(100_000));
    let long = format!("{{\"op\":\"name.normalize\",\"name\":\"{}\"}}", "a".repeat(17 << 20));
    let marker = json!({"op": "marker.parse", "marker": "(".repeat(1 << 20)}).to_string();
    let version = json!({"op": "version.parse", "version": "1.".repeat(1 << 20)}).to_string();
    let lines: [&[u8]; 14] = [
        b"nonsense",
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{\"op\":null}",
        b"{\"op\":{\"op\":1}}",
        b"\xff\xfe",
        b"{\"op\":\"name.normalize\",\"name\":\"\xc3\"}",
        deep.as_bytes(),
        deep_value.as_bytes(),
        long.as_bytes(),
        marker.as_bytes(),
        version.as_bytes(),
    ];
    let mut input = Vec::new();
    for line in lines {
        input.extend_from_slice(line);
        input.push(b'\n');
        input.extend_from_slice(good.as_bytes());
        input.push(b'\n');
    }
    let answers = talk(&App::new(), input);
    assert_eq!(answers.len(), 2 * lines.len());
    for (at, pair) in answers.chunks(2).enumerate() {
        assert_eq!(pair[0]["ok"], json!(false), "line {at}: {}", pair[0]);
        assert_eq!(pair[1], json!({"ok": true, "name": "a"}), "after line {at}");
    }
}

#[test]
fn values_of_any_type_are_answered() {
    let keys = [
        "version",
        "left",
        "right",
        "specifier",
        "versions",
        "prereleases",
        "requirement",
        "marker",
        "environment",
        "filename",
        "name",
        "index_url",
        "requirements",
        "python_version",
        "interpreter_version",
        "platform",
        "no_build",
        "no_binary",
        "universal",
        "url",
        "project",
        "dest",
        "archive",
        "kind",
    ];
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("é\u{202e}\n"),
        json!([]),
        json!([null, {}]),
        json!({"os_name": 1, "extra": [], "extras": "x"}),
    ];
    let mut requests = Vec::new();
    for operation in OPERATIONS {
        for value in &values {
            let mut request = json!({"op": operation});
            request.as_object_mut().unwrap().extend(keys.map(|key| (key.to_owned(), value.clone())));
            requests.push(request);
        }
    }
    let answers = ask(&App::new(), &requests);
    for (request, answer) in requests.iter().zip(&answers) {
        assert!(answer["ok"].is_boolean(), "{request}: {answer}");
        let universal = request["op"] == "resolve" && request["universal"] == true;
        assert_eq!(answer["unsupported"] == true, universal, "{request}: {answer}");
    }
}

#[test]
fn a_pipe_in_an_archives_place_holds_nobody_up() {
    let app = App::new();
    let pipe = app.folder().join("myapp-1.0-py3-none-any.whl");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let dest = app.folder().join("out");
    let request = json!({"op": "install", "archive": pipe, "dest": dest, "kind": "wheel"}).to_string();
    let outcome = app.start_tool(&["rpc"]).stdin(request).run();
    outcome.status(0).stderr("").within(Duration::from_secs(10));
    assert_eq!(outcome.json()["ok"], json!(false));
    assert!(!dest.exists());
}
