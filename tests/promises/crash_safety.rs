//! Whatever instant ends an update, by death, power cut or a disk that refuses, the app starts afterwards, the old one
//! or the new one and never a mixture; and the next update leaves nothing lying about.
//!
//! Each scenario runs once under a supervisor that counts the system calls that change the disk; then again for each of
//! them, from the same prepared cache, with that call killed or refused. `scripts/kill-test` takes all of them,
//! otherwise a sample is taken.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;

use crate::support::outcome::Outcome;
use crate::support::power::Loss;
use crate::support::start::Start;
use crate::support::tracer::{Fault, Traced};
use crate::support::{App, Index, Wheel, python};

/// Points of a scenario that are tried where not all are.
const SAMPLE: usize = 2;

/// `myapp` in several modules and a data file, and a dependency, each with the version in it.
fn app(version: u32) -> [Wheel; 2] {
    let marker = format!("V = {version}\n{}", "# filling\n".repeat(40 * version as usize));
    let main = "import os, part\nfrom . import one, two\nHERE = os.path.dirname(__file__)\n\
                def main():\n    text = open(HERE + '/data.txt').read()\n    \
                print(V, one.V, two.V, part.V, text.strip())\n";
    let version = format!("{version}.0");
    let myapp = Wheel::new("myapp", &version)
        .file("myapp/__init__.py", format!("V = {}\n{main}", &version[..1]))
        .file("myapp/one.py", &marker)
        .file("myapp/two.py", &marker)
        .file("myapp/data.txt", &version[..1])
        .requires(&format!("part=={version}"));
    [myapp, Wheel::new("part", &version).file("part.py", &marker)]
}

/// What a version prints, whole.
fn output(version: u32) -> String {
    format!("{version} {version} {version} {version} {version}\n")
}

/// An app, its index, and a copy of the cache to come back to.
struct World {
    index: Index,
    app: App,
}

impl World {
    fn new() -> Self {
        let index = Index::with(app(1));
        let app = App::of(&index).update("keep", 1).update("timeout", "60s");
        Self { index, app }
    }

    /// These versions, one update after the other, and long ago.
    fn through(versions: &[u32]) -> Self {
        let world = Self::new();
        for version in versions {
            world.offer(*version);
            world.app.run(&["self", "update"]).status(0);
            world.app.run::<&str>(&[]).status(0);
            world.app.settle();
        }
        let cache = world.app.cache();
        let aged = "find everfresh -mindepth 1 -maxdepth 2 -exec touch -d '1 day ago' {} +";
        assert!(Command::new("sh").args(["-c", aged]).current_dir(cache).status().unwrap().success());
        world
    }

    fn offer(&self, version: u32) {
        if version > 1 {
            for wheel in app(version) {
                self.index.add(wheel);
            }
        }
    }

    fn kept(&self) -> PathBuf {
        self.app.root().join("kept")
    }

    /// Keeps the cache as it is to come back to it.
    fn keep(&self) {
        copy(&self.app.cache(), &self.kept());
    }

    fn restore(&self) {
        self.app.settle();
        std::fs::remove_dir_all(self.app.cache()).unwrap();
        copy(&self.kept(), &self.app.cache());
    }
}

/// Times and hard links stay as they are.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Something that is done to the cache, and what may run when it was cut short.
struct Scenario {
    name: &'static str,
    world: World,
    arguments: Vec<&'static str>,
    without_network: bool,
    /// What a start may print afterwards, before the network is back.
    allowed: Vec<String>,
    /// Whether it may also be that nothing can be started without the network.
    may_be_nothing: bool,
    /// What has to run after the next update.
    finally: Vec<String>,
    /// Whether the first version has to be whole when it is the only one that is offered any more: what was being
    /// removed must not be taken for what is there.
    comes_back_to_the_first: bool,
}

impl Scenario {
    fn update() -> Self {
        let world = World::through(&[1, 2]);
        world.keep();
        world.offer(3);
        Self {
            name: "update",
            world,
            arguments: vec![],
            without_network: false,
            allowed: vec![output(2), output(3)],
            may_be_nothing: false,
            finally: vec![output(3)],
            comes_back_to_the_first: false,
        }
    }

