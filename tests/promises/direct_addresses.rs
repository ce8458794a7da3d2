//! Requirements that are addresses: one file, whatever the sources have, fetched once, its secrets kept.

use std::path::Path;
use std::process::Command;

use crate::support::distribution::Distribution;
use crate::support::{App, Daemon, Egg, Index, Pipper, Response, Sdist, Server, Wheel, daemon};

fn app() -> App {
    App::new().entry("myapp:main").update("interval", "0s")
}

/// A server that has these files at `/files/<name>`, whatever query comes with them.
fn server(files: &[&Distribution]) -> Server {
    let server = Server::start();
    for file in files {
        server.route(&format!("/files/{}", file.filename), Response::ok(file.bytes.clone()).ranges());
    }
    server
}

/// What its addresses begin with.
fn host(server: &Server) -> String {
    server.url("/").trim_end_matches('/').to_owned()
}

fn address(server: &Server, file: &Distribution) -> String {
    server.url(&format!("/files/{}", file.filename))
}

#[test]
fn a_file_of_every_kind_serves_by_its_address_and_no_source_is_asked() {
    let files = [
        Wheel::app("1.0").distribution(),
        Egg::new("myapp", "1.0").printing_module("myapp").distribution(),
        Sdist::new("myapp", "1.0").printing_module("myapp").distribution(),
        Pipper::new(Wheel::app("1.0"), "1.0.0").distribution(),
    ];
    for file in &files {
        let index = Index::with([Wheel::app("9.9")]);
        let server = server(&[file]);
        let address = address(&server, file);
        let hash = format!("myapp @ {address}#sha256={}", file.sha256());
        for requirement in [format!("myapp @ {address}"), hash, address.clone()] {
            let app = app().requirements([requirement.as_str()]).source(&index);
            app.run::<&str>(&[]).prints("myapp 1.0\n");
        }
        assert_eq!(index.checks("myapp"), 0);
    }
}

#[test]
fn what_was_fetched_once_costs_no_request_any_more() {
    let file = Wheel::app("1.0").distribution();
    let index = Index::with([Wheel::new("dep", "1.0").printing_module("dep")]);
    for hash in ["", "#sha256=", "#md5="] {
        let server = server(&[&file]);
        let digest = match hash {
            "#sha256=" => file.sha256(),
            "#md5=" => md5(&file.bytes),
            _ => String::new(),
        };
        let requirement = format!("myapp @ {}{hash}{digest}", address(&server, &file));
        let app = app().requirements([requirement.as_str(), "dep"]).source(&index);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        server.forget();
        app.run(&["self", "update"]).status(0);
        assert_eq!(server.requests().len(), 0, "{hash}");
    }
}

fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

const SECRET: &str = "5ecre7";

fn signed(address: &str, signature: &str) -> String {
    format!(
        "{address}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600&X-Amz-Signature={SECRET}{signature}"
    )
}

#[test]
fn an_address_that_is_signed_anew_is_the_same_and_one_that_expired_does_no_harm() {
    let package = Pipper::app("1.0.0");
    let server = Server::start();
    let path = format!("/bucket/pipper/{}", package.key());
    server.route(&path, Response::ok(package.build()));
    let first = signed(&server.url(&path), "1");
    let app = app().requirements([first.as_str()]).without_sources().source("packages");
    std::fs::create_dir(app.folder().join("packages")).unwrap();
    app.run::<&str>(&[]).prints("myapp 1.0.0\n");
    app.settle();
    server.forget();
    server.everything(Response::status(403));
    app.run(&["self", "update"]).status(0);
    let again = signed(&server.url(&path), "2");
    let app = app.requirements([again.as_str()]);
    app.run::<&str>(&[]).prints("myapp 1.0.0\n");
    app.settle();
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_secrets_of_an_address_are_nowhere_but_in_the_config() {
    let package = Pipper::app("1.0.0");
    let server = Server::start();
    let path = format!("/bucket/pipper/{}", package.key());
    let app = app().requirements([signed(&server.url(&path), "").as_str()]).source("packages");
    std::fs::create_dir(app.folder().join("packages")).unwrap();
    let app = app.redact(&host(&server), "SERVER").env("EVERFRESH_LOG", "debug");
    server.everything(Response::status(403));
    let refused = app.run::<&str>(&[]);
    refused.status(125).stderr_has(
        "cannot fetch SERVER/bucket/pipper/myapp/v1-0-0.pipper?X-Amz-Algorithm=***&X-Amz-Expires=***&X-Amz-Signature=***: \
         the server answers 403 Forbidden\n",
    );
    server.heal();
    server.route(&path, Response::ok(package.build()));
    let started = app.run(&["self", "update"]);
    let info = app.run(&["self", "info", "--json"]);
    let log = app.run(&["self", "log"]);
    app.settle();
    for outcome in [&refused, &started, &info, &log] {
        let all = format!("{}{}", outcome.err(), String::from_utf8_lossy(outcome.bytes()));
        assert!(!all.contains(SECRET), "{all}");
    }
    app.run::<&str>(&[]).stdout("myapp 1.0.0\n");
    app.settle();
    for file in app.cached() {
        let bytes = std::fs::read(app.cache().join(&file)).unwrap_or_default();
        let leaks = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!leaks, "{}", file.display());
    }
}

