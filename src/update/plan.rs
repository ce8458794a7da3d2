//! From a configuration to a plan: ask the sources, resolve, have the files. A file that turns out bad is dropped
//! and the sources are asked again without it, so that the next best version is used (transmute's rule).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::app::App;
use crate::aws::Aws;
use crate::error::Error;
use crate::host::Host;
use crate::log;
use crate::net::{Net, Settings};
use crate::package::requirement::Requirement;
use crate::python::find::Interpreter;
use crate::source::vcs;
use crate::state::Failure;
use crate::time::{Deadline, Timestamp};
use crate::update::baked::{self, Baked};
use crate::update::build::{Builder, Site};
use crate::update::catalogue::{Catalogue, Places};
use crate::update::depot::Depot;
use crate::update::environment::Plan;
use crate::update::events::{Event, Listener};
use crate::update::fetch::{Fetcher, Lost, Remedy};
use crate::update::pages::DiskPages;
use crate::update::resolve::{self, Pin, Request, Unsolved};
use crate::update::{activate, chance};

/// How we call ourselves to servers.
pub const USER_AGENT: &str = concat!("everfresh/", env!("CARGO_PKG_VERSION"));

/// Candidates that may turn out bad in one update.
const PATIENCE: usize = 20;

/// How long it is remembered that a file was bad, in seconds: nobody may offer it any more.
const MEMORY: u64 = 90 * 86_400;

/// What earlier checks learned of files that are bad.
#[derive(Debug)]
pub struct BadFiles<'a> {
    /// By identity, with the moment from which on each is tried again.
    pub known: &'a mut BTreeMap<String, Failure>,
    /// Whether they are tried again at once: somebody asks for it.
    pub retry: bool,
}

/// What is asked.
#[derive(Debug)]
pub enum Aim<'a> {
    /// The configured sources.
    Sources {
        /// The version of the app that the user wants to stay at.
        pinned: Option<String>,
    },
    /// What came with the launcher, and nothing else.
    Baked(&'a Baked),
}

impl BadFiles<'_> {
    /// Those whose time has not come.
    fn passed_over(&self, now: Timestamp) -> BTreeSet<String> {
        let waiting =
            self.known.iter().filter(|(_, bad)| !self.retry && bad.at <= now.0 && now.0 < bad.retry_at);
        waiting.map(|(identity, _)| identity.clone()).collect()
    }

    fn note(&mut self, app: &App, now: Timestamp, lost: &Lost) {
        let details = [("file", json!(lost.filename)), ("reason", json!(lost.error.to_string()))];
        log::event(&app.files.log(), now, "dropped", &details);
        let Some(identity) = &lost.identity else { return };
        let before = self.known.get(identity);
        let bad = Failure::after(before, now, app.config.update.interval, chance(), lost.error.to_string());
        self.known.insert(identity.clone(), bad);
        self.known.retain(|_, bad| now.0.saturating_sub(bad.at) < MEMORY);
    }
}

