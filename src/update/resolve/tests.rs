//! Promises of the resolver, over worlds written as text: one file a line, `name version flags: requirements`,
//! with `|` between requirements.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use url::Url;

use super::*;
use crate::package::filename::{DistributionName, Format, TagSets};
use crate::package::tags::Platform;
use crate::python::PythonVersion;
use crate::source::file::Location;
use crate::trust::hashes::Hashes;

mod packse;

/// An index in memory that counts what it is asked.
#[derive(Default)]
struct World {
    files: BTreeMap<ProjectName, Vec<File>>,
    metadata: BTreeMap<String, Result<Metadata, Unavailable>>,
    asked: RefCell<Vec<String>>,
}

impl World {
    fn new(text: &str) -> Self {
        let mut world = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            world.add_line(line);
        }
        world
    }

    fn add_line(&mut self, line: &str) {
        let (head, requirements) = line.split_once(':').unwrap_or((line, ""));
        let mut words = head.split_whitespace();
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let flags: Vec<&str> = words.collect();
        let value = |key: &str| flags.iter().find_map(|flag| flag.strip_prefix(key));
        let filename = match (value("file="), value("wheel=")) {
            (Some(filename), _) => filename.to_owned(),
            (_, Some(tags)) => format!("{name}-{version}-{tags}.whl"),
            _ if flags.contains(&"sdist") => format!("{name}-{version}.tar.gz"),
            _ => format!("{name}-{version}-py3-none-any.whl"),
        };
        let metadata = Metadata {
            metadata_version: (2, 1),
            name: name.parse().unwrap(),
            version: value("says=").unwrap_or(version).parse().unwrap(),
            requires_dist: requirements
                .split('|')
                .map(str::trim)
                .filter(|r| !r.is_empty())
                .map(|r| r.parse().unwrap())
                .collect(),
            requires_python: value("metadata-python=").map(str::to_owned),
            provides_extra: value("extras=")
                .into_iter()
                .flat_map(|e| e.split(','))
                .map(|e| e.parse().unwrap())
                .collect(),
            dynamic: Vec::new(),
            wheel_tags: TagSets::default(),
        };
        let mut file = file(&filename);
        file.requires_python = value("python=").map(str::to_owned);
        file.uploaded = value("uploaded=").map(|seconds| Timestamp(seconds.parse().unwrap()));
        file.yanked = flags.contains(&"yanked").then(String::new);
        let metadata = match () {
            () if flags.contains(&"broken") => Err(Unavailable::File("its metadata is not UTF-8".to_owned())),
            () if flags.contains(&"needs-build") => Err(Unavailable::NeedsBuild),
            () if flags.contains(&"unreachable") => Err(Unavailable::Source("connection refused".to_owned())),
            () => Ok(metadata),
        };
        self.add(file, metadata);
    }

    fn add(&mut self, file: File, metadata: Result<Metadata, Unavailable>) {
        self.metadata.insert(file.filename.clone(), metadata);
        self.files.entry(file.name.project.clone()).or_default().push(file);
    }
}

impl Catalogue for World {
    fn files(&self, project: &ProjectName) -> Result<Option<Arc<[File]>>, Unavailable> {
        if project.as_str() == "down" {
            return Err(Unavailable::Source("connection refused".to_owned()));
        }
        Ok(self.files.get(project).map(|files| files.as_slice().into()))
    }

    fn metadata(&self, file: &File) -> Result<Arc<Metadata>, Unavailable> {
        self.asked.borrow_mut().push(file.filename.clone());
        self.metadata[&file.filename].clone().map(Arc::new)
    }
}

fn file(filename: &str) -> File {
    File {
        filename: filename.to_owned(),
        name: DistributionName::parse(filename).unwrap(),
        location: Location::Url(Url::parse(&format!("https://example.org/{filename}")).unwrap()),
        hashes: Hashes::default(),
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
    }
}