/// `rclone serve s3` over a directory: it verifies the signature of a pre-signed address.
pub(super) fn rclone(root: &Path) -> Daemon {
    Daemon::start(&root.join("log"), |port| {
        let mut command = Command::new(daemon::tool("rclone"));
        command.args(["serve", "s3", "--auth-key", "KEY,SECRET", "--addr", &format!("127.0.0.1:{port}")]);
        command.arg(root.join("data")).env("RCLONE_CONFIG", root.join("rclone.conf"));
        command
    })
}

/// boto3's own pre-signed address, as `pipper authorize` hands it out: path style, with bucket and prefix.
fn presigned(server: &Daemon, key: &str) -> String {
    let code = format!(
        "import boto3\nfrom botocore.config import Config\n\
         config = Config(signature_version='s3v4', s3={{'addressing_style': 'path'}})\n\
         s3 = boto3.client('s3', endpoint_url='{}', aws_access_key_id='KEY', aws_secret_access_key='SECRET',\n\
         \x20   region_name='us-east-1', config=config)\n\
         print(s3.generate_presigned_url('get_object', Params={{'Bucket': 'bucket', 'Key': '{key}'}}, ExpiresIn=600))",
        server.url("")
    );
    let output = Command::new(daemon::tool("python")).args(["-c", &code]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_real_presigned_address_serves_and_rclone_refuses_a_forged_one() {
    let root = tempfile::tempdir().unwrap();
    let package = Pipper::app("1.0.0");
    package.publish_to(&root.path().join("data/bucket/pipper"));
    let server = rclone(root.path());
    let address = presigned(&server, &format!("pipper/{}", package.key()));
    let folder = |app: App| app.source("packages").file("packages/none", "");
    folder(app().requirements([address.as_str()])).run::<&str>(&[]).prints("myapp 1.0.0\n");
    let forged = address.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    folder(app().requirements([forged.as_str()]))
        .run::<&str>(&[])
        .status(125)
        .stderr_has("SignatureDoesNotMatch");
}

#[test]
fn an_address_beats_the_sources_and_everybody_has_to_agree_with_it() {
    let dep = Wheel::new("dep", "1.0").printing_module("dep").distribution();
    let server = server(&[&dep]);
    let address = format!("dep @ {}", address(&server, &dep));
    let index = Index::with([
        Wheel::app("1.0").requires("dep<2").distribution(),
        Wheel::new("dep", "1.5").printing_module("dep").distribution(),
    ]);
    let app = App::of(&index).requirements(["myapp", address.as_str()]).redact(&host(&server), "SERVER");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run(&["self", "info", "--json"]).stdout_has("dep-1.0-py3-none-any.whl");
    assert_eq!(index.checks("dep"), 0);
    let index = Index::with([Wheel::app("1.0").requires("dep>1")]);
    let app = App::of(&index).requirements(["myapp", address.as_str()]).redact(&host(&server), "SERVER");
    app.run::<&str>(&[]).fails(
        125,
        "myapp: error: Because you require dep @ SERVER/files/dep-1.0-py3-none-any.whl and myapp and myapp 1.0 needs dep>1, \
         there is no solution\n\
         hint: loosen the requirements in launcher.toml, or publish what they ask for\n",
    );
}

#[test]
fn a_pipper_package_may_bring_addresses_and_another_dependency_may_not() {
    let dep = Pipper::new(Wheel::new("dep", "3.0.0").printing_module("dep"), "3.0.0");
    let server = Server::start();
    let path = format!("/bucket/pipper/{}", dep.key());
    server.route(&path, Response::ok(dep.build()));
    let app = app().requirements(["myapp"]).source("pipper").redact(&host(&server), "SERVER");
    let prefix = app.folder().join("pipper");
    Pipper::app("1.0.0").meta("dependencies", vec![signed(&server.url(&path), "")]).publish_to(&prefix);
    app.run::<&str>(&[]).prints("myapp 1.0.0\n");
    Wheel::app("2.0.0").requires(&format!("dep @ {}", server.url(&path))).write_to(&prefix);
    let app = app.requirements(["myapp>1"]);
    app.settle();
    app.run(&["self", "update"]).status(125).stderr_has(
        "myapp 2.0.0 needs dep @ SERVER/bucket/pipper/dep/v3-0-0.pipper, which only launcher.toml and pipper packages may do",
    );
}

#[test]
fn a_file_that_is_not_what_its_address_promises_is_refused() {
    let file = Wheel::app("1.0").distribution();
    let server = server(&[&file]);
    let wrong = "0".repeat(64);
    let requirement = format!("myapp @ {}#sha256={wrong}", address(&server, &file));
    let app = app().requirements([requirement.as_str()]).source("packages").file("packages/none", "");
    app.run::<&str>(&[]).fails(
        125,
        &format!(
            "myapp: error: {} is not what its source promises: sha256 is {}, should be {wrong}\n\
             hint: the source and the file do not agree: ask whoever publishes it\n",
            file.filename,
            file.sha256()
        ),
    );
    let other = Wheel::new("other", "1.0").distribution().named("myapp-1.0-py3-none-any.whl");
    let server = self::server(&[&other]);
    let requirement = format!("myapp @ {}", address(&server, &other));
    let app = self::app().requirements([requirement.as_str()]).source("packages").file("packages/none", "");
    app.run::<&str>(&[])
        .status(125)
        .stderr_has("its .dist-info directory says other 1.0, the file name says myapp 1.0");
}

#[test]
fn a_file_on_this_machine_serves_by_its_address_and_is_looked_at_again() {
    let app = app().source("packages").file("packages/none", "");
    let path = Wheel::app("1.0").write_to(&app.folder());
    let app = app.requirements([format!("myapp @ file://{}", path.display()).as_str()]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let rebuilt = Wheel::new("myapp", "1.0").file("myapp/__init__.py", "def main():\n    print('rebuilt')\n");
    assert_eq!(rebuilt.clone().distribution().write_to(&app.folder()), path);
    app.run::<&str>(&[]).prints("rebuilt\n");
}

#[test]
fn an_archive_whose_name_tells_nothing_needs_egg_behind_the_hash() {
    let sdist = Sdist::new("myapp", "1.0").printing_module("myapp").distribution();
    let server = Server::start();
    server.route("/archive/v1.0.tar.gz", Response::ok(sdist.bytes.clone()));
    let address = server.url("/archive/v1.0.tar.gz");
    let app = |requirement: &str| {
        app()
            .requirements([requirement])
            .source("packages")
            .file("packages/none", "")
            .redact(&host(&server), "SERVER")
    };
    app(&format!("myapp @ {address}#egg=myapp-1.0")).run::<&str>(&[]).prints("myapp 1.0\n");
    app(&format!("myapp @ {address}")).run::<&str>(&[]).fails(
        125,
        "myapp: error: [DIR]/app/launcher.toml:4: 'SERVER/archive/v1.0.tar.gz' cannot be required: it does not tell project and \
         version: name the file so, or an archive with #egg=name-1.0\n\
         hint: requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\"\n",
    );
}
