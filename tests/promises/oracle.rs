//! Versions, specifiers, requirements, markers, file names and tags mean what Python's own `packaging` library says:
//! many thousands of generated inputs, good and broken, are answered by both. The seed is fixed, so that a failure
//! can be seen again.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use everfresh::package::tags::Tags;
use everfresh::packager::rpc;
use everfresh::python::{InterpreterFacts, PROBE};
use serde_json::{Value, json};

use crate::support::python;
use generate::Generator;

mod generate;

/// Runs the test environment's Python; its absence is a failure, since nothing would be compared.
fn oracle(arguments: &[&str], input: &str) -> String {
    let path = python::venv();
    assert!(path.exists(), "{} is missing: run scripts/test, which makes it", path.display());
    let mut child = Command::new(&path)
        .args(arguments)
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", path.display()));
    let mut stdin = child.stdin.take().unwrap();
    // Both sides of a pipe are finite, so one of them needs a thread.
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "the oracle failed: run scripts/test, which installs `packaging`");
    String::from_utf8(output.stdout).unwrap()
}

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asks both, and compares: what one refuses the other has to refuse, whatever it says of it.
fn agree(requests: &[Value]) {
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let mut ours = Vec::new();
    rpc::serve(&rpc::Context::new(&everfresh::host::Env::default()), lines.as_bytes(), &mut ours).unwrap();
    let ours = values(&String::from_utf8(ours).unwrap());
    let theirs = values(&oracle(&["-c", include_str!("../support/oracle.py")], &lines));
    assert_eq!((ours.len(), theirs.len()), (requests.len(), requests.len()));

    let differ = |(_, ours, theirs): &(&Value, &Value, &Value)| {
        ours["ok"] != theirs["ok"] || (ours["ok"] == json!(true) && ours != theirs)
    };
    let all =
        requests.iter().zip(&ours).zip(&theirs).map(|((request, ours), theirs)| (request, ours, theirs));
    let differing: Vec<_> = all.filter(differ).collect();
    let shown: String = differing
        .iter()
        .take(12)
        .map(|(request, ours, theirs)| format!("{request}\n    ours   {ours}\n    theirs {theirs}\n"))
        .collect();
    assert!(differing.is_empty(), "{} of {} differ:\n{shown}", differing.len(), requests.len());

    let accepted = theirs.iter().filter(|answer| answer["ok"] == json!(true)).count();
    let (least, most) = (requests.len() / 10, requests.len() - requests.len() / 50);
    assert!((least..=most).contains(&accepted), "{accepted} of {} accepted proves little", requests.len());
}

/// `count` requests, each made with its own state of one generator.
fn generated(seed: u64, count: usize, request: impl Fn(&mut Generator) -> Value) -> Vec<Value> {
    let mut generator = Generator::new(seed);
    (0..count).map(|_| request(&mut generator)).collect()
}

#[test]
fn versions_are_read_and_written_alike() {
    agree(&generated(440, 6000, |g| json!({"op": "version.parse", "version": g.broken_version()})));
}

#[test]
fn versions_are_ordered_alike() {
    agree(&generated(
        441,
        6000,
        |g| json!({"op": "version.cmp", "left": g.near_version(), "right": g.near_version()}),
    ));
}

#[test]
fn specifiers_are_read_alike() {
    agree(&generated(442, 6000, |g| json!({"op": "specifier.parse", "specifier": g.broken_specifiers()})));
}

#[test]
fn specifiers_contain_the_same_versions() {
    agree(&generated(443, 20_000, |g| {
        json!({"op": "specifier.contains", "specifier": g.specifiers(), "version": g.near_version(),
               "prereleases": g.maybe()})
    }));
}

#[test]
fn specifiers_filter_alike() {
    agree(&generated(444, 4000, |g| {
        let versions: Vec<String> = (0..g.below(7)).map(|_| g.near_version()).collect();
        json!({"op": "specifier.filter", "specifier": g.specifiers(), "versions": versions,
               "prereleases": g.maybe()})
    }));
}

#[test]
fn requirements_are_read_and_written_alike() {
    agree(&generated(508, 8000, |g| json!({"op": "requirement.parse", "requirement": g.requirement()})));
}

#[test]
fn markers_are_read_alike() {
    agree(&generated(509, 6000, |g| json!({"op": "marker.parse", "marker": g.broken_marker()})));
}

#[test]
fn markers_hold_alike() {
    agree(&generated(
        510,
        12_000,
        |g| json!({"op": "marker.evaluate", "marker": g.marker(2), "environment": g.environment()}),
    ));
}

#[test]
fn names_of_wheels_are_read_alike() {
    agree(&generated(427, 6000, |g| json!({"op": "wheel.parse", "filename": g.wheel()})));
}

#[test]
fn names_of_sdists_are_read_alike() {
    agree(&generated(625, 4000, |g| json!({"op": "sdist.parse", "filename": g.sdist()})));
}

#[test]
fn names_are_normalized_alike() {
    agree(&generated(503, 3000, |g| json!({"op": "name.normalize", "name": g.broken_name()})));
}

#[test]
fn an_interpreter_accepts_the_same_tags_in_the_same_order() {
    let facts = InterpreterFacts::parse(oracle(&["-I", "-S", "-c", PROBE], "").as_bytes()).unwrap();
    let ours: Vec<String> = Tags::for_interpreter(&facts)
        .iter()
        .map(|tag| format!("{}-{}-{}", tag.python, tag.abi, tag.platform))
        .collect();
    let theirs = values(&oracle(&["-c", include_str!("../support/oracle.py")], "{\"op\":\"tags\"}\n"));
    assert_eq!(json!(ours), theirs[0]["tags"]);
    assert!(ours.len() > 50);
}

#[test]
fn an_interpreters_markers_are_the_same() {
    let facts = InterpreterFacts::parse(oracle(&["-I", "-S", "-c", PROBE], "").as_bytes()).unwrap();
    let theirs = "import json, packaging.markers as m; print(json.dumps(m.default_environment()))";
    let theirs = values(&oracle(&["-c", theirs], ""));
    assert_eq!(serde_json::to_value(&facts.markers).unwrap(), theirs[0]);
}
