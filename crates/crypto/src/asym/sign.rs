//! Signatures over data or over its digest.

use strongroom_awslc::digest as backend;
use strongroom_awslc::pkey::{Curve, Kind, RsaSignature, SaltLen};
use strongroom_kmip::{DigitalSignatureAlgorithm, HashingAlgorithm, PaddingMethod};

use super::{PrivateKey, PublicKey};
use crate::CryptoError;
use crate::digest::md;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// The data.
    Data(&'a [u8]),
    /// The data's digest, made elsewhere. Not for Ed25519 and ML-DSA, which sign data only.
    Digest(&'a [u8]),
}

/// How to sign: KMIP's Cryptographic Parameters, as far as they concern signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// The hash. RSA needs one, but for PKCS #1 v1.5 over a digest, which is then padded as it is; EC
    /// keys have the one of their curve's strength when absent, and take a digest of any length.
    pub hash: Option<HashingAlgorithm>,
    /// PKCS1_V1_5 (also when absent) or PSS, for RSA.
    pub padding: Option<PaddingMethod>,
    /// The hash of PSS's MGF1; `hash` when absent.
    pub mgf_hash: Option<HashingAlgorithm>,
    /// The salt of PSS in bytes. When absent: as long as the hash for signing, any for verification.
    pub salt_length: Option<usize>,
}

impl Signing {
    /// The hash and padding that KMIP's Digital Signature Algorithm names; PSS leaves the hash open.
    pub fn of(algorithm: DigitalSignatureAlgorithm) -> Result<Self, CryptoError> {
        use DigitalSignatureAlgorithm as Dsa;
        let rsa = |hash| (Some(hash), Some(PaddingMethod::PKCS1_V1_5));
        let (hash, padding) = match algorithm {
            Dsa::MD5_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::MD5),
            Dsa::SHA_1_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA_1),
            Dsa::SHA_224_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA_224),
            Dsa::SHA_256_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA_256),
            Dsa::SHA_384_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA_384),
            Dsa::SHA_512_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA_512),
            Dsa::SHA3_256_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA3_256),
            Dsa::SHA3_384_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA3_384),
            Dsa::SHA3_512_WITH_RSA_ENCRYPTION => rsa(HashingAlgorithm::SHA3_512),
            Dsa::RSASSA_PSS => (None, Some(PaddingMethod::PSS)),
            Dsa::ECDSA_WITH_SHA_1 => (Some(HashingAlgorithm::SHA_1), None),
            Dsa::ECDSA_WITH_SHA224 => (Some(HashingAlgorithm::SHA_224), None),
            Dsa::ECDSA_WITH_SHA256 => (Some(HashingAlgorithm::SHA_256), None),
            Dsa::ECDSA_WITH_SHA384 => (Some(HashingAlgorithm::SHA_384), None),
            Dsa::ECDSA_WITH_SHA512 => (Some(HashingAlgorithm::SHA_512), None),
            other => return Err(CryptoError::unsupported(format!("signing by {other:?}"))),
        };
        Ok(Self { hash, padding, ..Self::default() })
    }
}

/// Signs. ECDSA signatures are DER.
pub fn sign(
    key: &PrivateKey,
    signing: &Signing,
    message: Message<'_>,
) -> Result<Vec<u8>, CryptoError> {
    match key.0.kind()? {
        Kind::Rsa => {
            let padding = rsa(signing, message, SaltLen::Digest)?;
            with_digest(signing.hash, message, |digest| Ok(key.0.rsa_sign(padding, digest)?))
        }
        Kind::Ec(curve) => {
            let hash = ec(signing, curve, message)?;
            with_digest(hash, message, |digest| Ok(key.0.ecdsa_sign(digest)?))
        }
        _ => Ok(key.0.sign_message(whole(signing, message)?)?),
    }
}

