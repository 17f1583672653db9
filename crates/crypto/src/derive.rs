//! Key derivation.

use strongroom_awslc::digest::Md;
use strongroom_awslc::kdf;
use strongroom_kmip::HashingAlgorithm;
use strongroom_secmem::SecretBytes;

use crate::CryptoError;
use crate::digest::md;

/// HKDF (RFC 5869), extract then expand: `len` bytes, at most 255 times the hash's length. An
/// empty salt means a string of zeros of the hash's length, as the RFC says.
pub fn hkdf(
    hash: HashingAlgorithm,
    ikm: &SecretBytes,
    salt: &[u8],
    info: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let md: Md = md(hash)?;
    SecretBytes::try_build(len, |out| {
        kdf::hkdf(md, ikm.as_slice(), salt, info, out)?;
        Ok(len)
    })
}
