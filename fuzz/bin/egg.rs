#![no_main]

use everfresh_fuzz::targets::archives::egg;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    egg(bytes);
});
