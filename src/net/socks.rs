//! SOCKS proxies: version 5 (RFC 1928) with user name and password (RFC 1929), 4 and 4A. With `socks5h` and `socks4a`
//! the proxy finds the host's address, with `socks5` and `socks4` we do.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use ureq::unversioned::transport::{ConnectionDetails, Connector, Either, Transport, TransportAdapter};
use ureq::{Error, Proxy, ProxyProtocol};

use super::connect::{Dialer, left};
use super::tcp::Tcp;

/// How many of a host's addresses the proxy is asked for, one after the other.
const MOST_TARGETS: usize = 3;

/// The step of the chain: connects where the way out is a SOCKS proxy.
#[derive(Debug)]
pub(super) struct SocksConnector(pub(super) Dialer);

/// Whether that is a SOCKS proxy.
pub(super) fn is_socks(proxy: &Proxy) -> bool {
    use ProxyProtocol as P;
    matches!(proxy.protocol(), P::Socks4 | P::Socks4A | P::Socks5 | P::Socks5h)
}

impl<In: Transport> Connector<In> for SocksConnector {
    type Out = Either<In, Tcp>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        match details.config.proxy() {
            Some(proxy) if chained.is_none() && is_socks(proxy) => {
                Ok(Some(Either::B(self.through(proxy, details)?)))
            }
            _ => Ok(chained.map(Either::A)),
        }
    }
}

impl SocksConnector {
    fn through(&self, proxy: &Proxy, details: &ConnectionDetails) -> Result<Tcp, Error> {
        let proxy_addresses = details.resolver.resolve(proxy.uri(), details.config, left(details))?;
        let mut last = Error::HostNotFound;
        for target in targets(details, proxy)? {
            let stream = self.0.dial(&proxy_addresses, left(details))?;
            let tcp = Tcp::new(stream, details.config);
            let mut socket = TransportAdapter::new(tcp, details.current_time.clone());
            socket.set_timeout(left(details));
            match agree(&mut socket, proxy, &target) {
                Ok(()) => return Ok(socket.into_inner()),
                Err(Refusal::Unreachable(code)) => last = refused(reply_text(code)),
                Err(Refusal::Other(reason)) => return Err(refused(reason)),
                Err(Refusal::Io(error)) => return Err(broken(error)),
            }
        }
        Err(last)
    }
}

fn refused(reason: &str) -> Error {
    Error::ConnectProxyFailed(reason.to_owned())
}

/// A proxy that goes away in the middle says no more than that; time that ran out is told as such.
fn broken(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            refused("it ends the connection")
        }
        _ => Error::from(error),
    }
}

/// What the proxy is to connect to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Address(SocketAddr),
    Name(String, u16),
}

impl Target {
    fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(_, port) => *port,
        }
    }
}

fn targets(details: &ConnectionDetails, proxy: &Proxy) -> Result<Vec<Target>, Error> {
    if proxy.resolve_target() {
        return Ok(details.addrs.iter().take(MOST_TARGETS).copied().map(Target::Address).collect());
    }
    let host = details.uri.host().ok_or(Error::HostNotFound)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = details.uri.port_u16().unwrap_or(if details.needs_tls() { 443 } else { 80 });
    let target = host.parse().map_or_else(
        |_| Target::Name(host.to_owned(), port),
        |address| Target::Address(SocketAddr::new(address, port)),
    );
    Ok(vec![target])
}

