#![no_main]

use everfresh_fuzz::targets::pages::json_index;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    json_index(bytes);
});
