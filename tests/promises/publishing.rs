//! A bucket, or any directory behind a web server, is all that a publisher needs: files first, then the index, then
//! what a channel points at; and nobody loses what another one published.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::bucket::{ACCESS_KEY, BUCKET, SECRET_KEY};
use crate::support::outcome::Outcome;
use crate::support::project::Project;
use crate::support::start::Start;
use crate::support::{App, Storage, Wheel, daemon, servers};

/// A packager's machine: a project's folder, and the tool in it.
struct Desk {
    app: App,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { app: App::new(), folder }.version("1.0")
    }

    /// The project's sources are those of that version.
    fn version(self, version: &str) -> Self {
        let pyproject = format!(
            "[project]\nname = \"myapp\"\nversion = \"{version}\"\nscripts.myapp = \"myapp:main\"\n\
             [build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['tools']\n"
        );
        let project = Project::app(version).pyproject(&pyproject);
        project.write_to(self.folder.path());
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        std::fs::write(self.path(path), text).unwrap();
        self
    }

    /// A directory that will be published to.
    fn site(&self) -> String {
        self.path("www").to_str().unwrap().to_owned()
    }

    fn tool(&self, words: &[&str]) -> Outcome {
        self.start(words).run()
    }

    fn start(&self, words: &[&str]) -> Start {
        let builds = self.app.root().join("home/builds");
        self.app.start_tool(words).cwd(self.folder.path()).env("BUILDS", builds)
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The names of all files that are published in a directory.
    fn published(&self) -> Vec<String> {
        let mut waiting = vec![self.path("www")];
        let mut found = vec![];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    found.push(path.strip_prefix(self.path("www")).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

/// What a channel's release says of the version.
fn released(lock: &str) -> Vec<String> {
    let own = lock.lines().filter(|line| line.starts_with("version = ") || line.starts_with("release = "));
    own.map(str::to_owned).collect()
}

#[test]
fn a_directory_is_laid_out_whole_and_the_second_time_nothing_is_left_to_do() {
    let desk = Desk::new();
    let www = desk.site();
    let size = |path: &str| std::fs::metadata(desk.path(path)).unwrap().len();
    desk.tool(&["publish", &www]).status(0).stdout(&format!(
        "{www}/\n  files/myapp-1.0-py3-none-any.whl uploaded ({})\n  stable is now release 1 (1.0)\n",
        shown(size("dist/myapp-1.0-py3-none-any.whl")),
    ));
    assert_eq!(
        desk.published(),
        [
            ".everfresh.lock",
            "files/myapp-1.0-py3-none-any.whl",
            "files/myapp-1.0-py3-none-any.whl.metadata",
            "simple/index.html",
            "simple/index.json",
            "simple/myapp/index.html",
            "simple/myapp/index.json",
            "stable/pylock.toml",
            "stable/releases/1.toml",
        ]
    );
    let before = desk.read("www/simple/myapp/index.json");
    desk.tool(&["publish", &www]).prints(&format!(
        "{www}/\n  files/myapp-1.0-py3-none-any.whl is there already ({})\n  stable is release 1 (1.0) already\n",
        shown(size("dist/myapp-1.0-py3-none-any.whl")),
    ));
    assert_eq!(desk.read("www/simple/myapp/index.json"), before);
    let builds = std::fs::read_to_string(desk.app.root().join("home/builds")).unwrap();
    assert_eq!(builds, "1.0\n", "built once");
}

fn shown(bytes: u64) -> String {
    everfresh::progress::show_bytes(bytes)
}

#[test]
fn a_changed_source_is_built_and_released_and_a_channel_can_go_back_and_be_promoted() {
    let desk = Desk::new();
    let www = desk.site();
    desk.tool(&["publish", &www]).status(0);
    let desk = desk.version("1.1");
    desk.tool(&["publish", "--channel", "beta", "--dry-run", &www])
        .status(0)
        .stdout_has("files/myapp-1.1-py3-none-any.whl would be uploaded")
        .stdout_has("  beta would be release 1 (1.1)\n");
    assert!(!desk.path("www/beta").exists());
    desk.tool(&["publish", "--channel", "beta", &www]).status(0).stdout_has("beta is now release 1 (1.1)");
    assert_eq!(
        released(&desk.read("www/stable/pylock.toml")),
        ["version = \"1.0\"", "release = 1", "version = \"1.0\""]
    );
    desk.tool(&["promote", "beta", "stable", &www]).prints("stable is now release 2 (1.1)\n");
    desk.tool(&["promote", "beta", "stable", &www]).prints("stable is release 2 (1.1) already\n");
    desk.tool(&["rollback", "stable", &www])
        .prints("stable goes back from release 2 (1.1) to release 1 (1.0)\n");
    desk.tool(&["rollback", "stable", &www]).fails(
        1,
        "everfresh: error: the channel stable has no release before the one that it points at\nhint: there are 1, 2\n",
    );
    desk.tool(&["rollback", "--to", "2", "stable", &www])
        .prints("stable goes back from release 1 (1.0) to release 2 (1.1)\n");
    desk.tool(&["promote", "nightly", "stable", &www]).fails(
        1,
        &format!(
            "everfresh: error: there is no channel nightly: no {www}/nightly/pylock.toml\nhint: there are beta, stable\n"
        ),
    );
    let report = desk.tool(&["rollback", "stable", &www, "--json"]).json();
    assert_eq!(
        (&report["from"], &report["number"], &report["version"]),
        (&json!(2), &json!(1), &json!("1.0"))
    );
}

#[test]
fn other_bytes_under_the_same_name_are_refused_unless_forced() {
    let desk = Desk::new();
    let www = desk.site();
    desk.tool(&["publish", &www]).status(0);
    let other = Wheel::new("myapp", "1.0").file("myapp.py", "other = True\n").write_to(&desk.path("dist"));
    let other = other.to_str().unwrap();
    let at = format!("{www}/files/myapp-1.0-py3-none-any.whl");
    desk.tool(&["publish", "--wheel", other, &www]).fails(
        1,
        &format!(
            "everfresh: error: {at} is there already, with other contents\n\
             hint: raise the version, or give --force: whoever has the old file keeps it\n"
        ),
    );
    desk.tool(&["publish", "--wheel", other, "--force", &www]).status(0).stdout_has(".whl replaced (");
    assert_eq!(std::fs::read(at).unwrap(), std::fs::read(other).unwrap());
}

#[test]
fn a_version_can_be_yanked_offered_again_and_taken_away() {
    let desk = Desk::new();
    let www = desk.site();
    desk.tool(&["publish", &www]).status(0);
    let file = "myapp-1.0-py3-none-any.whl";
    desk.tool(&["yank", "myapp==1.0", "--reason", "<loses data>", &www]).prints(&format!("{file} yanked\n"));
    assert!(desk.read("www/simple/myapp/index.html").contains("data-yanked=\"&lt;loses data&gt;\""));
    // Published once more it stays yanked: that is the index's word, not the file's.
    desk.tool(&["publish", &www]).status(0);
    assert!(desk.read("www/simple/myapp/index.json").contains("\"yanked\": \"<loses data>\""));
    desk.tool(&["yank", "--undo", "myapp==1.0", &www]).prints(&format!("{file} offered again\n"));
    assert!(!desk.read("www/simple/myapp/index.html").contains("yanked"));
    desk.tool(&["unpublish", "myapp==1.0", &www]).fails(
        1,
        "everfresh: error: myapp 1.0 is what the channel stable points at\n\
         hint: point the channel elsewhere first: everfresh rollback\n",
    );
    desk.tool(&["unpublish", "--force", "myapp==1.0", &www]).prints(&format!("{file} removed\n"));
    assert!(!desk.path("www/files").join(file).exists());
    desk.tool(&["unpublish", "myapp==1.0", &www]).fails(
        1,
        &format!("everfresh: error: there is no myapp 1.0 in {www}/\nhint: its versions stand in the index: simple/\n"),
    );
}

#[test]
fn what_cannot_be_published_is_told_in_one_line() {
    let desk = Desk::new();
    let www = desk.site();
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &["publish"],
            2,
            "no destination: name s3://bucket/prefix or a directory, or set publish under [tool.everfresh]",
        ),
        (
            &["publish", "https://u:secret@example.org/x"],
            2,
            "'https://example.org/x' cannot be published to: a destination is s3://bucket/prefix or a directory",
        ),
        (
            &["publish", "--channel", "Files", &www],
            2,
            "'Files' is no name of a channel: small letters, digits, '.', '-' and '_', not files or simple",
        ),
        (
            &["publish", "s3://no/../where"],
            2,
            "'s3://no/../where' is not the address of a source: its path has parts that are '.' or '..', or is too long",
        ),
        (&["yank", "myapp", &www], 2, "'myapp' is not written as myapp==1.1"),
        (&["rollback", "stable", "--to", "x", &www], 2, "'x' is not the number of a release"),
    ];
    for (words, status, message) in cases {
        let outcome = desk.tool(words);
        outcome.status(status).stdout("");
        assert!(outcome.err().contains(message), "{words:?}: {}", outcome.err());
        assert!(!outcome.err().contains("secret"));
    }
    desk.write("README.md", "no project").write("native.c", "");
    std::fs::remove_file(desk.path("pyproject.toml")).unwrap();
    let folder = desk.folder.path().display();
    let outcome = desk.tool(&["publish", &www]);
    outcome.status(1).stderr_has("there is no project in .: neither pyproject.toml nor setup.py\n");
    assert!(!outcome.err().contains(&folder.to_string()));
    let broken = Desk::new();
    broken.write(
        "tools/backend.py",
        "def build_wheel(*_, **__):\n    raise SystemExit('no compiler in sight')\n",
    );
    broken
        .tool(&["publish", &broken.site()])
        .status(1)
        .stderr_has("no compiler in sight")
        .stderr_has("the build of . failed\nhint: what the build backend said stands above\n");
}

#[test]
fn a_lock_that_lacks_what_the_wheel_asks_for_is_refused() {
    let desk = Desk::new();
    let wheel = Wheel::new("myapp", "1.0").requires("dep>=2").write_to(&desk.path("dist"));
    let wheel = wheel.to_str().unwrap();
    let lock = |packages: &str| format!("lock-version = \"1.0\"\ncreated-by = \"x\"\n{packages}");
    let dep = "[[packages]]\nname = \"dep\"\nversion = \"1.0\"\nwheels = [{ url = \"https://h/dep-1.0-py3-none-any.whl\", \
               hashes = { sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\" } }]\n";
    for (packages, reason) in [
        ("packages = []\n", "it has no dep>=2 for myapp-1.0-py3-none-any.whl"),
        (dep, "it has dep 1.0, myapp-1.0-py3-none-any.whl asks for dep>=2"),
    ] {
        desk.write("pylock.toml", &lock(packages));
        desk.tool(&["publish", "--wheel", wheel, &desk.site()]).fails(
            1,
            &format!(
                "everfresh: error: {}: {reason}\nhint: everfresh lock writes it anew\n",
                "./pylock.toml",
            ),
        );
    }
    assert!(!desk.path("www/files").exists(), "nothing is sent before all is known to fit");
}

/// pip and uv ask nginx, which serves the directory and nothing else.
#[test]
fn pip_and_uv_install_from_the_published_index() {
    let desk = Desk::new();
    // nginx serves as another user.
    let public = servers::public_directory();
    let www = servers::folder(&public, "www");
    let site = www.to_str().unwrap();
    desk.tool(&["publish", site]).status(0);
    let desk = desk.version("1.1");
    desk.tool(&["publish", site]).status(0);
    desk.tool(&["yank", "myapp==1.1", site]).status(0);
    let work = servers::folder(&public, "work");
    let nginx = servers::nginx(&www, &work, "index index.html;");
    let index = nginx.url("/simple/");
    let python = daemon::tool("python");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--isolated"]);
    pip.args(["--index-url", &index, "--target"]).arg(desk.path("by-pip")).arg("myapp");
    let mut uv = Command::new(daemon::tool("uv"));
    uv.args(["pip", "install", "--no-cache", "--no-config", "--index-url", &index, "--python"]).arg(&python);
    uv.arg("--target").arg(desk.path("by-uv")).arg("myapp");
    for (mut command, folder) in [(pip, "by-pip"), (uv, "by-uv")] {
        let output = command.env("HOME", desk.folder.path()).env("no_proxy", "*").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(desk.path(folder).join("myapp-1.0.dist-info").exists(), "the yanked one is not taken");
    }
}

/// The packager's tool with the keys of a bucket on a real server.
fn for_bucket(desk: &Desk, storage: &Storage, words: &[&str]) -> Start {
    desk.start(words)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_ENDPOINT_URL_S3", storage.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// rclone checks every signature; moto has conditions, metadata and access lists as Amazon has them.
#[test]
fn a_bucket_gets_the_same_as_a_directory() {
    for storage in [Storage::rclone_for_writers(), Storage::moto()] {
        let desk = Desk::new();
        let address = format!("s3://{BUCKET}/apps/my app");
        for_bucket(&desk, &storage, &["publish", &address])
            .run()
            .status(0)
            .stdout_has("myapp-1.0-py3-none-any.whl uploaded")
            .stdout_has("stable is now release 1 (1.0)\n");
        for_bucket(&desk, &storage, &["publish", &address])
            .run()
            .status(0)
            .stdout_has("is there already")
            .stdout_has("stable is release 1 (1.0) already\n");
        let got = storage.boto3(&[json!(["head_object", {
            "Bucket": BUCKET, "Key": "apps/my app/files/myapp-1.0-py3-none-any.whl"
        }])]);
        assert!(got[0]["ContentLength"].as_u64().is_some_and(|length| length > 0), "{got:?}");
    }
}

/// moto serves objects by their keys alone, as Amazon does: `simple/myapp/` is one.
#[test]
fn pip_installs_from_a_bucket_that_serves_no_index_html() {
    let storage = Storage::moto();
    let desk = Desk::new();
    for_bucket(
        &desk,
        &storage,
        &["publish", "--folder-pages", "--acl", "public-read", &format!("s3://{BUCKET}/x")],
    )
    .run()
    .status(0);
    let mut pip = Command::new(daemon::tool("python"));
    pip.args(["-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--isolated"]);
    pip.arg("--index-url").arg(format!("{}/{BUCKET}/x/simple/", storage.endpoint().trim_end_matches('/')));
    let output = pip.arg("--target").arg(desk.path("by-pip")).arg("myapp").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(desk.path("by-pip/myapp-1.0.dist-info").exists());
}

#[test]
fn objects_tell_how_long_they_may_be_kept_and_who_may_read_them() {
    let storage = Storage::moto();
    let desk = Desk::new();
    let address = format!("s3://{BUCKET}/x");
    for_bucket(&desk, &storage, &["publish", "--folder-pages", "--acl", "public-read", &address])
        .run()
        .status(0);
    let head = |key: &str| json!(["head_object", {"Bucket": BUCKET, "Key": format!("x/{key}")}]);
    let keys = [
        "files/myapp-1.0-py3-none-any.whl",
        "simple/myapp/",
        "simple/myapp/index.json",
        "stable/pylock.toml",
    ];
    let answers = storage.boto3(&keys.map(head));
    let told = |answer: &Value, key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    let found: Vec<(String, String)> =
        answers.iter().map(|answer| (told(answer, "ContentType"), told(answer, "CacheControl"))).collect();
    let minute = "public, max-age=60".to_owned();
    let wanted = [
        ("application/octet-stream".to_owned(), "public, max-age=31536000, immutable".to_owned()),
        ("text/html; charset=utf-8".to_owned(), minute.clone()),
        ("application/vnd.pypi.simple.v1+json".to_owned(), minute.clone()),
        ("application/toml".to_owned(), minute),
    ];
    assert_eq!(found, wanted);
    let acl = storage.boto3(&[json!(["get_object_acl", {"Bucket": BUCKET, "Key": "x/stable/pylock.toml"}])]);
    assert!(acl[0].to_string().contains("AllUsers"), "{acl:?}");
}

/// moto answers the second writer's condition with 412, as Amazon does.
#[test]
fn two_publishers_at_once_lose_nothing() {
    let storage = Storage::moto();
    let desks: Vec<Desk> =
        ["1.0", "1.1", "1.2", "1.3"].into_iter().map(|version| Desk::new().version(version)).collect();
    let address = format!("s3://{BUCKET}/x");
    let running: Vec<_> =
        desks.iter().map(|desk| for_bucket(desk, &storage, &["publish", &address]).spawn()).collect();
    for run in running {
        run.wait().status(0);
    }
    let file = desks[0].path("page.json");
    let read = |key: &str| {
        let got = for_bucket(&desks[0], &storage, &["rpc"]).stdin(format!(
            "{}\n",
            json!({"op": "s3.get", "endpoint": storage.endpoint(), "region": "us-east-1", "bucket": BUCKET,
                   "key": format!("x/{key}"), "dest": file})
        ));
        assert_eq!(got.run().json()["ok"], true, "{key}");
        std::fs::read_to_string(&file).unwrap()
    };
    let page: Value = serde_json::from_str(&read("simple/myapp/index.json")).unwrap();
    assert_eq!(page["versions"], json!(["1.0", "1.1", "1.2", "1.3"]));
    let html = read("simple/myapp/index.html");
    assert_eq!(html.matches("<a href=").count(), 4, "{html}");
    // Four releases, each after another one: back from the last to the first.
    let mut text = read("stable/pylock.toml");
    let value = |text: &str, key: &str| {
        let begins = format!("{key} = ");
        text.lines()
            .rev()
            .find_map(|line| line.strip_prefix(&begins).map(|value| value.trim_matches('"').to_owned()))
    };
    let mut versions: Vec<String> = value(&text, "version").into_iter().collect();
    while let Some(previous) = value(&text, "previous") {
        text = read(&format!("stable/releases/{previous}.toml"));
        versions.extend(value(&text, "version"));
    }
    versions.sort();
    assert_eq!(versions, ["1.0", "1.1", "1.2", "1.3"]);
}

#[test]
fn a_bucket_that_is_not_there_or_not_ours_is_told_in_one_line() {
    let storage = Storage::moto();
    let desk = Desk::new();
    for_bucket(&desk, &storage, &["publish", "s3://nowhere-at-all/x"])
        .run()
        .status(1)
        .stderr_has("cannot write s3://nowhere-at-all/x/files/myapp-1.0-py3-none-any.whl: there is no such bucket (NoSuchBucket)");
    // rclone looks at the key.
    let storage = Storage::rclone_for_writers();
    for_bucket(&desk, &storage, &["publish", &format!("s3://{BUCKET}/x")])
        .env("AWS_SECRET_ACCESS_KEY", "wrong")
        .run()
        .status(1)
        .stderr_has("everfresh: error: cannot look for s3://wheels/x/files/myapp-1.0-py3-none-any.whl")
        .stderr_has("hint: check the AWS credentials");
}

/// moto keeps parts as Amazon does, and tells which there are.
#[test]
fn a_large_file_goes_in_parts_and_an_interrupted_upload_is_gone_on_with() {
    let storage = Storage::moto();
    let desk = Desk::new();
    let large = large_wheel(&desk);
    let key = format!("x/files/{}", large.file_name().unwrap().to_str().unwrap());
    // What a publisher left that was killed: the first part, in an upload that nobody finished.
    let bytes = std::fs::read(&large).unwrap();
    desk.write("part", "");
    std::fs::write(desk.path("part"), &bytes[..16 << 20]).unwrap();
    let begun = storage.boto3(&[json!(["create_multipart_upload", {"Bucket": BUCKET, "Key": key}])]);
    let upload = begun[0]["UploadId"].as_str().unwrap();
    storage.boto3(&[json!(["upload_part", {
        "Bucket": BUCKET, "Key": key, "UploadId": upload, "PartNumber": 1, "Path": desk.path("part")
    }])]);
    let words = ["publish", "--wheel", large.to_str().unwrap(), &format!("s3://{BUCKET}/x")];
    for_bucket(&desk, &storage, &words).run().status(0).stdout_has("uploaded");
    let got = storage.boto3(&[
        json!(["head_object", {"Bucket": BUCKET, "Key": key}]),
        json!(["list_multipart_uploads", {"Bucket": BUCKET}]),
    ]);
    assert_eq!(got[0]["ContentLength"], bytes.len());
    assert!(got[0]["ETag"].as_str().unwrap().ends_with("-5\""), "{}", got[0]["ETag"]);
    assert!(
        got[1]["Uploads"].is_null(),
        "the upload that was begun is the one that was finished: {}",
        got[1]
    );
    for_bucket(&desk, &storage, &words).run().status(0).stdout_has("is there already");
}

/// A wheel of `myapp` 1.0 of somewhat more than four parts.
fn large_wheel(desk: &Desk) -> PathBuf {
    let mut noise = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise.to_le_bytes()
    })
    .take((66 << 20) / 8)
    .flatten()
    .collect();
    Wheel::new("myapp", "1.0")
        .file("myapp.py", "x = 1\n")
        .file("noise.bin", bytes)
        .write_to(&desk.path("dist"))
}

