//! Fuzz targets: what a peer, an administrator or a file may send, and what must hold whatever it
//! is. A target is a function over bytes that panics when something does not hold.
//!
//! The fuzzer is libFuzzer (feature `libfuzzer`, one binary for each target); `./test fuzz` builds
//! the project's crates with coverage and runs them. The functions need no fuzzer: the tests run
//! them over the seeds, and over every input that ever found a fault (`fuzz/regressions`).
#![forbid(unsafe_code)]
// A panic is how a target tells that something does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod admin;
pub mod codec;
pub mod config;
mod house;
pub mod message;
pub mod seeds;

/// What a target is: it panics when something does not hold.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 4] = [
    ("codec", codec::run),
    ("message", message::run),
    ("admin", admin::run),
    ("config", config::run),
];
