//! Whoever knows pipper changes the command's name and goes on: the real pipper and ours take each other's packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::bucket::{ACCESS_KEY, BUCKET, SECRET_KEY};
use crate::support::project::Project;
use crate::support::{App, Egg, Index, Pipper, Storage, Wheel, daemon, python};

/// A packager of that bucket, which is the default repository.
fn packager(storage: &Storage) -> App {
    let app = storage.app("pipper").env("AWS_ENDPOINT_URL_S3", storage.endpoint());
    let app = app.env("AWS_REGION", "us-east-1").env("BUILDS", "/dev/null");
    app.tool(&["repository", "add", "team", "--bucket", BUCKET, "-d"]).prints("team is added\n");
    app
}

fn put(storage: &Storage, package: &Pipper) {
    put_all(storage, std::slice::from_ref(package));
}

fn put_all(storage: &Storage, packages: &[Pipper]) {
    let call = |package: &Pipper| {
        let key = format!("pipper/{}", package.key());
        json!(["put_object", {"Bucket": BUCKET, "Key": key, "Path": storage.write(package.clone())}])
    };
    storage.boto3(&packages.iter().map(call).collect::<Vec<_>>());
}

fn library(name: &str, version: &str) -> Pipper {
    Pipper::new(Wheel::new(name, version).printing_module(name), version)
}

/// The real pipper; what it prints.
#[track_caller]
fn pipper(app: &App, storage: &Storage, words: &[&str]) -> String {
    let program = daemon::tool("pipper");
    let mut command = Command::new(&program);
    command.args(words).env_clear().env("HOME", app.root().join("home")).current_dir(app.root());
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    command.env("PATH", path).env("TMPDIR", app.root().join("tmp")).env("BUILDS", "/dev/null");
    command.env("AWS_ENDPOINT_URL_S3", storage.endpoint()).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("PIP_NO_INDEX", "1");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    said
}

/// A project as pipper wants one.
fn project(app: &App, version: &str) -> PathBuf {
    let folder = app.root().join("project");
    Project::app(version).write_to(&folder);
    std::fs::write(folder.join("setup.py"), "").unwrap();
    std::fs::write(folder.join("pipper.json"), "{\"dependencies\": [\"dep:1.*.*\"], \"note\": \"ä\"}")
        .unwrap();
    let pyproject = std::fs::read_to_string(folder.join("pyproject.toml")).unwrap();
    let project = format!("[project]\nname = 'myapp'\nversion = '{version}'\n\n{pyproject}");
    std::fs::write(folder.join("pyproject.toml"), project).unwrap();
    folder
}

fn venv() -> String {
    python::venv().to_str().unwrap().to_owned()
}

/// The real pipper builds, bundles and uploads; rclone checks all signatures.
#[test]
fn what_the_real_pipper_publishes_the_launcher_and_the_tool_take() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    put(&storage, &library("dep", "1.4.0"));
    put(&storage, &library("dep", "2.0.0"));
    let folder = project(&app, "1.2.0");
    let folder = folder.to_str().unwrap();
    let bundled = pipper(&app, &storage, &["bundle", folder]);
    assert!(bundled.contains("[BUNDLED]"), "{bundled}");
    pipper(&app, &storage, &["publish", folder, "-b", BUCKET]);
    app.run::<&str>(&[]).prints("myapp 1.2.0\n");
    app.tool(&["download", "-e", "myapp", "-d", "got"]).prints(
        "[DOWNLOADED]: myapp -> [DIR]/home/got/myapp-1.2.0.pipper\n[EXTRACTED]:\n  \
         * [DIR]/home/got/myapp-1.2.0-py3-none-any.whl\n  \
         * [DIR]/home/got/myapp-1.2.0-py3-none-any.whl.meta.json\n",
    );
    // pipper itself names and extracts them so.
    pipper(&app, &storage, &["download", "-e", "myapp:1.2.0", "-d", "theirs", "-b", BUCKET]);
    for name in ["myapp-1.2.0.pipper", "myapp-1.2.0-py3-none-any.whl"] {
        let ours = std::fs::read(app.root().join("home/got").join(name)).unwrap();
        assert!(ours == std::fs::read(app.root().join("theirs").join(name)).unwrap(), "{name}");
    }
    let meta = |folder: &str| -> Value {
        let file = app.root().join(folder).join("myapp-1.2.0-py3-none-any.whl.meta.json");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    assert_eq!(meta("home/got"), meta("theirs"));
    let index = Index::with::<Wheel>([]);
    app.tool(&["install", "myapp", "-t", "site", "--python", &venv(), "--index", &index.url()])
        .prints("[INSTALLED]: dep 1.4.0\n[INSTALLED]: myapp 1.2.0\n");
}

