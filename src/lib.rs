//! Everfresh: start a Python application from a local cache at once, and keep that cache fresh.
//!
//! The modules in the order of the flow; `docs/architecture.md` tells the story.

pub mod run;

pub mod record;

pub mod app;
pub mod bundle;
pub mod command;
pub mod config;
pub mod start;

pub mod update;

pub mod launch;

pub mod aws;
pub mod net;
pub mod package;
pub mod packager;
pub mod python;
pub mod source;
pub mod state;
pub mod store;
pub mod trust;

pub mod error;
pub mod fs;
pub mod host;
pub mod log;
pub mod owner;
pub mod probation;
pub mod process;
pub mod progress;
pub mod time;