    fn first_install() -> Self {
        let world = World::new();
        world.keep();
        Self {
            name: "first install",
            world,
            arguments: vec![],
            without_network: false,
            allowed: vec![output(1)],
            may_be_nothing: true,
            finally: vec![output(1)],
            comes_back_to_the_first: false,
        }
    }

    fn rollback() -> Self {
        let world = World::through(&[1, 2]);
        world.keep();
        Self {
            name: "rollback",
            world,
            arguments: vec!["self", "rollback"],
            without_network: false,
            allowed: vec![output(1), output(2)],
            may_be_nothing: false,
            finally: vec![output(1), output(2)],
            comes_back_to_the_first: false,
        }
    }

    fn cleaning() -> Self {
        let mut world = World::through(&[1, 2, 3]);
        world.app = world.app.update("keep", 0);
        world.keep();
        Self {
            name: "cleaning",
            world,
            arguments: vec!["self", "clean"],
            without_network: false,
            allowed: vec![output(3)],
            may_be_nothing: false,
            finally: vec![output(3)],
            comes_back_to_the_first: true,
        }
    }

    /// The interpreter is another version than it was, as after its package was upgraded.
    fn upgraded_interpreter() -> Self {
        let world = World::new();
        let interpreter = world.app.root().join("bin/python3");
        python::pretend(&interpreter, "3.11.7");
        world.app.run::<&str>(&[]).prints(&output(1));
        world.app.settle();
        world.keep();
        python::pretend(&interpreter, "3.12.1");
        Self {
            name: "upgraded interpreter",
            world,
            arguments: vec![],
            without_network: true,
            allowed: vec![output(1)],
            may_be_nothing: false,
            finally: vec![output(1)],
            comes_back_to_the_first: false,
        }
    }

    /// The active generation cannot be imported any more, which the next start finds out.
    fn going_back() -> Self {
        let fragile = "import os\nif os.path.exists(os.environ['HOME'] + '/broken'): import nothing_there\n\
                       def main():\n    pass\n";
        let world = World::through(&[1]);
        world.index.add(Wheel::new("myapp", "2.0").file("myapp/__init__.py", fragile));
        world.app.run::<&str>(&[]).prints("");
        world.app.settle();
        std::fs::write(world.app.root().join("home/broken"), "").unwrap();
        world.keep();
        Self {
            name: "going back",
            world,
            arguments: vec![],
            without_network: false,
            allowed: vec![output(1)],
            may_be_nothing: false,
            finally: vec![output(1)],
            comes_back_to_the_first: false,
        }
    }

    fn trace(&self, fault: Option<(usize, Fault)>) -> Traced {
        let start = self.world.app.start(&self.arguments);
        let start = if self.without_network { start.without_network() } else { start };
        start.trace(&self.world.app.cache(), fault)
    }

    /// All that change the disk, counted in a run that nothing disturbs.
    fn count(&self) -> usize {
        self.world.restore();
        let undisturbed = self.trace(None);
        assert_eq!(undisturbed.status, Some(0), "{}: {}", self.name, undisturbed.stderr);
        undisturbed.changes.len()
    }

    /// Tries the points of a fault and tells how many there were.
    fn try_each(
        &self,
        what: &str,
        faults: &[Fault],
        boot: Option<&Path>,
        check: impl Fn(&Point, &Traced) -> Result<(), String>,
    ) {
        let count = self.count();
        let asked = std::env::var("EVERFRESH_KILL_TEST").ok();
        let step = asked.map_or(count.div_ceil(SAMPLE), |step| step.parse().unwrap());
        let mut broken = vec![];
        let mut tried = 0;
        for (at, number) in (1..=count).step_by(step).enumerate() {
            self.world.restore();
            let fault = faults[at % faults.len()];
            let traced = self.trace(Some((number, fault)));
            let point = Point { scenario: self, boot };
            tried += 1;
            if let Err(reason) = check(&point, &traced).and_then(|()| point.recovers()) {
                let change = traced.changes.get(number - 1);
                broken.push(format!("{fault:?} at {number} {change:?}: {reason}"));
            }
        }
        println!("| {} | {what} | {count} calls | {tried} points | {} broken |", self.name, broken.len());
        assert!(broken.is_empty(), "{}, {what}:\n{}", self.name, broken.join("\n"));
    }
}

