//! The packager's tool.

fn main() {}
