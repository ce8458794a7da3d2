use super::*;

#[test]
fn the_examples_of_pep_508_are_read() {
    for (text, written) in [
        ("A", "a"),
        ("A.B-C_D", "a-b-c-d"),
        ("aa", "aa"),
        ("name", "name"),
        ("name<=1", "name<=1"),
        ("name>=3", "name>=3"),
        ("name>=3,", "name>=3"),
        ("name>=3,<2", "name<2,>=3"),
        ("name@http://foo.com", "name @ http://foo.com"),
        (
            "name [fred,bar] @ http://foo.com ; python_version=='2.7'",
            "name[bar,fred] @ http://foo.com ; python_version == \"2.7\"",
        ),
        (
            "name[quux, strange];python_version<'2.7' and platform_version=='2'",
            "name[quux,strange]; python_version < \"2.7\" and platform_version == \"2\"",
        ),
        ("name; os_name=='a' or os_name=='b'", "name; os_name == \"a\" or os_name == \"b\""),
        (
            "requests [security,tests] >= 2.8.1, == 2.8.* ; python_version < \"2.7\"",
            "requests[security,tests]==2.8.*,>=2.8.1; python_version < \"2.7\"",
        ),
        (
            "pip @ https://github.com/pypa/pip/archive/1.3.1.zip#sha1=da9234ee9982d4bbb3c72346a6de940a148ea686",
            "pip @ https://github.com/pypa/pip/archive/1.3.1.zip#sha1=da9234ee9982d4bbb3c72346a6de940a148ea686",
        ),
        ("name (>=1.0)", "name>=1.0"),
        ("name ( )", "name"),
        ("name[ ]", "name"),
        ("name===2004d", "name===2004d"),
    ] {
        let requirement: Requirement = text.parse().unwrap();
        assert_eq!(requirement.to_string(), written, "{text}");
        assert_eq!(requirement.to_string().parse::<Requirement>().unwrap().to_string(), written, "{text}");
    }
}

#[test]
fn what_is_no_requirement_is_refused_with_the_place() {
    for (text, message) in [
        ("", "invalid requirement '': expected a project name at position 1"),
        ("name[a b]", "invalid requirement 'name[a b]': expected ',' or ']' at position 8"),
        ("name[a,]", "invalid requirement 'name[a,]': expected the name of an extra at position 8"),
        ("name 1.0", "invalid requirement 'name 1.0': expected ',', ';' or the end at position 6"),
        ("name (>=1.0", "invalid requirement 'name (>=1.0': expected ',' or ')' at position 12"),
        ("name @ ", "invalid requirement 'name @ ': expected an address at position 8"),
        (
            "name===any thing",
            "invalid requirement 'name===any thing': expected ',', ';' or the end at position 12",
        ),
        ("name>=1.0.*", "invalid requirement 'name>=1.0.*': '>=1.0.*' is not a valid version specifier"),
        ("name~ =1.0", "invalid requirement 'name~ =1.0': '~ =1.0' is not a valid version specifier"),
        ("name_>=1", "invalid requirement 'name_>=1': 'name_' is not a valid name"),
        (
            "name; os_name",
            "invalid requirement 'name; os_name': invalid marker ' os_name': \
             expected one of <=, <, !=, ==, >=, >, ~=, ===, in, not in at position 9",
        ),
        ("name\n", "invalid requirement 'name\\n': expected ',', ';' or the end at position 5"),
        (
            "name @ http://x\0y",
            "invalid requirement 'name @ http://x\\0y': expected ',', ';' or the end at position 16",
        ),
    ] {
        let refused = text.parse::<Requirement>().unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
}

#[test]
fn extras_are_normalized_sorted_and_each_only_once() {
    let requirement: Requirement = "name[b, A_b, a.B,c]".parse().unwrap();
    let extras: Vec<&str> = requirement.extras.iter().map(ExtraName::as_str).collect();
    assert_eq!(extras, ["a-b", "b", "c"]);
}
