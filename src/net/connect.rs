//! One TCP connection to a host of many addresses: "happy eyeballs" (RFC 8305, 5), in its simple form. A family of
//! addresses that leads nowhere costs a quarter of a second, once.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use ureq::unversioned::transport::time::{Duration as Allowed, Instant};
use ureq::unversioned::transport::{ConnectionDetails, Connector, Either, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::STALL;
use super::tcp::Tcp;
use crate::time::Deadline;

/// How long an attempt is alone before the next one is made beside it (RFC 8305, 8: the Connection Attempt Delay).
const HEAD_START: Duration = Duration::from_millis(250);
/// The most addresses that are tried for one connection; each is a thread.
const MOST_ATTEMPTS: usize = 8;

/// Makes connections, and remembers which family of addresses worked. Clones share that.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialer {
    /// 4 or 6; 0 as long as nothing is known.
    family: Arc<AtomicU8>,
}

impl Dialer {
    /// Connects to whichever of these addresses answers first.
    pub(super) fn dial(&self, addresses: &[SocketAddr], timeout: NextTimeout) -> Result<TcpStream, Error> {
        let deadline = Deadline::after(match timeout.after {
            Allowed::Exact(left) => left,
            Allowed::NotHappening => STALL,
        });
        let six_first = match self.family.load(Ordering::Relaxed) {
            0 => addresses.first().is_some_and(SocketAddr::is_ipv6),
            family => family == 6,
        };
        let mut order = interleave(addresses, six_first);
        order.truncate(MOST_ATTEMPTS);
        let stream = match order.as_slice() {
            [only] => attempt(*only, deadline),
            _ => race(&order, deadline),
        };
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout(Timeout::Connect),
            _ => Error::Io(error),
        })?;
        let both = order.iter().any(SocketAddr::is_ipv6) && order.iter().any(SocketAddr::is_ipv4);
        if let (true, Ok(winner)) = (both, stream.peer_addr()) {
            self.family.store(if winner.is_ipv6() { 6 } else { 4 }, Ordering::Relaxed);
        }
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The families in turn, each in the order in which it came (RFC 8305, 4).
pub(super) fn interleave(addresses: &[SocketAddr], six_first: bool) -> Vec<SocketAddr> {
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == six_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

/// One attempt after the other, each begun when the one before has failed or its head start is over; the first that
/// succeeds wins. Those that are late are closed by their threads.
fn race(order: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let (sender, results) = mpsc::channel();
    let mut waiting = order.iter();
    let mut running = 0usize;
    let mut failure = None;
    loop {
        if let Some(address) = waiting.next() {
            begin(*address, deadline, &sender);
            running += 1;
        } else if running == 0 {
            return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
        let left = deadline.remaining().unwrap_or(STALL);
        let patience = if waiting.len() == 0 { left } else { left.min(HEAD_START) };
        match results.recv_timeout(patience) {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => {
                running -= 1;
                failure = Some(more_telling(failure, error));
            }
            Err(RecvTimeoutError::Timeout) if deadline.passed() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(_) => {}
        }
    }
}

fn begin(address: SocketAddr, deadline: Deadline, results: &Sender<io::Result<TcpStream>>) {
    let own = results.clone();
    // Whoever has listened to the winner is gone: a late result is dropped, which closes it.
    let report = move || drop(own.send(attempt(address, deadline)));
    if thread::Builder::new().spawn(report).is_err() {
        let _ = results.send(attempt(address, deadline));
    }
}

fn attempt(address: SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
    match deadline.remaining().unwrap_or(STALL) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => TcpStream::connect_timeout(&address, left),
    }
}

/// A machine without IPv6 says so of every such address: what the other family met is the news.
fn more_telling(before: Option<io::Error>, error: io::Error) -> io::Error {
    use io::ErrorKind as K;
    let says_little = |error: &io::Error| {
        matches!(error.kind(), K::NetworkUnreachable | K::HostUnreachable | K::AddrNotAvailable)
    };
    match before {
        Some(before) if !says_little(&before) => before,
        _ => error,
    }
}

/// The time allowed for connecting, less what the steps before have taken of it.
pub(super) fn left(details: &ConnectionDetails) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Allowed::Exact(allowed), Instant::Exact(start), Instant::Exact(now)) =
        (timeout.after, details.now, (details.current_time)())
    {
        timeout.after = Allowed::Exact(allowed.saturating_sub(now.saturating_duration_since(start)));
    }
    timeout
}

/// The step of the chain: connects where no step before did.
#[derive(Debug)]
pub(super) struct DialConnector(pub(super) Dialer);

impl<In: Transport> Connector<In> for DialConnector {
    type Out = Either<In, Tcp>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if let Some(chained) = chained {
            return Ok(Some(Either::A(chained)));
        }
        let stream = self.0.dial(&details.addrs, left(details))?;
        Ok(Some(Either::B(Tcp::new(stream, details.config))))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn soon() -> NextTimeout {
        NextTimeout {
            after: Allowed::Exact(Duration::from_secs(20)),
            reason: Timeout::Connect,
            ..NextTimeout::default()
        }
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_each_keeps_its_order() {
        let mixed = addresses(&["[2::1]:1", "[2::2]:1", "[2::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        assert_eq!(
            interleave(&mixed, true),
            addresses(&["[2::1]:1", "1.1.1.1:1", "[2::2]:1", "1.1.1.2:1", "[2::3]:1"])
        );
        assert_eq!(
            interleave(&mixed, false),
            addresses(&["1.1.1.1:1", "[2::1]:1", "1.1.1.2:1", "[2::2]:1", "[2::3]:1"])
        );
        assert_eq!(interleave(&mixed[3..], true), addresses(&["1.1.1.1:1", "1.1.1.2:1"]));
        assert_eq!(interleave(&[], true), []);
    }

    #[test]
    fn an_address_that_refuses_gives_way_and_the_family_that_worked_is_first_the_next_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let refusing = TcpListener::bind("[::1]:0").unwrap().local_addr().unwrap();
        let dialer = Dialer::default();
        for _ in 0..2 {
            assert_eq!(dialer.dial(&[refusing, good], soon()).unwrap().peer_addr().unwrap(), good);
            assert_eq!(dialer.family.load(Ordering::Relaxed), 4);
        }
    }

    #[test]
    fn a_host_of_one_family_teaches_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dialer = Dialer::default();
        dialer.dial(&[listener.local_addr().unwrap()], soon()).unwrap();
        assert_eq!(dialer.family.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn where_all_fail_the_most_telling_failure_is_told() {
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let unreachable = addresses(&["[::ffff:0:0]:1"])[0];
        for order in [[refusing, unreachable], [unreachable, refusing]] {
            let error = Dialer::default().dial(&order, soon()).unwrap_err();
            assert!(
                matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused),
                "{error}"
            );
        }
    }
}
