//! `everfresh install`: packages, and all that they need, into an interpreter's environment or a directory.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command as Child;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::fault::Fault;
use super::installed::{self, Installed};
use super::receive;
use super::remote::{BUCKET, CREDENTIALS, PREFIX, REPOSITORY, Way};
use super::wanted::{DEV, INPUT, Wanted, Wishes};
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::net::Net;
use crate::package::name::ProjectName;
use crate::package::requirement::{Constraint, Requirement};
use crate::package::version::{SpecifierSet, parse_version};
use crate::packager::arguments::{Arguments, Operands, Opt};
use crate::packager::commands::{Command, JSON};
use crate::packager::failure::Failure;
use crate::packager::interpreter::{self, PYTHON};
use crate::packager::publish::settings::{ENDPOINT, PROFILE, REGION};
use crate::packager::question::{self, INDEX, SOURCE, invalid, with_progress};
use crate::packager::resolution;
use crate::packager::scratch::{self, Scratch};
use crate::packager::target::Target;
use crate::process;
use crate::python::find::Interpreter;
use crate::source::Address;
use crate::source::s3::Folder;
use crate::time::Deadline;
use crate::update::catalogue::{Place, Places};
use crate::update::resolve::{Pin, Request};

const TARGET: Opt = Opt::taking("target", "DIRECTORY", "install there").short('t');
const USER: Opt = Opt::flag("user", "install for this user alone");
const UPGRADE: Opt =
    Opt::flag("upgrade", "take newer versions of what is installed").short('u').also(&["update"]);
const DRY_RUN: Opt = Opt::flag("dry-run", "tell what would be installed, and do nothing");

const NAME: &str = "install";

/// How long pip may take.
const LONGEST: Duration = Duration::from_secs(3600);
/// The most that is kept of what it says, in bytes.
const OUTPUT: u64 = 1 << 20;

pub(in super::super) const COMMAND: Command = Command {
    name: NAME,
    summary: "install packages from a repository, or from addresses, with all that they need",
    operands: Operands { shown: "[NAME[:VERSIONS]|URL|s3://BUCKET/KEY]…", least: 0, most: usize::MAX },
    options: &[
        TARGET,
        USER,
        UPGRADE,
        DRY_RUN,
        INPUT,
        DEV,
        INDEX,
        SOURCE,
        PYTHON,
        REPOSITORY,
        BUCKET,
        PREFIX,
        PROFILE,
        CREDENTIALS,
        ENDPOINT,
        REGION,
        JSON,
    ],
    text: "Without operands what pipper.json lists. All is resolved at once: the repository is asked first,\n\
           then --index and --source, else the public index. A NAME alone that is installed stays as it\n\
           is. Each file is verified, then handed to the interpreter's pip, which looks for nothing else.",
    examples: &[
        "everfresh install myapp:1.2.* --repository team",
        "everfresh install --input packages.json --target site",
    ],
    run,
};

/// What the resolver is asked.
struct Question {
    requirements: Vec<Requirement>,
    /// What was asked for by name, and is to be told about.
    named: Vec<ProjectName>,
    /// What stays as it is.
    skipped: Vec<ProjectName>,
}

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    if arguments.has(TARGET) && arguments.has(USER) {
        return Err(invalid(NAME, "--target and --user are two places").into());
    }
    let wishes = Wishes::of(arguments, NAME)?;
    let way = Way::of(host, arguments, NAME)?;
    let interpreter = interpreter::find(host, arguments)?;
    let target = arguments.value(TARGET).map(Path::new).map(fs::absolute).transpose()?;
    let local = installed::of(&interpreter, target.as_deref())?;
    if wishes.conda > 0 {
        let _ = writeln!(io::stderr(), "everfresh: warning: packages of conda are not looked for");
    }
    let scratch = Scratch::under(&scratch::temporary(&host.env))?;
    let (question, pins, files) = with_progress(host, || {
        let question = question(host, arguments, &way, wishes, &local, scratch.path())?;
        let places = places(arguments, &way, &question)?;
        let pins = resolve(host, &way.net, &places, arguments, &interpreter, &question, &local)?;
        let new: Vec<Pin> =
            pins.iter().filter(|pin| local.get(&pin.name) != Some(&pin.version)).cloned().collect();
        let wanted = if arguments.has(DRY_RUN) { &[][..] } else { &new };
        let files = fetch(host, &way.net, wanted, scratch.path())?;
        Ok::<_, Failure>((question, pins, files))
    })?;
    if !files.is_empty() {
        let place = match &target {
            Some(target) => vec!["--target".into(), target.clone().into_os_string(), "--upgrade".into()],
            None => arguments.has(USER).then(|| "--user".into()).into_iter().collect(),
        };
        pip(&interpreter, &place, &files)?;
        if let Some(target) = &target {
            forget(target, &pins, &local)?;
        }
    }
    report(arguments, &question, &pins, &local, output)
}

