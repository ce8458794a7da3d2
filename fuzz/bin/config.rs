#![no_main]

use everfresh_fuzz::targets::files::config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    config(bytes);
});
