use super::*;

fn version(text: &str) -> Version {
    parse_version(text).unwrap()
}

#[test]
fn versions_are_normalized_as_pep_440_says() {
    for (text, normalized) in [
        ("v1.0", "1.0"),
        (" \t1.0\n", "1.0"),
        ("\u{a0}1.0\x1f", "1.0"),
        ("1.1RC1", "1.1rc1"),
        ("00", "0"),
        ("09000", "9000"),
        ("1.0+foo0100", "1.0+foo0100"),
        ("1.1.a1", "1.1a1"),
        ("1.1-a1", "1.1a1"),
        ("1.0a.1", "1.0a1"),
        ("1.1alpha1", "1.1a1"),
        ("1.1beta2", "1.1b2"),
        ("1.1c3", "1.1rc3"),
        ("1.1pre4", "1.1rc4"),
        ("1.1preview5", "1.1rc5"),
        ("1.2a", "1.2a0"),
        ("1.2-post2", "1.2.post2"),
        ("1.2post2", "1.2.post2"),
        ("1.2.post-2", "1.2.post2"),
        ("1.0-r4", "1.0.post4"),
        ("1.2.rev", "1.2.post0"),
        ("1.0-1", "1.0.post1"),
        ("1.2-dev2", "1.2.dev2"),
        ("1.2dev", "1.2.dev0"),
        ("1.0+ubuntu-1", "1.0+ubuntu.1"),
        ("1.0+UBUNTU_01", "1.0+ubuntu.1"),
        ("1!2.0a1.post2.dev3+x", "1!2.0a1.post2.dev3+x"),
    ] {
        assert_eq!(version(text).to_string(), normalized, "{text}");
    }
    for text in [
        "",
        "french toast",
        "1.0+a+",
        "1.0++",
        "1.0+_foobar",
        "1.0+foo&asd",
        "1.0+1+1",
        "1.0.*",
        "1.0 a",
        "1!",
    ] {
        assert_eq!(parse_version(text), Err(InvalidVersion(text.to_owned())));
    }
    assert!(parse_version(&"9".repeat(100_000)).is_err());
}

#[test]
fn versions_are_ordered_as_pep_440_says() {
    let ordered = [
        "1.0.dev456",
        "1.0a1",
        "1.0a2.dev456",
        "1.0a12.dev456",
        "1.0a12",
        "1.0b1.dev456",
        "1.0b2",
        "1.0b2.post345.dev456",
        "1.0b2.post345",
        "1.0rc1.dev456",
        "1.0rc1",
        "1.0",
        "1.0+abc.5",
        "1.0+abc.7",
        "1.0+5",
        "1.0.post456.dev34",
        "1.0.post456",
        "1.0.15",
        "1.1.dev1",
        "1!0.1",
    ];
    for pair in ordered.windows(2) {
        assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
    }
    assert_eq!(version("1.0"), version("1.0.0.0.0"));
}

#[test]
fn specifiers_contain_what_packaging_says() {
    for (specifier, inside, outside) in [
        ("", "1.0 2.0a1 1!0", ""),
        ("~=2.2", "2.2 2.2.post3 2.10 2.3a1", "2.1 3 2.2rc1 3.dev0"),
        ("~=1.4.5a4", "1.4.5a4 1.4.5 1.4.9", "1.4.5a3 1.5"),
        ("~=2.2.post3", "2.2.post3 2.3", "2.2 3.0"),
        ("==1.1", "1.1 1.1.0 1.1+local", "1.1.post1 1.1a1 1.1.1"),
        ("==1.1+a", "1.1+a", "1.1 1.1+b"),
        ("==1.1.*", "1.1 1.1.2 1.1.post1 1.1a1 1.1.dev0 1.1+x", "1.10 1.2 1 1!1.1"),
        ("==1.0.0.*", "1.0 1", "1.1 1.0.1"),
        ("==1!1.*", "1!1.5", "1.5"),
        ("!=1.1", "1.1.post1", "1.1 1.1+local"),
        ("!=1.1.*", "1.2 1!1.1", "1.1.post1 1.1a1"),
        (">=1.0", "1.0 1.0+x 1.0.post1 2", "1.0rc1 0.9"),
        ("<=1.0", "1.0 1.0+x 1.0a1", "1.0.post1 1.0.1"),
        (">1.7", "1.7.1 1.8a1", "1.7 1.7.0.post1 1.7+x 1.7rc1"),
        (">1.7.post2", "1.7.1 1.7.post3", "1.7.post2 1.7.post2+x 1.7.0"),
        (">1.7a1", "1.7a2 1.7 1.7.post1", "1.7a1.post1 1.7a1+x"),
        (">1.7.dev1", "1.7.dev2 1.7a1 1.7", "1.7.dev1 1.7.dev1+x"),
        ("<1.0", "0.9 0.9.post1 0.9rc1", "1.0 1.0a1 1.0.dev0 1.0.post1"),
        ("<1.0rc1", "1.0b9 1.0.dev1", "1.0rc1 1.0"),
        ("<1.0.post2", "1.0.post1 1.0", "1.0.post2.dev0 1.0.post2"),
        ("===1.0", "1.0", "1.0.0 1.0+x"),
        ("=== 1.0+DOWNSTREAM", "1.0+downstream", "1.0"),
        (">=1.0,!=1.5.*,<2", "1.0 1.4 1.6", "1.5.1 2.0a1 2"),
        ("< 2 , , > 1 ,", "1.5", "1 2"),
    ] {
        let set: SpecifierSet = specifier.parse().unwrap();
        for text in inside.split_whitespace() {
            assert!(set.contains(&version(text)), "{specifier} {text}");
        }
        for text in outside.split_whitespace() {
            assert!(!set.contains(&version(text)), "{specifier} {text}");
        }
    }
}