/// Addresses are fetched at once: what is wrong with one is told as such.
fn question(
    host: &Host,
    arguments: &Arguments,
    way: &Way,
    wishes: Wishes,
    local: &Installed,
    scratch: &Path,
) -> Result<Question, Failure> {
    let mut question = Question { requirements: wishes.pypi, named: Vec::new(), skipped: Vec::new() };
    for (at, wanted) in wishes.wanted.into_iter().enumerate() {
        let file = match wanted {
            Wanted::Package(package) => {
                let requirement = package.requirement;
                let any = requirement.specifiers().is_some_and(SpecifierSet::is_empty);
                if any && !arguments.has(UPGRADE) && local.contains_key(&requirement.name) {
                    question.skipped.push(requirement.name);
                } else {
                    question.named.push(requirement.name.clone());
                    question.requirements.push(requirement);
                }
                continue;
            }
            Wanted::Address(address) => receive::at(&address),
            Wanted::Object(bucket, key) => receive::object(way, &bucket, &key, NAME)?,
        };
        let folder = scratch.join(format!("address-{at}"));
        fs::create_dir(&folder)?;
        let path = folder.join(&file.filename);
        receive::fetch(&file, &path, &way.net, host.now())?;
        let url = Url::from_file_path(&path).map(String::from).unwrap_or_default();
        let name = file.name.project;
        question.named.push(name.clone());
        let constraint = Constraint::Url(url);
        question.requirements.push(Requirement { name, extras: Vec::new(), constraint, marker: None });
    }
    Ok(question)
}

/// The repository, then what else is named, else the public index.
fn places(arguments: &Arguments, way: &Way, question: &Question) -> Result<Places, Failure> {
    let mut places = Vec::new();
    match way.folder() {
        Some((bucket, prefix)) => {
            let folder = Folder::public(bucket.clone(), prefix.clone());
            let mut place = Place::plain(Address::S3(folder), &way.aws);
            place.address = place.address.asked_by(&way.aws, &way.wish);
            places.push(place);
        }
        None if question.requirements.iter().any(|requirement| requirement.url().is_none()) => {
            return Err(Fault::NoBucket.into());
        }
        None => {}
    }
    let others = match question::named_places(NAME, arguments, &way.aws)? {
        Some(others) => others,
        None => question::public_index(NAME, &way.aws)?,
    };
    places.extend(others.0);
    Ok(Places(places))
}

fn resolve(
    host: &Host,
    net: &Net,
    places: &Places,
    arguments: &Arguments,
    interpreter: &Interpreter,
    question: &Question,
    local: &Installed,
) -> Result<Vec<Pin>, Failure> {
    if question.requirements.is_empty() {
        return Ok(Vec::new());
    }
    // What is installed stays where it will do.
    let mut preferences = local.clone();
    if arguments.has(UPGRADE) {
        preferences.retain(|name, _| !question.named.contains(name));
    }
    let preferences = preferences.into_iter().map(|(name, version)| (name, vec![version])).collect();
    let request = Target::of(interpreter).request(question.requirements.clone(), false);
    let request = Request { preferences, ..request };
    Ok(resolution::resolve(net, places, &request, &scratch::temporary(&host.env))?)
}

