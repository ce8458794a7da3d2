#![no_main]

use everfresh_fuzz::targets::files::facts;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    facts(bytes);
});
