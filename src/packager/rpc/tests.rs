use serde_json::json;

use super::*;

fn talk(input: &[u8]) -> Vec<Value> {
    let mut output = Vec::new();
    serve(&Context::new(&Env::default()), input, &mut output).unwrap();
    assert!(output.is_empty() || output.ends_with(b"\n"));
    output
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

fn ask(request: &Value) -> Value {
    let answers = talk(request.to_string().as_bytes());
    assert_eq!(answers.len(), 1);
    answers[0].clone()
}

#[test]
fn every_operation_answers_as_the_contract_says() {
    for (request, answer) in [
        (
            json!({"op": "version.parse", "version": "v1.0-ALPHA"}),
            json!({"ok": true, "version": "1.0a0", "prerelease": true}),
        ),
        (json!({"op": "version.cmp", "left": "1.0", "right": "1.0.0"}), json!({"ok": true, "cmp": 0})),
        (json!({"op": "version.cmp", "left": "1.0a1", "right": "1"}), json!({"ok": true, "cmp": -1})),
        (json!({"op": "version.cmp", "left": "1!0", "right": "1"}), json!({"ok": true, "cmp": 1})),
        (json!({"op": "specifier.parse", "specifier": ">=1,<2"}), json!({"ok": true})),
        (
            json!({"op": "specifier.contains", "specifier": ">=1", "version": "2a1", "prereleases": false}),
            json!({"ok": true, "contains": false}),
        ),
        (
            json!({"op": "specifier.filter", "specifier": ">=1", "versions": ["1", "2a1"], "prereleases": null}),
            json!({"ok": true, "versions": ["1"]}),
        ),
        (
            json!({"op": "requirement.parse", "requirement": "A_b[y,X]>=1 ; os_name=='a'"}),
            json!({"ok": true, "name": "a-b", "extras": ["x", "y"], "url": null, "specifier": ">=1",
                   "marker": "os_name == \"a\""}),
        ),
        (
            json!({"op": "requirement.parse", "requirement": "a @ file:///b"}),
            json!({"ok": true, "name": "a", "extras": [], "url": "file:///b", "specifier": "", "marker": null}),
        ),
        (json!({"op": "marker.parse", "marker": "os_name == 'a'"}), json!({"ok": true})),
        (
            json!({"op": "marker.evaluate", "marker": "os_name == 'a' and extra == 'B.c'",
                   "environment": {"os_name": "a", "extra": "b_C"}}),
            json!({"ok": true, "result": true}),
        ),
        (
            json!({"op": "marker.evaluate", "marker": "'b' in extras", "environment": {"extras": ["B"]}}),
            json!({"ok": true, "result": true}),
        ),
        (
            json!({"op": "wheel.parse", "filename": "A_b-1.0-2x-py3.py2-none-any.whl"}),
            json!({"ok": true, "name": "a-b", "version": "1.0", "build": [2, "x"],
                   "tags": ["py2-none-any", "py3-none-any"]}),
        ),
        (
            json!({"op": "sdist.parse", "filename": "A_b-1.0.tar.gz"}),
            json!({"ok": true, "name": "a-b", "version": "1.0"}),
        ),
        (json!({"op": "name.normalize", "name": "A__b.c"}), json!({"ok": true, "name": "a-b-c"})),
    ] {
        assert_eq!(ask(&request), answer, "{request}");
    }
}

#[test]
fn a_bad_request_gets_an_error_and_the_next_one_its_answer() {
    let input = b"nonsense\n\n[1]\n{\"op\":1}\n{\"op\":\"no.such\"}\n\xff\n{\"op\":\"version.parse\"}\n\
        {\"op\":\"version.parse\",\"version\":\"one\"}\n{\"op\":\"name.normalize\",\"name\":\"A\"}";
    let answers = talk(input);
    assert_eq!(answers.len(), 9);
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!(answer["ok"], json!(at == 8), "{answer}");
    }
    assert_eq!(answers[4], json!({"ok": false, "unsupported": true}));
    assert_eq!(answers[6]["error"], json!("'version' must be a text"));
    assert_eq!(answers[7]["error"], json!("'one' is not a valid version"));
}

#[test]
fn a_line_without_end_is_skipped_without_being_kept() {
    let mut input = vec![b'['; usize::try_from(LONGEST_LINE).unwrap() + 5];
    input.extend_from_slice(b"\n{\"op\":\"name.normalize\",\"name\":\"A\"}\n");
    let answers = talk(&input);
    assert_eq!(answers[0], json!({"ok": false, "error": "the line is longer than 16777216 bytes"}));
    assert_eq!(answers[1], json!({"ok": true, "name": "a"}));
    assert_eq!(answers.len(), 2);
}

#[test]
fn no_solution_is_told_apart_from_an_error() {
    let answer = Value::Object(finish(Err(Refused::Unsatisfiable("because".to_owned()))));
    assert_eq!(answer, json!({"ok": false, "unsatisfiable": true, "error": "because"}));
}

#[test]
fn a_comparison_without_meaning_is_an_error() {
    let answer = ask(&json!({"op": "marker.evaluate", "marker": "'dog' ~= os_name", "environment": {}}));
    assert_eq!(answer, json!({"ok": false, "error": "the comparison \"dog\" ~= os_name has no meaning"}));
}

#[test]
fn work_that_is_late_is_given_up() {
    let (release, held) = mpsc::channel::<()>();
    let late = in_time(Duration::ZERO, move || {
        let _ = held.recv();
        Ok(Answer::new())
    });
    assert_eq!(late, Err(Refused::Error("not done after 0 s".to_owned())));
    drop(release);
    assert_eq!(in_time(THOUGHT, || Ok(Answer::new())), Ok(Answer::new()));
}
