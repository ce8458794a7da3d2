//! A published lock as a source: what the publisher resolved is what runs, for one small request a check.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::bucket::BUCKET;
use crate::support::distribution::Distribution;
use crate::support::server::Request;
use crate::support::{App, Bucket, Index, Response, Server, Storage, Wheel, daemon};

/// A lock of these files, each at an address.
fn lock(files: &[(&Distribution, String)]) -> String {
    let mut text = "lock-version = \"1.0\"\ncreated-by = \"test\"\n".to_owned();
    for (file, at) in files {
        let (name, version, sha256, size) = (&file.project, &file.version, file.sha256(), file.bytes.len());
        let _ = write!(
            text,
            "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n\
             wheels = [{{ name = \"{}\", url = \"{at}\", size = {size}, hashes = {{ sha256 = \"{sha256}\" }} }}]\n",
            file.filename
        );
    }
    text
}

/// `myapp`, which prints the version of its dependency.
fn myapp(version: &str) -> Distribution {
    let module = format!("import dep\ndef main():\n    print('myapp {version} dep', dep.__version__)\n");
    // Its own word about its dependency is older than the lock.
    Wheel::new("myapp", version).file("myapp.py", module).requires("dep<2").distribution()
}

fn dep(version: &str) -> Distribution {
    Wheel::new("dep", version).printing_module("dep").distribution()
}

fn at(file: &Distribution) -> String {
    format!("../files/{}", file.filename)
}

/// Where that server's lock is, as messages show it.
const SHOWN: &str = "http://127.0.0.1:[PORT]/stable/pylock.toml";

/// A server that has a lock in `stable/` and files in `files/`.
struct Site(Server);

impl Site {
    fn new() -> Self {
        Self(Server::start())
    }

    fn publish(&self, files: &[&Distribution]) -> &Self {
        for file in files {
            self.0.route(&format!("/files/{}", file.filename), Response::ok(file.bytes.clone()));
        }
        let locked: Vec<(&Distribution, String)> = files.iter().map(|file| (*file, at(file))).collect();
        self.lock(&lock(&locked))
    }

    fn lock(&self, text: &str) -> &Self {
        let tag = everfresh::trust::hashes::sha256_hex(text.as_bytes());
        self.0.route("/stable/pylock.toml", Response::ok(text).etag(&tag));
        self
    }

    fn url(&self) -> String {
        self.0.url("/stable/pylock.toml")
    }

    fn app(&self) -> App {
        app(&self.url())
    }

    /// What was asked for since the last time, with the status.
    fn asked(&self) -> Vec<String> {
        let mut asked: Vec<String> = self
            .0
            .requests()
            .iter()
            .map(|request| format!("{} {}", request.status, request.path()))
            .collect();
        asked.sort();
        self.0.forget();
        asked
    }
}

fn app(address: &str) -> App {
    App::new()
        .requirements(["myapp"])
        .entry("myapp:main")
        .update("interval", "0s")
        .update("timeout", "60s")
        .source(address)
}

#[test]
fn what_the_publisher_locked_is_what_runs_and_a_check_is_one_small_request() {
    let site = Site::new();
    site.publish(&[&myapp("1.0"), &dep("2.5")]);
    let app = site.app();
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    assert_eq!(
        site.asked(),
        [
            "200 /files/dep-2.5-py3-none-any.whl",
            "200 /files/myapp-1.0-py3-none-any.whl",
            "200 /stable/pylock.toml"
        ]
    );
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    assert_eq!(site.asked(), ["304 /stable/pylock.toml"]);
    site.publish(&[&myapp("1.1"), &dep("2.5")]);
    app.run::<&str>(&[]).prints("myapp 1.1 dep 2.5\n");
    app.settle();
    assert_eq!(site.asked(), ["200 /files/myapp-1.1-py3-none-any.whl", "200 /stable/pylock.toml"]);
    // Going back is publishing the lock of before: nothing is fetched again.
    site.publish(&[&myapp("1.0"), &dep("2.5")]);
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    assert_eq!(site.asked(), ["200 /stable/pylock.toml"]);
}

