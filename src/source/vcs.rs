//! Links to version control, as pip (`git+https://…@ref#egg=name&subdirectory=…`) and setuptools before it
//! (`https://…/trunk#egg=name-dev`) write them. Nothing is asked of anybody here.

use std::borrow::Cow;
use std::fmt;
use std::path::{Component, Path};

use pep440_rs::Version;
use url::Url;

use super::file::{File, Location};
use super::listing::{LONGEST_ADDRESS, last_segment};
use crate::net::{percent_decode, show_url};
use crate::package::filename::{DistributionName, Format};
use crate::package::name::ProjectName;
use crate::package::version::parse_version;
use crate::trust::hashes::Hashes;

/// The version that stands for setuptools' `dev`, which PEP 440 does not know: older than every other one.
pub const DEV: &str = "0.dev0";

/// The longest branch, tag or revision that is taken, in bytes.
const LONGEST_REFERENCE: usize = 200;

/// What the path of an address ends in that is a file to download, whatever its fragment says.
const ARCHIVES: [&str; 8] = [".whl", ".egg", ".zip", ".tgz", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"];

/// A version control system, by the program that speaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// `git`
    Git,
    /// `svn`
    Svn,
}

impl System {
    /// The program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Svn => "svn",
        }
    }

    /// The protocols that it may be asked to speak.
    fn speaks(self, scheme: &str) -> bool {
        match self {
            Self::Git => matches!(scheme, "https" | "http" | "ssh" | "file"),
            Self::Svn => matches!(scheme, "https" | "http" | "ssh" | "file" | "svn"),
        }
    }
}

/// Source code at some place under version control. Only [`Checkout::parse`] makes one, so that no part of it can be
/// taken for an option, and none holds a password.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checkout {
    system: System,
    /// Without `git+`, without fragment and reference.
    url: Url,
    reference: Option<String>,
    subdirectory: Option<String>,
}

/// Why a link to version control cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutFault {
    /// It is no URL of a version control system.
    Address,
    /// That system is not spoken over this protocol.
    Scheme,
    /// A user name or a password where they would be seen by others.
    Credentials,
    /// The host, or the user at it, could be taken for an option.
    Host,
    /// The branch, tag or revision has characters that none of ours has.
    Reference,
    /// The subdirectory leads elsewhere.
    Subdirectory,
}

impl fmt::Display for CheckoutFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "it is no address of a repository",
            Self::Scheme => "repositories are not reached that way",
            Self::Credentials => {
                "credentials belong into .netrc or the program's own store, not into an address"
            }
            Self::Host => "it has no valid host or user",
            Self::Reference => "it has no valid branch, tag or revision",
            Self::Subdirectory => "its subdirectory is none",
        })
    }
}

impl std::error::Error for CheckoutFault {}

impl Checkout {
    /// Reads an address with `git+` or `svn+` before it.
    pub fn parse(text: &str) -> Result<Self, CheckoutFault> {
        let (system, rest) = prefix(text).ok_or(CheckoutFault::Address)?;
        let url = Url::parse(rest).map_err(|_| CheckoutFault::Address)?;
        Self::at(system, url)
    }

    fn at(system: System, mut url: Url) -> Result<Self, CheckoutFault> {
        if !system.speaks(url.scheme()) {
            return Err(CheckoutFault::Scheme);
        }
        let is_web = matches!(url.scheme(), "http" | "https");
        if url.password().is_some() || (is_web && !url.username().is_empty()) {
            return Err(CheckoutFault::Credentials);
        }
        let host = url.host_str().unwrap_or_default();
        let user = percent_decode(url.username());
        let plain =
            |text: &str| !text.starts_with('-') && !text.contains(|c: char| c.is_control() || c == '%');
        if (url.scheme() == "file") != host.is_empty() || !plain(host) || !plain(&user) {
            return Err(CheckoutFault::Host);
        }
        let subdirectory = field(&url, "subdirectory");
        if subdirectory.as_deref().is_some_and(|path| !is_inside(path)) {
            return Err(CheckoutFault::Subdirectory);
        }
        url.set_fragment(None);
        let path = url.path().to_owned();
        let reference = match path.rsplit_once('@') {
            None => None,
            Some((path, reference)) => {
                url.set_path(path);
                Some(percent_decode(reference))
            }
        };
        if reference.as_deref().is_some_and(|reference| !is_reference(system, reference)) {
            return Err(CheckoutFault::Reference);
        }
        Ok(Self { system, url, reference, subdirectory })
    }

    /// Which program it is for.
    pub fn system(&self) -> System {
        self.system
    }

    /// The protocol that leads there.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The address as the program takes it; begins with the protocol.
    pub fn address(&self) -> String {
        match (self.system, self.url.scheme()) {
            (System::Svn, "ssh") => format!("svn+{}", self.url),
            _ => self.url.to_string(),
        }
    }