/// The real pipper downloads and installs; rclone checks all signatures.
#[test]
fn what_we_publish_the_real_pipper_takes() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    put(&storage, &library("dep", "1.4.0"));
    let folder = project(&app, "1.2.0");
    let publish = ["publish", "--pipper", "--project", folder.to_str().unwrap(), "--python", &venv()]
        .map(str::to_owned);
    let at = format!("s3://{BUCKET}/pipper/myapp/v1-2-0.pipper");
    app.tool(&publish).prints(&format!("[PUBLISHED]: \"myapp\" version 1.2.0 -> {at}\n"));
    app.tool(&publish).prints("[SKIPPED]: \"myapp\" version 1.2.0 is already published\n");
    app.tool(&[&publish[..], &["--skip-fails".to_owned()]].concat()).fails(
        1,
        &format!("everfresh: error: {at} is published already\nhint: raise the version, or give --force\n"),
    );
    app.tool(&[&publish[..], &["-f".to_owned()]].concat()).status(0);
    pipper(&app, &storage, &["download", "-e", "myapp", "-d", "theirs", "-b", BUCKET]);
    assert!(app.root().join("theirs/myapp-1.2.0-py3-none-any.whl").is_file());
    pipper(&app, &storage, &["install", "myapp", "-t", "site", "-b", BUCKET]);
    for name in ["myapp-1.2.0.dist-info", "dep-1.4.0.dist-info"] {
        assert!(app.root().join("site").join(name).is_dir(), "{name}");
    }
    let head =
        storage.boto3(&[json!(["head_object", {"Bucket": BUCKET, "Key": "pipper/myapp/v1-2-0.pipper"}])]);
    assert_eq!(head[0]["ContentType"], "application/zip");
    app.run::<&str>(&[]).prints("myapp 1.2.0\n");
}

/// What pipper keeps beside an object, on moto, which keeps it as Amazon does.
#[test]
fn an_object_tells_what_it_is_as_pippers_do() {
    let storage = Storage::moto();
    let app = packager(&storage);
    let folder = project(&app, "1.2.0rc1");
    app.tool(&["publish", "--pipper", "--project", folder.to_str().unwrap(), "--python", &venv()]).status(0);
    let key = "pipper/myapp/v1-2-0__pre_rc_1.pipper";
    let head = storage.boto3(&[json!(["head_object", {"Bucket": BUCKET, "Key": key}])]).remove(0);
    let metadata = &head["Metadata"];
    let package: Value = serde_json::from_str(metadata["package"].as_str().unwrap()).unwrap();
    assert_eq!(package["dependencies"], json!(["dep:1.*.*"]));
    assert_eq!(package["note"], "ä");
    assert_eq!(package["wheel_name"], "myapp-1.2.0rc1-py3-none-any.whl");
    for (key, value) in [("name", "myapp"), ("version", "1.2.0-rc.1"), ("safe_version", "v1-2-0__pre_rc_1")] {
        assert_eq!((&metadata[key], &package[key]), (&json!(value), &json!(value)), "{key}");
    }
    assert!(package["timestamp"].as_str().unwrap().ends_with("+00:00"));
    let wheel = Wheel::app("1.1.0").write_to(&app.root());
    app.tool(&["publish", "--pipper", "--wheel", wheel.to_str().unwrap()]).status(0);
    let said = pipper(&app, &storage, &["info", "myapp", "-b", BUCKET]);
    assert!(said.contains("* Latest version: 1.1.0"), "{said}");
}

#[test]
fn a_directory_behind_a_web_server_is_a_destination_too() {
    let app = App::new().requirements(["myapp"]).entry("myapp:main").source("packages");
    let app = app.env("BUILDS", "/dev/null").redact(&venv(), "[VENV]");
    let wheel = Wheel::app("1.0").write_to(&app.root());
    let place = app.folder().join("packages");
    let words = ["publish", "--pipper", "--wheel", wheel.to_str().unwrap(), place.to_str().unwrap()];
    app.tool(&words)
        .prints("[PUBLISHED]: \"myapp\" version 1.0.0 -> [DIR]/app/packages/myapp/v1-0-0.pipper\n");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let wheel = Wheel::app("1.0.post1").write_to(&app.root());
    let words = ["publish", "--pipper", "--wheel", wheel.to_str().unwrap(), place.to_str().unwrap()];
    app.tool(&words).fails(
        1,
        "everfresh: error: myapp-1.0.post1-py3-none-any.whl: 1.0.post1 has no counterpart in semantic versioning\n\
         hint: pipper's versions are three numbers, as 1.2.3 or 1.2.3rc1\n",
    );
}

