//! A certificate authority of a test's own, by `openssl`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::system;

/// A private authority: nobody believes it who was not told to.
pub struct Authority {
    directory: PathBuf,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Long ago and in a long time, as `openssl ca` wants it.
pub const PAST: &str = "20200101000000Z";
pub const LESS_PAST: &str = "20210101000000Z";
pub const FUTURE: &str = "20981231235959Z";
pub const LATER: &str = "20991231235959Z";

impl Authority {
    /// Its files lie in `directory`, which is made.
    pub fn new(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let authority = Self { directory: directory.to_owned() };
        authority.self_signed("root", "/CN=A private root");
        std::fs::write(directory.join("index.txt"), "").unwrap();
        let config = format!(
            "[ca]\ndefault_ca = own\n[own]\ndir = {0}\ndatabase = {0}/index.txt\nnew_certs_dir = {0}\n\
             default_md = sha256\nunique_subject = no\nrand_serial = yes\npolicy = any\n\
             [any]\ncommonName = supplied\n",
            directory.display()
        );
        std::fs::write(directory.join("ca.conf"), config).unwrap();
        authority
    }

    /// The root's certificate.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root.pem")
    }

    /// A certificate for 127.0.0.1, `::1` and localhost, valid for long.
    pub fn for_loopback(&self) -> Certificate {
        self.issue("loopback", "DNS:localhost,IP:127.0.0.1,IP:::1", PAST, LATER)
    }

    /// A certificate for those names, valid between the two moments.
    pub fn issue(&self, name: &str, names: &str, from: &str, to: &str) -> Certificate {
        self.issue_with_key(name, names, from, to, &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    /// The same with an RSA key.
    pub fn issue_rsa(&self, name: &str) -> Certificate {
        self.issue_with_key(name, "DNS:client", PAST, LATER, &["-newkey", "rsa:2048"])
    }

    fn issue_with_key(&self, name: &str, names: &str, from: &str, to: &str, key: &[&str]) -> Certificate {
        let file = |ending: &str| self.directory.join(format!("{name}.{ending}"));
        let mut request = self.openssl("req");
        request.args(key).args(["-nodes", "-subj", &format!("/CN={name}")]);
        run(request.arg("-keyout").arg(file("key")).arg("-out").arg(file("csr")));
        std::fs::write(file("ext"), format!("subjectAltName = {names}\nbasicConstraints = CA:FALSE\n"))
            .unwrap();
        let mut sign = self.openssl("ca");
        sign.args(["-batch", "-notext", "-startdate", from, "-enddate", to]);
        sign.arg("-config").arg(self.directory.join("ca.conf")).arg("-extfile").arg(file("ext"));
        sign.arg("-cert").arg(self.root()).arg("-keyfile").arg(self.directory.join("root.key"));
        run(sign.arg("-in").arg(file("csr")).arg("-out").arg(file("pem")));
        Certificate { certificate: file("pem"), key: file("key") }
    }

    /// A certificate that vouches for itself, as `openssl req -x509` makes it.
    pub fn self_signed(&self, name: &str, subject: &str) -> Certificate {
        self.self_signed_with(name, subject, &[])
    }

    /// The same with further extensions.
    pub fn self_signed_with(&self, name: &str, subject: &str, extensions: &[&str]) -> Certificate {
        let file = |ending: &str| self.directory.join(format!("{name}.{ending}"));
        let mut request = self.openssl("req");
        request.args(["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        request.args(["-days", "3650", "-subj", subject]);
        for extension in extensions {
            request.args(["-addext", extension]);
        }
        run(request.arg("-keyout").arg(file("key")).arg("-out").arg(file("pem")));
        Certificate { certificate: file("pem"), key: file("key") }
    }

    /// Another form of a key: what `openssl` makes of it with these arguments.
    pub fn rewrite(&self, key: &Path, arguments: &[&str]) -> PathBuf {
        let mut name = arguments.join("");
        let _ = write!(name, ".{}", key.file_name().unwrap().to_str().unwrap());
        let path = self.directory.join(name.replace(['/', ':'], ""));
        let mut command = self.openssl(arguments[0]);
        run(command.args(&arguments[1..]).arg("-in").arg(key).arg("-out").arg(&path));
        path
    }

    /// Both in one file.
    pub fn joined(&self, name: &str, files: &[&Path]) -> PathBuf {
        let path = self.directory.join(name);
        let texts: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        std::fs::write(&path, texts).unwrap();
        path
    }

    fn openssl(&self, command: &str) -> Command {
        let mut openssl = Command::new(system("openssl"));
        openssl.arg(command).current_dir(&self.directory);
        openssl
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