fn fetch(host: &Host, net: &Net, pins: &[Pin], scratch: &Path) -> Result<Vec<PathBuf>, Failure> {
    let one = |(at, pin): (usize, &Pin)| {
        let folder = scratch.join(format!("package-{at}"));
        fs::create_dir(&folder)?;
        let path = folder.join(&pin.file.filename);
        receive::fetch(&pin.file, &path, net, host.now())?;
        Ok(super::download::wheel_in(&path, &pin.file, &folder)?.unwrap_or(path))
    };
    pins.iter().enumerate().map(one).collect()
}

fn pip(interpreter: &Interpreter, place: &[std::ffi::OsString], files: &[PathBuf]) -> Result<(), Failure> {
    let mut command = Child::new(&interpreter.path);
    command.args(["-m", "pip", "install", "--no-deps", "--no-input", "--disable-pip-version-check"]);
    command.args(["--progress-bar", "off", "--no-warn-script-location"]).args(place).args(files);
    let finished = process::run(&mut command, Deadline::after(LONGEST), OUTPUT)
        .map_err(|source| Error::Interpreter { path: interpreter.path.clone(), source })?;
    if finished.success() {
        return Ok(());
    }
    let said = [finished.stdout.as_slice(), finished.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said).trim_end().to_owned();
    if said.lines().any(|line| line.ends_with(": No module named pip")) {
        return Err(Failure::NoPip(interpreter.path.clone()));
    }
    Err(Fault::Pip { output: said }.into())
}

/// pip leaves in a target what told of the versions before: both would count as installed.
fn forget(target: &Path, pins: &[Pin], local: &Installed) -> Result<(), Failure> {
    let replaced = |name: &str| {
        let (name, version) = name.strip_suffix(".dist-info")?.split_once('-')?;
        let name: ProjectName = name.parse().ok()?;
        let pin = pins.iter().find(|pin| pin.name == name)?;
        let version = parse_version(version).ok()?;
        Some(local.contains_key(&name) && version != pin.version)
    };
    for path in fs::list(target)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if replaced(name) == Some(true) && fs::is_own_dir(&path) {
            fs::remove_tree(&path)?;
        }
    }
    Ok(())
}

fn report(
    arguments: &Arguments,
    question: &Question,
    pins: &[Pin],
    local: &Installed,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let is_new = |pin: &&Pin| local.get(&pin.name) != Some(&pin.version);
    let stays = pins.iter().filter(|pin| !is_new(pin) && question.named.contains(&pin.name));
    let skipped = question.skipped.iter().filter_map(|name| Some((name, local.get(name)?)));
    let skipped: Vec<_> = skipped.chain(stays.map(|pin| (&pin.name, &pin.version))).collect();
    let new: Vec<&Pin> = pins.iter().filter(is_new).collect();
    if arguments.has(JSON) {
        let show = |name: &ProjectName, version: &dyn ToString| json!({"name": name.as_str(), "version": version.to_string()});
        let installed: Vec<Value> = new.iter().map(|pin| show(&pin.name, &pin.version)).collect();
        let skipped: Vec<Value> = skipped.iter().map(|(name, version)| show(name, *version)).collect();
        return Ok(writeln!(output, "{}", json!({"installed": installed, "skipped": skipped}))?);
    }
    for (name, version) in skipped {
        writeln!(output, "[SKIPPED]: \"{name}\" already installed at version {version}")?;
    }
    let word = if arguments.has(DRY_RUN) { "[DRY_RUN]" } else { "[INSTALLED]" };
    for pin in new {
        writeln!(output, "{word}: {} {}", pin.name, pin.version)?;
    }
    Ok(())
}
