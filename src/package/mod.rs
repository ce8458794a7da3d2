//! Python's packaging formats: names, requirements, markers, tags, and the archives themselves.

pub mod address;
mod cursor;
pub mod filename;
pub mod lock;
pub mod marker;
pub mod metadata;
pub mod name;
pub mod requirement;
pub mod tags;
pub mod version;

pub(crate) use cursor::shown;

pub mod archive;
pub mod egg;
pub mod entry_points;
pub mod pipper;
pub mod record;
pub mod sdist;
mod sdist_layout;
pub mod unpack;
#[cfg(test)]
mod unpack_tests;
pub mod wheel;
