//! The way to one bucket: its address, who signs, and its own requests. What the service says of the right region and
//! of its clock is heeded once each.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use url::Url;

use super::error::{ListingFault, S3Error};
use super::listing::{self, Entries, MOST_ENTRIES};
use super::name::BucketName;
use super::signer::Signer;
use crate::aws::sigv4::encode;
use crate::aws::{Aws, is_region, refusal, xml};
use crate::config::AwsConfig;
use crate::log;
use crate::net::{
    Call, Method, Net, NetError, Reply, Sign as _, Unsigned, Validators, Way, hide_userinfo, show_url,
};
use crate::source::address::close_path;
use crate::source::page::Page;
use crate::source::project::Pages;
use crate::time::{Deadline, Timestamp, show_duration};

/// The largest page of a listing, in bytes: a thousand keys of a thousand escaped bytes, and more.
pub(super) const LARGEST_PAGE: u64 = 16 << 20;
/// The most pages of a listing.
const MOST_PAGES: usize = 1000;
/// The region where nothing says another one.
const FIRST_REGION: &str = "us-east-1";
/// The pause before the second try.
const PAUSE: Duration = Duration::from_millis(100);

/// A bucket, as it is asked.
#[derive(Debug, Clone)]
pub struct Bucket {
    name: BucketName,
    /// A service that is not Amazon's.
    endpoint: Option<Url>,
    region: String,
    /// The region as it was when it was opened.
    assumed: String,
    /// The address of all its objects; ends in `/`.
    base: Url,
    signer: Option<Signer>,
}

impl Bucket {
    /// A bucket as `asker` sees it; without one as everybody does. Nothing is asked of the bucket yet.
    ///
    /// # Errors
    /// When the credentials cannot be had, or endpoint or region cannot be meant.
    pub fn open(
        name: &BucketName,
        asker: Option<(&Aws, &AwsConfig)>,
        net: &Net,
        pages: &dyn Pages,
        deadline: Deadline,
    ) -> Result<Self, S3Error> {
        let service = asker.map(|(aws, wish)| aws.service(wish).map_err(S3Error::Aws)).transpose()?;
        let service = service.unwrap_or_default();
        let endpoint = service.endpoint.as_deref().map(read_endpoint).transpose()?;
        let known = memory(name, endpoint.as_ref()).and_then(|url| pages.load(&url));
        let known = known.and_then(|page| String::from_utf8(page.bytes).ok()).filter(|text| is_region(text));
        let region = known.or(service.region).unwrap_or_else(|| FIRST_REGION.to_owned());
        let region = read_region(region)?;
        let credentials = match asker {
            Some((aws, wish)) => {
                aws.credentials(wish, net, deadline).map_err(S3Error::Aws)?.map(|c| (aws, c))
            }
            None => None,
        };
        let signer = credentials.map(|(aws, credentials)| Signer {
            aws: aws.clone(),
            credentials,
            region: region.clone(),
            ahead: 0,
        });
        let base = base(name, endpoint.as_ref(), &region)?;
        Ok(Self { name: name.clone(), endpoint, assumed: region.clone(), region, base, signer })
    }

    /// Whether it is Amazon's own service.
    pub fn is_amazon(&self) -> bool {
        self.endpoint.is_none()
    }

    /// The address of an object.
    ///
    /// # Errors
    /// When no address leads there: URLs do not keep `.` and `..` as parts of a path.
    pub fn url(&self, key: &str) -> Result<Url, S3Error> {
        let parts: Vec<String> = key.split('/').map(|part| encode(part.as_bytes())).collect();
        let path = format!("{}{}", self.base.path(), parts.join("/"));
        let mut url = self.base.clone();
        url.set_path(&path);
        if url.path() == path { Ok(url) } else { Err(S3Error::Key { key: key.to_owned() }) }
    }

    /// `s3://bucket/key`
    fn shown(&self, key: &str) -> String {
        format!("s3://{}/{}", self.name.as_str(), key.escape_debug())
    }

    /// Signs all requests for objects below that address, whoever sends them; without a signer they show nobody. An
    /// address elsewhere is none of its business.
    pub(crate) fn sign_below(&self, base: &Url, net: &Net) {
        if base.origin() != self.base.origin() || !base.path().starts_with(self.base.path()) {
            return;
        }
        match &self.signer {
            Some(signer) => net.sign_requests(base, Arc::new(signer.clone())),
            None => net.show_nobody(base),
        }
    }

    /// Remembers the region that the service told, so that the next check need not be told again.
    pub(in crate::source) fn remember(&self, pages: &dyn Pages) {
        if let Some(url) = memory(&self.name, self.endpoint.as_ref()).filter(|_| self.region != self.assumed)
        {
            let (validators, content_type) = (Validators::default(), String::new());
            let bytes = self.region.clone().into_bytes();
            pages.save(&url, &Page { validators, content_type, url: url.clone(), bytes });
        }
    }

