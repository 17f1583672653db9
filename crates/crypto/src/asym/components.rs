//! Keys as their numbers: KMIP's transparent key structures, which the engine maps to TTLV.
//!
//! Numbers are unsigned, big-endian, without a sign byte; on the way in leading zeros do not matter.

use strongroom_awslc::pkey::{self, RsaPrivate};
use strongroom_kmip::RecommendedCurve;
use strongroom_secmem::SecretBytes;

use super::{PrivateKey, PublicKey, curve_of, kind, secret};
use crate::CryptoError;

/// An RSA key's numbers. Of a public key only the first two are there.
#[derive(Debug, Default)]
pub struct RsaComponents {
    /// The modulus.
    pub modulus: Vec<u8>,
    /// The public exponent; when absent in a private key 65537 is tried, the only one in use.
    pub public_exponent: Option<Vec<u8>>,
    /// The private exponent.
    pub private_exponent: Option<SecretBytes>,
    /// The first prime.
    pub p: Option<SecretBytes>,
    /// The second prime.
    pub q: Option<SecretBytes>,
    /// The private exponent modulo `p - 1`.
    pub prime_exponent_p: Option<SecretBytes>,
    /// The private exponent modulo `q - 1`.
    pub prime_exponent_q: Option<SecretBytes>,
    /// The inverse of `q` modulo `p`.
    pub crt_coefficient: Option<SecretBytes>,
}

/// An elliptic-curve key's numbers.
#[derive(Debug)]
pub struct EcComponents {
    /// The curve.
    pub curve: RecommendedCurve,
    /// The private number, of a private key.
    pub d: Option<SecretBytes>,
    /// The public point, uncompressed (SEC 1); computed when absent in a private key.
    pub q: Option<Vec<u8>>,
}

const F4: [u8; 3] = [1, 0, 1];

impl PrivateKey {
    /// From an RSA key's numbers: the modulus with the private exponent, or both primes; the rest is
    /// computed. Numbers that do not fit together are refused.
    pub fn from_rsa(parts: &RsaComponents) -> Result<Self, CryptoError> {
        fn get(part: &Option<SecretBytes>) -> Option<&[u8]> {
            part.as_ref().map(SecretBytes::as_slice)
        }
        let exponent = parts.public_exponent.as_deref().unwrap_or(&F4);
        Ok(Self(pkey::PrivateKey::from_rsa_components(&RsaPrivate {
            n: Some(parts.modulus.as_slice()).filter(|n| !n.is_empty()),
            e: Some(exponent),
            d: get(&parts.private_exponent),
            p: get(&parts.p),
            q: get(&parts.q),
            dp: get(&parts.prime_exponent_p),
            dq: get(&parts.prime_exponent_q),
            qinv: get(&parts.crt_coefficient),
        })?))
    }

    /// An RSA key's numbers.
    pub fn rsa(&self) -> Result<RsaComponents, CryptoError> {
        let parts = self.0.rsa_components()?;
        Ok(RsaComponents {
            modulus: parts.n.to_vec(),
            public_exponent: Some(parts.e.to_vec()),
            private_exponent: Some(secret(&parts.d)?),
            p: Some(secret(&parts.p)?),
            q: Some(secret(&parts.q)?),
            prime_exponent_p: Some(secret(&parts.dp)?),
            prime_exponent_q: Some(secret(&parts.dq)?),
            crt_coefficient: Some(secret(&parts.qinv)?),
        })
    }

    /// From an elliptic-curve key's numbers; a public point that does not belong to the private
    /// number is refused.
    pub fn from_ec(parts: &EcComponents) -> Result<Self, CryptoError> {
        let curve = kind::weierstrass(parts.curve)?;
        let d =
            parts.d.as_ref().ok_or_else(|| CryptoError::key("the private number is missing"))?;
        let key = pkey::PrivateKey::from_ec_scalar(curve, d.as_slice())?;
        if let Some(q) = &parts.q {
            let given = pkey::PublicKey::from_ec_point(curve, q)?;
            if given.ec_point()? != key.public()?.ec_point()? {
                return Err(CryptoError::key("its numbers do not fit together"));
            }
        }
        Ok(Self(key))
    }

    /// An elliptic-curve key's numbers.
    pub fn ec(&self) -> Result<EcComponents, CryptoError> {
        let public = self.public()?.ec()?;
        Ok(EcComponents { d: Some(secret(&self.0.ec_scalar()?)?), ..public })
    }
}

impl PublicKey {
    /// From modulus and public exponent.
    pub fn from_rsa(parts: &RsaComponents) -> Result<Self, CryptoError> {
        let exponent = parts
            .public_exponent
            .as_deref()
            .ok_or_else(|| CryptoError::key("the public exponent is missing"))?;
        Ok(Self(pkey::PublicKey::from_rsa_components(&parts.modulus, exponent)?))
    }

    /// Modulus and public exponent.
    pub fn rsa(&self) -> Result<RsaComponents, CryptoError> {
        let (n, e) = self.0.rsa_components()?;
        Ok(RsaComponents {
            modulus: n.to_vec(),
            public_exponent: Some(e.to_vec()),
            ..RsaComponents::default()
        })
    }

    /// From curve and point, uncompressed or compressed.
    pub fn from_ec(parts: &EcComponents) -> Result<Self, CryptoError> {
        let curve = kind::weierstrass(parts.curve)?;
        let q = parts.q.as_ref().ok_or_else(|| CryptoError::key("the public point is missing"))?;
        Ok(Self(pkey::PublicKey::from_ec_point(curve, q)?))
    }

    /// Curve and point.
    pub fn ec(&self) -> Result<EcComponents, CryptoError> {
        let kind = self.0.kind()?;
        let name = curve_of(kind).and(kind::info(kind, 0).curve);
        let curve = name.ok_or_else(|| CryptoError::key("not an elliptic-curve key"))?;
        Ok(EcComponents { curve, d: None, q: Some(self.0.ec_point()?) })
    }
}
