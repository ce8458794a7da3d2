//! Buckets that refuse, lie or change: one clear line, and what is installed starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everfresh::trust::hashes::sha256_hex;

use crate::support::bucket::{BUCKET, Bucket, md5_hex, refusal};
use crate::support::response::base64;
use crate::support::server::Request;
use crate::support::{Response, Wheel};

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

fn is_listing(request: &Request) -> bool {
    request.target.contains("list-type=2")
}

fn xml(body: &str) -> Response {
    Response::ok(body).content_type("application/xml")
}

/// A first run with a bucket that lies so says this; one that is installed starts.
#[track_caller]
fn says(lie: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static, message: &str, hint: &str) {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let installed = bucket.app();
    installed.run::<&str>(&[]).prints("myapp 1.0\n");
    installed.settle();
    bucket.lie(lie);
    let expected = format!("myapp: error: {message}\nhint: {hint}\n");
    bucket.app().run::<&str>(&[]).fails(125, &expected);
    installed.run::<&str>(&[]).prints("myapp 1.0\n");
    installed.settle();
    installed.run(&["self", "info"]).stdout_has(message);
}

#[test]
fn a_refusal_is_told_in_words() {
    const KEYS: &str = "check the AWS credentials: the access key and the secret key belong together";
    const REGION: &str = "set region in the [[source]] of launcher.toml";
    for (status, code, words, hint) in [
        (403, "InvalidAccessKeyId", "the service does not know the access key", KEYS),
        (404, "NoSuchBucket", "there is no such bucket", "check the source's address in launcher.toml"),
        (
            403,
            "AccessDenied",
            "access is denied",
            "whoever owns the bucket has to allow s3:ListBucket and s3:GetObject",
        ),
        (301, "PermanentRedirect", "the bucket is in another region", REGION),
    ] {
        let message = format!("cannot list s3://wheels/packages/: {words} ({code})");
        says(move |_| Some(refusal(status, code, "")), &message, hint);
    }
}

pub(super) fn a_session_that_has_expired_is_told() {
    const SESSION: &str = "log in again: temporary AWS credentials have an end";
    let message = "cannot list s3://wheels/packages/: the session has expired (ExpiredToken)";
    says(|_| Some(refusal(400, "ExpiredToken", "")), message, SESSION);
}