/// Why there is no way through the proxy.
enum Refusal {
    /// It cannot connect to that address, with its code: another address may do.
    Unreachable(u8),
    Other(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn agree(socket: &mut (impl Read + Write), proxy: &Proxy, target: &Target) -> Result<(), Refusal> {
    match proxy.protocol() {
        ProxyProtocol::Socks4 | ProxyProtocol::Socks4A => version_4(socket, target),
        _ => {
            let login = proxy.username().map(|user| (user, proxy.password().unwrap_or_default()));
            greet(socket, login)?;
            version_5(socket, target)
        }
    }
}

fn version_4(socket: &mut (impl Read + Write), target: &Target) -> Result<(), Refusal> {
    let mut request = vec![4, 1];
    request.extend(target.port().to_be_bytes());
    match target {
        Target::Address(SocketAddr::V4(address)) => {
            request.extend(address.ip().octets());
            request.push(0);
        }
        Target::Address(SocketAddr::V6(_)) => {
            return Err(Refusal::Other("version 4 of SOCKS knows no IPv6"));
        }
        Target::Name(host, _) => {
            // An address that is none says that the name follows the user's (none) name.
            request.extend([0, 0, 0, 1, 0]);
            request.extend(host.bytes());
            request.push(0);
        }
    }
    socket.write_all(&request)?;
    let mut reply = [0; 8];
    socket.read_exact(&mut reply)?;
    match reply {
        [0, 90, ..] => Ok(()),
        [0, 91..=93, ..] => Err(Refusal::Unreachable(1)),
        _ => Err(NOT_SOCKS),
    }
}

const NOT_SOCKS: Refusal = Refusal::Other("it does not speak SOCKS");

/// Agrees on how we show who we are, and does so.
fn greet(socket: &mut (impl Read + Write), login: Option<(&str, &str)>) -> Result<(), Refusal> {
    let greeting: &[u8] = if login.is_some() { &[5, 2, 2, 0] } else { &[5, 1, 0] };
    socket.write_all(greeting)?;
    let mut reply = [0; 2];
    socket.read_exact(&mut reply)?;
    match (reply, login) {
        ([5, 0], _) => Ok(()),
        ([5, 2], Some((user, password))) => log_in(socket, user, password),
        ([5, _], None) => Err(Refusal::Other("it wants a user name and password")),
        ([5, _], Some(_)) => Err(Refusal::Other("it takes no user name and password")),
        _ => Err(NOT_SOCKS),
    }
}

fn log_in(socket: &mut (impl Read + Write), user: &str, password: &str) -> Result<(), Refusal> {
    let (Ok(user_length), Ok(password_length)) = (u8::try_from(user.len()), u8::try_from(password.len()))
    else {
        return Err(Refusal::Other("the user name or password is longer than 255 bytes"));
    };
    let mut request = vec![1, user_length];
    request.extend(user.bytes());
    request.push(password_length);
    request.extend(password.bytes());
    socket.write_all(&request)?;
    let mut reply = [0; 2];
    socket.read_exact(&mut reply)?;
    let [_, status] = reply;
    if status == 0 { Ok(()) } else { Err(Refusal::Other("it refuses the user name and password")) }
}

fn version_5(socket: &mut (impl Read + Write), target: &Target) -> Result<(), Refusal> {
    let mut request = vec![5, 1, 0];
    match target {
        Target::Address(SocketAddr::V4(address)) => {
            request.push(1);
            request.extend(address.ip().octets());
        }
        Target::Address(SocketAddr::V6(address)) => {
            request.push(4);
            request.extend(address.ip().octets());
        }
        Target::Name(host, _) => {
            let length =
                u8::try_from(host.len()).map_err(|_| Refusal::Other("the host's name is too long"))?;
            request.extend([3, length]);
            request.extend(host.bytes());
        }
    }
    request.extend(target.port().to_be_bytes());
    socket.write_all(&request)?;
    let mut head = [0; 4];
    socket.read_exact(&mut head)?;
    let [version, status, _, kind] = head;
    if version != 5 {
        return Err(NOT_SOCKS);
    }
    if status != 0 {
        return Err(Refusal::Unreachable(status));
    }
    // The address that the proxy speaks from; of no use, but in the way.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => {
            let mut length = [0];
            socket.read_exact(&mut length)?;
            usize::from(length[0])
        }
        _ => return Err(NOT_SOCKS),
    };
    let mut rest = vec![0; length + 2];
    socket.read_exact(&mut rest)?;
    Ok(())
}