/// The table of pipper's `test_find_latest_match.py` in small, with pipper's own answers.
#[test]
fn every_form_of_a_constraint_finds_the_version_that_pipper_finds() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    let mut versions =
        ["0.0.1", "0.1.0", "0.1.1", "1.0.0", "1.1.0", "2.0.0"].map(|v| library("lib", v)).to_vec();
    versions.push(Pipper::new(Wheel::new("lib", "3.0.0a1"), "3.0.0-alpha.1"));
    put_all(&storage, &versions);
    for (wanted, version) in [
        ("lib", "2.0.0"),
        ("lib:0.1.0", "0.1.0"),
        ("lib:=0.1.0", "0.1.0"),
        ("lib:==1.0.0", "1.0.0"),
        ("lib:0.1.*", "0.1.1"),
        ("lib:1.*.*", "1.1.0"),
        ("lib:<1.0.0", "0.1.1"),
        ("lib:<=1.0.0", "1.0.0"),
        ("lib:>1.0.0", "2.0.0"),
        ("lib:>=1.0.0", "2.0.0"),
        ("lib:v1-1-0", "1.1.0"),
        ("lib:3.0.0-alpha.1", "3.0.0-alpha.1"),
        ("lib>=1,<2", "1.1.0"),
        ("Lib", "2.0.0"),
    ] {
        let found = app.tool(&["download", "--json", "-d", "got", wanted]).json();
        assert_eq!(found["downloaded"][0]["version"], version, "{wanted}");
    }
}

#[test]
fn what_is_installed_stays_unless_it_is_upgraded_and_info_tells_how_it_stands() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    let index = Index::with([Wheel::new("public", "1.0").printing_module("public")]);
    put(&storage, &library("dep", "1.0.0"));
    put(&storage, &Pipper::app("1.0.0").meta("dependencies", vec!["dep"]).meta("pypi", vec!["public"]));
    let python = venv();
    let tool = |words: &[&str]| {
        let common = match words[0] {
            "install" => vec!["-t", "site", "--python", &python, "--index"],
            _ => vec!["-t", "site", "--python", &python],
        };
        let url = index.url();
        let index = if words[0] == "install" { vec![url.as_str()] } else { vec![] };
        app.tool(&[words, &common, &index].concat())
    };
    let info = |state: &str, latest: &str| {
        tool(&["info", "myapp"]).stdout_fits(&format!(
            "[PACKAGE]: myapp\n\n   * Latest version: {latest}\n   * Uploaded at: …Z\n\n{state}\n"
        ));
    };
    info("[MISSING]: The package is not installed locally", "1.0.0");
    tool(&["info", "-l", "myapp"])
        .prints("[PACKAGE]: myapp\n[MISSING]: The package is not installed locally\n");
    tool(&["install", "myapp", "--dry-run"])
        .prints("[DRY_RUN]: dep 1.0.0\n[DRY_RUN]: myapp 1.0.0\n[DRY_RUN]: public 1.0\n");
    tool(&["install", "myapp"])
        .prints("[INSTALLED]: dep 1.0.0\n[INSTALLED]: myapp 1.0.0\n[INSTALLED]: public 1.0\n");
    info("[CURRENT]: The most recent version is already installed", "1.0.0");
    put(&storage, &Pipper::app("1.1.0").meta("dependencies", vec!["dep"]));
    put(&storage, &library("dep", "1.5.0"));
    info("[BEHIND]: local 1.0.0 version is older than 1.1.0", "1.1.0");
    tool(&["install", "myapp"]).prints("[SKIPPED]: \"myapp\" already installed at version 1.0.0\n");
    tool(&["install", "myapp:1.0.0"]).prints("[SKIPPED]: \"myapp\" already installed at version 1.0.0\n");
    // What it needs is there, and stays.
    tool(&["install", "-u", "myapp"]).prints("[INSTALLED]: myapp 1.1.0\n");
    tool(&["install", "myapp:1.0.0"]).prints("[INSTALLED]: myapp 1.0.0\n");
    tool(&["install", "--update", "myapp", "dep"])
        .prints("[INSTALLED]: dep 1.5.0\n[INSTALLED]: myapp 1.1.0\n");
    tool(&["info", "-l", "myapp"]).prints("[PACKAGE]: myapp\n[EXISTS]: Installed version is myapp 1.1.0\n");
    let json = tool(&["info", "--json", "myapp"]).json();
    let package = &json["packages"][0];
    assert_eq!((&package["state"], &package["local"]), (&json!("CURRENT"), &json!("1.1.0")));
    assert_eq!(package["versions"], json!(["1.0.0", "1.1.0"]));
    let none = tool(&["info", "none"]);
    none.fails(
        1,
        "everfresh: error: s3://wheels/pipper/ has no none\nhint: check the name, --bucket and --prefix\n",
    );
}

