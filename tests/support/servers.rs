//! Web servers and package indexes as people run them.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::{self, Daemon};
use super::distribution::Distribution;

/// A directory that everybody can read: workers of a server that root starts run as somebody else.
pub fn public_directory() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap()
}

/// A new directory inside it.
pub fn folder(parent: &TempDir, name: &str) -> PathBuf {
    let path = parent.path().join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Adds a user to a password file that nginx, Apache and pypiserver all understand.
pub fn htpasswd(path: &Path, user: &str, password: &str) {
    let mut command = Command::new(daemon::system("htpasswd"));
    command.arg(if path.exists() { "-bm" } else { "-cbm" }).arg(path).args([user, password]);
    succeed(command);
    std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

#[track_caller]
fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// nginx that serves `root`; `directives` are those of its only server. What it needs itself goes into `work`.
pub fn nginx(root: &Path, work: &Path, directives: &str) -> Daemon {
    Daemon::start(&work.join("log"), |port| {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};", work.join(name).display()));
        let config = format!(
            "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log;\n\
             events {{ worker_connections 32; }}\n\
             http {{ access_log off; {1}\nserver {{ listen 127.0.0.1:{port}; root {2};\n{directives}\n}} }}\n",
            work.display(),
            temporary.join(" "),
            root.display()
        );
        let path = work.join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(daemon::system("nginx"));
        command.arg("-c").arg(&path).arg("-p").arg(work);
        command
    })
}

/// Apache that serves `root`, with its listings and CGI; `directives` are those of that directory.
pub fn apache(root: &Path, work: &Path, directives: &str) -> Daemon {
    let mut modules = String::new();
    for name in [
        "mpm_prefork",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "auth_basic",
        "autoindex",
        "cgi",
        "dir",
    ] {
        let _ = writeln!(modules, "LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so");
    }
    Daemon::start(&work.join("log"), |port| {
        let config = format!(
            "ServerRoot {work}\nServerName localhost\nListen 127.0.0.1:{port}\n{modules}\
             DefaultRuntimeDir {work}\nPidFile {work}/pid\nErrorLog {work}/error.log\n\
             User nobody\nGroup nogroup\nStartServers 2\nDocumentRoot {root}\n\
             <Files \"*.cgi\">\nSetHandler cgi-script\n</Files>\n\
             <Directory {root}>\n{directives}\n</Directory>\n",
            work = work.display(),
            root = root.display(),
        );
        let path = work.join("apache.conf");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(daemon::system("apache2"));
        command.arg("-DFOREGROUND").arg("-f").arg(path);
        command
    })
}

/// pypiserver with further options.
pub fn pypiserver(packages: &Path, log: &Path, options: &[&str]) -> Daemon {
    Daemon::start(log, |port| {
        let mut command = Command::new(daemon::tool("pypi-server"));
        command.args(["run", "--interface", "127.0.0.1", "--disable-fallback", "--port", &port.to_string()]);
        command.args(options).arg(packages);
        command
    })
}

/// devpi, with a plugin by which an index says who may fetch its files (`acl_pkg_read`): without one, all may.
pub struct Devpi {
    server: Daemon,
    _directory: TempDir,
}

const PLUGIN: &str = "
from devpi_server.model import ACLList
from pluggy import HookimplMarker

hookimpl = HookimplMarker('devpiserver')

@hookimpl
def devpiserver_indexconfig_defaults(index_type):
    return {'acl_pkg_read': ACLList([':ANONYMOUS:'])}

@hookimpl
def devpiserver_stage_get_principals_for_pkg_read(ixconfig):
    return ixconfig.get('acl_pkg_read')
";

impl Devpi {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let plugin = directory.path().join("plugin");
        let about = plugin.join("readers-1.0.dist-info");
        std::fs::create_dir_all(&about).unwrap();
        std::fs::write(plugin.join("readers.py"), PLUGIN).unwrap();
        std::fs::write(about.join("METADATA"), "Metadata-Version: 2.1\nName: readers\nVersion: 1.0\n")
            .unwrap();
        std::fs::write(about.join("entry_points.txt"), "[devpi_server]\nreaders = readers\n").unwrap();
        let mut init = Command::new(daemon::tool("devpi-init"));
        init.arg("--serverdir").arg(&data).args(["--no-root-pypi", "--root-passwd", "root"]);
        succeed(init);
        let server = Daemon::start(&directory.path().join("log"), |port| {
            let mut command = Command::new(daemon::tool("devpi-server"));
            command.arg("--serverdir").arg(&data).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command.env("PYTHONPATH", &plugin);
            command
        });
        Self { server, _directory: directory }
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(daemon::system("curl"));
        command.args(["--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]);
        command.args(arguments).arg(self.server.url(path));
        succeed(command)
    }

    fn put(&self, path: &str, who: &str, body: &Value) {
        let user = format!("{who}:{who}-secret");
        let arguments = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", &body.to_string()];
        let login = ["-u", user.as_str()];
        let login: &[&str] = if who.is_empty() { &[] } else { &login };
        self.curl(path, &[&arguments[..], login].concat());
    }

    /// A new user, whose password is `<name>-secret`.
    pub fn user(&self, name: &str) -> &Self {
        self.put(&format!("/{name}"), "", &serde_json::json!({"password": format!("{name}-secret")}));
        self
    }

    /// A new index of that user, with devpi's own keys for it.
    pub fn index(&self, user: &str, name: &str, keys: &Value) -> &Self {
        self.put(&format!("/{user}/{name}"), user, keys);
        self
    }

    /// Uploads a file as twine does.
    pub fn upload(&self, user: &str, index: &str, file: impl Into<Distribution>) -> &Self {
        let file = file.into();
        let directory = tempfile::tempdir().unwrap();
        let content = format!("content=@{}", file.write_to(directory.path()).display());
        let (name, version) = (format!("name={}", file.project), format!("version={}", file.version));
        let login = format!("{user}:{user}-secret");
        let arguments = [
            "-u",
            &login,
            "-F",
            ":action=file_upload",
            "-F",
            &name,
            "-F",
            &version,
            "-F",
            "requires_python=",
            "-F",
            &content,
        ];
        self.curl(&format!("/{user}/{index}/"), &arguments);
        self
    }

    /// What the server answers to a request for JSON (PEP 691).
    pub fn answer(&self, path: &str) -> String {
        self.curl(path, &["-H", "Accept: application/vnd.pypi.simple.v1+json"])
    }

    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }
}
