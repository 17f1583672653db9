//! Asymmetric keys: generation, what a registered key tells about itself, and loading for use.

use strongroom_crypto::CryptoError;
use strongroom_crypto::asym::{KeyPair, PrivateKey, PublicKey};
use strongroom_kmip::{
    CryptographicAlgorithm, KeyFormatType, ObjectType, RecommendedCurve, ResultReason, Tag, Value,
};
use strongroom_model::ManagedObject;
use strongroom_secmem::SecretBytes;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::symmetric::refuse_wrapped;
use super::transparent;
use super::usable::{check_algorithm, same_family, wrong_type};
use crate::cache::Cached;
use crate::context::Ctx;
use crate::objects::secret;
use crate::operations::create::Birth;
use crate::operations::get::algorithm;
use crate::refusal::Refusal;

/// Length of RSA keys when none is asked for: 128-bit strength.
const RSA_USUAL: i32 = 3072;

/// Longest RSA key that is made here. Generation takes minutes beyond it.
const RSA_LONGEST: i32 = 4096;

/// The curves on which keys are made, with the Cryptographic Length of each.
const CURVES: &[(RecommendedCurve, i32)] = &[
    (RecommendedCurve::P_224, 224),
    (RecommendedCurve::P_256, 256),
    (RecommendedCurve::P_384, 384),
    (RecommendedCurve::P_521, 521),
    (RecommendedCurve::SECP256K1, 256),
    (RecommendedCurve::CURVE25519, 256),
];

/// Post-quantum algorithms, with the length of the public key in bits as Cryptographic Length.
const POST_QUANTUM: &[(CryptographicAlgorithm, i32)] = &[
    (CryptographicAlgorithm::ML_KEM_512, 8 * 800),
    (CryptographicAlgorithm::ML_KEM_768, 8 * 1184),
    (CryptographicAlgorithm::ML_KEM_1024, 8 * 1568),
    (CryptographicAlgorithm::ML_DSA_44, 8 * 1312),
    (CryptographicAlgorithm::ML_DSA_65, 8 * 1952),
    (CryptographicAlgorithm::ML_DSA_87, 8 * 2592),
];

/// Whether no quantum computer is known to break the algorithm.
pub(crate) fn is_post_quantum(algorithm: CryptographicAlgorithm) -> bool {
    POST_QUANTUM.iter().any(|(name, _)| *name == algorithm)
}

/// The Cryptographic Length of a pair to be made, in bits.
pub(crate) fn pair_length(
    algorithm: CryptographicAlgorithm,
    length: Option<i32>,
    curve: Option<RecommendedCurve>,
) -> Result<i32, Refusal> {
    let wrong = |bits: i32| {
        Refusal::new(
            ResultReason::INVALID_ATTRIBUTE_VALUE,
            format!("{algorithm} key pairs of {bits} bits are not made here"),
        )
    };
    if let Some((_, bits)) = POST_QUANTUM.iter().find(|(name, _)| *name == algorithm) {
        return Ok(*bits);
    }
    match algorithm {
        CryptographicAlgorithm::RSA => {
            let bits = length.unwrap_or(RSA_USUAL);
            let fits = (1024..=RSA_LONGEST).contains(&bits) && bits % 256 == 0;
            if fits { Ok(bits) } else { Err(wrong(bits)) }
        }
        CryptographicAlgorithm::ED25519 => match length {
            None | Some(256) => Ok(256),
            Some(bits) => Err(wrong(bits)),
        },
        CryptographicAlgorithm::EC
        | CryptographicAlgorithm::ECDSA
        | CryptographicAlgorithm::ECDH => match curve {
            Some(curve) => {
                let known = CURVES.iter().find(|(name, _)| *name == curve);
                known.map(|(_, bits)| *bits).ok_or_else(|| {
                    Refusal::new(
                        ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
                        format!("key pairs on the curve {curve} are not made here"),
                    )
                })
            }
            None => {
                let bits = length.unwrap_or(256);
                let known = matches!(bits, 224 | 256 | 384 | 521);
                if known { Ok(bits) } else { Err(wrong(bits)) }
            }
        },
        other => Err(Refusal::new(
            ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
            format!("key pairs for {other} are not made here"),
        )),
    }
}

/// Refuses a pair that may only be stored, unless the configuration allows legacy algorithms.
pub(crate) fn check_pair(
    algorithm: CryptographicAlgorithm,
    length: Option<i32>,
    legacy: bool,
) -> Result<(), Refusal> {
    let bits = length.and_then(|bits| u32::try_from(bits).ok());
    check_algorithm(legacy, algorithm, bits.filter(|_| algorithm == CryptographicAlgorithm::RSA))
}

