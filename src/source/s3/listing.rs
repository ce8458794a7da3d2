//! One page of a bucket's listing, as `ListObjectsV2` of the Amazon S3 API reference has it.

use super::error::ListingFault;
use crate::aws::xml::{self, Event};
use crate::net::percent_decode;
use crate::time::Timestamp;

/// The most objects and folders that are taken of one folder.
pub(super) const MOST_ENTRIES: usize = 100_000;

/// What lies directly in a folder; with no delimiter, in all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// The objects, in the service's order.
    pub objects: Vec<Object>,
    /// The names of the folders, without the slash.
    pub folders: Vec<String>,
}

/// An object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Its key, without the prefix that was asked for.
    pub name: String,
    /// Its length, in bytes.
    pub size: u64,
    /// What its contents are recognized by, without quotes; `None` where the service tells nothing.
    pub etag: Option<String>,
    /// When it was put there.
    pub modified: Option<Timestamp>,
}

/// A page: what it adds, and where the next one begins.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Entries,
    pub(super) truncated: bool,
    pub(super) next: Option<String>,
}

/// Reads a page of the folder `prefix`.
pub(super) fn read(text: &[u8], prefix: &str, delimiter: Option<&str>) -> Result<Page, ListingFault> {
    // Without being asked again, a service says whether it escaped the keys, and it may say so at the end.
    let escaped = xml::find(text, &["EncodingType"]).is_some_and(|word| word.eq_ignore_ascii_case("url"));
    let mut reader =
        Reader { prefix, delimiter, escaped, page: Page::default(), object: None, listing: false };
    xml::read(text, &mut |event| reader.hear(event)).map_err(ListingFault::Xml)?;
    if reader.listing { Ok(reader.page) } else { Err(ListingFault::NoListing) }
}

struct Reader<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    escaped: bool,
    page: Page,
    object: Option<Object>,
    listing: bool,
}

impl Reader<'_> {
    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Start(["ListBucketResult"]) => self.listing = true,
            Event::Start([_, "Contents"]) => self.object = None,
            Event::End([_, "Contents"], _) => self.page.entries.objects.extend(self.object.take()),
            Event::End([_, "CommonPrefixes", "Prefix"], text) => self.folder(text),
            Event::End([_, "IsTruncated"], text) => self.page.truncated = text.trim() == "true",
            Event::End([_, "NextContinuationToken"], text) => {
                self.page.next = Some(text.trim().to_owned()).filter(|token| !token.is_empty());
            }
            // The key comes first.
            Event::End([_, "Contents", "Key"], text) => self.key(text),
            Event::End([_, "Contents", name], text) => self.detail(name, text.trim()),
            _ => {}
        }
    }

    /// The part of a key behind the prefix; empty for the object that marks the folder itself.
    fn below(&self, text: &str) -> Option<String> {
        let key = if self.escaped { percent_decode(&text.replace('+', " ")) } else { text.to_owned() };
        key.strip_prefix(self.prefix).map(str::to_owned)
    }

    fn key(&mut self, text: &str) {
        self.object = self.below(text).map(|name| Object { name, ..Object::default() });
    }

    fn folder(&mut self, text: &str) {
        let name = self.below(text).zip(self.delimiter);
        let name = name.and_then(|(name, delimiter)| name.strip_suffix(delimiter).map(str::to_owned));
        self.page.entries.folders.extend(name.filter(|name| !name.is_empty()));
    }

    fn detail(&mut self, name: &str, text: &str) {
        let Some(object) = &mut self.object else { return };
        match name {
            "Size" => object.size = text.parse().unwrap_or_default(),
            "ETag" => {
                object.etag = Some(super::object::bare(text).to_owned()).filter(|etag| !etag.is_empty());
            }
            "LastModified" => object.modified = Timestamp::parse_rfc3339(text),
            _ => {}
        }
    }
}
