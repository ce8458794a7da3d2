//! Links pages: what a web server's listing of a folder, or a hand-made list, gives. Only the addresses count.

use url::Url;

use super::html::{Element, scan};
use super::listing::{Listing, resolve};
use super::page::PageFault;
use super::simple_html::{has_heading, offer};
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
///
/// # Errors
/// When it is some other page: without any link, and without a listing's heading.
pub fn read(page: &[u8], url: &Url, project: &ProjectName) -> Result<Links, PageFault> {
    read_beside(0, page, url, project)
}

/// [`read`] while as many bytes are needed for other lists.
pub(super) fn read_beside(
    held: usize,
    page: &[u8],
    url: &Url,
    project: &ProjectName,
) -> Result<Links, PageFault> {
    let mut links = Links { listing: Listing::of_page(page, held), folders: Vec::new() };
    let mut base = url.clone();
    let mut named = None;
    let mut anchors = 0_usize;
    let sorting: &[char] = if is_script(url) { &['#'] } else { &['?', '#'] };
    scan(page, &mut |element| match element {
        Element::Base(href) => base = resolve(&href, url).unwrap_or_else(|| url.clone()),
        Element::Version(_) => {}
        // Apache's column headings: the same page, sorted otherwise.
        Element::Anchor(anchor) if anchor.href.trim_start().starts_with(sorting) => anchors += 1,
        Element::Anchor(anchor)
            if links.listing.checkouts.len() < MOST_CHECKOUTS
                && let Some(file) = vcs::offer(&anchor.href, &base, project) =>
        {
            anchors += 1;
            links.listing.offer_checkout(file);
        }
        Element::Anchor(anchor) => match resolve(&anchor.href, &base).and_then(|link| folder(&link, url)) {
            Some((folder, name)) if name.parse().is_ok_and(|name: ProjectName| name == *project) => {
                named.get_or_insert(folder);
            }
            Some((folder, _)) => add(&mut links.folders, folder),
            None => {
                anchors += 1;
                links.listing.offer(offer(anchor), &base, project);
            }
        },
    });
    if anchors == 0 && named.is_none() && links.folders.is_empty() && !has_heading(page) {
        return Err(PageFault::NoList);
    }
    if let Some(folder) = named {
        links.folders = vec![folder];
    }
    links.listing = links.listing.complete()?;
    Ok(links)
}

fn add(folders: &mut Vec<Url>, folder: Url) {
    if folders.len() < MOST_FOLDERS && !folders.contains(&folder) {
        folders.push(folder);
    }
}

/// The link as a listing directly below the page, and its name: a folder in the page's own, or, where the page is made
/// by a script, what the script gives for another query (`lister.cgi?dir=old`) or path (`lister.cgi/old/`).
fn folder(link: &Url, page: &Url) -> Option<(Url, String)> {
    // `…/trunk/#egg=name-dev` is a checkout.
    let is_package = link.fragment().is_some_and(|fragment| fragment.contains("egg="));
    if is_package || link.origin() != page.origin() {
        return None;
    }
    let mut folder = link.clone();
    folder.set_fragment(None);
    if is_script(page) && link.path() == page.path() {
        // Scripts sort as Apache does, too.
        let query = link.query().filter(|query| Some(*query) != page.query() && !query.starts_with("C="))?;
        let name = query.trim_end_matches('/').rsplit(['=', '/', '&', ';']).next()?;
        let name = crate::net::percent_decode(name);
        return Some((folder, name));
    }
    folder.set_query(None);
    let own = page.join(".").ok()?;
    let path = page.path();
    let below_script = format!("{}/", path.strip_suffix('/').unwrap_or(path));
    let path = link.path();
    let below = path.strip_prefix(&below_script).or_else(|| path.strip_prefix(own.path()))?;
    let name = below.strip_suffix('/').filter(|name| !name.is_empty() && !name.contains('/'))?;
    let name = crate::net::percent_decode(name);
    Some((folder, name))
}

/// Whether a page is made by a script, for which a query decides what it shows.
fn is_script(page: &Url) -> bool {
    let file = page.path().rsplit('/').next().unwrap_or_default();
    page.query().is_some() || [".cgi", ".php", ".py", ".pl"].iter().any(|ending| file.ends_with(ending))
}
