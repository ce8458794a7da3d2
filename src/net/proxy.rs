//! Which requests go through which proxy: the variables that curl made usual.

use std::net::IpAddr;

use url::Url;

use super::error::hide_userinfo;
use crate::host::Env;

/// Where the proxy for `http://` requests stands. `HTTP_PROXY` is not read, because a CGI server sets it from a header
/// that anyone can send (CVE-2016-5385).
const FOR_HTTP: [&str; 3] = ["http_proxy", "all_proxy", "ALL_PROXY"];

/// Where that for `https://` requests does.
const FOR_HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The proxy through which a URL is reached, and the variable that says so; `None`: directly. For people: its user
/// name and password are left out.
pub fn proxy_for(env: &Env, url: &Url) -> Option<(&'static str, String)> {
    let names = if url.scheme() == "https" { &FOR_HTTPS[..] } else { &FOR_HTTP[..] };
    let (name, proxy) = names.iter().find_map(|name| Some((*name, env.text(name)?)))?;
    (!Proxies::from_env(env).is_exception(url)).then(|| (name, hide_userinfo(proxy.trim())))
}

/// The proxies by the scheme of the request, and the hosts that are reached without.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Proxies {
    /// For `http://` requests.
    pub(super) http: Option<String>,
    /// For `https://` requests.
    pub(super) https: Option<String>,
    direct: Vec<Exception>,
}

/// One word of `no_proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    Everything,
    /// A host and the hosts below it, perhaps at one port only.
    Host(String, Option<u16>),
    /// The addresses that begin with so many bits of this one (RFC 4632).
    Network(IpAddr, u8),
}

impl Proxies {
    /// Reads the variables; lower case wins.
    pub(super) fn from_env(env: &Env) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| env.text(name)).map(str::to_owned);
        let exceptions = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self {
            http: first(&FOR_HTTP),
            https: first(&FOR_HTTPS),
            direct: exceptions.split([',', ' ']).filter_map(Exception::parse).collect(),
        }
    }

    /// Whether that URL is reached without a proxy although there is one.
    pub(super) fn is_exception(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        self.direct.iter().any(|exception| exception.covers(&host, url.port_or_known_default()))
    }
}

impl Exception {
    fn parse(word: &str) -> Option<Self> {
        if word == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, bits)) = word.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            return bits.parse().ok().filter(|bits| *bits <= most).map(|bits| Self::Network(address, bits));
        }
        let (host, port) = match word.rsplit_once(':') {
            // More than one colon outside brackets is an IPv6 address, without a port.
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, port.parse().ok()),
            _ => (word, None),
        };
        let host = host.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
        let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
        let host = if is_bare_ipv6 { format!("[{host}]") } else { host };
        (!host.is_empty()).then_some(Self::Host(host, port))
    }

    fn covers(&self, host: &str, port: Option<u16>) -> bool {
        match self {
            Self::Everything => true,
            Self::Network(network, bits) => {
                let address = host.trim_start_matches('[').trim_end_matches(']').parse();
                address.is_ok_and(|address| begins_alike(*network, address, *bits))
            }
            Self::Host(name, only) => {
                let below = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                below && (only.is_none() || *only == port)
            }
        }
    }
}

fn begins_alike(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits,
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_env(&variables.iter().copied().collect())
    }

    #[test]
    fn each_scheme_has_its_variable_and_http_only_the_lower_case_one() {
        let set = proxies(&[("HTTP_PROXY", "evil"), ("HTTPS_PROXY", "b"), ("ALL_PROXY", "c")]);
        assert_eq!((set.http.as_deref(), set.https.as_deref()), (Some("c"), Some("b")));
        let set = proxies(&[
            ("HTTP_PROXY", "evil"),
            ("http_proxy", ""),
            ("https_proxy", "l"),
            ("HTTPS_PROXY", "u"),
        ]);
        assert_eq!((set.http.as_deref(), set.https.as_deref()), (None, Some("l")));
    }

    #[test]
    fn the_proxy_for_a_url_is_told_with_its_variable_and_without_its_password() {
        let env: Env = [
            ("HTTPS_PROXY", "http://u:secret@proxy:3128"),
            ("all_proxy", "socks5://s:1"),
            ("no_proxy", "near"),
        ]
        .into_iter()
        .collect();
        for (url, proxy) in [
            ("https://far/", Some(("HTTPS_PROXY", "http://proxy:3128"))),
            ("http://far/", Some(("all_proxy", "socks5://s:1"))),
            ("https://near/", None),
        ] {
            let found = proxy_for(&env, &Url::parse(url).unwrap());
            assert_eq!(found.as_ref().map(|(name, proxy)| (*name, proxy.as_str())), proxy, "{url}");
        }
    }

    #[test]
    fn exceptions_are_hosts_and_what_is_below_them() {
        let set = proxies(&[("no_proxy", "example.com, .corp,*.lan 10.0.0.1,local:8080,::1")]);
        for (url, direct) in [
            ("https://example.com/", true),
            ("https://EXAMPLE.com./", true),
            ("https://pypi.example.com/", true),
            ("https://notexample.com/", false),
            ("https://corp/", true),
            ("http://a.b.corp/", true),
            ("http://x.lan/", true),
            ("http://10.0.0.1:3141/", true),
            ("http://10.0.0.11/", false),
            ("http://local:8080/", true),
            ("http://local/", false),
            ("http://[::1]:80/", true),
        ] {
            assert_eq!(set.is_exception(&Url::parse(url).unwrap()), direct, "{url}");
        }
        let set =
            proxies(&[("no_proxy", "10.0.0.0/8,fd00::/8,192.168.1.128/25,0.0.0.0/33,x/8,172.16.0.1/32")]);
        for (url, direct) in [
            ("http://10.255.0.1:3141/", true),
            ("http://11.0.0.1/", false),
            ("http://[fd12::1]/", true),
            ("http://[fe80::1]/", false),
            ("http://192.168.1.200/", true),
            ("http://192.168.1.100/", false),
            ("http://172.16.0.1/", true),
            ("http://172.16.0.2/", false),
            ("http://10.example.com/", false),
            ("http://x/", false),
        ] {
            assert_eq!(set.is_exception(&Url::parse(url).unwrap()), direct, "{url}");
        }
        let everything = proxies(&[("no_proxy", "0.0.0.0/0,::/0")]);
        assert!(everything.is_exception(&Url::parse("http://1.2.3.4/").unwrap()));
        assert!(everything.is_exception(&Url::parse("http://[1::2]/").unwrap()));
        assert!(proxies(&[("NO_PROXY", "*")]).is_exception(&Url::parse("https://a/").unwrap()));
        assert!(!proxies(&[("NO_PROXY", ", ,")]).is_exception(&Url::parse("https://a/").unwrap()));
    }
}
