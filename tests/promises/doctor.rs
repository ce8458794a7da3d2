//! `self doctor` finds what keeps an app from starting or updating, names a remedy, and stops at nothing.

use std::fmt::Write as _;
use std::time::Duration;

use super::corporate_networks::tinyproxy;
use crate::support::outcome::Outcome;
use crate::support::{App, Authority, Index, RefusedPort, Response, Site, Storage, Wheel};

/// `myapp` 1.0, installed and fresh for a day.
fn installed() -> (Index, App) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    (index, app)
}

/// The last line where a change of the configuration makes a check due.
const CHANGED: (&str, &str) =
    ("updates", "ok       updates        launcher.toml has changed: the next start looks");

fn doctor(app: &App) -> Outcome {
    app.run(&["self", "doctor"])
}

/// The report of a healthy app, with some of its findings replaced or, where they are empty, left out.
fn report(other: &[(&str, &str)]) -> String {
    let healthy = [
        ("configuration", "ok       configuration  [DIR]/app/launcher.toml"),
        ("interpreter", "ok       interpreter    Python 3.… at …, starts in … ms"),
        ("cache", "ok       cache          [DIR]/cache/everfresh, … free on …"),
        ("environment", "ok       environment    generation 1 (1.0), 1 package, whole"),
        (
            "source",
            "ok       source         http://127.0.0.1:[PORT]/simple/ answers in … ms: myapp 1.0 is the newest of 1 file",
        ),
        ("proxy", "ok       proxy          127.0.0.1 directly"),
        ("tls", "ok       tls            no source is asked over https"),
        ("clock", "ok       clock          it shows …Z; no source told the time"),
        ("updates", "ok       updates        fresh until …Z"),
    ];
    let found = healthy.map(|(name, healthy)| {
        let other = other.iter().find(|(other, _)| *other == name).map_or(healthy, |(_, text)| *text);
        if other.is_empty() { String::new() } else { other.to_owned() + "\n" }
    });
    found.concat()
}

#[test]
fn of_a_healthy_app_every_line_is_ok() {
    let (_index, app) = installed();
    doctor(&app).status(0).stderr("").stdout_fits(&report(&[]));
    // It looked, and changed nothing.
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn its_json_has_the_same_findings() {
    let (mut index, app) = installed();
    index.shut_down();
    let json = app.run(&["self", "doctor", "--json"]);
    json.status(1).stderr("");
    let text = doctor(&app);
    let mut told = String::new();
    for finding in json.json()["findings"].as_array().unwrap() {
        let word = |key: &str| finding[key].as_str().map(str::to_owned);
        let (status, name) = (word("status").unwrap(), word("name").unwrap());
        let _ = writeln!(told, "{status:<9}{name:<15}{}", word("finding").unwrap());
        told += &word("hint").map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    }
    let steady = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| {
            !["cache", "interpreter", "clock", "source"].iter().any(|name| line.contains(name))
        });
        lines.map(str::to_owned).collect()
    };
    assert_eq!(steady(&told), steady(&String::from_utf8_lossy(text.bytes())));
}

#[test]
fn a_source_that_is_away_is_an_error_and_names_a_remedy() {
    let (mut index, app) = installed();
    index.shut_down();
    let away = "error    source         cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: cannot connect: connection refused\n\
                hint: check the network, and the proxy variables where there is a proxy";
    doctor(&app).status(1).stderr("").stdout_fits(&report(&[("source", away)]));
}

#[test]
fn without_any_network_all_else_is_told() {
    let (_index, app) = installed();
    let away = "error    source         cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: cannot connect: network is unreachable\n\
                hint: check the network, and the proxy variables where there is a proxy";
    let outcome = app.start(&["self", "doctor"]).without_network().run();
    outcome.status(1).stderr("").stdout_fits(&report(&[("source", away)]));
}

