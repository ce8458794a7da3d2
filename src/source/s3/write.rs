//! What a publisher asks of a bucket: to look an object up, to put it there under a condition, in parts where it is
//! large, and to take it away (`PutObject`, `HeadObject`, `DeleteObject` and "Multipart upload" of the Amazon S3 API
//! reference; "Conditional writes" of its user guide).

use std::fmt::Write as _;
use std::io::Read;

use super::bucket::{Bucket, LARGEST_PAGE, Wanted};
use super::error::S3Error;
use super::object::bare;
use crate::aws::sigv4::encode;
use crate::aws::xml::{self, Event};
use crate::net::{Method, Net, Reply};
use crate::time::Deadline;
use crate::trust::hashes::{Hasher, Hashes};

/// The user metadata that has an object's SHA-256.
const SHA256: &str = "x-amz-meta-sha256";

/// Bytes of one part of a large upload.
const PART: usize = 16 << 20;

/// How an object is put there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Put<'a> {
    /// `Content-Type`
    pub content_type: &'a str,
    /// `Cache-Control`
    pub cache_control: Option<&'a str>,
    /// A canned access list: `public-read`.
    pub acl: Option<&'a str>,
    /// Further headers, such as `x-amz-meta-…`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The SHA-256 of the contents, in hex, to be found again.
    pub sha256: Option<&'a str>,
    /// Whether it may be put there at all.
    pub condition: Condition<'a>,
}

/// Under which condition an object is put there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Whatever is there.
    #[default]
    Always,
    /// There is nothing.
    New,
    /// There still is what had this `ETag`, quotes left out.
    Unchanged(&'a str),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Done,
    /// The condition does not hold.
    Conflict,
}

/// An upload that was begun: its name, and its parts by number and `ETag`.
type Unfinished = (String, Vec<(u32, String)>);

/// An object's contents and `ETag`.
pub(super) type Contents = (Vec<u8>, Option<String>);

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its length, in bytes.
    pub size: Option<u64>,
    /// What its contents are recognized by, without quotes.
    pub etag: Option<String>,
    /// The SHA-256 of its contents in hex, where whoever put it there said so.
    pub sha256: Option<String>,
}

impl Bucket {
    /// Puts an object there.
    ///
    /// # Errors
    /// When the service refuses.
    pub fn put(&mut self, key: &str, body: &[u8], net: &Net, deadline: Deadline) -> Result<(), S3Error> {
        self.put_as(key, body, &Put::default(), net, deadline).map(drop)
    }

    /// Puts an object there as `put` says.
    ///
    /// # Errors
    /// When the service refuses.
    pub fn put_as(
        &mut self,
        key: &str,
        body: &[u8],
        put: &Put<'_>,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Written, S3Error> {
        let condition = put.condition.header();
        let mut headers = put.headers();
        headers.extend(condition.iter().map(|(name, value)| (*name, value.as_str())));
        let wanted = Wanted { method: Method::Put, headers: &headers, body, ..Wanted::get("write", key) };
        let asked = self.ask(&wanted, LARGEST_PAGE, net, deadline);
        if condition.is_some() && asked.as_ref().is_err_and(|error| error.status() == Some(501)) {
            // A service that knows no conditions: whoever asks has looked before.
            let plain = Put { condition: Condition::Always, ..*put };
            return self.put_as(key, body, &plain, net, deadline);
        }
        written(asked)
    }

