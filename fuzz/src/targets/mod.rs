//! What is done with hostile bytes, and what must hold afterwards. A target says whether it accepted them.

use std::fmt::Display;

use everfresh::package::marker::MarkerEnvironment;
use everfresh::package::name::ProjectName;

pub mod archives;
mod description;
pub mod files;
pub mod pages;
pub mod texts;

/// A function over bytes that nobody vouches for.
pub type Target = fn(&[u8]) -> bool;

/// All targets by name: that of a folder in `fuzz/corpus` and of a program in `fuzz/bin`.
pub const TARGETS: &[(&str, Target)] = &[
    ("address", files::address),
    ("config", files::config),
    ("durations", files::durations),
    ("egg", archives::egg),
    ("entry_points", texts::entry_points),
    ("facts", files::facts),
    ("filename", texts::filename),
    ("html_index", pages::html_index),
    ("json_index", pages::json_index),
    ("links", pages::links),
    ("lock", files::lock),
    ("marker", texts::marker),
    ("members", archives::members),
    ("metadata", texts::metadata),
    ("netrc", files::netrc),
    ("package_address", texts::package_address),
    ("pipper_constraint", texts::pipper_constraint),
    ("pipper_meta", texts::pipper_meta),
    ("record", files::record),
    ("requirement", texts::requirement),
    ("s3_listing", pages::s3_listing),
    ("sdist", archives::sdist),
    ("specifier", texts::specifier),
    ("state", files::state),
    ("version", texts::version),
    ("wheel", archives::wheel),
    ("wheel_record", texts::wheel_record),
];

/// "One clear line": short enough to read, without anything that a terminal would obey.
fn one_line(message: &dyn Display) {
    let text = message.to_string();
    assert!(!text.is_empty(), "a message without words");
    assert!(!text.contains(char::is_control), "a message with control characters: {text:?}");
    assert!(text.chars().count() <= 4000, "a message of {} characters", text.chars().count());
}

/// The text before the first control byte 1, and the one behind it: two inputs in one.
fn two(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == 1) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}

/// The project that pages and archives are read for.
fn myapp() -> ProjectName {
    "myapp".parse().expect("a name")
}

fn environment() -> MarkerEnvironment {
    MarkerEnvironment::from_pairs([
        ("os_name", "posix"),
        ("sys_platform", "linux"),
        ("platform_machine", "x86_64"),
        ("platform_python_implementation", "CPython"),
        ("platform_release", "6.1.0-18-amd64"),
        ("platform_system", "Linux"),
        ("platform_version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1"),
        ("python_version", "3.11"),
        ("python_full_version", "3.11.2"),
        ("implementation_name", "cpython"),
        ("implementation_version", "3.11.2"),
    ])
}
