//! IPv6 only, two families of which one is dead, and name servers that are slow or dead. All in network namespaces of
//! the tests' own, served by Python's `http.server`.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::daemon::system;
use crate::support::namespace::{HERE_4, LOCAL_6, LOST_4, LOST_6};
use crate::support::{App, Index, Namespace, Site, Wheel};

const PORT: u16 = 8000;

/// What a start may take that has a minute: far less than half of it, which a dead family would cost if it were waited
/// for.
const SOON: Duration = Duration::from_secs(15);

/// An app without anything in its cache, and packages for it.
fn fresh(host: &str) -> (App, Site, PathBuf) {
    let app = App::new()
        .requirements(["myapp"])
        .entry("myapp:main")
        .source(format!("http://{host}:{PORT}/simple/"))
        .update("interval", "0s");
    let site = Site::new(&app.root().join("site"), "myapp", [Wheel::app("1.0")]);
    let place = app.root().join("namespace");
    (app, site, place)
}

/// An app that runs 1.0, to be updated to 1.1 from elsewhere.
fn installed(host: &str, timeout: &str) -> (App, Site, PathBuf) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let app =
        app.update("timeout", timeout).without_sources().source(format!("http://{host}:{PORT}/simple/"));
    let site = Site::new(&app.root().join("site"), "myapp", [Wheel::app("1.1")]);
    let place = app.root().join("namespace");
    (app, site, place)
}

#[test]
fn ipv6_alone_is_enough() {
    let (app, site, place) = fresh("[::1]");
    let network = Namespace::new(&place).without_ipv4().server(&site.serving_words("::1", PORT), "::1", PORT);
    app.start::<&str>(&[]).inside(&network).run().status(0).stdout("myapp 1.0\n");
}

#[test]
fn a_dead_family_does_not_eat_the_deadline() {
    for (alive, dead) in [(HERE_4, LOST_6), (LOCAL_6, LOST_4)] {
        let (app, site, place) = installed("dual.test", "1m");
        let network = Namespace::new(&place).with_a_void();
        let network = if dead == LOST_4 { network.preferring_ipv4() } else { network };
        let network = network
            .host(alive, "dual.test")
            .host(dead, "dual.test")
            .noting_addresses_of("dual.test")
            .server(&site.serving_words(alive, PORT), alive, PORT);
        let outcome = app.start::<&str>(&[]).inside(&network).run();
        assert_eq!(Namespace::addresses(&place), format!("{dead} {alive}"), "the dead one has to come first");
        outcome.prints("myapp 1.1\n").within(SOON);
    }
}

#[test]
fn a_dead_family_of_the_proxy_does_not_either() {
    let (app, site, place) = installed("127.0.0.1", "1m");
    std::fs::create_dir_all(&place).unwrap();
    let config = place.join("tinyproxy.conf");
    std::fs::write(&config, format!("Port 3128\nListen {HERE_4}\n")).unwrap();
    let tinyproxy = system("tinyproxy").to_str().unwrap().to_owned();
    let tinyproxy = [tinyproxy, "-d".to_owned(), "-c".to_owned(), config.to_str().unwrap().to_owned()];
    let microsocks = [system("microsocks").to_str().unwrap(), "-i", HERE_4, "-p", "1080"].map(str::to_owned);
    for (scheme, port) in [("http", 3128), ("socks5h", 1080)] {
        let network = Namespace::new(&place)
            .with_a_void()
            .host(HERE_4, "proxy.test")
            .host(LOST_6, "proxy.test")
            .server(&site.serving_words("127.0.0.1", PORT), "127.0.0.1", PORT)
            .server(&tinyproxy, HERE_4, 3128)
            .server(&microsocks, HERE_4, 1080);
        let start = app.start(&["self", "update"]).inside(&network);
        let outcome = start.env("http_proxy", format!("{scheme}://proxy.test:{port}")).run();
        outcome.status(0).within(SOON);
    }
    app.run::<&str>(&[]).stdout("myapp 1.1\n");
}

#[test]
fn an_address_that_drops_packets_is_given_up_at_the_deadline() {
    let (app, _, place) = installed(LOST_4, "1s");
    let network = Namespace::new(&place).with_a_void();
    let outcome = app.start::<&str>(&[]).inside(&network).run();
    outcome.prints("myapp 1.0\n").within(Duration::from_secs(8));
}

#[test]
fn a_slow_name_server_is_waited_for_within_the_deadline() {
    let (app, site, place) = installed("slow.test", "30s");
    let network = Namespace::new(&place).name_server(Some(1)).server(
        &site.serving_words("127.0.0.1", PORT),
        "127.0.0.1",
        PORT,
    );
    app.start::<&str>(&[]).inside(&network).run().prints("myapp 1.1\n");
}

#[test]
fn a_dead_name_server_is_given_up_at_the_deadline() {
    let (app, _, place) = installed("dead.test", "1s");
    let network = Namespace::new(&place).name_server(None);
    // The system's resolver would wait five seconds, twice.
    let outcome = app.start::<&str>(&[]).inside(&network).run();
    outcome.prints("myapp 1.0\n").within(Duration::from_secs(8));
}

#[test]
fn a_name_that_leads_nowhere_is_told_at_once() {
    let (app, _, place) = installed("no-such.test", "30s");
    let network = Namespace::new(&place).no_name_server();
    let outcome = app.start(&["self", "update"]).inside(&network).run();
    outcome.status(125).stderr(
        "myapp: error: cannot fetch http://no-such.test:8000/simple/myapp/: the host name cannot be resolved\n\
         hint: check the network, and the proxy variables where there is a proxy\n",
    );
}
