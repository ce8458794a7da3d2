//! Compatibility tags.
