#![no_main]

use everfresh_fuzz::targets::files::state;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    state(bytes);
});