    /// Puts a large object there in parts; what an interrupted upload of the same contents left is not sent again.
    /// `sent` hears of each part's bytes.
    ///
    /// # Errors
    /// When the service refuses, or the contents cannot be read: their error is told as `Err` inside.
    pub fn put_in_parts(
        &mut self,
        key: &str,
        contents: &mut dyn Read,
        put: &Put<'_>,
        sent: &mut dyn FnMut(u64),
        (net, deadline): (&Net, Deadline),
    ) -> Result<std::io::Result<Written>, S3Error> {
        let (upload, there) = match self.unfinished(key, net, deadline)? {
            Some(found) => found,
            None => (self.begin(key, put, net, deadline)?, Vec::new()),
        };
        let mut list = String::from("<CompleteMultipartUpload>");
        let mut part = Vec::new();
        for number in 1.. {
            part.clear();
            if let Err(error) = (&mut *contents).take(PART as u64).read_to_end(&mut part) {
                return Ok(Err(error));
            }
            if part.is_empty() && number > 1 {
                break;
            }
            let md5 = md5_of(&part);
            let known = there.iter().find(|known| known.0 == number && known.1 == md5);
            let etag = match known {
                Some((_, etag)) => etag.clone(),
                None => self.send_part(key, &upload, number, &part, (net, deadline))?,
            };
            sent(part.len() as u64);
            let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>");
        }
        list += "</CompleteMultipartUpload>";
        let query = format!("uploadId={}", encode(upload.as_bytes()));
        let condition = put.condition.header();
        let headers: Vec<_> = condition.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = list.as_bytes();
        let wanted = Wanted {
            method: Method::Post,
            query: &query,
            headers: &headers,
            body,
            ..Wanted::get("write", key)
        };
        Ok(Ok(written(self.ask(&wanted, LARGEST_PAGE, net, deadline))?))
    }

    fn begin(&mut self, key: &str, put: &Put<'_>, net: &Net, deadline: Deadline) -> Result<String, S3Error> {
        let headers = put.headers();
        let wanted = Wanted {
            method: Method::Post,
            query: "uploads=",
            headers: &headers,
            ..Wanted::get("write", key)
        };
        let reply = self.ask(&wanted, LARGEST_PAGE, net, deadline)?;
        xml::find(&reply.bytes, &["UploadId"]).ok_or_else(|| unread(key, &reply))
    }

    fn send_part(
        &mut self,
        key: &str,
        upload: &str,
        number: u32,
        body: &[u8],
        (net, deadline): (&Net, Deadline),
    ) -> Result<String, S3Error> {
        let query = format!("partNumber={number}&uploadId={}", encode(upload.as_bytes()));
        let wanted = Wanted { method: Method::Put, query: &query, body, ..Wanted::get("write", key) };
        let reply = self.ask(&wanted, LARGEST_PAGE, net, deadline)?;
        reply.headers.get("etag").map(|etag| bare(etag).to_owned()).ok_or_else(|| unread(key, &reply))
    }

