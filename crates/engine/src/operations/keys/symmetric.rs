//! Symmetric keys: their lengths and their octets.

use std::ops::Deref;

use strongroom_crypto::{digest, mac};
use strongroom_kmip::{
    CryptographicAlgorithm, KeyFormatType, ObjectType, ResultReason, Tag, Value,
};
use strongroom_secmem::SecretBytes;

use super::transparent;
use super::usable::wrong_type;
use crate::cache::Cached;
use crate::context::Ctx;
use crate::operations::create::Birth;
use crate::refusal::Refusal;

/// Longest HMAC key that is made here, in bits.
const MAX_HMAC: i32 = 4096;

/// The algorithms of the keys that are made here: the length when none is asked for, and the
/// permitted ones as first, last and step, in bits. HMAC has its own rule.
///
/// AES keys may have 512 bits: the two keys of XTS-AES-256. Keys of DES and 3DES are counted
/// without parity, as the standard's cases have it, or with it. From Camellia on keys are made and
/// kept only: nothing here computes with them.
const MADE: &[(CryptographicAlgorithm, i32, (i32, i32, i32))] = &[
    (CryptographicAlgorithm::AES, 256, (128, 256, 64)),
    (CryptographicAlgorithm::AES, 256, (512, 512, 1)),
    (CryptographicAlgorithm::CHACHA20, 256, (256, 256, 1)),
    (CryptographicAlgorithm::CHACHA20POLY1305, 256, (256, 256, 1)),
    (CryptographicAlgorithm::TRIPLE_DES, 168, (112, 168, 56)),
    (CryptographicAlgorithm::TRIPLE_DES, 168, (128, 192, 64)),
    (CryptographicAlgorithm::DES, 56, (56, 64, 8)),
    (CryptographicAlgorithm::RC4, 128, (40, 2048, 8)),
    (CryptographicAlgorithm::BLOWFISH, 128, (32, 448, 8)),
    (CryptographicAlgorithm::CAMELLIA, 256, (128, 256, 64)),
    (CryptographicAlgorithm::ARIA, 256, (128, 256, 64)),
    (CryptographicAlgorithm::TWOFISH, 256, (128, 256, 64)),
    (CryptographicAlgorithm::SEED, 128, (128, 128, 1)),
    (CryptographicAlgorithm::SM4, 128, (128, 128, 1)),
    (CryptographicAlgorithm::CAST5, 128, (40, 128, 8)),
    (CryptographicAlgorithm::IDEA, 128, (128, 128, 1)),
    (CryptographicAlgorithm::RC2, 128, (40, 1024, 8)),
    (CryptographicAlgorithm::SKIPJACK, 80, (80, 80, 1)),
];

/// Checks algorithm and length of a key to be made, and gives its Cryptographic Length in bits: the
/// algorithm's usual one when none is asked for. Legacy algorithms are no exception: keys for old
/// devices are made, kept and returned, and only their use here needs a policy's word.
pub(crate) fn check_symmetric(
    algorithm: CryptographicAlgorithm,
    length: Option<i32>,
) -> Result<i32, Refusal> {
    if let Some(hash) = mac::hmac_hash(algorithm) {
        let usual = i32::try_from(digest::len(hash)? * 8).unwrap_or(MAX_HMAC);
        let bits = length.unwrap_or(usual);
        let fits = (8..=MAX_HMAC).contains(&bits) && bits % 8 == 0;
        return if fits { Ok(bits) } else { Err(wrong_length(algorithm, bits)) };
    }
    let mut rows = MADE.iter().filter(|(name, ..)| *name == algorithm).peekable();
    let Some((_, usual, _)) = rows.peek() else {
        return Err(Refusal::new(
            ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
            format!("symmetric keys for {algorithm} are not made here"),
        ));
    };
    let bits = length.unwrap_or(*usual);
    let fits = rows.any(|(_, _, (first, last, step))| {
        (*first..=*last).contains(&bits) && (bits - first) % step == 0
    });
    if fits { Ok(bits) } else { Err(wrong_length(algorithm, bits)) }
}

