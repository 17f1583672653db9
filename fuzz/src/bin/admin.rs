//! The fuzzer over [`strongroom_fuzz::admin`].
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: strongroom_fuzz::seeds::on_request("admin"),
    |data: &[u8]| strongroom_fuzz::admin::run(data)
);
