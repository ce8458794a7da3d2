//! Named repositories: kept for one user, read from pipper's own file where there are no others, their keys never shown.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::aws::mode;
use crate::support::{App, daemon};

fn own(app: &App) -> PathBuf {
    app.root().join("home/.config/everfresh/repositories.json")
}

fn pippers(app: &App) -> PathBuf {
    let file = app.root().join("home/.pipper/repositories.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    file
}

/// The real pipper, in the app's home.
fn pipper(app: &App, words: &[&str]) -> String {
    let mut command = Command::new(daemon::tool("pipper"));
    command.args(words).env_clear().env("HOME", app.root().join("home")).current_dir(app.root());
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_repository_is_added_changed_listed_and_removed_and_its_key_is_never_shown() {
    let app = App::new();
    let add = ["repository", "add", "team", "-b", "wheels", "--root-prefix", "own", "-d"];
    let keys = ["-c", "AKIATEAM", "secret-of-the-team", "token-of-the-team"];
    app.tool(&[&add[..], &keys].concat()).prints("team is added\n");
    assert_eq!(mode(&own(&app)), 0o600);
    assert_eq!(mode(own(&app).parent().unwrap()), 0o700);
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(own(&app)).unwrap()).unwrap();
    let team = json!({
        "bucket": "wheels", "profile": null, "root_prefix": "own", "access_key_id": "AKIATEAM",
        "secret_access_key": "secret-of-the-team", "session_token": "token-of-the-team",
        "endpoint": null, "region": null,
    });
    assert_eq!(kept, json!({"repositories": {"team": team}, "default": "team"}));
    app.tool(&["repository", "list"]).prints("team  s3://wheels/own  key AKIATEAM  (default)\n");
    app.tool(&["repository", "add", "copy", "-r", "team", "--prefix=other"]).prints("copy is added\n");
    let change = ["repository", "modify", "copy", "-p", "work", "--region", "eu-west-1"];
    app.tool(&change).prints("copy is changed\n");
    app.tool(&["repository", "list"])
        .prints("copy  s3://wheels/other  profile work\nteam  s3://wheels/own  key AKIATEAM  (default)\n");
    let list = app.tool(&["repository", "list", "--json"]);
    assert_eq!(
        list.status(0).json(),
        json!({"repositories": [
            {"name": "copy", "bucket": "wheels", "prefix": "other", "profile": "work",
             "access_key_id": "AKIATEAM", "endpoint": null, "region": "eu-west-1", "default": false},
            {"name": "team", "bucket": "wheels", "prefix": "own", "profile": null,
             "access_key_id": "AKIATEAM", "endpoint": null, "region": null, "default": true},
        ]})
    );
    app.tool(&["repository", "exists", "team"]).prints("team exists\n");
    app.tool(&["repository", "remove", "team"]).prints("team is removed\n");
    app.tool(&["repository", "list"]).prints("copy  s3://wheels/other  profile work\n");
    let missing = "everfresh: error: there is no repository 'team'\nhint: there are copy\n";
    app.tool(&["repository", "exists", "team"]).fails(1, missing);
    let json = app.tool(&["repository", "exists", "team", "--json"]);
    json.status(1).stdout("{\"exists\":false,\"name\":\"team\"}\n").stderr(missing);
}

#[test]
fn pippers_own_repositories_serve_until_there_are_others_and_are_never_written() {
    let app = App::new();
    let file = pippers(&app);
    // The real pipper writes it.
    let added = pipper(&app, &["repository", "add", "old", "-b", "old-bucket", "-d"]);
    assert!(added.contains("[ADDED]"), "{added}");
    let before = std::fs::read(&file).unwrap();
    app.tool(&["repository", "list"]).prints("old  s3://old-bucket/pipper  (default)\n");
    assert!(!own(&app).exists());
    app.tool(&["repository", "add", "new", "--bucket", "new-bucket"]).prints("new is added\n");
    app.tool(&["repository", "list"])
        .prints("new  s3://new-bucket/pipper\nold  s3://old-bucket/pipper  (default)\n");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // And it reads what we write.
    std::fs::copy(own(&app), &file).unwrap();
    let listed = pipper(&app, &["repository", "list"]);
    assert!(listed.contains("  * new\n  * old\nDefault configuration is: old\n"), "{listed}");
}

#[test]
fn two_that_are_added_at_once_are_both_there() {
    let app = App::new();
    let names: Vec<String> = (0..8).map(|number| format!("team-{number}")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| app.start_tool(&["repository", "add", name, "--bucket", "wheels"]).spawn())
        .collect();
    for (running, name) in running.into_iter().zip(&names) {
        running.wait().prints(&format!("{name} is added\n"));
    }
    let lines: Vec<String> = names.iter().map(|name| format!("{name}  s3://wheels/pipper\n")).collect();
    app.tool(&["repository", "list"]).prints(&lines.concat());
}

#[test]
fn what_cannot_be_done_is_said_in_two_lines() {
    let app = App::new();
    app.tool(&["repository", "add", "team", "--bucket", "wheels"]).prints("team is added\n");
    let help = "see: everfresh help repository";
    for (words, status, error, hint) in [
        (
            &["add", "team", "--bucket", "b"][..],
            1,
            "there is a repository 'team' already",
            "everfresh repository modify changes it",
        ),
        (&["modify", "none", "--bucket", "b"], 1, "there is no repository 'none'", "there are team"),
        (&["remove", "none"], 1, "there is no repository 'none'", "there are team"),
        (&["add", "x", "-r", "none", "-b", "b"], 1, "there is no repository 'none'", "there are team"),
        (&["add", "x"], 2, "repository add needs a --bucket", help),
        (&["add", "", "--bucket", "b"], 2, "a repository needs a name of one line", help),
        (&["add"], 2, "repository add needs a NAME", help),
        (&["list", "team"], 2, "repository does not take 'team'", help),
        (&["drop", "team"], 2, "repository does not drop: add, modify, remove, list or exists", help),
        (
            &["add", "x", "-b", "b", "-c", "KEY"],
            2,
            "repository: --credentials needs its KEY SECRET [TOKEN]",
            help,
        ),
    ] {
        let words = [&["repository"], words].concat();
        app.tool(&words).fails(status, &format!("everfresh: error: {error}\nhint: {hint}\n"));
    }
    for (text, reason) in [
        ("{\n\"repositories\": {,\n", "line 2: not valid JSON"),
        ("[]", "expected {\"repositories\": {NAME: {…}}, \"default\": NAME}"),
        ("{\"repositories\": {\"a\": {\"bucket\": 1}}}", "bucket of 'a' is no text"),
        ("{\"repositories\": {\"a\": {\"access_key_id\": \"K\"}}}", "'a' has one half of a key"),
    ] {
        std::fs::write(own(&app), text).unwrap();
        let error = format!("everfresh: error: [DIR]/home/.config/everfresh/repositories.json: {reason}\n");
        app.tool(&["repository", "list"]).fails(1, &(error + "hint: mend it, or take it away\n"));
    }
}
