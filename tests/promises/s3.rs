//! Folders in S3, on servers that we did not write.

use serde_json::json;

use crate::support::bucket::{ACCESS_KEY, BUCKET};
use crate::support::{App, Bucket, Sdist, Storage, Wheel};

/// rclone checks every signature, of listings, downloads and ranges alike; boto3 puts the files there.
#[test]
fn a_private_folder_serves_whoever_has_the_keys() {
    let storage = Storage::rclone();
    storage.add("packages", Wheel::app("1.0").requires("dep>=2"));
    storage.add("packages", Sdist::new("dep", "2.0").printing_module("dep"));
    let app = storage.app("packages");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    storage.add("packages", Wheel::app("1.1"));
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    app.settle();
    // The app keeps on starting when the keys are no longer let in.
    app.start::<&str>(&[]).env("AWS_SECRET_ACCESS_KEY", "another").run().prints("myapp 1.1\n");
}

/// rclone signs what it receives itself: a path or a query that is escaped otherwise would not fit.
#[test]
fn keys_may_have_any_characters() {
    let storage = Storage::rclone();
    for prefix in ["team pkgs+ü #1%20&=?", "deep/er"] {
        storage.add(prefix, Wheel::app("1.0+local.1").distribution());
        let app = storage.app(prefix);
        app.run::<&str>(&[]).prints("myapp 1.0+local.1\n");
    }
}

/// rclone tells a wrong secret from a wrong key, and takes an unsigned request for a bad one.
#[test]
fn a_first_run_without_the_right_keys_says_which_is_wrong() {
    const KEYS: &str = "hint: check the AWS credentials: the access key and the secret key belong together\n";
    let storage = Storage::rclone();
    storage.add("packages", Wheel::app("1.0"));
    for (variable, value, said) in [
        (
            "AWS_SECRET_ACCESS_KEY",
            "another",
            format!("the secret key is not that of the access key (SignatureDoesNotMatch)\n{KEYS}"),
        ),
        (
            "AWS_ACCESS_KEY_ID",
            "AKIAANOTHER",
            format!("the service does not know the access key (InvalidAccessKeyId)\n{KEYS}"),
        ),
    ] {
        let app = storage.app("packages").env(variable, value);
        let expected = format!("myapp: error: cannot list s3://{BUCKET}/packages/: {said}");
        app.run::<&str>(&[]).fails(125, &expected);
    }
    let unsigned = storage.app("packages").source_key("credentials", "none");
    let expected = format!(
        "myapp: error: cannot list s3://{BUCKET}/packages/: the service answers 400 UnsupportedAlgorithm\n\
         hint: check the AWS credentials; without any, requests are unsigned\n"
    );
    unsigned.run::<&str>(&[]).fails(125, &expected);
}

/// moto pages after a thousand keys as Amazon does.
#[test]
fn a_folder_of_many_pages_is_read_to_its_end() {
    let storage = Storage::moto();
    let many = json!({"Bucket": BUCKET, "Key": "packages/aaa-%d.txt", "Count": 1050});
    storage.boto3(&[json!(["many", many])]);
    storage.add("packages", Wheel::app("1.0"));
    storage.app("packages").run::<&str>(&[]).prints("myapp 1.0\n");
}

/// moto gives an upload in parts an `ETag` that is no MD5, as Amazon does, and heeds `If-Match`.
#[test]
fn what_was_uploaded_in_parts_serves() {
    let storage = Storage::moto();
    let wheel = Wheel::app("1.0").file("myapp_data/random.bin", noise(6 << 20)).distribution();
    let path = storage.write(wheel.clone());
    let name = format!("packages/{}", wheel.filename);
    let listed = storage.boto3(&[
        json!(["in_parts", {"bucket": BUCKET, "name": name, "path": path}]),
        json!(["list_objects_v2", {"Bucket": BUCKET}]),
    ]);
    let etag = listed[1]["Contents"][0]["ETag"].as_str().unwrap();
    assert!(etag.ends_with("-2\""), "{etag}");
    storage.app("packages").run::<&str>(&[]).prints("myapp 1.0\n");
}

/// rclone answers a range with 200 and the part, and says in `Content-Range` which: a wheel that will not do is not
/// fetched whole to find that out.
#[test]
fn what_a_wheel_requires_is_read_from_its_end() {
    let storage = Storage::rclone();
    storage.add("packages", Wheel::app("1.0"));
    let large = Wheel::app("1.1").requires("nowhere>=1").file("myapp_data/random.bin", noise(400 << 10));
    storage.add("packages", large);
    let app = storage.app("packages");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let described = app.cached_named("unpacked.json");
    let described: Vec<String> =
        described.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(described.iter().any(|text| text.contains("myapp-1.0")), "{described:?}");
    assert!(!described.iter().any(|text| text.contains("myapp-1.1")), "{described:?}");
}

