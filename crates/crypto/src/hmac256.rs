//! HMAC-SHA-256 under a key that is used often: the journal's chains and the store's record MACs.
//!
//! Backend: AWS-LC's HMAC with a prepared key, through `strongroom-awslc`; the prepared key lies in
//! locked memory, which `aws_lc_rs::hmac::Key` does not offer.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use strongroom_awslc::digest::{PREPARED_HMAC_SHA256_LEN, hmac_sha256, prepare_hmac_sha256};
use strongroom_secmem::SecretBytes;

use crate::CryptoError;

/// A prepared HMAC-SHA-256 key.
#[derive(Debug, Clone)]
pub struct Key(SecretBytes);

impl Key {
    /// Prepares a key of any length.
    pub fn new(key: &SecretBytes) -> Result<Self, CryptoError> {
        let prepared = SecretBytes::try_build(PREPARED_HMAC_SHA256_LEN, |out| {
            let out = out.try_into().map_err(|_| CryptoError::Internal("prepared key length"))?;
            prepare_hmac_sha256(key.as_slice(), out)?;
            Ok::<_, CryptoError>(PREPARED_HMAC_SHA256_LEN)
        })?;
        Ok(Self(prepared))
    }

    /// The MAC of the parts as if they were one string; no allocation.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        // `new` is the only maker and builds exactly this length.
        let prepared = self.0.as_slice().first_chunk().unwrap_or(&[0; PREPARED_HMAC_SHA256_LEN]);
        hmac_sha256(prepared, parts)
    }

    /// Whether `mac` is the MAC of the parts, in constant time.
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        verify_slices_are_equal(&self.sign(parts), mac).is_ok()
    }
}
