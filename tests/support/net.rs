//! Places on the network where no server answers, and waiting with a bound.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::python;

/// A port of this machine that refuses connections, and is nobody else's as long as this lives.
pub struct RefusedPort {
    port: u16,
    // A connection whose listener is gone keeps its port from being given to anybody else.
    _held: (TcpStream, TcpStream),
}

impl RefusedPort {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        Self { port: address.port(), _held: (client, accepted) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A port whose listener never accepts and whose backlog is full: a connection neither comes about nor fails, as
/// behind a firewall that drops packets.
pub struct BlackHole {
    port: u16,
    holder: Child,
}

/// The standard library cannot choose a backlog; Python can. It ends with its standard input, so with the test.
const HOLDER: &str = "
import socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(0)
waiting = []
for _ in range(3):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
    waiting.append(client)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
";

impl BlackHole {
    pub fn new() -> Self {
        let mut command = Command::new(python::path());
        command.args(["-I", "-c", HOLDER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), holder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Waits until `condition` holds, at most ten seconds.
#[track_caller]
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(Duration::from_secs(10), condition), "waited 10 s in vain until {what}");
}

/// Whether `condition` came to hold within `time`.
pub fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() > time {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