    /// The branch, tag or revision; `None`: what is newest.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The directory in it that is built.
    pub fn subdirectory(&self) -> Option<&str> {
        self.subdirectory.as_deref()
    }

    /// Its address at a certain revision.
    pub fn show_at(&self, revision: &str) -> String {
        let inside = self.subdirectory().map(|path| format!("#subdirectory={path}")).unwrap_or_default();
        format!("{}+{}@{revision}{inside}", self.system.program(), show_url(&self.url))
    }

    /// As a file on offer: what a build of it gives is a distribution of `project`.
    pub fn into_file(self, project: ProjectName, version: Version) -> File {
        File {
            filename: self.to_string(),
            name: DistributionName { project, version, format: Format::Sdist },
            location: Location::Checkout(Box::new(self)),
            hashes: Hashes::default(),
            size: None,
            requires_python: None,
            yanked: None,
            uploaded: None,
            metadata: None,
        }
    }
}

/// As written in a link, without anything secret.
impl fmt::Display for Checkout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.system.program(), show_url(&self.url))?;
        if let Some(reference) = &self.reference {
            write!(f, "@{reference}")?;
        }
        match &self.subdirectory {
            Some(path) => write!(f, "#subdirectory={path}"),
            None => Ok(()),
        }
    }
}

/// The link of a page as a checkout of the project, where it is one: its `#egg=` says whose it is.
pub(super) fn offer(href: &str, base: &Url, project: &ProjectName) -> Option<File> {
    let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
    if href.len() > LONGEST_ADDRESS {
        return None;
    }
    let (system, url) = match prefix(href) {
        Some((system, rest)) => (system, Url::parse(rest).ok()?),
        None => plain(base.join(href).ok()?)?,
    };
    // What was secure stays secure, as with redirects.
    if base.scheme() == "https" && matches!(url.scheme(), "http" | "svn") {
        return None;
    }
    let version = version_of(&field(&url, "egg")?, project)?;
    let checkout = Checkout::at(system, url).ok()?;
    Some(checkout.into_file(project.clone(), version))
}

/// Whether a version stands for setuptools' `dev`.
pub fn is_dev(version: &Version) -> bool {
    parse_version(DEV).is_ok_and(|dev| dev == *version)
}

/// A requirement as setuptools' users write it, `name==dev`, in the words of PEP 440; any other stays as it is.
pub fn without_dev(requirement: &str) -> Cow<'_, str> {
    let (wanted, marker) = match requirement.split_once(';') {
        Some((wanted, marker)) => (wanted, Some(marker)),
        None => (requirement, None),
    };
    let before = wanted.trim_end().strip_suffix("dev").map(str::trim_end);
    match before.filter(|before| before.ends_with("==") && !before.ends_with("===") && !before.contains('@'))
    {
        None => Cow::Borrowed(requirement),
        Some(before) => {
            let marker = marker.map(|marker| format!("; {}", marker.trim_start())).unwrap_or_default();
            Cow::Owned(format!("{before}{DEV}{marker}"))
        }
    }
}

fn prefix(text: &str) -> Option<(System, &str)> {
    let git = || Some((System::Git, text.strip_prefix("git+")?));
    git().or_else(|| Some((System::Svn, text.strip_prefix("svn+")?)))
}

/// setuptools' old convention: an address that says `#egg=name-dev` and is no archive leads to a checkout.
fn plain(url: Url) -> Option<(System, Url)> {
    let is_web = matches!(url.scheme(), "http" | "https");
    let last = last_segment(&url).unwrap_or_default().to_ascii_lowercase();
    let is_dev = field(&url, "egg").is_some_and(|egg| egg.ends_with("-dev"));
    if !is_web || !is_dev || ARCHIVES.iter().any(|ending| last.ends_with(ending)) {
        return None;
    }
    let system = if last.split('@').next().is_some_and(|name| name.ends_with(".git")) {
        System::Git
    } else {
        System::Svn
    };
    Some((system, url))
}

/// `name`, `name-dev` or `name-1.0`, with or without extras: the version, where the name is the project's.
fn version_of(egg: &str, project: &ProjectName) -> Option<Version> {
    let egg = egg.split('[').next().unwrap_or_default();
    let is_project = |text: &str| text.parse::<ProjectName>().is_ok_and(|name| name == *project);
    if is_project(egg) {
        return parse_version(DEV).ok();
    }
    let (name, version) = egg.rsplit_once('-')?;
    let version = if version == "dev" { DEV } else { version };
    is_project(name).then(|| parse_version(version).ok()).flatten()
}

/// A field of what stands behind the `#`.
fn field(url: &Url, name: &str) -> Option<String> {
    let pairs = url.fragment()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| percent_decode(value))
        .next()
}

/// What no program takes for an option, a range or a pattern: for git a part of `git check-ref-format`'s rules.
fn is_reference(system: System, text: &str) -> bool {
    let digits = text.strip_prefix('r').unwrap_or(text);
    match system {
        System::Svn => !digits.is_empty() && digits.len() < 20 && digits.bytes().all(|b| b.is_ascii_digit()),
        System::Git => {
            text.len() <= LONGEST_REFERENCE
                && text.starts_with(|c: char| c.is_alphanumeric())
                && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+'))
                && !text.contains("..")
                && !text.contains("//")
        }
    }
}

