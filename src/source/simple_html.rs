//! Index pages in HTML: PEP 503, with PEP 592, 629, 658 and 714.

use url::Url;

use super::html::{Anchor, Element, scan};
use super::listing::{Listing, Offer, resolve};
use super::page::{PageFault, check_version};
use crate::package::name::ProjectName;
use crate::trust::hashes::Hashes;

/// Reads a project's page.
pub(super) fn read(page: &[u8], url: &Url, project: &ProjectName) -> Result<Listing, PageFault> {
    let mut listing = Listing::of_page(page, 0);
    let mut base = url.clone();
    let (mut version, mut anchors) = (None, 0_usize);
    scan(page, &mut |element| match element {
        Element::Base(href) => base = resolve(&href, url).unwrap_or_else(|| url.clone()),
        Element::Version(text) => version = Some(text),
        Element::Anchor(anchor) => {
            anchors += 1;
            listing.offer(offer(anchor), &base, project);
        }
    });
    if let Some(version) = &version {
        check_version(version)?;
    }
    // A list without entries says so in a heading or by the version; anything else is some other page.
    if anchors == 0 && version.is_none() && !has_heading(page) {
        return Err(PageFault::NoList);
    }
    Ok(listing)
}

/// The words that PyPI, pip's and Python's own servers put above a list.
pub(super) fn has_heading(page: &[u8]) -> bool {
    let start = page.get(..page.len().min(2048)).unwrap_or_default();
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    ["links for ", "directory listing for", "index of "].iter().any(|words| start.contains(words))
}

/// What an anchor offers.
pub(super) fn offer(anchor: Anchor) -> Offer {
    Offer {
        href: anchor.href,
        requires_python: anchor.requires_python,
        yanked: anchor.yanked,
        // PEP 714 renamed the attribute, because indexes filled the old one wrongly.
        metadata: anchor.core_metadata.or(anchor.dist_info_metadata).as_deref().and_then(metadata),
        ..Offer::default()
    }
}

/// `true`, or `<algorithm>=<hex>`.
fn metadata(text: &str) -> Option<Hashes> {
    let mut hashes = Hashes::default();
    match text.trim().split_once('=') {
        Some((algorithm, hex)) => hashes.insert(algorithm, hex).then_some(hashes),
        None => (text.trim() == "true").then_some(hashes),
    }
}
