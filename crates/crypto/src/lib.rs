//! Every cryptographic operation of the key manager, over AWS-LC.
//!
//! Free functions grouped by purpose; keys are `&SecretBytes`; the vocabulary is KMIP's. What a
//! caller may use is the engine's policy; here legacy algorithms work.
#![forbid(unsafe_code)]

pub mod asym;
pub mod cipher;
pub mod derive;
pub mod digest;
pub mod ed25519;
mod error;
pub mod hmac256;
pub mod mac;
pub mod seal;
pub mod wrap;

pub use error::CryptoError;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Fills `out` with random bytes fit for keys, from AWS-LC's generator.
pub fn random(out: &mut [u8]) -> Result<(), CryptoError> {
    SystemRandom::new().fill(out).map_err(|_| CryptoError::Rng)
}

/// SHA-256 of the parts as if they were one string; no allocation.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    strongroom_awslc::digest::sha256(parts)
}
