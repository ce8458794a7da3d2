//! pipper's commands on today's footing: packages in a bucket, in pipper's layout, for whoever may have them; and the
//! addresses that let others have them.

mod authorize;
mod download;
mod expiry;
mod fault;
mod identity;
mod info;
mod install;
mod installed;
mod receive;
pub(super) mod remote;
mod repositories;
mod repository;
mod wanted;

pub(super) use authorize::COMMAND as AUTHORIZE;
pub(super) use download::COMMAND as DOWNLOAD;
pub use fault::Fault;
pub(super) use info::COMMAND as INFO;
pub(super) use install::COMMAND as INSTALL;
pub(super) use repository::COMMAND as REPOSITORY;

#[cfg(test)]
mod tests;