fn request_for(python: [u32; 3], platform: &str, requirements: &[&str]) -> Request {
    let [major, minor, micro] = python;
    let platform = Platform::named(platform).unwrap();
    let mut environment = MarkerEnvironment::from_pairs([
        ("python_version", format!("{major}.{minor}")),
        ("python_full_version", format!("{major}.{minor}.{micro}")),
        ("implementation_name", "cpython".to_owned()),
        ("platform_python_implementation", "CPython".to_owned()),
    ]);
    platform.describe(&mut environment);
    Request {
        requirements: requirements.iter().map(|requirement| requirement.parse().unwrap()).collect(),
        python_version: Version::new(python.map(u64::from)),
        environment,
        tags: Tags::for_target(PythonVersion { major, minor, micro }, &platform),
        prereleases: false,
        uploaded_before: None,
        dropped: BTreeSet::new(),
        no_build: BTreeSet::new(),
        no_binary: BTreeSet::new(),
        preferences: BTreeMap::new(),
    }
}

fn request(requirements: &[&str]) -> Request {
    request_for([3, 12, 1], "linux-x86_64", requirements)
}

/// `a 1.0, b[x] 2.0`, or the explanation.
fn outcome(request: &Request, world: &World) -> String {
    let pin = |pin: &Pin| {
        let extras: Vec<&str> = pin.extras.iter().map(ExtraName::as_str).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        format!("{}{extras} {}", pin.name, pin.version)
    };
    match resolve(request, world) {
        Ok(pins) => pins.iter().map(pin).collect::<Vec<_>>().join(", "),
        Err(unsolved) => unsolved.to_string(),
    }
}

fn solve(requirements: &[&str], world: &str) -> String {
    outcome(&request(requirements), &World::new(world))
}

/// The file names of the solution.
fn files(request: &Request, world: &World) -> Vec<String> {
    resolve(request, world).unwrap().into_iter().map(|pin| pin.file.filename).collect()
}

#[test]
fn a_preferred_version_goes_before_newer_ones_where_it_will_do() {
    let world = World::new("a 1.0\na 2.0\na 3.0\nb 1.0\nb 2.0\nc 1.0: a>=3");
    let preferring = |requirements: &[&str], preferences: &[(&str, &[&str])]| {
        let read = |(name, versions): &(&str, &[&str])| {
            let versions = versions.iter().map(|version| version.parse().unwrap()).collect();
            (name.parse().unwrap(), versions)
        };
        let preferences = preferences.iter().map(read).collect();
        outcome(&Request { preferences, ..request(requirements) }, &world)
    };
    assert_eq!(preferring(&["a", "b"], &[("a", &["1.0"])]), "a 1.0, b 2.0");
    assert_eq!(preferring(&["a>=2"], &[("a", &["1.0", "2.0"])]), "a 2.0");
    assert_eq!(preferring(&["a"], &[("a", &["1.5"])]), "a 3.0");
    assert_eq!(preferring(&["a", "c"], &[("a", &["1.0"])]), "a 3.0, c 1.0");
    // A version that would have to be built is worse than a newer one that need not be.
    let mut world = World::new("a 2.0");
    world.add(file("a-1.0.tar.gz"), Err(Unavailable::NeedsBuild));
    let preferences = BTreeMap::from([("a".parse().unwrap(), vec!["1.0".parse().unwrap()])]);
    assert_eq!(outcome(&Request { preferences, ..request(&["a"]) }, &world), "a 2.0");
}

#[test]
fn the_newest_versions_that_go_together_are_chosen() {
    for (requirements, world, expected) in [
        (&["a"][..], "a 1.0\na 2.0", "a 2.0"),
        (&["a"], "a 1.0: b>=2\nb 1.0\nb 2.0\nb 3.0", "a 1.0, b 3.0"),
        (&["a", "b"], "a 1\na 2\nb 1: c\nb 2: a==1\nb 3: a==1", "a 1, b 3"),
        (&["a", "a<2", "a>0.5"], "a 0.1\na 1.0\na 2.0", "a 1.0"),
        (&["a"], "a 1: b\nb 1: c\nc 1: a", "a 1, b 1, c 1"),
        (&["a"], "a 1: a>=0.5", "a 1"),
        (&["A.b_C"], "a_b_c 1", "a-b-c 1"),
        (&["a"], "a 1\na 2: missing", "a 1"),
        (&[], "a 1", ""),
    ] {
        assert_eq!(solve(requirements, world), expected, "{requirements:?}");
    }
}

