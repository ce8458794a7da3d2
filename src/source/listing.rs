//! What a page or directory offers of one project, gathered file by file.

use std::collections::HashSet;

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

/// The longest text that is kept of a file, in bytes. An entry with a longer one does not count.
pub(super) const LONGEST_TEXT: usize = 64 << 10;

/// The most files of one project that are taken from one page. The largest projects have some twenty thousand.
pub(super) const MOST_FILES: usize = 50_000;

/// The most memory that a page and all that is taken from it may need together, in bytes. The largest projects need
/// half of it; without a bound, short links and long lists of tags would need many times their page's length.
const MOST_MEMORY: usize = 52 << 20;

/// The files on offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// In the order of the page.
    pub files: Vec<File>,
    /// Links to version control, which count only where they are asked for.
    pub checkouts: Vec<File>,
    /// How many links or entries were no distribution of the project that we can read.
    pub skipped: usize,
    /// The memory that the files need, about, in bytes.
    weight: usize,
    /// What the page and other lists need while this one is read.
    beside: usize,
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
    /// An empty list of what that page has, to be read while as many bytes are needed for other lists.
    pub(super) fn of_page(page: &[u8], held: usize) -> Self {
        Self { beside: page.len().saturating_add(held), ..Self::default() }
    }

    /// The memory that it needs, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Takes a link in, or counts it as skipped. `base` is what relative addresses start from.
    pub(super) fn offer(&mut self, offer: Offer, base: &Url, project: &ProjectName) {
        match (!self.is_full()).then(|| read(offer, base, project)).flatten() {
            Some(file) => {
                self.weight = self.weight.saturating_add(weight(&file));
                self.files.push(file);
            }
            None => self.skipped += 1,
        }
    }

    /// Takes a link to version control in.
    pub(super) fn offer_checkout(&mut self, checkout: File) {
        self.weight = self.weight.saturating_add(weight(&checkout));
        self.checkouts.push(checkout);
    }

    /// Whether nothing more is taken in.
    pub(super) fn is_full(&self) -> bool {
        self.files.len() > MOST_FILES || self.weight.saturating_add(self.beside) > MOST_MEMORY
    }

    /// Refuses a list of which only the beginning was taken: the newest files tend to stand at its end.
    pub(super) fn complete(self) -> Result<Self, PageFault> {
        if self.is_full() { Err(PageFault::TooMany) } else { Ok(Self { beside: 0, ..self }) }
    }

    /// Drops all but the first of files with the same name.
    pub(super) fn drop_twins(&mut self) {
        let mut known: HashSet<&str> = HashSet::new();
        let first: Vec<bool> = self.files.iter().map(|file| known.insert(&file.filename)).collect();
        let mut first = first.into_iter();
        self.files.retain(|_| first.next() == Some(true));
    }

    /// Adds what another page offers; a file that is already here stays.
    pub(super) fn extend(&mut self, other: Self) {
        self.skipped += other.skipped;
        self.weight = self.weight.saturating_add(other.weight);
        self.checkouts.extend(other.checkouts);
        self.files.extend(other.files);
        self.drop_twins();
    }
}

/// About how much memory a file takes, in bytes: all that may be long, and what the rest needs at most.
fn weight(file: &File) -> usize {
    let tags = match &file.name.format {
        Format::Wheel { tags, .. } => tags.as_str().len(),
        _ => 0,
    };
    let address = match &file.location {
        Location::Url(url) => url.as_str().len(),
        Location::Checkout(_) => LONGEST_ADDRESS,
        _ => 0,
    };
    let said = [&file.requires_python, &file.yanked].into_iter().flatten().map(String::len);
    let digests = file.hashes.iter().chain(file.metadata.iter().flat_map(Hashes::iter));
    size_of::<File>()
        + 256
        + file.filename.len()
        + 16 * file.name.version.release().len()
        + tags
        + address
        + said.sum::<usize>()
        + digests.map(|(_, hex)| hex.len() + 32).sum::<usize>()
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