/// Makes the plan.
///
/// # Errors
/// When the sources cannot be asked, the requirements cannot be met, or a file cannot be had.
pub fn plan(
    app: &App,
    host: &Host,
    interpreter: &Interpreter,
    mut bad_files: BadFiles<'_>,
    aim: &Aim<'_>,
    deadline: Deadline,
    listener: &dyn Listener,
) -> Result<Plan, Error> {
    let net = Net::new(&Settings::of(&app.config.network), &host.env, USER_AGENT);
    let pages = DiskPages::new(&app.store, app.writable);
    let aws = Aws::new(host, Some(app.files.credentials()));
    let mut request = request(app, host, interpreter)?;
    let places = match aim {
        Aim::Sources { pinned } => {
            request.requirements.extend(pin(app, pinned.as_deref()));
            Places::of(&app.config, &app.config_path, &host.env, &aws)?
        }
        Aim::Baked(baked) => {
            baked::without_addresses(&mut request.requirements);
            baked.places(&aws)?
        }
    };
    request.dropped = bad_files.passed_over(host.now());
    let mut passes_over = !request.dropped.is_empty();
    let site = Site { app, host, interpreter, places: &places, net: &net, pages: &pages, deadline, listener };
    let builder = Builder::new(&site, &request);
    let depot = Depot { store: &app.store, net: &net, pages: &pages, deadline };
    let fetcher = Fetcher { depot, builder: &builder, listener };
    // What is built is built once, so asking again for that reason has an end too.
    let mut patience = PATIENCE;
    let mut left_out = None;
    while patience > 0 {
        listener.hear(Event::Step { name: "looking for packages".to_owned() });
        let catalogue = Catalogue::new(&places, depot).building(&builder);
        let wanted = catalogue.with_releases(&request)?;
        catalogue.warm(&wanted);
        let resolved = resolve::resolve(&wanted, &catalogue);
        for note in net.notes() {
            log::event(&app.files.log(), host.now(), "warning", &[("message", json!(note))]);
        }
        let lost = catalogue.lost();
        for lost in &lost {
            bad_files.note(app, host.now(), lost);
            left_out = Some(lost.error.to_string());
        }
        let pins = match resolved {
            Ok(pins) => pins,
            // Nothing else will do: then a bad file gets another chance, and is named if it is bad still.
            Err(Unsolved::Conflict(_)) if passes_over => {
                passes_over = false;
                request.dropped.clear();
                continue;
            }
            Err(Unsolved::Conflict(reason)) if let Some(lost) = told_in(&reason, lost) => {
                return Err(*lost.error);
            }
            Err(unsolved @ Unsolved::Conflict(_)) => {
                return Err(builder.trouble().unwrap_or_else(|| catalogue.explain(unsolved)));
            }
            Err(unsolved) => {
                // A build's own words have a hint of their own.
                let told = unsolved.to_string();
                let of_build = builder.trouble().filter(|trouble| told.contains(&trouble.to_string()));
                return Err(of_build.unwrap_or_else(|| catalogue.explain(unsolved)));
            }
        };
        log::debug(|| format!("resolved {}", show(&pins)));
        listener.hear(Event::Step { name: "fetching packages".to_owned() });
        match fetcher.all(&pins) {
            Ok(files) => {
                log::debug(|| "fetched".to_owned());
                return Ok(Plan { files, offline: catalogue.offline(), left_out });
            }
            Err(lost) if lost.remedy == Remedy::AskAgain => {}
            Err(lost) if lost.remedy == Remedy::NextBest => {
                patience -= 1;
                bad_files.note(app, host.now(), &lost);
                left_out = Some(lost.error.to_string());
                if !request.dropped.insert(lost.filename) {
                    return Err(*lost.error);
                }
                // When nothing else will do, this is the reason that counts, not that there is no candidate.
                let catalogue = Catalogue::new(&places, depot).building(&builder);
                let wanted = catalogue.with_releases(&request)?;
                if resolve::resolve(&wanted, &catalogue).is_err() {
                    return Err(*lost.error);
                }
            }
            Err(lost) => return Err(*lost.error),
        }
    }
    Err(Error::TooManyBadFiles { count: PATIENCE })
}

/// The bad file that an explanation comes down to: when nothing else will do, that is the reason that counts.
fn told_in(explanation: &str, lost: Vec<Lost>) -> Option<Lost> {
    lost.into_iter().find(|lost| explanation.contains(&lost.error.to_string()))
}

pub(super) fn request(app: &App, host: &Host, interpreter: &Interpreter) -> Result<Request, Error> {
    let update = &app.config.update;
    let now = host.now();
    let cooldown =
        (!update.cooldown.is_zero()).then(|| Timestamp(now.0.saturating_sub(update.cooldown.as_secs())));
    Ok(Request {
        requirements: requirements(app)?,
        python_version: interpreter.version()?,
        environment: interpreter.facts.markers.clone(),
        tags: interpreter.tags(),
        prereleases: update.prereleases,
        uploaded_before: cooldown,
        dropped: BTreeSet::new(),
        no_build: BTreeSet::new(),
        no_binary: BTreeSet::new(),
        preferences: BTreeMap::new(),
    })
}

/// What the user's pin asks for.
fn pin(app: &App, version: Option<&str>) -> Option<Requirement> {
    format!("{}=={}", activate::main_project(&app.config)?, version?).parse().ok()
}

/// The configured requirements, read.
///
/// # Errors
/// The first that is none, with its line.
pub fn requirements(app: &App) -> Result<Vec<Requirement>, Error> {
    let read = app.config.app.requirements.iter().map(|located| {
        Requirement::parse_lenient(&vcs::without_dev(&located.value)).map_err(|error| Error::Requirement {
            file: Some(app.config_path.clone()),
            line: located.line,
            reason: error.to_string(),
        })
    });
    read.collect()
}

fn show(pins: &[Pin]) -> String {
    let shown: Vec<String> = pins.iter().map(|pin| format!("{}=={}", pin.name, pin.version)).collect();
    shown.join(" ")
}
