//! The key manager's server: configuration, listeners, TLS, certificates, administration, command
//! line. It is not where keys are kept or decisions made: that is the engine, which knows no
//! sockets and is reached through [`service`].
//!
//! The binary `strongroom` is a thin shell around [`cli::run`].
//!
//! ```
//! use strongroom_server::config::Config;
//!
//! let config = Config::from_text("[kmip]\nlisten = \"127.0.0.1:5696\"").unwrap();
//! assert_eq!(config.kmip.max_batch, 128);
//! assert!(Config::from_text("[kmip]\nlissten = 1").unwrap_err().to_string().contains("kmip.listen"));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod admin;
pub mod admission;
pub mod config;
pub mod errors;
pub mod identity;
pub mod kmip_listener;
pub mod pki;
pub mod serve;
pub mod service;
pub mod setup;
pub mod tls;
