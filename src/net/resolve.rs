//! From a host's name to its addresses, within the time given: the system's resolver knows no deadline and may sit
//! over a dead name server for half a minute, so it is asked in a thread that nobody waits for longer than allowed.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::Timeout;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration as Allowed;

use super::STALL;
use super::connect::interleave;

/// How long an answer is used again: the HTTP crate asks for each request, also on connections that it has.
const KEPT: Duration = Duration::from_secs(60);
/// The most names that are kept.
const MOST_KEPT: usize = 64;
/// The most addresses that ureq takes of one host.
const MOST_ADDRESSES: usize = 16;

/// Looks a host's addresses up: those of the URL, or always those of a forwarding proxy. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// The proxy that stands in for every host.
    instead: Option<Uri>,
    known: Arc<Mutex<Vec<Known>>>,
}

#[derive(Debug)]
struct Known {
    host_and_port: String,
    addresses: Vec<SocketAddr>,
    since: Instant,
}

impl Names {
    /// Every connection goes to that proxy.
    pub(super) fn of_proxy(&self, proxy: Uri) -> Self {
        Self { instead: Some(proxy), known: Arc::clone(&self.known) }
    }

    fn recall(&self, host_and_port: &str) -> Option<Vec<SocketAddr>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|entry| entry.since.elapsed() < KEPT);
        known.iter().find(|entry| entry.host_and_port == host_and_port).map(|entry| entry.addresses.clone())
    }

    fn keep(&self, host_and_port: String, addresses: &[SocketAddr]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_KEPT {
            known.push(Known { host_and_port, addresses: addresses.to_vec(), since: Instant::now() });
        }
    }

    fn addresses(&self, host_and_port: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
        if let Ok(address) = host_and_port.parse() {
            return Ok(vec![address]);
        }
        if let Some(addresses) = self.recall(&host_and_port) {
            return Ok(addresses);
        }
        let found = look_up(host_and_port.clone(), timeout)?;
        let six_first = found.first().is_some_and(SocketAddr::is_ipv6);
        // Both families must be among those that ureq takes.
        let addresses = interleave(&found, six_first);
        self.keep(host_and_port, &addresses);
        Ok(addresses)
    }
}

fn look_up(host_and_port: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
    let patience = match timeout.after {
        Allowed::Exact(left) => left,
        Allowed::NotHappening => STALL,
    };
    let (sender, answer) = mpsc::sync_channel(1);
    let ask = move || drop(sender.send(host_and_port.to_socket_addrs()));
    thread::Builder::new().spawn(ask)?;
    match answer.recv_timeout(patience) {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        // The system's resolver fails with an I/O error of no particular kind.
        Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(Error::HostNotFound),
        Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(Timeout::Resolve)),
    }
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let uri = self.instead.as_ref().unwrap_or(uri);
        let place = uri.scheme().zip(uri.authority());
        let place = place.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let mut result = self.empty();
        for address in self.addresses(place.ok_or(Error::HostNotFound)?, timeout)?.iter().take(MOST_ADDRESSES)
        {
            result.push(*address);
        }
        if result.is_empty() { Err(Error::HostNotFound) } else { Ok(result) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(names: &Names, url: &str) -> Result<Vec<String>, Error> {
        let timeout =
            NextTimeout { after: Allowed::Exact(Duration::from_secs(20)), ..NextTimeout::default() };
        let found = names.resolve(&url.parse().unwrap(), &Config::default(), timeout)?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn addresses_need_no_resolver_and_ports_have_their_defaults() {
        let names = Names::default();
        for (url, expected) in [
            ("http://127.0.0.1/", "127.0.0.1:80"),
            ("https://[::1]/", "[::1]:443"),
            ("socks5h://10.0.0.1", "10.0.0.1:1080"),
            ("http://user:pw@10.0.0.1:3128", "10.0.0.1:3128"),
        ] {
            assert_eq!(resolve(&names, url).unwrap(), [expected], "{url}");
        }
        assert!(names.known.lock().unwrap().is_empty());
    }

    #[test]
    fn a_name_is_looked_up_once_and_one_that_is_none_is_not_found() {
        let names = Names::default();
        let first = resolve(&names, "http://localhost:81/").unwrap();
        assert!(first.iter().all(|address| address.ends_with(":81")), "{first:?}");
        assert_eq!(names.known.lock().unwrap().len(), 1);
        assert_eq!(resolve(&names, "http://localhost:81/").unwrap(), first);
        let proxy = names.of_proxy("http://127.0.0.1:3128".parse().unwrap());
        assert_eq!(resolve(&proxy, "http://index.test/").unwrap(), ["127.0.0.1:3128"]);
        assert!(matches!(resolve(&names, "http://no..name/"), Err(Error::HostNotFound)));
    }
}