#[test]
fn without_requirements_the_lock_alone_decides_and_without_a_network_what_it_said_last() {
    let mut site = Site::new();
    site.publish(&[&myapp("1.0"), &dep("2.5")]);
    let app = site.app().requirements([]);
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    site.0.stop();
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    // All of it is in the store: other requirements need no network.
    let app = app.requirements(["dep"]).entry("dep:main");
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).prints("dep 2.5\n");
}

#[test]
fn what_the_lock_does_not_have_comes_from_the_next_source_and_what_it_has_does_not() {
    let site = Site::new();
    site.publish(&[&myapp("1.0"), &dep("2.5")]);
    let index = Index::with([dep("9.9"), Wheel::new("extra", "1.0").printing_module("extra").distribution()]);
    let app = site.app().requirements(["myapp", "extra"]).source(&index);
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    assert_eq!((index.checks("dep"), index.checks("extra")), (0, 1));
}

#[test]
fn a_lock_that_does_not_fit_says_which_package_and_leaves_what_runs_alone() {
    let site = Site::new();
    let fits = [(&myapp("1.0"), at(&myapp("1.0"))), (&dep("2.5"), at(&dep("2.5")))];
    site.publish(&[&myapp("1.0"), &dep("2.5")]);
    let app = site.app();
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    let foreign = dep("2.6").named("dep-2.6-cp38-cp38-win_amd64.whl");
    let publisher = "ask whoever publishes it to lock for this Python and this platform too";
    let anew = "write it anew: everfresh lock, uv export or pip lock";
    let cases = [
        (
            lock(&[fits[0].clone(), (&foreign, at(&foreign))]),
            "dep has no file for this platform and interpreter, only cp38-cp38-win_amd64",
            publisher,
        ),
        (
            lock(&fits).replace("created-by", "requires-python = \"<3\"\ncreated-by"),
            "it is for Python <3",
            publisher,
        ),
        (
            lock(&[fits[0].clone(), fits[1].clone(), fits[1].clone()]),
            "two entries for dep hold here",
            publisher,
        ),
        (
            lock(&fits).replacen("sha256", "md5", 1),
            "myapp-1.0-py3-none-any.whl has no SHA-256 in it",
            "lock it with a tool that writes hashes, such as everfresh lock",
        ),
        (
            lock(&fits).replace("1.0\"\ncreated", "2.0\"\ncreated"),
            "lock-version '2.0' is not supported",
            anew,
        ),
        (
            lock(&fits[1..]) + "[[packages]]\nname = \"myapp\"\ndirectory = { path = \".\" }\n",
            "myapp is a directory there, which has no hash",
            "lock a wheel of it instead; uv export has --no-emit-project",
        ),
    ];
    for (text, reason, hint) in cases {
        site.lock(&text);
        site.app()
            .run::<&str>(&[])
            .fails(125, &format!("myapp: error: cannot use {SHOWN}: {reason}\nhint: {hint}\n"));
        app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
        app.settle();
    }
    site.publish(&[&myapp("1.0"), &dep("2.5")]);
    let expected = format!(
        "myapp: error: cannot use {SHOWN}: it has myapp 1.0, but myapp>=2 is required\n\
         hint: change the requirements in launcher.toml, or publish a lock that meets them\n"
    );
    site.app().requirements(["myapp>=2"]).run::<&str>(&[]).fails(125, &expected);
}

#[test]
fn a_lock_that_is_not_there_or_no_lock_is_an_error() {
    let site = Site::new();
    let missing = format!(
        "myapp: error: cannot use {SHOWN}: there is no such page\n\
         hint: check the source's address in launcher.toml\n"
    );
    site.app().run::<&str>(&[]).fails(125, &missing);
    site.0.route("/stable/pylock.toml", Response::html("<h1>Please log in</h1>"));
    let text = site.app().run::<&str>(&[]);
    text.status(125).stderr_has(&format!("cannot use {SHOWN}: line 1: not valid TOML: "));
    site.0.route("/stable/pylock.toml", Response::endless());
    site.app().run::<&str>(&[]).status(125).stderr_has("larger than 16777216 bytes");
}