#[test]
fn numbers_at_the_end_of_their_range_do_no_harm() {
    let most = u64::MAX;
    for specifier in
        [format!("~={most}.0"), format!("=={most}.*"), format!(">1.dev{most}"), format!(">1.post{most}")]
    {
        let set: SpecifierSet = specifier.parse().unwrap();
        assert!(!set.contains(&version("1.post5")), "{specifier}");
    }
}

#[test]
fn what_is_no_specifier_is_refused() {
    for text in [
        "2.0",
        "=>2.0",
        "==",
        "~=1",
        "~=1.0.*",
        ">=1.0.*",
        "<=1.0+x",
        ">1.0+x",
        "~=1.0+x",
        "==1.0a1.*",
        "==1.*.1",
        "==1.0.*+5",
        "!=1.0+x.*",
        "==1.0 2.0",
        ">=1.0;",
        "===a b",
        "===a)",
        "> =1",
        "==latest",
    ] {
        assert_eq!(text.parse::<Specifier>(), Err(InvalidSpecifier(text.to_owned())));
    }
}

#[test]
fn prereleases_are_taken_only_when_named_or_when_there_is_nothing_else() {
    for (specifier, prereleases, candidates, admitted) in [
        (">=1", None, "1.0 2.0a1 2.0", "1.0 2.0"),
        (">=1", None, "2.0a1 0.9 3.0.dev1", "2.0a1 3.0.dev1"),
        (">=1", Some(true), "1.0 2.0a1", "1.0 2.0a1"),
        (">=1", Some(false), "2.0a1", ""),
        (">=1.0a1", None, "1.0a2 1.0", "1.0a2 1.0"),
        (">=1.0a1", Some(false), "1.0a2 1.0", "1.0"),
        ("!=1.0a1", None, "1.0a2 1.0", "1.0"),
        ("==1.*", None, "1.0a2", "1.0a2"),
        ("", None, "1.0a2 1.0 nonsense", "1.0 nonsense"),
        (">0", None, "1.0a2 1.0 nonsense", "1.0"),
        ("===nonsense", None, "NonSense 1.0", "NonSense"),
    ] {
        let set: SpecifierSet = specifier.parse().unwrap();
        let candidates: Vec<&str> = candidates.split_whitespace().collect();
        let admitted: Vec<&str> = admitted.split_whitespace().collect();
        assert_eq!(set.filter(&candidates, prereleases), admitted, "{specifier} {prereleases:?}");
    }
}

#[test]
fn one_candidate_is_contained_unless_prereleases_are_refused() {
    let set: SpecifierSet = ">=1".parse().unwrap();
    let contained =
        [None, Some(true), Some(false)].map(|prereleases| set.contains_text("2.0a1", prereleases));
    assert_eq!(contained, [true, true, false]);
    assert!(!set.contains_text("nonsense", None));
    assert!(SpecifierSet::default().contains_text("nonsense", None));
}

#[test]
fn a_set_is_written_sorted_and_without_repetitions() {
    for (text, written) in [
        ("<2, >=1.0 ,>= 1.0.0", "<2,>=1.0"),
        ("~=1.0,~=1.0.0", "~=1.0,~=1.0.0"),
        ("===V1.0", "===V1.0"),
        ("==1.0.*,==1.*", "==1.*,==1.0.*"),
        ("", ""),
    ] {
        assert_eq!(text.parse::<SpecifierSet>().unwrap().to_string(), written);
    }
}
