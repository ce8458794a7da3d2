//! A build that hangs. All else is shown from outside, by tests/promises/building.rs.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::net::Settings;
use crate::package::name::ProjectName;
use crate::python::find;
use crate::trust::hashes::Hashes;
use crate::update::plan;

struct Deaf;

impl Listener for Deaf {
    fn hear(&self, _: Event) {}
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn host(root: &Path) -> Host {
    let mut env: crate::host::Env =
        [("HOME", root.join("home")), ("EVERFRESH_CACHE", root.join("cache"))].into_iter().collect();
    if let Some(path) = std::env::var_os("PATH") {
        env.set("PATH", path);
    }
    let process = Host::from_process().unwrap();
    Host { env, exe: root.join("app"), ..process }
}

/// An sdist whose backend starts a process, notes both, and never ends.
fn hanging(root: &Path) -> PathBuf {
    let backend = format!(
        "import os, subprocess, time\nfirst = subprocess.Popen(['sleep', '600'])\n\
         open({:?}, 'w').write('%d %d' % (os.getpid(), first.pid))\ntime.sleep(600)\n",
        root.join("started")
    );
    let path = root.join("myapp-1.0.tar.gz");
    let mut archive = ::tar::Builder::new(flate2::write::GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    ));
    let project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
    for (name, text) in [("pyproject.toml", project), ("backend.py", backend.as_str())] {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("myapp-1.0/{name}"), text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    path
}

#[test]
fn a_build_that_hangs_is_ended_at_the_deadline_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    write(&root.join("launcher.toml"), "[app]\nname = \"a\"\nrequirements = [\"myapp\"]\nentry = \"a:b\"\n");
    let host = host(&root);
    let app = App::open(&host).unwrap();
    let interpreter = find::find(&app.config.python, &host, None).unwrap();
    let (places, net) = (Places(Vec::new()), Net::new(&Settings::default(), &host.env, plan::USER_AGENT));
    let pages = DiskPages::new(&app.store, true);
    let request = plan::request(&app, &host, &interpreter).unwrap();
    let deadline = Deadline::after(Duration::from_secs(20));
    let site = Site {
        app: &app,
        host: &host,
        interpreter: &interpreter,
        places: &places,
        net: &net,
        pages: &pages,
        deadline,
        listener: &Deaf,
    };
    let builder = Builder::new(&site, &request);
    let project: ProjectName = "myapp".parse().unwrap();
    let path = hanging(&root);
    let file = File {
        filename: "myapp-1.0.tar.gz".to_owned(),
        name: DistributionName::parse_for("myapp-1.0.tar.gz", &project).unwrap(),
        location: Location::Path(path),
        hashes: Hashes::default(),
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
    };
    builder.allow(std::slice::from_ref(&file));
    let error = builder.build(&file).unwrap_err().to_string();
    assert!(error.starts_with("cannot build myapp-1.0.tar.gz: not done after "), "{error}");
    let started = std::fs::read_to_string(root.join("started")).unwrap();
    let begun = Instant::now();
    for id in started.split(' ') {
        // A zombie that nobody reaped yet has an empty command line.
        let lives = || std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty());
        while lives() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{id} still runs");
            std::thread::yield_now();
        }
    }
    assert_eq!(std::fs::read_dir(app.store.root().join("store")).unwrap().count(), 0);
}
