//! Everfresh: start a Python application from a local cache at once, and keep that cache fresh.
//!
//! The modules in the order of the flow; `docs/architecture.md` tells the story.

pub mod config;
pub mod error;
pub mod fs;
pub mod host;
pub mod launch;
pub mod net;
pub mod package;
pub mod packager;
pub mod python;
pub mod record;
pub mod source;
pub mod state;
pub mod store;
pub mod time;
pub mod trust;
