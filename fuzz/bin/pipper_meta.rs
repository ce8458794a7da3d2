#![no_main]

use everfresh_fuzz::targets::texts::pipper_meta;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    pipper_meta(bytes);
});