    /// All objects and folders below `prefix`, of as many pages as there are.
    ///
    /// # Errors
    /// When the service refuses, or its listing cannot be read or does not end.
    pub fn list(
        &mut self,
        prefix: &str,
        delimiter: Option<&str>,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Entries, S3Error> {
        let failed = |fault| S3Error::Listing { at: self.shown(prefix), fault };
        let (endless, too_many) = (failed(ListingFault::Endless), failed(ListingFault::TooMany));
        let mut entries = Entries::default();
        let mut seen = HashSet::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let query = list_query(prefix, delimiter, token.as_deref());
            let wanted = Wanted { query: &query, whole: true, ..Wanted::get("list", prefix) };
            let reply = self.ask(&wanted, LARGEST_PAGE, net, deadline)?;
            let page = listing::read(&reply.bytes, prefix, delimiter);
            let page = page.map_err(|fault| S3Error::Listing { at: self.shown(prefix), fault })?;
            entries.objects.extend(page.entries.objects);
            entries.folders.extend(page.entries.folders);
            if entries.objects.len() + entries.folders.len() > MOST_ENTRIES {
                return Err(too_many);
            }
            if !page.truncated {
                return Ok(entries);
            }
            token = page.next.filter(|next| seen.insert(next.clone()));
            if token.is_none() {
                return Err(endless);
            }
        }
        Err(endless)
    }