#[test]
fn a_file_that_is_not_what_the_lock_promises_is_never_activated() {
    let site = Site::new();
    let (own, other) = (myapp("1.0"), dep("2.5"));
    site.publish(&[&own, &other]);
    site.0.route("/files/dep-2.5-py3-none-any.whl", Response::ok(other.clone().with_a_flipped_bit().bytes));
    site.app()
        .run::<&str>(&[])
        .status(125)
        .stderr_has("dep-2.5-py3-none-any.whl is not what its source promises");
}

#[test]
fn a_lock_on_this_machine_names_files_beside_it() {
    let files = [myapp("1.0"), dep("2.5")];
    for relative in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let places = files.each_ref().map(|file| file.write_to(&folder.path().join("my files")));
        let at = |path: &Path| {
            let whole = path.to_str().unwrap();
            if relative {
                format!("my files/{}", whole.rsplit_once('/').unwrap().1)
            } else {
                whole.to_owned()
            }
        };
        let locked: Vec<(&Distribution, String)> =
            files.iter().zip(&places).map(|(file, path)| (file, at(path))).collect();
        let path = folder.path().join("pylock.stable.toml");
        std::fs::write(&path, lock(&locked).replace("url = ", "path = ")).unwrap();
        app(path.to_str().unwrap()).run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    }
}

#[test]
fn a_lock_from_the_network_names_no_file_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (myapp("1.0"), dep("2.5"));
    let path = own.write_to(folder.path());
    for address in [path.to_str().unwrap().to_owned(), format!("file://{}", path.display())] {
        let site = Site::new();
        site.publish(&[&other]);
        let key = if address.starts_with('/') { "path = " } else { "url = " };
        site.lock(&lock(&[(&own, address), (&other, at(&other))]).replacen("url = ", key, 1));
        site.app().run::<&str>(&[]).status(125).stderr_has("no source has myapp");
    }
}

/// rclone checks every signature, and answers If-None-Match.
#[test]
fn a_release_in_a_private_bucket_is_asked_with_the_keys_and_so_are_its_files() {
    let storage = Storage::rclone();
    let files = [myapp("1.0+local"), dep("2.5")];
    for file in &files {
        storage.add("team apps/files", file.clone());
    }
    let publish = |text: &str| {
        let path = storage.page(text);
        let key = "team apps/stable/pylock.toml";
        storage.boto3(&[json!(["put_object", {"Bucket": BUCKET, "Key": key, "Path": path}])]);
    };
    let path = |file: &Distribution| format!("../files/{}", file.filename);
    let locked =
        lock(&[(&files[0], path(&files[0])), (&files[1], path(&files[1]))]).replace("url = ", "path = ");
    publish(&locked);
    // The machine may be busy; how long a start waits is not what this is about.
    let app = storage.app("team apps/stable/pylock.toml").update("timeout", "60s");
    app.run::<&str>(&[]).prints("myapp 1.0+local dep 2.5\n");
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.0+local dep 2.5\n");
    app.settle();
    let next = myapp("1.1");
    storage.add("team apps/files", next.clone());
    publish(&locked.replace("myapp-1.0+local", "myapp-1.1").replace("1.0+local", "1.1").replace(
        &format!("size = {}, hashes = {{ sha256 = \"{}", files[0].bytes.len(), files[0].sha256()),
        &format!("size = {}, hashes = {{ sha256 = \"{}", next.bytes.len(), next.sha256()),
    ));
    app.run::<&str>(&[]).prints("myapp 1.1 dep 2.5\n");
}

