//! Through the proxies that companies have: tinyproxy and microsocks, as their users get them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::daemon::{Daemon, system};
use crate::support::{App, Authority, BlackHole, Index, RefusedPort, Site, Wheel};

/// An app that runs 1.0 from an index that will not be asked again.
fn installed() -> App {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.without_sources()
}

pub(super) fn tinyproxy(place: &Path, further: &str) -> Daemon {
    std::fs::create_dir_all(place).unwrap();
    Daemon::start(&place.join("log"), |port| {
        let config = place.join("tinyproxy.conf");
        std::fs::write(&config, format!("Port {port}\nListen 127.0.0.1\nTimeout 60\n{further}\n")).unwrap();
        let mut command = Command::new(system("tinyproxy"));
        command.arg("-d").arg("-c").arg(config);
        command
    })
}

fn microsocks(place: &Path, arguments: &[&str]) -> Daemon {
    Daemon::start(place, |port| {
        let mut command = Command::new(system("microsocks"));
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
        command
    })
}

/// microsocks that knows a name which nobody else here knows.
fn microsocks_that_knows(name: &str, place: &Path) -> Daemon {
    std::fs::create_dir_all(place).unwrap();
    std::fs::write(place.join("hosts"), format!("127.0.0.1 {name}\n")).unwrap();
    let root = nix::unistd::Uid::effective().is_root();
    let flags = if root { "-m" } else { "-rm" };
    Daemon::start(&place.join("log"), |port| {
        let mut command = Command::new("/usr/bin/unshare");
        let script = "mount --bind \"$0\" /etc/hosts && exec \"$1\" -i 127.0.0.1 -p \"$2\"";
        command.args([flags, "/bin/sh", "-c", script]).arg(place.join("hosts"));
        command.arg(system("microsocks")).arg(port.to_string());
        command
    })
}

fn log(place: &Path) -> String {
    std::fs::read_to_string(place.join("log")).unwrap()
}

/// A place for a server's files.
fn place(app: &App, name: &str) -> PathBuf {
    let place = app.root().join(name);
    std::fs::create_dir_all(&place).unwrap();
    place
}

#[test]
fn tinyproxy_forwards_plain_requests_with_a_password_and_without() {
    for (further, login) in [("", ""), ("BasicAuth anna sesame", "anna:se%73ame@")] {
        let index = Index::with([Wheel::app("1.1")]);
        let app = installed().source(&index);
        let proxy = tinyproxy(&place(&app, "proxy"), further);
        let address = format!("http://{login}127.0.0.1:{}", proxy.port());
        app.start::<&str>(&[]).env("http_proxy", address).run().prints("myapp 1.1\n");
        let requests = index.server().requests();
        assert!(!requests.is_empty() && requests.iter().all(|request| request.header("via").is_some()));
        assert!(requests.iter().all(|request| request.header("proxy-authorization").is_none()));
    }
}

/// tinyproxy opens tunnels to 443 and 563 only, unless its configuration names further ports.
#[test]
fn tinyproxy_opens_tunnels_with_a_password_and_without() {
    for (further, login) in [("", ""), ("BasicAuth anna sesame\n", "anna:sesame@")] {
        let app = installed();
        let authority = Authority::new(&place(&app, "authority"));
        let site = Site::new(&place(&app, "site"), "myapp", [Wheel::app("1.1")]);
        let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
        let directory = place(&app, "proxy");
        let proxy =
            tinyproxy(&directory, &format!("{further}ConnectPort {}\nLogLevel Connect", server.port()));
        let app = app
            .network("ca", authority.root().to_str().unwrap())
            .source(server.url("/simple/").replace("http:", "https:"));
        let address = format!("http://{login}127.0.0.1:{}", proxy.port());
        app.start::<&str>(&[]).env("https_proxy", address).run().prints("myapp 1.1\n");
        assert!(
            log(&directory).contains(&format!("CONNECT 127.0.0.1:{}", server.port())),
            "{}",
            log(&directory)
        );
    }
}

