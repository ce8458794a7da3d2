//! The text of a lock, read. Keys that say nothing of what is installed, and unknown ones, are left alone: a minor
//! version may add some.

use std::borrow::Borrow as _;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Lock, LockFault, LockedFile, Package, Place, Source};
use crate::package::name::ProjectName;
use crate::time::Timestamp;
use crate::trust::hashes::{Algorithm, Hashes};

/// The most packages that are taken. Large applications have some hundreds.
const MOST_PACKAGES: usize = 10_000;

/// The first moment that no date of TOML can name: the year 10000.
const END_OF_DATES: Timestamp = Timestamp(253_402_300_800);

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    /// What is wrong with it, with the line where that helps.
    pub fn parse(text: &str) -> Result<Self, LockFault> {
        let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let document = DeTable::parse(text).map_err(|error| LockFault::Syntax {
            line: error.span().map_or(1, |span| line_of(span.start)),
            reason: error.message().to_owned(),
        })?;
        let root = Table { keys: document.get_ref(), at: 0, line_of: &line_of };
        let Some(version) = root.text("lock-version")? else { return Err(root.fault("lock-version")) };
        // A minor version may add keys, a major one may change what they mean.
        if version.split('.').next() != Some("1") {
            return Err(LockFault::Version(version.to_owned()));
        }
        let packages = root.tables("packages")?;
        if packages.len() > MOST_PACKAGES {
            return Err(root.fault("packages"));
        }
        Ok(Self {
            requires_python: root.parsed("requires-python")?,
            environments: root.all("environments")?,
            extras: root.all("extras")?,
            dependency_groups: root.all("dependency-groups")?,
            default_groups: root.all("default-groups")?,
            packages: packages.iter().map(package).collect::<Result<_, _>>()?,
        })
    }
}

/// A table of the document, and what is needed to complain about it.
struct Table<'t> {
    keys: &'t DeTable<'t>,
    at: usize,
    line_of: &'t dyn Fn(usize) -> usize,
}

impl<'t> Table<'t> {
    fn fault(&self, key: &'static str) -> LockFault {
        LockFault::Key { key, line: (self.line_of)(self.at) }
    }

    fn value(&self, key: &str) -> Option<&'t DeValue<'t>> {
        self.keys.get(key).map(Spanned::get_ref)
    }

    fn text(&self, key: &'static str) -> Result<Option<&'t str>, LockFault> {
        match self.value(key) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text.borrow())),
            Some(_) => Err(self.fault(key)),
        }
    }

    fn parsed<T: FromStr>(&self, key: &'static str) -> Result<Option<T>, LockFault> {
        let text = self.text(key)?;
        text.map(|text| text.parse().map_err(|_| self.fault(key))).transpose()
    }

    fn items(&self, key: &'static str) -> Result<&'t [Spanned<DeValue<'t>>], LockFault> {
        match self.value(key) {
            None => Ok(&[]),
            Some(DeValue::Array(items)) => Ok(&**items),
            Some(_) => Err(self.fault(key)),
        }
    }

    fn all<T: FromStr>(&self, key: &'static str) -> Result<Vec<T>, LockFault> {
        let read = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        self.items(key)?.iter().map(|item| read(item).ok_or_else(|| self.fault(key))).collect()
    }

    fn inner(&self, key: &'static str, value: &'t Spanned<DeValue<'t>>) -> Result<Self, LockFault> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Self { keys: table, at: value.span().start, line_of: self.line_of }),
            _ => Err(self.fault(key)),
        }
    }

    fn tables(&self, key: &'static str) -> Result<Vec<Self>, LockFault> {
        self.items(key)?.iter().map(|item| self.inner(key, item)).collect()
    }

    fn one(&self, key: &'static str) -> Result<Option<Self>, LockFault> {
        self.keys.get(key).map(|value| self.inner(key, value)).transpose()
    }
}

fn package(table: &Table<'_>) -> Result<Package, LockFault> {
    let Some(name) = table.parsed::<ProjectName>("name")? else { return Err(table.fault("name")) };
    let version = table.text("version")?;
    let version =
        version.map(|text| crate::package::version::parse_version(text).map_err(|_| table.fault("version")));
    Ok(Package {
        version: version.transpose()?,
        marker: table.parsed("marker")?,
        requires_python: table.parsed("requires-python")?,
        index: table.text("index")?.map(str::to_owned),
        source: source(table, &name)?,
        name,
    })
}

fn source(table: &Table<'_>, name: &ProjectName) -> Result<Source, LockFault> {
    let wheels = table.tables("wheels")?.iter().map(file).collect::<Result<Vec<_>, _>>()?;
    let sdist = table.one("sdist")?.as_ref().map(file).transpose()?;
    let archive = table.one("archive")?.as_ref().map(file).transpose()?;
    let trees = ["vcs", "directory"].into_iter().filter(|key| table.value(key).is_some());
    let mut sources: Vec<Source> = trees.map(Source::Tree).chain(archive.map(Source::Archive)).collect();
    if !wheels.is_empty() || sdist.is_some() {
        sources.push(Source::Files { wheels, sdist });
    }
    match (sources.pop(), sources.is_empty()) {
        (Some(source), true) => Ok(source),
        _ => Err(LockFault::Sources { package: name.clone() }),
    }
}

fn file(table: &Table<'_>) -> Result<LockedFile, LockFault> {
    let place = match (table.text("url")?, table.text("path")?) {
        (Some(url), _) => Place::Url(url.to_owned()),
        (None, Some(path)) => Place::Path(path.to_owned()),
        (None, None) => return Err(table.fault("url")),
    };
    let name = match (table.text("name")?, &place) {
        (Some(name), _) => name.to_owned(),
        (None, Place::Path(path)) => path.rsplit('/').next().unwrap_or_default().to_owned(),
        (None, Place::Url(url)) => {
            let path = url.split(['?', '#']).next().unwrap_or_default();
            crate::net::percent_decode(path.rsplit('/').next().unwrap_or_default())
        }
    };
    let mut hashes = Hashes::default();
    if let Some(given) = table.one("hashes")? {
        for (algorithm, hex) in given.keys {
            if let DeValue::String(hex) = hex.get_ref() {
                hashes.insert(algorithm.get_ref(), hex);
            }
        }
    }
    if hashes.strongest().is_none_or(|(algorithm, _)| algorithm < Algorithm::Sha256) {
        return Err(LockFault::NoHash { file: name });
    }
    let size = match table.value("size") {
        Some(DeValue::Integer(size)) => {
            Some(u64::from_str_radix(size.as_str(), size.radix()).map_err(|_| table.fault("size"))?)
        }
        Some(_) => return Err(table.fault("size")),
        None => None,
    };
    let uploaded = match table.value("upload-time") {
        Some(DeValue::Datetime(moment)) => {
            Timestamp::parse_rfc3339(&moment.to_string()).filter(|moment| *moment < END_OF_DATES)
        }
        _ => None,
    };
    Ok(LockedFile { name, place, hashes, size, uploaded })
}
