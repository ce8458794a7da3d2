#![no_main]

use everfresh_fuzz::targets::texts::entry_points;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry_points(bytes);
});
