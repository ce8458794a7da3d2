//! Python's packaging formats: names, requirements, markers, tags, and the archives themselves.

pub mod archive;
pub mod entry_points;
pub mod filename;
pub mod name;
pub mod record;
pub mod wheel;
