//! Addresses that serve whoever has them, for some time.

use serde_json::{Value, json};

use crate::support::bucket::{ACCESS_KEY, BUCKET, SECRET_KEY};
use crate::support::{App, Pipper, Response, Server, Storage, Wheel, python};

/// A packager of that bucket.
fn packager(storage: &Storage) -> App {
    storage.app("pipper").env("AWS_ENDPOINT_URL_S3", storage.endpoint()).env("AWS_REGION", "us-east-1")
}

/// Somebody without any credentials.
fn anybody(storage: &Storage) -> App {
    App::new().env("AWS_EC2_METADATA_DISABLED", "true").redact(&storage.endpoint(), "[S3]")
}

fn put(storage: &Storage, package: &Pipper) {
    let path = storage.write(package.clone());
    let key = format!("pipper/{}", package.key());
    storage.boto3(&[json!(["put_object", {"Bucket": BUCKET, "Key": key, "Path": path}])]);
}

fn urls(app: &App, words: &[&str]) -> Vec<String> {
    let outcome = app.tool(&[&["authorize", "-q"], words].concat());
    outcome.status(0).stderr("");
    let text = String::from_utf8(outcome.bytes().to_vec()).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    text.trim_end().split(' ').map(str::to_owned).collect()
}

/// Status and length, as Python's own client has them.
fn fetch(url: &str) -> String {
    const CODE: &str = "import sys, urllib.request, urllib.error\n\
        try: answer = urllib.request.urlopen(sys.argv[1])\n\
        except urllib.error.HTTPError as error: answer = error\n\
        print(answer.status, len(answer.read()))";
    let output = std::process::Command::new(python::path()).args(["-I", "-c", CODE, url]).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim_end().to_owned()
}

/// rclone checks the signature of every address.
#[test]
fn an_authorized_address_serves_without_credentials_and_in_path_style() {
    let storage = Storage::rclone();
    let (old, new) = (Pipper::app("1.0.0"), Pipper::app("1.1.0"));
    put(&storage, &old);
    put(&storage, &new);
    let app = packager(&storage);
    let urls = urls(&app, &["-b", BUCKET, "-e", "12mins", "myapp", "myapp:<1.1.0"]);
    let path = |version: &str| format!("{}/{BUCKET}/pipper/myapp/{version}.pipper?", storage.endpoint());
    for (url, package, version) in [(&urls[0], &new, "v1-1-0"), (&urls[1], &old, "v1-0-0")] {
        assert!(url.starts_with(&path(version)), "{url}");
        assert!(url.contains("X-Amz-Expires=720&"), "{url}");
        assert_eq!(fetch(url), format!("200 {}", package.build().len()));
        assert!(fetch(&url.replace("v1-", "v2-")).starts_with("403 "));
    }
    let words = app.tool(&["authorize", "-b", BUCKET, "myapp"]);
    words.stdout_fits("[AUTHORIZED]: myapp -> [S3]/wheels/pipper/myapp/v1-1-0.pipper?…X-Amz-Expires=600…\n");
    let json = app.tool(&["authorize", "-b", BUCKET, "--json", "myapp"]).json();
    let one = &json["authorized"][0];
    assert_eq!(one["name"], "myapp");
    assert!(one["until"].as_str().unwrap().ends_with('Z'));
    assert!(fetch(one["url"].as_str().unwrap()).starts_with("200 "));
}

