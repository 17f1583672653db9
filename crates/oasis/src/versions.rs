//! `strongroom-versions`: does any reply show a client what its version lacks?
#![forbid(unsafe_code)]

fn main() {}
