//! Links pages: what a web server's listing of a folder, or a hand-made list, gives. Only the addresses count.

use url::Url;

use super::html::{Element, scan};
use super::listing::{Listing, resolve};
use super::simple_html::offer;
use super::vcs;
use crate::package::name::ProjectName;

/// The most sub-folders that are looked into.
pub const MOST_FOLDERS: usize = 32;

/// The most links to version control that are taken of one project.
const MOST_CHECKOUTS: usize = 100;

/// A links page, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// The project's files on this page.
    pub listing: Listing,
    /// The folders one level below that may hold more of them: the one named after the project where there is one.
    pub folders: Vec<Url>,
}

/// Reads a links page.
pub fn read(page: &[u8], url: &Url, project: &ProjectName) -> Links {
    let mut links = Links::default();
    let mut base = url.clone();
    let mut named = Vec::new();
    scan(page, &mut |element| match element {
        Element::Base(href) => base = resolve(&href, url).unwrap_or_else(|| url.clone()),
        Element::Version(_) => {}
        // Apache's column headings: the same page, sorted otherwise.
        Element::Anchor(anchor) if anchor.href.trim_start().starts_with(['?', '#']) => {}
        Element::Anchor(anchor)
            if links.listing.checkouts.len() < MOST_CHECKOUTS
                && let Some(file) = vcs::offer(&anchor.href, &base, project) =>
        {
            links.listing.checkouts.push(file);
        }
        Element::Anchor(anchor) => match resolve(&anchor.href, &base).and_then(|link| folder(&link, url)) {
            Some((folder, name)) if name.parse().is_ok_and(|name: ProjectName| name == *project) => {
                named.push(folder);
            }
            Some((folder, _)) => add(&mut links.folders, folder),
            None => links.listing.offer(offer(anchor), &base, project),
        },
    });
    if !named.is_empty() {
        named.truncate(1);
        links.folders = named;
    }
    links
}

fn add(folders: &mut Vec<Url>, folder: Url) {
    if folders.len() < MOST_FOLDERS && !folders.contains(&folder) {
        folders.push(folder);
    }
}

/// The link as a folder directly below the page's own folder, and its name.
fn folder(link: &Url, page: &Url) -> Option<(Url, String)> {
    let own = page.join(".").ok()?;
    let name = link.path().strip_prefix(own.path())?.strip_suffix('/')?;
    let below = link.origin() == own.origin() && !name.is_empty() && !name.contains('/');
    let mut folder = link.clone();
    folder.set_query(None);
    folder.set_fragment(None);
    below.then(|| (folder, crate::net::percent_decode(name)))
}
