//! Where packages are: a folder in a bucket, with a folder in it for each package.

use std::ffi::OsStr;

use pep440_rs::Version;

use super::fault::Fault;
use super::identity::{Claims, Identity, Keys};
use super::repositories::{Repositories, Repository, Shelf};
use crate::aws::Aws;
use crate::config::AwsConfig;
use crate::host::Host;
use crate::net::{Net, Settings};
use crate::package::filename::{DistributionName, Format};
use crate::package::name::ProjectName;
use crate::package::pipper::{EXTENSION, semver::SemVer};
use crate::package::version::SpecifierSet;
use crate::packager::arguments::{Arguments, Opt};
use crate::packager::failure::Failure;
use crate::packager::publish::settings::{ENDPOINT, PROFILE, REGION};
use crate::packager::question::{invalid, utf8};
use crate::source::NoPages;
use crate::source::file::{File, Location};
use crate::source::s3::{Bucket, BucketName, Prefix};
use crate::time::{Deadline, Timestamp};
use crate::trust::hashes::Hashes;
use crate::update::plan::USER_AGENT;

use super::wanted::Package;

pub(in super::super) const REPOSITORY: Opt =
    Opt::taking("repository", "NAME", "a repository by its name").short('r');
pub(in super::super) const BUCKET: Opt = Opt::taking("bucket", "NAME", "the bucket").short('b');
pub(in super::super) const PREFIX: Opt =
    Opt::taking("prefix", "PATH", "the folder of all packages, not pipper").also(&["root-prefix"]);
pub(in super::super) const CREDENTIALS: Opt =
    Opt::taking("credentials", "KEY SECRET [TOKEN]", "this key; 0 is no token").short('c').with_values(2, 3);

/// The folder of all packages, where nothing says another one.
pub(super) const USUAL_PREFIX: &str = "pipper";

/// How long one exchange with the service may take.
pub(super) const EXCHANGE: std::time::Duration = std::time::Duration::from_secs(60);

/// Who asks where, before anything is asked.
pub(in super::super) struct Way {
    /// The bucket, where something says it.
    bucket: Option<BucketName>,
    /// The folder of all packages.
    prefix: Prefix,
    /// Whose credentials.
    pub(super) aws: Aws,
    /// Endpoint, region, profile.
    pub(super) wish: AwsConfig,
    /// The way to the network.
    pub(super) net: Net,
}

impl Way {
    /// As the command line, the named or the default repository, and the environment say.
    ///
    /// # Errors
    /// When there is no such repository, or something of it cannot be meant.
    pub(in super::super) fn of(
        host: &Host,
        arguments: &Arguments,
        command: &'static str,
    ) -> Result<Self, Failure> {
        let all = match Shelf::of(host) {
            Ok(shelf) => shelf.load()?,
            Err(_) if !arguments.has(REPOSITORY) => Repositories::default(),
            Err(error) => return Err(error),
        };
        let named = text(arguments, REPOSITORY);
        let named = named.map(|name| all.existing(&name).cloned()).transpose()?;
        let (keys, profile) = (keys(arguments, command)?, text(arguments, PROFILE));
        let claims = Claims {
            keys: keys.as_ref(),
            named: named.as_ref(),
            profile: profile.as_deref(),
            usual: all.usual(),
        };
        let identity = Identity::of(&claims, &host.env)?;
        let place = named.as_ref().or(all.usual()).cloned().unwrap_or_default();
        let Repository { bucket, prefix, endpoint, region, .. } = place;
        let bucket = text(arguments, BUCKET).or(bucket);
        let bucket = bucket.map(|name| {
            BucketName::parse(&name).map_err(|_| {
                invalid(command, format!("no bucket can have the name '{}'", name.escape_debug()))
            })
        });
        let prefix = text(arguments, PREFIX).or(prefix).unwrap_or_else(|| USUAL_PREFIX.to_owned());
        let mut wish = AwsConfig {
            endpoint: text(arguments, ENDPOINT).or(endpoint),
            region: text(arguments, REGION).or(region),
            ..AwsConfig::default()
        };
        let aws = identity.asks(host, &mut wish);
        Ok(Self {
            bucket: bucket.transpose()?,
            prefix: folder(&prefix, command)?,
            aws,
            wish,
            net: Net::new(&Settings::default(), &host.env, USER_AGENT),
        })
    }

    /// The same way to another folder.
    pub(in super::super) fn to(self, bucket: BucketName, prefix: Prefix) -> Self {
        Self { bucket: Some(bucket), prefix, ..self }
    }

    /// The folder of all packages, where something says in which bucket.
    pub(super) fn folder(&self) -> Option<(&BucketName, &Prefix)> {
        Some((self.bucket.as_ref()?, &self.prefix))
    }

    /// A bucket, asked in this way.
    ///
    /// # Errors
    /// When the credentials cannot be had.
    pub(super) fn bucket(&self, name: &BucketName) -> Result<Bucket, Fault> {
        let asker = Some((&self.aws, &self.wish));
        Ok(Bucket::open(name, asker, &self.net, &NoPages, Deadline::after(EXCHANGE))?)
    }

    /// The repository itself.
    ///
    /// # Errors
    /// When nothing says which bucket, or the credentials cannot be had.
    pub(in super::super) fn open(self) -> Result<Remote, Fault> {
        let name = self.bucket.clone().ok_or(Fault::NoBucket)?;
        let bucket = self.bucket(&name)?;
        Ok(Remote { name, prefix: self.prefix, bucket, net: self.net })
    }
}

/// A folder's path; slashes around it are not part of it.
fn folder(text: &str, command: &'static str) -> Result<Prefix, Failure> {
    Prefix::parse(text.trim_matches('/'))
        .map_err(|_| invalid(command, format!("'{}' is no folder in a bucket", text.escape_debug())).into())
}

