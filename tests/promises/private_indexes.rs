//! Indexes that ask who is there: each source with its own login, shown to nobody else, and no source hands its
//! projects on only because it cannot be asked.

use serde_json::json;

use crate::support::distribution::Distribution;
use crate::support::servers::{Devpi, apache, folder, htpasswd, nginx, public_directory, pypiserver};
use crate::support::{App, Index, RefusedPort, Response, Sdist, Server, Wheel, response};

fn app() -> App {
    App::new().requirements(["myapp"]).entry("myapp:main").update("interval", "0s")
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", response::base64(format!("{user}:{password}").as_bytes()))
}

/// An index below `/simple/` with one file, for those who show this; 401 for everybody else.
fn guarded(wheel: impl Into<Distribution>, authorization: &str) -> Server {
    let server = Server::start();
    guard(&server, "/", wheel, authorization);
    server
}

fn guard(server: &Server, prefix: &str, wheel: impl Into<Distribution>, authorization: &str) {
    let wheel: Distribution = wheel.into();
    let file = format!("{prefix}files/{}", wheel.filename);
    let page = format!("<a href=\"{file}#sha256={}\">{}</a>", wheel.sha256(), wheel.filename);
    let page_path = format!("{prefix}simple/{}/", wheel.project);
    for (path, answer) in [(page_path, Response::html(page)), (file, Response::ok(wheel.bytes))] {
        let authorization = authorization.to_owned();
        server.handle(&path, move |request| {
            let known = request.header("authorization") == Some(&authorization);
            if known { answer.clone() } else { Response::status(401) }
        });
    }
}

