//! Asymmetric keys: generation, formats, signatures, encryption, agreement, encapsulation.
//!
//! Backend: AWS-LC's EVP keys through `strongroom-awslc` for everything here (RSA, ECDSA and ECDH on
//! P-224, P-256, P-384, P-521 and secp256k1, Ed25519, X25519, ML-KEM, ML-DSA): a key that came in as
//! PKCS #1 must be usable, convertible and exportable as the same object, and `aws_lc_rs` splits these
//! over types that do not convert, lacks RSA below 2048 bits, another hash in MGF1, a free choice of
//! hash with a curve, and components. Not there: DSA, DH, Ed448, binary and Brainpool curves.
//!
//! A parsed key lives in the library's ordinary memory, which it wipes when freed: keep it for one
//! operation and hold the key itself as [`SecretBytes`].

mod components;
mod kind;
mod sign;

use strongroom_awslc::Buffer;
use strongroom_awslc::pkey::{self, Curve, Encryption, Kind};
use strongroom_kmip::{CryptographicAlgorithm, HashingAlgorithm, KeyFormatType, RecommendedCurve};
use strongroom_secmem::SecretBytes;

use crate::CryptoError;
use crate::digest::md;

pub use components::{EcComponents, RsaComponents};
pub use kind::{KeyInfo, extension};
pub use sign::{Message, Signing, sign, verify};

/// A fresh pair of keys.
#[derive(Debug)]
pub struct KeyPair {
    /// The private key as PKCS #8.
    pub private_pkcs8: SecretBytes,
    /// The public key as SubjectPublicKeyInfo.
    pub public_spki: Vec<u8>,
}

/// Generates a pair. RSA needs a length of 1024 to 8192 bits; EC, ECDSA and ECDH a curve, or a length
/// that names one of the P curves; the others are what they are.
pub fn generate(
    algorithm: CryptographicAlgorithm,
    bits: Option<u32>,
    curve: Option<RecommendedCurve>,
) -> Result<KeyPair, CryptoError> {
    let private = if algorithm == CryptographicAlgorithm::RSA {
        let bits = bits.ok_or_else(|| CryptoError::parameter("an RSA key needs a length"))?;
        // Below 1024 nothing is legacy any more, above 8192 generation takes minutes.
        if !(1024..=8192).contains(&bits) || !bits.is_multiple_of(256) {
            return Err(CryptoError::parameter("RSA length: 1024 to 8192 bits, in steps of 256"));
        }
        pkey::PrivateKey::generate_rsa(bits, 65537)?
    } else {
        pkey::PrivateKey::generate(kind::of_generated(algorithm, bits, curve)?)?
    };
    Ok(KeyPair {
        private_pkcs8: secret(&private.to_pkcs8()?)?,
        public_spki: private.public()?.to_spki()?.to_vec(),
    })
}

/// A private key ready for use.
pub struct PrivateKey(pub(crate) pkey::PrivateKey);

/// A public key ready for use.
pub struct PublicKey(pub(crate) pkey::PublicKey);

impl PrivateKey {
    /// Parses a key in the format RAW, PKCS_1, PKCS_8 or EC_PRIVATE_KEY. `algorithm` and `curve` are what
    /// the object's attributes say; a format that names them is checked against the algorithm.
    pub fn parse(
        format: KeyFormatType,
        algorithm: CryptographicAlgorithm,
        curve: Option<RecommendedCurve>,
        bytes: &SecretBytes,
    ) -> Result<Self, CryptoError> {
        let bytes = bytes.as_slice();
        let key = match format {
            KeyFormatType::PKCS_8 => pkey::PrivateKey::from_pkcs8(bytes)?,
            KeyFormatType::PKCS_1 => pkey::PrivateKey::from_pkcs1(bytes)?,
            KeyFormatType::ECPRIVATEKEY => {
                let curve = curve.map(kind::weierstrass).transpose()?;
                pkey::PrivateKey::from_sec1(curve, bytes)?
            }
            KeyFormatType::RAW => match kind::of_raw(algorithm, curve)? {
                Kind::Ec(curve) => pkey::PrivateKey::from_ec_scalar(curve, bytes)?,
                kind => pkey::PrivateKey::from_raw(kind, bytes)?,
            },
            other => return Err(unsupported_format(other)),
        };
        kind::check(algorithm, key.kind()?)?;
        Ok(Self(key))
    }