#[test]
fn a_listing_that_cannot_be_used_is_told_in_words() {
    let again = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x\
                 </NextContinuationToken></ListBucketResult>";
    for (body, reason) in [
        ("<ListBucketResult><Contents><Key>packages/a", "the answer is damaged: it ends in the middle"),
        ("<html><p>welcome<br></html>", "the answer is damaged: it is no XML"),
        ("<!DOCTYPE html><html></html>", "the answer is damaged: it has a document type"),
        ("<Other/>", "the answer is not a list of objects"),
        ("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "the list does not end"),
        (again, "the list does not end"),
    ] {
        let message = format!("cannot list s3://wheels/packages/: {reason}");
        says(move |_| Some(xml(body)), &message, "check the source's address and endpoint in launcher.toml");
    }
}

#[test]
fn a_listing_that_never_ends_is_given_up() {
    let page = AtomicUsize::new(0);
    let lie = move |_: &Request| {
        let at = page.fetch_add(1, Ordering::Relaxed);
        let keys: String =
            (0..1000).map(|n| format!("<Contents><Key>packages/{at}-{n}</Key></Contents>")).collect();
        Some(xml(&format!(
            "<ListBucketResult>{keys}<IsTruncated>true</IsTruncated><NextContinuationToken>{at}\
             </NextContinuationToken></ListBucketResult>"
        )))
    };
    says(
        lie,
        "cannot list s3://wheels/packages/: more than 100000 entries",
        "give the packages a folder of their own in the bucket",
    );
}

#[test]
fn a_download_that_is_refused_is_told_in_words() {
    let wheel = "myapp-1.0-py3-none-any.whl";
    let bucket = Bucket::with([Wheel::app("1.0")]);
    bucket.lie(|request| (!is_listing(request)).then(|| refusal(400, "ExpiredToken", "")));
    let expected = format!(
        "myapp: error: cannot fetch [S3]/wheels/packages/{wheel}: the session has expired (ExpiredToken)\n\
         hint: log in again: temporary AWS credentials have an end\n"
    );
    bucket.app().run::<&str>(&[]).fails(125, &expected);
}

#[test]
fn an_object_that_was_replaced_after_it_had_been_listed_is_not_taken() {
    let expected = "myapp: error: myapp-1.0-py3-none-any.whl was replaced after it had been listed\n\
                    hint: start it again: somebody is publishing\n";
    let wheel = Wheel::app("1.0").distribution();
    let size = wheel.bytes.len();
    let old = move |request: &Request| {
        is_listing(request).then(|| {
            xml(&format!(
                "<ListBucketResult><Contents><Key>packages/myapp-1.0-py3-none-any.whl</Key><ETag>\"{}\"</ETag>\
                 <Size>{size}</Size></Contents></ListBucketResult>",
                "0".repeat(32)
            ))
        })
    };
    // By a server that heeds If-Match, and by one that does not.
    let heeding = Bucket::with([wheel.clone()]);
    heeding.lie(old);
    heeding.app().run::<&str>(&[]).fails(125, expected);
    let deaf = Bucket::with([wheel.clone()]);
    deaf.lie(move |request| {
        let whole = || Response::ok(wheel.bytes.clone()).etag(&md5_hex(&wheel.bytes)).ranges();
        old(request).or_else(|| Some(whole()))
    });
    deaf.app().run::<&str>(&[]).fails(125, expected);
}

/// The requests' dates, and the regions in their signatures.
fn signed(bucket: &Bucket) -> Vec<(String, String)> {
    let requests = bucket.server().requests();
    let signed = requests.iter().map(|request| {
        let scope = request.header("authorization").unwrap().split('/').nth(2).unwrap().to_owned();
        (request.header("x-amz-date").unwrap()[..4].to_owned(), scope)
    });
    signed.collect()
}

#[test]
fn the_region_that_the_service_names_is_taken_and_remembered() {
    let told = [
        Response::status(301).header("x-amz-bucket-region", "eu-south-2"),
        refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-south-2</Region>"),
    ];
    for answer in told {
        let bucket = Bucket::with([Wheel::app("1.0")]);
        bucket.lie(move |request| {
            let there = request.header("authorization").unwrap().contains("/eu-south-2/s3/");
            (!there).then(|| answer.clone())
        });
        let app = bucket.app();
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        let regions: Vec<String> = signed(&bucket).into_iter().map(|(_, region)| region).collect();
        assert_eq!(regions[..2], ["us-east-1", "eu-south-2"]);
        assert!(regions[1..].iter().all(|region| region == "eu-south-2"), "{regions:?}");
        bucket.server().forget();
        bucket.add(Wheel::app("1.1"));
        app.run::<&str>(&[]).prints("myapp 1.1\n");
        assert!(signed(&bucket).iter().all(|(_, region)| region == "eu-south-2"));
    }
}

#[test]
fn a_service_that_names_one_region_after_the_other_is_followed_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let asked = Arc::clone(&count);
    bucket.lie(move |_| {
        let region = format!("eu-{}", asked.fetch_add(1, Ordering::Relaxed));
        Some(refusal(301, "PermanentRedirect", "").header("x-amz-bucket-region", &region))
    });
    bucket.app().run::<&str>(&[]).fails(
        125,
        "myapp: error: cannot list s3://wheels/packages/: the bucket is in another region (PermanentRedirect)\n\
         hint: set region in the [[source]] of launcher.toml\n",
    );
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn a_folder_that_two_sources_ask_with_different_credentials_is_refused() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let app =
        bucket.app().source(format!("s3://{BUCKET}/packages")).source_key("endpoint", bucket.endpoint());
    app.source_key("credentials", "none").run::<&str>(&[]).fails(
        125,
        "myapp: error: [DIR]/app/launcher.toml:13: s3://wheels/packages/ is a source above already, asked by \
         somebody else\nhint: a source is an index URL, s3://bucket/prefix, a directory, or has a type; each once\n",
    );
}

#[test]
fn a_clock_that_is_off_is_set_by_the_services_for_all_requests() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    bucket.lie(|request| {
        let right = request.header("x-amz-date").unwrap().starts_with("20010203T0405");
        let refusal = refusal(403, "RequestTimeTooSkewed", "");
        (!right).then(|| refusal.header("Date", "Sat, 03 Feb 2001 04:05:06 GMT"))
    });
    let app = bucket.app().env("EVERFRESH_LOG", "debug");
    let outcome = app.run::<&str>(&[]);
    outcome.stdout("myapp 1.0\n");
    outcome.stderr_has("fast by the service's: its time is used");
    app.settle();
    app.start(&["self", "log"])
        .env_remove("EVERFRESH_LOG")
        .run()
        .stdout_has("fast by the service's: its time is used");
    let years: Vec<String> = signed(&bucket).into_iter().map(|(year, _)| year).collect();
    assert!(years.len() > 2 && years[1..].iter().all(|year| year == "2001"), "{years:?}");
}

