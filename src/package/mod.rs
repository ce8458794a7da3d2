//! Python's packaging formats: names, requirements, markers, tags, and the archives themselves.

pub mod archive;
mod cursor;
pub mod egg;
pub mod entry_points;
pub mod filename;
pub mod marker;
pub mod metadata;
pub mod name;
pub mod record;
pub mod requirement;
pub mod sdist;
mod sdist_layout;
pub mod tags;
pub mod unpack;
#[cfg(test)]
mod unpack_tests;
pub mod version;
pub mod wheel;
