//! Amazon Web Services: whose credentials sign a request, and which service is asked.

mod answer;
mod cache;
mod chain;
mod container;
mod error;
mod files;
mod imds;
mod ini;
mod process;
mod profile;
pub mod refusal;
pub mod sigv4;
mod sts;
pub mod xml;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::host::{self, Env, Host};
use crate::time::Timestamp;

pub use error::{AwsError, Place, ProfileFault};

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

/// Where credentials, regions and endpoints are looked for. What was found is remembered; clones share it.
#[derive(Debug, Clone)]
pub struct Aws {
    env: Env,
    home: Option<PathBuf>,
    /// Where temporary credentials may be kept; `None`: nowhere.
    cache: Option<PathBuf>,
    clock: fn() -> SystemTime,
    memory: Arc<Mutex<Vec<cache::Found>>>,
}

/// Which service is asked for one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// The region, where something says it.
    pub region: Option<String>,
    /// The base address of the service, where something says it.
    pub endpoint: Option<String>,
}

/// A region becomes a part of a host's name.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Aws {
    /// The surroundings of a process; temporary credentials may be kept in the directory `cache`, which is made when
    /// there are some, readable by this user only.
    pub fn new(host: &Host, cache: Option<PathBuf>) -> Self {
        Self { env: host.env.clone(), home: host.home(), cache, clock: host.clock, memory: Arc::default() }
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        host::timestamp(self.clock)
    }
}
