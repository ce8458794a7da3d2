#![no_main]

use everfresh_fuzz::targets::texts::specifier;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    specifier(bytes);
});
