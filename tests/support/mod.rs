//! What the promises stand on: an app in a world of its own, packages, an index, and a server that lies.
#![allow(dead_code, reason = "a set of verbs for all promises, not only for those of today")]
#![allow(unused_imports, reason = "the names for all promises, not only for those of today")]

pub mod app;
pub mod archives;
pub mod authority;
pub mod aws;
pub mod bucket;
pub mod daemon;
pub mod distribution;
pub mod index;
pub mod namespace;
pub mod net;
pub mod outcome;
pub mod packages;
pub mod power;
pub mod project;
pub mod python;
pub mod response;
pub mod server;
pub mod servers;
pub mod site;
pub mod start;
#[cfg(target_arch = "x86_64")]
pub mod system_calls;
#[cfg(target_arch = "x86_64")]
pub mod tracer;

pub use app::App;
pub use authority::{Authority, Certificate};
pub use bucket::{Bucket, Storage};
pub use daemon::Daemon;
pub use index::Index;
pub use namespace::Namespace;
pub use net::{BlackHole, RefusedPort, eventually};
pub use packages::{Egg, Pipper, RecordFlaw, Sdist, Wheel};
pub use response::Response;
pub use server::Server;
pub use site::Site;
