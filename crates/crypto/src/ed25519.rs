//! Ed25519 (RFC 8032) for the heads of the journal's chains.
//!
//! Backend: `aws_lc_rs::signature`. The private key is its 32-byte seed in locked memory; the
//! library's expanded form lives for one signature only.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use strongroom_secmem::SecretBytes;

use crate::CryptoError;

/// Length of a seed and of a public key in bytes.
pub const KEY_LEN: usize = 32;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// A fresh seed.
pub fn generate() -> Result<SecretBytes, CryptoError> {
    SecretBytes::try_build(KEY_LEN, |out| {
        crate::random(out)?;
        Ok(KEY_LEN)
    })
}

/// The public key of a seed.
pub fn public_key(seed: &SecretBytes) -> Result<[u8; KEY_LEN], CryptoError> {
    let pair = pair(seed)?;
    pair.public_key().as_ref().try_into().map_err(|_| CryptoError::Internal("Ed25519"))
}

/// Signs `message`.
pub fn sign(seed: &SecretBytes, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], CryptoError> {
    let signature = pair(seed)?.sign(message);
    signature.as_ref().try_into().map_err(|_| CryptoError::Internal("Ed25519"))
}

/// Whether `signature` is that of `message` under `public_key`.
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

fn pair(seed: &SecretBytes) -> Result<Ed25519KeyPair, CryptoError> {
    Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
        .map_err(|_| CryptoError::key("an Ed25519 seed has 32 bytes"))
}