/// One half of a pair in a format.
pub(crate) fn pair_half(
    _: CryptographicAlgorithm,
    pair: &KeyPair,
    object_type: ObjectType,
    format: KeyFormatType,
) -> Result<SecretBytes, Refusal> {
    Ok(match (object_type, format) {
        (ObjectType::PRIVATE_KEY, KeyFormatType::PKCS_8) => pair.private_pkcs8.try_clone()?,
        (ObjectType::PRIVATE_KEY, _) => {
            PrivateKey::from_pkcs8(&pair.private_pkcs8)?.encode(format)?
        }
        (_, KeyFormatType::X_509) => secret(&pair.public_spki)?,
        _ => secret(&PublicKey::from_spki(&pair.public_spki)?.encode(format)?)?,
    })
}

/// Fills in what a registered key tells about itself, and refuses one that is not what its
/// attributes say.
///
/// Keys that this server cannot read (other algorithms, encrypted PKCS #8) are stored as they are,
/// but then the client must say what they are.
pub(crate) fn describe_asymmetric(birth: &mut Birth) -> Result<(), Refusal> {
    let Some(material) = birth.material.as_ref() else { return Ok(()) };
    let Some(format) = birth.block.as_ref().map(|b| b.format) else { return Ok(()) };
    let given = birth
        .value(Tag::CRYPTOGRAPHIC_ALGORITHM)
        .and_then(Value::as_enumeration)
        .map(CryptographicAlgorithm);
    let length = birth.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer);
    let curve = curve(birth.value(Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS), length);
    let kept = Kept { format, algorithm: given, curve, material };
    let info = if birth.object_type == ObjectType::PRIVATE_KEY {
        kept.private().and_then(|key| key.info())
    } else {
        kept.public().and_then(|key| key.info())
    };
    match (info, given) {
        (Ok(info), Some(given)) if !same_family(given, info.algorithm) => {
            Err(Refusal::invalid_field(format!(
                "Cryptographic Algorithm is {given}, but the key is one of {}",
                info.algorithm
            )))
        }
        (Ok(info), _) => {
            let bits = i32::try_from(info.bits).unwrap_or(i32::MAX);
            let algorithm = Value::Enumeration(info.algorithm.0);
            birth.default_to(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
            birth.default_to(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
            Ok(())
        }
        (Err(_), Some(_)) => Ok(()),
        (Err(error), None) => Err(Refusal::invalid_field(format!(
            "Cryptographic Algorithm is missing, and the key does not tell it: {error}"
        ))),
    }
}

/// The curve of a key whose format does not name it: that of its Cryptographic Domain Parameters,
/// else the one that its length suggests.
fn curve(domain: Option<&Value>, length: Option<i32>) -> Option<RecommendedCurve> {
    let named = domain
        .and_then(|v| v.find(Tag::RECOMMENDED_CURVE))
        .and_then(|n| n.value.as_enumeration())
        .map(RecommendedCurve);
    named.or(match length {
        Some(256) => Some(RecommendedCurve::P_256),
        Some(384) => Some(RecommendedCurve::P_384),
        Some(521) => Some(RecommendedCurve::P_521),
        _ => None,
    })
}

/// A key as it is kept: what is needed to parse it.
pub(crate) struct Kept<'a> {
    pub(crate) format: KeyFormatType,
    pub(crate) algorithm: Option<CryptographicAlgorithm>,
    pub(crate) curve: Option<RecommendedCurve>,
    pub(crate) material: &'a SecretBytes,
}

