#![no_main]

use everfresh_fuzz::targets::texts::filename;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    filename(bytes);
});
