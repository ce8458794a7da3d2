#![no_main]

use everfresh_fuzz::targets::pages::links;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    links(bytes);
});