fn wrong_length(algorithm: CryptographicAlgorithm, bits: i32) -> Refusal {
    Refusal::new(
        ResultReason::INVALID_ATTRIBUTE_VALUE,
        format!("{algorithm} keys of {bits} bits do not exist"),
    )
}

/// How many bytes a key of this Cryptographic Length has. Keys of DES and 3DES may be counted
/// without their parity bits.
pub(crate) fn material_len(algorithm: CryptographicAlgorithm, bits: i32) -> usize {
    let bits = usize::try_from(bits).unwrap_or(0);
    match (algorithm, bits) {
        (CryptographicAlgorithm::DES | CryptographicAlgorithm::TRIPLE_DES, 56 | 112 | 168) => {
            bits / 7
        }
        _ => bits / 8,
    }
}

/// Checks a key that a client hands in: `bits` is the length of its octets.
///
/// Its Cryptographic Length must be that of the octets, and an algorithm of fixed lengths must have
/// one of them. Everything else may be stored.
pub(crate) fn check_registered(
    algorithm: Option<CryptographicAlgorithm>,
    bits: i32,
    birth: &Birth,
) -> Result<(), Refusal> {
    let given = birth.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer).unwrap_or(bits);
    let counted = match algorithm {
        Some(algorithm) => material_len(algorithm, given) * 8,
        None => usize::try_from(given).unwrap_or(0),
    };
    if i32::try_from(counted) != Ok(bits) {
        return Err(Refusal::invalid_field(format!(
            "Cryptographic Length is {given}, but the key has {bits} bits"
        )));
    }
    let fits = match algorithm {
        Some(CryptographicAlgorithm::AES) => matches!(bits, 128 | 192 | 256 | 512),
        Some(CryptographicAlgorithm::TRIPLE_DES) => matches!(bits, 64 | 128 | 192),
        Some(CryptographicAlgorithm::DES) => bits == 64,
        Some(CryptographicAlgorithm::CHACHA20 | CryptographicAlgorithm::CHACHA20POLY1305) => {
            bits == 256
        }
        _ => true,
    };
    match algorithm {
        Some(algorithm) if !fits => Err(wrong_length(algorithm, bits)),
        _ => Ok(()),
    }
}

/// The octets of a symmetric key on its way into the store.
pub(crate) fn symmetric_octets(birth: &Birth) -> Result<SecretBytes, Refusal> {
    let material = birth
        .material
        .as_ref()
        .ok_or_else(|| Refusal::invalid_field("the symmetric key has no value"))?;
    let format = birth.block.as_ref().map_or(KeyFormatType::RAW, |b| b.format);
    match format {
        KeyFormatType::RAW | KeyFormatType::OPAQUE => Ok(material.try_clone()?),
        KeyFormatType::TRANSPARENT_SYMMETRIC_KEY => transparent::key(material.as_slice()),
        other => Err(not_symmetric(other)),
    }
}

pub(crate) fn not_symmetric(format: KeyFormatType) -> Refusal {
    Refusal::new(
        ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED,
        format!("{format} is not a format of symmetric keys"),
    )
}

/// A stored key's octets: usually the material itself.
pub(crate) enum Octets<'c> {
    Material(&'c SecretBytes),
    Taken(SecretBytes),
}

impl Deref for Octets<'_> {
    type Target = SecretBytes;

    fn deref(&self) -> &SecretBytes {
        match self {
            Self::Material(material) => material,
            Self::Taken(taken) => taken,
        }
    }
}

