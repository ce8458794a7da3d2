//! Archives made byte by byte: the builders of the library's own tests.

#[path = "../../src/package/archive/testing/bytes.rs"]
mod bytes;

pub(crate) use bytes::*;