    /// As [`PrivateKey::parse`], for a key that was parsed once and kept sealed since: whether the numbers
    /// of an RSA key fit together, which takes longer to check than to sign, is taken for granted.
    pub fn parse_trusted(
        format: KeyFormatType,
        algorithm: CryptographicAlgorithm,
        curve: Option<RecommendedCurve>,
        bytes: &SecretBytes,
    ) -> Result<Self, CryptoError> {
        let key = match format {
            KeyFormatType::PKCS_8 => pkey::PrivateKey::from_trusted_pkcs8(bytes.as_slice())?,
            KeyFormatType::PKCS_1 => pkey::PrivateKey::from_trusted_pkcs1(bytes.as_slice())?,
            _ => return Self::parse(format, algorithm, curve, bytes),
        };
        kind::check(algorithm, key.kind()?)?;
        Ok(Self(key))
    }

    /// Parses PKCS #8, whatever the algorithm.
    pub fn from_pkcs8(der: &SecretBytes) -> Result<Self, CryptoError> {
        Ok(Self(pkey::PrivateKey::from_pkcs8(der.as_slice())?))
    }

    /// The key in the format RAW, PKCS_1, PKCS_8 or EC_PRIVATE_KEY. RAW is the seed or scalar where there is
    /// one (EC, Ed25519, X25519, ML-DSA, ML-KEM), else the expanded key.
    pub fn encode(&self, format: KeyFormatType) -> Result<SecretBytes, CryptoError> {
        let encoded = match (format, self.0.kind()?) {
            (KeyFormatType::PKCS_8, _) => self.0.to_pkcs8()?,
            (KeyFormatType::PKCS_1, Kind::Rsa) => self.0.to_pkcs1()?,
            (KeyFormatType::ECPRIVATEKEY, Kind::Ec(_)) => self.0.to_sec1()?,
            (KeyFormatType::RAW, Kind::Ec(_)) => self.0.ec_scalar()?,
            (KeyFormatType::RAW, kind) if kind != Kind::Rsa => self.0.to_raw()?,
            (other, _) => return Err(unsupported_format(other)),
        };
        secret(&encoded)
    }

    /// What the key is.
    pub fn info(&self) -> Result<KeyInfo, CryptoError> {
        Ok(kind::info(self.0.kind()?, self.0.bits()))
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey, CryptoError> {
        Ok(PublicKey(self.0.public()?))
    }
}

impl PublicKey {
    /// Parses a key in the format RAW, PKCS_1 or X_509 (SubjectPublicKeyInfo). RAW of an EC key is its
    /// point (SEC 1).
    pub fn parse(
        format: KeyFormatType,
        algorithm: CryptographicAlgorithm,
        curve: Option<RecommendedCurve>,
        bytes: &[u8],
    ) -> Result<Self, CryptoError> {
        let key = match format {
            KeyFormatType::X_509 => pkey::PublicKey::from_spki(bytes)?,
            KeyFormatType::PKCS_1 => pkey::PublicKey::from_pkcs1(bytes)?,
            KeyFormatType::RAW => match kind::of_raw(algorithm, curve)? {
                Kind::Ec(curve) => pkey::PublicKey::from_ec_point(curve, bytes)?,
                kind => pkey::PublicKey::from_raw(kind, bytes)?,
            },
            other => return Err(unsupported_format(other)),
        };
        kind::check(algorithm, key.kind()?)?;
        Ok(Self(key))
    }

    /// Parses a SubjectPublicKeyInfo, whatever the algorithm.
    pub fn from_spki(der: &[u8]) -> Result<Self, CryptoError> {
        Ok(Self(pkey::PublicKey::from_spki(der)?))
    }

