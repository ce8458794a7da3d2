use super::*;

fn shape(name: &DistributionName) -> (String, String) {
    (name.project.to_string(), name.version.to_string())
}

#[test]
fn a_wheels_name_tells_project_version_build_and_tags() {
    let cases = [
        ("foo-1.0-py3-none-any.whl", "foo", "1.0", None, vec!["py3-none-any"]),
        ("some_PACKAGE-1.0-py3-none-any.whl", "some-package", "1.0", None, vec!["py3-none-any"]),
        (
            "foo-1.0-1000abc-py2.py3-none-any.whl",
            "foo",
            "1.0",
            Some((1000, "abc".to_owned())),
            vec!["py2-none-any", "py3-none-any"],
        ),
        (
            "foo_bar-1!1.0+ubuntu_1-CP311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "foo-bar",
            "1!1.0+ubuntu.1",
            None,
            vec!["cp311-abi3-manylinux_2_17_x86_64", "cp311-abi3-manylinux2014_x86_64"],
        ),
    ];
    for (filename, project, version, build, expected) in cases {
        let name = DistributionName::parse_wheel(filename).unwrap();
        assert_eq!(shape(&name), (project.to_owned(), version.to_owned()), "{filename}");
        let Format::Wheel { build: found, tags } = &name.format else { panic!("{filename}") };
        assert_eq!(*found, build, "{filename}");
        assert_eq!(tags.iter().map(|tag| tag.to_string()).collect::<Vec<_>>(), expected, "{filename}");
        assert_eq!(DistributionName::parse(filename), Ok(name));
    }
}

#[test]
fn what_is_not_a_wheels_name_is_refused_with_the_reason() {
    use FilenameFault::{Build, Extension, NoFilename, Parts, Project, Tags, Version};
    let many = format!("foo-1.0-{}-{}-any.whl", vec!["py3"; 33].join("."), vec!["n"; 33].join("."));
    let long = format!("foo-1.0-py3-none-{}.whl", "a".repeat(300));
    for (filename, reason) in [
        ("foo-1.0.whl", Parts),
        ("foo-1.0-py3-none-any.wheel", Extension),
        ("foo-1.0-py3-none-any.egg.zip", Extension),
        ("foo__bar-1.0-py3-none-any.whl", Project),
        ("foo#bar-1.0-py3-none-any.whl", Project),
        ("foo_bár-1.0-py3-none-any.whl", Project),
        ("-1.0-py3-none-any.whl", Project),
        ("foobar-1.x-py3-none-any.whl", Version),
        ("foo-1.0-abc-py3-none-any.whl", Build),
        ("foo-1.0-99999999999999999999-py3-none-any.whl", Build),
        ("foo-1.0-200-py3-none-any-junk.whl", Parts),
        ("foo-1.0-py3--any.whl", Tags),
        ("foo-1.0-py3.-none-any.whl", Tags),
        ("foo-1.0-3py-none-any.whl", Tags),
        ("foo-1.0-py3-none-any/../../x.whl", NoFilename),
        ("foo-1.0-py3-none-a\\b.whl", NoFilename),
        ("foo-1.0-py3-none-a\0b.whl", NoFilename),
        (&many, Tags),
        (&long, NoFilename),
    ] {
        let refused = DistributionName::parse_wheel(filename).unwrap_err();
        assert_eq!(refused, InvalidFilename { filename: filename.to_owned(), reason });
    }
}

#[test]
fn an_sdists_name_is_split_at_its_last_dash() {
    for (filename, project, version) in [
        ("foo-1.0.tar.gz", "foo", "1.0"),
        ("foo-1.0.zip", "foo", "1.0"),
        ("foo-bar-1.0.tar.gz", "foo-bar", "1.0"),
        ("Foo.Bar-1.0rc1.zip", "foo-bar", "1.0rc1"),
    ] {
        let name = DistributionName::parse_sdist(filename).unwrap();
        assert_eq!(shape(&name), (project.to_owned(), version.to_owned()));
        assert_eq!(name.format, Format::Sdist);
    }
    for filename in ["foo-1.0.tgz", "foo-1.0.tar", "foo-1.0.tar.xz", "foo.tar.gz", "-1.0.zip", "foo-1.x.zip"]
    {
        assert!(DistributionName::parse_sdist(filename).is_err(), "{filename}");
    }
    assert_eq!(shape(&DistributionName::parse("foo-1.0.tgz").unwrap()), ("foo".into(), "1.0".into()));
}

#[test]
fn a_known_project_tells_where_an_old_sdists_version_begins() {
    for (filename, project, version) in [
        ("foo-bar-1.0-2.tar.gz", "foo-bar", "1.0.post2"),
        ("Foo_Bar-1.0-beta2.tgz", "foo-bar", "1.0b2"),
        ("foo-bar-1.0-dev.zip", "foo-bar", "1.0.dev0"),
        ("foo-2-1.0.tar.gz", "foo-2", "1.0"),
        ("foo-2-1.tar", "foo", "2.post1"),
    ] {
        let name = DistributionName::parse_for(filename, &project.parse().unwrap()).unwrap();
        assert_eq!(shape(&name), (project.to_owned(), version.to_owned()));
    }
    for filename in
        ["bar-1.0.tar.gz", "foo-2-1.0.tar.gz", "foo-bar-1.0-py3-none-any.whl", "food-1.0.zip", "foo.zip"]
    {
        assert!(DistributionName::parse_for(filename, &"foo".parse().unwrap()).is_err(), "{filename}");
    }
}

#[test]
fn an_eggs_name_has_underscores_for_dashes() {
    for (filename, project, version, python, platform) in [
        ("foo-1.0-py3.9.egg", "foo", "1.0", Some("3.9"), None),
        ("foo_bar-1.0_1-py2.7.egg", "foo-bar", "1.0.post1", Some("2.7"), None),
        ("foo-1.0-py3.9-linux-x86_64.egg", "foo", "1.0", Some("3.9"), Some("linux-x86_64")),
        ("foo-1.0.egg", "foo", "1.0", None, None),
    ] {
        let name = DistributionName::parse_egg(filename).unwrap();
        assert_eq!(shape(&name), (project.to_owned(), version.to_owned()), "{filename}");
        let format = Format::Egg { python: python.map(str::to_owned), platform: platform.map(str::to_owned) };
        assert_eq!(name.format, format);
    }
    for filename in ["foo.egg", "foo-1.0-3.9.egg", "foo-1.0-py.egg", "foo-1.0-py3.9-.egg", "foo-x-py3.9.egg"]
    {
        assert!(DistributionName::parse_egg(filename).is_err(), "{filename}");
    }
}
