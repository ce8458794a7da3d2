//! The steps of an update, in their order.

pub mod resolve;