#[test]
fn microsocks_carries_both_schemes_with_a_password_and_without() {
    for (arguments, login) in [(&[][..], ""), (&["-u", "anna", "-P", "se:same"], "anna:se%3Asame@")] {
        for scheme in ["socks5", "socks5h", "socks"] {
            let app = installed();
            let authority = Authority::new(&place(&app, "authority"));
            let site = Site::new(&place(&app, "site"), "myapp", [Wheel::app("1.1")]);
            let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
            let log = app.root().join("microsocks.log");
            let proxy = microsocks(&log, arguments);
            let app = app
                .network("ca", authority.root().to_str().unwrap())
                .source(format!("https://localhost:{}/simple/", server.port()));
            let address = format!("{scheme}://{login}127.0.0.1:{}", proxy.port());
            app.start::<&str>(&[]).env("ALL_PROXY", address).run().prints("myapp 1.1\n");
            let log = std::fs::read_to_string(&log).unwrap();
            let name = if scheme == "socks5h" { "localhost" } else { "127.0.0.1" };
            assert!(log.contains(&format!("connected to {name}:")), "{scheme}: {log}");
        }
    }
}

/// microsocks alone knows the name, so it is microsocks that resolves it.
#[test]
fn with_socks5h_the_proxy_resolves_the_name_and_with_socks5_we_do() {
    let index = Index::with([Wheel::app("1.1")]);
    let app = installed().source(format!("http://inside.invalid:{}/simple/", index.server().port()));
    let proxy = microsocks_that_knows("inside.invalid", &place(&app, "proxy"));
    let by = |scheme: &str| format!("{scheme}://127.0.0.1:{}", proxy.port());
    app.start(&["self", "update"]).env("http_proxy", by("socks5")).run().status(125).stderr(&format!(
        "myapp: error: cannot fetch http://inside.invalid:{}/simple/myapp/: the host name cannot be resolved\n\
         hint: check the network, and the proxy variables where there is a proxy\n",
        index.server().port()
    ));
    app.start(&["self", "update"]).env("http_proxy", by("socks5h")).run().status(0);
    app.run::<&str>(&[]).stdout("myapp 1.1\n");
}

/// What a start and an update say with that proxy; the app runs whatever it is.
fn told(app: &App, variable: &str, proxy: &str) -> String {
    let update = app.start(&["self", "update"]).env(variable, proxy).run();
    update.status(125).stdout("");
    app.start::<&str>(&[]).env(variable, proxy).run().stdout("myapp 1.0\n").status(0);
    let lines: Vec<&str> = update.err().lines().collect();
    assert_eq!(lines.len(), 2, "{update:?}");
    assert_eq!(lines[1], "hint: check http_proxy, https_proxy, all_proxy and no_proxy");
    assert!(!update.err().contains("sesame"), "{update:?}");
    lines[0].split_once("/simple/myapp/: ").unwrap_or_else(|| panic!("{update:?}")).1.to_owned()
}

