//! The crate's integration tests, in one binary.

mod formats;
mod parse;
