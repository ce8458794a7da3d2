use serde_json::{Value, json};

use super::*;
use crate::package::filename::{DistributionName, Format};
use crate::package::marker::MarkerEnvironment;

fn facts(changes: &[(&str, Value)]) -> InterpreterFacts {
    let mut answer = json!({
        "executable": "/usr/bin/python3",
        "version": [3, 9, 1],
        "implementation": "cpython",
        "cache_tag": "cpython-39",
        "ext_suffix": ".cpython-39-x86_64-linux-gnu.so",
        "soabi": "cpython-39-x86_64-linux-gnu",
        "platform": "linux-x86_64",
        "pointer_bits": 64,
        "debug": false,
        "free_threaded": false,
        "pymalloc": true,
        "libc": null,
        "elf": null,
        "macos": null,
        "markers": {"platform_system": "Linux"},
    });
    for (path, value) in changes {
        *answer.pointer_mut(path).unwrap() = value.clone();
    }
    InterpreterFacts::parse(answer.to_string().as_bytes()).unwrap()
}

fn listed(tags: &Tags) -> Vec<String> {
    tags.iter().map(|tag| format!("{}-{}-{}", tag.python, tag.abi, tag.platform)).collect()
}

fn sets(text: &str) -> TagSets {
    let name = DistributionName::parse_wheel(&format!("a-1-{text}.whl")).unwrap();
    let Format::Wheel { tags, .. } = name.format else { panic!("{text}") };
    tags
}

#[test]
fn a_cpython_accepts_its_own_interface_then_the_stable_ones_then_pure_python() {
    let tags = Tags::for_interpreter(&facts(&[("/version", json!([3, 3, 0])), ("/pymalloc", json!(false))]));
    assert_eq!(
        listed(&tags),
        [
            "cp33-cp33-linux_x86_64",
            "cp33-abi3-linux_x86_64",
            "cp33-none-linux_x86_64",
            "cp32-abi3-linux_x86_64",
            "py33-none-linux_x86_64",
            "py3-none-linux_x86_64",
            "py32-none-linux_x86_64",
            "py31-none-linux_x86_64",
            "py30-none-linux_x86_64",
            "cp33-none-any",
            "py33-none-any",
            "py3-none-any",
            "py32-none-any",
            "py31-none-any",
            "py30-none-any",
        ]
    );
    assert_eq!(tags.rank(&sets("py3.cp33-none.abi3-any.linux_x86_64")), Some(1));
    assert_eq!(tags.rank(&sets("py2.cp34-none.cp34-any.linux_x86_64")), None);
    assert_eq!(tags.rank(&TagSets::default()), None);
}

#[test]
fn interfaces_differ_by_build() {
    for (changes, first) in [
        (vec![], vec!["cp39-cp39-linux_x86_64", "cp39-abi3-linux_x86_64"]),
        (vec![("/version", json!([3, 7, 1]))], vec!["cp37-cp37m-linux_x86_64", "cp37-abi3-linux_x86_64"]),
        (vec![("/debug", json!(true))], vec!["cp39-cp39d-linux_x86_64", "cp39-cp39-linux_x86_64"]),
        (
            vec![("/version", json!([3, 13, 1])), ("/free_threaded", json!(true))],
            vec!["cp313-cp313t-linux_x86_64", "cp313-abi3t-linux_x86_64"],
        ),
        (
            vec![
                ("/implementation", json!("pypy")),
                ("/version", json!([3, 10, 14])),
                ("/ext_suffix", json!(".pypy310-pp73-x86_64-linux-gnu.so")),
            ],
            vec!["pp310-pypy310_pp73-linux_x86_64", "pp310-none-linux_x86_64", "py310-none-linux_x86_64"],
        ),
        (
            vec![
                ("/implementation", json!("graalpy")),
                ("/version", json!([3, 11, 7])),
                ("/ext_suffix", json!(".graalpy-38-native-x86_64-linux.so")),
            ],
            vec!["graalpy311-graalpy_38_native-linux_x86_64", "graalpy311-none-linux_x86_64"],
        ),
    ] {
        let tags = listed(&Tags::for_interpreter(&facts(&changes)));
        assert_eq!(&tags[..first.len()], &first[..]);
    }
}