#[test]
fn a_source_that_never_answers_takes_ten_seconds_and_no_more() {
    let (index, app) = installed();
    let silent = "error    source         cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: no answer within the time given\n\
                  hint: check the network, and the proxy variables where there is a proxy";
    index.server().everything(Response::silent());
    // Three of them are asked at the same time.
    let url = index.url();
    let app = app.source(url.replace("127.0.0.1", "127.0.0.2")).source(url.replace("127.0.0.1", "localhost"));
    let outcome = doctor(&app);
    outcome.status(1).stdout_has(silent).within(Duration::from_secs(25));
}

#[test]
fn a_slow_source_is_a_warning_when_a_start_would_not_wait_for_it() {
    let (index, app) = installed();
    let app = app.update("timeout", "100ms");
    let wheel = Wheel::app("1.0").distribution();
    let listing = format!("<a href=\"/files/{0}#sha256={1}\">{0}</a>", wheel.filename, wheel.sha256());
    let slow = Response::html(listing).delay(Duration::from_millis(500));
    index.server().route("/simple/myapp/", slow);
    let told = "warning  source         http://127.0.0.1:[PORT]/simple/ answers in … ms: myapp 1.0 is the newest of 1 file; \
                a start waits 0.1 s at most\n\
                hint: raise [update] timeout, or say mode = \"background\"";
    doctor(&app).status(0).stdout_fits(&report(&[("source", told)]));
}

#[test]
fn a_broken_configuration_is_the_first_line_and_the_rest_is_told_as_far_as_it_goes() {
    for (text, told) in [
        (
            "[app]\nname = \"myapp\"\nrequirments = []\n",
            "error    configuration  [DIR]/app/launcher.toml:3: unknown key 'requirments' in [app]\n\
             hint: did you mean 'requirements'?\n",
        ),
        (
            "[app\n",
            "error    configuration  [DIR]/app/launcher.toml:1: not valid TOML: …\nhint: compare with launcher.toml.example\n",
        ),
    ] {
        let (_index, app) = installed();
        let app = app.config(text);
        let rest = report(&[
            ("configuration", ""),
            ("interpreter", ""),
            ("source", ""),
            ("proxy", ""),
            ("tls", ""),
            ("clock", "ok       clock          it shows …Z; no source told the time"),
            ("updates", ""),
        ]);
        doctor(&app).status(1).stderr("").stdout_fits(&format!("{told}{rest}"));
    }
}

#[test]
fn what_is_wrong_in_a_readable_configuration_is_told_with_its_line() {
    let (_index, app) = installed();
    let app = app.requirements(["myapp >> 2"]);
    let outcome = doctor(&app);
    outcome
        .status(1)
        .stdout_has("error    configuration  [DIR]/app/launcher.toml:")
        .stdout_has("\nhint: requirements are written as");
    let app = app.requirements(["myapp"]).without_sources().source("ftp://example.org/");
    let outcome = doctor(&app);
    outcome
        .status(1)
        .stdout_has("error    configuration  [DIR]/app/launcher.toml:")
        .stdout_has("no source has such a scheme");
}

#[test]
fn without_a_python_the_message_says_what_was_looked_at() {
    let (_index, app) = installed();
    let app = app.python("requires", ">=4");
    let none = "error    interpreter    no Python >=4 found: …\nhint: install a Python >=4 or name one with [python] path in launcher.toml";
    doctor(&app).status(1).stdout_fits(&report(&[("interpreter", none), CHANGED]));
}

#[test]
fn a_cache_that_cannot_be_written_is_an_error() {
    let (_index, app) = installed();
    let script =
        "cache=$1; shift; mount --bind \"$cache\" \"$cache\"; mount -o remount,bind,ro \"$cache\"; \"$@\"";
    let outcome = app.start(&["self", "doctor"]).in_mounts_of_its_own(script, &app.cache()).run();
    let cache = "error    cache          cannot open [DIR]/cache/everfresh/apps/…/lock: Read-only file system: the app is never updated\n\
                 hint: set EVERFRESH_CACHE to a directory that can be written";
    let updates = "ok       updates        [DIR]/cache/everfresh cannot be written";
    outcome.status(1).stderr("").stdout_fits(&report(&[("cache", cache), ("updates", updates)]));
}

