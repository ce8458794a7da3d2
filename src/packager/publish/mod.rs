//! `everfresh publish`: a project's wheel and lock, brought to where its users' launchers look. Files first, then the
//! index that names them, then the release that needs them: whoever reads at any moment finds all that is named.

mod channel;
mod channels;
mod contents;
mod parcel;
mod pipper;
pub(super) mod settings;
mod shelf;
mod withdraw;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::arguments::{Arguments, Operands, Opt};
use super::commands::{Command, JSON};
use super::failure::Failure;
use super::interpreter::{self, PYTHON};
use super::pipper::remote::{BUCKET, CREDENTIALS, PREFIX, REPOSITORY};
use super::project::Project;
use super::wheel_build;
use crate::host::Host;
use crate::package::name::ProjectName;
use crate::progress::{Draws, Progress, show_bytes};
use crate::update::events::{Event, Listener};
use channel::{Channel, Released};
use contents::Contents;
use parcel::Parcel;
use pipper::{PIPPER, SKIP_FAILS};
use settings::{ACL, CHANNEL, DRY_RUN, ENDPOINT, FOLDER_PAGES, FORCE, PROFILE, REGION};
use shelf::{Replace, Shelf, Shelved};

pub(super) use channels::{PROMOTE, ROLLBACK};
pub(super) use withdraw::{UNPUBLISH, YANK};

const WHEEL: Opt = Opt::taking("wheel", "FILE", "publish this file, do not build").repeated();
const LOCK: Opt = Opt::taking("lock", "FILE", "release this lock, not pylock.toml");
const PROJECT: Opt = Opt::taking("project", "DIRECTORY", "the project, not the one here");
const INDEX_ONLY: Opt = Opt::flag("index-only", "leave the channel as it is");

pub(super) const COMMAND: Command = Command {
    name: "publish",
    summary: "bring a project's wheel and lock to a bucket or a directory",
    operands: Operands { shown: "[DESTINATION]…", least: 0, most: usize::MAX },
    options: &[
        CHANNEL,
        WHEEL,
        LOCK,
        PROJECT,
        INDEX_ONLY,
        FORCE,
        DRY_RUN,
        ACL,
        FOLDER_PAGES,
        ENDPOINT,
        REGION,
        PROFILE,
        PYTHON,
        PIPPER,
        SKIP_FAILS,
        REPOSITORY,
        BUCKET,
        PREFIX,
        CREDENTIALS,
        JSON,
    ],
    text: "A destination is s3://bucket/prefix or a directory behind a web server; without one it is that of\n\
           [tool.everfresh] publish in pyproject.toml, else of launcher.toml. The wheel is built when there is\n\
           none in dist/ or a source is younger. What is there already is not sent again; other bytes of the\n\
           same name are refused. Users install from DESTINATION/simple/ with pip and uv, or follow\n\
           DESTINATION/stable/pylock.toml with a launcher.",
    examples: &[
        "everfresh publish s3://my-bucket/myapp",
        "everfresh publish --channel beta --dry-run /srv/www/myapp",
    ],
    run,
};

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let directory = PathBuf::from(arguments.value(PROJECT).unwrap_or(".".as_ref()));
    let channel = settings::channel(arguments, COMMAND.name)?;
    let project = Project::of(&directory)?;
    let name = project.name.parse::<ProjectName>().map_err(|error| Failure::Project {
        file: directory.join("pyproject.toml"),
        reason: error.to_string(),
    })?;
    if arguments.has(PIPPER) {
        let progress = Progress::new("everfresh", Draws::of(host, true));
        let wheels = wheels(host, arguments, &directory, &name, &progress);
        progress.clear();
        return pipper::publish(host, arguments, &directory, &wheels?, output);
    }
    let mut shelves = settings::shelves(host, arguments, 0, &directory, COMMAND.name)?;
    let progress = Progress::new("everfresh", Draws::of(host, true));
    let wheels = wheels(host, arguments, &directory, &name, &progress)?;
    let parcels = wheels.iter().map(|path| Parcel::of(path)).collect::<Result<Vec<_>, _>>()?;
    let contents = if arguments.has(INDEX_ONLY) {
        Contents { parcels, lock: None, version: None }
    } else {
        Contents::of(parcels, &name, &lock_file(arguments, &directory), arguments.has(LOCK))?
    };
    let mut reports = Vec::new();
    for shelf in &mut shelves {
        let published = publish(host, shelf, &contents, &channel, arguments.has(FORCE), &progress);
        progress.clear();
        reports.push(published?);
    }
    if arguments.has(JSON) {
        let reports: Vec<Value> = reports.iter().map(|report| report.json(&channel)).collect();
        return Ok(writeln!(output, "{}", json!({ "destinations": reports }))?);
    }
    reports.iter().try_for_each(|report| Ok(report.write(&channel, arguments.has(DRY_RUN), output)?))
}

