#![no_main]

use everfresh_fuzz::targets::files::durations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    durations(bytes);
});