#[test]
fn the_configuration_says_where_to_publish() {
    let desk = Desk::new();
    let text = desk.read("pyproject.toml");
    desk.write("pyproject.toml", &format!("{text}\n[tool.everfresh]\npublish = [\"one\", \"two\"]\n"));
    desk.tool(&["publish", "--json"]).status(0);
    assert!(desk.path("one/stable/pylock.toml").exists() && desk.path("two/stable/pylock.toml").exists());
    desk.write("pyproject.toml", &format!("{text}\n[tool.everfresh]\npublish = 7\n"));
    desk.tool(&["publish"])
        .status(1)
        .stderr_has("pyproject.toml: [tool.everfresh] publish must be an address or a list of addresses\n");
    desk.write("pyproject.toml", &text).write(
        "launcher.toml",
        "[app]\nname = \"myapp\"\nrequirements = []\nentry = \"myapp:main\"\n[[source]]\nurl = \"three/beta/pylock.toml\"\n",
    );
    desk.tool(&["publish"]).status(0);
    assert!(desk.path("three/stable/pylock.toml").exists());
}

/// The whole story, on a real service: published, run elsewhere, updated, rolled back, and run with the service gone.
#[test]
fn what_is_published_is_what_users_run_until_it_is_rolled_back() {
    let storage = Storage::rclone_for_writers();
    let desk = Desk::new();
    let address = format!("s3://{BUCKET}/myapp");
    for_bucket(&desk, &storage, &["publish", &address]).run().status(0);
    let user = App::new()
        .requirements([])
        .entry("myapp:main")
        .update("interval", "0s")
        .update("timeout", "20s")
        .source(format!("{address}/stable/pylock.toml"))
        .source_key("endpoint", storage.endpoint())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    user.run::<&str>(&[]).prints("myapp 1.0\n");
    user.settle();
    let desk = desk.version("1.1");
    for_bucket(&desk, &storage, &["publish", &address])
        .run()
        .status(0)
        .stdout_has("stable is now release 2 (1.1)");
    user.run::<&str>(&[]).prints("myapp 1.1\n");
    user.settle();
    for_bucket(&desk, &storage, &["rollback", "stable", &address])
        .run()
        .prints("stable goes back from release 2 (1.1) to release 1 (1.0)\n");
    user.run::<&str>(&[]).prints("myapp 1.0\n");
    user.settle();
    drop(storage);
    user.run::<&str>(&[]).status(0).stdout("myapp 1.0\n");
}
