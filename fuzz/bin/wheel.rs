#![no_main]

use everfresh_fuzz::targets::archives::wheel;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wheel(bytes);
});
