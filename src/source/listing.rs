//! What a page or directory offers of one project, gathered file by file.

use url::Url;

use super::file::{File, Location};
use super::page::PageFault;
use crate::net::percent_decode;
use crate::package::filename::{DistributionName, Format};
use crate::package::name::ProjectName;
use crate::package::pipper;
use crate::time::Timestamp;
use crate::trust::hashes::Hashes;

/// The longest address that is taken, in bytes; pre-signed ones have about two thousand.
pub(super) const LONGEST_ADDRESS: usize = 16 << 10;

/// The most files of one project that are taken from one page. The largest projects have some ten thousand; a page of
/// millions of short links would fill the memory.
pub(super) const MOST_FILES: usize = 100_000;

/// The files on offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// In the order of the page.
    pub files: Vec<File>,
    /// Links to version control, which count only where they are asked for.
    pub checkouts: Vec<File>,
    /// How many links or entries were no distribution of the project that we can read.
    pub skipped: usize,
}

/// A link as a page has it, before anything of it is believed.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    /// The address, perhaps relative, perhaps with digests in its fragment.
    pub(super) href: String,
    /// The file's name; without one, the last part of the address counts.
    pub(super) filename: Option<String>,
    pub(super) hashes: Hashes,
    pub(super) size: Option<u64>,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: Option<String>,
    pub(super) uploaded: Option<Timestamp>,
    pub(super) metadata: Option<Hashes>,
    /// The Python an egg was made for, where its name does not say.
    pub(super) python: Option<String>,
}

impl Listing {
    /// Takes a link in, or counts it as skipped. `base` is what relative addresses start from.
    pub(super) fn offer(&mut self, offer: Offer, base: &Url, project: &ProjectName) {
        match (!self.is_full()).then(|| read(offer, base, project)).flatten() {
            Some(file) => self.files.push(file),
            None => self.skipped += 1,
        }
    }

    /// Whether nothing more is taken in.
    pub(super) fn is_full(&self) -> bool {
        self.files.len() > MOST_FILES
    }

    /// Refuses a list of which only the beginning was taken: the newest files tend to stand at its end.
    pub(super) fn complete(self) -> Result<Self, PageFault> {
        if self.files.len() > MOST_FILES { Err(PageFault::TooMany) } else { Ok(self) }
    }

    /// Adds what another page offers; a file that is already here stays.
    pub(super) fn extend(&mut self, other: Self) {
        self.skipped += other.skipped;
        self.checkouts.extend(other.checkouts);
        let known: std::collections::HashSet<String> =
            self.files.iter().map(|file| file.filename.clone()).collect();
        self.files.extend(other.files.into_iter().filter(|file| !known.contains(&file.filename)));
    }
}

fn read(offer: Offer, base: &Url, project: &ProjectName) -> Option<File> {
    let mut url = resolve(&offer.href, base)?;
    let fragment = Fragment::parse(url.fragment().unwrap_or_default());
    url.set_fragment(None);
    let filename = offer.filename.or_else(|| last_segment(&url))?;
    let (filename, mut name) = match pipper_name(&url, project) {
        Some(found) => found,
        None => read_name(filename, fragment.egg.as_deref(), project)?,
    };
    if let Format::Egg { python: python @ None, .. } = &mut name.format {
        *python = offer.python;
    }
    let mut hashes = fragment.hashes;
    for (algorithm, hex) in offer.hashes.iter() {
        hashes.insert(algorithm.name(), hex);
    }
    Some(File {
        filename,
        name,
        location: Location::Url(url),
        hashes,
        size: offer.size,
        requires_python: offer.requires_python.filter(|text| !text.trim().is_empty()),
        yanked: offer.yanked,
        uploaded: offer.uploaded,
        metadata: offer.metadata,
    })
}

/// The absolute address of a link on a page, when it is one that a page from the network may name.
pub(super) fn resolve(href: &str, base: &Url) -> Option<Url> {
    let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
    if href.is_empty() || href.len() > LONGEST_ADDRESS {
        return None;
    }
    let url = base.join(href).ok()?;
    let reachable = match (base.scheme(), url.scheme()) {
        // What was secure stays secure, as with redirects.
        ("https", "http") => false,
        (_, scheme) => matches!(scheme, "http" | "https"),
    };
    (reachable && url.host_str().is_some_and(|host| !host.is_empty())).then_some(url)
}

/// The last part of a URL's path, percent-decoded.
pub(super) fn last_segment(url: &Url) -> Option<String> {
    url.path_segments()?.next_back().filter(|segment| !segment.is_empty()).map(percent_decode)
}

/// Reads a file's name; where that says nothing (`v1.0.tar.gz`), the `#egg=name-1.0` of a link may.
fn read_name(
    filename: String,
    egg: Option<&str>,
    project: &ProjectName,
) -> Option<(String, DistributionName)> {
    if let Some(name) = parse(&filename, project) {
        return Some((filename, name));
    }
    let extension =
        [".tar.gz", ".tgz", ".zip"].into_iter().find(|extension| filename.ends_with(extension))?;
    let filename = format!("{}{extension}", egg?);
    let name = parse(&filename, project)?;
    Some((filename, name))
}

/// `…/project/v1-2-3.pipper`: only the folder tells whose package it is.
fn pipper_name(url: &Url, project: &ProjectName) -> Option<(String, DistributionName)> {
    if !url.path().ends_with(pipper::EXTENSION) {
        return None;
    }
    let file = last_segment(url)?;
    let folder = url.path_segments()?.nth_back(1).map(percent_decode)?;
    let own = folder.parse().is_ok_and(|folder: ProjectName| folder == *project);
    own.then(|| pipper::in_folder(&file, project)).flatten()
}

/// A name that is one part of a path and a distribution of the project.
pub(super) fn parse(filename: &str, project: &ProjectName) -> Option<DistributionName> {
    let one_part = !filename.contains(['/', '\\']) && !filename.contains(char::is_control);
    if !one_part {
        return None;
    }
    DistributionName::parse_for(filename, project).ok()
}

/// What stands behind the `#` of a link: digests (PEP 503) and setuptools' `egg=`.
struct Fragment {
    hashes: Hashes,
    egg: Option<String>,
}

impl Fragment {
    fn parse(text: &str) -> Self {
        let mut fragment = Self { hashes: Hashes::default(), egg: None };
        for (key, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
            if key == "egg" {
                fragment.egg = Some(percent_decode(value));
            } else {
                fragment.hashes.insert(key, value);
            }
        }
        fragment
    }
}
