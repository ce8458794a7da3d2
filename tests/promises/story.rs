//! The whole story, as the README tells it: from a project's folder to users that update themselves, with a bucket and
//! nothing else. What stands there is typed here; a real service is the bucket.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bucket::{ACCESS_KEY, BUCKET, SECRET_KEY};
use crate::support::project::Project;
use crate::support::{App, Storage};

/// A folder with the sources of that version.
fn write_project(folder: &Path, version: &str) {
    let pyproject = format!(
        "[project]\nname = \"myapp\"\nversion = \"{version}\"\nscripts.myapp = \"myapp:main\"\n\
         [build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['tools']\n"
    );
    let script = "files['myapp-%s.dist-info/entry_points.txt' % version] = '[console_scripts]\\nmyapp = myapp:main\\n'";
    Project::app(version).building(script).pyproject(&pyproject).write_to(folder);
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

/// The lines of the README's story.
fn story() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, section) = readme.split_once("## From a project to users that update themselves").unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    block.split_once("```").unwrap().0.lines().map(str::to_owned).collect()
}

struct World {
    app: App,
    project: PathBuf,
    storage: Option<Storage>,
    endpoint: String,
}

impl World {
    fn new() -> Self {
        let app = App::new();
        let project = app.root().join("project");
        std::fs::create_dir(&project).unwrap();
        write_project(&project, "1.0");
        let storage = Storage::rclone_for_writers();
        let endpoint = storage.endpoint();
        Self { app, project, storage: Some(storage), endpoint }
    }

    /// Types a line, on the packager's machine or on a user's; what it prints comes back.
    fn typed(&self, line: &str) -> String {
        let line = line.replace("s3://my-bucket", &format!("s3://{BUCKET}"));
        let words: Vec<&str> = line.split(' ').collect();
        let start = match words[0] {
            "everfresh" => self.app.start_tool(&words[1..]).cwd(&self.project),
            "myapp" => self.app.start(&words[1..]).program(self.app.root().join("user/myapp")),
            other => panic!("who is {other}?"),
        };
        let home = if words[0] == "myapp" { "other-home" } else { "home" };
        let home = self.app.root().join(home);
        std::fs::create_dir_all(&home).unwrap();
        let outcome = start
            .env("HOME", &home)
            .env("EVERFRESH_CACHE", home.join("cache"))
            .env("BUILDS", self.app.root().join("tmp/builds"))
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_ENDPOINT_URL_S3", &self.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .run();
        outcome.status(0);
        let text = String::from_utf8_lossy(outcome.bytes()).into_owned();
        self.app.settle();
        text
    }

    /// What a line beginning with `#` says has happened.
    fn happens(&mut self, what: &str) {
        match what {
            "# launcher.toml says interval = \"0s\" here: every start looks" => {
                let file = self.project.join("launcher.toml");
                replace(&file, "interval = \"1d\"", "interval = \"0s\"");
                replace(&file, "timeout = \"3s\"", "timeout = \"20s\"");
            }
            "# A user gets dist/bundle/myapp/" => {
                let copied = Command::new("cp")
                    .arg("-r")
                    .args([self.project.join("dist/bundle/myapp"), self.app.root().join("user")])
                    .status();
                assert!(copied.unwrap().success());
            }
            "# The project becomes 1.1" => write_project(&self.project, "1.1"),
            "# The bucket is gone" => self.storage = None,
            other => panic!("what is {other}?"),
        }
    }
}

#[test]
fn the_readme_leads_from_a_project_to_users_that_update_themselves() {
    let mut world = World::new();
    let lines = story();
    let commands = lines.iter().filter(|line| line.starts_with("$ ")).count();
    assert!(commands >= 10, "{lines:#?}");
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if let Some(command) = line.strip_prefix("$ ") {
            let told: String = lines[at..]
                .iter()
                .take_while(|line| !line.starts_with("$ ") && !line.starts_with("# "))
                .map(|line| format!("{line}\n"))
                .collect();
            let printed = world.typed(command);
            // What the tool reports has sizes and paths in it; of an app everything is told.
            if command.starts_with("myapp") {
                assert_eq!(printed, told, "{command}");
            } else {
                for line in told.lines() {
                    assert!(printed.contains(line), "{command}: {line} is not in {printed}");
                }
            }
        } else if line.starts_with("# ") {
            world.happens(line);
        }
    }
    assert!(world.storage.is_none(), "the story ends without a bucket");
}