#[test]
fn the_order_of_requirements_does_not_matter() {
    let world = "a 1: c<2\na 2: c>=2\nb 1: c>=2\nb 2: c<2\nc 1\nc 2: d\nd 1\nd 2: a<2";
    let expected = solve(&["a", "b", "c", "d"], world);
    for requirements in [["d", "c", "b", "a"], ["b", "d", "a", "c"], ["c", "a", "d", "b"]] {
        assert_eq!(solve(&requirements, world), expected);
    }
    assert_eq!(expected, "a 2, b 1, c 2, d 1");
}

#[test]
fn markers_decide_what_applies() {
    let world = "a 1: b; python_version<'3.12' | c; sys_platform=='linux' | d; extra=='x'\nc 1";
    assert_eq!(solve(&["a", "nothing; sys_platform=='win32'"], world), "a 1, c 1");
}

#[test]
fn extras_are_tied_to_their_project() {
    let world = "a 1.0 extras=x: b; extra=='x'\na 2.0 extras=x: b>=5; extra=='x'\nb 1.0";
    let all = "a 1.0 extras=all,x,y: a[x,y]; extra=='all' | b; extra=='x' | c; extra=='y'\nb 1\nc 1";
    for (requirements, world, expected) in [
        (&["a[x]"][..], world, "a[x] 1.0, b 1.0"),
        (&["a"], world, "a 2.0"),
        (&["a[all]"], all, "a[all,x,y] 1.0, b 1, c 1"),
        (&["a[x]", "a"], world, "a[x] 1.0, b 1.0"),
        (&["d"], "d 1: a[x]\na 1 extras=x: a[x]; extra=='x' | b; extra=='x'\nb 1: a", "a[x] 1, b 1, d 1"),
        (
            &["a", "z"],
            "a 1 extras=x: b; extra=='x'\na 2 extras=x: b; extra=='x'\nb 1\nz 1: a[x]<2",
            "a[x] 1, b 1, z 1",
        ),
    ] {
        assert_eq!(solve(requirements, world), expected, "{requirements:?}");
    }
}

#[test]
fn an_unknown_extra_is_noted_and_no_error() {
    let pins = resolve(&request(&["a[nope]"]), &World::new("a 1.0\na 0.9 extras=nope")).unwrap();
    let [pin] = &pins[..] else { panic!("{pins:?}") };
    assert_eq!((pin.version.to_string(), pin.extras.as_slice()), ("1.0".to_owned(), &[][..]));
    assert_eq!(pin.missing_extras, ["nope".parse().unwrap()]);
}

#[test]
fn a_pin_tells_what_it_requires() {
    let world = "a 1 extras=x: b>0; python_version>'3' | c; extra=='x' | d; sys_platform=='win32'\nb 1\nc 1";
    let pins = resolve(&request(&["a[x]"]), &World::new(world)).unwrap();
    let requires: Vec<String> = pins[0].requires.iter().map(|r| r.name.to_string()).collect();
    assert_eq!(requires, ["b", "c"]);
}

#[test]
fn prereleases_are_for_who_asks_or_has_nothing_else() {
    for (requirements, world, expected) in [
        ("a", "a 1.0\na 2.0rc1", "a 1.0"),
        ("a", "a 1.0rc1\na 2.0.dev3", "a 2.0.dev3"),
        ("a>=2.0rc1", "a 1.0\na 2.0rc1", "a 2.0rc1"),
        ("a<2", "a 1.0rc1\na 2.0rc1", "a 1.0rc1"),
        ("b", "b 1: a\na 1.0rc1", "a 1.0rc1, b 1"),
        ("a", "a 1.0 python=<3\na 2.0rc1", "a 2.0rc1"),
    ] {
        assert_eq!(solve(&[requirements], world), expected, "{requirements}");
    }
    let mut all = request(&["a"]);
    all.prereleases = true;
    assert_eq!(outcome(&all, &World::new("a 1.0\na 2.0rc1")), "a 2.0rc1");
    assert_eq!(
        solve(&["b"], "b 1: a>=2.0rc1\na 1.0\na 2.0rc1"),
        "Because you require b,\n  b 1 needs a>=2.0rc1,\n  and a 2.0rc1 is a pre-release,\nthere is no solution"
    );
}

