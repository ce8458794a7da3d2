use super::*;

const MINIMAL: &str = "[app]\nname = \"myapp\"\nrequirements = [\"myapp\"]\nentry = \"myapp.cli:main\"\n";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/opt/myapp"))
}

#[test]
fn three_lines_are_a_configuration_and_the_rest_is_default() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.app.entry, Entry::Function { module: "myapp.cli".into(), attribute: "main".into() });
    assert_eq!(config.app.requirements, [Located { value: "myapp".into(), line: 3 }]);
    assert_eq!(config.app.self_word.as_deref(), Some("self"));
    assert_eq!(config.sources, [SourceConfig { line: 1, ..SourceConfig::default() }]);
    assert_eq!(config.update.interval, Duration::from_secs(86_400));
    assert_eq!(config.update.timeout, Duration::from_secs(3));
    assert_eq!(config.update.mode, Mode::Launch);
    assert!(config.python.isolated && config.python.compile && !config.python.inherit);
}

#[test]
fn paths_are_relative_to_the_configuration() {
    let text = MINIMAL.replace("entry = \"myapp.cli:main\"", "script = \"app.py\"\ncache = \"var\"")
        + "[python]\npath = \"python/bin/python3\"\n";
    let config = parse(&text).unwrap();
    assert_eq!(config.app.entry, Entry::Script("/opt/myapp/app.py".into()));
    assert_eq!(config.app.cache, Some("/opt/myapp/var".into()));
    assert_eq!(config.python.path, Some("/opt/myapp/python/bin/python3".into()));
    let config = parse(&(MINIMAL.to_owned() + "[python]\npath = \"python3.12\"\n")).unwrap();
    assert_eq!(config.python.path, Some("python3.12".into()));
}

#[test]
fn each_mistake_is_named_with_its_line_and_a_hint() {
    for (addition, line, message, hint) in [
        (
            "[update]\nintervall = \"1d\"\n",
            6,
            "unknown key 'intervall' in [update]",
            Some("did you mean 'interval'?"),
        ),
        (
            "[update]\nfirst-run-timeout = \"1d\"\n",
            6,
            "unknown key 'first-run-timeout' in [update]",
            Some("did you mean 'first_run_timeout'?"),
        ),
        (
            "[verify]\nzzz = 1\n",
            6,
            "unknown key 'zzz' in [verify]",
            Some("the keys of [verify] are command, timeout, probation"),
        ),
        ("\n[udpate]\n", 6, "unknown section [udpate]", Some("did you mean [update]?")),
        (
            "[update]\ninterval = 5\n",
            6,
            "[update] interval must be a duration in quotes, not a whole number",
            Some("for example: interval = \"30s\""),
        ),
        (
            "[update]\ninterval = \"5 parsecs\"\n",
            6,
            "[update] interval cannot be '5 parsecs'",
            Some("it takes a whole number and a unit: ms, s, m, h, d or w"),
        ),
        (
            "[update]\nkeep = -1\n",
            6,
            "[update] keep cannot be '-1'",
            Some("it takes a whole number from 0 to 1000"),
        ),
        (
            "[update]\nmode = \"never\"\n",
            6,
            "[update] mode cannot be 'never'",
            Some("it takes \"launch\" or \"background\" or \"manual\""),
        ),
        (
            "[python]\nflags = \"-O\"\n",
            6,
            "[python] flags must be a list of strings, not a string",
            Some("for example: flags = [\"one\", \"two\"]"),
        ),
        (
            "[[source]]\ntype = \"s3\"\n",
            5,
            "[source] url is missing",
            Some("for example: url = \"https://packages.example.org/simple/\""),
        ),
        (
            "[source]\nurl = \"x\"\n",
            5,
            "[source] source must be a list of sections, each headed [[source]], not a table",
            Some("head each of them [[source]]"),
        ),
        (
            "module = \"myapp\"\n",
            1,
            "[app] has entry and module, of which only one can hold",
            Some("keep entry, say, and remove the rest"),
        ),
        (
            "x = = 1\n",
            5,
            "not valid TOML: extra `=`, expected nothing",
            Some("compare with launcher.toml.example"),
        ),
    ] {
        let error = parse(&(MINIMAL.to_owned() + addition)).unwrap_err();
        assert_eq!((error.line, error.problem.to_string().as_str()), (line, message), "{addition}");
        assert_eq!(error.problem.hint().as_deref(), hint, "{addition}");
    }
}

#[test]
fn sizes_are_whole_numbers_with_a_decimal_or_binary_unit() {
    let limit = |text: &str| parse(&format!("{MINIMAL}[update]\ncache_limit = {text}\n"));
    for (text, bytes) in [
        ("'1kB'", 1000),
        ("'500MB'", 500_000_000),
        ("'2 GB'", 2_000_000_000),
        ("'1KiB'", 1024),
        ("'3MiB'", 3 * 1024 * 1024),
        ("'1GiB'", 1024 * 1024 * 1024),
    ] {
        assert_eq!(limit(text).unwrap().update.cache_limit, Some(bytes), "{text}");
    }
    assert_eq!(parse(MINIMAL).unwrap().update.cache_limit, None);
    for nonsense in [
        "",
        "0MB",
        "MB",
        "500",
        "500 mb",
        "-1MB",
        "1.5GB",
        "1e3kB",
        "5 TB",
        "99999999999GiB",
        "9".repeat(30).as_str(),
    ] {
        let error = limit(&format!("'{nonsense}'")).unwrap_err();
        assert_eq!(
            (error.line, error.problem.to_string()),
            (6, format!("[update] cache_limit cannot be '{nonsense}'"))
        );
        let hint = "it takes a whole number from 1 on and a unit: kB, MB, GB, KiB, MiB or GiB";
        assert_eq!(error.problem.hint().as_deref(), Some(hint));
    }
    let error = limit("500").unwrap_err();
    assert_eq!(
        error.problem.to_string(),
        "[update] cache_limit must be a size in quotes, not a whole number"
    );
    assert_eq!(error.problem.hint().as_deref(), Some("for example: cache_limit = \"500MB\""));
}

#[test]
fn what_must_be_there_is_asked_for() {
    for (without, message) in [
        ("name = \"myapp\"\n", "[app] name is missing"),
        ("requirements = [\"myapp\"]\n", "[app] requirements is missing"),
        ("entry = \"myapp.cli:main\"\n", "[app] entry is missing"),
    ] {
        let error = parse(&MINIMAL.replace(without, "")).unwrap_err();
        assert_eq!(error.problem.to_string(), message);
    }
    assert_eq!(parse("").unwrap_err().problem.to_string(), "[app] name is missing");
}

#[test]
fn an_entry_is_a_module_and_a_name_and_nothing_else() {
    for entry in ["main", "a:b:c", "a b:c", "a:", ":b", "a:b()", "a;import os:x", "1a:b"] {
        let error = parse(&MINIMAL.replace("myapp.cli:main", entry)).unwrap_err();
        assert_eq!(error.problem.to_string(), format!("[app] entry cannot be '{entry}'"));
    }
}
