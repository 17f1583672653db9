//! Tests of the store, on real files.
// What does not go as planned in a test's own doing should panic.
#![allow(clippy::unwrap_used)]

mod commit;
mod faults;
mod fold;
mod open;
mod postgres;
mod queries;
mod requests;
mod seal;
mod segments;
mod speed;
mod support;
mod tamper;
