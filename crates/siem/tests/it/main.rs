//! The crate's integration tests, in one binary.

// Helpers of tests may panic as tests may.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod delivery;
mod formats;
mod kit;
mod parse;
mod rsyslog;
mod tls;
