#![no_main]

use everfresh_fuzz::targets::texts::metadata;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    metadata(bytes);
});
