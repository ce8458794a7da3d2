//! Index pages in JSON: PEP 691 (with PEP 592, 658, 700, 714), and PyPI's own API as older tools use it. Files are read
//! one at a time, so that a page never takes much more memory than its text, and one odd file spoils only itself.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use url::Url;

use super::listing::{Listing, Offer};
use super::page::{PageFault, check_version};
use crate::package::name::ProjectName;
use crate::time::Timestamp;
use crate::trust::hashes::Hashes;

/// Reads a page of either form; what it holds tells which: `files`, or `urls` and `releases`.
pub(super) fn read(text: &[u8], base: &Url, project: &ProjectName) -> Result<Listing, PageFault> {
    let mut reader =
        Reader { base, project, listing: Listing::default(), releases: None, version: None, is_list: false };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = deserializer.deserialize_map(Document(&mut reader)).and_then(|()| deserializer.end());
    // An unknown major version may have any shape: say so before finding fault with that.
    if let Some(version) = &reader.version {
        check_version(version)?;
    }
    read.map_err(|error| PageFault::Json(error.to_string()))?;
    if !reader.is_list {
        return Err(PageFault::NoList);
    }
    let mut listing = reader.listing;
    if let Some(releases) = reader.releases {
        listing.extend(releases);
    }
    Ok(listing)
}

struct Reader<'a> {
    base: &'a Url,
    project: &'a ProjectName,
    listing: Listing,
    /// The files of all releases in PyPI's API; `urls` has those of the newest once more.
    releases: Option<Listing>,
    version: Option<String>,
    is_list: bool,
}

/// The whole page.
struct Document<'r, 'a>(&'r mut Reader<'a>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Reader { base, project, listing, releases, version, is_list } = self.0;
        let (base, project) = (*base, *project);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "meta" => {
                    let meta: Value = map.next_value()?;
                    let given = meta.get("api-version").and_then(Value::as_str);
                    *version = given.map(str::to_owned);
                }
                "files" => {
                    *is_list = true;
                    let add = |listing: &mut Listing, file: &Map<String, Value>| {
                        listing.offer(simple(file), base, project);
                    };
                    map.next_value_seed(Files { listing, add })?;
                }
                "urls" => {
                    *is_list = true;
                    let add = |listing: &mut Listing, file: &Map<String, Value>| {
                        listing.offer(pypi(file), base, project);
                    };
                    map.next_value_seed(Files { listing, add })?;
                }
                "releases" => {
                    *is_list = true;
                    let listing = releases.get_or_insert_default();
                    map.next_value_seed(Releases { listing, base, project })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// An array of files.
struct Files<'r, F> {
    listing: &'r mut Listing,
    add: F,
}

impl<'de, F: Fn(&mut Listing, &Map<String, Value>)> DeserializeSeed<'de> for Files<'_, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: Fn(&mut Listing, &Map<String, Value>)> Visitor<'de> for Files<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while !self.listing.is_full() {
            match seq.next_element::<Value>()? {
                Some(Value::Object(file)) => (self.add)(self.listing, &file),
                Some(_) => self.listing.skipped += 1,
                None => return Ok(()),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            self.listing.skipped += 1;
        }
        Ok(())
    }
}

/// PyPI's files by version.
struct Releases<'r> {
    listing: &'r mut Listing,
    base: &'r Url,
    project: &'r ProjectName,
}

impl<'de> DeserializeSeed<'de> for Releases<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // PyPI has begun to announce the end of this key: it may come to be null.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Releases<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of files by version")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (base, project) = (self.base, self.project);
        while map.next_key::<IgnoredAny>()?.is_some() {
            let add = |listing: &mut Listing, file: &Map<String, Value>| {
                listing.offer(pypi(file), base, project);
            };
            map.next_value_seed(Files { listing: self.listing, add }).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

fn text(file: &Map<String, Value>, key: &str) -> Option<String> {
    file.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn moment(file: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    file.get(key).and_then(Value::as_str).and_then(Timestamp::parse_rfc3339)
}

fn hashes(value: Option<&Value>) -> Hashes {
    let mut hashes = Hashes::default();
    for (algorithm, hex) in value.and_then(Value::as_object).into_iter().flatten() {
        hashes.insert(algorithm, hex.as_str().unwrap_or_default());
    }
    hashes
}

/// PEP 691 with PEP 700 and PEP 714.
fn simple(file: &Map<String, Value>) -> Offer {
    // PEP 714 renamed the key, because indexes filled the old one wrongly.
    let metadata = ["core-metadata", "dist-info-metadata"].into_iter().find_map(|key| file.get(key));
    Offer {
        href: text(file, "url").unwrap_or_default(),
        filename: text(file, "filename"),
        hashes: hashes(file.get("hashes")),
        size: file.get("size").and_then(Value::as_u64),
        requires_python: text(file, "requires-python"),
        yanked: match file.get("yanked") {
            Some(Value::Bool(true)) => Some(String::new()),
            Some(Value::String(reason)) if !reason.is_empty() => Some(reason.clone()),
            _ => None,
        },
        uploaded: moment(file, "upload-time"),
        metadata: match metadata {
            Some(Value::Bool(true)) => Some(Hashes::default()),
            Some(value @ Value::Object(_)) => Some(hashes(Some(value))),
            _ => None,
        },
        python: None,
    }
}

/// PyPI's `/pypi/<project>/json`.
fn pypi(file: &Map<String, Value>) -> Offer {
    let mut hashes = hashes(file.get("digests"));
    if hashes.is_empty() {
        hashes.insert("md5", file.get("md5_digest").and_then(Value::as_str).unwrap_or_default());
    }
    let yanked = file.get("yanked").and_then(Value::as_bool).unwrap_or_default();
    Offer {
        href: text(file, "url").unwrap_or_default(),
        filename: text(file, "filename"),
        hashes,
        size: file.get("size").and_then(Value::as_u64),
        requires_python: text(file, "requires_python"),
        yanked: yanked.then(|| text(file, "yanked_reason").unwrap_or_default()),
        uploaded: moment(file, "upload_time_iso_8601"),
        metadata: None,
        python: text(file, "python_version").filter(|version| is_python_version(version)),
    }
}

/// `2.7`, not `source` or `py2.py3`.
fn is_python_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.len() < 4 && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor))
}
