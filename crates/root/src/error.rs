//! What can go wrong with the root key.

use strongroom_crypto::CryptoError;
use strongroom_secmem::SecMemError;

/// Why the root key or something below it does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Key bytes of another length.
    #[error("the {what} must have {expected} bytes")]
    WrongLength {
        /// Which key.
        what: &'static str,
        /// Bytes it must have.
        expected: usize,
    },
    /// The epoch keys were wrapped by another root key.
    #[error(
        "the key of epoch {epoch} does not open: it belongs to another root key, or was altered"
    )]
    WrongRoot {
        /// Which epoch.
        epoch: u32,
    },
    /// The key of an epoch is not here.
    #[error("the key of epoch {epoch} is gone: it was retired")]
    NoEpoch {
        /// Which epoch.
        epoch: u32,
    },
    /// Sealed bytes do not check.
    #[error("the sealed material of {0} does not check: restore it from a backup")]
    Tampered(String),
    /// The cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Locked memory is short.
    #[error(transparent)]
    Memory(#[from] SecMemError),
}
