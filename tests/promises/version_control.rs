//! Links to version control, by the real git and svn, against a real `git http-backend`, `svnserve`, plain files over
//! HTTP and repositories on the disk: what they say decides whether anything is new.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::project::{Project, builds};
use crate::support::{App, Daemon, Egg, Response, Server, python};

/// A directory with a git repository that has a project in it.
struct Git {
    directory: tempfile::TempDir,
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Git {
    fn new(project: &Project) -> Self {
        let git = Self { directory: tempfile::tempdir().unwrap() };
        git.run(&["init", "--quiet", "--initial-branch=main", "."]);
        git.commit(project);
        git
    }

    fn work(&self) -> PathBuf {
        self.directory.path().join("repo.git")
    }

    fn run(&self, arguments: &[&str]) -> String {
        std::fs::create_dir_all(self.work()).unwrap();
        let mut command = Command::new("git");
        command.current_dir(self.work()).env("HOME", self.directory.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        run(command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(arguments))
    }

    /// Returns the commit's name.
    fn commit(&self, project: &Project) -> String {
        project.write_to(&self.work());
        self.run(&["add", "."]);
        self.run(&["commit", "--quiet", "--allow-empty", "--message=x"]);
        self.run(&["update-server-info"]);
        self.run(&["rev-parse", "HEAD"])
    }

    fn url(&self) -> String {
        format!("git+file://{}", self.work().display())
    }

    /// Serves the repository as plain files.
    fn serve(&self, server: &Server) -> String {
        let root = self.work().join(".git");
        server.below("/plain.git/", move |request| {
            let path = request.path().strip_prefix("/plain.git/").unwrap().to_owned();
            std::fs::read(root.join(path)).map_or_else(|_| Response::status(404), Response::ok)
        });
        format!("git+{}", server.url("/plain.git"))
    }

    /// Serves it by git's own server side.
    fn backend(&self) -> Daemon {
        let script = self.directory.path().join("serve.py");
        std::fs::write(&script, HTTP_BACKEND).unwrap();
        Daemon::start(&self.directory.path().join("log"), |port| {
            let mut command = Command::new(python::path());
            command.arg(script).arg(port.to_string()).env("GIT_PROJECT_ROOT", self.directory.path());
            command
        })
    }
}

/// The web server around `git http-backend`, which is a CGI program (RFC 3875).
const HTTP_BACKEND: &str = r#"
import http.server, os, subprocess, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        env = dict(os.environ, GIT_HTTP_EXPORT_ALL="1", REQUEST_METHOD=self.command, PATH_INFO=path,
                   QUERY_STRING=query, CONTENT_LENGTH=str(len(body)), REMOTE_ADDR="127.0.0.1",
                   CONTENT_TYPE=self.headers.get("content-type", ""),
                   HTTP_CONTENT_ENCODING=self.headers.get("content-encoding", ""),
                   GIT_PROTOCOL=self.headers.get("git-protocol", ""))
        answer = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(rest)

    do_POST = do_GET

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

/// A page with these links, and the app that reads it.
fn app(server: &Server, links: &[&str]) -> App {
    page(server, links);
    let app = App::new()
        .requirements(["myapp"])
        .entry("myapp:main")
        .update("interval", "0s")
        .update("timeout", "2m")
        .source_of_type("links", server.url("/lister.cgi"))
        .source_key("vcs", true);
    let path = format!("{}:{}", app.root().join("bin").display(), std::env::var("PATH").unwrap());
    let notes = app.root().join("home/builds");
    app.env("PATH", path).env("BUILDS", notes)
}

fn page(server: &Server, links: &[&str]) {
    let links: String = links.iter().map(|link| format!("<li><a href=\"{link}\">x</a>\n")).collect();
    server.route("/lister.cgi", Response::html(format!("<html><body><ul>{links}</ul>")));
}

fn built(app: &App) -> Vec<String> {
    builds(&app.root().join("home"))
}

fn package(app: &App) -> (String, String) {
    let info = app.run(&["self", "info", "--json"]).json();
    let text = |key: &str| info["packages"][0][key].as_str().unwrap().to_owned();
    (text("version"), text("source"))
}

#[test]
fn a_published_egg_beats_a_checkout_unless_dev_is_asked_for() {
    let git = Git::new(&Project::app("3.0.dev1"));
    let server = Server::start();
    let egg = Egg::new("myapp", "1.0").printing_module("myapp").distribution();
    server.route(&format!("/{}", egg.filename), Response::ok(egg.bytes.clone()));
    let link = format!("{}#egg=myapp-dev", git.url());
    let links = [egg.filename.as_str(), link.as_str()];
    app(&server, &links).run::<&str>(&[]).prints("myapp 1.0\n");
    let dev = app(&server, &links).requirements(["myapp==dev"]);
    dev.run::<&str>(&[]).prints("myapp 3.0.dev1\n");
    dev.settle();
    let commit = git.run(&["rev-parse", "HEAD"]);
    assert_eq!(package(&dev), ("3.0.dev1".to_owned(), format!("{}@{commit}", git.url())));
}

#[test]
fn without_leave_links_to_version_control_do_not_count() {
    let git = Git::new(&Project::app("3.0"));
    let server = Server::start();
    let app = app(&server, &[&format!("{}#egg=myapp-dev", git.url())]).source_key("build", true);
    let app = app.without_sources().source_of_type("links", server.url("/lister.cgi"));
    app.run::<&str>(&[]).status(125).stderr_has("myapp");
    assert_eq!(built(&app), [""; 0]);
}

/// `git http-backend` knows protocol 2 and shallow clones; a server of plain files neither.
#[test]
fn a_new_commit_is_built_by_the_next_check_and_nothing_new_is_one_question() {
    let git = Git::new(&Project::app("1.0"));
    let files = Server::start();
    let backend = git.backend();
    let smart = format!("git+{}", backend.url("/repo.git/.git"));
    for (at, url) in [smart, git.serve(&files), git.url()].iter().enumerate() {
        git.commit(&Project::app("1.0"));
        let server = Server::start();
        let app = app(&server, &[&format!("{url}@main#egg=myapp")]);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        files.forget();
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        app.settle();
        assert_eq!(
            files.requests().iter().filter(|r| r.path().ends_with("/info/refs")).count(),
            usize::from(at == 1)
        );
        assert_eq!(built(&app), ["1.0"], "{url}");
        let commit = git.commit(&Project::app("1.1"));
        app.run::<&str>(&[]).prints("myapp 1.1\n");
        app.settle();
        assert_eq!(built(&app), ["1.0", "1.1"], "{url}");
        assert_eq!(package(&app), ("1.1".to_owned(), format!("{url}@{commit}")));
    }
}

#[test]
fn branches_tags_commits_and_subdirectories_can_be_named() {
    let git = Git::new(&Project::app("1.0"));
    let first = git.run(&["rev-parse", "HEAD"]);
    git.run(&["tag", "--annotate", "--message=x", "v1"]);
    git.run(&["checkout", "--quiet", "-b", "feature/x"]);
    Project::app("1.5").write_to(&git.work().join("py/app"));
    let second = git.commit(&Project::app("2.0"));
    git.run(&["checkout", "--quiet", "main"]);
    git.commit(&Project::app("3.0"));
    for (link, prints, commit) in [
        ("@v1#egg=myapp", "myapp 1.0\n", &first),
        ("@feature/x#egg=myapp", "myapp 2.0\n", &second),
        ("@feature/x#egg=myapp&subdirectory=py/app", "myapp 1.5\n", &second),
        (format!("@{first}#egg=myapp-1.0").as_str(), "myapp 1.0\n", &first),
    ] {
        let server = Server::start();
        let app = app(&server, &[&format!("{}{link}", git.url())]);
        app.run::<&str>(&[]).prints(prints);
        app.settle();
        assert!(package(&app).1.contains(&format!("@{commit}")), "{link}");
    }
}

#[test]
fn what_cannot_be_checked_out_is_told_in_one_line() {
    let git = Git::new(&Project::app("1.0"));
    let asking = Server::start();
    asking.everything(Response::status(401).header("WWW-Authenticate", "Basic realm=\"x\""));
    let url = git.url();
    let asking_url = format!("git+{}", asking.url("/repo.git"));
    for (link, reason) in [
        (
            format!("{url}@nothing#egg=myapp"),
            "the repository has no nothing\nhint: check what stands behind the @ of the link\n",
        ),
        (
            format!("{url}#egg=myapp&subdirectory=none"),
            "the repository has no directory none\nhint: check what stands behind the @ of the link\n",
        ),
        (
            format!("{url}#egg=myapp-4.0"),
            "the build left another wheel: myapp-1.0-py3-none-any.whl\nhint: ask whoever publishes it\n",
        ),
    ] {
        let server = Server::start();
        let app = app(&server, &[&link]);
        let outcome = app.run::<&str>(&[]);
        outcome.status(125);
        let shown = link.split("#egg").next().unwrap();
        let err = outcome.err_without_progress();
        assert!(
            err.starts_with(&format!("myapp: error: cannot build {shown}")) && err.ends_with(reason),
            "{err}"
        );
    }
    // git wants to ask for a password and may not.
    let server = Server::start();
    let app = app(&server, &[&format!("{asking_url}#egg=myapp")]);
    let outcome = app.run::<&str>(&[]);
    outcome.status(125).stderr_has("the repository does not answer: fatal: ");
    outcome.stderr_has("\nhint: check the network and the address of the repository\n");
}

#[test]
fn a_machine_without_git_says_so() {
    let git = Git::new(&Project::app("1.0"));
    let server = Server::start();
    let app = app(&server, &[&format!("{}#egg=myapp", git.url())]);
    let app = {
        let bin = app.root().join("bin");
        app.env("PATH", bin)
    };
    let outcome = app.run::<&str>(&[]);
    outcome.status(125).stderr_has("there is no git on PATH\nhint: install it, or publish a wheel\n");
}

#[test]
fn a_repository_that_does_not_answer_leaves_what_is_active() {
    let git = Git::new(&Project::app("1.0"));
    let mut files = Server::start();
    let server = Server::start();
    let app = app(&server, &[&format!("{}#egg=myapp", git.serve(&files))]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    files.stop();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run(&["self", "update"]).status(125).stderr_has("the repository does not answer: ");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_build_of_a_new_commit_that_fails_leaves_what_is_active() {
    let git = Git::new(&Project::app("1.0"));
    let server = Server::start();
    let app = app(&server, &[&format!("{}#egg=myapp", git.url())]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    git.commit(&Project::app("1.1").building("raise RuntimeError('not today')"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    app.run(&["self", "info"]).status(0).stdout_has("the build failed: RuntimeError: not today");
    git.commit(&Project::app("1.2"));
    app.run(&["self", "update"]).status(0);
    app.run::<&str>(&[]).prints("myapp 1.2\n");
}

#[test]
fn hooks_and_repositories_of_the_user_have_no_part_in_it() {
    let git = Git::new(&Project::app("1.0"));
    let server = Server::start();
    let app = app(&server, &[&format!("{}#egg=myapp", git.url())]);
    let home = app.root().join("home");
    let hook = home.join("hooks/post-checkout");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}/hooked\n", home.display())).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let config = format!("[core]\nhooksPath = {0}/hooks\n[init]\ntemplateDir = {0}\n", home.display());
    std::fs::write(home.join(".gitconfig"), config).unwrap();
    let app = app.env("GIT_DIR", "/nowhere").env("GIT_WORK_TREE", "/nowhere");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert!(!home.join("hooked").exists());
}

/// An svn repository with the project in `trunk`.
struct Svn {
    directory: tempfile::TempDir,
}

impl Svn {
    fn new(project: &Project) -> Self {
        let svn = Self { directory: tempfile::tempdir().unwrap() };
        let root = svn.directory.path();
        run(Command::new("svnadmin").arg("create").arg(root.join("repo")));
        std::fs::write(root.join("repo/conf/svnserve.conf"), "[general]\nanon-access = read\n").unwrap();
        let url = format!("{}/trunk", svn.url());
        run(svn.svn().args(["mkdir", "--parents", "--message=x", &url, &format!("{}/branches", svn.url())]));
        run(svn.svn().args(["checkout", "--quiet", &url]).arg(root.join("work")));
        svn.commit(project);
        svn
    }

    fn svn(&self) -> Command {
        let mut command = Command::new("svn");
        command.env("HOME", self.directory.path()).arg("--non-interactive");
        command
    }

    fn url(&self) -> String {
        format!("file://{}/repo", self.directory.path().display())
    }

    fn commit(&self, project: &Project) {
        let work = self.directory.path().join("work");
        project.write_to(&work);
        run(self.svn().args(["add", "--quiet", "--force"]).arg(&work));
        run(self.svn().args(["commit", "--quiet", "--message=x"]).arg(&work));
    }

    fn serve(&self) -> Daemon {
        Daemon::start(&self.directory.path().join("log"), |port| {
            let mut command = Command::new("svnserve");
            command.args(["--daemon", "--foreground", "--listen-host=127.0.0.1", "--root"]);
            command.arg(self.directory.path()).arg(format!("--listen-port={port}"));
            command
        })
    }
}

#[test]
fn subversion_is_exported_built_and_asked_for_the_last_change_of_that_directory() {
    let svn = Svn::new(&Project::app("1.0"));
    let daemon = svn.serve();
    let served = format!("svn+svn://127.0.0.1:{}/repo/trunk", daemon.port());
    for (url, word) in [(served, "served"), (format!("svn+{}/trunk", svn.url()), "from the disk")] {
        svn.commit(&Project::app("1.0").printing(word));
        let server = Server::start();
        let app = app(&server, &[&format!("{url}#egg=myapp-dev")]).requirements(["myapp == dev"]);
        app.run::<&str>(&[]).prints(&format!("{word}\n"));
        app.settle();
        // Somebody else's work in the same repository is nothing new.
        run(svn.svn().args([
            "mkdir",
            "--message=x",
            &format!("{}/branches/{}", svn.url(), app.root().file_name().unwrap().display()),
        ]));
        app.run::<&str>(&[]).prints(&format!("{word}\n"));
        app.settle();
        assert_eq!(built(&app), ["1.0"]);
        svn.commit(&Project::app("1.1").printing("newer"));
        app.run::<&str>(&[]).prints("newer\n");
        app.settle();
        let revision = run(svn.svn().args([
            "info",
            "--show-item",
            "last-changed-revision",
            &format!("{}/trunk", svn.url()),
        ]));
        assert_eq!(package(&app), ("1.1".to_owned(), format!("{url}@{revision}")));
        let pinned = self::app(&server, &[&format!("{url}@2#egg=myapp")]);
        pinned.run::<&str>(&[]).prints("myapp 1.0\n");
    }
}

#[test]
fn a_directory_that_subversion_does_not_have_is_told() {
    let svn = Svn::new(&Project::app("1.0"));
    let server = Server::start();
    let app = app(&server, &[&format!("svn+{}/nothing#egg=myapp", svn.url())]);
    app.run::<&str>(&[]).status(125).stderr_has("the repository does not answer: svn: E");
}

#[test]
fn a_page_cannot_make_a_program_of_an_address() {
    let server = Server::start();
    let app = app(&server, &[]);
    let touched = app.root().join("touched");
    let evil = touched.display();
    let links = [
        format!("git+ext::touch%20{evil}#egg=myapp"),
        format!("git+ssh://-oProxyCommand=touch%20{evil}/x#egg=myapp"),
        format!("git+file:///x@--upload-pack=touch%20{evil}#egg=myapp"),
        format!("svn+ssh://-oProxyCommand=touch%20{evil}/x#egg=myapp"),
        "git+file:///--upload-pack=x#egg=myapp".to_owned(),
    ];
    page(&server, &links.iter().map(String::as_str).collect::<Vec<_>>());
    app.run::<&str>(&[]).status(125).stderr_has("error: cannot build git+file:///--upload-pack=x: ");
    assert!(!Path::new(&touched).exists());
}
