#![no_main]

use everfresh_fuzz::targets::texts::pipper_constraint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    pipper_constraint(bytes);
});
