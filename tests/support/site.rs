//! Packages as files that any web server can serve: PEP 503 pages, a page of links, the archives.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, system};
use super::distribution::Distribution;
use super::{Certificate, python};

/// A directory with `simple/<project>/index.html`, `links.html` and the files.
pub struct Site {
    root: PathBuf,
}

impl Site {
    /// Made in `root`, with these files of one project.
    pub fn new<D: Into<Distribution>>(
        root: &Path,
        project: &str,
        files: impl IntoIterator<Item = D>,
    ) -> Self {
        let pages = root.join("simple").join(project);
        std::fs::create_dir_all(&pages).unwrap();
        let mut names = vec![];
        for file in files {
            let path = file.into().write_to(root);
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        let page = |up: &str| -> String {
            names.iter().map(|name| format!("<a href=\"{up}{name}\">{name}</a>\n")).collect()
        };
        std::fs::write(pages.join("index.html"), page("../../")).unwrap();
        std::fs::write(root.join("links.html"), page("")).unwrap();
        Self { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// nginx serves it; `further` goes into the server's block.
    pub fn by_nginx(&self, place: &Path, tls: Option<&Certificate>, further: &str) -> Daemon {
        let place = place.join("nginx");
        std::fs::create_dir_all(&place).unwrap();
        let (ssl, certificates) = match tls {
            None => ("", String::new()),
            Some(pair) => {
                let (certificate, key) = (pair.certificate.display(), pair.key.display());
                (" ssl", format!("ssl_certificate {certificate}; ssl_certificate_key {key};"))
            }
        };
        let config = |port: u16| {
            let owner = if nix::unistd::Uid::effective().is_root() { "user root;" } else { "" };
            let root = self.root.display();
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary: String = temporary
                .iter()
                .map(|kind| format!("{kind}_temp_path {};\n", place.join(kind).display()))
                .collect();
            format!(
                "daemon off; {owner} pid {0}/pid; error_log stderr; worker_processes 1;\n\
                 events {{ worker_connections 64; }}\n\
                 http {{ access_log {0}/access.log; {temporary}\n\
                 server {{ listen 127.0.0.1:{port}{ssl}; {certificates} {further} root {root}; }} }}\n",
                place.display()
            )
        };
        Daemon::start(&place.join("log"), |port| {
            let path = place.join("nginx.conf");
            std::fs::write(&path, config(port)).unwrap();
            let mut command = Command::new(system("nginx"));
            command.arg("-p").arg(&place).arg("-e").arg(place.join("error.log")).arg("-c").arg(path);
            command
        })
    }

    /// Python's `http.server` serves it, at any address; for a network namespace.
    pub fn serving_words(&self, address: &str, port: u16) -> Vec<String> {
        let python = python::path().to_str().unwrap();
        let (port, root) = (port.to_string(), self.root.to_str().unwrap());
        let words = [python, "-I", "-m", "http.server", "--bind", address, "--directory", root, &port];
        words.map(str::to_owned).to_vec()
    }
}
