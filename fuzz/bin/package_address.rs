#![no_main]

use everfresh_fuzz::targets::texts::package_address;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    package_address(bytes);
});
