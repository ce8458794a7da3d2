//! Remembered answers of sources on disk: what makes "nothing new" cost one small answer a project.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::fs;
use crate::net::Validators;
use crate::source::page::LARGEST;
use crate::source::{Page, Pages};
use crate::store::Store;

/// The largest remembered answer, in bytes: as large as an index page may be, and what is said of it.
const CAP: u64 = LARGEST + (1 << 20);

/// The pages directory of a cache.
#[derive(Debug, Clone)]
pub struct DiskPages {
    store: Store,
    writable: bool,
}

/// First line of the file; the body follows.
#[derive(Serialize, Deserialize)]
struct Head {
    asked: String,
    url: String,
    content_type: String,
    validators: Validators,
    length: usize,
}

impl DiskPages {
    /// The pages of that cache.
    pub fn new(store: &Store, writable: bool) -> Self {
        Self { store: store.clone(), writable }
    }

    /// Where something about `key` is remembered.
    fn path(&self, key: &str) -> PathBuf {
        self.store.page(key)
    }

    /// Some remembered bytes that never change, such as the metadata of a file with a known digest.
    pub fn fact(&self, key: &str) -> Option<Vec<u8>> {
        let (head, body) = self.read(key)?;
        let head: FactHead = serde_json::from_slice(&head).ok()?;
        (head.key == key && head.length == body.len()).then_some(body)
    }

    /// Remembers such bytes.
    pub fn remember(&self, key: &str, body: &[u8]) {
        let head = FactHead { key: key.to_owned(), length: body.len() };
        self.write(key, serde_json::to_vec(&head).unwrap_or_default(), body);
    }

    /// Forgets them.
    pub fn forget(&self, key: &str) {
        if self.writable {
            let _ = fs::remove_file(&self.path(key));
        }
    }

    fn write(&self, key: &str, mut head: Vec<u8>, body: &[u8]) {
        if self.writable {
            head.push(b'\n');
            // Forgotten pages cost a request, nothing else: no fsync, no error.
            let _ = fs::replace_with_parts(&self.path(key), &[&head, body]);
        }
    }

    /// The first line, and what follows it. They may be long: no second copy is made.
    fn read(&self, key: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut bytes = fs::read(&self.path(key), CAP).ok()?;
        let end = bytes.iter().position(|&b| b == b'\n')?;
        let head = bytes.drain(..=end).take(end).collect();
        Some((head, bytes))
    }
}

#[derive(Serialize, Deserialize)]
struct FactHead {
    key: String,
    length: usize,
}

impl Pages for DiskPages {
    fn load(&self, url: &Url) -> Option<Page> {
        let (head, bytes) = self.read(url.as_str())?;
        let head: Head = serde_json::from_slice(&head).ok()?;
        let whole = head.asked == url.as_str() && head.length == bytes.len();
        let url = Url::parse(&head.url).ok()?;
        let (validators, content_type) = (head.validators, head.content_type);
        whole.then_some(Page { validators, content_type, url, bytes })
    }

    fn save(&self, url: &Url, page: &Page) {
        let head = Head {
            asked: url.to_string(),
            url: page.url.to_string(),
            content_type: page.content_type.clone(),
            validators: page.validators.clone(),
            length: page.bytes.len(),
        };
        self.write(url.as_str(), serde_json::to_vec(&head).unwrap_or_default(), &page.bytes);
    }
}
