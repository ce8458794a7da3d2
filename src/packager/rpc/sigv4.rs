//! `sigv4`: a signature and how it comes about, as the test suite of Signature Version 4 tells them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Refused, Request, optional_bool, optional_text, text, wrong};
use crate::aws::Credentials;
use crate::aws::sigv4::{self, PathRule, Signing, encode};
use crate::time::Timestamp;

/// What proxies change, or what tells nothing of the request: left out by the signers of AWS itself.
const UNSIGNED: [&str; 9] = [
    "connection",
    "expect",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// How long an address serves where nothing is said.
const EXPIRES: u64 = 3600;

pub(super) fn sigv4(request: &Request) -> Result<Answer, Refused> {
    let credentials = Credentials {
        access_key_id: text(request, "access_key_id")?.to_owned(),
        secret_access_key: text(request, "secret_access_key")?.to_owned(),
        session_token: optional_text(request, "session_token")?.map(str::to_owned),
        expires: None,
    };
    let service = text(request, "service")?;
    let (s3, in_query) = (service == "s3", is_query(request)?);
    let flag = |key, default| optional_bool(request, key).map(|flag| flag.unwrap_or(default));
    let sign_body = flag("sign_body", s3 && !in_query)?;
    let signing = Signing {
        credentials: &credentials,
        region: text(request, "region")?,
        service,
        at: timestamp(text(request, "timestamp")?)?,
        path: match flag("normalize", true)? {
            _ if s3 => PathRule::Once,
            true => PathRule::Normalized,
            false => PathRule::Twice,
        },
        content: sign_body,
        token: flag("sign_token", true)?,
    };
    let (path, behind) = split(optional_text(request, "path")?.unwrap_or("/"));
    let query = [behind.to_owned(), query(request)?];
    let query: Vec<&str> = query.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let headers = pairs(request, "headers")?;
    let headers: Vec<(&str, &str)> = headers.into_iter().filter(|(name, _)| is_signed(name)).collect();
    // Whoever hands on a pre-signed address to S3 does not know the body yet.
    let body = optional_text(request, "body")?.unwrap_or_default().as_bytes();
    let to_sign = sigv4::Request {
        method: optional_text(request, "method")?.unwrap_or("GET"),
        path,
        query: &query.join("&"),
        headers: &headers,
        body: Some(body).filter(|_| !(s3 && in_query) || sign_body),
    };
    let signed = if in_query {
        signing.in_query(&to_sign, Duration::from_secs(expires(request)?))
    } else {
        signing.in_headers(&to_sign)
    };
    Ok(Answer::from_iter([
        ("canonical_request".to_owned(), json!(signed.canonical_request)),
        ("string_to_sign".to_owned(), json!(signed.string_to_sign)),
        ("signature".to_owned(), json!(signed.signature)),
    ]))
}

fn is_query(request: &Request) -> Result<bool, Refused> {
    match text(request, "how")? {
        "header" => Ok(false),
        "query" => Ok(true),
        _ => Err(wrong("how", "\"header\" or \"query\"")),
    }
}

fn is_signed(name: &str) -> bool {
    !UNSIGNED.iter().any(|unsigned| name.eq_ignore_ascii_case(unsigned))
}

/// `2015-08-30T12:36:00Z`, or as signatures have it, `20150830T123600Z`.
fn timestamp(text: &str) -> Result<Timestamp, Refused> {
    let basic = |text: &str| {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let part = |of: &str, from: usize| of.get(from..from + 2).map(str::to_owned);
        let (year, month, day) = (date.get(..4)?, part(date, 4)?, part(date, 6)?);
        let (hour, minute, second) = (part(time, 0)?, part(time, 2)?, part(time, 4)?);
        Timestamp::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
    };
    let read = Timestamp::parse_rfc3339(text).or_else(|| basic(text));
    read.ok_or_else(|| wrong("timestamp", "a moment like \"2015-08-30T12:36:00Z\""))
}

pub(super) fn expires(request: &Request) -> Result<u64, Refused> {
    match request.get("expires") {
        None | Some(Value::Null) => Ok(EXPIRES),
        Some(value) => value.as_u64().ok_or_else(|| wrong("expires", "a whole number of seconds")),
    }
}

fn split(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

/// The query as text. Pairs are what a program would hand over: their escapes are their own.
fn query(request: &Request) -> Result<String, Refused> {
    if let Ok(text) = optional_text(request, "query") {
        let text = text.unwrap_or_default();
        return Ok(text.strip_prefix('?').unwrap_or(text).to_owned());
    }
    let pairs = pairs(request, "query")?;
    let escaped = |text: &str| encode(&crate::net::percent_decode_bytes(text));
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    Ok(pairs.join("&"))
}

/// `[["name", "value"], …]` or `{"name": "value", …}`.
fn pairs<'a>(request: &'a Request, key: &str) -> Result<Vec<(&'a str, &'a str)>, Refused> {
    let refused = || wrong(key, "a list of pairs of texts");
    let pair = |value: &'a Value| match value.as_array().map(Vec::as_slice) {
        Some([name, value]) => name.as_str().zip(value.as_str()),
        _ => None,
    };
    match request.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(pairs)) => pairs.iter().map(|value| pair(value).ok_or_else(refused)).collect(),
        Some(Value::Object(map)) => {
            let pair = |(name, value): (&'a String, &'a Value)| Some((name.as_str(), value.as_str()?));
            map.iter().map(|entry| pair(entry).ok_or_else(refused)).collect()
        }
        Some(_) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(changes: &Value) -> Result<Value, Refused> {
        let mut request = json!({
            "how": "header", "method": "GET", "path": "/", "query": "", "body": "",
            "headers": [["Host", "example.amazonaws.com"]],
            "region": "us-east-1", "service": "service", "timestamp": "2015-08-30T12:36:00Z",
            "access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "session_token": null, "expires": 3600, "normalize": true, "sign_body": false, "sign_token": true,
        });
        for (key, value) in changes.as_object().unwrap() {
            request[key] = value.clone();
        }
        sigv4(request.as_object().unwrap()).map(Value::Object)
    }

    fn canonical(changes: &Value) -> String {
        ask(changes).unwrap()["canonical_request"].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_published_case_comes_out() {
        let answer = ask(&json!({})).unwrap();
        assert_eq!(answer["signature"], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
        assert_eq!(ask(&json!({"timestamp": "20150830T123600Z"})), Ok(answer));
    }

    #[test]
    fn what_is_asked_decides_what_is_signed() {
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let begins = "GET\n/\n\nhost:example.amazonaws.com\n";
        for (changes, expected) in [
            (
                json!({"sign_body": true, "headers": [["Host", "h"], ["User-Agent", "x"]]}),
                format!(
                    "GET\n/\n\nhost:h\nx-amz-content-sha256:{EMPTY}\nx-amz-date:20150830T123600Z\n\n\
                     host;x-amz-content-sha256;x-amz-date\n{EMPTY}"
                ),
            ),
            (
                json!({"session_token": "t"}),
                format!(
                    "{begins}x-amz-date:20150830T123600Z\nx-amz-security-token:t\n\n\
                     host;x-amz-date;x-amz-security-token\n{EMPTY}"
                ),
            ),
            (
                json!({"session_token": "t", "sign_token": false}),
                format!("{begins}x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{EMPTY}"),
            ),
            (
                json!({"how": "query", "service": "s3", "path": "//k?a=1", "query": {"b": "2 3"}}),
                "GET\n//k\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1\
                 %2Fs3%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&\
                 a=1&b=2%203\nhost:example.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD"
                    .to_owned(),
            ),
        ] {
            assert_eq!(canonical(&changes), expected, "{changes}");
        }
        assert!(canonical(&json!({"path": "/a/../b"})).starts_with("GET\n/b\n"));
        assert!(canonical(&json!({"path": "/a/../b", "normalize": false})).starts_with("GET\n/a/../b\n"));
        let by_pairs = canonical(&json!({"query": [["b", "2"], ["a", ""], ["b", "1"]]}));
        assert!(by_pairs.starts_with("GET\n/\na=&b=1&b=2\n"), "{by_pairs}");
    }

    #[test]
    fn a_bad_request_is_refused() {
        for (changes, reason) in [
            (json!({"how": "body"}), "'how' must be \"header\" or \"query\""),
            (json!({"timestamp": "today"}), "'timestamp' must be a moment like \"2015-08-30T12:36:00Z\""),
            (
                json!({"timestamp": "2015\u{e9}"}),
                "'timestamp' must be a moment like \"2015-08-30T12:36:00Z\"",
            ),
            (json!({"how": "query", "expires": -1}), "'expires' must be a whole number of seconds"),
            (json!({"headers": [["a"]]}), "'headers' must be a list of pairs of texts"),
            (json!({"query": 1}), "'query' must be a list of pairs of texts"),
            (json!({"service": null}), "'service' must be a text"),
        ] {
            assert_eq!(ask(&changes), Err(Refused::Error(reason.to_owned())));
        }
    }
}
