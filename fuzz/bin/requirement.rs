#![no_main]

use everfresh_fuzz::targets::texts::requirement;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    requirement(bytes);
});
