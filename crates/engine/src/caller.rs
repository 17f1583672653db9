//! Who is asking: what the client's certificate says.

use strongroom_model::Origin;

/// An authenticated client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The user: the certificate's common name.
    pub user: String,
    /// The groups: its organisational units.
    pub groups: Vec<String>,
    /// Its subject alternative names.
    pub sans: Vec<String>,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// Who signed it: the issuer's name, DER; empty where that is not known.
    pub issuer: Vec<u8>,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// The peer's address and port.
    pub address: String,
}

/// The user of what the server does by itself.
pub(crate) const SERVER: &str = "server";

impl Caller {
    /// The server itself, for what it does unasked.
    pub fn server() -> Self {
        Self { user: SERVER.to_owned(), ..Self::default() }
    }

    /// The origin to journal for something this caller does.
    pub fn origin(&self, operation: &str, rule: &str) -> Origin {
        Origin {
            user: self.user.clone(),
            fingerprint: self.fingerprint.clone(),
            address: self.address.clone(),
            operation: operation.to_owned(),
            rule: rule.to_owned(),
        }
    }
}
