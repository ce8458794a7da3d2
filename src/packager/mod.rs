//! The packager's tool: what `everfresh` does beyond the launcher.

pub mod rpc;
