//! The one and only archive reader. Its policy: what is not exactly as it should be is refused, never skipped; the
//! same bytes must mean the same files to us and to Python's own `zipfile` and `tarfile`.

pub(crate) mod container;
mod fields;
pub(crate) mod identity;
pub mod input;
pub mod limits;
pub mod path;
pub mod refusal;
pub mod tar;
mod tar_header;
#[cfg(test)]
mod tar_tests;
#[cfg(test)]
pub(crate) mod testing;
pub mod tree;
pub mod zip;
mod zip_end;
pub mod zip_entry;
#[cfg(test)]
mod zip_tests;
