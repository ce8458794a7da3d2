#![no_main]

use everfresh_fuzz::targets::files::record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    record(bytes);
});