    /// The key in the format RAW, PKCS_1 or X_509.
    pub fn encode(&self, format: KeyFormatType) -> Result<Vec<u8>, CryptoError> {
        Ok(match (format, self.0.kind()?) {
            (KeyFormatType::X_509, _) => self.0.to_spki()?.to_vec(),
            (KeyFormatType::PKCS_1, Kind::Rsa) => self.0.to_pkcs1()?.to_vec(),
            (KeyFormatType::RAW, Kind::Ec(_)) => self.0.ec_point()?,
            (KeyFormatType::RAW, kind) if kind != Kind::Rsa => self.0.to_raw()?.to_vec(),
            (other, _) => return Err(unsupported_format(other)),
        })
    }

    /// What the key is.
    pub fn info(&self) -> Result<KeyInfo, CryptoError> {
        Ok(kind::info(self.0.kind()?, self.0.bits()))
    }
}

/// How RSA pads what it encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaPadding<'a> {
    /// PKCS #1 v1.5. Whoever learns whether decryption succeeded can decrypt: for old clients only.
    Pkcs1V15,
    /// OAEP.
    Oaep {
        /// The hash of the label.
        hash: HashingAlgorithm,
        /// The hash of MGF1, `hash` when absent. (KMIP's own default is SHA-1: the caller says so.)
        mgf_hash: Option<HashingAlgorithm>,
        /// The label, KMIP's P Source.
        label: &'a [u8],
    },
}

impl<'a> RsaPadding<'a> {
    fn lower(self) -> Result<Encryption<'a>, CryptoError> {
        Ok(match self {
            Self::Pkcs1V15 => Encryption::Pkcs1,
            Self::Oaep { hash, mgf_hash, label } => {
                Encryption::Oaep { hash: md(hash)?, mgf: md(mgf_hash.unwrap_or(hash))?, label }
            }
        })
    }
}

/// Encrypts with RSA.
pub fn encrypt(
    key: &PublicKey,
    padding: RsaPadding<'_>,
    data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    Ok(key.0.rsa_encrypt(padding.lower()?, data)?)
}

/// Decrypts with RSA, into locked memory.
pub fn decrypt(
    key: &PrivateKey,
    padding: RsaPadding<'_>,
    data: &[u8],
) -> Result<SecretBytes, CryptoError> {
    secret(&key.0.rsa_decrypt(padding.lower()?, data)?)
}

/// The shared secret of ECDH or X25519, unhashed: the x coordinate, as long as the field.
pub fn agree(own: &PrivateKey, peer: &PublicKey) -> Result<SecretBytes, CryptoError> {
    secret(&own.0.agree(&peer.0)?)
}

/// What ML-KEM encapsulation gives.
#[derive(Debug)]
pub struct Encapsulated {
    /// For the holder of the private key.
    pub ciphertext: Vec<u8>,
    /// The secret, 32 bytes.
    pub secret: SecretBytes,
}

/// Makes a fresh secret for the holder of an ML-KEM private key.
pub fn encapsulate(key: &PublicKey) -> Result<Encapsulated, CryptoError> {
    let made = key.0.encapsulate()?;
    Ok(Encapsulated { secret: secret(&made.secret)?, ciphertext: made.ciphertext })
}

/// Recovers the secret. By design an altered ciphertext of the right length gives another secret.
pub fn decapsulate(key: &PrivateKey, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
    secret(&key.0.decapsulate(ciphertext)?)
}

/// Moves what the library made into locked memory; the library wipes its copy.
fn secret(buffer: &Buffer) -> Result<SecretBytes, CryptoError> {
    Ok(SecretBytes::from_slice(buffer.as_slice())?)
}

fn unsupported_format(format: KeyFormatType) -> CryptoError {
    CryptoError::unsupported(format!("the key format {format:?} for this key"))
}

/// The curve of a key, when it is on one of the Weierstrass curves.
fn curve_of(kind: Kind) -> Option<Curve> {
    match kind {
        Kind::Ec(curve) => Some(curve),
        _ => None,
    }
}