#[test]
fn a_cache_beside_the_wanted_one_is_a_warning() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    std::fs::write(app.cache().join("everfresh"), "").unwrap();
    let outcome = doctor(&app);
    let cache = "warning  cache          cannot create directory [DIR]/cache/everfresh/apps/…: [DIR]/tmp/everfresh-…/everfresh is used instead\n\
                 hint: set EVERFRESH_CACHE to a directory that can be written";
    outcome.status(0).stdout_fits(&report(&[
        ("cache", cache),
        ("environment", "warning  environment    nothing is installed yet\nhint: connect to the network and start the app"),
        ("updates", "ok       updates        nothing is installed yet"),
    ]));
}

#[test]
fn no_cache_at_all_leaves_the_rest_to_be_told() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).env("TMPDIR", "/dev/null/tmp");
    std::fs::write(app.cache().join("everfresh"), "").unwrap();
    let outcome = doctor(&app);
    let cache = "error    cache          cannot create directory [DIR]/cache/everfresh/apps/…: Not a directory\n\
                 hint: set EVERFRESH_CACHE to a directory that can be written";
    outcome.status(1).stderr("").stdout_fits(&report(&[
        ("cache", cache),
        ("environment", "warning  environment    nothing is installed yet\nhint: connect to the network and start the app"),
        ("updates", ""),
    ]));
}

#[test]
fn a_full_disk_is_a_warning() {
    let (_index, app) = installed();
    let script = "cache=$1; shift; cp -a \"$cache\" \"$cache.kept\"; mount -t tmpfs -o mode=700,size=4m none \"$cache\"; \
                  cp -a \"$cache.kept/.\" \"$cache/\"; \"$@\"";
    let outcome = app.start(&["self", "doctor"]).in_mounts_of_its_own(script, &app.cache()).run();
    let cache = "warning  cache          [DIR]/cache/everfresh, … kB, … free on tmpfs: the disk is nearly full\n\
                 hint: free some space on that disk";
    outcome.status(0).stdout_fits(&report(&[("cache", cache)]));
}

#[test]
fn a_damaged_environment_is_found_and_the_remedy_works() {
    let (_index, app) = installed();
    let environment = app.run(&["self", "info", "--json"]).json()["environment"].as_str().unwrap().to_owned();
    std::fs::remove_file(format!("{environment}/site/myapp/__init__.py")).unwrap();
    let damaged = "error    environment    generation 1 (1.0) lacks 1 file\n\
                   hint: remove [DIR]/cache/everfresh/envs/… and start the app: it is made again from the cache";
    doctor(&app).status(1).stdout_fits(&report(&[("environment", damaged)]));
    std::fs::remove_dir_all(&environment).unwrap();
    let gone = "warning  environment    generation 1 (1.0) is not whole\nhint: start the app: it is made again from the cache";
    doctor(&app).status(0).stdout_fits(&report(&[("environment", gone)]));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    doctor(&app).status(0).stdout_fits(&report(&[]));
}

#[test]
fn of_several_sources_one_that_has_the_app_will_do() {
    let (index, app) = installed();
    let directory = app.root().join("wheels");
    std::fs::create_dir(&directory).unwrap();
    let app = app.source(directory.as_path());
    let indexed = "ok       source         http://127.0.0.1:[PORT]/simple/ answers in … ms: myapp 1.0 is the newest of 1 file\n";
    let both =
        format!("{indexed}ok       source         [DIR]/wheels answers in … ms and does not have myapp");
    doctor(&app).status(0).stdout_fits(&report(&[("source", &both), CHANGED]));
    index.remove("myapp-1.0-py3-none-any.whl");
    let nobody = "does not have myapp, as no other source does\nhint: check the sources and the requirements in launcher.toml";
    doctor(&app).status(0).stdout_has(nobody);
}

