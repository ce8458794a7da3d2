//! Where packages come from: one file for each kind of source, requests built and answers parsed.

pub mod file;