#[test]
fn platforms_are_listed_from_the_newest_down_with_their_old_names() {
    let glibc = |version: &str| ("/libc", json!(["glibc", version]));
    let arm = json!({"bits": 32, "little_endian": true, "machine": 40, "flags": 0x0500_0400});
    for (changes, platforms) in [
        (
            vec![glibc("2.6")],
            vec!["linux_x86_64", "manylinux_2_6_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"],
        ),
        (
            vec![glibc("2.18"), ("/platform", json!("linux-aarch64"))],
            vec![
                "linux_aarch64",
                "manylinux_2_18_aarch64",
                "manylinux_2_17_aarch64",
                "manylinux2014_aarch64",
            ],
        ),
        (vec![glibc("2.4")], vec!["linux_x86_64"]),
        (vec![glibc("2.36"), ("/platform", json!("linux-mips"))], vec!["linux_mips"]),
        (vec![glibc("2.17"), ("/pointer_bits", json!(32))], vec!["linux_i686"]),
        (
            vec![
                glibc("2.17"),
                ("/pointer_bits", json!(32)),
                ("/platform", json!("linux-aarch64")),
                ("/elf", arm),
            ],
            vec![
                "linux_armv8l",
                "linux_armv7l",
                "manylinux_2_17_armv8l",
                "manylinux2014_armv8l",
                "manylinux_2_17_armv7l",
                "manylinux2014_armv7l",
            ],
        ),
        (
            vec![("/libc", json!(["musl", "1.1.24"]))],
            vec!["linux_x86_64", "musllinux_1_1_x86_64", "musllinux_1_0_x86_64"],
        ),
        (
            vec![("/platform", json!("freebsd-13.1-amd64")), ("/markers/platform_system", json!("FreeBSD"))],
            vec!["freebsd_13_1_amd64"],
        ),
    ] {
        assert_eq!(Platform::of(&facts(&changes)).tags(), platforms);
    }
}

#[test]
fn a_mac_accepts_what_older_systems_and_other_processors_formats_hold() {
    let mac = |version: &str, arch: &str| {
        let darwin = ("/markers/platform_system", json!("Darwin"));
        let tags = Platform::of(&facts(&[darwin, ("/macos", json!([version, arch]))])).tags();
        (tags[..4].to_vec(), tags.len())
    };
    let owned = |tags: [&str; 4]| tags.map(str::to_owned).to_vec();
    assert_eq!(
        mac("12.3", "arm64"),
        (
            owned([
                "macosx_12_0_arm64",
                "macosx_12_0_universal2",
                "macosx_11_0_arm64",
                "macosx_11_0_universal2"
            ]),
            2 * 2 + 13
        )
    );
    assert_eq!(
        mac("10.5", "x86_64"),
        (owned(["macosx_10_5_x86_64", "macosx_10_5_intel", "macosx_10_5_fat64", "macosx_10_5_fat3"]), 2 * 6)
    );
    assert_eq!(mac("11.0", "x86_64").1, 6 + 13 * 6);
}

#[test]
fn another_machines_platform_can_be_named() {
    for (name, first) in [
        ("linux", "linux_x86_64 manylinux_2_28_x86_64"),
        ("linux-aarch64", "linux_aarch64 manylinux_2_28_aarch64"),
        ("x86_64-manylinux_2_17", "linux_x86_64 manylinux_2_17_x86_64"),
        ("aarch64-manylinux2014", "linux_aarch64 manylinux_2_17_aarch64"),
        ("manylinux_2_31_x86_64", "linux_x86_64 manylinux_2_31_x86_64"),
        ("manylinux1_i686", "linux_i686 manylinux_2_5_i686"),
        ("musllinux_1_2_aarch64", "linux_aarch64 musllinux_1_2_aarch64"),
        ("x86_64-unknown-linux-musl", "linux_x86_64 musllinux_1_2_x86_64"),
        ("aarch64-apple-darwin", "macosx_13_0_arm64 macosx_13_0_universal2"),
        ("macosx_11_0_arm64", "macosx_11_0_arm64 macosx_11_0_universal2"),
        ("windows", "win_amd64"),
    ] {
        let tags = Platform::named(name).unwrap_or_else(|| panic!("{name}")).tags();
        assert_eq!(tags.iter().take(2).cloned().collect::<Vec<_>>().join(" "), first, "{name}");
    }
    for name in
        ["", "linux-", "x86_64-", "plan9", "manylinux_2_900_x86_64", "x86_64-manylinux_2", "linux-../x"]
    {
        assert_eq!(Platform::named(name), None, "{name}");
    }
    let version = PythonVersion { major: 3, minor: 12, micro: 0 };
    let platform = Platform::named("x86_64-manylinux_2_17").unwrap();
    let tags = Tags::for_target(version, &platform);
    assert_eq!(listed(&tags)[0], "cp312-cp312-linux_x86_64");
    assert!(tags.rank(&sets("cp39-abi3-manylinux2014_x86_64")).is_some());
    let mut markers = MarkerEnvironment::default();
    platform.describe(&mut markers);
    assert_eq!((&markers.sys_platform[..], &markers.platform_machine[..]), ("linux", "x86_64"));
}