#[test]
fn no_secret_of_a_source_or_proxy_is_shown() {
    let (index, app) = installed();
    let refused = Response::status(401).header("WWW-Authenticate", "Basic");
    index.server().everything(refused);
    let url = index.url().replace("http://", "http://anna:geheim@");
    let proxy = RefusedPort::new();
    let app = app
        .without_sources()
        .source(url)
        .env("https_proxy", format!("http://anna:geheim@127.0.0.1:{}", proxy.port()));
    let told = "error    source         cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: the server answers 401 Unauthorized\n\
                hint: check the credentials: of the source in launcher.toml, in its URL, or in ~/.netrc";
    let outcome = doctor(&app);
    outcome.status(1).stdout_fits(&report(&[("source", told), CHANGED]));
    let app = app.source("https://127.0.0.1:9/simple/");
    let outcome = doctor(&app);
    outcome.stdout_has("127.0.0.1 through http://127.0.0.1:[PORT] (https_proxy)");
    assert!(!String::from_utf8_lossy(outcome.bytes()).contains("geheim"), "{outcome:?}");
}

/// tinyproxy forwards it.
#[test]
fn a_proxy_is_named_with_its_variable_and_one_that_is_not_read_too() {
    let (_index, app) = installed();
    let place = app.root().join("proxy");
    std::fs::create_dir(&place).unwrap();
    let proxy = tinyproxy(&place, "");
    let app = app.env("HTTP_PROXY", proxy.url(""));
    let ignored = "warning  proxy          127.0.0.1 directly; HTTP_PROXY is not read, because web servers set it for their visitors\n\
                   hint: set http_proxy instead";
    doctor(&app).status(0).stdout_fits(&report(&[("proxy", ignored)]));
    let app = app.env("http_proxy", proxy.url("/").trim_end_matches('/'));
    let through = "ok       proxy          127.0.0.1 through http://127.0.0.1:[PORT] (http_proxy)";
    let outcome = doctor(&app);
    outcome.status(0).stdout_has(through);
    let app = app.env("no_proxy", "127.0.0.0/8");
    doctor(&app).status(0).stdout_fits(&report(&[]));
}

#[test]
fn a_clock_far_from_a_servers_is_a_warning() {
    let (index, app) = installed();
    index.server().route("/simple/", Response::ok("").header("Date", "Thu, 01 Jan 2015 00:00:00 GMT"));
    let ahead = "warning  clock          it is … d ahead of that of 127.0.0.1\n\
                 hint: set the clock: certificates and the freshness of checks depend on it";
    doctor(&app).status(0).stdout_fits(&report(&[("clock", ahead)]));
}

/// nginx tells the time, and shows a certificate of a root that nobody knows.
#[test]
fn an_unknown_root_is_an_error_until_it_is_named() {
    let (_index, app) = installed();
    let site = Site::new(&app.root().join("site"), "myapp", [Wheel::app("1.0")]);
    let authority = Authority::new(&app.root().join("authority"));
    let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
    let url = server.url("/simple/").replace("http:", "https:");
    let (empty, root) = (app.root().join("empty.pem"), authority.root());
    std::fs::write(&empty, "").unwrap();
    let app = app.without_sources().source(url).env("SSL_CERT_FILE", &empty);
    let clock = ("clock", "ok       clock          it agrees with that of 127.0.0.1");
    let unknown = "error    tls            no secure connection to https://127.0.0.1:[PORT]/simple/: …; \
                   the bundled roots and 0 of SSL_CERT_FILE are trusted\n\
                   hint: name the root certificate of your network with [network] ca or SSL_CERT_FILE";
    let away = "error    source         cannot fetch https://127.0.0.1:[PORT]/simple/myapp/: no secure connection: …\n\
                hint: name the root certificate of your network with [network] ca or SSL_CERT_FILE";
    doctor(&app).status(1).stdout_fits(&report(&[("source", away), ("tls", unknown), CHANGED]));
    let source = (
        "source",
        "ok       source         https://127.0.0.1:[PORT]/simple/ answers in … ms: myapp 1.0 is the newest of 1 file",
    );
    let trusted = ("tls", "ok       tls            the bundled roots and 1 of SSL_CERT_FILE are trusted");
    let named = app.env("SSL_CERT_FILE", &root);
    doctor(&named).status(0).stdout_fits(&report(&[source, trusted, clock, CHANGED]));
    let app = named.env("SSL_CERT_FILE", &empty).network("ca", root.to_str().unwrap());
    let both = (
        "tls",
        "ok       tls            the bundled roots and 1 of SSL_CERT_FILE and [network] ca are trusted",
    );
    doctor(&app).status(0).stdout_fits(&report(&[source, both, clock, CHANGED]));
    let missing = app.network("ca", "nowhere.pem");
    doctor(&missing).status(1).stdout_has("error    tls            ").stdout_has("nowhere.pem");
}

