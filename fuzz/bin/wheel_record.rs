#![no_main]

use everfresh_fuzz::targets::texts::wheel_record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wheel_record(bytes);
});
