//! AWS Signature Version 4, as "Create a signed AWS API request" of the IAM user guide has it: in headers, or in the
//! query of a pre-signed URL. Pure: the moment is given, nothing is sent.

use std::fmt::Write as _;
use std::time::Duration;

use ring::hmac::{HMAC_SHA256, Key, Tag, sign};

use super::Credentials;
use crate::net::percent_decode_bytes;
use crate::time::Timestamp;
use crate::trust::hashes::{hex, sha256_hex};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TOKEN: &str = "X-Amz-Security-Token";
const CONTENT: &str = "x-amz-content-sha256";

/// Stands for the body where that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// A request as it will be sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`
    pub method: &'a str,
    /// The path of the request line.
    pub path: &'a str,
    /// What stands behind the `?`; may be empty.
    pub query: &'a str,
    /// The headers that are signed, `host` among them; equal names may repeat.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is handed over; `None`: it stays unsigned.
    pub body: Option<&'a [u8]>,
}

/// What becomes of the path in the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathRule {
    /// It counts as it is sent; what no request line can have is escaped: S3, whose keys may have any characters.
    Once,
    /// It is escaped a second time: every other service.
    Twice,
    /// Empty parts, `.` and `..` are resolved before that: every other service by default.
    Normalized,
}

/// Who signs, for which service, when, and how.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// Whose signature it is.
    pub credentials: &'a Credentials,
    /// The region of the service: `eu-west-1`.
    pub region: &'a str,
    /// The service: `s3`, `sts`.
    pub service: &'a str,
    /// The moment of the request.
    pub at: Timestamp,
    /// How the path counts.
    pub path: PathRule,
    /// Whether the header form tells the body's digest in `x-amz-content-sha256`; S3 asks for it.
    pub content: bool,
    /// Whether a session token is signed; else it is added afterwards.
    pub token: bool,
}

/// A signature, and how it came about.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The request in its one canonical form.
    pub canonical_request: String,
    /// What the key signs.
    pub string_to_sign: String,
    /// In hex.
    pub signature: String,
    /// Header form: the headers to add. Query form: none.
    pub headers: Vec<(&'static str, String)>,
    /// Query form: the whole query. Header form: the canonical one.
    pub query: String,
}

