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
pub mod certificates;
pub mod cli;
pub mod config;
pub mod crl;
pub mod errors;
pub mod forward;
pub mod identity;
#[cfg(test)]
mod it;
pub mod kmip_listener;
pub mod monitor;
pub mod names;
pub mod pki;
pub mod serve;
pub mod service;
pub mod setup;
pub mod tls;

/// Makes every panic end the process with a plain line. The panic's own message stays unsaid: it
/// may quote what was being worked on. A key manager whose thread died with a lock held or a
/// write half done must not go on.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place =
            panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        eprintln!(
            "strongroom {}: a fault of its own{place}; the process stops. Please report it.",
            env!("CARGO_PKG_VERSION")
        );
        std::process::abort();
    }));
}
