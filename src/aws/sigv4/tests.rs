use serde_json::Value;

use super::*;

fn credentials(secret: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: token.map(str::to_owned),
        expires: None,
    }
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn moment() -> Timestamp {
    Timestamp::parse_rfc3339("2015-08-30T12:36:00Z").unwrap()
}

fn signing(credentials: &Credentials) -> Signing<'_> {
    Signing {
        credentials,
        region: "us-east-1",
        service: "service",
        at: moment(),
        path: PathRule::Normalized,
        content: false,
        token: true,
    }
}

/// What AWS publishes as the test suite of Signature Version 4.
#[test]
fn the_published_signatures_come_out() {
    let (host, date) = (("Host", "example.amazonaws.com"), "20150830T123600Z");
    for (method, path, query, signature) in [
        ("GET", "/", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/",
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("GET", "//", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", "/a/b/../..", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ] {
        let credentials = credentials(SECRET, None);
        let request = Request { method, path, query, headers: &[host], body: Some(b"") };
        let signed = signing(&credentials).in_headers(&request);
        assert_eq!(signed.signature, signature, "{}", signed.canonical_request);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        assert_eq!(signed.headers, [("x-amz-date", date.to_owned()), ("authorization", authorization)]);
    }
}

#[test]
fn the_key_of_the_published_example_signs_the_published_pre_signed_url() {
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        ..credentials("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)
    };
    let at = Timestamp::parse_rfc3339("2013-05-24T00:00:00Z").unwrap();
    let signing = Signing { at, service: "s3", path: PathRule::Once, ..signing(&credentials) };
    let headers = [("host", "examplebucket.s3.amazonaws.com")];
    let request = Request { method: "GET", path: "/test.txt", query: "", headers: &headers, body: None };
    let signed = signing.in_query(&request, Duration::from_secs(86400));
    assert_eq!(signed.signature, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert_eq!(
        signed.query,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F\
         aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
         aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

/// `vectors.json`, made by `tests/support/sigv4_vectors.py`, is what botocore's `SigV4Auth`, `SigV4QueryAuth`, `S3SigV4Auth` and `S3SigV4QueryAuth` sign.
#[test]
fn botocore_signs_the_same() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 55, "{}", vectors.len());
    for vector in &vectors {
        let text = |key: &str| vector[key].as_str().unwrap();
        let credentials = credentials(text("secret"), vector["token"].as_str());
        let (s3, query) = (text("service") == "s3", text("how") == "query");
        let signing = Signing {
            region: text("region"),
            service: text("service"),
            path: if s3 { PathRule::Once } else { PathRule::Normalized },
            content: s3,
            ..signing(&credentials)
        };
        let headers: Vec<(&str, &str)> = vector["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let request = Request {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            headers: &headers,
            body: Some(text("body").as_bytes()).filter(|_| !(s3 && query)),
        };
        let signed = if query {
            signing.in_query(&request, Duration::from_secs(3600))
        } else {
            signing.in_headers(&request)
        };
        assert_eq!(signed.canonical_request, text("canonical_request"), "{vector}");
        assert_eq!(signed.string_to_sign, text("string_to_sign"), "{vector}");
        assert_eq!(signed.signature, text("signature"), "{vector}");
    }
}

#[test]
fn a_path_counts_as_its_rule_says() {
    for (path, once, twice, normalized) in [
        ("", "/", "/", "/"),
        ("//a//./../b/", "//a//./../b/", "//a//./../b/", "/b/"),
        ("/../..", "/../..", "/../..", "/"),
        ("/a b/\u{1234}", "/a%20b/%E1%88%B4", "/a%20b/%E1%88%B4", "/a%20b/%E1%88%B4"),
        ("/a%20b%2fc", "/a%20b%2fc", "/a%2520b%252fc", "/a%2520b%252fc"),
        ("/%zz%", "/%zz%", "/%25zz%25", "/%25zz%25"),
    ] {
        assert_eq!(canonical_path(path, PathRule::Once), once);
        assert_eq!(canonical_path(path, PathRule::Twice), twice);
        assert_eq!(canonical_path(path, PathRule::Normalized), normalized);
    }
}

#[test]
fn queries_and_headers_have_one_form() {
    for (query, canonical) in [
        ("b=2&a=1&a=0&a", "a=&a=0&a=1&b=2"),
        ("&&=x&", "=x"),
        ("\u{1234}=bar&p+q=a b", "%E1%88%B4=bar&p%2Bq=a%20b"),
        ("a-b=1&a=2", "a=2&a-b=1"),
        ("x=a=b", "x=a%3Db"),
    ] {
        assert_eq!(canonical_query(query, &[]), canonical, "{query}");
    }
    let headers = Headers::of(&[("Z", "1"), ("a", "  b\n   c\t d "), ("z", "0"), ("HOST", "h"), ("z", "")]);
    assert_eq!((headers.lines.as_str(), headers.names.as_str()), ("a:b c d\nhost:h\nz:1,0,\n", "a;host;z"));
}

#[test]
fn a_token_is_signed_or_added_afterwards() {
    let credentials = credentials(SECRET, Some("a/b="));
    let without = Credentials { session_token: None, ..credentials.clone() };
    let request = Request { method: "GET", path: "/", query: "", headers: &[("host", "h")], body: Some(b"") };
    let added = Signing { token: false, ..signing(&credentials) };
    let bare = signing(&without);
    assert_eq!(added.in_headers(&request).signature, bare.in_headers(&request).signature);
    assert!(added.in_headers(&request).headers.contains(&(TOKEN, "a/b=".to_owned())));
    let (late, none) = (added.in_query(&request, Duration::ZERO), bare.in_query(&request, Duration::ZERO));
    assert_eq!(late.signature, none.signature);
    assert!(late.query.contains("&X-Amz-Security-Token=a%2Fb%3D&X-Amz-Signature="), "{}", late.query);
    let signed = signing(&credentials).in_query(&request, Duration::ZERO);
    assert!(signed.canonical_request.contains("X-Amz-Security-Token=a%2Fb%3D&X-Amz-SignedHeaders=host\n"));
}

#[test]
fn a_key_longer_than_a_block_is_hashed_first() {
    // RFC 4231, test cases 2 and 6.
    let long = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
    assert_eq!(hex(long.as_ref()), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    let short = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(hex(short.as_ref()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
