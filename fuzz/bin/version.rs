#![no_main]

use everfresh_fuzz::targets::texts::version;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    version(bytes);
});
