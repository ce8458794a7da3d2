use serde_json::{Value, json};

use super::*;

fn answer() -> Value {
    json!({
        "executable": "/usr/bin/python3.11",
        "version": [3, 11, 7],
        "implementation": "cpython",
        "cache_tag": "cpython-311",
        "ext_suffix": ".cpython-311-x86_64-linux-gnu.so",
        "soabi": "cpython-311-x86_64-linux-gnu",
        "platform": "linux-x86_64",
        "pointer_bits": 64,
        "debug": false,
        "free_threaded": false,
        "pymalloc": true,
        "libc": ["glibc", "2.36-vendor"],
        "elf": {"bits": 64, "little_endian": true, "machine": 62, "flags": 0, "loader": "/lib64/ld.so"},
        "macos": null,
        "markers": {"python_full_version": "3.11.7+", "os_name": "posix", "platform_system": "Linux"},
    })
}

fn with(path: &str, value: Value) -> Result<InterpreterFacts, InvalidFacts> {
    let mut answer = answer();
    *answer.pointer_mut(path).unwrap() = value;
    InterpreterFacts::parse(answer.to_string().as_bytes())
}

#[test]
fn an_interpreters_answer_is_read_from_its_last_line() {
    let printed = format!("welcome to this machine\n{}\n\n", answer());
    let facts = InterpreterFacts::parse(printed.as_bytes()).unwrap();
    assert_eq!(facts.executable, PathBuf::from("/usr/bin/python3.11"));
    assert_eq!(facts.version.to_string(), "3.11.7");
    assert_eq!(facts.libc, Some(Libc { family: LibcFamily::Glibc, major: 2, minor: 36 }));
    assert_eq!(facts.elf, Some(Elf { bits: 64, little_endian: true, machine: 62, flags: 0 }));
    assert_eq!(facts.markers.python_full_version, "3.11.7+local");
}

#[test]
fn facts_that_were_kept_are_the_same_when_read_again() {
    for facts in [
        with("/libc", json!(["musl", "1.2.4"])).unwrap(),
        with("/macos", json!(["13.4", "arm64"])).unwrap(),
        with("/libc", json!(null)).unwrap(),
    ] {
        let kept = serde_json::to_vec(&facts).unwrap();
        assert_eq!(InterpreterFacts::parse(&kept).unwrap(), facts);
        assert_eq!(serde_json::from_slice::<InterpreterFacts>(&kept).unwrap(), facts);
    }
}

#[test]
fn an_unknown_c_library_costs_its_tags_and_nothing_else() {
    for version in ["two", "2", "2.", "2.x", "2.5000000000"] {
        assert_eq!(with("/libc", json!(["glibc", version])).unwrap().libc, None, "{version}");
    }
}

#[test]
fn an_impossible_answer_is_not_believed() {
    for (path, value, what) in [
        ("/executable", json!("python"), "executable"),
        ("/executable", json!(""), "executable"),
        ("/version", json!([0, 1, 2]), "version"),
        ("/version", json!([3, 4_000_000, 0]), "version"),
        ("/implementation", json!(""), "name"),
        ("/platform", json!("linux-../../x"), "name"),
        ("/soabi", json!("a".repeat(5000)), "name"),
        ("/pointer_bits", json!(128), "pointer"),
        ("/libc", json!(["glibc", "2.40000"]), "C library"),
        ("/macos", json!(["99999.1", "arm64"]), "system"),
        ("/macos", json!(["13.1", "arm\u{0}64"]), "system"),
        ("/markers/os_name", json!("a".repeat(5000)), "marker"),
    ] {
        assert_eq!(with(path, value), Err(InvalidFacts::Impossible(what)), "{path}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let types = [
        ("/version", json!("3.11")),
        ("/markers", json!("none")),
        ("/debug", json!("no")),
        ("/libc", json!(3)),
    ];
    for (path, value) in types {
        assert!(matches!(with(path, value), Err(InvalidFacts::NotFacts(_))), "{path}");
    }
    for text in ["", "Traceback (most recent call last):", "{}", &"[".repeat(60_000)] {
        assert!(matches!(InterpreterFacts::parse(text.as_bytes()), Err(InvalidFacts::NotFacts(_))));
    }
    assert_eq!(InterpreterFacts::parse(&vec![b' '; LONGEST_ANSWER + 1]), Err(InvalidFacts::TooLong));
}