#[test]
fn yanked_versions_are_for_exact_direct_pins_only() {
    let world = "a 1.0\na 2.0 yanked\nb 1: a==2.0";
    for (requirements, expected) in [
        (&["a"][..], "a 1.0"),
        (&["a==2.0"], "a 2.0"),
        (&["a===2.0"], "a 2.0"),
        (&["a==2.*"], "Because you require a==2.* and a 2.0 was yanked, there is no solution"),
        (&["b", "a==2.0"], "a 2.0, b 1"),
    ] {
        assert_eq!(solve(requirements, world), expected);
    }
}

#[test]
fn the_best_file_of_a_version_is_chosen() {
    let linux = "cp312-cp312-manylinux_2_17_x86_64";
    for (names, expected) in [
        (&["a-1.tar.gz", "a-1-py3.12.egg", "a-1-py3-none-any.whl"][..], "a-1-py3-none-any.whl"),
        (&["a-1.tar.gz", "a-1-py3.12.egg"], "a-1-py3.12.egg"),
        (&["a-1.tar.gz", "a-1-py3.11.egg", "a-1-py3.12-win32.egg"], "a-1.tar.gz"),
        (&["a-1.tar.gz", "a-1-py3.12-linux-x86_64.egg"], "a-1-py3.12-linux-x86_64.egg"),
        (&["a-1-py3-none-any.whl", &format!("a-1-{linux}.whl")], &format!("a-1-{linux}.whl")),
        (
            &["a-1-2-py3-none-any.whl", "a-1-10-py3-none-any.whl", "a-1-py3-none-any.whl"],
            "a-1-10-py3-none-any.whl",
        ),
        (&["a-1-cp311-cp311-win_amd64.whl", "a-1.zip"], "a-1.zip"),
    ] {
        let lines: Vec<String> = names.iter().map(|name| format!("a 1 file={name}")).collect();
        let mut world = World::new(&lines.join("\n"));
        assert_eq!(files(&request(&["a"]), &world), [expected]);
        world.files.values_mut().for_each(|files| files.reverse());
        assert_eq!(files(&request(&["a"]), &world), [expected]);
    }
}

#[test]
fn what_does_not_fit_is_as_if_it_were_not_there_and_the_explanation_says_why() {
    for (flags, reason) in [
        ("python=>=3.13", "needs Python >=3.13"),
        ("python=<3.12", "needs Python <3.12"),
        ("wheel=cp312-cp312-win_amd64", "has no file for this platform and interpreter"),
        ("yanked", "was yanked"),
        ("uploaded=2000", "is too young (uploaded 1970-01-01T00:33:20Z)"),
        ("file=dropped-2.0.tar.gz", "could not be fetched or verified"),
    ] {
        let name = if flags.contains("dropped") { "dropped" } else { "a" };
        let world = World::new(&format!("{name} 1.0 uploaded=1000\n{name} 2.0 {flags}"));
        let mut request = request(&[name]);
        request.uploaded_before = Some(Timestamp(1500));
        request.dropped.insert("https://example.org/dropped-2.0.tar.gz".to_owned());
        assert_eq!(outcome(&request, &world), format!("{name} 1.0"), "{flags}");
        request.requirements = vec![format!("{name}>1").parse().unwrap()];
        let expected = format!("Because you require {name}>1 and {name} 2.0 {reason}, there is no solution");
        assert_eq!(outcome(&request, &world), expected);
    }
}

#[test]
fn building_and_binaries_can_be_refused_for_a_project() {
    let world = World::new("a 1 sdist\na 1\nb 1 sdist\nc 1");
    let name = |name: &str| BTreeSet::from([name.parse::<ProjectName>().unwrap()]);
    let mut request = request(&["a"]);
    request.no_binary = name("a");
    assert_eq!(files(&request, &world), ["a-1.tar.gz"]);
    request.no_binary = name("c");
    request.no_build = name("b");
    for (requirement, expected) in [
        (
            "b",
            "Because you require b and b 1 has no wheel that fits, and its sdist may not be used, there is no solution",
        ),
        (
            "c",
            "Because you require c and c 1 has no sdist, and its other files may not be used, there is no solution",
        ),
    ] {
        request.requirements = vec![requirement.parse().unwrap()];
        assert_eq!(outcome(&request, &world), expected);
    }
}

