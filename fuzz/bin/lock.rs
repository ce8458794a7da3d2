#![no_main]

use everfresh_fuzz::targets::files::lock;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lock(bytes);
});
