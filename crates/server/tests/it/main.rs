//! The binary itself: commands, exit codes, files, signals.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod doc;
mod house;
mod init;
mod key;
mod quickstart;
mod root;