impl<'a> Kept<'a> {
    /// A stored object's.
    pub(crate) fn of(
        object: &ManagedObject,
        format: KeyFormatType,
        material: &'a SecretBytes,
    ) -> Self {
        let length = object.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer);
        let curve = curve(object.value(Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS), length);
        Self { format, algorithm: algorithm(object), curve, material }
    }

    /// Parses a private key.
    pub(crate) fn private(&self) -> Result<PrivateKey, CryptoError> {
        let bytes = self.material.as_slice();
        match self.format {
            KeyFormatType::PKCS_8 => PrivateKey::from_pkcs8(self.material),
            KeyFormatType::TRANSPARENT_RSA_PRIVATE_KEY => {
                PrivateKey::from_rsa(&transparent::rsa(bytes).map_err(damaged)?)
            }
            KeyFormatType::TRANSPARENT_EC_PRIVATE_KEY
            | KeyFormatType::TRANSPARENT_ECDSA_PRIVATE_KEY
            | KeyFormatType::TRANSPARENT_ECDH_PRIVATE_KEY
            | KeyFormatType::TRANSPARENT_ECMQV_PRIVATE_KEY => {
                PrivateKey::from_ec(&transparent::ec(bytes).map_err(damaged)?)
            }
            // Which names its curve, or leaves it to others.
            KeyFormatType::ECPRIVATEKEY => {
                let parse =
                    |curve| PrivateKey::parse(self.format, self.named(), curve, self.material);
                parse(None).or_else(|_| parse(self.curve))
            }
            format => PrivateKey::parse(format, self.named(), self.curve, self.material),
        }
    }

    /// Parses a public key.
    pub(crate) fn public(&self) -> Result<PublicKey, CryptoError> {
        let bytes = self.material.as_slice();
        match self.format {
            KeyFormatType::X_509 => PublicKey::from_spki(bytes),
            KeyFormatType::TRANSPARENT_RSA_PUBLIC_KEY => {
                PublicKey::from_rsa(&transparent::rsa(bytes).map_err(damaged)?)
            }
            KeyFormatType::TRANSPARENT_EC_PUBLIC_KEY
            | KeyFormatType::TRANSPARENT_ECDSA_PUBLIC_KEY
            | KeyFormatType::TRANSPARENT_ECDH_PUBLIC_KEY
            | KeyFormatType::TRANSPARENT_ECMQV_PUBLIC_KEY => {
                PublicKey::from_ec(&transparent::ec(bytes).map_err(damaged)?)
            }
            format => PublicKey::parse(format, self.named(), self.curve, bytes),
        }
    }

    /// The algorithm: the attribute's, or the only one that the format can hold.
    fn named(&self) -> CryptographicAlgorithm {
        match self.format {
            KeyFormatType::PKCS_1 => CryptographicAlgorithm::RSA,
            KeyFormatType::ECPRIVATEKEY => CryptographicAlgorithm::EC,
            _ => self.algorithm.unwrap_or(CryptographicAlgorithm(0)),
        }
    }
}

fn damaged(refusal: Refusal) -> CryptoError {
    CryptoError::BadKey { why: refusal.message.into() }
}

/// A stored private key, parsed for use and allowed to be used.
pub(crate) fn private_key(ctx: &Ctx<'_, '_>, cached: &Cached) -> Result<PrivateKey, Refusal> {
    let object = &cached.object;
    if object.object_type() != ObjectType::PRIVATE_KEY {
        return Err(wrong_type(object, "a private key"));
    }
    refuse_wrapped(cached)?;
    let format = object.key_format().unwrap_or(KeyFormatType::PKCS_8);
    let key = Kept::of(object, format, ctx.material(cached)?).private()?;
    let info = key.info()?;
    check_algorithm(ctx.engine.config.legacy_algorithms, info.algorithm, Some(info.bits))?;
    Ok(key)
}

