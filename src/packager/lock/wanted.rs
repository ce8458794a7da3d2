//! What is to be locked: the requirements of the command line, else those of the project here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::COMMAND;
use crate::aws::Aws;
use crate::error::Error;
use crate::fs;
use crate::host::Host;
use crate::net::Settings;
use crate::package::filename::{DistributionName, Format};
use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;
use crate::packager::arguments::{Arguments, Usage};
use crate::packager::failure::Failure;
use crate::packager::launcher_toml::Settings as LauncherSettings;
use crate::packager::question::{self, PRERELEASES};
use crate::source::Address;
use crate::update::catalogue::{Place, Places};

/// What a resolution is about, interpreters aside.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) requirements: Vec<Requirement>,
    pub(super) places: Places,
    pub(super) prereleases: bool,
    pub(super) settings: Settings,
    /// The project that lies here, where that is what is locked.
    pub(super) own: Option<ProjectName>,
    /// What its packager would want to know.
    pub(super) note: Option<String>,
}

impl Wanted {
    /// Of the command line, else of the folder `here`.
    pub(super) fn of(host: &Host, arguments: &Arguments, here: &Path) -> Result<Self, Failure> {
        let aws = Aws::new(host, None);
        let named = question::named_places(COMMAND.name, arguments, &aws)?;
        let public = || question::public_index(COMMAND.name, &aws);
        let prereleases = arguments.has(PRERELEASES);
        let mut wanted = if arguments.operands.is_empty() {
            let project = Project::of(here)?;
            let config = config(host, here, &aws)?;
            let (requirements, of_config, settings, takes_prereleases) = match (config, &project) {
                (Some(config), _) => config,
                (None, Some(_)) => (Vec::new(), Places(Vec::new()), Settings::default(), false),
                (None, None) => return Err(nothing_to_lock().into()),
            };
            let places = named.unwrap_or(of_config);
            let places = if places.0.is_empty() { public()? } else { places };
            let prereleases = prereleases || takes_prereleases;
            let mut wanted = Self { requirements, places, prereleases, settings, own: None, note: None };
            if let Some(project) = project {
                wanted.take_in(project, here, &aws)?;
            }
            wanted
        } else {
            let requirements = question::requirements(COMMAND.name, arguments)?;
            let places = named.map_or_else(public, Ok)?;
            Self { requirements, places, prereleases, settings: Settings::default(), own: None, note: None }
        };
        // What this lock is published as is no source for it.
        wanted.places.0.retain(|place| !matches!(place.address, Address::Release(_)));
        if wanted.places.0.is_empty() {
            wanted.places = public()?;
        }
        Ok(wanted)
    }

    /// The project here comes from `dist/` and from nowhere else: whoever has something of its name on an index is
    /// somebody else. Without a wheel there, its dependencies stand for it.
    fn take_in(&mut self, project: Project, here: &Path, aws: &Aws) -> Result<(), Failure> {
        let name = project.name;
        let is_own = |requirement: &Requirement| requirement.name == name;
        let implied = self.requirements.is_empty();
        if !implied && !self.requirements.iter().any(is_own) {
            return Ok(());
        }
        let dist = here.join("dist");
        if has_wheel(&dist, &name)? {
            let mut place = Place::plain(Address::Directory(dist), aws);
            place.projects = Some(BTreeSet::from([name.clone()]));
            self.places.0.insert(0, place);
            if implied {
                self.requirements.push(question_of(&name)?);
            }
        } else {
            if project.dynamic {
                let reason = "its dependencies are dynamic: only a wheel of it in dist/ tells them";
                let file = here.join("pyproject.toml");
                return Err(Failure::Project { file, reason: reason.to_owned() });
            }
            let own = self.requirements.iter().filter(|requirement| is_own(requirement));
            let extras: BTreeSet<ExtraName> = own.flat_map(|own| own.extras.clone()).collect();
            self.requirements.retain(|requirement| !is_own(requirement));
            let optional = extras.iter().filter_map(|extra| project.optional.get(extra)).flatten();
            self.requirements.extend(optional.cloned());
            self.note = Some(format!("{name} itself is not locked: there is no wheel of it in dist/"));
        }
        if implied || self.note.is_some() {
            self.requirements.extend(project.dependencies);
        }
        self.own = Some(name);
        Ok(())
    }
}

