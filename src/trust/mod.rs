//! The only place that decides whether a file may be used.

pub mod hashes;