/// A stored public key, or the key of a certificate, parsed for use and allowed to be used.
pub(crate) fn public_key(ctx: &Ctx<'_, '_>, cached: &Cached) -> Result<PublicKey, Refusal> {
    let object = &cached.object;
    let key = match object.object_type() {
        ObjectType::PUBLIC_KEY => {
            refuse_wrapped(cached)?;
            let format = object.key_format().unwrap_or(KeyFormatType::X_509);
            Kept::of(object, format, ctx.material(cached)?).public()?
        }
        ObjectType::CERTIFICATE => {
            let material = ctx.material(cached)?;
            let (_, certificate) = X509Certificate::from_der(material.as_slice())
                .map_err(|_| wrong_type(object, "an X.509 certificate"))?;
            PublicKey::from_spki(certificate.public_key().raw)?
        }
        _ => return Err(wrong_type(object, "a public key")),
    };
    let info = key.info()?;
    check_algorithm(ctx.engine.config.legacy_algorithms, info.algorithm, Some(info.bits))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::asym::generate;
    use strongroom_kmip::Attribute;
    use strongroom_model::KeyBlock;

    use super::*;

    fn birth(object_type: ObjectType, format: KeyFormatType, material: SecretBytes) -> Birth {
        Birth {
            object_type,
            fields: Vec::new(),
            block: Some(KeyBlock { format, wrapping: None }),
            attributes: Vec::new(),
            material: Some(material),
            generated: false,
            id: None,
        }
    }

    fn pair(algorithm: CryptographicAlgorithm, bits: i32) -> KeyPair {
        generate(algorithm, u32::try_from(bits).ok(), None).unwrap()
    }

    #[test]
    fn pairs_have_the_length_of_their_curve() {
        let ec = CryptographicAlgorithm::EC;
        assert_eq!(pair_length(ec, None, Some(RecommendedCurve::P_521)), Ok(521));
        assert_eq!(pair_length(ec, Some(384), None), Ok(384));
        assert!(pair_length(ec, None, Some(RecommendedCurve::K_163)).is_err());
        assert!(pair_length(CryptographicAlgorithm::DSA, Some(1024), None).is_err());
    }

    #[test]
    fn rsa_pairs_keep_to_lengths_that_are_made_in_time() {
        let rsa = CryptographicAlgorithm::RSA;
        assert_eq!(pair_length(rsa, None, None), Ok(3072));
        assert!(pair_length(rsa, Some(8192), None).is_err());
        assert!(pair_length(rsa, Some(2049), None).is_err());
        assert!(check_pair(rsa, Some(1024), false).is_err());
        assert!(check_pair(rsa, Some(1024), true).is_ok());
    }

    #[test]
    fn a_registered_key_tells_its_algorithm_and_length() {
        let made = pair(CryptographicAlgorithm::EC, 384);
        let material = made.private_pkcs8;
        let mut birth = birth(ObjectType::PRIVATE_KEY, KeyFormatType::PKCS_8, material);
        describe_asymmetric(&mut birth).unwrap();
        assert_eq!(birth.value(Tag::CRYPTOGRAPHIC_LENGTH), Some(&Value::Integer(384)));
        let ec = Value::Enumeration(CryptographicAlgorithm::EC.0);
        assert_eq!(birth.value(Tag::CRYPTOGRAPHIC_ALGORITHM), Some(&ec));
    }

    #[test]
    fn a_key_that_is_not_what_it_claims_is_refused() {
        let made = pair(CryptographicAlgorithm::EC, 256);
        let mut birth = birth(
            ObjectType::PUBLIC_KEY,
            KeyFormatType::X_509,
            SecretBytes::from_slice(&made.public_spki).unwrap(),
        );
        let rsa = Value::Enumeration(CryptographicAlgorithm::RSA.0);
        birth.attributes.push(Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, rsa));
        assert!(describe_asymmetric(&mut birth).is_err());
    }

    #[test]
    fn a_sec1_key_keeps_its_own_curve_whatever_its_length_suggests() {
        let curve = Some(RecommendedCurve::SECP256K1);
        let made = generate(CryptographicAlgorithm::EC, None, curve).unwrap();
        let sec1 = PrivateKey::from_pkcs8(&made.private_pkcs8)
            .and_then(|key| key.encode(KeyFormatType::ECPRIVATEKEY))
            .unwrap();
        let kept = Kept {
            format: KeyFormatType::ECPRIVATEKEY,
            algorithm: Some(CryptographicAlgorithm::EC),
            curve: super::curve(None, Some(256)),
            material: &sec1,
        };
        assert_eq!(kept.private().unwrap().info().unwrap().curve, curve);
    }

    #[test]
    fn a_key_that_names_its_curve_is_of_that_curve_whatever_its_length_suggests() {
        let curve = RecommendedCurve::SECP256K1;
        let made = generate(CryptographicAlgorithm::EC, None, Some(curve)).unwrap();
        let format = KeyFormatType::ECPRIVATEKEY;
        let sec1 = PrivateKey::from_pkcs8(&made.private_pkcs8).unwrap().encode(format).unwrap();
        let mut birth = birth(ObjectType::PRIVATE_KEY, format, sec1);
        birth.attributes.push(Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)));
        describe_asymmetric(&mut birth).unwrap();
        let ec = Value::Enumeration(CryptographicAlgorithm::EC.0);
        assert_eq!(birth.value(Tag::CRYPTOGRAPHIC_ALGORITHM), Some(&ec));
    }

    #[test]
    fn an_unreadable_key_is_stored_when_the_client_says_what_it_is() {
        let material = || SecretBytes::from_slice(&[0x30, 0]).unwrap();
        let mut named = birth(ObjectType::PRIVATE_KEY, KeyFormatType::PKCS_8, material());
        let dsa = Value::Enumeration(CryptographicAlgorithm::DSA.0);
        named.attributes.push(Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, dsa));
        assert!(describe_asymmetric(&mut named).is_ok());
        let mut unnamed = birth(ObjectType::PRIVATE_KEY, KeyFormatType::PKCS_8, material());
        assert!(describe_asymmetric(&mut unnamed).is_err());
    }
}
