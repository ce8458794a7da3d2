//! How a request leaves this machine: directly, or through a proxy. Each way has its own pool of connections.

use std::path::PathBuf;
use std::sync::Arc;

use ureq::http::{Request, Response, Uri};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, SocksConnector, TcpConnector};
use ureq::{Agent, Body, Proxy, ProxyProtocol};
use url::Url;

use super::credentials::Login;
use super::error::Fault;
use super::forward::{Addresses, ForwardConnector};
use super::proxy::Proxies;
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
}

impl Route {
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
        let ca: Option<PathBuf> = settings.ca.clone();
        let maker = Maker { tls: Arc::new(Tls::new(env, ca)), user_agent: printable(user_agent) };
        let proxies = Proxies::from_env(env);
        Self {
            direct: Route { agent: maker.agent(None), proxy_authorization: None },
            http: proxies.http.as_deref().map(|proxy| maker.http_through(proxy)),
            https: proxies.https.as_deref().map(|proxy| maker.https_through(proxy)),
            proxies,
        }
    }

    /// The way without a proxy.
    pub(super) fn direct(&self) -> &Route {
        &self.direct
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
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector(Arc::clone(&self.tls)));
        Agent::with_parts(self.config(proxy), chain, Addresses::default())
    }

    fn https_through(&self, address: &str) -> Result<Route, Fault> {
        let proxy = parse(address)?;
        Ok(Route { agent: self.agent(Some(proxy)), proxy_authorization: None })
    }

    fn http_through(&self, address: &str) -> Result<Route, Fault> {
        let proxy = parse(address)?;
        if proxy.protocol() != ProxyProtocol::Http {
            return Ok(Route { agent: self.agent(Some(proxy)), proxy_authorization: None });
        }
        let login = proxy.username().map(|user| Login {
            user: user.to_owned(),
            password: proxy.password().unwrap_or_default().to_owned(),
        });
        let uri: Uri = proxy.uri().clone();
        let chain = ().chain(TcpConnector::default()).chain(ForwardConnector);
        let agent = Agent::with_parts(self.config(None), chain, Addresses::of_proxy(uri));
        Ok(Route { agent, proxy_authorization: login.map(|login| login.basic()) })
    }
}

/// The address is not repeated in the message: it may hold a password.
fn parse(address: &str) -> Result<Proxy, Fault> {
    Proxy::new(address.trim())
        .map_err(|_| Fault::Proxy("the address in the environment is not valid".to_owned()))
}
