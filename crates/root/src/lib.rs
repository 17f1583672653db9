//! The root key, its slots, and the keys derived from it.
//!
//! It does no database I/O: wrapped keys are handed in and out as bytes.
#![forbid(unsafe_code)]

mod error;
mod keyring;

pub use error::RootError;
pub use keyring::{KEY_LEN, Keyring, RootKey, Sealed};
