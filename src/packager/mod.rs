//! The packager's side: what `everfresh` does.

pub mod rpc;