fn lock_file(arguments: &Arguments, directory: &Path) -> PathBuf {
    arguments.value(LOCK).map_or_else(|| directory.join("pylock.toml"), PathBuf::from)
}

/// What is named, else the project's own wheel.
fn wheels(
    host: &Host,
    arguments: &Arguments,
    directory: &Path,
    name: &ProjectName,
    progress: &Progress,
) -> Result<Vec<PathBuf>, Failure> {
    let named: Vec<PathBuf> = arguments.values(&[WHEEL]).map(|(_, path)| path.into()).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    progress.hear(Event::Step { name: "building the wheel".to_owned() });
    let (wheel, _) = wheel_build::ensure(host, || interpreter::find(host, arguments), directory, name)?;
    Ok(vec![wheel])
}

/// What was published where.
struct Report {
    destination: String,
    files: Vec<(String, u64, Shelved)>,
    released: Option<Released>,
}

fn publish(
    host: &Host,
    shelf: &mut Shelf,
    contents: &Contents,
    channel: &Channel,
    force: bool,
    progress: &Progress,
) -> Result<Report, Failure> {
    let replace = if force { Replace::Force } else { Replace::Never };
    let total = contents.parcels.len();
    let mut files = Vec::new();
    let mut bytes = 0;
    for (done, parcel) in contents.parcels.iter().enumerate() {
        progress.hear(Event::Step { name: format!("uploading {}", parcel.filename) });
        let shelved = shelf.put(parcel, replace, &mut |sent| {
            bytes += sent;
            progress.hear(Event::Files { done, total, bytes });
        })?;
        files.push((parcel.filename.clone(), parcel.size, shelved));
    }
    progress.hear(Event::Step { name: "writing the index".to_owned() });
    for parcel in &contents.parcels {
        shelf.list(parcel, host)?;
    }
    let now = host.now().to_string();
    let released = contents.lock.as_deref();
    let released = released.map(|lock| shelf.release(channel, lock, contents.version.as_deref(), &now));
    Ok(Report { destination: shelf.destination.shown(""), files, released: released.transpose()? })
}

impl Report {
    fn json(&self, channel: &Channel) -> Value {
        let files = self.files.iter().map(|(name, size, shelved)| {
            json!({"name": name, "size": size, "uploaded": *shelved != Shelved::There})
        });
        let release = self.released.as_ref().map(|released| {
            let (Released::New(release) | Released::Same(release)) = released;
            json!({
                "channel": channel.to_string(),
                "number": release.number,
                "version": release.version,
                "new": matches!(released, Released::New(_)),
            })
        });
        json!({"destination": self.destination, "files": files.collect::<Vec<_>>(), "release": release})
    }

    fn write(&self, channel: &Channel, dry: bool, output: &mut dyn Write) -> Result<(), std::io::Error> {
        writeln!(output, "{}", self.destination)?;
        for (name, size, shelved) in &self.files {
            writeln!(output, "  files/{name} {} ({})", shelved.words(dry), show_bytes(*size))?;
        }
        match &self.released {
            None => Ok(()),
            Some(Released::Same(release)) => {
                writeln!(output, "  {channel} is {} already", release.describe())
            }
            Some(Released::New(release)) => {
                let verb = if dry { "would be" } else { "is now" };
                writeln!(output, "  {channel} {verb} {}", release.describe())
            }
        }
    }
}
