use super::*;

fn environment() -> MarkerEnvironment {
    MarkerEnvironment::from_pairs([
        ("os_name", "posix"),
        ("sys_platform", "linux"),
        ("platform_machine", "x86_64"),
        ("platform_python_implementation", "CPython"),
        ("platform_release", "6.1.0-13-amd64"),
        ("platform_system", "Linux"),
        ("platform_version", "#1 SMP"),
        ("python_version", "3.11"),
        ("python_full_version", "3.11.7+"),
        ("implementation_name", "cpython"),
        ("implementation_version", "3.11.7"),
        ("unknown", "left out"),
    ])
}

fn marker(text: &str) -> Marker {
    text.parse().unwrap()
}

#[test]
fn comparisons_mean_what_packaging_makes_of_them() {
    for (text, holds) in [
        ("os_name == 'posix'", true),
        ("os.name == \"posix\"", true),
        ("'posix' == os_name", true),
        ("os_name >= 'posix'", true),
        ("os_name > 'a'", false),
        ("os_name in 'posix nt'", true),
        ("'posi' in os_name", true),
        ("os_name not in 'nt'", true),
        ("python_version < '3.9'", false),
        ("python_version >= '3.9'", true),
        ("'3.9' <= python_version", true),
        ("python_version in '3.11'", true),
        ("python_version == '3.*'", true),
        ("python_version ~= '3.8'", true),
        ("python_full_version == '3.11.7'", true),
        ("python_full_version === '3.11.7+LOCAL'", true),
        ("platform_release >= '5'", false),
        ("platform_release == '6.1.0-13-amd64'", true),
        ("python_implementation == 'CPython'", true),
        ("sys_platform == 'win32' or os_name == 'posix' and python_version == '3.11'", true),
        ("(sys_platform == 'linux' or os_name == 'posix') and python_version == '2.7'", false),
        ("sys_platform == 'linux' or os_name == 'posix' and python_version == '2.7'", true),
    ] {
        assert_eq!(marker(text).evaluate(&environment(), &[]), holds, "{text}");
        assert_eq!(marker(text).evaluate_strictly(&environment(), "", &[]), Ok(holds), "{text}");
    }
}

#[test]
fn a_comparison_without_meaning_does_not_hold_and_is_told_when_asked() {
    for text in ["'dog' ~= os_name", "os_name === 'posix'", "'a' == 'a'", "extras == 'a'"] {
        assert!(!marker(text).evaluate(&environment(), &[]), "{text}");
        assert!(marker(text).evaluate_strictly(&environment(), "", &[]).is_err(), "{text}");
    }
    let hidden = marker("os_name == 'posix' or 'dog' ~= os_name");
    assert!(hidden.evaluate(&environment(), &[]));
    assert_eq!(
        hidden.evaluate_strictly(&environment(), "", &[]),
        Err(UndefinedComparison("\"dog\" ~= os_name".to_owned()))
    );
}

#[test]
fn an_extra_is_normalized_and_any_of_the_wanted_ones_will_do() {
    let extras: Vec<ExtraName> = ["socks", "fancy-extra"].map(|name| name.parse().unwrap()).into();
    for (text, with, without) in [
        ("extra == 'Fancy_Extra'", true, false),
        ("'socks' == extra", true, false),
        ("extra == 'other'", false, false),
        ("extra != 'socks'", true, true),
        ("'Fancy.Extra' in extras", true, false),
        ("'socks' not in extras", false, true),
        ("'socks' in dependency_groups", false, false),
        ("extra == ''", false, true),
    ] {
        assert_eq!(marker(text).evaluate(&environment(), &extras), with, "{text}");
        assert_eq!(marker(text).evaluate(&environment(), &[]), without, "{text}");
    }
}

#[test]
fn a_marker_is_written_as_packaging_writes_it_and_read_again() {
    for (text, written) in [
        ("os_name=='posix'", "os_name == \"posix\""),
        ("((os_name=='posix'))", "os_name == \"posix\""),
        ("(os_name=='a' or os_name=='b')", "os_name == \"a\" or os_name == \"b\""),
        (
            "os_name=='a' and((os_name=='b' or os_name=='c'))",
            "os_name == \"a\" and (os_name == \"b\" or os_name == \"c\")",
        ),
        ("'a\"b' in os_name", "'a\"b' in os_name"),
        (r"'a\x22b\x27\\\n' in os_name", r#""a\x22b'\\\n" in os_name"#),
        ("extra=='A_b'", "extra == \"a-b\""),
        ("os_name  not \t in 'x'", "os_name not in \"x\""),
    ] {
        assert_eq!(marker(text).to_string(), written, "{text}");
        assert_eq!(marker(written).to_string(), written);
    }
}

#[test]
fn what_is_no_marker_is_refused() {
    for text in [
        "",
        "os_name",
        "os_name ==",
        "os_name == posix",
        "os_name == 'a",
        "os_name == 'a' and",
        "os_name == 'a' xor os_name == 'b'",
        "(os_name == 'a'",
        "os_name == 'a')",
        "os_name notin 'a'",
        "os_names == 'a'",
        "foo == 'a'",
        "os_name = 'a'",
        "os_name == 'a\nb'",
        "os_name == '\\N{DIGIT ONE}'",
        "os_name == '\\ud800'",
        "os_name == 'ä\\'",
    ] {
        assert!(text.parse::<Marker>().is_err(), "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}os_name == 'a'{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(marker(&nested(200)).to_string(), "os_name == \"a\"");
    assert_eq!(nested(201).parse::<Marker>().unwrap_err().expected, "fewer parentheses");
    assert!("(".repeat(1_000_000).parse::<Marker>().is_err());
}
