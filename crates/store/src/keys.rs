//! The keys that a store needs while it is unlocked.

use strongroom_crypto::{CryptoError, hmac256};
use strongroom_secmem::SecretBytes;

/// Keys of the store, derived from the root key.
pub struct StoreKeys {
    record: hmac256::Key,
    /// Seals the journal chain's segment key between runs.
    pub(crate) chain_seal: SecretBytes,
}

impl StoreKeys {
    /// From the record key (authenticates rows) and the key that seals the chain's state.
    ///
    /// # Errors
    /// When locked memory is short.
    pub fn new(record: &SecretBytes, chain_seal: SecretBytes) -> Result<Self, CryptoError> {
        Ok(Self { record: hmac256::Key::new(record)?, chain_seal })
    }

    /// The authentication code of a row: bound to its table and its key, so that rows cannot be
    /// swapped.
    pub(crate) fn row_mac(&self, table: &str, key: &str, row: &[u8]) -> [u8; 32] {
        let table_len = (table.len() as u32).to_be_bytes();
        let key_len = (key.len() as u32).to_be_bytes();
        self.record.sign(&[
            b"strongroom row 1",
            &table_len,
            table.as_bytes(),
            &key_len,
            key.as_bytes(),
            row,
        ])
    }
}

impl std::fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKeys")
    }
}