fn nothing_to_lock() -> Usage {
    let reason = "lock needs requirements, or a launcher.toml or a pyproject.toml here";
    question::invalid(COMMAND.name, reason)
}

fn question_of(name: &ProjectName) -> Result<Requirement, Usage> {
    name.as_str().parse().map_err(Usage::Requirement)
}

fn has_wheel(dist: &Path, name: &ProjectName) -> Result<bool, Error> {
    let files = fs::if_there(fs::list(dist))?.unwrap_or_default();
    let names = files.iter().filter_map(|path| path.file_name()?.to_str());
    let read = names.filter_map(|file| DistributionName::parse_for(file, name).ok());
    Ok(read.into_iter().any(|file| matches!(file.format, Format::Wheel { .. })))
}

type Configured = (Vec<Requirement>, Places, Settings, bool);

/// What `launcher.toml` or `[tool.everfresh]` says, where there is one.
fn config(host: &Host, here: &Path, aws: &Aws) -> Result<Option<Configured>, Failure> {
    let Some(settings) = LauncherSettings::written_down(here)? else { return Ok(None) };
    let requirements = settings.requirements()?;
    let config = &settings.config;
    let places = Places::of(config, &settings.file, &host.env, aws)?;
    Ok(Some((requirements, places, Settings::of(&config.network), config.update.prereleases)))
}

/// What `[project]` of a `pyproject.toml` says (PEP 621).
struct Project {
    name: ProjectName,
    dependencies: Vec<Requirement>,
    optional: BTreeMap<ExtraName, Vec<Requirement>>,
    /// Whether only a build tells the dependencies.
    dynamic: bool,
}

impl Project {
    fn of(here: &Path) -> Result<Option<Self>, Failure> {
        let file = here.join("pyproject.toml");
        let Some(bytes) = fs::read_if_there(&file, fs::SMALL_FILE)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned());
        text.and_then(|text| Self::parse(&text)).map_err(|reason| Failure::Project { file, reason })
    }

    fn parse(text: &str) -> Result<Option<Self>, String> {
        let document = DeTable::parse(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("line {}: not valid TOML: {}", before.matches('\n').count() + 1, error.message())
        })?;
        let Some(project) = table(document.get_ref(), "project") else { return Ok(None) };
        let Some(DeValue::String(name)) = project.get("name").map(toml::Spanned::get_ref) else {
            return Err("[project] name is missing".to_owned());
        };
        let optional = table(project, "optional-dependencies").into_iter().flatten();
        let optional = optional.map(|(extra, list)| {
            let extra = extra.get_ref().parse::<ExtraName>().map_err(|reason| reason.to_string())?;
            Ok((extra, requirements(list.get_ref())?))
        });
        let dynamic = project.get("dynamic").map(toml::Spanned::get_ref);
        let dynamic = matches!(dynamic, Some(DeValue::Array(keys)) if keys.iter().any(|key| {
            matches!(key.get_ref(), DeValue::String(key) if key == "dependencies")
        }));
        Ok(Some(Self {
            name: name.parse::<ProjectName>().map_err(|reason| reason.to_string())?,
            dependencies: match project.get("dependencies") {
                Some(list) => requirements(list.get_ref())?,
                None => Vec::new(),
            },
            optional: optional.collect::<Result<_, String>>()?,
            dynamic,
        }))
    }
}

fn table<'t>(parent: &'t DeTable<'_>, key: &str) -> Option<&'t DeTable<'t>> {
    match parent.get(key)?.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn requirements(list: &DeValue<'_>) -> Result<Vec<Requirement>, String> {
    let DeValue::Array(items) = list else { return Err("dependencies must be a list".to_owned()) };
    let read = items.iter().map(|item| match item.get_ref() {
        DeValue::String(text) => text.parse::<Requirement>().map_err(|reason| reason.to_string()),
        _ => Err("dependencies must be a list of texts".to_owned()),
    });
    read.collect()
}