#[test]
fn a_requires_python_that_cannot_be_read_admits_all() {
    assert_eq!(solve(&["a"], "a 1 python=>=3.x\na 2 python=~2"), "a 2");
}

#[test]
fn broken_candidates_give_way_to_the_next() {
    for (world, expected) in [
        ("a 1.0\na 2.0 broken", "a 1.0"),
        ("a 1.0\na 2.0 says=2.1", "a 1.0"),
        ("a 1.0\na 2.0 metadata-python=>=4", "a 1.0"),
        ("a 1.0\na 2.0: a==1.0", "a 1.0"),
        ("a 1.0\na 2.0: b==1 | b==2\nb 1\nb 2", "a 1.0"),
        ("a 1.0\na 2.0: b @ https://example.org/b-1.tar.gz", "a 1.0"),
        ("a 1.0\na 2.0 broken\na 2.0 sdist", "a 2.0"),
        (
            "a 2.0 broken\na 2.0 sdist needs-build",
            "Because you require a and a 2.0 cannot be used: its metadata is not UTF-8, there is no solution",
        ),
        (
            "a 2.0 sdist needs-build",
            "Because you require a and a 2.0 cannot be used: its sdist would need building, there is no solution",
        ),
    ] {
        assert_eq!(solve(&["a"], world), expected);
    }
}

#[test]
fn trouble_with_the_network_is_no_contradiction() {
    let down = |project: &str| Unsolved::Unavailable {
        project: project.parse().unwrap(),
        reason: "connection refused".to_owned(),
    };
    let world = World::new("a 1.0\na 2.0 unreachable\nb 1: down");
    for (requirement, project) in [("a", "a"), ("b", "down"), ("down", "down")] {
        assert_eq!(resolve(&request(&[requirement]), &world), Err(down(project)));
    }
    assert_eq!(outcome(&request(&["a<2"]), &world), "a 1.0");
}

#[test]
fn a_file_that_is_required_by_its_address_is_the_one_candidate() {
    let a1 = "a @ https://example.org/a-1-py3-none-any.whl";
    for (requirements, world, expected) in [
        (&[a1][..], "a 1: b\na 2\nb 1", "a 1, b 1"),
        (&[a1, "a<2"], "a 1\na 2", "a 1"),
        (
            &["a[x] @ https://example.org/a-1-py3-none-any.whl"],
            "a 1 extras=x: b; extra=='x'\nb 1",
            "a[x] 1, b 1",
        ),
        (&["b", a1], "a 1\na 2\nb 1: a<3", "a 1, b 1"),
        (&["a @ https://example.org/a-1rc1.tar.gz"], "a 1rc1 sdist\na 1", "a 1rc1"),
        (
            &[a1, "a>1"],
            "a 1\na 2",
            "Because you require a @ https://example.org/a-1-py3-none-any.whl and a>1, which admits no version, there is no solution",
        ),
        (
            &["b", a1],
            "a 1\na 2\nb 1: a>1",
            "Because you require a @ https://example.org/a-1-py3-none-any.whl and b and b 1 needs a>1, there is no solution",
        ),
        (
            &[a1, "a @ https://elsewhere.org/a-1-py3-none-any.whl?token=s3cret"],
            "a 1",
            "Because you require a @ https://example.org/a-1-py3-none-any.whl and \
             a @ https://elsewhere.org/a-1-py3-none-any.whl?token=***, which are two files, there is no solution",
        ),
        (
            &["a @ https://example.org/v1.tar.gz"],
            "a 1",
            "'https://example.org/v1.tar.gz' cannot be required: it does not tell project and version: \
             name the file so, or an archive with #egg=name-1.0",
        ),
        (
            &["b"],
            "b 1: a @ https://example.org/a-1-py3-none-any.whl\na 1",
            "Because you require b and b 1 needs a @ https://example.org/a-1-py3-none-any.whl, \
             which only launcher.toml and pipper packages may do, there is no solution",
        ),
    ] {
        assert_eq!(solve(requirements, world), expected, "{requirements:?}");
    }
}

