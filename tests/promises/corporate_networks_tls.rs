//! TLS with a private root: nginx and `openssl s_server` with certificates of the tests' own authority, and a proxy
//! that looks into what it carries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use everfresh::host::Env;
use everfresh::net::{Answer, Fault, Get, Net, Settings, TlsFault};
use everfresh::time::Deadline;
use url::Url;

use crate::support::authority::{FUTURE, LATER, LESS_PAST, PAST};
use crate::support::daemon::{Daemon, system};
use crate::support::{App, Authority, Certificate, Index, Site, Wheel, python};

/// An app that runs 1.0, and a site with 1.1.
fn installed() -> (App, Site, Authority) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let site = Site::new(&app.root().join("site"), "myapp", [Wheel::app("1.1")]);
    let authority = Authority::new(&app.root().join("authority"));
    (app.without_sources(), site, authority)
}

fn secure(server: &Daemon) -> String {
    server.url("/simple/").replace("http:", "https:")
}

#[test]
fn a_private_root_is_believed_wherever_it_is_named_and_whatever_else_is_broken() {
    let (app, site, authority) = installed();
    let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
    let root = authority.root();
    let hashed = app.root().join("hashed");
    std::fs::create_dir(&hashed).unwrap();
    std::fs::copy(&root, hashed.join("root.pem")).unwrap();
    let rehash = Command::new(system("openssl")).arg("rehash").arg(&hashed).output().unwrap();
    assert!(rehash.status.success(), "{rehash:?}");
    let (nowhere, empty) = (app.root().join("nowhere.pem"), app.root().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    let url = Url::parse(&secure(&server)).unwrap().join("myapp/").unwrap();
    let both = PathBuf::from(format!("{}:{}", nowhere.display(), hashed.display()));
    for (ca, file, directory) in [
        (Some(&root), None, None),
        (None, Some(&root), None),
        (None, None, Some(&hashed)),
        (None, None, Some(&both)),
        (Some(&root), Some(&nowhere), Some(&empty)),
        (None, Some(&root), Some(&nowhere)),
        (None, Some(&empty), Some(&hashed)),
    ] {
        let variables = [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", directory)];
        let env: Env =
            variables.into_iter().filter_map(|(name, path)| Some((name, path?.as_os_str()))).collect();
        let net = Net::new(&Settings { ca: ca.cloned(), ..Settings::default() }, &env, "test");
        let page = get(&net, &url);
        assert!(page.as_ref().is_ok_and(|page| page.contains("myapp-1.1")), "{ca:?} {variables:?}: {page:?}");
    }
    let app = app.source(secure(&server)).network("ca", root.to_str().unwrap());
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

fn get(net: &Net, url: &Url) -> Result<String, Fault> {
    let get = Get { url, accept: "*/*", validators: None, range: None, cap: 100_000 };
    match net.get(&get, Deadline::after(Duration::from_secs(20))) {
        Ok(Answer::Body(body)) => Ok(String::from_utf8(body.bytes).unwrap()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.fault),
    }
}

/// What an update says with that app, in one line and a hint; the app starts all the same.
#[track_caller]
fn told(app: &App) -> (String, String) {
    let update = app.run(&["self", "update"]);
    update.status(125).stdout("");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let lines: Vec<&str> = update.err().lines().collect();
    let [error, hint] = lines[..] else { panic!("{update:?}") };
    let (_, error) = error.split_once("no secure connection: ").unwrap_or_else(|| panic!("{update:?}"));
    (error.to_owned(), hint.strip_prefix("hint: ").unwrap().to_owned())
}

#[test]
fn what_is_wrong_with_a_server_s_certificate_is_told_in_one_line() {
    const ROOT: &str = "name the root certificate of your network with [network] ca or SSL_CERT_FILE";
    const CLOCK: &str = "check the clock of this machine; if it is right, ask whoever runs the server";
    let (mut app, site, authority) = installed();
    let stranger = Authority::new(&app.root().join("stranger"));
    let loopback = "DNS:localhost,IP:127.0.0.1";
    let own = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    app = app.network("ca", authority.root().to_str().unwrap());
    for (certificate, error, hint) in [
        (
            authority.issue("expired", loopback, PAST, LESS_PAST),
            "the certificate has expired, or the clock is wrong",
            CLOCK,
        ),
        (
            authority.issue("early", loopback, FUTURE, LATER),
            "the certificate is not valid yet, or the clock is wrong",
            CLOCK,
        ),
        (
            authority.issue("other", "DNS:other.test,IP:127.0.0.2", PAST, LATER),
            "the certificate is for another host",
            "check the source's address, or ask whoever runs the server",
        ),
        (stranger.for_loopback(), "the certificate's issuer is not known here", ROOT),
        (
            authority.self_signed_with("self", "/CN=self", &[own, "basicConstraints=CA:FALSE"]),
            "the certificate's issuer is not known here",
            ROOT,
        ),
        (
            authority.self_signed_with("usual", "/CN=usual", &[own]),
            "the certificate is an authority's own, not a server's",
            ROOT,
        ),
    ] {
        let server = site.by_nginx(&app.root(), Some(&certificate), "");
        app = app.without_sources().source(secure(&server));
        assert_eq!(told(&app), (error.to_owned(), hint.to_owned()));
    }
    let plain = site.by_nginx(&app.root(), None, "");
    app = app.without_sources().source(secure(&plain));
    let not_tls = (
        "the server does not speak TLS at this port",
        "check the port, or whether the address begins with http://",
    );
    assert_eq!(told(&app), (not_tls.0.to_owned(), not_tls.1.to_owned()));
}

/// The proxy shows certificates of the company's own authority, for whatever host is asked for.
#[test]
fn a_proxy_that_looks_into_tls_is_believed_with_its_root_and_refused_without() {
    let (app, site, company) = installed();
    let world = Authority::new(&app.root().join("world"));
    let server = site.by_nginx(&app.root(), Some(&world.for_loopback()), "");
    let shown = company.issue("127.0.0.1", "IP:127.0.0.1", PAST, LATER);
    let log = app.root().join("interceptor.log");
    let proxy = Daemon::start(&log, |port| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/interceptor.py");
        let mut command = Command::new(python::path());
        command.args(["-I", script, &port.to_string()]).arg(&shown.certificate).arg(&shown.key);
        command
    });
    let app = app
        .source(secure(&server))
        .env("https_proxy", proxy.url(""))
        .network("ca", world.root().to_str().unwrap());
    assert_eq!(told(&app).0, "the certificate's issuer is not known here");
    let app = app.network("ca", company.root().to_str().unwrap());
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).stdout("myapp 1.1\n");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains(&format!("CONNECT 127.0.0.1 {}", server.port())), "{log}");
}