/// moto answers 304 to a condition that still holds, and whom nobody knows only where the object is public: an index of static pages in a public bucket costs no bytes.
#[test]
fn static_pages_in_a_bucket_are_asked_for_with_a_condition() {
    let storage = Storage::moto();
    let wheel = storage.write(Wheel::app("1.0"));
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let page = storage.page(&format!("<!DOCTYPE html><a href='../../files/{name}'>{name}</a>"));
    for (key, path, kind) in
        [(format!("files/{name}"), &wheel, "application/zip"), ("simple/myapp/".into(), &page, "text/html")]
    {
        let object =
            json!({"Bucket": BUCKET, "Key": key, "Path": path, "ContentType": kind, "ACL": "public-read"});
        storage.boto3(&[json!(["put_object", object])]);
    }
    let app = App::new().requirements(["myapp"]).entry("myapp:main");
    let app = app.source_of_type("index", format!("{}/{BUCKET}/simple/", storage.endpoint()));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let debug = |app: &App| app.start(&["self", "update"]).env("EVERFRESH_LOG", "debug").run();
    debug(&app).status(0).stderr_has("myapp: 1 files, 0 skipped, unchanged");
}

/// Bytes that no compression makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_public_bucket_is_asked_unsigned() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let by_word = bucket.app().source_key("credentials", "none");
    let without = bucket.app().env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    for app in [by_word, without] {
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        let requests = bucket.server().requests();
        assert!(requests.len() >= 2);
        assert!(requests.iter().all(|request| request.header("authorization").is_none()));
        bucket.server().forget();
    }
}

/// S3 refuses any other kind of login; and nobody said that the password is for the service.
#[test]
fn a_bucket_is_never_shown_what_netrc_has_for_its_host() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let app = bucket.app().source_key("credentials", "none");
    std::fs::write(app.root().join("home/.netrc"), "default login me password s3cret\n").unwrap();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let requests = bucket.server().requests();
    assert!(requests.len() >= 2);
    assert!(requests.iter().all(|request| request.header("authorization").is_none()));
}

/// What is public lies in a folder of a bucket that is private for the rest: each source asks as it says.
#[test]
fn an_unsigned_folder_below_a_signed_one_stays_unsigned() {
    let bucket = Bucket::with([Wheel::app("1.0").requires("dep")]);
    let dep = Wheel::new("dep", "1.0").distribution();
    bucket.put(&format!("packages/public/{}", dep.filename), dep.bytes);
    let app = bucket.app().source_key("projects", vec!["myapp"]);
    let app = app.source("s3://wheels/packages/public").source_key("credentials", "none");
    app.source_key("endpoint", bucket.endpoint()).run::<&str>(&[]).prints("myapp 1.0\n");
    for request in bucket.server().requests() {
        let public = request.target.contains("/public/") || request.target.contains("public%2F");
        assert_eq!(request.header("authorization").is_none(), public, "{}", request.target);
    }
}

#[test]
fn the_endpoint_may_come_from_the_environment() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let app = App::new().requirements(["myapp"]).entry("myapp:main").source("s3://wheels/packages");
        let app = app.source_key("credentials", "none").env(variable, bucket.endpoint());
        app.run::<&str>(&[]).prints("myapp 1.0\n");
    }
}

#[test]
fn a_folder_named_after_a_project_is_looked_into_and_no_other() {
    let bucket = Bucket::new();
    let file = |file: &Wheel| file.distribution();
    for (folder, wheel) in [("MyApp", Wheel::app("1.0").requires("d.e_p")), ("other", Wheel::app("9.9"))] {
        bucket.put(&format!("packages/{folder}/{}", file(&wheel).filename), file(&wheel).bytes);
    }
    let dep = file(&Wheel::new("d-e-p", "1.0"));
    bucket.put("packages/", "").put(&format!("packages/D.e-p/{}", dep.filename), dep.bytes);
    bucket.app().run::<&str>(&[]).prints("myapp 1.0\n");
    let requests = bucket.server().requests();
    let lists = requests.iter().filter_map(|request| request.target.split_once("prefix=packages%2F"));
    let mut asked: Vec<&str> = lists.map(|(_, folder)| folder).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["", "D.e-p%2F", "MyApp%2F"]);
}

#[test]
fn a_check_with_nothing_new_among_a_thousand_files_is_one_request() {
    let bucket = Bucket::with([Wheel::app("1.0").requires("dep-7")]);
    bucket.add(Wheel::new("dep-7", "1.0"));
    for number in 0..996 {
        bucket.put(&format!("packages/dep_{number}-0.1-py3-none-any.whl"), "no wheel");
    }
    let app = bucket.app();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    bucket.server().forget();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let requests = bucket.server().requests();
    let asked: Vec<&str> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(
        asked,
        ["/wheels/?delimiter=%2F&encoding-type=url&list-type=2&prefix=packages%2F"],
        "at most 2 are promised"
    );
}

#[test]
fn ten_thousand_keys_are_eleven_requests() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    for number in 0..10_000 {
        bucket.put(&format!("packages/other-{number}-py3-none-any.whl"), "");
    }
    bucket.app().run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(bucket.server().count("/wheels/"), 11);
}

#[test]
fn only_the_bucket_sees_a_signature() {
    let elsewhere = Bucket::with([Wheel::new("dep", "1.0")]);
    let bucket = Bucket::with([Wheel::app("1.0").requires("dep")]);
    let app = bucket.app().source("s3://wheels/packages").source_key("endpoint", elsewhere.endpoint());
    let app = app.source_key("credentials", "none");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let signed = |bucket: &Bucket| {
        let requests = bucket.server().requests();
        let begin = format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/");
        requests
            .iter()
            .filter(|request| request.header("authorization").is_some_and(|h| h.starts_with(&begin)))
            .count()
    };
    assert_eq!(signed(&bucket), bucket.server().requests().len());
    assert_eq!(signed(&elsewhere), 0);
    assert!(!elsewhere.server().requests().is_empty());
}
