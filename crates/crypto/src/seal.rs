//! Sealing of stored secrets: AES-256-GCM, random nonce, laid out nonce (12) ‖ ciphertext ‖ tag (16).
//!
//! Backend: `aws_lc_rs::aead`, whose `RandomizedNonceKey` draws the nonce inside the library's
//! boundary, as FIPS 140-3 wants it. A key sealed with here must see far fewer than 2^32 messages;
//! the root crate derives one for each object version.

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey, UnboundKey,
};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroize;

use crate::CryptoError;

/// Bytes that sealing adds to the plaintext.
pub const OVERHEAD: usize = NONCE_LEN + MAX_TAG_LEN;

/// Seals `plaintext` under a 32-byte key, bound to `aad`.
pub fn seal(key: &SecretBytes, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| wrong_length())?;
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
    sealed.resize(NONCE_LEN, 0);
    sealed.extend_from_slice(plaintext);
    let (head, body) = sealed.split_at_mut(NONCE_LEN);
    match key.seal_in_place_separate_tag(Aad::from(aad), body) {
        Ok((nonce, tag)) => {
            head.copy_from_slice(nonce.as_ref());
            sealed.extend_from_slice(tag.as_ref());
            Ok(sealed)
        }
        Err(_) => {
            sealed.zeroize();
            Err(CryptoError::Internal("AES-256-GCM sealing"))
        }
    }
}

/// Opens what [`seal`] made; the plaintext appears in locked memory only.
///
/// Fails with [`CryptoError::BadData`] when the key, `aad` or any byte is another.
pub fn open(key: &SecretBytes, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| wrong_length())?;
    let key = LessSafeKey::new(key);
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CryptoError::BadData)?;
    let (ciphertext, tag) = rest.split_last_chunk::<MAX_TAG_LEN>().ok_or(CryptoError::BadData)?;
    SecretBytes::try_build(ciphertext.len(), |out| {
        let nonce = Nonce::from(nonce);
        key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, out)
            .map_err(|_| CryptoError::BadData)?;
        Ok(ciphertext.len())
    })
}

fn wrong_length() -> CryptoError {
    CryptoError::key("a sealing key has 32 bytes")
}
