//! The configuration file.

use strongroom_server::config::Config;

/// Reads `data` as a configuration.
///
/// A file is read whole or refused with words that name a key, a line or a value, and never with a
/// fault of the server's own.
///
/// # Panics
/// When that does not hold.
pub fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Err(fault) = Config::from_text(text) {
        assert!(!fault.to_string().trim().is_empty());
        assert_ne!(fault.info.number, strongroom_errors::INTERNAL.number, "{fault}");
    }
}