#[test]
fn an_address_that_a_pipper_package_brings_beats_the_sources_whenever_it_comes_up() {
    let pipper =
        "p 1.0.0 file=p-v1-0-0.pipper: a @ https://example.org/a-1-py3-none-any.whl?X-Amz-Signature=one";
    for (requirements, more, expected) in [
        (&["p"][..], "", "a 1, p 1.0.0"),
        // By then the sources have been asked for `a` and version 2 was chosen.
        (&["a", "p"], "", "a 1, p 1.0.0"),
        (&["a", "p", "q"], "q 1: a", "a 1, p 1.0.0, q 1"),
        (&["p", "a @ https://example.org/a-1-py3-none-any.whl?X-Amz-Signature=two"], "", "a 1, p 1.0.0"),
        (
            &["p", "a>1"],
            "",
            "Because you require a>1 and \
             a @ https://example.org/a-1-py3-none-any.whl?X-Amz-Signature=*** is required too, there is no solution",
        ),
        (
            &["p", "a @ https://example.org/a-2-py3-none-any.whl"],
            "",
            "Because you require p and p 1.0.0 needs a @ https://example.org/a-1-py3-none-any.whl?X-Amz-Signature=***, \
             but a @ https://example.org/a-2-py3-none-any.whl is required too, there is no solution",
        ),
    ] {
        assert_eq!(solve(requirements, &format!("{pipper}\na 1\na 2\n{more}")), expected, "{requirements:?}");
    }
}

#[test]
fn the_wheel_in_a_pipper_package_has_to_fit() {
    let mut world = World::new("p 1.0.0 file=p-v1-0-0.pipper\np 2.0.0 file=p-v2-0-0.pipper");
    let Some(Ok(metadata)) = world.metadata.get_mut("p-v2-0-0.pipper") else { panic!() };
    let Format::Wheel { tags, .. } = DistributionName::parse("p-2.0.0-cp27-none-win32.whl").unwrap().format
    else {
        panic!()
    };
    metadata.wheel_tags = tags;
    assert_eq!(outcome(&request(&["p"]), &world), "p 1.0.0");
}

#[test]
fn explanations_name_the_conflict_in_plain_words() {
    for (requirements, world, expected) in [
        (&["a"][..], "", "Because you require a and no source has a, there is no solution"),
        (
            &["myapp", "rich<12"],
            "myapp 2.0: rich>=13\nrich 11\nrich 13",
            "Because you require myapp and rich<12 and myapp 2.0 needs rich>=13, there is no solution",
        ),
        (
            &["a==1.0", "a==2.0"],
            "a 1.0\na 2.0",
            "Because you require a==1.0 and a==2.0, which admits no version, there is no solution",
        ),
        (
            &["a>1.0"],
            "a 1.0+local\na 0.9",
            "Because you require a>1.0 and a has only 0.9 and 1.0+local, there is no solution",
        ),
        (
            &["a", "b<2"],
            "a 1: b>=2\na 2: b>=2\na 3: b>=2\nb 1\nb 2",
            "Because you require a and b<2 and every version of a needs b>=2, there is no solution",
        ),
        (
            &["a>=2", "b<2"],
            "a 1\na 2: b>=2\na 3: b>=3\na 4: b>=3\nb 1\nb 2\nb 3",
            "Because you require a>=2 and b<2,\n  a 2 needs b>=2,\n  and a>=3 needs b>=3,\nthere is no solution",
        ),
        (
            &["a[x]", "b==2"],
            "a 1 extras=x: b==1; extra=='x'\nb 1\nb 2",
            "Because you require a[x] and b==2 and a[x] 1 needs b==1, there is no solution",
        ),
        (
            &["a"],
            "a 1: b==2.* | c\nb 2.1: c==1\nc 2\nc 3",
            "Because you require a,\n  a 1 needs b==2.*,\n  b 2.1 needs c==1,\n  and c has only 2 and 3,\nthere is no solution",
        ),
    ] {
        let found = solve(requirements, world);
        assert_eq!(found, expected, "{requirements:?}");
        assert!(!found.contains("dev0") && !found.contains('∅'), "{found}");
    }
}

