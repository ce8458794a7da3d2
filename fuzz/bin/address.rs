#![no_main]

use everfresh_fuzz::targets::files::address;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    address(bytes);
});
