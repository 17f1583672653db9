//! Tests of the model: laws that every merge rule keeps, and wrong rules that the laws catch.

mod approvals;
mod arb;
mod bugs;
mod clock;
mod codec;
mod history;
mod laws;
mod lifecycle;
mod list;
mod names;
mod rules;
mod server;
