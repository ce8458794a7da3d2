//! What indexes and web servers answer.

use everfresh::source::file::{File, Location};
use everfresh::source::links;
use everfresh::source::page::{self, Page};
use everfresh::source::s3::read_listing;
use url::Url;

use super::{myapp, one_line};

/// See the table.
pub fn html_index(bytes: &[u8]) -> bool {
    index("text/html; charset=utf-8", bytes)
}

/// See the table.
pub fn json_index(bytes: &[u8]) -> bool {
    index("application/vnd.pypi.simple.v1+json", bytes)
}

fn index(content_type: &str, bytes: &[u8]) -> bool {
    let page = Page {
        validators: everfresh::net::Validators::default(),
        content_type: content_type.to_owned(),
        url: address(),
        bytes: bytes.to_vec(),
    };
    match page::read(&page, &myapp()) {
        Ok(listing) => {
            check(&listing.files);
            !listing.files.is_empty()
        }
        Err(fault) => {
            one_line(&fault);
            false
        }
    }
}

/// See the table.
pub fn links(bytes: &[u8]) -> bool {
    let links = match links::read(bytes, &address(), &myapp()) {
        Ok(links) => links,
        Err(fault) => {
            one_line(&fault);
            return false;
        }
    };
    check(&links.listing.files);
    assert!(links.folders.len() <= links::MOST_FOLDERS);
    for folder in &links.folders {
        let below = folder.path().strip_prefix(address().path()).expect("a folder below the page's own");
        assert!(folder.origin() == address().origin(), "{folder}");
        assert!(below.len() > 1 && below.ends_with('/') && below.matches('/').count() == 1, "{folder}");
    }
    !links.listing.files.is_empty() || !links.folders.is_empty()
}

/// See the table.
pub fn s3_listing(bytes: &[u8]) -> bool {
    const PREFIX: &str = "a b/";
    match read_listing(bytes, PREFIX) {
        Ok(entries) => {
            for folder in &entries.folders {
                assert!(!folder.is_empty(), "a folder without a name");
            }
            for object in &entries.objects {
                assert!(object.etag.as_ref().is_none_or(|etag| !etag.is_empty()));
            }
            !entries.objects.is_empty() || !entries.folders.is_empty()
        }
        Err(fault) => {
            one_line(&fault);
            false
        }
    }
}

fn address() -> Url {
    Url::parse("https://packages.example.org/simple/myapp/").expect("an address")
}

/// A page names files of the project it was asked for, at addresses that are as safe as its own.
fn check(files: &[File]) {
    for file in files {
        assert_eq!(file.name.project, myapp(), "{}", file.filename);
        assert!(!file.filename.contains(['/', '\\']), "{:?}", file.filename);
        assert!(!file.filename.contains(char::is_control), "{:?}", file.filename);
        let Location::Url(url) = &file.location else { panic!("{:?}", file.location) };
        assert_eq!((url.scheme(), url.fragment()), ("https", None), "{url}");
        assert!(url.host_str().is_some_and(|host| !host.is_empty()), "{url}");
        assert!(file.requires_python.as_ref().is_none_or(|text| !text.trim().is_empty()));
        for (_, hex) in file.hashes.iter() {
            assert!(hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{hex}");
        }
        assert!(!everfresh::net::show_url(url).contains(char::is_control), "{url}");
    }
}
