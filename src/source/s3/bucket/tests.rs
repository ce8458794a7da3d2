use rusty_s3::S3Action as _;

use super::*;
use crate::host::{Env, Host};
use crate::net::testing::net;
use crate::source::NoPages;
use crate::source::s3::Object;
use crate::source::s3::Prefix;
use crate::source::s3::listing::read;

fn open(name: &str, wish: &AwsConfig, variables: &[(&str, &str)]) -> Result<Bucket, S3Error> {
    let env: Env = variables.iter().copied().collect();
    let aws = Aws::new(&Host::of_env(env), None);
    let name = BucketName::parse(name).unwrap();
    Bucket::open(&name, Some((&aws, wish)), &net(), &NoPages, Deadline::after(Duration::from_secs(5)))
}

fn wish(endpoint: Option<&str>, region: Option<&str>) -> AwsConfig {
    let (endpoint, region) = (endpoint.map(str::to_owned), region.map(str::to_owned));
    AwsConfig { endpoint, region, anonymous: true, ..AwsConfig::default() }
}

#[test]
fn the_address_follows_from_name_region_and_endpoint() {
    for (name, endpoint, region, expected) in [
        ("wheels", None, None, "https://wheels.s3.us-east-1.amazonaws.com/"),
        ("wheels", None, Some("aws-global"), "https://wheels.s3.us-east-1.amazonaws.com/"),
        ("wheels", None, Some("cn-north-1"), "https://wheels.s3.cn-north-1.amazonaws.com.cn/"),
        ("wheels", None, Some("us-gov-west-1"), "https://wheels.s3.us-gov-west-1.amazonaws.com/"),
        ("my.wheels", None, Some("eu-west-1"), "https://s3.eu-west-1.amazonaws.com/my.wheels/"),
        ("My_Wheels", None, None, "https://s3.us-east-1.amazonaws.com/My_Wheels/"),
        ("wheels", Some("http://u:p@localhost:9000"), None, "http://localhost:9000/wheels/"),
        ("wheels", Some("https://h/minio?x#y"), None, "https://h/minio/wheels/"),
    ] {
        let bucket = open(name, &wish(endpoint, region), &[]).unwrap();
        assert_eq!(bucket.base.as_str(), expected);
    }
    for endpoint in ["localhost:9000", "ftp://h", "https://", "x y"] {
        let error = open("wheels", &wish(Some(endpoint), None), &[]).unwrap_err();
        assert!(matches!(error, S3Error::Endpoint { .. }), "{endpoint}: {error}");
    }
    for region in ["eu.evil.example/", "", "EU", "eu_west"] {
        let error = open("wheels", &wish(None, Some(region)), &[]);
        assert!(matches!(error, Err(S3Error::Region { .. })), "{region}: {error:?}");
    }
}

#[test]
fn an_authorized_address_is_in_path_style_at_amazon_too() {
    let keys = [("AWS_ACCESS_KEY_ID", "KEY"), ("AWS_SECRET_ACCESS_KEY", "SECRET")];
    for (name, endpoint, region, expected) in [
        ("wheels", None, "eu-west-1", "https://s3.eu-west-1.amazonaws.com/wheels/pipper/a/v1-0-0.pipper"),
        (
            "my.wheels",
            None,
            "us-east-1",
            "https://s3.us-east-1.amazonaws.com/my.wheels/pipper/a/v1-0-0.pipper",
        ),
        (
            "wheels",
            None,
            "cn-north-1",
            "https://s3.cn-north-1.amazonaws.com.cn/wheels/pipper/a/v1-0-0.pipper",
        ),
        ("wheels", Some("https://h/s3"), "x", "https://h/s3/wheels/pipper/a/v1-0-0.pipper"),
    ] {
        let wish = AwsConfig { anonymous: false, ..wish(endpoint, Some(region)) };
        let bucket = open(name, &wish, &keys).unwrap();
        let (mut url, lifetime) =
            bucket.authorize("pipper/a/v1-0-0.pipper", Duration::from_secs(60)).unwrap().unwrap();
        assert!(url.query().is_some_and(|query| query.contains("X-Amz-Expires=60")));
        url.set_query(None);
        assert_eq!((url.as_str(), lifetime), (expected, Lifetime::Lasting));
        let nobody = AwsConfig { anonymous: true, ..wish };
        assert_eq!(open(name, &nobody, &[]).unwrap().authorize("x", Duration::from_secs(60)), Ok(None));
    }
}