/// RFC 1928, 6.
fn reply_text(code: u8) -> &'static str {
    match code {
        2 => "its rules do not allow the connection",
        3 => "it finds no network to the host",
        4 => "it finds no way to the host",
        5 => "the host refuses its connection",
        6 => "its connection to the host takes too long",
        8 => "it does not know that kind of address",
        _ => "it cannot connect to the host",
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(code) => f.write_str(reply_text(*code)),
            Self::Other(reason) => f.write_str(reason),
            Self::Io(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A proxy that says what it says, and keeps what it hears.
    struct Script {
        says: io::Cursor<Vec<u8>>,
        hears: Vec<u8>,
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.hears.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn talk(proxy: &str, target: &Target, says: &[u8]) -> (Result<(), String>, Vec<u8>) {
        let mut script = Script { says: io::Cursor::new(says.to_vec()), hears: vec![] };
        let result = agree(&mut script, &Proxy::new(proxy).unwrap(), target);
        (result.map_err(|refusal| format!("{refusal:?}")), script.hears)
    }

    #[test]
    fn each_version_says_what_its_standard_asks_for() {
        let name = Target::Name("a.test".into(), 443);
        let four = Target::Address("10.0.0.1:80".parse().unwrap());
        let six = Target::Address("[::1]:80".parse().unwrap());
        let fine = [&[5, 0, 5, 0, 0, 1], &[0; 6][..]].concat();
        let named = [&[5, 0, 5, 0, 0, 3, 2, 0, 0], &[0; 2][..]].concat();
        let with_login = [&[5, 2, 1, 0, 5, 0, 0, 4], &[0; 18][..]].concat();
        let ten = [5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 1, 0, 80];
        let loopback = [&[5, 1, 0, 5, 1, 0, 4][..], &[0; 15], &[1, 0, 80]].concat();
        let logged_in = b"\x05\x02\x02\x00\x01\x01u\x02p@\x05\x01\x00\x03\x06a.test\x01\xbb";
        for (proxy, target, says, heard) in [
            ("socks5h://p", &name, &fine, &b"\x05\x01\x00\x05\x01\x00\x03\x06a.test\x01\xbb"[..]),
            ("socks5://p", &four, &named, &ten),
            ("socks5://p", &six, &fine, &loopback),
            ("socks5h://u:p%40@p", &name, &with_login, logged_in),
            ("socks4://p", &four, &vec![0, 90, 0, 0, 0, 0, 0, 0], &[4, 1, 0, 80, 10, 0, 0, 1, 0]),
            (
                "socks4a://p",
                &name,
                &vec![0, 90, 0, 0, 0, 0, 0, 0],
                b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.test\x00",
            ),
        ] {
            assert_eq!(talk(proxy, target, says), (Ok(()), heard.to_vec()), "{proxy} {target:?}");
        }
    }

    #[test]
    fn refusals_are_told_in_words() {
        let name = Target::Name("a.test".into(), 443);
        let long = Target::Name("a".repeat(256), 443);
        for (proxy, target, says, reason) in [
            ("socks5h://p", &name, &b"HTTP"[..], "it does not speak SOCKS"),
            ("socks5h://p", &name, &[5, 255], "it wants a user name and password"),
            ("socks5h://u:secret@p", &name, &[5, 255], "it takes no user name and password"),
            ("socks5h://u:secret@p", &name, &[5, 2, 1, 1], "it refuses the user name and password"),
            ("socks5h://p", &name, &[5, 2], "it wants a user name and password"),
            ("socks5h://p", &name, &[5, 0, 5, 2, 0, 1], "its rules do not allow the connection"),
            ("socks5h://p", &name, &[5, 0, 5, 0, 0, 9], "it does not speak SOCKS"),
            ("socks5h://p", &long, &[5, 0], "the host's name is too long"),
            ("socks4a://p", &name, &[0, 91, 0, 0, 0, 0, 0, 0], "it cannot connect to the host"),
        ] {
            assert_eq!(talk(proxy, target, says).0, Err(reason.to_owned()), "{proxy} {says:?}");
        }
    }
}
