//! Amazon Web Services: whose credentials sign a request, and which service is asked.

mod chain;
pub mod refusal;
pub mod sigv4;
pub mod xml;

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::host::{self, Env, Host};
use crate::time::Timestamp;

pub use chain::AwsError;

/// What proves who asks. Neither shown nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The key's public name.
    pub access_key_id: String,
    /// The key itself.
    pub secret_access_key: String,
    /// What goes with a temporary key.
    pub session_token: Option<String>,
    /// When a temporary key ends.
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Where credentials, regions and endpoints are looked for.
#[derive(Debug, Clone)]
pub struct Aws {
    env: Env,
    /// Where temporary credentials may be kept; `None`: nowhere.
    cache: Option<PathBuf>,
    clock: fn() -> SystemTime,
}

/// Which service is asked for one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// The region, where something says it.
    pub region: Option<String>,
    /// The base address of the service, where something says it.
    pub endpoint: Option<String>,
}

impl Aws {
    /// The surroundings of a process; temporary credentials may be kept in `cache`.
    pub fn new(host: &Host, cache: Option<PathBuf>) -> Self {
        Self { env: host.env.clone(), cache, clock: host.clock }
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        host::timestamp(self.clock)
    }
}
