//! Python's packaging formats: names, requirements, markers, tags, and the archives themselves.

mod cursor;
pub mod archive;
pub mod entry_points;
pub mod filename;
pub mod marker;
pub mod name;
pub mod requirement;
pub mod tags;
pub mod version;
pub mod record;
pub mod wheel;