/// The octets of a stored symmetric key or secret data, for use.
pub(crate) fn octets<'c>(ctx: &Ctx<'_, '_>, cached: &'c Cached) -> Result<Octets<'c>, Refusal> {
    let object = &cached.object;
    if !matches!(object.object_type(), ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA) {
        return Err(wrong_type(object, "a symmetric key"));
    }
    refuse_wrapped(cached)?;
    let material = ctx.material(cached)?;
    match object.key_format() {
        Some(KeyFormatType::RAW | KeyFormatType::OPAQUE) | None => Ok(Octets::Material(material)),
        Some(KeyFormatType::TRANSPARENT_SYMMETRIC_KEY) => {
            Ok(Octets::Taken(transparent::key(material.as_slice())?))
        }
        Some(other) => Err(not_symmetric(other)),
    }
}

/// A key that is kept wrapped as it was registered cannot be used here.
pub(crate) fn refuse_wrapped(cached: &Cached) -> Result<(), Refusal> {
    let object = &cached.object;
    let block = object.creation.as_ref().and_then(|c| c.block.as_ref());
    if block.is_none_or(|b| b.wrapping.is_none()) {
        return Ok(());
    }
    Err(Refusal::new(
        ResultReason::KEY_WRAP_TYPE_NOT_SUPPORTED,
        format!("object {} is kept wrapped, as it was registered: it cannot be used", object.id),
    ))
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::Attribute;
    use strongroom_model::KeyBlock;

    use super::*;

    const AES: CryptographicAlgorithm = CryptographicAlgorithm::AES;
    const TDES: CryptographicAlgorithm = CryptographicAlgorithm::TRIPLE_DES;

    fn birth(length: i32) -> Birth {
        Birth {
            object_type: ObjectType::SYMMETRIC_KEY,
            fields: Vec::new(),
            block: Some(KeyBlock { format: KeyFormatType::RAW, wrapping: None }),
            attributes: vec![Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(length))],
            material: None,
            generated: false,
            id: None,
        }
    }

    #[test]
    fn each_algorithm_has_its_usual_length() {
        assert_eq!(check_symmetric(AES, None), Ok(256));
        assert_eq!(check_symmetric(CryptographicAlgorithm::HMAC_SHA384, None), Ok(384));
        assert_eq!(check_symmetric(TDES, None), Ok(168));
    }

    #[test]
    fn lengths_that_do_not_exist_are_refused() {
        for bits in [128, 192, 256, 512] {
            assert_eq!(check_symmetric(AES, Some(bits)), Ok(bits));
        }
        assert!(check_symmetric(AES, Some(160)).is_err());
        assert!(check_symmetric(AES, Some(320)).is_err());
        for bits in [112, 128, 168, 192] {
            assert_eq!(check_symmetric(TDES, Some(bits)), Ok(bits));
        }
        assert!(check_symmetric(TDES, Some(64)).is_err());
        assert!(check_symmetric(AES, Some(-128)).is_err());
        let hmac = CryptographicAlgorithm::HMAC_SHA256;
        assert!(check_symmetric(hmac, Some(4104)).is_err());
        assert!(check_symmetric(hmac, Some(12)).is_err());
        assert!(check_symmetric(CryptographicAlgorithm::RSA, Some(2048)).is_err());
    }

    #[test]
    fn parity_bits_may_be_left_out_of_the_length() {
        assert_eq!(material_len(TDES, 168), 24);
        assert_eq!(material_len(TDES, 112), 16);
        assert_eq!(material_len(TDES, 192), 24);
        assert_eq!(material_len(AES, 112), 14);
        assert!(check_registered(Some(TDES), 192, &birth(168)).is_ok());
        assert!(check_registered(Some(TDES), 192, &birth(192)).is_ok());
        assert!(check_registered(Some(TDES), 192, &birth(128)).is_err());
    }

    #[test]
    fn a_registered_key_has_the_length_that_it_claims() {
        assert!(check_registered(Some(AES), 128, &birth(128)).is_ok());
        assert!(check_registered(Some(AES), 128, &birth(256)).is_err());
        assert!(check_registered(Some(AES), 136, &birth(136)).is_err());
        assert!(check_registered(None, 136, &birth(136)).is_ok());
    }
}
