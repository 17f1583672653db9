//! The fuzzer over [`strongroom_fuzz::codec`].
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: strongroom_fuzz::seeds::on_request("codec"),
    |data: &[u8]| strongroom_fuzz::codec::run(data)
);