/// The same script with a port to pass on to: TLS around a proxy, as `https://` in a proxy's address means it. The
/// proxy asks for a client certificate, and the server behind it does not.
#[test]
fn a_proxy_that_is_reached_by_tls_sees_the_client_certificate_and_opens_tunnels() {
    let (app, site, authority) = installed();
    let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
    let config = app.root().join("tinyproxy.conf");
    let inner = Daemon::start(&app.root().join("tinyproxy.log"), |port| {
        let text = format!("Port {port}\nListen 127.0.0.1\nConnectPort {}\n", server.port());
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(system("tinyproxy"));
        command.arg("-d").arg("-c").arg(&config);
        command
    });
    let shown = authority.for_loopback();
    let log = app.root().join("outer.log");
    let outer = Daemon::start(&log, |port| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/interceptor.py");
        let mut command = Command::new(python::path());
        command.args(["-I", script, &port.to_string()]).arg(&shown.certificate).arg(&shown.key);
        command.arg(inner.port().to_string()).arg(authority.root());
        command
    });
    let own = authority.issue("own", "DNS:client", PAST, LATER);
    let app = app
        .source(secure(&server))
        .network("ca", authority.root().to_str().unwrap())
        .env("https_proxy", outer.url("").replace("http:", "https:"));
    assert_eq!(told(&app).0, "the server asks for a client certificate");
    let app = app
        .network("client_cert", own.certificate.to_str().unwrap())
        .network("client_key", own.key.to_str().unwrap());
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).stdout("myapp 1.1\n");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("CLIENT own"), "{log}");
}

