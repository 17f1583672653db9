//! The fuzzer over [`strongroom_fuzz::message`].
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: strongroom_fuzz::seeds::on_request("message"),
    |data: &[u8]| strongroom_fuzz::message::run(data)
);
