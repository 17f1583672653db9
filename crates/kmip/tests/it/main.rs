//! The protocol crate seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attribute;
mod gate;
mod generate;
mod message;
mod oasis;
mod tables;
mod text;
mod ttlv;
