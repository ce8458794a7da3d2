//! A bucket of an S3-compatible store on the lying server: list (paged), get, head, put; path-style addresses.
//!
//! Signatures are not recomputed here (known answers prove them); that a request carries one, by whom, is looked at.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use md5::Digest as _;

use super::distribution::Distribution;
use super::response::Response;
use super::server::{Request, Server};

#[derive(Debug, Default)]
struct Objects {
    by_key: BTreeMap<String, Object>,
    /// Keys on one page of a listing.
    page: usize,
    /// The only access key that is let in; `None`: everybody.
    access_key: Option<String>,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Vec<u8>,
    etag: String,
}

/// The bucket, at a port of its own.
pub struct Bucket {
    server: Server,
    name: String,
    objects: Arc<Mutex<Objects>>,
}

fn locked(objects: &Mutex<Objects>) -> MutexGuard<'_, Objects> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bucket {
    /// An empty public bucket whose listings have two keys a page.
    pub fn new(name: &str) -> Self {
        let bucket = Self { server: Server::start(), name: name.to_owned(), objects: Arc::default() };
        locked(&bucket.objects).page = 2;
        let (objects, base) = (Arc::clone(&bucket.objects), format!("/{name}"));
        bucket.server.below(&base.clone(), move |request| answer(&mut locked(&objects), &base, request));
        bucket
    }

    /// Lets in only who signs with that key.
    pub fn private(self, access_key: &str) -> Self {
        locked(&self.objects).access_key = Some(access_key.to_owned());
        self
    }

    /// What `AWS_ENDPOINT_URL` has to be.
    pub fn endpoint(&self) -> String {
        self.server.url("/").trim_end_matches('/').to_owned()
    }

    /// `s3://name/prefix`
    pub fn address(&self, prefix: &str) -> String {
        format!("s3://{}/{prefix}", self.name)
    }

    /// Puts an object there; its ETag is its MD5.
    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        let bytes = bytes.into();
        let etag = md5_hex(&bytes);
        locked(&self.objects).by_key.insert(key.to_owned(), Object { bytes, etag });
        self
    }

    /// Puts a distribution there, under the prefix and its file name.
    pub fn add(&self, prefix: &str, file: impl Into<Distribution>) -> &Self {
        let file = file.into();
        self.put(&format!("{prefix}/{}", file.filename), file.bytes)
    }

    /// Gives an object the ETag of an upload in parts, which is no MD5 of the whole.
    pub fn as_if_uploaded_in_parts(&self, key: &str) -> &Self {
        let mut objects = locked(&self.objects);
        let object = objects.by_key.get_mut(key).unwrap_or_else(|| panic!("there is no '{key}'"));
        object.etag = format!("{}-2", md5_hex(b"digests of parts"));
        drop(objects);
        self
    }

    /// An object's bytes.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        locked(&self.objects).by_key.get(key).map(|object| object.bytes.clone())
    }

    /// All keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        locked(&self.objects).by_key.keys().cloned().collect()
    }

    pub fn server(&self) -> &Server {
        &self.server
    }
}

fn md5_hex(bytes: &[u8]) -> String {
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(objects: &mut Objects, base: &str, request: &Request) -> Response {
    if objects.access_key.as_ref().is_some_and(|key| !is_signed_by(request, key)) {
        return error(403, "AccessDenied");
    }
    let key = percent_decoded(request.path().strip_prefix(base).unwrap_or_default());
    let key = key.trim_start_matches('/');
    match (request.method.as_str(), key) {
        ("GET", "") => list(objects, request),
        ("GET" | "HEAD", key) => match objects.by_key.get(key) {
            Some(object) => Response::ok(object.bytes.clone()).etag(&object.etag).ranges(),
            None => error(404, "NoSuchKey"),
        },
        ("PUT", key) => {
            let etag = md5_hex(&request.body);
            let object = Object { bytes: request.body.clone(), etag: etag.clone() };
            objects.by_key.insert(key.to_owned(), object);
            Response::ok("").header("ETag", &format!("\"{etag}\""))
        }
        _ => error(405, "MethodNotAllowed"),
    }
}

/// By header, or by query as in a pre-signed URL.
fn is_signed_by(request: &Request, access_key: &str) -> bool {
    let header = request.header("authorization").unwrap_or_default();
    let query = parameters(request);
    let by_header = header.starts_with(&format!("AWS4-HMAC-SHA256 Credential={access_key}/"));
    let credential = query.get("X-Amz-Credential").map(String::as_str).unwrap_or_default();
    by_header || (credential.starts_with(&format!("{access_key}/")) && query.contains_key("X-Amz-Signature"))
}

fn error(status: u16, code: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    );
    Response::ok(body).with_status(status).content_type("application/xml")
}

/// `ListObjectsV2`, where the last key of a page is the token for the next.
fn list(objects: &Objects, request: &Request) -> Response {
    let query = parameters(request);
    let given = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if given("list-type") != "2" {
        return error(400, "InvalidArgument");
    }
    let (prefix, delimiter, after) = (given("prefix"), given("delimiter"), given("continuation-token"));
    let mut entries: Vec<(String, Option<&Object>)> = Vec::new();
    for (key, object) in objects.by_key.iter().filter(|(key, _)| key.starts_with(prefix)) {
        let rest = &key[prefix.len()..];
        match rest.split_once(delimiter).filter(|_| !delimiter.is_empty()) {
            Some((folder, _)) => entries.push((format!("{prefix}{folder}{delimiter}"), None)),
            None => entries.push((key.clone(), Some(object))),
        }
    }
    entries.dedup_by(|left, right| left.0 == right.0);
    entries.retain(|(name, _)| name.as_str() > after);
    let more = entries.len() > objects.page;
    entries.truncate(objects.page);
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    body += "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    let encoded = |text: &str| {
        if given("encoding-type") == "url" { percent_encoded(text) } else { xml(text) }
    };
    let _ = write!(body, "<Prefix>{}</Prefix><KeyCount>{}</KeyCount>", encoded(prefix), entries.len());
    let _ = write!(body, "<MaxKeys>{}</MaxKeys><IsTruncated>{more}</IsTruncated>", objects.page);
    for (name, object) in &entries {
        let _ = match object {
            Some(object) => write!(
                body,
                "<Contents><Key>{}</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified>\
                 <ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                encoded(name),
                object.etag,
                object.bytes.len()
            ),
            None => write!(body, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", encoded(name)),
        };
    }
    if let Some((last, _)) = entries.last().filter(|_| more) {
        let _ = write!(body, "<NextContinuationToken>{}</NextContinuationToken>", xml(last));
    }
    Response::ok(body + "</ListBucketResult>").content_type("application/xml")
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn parameters(request: &Request) -> BTreeMap<String, String> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (percent_decoded(name), percent_decoded(value))).collect()
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
