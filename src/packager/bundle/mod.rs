//! `everfresh bundle`: what a user is given. A folder, an archive of it, or one file: the launcher, its configuration, and
//! by choice the packages and the Python of a first run without network.

mod archive;
mod bake;
mod fault;
mod folder;
mod onefile;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::{Arguments, Operands, Opt};
use super::commands::{Command, JSON};
use super::failure::Failure;
use super::interpreter::{self, PYTHON};
use super::launcher_toml::Settings;
use super::pipper_file::PipperFile;
use super::project::Project;
use super::question::{invalid, utf8};
use super::scratch::{self, Scratch};
use super::wheel_build;
use crate::bundle::BAKED;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::package::name::ProjectName;
use crate::progress::{Draws, Progress};
use crate::python::find::{self, Interpreter};
use crate::source;
use crate::update::events::{Event, Listener};
use bake::Oven;
use folder::Companion;

pub(super) use fault::BundleFault;

const PROJECT: Opt = Opt::taking("project", "DIRECTORY", "the project, not the one here");
const OUTPUT: Opt = Opt::taking("output", "DIRECTORY", "make a folder, this one");
const ARCHIVE: Opt = Opt::taking("archive", "FILE", "make a .tar.gz of the folder");
const ONEFILE: Opt = Opt::taking("onefile", "FILE", "make one file that is the whole app");
const PIPPER: Opt = Opt::taking("pipper", "DIRECTORY", "make a .pipper of the project in this directory");
const SOURCE: Opt =
    Opt::taking("source", "ADDRESS", "where users' updates come from, before other sources").repeated();
const BAKE: Opt = Opt::flag("bake", "ship the packages too: a first run needs no network");
const RUNTIME: Opt = Opt::taking("python-runtime", "PLACE", "ship this Python: an archive or a directory");
const LAUNCHER: Opt = Opt::taking("launcher", "FILE", "copy this launcher, not the one beside everfresh");
const FORCE: Opt = Opt::flag("force", "replace what is there");

pub(super) const COMMAND: Command = Command {
    name: "bundle",
    summary: "make what users are given: a folder, an archive or one file",
    operands: Operands::NONE,
    options: &[
        PROJECT, OUTPUT, ARCHIVE, ONEFILE, PIPPER, SOURCE, BAKE, RUNTIME, LAUNCHER, PYTHON, FORCE, JSON,
    ],
    text: "Without --output, --archive, --onefile and --pipper it is the folder dist/bundle/APP.\n\
           launcher.toml is the project's own, or made of [tool.everfresh] in pyproject.toml. Baked are the\n\
           project's wheel and what pylock.toml has for this platform; without a lock, what the sources have.",
    examples: &[
        "everfresh bundle --source s3://my-bucket/myapp/stable/pylock.toml",
        "everfresh bundle --bake --onefile myapp --source https://example.org/stable/pylock.toml",
    ],
    run,
};

/// What is to be made, and where.
struct Forms {
    folder: Option<PathBuf>,
    archive: Option<PathBuf>,
    onefile: Option<PathBuf>,
}

impl Forms {
    fn of(arguments: &Arguments, directory: &Path, app: &str) -> Self {
        let path = |option| arguments.value(option).map(PathBuf::from);
        let forms = Self { folder: path(OUTPUT), archive: path(ARCHIVE), onefile: path(ONEFILE) };
        if forms.folder.is_some() || forms.archive.is_some() || forms.onefile.is_some() {
            return forms;
        }
        let base = if directory == Path::new(".") { Path::new("") } else { directory };
        Self { folder: Some(base.join("dist/bundle").join(app)), ..forms }
    }

    /// Refuses what cannot be, before anything is done.
    fn check(&self, arguments: &Arguments, companions: &[Companion]) -> Result<(), Failure> {
        let force = arguments.has(FORCE);
        if let Some(place) = &self.folder {
            folder::may_be(place, force)?;
        }
        for file in self.archive.iter().chain(&self.onefile) {
            if !force && fs::symlink_metadata(file).is_ok() {
                return Err(Failure::Exists(file.clone()));
            }
        }
        if self.onefile.is_none() {
            return Ok(());
        }
        if arguments.has(RUNTIME) {
            return Err(BundleFault::RuntimeInOneFile.into());
        }
        match companions.first() {
            None => Ok(()),
            Some(Companion { key, to, .. }) => {
                Err(BundleFault::BesideOneFile { key, value: to.to_string_lossy().into_owned() }.into())
            }
        }
    }

