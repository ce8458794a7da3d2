//! Index pages in JSON: PEP 691 (with PEP 592, 658, 700, 714), and PyPI's own API as older tools use it. Files are read
//! one at a time and of each only what concerns us, so that one odd file spoils only itself, and nothing is kept of
//! what a page merely has much of.

mod field;

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use url::Url;

use super::listing::{Listing, Offer};
use super::page::{PageFault, check_version};
use crate::package::name::ProjectName;
use crate::time::Timestamp;
use crate::trust::hashes::Hashes;
use field::{Field, Key, Object};

/// Reads a page of either form; what it holds tells which: `files`, or `urls` and `releases`.
pub(super) fn read(text: &[u8], base: &Url, project: &ProjectName) -> Result<Listing, PageFault> {
    let listing = Listing::of_page(text, 0);
    let mut reader = Reader { base, project, listing, version: None, is_list: false, has_twins: false };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = deserializer.deserialize_map(&mut reader).and_then(|()| deserializer.end());
    // An unknown major version may have any shape: say so before finding fault with that.
    if let Some(version) = &reader.version {
        check_version(version)?;
    }
    read.map_err(|error| PageFault::Json(error.to_string()))?;
    if !reader.is_list {
        return Err(PageFault::NoList);
    }
    if reader.has_twins {
        reader.listing.drop_twins();
    }
    Ok(reader.listing)
}

struct Reader<'a> {
    base: &'a Url,
    project: &'a ProjectName,
    listing: Listing,
    version: Option<String>,
    is_list: bool,
    /// Whether it is PyPI's API, where `urls` has the files of the newest release once more.
    has_twins: bool,
}

/// The whole page.
impl<'de> Visitor<'de> for &mut Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            self.is_list |= matches!(key, "files" | "urls" | "releases");
            match key {
                "meta" => {
                    self.version = match map.next_value()? {
                        Field::Object(meta) => meta.owned("api-version"),
                        _ => None,
                    };
                }
                "files" => map.next_value_seed(Files { reader: self, read: simple })?,
                "urls" => map.next_value_seed(Files { reader: self, read: pypi })?,
                "releases" => {
                    self.has_twins = true;
                    map.next_value_seed(Releases(self))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// An array of files.
struct Files<'r, 'a> {
    reader: &'r mut Reader<'a>,
    read: fn(&Object) -> Offer,
}

impl<'de> DeserializeSeed<'de> for Files<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Files<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of files")
    }

    /// The error would have all of the text in it.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("string"), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Reader { base, project, listing, .. } = self.reader;
        while !listing.is_full() {
            match seq.next_element()? {
                Some(Field::Object(file)) => listing.offer((self.read)(&file), base, project),
                Some(_) => listing.skipped += 1,
                None => return Ok(()),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// PyPI's files by version.
struct Releases<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Releases<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // PyPI has begun to announce the end of this key: it may come to be null.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Releases<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of files by version")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("string"), &self))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Files { reader: self.0, read: pypi }).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// The digests under a key.
fn hashes(file: &Object, key: &str) -> Hashes {
    match file.get(key) {
        Some(Field::Object(digests)) => digests.hashes(),
        _ => Hashes::default(),
    }
}

fn moment(file: &Object, key: &str) -> Option<Timestamp> {
    file.text(key).and_then(Timestamp::parse_rfc3339)
}

/// PEP 691 with PEP 700 and PEP 714.
fn simple(file: &Object) -> Offer {
    // PEP 714 renamed the key, because indexes filled the old one wrongly.
    let metadata = ["core-metadata", "dist-info-metadata"].into_iter().find_map(|key| file.get(key));
    Offer {
        href: file.owned("url").unwrap_or_default(),
        filename: file.owned("filename"),
        hashes: hashes(file, "hashes"),
        size: file.number("size"),
        requires_python: file.owned("requires-python"),
        yanked: match file.get("yanked") {
            Some(Field::Truth(true)) => Some(String::new()),
            Some(Field::Text(reason)) if !reason.is_empty() => Some(reason.clone()),
            _ => None,
        },
        uploaded: moment(file, "upload-time"),
        metadata: match metadata {
            Some(Field::Truth(true)) => Some(Hashes::default()),
            Some(Field::Object(digests)) => Some(digests.hashes()),
            _ => None,
        },
        python: None,
    }
}

/// PyPI's `/pypi/<project>/json`.
fn pypi(file: &Object) -> Offer {
    let mut hashes = hashes(file, "digests");
    if hashes.is_empty() {
        hashes.insert("md5", file.text("md5_digest").unwrap_or_default());
    }
    Offer {
        href: file.owned("url").unwrap_or_default(),
        filename: file.owned("filename"),
        hashes,
        size: file.number("size"),
        requires_python: file.owned("requires_python"),
        yanked: file.is_true("yanked").then(|| file.owned("yanked_reason").unwrap_or_default()),
        uploaded: moment(file, "upload_time_iso_8601"),
        metadata: None,
        python: file.owned("python_version").filter(|version| is_python_version(version)),
    }
}

/// `2.7`, not `source` or `py2.py3`.
fn is_python_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.len() < 4 && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor))
}
