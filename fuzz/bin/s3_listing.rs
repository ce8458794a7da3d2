#![no_main]

use everfresh_fuzz::targets::pages::s3_listing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    s3_listing(bytes);
});