#[test]
fn names_and_prefixes_are_what_they_can_be() {
    for name in ["", "-a", "a..b", "a/b", "a b", "a@b", "ä", "a:1"] {
        assert!(BucketName::parse(name).is_err(), "{name}");
    }
    for (text, prefix) in [("", ""), ("a", "a/"), ("a/", "a/"), ("/a", "/a/"), ("a?b#c %2F", "a?b#c %2F/")] {
        assert_eq!(Prefix::parse(text).unwrap().as_str(), prefix);
    }
    for text in ["..", "a/./b", "a/../b", "a\nb"] {
        assert!(Prefix::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_object_has_the_address_that_keeps_its_key() {
    let bucket = open("wheels", &wish(Some("http://h"), None), &[]).unwrap();
    for (key, path) in [
        ("a b+c%d#é?.whl", "/wheels/a%20b%2Bc%25d%23%C3%A9%3F.whl"),
        ("//a//b/", "/wheels///a//b/"),
        ("...", "/wheels/..."),
        ("", "/wheels/"),
    ] {
        assert_eq!(bucket.url(key).unwrap().path(), path);
    }
    for key in ["..", "a/../b", "./a"] {
        assert_eq!(bucket.url(key), Err(S3Error::Key { key: key.to_owned() }));
    }
}

/// rusty-s3 is another implementation of the query form.
#[test]
fn rusty_s3_signs_the_same_addresses() {
    for (secret, token, key) in [
        ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, "packages/a-1.0-py3-none-any.whl"),
        ("se/cr+et= \u{e9}%2F&?x", Some("AQo/DY+X==dz"), "a b+c%d#\u{e9}?&=*~'(1)!/x/-._"),
    ] {
        let mut variables = vec![("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", secret)];
        variables.extend(token.map(|token| ("AWS_SESSION_TOKEN", token)));
        let wish = AwsConfig { anonymous: false, ..wish(Some("http://127.0.0.1:9000"), Some("eu-west-1")) };
        let ours = open("wheels", &wish, &variables).unwrap();
        let signer = ours.signer.clone().unwrap();
        let endpoint = "http://127.0.0.1:9000".parse().unwrap();
        let style = rusty_s3::UrlStyle::Path;
        let theirs = rusty_s3::Bucket::new(endpoint, style, "wheels", "eu-west-1").unwrap();
        let credentials = match token {
            None => rusty_s3::Credentials::new("AKIAEXAMPLE", secret),
            Some(token) => rusty_s3::Credentials::new_with_token("AKIAEXAMPLE", secret, token),
        };
        let address = theirs.get_object(Some(&credentials), key).sign(Duration::from_secs(60));
        let parameter =
            |name: &str| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let date = parameter("X-Amz-Date");
        let (day, time) = (&date[..8], &date[9..15]);
        let at = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &day[..4],
            &day[4..6],
            &day[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        );
        let (at, now) = (Timestamp::parse_rfc3339(&at).unwrap(), signer.aws.now());
        // Theirs was signed a moment ago, and may have been so in another second.
        let url = ours.url(key).unwrap();
        assert_eq!(url.path(), address.path());
        let mut queries = (0..5).map(|late| {
            let ahead = i64::try_from(at.0).unwrap() - i64::try_from(now.0).unwrap() - late;
            let signer = Signer { ahead, ..signer.clone() };
            signer.presign("GET", &url, Duration::from_secs(60)).signature
        });
        assert!(queries.any(|signature| signature == parameter("X-Amz-Signature")), "{address}");
    }
}

const LISTING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>wheels</Name><Prefix>p/</Prefix>\
    <KeyCount>3</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>\
    <EncodingType>url</EncodingType>\
    <Contents><Key>p/</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag>\
    <Size>0</Size><StorageClass>STANDARD</StorageClass></Contents>\
    <Contents><Key>p/a+b%2Bc%25%C3%A9%26.whl</Key><LastModified>2026-01-31T12:00:01.000Z</LastModified>\
    <ETag>\"d41d8cd98f00b204e9800998ecf8427e-2\"</ETag><Size>123456789012</Size>\
    <StorageClass>STANDARD</StorageClass></Contents>\
    <CommonPrefixes><Prefix>p/sub%20dir/</Prefix></CommonPrefixes>\
    <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken></ListBucketResult>";

#[test]
fn rusty_s3_reads_the_same_listing() {
    let ours = read(LISTING.as_bytes(), "p/", Some("/")).unwrap();
    let theirs = rusty_s3::actions::ListObjectsV2::parse_response(LISTING).unwrap();
    let objects = theirs.contents.iter().map(|object| Object {
        name: object.key.strip_prefix("p/").unwrap().to_owned(),
        size: object.size.unwrap_or_default(),
        etag: object.etag.as_ref().map(|etag| etag.trim_matches('"').to_owned()),
        modified: object.last_modified.as_deref().and_then(Timestamp::parse_rfc3339),
    });
    assert_eq!(ours.entries.objects, objects.collect::<Vec<_>>());
    assert_eq!(ours.entries.objects[1].name, "a b+c%é&.whl");
    let folders = theirs
        .common_prefixes
        .iter()
        .map(|folder| folder.prefix.trim_start_matches("p/").trim_end_matches('/'));
    assert_eq!(ours.entries.folders, folders.collect::<Vec<_>>());
    assert_eq!(ours.next, theirs.next_continuation_token);
    assert!(ours.truncated);
}

#[test]
fn a_listing_that_does_not_escape_is_taken_as_it_is() {
    // rclone tells ETags without quotes, and none of what it has not read yet.
    let text = "<ListBucketResult><Contents><Key>p/a+%20b</Key><ETag>0f</ETag><Size>-1</Size></Contents>\
                <Contents><Key>p/c</Key><ETag></ETag></Contents><Contents><Key>q/d</Key></Contents>\
                </ListBucketResult>";
    let page = read(text.as_bytes(), "p/", None).unwrap();
    let object = |name: &str, etag: Option<&str>| Object {
        name: name.to_owned(),
        etag: etag.map(str::to_owned),
        ..Object::default()
    };
    assert_eq!(page.entries.objects, [object("a+%20b", Some("0f")), object("c", None)]);
    assert!(!page.truncated && page.next.is_none());
}

#[test]
fn secrets_are_not_shown() {
    let variables = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "terces")];
    let bucket = open("wheels", &AwsConfig::default(), &variables[..]).unwrap();
    assert!(bucket.signer.is_some());
    let shown = format!("{bucket:?}").replace("AWS_SECRET_ACCESS_KEY", "");
    assert!(!shown.contains("terces"), "{shown}");
}
