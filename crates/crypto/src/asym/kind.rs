//! KMIP's names of asymmetric algorithms and curves against the library's.

use strongroom_awslc::pkey::{Curve, Kind};
use strongroom_kmip::{CryptographicAlgorithm, RecommendedCurve};

use crate::CryptoError;

/// Algorithms that no KMIP version up to 2.1 names: the extension codes of `strongroom-kmip`.
pub mod extension {
    use strongroom_kmip::CryptographicAlgorithm;

    /// ML-KEM-512 (FIPS 203).
    pub const ML_KEM_512: CryptographicAlgorithm = CryptographicAlgorithm::ML_KEM_512;
    /// ML-KEM-768 (FIPS 203).
    pub const ML_KEM_768: CryptographicAlgorithm = CryptographicAlgorithm::ML_KEM_768;
    /// ML-KEM-1024 (FIPS 203).
    pub const ML_KEM_1024: CryptographicAlgorithm = CryptographicAlgorithm::ML_KEM_1024;
    /// ML-DSA-44 (FIPS 204).
    pub const ML_DSA_44: CryptographicAlgorithm = CryptographicAlgorithm::ML_DSA_44;
    /// ML-DSA-65 (FIPS 204).
    pub const ML_DSA_65: CryptographicAlgorithm = CryptographicAlgorithm::ML_DSA_65;
    /// ML-DSA-87 (FIPS 204).
    pub const ML_DSA_87: CryptographicAlgorithm = CryptographicAlgorithm::ML_DSA_87;
}

/// What a key is, in KMIP's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// RSA, EC, ED25519 or one of [`extension`]. EC stands for ECDSA and ECDH too, and with the curve
    /// CURVE25519 for X25519: which one was meant is in the object's attribute.
    pub algorithm: CryptographicAlgorithm,
    /// KMIP's Cryptographic Length in bits: of the modulus for RSA, of the field for EC, of the public
    /// key for the rest.
    pub bits: u32,
    /// The curve, for EC.
    pub curve: Option<RecommendedCurve>,
}

const CURVES: [(RecommendedCurve, Curve); 5] = [
    (RecommendedCurve::P_224, Curve::P224),
    (RecommendedCurve::P_256, Curve::P256),
    (RecommendedCurve::P_384, Curve::P384),
    (RecommendedCurve::P_521, Curve::P521),
    (RecommendedCurve::SECP256K1, Curve::Secp256k1),
];

const EXTENSIONS: [(CryptographicAlgorithm, Kind, u32); 6] = [
    (extension::ML_KEM_512, Kind::MlKem512, 8 * 800),
    (extension::ML_KEM_768, Kind::MlKem768, 8 * 1184),
    (extension::ML_KEM_1024, Kind::MlKem1024, 8 * 1568),
    (extension::ML_DSA_44, Kind::MlDsa44, 8 * 1312),
    (extension::ML_DSA_65, Kind::MlDsa65, 8 * 1952),
    (extension::ML_DSA_87, Kind::MlDsa87, 8 * 2592),
];

pub(super) fn info(kind: Kind, bits: u32) -> KeyInfo {
    let (algorithm, bits, curve) = match kind {
        Kind::Rsa => (CryptographicAlgorithm::RSA, bits, None),
        Kind::Ec(curve) => {
            let name = CURVES.iter().find(|(_, c)| *c == curve).map(|(name, _)| *name);
            (CryptographicAlgorithm::EC, field_bits(curve), name)
        }
        Kind::Ed25519 => (CryptographicAlgorithm::ED25519, 256, None),
        Kind::X25519 => (CryptographicAlgorithm::EC, 256, Some(RecommendedCurve::CURVE25519)),
        other => EXTENSIONS
            .iter()
            .find(|(_, kind, _)| *kind == other)
            .map_or((CryptographicAlgorithm(0), bits, None), |(name, _, bits)| {
                (*name, *bits, None)
            }),
    };
    KeyInfo { algorithm, bits, curve }
}

fn field_bits(curve: Curve) -> u32 {
    match curve {
        Curve::P224 => 224,
        Curve::P256 | Curve::Secp256k1 => 256,
        Curve::P384 => 384,
        Curve::P521 => 521,
    }
}

/// The library's curve for a KMIP name of a Weierstrass curve.
pub(super) fn weierstrass(curve: RecommendedCurve) -> Result<Curve, CryptoError> {
    let found = CURVES.iter().find(|(name, _)| *name == curve).map(|(_, curve)| *curve);
    found.ok_or_else(|| CryptoError::unsupported(format!("the curve {curve:?}")))
}

fn is_ec(algorithm: CryptographicAlgorithm) -> bool {
    matches!(
        algorithm,
        CryptographicAlgorithm::EC | CryptographicAlgorithm::ECDSA | CryptographicAlgorithm::ECDH
    )
}

/// What a request to generate means.
pub(super) fn of_generated(
    algorithm: CryptographicAlgorithm,
    bits: Option<u32>,
    curve: Option<RecommendedCurve>,
) -> Result<Kind, CryptoError> {
    let curve = match (curve, bits) {
        (None, Some(224)) => Some(RecommendedCurve::P_224),
        (None, Some(256)) => Some(RecommendedCurve::P_256),
        (None, Some(384)) => Some(RecommendedCurve::P_384),
        (None, Some(521)) => Some(RecommendedCurve::P_521),
        (curve, _) => curve,
    };
    let kind = of_raw(algorithm, curve)?;
    if let (Some(bits), Kind::Ec(curve)) = (bits, kind)
        && bits != field_bits(curve)
    {
        return Err(CryptoError::parameter("the length does not fit the curve"));
    }
    Ok(kind)
}

/// What a key without a format of its own is.
pub(super) fn of_raw(
    algorithm: CryptographicAlgorithm,
    curve: Option<RecommendedCurve>,
) -> Result<Kind, CryptoError> {
    if algorithm == CryptographicAlgorithm::ED25519 {
        return Ok(Kind::Ed25519);
    }
    if let Some((_, kind, _)) = EXTENSIONS.iter().find(|(name, ..)| *name == algorithm) {
        return Ok(*kind);
    }
    if !is_ec(algorithm) {
        return Err(CryptoError::unsupported(format!("an asymmetric key of {algorithm:?}")));
    }
    let curve =
        curve.ok_or_else(|| CryptoError::parameter("an elliptic-curve key needs a curve"))?;
    if curve != RecommendedCurve::CURVE25519 {
        return weierstrass(curve).map(Kind::Ec);
    }
    if algorithm == CryptographicAlgorithm::ECDSA {
        return Err(CryptoError::parameter("CURVE25519 does not sign: use Ed25519"));
    }
    Ok(Kind::X25519)
}

/// Refuses a key that is not what its attribute says.
pub(super) fn check(algorithm: CryptographicAlgorithm, kind: Kind) -> Result<(), CryptoError> {
    let fits = match kind {
        Kind::Rsa => algorithm == CryptographicAlgorithm::RSA,
        Kind::Ec(_) => is_ec(algorithm),
        Kind::X25519 => is_ec(algorithm) && algorithm != CryptographicAlgorithm::ECDSA,
        // Before 2.0 an Ed25519 key has no name but EC.
        Kind::Ed25519 => {
            algorithm == CryptographicAlgorithm::ED25519 || algorithm == CryptographicAlgorithm::EC
        }
        other => EXTENSIONS.iter().any(|(name, kind, _)| *name == algorithm && *kind == other),
    };
    if fits { Ok(()) } else { Err(CryptoError::key(format!("it is not a key of {algorithm:?}"))) }
}
