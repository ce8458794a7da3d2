//! `s3.*`: a bucket listed, read, written and opened to others, by the credentials of this environment.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::sigv4::expires;
use super::{Answer, Context, Refused, Request, optional_text, text};
use crate::config::AwsConfig;
use crate::fs;
use crate::source::NoPages;
use crate::source::s3::{Bucket, BucketName, Check};
use crate::time::Deadline;
use crate::trust::hashes::{Hasher, Hashes};

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(60);
/// How long one object may take.
const OBJECT: Duration = Duration::from_secs(15 * 60);
/// The largest object, in bytes.
const LARGEST: u64 = 1 << 30;

fn bucket(context: &Context, request: &Request) -> Result<Bucket, Refused> {
    let name = text(request, "bucket")?;
    let refused = || Refused::Error(format!("no bucket can have the name '{}'", name.escape_debug()));
    let name = BucketName::parse(name).map_err(|_| refused())?;
    let given = |key| optional_text(request, key).map(|text| text.map(str::to_owned));
    let wish = AwsConfig { endpoint: given("endpoint")?, region: given("region")?, ..AwsConfig::default() };
    let asker = Some((&context.aws, &wish));
    Bucket::open(&name, asker, &context.net, &NoPages, Deadline::after(QUESTION)).map_err(failed)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: crate::source::s3::S3Error) -> Refused {
    Refused::Error(error.to_string())
}

pub(super) fn list(context: &Context, request: &Request) -> Result<Answer, Refused> {
    let prefix = optional_text(request, "prefix")?.unwrap_or_default();
    let delimiter = optional_text(request, "delimiter")?.filter(|delimiter| !delimiter.is_empty());
    let mut bucket = bucket(context, request)?;
    let entries = bucket.list(prefix, delimiter, &context.net, Deadline::after(QUESTION)).map_err(failed)?;
    let objects = entries.objects.iter().map(
        |object| json!({"key": format!("{prefix}{}", object.name), "size": object.size, "etag": object.etag}),
    );
    let end = delimiter.unwrap_or_default();
    let prefixes = entries.folders.iter().map(|folder| json!(format!("{prefix}{folder}{end}")));
    Ok(Answer::from_iter([
        ("objects".to_owned(), Value::Array(objects.collect())),
        ("prefixes".to_owned(), Value::Array(prefixes.collect())),
    ]))
}

pub(super) fn get(context: &Context, request: &Request) -> Result<Answer, Refused> {
    let (key, dest) = (text(request, "key")?, Path::new(text(request, "dest")?));
    let mut bucket = bucket(context, request)?;
    let reply = bucket.get(key, LARGEST, None, &context.net, Deadline::after(OBJECT)).map_err(failed)?;
    let etag = reply.headers.get("etag").unwrap_or_default().trim_matches('"').to_owned();
    let check = Check::of(&etag);
    let mut hasher = Hasher::for_promises(&check.wanted(&Hashes::default()));
    hasher.update(&reply.bytes);
    let digests = hasher.finish();
    let different = |mismatch| Refused::Error(format!("{key} is not what the service promises: {mismatch}"));
    check.verify(&reply.headers, &digests).map_err(different)?;
    fs::replace(dest, &reply.bytes).map_err(Refused::because)?;
    Ok(Answer::from_iter([
        ("path".to_owned(), json!(dest.to_string_lossy())),
        ("size".to_owned(), json!(reply.bytes.len())),
        ("etag".to_owned(), json!(etag)),
        ("sha256".to_owned(), json!(digests.sha256())),
    ]))
}

pub(super) fn put(context: &Context, request: &Request) -> Result<Answer, Refused> {
    let (key, source) = (text(request, "key")?, Path::new(text(request, "source")?));
    let mut bucket = bucket(context, request)?;
    let bytes = fs::read(source, LARGEST).map_err(Refused::because)?;
    bucket.put(key, &bytes, &context.net, Deadline::after(OBJECT)).map_err(failed)?;
    Ok(Answer::new())
}

pub(super) fn presign(context: &Context, request: &Request) -> Result<Answer, Refused> {
    let bucket = bucket(context, request)?;
    let expires = Duration::from_secs(expires(request)?);
    let url = bucket.presign(text(request, "key")?, expires).map_err(failed)?;
    let url = url.ok_or_else(|| Refused::because("there are no credentials to sign with"))?;
    Ok(Answer::from_iter([("url".to_owned(), json!(url.as_str()))]))
}