/// `openssl s_server`, which wants a certificate of that authority, tells by an alert what it thinks of ours, and
/// serves the files of a directory, one connection at a time.
fn s_server(site: &Site, own: &Certificate, clients: &Path, further: &[&str], log: &Path) -> Daemon {
    Daemon::start(log, |port| {
        let mut command = Command::new(system("openssl"));
        command.args(["s_server", "-WWW", "-Verify", "3", "-verify_return_error"]).args(further);
        command.arg("-accept").arg(format!("127.0.0.1:{port}")).arg("-CAfile").arg(clients);
        command.arg("-cert").arg(&own.certificate).arg("-key").arg(&own.key).current_dir(site.root());
        command
    })
}

#[test]
fn a_client_certificate_is_shown_in_every_form_that_openssl_writes() {
    let (app, site, authority) = installed();
    let log = app.root().join("s_server.log");
    let server = s_server(&site, &authority.for_loopback(), &authority.root(), &[], &log);
    let url = Url::parse(&server.url("/links.html").replace("http:", "https:")).unwrap();
    let elliptic = authority.issue("elliptic", "DNS:client", PAST, LATER);
    let rsa = authority.issue_rsa("rsa");
    let sec1 = authority.rewrite(&elliptic.key, &["ec"]);
    let pkcs1 = authority.rewrite(&rsa.key, &["rsa", "-traditional"]);
    let chain = authority.joined("chain.pem", &[&rsa.certificate, &authority.root()]);
    for (certificate, key) in [
        (elliptic.certificate.clone(), Some(elliptic.key.clone())),
        (authority.joined("one.pem", &[&elliptic.certificate, &elliptic.key]), None),
        (authority.joined("key-first.pem", &[&elliptic.key, &elliptic.certificate]), None),
        (elliptic.certificate.clone(), Some(sec1)),
        (rsa.certificate.clone(), Some(rsa.key.clone())),
        (rsa.certificate.clone(), Some(pkcs1)),
        (chain, Some(rsa.key.clone())),
    ] {
        let shown = format!("{certificate:?} {key:?}");
        let settings =
            Settings { ca: Some(authority.root()), client_cert: Some(certificate), client_key: key };
        let page = get(&Net::new(&settings, &Env::default(), "test"), &url);
        assert!(page.as_ref().is_ok_and(|page| page.contains("myapp-1.1")), "{shown}: {page:?}");
    }
    let app = app
        .source_of_type("links", url.as_str())
        .network("ca", authority.root().to_str().unwrap())
        .network("client_cert", elliptic.certificate.to_str().unwrap())
        .network("client_key", elliptic.key.to_str().unwrap());
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_told_with_its_path() {
    const HINT: &str = "check [network] client_cert and client_key";
    let (mut app, site, authority) = installed();
    let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
    let good = authority.issue("good", "DNS:client", PAST, LATER);
    let other = authority.issue("other", "DNS:client", PAST, LATER);
    let locked = authority.rewrite(&good.key, &["pkcs8", "-topk8", "-passout", "pass:sesame"]);
    let locked_sec1 = authority.rewrite(&good.key, &["ec", "-aes128", "-passout", "pass:sesame"]);
    let (missing, empty) = (app.root().join("missing.pem"), app.root().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    app = app.source(secure(&server)).network("ca", authority.root().to_str().unwrap());
    let good_path = good.certificate.as_path();
    for (certificate, key, path, reason) in [
        (good_path, None, good_path, "holds no private key in PEM form"),
        (&good.key, None, &good.key, "holds no certificate in PEM form"),
        (&empty, None, &empty, "holds no certificate in PEM form"),
        (good_path, Some(&other.key), &other.key, "is not the key of the certificate"),
        (good_path, Some(&empty), &empty, "holds no private key in PEM form"),
        (
            good_path,
            Some(&locked),
            &locked,
            "holds an encrypted key: it has to be stored without a passphrase",
        ),
        (
            good_path,
            Some(&locked_sec1),
            &locked_sec1,
            "holds an encrypted key: it has to be stored without a passphrase",
        ),
    ] {
        let key = key.map_or(certificate, |key| key);
        app = app
            .network("client_cert", certificate.to_str().unwrap())
            .network("client_key", key.to_str().unwrap());
        let shown = path.to_str().unwrap().replace(app.root().to_str().unwrap(), "[DIR]");
        assert_eq!(told(&app), (format!("{shown} {reason}"), HINT.to_owned()));
    }
    app = app.network("client_cert", missing.to_str().unwrap());
    let not_there = "cannot open [DIR]/missing.pem: No such file or directory".to_owned();
    assert_eq!(told(&app), (not_there, HINT.to_owned()));
}

#[test]
fn a_root_that_the_configuration_names_in_vain_is_told_with_its_path() {
    const HINT: &str = "name the root certificate of your network with [network] ca or SSL_CERT_FILE";
    let (app, site, authority) = installed();
    let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), "");
    let (missing, empty) = (app.root().join("missing.pem"), app.root().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    let mut app = app.source(secure(&server)).env("SSL_CERT_FILE", authority.root());
    for (ca, error) in [
        (missing, "cannot open [DIR]/missing.pem: No such file or directory"),
        (empty, "[DIR]/empty.pem holds no certificate that can be used"),
    ] {
        app = app.network("ca", ca.to_str().unwrap());
        assert_eq!(told(&app), (error.to_owned(), HINT.to_owned()));
    }
}

/// TLS 1.3 says so after the hand-shake is over on our side, TLS 1.2 in its midst.
#[test]
fn a_server_that_refuses_the_client_certificate_is_told_in_one_line() {
    let (app, site, authority) = installed();
    let stranger = Authority::new(&app.root().join("stranger"));
    let wrong = stranger.issue("wrong", "DNS:client", PAST, LATER);
    let expired = authority.issue("late", "DNS:client", PAST, LESS_PAST);
    for (number, version) in ["-tls1_3", "-tls1_2"].into_iter().enumerate() {
        let log = app.root().join(format!("s_server-{number}.log"));
        let server = s_server(&site, &authority.for_loopback(), &authority.root(), &[version], &log);
        let url = Url::parse(&server.url("/links.html").replace("http:", "https:")).unwrap();
        let wanted = match version {
            "-tls1_3" => TlsFault::IdentityWanted,
            _ => TlsFault::BrokenOff,
        };
        for (shown, fault) in [
            (None, wanted),
            (Some(&wrong), TlsFault::IdentityRefused("its issuer is not known there")),
            (Some(&expired), TlsFault::IdentityRefused("it has expired")),
        ] {
            let settings = Settings {
                ca: Some(authority.root()),
                client_cert: shown.map(|pair| pair.certificate.clone()),
                client_key: shown.map(|pair| pair.key.clone()),
            };
            let page = get(&Net::new(&settings, &Env::default(), "test"), &url);
            assert_eq!(page, Err(Fault::Tls(fault)), "{version} {shown:?}");
        }
    }
}

/// nginx answers 400 over the connection instead of an alert.
#[test]
fn nginx_without_the_certificate_that_it_wants_answers_400_and_with_it_serves() {
    let (app, site, authority) = installed();
    let further = format!("ssl_client_certificate {}; ssl_verify_client on;", authority.root().display());
    let server = site.by_nginx(&app.root(), Some(&authority.for_loopback()), &further);
    let app = app.source(secure(&server)).network("ca", authority.root().to_str().unwrap());
    app.run(&["self", "update"]).status(125).stderr_has(": the server answers 400 Bad Request\n");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let own = authority.issue("own", "DNS:client", PAST, LATER);
    let app = app
        .network("client_cert", own.certificate.to_str().unwrap())
        .network("client_key", own.key.to_str().unwrap());
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).stdout("myapp 1.1\n");
}
