//! The fuzz targets. `targets` is shared with `tests/promises/corpus.rs`, which replays the corpus without a fuzzer.

pub mod targets;
