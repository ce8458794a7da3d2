//! Buckets: on real servers, filled by boto3, and one on the lying server, for what those do not do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use md5::Digest as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::{self, Daemon};
use super::distribution::Distribution;
use super::response::Response;
use super::server::{Request, Server};
use super::{App, python};

pub const ACCESS_KEY: &str = "AKIAEXAMPLE";
/// With all that has a meaning somewhere in a signature, a URL or a header.
pub const SECRET_KEY: &str = "se/cr+et= é%2F&?x";
pub const BUCKET: &str = "wheels";

/// A bucket on a real server, which ends with the test.
pub struct Storage {
    daemon: Daemon,
    directory: TempDir,
}

impl Storage {
    /// `rclone serve s3`: checks every signature, also of pre-signed addresses; takes none for a bad request; answers
    /// ranges with 200; pages, conditions and regions it does not know.
    pub fn rclone() -> Self {
        Self::rclone_with(&["--dir-cache-time", "0"])
    }

    /// The same for who writes objects anew: without a memory of its directories that takes it up to half a minute.
    pub fn rclone_for_writers() -> Self {
        Self::rclone_with(&[])
    }

    fn rclone_with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::create_dir_all(data.join(BUCKET)).unwrap();
        let daemon = Daemon::start(&directory.path().join("log"), |port| {
            let mut command = Command::new(daemon::tool("rclone"));
            command.args(["serve", "s3", "--auth-key", &format!("{ACCESS_KEY},{SECRET_KEY}")]);
            command.args(["--vfs-cache-mode", "off"]).args(options).arg("--addr");
            command.arg(format!("127.0.0.1:{port}")).arg(&data);
            command.env("XDG_CONFIG_HOME", directory.path()).env("XDG_CACHE_HOME", directory.path());
            command
        });
        Self { daemon, directory }
    }

    /// moto's server: pages, conditions and uploads in parts as Amazon has them; looks at no signature.
    pub fn moto() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(&directory.path().join("log"), |port| {
            let mut command = Command::new(daemon::tool("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        });
        let storage = Self { daemon, directory };
        storage.boto3(&[json!(["create_bucket", {"Bucket": BUCKET}])]);
        storage
    }

    pub fn endpoint(&self) -> String {
        self.daemon.url("")
    }

    /// What boto3 answers to these calls.
    #[track_caller]
    pub fn boto3(&self, calls: &[Value]) -> Vec<Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/s3.py");
        let mut command = Command::new(python::venv());
        command.arg(script).args([&self.endpoint(), ACCESS_KEY, SECRET_KEY]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines: String = calls.iter().map(|call| format!("{call}\n")).collect();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Puts a distribution below that prefix.
    #[track_caller]
    pub fn add(&self, prefix: &str, file: impl Into<Distribution>) -> &Self {
        let path = self.write(file);
        let key = format!("{prefix}/{}", path.file_name().unwrap().to_str().unwrap());
        self.boto3(&[json!(["put_object", {"Bucket": BUCKET, "Key": key, "Path": path}])]);
        self
    }

    /// A distribution on this disk.
    pub fn write(&self, file: impl Into<Distribution>) -> std::path::PathBuf {
        file.into().write_to(self.directory.path())
    }

    /// A page on this disk.
    pub fn page(&self, text: &str) -> std::path::PathBuf {
        let path = self.directory.path().join("page.html");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `myapp` from that folder, with the keys that are let in.
    pub fn app(&self, prefix: &str) -> App {
        app(&self.endpoint(), prefix)
    }
}

/// `myapp` from that folder of the bucket at an endpoint, with the keys that are let in.
pub fn app(endpoint: &str, prefix: &str) -> App {
    let address = format!("s3://{BUCKET}/{prefix}");
    App::new()
        .requirements(["myapp"])
        .entry("myapp:main")
        .update("interval", "0s")
        .source(address)
        .source_key("endpoint", endpoint)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .redact(endpoint, "[S3]")
}

type Lie = Arc<dyn Fn(&Request) -> Option<Response> + Send + Sync>;

#[derive(Default)]
struct Objects {
    by_key: BTreeMap<String, Object>,
    lie: Option<Lie>,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Vec<u8>,
    etag: String,
    headers: Vec<(String, String)>,
}

/// A bucket on the lying server, path-style. It looks at no signature.
pub struct Bucket {
    server: Server,
    objects: Arc<Mutex<Objects>>,
}

/// Entries on one page of its listings.
const PAGE: usize = 1000;

fn locked(objects: &Mutex<Objects>) -> MutexGuard<'_, Objects> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bucket {
    pub fn new() -> Self {
        let bucket = Self { server: Server::start(), objects: Arc::default() };
        let objects = Arc::clone(&bucket.objects);
        bucket.server.below(&format!("/{BUCKET}/"), move |request| {
            let lie = locked(&objects).lie.clone();
            lie.and_then(|lie| lie(request)).unwrap_or_else(|| answer(&locked(&objects), request))
        });
        bucket
    }

    /// A bucket with these in `packages/`.
    pub fn with<D: Into<Distribution>>(files: impl IntoIterator<Item = D>) -> Self {
        let bucket = Self::new();
        for file in files {
            bucket.add(file);
        }
        bucket
    }

    pub fn add(&self, file: impl Into<Distribution>) -> &Self {
        let file = file.into();
        self.put(&format!("packages/{}", file.filename), file.bytes)
    }

    /// Puts an object there; its ETag is its MD5.
    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        let bytes = bytes.into();
        let object = Object { etag: md5_hex(&bytes), bytes, headers: vec![] };
        locked(&self.objects).by_key.insert(key.to_owned(), object);
        self
    }

    /// Gives all objects that ETag.
    pub fn etag(&self, etag: &str) -> &Self {
        locked(&self.objects).by_key.values_mut().for_each(|object| etag.clone_into(&mut object.etag));
        self
    }

    /// Adds a header to the answers for all objects.
    pub fn header(&self, name: &str, value: &str) -> &Self {
        let header = (name.to_owned(), value.to_owned());
        locked(&self.objects).by_key.values_mut().for_each(|object| object.headers.push(header.clone()));
        self
    }

    /// From now on this has the first word.
    pub fn lie(&self, lie: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> &Self {
        locked(&self.objects).lie = Some(Arc::new(lie));
        self
    }

    pub fn endpoint(&self) -> String {
        self.server.url("/").trim_end_matches('/').to_owned()
    }

    /// `myapp` from `packages/`.
    pub fn app(&self) -> App {
        app(&self.endpoint(), "packages")
    }

    pub fn server(&self) -> &Server {
        &self.server
    }
}

pub fn md5_hex(bytes: &[u8]) -> String {
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A refusal as S3 words it.
pub fn refusal(status: u16, code: &str, more: &str) -> Response {
    let body =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>{more}</Error>");
    Response::ok(body).with_status(status).content_type("application/xml")
}

fn answer(objects: &Objects, request: &Request) -> Response {
    let key = request.path().strip_prefix(&format!("/{BUCKET}/")).unwrap_or_default();
    match everfresh::net::percent_decode(key).as_str() {
        "" => list(objects, request),
        key => match objects.by_key.get(key) {
            Some(object) => {
                if request.header("if-match").is_some_and(|etag| etag.trim_matches('"') != object.etag) {
                    return refusal(412, "PreconditionFailed", "");
                }
                let response = Response::ok(object.bytes.clone()).etag(&object.etag).ranges();
                object.headers.iter().fold(response, |response, (name, value)| response.header(name, value))
            }
            None => refusal(404, "NoSuchKey", ""),
        },
    }
}

/// `ListObjectsV2`, where the last key of a page is the token for the next.
fn list(objects: &Objects, request: &Request) -> Response {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let given = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        everfresh::net::percent_decode(value.unwrap_or_default())
    };
    let (prefix, delimiter, after) = (given("prefix"), given("delimiter"), given("continuation-token"));
    let mut entries: Vec<(String, Option<&Object>)> = vec![];
    for (key, object) in objects.by_key.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        match key[prefix.len()..].split_once(&delimiter).filter(|_| !delimiter.is_empty()) {
            Some((folder, _)) => entries.push((format!("{prefix}{folder}{delimiter}"), None)),
            None => entries.push((key.clone(), Some(object))),
        }
    }
    entries.dedup_by(|left, right| left.0 == right.0);
    entries.retain(|(name, _)| *name > after);
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let mut body =
        format!("<ListBucketResult><IsTruncated>{more}</IsTruncated><EncodingType>url</EncodingType>");
    let escape = |text: &str| everfresh::aws::sigv4::encode(text.as_bytes());
    for (name, object) in &entries {
        let _ = match object {
            Some(object) => write!(
                body,
                "<Contents><Key>{}</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified>\
                 <ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
                escape(name),
                object.etag,
                object.bytes.len()
            ),
            None => write!(body, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(name)),
        };
    }
    if let Some((last, _)) = entries.last().filter(|_| more) {
        let _ = write!(body, "<NextContinuationToken>{last}</NextContinuationToken>");
    }
    Response::ok(body + "</ListBucketResult>").content_type("application/xml")
}
