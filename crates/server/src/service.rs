//! The seam between the server and the engine.

use std::sync::Arc;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Common name.
    pub user: String,
    /// Organisational units.
    pub groups: Vec<String>,
    /// Alternative names.
    pub sans: Vec<String>,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
    /// Where the request came from.
    pub address: String,
}

/// An answer.
pub struct Reply {
    /// The frame.
    pub bytes: Vec<u8>,
    /// Whether the connection ends with it.
    pub close: bool,
}

/// What a listener needs from the key manager.
pub trait Handler: Send + Sync + 'static {
    /// Answers one KMIP frame: `reply` is called exactly once, before the return for uses and
    /// from another thread for changes.
    fn handle(&self, caller: &Arc<Caller>, frame: Vec<u8>, reply: Box<dyn FnOnce(Reply) + Send>);

    /// Whether a certificate was revoked. Asked for every request, so it must be cheap.
    fn is_revoked(&self, fingerprint: &[u8; 32]) -> bool;

    /// Records what the server met, in the audit.
    fn event(&self, kind: &'static str, text: &str);
}