/// One call at which something happened.
struct Point<'a> {
    scenario: &'a Scenario,
    /// The boot of the machine from then on, where it is another one.
    boot: Option<&'a Path>,
}

impl Point<'_> {
    fn run(&self, arguments: &[&str], change: impl Fn(Start) -> Start) -> Outcome {
        let start = change(self.scenario.world.app.start(arguments));
        self.boot.into_iter().fold(start, |start, boot| start.in_boot(boot)).run()
    }

    /// Without the network, what was there before starts, or what was to come.
    fn starts(&self) -> Result<(), String> {
        let outcome = self.run(&[], Start::without_network);
        let printed = String::from_utf8_lossy(outcome.bytes()).into_owned();
        let said = outcome.err();
        let nothing = self.scenario.may_be_nothing && printed.is_empty() && said.contains("myapp: error: ");
        if nothing || self.scenario.allowed.contains(&printed) && sane(said) {
            return Ok(());
        }
        Err(format!("then a start prints {printed:?} and says {said:?}"))
    }

    /// With the network back, one update makes everything as it should be, and cleaning leaves what is needed.
    fn recovers(&self) -> Result<(), String> {
        let app = &self.scenario.world.app;
        app.settle();
        if self.scenario.comes_back_to_the_first {
            self.comes_back_to_the_first()?;
        }
        let update = self.run(&["self", "update"], |start| start);
        if !sane(update.err()) {
            return Err(format!("then an update says {:?}", update.err()));
        }
        let start = self.run(&[], |start| start);
        let printed = String::from_utf8_lossy(start.bytes()).into_owned();
        if !self.scenario.finally.contains(&printed) || !start.err().is_empty() {
            return Err(format!(
                "after an update ({:?}) a start prints {printed:?} and says {:?}",
                String::from_utf8_lossy(update.bytes()),
                start.err()
            ));
        }
        app.settle();
        self.run(&["self", "clean"], |start| start).status(0);
        let leftovers = leftovers(app);
        if leftovers.is_empty() { Ok(()) } else { Err(format!("cleaning leaves {leftovers:?}")) }
    }
}

impl Point<'_> {
    fn comes_back_to_the_first(&self) -> Result<(), String> {
        let World { index, app } = &self.scenario.world;
        for project in ["myapp", "part"] {
            for version in [2, 3] {
                index.remove(&format!("{project}-{version}.0-py3-none-any.whl"));
            }
        }
        let update = self.run(&["self", "update"], |start| start);
        let start = self.run(&[], |start| start);
        app.settle();
        self.scenario.world.offer(2);
        self.scenario.world.offer(3);
        let (updated, printed) =
            [&update, &start].map(|outcome| String::from_utf8_lossy(outcome.bytes()).into_owned()).into();
        if printed == output(1) && start.err().is_empty() {
            return Ok(());
        }
        let said = [&update, &start].map(|outcome| outcome.err().to_owned());
        Err(format!("back at the first version, after {updated:?} a start prints {printed:?}: {said:?}"))
    }
}

/// Errors may be told, but neither by a panic nor by Python.
fn sane(stderr: &str) -> bool {
    !stderr.contains("panicked") && !stderr.contains("Traceback")
}

/// What lies in the cache and belongs to no generation.
fn leftovers(app: &App) -> Vec<PathBuf> {
    let root = app.cache().join("everfresh");
    let state: serde_json::Value = serde_json::from_slice(&std::fs::read(app.state()).unwrap()).unwrap();
    let mut needed = BTreeSet::new();
    for generation in state["generations"].as_array().unwrap() {
        needed.insert(generation["environment"].as_str().unwrap().to_owned());
        let pins = generation["pins"].as_array().unwrap().iter();
        needed.extend(pins.map(|pin| pin["sha256"].as_str().unwrap().to_owned()));
    }
    let mut found = vec![];
    for place in ["", "envs", "store", "pages", "pythons"] {
        let entries = std::fs::read_dir(root.join(place)).unwrap().map(|entry| entry.unwrap().path());
        let is_leftover = |path: &PathBuf| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap();
            name.starts_with('.') || (matches!(place, "envs" | "store") && !needed.contains(name))
        };
        found.extend(entries.filter(is_leftover));
    }
    let own = std::fs::read_dir(app.state().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    found.extend(own.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with('.')));
    found
}

