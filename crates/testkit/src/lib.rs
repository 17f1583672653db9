//! What tests of the whole need: certificates, a running server, and requests by the hundred.
//!
//! Not for production code: everything here panics with a sentence when it cannot do its work,
//! because that is what a test wants.
//!
//! ```no_run
//! use strongroom_testkit::Server;
//!
//! let server = Server::quickstart();
//! let mut connection = server.connect("client");
//! let id = connection.create_symmetric_key(256, 12, None).unwrap();
//! connection.destroy(&id).unwrap();
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::unwrap_used)] // Panics are this crate's way to report.

pub mod certificates;
pub mod corpus;
mod process;

pub use certificates::{Authority, Identity};
pub use process::{Server, binary, free_port};
