//! Every cryptographic operation of the key manager, over AWS-LC.
//!
//! Free functions grouped by purpose; keys are [`SecretBytes`](strongroom_secmem::SecretBytes), which
//! live in locked memory; the vocabulary is KMIP's; the one error is [`CryptoError`].
//!
//! It is not for policy: legacy algorithms (3DES, DES, RC4, MD5, SHA-1, RSA below 2048 bits) work, and
//! who may use them is the engine's to say. Nor does it choose KMIP's defaults, count uses or keep
//! nonces apart: it is given an IV, or asked for a random one by way of [`random`] and
//! [`cipher::iv_len`].
//!
//! # Backends
//!
//! | what | backend |
//! |---|---|
//! | random bytes, sealing (AES-256-GCM), chain signatures (Ed25519), comparison in constant time | `aws-lc-rs` |
//! | hashes: MD4, MD5, SHA-1, SHA-2 with SHA-512/224 and /256, SHA-3, RIPEMD-160 | AWS-LC through `strongroom-awslc` |
//! | HMAC over any of them but MD4 and RIPEMD-160, CMAC over AES and 3DES | AWS-LC through `strongroom-awslc` |
//! | AES ECB, CBC, CFB-128, OFB, CTR, GCM, CCM, XTS-256; ChaCha20-Poly1305; 3DES and DES ECB, CBC; RC4; ChaCha20 | AWS-LC through `strongroom-awslc` |
//! | XTS-AES-128 | crates `xts-mode` and `aes` (AWS-LC has none) |
//! | AES key wrap, RFC 3394 and 5649, 128 to 256 bits | AWS-LC through `strongroom-awslc` |
//! | HKDF, PBKDF2 | AWS-LC through `strongroom-awslc` |
//! | SP 800-108 counter, feedback, double pipeline | here, over HMAC and CMAC |
//! | block padding: PKCS #5, ANSI X9.23, ISO 10126, zeros | here |
//! | RSA, ECDSA and ECDH (P-224 to P-521, secp256k1), Ed25519, X25519, ML-KEM, ML-DSA, key formats | AWS-LC through `strongroom-awslc` |
//!
//! Refused as unsupported: MD2, Tiger, Whirlpool; Blowfish, Camellia, CAST5, IDEA, RC2, SEED, ARIA, SM4
//! and the like; CBC-MAC, PCBC, the X9.102 wraps; 3DES in other modes than ECB and CBC; DSA, DH, Ed448,
//! binary and Brainpool curves, P-192; raw RSA.
//!
//! ```
//! use strongroom_crypto::{cipher, random};
//! use strongroom_kmip::{BlockCipherMode, CryptographicAlgorithm};
//! use strongroom_secmem::SecretBytes;
//!
//! let key = SecretBytes::try_build(32, |out| random(out).map(|()| 32))?;
//! let gcm = cipher::Spec::new(CryptographicAlgorithm::AES, Some(BlockCipherMode::GCM));
//! let mut iv = vec![0; cipher::iv_len(&gcm)?.unwrap_or_default()];
//! random(&mut iv)?;
//!
//! let made = cipher::encrypt(&key, &gcm, &iv, b"context", b"a message")?;
//! let back = cipher::decrypt(&key, &gcm, &iv, b"context", &made.data, made.tag.as_deref())?;
//! assert_eq!(back, b"a message");
//! # Ok::<(), strongroom_crypto::CryptoError>(())
//! ```
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

/// SHA-256 of the parts as if they were one string; no allocation. AWS-LC through
/// `strongroom-awslc`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    strongroom_awslc::digest::sha256(parts)
}
