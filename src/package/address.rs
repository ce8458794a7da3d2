//! The address of one distribution file, as a requirement has it: PEP 508's `name @ URL`, or alone.

use std::fmt;

use url::Url;

use super::cursor::shown;
use super::filename::DistributionName;
use super::name::ProjectName;
use super::pipper;
use crate::net::{percent_decode, show_url};
use crate::trust::hashes::Hashes;

/// The longest address, in bytes; pre-signed ones have about two thousand.
const LONGEST: usize = 16 << 10;

/// An address of a file that we can use, and what it tells of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAddress {
    /// Where it is: `https`, `http` or `file`, without a fragment.
    pub url: Url,
    /// The file's name. Where the address tells project and version otherwise, the name that would.
    pub filename: String,
    /// That name, read.
    pub name: DistributionName,
    /// What the fragment promises of its bytes; may be empty.
    pub hashes: Hashes,
}

/// An address that is none of a file that we can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFileAddress {
    /// The address, without anything secret.
    pub shown: String,
    /// What is wrong with it.
    pub reason: FileAddressFault,
}

/// What is wrong with the address of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAddressFault {
    /// It is no URL, or far too long.
    Url,
    /// It is an address in a bucket, which only sources have.
    Bucket,
    /// It has another scheme than we fetch files by.
    Scheme,
    /// It is a `file` address that names another machine.
    Remote,
    /// Its fragment has something that we cannot heed, or a digest that is none.
    Fragment,
    /// It does not tell project and version.
    Unnamed,
    /// It is a file of another project.
    Other(ProjectName),
}

impl fmt::Display for InvalidFileAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' cannot be required: ", self.shown)?;
        f.write_str(match &self.reason {
            FileAddressFault::Url => "it is not a valid URL",
            FileAddressFault::Bucket => "a bucket has to be a [[source]]",
            FileAddressFault::Scheme => "it is no https, http or file address",
            FileAddressFault::Remote => "a file URL must name a path of this machine",
            FileAddressFault::Fragment => "behind its '#' is something else than egg= or a digest",
            FileAddressFault::Unnamed => {
                "it does not tell project and version: name the file so, or an archive with #egg=name-1.0"
            }
            FileAddressFault::Other(project) => return write!(f, "it is a file of {project}"),
        })
    }
}

impl std::error::Error for InvalidFileAddress {}

impl FileAddress {
    /// Reads an address; of `project`, where that is known.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, project: Option<&ProjectName>) -> Result<Self, InvalidFileAddress> {
        let Some(mut url) = Url::parse(text).ok().filter(|_| text.len() <= LONGEST) else {
            let shown = text.split(['?', '#']).next().and_then(|text| text.rsplit('@').next());
            let shown =
                shown.unwrap_or_default().chars().take(200).collect::<String>().escape_debug().to_string();
            return Err(InvalidFileAddress { shown, reason: FileAddressFault::Url });
        };
        let fragment = url.fragment().unwrap_or_default().to_owned();
        url.set_fragment(None);
        let read = check_scheme(&url).and_then(|()| {
            let (egg, hashes) = read_fragment(&fragment)?;
            let (filename, name) = identify(&url, egg.as_deref(), project)?;
            Ok((filename, name, hashes))
        });
        match read {
            Ok((filename, name, hashes)) => Ok(Self { url, filename, name, hashes }),
            Err(reason) => Err(InvalidFileAddress { shown: shown(&show_url(&url)), reason }),
        }
    }
}

fn check_scheme(url: &Url) -> Result<(), FileAddressFault> {
    match url.scheme() {
        "http" | "https" => Ok(()),
        "file" if url.to_file_path().is_ok() => Ok(()),
        "file" => Err(FileAddressFault::Remote),
        "s3" => Err(FileAddressFault::Bucket),
        _ => Err(FileAddressFault::Scheme),
    }
}

/// `egg=` and digests. A digest that cannot be checked must not look as if it were.
fn read_fragment(text: &str) -> Result<(Option<String>, Hashes), FileAddressFault> {
    let (mut egg, mut hashes) = (None, Hashes::default());
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("egg", name)) => egg = Some(percent_decode(name)),
            Some((algorithm, hex)) if hashes.insert(algorithm, hex) => {}
            _ => return Err(FileAddressFault::Fragment),
        }
    }
    Ok((egg, hashes))
}

/// Project and version, by the file's name; by its folder, as pipper lays packages out; or by `egg=name-1.0`.
fn identify(
    url: &Url,
    egg: Option<&str>,
    project: Option<&ProjectName>,
) -> Result<(String, DistributionName), FileAddressFault> {
    let mut parts = url.path_segments().into_iter().flatten().rev().map(percent_decode);
    let file = parts.next().unwrap_or_default();
    let folder: Option<ProjectName> = parts.next().and_then(|folder| folder.parse().ok());
    let by_folder = folder.and_then(|folder| pipper::in_folder(&file, &folder));
    let by_egg = || {
        let extension =
            [".tar.gz", ".tgz", ".zip"].into_iter().find(|extension| file.ends_with(extension))?;
        parse(format!("{}{extension}", egg?), project)
    };
    let found = by_folder.or_else(|| parse(file.clone(), project)).or_else(by_egg);
    let (filename, name) = found.ok_or(FileAddressFault::Unnamed)?;
    match project {
        Some(project) if *project != name.project => Err(FileAddressFault::Other(name.project)),
        _ => Ok((filename, name)),
    }
}

/// The name of a file of that project; else of whichever project it is.
fn parse(filename: String, project: Option<&ProjectName>) -> Option<(String, DistributionName)> {
    let known = project.and_then(|project| DistributionName::parse_for(&filename, project).ok());
    let name = known.or_else(|| DistributionName::parse(&filename).ok())?;
    Some((filename, name))
}
