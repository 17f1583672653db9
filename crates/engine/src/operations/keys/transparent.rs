//! Transparent key formats (KMIP 2.1 sections 3.4 to 3.12): Key Material as a structure of fields.
//!
//! The material of such an object is stored as the structure's encoded items.

use strongroom_crypto::asym::{EcComponents, RsaComponents};
use strongroom_kmip::{Encoder, Limits, RecommendedCurve, Tag, View};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::refusal::Refusal;

/// A key has few fields, and the longest is an RSA modulus.
const LIMITS: Limits = Limits { frame: 2 << 20, depth: 8, items: 64, batch_items: 1 };

/// The key of a Transparent Symmetric Key.
pub(crate) fn key(material: &[u8]) -> Result<SecretBytes, Refusal> {
    with_fields(material, |view| {
        let key =
            view.find(Tag::KEY).and_then(|v| v.as_bytes()).ok_or_else(|| missing(Tag::KEY))?;
        Ok(SecretBytes::from_slice(key)?)
    })
}

/// The items of a Transparent Symmetric Key.
pub(crate) fn encode_key(key: &[u8]) -> Result<SecretBytes, Refusal> {
    items(|e| e.bytes(Tag::KEY, key))
}

/// An RSA key's numbers.
pub(crate) fn rsa(material: &[u8]) -> Result<RsaComponents, Refusal> {
    with_fields(material, |view| {
        Ok(RsaComponents {
            modulus: number(view, Tag::MODULUS).ok_or_else(|| missing(Tag::MODULUS))?.to_vec(),
            public_exponent: number(view, Tag::PUBLIC_EXPONENT).map(<[u8]>::to_vec),
            private_exponent: secret_number(view, Tag::PRIVATE_EXPONENT)?,
            p: secret_number(view, Tag::P)?,
            q: secret_number(view, Tag::Q)?,
            prime_exponent_p: secret_number(view, Tag::PRIME_EXPONENT_P)?,
            prime_exponent_q: secret_number(view, Tag::PRIME_EXPONENT_Q)?,
            crt_coefficient: secret_number(view, Tag::CRT_COEFFICIENT)?,
        })
    })
}

/// The items of a Transparent RSA Private Key or Public Key: the fields that are there, in the
/// structure's order.
pub(crate) fn encode_rsa(parts: &RsaComponents) -> Result<SecretBytes, Refusal> {
    items(|e| {
        e.big_integer(Tag::MODULUS, &unsigned(&parts.modulus));
        if let Some(d) = &parts.private_exponent {
            e.big_integer(Tag::PRIVATE_EXPONENT, &unsigned(d.as_slice()));
        }
        if let Some(exponent) = &parts.public_exponent {
            e.big_integer(Tag::PUBLIC_EXPONENT, &unsigned(exponent));
        }
        for (tag, part) in [
            (Tag::P, &parts.p),
            (Tag::Q, &parts.q),
            (Tag::PRIME_EXPONENT_P, &parts.prime_exponent_p),
            (Tag::PRIME_EXPONENT_Q, &parts.prime_exponent_q),
            (Tag::CRT_COEFFICIENT, &parts.crt_coefficient),
        ] {
            if let Some(part) = part {
                e.big_integer(tag, &unsigned(part.as_slice()));
            }
        }
    })
}

/// An elliptic-curve key's numbers, of the old and the new formats alike.
pub(crate) fn ec(material: &[u8]) -> Result<EcComponents, Refusal> {
    with_fields(material, |view| {
        let curve = view
            .find(Tag::RECOMMENDED_CURVE)
            .and_then(|v| v.as_enumeration())
            .map(RecommendedCurve)
            .ok_or_else(|| missing(Tag::RECOMMENDED_CURVE))?;
        Ok(EcComponents {
            curve,
            d: secret_number(view, Tag::D)?,
            q: view.find(Tag::Q_STRING).and_then(|v| v.as_bytes()).map(<[u8]>::to_vec),
        })
    })
}

/// The items of a Transparent EC Private Key (with the private number) or Public Key.
pub(crate) fn encode_ec(parts: &EcComponents) -> Result<SecretBytes, Refusal> {
    items(|e| {
        e.enumeration(Tag::RECOMMENDED_CURVE, parts.curve);
        match (&parts.d, &parts.q) {
            (Some(d), _) => e.big_integer(Tag::D, &unsigned(d.as_slice())),
            (None, Some(q)) => e.bytes(Tag::Q_STRING, q),
            (None, None) => {}
        }
    })
}

/// Parses the items without leaving a copy behind.
fn with_fields<R>(
    material: &[u8],
    read: impl FnOnce(View<'_>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let mut e = Encoder::ungated();
    e.structure(Tag::KEY_MATERIAL, |e| e.raw_items(material));
    let bytes = Zeroizing::new(e.into_bytes());
    let view = View::parse_stored(&bytes, &LIMITS)
        .map_err(|e| Refusal::invalid_field(format!("the Key Material is damaged: {e}")))?;
    read(view)
}

fn items(fill: impl FnOnce(&mut Encoder)) -> Result<SecretBytes, Refusal> {
    let mut e = Encoder::ungated();
    fill(&mut e);
    let bytes = Zeroizing::new(e.into_bytes());
    Ok(SecretBytes::from_slice(&bytes)?)
}

/// A number's bytes without leading zeros. All of them are positive; a client that leaves the sign
/// byte out is understood.
fn number<'a>(view: View<'a>, tag: Tag) -> Option<&'a [u8]> {
    let bytes = view.find(tag)?.as_big_integer()?;
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(start..)
}

fn secret_number(view: View<'_>, tag: Tag) -> Result<Option<SecretBytes>, Refusal> {
    Ok(number(view, tag).map(SecretBytes::from_slice).transpose()?)
}

/// A number as two's complement: with a zero before a first byte that would read as a sign.
fn unsigned(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut signed = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    if bytes.first().is_none_or(|byte| byte & 0x80 != 0) {
        signed.push(0);
    }
    signed.extend_from_slice(bytes);
    signed
}

fn missing(tag: Tag) -> Refusal {
    Refusal::invalid_field(format!("{tag} is missing in the Key Material"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symmetric_key_reads_back_as_it_was_written() {
        let material = encode_key(&[7; 16]).unwrap();
        assert!(key(material.as_slice()).unwrap().ct_eq(&[7; 16]));
    }

    #[test]
    fn numbers_lose_the_sign_byte_and_get_it_back() {
        let parts = RsaComponents {
            modulus: vec![0x80; 16],
            public_exponent: Some(vec![1, 0, 1]),
            ..RsaComponents::default()
        };
        let material = encode_rsa(&parts).unwrap();
        let read = rsa(material.as_slice()).unwrap();
        assert_eq!(read.modulus, parts.modulus);
        assert_eq!(read.public_exponent, parts.public_exponent);
        assert!(read.private_exponent.is_none());
    }

    #[test]
    fn damaged_material_is_refused() {
        assert!(key(&[0x42, 0, 0x3F, 8, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(key(&[]).is_err());
    }
}
