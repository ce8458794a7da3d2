//! A value of a page in JSON, as far as it can concern us: under known keys, and of a bounded size.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::source::listing::LONGEST_TEXT;
use crate::trust::hashes::Hashes;

/// All keys that mean something to us, anywhere on a page.
const KEYS: [&str; 24] = [
    "meta",
    "api-version",
    "files",
    "urls",
    "releases",
    "url",
    "filename",
    "hashes",
    "digests",
    "md5_digest",
    "md5",
    "sha256",
    "sha384",
    "sha512",
    "size",
    "requires-python",
    "requires_python",
    "yanked",
    "yanked_reason",
    "upload-time",
    "upload_time_iso_8601",
    "core-metadata",
    "dist-info-metadata",
    "python_version",
];

/// A known key, or an empty one for any other.
pub(super) struct Key(pub(super) &'static str);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Key, E> {
        Ok(Key(KEYS.into_iter().find(|known| *known == text).unwrap_or_default()))
    }
}

/// A value.
pub(super) enum Field {
    /// Nothing of use.
    Other,
    /// It has a text that is longer than any that is meant.
    TooLong,
    Truth(bool),
    Number(u64),
    Text(String),
    Object(Object),
}

/// The values under known keys; of two under one key the last.
#[derive(Default)]
pub(super) struct Object(Vec<(&'static str, Field)>);

impl Object {
    pub(super) fn get(&self, key: &str) -> Option<&Field> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, field)| field)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Field::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn owned(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        match self.get(key) {
            Some(Field::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Field::Truth(true)))
    }

    /// Its texts, where they are digests under the names of algorithms.
    pub(super) fn hashes(&self) -> Hashes {
        let mut hashes = Hashes::default();
        for (key, field) in &self.0 {
            if let Field::Text(hex) = field {
                hashes.insert(key, hex);
            }
        }
        hashes
    }

    fn set(&mut self, key: &'static str, field: Field) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = field,
            None => self.0.push((key, field)),
        }
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Field, E> {
        Ok(Field::Truth(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
        Ok(Field::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(if text.len() > LONGEST_TEXT { Field::TooLong } else { Field::Text(text.to_owned()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let mut object = Object::default();
        let mut too_long = false;
        while let Some(Key(key)) = map.next_key()? {
            if key.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match map.next_value()? {
                Field::TooLong => too_long = true,
                field => object.set(key, field),
            }
        }
        Ok(if too_long { Field::TooLong } else { Field::Object(object) })
    }
}
