//! What is decided without asking anybody.

use std::time::Duration;

use super::expiry;
use super::identity::{Claims, Identity, Keys};
use super::info::Standing;
use super::repositories::Repository;
use crate::host::Env;
use crate::package::pipper::semver::SemVer;
use crate::package::version::parse_version;

#[test]
fn the_time_of_an_authorization_is_a_number_and_a_unit() {
    for (text, seconds) in [
        ("18s", 18),
        ("12mins", 720),
        ("130m", 7800),
        ("3hr", 10_800),
        ("3 hours", 10_800),
        ("1D", 86_400),
        ("7days", 604_800),
    ] {
        assert_eq!(expiry::parse(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    let too_long = "no service serves a signed address for more than 7 days (Signature Version 4)";
    for (text, words) in [
        ("", "'' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("600", "'600' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("m", "'m' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("-3m", "'-3m' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("3.5h", "'3.5h' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("2months", "'2months' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("1week", "'1week' is no time: expected 18s, 12mins, 3hr or 2days"),
        ("0s", "an address that expires at once serves nobody"),
        ("8days", too_long),
        ("169h", too_long),
        ("99999999999999999999s", too_long),
    ] {
        assert_eq!(expiry::parse(text).map_err(|error| error.to_string()), Err(words.to_owned()), "{text}");
    }
}

/// `environment.py get_session`
#[test]
fn who_asks_is_whom_the_first_of_pippers_places_says() {
    let keys = |id: &str| Keys::new(id.to_owned(), "secret".to_owned(), Some("0".to_owned()));
    let repository = |profile: Option<&str>, id: Option<&str>| Repository {
        profile: profile.map(str::to_owned),
        keys: id.map(keys),
        ..Repository::default()
    };
    let command_line = keys("COMMAND");
    let both = repository(Some("named"), Some("NAMED"));
    let only_key = repository(None, Some("NAMED"));
    let usual = repository(Some("usual"), Some("USUAL"));
    let usual_key = repository(None, Some("USUAL"));
    let pipper = [("PIPPER_AWS_ACCESS_KEY_ID", "PIPPER"), ("PIPPER_AWS_SECRET_ACCESS_KEY", "s")];
    let aws = [("AWS_ACCESS_KEY_ID", "AWS"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let all: Env = pipper.into_iter().chain(aws).collect();
    let aws: Env = aws.into_iter().collect();
    let nothing = Claims { keys: None, named: None, profile: None, usual: Some(&usual) };
    let full = Claims {
        keys: Some(&command_line),
        named: Some(&both),
        profile: Some("option"),
        usual: Some(&usual),
    };
    for (claims, env, expected) in [
        (full, &all, "COMMAND"),
        (Claims { keys: None, ..full }, &all, "profile named"),
        (Claims { keys: None, named: Some(&only_key), ..full }, &all, "NAMED"),
        (Claims { keys: None, named: None, ..full }, &all, "profile option"),
        (nothing, &all, "PIPPER"),
        (nothing, &aws, "usual places"),
        (nothing, &Env::default(), "profile usual"),
        (Claims { usual: Some(&usual_key), ..nothing }, &Env::default(), "USUAL"),
        (Claims { usual: None, ..nothing }, &Env::default(), "usual places"),
    ] {
        let found = match Identity::of(&claims, env).unwrap() {
            Identity::Keys(keys) => {
                assert_eq!(keys.token, None);
                keys.id
            }
            Identity::Profile(name) => format!("profile {name}"),
            Identity::Usual => "usual places".to_owned(),
        };
        assert_eq!(found, expected);
    }
    let half: Env = [("PIPPER_AWS_ACCESS_KEY_ID", "PIPPER")].into_iter().collect();
    assert!(Identity::of(&nothing, &half).is_err());
}

#[test]
fn a_wheels_version_becomes_a_semantic_one_where_it_means_the_same() {
    for (version, expected) in [
        ("1.2.3", Some("1.2.3")),
        ("1.2", Some("1.2.0")),
        ("2", Some("2.0.0")),
        ("1.1.0rc1", Some("1.1.0-rc.1")),
        ("1.0a2+local.7", Some("1.0.0-alpha.2+local.7")),
        ("1.0.dev3", Some("1.0.0-dev.3")),
        ("1.0.post1", None),
        ("1!1.0", None),
        ("1.2.3.4", None),
        ("1.0a1.dev2", None),
    ] {
        let found = SemVer::from_pep440(&parse_version(version).unwrap()).map(|found| found.to_string());
        assert_eq!(found.as_deref(), expected, "{version}");
    }
}

#[test]
fn what_is_installed_is_missing_behind_ahead_or_current() {
    let version = |text| parse_version(text).unwrap();
    for (local, expected) in [
        (None, Standing::Missing),
        (Some("1.0"), Standing::Behind),
        (Some("1.1rc1"), Standing::Behind),
        (Some("1.1"), Standing::Current),
        (Some("1.2.dev1"), Standing::Ahead),
    ] {
        assert_eq!(Standing::of(local.map(version).as_ref(), &version("1.1.0")), expected, "{local:?}");
    }
}