#[test]
fn a_check_of_a_release_in_a_bucket_is_one_small_request_with_a_signature() {
    let bucket = Bucket::new();
    let files = [myapp("1.0"), dep("2.5")];
    for file in &files {
        bucket.put(&format!("files/{}", file.filename), file.bytes.clone());
    }
    let locked = files.each_ref().map(|file| (file, at(file)));
    bucket.put("stable/pylock.toml", lock(&locked));
    let app = crate::support::bucket::app(&bucket.endpoint(), "stable/pylock.toml");
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    let signed = |asked: &[Request]| {
        let is_signed = |request: &Request| {
            request.header("authorization").is_some_and(|shown| shown.starts_with("AWS4-HMAC-SHA256 "))
        };
        asked.iter().all(is_signed)
    };
    let asked = bucket.server().requests();
    assert!(asked.len() == 3 && signed(&asked), "{asked:?}");
    bucket.server().forget();
    app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
    app.settle();
    let asked = bucket.server().requests();
    let told: Vec<(u16, &str)> = asked.iter().map(|request| (request.status, request.path())).collect();
    assert_eq!(told, [(304, format!("/{BUCKET}/stable/pylock.toml").as_str())]);
    assert!(signed(&asked), "{asked:?}");
}

#[test]
fn the_extras_of_a_requirement_are_those_of_the_lock() {
    let site = Site::new();
    let fast = Wheel::new("fast", "1.0").printing_module("fast").distribution();
    site.publish(&[&dep("2.5"), &fast, &myapp("1.0")]);
    let locked = [(&dep("2.5"), at(&dep("2.5"))), (&fast, at(&fast)), (&myapp("1.0"), at(&myapp("1.0")))];
    let marked = lock(&locked)
        .replace("name = \"fast\"\n", "name = \"fast\"\nmarker = \"'fast' in extras\"\n")
        .replace("created-by", "extras = [\"fast\"]\ncreated-by");
    site.lock(&marked);
    let installed = |requirement: &str| {
        let app = site.app().requirements([requirement]);
        app.run::<&str>(&[]).prints("myapp 1.0 dep 2.5\n");
        app.settle();
        let asked = site.asked();
        asked.iter().any(|line| line.contains("/fast-"))
    };
    assert_eq!(
        (installed("myapp"), installed("myapp[fast]"), installed("myapp[other]")),
        (false, true, false)
    );
}

/// What `uv pip compile`, `uv export` and `pip lock` write, of the same index, is read and runs.
#[test]
fn locks_that_uv_and_pip_wrote_are_releases_too() {
    let index = Index::with([myapp("1.0"), dep("1.5"), dep("2.5")]);
    let folder = tempfile::tempdir().unwrap();
    let uv = |arguments: &[&str]| {
        let mut command = Command::new(daemon::tool("uv"));
        command.args(arguments).args(["--no-cache", "--quiet", "--default-index", &index.url()]);
        command
    };
    std::fs::write(folder.path().join("in.txt"), "myapp\n").unwrap();
    let project = "[project]\nname = \"project\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"myapp\"]\n";
    std::fs::write(folder.path().join("pyproject.toml"), project).unwrap();
    let mut pip = Command::new(daemon::tool("python"));
    pip.args([
        "-m",
        "pip",
        "lock",
        "--quiet",
        "--isolated",
        "--index-url",
        &index.url(),
        "-o",
        "pylock.toml",
        "myapp",
    ]);
    let compile = ["pip", "compile", "--universal", "in.txt", "-o", "pylock.toml"];
    let export = ["export", "--no-emit-project", "--format", "pylock.toml", "-o", "pylock.toml"];
    for mut command in [uv(&compile), uv(&export), pip] {
        let path = folder.path().join("pylock.toml");
        let _ = std::fs::remove_file(&path);
        let done = command.current_dir(folder.path()).env("HOME", folder.path()).output().unwrap();
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
        app(path.to_str().unwrap()).run::<&str>(&[]).prints("myapp 1.0 dep 1.5\n");
    }
}
