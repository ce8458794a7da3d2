//! What a project says of its publishing: `[tool.everfresh] publish` of `pyproject.toml`, else the sources of its
//! `launcher.toml`.

use std::ffi::OsStr;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::super::arguments::{Arguments, Opt};
use super::super::destination::{Destination, Key};
use super::super::failure::Failure;
use super::super::project::table;
use super::super::question::{invalid, utf8};
use super::channel::Channel;
use super::shelf::Shelf;
use crate::aws::Aws;
use crate::config::{AwsConfig, Config, FILE_NAME, SourceConfig, SourceType};
use crate::fs;
use crate::host::Host;
use crate::net::{Net, Settings};
use crate::update::plan::USER_AGENT;

pub(crate) const ENDPOINT: Opt = Opt::taking("endpoint", "URL", "a service that is not Amazon's");
pub(crate) const REGION: Opt = Opt::taking("region", "NAME", "the bucket's region");
pub(crate) const PROFILE: Opt = Opt::taking("profile", "NAME", "credentials of this AWS profile").short('p');
pub(crate) const ACL: Opt = Opt::taking("acl", "NAME", "access to what is written: public-read");
pub(crate) const FOLDER_PAGES: Opt =
    Opt::flag("folder-pages", "objects named simple/PROJECT/ too, as Amazon's get");
pub(crate) const CHANNEL: Opt = Opt::taking("channel", "NAME", "this channel, not stable");
pub(crate) const DRY_RUN: Opt = Opt::flag("dry-run", "tell what would be done, and do nothing");
pub(crate) const FORCE: Opt = Opt::flag("force", "replace other bytes of the same name").short('f');

/// A destination and how it is asked.
#[derive(Debug, Clone, Default)]
struct Place {
    address: String,
    wish: AwsConfig,
}

/// Opens the destinations that the command line names from its `first` operand on, else those of the project in
/// `directory`.
///
/// # Errors
/// When there is none, or one cannot be opened.
pub(crate) fn shelves(
    host: &Host,
    arguments: &Arguments,
    first: usize,
    directory: &Path,
    command: &'static str,
) -> Result<Vec<Shelf>, Failure> {
    let named = arguments.operands.get(first..).unwrap_or_default();
    let given: Result<Vec<_>, Failure> = named
        .iter()
        .map(|address| Ok(Place { address: utf8(command, address)?.to_owned(), ..Place::default() }))
        .collect();
    let mut places = given?;
    if places.is_empty() {
        places = of_project(directory)?;
    }
    if places.is_empty() {
        let reason =
            "no destination: name s3://bucket/prefix or a directory, or set publish under [tool.everfresh]";
        return Err(invalid(command, reason).into());
    }
    let aws = Aws::new(host, None);
    let text = |option| arguments.value(option).map(OsStr::to_string_lossy).map(String::from);
    let mut shelves = Vec::new();
    for place in places {
        let wish = AwsConfig {
            endpoint: text(ENDPOINT).or(place.wish.endpoint),
            region: text(REGION).or(place.wish.region),
            profile: text(PROFILE).or(place.wish.profile),
            anonymous: place.wish.anonymous,
        };
        let net = Net::new(&Settings::default(), &host.env, USER_AGENT);
        let key =
            Key { aws: &aws, wish: &wish, net, acl: text(ACL), folder_objects: arguments.has(FOLDER_PAGES) };
        let destination = Destination::open(&place.address, key, command)?;
        shelves.push(Shelf { destination, dry: arguments.has(DRY_RUN) });
    }
    Ok(shelves)
}

/// The channel that the command line names.
///
/// # Errors
/// When no channel has such a name.
pub(crate) fn channel(arguments: &Arguments, command: &'static str) -> Result<Channel, Failure> {
    match arguments.value(CHANNEL) {
        None => named(super::channel::DEFAULT.as_ref(), command),
        Some(name) => named(name, command),
    }
}

/// The channel of that name.
///
/// # Errors
/// When no channel has such a name.
pub(crate) fn named(name: &OsStr, command: &'static str) -> Result<Channel, Failure> {
    utf8(command, name)?.parse().map_err(|error| invalid(command, error).into())
}

fn of_project(directory: &Path) -> Result<Vec<Place>, Failure> {
    let said = of_pyproject(directory)?;
    Ok(if said.is_empty() { of_launcher(directory)? } else { said })
}

fn of_pyproject(directory: &Path) -> Result<Vec<Place>, Failure> {
    let file = directory.join("pyproject.toml");
    let Some(bytes) = fs::read_if_there(&file, fs::SMALL_FILE)? else { return Ok(Vec::new()) };
    let text = String::from_utf8_lossy(&bytes);
    // What is wrong with it is told by whoever needs more of it.
    let Ok(document) = DeTable::parse(&text) else { return Ok(Vec::new()) };
    let everfresh = table(document.get_ref(), "tool").and_then(|tool| table(tool, "everfresh"));
    let publish = everfresh.and_then(|everfresh| everfresh.get("publish")).map(toml::Spanned::get_ref);
    let place = |address: &str| Place { address: whole(address, directory), ..Place::default() };
    match publish {
        None => Ok(Vec::new()),
        Some(DeValue::String(address)) => Ok(vec![place(address)]),
        Some(DeValue::Array(addresses)) => {
            let read = addresses.iter().map(|address| match address.get_ref() {
                DeValue::String(address) => Ok(place(address)),
                _ => Err(not_addresses(&file)),
            });
            read.collect()
        }
        Some(_) => Err(not_addresses(&file)),
    }
}

fn not_addresses(file: &Path) -> Failure {
    let reason = "[tool.everfresh] publish must be an address or a list of addresses".to_owned();
    Failure::Project { file: file.to_owned(), reason }
}

/// A path is one from the project's directory.
fn whole(address: &str, directory: &Path) -> String {
    match crate::config::scheme(address) {
        Some(_) => address.to_owned(),
        None => directory.join(address).to_string_lossy().into_owned(),
    }
}

/// What a launcher follows is where it is published: a release's folder, else a bucket.
fn of_launcher(directory: &Path) -> Result<Vec<Place>, Failure> {
    let file = directory.join(FILE_NAME);
    let Some(bytes) = fs::read_if_there(&file, fs::SMALL_FILE)? else { return Ok(Vec::new()) };
    let Ok(config) = Config::parse(&String::from_utf8_lossy(&bytes), directory) else {
        return Ok(Vec::new());
    };
    let place = |source: &SourceConfig| {
        let url = source.url.as_deref()?;
        let kind = source.kind.unwrap_or_else(|| SourceType::of_address(url));
        let folder = match kind {
            SourceType::Release => url.strip_suffix("/pylock.toml")?.rsplit_once('/')?.0,
            SourceType::S3 => url.strip_suffix("/files").unwrap_or(url),
            _ => return None,
        };
        let usable = !folder.starts_with("http://") && !folder.starts_with("https://");
        usable.then(|| Place { address: whole(folder, directory), wish: source.aws.clone() })
    };
    Ok(config.sources.iter().find_map(place).into_iter().collect())
}
