//! What a process sees of AWS: variables, the files below its home, a cache. Asked through the library, and, for the
//! same surroundings, through boto3.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use everfresh::aws::{Aws, AwsError, Credentials, Service};
use everfresh::config::AwsConfig;
use everfresh::host::Host;
use everfresh::net::{Net, Settings};
use everfresh::time::{Deadline, Timestamp};

use super::daemon;

/// A user with a home of their own. The metadata service is switched off unless a test names one.
#[derive(Clone)]
pub struct Surroundings {
    home: Arc<tempfile::TempDir>,
    variables: Vec<(String, String)>,
    wish: AwsConfig,
}

impl Surroundings {
    pub fn new() -> Self {
        let home = Arc::new(tempfile::tempdir().unwrap());
        let path = home.path().to_str().unwrap().to_owned();
        let new = Self { home, variables: Vec::new(), wish: AwsConfig::default() };
        new.env("HOME", &path).env("PATH", "/usr/bin:/bin").env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// A home of the same content; `HOME/` in the value of a variable is the home.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(key, _)| key != name);
        let value = value.replace("HOME/", &format!("{}/", self.home.path().display()));
        self.variables.push((name.to_owned(), value));
        self
    }

    /// Several variables, as `NAME=value`.
    pub fn envs(self, assignments: &[&str]) -> Self {
        assignments.iter().fold(self, |all, assignment| {
            let (name, value) = assignment.split_once('=').unwrap();
            all.env(name, value)
        })
    }

    /// A file below the home.
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let file = self.home.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    pub fn config(self, text: &str) -> Self {
        self.file(".aws/config", text)
    }

    pub fn credentials_file(self, text: &str) -> Self {
        self.file(".aws/credentials", text)
    }

    /// `profile = "…"` on the source.
    pub fn profile(mut self, name: &str) -> Self {
        self.wish.profile = Some(name.to_owned());
        self
    }

    /// Whatever else the source says.
    pub fn wish(mut self, change: impl FnOnce(&mut AwsConfig)) -> Self {
        change(&mut self.wish);
        self
    }

    /// The instance metadata service at that address.
    pub fn metadata(self, endpoint: &str) -> Self {
        self.env("AWS_EC2_METADATA_DISABLED", "false").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)
    }

    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    /// The files of the cache.
    pub fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache()).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// A process that has just begun.
    pub fn process(&self) -> Asker {
        let mut host = Host::from_process().unwrap();
        host.env = self.variables.iter().cloned().collect();
        Asker {
            aws: Aws::new(&host, Some(self.cache())),
            net: Net::new(&Settings::default(), &host.env, "everfresh-test"),
            wish: self.wish.clone(),
        }
    }

    pub fn ask(&self) -> Result<Option<Credentials>, AwsError> {
        self.process().ask()
    }

    /// The name of the key that signs, `-` for none, or the error and its hint.
    pub fn key(&self) -> String {
        self.process().key()
    }

    pub fn service(&self) -> Result<Service, AwsError> {
        self.process().aws.service(&self.wish)
    }

    fn as_json(&self) -> String {
        let variables: Vec<String> =
            self.variables.iter().map(|(name, value)| format!("{name:?}: {value:?}")).collect();
        let profile = self.wish.profile.as_ref().map_or_else(|| "null".into(), |name| format!("{name:?}"));
        format!("{{\"profile\": {profile}, \"env\": {{{}}}}}", variables.join(", "))
    }
}

/// One process's way of asking.
pub struct Asker {
    aws: Aws,
    net: Net,
    wish: AwsConfig,
}

impl Asker {
    pub fn ask(&self) -> Result<Option<Credentials>, AwsError> {
        self.ask_within(Duration::from_secs(20))
    }

    pub fn ask_within(&self, time: Duration) -> Result<Option<Credentials>, AwsError> {
        self.aws.credentials(&self.wish, &self.net, Deadline::after(time))
    }

    pub fn key(&self) -> String {
        match self.ask() {
            Ok(found) => found.map_or_else(|| "-".into(), |credentials| credentials.access_key_id),
            Err(error) => format!("{error}\nhint: {}", error.hint()),
        }
    }
}

/// What boto3 finds in the same surroundings: the key's name, `-`, or the class of its error; a line for each.
pub fn boto3(all: &[Surroundings]) -> Vec<String> {
    const SCRIPT: &str = "
import json, os, sys, boto3
for case in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(case['env'])
    try:
        found = boto3.Session(profile_name=case['profile']).get_credentials()
        print(found.get_frozen_credentials().access_key if found else '-')
    except Exception as error:
        print(type(error).__name__)
";
    let mut command = Command::new(daemon::tool("python"));
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let cases: Vec<String> = all.iter().map(Surroundings::as_json).collect();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("[{}]", cases.join(",")).as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A moment `seconds` from now, as services write it.
pub fn moment(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    Timestamp(now.saturating_add_signed(seconds)).to_string()
}

/// What a service or a program hands out, lasting so many seconds from now.
pub fn handed_out(id: &str, seconds: i64) -> String {
    format!(
        "{{\"Version\": 1, \"Code\": \"Success\", \"AccessKeyId\": \"{id}\", \"SecretAccessKey\": \"sesame-{id}\", \
         \"Token\": \"token-{id}\", \"SessionToken\": \"token-{id}\", \"Expiration\": \"{}\"}}",
        moment(seconds)
    )
}

/// What the Security Token Service hands out.
pub fn assumed(action: &str, id: &str, seconds: i64) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
         <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>sesame-{id}</SecretAccessKey>\
         <SessionToken>token-{id}</SessionToken><Expiration>{}</Expiration></Credentials></{action}Result>\
         </{action}Response>",
        moment(seconds)
    )
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
