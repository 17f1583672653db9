//! Hash functions.
//!
//! Backend: AWS-LC's EVP digests through `strongroom-awslc` for all of them (MD4, MD5, SHA-1,
//! SHA-2 with the truncated forms, SHA-3, RIPEMD-160), so that one path serves every name of
//! KMIP's table; `aws_lc_rs::digest` lacks MD5, SHA3-224, SHA-512/224 and RIPEMD-160. AWS-LC has
//! no MD2, Tiger or Whirlpool: these are refused.

use strongroom_awslc::digest::{self as backend, Md};
use strongroom_kmip::HashingAlgorithm;

use crate::CryptoError;

/// The hash of `data`.
pub fn hash(algorithm: HashingAlgorithm, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    Ok(backend::digest(md(algorithm)?, &[data])?.as_slice().to_vec())
}

/// The length of the algorithm's hash in bytes.
pub fn len(algorithm: HashingAlgorithm) -> Result<usize, CryptoError> {
    Ok(md(algorithm)?.output_len())
}

/// A hash computed in steps.
pub struct Hasher(backend::Hasher);

impl Hasher {
    /// Begins.
    pub fn new(algorithm: HashingAlgorithm) -> Result<Self, CryptoError> {
        Ok(Self(backend::Hasher::new(md(algorithm)?)?))
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) -> Result<(), CryptoError> {
        Ok(self.0.update(data)?)
    }

    /// Ends and gives the hash.
    pub fn finish(self) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.finish()?.as_slice().to_vec())
    }
}

/// AWS-LC's name of a KMIP hash.
pub(crate) fn md(algorithm: HashingAlgorithm) -> Result<Md, CryptoError> {
    Ok(match algorithm {
        HashingAlgorithm::MD4 => Md::Md4,
        HashingAlgorithm::MD5 => Md::Md5,
        HashingAlgorithm::SHA_1 => Md::Sha1,
        HashingAlgorithm::SHA_224 => Md::Sha224,
        HashingAlgorithm::SHA_256 => Md::Sha256,
        HashingAlgorithm::SHA_384 => Md::Sha384,
        HashingAlgorithm::SHA_512 => Md::Sha512,
        HashingAlgorithm::RIPEMD_160 => Md::Ripemd160,
        HashingAlgorithm::SHA_512_224 => Md::Sha512_224,
        HashingAlgorithm::SHA_512_256 => Md::Sha512_256,
        HashingAlgorithm::SHA3_224 => Md::Sha3_224,
        HashingAlgorithm::SHA3_256 => Md::Sha3_256,
        HashingAlgorithm::SHA3_384 => Md::Sha3_384,
        HashingAlgorithm::SHA3_512 => Md::Sha3_512,
        other => return Err(CryptoError::unsupported(format!("the hash {other:?}"))),
    })
}