/// Whether the signature is the message's. Any malformed signature is just not valid.
pub fn verify(
    key: &PublicKey,
    signing: &Signing,
    message: Message<'_>,
    signature: &[u8],
) -> Result<bool, CryptoError> {
    match key.0.kind()? {
        Kind::Rsa => {
            let padding = rsa(signing, message, SaltLen::Any)?;
            with_digest(signing.hash, message, |digest| {
                Ok(key.0.rsa_verify(padding, digest, signature)?)
            })
        }
        Kind::Ec(curve) => {
            let hash = ec(signing, curve, message)?;
            with_digest(hash, message, |digest| Ok(key.0.ecdsa_verify(digest, signature)?))
        }
        _ => Ok(key.0.verify_message(whole(signing, message)?, signature)?),
    }
}

fn rsa(
    signing: &Signing,
    message: Message<'_>,
    default_salt: SaltLen,
) -> Result<RsaSignature, CryptoError> {
    let hash = signing.hash.map(md).transpose()?;
    match (signing.padding, hash, message) {
        (None | Some(PaddingMethod::PKCS1_V1_5), Some(hash), _) => Ok(RsaSignature::Pkcs1(hash)),
        (None | Some(PaddingMethod::PKCS1_V1_5), None, Message::Digest(_)) => {
            Ok(RsaSignature::Pkcs1Bare)
        }
        (Some(PaddingMethod::PSS), Some(hash), _) => {
            let mgf = signing.mgf_hash.map_or(Ok(hash), md)?;
            let salt = signing.salt_length.map_or(default_salt, SaltLen::Bytes);
            Ok(RsaSignature::Pss { hash, mgf, salt })
        }
        (None | Some(PaddingMethod::PKCS1_V1_5 | PaddingMethod::PSS), None, _) => {
            Err(CryptoError::parameter("an RSA signature needs a hash"))
        }
        (Some(other), ..) => {
            Err(CryptoError::unsupported(format!("an RSA signature with padding {other:?}")))
        }
    }
}

/// The hash of an ECDSA signature; none for a digest whose hash nobody names.
fn ec(
    signing: &Signing,
    curve: Curve,
    message: Message<'_>,
) -> Result<Option<HashingAlgorithm>, CryptoError> {
    if !matches!(signing.padding, None | Some(PaddingMethod::NONE)) {
        return Err(CryptoError::parameter("ECDSA takes no padding"));
    }
    let usual = match curve {
        Curve::P224 | Curve::P256 | Curve::Secp256k1 => HashingAlgorithm::SHA_256,
        Curve::P384 => HashingAlgorithm::SHA_384,
        Curve::P521 => HashingAlgorithm::SHA_512,
    };
    Ok(match message {
        Message::Digest(_) => signing.hash,
        Message::Data(_) => Some(signing.hash.unwrap_or(usual)),
    })
}

fn with_digest<R>(
    hash: Option<HashingAlgorithm>,
    message: Message<'_>,
    then: impl FnOnce(&[u8]) -> Result<R, CryptoError>,
) -> Result<R, CryptoError> {
    match (message, hash) {
        (Message::Digest(digest), None) => then(digest),
        (Message::Digest(digest), Some(hash)) => {
            if digest.len() != md(hash)?.output_len() {
                return Err(CryptoError::parameter("the digest has not the hash's length"));
            }
            then(digest)
        }
        (Message::Data(data), Some(hash)) => then(backend::digest(md(hash)?, &[data])?.as_slice()),
        (Message::Data(_), None) => Err(CryptoError::parameter("a signature needs a hash")),
    }
}

/// The message for an algorithm that hashes by itself.
fn whole<'a>(signing: &Signing, message: Message<'a>) -> Result<&'a [u8], CryptoError> {
    if signing.padding.is_some_and(|padding| padding != PaddingMethod::NONE) {
        return Err(CryptoError::parameter("this algorithm takes no padding"));
    }
    match message {
        Message::Data(data) => Ok(data),
        Message::Digest(_) => Err(CryptoError::parameter("this algorithm signs data, not digests")),
    }
}