#[test]
fn a_proxy_that_does_not_help_is_named_in_one_line_without_its_password() {
    let app = installed().source("http://127.0.0.1:9/simple/");
    let secure = installed().source("https://127.0.0.1:9/simple/");
    let refused = RefusedPort::new();
    let closed = place(&app, "closed");
    let guarded = tinyproxy(&closed, "BasicAuth anna right");
    let open = tinyproxy(&place(&app, "open"), "ConnectPort 443");
    let filter = place(&app, "filtered");
    std::fs::write(filter.join("filter"), "127\\.0\\.0\\.1\n").unwrap();
    let filtered = tinyproxy(&filter, &format!("Filter \"{}\"", filter.join("filter").display()));
    let socks = microsocks(&app.root().join("socks"), &["-u", "anna", "-P", "right"]);
    let any_socks = microsocks(&app.root().join("any-socks"), &[]);
    // What is said for http:// and for https://. tinyproxy answers a wrong password with 401, as if it were the server.
    for (scheme, login, port, plain, tunnel) in [
        ("http", "", guarded.port(), "!it answers 407 Proxy Authentication Required", "="),
        (
            "http",
            "anna:sesame@",
            guarded.port(),
            "the server answers 401 Unauthorized",
            "!it answers 401 Unauthorized",
        ),
        (
            "http",
            "",
            open.port(),
            "the server answers 500 Internal Server Error",
            "!it answers 403 Forbidden",
        ),
        ("http", "", filtered.port(), "the server answers 403 Forbidden", "!it answers 403 Forbidden"),
        ("http", "anna:sesame@", refused.port(), "!cannot connect: connection refused", "="),
        ("socks5h", "anna:sesame@", socks.port(), "!it refuses the user name and password", "="),
        ("socks5h", "", socks.port(), "!it wants a user name and password", "="),
        ("socks5h", "", any_socks.port(), "!the host refuses its connection", "="),
        ("socks5h", "anna:sesame@", refused.port(), "!cannot connect: connection refused", "="),
    ] {
        let tunnel = if tunnel == "=" { plain } else { tunnel };
        let full = |text: &str| match text.strip_prefix('!') {
            Some(reason) => format!("proxy {scheme}://127.0.0.1:[PORT]: {reason}"),
            None => text.to_owned(),
        };
        let (plain, tunnel) = (full(plain), full(tunnel));
        let address = format!("{scheme}://{login}127.0.0.1:{port}");
        if plain.starts_with("proxy ") {
            assert_eq!(told(&app, "http_proxy", &address), plain, "{address}");
        } else {
            // The proxy's own words, which cannot be told from a server's.
            let update = app.start(&["self", "update"]).env("http_proxy", &address).run();
            update.status(125).stderr_has(&format!("/simple/myapp/: {plain}\n"));
        }
        assert_eq!(told(&secure, "https_proxy", &address), tunnel, "{address}");
    }
    let unknown = told(&app, "http_proxy", "http://anna:sesame@no..host:1");
    assert_eq!(unknown, "proxy http://no..host:1: the host name cannot be resolved");
    let invalid = told(&app, "http_proxy", "gopher://anna:sesame@x:1");
    assert_eq!(invalid, "proxy in the environment: its address is not valid");
}

#[test]
fn a_proxy_that_drops_packets_is_given_up_at_the_deadline() {
    let app = installed().source("https://127.0.0.1:9/simple/").update("timeout", "1s");
    let hole = BlackHole::new();
    for scheme in ["http", "socks5h"] {
        let address = format!("{scheme}://127.0.0.1:{}", hole.port());
        let outcome = app.start::<&str>(&[]).env("https_proxy", address).run();
        outcome.prints("myapp 1.0\n").within(Duration::from_secs(8));
    }
}

/// The proxy refuses every connection: whoever gets an answer went without it.
#[test]
fn no_proxy_names_hosts_suffixes_addresses_networks_and_ports() {
    let index = Index::with([Wheel::app("1.0")]);
    let refused = RefusedPort::new();
    let proxy = format!("http://127.0.0.1:{}", refused.port());
    let port = index.server().port();
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let by_name = app.without_sources().source(format!("http://localhost:{port}/simple/"));
    let update = |app: &App, exceptions: &str| {
        let start = app.start(&["self", "update"]).env("http_proxy", &proxy).env("no_proxy", exceptions);
        start.run().err().contains(": proxy http://127.0.0.1:[PORT]: cannot connect")
    };
    for (exceptions, proxied) in [
        ("localhost", false),
        ("LOCALHOST.", false),
        (".localhost", false),
        ("host", true),
        ("*", false),
        ("127.0.0.1", true),
        (&format!("localhost:{port}"), false),
        ("localhost:1", true),
        ("elsewhere, localhost", false),
    ] {
        assert_eq!(update(&by_name, exceptions), proxied, "{exceptions}");
    }
    let by_address = by_name.without_sources().source(format!("http://127.0.0.1:{port}/simple/"));
    for (exceptions, proxied) in
        [("127.0.0.1", false), ("127.0.0.0/8", false), ("10.0.0.0/8", true), ("localhost", true)]
    {
        assert_eq!(update(&by_address, exceptions), proxied, "{exceptions}");
    }
}