/// rclone checks the signature of the listing, and tells the time.
#[test]
fn a_folder_in_s3_is_asked_with_its_keys() {
    let storage = Storage::rclone();
    storage.add("packages", Wheel::app("1.0"));
    let app = storage.app("packages").update("interval", "1d");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let clock = ("clock", "ok       clock          it agrees with that of 127.0.0.1");
    let folder = "s3://…/packages/";
    let answers =
        format!("ok       source         {folder} answers in … ms: myapp 1.0 is the newest of 1 file");
    doctor(&app).status(0).stdout_fits(&report(&[("source", &answers), clock]));
    let refused = format!(
        "error    source         cannot list {folder}: the secret key is not that of the access key (SignatureDoesNotMatch)\n\
         hint: check the AWS credentials: the access key and the secret key belong together"
    );
    let app = app.env("AWS_SECRET_ACCESS_KEY", "another");
    let unknown = ("proxy", "ok       proxy          no source is asked over the network");
    doctor(&app).status(1).stdout_fits(&report(&[("source", &refused), unknown]));
}

#[test]
fn a_python_that_changed_is_told_and_the_remedy_works() {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut index, app) = installed();
    let python = app.root().join("bin/python3");
    let real = std::fs::read_link(&python).unwrap();
    std::fs::remove_file(&python).unwrap();
    let changed = "warning  environment    generation 1 (1.0) was made for a Python that has changed\n\
                   hint: start the app: it is made again from the cache";
    let none = "error    interpreter    no Python found\n\
                hint: install Python 3 or name one with [python] path in launcher.toml";
    doctor(&app).status(1).stdout_fits(&report(&[("interpreter", none), ("environment", changed)]));
    std::fs::write(&python, format!("#!/bin/sh\nexec {} \"$@\"\n", real.display())).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    doctor(&app).status(0).stdout_fits(&report(&[("environment", changed)]));
    index.shut_down();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    doctor(&app).stdout_has("\nok       environment    generation ");
}

#[test]
fn what_failed_last_and_what_is_kept_out_are_warnings() {
    let (index, app) = installed();
    let hint = "\nhint: try again: self update; what happened before: self log";
    index.server().everything(Response::status(500));
    app.run(&["self", "update"]).status(125);
    index.server().heal();
    let failed = format!(
        "warning  updates        the last check failed: cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: \
         the server answers 500 Internal Server Error (tried again from …Z){hint}"
    );
    doctor(&app).status(0).stdout_fits(&report(&[("updates", &failed)]));
    let broken = Wheel::new("myapp", "1.1").file("myapp/__init__.py", "import nowhere");
    index.add(broken);
    app.run(&["self", "update"]).status(125);
    let app = app.update("interval", "0s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    doctor(&app)
        .status(0)
        .stdout_has("warning  updates        ")
        .stdout_has("No module named 'nowhere'")
        .stdout_has(hint);
}

#[test]
fn its_arguments_are_checked_and_its_word_can_be_changed() {
    let (_index, app) = installed();
    app.run(&["self", "doctor", "--all"])
        .fails(125, "myapp: error: self doctor does not take '--all'\nhint: see: myapp self help\n");
    let app = app.app("self", "launcher");
    app.run(&["launcher", "doctor"]).status(0).stdout_fits(&report(&[]));
}