#[test]
fn metadata_is_asked_only_for_what_is_tried_and_only_once() {
    let world = World::new("a 1\na 2: b\na 3: b<1\nb 1\nb 2\nc 1: a<3 | b\nc 0");
    assert_eq!(outcome(&request(&["a", "c"]), &world), "a 2, b 2, c 1");
    let mut asked = world.asked.borrow().clone();
    asked.sort();
    assert_eq!(asked, ["a-2-py3-none-any.whl", "b-2-py3-none-any.whl", "c-1-py3-none-any.whl"]);
}

#[test]
fn the_likely_file_is_the_one_that_is_chosen_first() {
    let world = World::new("a 1\na 2 sdist\na 2\na 3 python=<3\na 4rc1");
    let files = &world.files[&"a".parse().unwrap()];
    let likely_for = |text: &str| {
        let requirement: Requirement = text.parse().unwrap();
        likely(&request(&[]), &requirement, files).map(|file| file.filename.clone())
    };
    assert_eq!(likely_for("a"), Some("a-2-py3-none-any.whl".to_owned()));
    assert_eq!(likely_for("a<2"), Some("a-1-py3-none-any.whl".to_owned()));
    assert_eq!(likely_for("a>2"), None);
    assert_eq!(likely_for("a @ https://example.org/a-1.tar.gz"), None);
}

#[test]
fn a_deep_chain_that_fails_is_explained_in_a_few_lines_and_in_a_small_stack() {
    const DEPTH: usize = 1500;
    let mut text = String::new();
    for depth in 0..DEPTH {
        for version in 1..=2 {
            writeln!(text, "p{depth} {version}: p{}", depth + 1).unwrap();
        }
    }
    let found = std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || solve(&["p0"], &text))
        .unwrap()
        .join()
        .unwrap();
    assert!(found.lines().count() < 25 && found.contains("no source has p1500"), "{found}");
}

#[test]
fn an_endless_chain_is_given_up() {
    struct Endless;
    impl Catalogue for Endless {
        fn files(&self, project: &ProjectName) -> Result<Option<Arc<[File]>>, Unavailable> {
            Ok(Some([file(&format!("{project}-1-py3-none-any.whl"))].as_slice().into()))
        }
        fn metadata(&self, file: &File) -> Result<Arc<Metadata>, Unavailable> {
            let number: u64 = file.name.project.as_str().trim_start_matches('p').parse().unwrap();
            Ok(Arc::new(Metadata {
                metadata_version: (2, 1),
                name: file.name.project.clone(),
                version: file.name.version.clone(),
                requires_dist: vec![format!("p{}", number + 1).parse().unwrap()],
                requires_python: None,
                provides_extra: Vec::new(),
                dynamic: Vec::new(),
                wheel_tags: TagSets::default(),
            }))
        }
    }
    assert!(matches!(resolve(&request(&["p0"]), &Endless), Err(Unsolved::TooHard(_))));
}

#[test]
fn formats_without_a_wheel_still_count() {
    let world = World::new("a 1 file=a-1-py3.12.egg\nb 1 file=b-1.zip");
    let formats: Vec<Format> =
        resolve(&request(&["a", "b"]), &world).unwrap().into_iter().map(|pin| pin.file.name.format).collect();
    assert_eq!(formats, [Format::Egg { python: Some("3.12".to_owned()), platform: None }, Format::Sdist]);
}

#[test]
fn a_requirement_of_very_many_parts_is_no_burden() {
    let excluded: Vec<String> = (0..20_000).map(|number| format!("!={number}")).collect();
    let world = World::new("a 7\na 20001");
    assert_eq!(outcome(&request(&[&format!("a{}", excluded.join(","))]), &world), "a 20001");
    let found = outcome(&request(&[&format!("a<9,{}", excluded.join(","))]), &world);
    assert!(found.len() < 2500 && found.ends_with("there is no solution"), "{found}");
}

#[test]
fn strangers_texts_cannot_steer_a_terminal() {
    let found = solve(&["a"], "a 1 python====\u{1b}[31m");
    assert_eq!(found, "Because you require a and a 1 needs Python ===\u{fffd}[31m, there is no solution");
}
