//! Message authentication codes.
//!
//! Backends: AWS-LC's HMAC through `strongroom-awslc` for every hash (`aws_lc_rs::hmac` lacks
//! HMAC-MD5 and the SHA-3 family and keeps its keys outside locked memory), AWS-LC's CMAC over AES
//! and 3DES. HMAC over RIPEMD-160 and CBC-MAC are refused.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use strongroom_awslc::cmac::{Block, Cmac};
use strongroom_awslc::digest::Hmac;
use strongroom_kmip::{BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm};
use strongroom_secmem::SecretBytes;

use crate::CryptoError;

/// Which MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC over this hash.
    Hmac(HashingAlgorithm),
    /// CMAC over AES.
    CmacAes,
    /// CMAC over 3DES.
    CmacTripleDes,
}

impl Algorithm {
    /// Chooses by KMIP's parameters: one of the HMAC algorithms as the cryptographic algorithm, or
    /// AES or 3DES with the mode CMAC (which may be left out).
    pub fn of(
        algorithm: CryptographicAlgorithm,
        mode: Option<BlockCipherMode>,
    ) -> Result<Self, CryptoError> {
        if let Some(hash) = hmac_hash(algorithm) {
            return Ok(Self::Hmac(hash));
        }
        match (algorithm, mode) {
            (CryptographicAlgorithm::AES, None | Some(BlockCipherMode::CMAC)) => Ok(Self::CmacAes),
            (CryptographicAlgorithm::TRIPLE_DES, None | Some(BlockCipherMode::CMAC)) => {
                Ok(Self::CmacTripleDes)
            }
            (other, None) => Err(CryptoError::unsupported(format!("a MAC with {other:?}"))),
            (other, Some(mode)) => {
                Err(CryptoError::unsupported(format!("a MAC with {other:?} in mode {mode:?}")))
            }
        }
    }

    /// The length of the MAC in bytes.
    pub fn output_len(self) -> Result<usize, CryptoError> {
        match self {
            Self::Hmac(hash) => crate::digest::len(hash),
            Self::CmacAes => Ok(16),
            Self::CmacTripleDes => Ok(8),
        }
    }
}

/// The MAC of `data`.
pub fn mac(algorithm: Algorithm, key: &SecretBytes, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut mac = Mac::new(algorithm, key)?;
    mac.update(data)?;
    mac.finish()
}

/// Whether `expected` is the whole MAC of `data`, in constant time. A cut MAC is refused.
pub fn verify(
    algorithm: Algorithm,
    key: &SecretBytes,
    data: &[u8],
    expected: &[u8],
) -> Result<bool, CryptoError> {
    Ok(verify_slices_are_equal(&mac(algorithm, key, data)?, expected).is_ok())
}

/// A MAC computed in steps.
pub struct Mac(Work);

enum Work {
    Hmac(Hmac),
    Cmac(Cmac),
}

impl Mac {
    /// Begins.
    pub fn new(algorithm: Algorithm, key: &SecretBytes) -> Result<Self, CryptoError> {
        let key = key.as_slice();
        Ok(Self(match algorithm {
            Algorithm::Hmac(hash) => Work::Hmac(Hmac::new(crate::digest::md(hash)?, key)?),
            Algorithm::CmacAes => Work::Cmac(Cmac::new(Block::Aes, key)?),
            Algorithm::CmacTripleDes => Work::Cmac(Cmac::new(Block::TripleDes, key)?),
        }))
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) -> Result<(), CryptoError> {
        match &mut self.0 {
            Work::Hmac(hmac) => hmac.update(data)?,
            Work::Cmac(cmac) => cmac.update(data)?,
        }
        Ok(())
    }

    /// Ends and gives the MAC.
    pub fn finish(self) -> Result<Vec<u8>, CryptoError> {
        Ok(match self.0 {
            Work::Hmac(hmac) => hmac.finish()?.as_slice().to_vec(),
            Work::Cmac(cmac) => cmac.finish()?,
        })
    }

    /// Ends and says whether `expected` is the whole MAC, in constant time.
    pub fn verify(self, expected: &[u8]) -> Result<bool, CryptoError> {
        Ok(verify_slices_are_equal(&self.finish()?, expected).is_ok())
    }
}

/// The hash of an HMAC algorithm.
pub fn hmac_hash(algorithm: CryptographicAlgorithm) -> Option<HashingAlgorithm> {
    Some(match algorithm {
        CryptographicAlgorithm::HMAC_MD5 => HashingAlgorithm::MD5,
        CryptographicAlgorithm::HMAC_SHA1 => HashingAlgorithm::SHA_1,
        CryptographicAlgorithm::HMAC_SHA224 => HashingAlgorithm::SHA_224,
        CryptographicAlgorithm::HMAC_SHA256 => HashingAlgorithm::SHA_256,
        CryptographicAlgorithm::HMAC_SHA384 => HashingAlgorithm::SHA_384,
        CryptographicAlgorithm::HMAC_SHA512 => HashingAlgorithm::SHA_512,
        CryptographicAlgorithm::HMAC_SHA3_224 => HashingAlgorithm::SHA3_224,
        CryptographicAlgorithm::HMAC_SHA3_256 => HashingAlgorithm::SHA3_256,
        CryptographicAlgorithm::HMAC_SHA3_384 => HashingAlgorithm::SHA3_384,
        CryptographicAlgorithm::HMAC_SHA3_512 => HashingAlgorithm::SHA3_512,
        _ => return None,
    })
}