    /// Where the bundle is put together: where the folder can be renamed from.
    fn workshop(&self, host: &Host) -> Result<Scratch, Error> {
        let Some(place) = &self.folder else { return Scratch::under(&scratch::temporary(&host.env)) };
        let whole = fs::absolute(place)?;
        let parent = whole.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all_mode(parent, 0o755)?;
        Scratch::under(parent)
    }
}

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let directory = PathBuf::from(arguments.value(PROJECT).unwrap_or(".".as_ref()));
    let project = Project::of(&directory)?;
    if let Some(place) = arguments.value(PIPPER) {
        make_pipper(host, arguments, &directory, &project, Path::new(place), output)?;
        // What pipper installs needs no launcher; who wants one too says so.
        if [OUTPUT, ARCHIVE, ONEFILE].iter().all(|form| !arguments.has(*form)) {
            return Ok(());
        }
    }
    let settings = Settings::of(&directory, &project, &sources(arguments)?)?;
    settings.requirements()?;
    let app = &settings.config.app.name;
    folder::check_name(app)?;
    let companions = folder::companions(&settings.config, &directory)?;
    let forms = Forms::of(arguments, &directory, app);
    forms.check(arguments, &companions)?;
    let launcher = folder::launcher(host, arguments.value(LAUNCHER).map(Path::new))?;
    let progress = Progress::new("everfresh", Draws::of(host, true));
    let wheel = wheel(host, arguments, &directory, &project, &progress);
    progress.clear();
    let wheel = wheel?;
    let workshop = forms.workshop(host)?;
    let stage = workshop.path().join(app);
    fs::create_dir(&stage)?;
    folder::lay_out(&stage, &launcher, &settings, &companions)?;
    let runtime = arguments.value(RUNTIME).map(Path::new);
    let runtime = runtime.map(|runtime| runtime_in(&stage, runtime, &settings, &workshop)).transpose()?;
    let mut baked = Vec::new();
    if arguments.has(BAKE) {
        let interpreter = match &runtime {
            Some(runtime) => runtime.clone(),
            None => for_baking(host, arguments, &settings)?,
        };
        let wheel = wheel.as_deref();
        let oven =
            Oven { host, settings: &settings, directory: &directory, wheel, interpreter: &interpreter };
        baked = oven.bake(&stage.join(BAKED))?;
    }
    for file in forms.archive.iter().chain(&forms.onefile) {
        if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all_mode(parent, 0o755)?;
        }
    }
    if let Some(file) = &forms.archive {
        archive::write(&stage, archive::moment(host), file)?;
    }
    if let Some(file) = &forms.onefile {
        onefile::write(&stage, &launcher, file)?;
    }
    if let Some(place) = &forms.folder {
        folder::settle(&stage, place)?;
    }
    let report =
        Report { app, forms: &forms, wheel: wheel.as_deref(), baked: &baked, python: runtime.is_some() };
    report.write(arguments.has(JSON), output)
}

/// The project's wheel as pipper takes it.
fn make_pipper(
    host: &Host,
    arguments: &Arguments,
    directory: &Path,
    project: &Project,
    place: &Path,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let progress = Progress::new("everfresh", Draws::of(host, true));
    let wheel = wheel(host, arguments, directory, project, &progress);
    progress.clear();
    let wheel = wheel?.ok_or_else(|| Failure::NoProject(directory.to_owned()))?;
    fs::create_dir_all_mode(place, 0o755)?;
    let made = PipperFile::write(&wheel, directory, host.now(), place)?;
    if arguments.has(JSON) {
        let report = json!({"pipper": made.path.to_string_lossy(), "version": made.version.to_string()});
        return Ok(writeln!(output, "{report}")?);
    }
    Ok(writeln!(output, "pipper   {}", made.path.display())?)
}

/// The addresses that users follow, as they are given.
fn sources(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let read = arguments.values(&[SOURCE]).map(|(_, text)| {
        let text = utf8(COMMAND.name, text)?;
        // A path starts from where the launcher will lie; that it is one is all that can be known here.
        source::infer(text, Path::new("/")).map_err(|reason| invalid(COMMAND.name, reason))?;
        Ok(text.to_owned())
    });
    read.collect()
}

/// The project's own wheel, where there is something to build.
fn wheel(
    host: &Host,
    arguments: &Arguments,
    directory: &Path,
    project: &Project,
    progress: &Progress,
) -> Result<Option<PathBuf>, Failure> {
    if !wheel_build::is_project(directory) {
        return Ok(None);
    }
    let name = project.name.parse::<ProjectName>().map_err(|error| Failure::Project {
        file: directory.join("pyproject.toml"),
        reason: error.to_string(),
    })?;
    progress.hear(Event::Step { name: "building the wheel".to_owned() });
    let (wheel, _) = wheel_build::ensure(host, || interpreter::find(host, arguments), directory, &name)?;
    Ok(Some(wheel))
}

/// The interpreter that is shipped.
fn runtime_in(
    stage: &Path,
    runtime: &Path,
    settings: &Settings,
    workshop: &Scratch,
) -> Result<Interpreter, Failure> {
    let python = folder::add_runtime(stage, runtime, workshop)?;
    Ok(find::at(&python, &settings.config.python)?)
}

/// The interpreter that packages are baked for: the named one, else the one that a launcher would find here.
fn for_baking(host: &Host, arguments: &Arguments, settings: &Settings) -> Result<Interpreter, Error> {
    if arguments.has(PYTHON) {
        return interpreter::find(host, arguments);
    }
    find::find(&settings.config.python, host, None)
}

/// What was made.
struct Report<'r> {
    app: &'r str,
    forms: &'r Forms,
    wheel: Option<&'r Path>,
    baked: &'r [String],
    python: bool,
}

impl Report<'_> {
    fn write(&self, as_json: bool, output: &mut dyn Write) -> Result<(), Failure> {
        let Forms { folder, archive, onefile } = self.forms;
        if as_json {
            let shown = |path: Option<&Path>| path.map(|path| path.to_string_lossy().into_owned());
            let report = json!({
                "app": self.app,
                "folder": shown(folder.as_deref()),
                "archive": shown(archive.as_deref()),
                "onefile": shown(onefile.as_deref()),
                "wheel": shown(self.wheel),
                "baked": self.baked,
                "python": self.python,
            });
            return Ok(writeln!(output, "{report}")?);
        }
        for (what, path) in [("folder", folder), ("archive", archive), ("onefile", onefile)] {
            if let Some(path) = path {
                writeln!(output, "{what:<8} {}", path.display())?;
            }
        }
        for name in self.baked {
            writeln!(output, "baked    {name}")?;
        }
        Ok(())
    }
}
