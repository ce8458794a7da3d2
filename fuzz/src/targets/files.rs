//! Files of ours and of the user's: damaged, edited by hand, or from another version.

use std::path::Path;
use std::str::from_utf8;
use std::time::Duration;

use everfresh::config::Config;
use everfresh::launch::Launch;
use everfresh::net::netrc_login;
use everfresh::package::lock::{Installer, Lock};
use everfresh::package::tags::{Platform, Tags};
use everfresh::packager::lock::write;
use everfresh::python::InterpreterFacts;
use everfresh::python::PythonVersion;
use everfresh::record::{FileStamp, Record};
use everfresh::source;
use everfresh::state::{Failure, State};
use everfresh::time::{Timestamp, parse_duration, show_duration};
use everfresh::trust::hashes::sha256_hex;

use super::{one_line, two};

/// The last second of the year 9999: RFC 3339 knows none after it.
const LAST_MOMENT: u64 = 253_402_300_799;

/// See the table.
pub fn record(bytes: &[u8]) -> bool {
    // Bytes without a right checksum do not come far: they are read with one too.
    let plain = read_record(bytes);
    let mut whole = header();
    whole.extend(sha256_hex(bytes).into_bytes());
    whole.push(b'\n');
    whole.extend(bytes);
    read_record(&whole) || plain
}

fn read_record(bytes: &[u8]) -> bool {
    let Some(record) = Record::decode(bytes) else { return false };
    record.is_fresh(Timestamp(1_700_000_000));
    assert_eq!(Record::decode(&record.encode()).as_ref(), Some(&record));
    true
}

/// The first line of every record that this version writes.
fn header() -> Vec<u8> {
    let launch =
        Launch { generation: 1, interpreter: "/".into(), arguments: Vec::new(), variables: Vec::new() };
    let record = Record {
        config: FileStamp::default(),
        interpreter: FileStamp::default(),
        completion: "/".into(),
        boot: None,
        decided: Timestamp(0),
        next_check: None,
        self_word: None,
        news: None,
        on_probation: false,
        launch,
    };
    let mut bytes = record.encode();
    let end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    bytes.truncate(end + 1);
    bytes
}

/// See the table.
pub fn state(bytes: &[u8]) -> bool {
    let Some(state) = State::parse(bytes) else { return false };
    let next = state.next_number();
    for generation in &state.generations {
        assert!(generation.number < next || next == u64::MAX, "{} of {next}", generation.number);
        assert!(state.good_before(generation.number).is_none_or(|good| good.number < generation.number));
        generation.identity();
        generation.describe("myapp");
        generation.recipe.launch(generation.number, Path::new("/python"), Path::new("/site"));
    }
    state.active();
    state.decided();
    state.next_check(Duration::MAX, "inputs");
    let _ = Failure::after(state.failure.as_ref(), Timestamp(u64::MAX), Duration::MAX, 1.0, String::new());
    let written = serde_json::to_vec(&state).expect("a state can be written");
    assert!(State::parse(&written).is_some());
    true
}

/// See the table.
pub fn config(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match Config::parse(text, Path::new("/opt/myapp")) {
        Ok(config) => {
            config.resolution_inputs();
            one_line(&config.app.entry);
            true
        }
        Err(error) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&error.line), "line {}", error.line);
            one_line(&error.problem);
            if let Some(hint) = error.problem.hint() {
                one_line(&hint);
            }
            false
        }
    }
}

/// See the table.
pub fn lock(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    let lock = match Lock::parse(text) {
        Ok(lock) => lock,
        Err(fault) => {
            one_line(&fault);
            return false;
        }
    };
    let environment = super::environment();
    let platform = Platform::named("linux-x86_64").expect("a platform");
    let tags = Tags::for_target(PythonVersion { major: 3, minor: 11, micro: 0 }, &platform);
    let python = "3.11.0".parse().expect("a version");
    let installer = Installer { environment: &environment, python: &python, tags: &tags, extras: &[] };
    match lock.applying(&installer) {
        Ok(places) => assert!(places.iter().all(|at| *at < lock.packages.len())),
        Err(fault) => one_line(&fault),
    }
    let written = write(&lock);
    let again = Lock::parse(&written).expect("what is written can be read");
    assert_eq!(write(&again), written, "what is written is read as the same");
    true
}

/// See the table.
pub fn address(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    match source::infer(text, Path::new("/opt/myapp")) {
        Ok(_) => true,
        Err(invalid) => {
            one_line(&invalid);
            let authority =
                text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#', '\\']).next());
            let user_info = authority.and_then(|authority| Some(authority.rsplit_once('@')?.0));
            let secret = user_info.and_then(|user_info| Some(user_info.split_once(':')?.1));
            // What a URL's reader leaves out (tabs and ends of lines) must not make two places look like one.
            let read = text.replace(['\t', '\r', '\n'], "");
            if let Some(secret) =
                secret.filter(|secret| secret.len() > 9 && read.matches(secret).count() == 1)
            {
                assert!(!invalid.to_string().contains(secret), "{invalid} has the secret of {text:?}");
            }
            false
        }
    }
}

/// See the table.
pub fn netrc(bytes: &[u8]) -> bool {
    let (host, file) = two(bytes);
    let host = String::from_utf8_lossy(host);
    let text = String::from_utf8_lossy(file.unwrap_or_default());
    match netrc_login(&text, &host) {
        Some((user, password)) => {
            assert!(user.len() + password.len() <= text.len());
            true
        }
        None => false,
    }
}

/// See the table.
pub fn facts(bytes: &[u8]) -> bool {
    match InterpreterFacts::parse(bytes) {
        Ok(_) => true,
        Err(invalid) => {
            one_line(&invalid);
            false
        }
    }
}

/// See the table.
pub fn durations(bytes: &[u8]) -> bool {
    let Ok(text) = from_utf8(bytes) else { return false };
    let duration = parse_duration(text);
    if let Some(duration) = duration {
        one_line(&show_duration(duration));
        let _ = Timestamp(1).plus(duration);
    }
    let moment = Timestamp::parse_rfc3339(text);
    if let Some(moment) = moment.filter(|moment| moment.0 <= LAST_MOMENT) {
        assert_eq!(Timestamp::parse_rfc3339(&moment.to_string()), Some(moment), "{text:?}");
    }
    duration.is_some() || moment.is_some()
}