#[test]
fn a_clock_that_stays_off_is_told() {
    says(
        |_| Some(refusal(403, "RequestTimeTooSkewed", "").header("Date", "Sat, 03 Feb 2001 04:05:06 GMT")),
        "cannot list s3://wheels/packages/: the clock here is not the service's (RequestTimeTooSkewed)",
        "set the clock of this machine",
    );
}

#[test]
fn contents_are_checked_against_what_is_a_digest_of_them_and_nothing_else() {
    let wheel = Wheel::app("1.0").distribution();
    let unhex = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let sha256 = base64(&unhex(&sha256_hex(&wheel.bytes)));
    let wrong = base64(&[7; 32]);
    let (no_md5, kms) = ("0".repeat(32), ("x-amz-server-side-encryption", "aws:kms"));
    let customer = ("x-amz-server-side-encryption-customer-algorithm", "AES256");
    let good: &[(&str, Headers)] = &[
        (&no_md5, &[kms]),
        (&no_md5, &[customer]),
        (&no_md5, &[("x-amz-checksum-sha256", &sha256)]),
        ("aaaa-3", &[]),
        ("aaaa-3", &[("x-amz-checksum-sha256", "bbbb-3")]),
        ("aaaa-3", &[("x-amz-checksum-sha256", &wrong), ("x-amz-checksum-type", "COMPOSITE")]),
        ("odd \u{e9}tag", &[]),
    ];
    for (etag, headers) in good {
        let bucket = Bucket::with([wheel.clone()]);
        bucket.etag(etag);
        for (name, value) in *headers {
            bucket.header(name, value);
        }
        bucket.app().run::<&str>(&[]).prints("myapp 1.0\n");
    }
    let bad: &[(&str, Headers, String)] = &[
        (&no_md5, &[], format!("md5 is {}, should be {no_md5}", md5_hex(&wheel.bytes))),
        (
            &no_md5,
            &[("x-amz-server-side-encryption", "AES256")],
            format!("md5 is {}, should be {no_md5}", md5_hex(&wheel.bytes)),
        ),
        ("aaaa-3", &[("x-amz-checksum-sha256", &wrong)], format!("sha256 is {sha256}, should be {wrong}")),
        (
            "aaaa-3",
            &[kms, ("x-amz-checksum-sha256", &wrong)],
            format!("sha256 is {sha256}, should be {wrong}"),
        ),
    ];
    for (etag, headers, reason) in bad {
        let bucket = Bucket::with([wheel.clone()]);
        bucket.etag(etag);
        for (name, value) in *headers {
            bucket.header(name, value);
        }
        let expected = format!(
            "myapp: error: myapp-1.0-py3-none-any.whl is not what its source promises: {reason}\n\
             hint: the source and the file do not agree: ask whoever publishes it\n"
        );
        bucket.app().run::<&str>(&[]).fails(125, &expected);
    }
}

#[test]
fn what_passes_by_itself_is_asked_once_more() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let count = AtomicUsize::new(0);
    bucket.lie(move |_| (count.fetch_add(1, Ordering::Relaxed) == 0).then(|| refusal(503, "SlowDown", "")));
    bucket.app().run::<&str>(&[]).prints("myapp 1.0\n");
}

/// "Up to date" would be a lie, and nobody would look for the reason.
#[test]
fn what_is_listed_and_cannot_be_had_is_told_to_whoever_asks_for_an_update() {
    let bucket = Bucket::with([Wheel::app("1.0")]);
    let app = bucket.app();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    bucket.add(Wheel::app("1.1"));
    bucket.lie(|request| (!is_listing(request)).then(|| refusal(403, "AccessDenied", "")));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run(&["self", "update"])
        .status(0)
        .stdout_has("myapp 1.0 stays: what the sources offer is kept out (cannot fetch ")
        .stdout_has("access is denied (AccessDenied))\n");
}

#[test]
fn an_address_that_cannot_be_meant_is_told_with_its_line() {
    let cases = [
        ("s3://", "'s3://' is not the address of a source: no bucket can have that name"),
        ("s3://user:pw@b/x", "'s3://b/x' is not the address of a source: no bucket can have that name"),
        (
            "s3://b/../x",
            "'s3://b/../x' is not the address of a source: its path has parts that are '.' or '..', or is too long",
        ),
    ];
    for (address, message) in cases {
        let app = crate::support::App::new().requirements(["myapp"]).entry("myapp:main").source(address);
        app.run::<&str>(&[]).stderr_has(message).status(125);
    }
    let app = Bucket::new().app().env("AWS_REGION", "eu west");
    app.run::<&str>(&[])
        .fails(125, "myapp: error: 'eu west' is not a region\nhint: a region is a word like \"eu-west-1\"\n");
}
