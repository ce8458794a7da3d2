//! Python's packaging formats: names, requirements, markers, tags, and the archives themselves.

pub mod archive;
pub mod filename;
pub mod name;
