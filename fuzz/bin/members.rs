#![no_main]

use everfresh_fuzz::targets::archives::members;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    members(bytes);
});
