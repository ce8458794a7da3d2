//! What the packager's tool does with buckets, on servers that we did not write, compared with boto3.

use serde_json::{Value, json};

use crate::support::bucket::BUCKET;
use crate::support::{App, Storage};

#[track_caller]
fn ask(app: &App, request: &Value) -> Value {
    let outcome = app.start_tool(&["rpc"]).stdin(request.to_string()).run();
    outcome.status(0);
    outcome.json()
}

/// Keys as they should not be, but are.
const KEYS: [&str; 6] = ["a b+c%d#é.bin", "%2F", "x/y/z~'(1)!*", "x/ä&ö=ü?", "x/y", "semi;colon,$@:"];

fn request(storage: &Storage, op: &str, more: &Value) -> Value {
    let mut request =
        json!({"op": op, "endpoint": storage.endpoint(), "region": "us-east-1", "bucket": BUCKET});
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

/// moto pages, and takes keys that are both objects and folders, as Amazon does.
#[test]
fn what_we_put_boto3_lists_and_we_get_back() {
    let storage = Storage::moto();
    let app = storage.app("");
    let (source, dest) = (app.root().join("source"), app.root().join("dest"));
    for (at, key) in KEYS.iter().enumerate() {
        std::fs::write(&source, format!("{at}")).unwrap();
        let put = ask(&app, &request(&storage, "s3.put", &json!({"key": key, "source": source})));
        assert_eq!(put, json!({"ok": true}));
        let got = ask(&app, &request(&storage, "s3.get", &json!({"key": key, "dest": dest})));
        assert_eq!((&got["ok"], &got["size"]), (&json!(true), &json!(1)), "{got}");
        assert_eq!(std::fs::read_to_string(&dest).unwrap(), format!("{at}"));
    }
    let many = json!({"Bucket": BUCKET, "Key": "many/%d", "Count": 1001});
    let listed = storage
        .boto3(&[json!(["many", many]), json!(["list_objects_v2", {"Bucket": BUCKET, "Delimiter": "/"}])]);
    for (prefix, delimiter, count) in
        [("", Value::Null, 1007), ("", json!("/"), 3), ("x/", json!("/"), 2), ("x/y", Value::Null, 2)]
    {
        let answer =
            ask(&app, &request(&storage, "s3.list", &json!({"prefix": prefix, "delimiter": delimiter})));
        assert_eq!(answer["objects"].as_array().unwrap().len(), count, "{prefix} {answer}");
    }
    let ours = ask(&app, &request(&storage, "s3.list", &json!({"prefix": "", "delimiter": "/"})));
    let theirs = &listed[1];
    let objects = theirs["Contents"].as_array().unwrap().iter().map(|object| {
        let etag = object["ETag"].as_str().unwrap().trim_matches('"');
        json!({"key": object["Key"], "size": object["Size"], "etag": etag})
    });
    assert_eq!(ours["objects"], json!(objects.collect::<Vec<_>>()));
    let prefixes = theirs["CommonPrefixes"].as_array().unwrap().iter().map(|prefix| &prefix["Prefix"]);
    assert_eq!(ours["prefixes"], json!(prefixes.collect::<Vec<_>>()));
}

/// rclone checks the signature of a pre-signed address.
#[test]
fn a_pre_signed_address_serves_without_keys_and_only_as_it_is() {
    let storage = Storage::rclone();
    let app = storage.app("");
    let source = app.root().join("x");
    std::fs::write(&source, "contents").unwrap();
    let key = "a b+c%d#é.bin";
    let put = ask(&app, &request(&storage, "s3.put", &json!({"key": key, "source": source})));
    assert_eq!(put, json!({"ok": true}));
    let answer = ask(&app, &request(&storage, "s3.presign", &json!({"key": key, "expires": 60})));
    let url = answer["url"].as_str().unwrap().to_owned();
    assert_eq!(fetch(&url), "200 contents");
    for (from, to) in
        [("X-Amz-Expires=60", "X-Amz-Expires=61"), ("a%20b", "a%20c"), ("Signature=", "Signature=0")]
    {
        let tampered = url.replace(from, to);
        assert_ne!(tampered, url);
        assert!(fetch(&tampered).starts_with("403 "), "{tampered}");
    }
    let error = ask(&app, &request(&storage, "s3.get", &json!({"key": "none", "dest": source})));
    assert_eq!(
        error,
        json!({"ok": false, "error": "cannot fetch s3://wheels/none: the service answers 404 NoSuchKey"})
    );
    assert_eq!(std::fs::read_to_string(&source).unwrap(), "contents");
}

/// Status and body, as Python's own client has them.
fn fetch(url: &str) -> String {
    const CODE: &str = "import sys, urllib.request, urllib.error\n\
        try: answer = urllib.request.urlopen(sys.argv[1])\n\
        except urllib.error.HTTPError as error: answer = error\n\
        print(answer.status, answer.read().decode(), end='')";
    let output =
        std::process::Command::new(crate::support::python::path()).args(["-I", "-c", CODE, url]).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}
