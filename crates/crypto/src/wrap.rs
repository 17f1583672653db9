//! Keys wrapped by keys.
//!
//! Backends: as in [`crate::cipher`] and [`crate::asym`]; AES key wrap with and without padding is
//! AWS-LC's for all three key lengths (`aws_lc_rs::key_wrap` lacks 192 bits).

use strongroom_awslc::wrap as backend;
use strongroom_kmip::{BlockCipherMode, CryptographicAlgorithm};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::CryptoError;
use crate::asym::{self, PrivateKey, PublicKey, RsaPadding};
use crate::cipher::{self, Spec};

/// AES key wrap (RFC 3394), the usual choice.
pub const AES_KEY_WRAP: Spec = Spec {
    algorithm: CryptographicAlgorithm::AES,
    mode: Some(BlockCipherMode::NISTKEYWRAP),
    padding: None,
    tag_length: None,
    counter_length: None,
};

/// Wraps a key with any spec. In an authenticating mode the tag follows the ciphertext, since a
/// wrapped key is one string.
pub fn wrap(kek: &SecretBytes, spec: &Spec, iv: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut made = cipher::encrypt(kek, spec, iv, &[], key)?;
    made.data.extend(made.tag.unwrap_or_default());
    Ok(made.data)
}

/// Unwraps what [`wrap`] made, into locked memory.
pub fn unwrap(
    kek: &SecretBytes,
    spec: &Spec,
    iv: &[u8],
    wrapped: &[u8],
) -> Result<SecretBytes, CryptoError> {
    // The common case never leaves locked memory.
    if *spec == AES_KEY_WRAP && iv.is_empty() {
        let len = wrapped.len().saturating_sub(backend::OVERHEAD);
        return SecretBytes::try_build(len, |out| {
            backend::unwrap(kek.as_slice(), wrapped, out)?;
            Ok(len)
        });
    }
    let (data, tag) = if cipher::is_aead(spec) {
        let tag_len = spec.tag_length.unwrap_or(16);
        let cut = wrapped.len().checked_sub(tag_len).ok_or(CryptoError::BadData)?;
        let (data, tag) = wrapped.split_at(cut);
        (data, Some(tag))
    } else {
        (wrapped, None)
    };
    let plain = Zeroizing::new(cipher::decrypt(kek, spec, iv, &[], data, tag)?);
    Ok(SecretBytes::from_slice(&plain)?)
}

/// Wraps a key with an RSA public key.
pub fn wrap_rsa(
    kek: &PublicKey,
    padding: RsaPadding<'_>,
    key: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    asym::encrypt(kek, padding, key)
}

/// Unwraps with an RSA private key, into locked memory.
pub fn unwrap_rsa(
    kek: &PrivateKey,
    padding: RsaPadding<'_>,
    wrapped: &[u8],
) -> Result<SecretBytes, CryptoError> {
    asym::decrypt(kek, padding, wrapped)
}
