#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spica_fuzz_targets::sparkplug::run(data));