/// rclone checks the signature of every address.
#[test]
fn a_list_of_addresses_is_all_that_download_and_install_need() {
    let storage = Storage::rclone();
    put(&storage, &Pipper::app("1.0.0"));
    put(&storage, &Pipper::new(Wheel::new("dep", "2.0.0"), "2.0.0"));
    let app =
        packager(&storage).file("../home/pipper.json", "{\"dependencies\": [\"myapp:1.*.*\", \"dep\"]}");
    let list = app.root().join("list.json");
    let saved = app.tool(&["authorize", "-b", BUCKET, "-o", list.to_str().unwrap()]);
    saved.stdout_fits("[AUTHORIZED]: myapp -> …\n[AUTHORIZED]: dep -> …\n[SAVED]: …/list.json\n");
    let kept: Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    assert_eq!(kept.as_object().unwrap().keys().collect::<Vec<_>>(), ["dependencies"]);
    assert_eq!(kept["dependencies"].as_array().unwrap().len(), 2);
    let user = anybody(&storage);
    let words = ["download", "-i", list.to_str().unwrap(), "-d", "got"];
    user.tool(&words).prints(
        "[DOWNLOADED]: myapp -> [DIR]/home/got/myapp-v1-0-0.pipper\n\
         [DOWNLOADED]: dep -> [DIR]/home/got/dep-v2-0-0.pipper\n",
    );
    let got = std::fs::read(user.root().join("home/got/myapp-v1-0-0.pipper")).unwrap();
    assert_eq!(got, Pipper::app("1.0.0").build());
    let python = python::venv();
    let words = ["install", "-i", list.to_str().unwrap(), "-t", "site", "--python", python.to_str().unwrap()];
    user.tool(&words).prints("[INSTALLED]: dep 2.0.0\n[INSTALLED]: myapp 1.0.0\n");
    assert!(user.root().join("home/site/myapp-1.0.0.dist-info").is_dir());
}

/// rclone checks the signature of every address.
#[test]
fn what_everfresh_published_can_be_authorized_by_its_key() {
    let storage = Storage::rclone();
    storage.add("myapp/files", Wheel::app("1.0"));
    let lock = storage.page("lock-version = \"1.0\"\n");
    let key = "myapp/stable/pylock.toml";
    storage.boto3(&[json!(["put_object", {"Bucket": BUCKET, "Key": key, "Path": lock}])]);
    let app = packager(&storage);
    let wheel = format!("s3://{BUCKET}/myapp/files/myapp-1.0-py3-none-any.whl");
    let urls = urls(&app, &[&wheel, &format!("s3://{BUCKET}/{key}")]);
    assert_eq!(fetch(&urls[1]), "200 21");
    let user = anybody(&storage);
    user.tool(&["download", &urls[0]])
        .prints("[DOWNLOADED]: myapp -> [DIR]/home/myapp-1.0-py3-none-any.whl\n");
    let (site, python) = (user.root().join("site"), python::venv());
    let words = ["install", &urls[0], "-t", site.to_str().unwrap(), "--python", python.to_str().unwrap()];
    user.tool(&words).prints("[INSTALLED]: myapp 1.0\n");
    app.tool(&["authorize", &format!("s3://{BUCKET}/none")]).fails(
        1,
        "everfresh: error: s3://wheels/ has no none\nhint: check the name, --bucket and --prefix\n",
    );
}

#[test]
fn an_authorization_that_ended_is_told_as_such_and_nothing_is_kept() {
    let server = Server::start();
    server.everything(Response::status(403));
    let path = "/wheels/pipper/myapp/v1-0-0.pipper?X-Amz-Date=20200131T235500Z&X-Amz-Expires=600";
    let url = server.url(&format!("{path}&X-Amz-Signature=0123"));
    let user = App::new().redact(server.url("/").trim_end_matches('/'), "[S3]");
    let shown = "[S3]/wheels/pipper/myapp/v1-0-0.pipper?X-Amz-Date=***&X-Amz-Expires=***&X-Amz-Signature=***";
    for words in [&["download", &url][..], &["install", &url]] {
        user.tool(words).fails(
            1,
            &format!(
                "everfresh: error: the authorization of {shown} ended at 2020-02-01T00:05:00Z\n\
                 hint: ask whoever sent it for a new one: everfresh authorize\n"
            ),
        );
        assert_eq!(files(&user), Vec::<String>::new());
    }
}