/// An option's value; an empty one is none.
pub(super) fn text(arguments: &Arguments, option: Opt) -> Option<String> {
    arguments.value(option).map(OsStr::to_string_lossy).map(String::from).filter(|text| !text.is_empty())
}

/// `--credentials`
pub(super) fn keys(arguments: &Arguments, command: &'static str) -> Result<Option<Keys>, Failure> {
    let given = arguments.values(&[CREDENTIALS]).map(|(_, value)| {
        // What is no text is not repeated: it is secret.
        value.to_str().ok_or_else(|| invalid(command, "--credentials is not UTF-8"))
    });
    let given = given.collect::<Result<Vec<_>, _>>()?;
    Ok(match given.as_slice() {
        [id, secret, token @ ..] => {
            Some(Keys::new((*id).into(), (*secret).into(), token.first().map(|token| (*token).into())))
        }
        _ => None,
    })
}

/// A repository that is asked.
pub(in super::super) struct Remote {
    name: BucketName,
    prefix: Prefix,
    pub(super) bucket: Bucket,
    pub(super) net: Net,
}

/// A version that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// The package's name as its folder has it.
    pub(super) name: String,
    /// The version, as pipper writes it.
    pub(super) semver: String,
    /// The same as PEP 440 has it.
    pub(super) version: Version,
    /// Its object's key.
    pub(super) key: String,
    /// Its length, in bytes.
    size: u64,
    etag: Option<String>,
    /// When it was put there.
    pub(super) uploaded: Option<Timestamp>,
}

impl Remote {
    /// The address of something in it, as people write it.
    pub(in super::super) fn shown(&self, rest: &str) -> String {
        format!("s3://{}/{}{rest}", self.name.as_str(), self.prefix.as_str())
    }

    /// The key of a package's version.
    pub(in super::super) fn key(&self, name: &str, version: &SemVer) -> String {
        format!("{}{name}/{}{EXTENSION}", self.prefix.as_str(), version.safe())
    }

    /// The bucket, and the way to the network.
    pub(in super::super) fn parts(&mut self) -> (&mut Bucket, &Net) {
        (&mut self.bucket, &self.net)
    }

    /// All versions of a package, oldest first. A folder of that very name counts before one that is called the same.
    ///
    /// # Errors
    /// When the service refuses.
    pub(super) fn offers(&mut self, name: &str, project: &ProjectName) -> Result<Vec<Offer>, Fault> {
        let found = self.in_folder(name)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let all = self.bucket.list(self.prefix.as_str(), Some("/"), &self.net, Deadline::after(EXCHANGE))?;
        let same = all.folders.into_iter().find(|folder| {
            folder != name && folder.parse::<ProjectName>().is_ok_and(|folder| folder == *project)
        });
        same.map_or(Ok(Vec::new()), |folder| self.in_folder(&folder))
    }

    fn in_folder(&mut self, name: &str) -> Result<Vec<Offer>, Fault> {
        let folder = self.prefix.join(name);
        let listed = self.bucket.list(folder.as_str(), Some("/"), &self.net, Deadline::after(EXCHANGE))?;
        let mut offers: Vec<Offer> = Vec::new();
        for object in listed.objects {
            let semver = object.name.strip_suffix(EXTENSION).and_then(SemVer::parse_safe);
            let Some((semver, version)) =
                semver.and_then(|semver| Some((semver.to_string(), semver.to_pep440()?)))
            else {
                continue;
            };
            offers.push(Offer {
                name: name.to_owned(),
                semver,
                version,
                key: format!("{}{}", folder.as_str(), object.name),
                size: object.size,
                etag: object.etag,
                uploaded: object.modified,
            });
        }
        offers.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(offers)
    }

    /// The newest version that will do; pre-releases only where one is named.
    ///
    /// # Errors
    /// When the service refuses, or there is none.
    pub(super) fn find(&mut self, package: &Package) -> Result<Offer, Fault> {
        let offers = self.offers(&package.name, &package.requirement.name)?;
        let specifiers = package.requirement.specifiers();
        let prereleases = specifiers.is_some_and(SpecifierSet::names_prerelease);
        let fits = |offer: &&Offer| {
            let stable = prereleases || !offer.version.any_prerelease();
            stable && specifiers.is_none_or(|specifiers| specifiers.contains(&offer.version))
        };
        offers.iter().rfind(fits).cloned().ok_or_else(|| Fault::NoPackage {
            wanted: package.text.clone(),
            at: self.shown(""),
            there: offers.into_iter().map(|offer| offer.semver).collect(),
        })
    }

    /// A version as a file to be fetched, signed for where the bucket is private.
    ///
    /// # Errors
    /// When no address leads to it.
    pub(super) fn file(&self, offer: &Offer, project: &ProjectName) -> Result<File, Fault> {
        let url = self.bucket.url(&offer.key)?;
        self.bucket.sign_below(&self.bucket.url(self.prefix.as_str())?, &self.net);
        let location = match &offer.etag {
            Some(etag) => Location::Object { url, etag: etag.clone() },
            None => Location::Url(url),
        };
        Ok(File {
            filename: format!("{}-{}{EXTENSION}", offer.name, offer.semver),
            name: DistributionName {
                project: project.clone(),
                version: offer.version.clone(),
                format: Format::Pipper,
            },
            location,
            hashes: Hashes::default(),
            size: Some(offer.size),
            requires_python: None,
            yanked: None,
            uploaded: offer.uploaded,
            metadata: None,
        })
    }
}

/// An operand as text.
pub(super) fn operand<'t>(command: &'static str, text: &'t OsStr) -> Result<&'t str, Failure> {
    Ok(utf8(command, text)?)
}
