//! Key derivation: HKDF for the house's own keys, and KMIP's Derive Key methods.
//!
//! Backends: AWS-LC's `HKDF` and `PKCS5_PBKDF2_HMAC` through `strongroom-awslc`, over any hash
//! (`aws_lc_rs` has them for four hashes). Hash, HMAC and encryption as in their modules. SP 800-108
//! in all three modes is done here over HMAC or CMAC: AWS-LC has the counter mode with HMAC only.
//!
//! Every method but PBKDF2, HKDF and SP 800-108 has an output of fixed length; asking for more is an
//! error, as the specification says, and asking for less gives its beginning. How many iterations or
//! bytes a client may ask for is the engine's limit.

use std::num::NonZeroU32;

use strongroom_awslc::{digest as backend, kdf};
use strongroom_kmip::HashingAlgorithm;
use strongroom_secmem::SecretBytes;
use zeroize::{Zeroize, Zeroizing};

use crate::cipher::{self, Spec};
use crate::digest::md;
use crate::mac::{self, Mac};
use crate::{CryptoError, digest};

/// HKDF (RFC 5869), extract then expand: `len` bytes, at most 255 times the hash's length. An
/// empty salt means a string of zeros of the hash's length, as the RFC says.
pub fn hkdf(
    hash: HashingAlgorithm,
    ikm: &SecretBytes,
    salt: &[u8],
    info: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let md = md(hash)?;
    SecretBytes::try_build(len, |out| {
        kdf::hkdf(md, ikm.as_slice(), salt, info, out)?;
        Ok(len)
    })
}

/// PBKDF2 (RFC 8018) with HMAC: `len` bytes.
pub fn pbkdf2(
    hash: HashingAlgorithm,
    password: &SecretBytes,
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let md = md(hash)?;
    let iterations = NonZeroU32::new(iterations)
        .ok_or_else(|| CryptoError::parameter("the iteration count must be at least 1"))?;
    SecretBytes::try_build(len, |out| {
        kdf::pbkdf2(md, password.as_slice(), salt, iterations, out)?;
        Ok(len)
    })
}

/// KMIP's HASH: the hash of the derivation data if there is any, else of the key.
pub fn hash(
    hash: HashingAlgorithm,
    key: &SecretBytes,
    data: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let input = if data.is_empty() { key.as_slice() } else { data };
    let value = backend::digest(md(hash)?, &[input])?;
    beginning(value.as_slice(), len)
}

/// KMIP's HMAC: the HMAC of the derivation data under the key.
pub fn hmac(
    hash: HashingAlgorithm,
    key: &SecretBytes,
    data: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let value = backend::hmac(md(hash)?, key.as_slice(), &[data])?;
    beginning(value.as_slice(), len)
}

/// KMIP's ENCRYPT: the derivation data encrypted under the key, without a tag.
pub fn encrypt(
    key: &SecretBytes,
    spec: &Spec,
    iv: &[u8],
    data: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let value = Zeroizing::new(cipher::encrypt(key, spec, iv, &[], data)?.data);
    beginning(&value, len)
}

/// The first `len` bytes of an output, in locked memory; for a shared secret also.
pub fn beginning(output: &[u8], len: usize) -> Result<SecretBytes, CryptoError> {
    let Some(output) = output.get(..len) else {
        return Err(CryptoError::parameter(format!(
            "this derivation gives {} bytes, {len} were asked for",
            output.len()
        )));
    };
    Ok(SecretBytes::from_slice(output)?)
}

/// The mode of an SP 800-108 derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kbkdf<'a> {
    /// Counter mode: a 32-bit counter before the fixed data.
    Counter,
    /// Feedback mode: the previous block (at first `iv`, perhaps empty), then the counter.
    Feedback {
        /// The block before the first.
        iv: &'a [u8],
    },
    /// Double-pipeline mode: a block of a second chain over the fixed data, then the counter.
    DoublePipeline,
}

/// SP 800-108: `len` bytes. The derivation data is the standard's fixed data as a whole (label, a
/// zero byte, context, length), which the caller lays out.
pub fn nist800_108(
    mode: Kbkdf<'_>,
    prf: mac::Algorithm,
    key: &SecretBytes,
    fixed: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let block = prf.output_len()?;
    if u32::try_from(len.div_ceil(block)).is_err() {
        return Err(CryptoError::parameter("more bytes than the 32-bit counter allows"));
    }
    let run = |parts: &[&[u8]]| {
        let mut mac = Mac::new(prf, key)?;
        parts.iter().try_for_each(|part| mac.update(part))?;
        mac.finish().map(Zeroizing::new)
    };
    SecretBytes::try_build(len, |out| {
        let mut chain = Zeroizing::new(match mode {
            Kbkdf::Counter => Vec::new(),
            Kbkdf::Feedback { iv } => iv.to_vec(),
            Kbkdf::DoublePipeline => fixed.to_vec(),
        });
        for (number, piece) in (1u32..).zip(out.chunks_mut(block)) {
            if mode == Kbkdf::DoublePipeline {
                chain = run(&[&chain])?;
            }
            let value = run(&[&chain, &number.to_be_bytes(), fixed])?;
            piece.iter_mut().zip(value.iter()).for_each(|(to, from)| *to = *from);
            if matches!(mode, Kbkdf::Feedback { .. }) {
                chain.zeroize();
                chain = value;
            }
        }
        Ok(len)
    })
}

/// The length that HASH and HMAC give, in bytes, for choosing a default.
pub fn natural_len(hash: HashingAlgorithm) -> Result<usize, CryptoError> {
    digest::len(hash)
}