/// Userinfo, the header that comes of it, and further keys.
type Case = (&'static str, String, fn(App) -> App);

#[test]
fn a_source_says_by_its_keys_its_url_or_netrc_who_asks() {
    const NETRC: &str =
        "machine 127.0.0.1 login other password wrong\nmachine 127.0.0.1 login me password pass\n";
    let secret = |app: App| app.env("SECRET", "pass");
    let cases: [Case; 7] = [
        ("", basic("me", "pass"), |app| {
            app.source_key("username", "me").source_key("password_env", "SECRET")
        }),
        ("", "Bearer pass".to_owned(), |app| app.source_key("token_env", "SECRET")),
        ("me@", basic("me", "pass"), |app| app.source_key("password_env", "SECRET")),
        ("me:pass@", basic("me", "pass"), |app| app),
        // A name alone has the password that .netrc has for that name, not the first of the host.
        ("", basic("me", "pass"), |app| app.source_key("username", "me")),
        // Services that take a token for a name want no password.
        ("", basic("__token__", ""), |app| app.source_key("username", "__token__")),
        // The keys go before the URL.
        ("other:wrong@", basic("me", "pass"), |app| {
            app.source_key("username", "me").source_key("password_env", "SECRET")
        }),
    ];
    for (userinfo, authorization, keys) in cases {
        let server = guarded(Wheel::app("1.0"), &authorization);
        let url = server.url("/simple/").replace("http://", &format!("http://{userinfo}"));
        let app = secret(keys(app().source(url)));
        std::fs::write(app.root().join("home/.netrc"), NETRC).unwrap();
        app.run::<&str>(&[]).prints("myapp 1.0\n");
    }
}

#[test]
fn a_secret_that_is_not_set_is_named_before_anything_is_asked() {
    let server = guarded(Wheel::app("1.0"), "Bearer pass");
    let app = app().source(server.url("/simple/")).source_key("token_env", "TOKEN");
    for value in [None, Some("")] {
        let start = app.start::<&str>(&[]);
        let start = if let Some(value) = value { start.env("TOKEN", value) } else { start };
        start.run().fails(
            125,
            "myapp: error: [DIR]/app/launcher.toml:12: the environment variable TOKEN is not set\n\
             hint: set it where the app is started, or change launcher.toml\n",
        );
        app.settle();
    }
    assert_eq!(server.requests(), []);
    app.start::<&str>(&[]).env("TOKEN", "pass").run().prints("myapp 1.0\n");
    app.settle();
    // Without it the app that is there starts all the same.
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_wrong_secret_gives_one_line_and_is_not_in_it_nor_in_any_file() {
    let server = guarded(Wheel::app("1.0"), &basic("me", "right"));
    let app = app().source(server.url("/simple/")).source_key("username", "me");
    let app =
        app.source_key("password_env", "SECRET").env("SECRET", "wr0ng-s3cret").env("EVERFRESH_DEBUG", "1");
    let outcome = app.run::<&str>(&[]);
    outcome
        .status(125)
        .stderr_has("the server answers 401 Unauthorized\nhint: check the credentials: of the source");
    app.settle();
    let encoded = response::base64(b"me:wr0ng-s3cret");
    let files = app.cached().into_iter().map(|path| std::fs::read(app.cache().join(path)).unwrap());
    let info = app.run(&["self", "info", "--json"]).bytes().to_vec();
    for text in files.chain([info, outcome.err().as_bytes().to_vec(), outcome.bytes().to_vec()]) {
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("wr0ng") && !text.contains(&encoded), "{text}");
    }
}

#[test]
fn a_login_is_for_its_own_origin_only() {
    let wheel = Wheel::app("1.0").distribution();
    let elsewhere = Server::start();
    elsewhere.route(&format!("/{}", wheel.filename), Response::ok(wheel.bytes.clone()));
    for (key, value) in [("token_env", "SECRET"), ("username", "me")] {
        let server = Server::start();
        let link = format!("<a href=\"{}\">x</a>", elsewhere.url(&format!("/{}", wheel.filename)));
        server.route("/simple/myapp/", Response::html(link));
        let app = app().source(server.url("/simple/")).source_key(key, value).env("SECRET", "pass");
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        assert!(server.requests().iter().all(|request| request.header("authorization").is_some()));
    }
    assert!(elsewhere.requests().iter().all(|request| request.header("authorization").is_none()));
    assert!(!elsewhere.requests().is_empty());
}

#[test]
fn two_sources_of_one_host_have_each_its_own_login_whatever_their_order() {
    let dep = Wheel::new("dep", "1.0").printing_module("dep");
    let main = "import dep\ndef main():\n    print('myapp', dep.__version__)\n";
    let wheel = Wheel::new("myapp", "1.0").file("myapp.py", main).requires("dep");
    for order in [["alice", "bob"], ["bob", "alice"]] {
        let server = Server::start();
        guard(&server, "/alice/", wheel.clone(), &basic("alice", "a-pass"));
        guard(&server, "/bob/", dep.clone(), "Bearer b-pass");
        // Who has not got a project says so only to those he knows.
        let app = order.iter().fold(app(), |app, user| {
            let app = app.source(server.url(&format!("/{user}/simple/")));
            match *user {
                "alice" => app.source_key("username", "alice").source_key("password_env", "ALICE"),
                _ => app.source_key("token_env", "BOB"),
            }
        });
        app.env("ALICE", "a-pass").env("BOB", "b-pass").run::<&str>(&[]).prints("myapp 1.0\n");
    }
}

#[test]
fn resolve_takes_the_login_of_its_index_from_the_url_or_netrc() {
    let server = guarded(Wheel::app("1.0"), &basic("me", "pass"));
    let world = app();
    std::fs::write(world.root().join("home/.netrc"), "machine 127.0.0.1 login me password pass\n").unwrap();
    for userinfo in ["me:pass@", "me@", ""] {
        let url = server.url("/simple/").replace("http://", &format!("http://{userinfo}"));
        let outcome = world.tool(&["resolve", "--index", &url, "myapp"]);
        outcome.prints("myapp==1.0  myapp-1.0-py3-none-any.whl\n");
    }
}

/// What pypiserver decides: that listing and downloading need a password of its file, for every request alike.
#[test]
fn a_real_pypiserver_with_passwords_serves_those_who_have_one() {
    let work = tempfile::tempdir().unwrap();
    let packages = folder(&work, "packages");
    Wheel::app("1.0").requires("dep>=2").write_to(&packages);
    Sdist::new("dep", "2.0").printing_module("dep").write_to(&packages);
    let users = work.path().join("users");
    htpasswd(&users, "me", "pa:ss wörd");
    let options = ["-P", users.to_str().unwrap(), "-a", "list,download,update"];
    let server = pypiserver(&packages, &work.path().join("log"), &options);
    let with = |password: &str| {
        let app = app().source(server.url("/simple/")).source_key("username", "me");
        app.source_key("password_env", "SECRET").env("SECRET", password)
    };
    with("pa:ss wörd").run::<&str>(&[]).prints("myapp 1.0\n");
    with("pa").run::<&str>(&[]).status(125).stderr_has("the server answers 403 Forbidden");
    app().source(server.url("/simple/")).run::<&str>(&[]).status(125).stderr_has("401 Unauthorized");
}

/// What nginx and Apache decide: the password; how their listings look (nginx cuts a link's text at 50 characters,
/// Apache at 23 and adds links that sort), so that only the address counts; and 304 for what is known.
#[test]
fn real_listings_of_nginx_and_apache_behind_a_password_serve() {
    let work = public_directory();
    let packages = folder(&work, "packages");
    let long = "a-name-so-long-that-every-listing-there-is-cuts-it-off";
    Wheel::app("1.0").requires(long).write_to(&packages);
    Wheel::new(long, "1.0").write_to(&packages);
    let old = folder(&work, "packages/dep");
    Wheel::new("dep", "1.0").printing_module("dep").write_to(&old);
    let users = work.path().join("users");
    htpasswd(&users, "me", "pass");
    let users = users.display();
    let nginx = nginx(
        &packages,
        &folder(&work, "nginx"),
        &format!("autoindex on; auth_basic x; auth_basic_user_file {users};"),
    );
    let apache = apache(
        &packages,
        &folder(&work, "apache"),
        &format!(
            "Options +Indexes\nIndexOptions FancyIndexing\nAuthType Basic\nAuthName x\nAuthUserFile {users}\n\
             Require valid-user"
        ),
    );
    for server in [&nginx, &apache] {
        let app = app().requirements(["myapp", "dep"]).source_of_type("links", server.url("/"));
        let app = app.source_key("username", "me").source_key("password_env", "SECRET");
        let wrong = app.start::<&str>(&[]).env("SECRET", "wrong").run();
        wrong.status(125).stderr_has("the server answers 401 Unauthorized");
        app.settle();
        app.start::<&str>(&[]).env("SECRET", "pass").run().prints("myapp 1.0\n");
    }
}

/// What devpi decides: which files an index shows (its own and those of its bases; a private project hides that of a
/// mirror), that `requires-python` may be empty, where files lie (`/<user>/<index>/+f/…`, beside `+simple`), and whose
/// password opens them.
#[test]
fn a_real_devpi_with_two_users_a_base_and_a_mirror_serves() {
    let public = Index::with([
        Wheel::new("fromafar", "3.0").printing_module("fromafar"),
        Wheel::new("dep", "9.0").printing_module("dep"),
    ]);
    let devpi = Devpi::start();
    let main = "import dep, fromafar, secret\ndef main():\n    print(dep.__version__, fromafar.__version__, secret.__version__)\n";
    let wheel = Wheel::new("myapp", "1.0").file("myapp.py", main);
    let wheel = wheel.requires("dep").requires("fromafar").requires("secret");
    devpi.user("alice").user("bob");
    devpi.index("alice", "mirror", &json!({"type": "mirror", "mirror_url": public.url()}));
    devpi.index("alice", "base", &json!({"bases": ["alice/mirror"], "acl_pkg_read": ["alice"]}));
    devpi.index(
        "alice",
        "dev",
        &json!({"bases": ["alice/base"], "volatile": true, "acl_pkg_read": ["alice"]}),
    );
    devpi.index("bob", "dev", &json!({"bases": [], "acl_pkg_read": ["bob"]}));
    devpi.upload("alice", "base", Wheel::new("dep", "2.0").printing_module("dep"));
    devpi.upload("alice", "dev", wheel.clone());
    devpi.upload("bob", "dev", Wheel::new("secret", "4.0").printing_module("secret"));
    let page = devpi.answer("/alice/dev/+simple/myapp/");
    assert!(page.contains("\"requires-python\": \"\""), "{page}");

    for order in [["alice", "bob"], ["bob", "alice"]] {
        let app = order.iter().fold(app(), |app, user| {
            let app = app.source(devpi.url(&format!("/{user}/dev/+simple/"))).source_key("username", *user);
            app.source_key("password_env", user.to_uppercase())
        });
        let app = app.env("ALICE", "alice-secret").env("BOB", "bob-secret");
        app.run::<&str>(&[]).prints("2.0 3.0 4.0\n");
        app.settle();
        // A volatile index may replace a file of the same name.
        let newer = Wheel::new("myapp", "1.0").file("myapp.py", main.replace("print(", "print('again', "));
        let newer = newer.requires("dep").requires("fromafar").requires("secret");
        devpi.upload("alice", "dev", newer);
        app.run::<&str>(&[]).prints("again 2.0 3.0 4.0\n");
        devpi.upload("alice", "dev", wheel.clone());
    }
    let stranger = app().source(devpi.url("/alice/dev/+simple/")).source(devpi.url("/bob/dev/+simple/"));
    stranger.run::<&str>(&[]).status(125).stderr_has("the server answers 403 Forbidden");
}

#[test]
fn a_name_that_is_in_two_places_comes_from_the_first_unless_both_say_any() {
    let own = guarded(Wheel::app("1.0"), &basic("me", "pass"));
    let public = Index::with([Wheel::app("9.9")]);
    let links = Server::start();
    let wheel = Wheel::app("5.0").distribution();
    links.route("/links", Response::html(format!("<a href=\"/{}\">x</a>", wheel.filename)));
    links.route(&format!("/{}", wheel.filename), Response::ok(wheel.bytes));
    let with_login = |app: App| {
        let app = app.source(own.url("/simple/")).source_key("username", "me");
        app.source_key("password_env", "SECRET").env("SECRET", "pass")
    };
    // The higher version of a place that is asked later is not taken, and not even looked at.
    let first = with_login(app()).source_of_type("links", links.url("/links")).source(&public);
    first.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!((public.server().requests().len(), links.requests().len()), (0, 0));
    let turned = with_login(app().source_of_type("links", links.url("/links"))).source(&public);
    turned.run::<&str>(&[]).prints("myapp 5.0\n");
    assert_eq!(public.server().requests().len(), 0);
    let any = with_login(app()).source_key("any", true).source_of_type("links", links.url("/links"));
    let any = any.source_key("any", true).source(&public);
    any.run::<&str>(&[]).prints("myapp 5.0\n");
    assert_eq!(public.server().requests().len(), 0);
    let bound = app().source(&public).source_key("projects", ["other"].to_vec());
    with_login(bound).run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(public.server().requests().len(), 0);
    let all = with_login(app()).source_key("any", true).source(&public).source_key("any", true);
    all.run::<&str>(&[]).prints("myapp 9.9\n");
}

/// Whatever keeps a source from saying what it has.
fn troubles() -> Vec<(&'static str, Response)> {
    let form = "<html><title>Sign in</title><form><input name=user><input type=password></form></html>";
    vec![
        ("wants a password", Response::status(401)),
        ("forbids", Response::status(403)),
        ("is broken", Response::status(500)),
        ("drops connections", Response::drop_connection()),
        ("shows a form for the password", Response::html(form)),
        ("redirects to nowhere", Response::redirect("/simple/myapp/")),
        ("sends half of its page", Response::html("<a href=x>x</a>").cut_after(8)),
        ("never ends its page", Response::endless().content_type("text/html")),
    ]
}

#[test]
fn a_source_that_cannot_be_asked_keeps_its_projects() {
    let public = Index::with([Wheel::app("9.9")]);
    let missing = ("is not there", Response::status(404));
    for kind in ["index", "links"] {
        // An index that answers 404 has not got the project; a page of links that is missing says nothing.
        for (what, trouble) in troubles().into_iter().chain((kind == "links").then(|| missing.clone())) {
            for any in [false, true] {
                let own = Server::start();
                own.everything(trouble.clone());
                let app = app().source_of_type(kind, own.url("/simple/")).source_key("any", any);
                let app = app.source(&public).source_key("any", any).update("first_run_timeout", "2s");
                let outcome = app.run::<&str>(&[]);
                assert_eq!(outcome.bytes(), b"", "{kind} {what}");
                outcome.status(125);
                app.settle();
            }
        }
    }
    let refused = RefusedPort::new();
    for (kind, url) in
        [("index", refused.url("/simple/")), ("links", refused.url("/")), ("directory", "gone".into())]
    {
        let app = app().source_of_type(kind, url).source(&public);
        app.run::<&str>(&[]).status(125).stdout("");
    }
    assert!(public.downloads().is_empty(), "{:?}", public.downloads());
}

#[test]
fn a_source_that_lost_its_login_does_not_change_where_an_app_comes_from() {
    let own = guarded(Wheel::app("1.0"), "Bearer pass");
    let public = Index::with([Wheel::app("9.9")]);
    let app = app().source(own.url("/simple/")).source_key("token_env", "TOKEN").source(&public);
    app.start::<&str>(&[]).env("TOKEN", "pass").run().prints("myapp 1.0\n");
    for token in ["expired", ""] {
        app.settle();
        app.start::<&str>(&[]).env("TOKEN", token).run().prints("myapp 1.0\n");
    }
    assert_eq!(public.server().requests().len(), 0);
}
