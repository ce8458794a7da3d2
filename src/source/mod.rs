//! Where packages come from: one file for each kind of source, requests built and answers parsed.

mod address;
pub mod directory;
pub mod file;
mod html;
mod json;
pub mod links;
pub mod listing;
pub mod page;
mod project;
pub mod receive;
pub mod release;
pub mod remote_file;
pub mod s3;
mod simple_html;
pub mod vcs;

#[cfg(test)]
mod html_tests;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressFault, InvalidAddress, PUBLIC_INDEX, infer, read, s3_folder};
pub use page::{Page, PageFault};
pub use project::{Found, NoPages, Pages, SourceError, project_page};