    /// Fetches a whole object into memory, at most `cap` bytes; where it still has that `ETag`, only a 304 comes.
    ///
    /// # Errors
    /// When the service refuses.
    pub fn get(
        &mut self,
        key: &str,
        cap: u64,
        etag: Option<&str>,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Reply, S3Error> {
        let unchanged = etag.map(|etag| ("if-none-match", etag));
        let headers = unchanged.as_slice();
        self.ask(&Wanted { headers, ..Wanted::get("fetch", key) }, cap, net, deadline)
    }

    /// An address that serves an object to whoever has it for some time; `None` where nobody signs.
    ///
    /// # Errors
    /// When no address leads to the key.
    pub fn presign(&self, key: &str, expires: Duration) -> Result<Option<Url>, S3Error> {
        let mut url = self.url(key)?;
        let Some(signer) = &self.signer else { return Ok(None) };
        let query = signer.presign("GET", &url, expires).query;
        url.set_query(Some(&query));
        Ok(Some(url))
    }

    /// Asks, once more after what passes by itself, and once more each for another region and another time.
    pub(super) fn ask(
        &mut self,
        wanted: &Wanted<'_>,
        cap: u64,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Reply, S3Error> {
        let (mut again, mut moved, mut set) = (true, true, true);
        loop {
            let answer = self.ask_once(wanted, cap, net, deadline);
            let pause = match &answer {
                Err(S3Error::Net(error)) if error.is_transient() => &mut again,
                Ok(reply) if matches!(reply.status, 429 | 500 | 502 | 503 | 504) => &mut again,
                Ok(reply) if reply.status >= 300 && self.moves(reply)? => &mut moved,
                Ok(reply) if reply.status >= 300 && self.sets_clock(reply, net) => &mut set,
                _ => return self.judge(wanted, answer?),
            };
            if !std::mem::take(pause) {
                return self.judge(wanted, answer?);
            }
            thread::sleep(if again { Duration::ZERO } else { PAUSE });
        }
    }

    fn ask_once(
        &self,
        wanted: &Wanted<'_>,
        cap: u64,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Reply, S3Error> {
        let (method, body) = (wanted.method, wanted.body);
        let mut url = self.url(if wanted.whole { "" } else { wanted.key })?;
        url.set_query(Some(wanted.query).filter(|query| !query.is_empty()));
        let unsigned = Unsigned { method, url: &url, headers: wanted.headers, body };
        let signed = self.signer.as_ref().map(|signer| signer.sign(&unsigned)).transpose();
        let signed = signed.map_err(|fault| S3Error::Net(NetError::new(&url, fault)))?.unwrap_or_default();
        let signed = signed.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = signed.chain(wanted.headers.iter().copied()).collect();
        let call = Call { method, url: &url, headers: &headers, body, cap };
        // A login for the host is not for S3, which refuses one.
        Ok(net.call_plainly(&call, Way::Usual, deadline)?)
    }

    fn judge(&self, wanted: &Wanted<'_>, reply: Reply) -> Result<Reply, S3Error> {
        let conditional = wanted.headers.iter().any(|(name, _)| *name == "if-none-match");
        let unchanged = reply.status == 304 && conditional;
        if unchanged || (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        let code = refusal::code(&reply.bytes);
        Err(S3Error::Refused {
            action: wanted.action,
            at: self.shown(wanted.key),
            status: reply.status,
            code,
        })
    }

    /// Goes to the region that a refusal names, where it is another one.
    fn moves(&mut self, reply: &Reply) -> Result<bool, S3Error> {
        let told = reply.headers.get("x-amz-bucket-region").map(str::to_owned);
        let told = told.or_else(|| xml::find(&reply.bytes, &["Region"])).filter(|text| is_region(text));
        let Some(region) = told.filter(|region| *region != self.region) else { return Ok(false) };
        log::debug(|| format!("{} is in {region}", self.shown("")));
        self.base = base(&self.name, self.endpoint.as_ref(), &region)?;
        self.signer.iter_mut().for_each(|signer| signer.region.clone_from(&region));
        self.region = region;
        Ok(true)
    }

    /// Takes the service's time for ours, where the refusal is about that.
    fn sets_clock(&mut self, reply: &Reply, net: &Net) -> bool {
        let skewed = refusal::code(&reply.bytes).is_some_and(|code| code == refusal::TOO_SKEWED);
        let there = reply.headers.get("date").and_then(Timestamp::parse_http_date);
        let (Some(signer), Some(there)) = (&mut self.signer, there.filter(|_| skewed)) else { return false };
        signer.set_clock(there);
        let off = show_duration(Duration::from_secs(signer.ahead.unsigned_abs()));
        let way = if signer.ahead > 0 { "slow" } else { "fast" };
        net.note(format!("the clock here is {off} {way} by the service's: its time is used"));
        true
    }
}

/// One request of ours.
pub(super) struct Wanted<'a> {
    pub(super) action: &'static str,
    pub(super) method: Method,
    /// The key, or the prefix of a listing.
    pub(super) key: &'a str,
    /// Whether it is the bucket that is asked, not the object.
    pub(super) whole: bool,
    pub(super) query: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl<'a> Wanted<'a> {
    /// An object's contents; also what is common to all requests.
    pub(super) fn get(action: &'static str, key: &'a str) -> Self {
        Self { action, method: Method::Get, key, whole: false, query: "", headers: &[], body: &[] }
    }
}

fn list_query(prefix: &str, delimiter: Option<&str>, token: Option<&str>) -> String {
    let token = token.map(|token| ("continuation-token", token));
    let delimiter = delimiter.map(|delimiter| ("delimiter", delimiter));
    let fixed = [("encoding-type", "url"), ("list-type", "2"), ("prefix", prefix)];
    let pairs = token.into_iter().chain(delimiter).chain(fixed);
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", encode(value.as_bytes()))).collect();
    pairs.join("&")
}

/// Where the region of a bucket is remembered.
fn memory(name: &BucketName, endpoint: Option<&Url>) -> Option<Url> {
    let mut url = Url::parse(&format!("s3://{}/", name.as_str())).ok()?;
    url.set_query(endpoint.map(Url::as_str));
    Some(url)
}

fn read_endpoint(text: &str) -> Result<Url, S3Error> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(mut url) = url else {
        let shown = Url::parse(text).map_or_else(|_| hide_userinfo(text), |url| show_url(&url));
        return Err(S3Error::Endpoint { text: shown });
    };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    close_path(&mut url);
    Ok(url)
}

/// Two names of old for the first region.
fn read_region(text: String) -> Result<String, S3Error> {
    match text.as_str() {
        "aws-global" | "us-standard" => Ok(FIRST_REGION.to_owned()),
        word if is_region(word) => Ok(text),
        _ => Err(S3Error::Region { text }),
    }
}

impl Bucket {
    /// An address in path style (`host/bucket/key`) that serves an object to whoever has it, and when the credentials
    /// that sign it end, where that is known: it serves no longer than they do. `None` where nobody signs.
    ///
    /// # Errors
    /// When no address leads to the key.
    pub(crate) fn authorize(&self, key: &str, expires: Duration) -> Result<Option<(Url, Lifetime)>, S3Error> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let base = self.endpoint.is_none().then(|| path_style(&self.name, &self.region)).transpose()?;
        let base = base.unwrap_or_else(|| self.base.clone());
        let mut url = Self { base, ..self.clone() }.url(key)?;
        let query = signer.presign("GET", &url, expires).query;
        url.set_query(Some(&query));
        let credentials = &signer.credentials;
        let temporary = credentials.session_token.is_some() || credentials.expires.is_some();
        let lifetime = match credentials.expires {
            Some(end) => Lifetime::Until(end),
            None if temporary => Lifetime::Temporary,
            None => Lifetime::Lasting,
        };
        Ok(Some((url, lifetime)))
    }
}

/// How long the credentials behind an address last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until they are taken back.
    Lasting,
    /// For some time that nobody told.
    Temporary,
    /// Until then.
    Until(Timestamp),
}

/// "Virtual hosting of general purpose buckets" of the Amazon S3 user guide; path style where a name is no host's
/// label, and at other services, which need not have a name for each bucket.
fn base(name: &BucketName, endpoint: Option<&Url>, region: &str) -> Result<Url, S3Error> {
    let name_text = name.as_str();
    let text = match endpoint {
        Some(endpoint) => format!("{endpoint}{name_text}/"),
        None if name.is_label() => format!("https://{name_text}.s3.{region}.{}/", domain(region)),
        None => return path_style(name, region),
    };
    Url::parse(&text).map_err(|_| S3Error::Endpoint { text })
}

fn path_style(name: &BucketName, region: &str) -> Result<Url, S3Error> {
    let text = format!("https://s3.{region}.{}/{}/", domain(region), name.as_str());
    Url::parse(&text).map_err(|_| S3Error::Endpoint { text })
}

fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

#[cfg(test)]
mod tests;