fn is_inside(path: &str) -> bool {
    !path.contains(char::is_control)
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str) -> ProjectName {
        name.parse().unwrap()
    }

    fn offered(href: &str, page: &str) -> Option<String> {
        let file = offer(href, &Url::parse(page).unwrap(), &project("my-app"))?;
        Some(format!("{} {}", file.name.version, file.filename))
    }

    #[test]
    fn links_to_repositories_are_read_as_pip_and_setuptools_write_them() {
        for (href, read) in [
            ("git+https://h/a.git#egg=my_app", "0.dev0 git+https://h/a.git"),
            ("git+https://h/a.git@v1.0#egg=my-app-dev", "0.dev0 git+https://h/a.git@v1.0"),
            ("git+ssh://git@h/a@feature/x#egg=My.App-1.5", "1.5 git+ssh://h/a@feature/x"),
            ("git+file:///r/a.git#egg=my-app[x]", "0.dev0 git+file:///r/a.git"),
            ("git+http://h/a#subdirectory=py/app&egg=my-app", "0.dev0 git+http://h/a#subdirectory=py/app"),
            ("svn+https://h/svn/trunk@17#egg=my-app-dev", "0.dev0 svn+https://h/svn/trunk@17"),
            ("svn+svn://h/trunk#egg=my-app", "0.dev0 svn+svn://h/trunk"),
            ("https://h/svn/p/trunk#egg=my-app-dev", "0.dev0 svn+https://h/svn/p/trunk"),
            ("svn/trunk/#egg=my_app-dev", "0.dev0 svn+http://page/x/svn/trunk/"),
            ("/a.git@main#egg=my-app-dev", "0.dev0 git+http://page/a.git@main"),
        ] {
            assert_eq!(offered(href, "http://page/x/").as_deref(), Some(read), "{href}");
        }
    }

    #[test]
    fn links_that_are_none_or_could_do_harm_are_not_taken() {
        for href in [
            "git+https://h/a.git",
            "git+https://h/a.git#egg=other",
            "git+https://h/a.git#egg=my-app-next",
            "https://h/my-app-1.0.tar.gz#egg=my-app-dev",
            "https://h/trunk#egg=my-app",
            "https://h/trunk#egg=my-app-1.0",
            "git+https://h/a.git@--upload-pack=x#egg=my-app",
            "git+https://h/a.git@a..b#egg=my-app",
            "git+https://h/a.git@a%20b#egg=my-app",
            "git+https://h/a.git@%2Bmain#egg=my-app",
            "git+https://h/a.git@main:evil#egg=my-app",
            "svn+https://h/trunk@HEAD#egg=my-app",
            "svn+https://h/trunk@-r1#egg=my-app",
            "git+https://user:secret@h/a.git#egg=my-app",
            "git+https://token@h/a.git#egg=my-app",
            "git+ssh://-oProxyCommand=x/a#egg=my-app",
            "git+ssh://-l@h/a#egg=my-app",
            "git+file://h/a#egg=my-app",
            "git+ext::sh%20-c%20x#egg=my-app",
            "git+ext://sh/a#egg=my-app",
            "git+git://h/a#egg=my-app",
            "git+-x#egg=my-app",
            "svn+file://h/a#egg=my-app",
            "git+https://h/a#egg=my-app&subdirectory=../x",
            "git+https://h/a#egg=my-app&subdirectory=/x",
        ] {
            assert_eq!(offered(href, "http://page/"), None, "{href}");
        }
        for href in ["git+http://h/a#egg=my-app", "svn+svn://h/a#egg=my-app", "http://h/a#egg=my-app-dev"] {
            assert_eq!(offered(href, "https://page/"), None, "{href} of a page that came by https");
        }
    }

    #[test]
    fn dev_is_older_than_any_version() {
        let dev = parse_version(DEV).unwrap();
        for version in ["0", "0a0.dev0", "0.dev1", "0.0.0a1", "1.dev0"] {
            assert!(dev < parse_version(version).unwrap(), "{version}");
        }
    }

    #[test]
    fn a_requirement_of_dev_is_reworded_and_no_other() {
        for (written, read) in [
            ("a==dev", "a==0.dev0"),
            ("a[x] == dev ; python_version > '3'", "a[x] ==0.dev0; python_version > '3'"),
            ("a==1.dev", "a==1.dev"),
            ("a===dev", "a===dev"),
            ("a>=dev", "a>=dev"),
            ("a @ http://h/==dev", "a @ http://h/==dev"),
            ("dev", "dev"),
            ("a; extra=='dev'", "a; extra=='dev'"),
        ] {
            assert_eq!(without_dev(written), read);
        }
    }
}
