//! ML-KEM (FIPS 203).

use aws_lc_sys as ffi;

use super::{Key, Kind, PrivateKey, PublicKey};
use crate::buffer::Buffer;
use crate::{Error, ok};

/// What encapsulation gives.
pub struct Encapsulated {
    /// For the holder of the private key.
    pub ciphertext: Vec<u8>,
    /// The secret, 32 bytes.
    pub secret: Buffer,
}

/// Length of every ML-KEM secret in bytes.
const SECRET_LEN: usize = 32;

/// Length of every ML-KEM seed in bytes (`d` and `z` of FIPS 203).
pub(super) const SEED_LEN: usize = 64;

/// The PKCS #8 form of a seed (RFC 9935), the one form of it that the library parses on every
/// platform.
pub(super) fn pkcs8_of_seed(kind: Kind, seed: &[u8]) -> Result<Buffer, Error> {
    // SEQUENCE { 0, SEQUENCE { id-alg-ml-kem-... }, OCTET STRING { [0] seed } }
    const HEAD: [u8; 22] = [
        0x30, 0x54, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x04, 0x00, 0x04, 0x42, 0x80, 0x40,
    ];
    const PARAMETER_SET: usize = 17;
    Buffer::build(HEAD.len() + SEED_LEN, |out| {
        let (head, tail) = out.split_at_mut(HEAD.len());
        if tail.len() != seed.len() {
            return Err(Error::BadKey("an ML-KEM seed has 64 bytes"));
        }
        head.copy_from_slice(&HEAD);
        head[PARAMETER_SET] = match kind {
            Kind::MlKem512 => 1,
            Kind::MlKem768 => 2,
            _ => 3,
        };
        tail.copy_from_slice(seed);
        Ok(HEAD.len() + SEED_LEN)
    })
}

impl PublicKey {
    /// Makes a fresh secret for the holder of the private key.
    pub fn encapsulate(&self) -> Result<Encapsulated, Error> {
        let mut ciphertext = vec![0; self.0.kem_ciphertext_len()?];
        let operation = self.0.context()?;
        let secret = Buffer::build(SECRET_LEN, |secret| {
            let (mut ciphertext_len, mut len) = (ciphertext.len(), secret.len());
            // SAFETY: the context is live; both outputs have the lengths of this parameter set,
            // which the function checks against those passed.
            let result = unsafe {
                let (at, to) = (ciphertext.as_mut_ptr(), secret.as_mut_ptr());
                let lens = (&raw mut ciphertext_len, &raw mut len);
                ffi::EVP_PKEY_encapsulate(operation.0, at, lens.0, to, lens.1)
            };
            ok(result, Error::BadKey("the public key is refused"))?;
            Ok(len)
        })?;
        Ok(Encapsulated { ciphertext, secret })
    }
}

impl PrivateKey {
    /// Recovers the secret. By design an altered ciphertext gives another secret, not an error.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Buffer, Error> {
        if ciphertext.len() != self.0.kem_ciphertext_len()? {
            return Err(Error::BadData);
        }
        let operation = self.0.context()?;
        Buffer::build(SECRET_LEN, |secret| {
            let mut len = secret.len();
            // SAFETY: the context is live; the output has the secret's length and `ciphertext` is
            // valid for its.
            let result = unsafe {
                let (to, at) = (secret.as_mut_ptr(), ciphertext.as_ptr());
                ffi::EVP_PKEY_decapsulate(operation.0, to, &raw mut len, at, ciphertext.len())
            };
            ok(result, Error::BadKey("the private key is refused"))?;
            Ok(len)
        })
    }

    /// The public half. A key made from its expanded form has it inside only: FIPS 203 lays the
    /// expanded key out as 384k bytes, then the public key of 384k + 32, its hash, and 32 bytes.
    pub(super) fn kem_public(&self, kind: Kind) -> Result<PublicKey, Error> {
        let k = match kind {
            Kind::MlKem512 => 2,
            Kind::MlKem768 => 3,
            _ => 4,
        };
        let expanded = self.0.get(ffi::EVP_PKEY_get_raw_private_key)?;
        let public = expanded.as_slice().get(384 * k..768 * k + 32);
        PublicKey::from_raw(kind, public.ok_or(Error::Internal("ML-KEM key length"))?)
    }
}

impl Key {
    fn kem_ciphertext_len(&self) -> Result<usize, Error> {
        match self.kind()? {
            Kind::MlKem512 => Ok(768),
            Kind::MlKem768 => Ok(1088),
            Kind::MlKem1024 => Ok(1568),
            _ => Err(Error::Unsupported("encapsulation with this algorithm")),
        }
    }
}
