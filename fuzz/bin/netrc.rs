#![no_main]

use everfresh_fuzz::targets::files::netrc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    netrc(bytes);
});
