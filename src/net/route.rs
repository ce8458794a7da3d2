//! How a request leaves this machine: directly, or through a proxy. Each way has its own pool of connections.

use std::sync::Arc;

use ureq::http::{Request, Response};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};
use ureq::{Agent, Body, Proxy, ProxyProtocol};
use url::Url;

use super::connect::{DialConnector, Dialer};
use super::credentials::Login;
use super::error::{Fault, Phase};
use super::forward::ForwardConnector;
use super::proxy::Proxies;
use super::resolve::Names;
use super::socks::SocksConnector;
use super::tls::{Tls, TlsConnector};
use super::{STALL, Settings};
use crate::host::Env;
use crate::time::Deadline;

/// All ways out.
pub(super) struct Routes {
    direct: Route,
    http: Option<Result<Route, Fault>>,
    https: Option<Result<Route, Fault>>,
    proxies: Proxies,
}

/// One way out.
pub(super) struct Route {
    pub(super) agent: Agent,
    /// The `Proxy-Authorization` header of every request, where a proxy forwards them one by one.
    pub(super) proxy_authorization: Option<String>,
    /// The proxy on the way.
    pub(super) proxy: Option<Through>,
}

/// The proxy of a route, as far as failures speak of it.
pub(super) struct Through {
    /// Its URL without user name and password.
    shown: String,
    /// Whether hosts' names are resolved here and not by it.
    names_here: bool,
}

impl Through {
    fn of(proxy: &Proxy) -> Self {
        let scheme = proxy.uri().scheme_str().unwrap_or("http");
        let shown = format!("{scheme}://{}:{}", proxy.host(), proxy.port());
        Self { shown, names_here: proxy.resolve_target() }
    }
}

impl Route {
    /// The failure as the proxy's, where it is that: then no connection was meant for the host itself.
    pub(super) fn ascribe(&self, fault: Fault) -> Fault {
        let Some(through) = &self.proxy else { return fault };
        let proxy = through.shown.clone();
        match fault {
            Fault::Proxy { reason, .. } => Fault::Proxy { proxy, reason },
            Fault::Resolve | Fault::Timeout(Phase::Resolve) if through.names_here => fault,
            Fault::Resolve | Fault::Connect(_) | Fault::Timeout(Phase::Resolve | Phase::Connect) => {
                Fault::Proxy { proxy, reason: fault.to_string() }
            }
            Fault::Status(407) => {
                Fault::Proxy { proxy, reason: "it answers 407 Proxy Authentication Required".to_owned() }
            }
            other => other,
        }
    }

    /// One request and the head of its answer.
    pub(super) fn call(
        &self,
        head: Request<()>,
        body: &[u8],
        deadline: Deadline,
    ) -> Result<Response<Body>, ureq::Error> {
        // A body of no bytes is a body, with a length: GET has none at all.
        if body.is_empty() && head.method() == ureq::http::Method::GET {
            let head = self.agent.configure_request(head).timeout_global(deadline.remaining()).build();
            return self.agent.run(head);
        }
        let request = self.agent.configure_request(head.map(|()| body));
        self.agent.run(request.timeout_global(deadline.remaining()).build())
    }
}

impl Routes {
    pub(super) fn new(settings: &Settings, env: &Env, user_agent: &str) -> Self {
        let maker = Maker {
            tls: Arc::new(Tls::new(env, settings)),
            user_agent: printable(user_agent),
            dialer: Dialer::default(),
            names: Names::default(),
        };
        let proxies = Proxies::from_env(env);
        Self {
            direct: Route { agent: maker.agent(None), proxy_authorization: None, proxy: None },
            http: proxies.http.as_deref().map(|proxy| maker.http_through(proxy)),
            https: proxies.https.as_deref().map(|proxy| maker.https_through(proxy)),
            proxies,
        }
    }

    /// The way to that URL.
    pub(super) fn to(&self, url: &Url) -> Result<&Route, Fault> {
        let proxied = if url.scheme() == "https" { &self.https } else { &self.http };
        match proxied {
            Some(route) if !self.proxies.is_exception(url) => route.as_ref().map_err(Clone::clone),
            _ => Ok(&self.direct),
        }
    }
}

/// What a header can carry: anything else would be a panic inside the HTTP crate.
fn printable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~')).collect()
}

struct Maker {
    tls: Arc<Tls>,
    user_agent: String,
    dialer: Dialer,
    names: Names,
}

impl Maker {
    fn config(&self, proxy: Option<Proxy>) -> ureq::config::Config {
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(proxy)
            .user_agent(self.user_agent.as_str())
            .timeout_resolve(Some(STALL))
            .timeout_connect(Some(STALL))
            .timeout_per_read(Some(STALL))
            .timeout_per_write(Some(STALL))
            .tls_config(TlsConfig::builder().build())
            .build()
    }

    /// Directly, through SOCKS, or through a tunnel that an HTTP proxy opens.
    fn agent(&self, proxy: Option<Proxy>) -> Agent {
        let chain =
            ().chain(SocksConnector(self.dialer.clone()))
                .chain(ConnectProxyConnector::default())
                .chain(DialConnector(self.dialer.clone()))
                .chain(TlsConnector(Arc::clone(&self.tls)));
        Agent::with_parts(self.config(proxy), chain, self.names.clone())
    }

    fn https_through(&self, address: &str) -> Result<Route, Fault> {
        parse(address).map(|proxy| self.tunnel(proxy))
    }

    fn tunnel(&self, proxy: Proxy) -> Route {
        let through = Through::of(&proxy);
        Route { agent: self.agent(Some(proxy)), proxy_authorization: None, proxy: Some(through) }
    }

    fn http_through(&self, address: &str) -> Result<Route, Fault> {
        let proxy = parse(address)?;
        if proxy.protocol() != ProxyProtocol::Http {
            return Ok(self.tunnel(proxy));
        }
        let login = proxy.username().map(|user| Login {
            user: user.to_owned(),
            password: proxy.password().unwrap_or_default().to_owned(),
        });
        let chain = ().chain(DialConnector(self.dialer.clone())).chain(ForwardConnector);
        let names = self.names.of_proxy(proxy.uri().clone());
        let agent = Agent::with_parts(self.config(None), chain, names);
        let proxy_authorization = login.map(|login| login.basic());
        Ok(Route { agent, proxy_authorization, proxy: Some(Through::of(&proxy)) })
    }
}

/// The address is not repeated in the message: it may hold a password.
fn parse(address: &str) -> Result<Proxy, Fault> {
    Proxy::new(address.trim()).map_err(|_| Fault::Proxy {
        proxy: "in the environment".to_owned(),
        reason: "its address is not valid".to_owned(),
    })
}
