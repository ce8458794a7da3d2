//! `everfresh download`: packages as files.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::fault::Fault;
use super::receive;
use super::remote::{BUCKET, CREDENTIALS, PREFIX, REPOSITORY, Remote, Way};
use super::wanted::{DEV, INPUT, Wanted, Wishes};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::package::archive::limits::Limits;
use crate::package::archive::refusal::Refusal;
use crate::package::filename::{DistributionName, Format};
use crate::package::pipper::Package;
use crate::packager::arguments::{Arguments, Operands, Opt};
use crate::packager::commands::{Command, JSON};
use crate::packager::failure::Failure;
use crate::packager::publish::settings::{ENDPOINT, PROFILE, REGION};
use crate::packager::question::with_progress;
use crate::source::file::File;

const EXTRACT: Opt = Opt::flag("extract", "also the wheel, and FILE.meta.json").short('e');
const DIRECTORY: Opt =
    Opt::taking("directory", "DIRECTORY", "put it there, not here").short('d').also(&["output"]);

const NAME: &str = "download";

pub(in super::super) const COMMAND: Command = Command {
    name: NAME,
    summary: "fetch packages from a repository or from authorized addresses",
    operands: Operands { shown: "[NAME[:VERSIONS]|URL|s3://BUCKET/KEY]…", least: 0, most: usize::MAX },
    options: &[
        EXTRACT,
        DIRECTORY,
        INPUT,
        DEV,
        REPOSITORY,
        BUCKET,
        PREFIX,
        PROFILE,
        CREDENTIALS,
        ENDPOINT,
        REGION,
        JSON,
    ],
    text: "Without operands those of pipper.json. Of a NAME it is the newest version that will do,\n\
           pre-releases only where one is named. What is not whole and sound is not kept.",
    examples: &[
        "everfresh download --extract --directory wheels 'myapp:>=1.2.0' --repository team",
        "everfresh download --input packages.json",
    ],
    run,
};

/// What came of one download.
struct Downloaded {
    name: String,
    version: String,
    path: PathBuf,
    /// The wheel, and what was said of it.
    extracted: Option<(PathBuf, PathBuf)>,
}

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let wishes = Wishes::of(arguments, NAME)?;
    let way = Way::of(host, arguments, NAME)?;
    let directory = fs::absolute(Path::new(arguments.value(DIRECTORY).unwrap_or(".".as_ref())))?;
    fs::create_dir_all_mode(&directory, 0o755)?;
    let mut all = Vec::new();
    let done = with_progress(host, || {
        let mut remote = None;
        for wanted in &wishes.wanted {
            all.push(one(host, arguments, &way, &mut remote, wanted, &directory)?);
        }
        Ok::<(), Failure>(())
    });
    // What came before something failed is there.
    report(arguments, &all, output)?;
    done
}

fn one(
    host: &Host,
    arguments: &Arguments,
    way: &Way,
    remote: &mut Option<Remote>,
    wanted: &Wanted,
    directory: &Path,
) -> Result<Downloaded, Failure> {
    let fetch = |file: &File, name: &str, net| -> Result<Downloaded, Failure> {
        let path = directory.join(&file.filename);
        receive::fetch(file, &path, net, host.now())?;
        let refused = |refusal| Error::Archive { filename: file.filename.clone(), refusal };
        let extracted = arguments.has(EXTRACT) && file.name.format == Format::Pipper;
        let extracted =
            extracted.then(|| extract(&path, &file.name, directory).map_err(refused)).transpose()?;
        Ok(Downloaded { name: name.to_owned(), version: file.name.version.to_string(), path, extracted })
    };
    match wanted {
        Wanted::Address(address) => {
            let file = receive::at(address);
            fetch(&file, file.name.project.as_str(), &way.net)
        }
        Wanted::Object(bucket, key) => {
            let file = receive::object(way, bucket, key, NAME)?;
            fetch(&file, file.name.project.as_str(), &way.net)
        }
        Wanted::Package(package) => {
            if remote.is_none() {
                *remote = Some(Way::of(host, arguments, NAME)?.open()?);
            }
            let Some(remote) = remote else { return Err(Fault::NoBucket.into()) };
            let offer = remote.find(package)?;
            let file = remote.file(&offer, &package.requirement.name)?;
            let downloaded = fetch(&file, &offer.name, &remote.net)?;
            Ok(Downloaded { version: offer.semver, ..downloaded })
        }
    }
}

/// The wheel of a package of pipper's, unpacked into `directory`; `None` where the file is another kind.
///
/// # Errors
/// When the package is none.
pub(super) fn wheel_in(path: &Path, file: &File, directory: &Path) -> Result<Option<PathBuf>, Error> {
    if file.name.format != Format::Pipper {
        return Ok(None);
    }
    let refused = |refusal| Error::Archive { filename: file.filename.clone(), refusal };
    extract(path, &file.name, directory).map(|(wheel, _)| Some(wheel)).map_err(refused)
}

/// The wheel under its own name, and `package.meta` beside it.
fn extract(path: &Path, name: &DistributionName, directory: &Path) -> Result<(PathBuf, PathBuf), Refusal> {
    let mut package = Package::open(Box::new(fs::open(path)?), name, &Limits::default())?;
    let meta: Value = serde_json::from_slice(&package.meta).unwrap_or_default();
    let wheel_name = meta.get("wheel_name").and_then(Value::as_str).unwrap_or_default();
    // That it is the name of this wheel, and no path, is part of what makes the package one.
    let wheel = directory.join(wheel_name);
    let beside = fs::sibling(&wheel, "tmp");
    let mut written = fs::create_new(&beside, 0o644)?;
    let copied = package.copy_wheel(&mut |bytes| Ok(fs::write_all(&mut written, &beside, bytes)?));
    let copied = copied.and_then(|()| Ok(fs::rename(&beside, &wheel)?));
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied?;
    let beside = directory.join(format!("{wheel_name}.meta.json"));
    fs::write_atomic(&beside, &package.meta)?;
    Ok((wheel, beside))
}

fn report(arguments: &Arguments, all: &[Downloaded], output: &mut dyn Write) -> Result<(), Failure> {
    if arguments.has(JSON) {
        let files = all.iter().map(|file| {
            json!({
                "name": file.name,
                "version": file.version,
                "path": file.path.to_string_lossy(),
                "wheel": file.extracted.as_ref().map(|(wheel, _)| wheel.to_string_lossy()),
                "meta": file.extracted.as_ref().map(|(_, meta)| meta.to_string_lossy()),
            })
        });
        return Ok(writeln!(output, "{}", json!({ "downloaded": files.collect::<Vec<Value>>() }))?);
    }
    for file in all {
        writeln!(output, "[DOWNLOADED]: {} -> {}", file.name, file.path.display())?;
        if let Some((wheel, meta)) = &file.extracted {
            writeln!(output, "[EXTRACTED]:\n  * {}\n  * {}", wheel.display(), meta.display())?;
        }
    }
    output.flush()?;
    Ok(())
}
