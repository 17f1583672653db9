//! The fuzzer over [`strongroom_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: strongroom_fuzz::seeds::on_request("config"),
    |data: &[u8]| strongroom_fuzz::config::run(data)
);