impl Signing<'_> {
    /// Signs with headers.
    pub fn in_headers(&self, request: &Request<'_>) -> Signed {
        let digest = digest(request.body);
        let mut added = vec![("x-amz-date", self.moment())];
        if self.content {
            added.push((CONTENT, digest.clone()));
        }
        let token = self.credentials.session_token.as_ref().map(|token| (TOKEN, token.clone()));
        added.extend(token.clone().filter(|_| self.token));
        let mut all = request.headers.to_vec();
        all.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let headers = Headers::of(&all);
        let query = canonical_query(request.query, &[]);
        let mut signed = self.sign(request, &query, &headers, &digest);
        added.extend(token.filter(|_| !self.token));
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
            self.credentials.access_key_id,
            self.scope(),
            headers.names,
            signed.signature
        );
        added.push(("authorization", authorization));
        signed.headers = added;
        signed
    }

    /// Signs with parameters of the query: for a URL that serves whoever has it until `expires` is over.
    pub fn in_query(&self, request: &Request<'_>, expires: Duration) -> Signed {
        let headers = Headers::of(request.headers);
        let token = self.credentials.session_token.as_ref().map(|token| (TOKEN, token.clone()));
        let mut added = vec![
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("{}/{}", self.credentials.access_key_id, self.scope())),
            ("X-Amz-Date", self.moment()),
            ("X-Amz-Expires", expires.as_secs().to_string()),
            ("X-Amz-SignedHeaders", headers.names.clone()),
        ];
        added.extend(token.clone().filter(|_| self.token));
        let query = canonical_query(request.query, &added);
        let mut signed = self.sign(request, &query, &headers, &digest(request.body));
        if let Some((name, value)) = token.filter(|_| !self.token) {
            let _ = write!(signed.query, "&{name}={}", encode(value.as_bytes()));
        }
        let _ = write!(signed.query, "&X-Amz-Signature={}", signed.signature);
        signed
    }

    fn sign(&self, request: &Request<'_>, query: &str, headers: &Headers, digest: &str) -> Signed {
        let canonical_request = format!(
            "{}\n{}\n{query}\n{}\n{}\n{digest}",
            request.method,
            canonical_path(request.path, self.path),
            headers.lines,
            headers.names
        );
        let string_to_sign = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.moment(),
            self.scope(),
            sha256_hex(canonical_request.as_bytes())
        );
        let signature = hex(hmac(self.key().as_ref(), string_to_sign.as_bytes()).as_ref());
        Signed { canonical_request, string_to_sign, signature, headers: Vec::new(), query: query.to_owned() }
    }

    /// `20150830T123600Z`
    fn moment(&self) -> String {
        self.at.to_string().replace(['-', ':'], "")
    }

    /// `20150830`
    fn day(&self) -> String {
        self.moment().chars().take_while(|c| *c != 'T').collect()
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day(), self.region, self.service)
    }

    fn key(&self) -> Tag {
        let secret = format!("AWS4{}", self.credentials.secret_access_key);
        let day = self.day();
        let steps = [self.region, self.service, "aws4_request"];
        let first = hmac(secret.as_bytes(), day.as_bytes());
        steps.iter().fold(first, |key, step| hmac(key.as_ref(), step.as_bytes()))
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Tag {
    sign(&Key::new(HMAC_SHA256, key), message)
}

fn digest(body: Option<&[u8]>) -> String {
    body.map_or_else(|| UNSIGNED_PAYLOAD.to_owned(), sha256_hex)
}

/// Headers in canonical form.
struct Headers {
    /// `name:value` and a line's end for each.
    lines: String,
    /// The names, with semicolons between.
    names: String,
}

impl Headers {
    fn of(headers: &[(&str, &str)]) -> Self {
        let mut sorted: Vec<(String, String)> = Vec::new();
        for (name, value) in headers {
            let name = name.trim().to_ascii_lowercase();
            let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            match sorted.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => {
                    values.push(',');
                    values.push_str(&value);
                }
                None => sorted.push((name, value)),
            }
        }
        sorted.sort();
        let lines = sorted.iter().flat_map(|(name, value)| [name, ":", value, "\n"]).collect();
        let names: Vec<&str> = sorted.iter().map(|(name, _)| name.as_str()).collect();
        Self { lines, names: names.join(";") }
    }
}

fn canonical_path(path: &str, rule: PathRule) -> String {
    let path = if path.is_empty() { "/" } else { path };
    let parts = path.split('/');
    match rule {
        PathRule::Once => escape(path.as_bytes(), |byte| byte.is_ascii_graphic()),
        PathRule::Twice => join(parts.map(|part| encode(part.as_bytes()))),
        PathRule::Normalized => join(resolve(path).into_iter().map(|part| encode(part.as_bytes()))),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("/")
}

/// The parts of a path without empty ones, `.` and `..` (RFC 3986, 5.2.4); a slash at its end stays.
fn resolve(path: &str) -> Vec<&str> {
    let mut parts = vec![""];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // The first part is what stands before the first slash.
            ".." => parts.truncate((parts.len() - 1).max(1)),
            part => parts.push(part),
        }
    }
    if parts.len() == 1 || path.ends_with('/') {
        parts.push("");
    }
    parts
}

/// All parameters, escaped in the one canonical way, in order of the escaped names, then values.
fn canonical_query(query: &str, added: &[(&str, String)]) -> String {
    let given = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encode(&percent_decode_bytes(name)), encode(&percent_decode_bytes(value)))
    });
    let added = added.iter().map(|(name, value)| (encode(name.as_bytes()), encode(value.as_bytes())));
    let mut pairs: Vec<(String, String)> = given.chain(added).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Escapes all but the unreserved characters of RFC 3986, 2.3.
pub fn encode(bytes: &[u8]) -> String {
    escape(bytes, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn escape(bytes: &[u8], stays: impl Fn(u8) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if stays(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
