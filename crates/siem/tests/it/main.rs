//! The crate's integration tests, in one binary.

mod delivery;
mod formats;
mod kit;
mod parse;
mod rsyslog;
mod tls;
