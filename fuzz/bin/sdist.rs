#![no_main]

use everfresh_fuzz::targets::archives::sdist;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sdist(bytes);
});
