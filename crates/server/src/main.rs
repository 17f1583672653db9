//! Replays the OASIS KMIP test cases.
fn main() {}