    /// An upload of that key that was begun and not finished: its name, and its parts by number and `ETag`. Services
    /// that do not list any have none.
    fn unfinished(
        &mut self,
        key: &str,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Option<Unfinished>, S3Error> {
        let query = format!("prefix={}&uploads=", encode(key.as_bytes()));
        let wanted = Wanted { whole: true, query: &query, ..Wanted::get("list uploads of", key) };
        let Some(reply) = unless_refused(self.ask(&wanted, LARGEST_PAGE, net, deadline))? else {
            return Ok(None);
        };
        let uploads = records(&reply.bytes, "Upload", ["Key", "UploadId"]);
        let Some([_, upload]) = uploads.into_iter().rfind(|[own, _]| own == key) else { return Ok(None) };
        let query = format!("max-parts=1000&uploadId={}", encode(upload.as_bytes()));
        let wanted = Wanted { query: &query, ..Wanted::get("list parts of", key) };
        let Some(reply) = unless_refused(self.ask(&wanted, LARGEST_PAGE, net, deadline))? else {
            return Ok(None);
        };
        let parts = records(&reply.bytes, "Part", ["PartNumber", "ETag"]).into_iter();
        let parts = parts.filter_map(|[number, etag]| Some((number.parse().ok()?, bare(&etag).to_owned())));
        Ok(Some((upload, parts.collect())))
    }

    /// What is known of an object; `None` where there is none.
    ///
    /// # Errors
    /// When the service refuses.
    pub fn look_up(&mut self, key: &str, net: &Net, deadline: Deadline) -> Result<Option<Found>, S3Error> {
        let wanted = Wanted { method: Method::Head, ..Wanted::get("look for", key) };
        // However long it is: nothing of it comes.
        let Some(reply) = if_there(self.ask(&wanted, u64::MAX, net, deadline))? else { return Ok(None) };
        let header = |name| reply.headers.get(name);
        Ok(Some(Found {
            size: header("content-length").and_then(|length| length.parse().ok()),
            etag: header("etag").map(|etag| bare(etag).to_owned()),
            sha256: header(SHA256).map(str::to_owned),
        }))
    }

    /// An object's contents and `ETag`, at most `cap` bytes; `None` where there is none.
    ///
    /// # Errors
    /// When the service refuses.
    pub fn get_if_there(
        &mut self,
        key: &str,
        cap: u64,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Option<Contents>, S3Error> {
        let reply = if_there(self.get(key, cap, None, net, deadline))?;
        Ok(reply.map(|reply| {
            let etag = reply.headers.get("etag").map(|etag| bare(etag).to_owned());
            (reply.bytes, etag)
        }))
    }

    /// Takes an object away; one that is not there is gone already.
    ///
    /// # Errors
    /// When the service refuses.
    pub fn delete(&mut self, key: &str, net: &Net, deadline: Deadline) -> Result<(), S3Error> {
        let wanted = Wanted { method: Method::Delete, ..Wanted::get("delete", key) };
        if_there(self.ask(&wanted, LARGEST_PAGE, net, deadline)).map(drop)
    }
}

impl Put<'_> {
    fn headers(&self) -> Vec<(&str, &str)> {
        let optional =
            [("cache-control", self.cache_control), ("x-amz-acl", self.acl), (SHA256, self.sha256)];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let kind = Some(("content-type", self.content_type)).filter(|(_, kind)| !kind.is_empty());
        kind.into_iter().chain(given).chain(self.headers.iter().copied()).collect()
    }
}

impl Condition<'_> {
    fn header(self) -> Option<(&'static str, String)> {
        match self {
            Self::Always => None,
            Self::New => Some(("if-none-match", "*".to_owned())),
            Self::Unchanged(etag) => Some(("if-match", format!("\"{etag}\""))),
        }
    }
}

/// 409: somebody else is writing it at this very moment. 404: what should be unchanged is gone.
fn written(asked: Result<Reply, S3Error>) -> Result<Written, S3Error> {
    match asked {
        Ok(_) => Ok(Written::Done),
        Err(S3Error::Refused { status: 409 | 412, .. }) => Ok(Written::Conflict),
        Err(error) => Err(error),
    }
}

fn if_there(asked: Result<Reply, S3Error>) -> Result<Option<Reply>, S3Error> {
    match asked {
        Err(S3Error::Refused { status: 404, code, .. }) if code.as_deref() != Some("NoSuchBucket") => {
            Ok(None)
        }
        asked => asked.map(Some),
    }
}

/// What only saves work is not asked for twice.
fn unless_refused(asked: Result<Reply, S3Error>) -> Result<Option<Reply>, S3Error> {
    match asked {
        Err(S3Error::Refused { .. }) => Ok(None),
        asked => asked.map(Some),
    }
}

fn unread(key: &str, reply: &Reply) -> S3Error {
    S3Error::Refused { action: "write", at: key.to_owned(), status: reply.status, code: None }
}

/// The texts of these elements in each element of that name below the document's own.
fn records<const N: usize>(document: &[u8], name: &str, wanted: [&str; N]) -> Vec<[String; N]> {
    let mut found: Vec<[String; N]> = Vec::new();
    let _ = xml::read(document, &mut |event| match event {
        Event::Start([_, own]) if *own == name => found.push([const { String::new() }; N]),
        Event::End([_, own, field], text) if *own == name => {
            let at = wanted.iter().position(|wanted| wanted == field);
            if let Some(slot) = at.and_then(|at| found.last_mut()?.get_mut(at)) {
                text.trim().clone_into(slot);
            }
        }
        _ => {}
    });
    found
}

/// The MD5 of a part, in hex: its `ETag`, where no key of one's own encrypts it.
fn md5_of(bytes: &[u8]) -> String {
    let mut wanted = Hashes::default();
    wanted.insert("md5", &"0".repeat(32));
    let mut hasher = Hasher::for_promises(&wanted);
    hasher.update(bytes);
    hasher.finish().md5().unwrap_or_default().to_owned()
}