fn files(app: &App) -> Vec<String> {
    let entries = std::fs::read_dir(app.root().join("home")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_address_that_lost_a_part_is_refused_in_other_words() {
    let server = Server::start();
    server.everything(Response::status(403));
    let url = server.url("/wheels/pipper/myapp/v1-0-0.pipper?X-Amz-Signature=0");
    let app = App::new().redact(server.url("/").trim_end_matches('/'), "[S3]");
    let outcome = app.tool(&["download", &url]);
    outcome.status(1).stderr_has(
        " is refused\nhint: it has to be whole, with all behind the '?'; else ask for a new one\n",
    );
}

#[test]
fn an_address_with_nothing_at_it_is_told_as_such() {
    let server = Server::start();
    server.everything(Response::status(404));
    let app = App::new().redact(server.url("/").trim_end_matches('/'), "[S3]");
    let url = server.url("/wheels/pipper/myapp/v1-0-0.pipper");
    app.tool(&["download", &url]).fails(
        1,
        "everfresh: error: there is nothing at [S3]/wheels/pipper/myapp/v1-0-0.pipper\n\
         hint: check the address, or ask whoever sent it\n",
    );
}

/// moto looks at no token, so that one can be made up.
#[test]
fn temporary_credentials_take_what_they_authorize_with_them() {
    let storage = Storage::moto();
    put(&storage, &Pipper::app("1.0.0"));
    let app = packager(&storage);
    let words = ["authorize", "-b", BUCKET, "myapp", "-c", ACCESS_KEY, SECRET_KEY];
    app.tool(&[&words[..], &["0"]].concat()).status(0).stderr("");
    let with_token = app.tool(&[&words[..], &["a-token"]].concat());
    with_token.status(0).stdout_has("X-Amz-Security-Token=a-token");
    with_token
        .stderr("everfresh: warning: the credentials are temporary: what they authorize ends with them\n");
    let end = crate::support::aws::moment(400);
    let app = app.env("AWS_CREDENTIAL_EXPIRATION", &end).env("AWS_SESSION_TOKEN", "a-token");
    app.tool(&["authorize", "-b", BUCKET, "myapp", "-e", "5m"]).status(0).stderr("");
    app.tool(&["authorize", "-b", BUCKET, "myapp"]).status(0).stderr(&format!(
        "everfresh: warning: the credentials end at {end}, and what they authorize with them\n"
    ));
}

#[test]
fn what_cannot_be_authorized_is_said_in_two_lines() {
    let storage = Storage::rclone();
    put(&storage, &Pipper::app("1.0.0"));
    let app = packager(&storage);
    let help = "see: everfresh help authorize";
    for (words, status, error, hint) in [
        (
            &["myapp"][..],
            1,
            "nothing says which bucket",
            "give --bucket or --repository, or add a default repository",
        ),
        (&["-b", BUCKET], 2, "authorize needs a NAME, or a pipper.json with dependencies", help),
        (
            &["-b", BUCKET, "-e", "600", "myapp"],
            2,
            "'600' is no time: expected 18s, 12mins, 3hr or 2days",
            help,
        ),
        (
            &["-b", BUCKET, "-e", "8days", "myapp"],
            2,
            "no service serves a signed address for more than 7 days (Signature Version 4)",
            help,
        ),
        (
            &["-b", BUCKET, "none"],
            1,
            "s3://wheels/pipper/ has no none",
            "check the name, --bucket and --prefix",
        ),
        (&["-b", BUCKET, "myapp:>1.0.0"], 1, "s3://wheels/pipper/ has no myapp:>1.0.0", "there are 1.0.0"),
        (&["-r", "none", "myapp"], 1, "there is no repository 'none'", "everfresh repository add makes one"),
        (&["-b", "a b", "myapp"], 2, "no bucket can have the name 'a b'", help),
        (&["-b", BUCKET, "--prefix", "a/../b", "myapp"], 2, "'a/../b' is no folder in a bucket", help),
        (&["-b", BUCKET, "s3://wheels"], 2, "'s3://wheels' is no object: expected s3://bucket/key", help),
        (
            &["-b", BUCKET, "https://h/pipper/myapp/v1-0-0.pipper"],
            2,
            "'https://h/pipper/myapp/v1-0-0.pipper' is an address already",
            help,
        ),
    ] {
        let words = [&["authorize"], words].concat();
        app.tool(&words).fails(status, &format!("everfresh: error: {error}\nhint: {hint}\n"));
    }
    let nobody = anybody(&storage).env("AWS_ENDPOINT_URL_S3", storage.endpoint());
    nobody.tool(&["authorize", "-b", BUCKET, "myapp"]).status(1);
}