fn survives_death(scenario: &Scenario) {
    let faults = [Fault::KillAll, Fault::Tear];
    scenario.try_each("everything is killed", &faults, None, |point, _| point.starts());
    scenario.try_each("one process is killed", &[Fault::KillOne], None, |point, traced| {
        let served = traced.start_was_hit
            || (traced.status == Some(0) && point.scenario.may_print(&traced.stdout))
            || (scenario.may_be_nothing && traced.says_why());
        if !served || !sane(&traced.stderr) {
            let Traced { status, stdout, stderr, .. } = traced;
            return Err(format!("the start itself ends with {status:?}, {stdout:?}, {stderr:?}"));
        }
        scenario.world.app.settle();
        point.starts()
    });
}

fn survives_a_power_cut(scenario: &Scenario) {
    let boot = scenario.world.app.root().join("boot");
    std::fs::write(&boot, "00000000-0000-0000-0000-000000000000\n").unwrap();
    scenario.try_each("the power is cut", &[Fault::KillAll], Some(&boot), |point, traced| {
        // Six ways to lose what was not on the disk, one after the other from point to point.
        let way = traced.changes.len();
        let loss = [Loss::Nothing, Loss::Everything, Loss::EveryOther][way / 2 % 3];
        traced.pending.cut_power(&scenario.world.app.cache(), loss, way.is_multiple_of(2));
        point.starts()
    });
}

fn survives_refusals(scenario: &Scenario) {
    let errors = [Errno::ENOSPC, Errno::EROFS, Errno::EACCES, Errno::EIO, Errno::EMFILE];
    let faults = errors.map(|error| [Fault::Fail(error), Fault::FailFromHere(error)]);
    scenario.try_each("the disk refuses", faults.as_flattened(), None, |point, traced| {
        let Traced { status, stdout, stderr, .. } = traced;
        let served = *status == Some(0) && scenario.may_print(stdout);
        // A command may fail and say why; so may a start that has nothing to start.
        if !(served || (traced.says_why() && (scenario.may_be_nothing || !scenario.arguments.is_empty())))
            || !sane(stderr)
        {
            return Err(format!("the start itself ends with {status:?}, {stdout:?}, {stderr:?}"));
        }
        scenario.world.app.settle();
        point.starts()
    });
}

impl Scenario {
    fn may_print(&self, stdout: &str) -> bool {
        !self.arguments.is_empty() || self.allowed.iter().any(|allowed| allowed == stdout)
    }
}

macro_rules! promises {
    ($($scenario:ident),*) => {$(
        mod $scenario {
            use super::Scenario;

            #[test]
            fn may_lose_power_at_any_instant() {
                super::survives_a_power_cut(&Scenario::$scenario());
            }

            #[test]
            fn may_be_refused_anything_by_the_disk() {
                super::survives_refusals(&Scenario::$scenario());
            }
        }
    )*};
}

macro_rules! killed {
    ($($name:ident: $scenario:ident),*) => {$(
        #[test]
        fn $name() {
            survives_death(&Scenario::$scenario());
        }
    )*};
}

promises!(update, first_install, rollback, going_back, cleaning, upgraded_interpreter);
killed!(
    a_first_install_may_be_killed_at_any_instant: first_install,
    a_rollback_may_be_killed_at_any_instant: rollback,
    a_way_back_may_be_killed_at_any_instant: going_back,
    cleaning_may_be_killed_at_any_instant: cleaning,
    a_new_interpreters_environment_may_be_killed_at_any_instant: upgraded_interpreter
);

pub(super) fn an_update_may_be_killed_at_any_instant() {
    survives_death(&Scenario::update());
}
