//! A network of a test's own, in namespaces (namespaces(7)): its own interfaces, `/etc/hosts`, name server and servers.
//! When the program that was started in it ends, everything in it ends.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::python;
use super::start::Start;

/// Addresses of the interface that leads nowhere: the first of each pair is this machine's own, to the second one
/// every packet is lost, as behind a firewall that drops them.
pub const HERE_4: &str = "10.9.0.1";
pub const LOST_4: &str = "10.9.0.66";
pub const HERE_6: &str = "2001:db8::1";
pub const LOST_6: &str = "2001:db8::66";
/// One that comes after IPv4 where [`Namespace::preferring_ipv4`] says so: RFC 6724 puts unique local addresses there.
pub const LOCAL_6: &str = "fd09::1";

/// Waits until all of these (address, port) listen.
const READY: &str = "
import socket, sys, time
for place in sys.argv[1:]:
    address, port = place.rsplit(',', 1)
    for _ in range(500):
        try:
            socket.create_connection((address, int(port)), 1).close()
            break
        except OSError:
            time.sleep(0.02)
    else:
        sys.exit(place + ' does not listen')
";

/// What is set up before the program starts.
pub struct Namespace {
    directory: PathBuf,
    lines: Vec<String>,
    hosts: String,
    places: Vec<String>,
    servers: usize,
}

impl Namespace {
    /// With a loopback interface of both families; its files lie in `directory`.
    pub fn new(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let lines = vec!["ip link set lo up".to_owned()];
        Self { directory: directory.to_owned(), lines, hosts: String::new(), places: vec![], servers: 0 }
    }

    fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Takes IPv4 away, loopback included.
    pub fn without_ipv4(self) -> Self {
        self.line("ip addr del 127.0.0.1/8 dev lo")
    }

    /// Adds the interface that leads nowhere.
    pub fn with_a_void(self) -> Self {
        let mac = "lladdr 02:00:00:00:00:66 dev void";
        self.line("ip link add void type veth peer name end")
            .line("ip link set void up")
            .line("ip link set end up")
            .line(format!("ip addr add {HERE_4}/24 dev void"))
            .line(format!("ip -6 addr add {HERE_6}/64 dev void nodad"))
            .line(format!("ip -6 addr add {LOCAL_6}/64 dev void nodad"))
            .line(format!("ip neigh add {LOST_4} {mac}"))
            .line(format!("ip -6 neigh add {LOST_6} {mac}"))
    }

    /// A line of `/etc/hosts`.
    pub fn host(mut self, address: &str, name: &str) -> Self {
        let _ = writeln!(self.hosts, "{address} {name}");
        self
    }

    /// The name server is this one, at port 53 of 127.0.0.1: for every name it says 127.0.0.1, so many seconds late,
    /// or nothing at all.
    pub fn name_server(self, seconds_late: Option<u32>) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/names.py");
        let late = seconds_late.map_or_else(|| "never".to_owned(), |seconds| seconds.to_string());
        let words = [python::path().to_str().unwrap(), "-I", script, &late].map(str::to_owned);
        let file = shell(self.directory.join("resolv.conf").to_str().unwrap());
        self.background(&words)
            .line(format!("printf 'nameserver 127.0.0.1\\noptions timeout:5 attempts:2\\n' > {file}"))
            .line(format!("mount --bind {file} \"$(readlink -f /etc/resolv.conf)\""))
    }

    /// Where a name server should be, the port is closed.
    pub fn no_name_server(self) -> Self {
        let file = shell(self.directory.join("resolv.conf").to_str().unwrap());
        self.line(format!("echo nameserver 127.0.0.1 > {file}"))
            .line(format!("mount --bind {file} \"$(readlink -f /etc/resolv.conf)\""))
    }

    /// glibc goes by an older rule than RFC 6724, unless it is told.
    pub fn preferring_ipv4(self) -> Self {
        let file = shell(self.directory.join("gai.conf").to_str().unwrap());
        self.line(format!("echo precedence ::ffff:0:0/96 100 > {file}"))
            .line(format!("if [ -e /etc/gai.conf ]; then mount --bind {file} /etc/gai.conf; fi"))
    }

    /// Starts a server and waits until it listens there.
    pub fn server(mut self, words: &[String], address: &str, port: u16) -> Self {
        self.places.push(format!("{address},{port}"));
        self.background(words)
    }

    fn background(mut self, words: &[String]) -> Self {
        self.servers += 1;
        let words: Vec<String> = words.iter().map(|word| shell(word)).collect();
        let log = self.directory.join(format!("server-{}.log", self.servers));
        let line = format!("{} </dev/null >{} 2>&1 &", words.join(" "), shell(log.to_str().unwrap()));
        self.line(line)
    }

    /// In which order the system gives the addresses of a name; to be read after a start.
    pub fn noting_addresses_of(self, name: &str) -> Self {
        let script =
            "import socket, sys; print(*dict.fromkeys(i[4][0] for i in socket.getaddrinfo(sys.argv[1], 80)))";
        let file = self.directory.join("addresses");
        let python = shell(python::path().to_str().unwrap());
        let line = format!("{python} -I -c '{script}' {name} > {}", shell(file.to_str().unwrap()));
        self.line(line)
    }

    /// What [`Namespace::noting_addresses_of`] noted.
    pub fn addresses(directory: &Path) -> String {
        std::fs::read_to_string(directory.join("addresses")).unwrap().trim().to_owned()
    }

    fn script(&self) -> PathBuf {
        let hosts = self.directory.join("hosts");
        std::fs::write(&hosts, &self.hosts).unwrap();
        let ready = self.directory.join("ready.py");
        std::fs::write(&ready, READY).unwrap();
        let text = |path: &Path| shell(path.to_str().unwrap());
        let mut setup = format!(
            "set -e\nusers=$PATH\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nmount --bind {} /etc/hosts\n",
            text(&hosts)
        );
        // Interfaces first: servers bind to their addresses.
        let (before, servers): (Vec<_>, Vec<_>) = self.lines.iter().partition(|line| line.starts_with("ip "));
        for line in before.into_iter().chain(servers) {
            let _ = writeln!(setup, "{line}");
        }
        let _ = writeln!(
            setup,
            "{} -I {} {}\nPATH=$users\nexec \"$@\"",
            text(python::path()),
            text(&ready),
            self.places.iter().map(|place| shell(place)).collect::<Vec<_>>().join(" ")
        );
        let path = self.directory.join("setup.sh");
        std::fs::write(&path, setup).unwrap();
        path
    }
}

impl Start {
    /// In that network.
    #[track_caller]
    pub fn inside(mut self, namespace: &Namespace) -> Self {
        let mut words: Vec<OsString> = way().iter().map(OsString::from).collect();
        words.extend(["/bin/sh".into(), namespace.script().into()]);
        self.wrappers.insert(0, words);
        self
    }
}

/// Root needs no user namespace; everybody else does.
#[track_caller]
fn way() -> &'static [&'static str] {
    static WAY: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    let ways: [&'static [&'static str]; 2] = [
        &["/usr/bin/unshare", "-nmpf", "--kill-child", "--mount-proc"],
        &["/usr/bin/unshare", "-rnmpf", "--kill-child", "--mount-proc"],
    ];
    let works = |way: &&&[&str]| {
        let output = Command::new(way[0]).args(&way[1..]).arg("/bin/true").output();
        output.is_ok_and(|output| output.status.success())
    };
    let way = WAY.get_or_init(|| ways.iter().find(works).copied());
    way.expect("this test needs namespaces: unshare (util-linux), and root or user namespaces")
}

fn shell(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
