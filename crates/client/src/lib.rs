//! A KMIP client over mutual TLS: blocking, without an async runtime, small enough for a library
//! inside a database.
//!
//! Three layers, each usable alone:
//! - [`Connector`] holds the parsed identity and opens connections, to one address or to the first
//!   of an ordered list that answers;
//! - [`Connection`] sends a frame and reads a frame, within a size limit and a deadline;
//! - [`Connection::call`] and the named operations on top of it ([`Connection::create_symmetric_key`],
//!   [`Connection::get`], [`Connection::encrypt`], ...) build requests and read replies.
//!
//! What it is not for: retrying. A request that failed half-way may have been carried out, so only
//! the caller knows whether to send it again. A [`Connection`] that failed says so
//! ([`Connection::is_usable`]) and refuses further use.
//!
//! ```no_run
//! use strongroom_client::{Config, Connector, Pem};
//! use strongroom_kmip::CryptographicUsageMask as Usage;
//!
//! let config = Config::new(
//!     ["127.0.0.1:5696"],
//!     Pem::file("ca.pem"),
//!     Pem::file("cert.pem"),
//!     Pem::file("key.pem"),
//! );
//! let mut connection = Connector::new(&config)?.open()?;
//! let id = connection.create_symmetric_key(256, Usage::ENCRYPT.0 | Usage::DECRYPT.0, None)?;
//! connection.activate(&id)?;
//! # Ok::<(), strongroom_client::Error>(())
//! ```
#![forbid(unsafe_code)]

mod config;
mod connection;
mod error;
mod message;
mod operations;
mod stream;

pub use config::{Config, Connector, Pem};
pub use connection::Connection;
pub use error::{Error, Party};
pub use message::Reply;
pub use operations::{CipherParameters, Ciphertext, Key, Wrapping};