#[test]
fn a_pipper_json_says_what_is_installed() {
    let storage = Storage::rclone();
    let text = json!({
        "dependencies": ["myapp:1.0.0"], "dev_dependencies": ["dep"], "pypi": ["public>=1"], "conda": ["numpy"],
    });
    let app = packager(&storage).file("../home/pipper.json", text.to_string());
    put_all(&storage, &[Pipper::app("1.0.0"), Pipper::app("1.1.0"), library("dep", "1.0.0")]);
    let index = Index::with([Wheel::new("public", "1.0").printing_module("public")]);
    let (url, python) = (index.url(), venv());
    let words = ["install", "-t", "site", "--python", &python, "--index", &url];
    let outcome = app.tool(&words);
    outcome.stderr("everfresh: warning: packages of conda are not looked for\n").status(0);
    outcome.stdout("[INSTALLED]: myapp 1.0.0\n[INSTALLED]: public 1.0\n");
    let dev = app.tool(&[&words[..], &["--dev"]].concat());
    dev.status(0).stdout("[INSTALLED]: dep 1.0.0\n");
    app.tool(&["download", "--development"]).prints("[DOWNLOADED]: dep -> [DIR]/home/dep-1.0.0.pipper\n");
    app.tool(&["authorize", "-q", "-i", "pipper.json"]).stdout_fits("…/pipper/myapp/v1-0-0.pipper?…\n");
}

#[test]
fn a_package_keeps_its_name_as_its_project_writes_it() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    let metadata = "Metadata-Version: 2.1\nName: My_App\nVersion: 1.0\n";
    let wheel = Wheel::new("my-app", "1.0").metadata(metadata).write_to(&app.root());
    app.tool(&["publish", "--pipper", "--wheel", wheel.to_str().unwrap()]).prints(&format!(
        "[PUBLISHED]: \"My_App\" version 1.0.0 -> s3://{BUCKET}/pipper/My_App/v1-0-0.pipper\n"
    ));
    for name in ["My_App", "my-app"] {
        app.tool(&["download", name]).prints("[DOWNLOADED]: My_App -> [DIR]/home/My_App-1.0.0.pipper\n");
    }
    let said = pipper(&app, &storage, &["download", "My_App", "-b", BUCKET]);
    assert!(said.contains("[DOWNLOADED]: My_App"), "{said}");
}

#[test]
fn an_interpreters_own_pip_installs_into_its_environment() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    put(&storage, &Pipper::app("1.0.0"));
    let place = app.root().join("venv");
    let made = Command::new(python::path()).args(["-m", "venv"]).arg(&place).status().unwrap();
    assert!(made.success());
    let python = place.join("bin/python");
    let python = python.to_str().unwrap();
    app.tool(&["install", "myapp", "--python", python]).prints("[INSTALLED]: myapp 1.0.0\n");
    let ran = Command::new(python).args(["-c", "import myapp; myapp.main()"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "myapp 1.0.0\n");
    app.tool(&["info", "-l", "myapp", "--python", python])
        .prints("[PACKAGE]: myapp\n[EXISTS]: Installed version is myapp 1.0.0\n");
}

