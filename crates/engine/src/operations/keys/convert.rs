//! Key format conversion: Get and Export in another format than the stored one.

use strongroom_crypto::CryptoError;
use strongroom_kmip::{CryptographicAlgorithm, KeyFormatType, ObjectType, ResultReason};
use strongroom_model::ManagedObject;
use strongroom_secmem::SecretBytes;

use super::asymmetric::Kept;
use super::transparent;
use crate::objects::secret;
use crate::refusal::Refusal;

/// The material of `object`, stored in one format, in another.
///
/// Offered: Raw and Transparent Symmetric Key into each other; the formats of RSA keys (PKCS #1,
/// PKCS #8 or X.509, transparent), of elliptic-curve keys (PKCS #8 or X.509, ECPrivateKey, Raw,
/// transparent with its old names) and of the others (PKCS #8 or X.509, Raw) into each other.
pub(crate) fn convert(
    object: &ManagedObject,
    algorithm: Option<CryptographicAlgorithm>,
    stored: KeyFormatType,
    wanted: KeyFormatType,
    material: &[u8],
) -> Result<SecretBytes, Refusal> {
    let refused = |why: String| {
        Refusal::new(
            ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED,
            format!(
                "object {} is kept as {stored} and cannot be given as {wanted}{why}",
                object.id
            ),
        )
    };
    match object.object_type() {
        ObjectType::SYMMETRIC_KEY => match (stored, wanted) {
            (KeyFormatType::TRANSPARENT_SYMMETRIC_KEY, KeyFormatType::RAW) => {
                transparent::key(material)
            }
            (KeyFormatType::RAW, KeyFormatType::TRANSPARENT_SYMMETRIC_KEY) => {
                transparent::encode_key(material)
            }
            _ => Err(refused(String::new())),
        },
        ObjectType::PRIVATE_KEY | ObjectType::PUBLIC_KEY => {
            let material = secret(material)?;
            let kept = Kept { algorithm, ..Kept::of(object, stored, &material) };
            let converted = if object.object_type() == ObjectType::PRIVATE_KEY {
                private(&kept, wanted)
            } else {
                public(&kept, wanted)
            };
            converted.map_err(|error| match error {
                Failure::Refused(refusal) => refusal,
                Failure::Crypto(error) => refused(format!(": {error}")),
            })
        }
        _ => Err(refused(String::new())),
    }
}

enum Failure {
    Refused(Refusal),
    Crypto(CryptoError),
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn private(kept: &Kept<'_>, wanted: KeyFormatType) -> Result<SecretBytes, Failure> {
    let key = kept.private()?;
    Ok(match wanted {
        KeyFormatType::TRANSPARENT_RSA_PRIVATE_KEY => transparent::encode_rsa(&key.rsa()?)?,
        KeyFormatType::TRANSPARENT_EC_PRIVATE_KEY
        | KeyFormatType::TRANSPARENT_ECDSA_PRIVATE_KEY
        | KeyFormatType::TRANSPARENT_ECDH_PRIVATE_KEY => transparent::encode_ec(&key.ec()?)?,
        format => key.encode(format)?,
    })
}

fn public(kept: &Kept<'_>, wanted: KeyFormatType) -> Result<SecretBytes, Failure> {
    let key = kept.public()?;
    Ok(match wanted {
        KeyFormatType::TRANSPARENT_RSA_PUBLIC_KEY => transparent::encode_rsa(&key.rsa()?)?,
        KeyFormatType::TRANSPARENT_EC_PUBLIC_KEY
        | KeyFormatType::TRANSPARENT_ECDSA_PUBLIC_KEY
        | KeyFormatType::TRANSPARENT_ECDH_PUBLIC_KEY => transparent::encode_ec(&key.ec()?)?,
        format => secret(&key.encode(format)?)?,
    })
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::asym::{KeyPair, generate};
    use strongroom_model::{Creation, KeyBlock, ObjectId, Stamp};

    use super::*;

    fn object(object_type: ObjectType, format: KeyFormatType) -> ManagedObject {
        let mut object = ManagedObject::unknown(ObjectId::from("1"));
        object.creation = Some(Creation {
            stamp: Stamp { hlc: 0, site: 0 },
            object_type,
            owner: String::new(),
            fields: Vec::new(),
            block: Some(KeyBlock { format, wrapping: None }),
        });
        object
    }

    /// Converts there and back, and gives what came back.
    fn around(
        object_type: ObjectType,
        algorithm: CryptographicAlgorithm,
        from: KeyFormatType,
        over: KeyFormatType,
        material: &[u8],
    ) -> SecretBytes {
        let there =
            convert(&object(object_type, from), Some(algorithm), from, over, material).unwrap();
        let object = object(object_type, over);
        convert(&object, Some(algorithm), over, from, there.as_slice()).unwrap()
    }

    fn pair(algorithm: CryptographicAlgorithm, bits: u32) -> KeyPair {
        generate(algorithm, Some(bits), None).unwrap()
    }

    #[test]
    fn a_symmetric_key_goes_around_through_its_transparent_format() {
        let back = around(
            ObjectType::SYMMETRIC_KEY,
            CryptographicAlgorithm::AES,
            KeyFormatType::RAW,
            KeyFormatType::TRANSPARENT_SYMMETRIC_KEY,
            &[9; 32],
        );
        assert!(back.ct_eq(&[9; 32]));
    }

    #[test]
    fn rsa_keys_go_around_through_every_format() {
        let rsa = CryptographicAlgorithm::RSA;
        let made = pair(rsa, 2048);
        for over in [KeyFormatType::PKCS_1, KeyFormatType::TRANSPARENT_RSA_PRIVATE_KEY] {
            let key = made.private_pkcs8.as_slice();
            let back = around(ObjectType::PRIVATE_KEY, rsa, KeyFormatType::PKCS_8, over, key);
            assert!(back.ct_eq(key), "{over}");
        }
        for over in [KeyFormatType::PKCS_1, KeyFormatType::TRANSPARENT_RSA_PUBLIC_KEY] {
            let key = &made.public_spki;
            let back = around(ObjectType::PUBLIC_KEY, rsa, KeyFormatType::X_509, over, key);
            assert!(back.ct_eq(key), "{over}");
        }
    }

    #[test]
    fn elliptic_curve_keys_go_around_through_every_format() {
        let ec = CryptographicAlgorithm::EC;
        let made = pair(ec, 384);
        for over in [
            KeyFormatType::ECPRIVATEKEY,
            KeyFormatType::TRANSPARENT_EC_PRIVATE_KEY,
            KeyFormatType::TRANSPARENT_ECDSA_PRIVATE_KEY,
        ] {
            let key = made.private_pkcs8.as_slice();
            let back = around(ObjectType::PRIVATE_KEY, ec, KeyFormatType::PKCS_8, over, key);
            assert!(back.ct_eq(key), "{over}");
        }
        let over = KeyFormatType::TRANSPARENT_EC_PUBLIC_KEY;
        let back =
            around(ObjectType::PUBLIC_KEY, ec, KeyFormatType::X_509, over, &made.public_spki);
        assert!(back.ct_eq(&made.public_spki));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let object = object(ObjectType::SYMMETRIC_KEY, KeyFormatType::RAW);
        let refusal = convert(&object, None, KeyFormatType::RAW, KeyFormatType::PKCS_1, &[1; 16])
            .unwrap_err();
        assert_eq!(refusal.reason, ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED);
    }
}
