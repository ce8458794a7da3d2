#![no_main]

use everfresh_fuzz::targets::texts::marker;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    marker(bytes);
});
