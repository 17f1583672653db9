//! The binary itself: commands, exit codes, files, signals.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod audit;
mod backup;
mod certificates;
mod config;
mod custodians;
mod disk;
mod doc;
mod examples;
mod house;
mod init;
mod key;
mod monitor;
mod protection;
mod pty;
mod quickstart;
mod recipes;
mod replica;
mod root;
mod root_key;
mod rotation;
mod shares;
mod signals;
mod slots;
