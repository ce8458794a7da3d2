#![no_main]

use everfresh_fuzz::targets::pages::html_index;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    html_index(bytes);
});
