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

#[test]
fn what_people_write_is_read_beyond_pep_508() {
    for (text, name, written) in [
        ("a>=1,<2; python_version>'3'", "a", "a<2,>=1; python_version > \"3\""),
        ("Hello_World:1.2.*", "hello-world", "hello-world==1.2.*"),
        ("a: >=v1-2-3", "a", "a>=1.2.3"),
        ("a:", "a", "a"),
        (
            "https://h/b/pipper/Hello_World/v1-2-3.pipper?X-Amz-Signature=x",
            "hello-world",
            "hello-world @ https://h/b/pipper/Hello_World/v1-2-3.pipper?X-Amz-Signature=x",
        ),
        ("https://h/a_b-1.0-py3-none-any.whl", "a-b", "a-b @ https://h/a_b-1.0-py3-none-any.whl"),
        ("a @ https://h/v1.tar.gz#egg=a-1", "a", "a @ https://h/v1.tar.gz#egg=a-1"),
        ("a[x] @ file:///tmp/a-1.tar.gz", "a", "a[x] @ file:///tmp/a-1.tar.gz"),
    ] {
        let requirement = Requirement::parse_lenient(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((requirement.name.as_str(), requirement.to_string().as_str()), (name, written));
        assert_eq!(text.contains(':') && !text.contains('@'), text.parse::<Requirement>().is_err(), "{text}");
    }
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_its_secrets() {
    let unnamed = "it does not tell project and version: name the file so, or an archive with #egg=name-1.0";
    let fragment = "behind its '#' is something else than egg= or a digest";
    for (text, shown, reason) in [
        ("a @ https://u:p@h/v1.0.tar.gz?token=s3cret", "https://h/v1.0.tar.gz?token=***", unnamed),
        ("a @ https://h/v1.0.tar.gz#egg=a", "https://h/v1.0.tar.gz", unnamed),
        ("https://h/v1-2-3.pipper", "https://h/v1-2-3.pipper", unnamed),
        ("https://h/", "https://h/", unnamed),
        ("a @ https://h/b-1.0-py3-none-any.whl", "https://h/b-1.0-py3-none-any.whl", "it is a file of b"),
        ("a @ https://h/a-1.tar.gz#sha256=abc", "https://h/a-1.tar.gz", fragment),
        ("a @ https://h/a-1.tar.gz#subdirectory=x", "https://h/a-1.tar.gz", fragment),
        (
            "a @ https://h/a-1.tar.gz#sha1=da9234ee9982d4bbb3c72346a6de940a148ea686",
            "https://h/a-1.tar.gz",
            fragment,
        ),
        ("a @ s3://bucket/a-1.tar.gz", "s3://bucket/a-1.tar.gz", "a bucket has to be a [[source]]"),
        ("a @ ftp://h/a-1.tar.gz", "ftp://h/a-1.tar.gz", "it is no https, http or file address"),
        ("a @ git+https://h/a", "git+https://h/a", "it is no https, http or file address"),
        (
            "a @ file://server/a-1.tar.gz",
            "file://server/a-1.tar.gz",
            "a file URL must name a path of this machine",
        ),
        ("a @ https://u:p@[/a-1.tar.gz?sig=s3cret", "[/a-1.tar.gz", "it is not a valid URL"),
        ("a @ b/a-1.tar.gz", "b/a-1.tar.gz", "it is not a valid URL"),
    ] {
        let error = Requirement::parse_lenient(text).unwrap_err().to_string();
        assert_eq!(error, format!("'{shown}' cannot be required: {reason}"), "{text}");
    }
    let error =
        Requirement::parse_lenient("a @ https://h/a-1.tar.gz?sig=s3cret and more").unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid requirement 'a @ https://h/a-1.tar.gz?sig=*** and more': expected ',', ';' or the end at position 37"
    );
    let error = Requirement::parse_lenient("a b:1").unwrap_err().to_string();
    assert_eq!(error, "invalid requirement 'a b:1': expected a project name before the ':'");
}