#[test]
fn what_is_not_whole_and_sound_is_not_kept_and_the_file_before_it_stays() {
    let storage = Storage::rclone();
    let app = packager(&storage);
    put(&storage, &Pipper::app("1.0.0"));
    app.tool(&["download", "myapp"]).status(0);
    let file = app.root().join("home/myapp-1.0.0.pipper");
    let before = std::fs::read(&file).unwrap();
    let lie = Pipper::app("1.0.0").meta("wheel_name", "../../myapp-1.0.0-py3-none-any.whl");
    put(&storage, &lie);
    for words in [&["download", "-e", "myapp"][..], &["install", "myapp", "-t", "site", "--python", &venv()]]
    {
        app.tool(words).status(1);
        assert_eq!(std::fs::read(&file).unwrap(), before);
        let mut left: Vec<_> = names(&app.root().join("home"));
        left.sort();
        assert_eq!(left, [".config", "myapp-1.0.0.pipper"]);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_cannot_be_meant_is_said_in_two_lines() {
    let app =
        App::new().file("../home/list.json", "{\"dependencies\": [1]}").file("../home/bad.json", "{\n,}");
    for (words, status, error, hint) in [
        (
            &["install", "-t", "a", "--user", "myapp"][..],
            2,
            "--target and --user are two places",
            "see: everfresh help install",
        ),
        (
            &["download"],
            2,
            "download needs a NAME, or a pipper.json with dependencies",
            "see: everfresh help download",
        ),
        (
            &["download", "-i", "list.json"],
            1,
            "list.json: dependencies has what is no text",
            "mend it, or take it away",
        ),
        (&["download", "-i", "bad.json"], 1, "bad.json: line 2: not valid JSON", "mend it, or take it away"),
        (
            &["download", "myapp:~1"],
            2,
            "invalid requirement 'myapp:~1': expected a version such as 1.2.3, 1.2.* or v1-2-3 behind the ':'",
            "requirements are written as PEP 508 says: \"name[extra]>=1.2,<2; python_version<'3.12'\"",
        ),
        (&["info"], 2, "info needs NAME…", "see: everfresh help info"),
        (&["info", "a b"], 2, "'a b' is not a valid name", "see: everfresh help info"),
    ] {
        app.tool(words).fails(status, &format!("everfresh: error: {error}\nhint: {hint}\n"));
    }
}

#[test]
fn every_command_of_pippers_has_its_row_and_what_stands_there_is_a_command_of_ours() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-pipper.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `pipper ")).collect();
    for command in ["install", "bundle", "publish", "info", "download", "authorize", "repository"] {
        assert!(rows.iter().any(|row| row.starts_with(&format!("| `pipper {command}"))), "{command}");
    }
    let app = App::new();
    let mut seen = 0;
    for row in rows {
        let ours = row.split(" | ").nth(1).unwrap();
        for line in ours.split('`').filter(|word| word.starts_with("everfresh ")) {
            let mut words = line.split(' ').skip(1);
            let help = app.tool(&["help", words.next().unwrap()]);
            help.status(0);
            let help = String::from_utf8_lossy(help.bytes()).into_owned();
            for option in words.filter(|word| word.starts_with('-')) {
                let long = option.starts_with("--") && help.contains(&format!("  {option} "));
                assert!(long || help.contains(&format!("; or {option}")), "{line}: {option}");
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} commands");
}

#[test]
fn the_configurations_for_those_who_come_from_transmute_start() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-transmute.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).map(|part| part.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let app = App::new().config(&block.replace("s3://my-bucket/eggs", "eggs"));
        std::fs::create_dir(app.folder().join("eggs")).unwrap();
        let egg = Egg::new("myapp", "1.0")
            .file("myapp/__init__.py", "")
            .file("myapp/cli.py", "def main():\n    print('hello')\n");
        egg.distribution().write_to(&app.folder().join("eggs"));
        let hook = app.folder().join("on-failure");
        std::fs::write(&hook, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        app.run::<&str>(&[]).prints("hello\n");
    }
}

/// The real pipper publishes what we bundled, and installs it.
#[test]
fn what_we_bundle_for_pipper_it_publishes() {
    let storage = Storage::moto();
    let app = packager(&storage);
    let folder = project(&app, "1.2.0");
    let folder = folder.to_str().unwrap();
    let out = app.root().join("out");
    let words = ["bundle", "--project", folder, "--pipper", out.to_str().unwrap()];
    app.tool(&words).prints("pipper   [DIR]/out/myapp-v1-2-0.pipper\n");
    let file = out.join("myapp-v1-2-0.pipper");
    pipper(&app, &storage, &["publish", "-b", BUCKET, file.to_str().unwrap()]);
    app.tool(&["download", "myapp:1.2.0"]).status(0);
}
