//! No version sees what it lacks.

use proptest::prelude::*;
use strongroom_kmip::gate::Lack;
use strongroom_kmip::{
    CryptographicAlgorithm, CryptographicUsageMask, Encoder, Limits, ObjectType, ProtocolVersion,
    Tag, View, check_version,
};

use crate::generate;

fn version() -> impl Strategy<Value = ProtocolVersion> {
    prop::sample::select(ProtocolVersion::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_gated_encoder_writes_nothing_that_the_version_lacks(
        node in generate::frame(),
        version in version(),
    ) {
        let mut encoder = Encoder::for_version(version);
        encoder.node(&node);
        let bytes = encoder.into_bytes();
        if !bytes.is_empty() {
            let view = View::parse(&bytes, &Limits::default()).unwrap();
            if let Err(violation) = check_version(view, version) {
                // Types are the caller's choice; the encoder gates names.
                prop_assert!(matches!(violation.lack, Lack::Type { .. } | Lack::Attribute(_)),
                    "{}", violation);
            }
        }
    }
}

fn lack(version: ProtocolVersion, fill: impl FnOnce(&mut Encoder)) -> Option<Lack> {
    let mut encoder = Encoder::ungated();
    encoder.structure(Tag::RESPONSE_PAYLOAD, fill);
    let bytes = encoder.into_bytes();
    let view = View::parse(&bytes, &Limits::default()).unwrap();
    check_version(view, version).err().map(|v| v.lack)
}

fn attribute(e: &mut Encoder, name: &str, fill: impl FnOnce(&mut Encoder)) {
    e.structure(Tag::ATTRIBUTE, |e| {
        e.text(Tag::ATTRIBUTE_NAME, name);
        fill(e);
    });
}

#[test]
fn the_check_finds_what_a_version_lacks() {
    let old = ProtocolVersion::V1_0;
    let new = ProtocolVersion::V2_1;
    assert_eq!(lack(old, |e| e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY)), None);
    assert_eq!(lack(old, |e| e.boolean(Tag::SENSITIVE, true)), Some(Lack::Tag(Tag::SENSITIVE)));
    let chacha = CryptographicAlgorithm::CHACHA20;
    let value = Lack::Value { tag: Tag::CRYPTOGRAPHIC_ALGORITHM, code: chacha.0 };
    assert_eq!(
        lack(old, |e| e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, chacha)),
        Some(value.clone())
    );
    let named = |e: &mut Encoder| {
        attribute(e, "Cryptographic Algorithm", |e| e.enumeration(Tag::ATTRIBUTE_VALUE, chacha));
    };
    assert_eq!(lack(old, named), Some(value));
    assert_eq!(lack(ProtocolVersion::V1_4, named), None);
    assert_eq!(
        lack(old, |e| attribute(e, "Sensitive", |e| e.boolean(Tag::ATTRIBUTE_VALUE, true))),
        Some(Lack::Attribute("Sensitive".to_owned()))
    );
    assert_eq!(
        lack(old, |e| attribute(e, "x-custom", |e| e.boolean(Tag::ATTRIBUTE_VALUE, true))),
        None
    );
    assert_eq!(
        lack(old, |e| attribute(e, "Digest", |e| {
            e.structure(Tag::ATTRIBUTE_VALUE, |e| e.enumeration(Tag::KEY_FORMAT_TYPE, 1u32));
        })),
        Some(Lack::Field { structure: Tag::DIGEST, field: Tag::KEY_FORMAT_TYPE })
    );
    let fpe = CryptographicUsageMask::FPE_ENCRYPT.0;
    assert_eq!(
        lack(old, |e| e.integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, (fpe | 4) as i32)),
        Some(Lack::Bits { tag: Tag::CRYPTOGRAPHIC_USAGE_MASK, bits: fpe })
    );
    assert!(lack(new, |e| attribute(e, "State", |_| {})).is_some());
    assert!(matches!(lack(old, |e| e.integer(Tag::UNIQUE_IDENTIFIER, 1)), Some(Lack::Type { .. })));
    assert!(lack(new, |e| e.structure(Tag::ATTRIBUTES, |e| e.text(Tag::NAME_VALUE, ""))).is_some());
    assert!(lack(new, |e| e.integer(Tag(0x42_FFFF), 1)).is_some());
    assert_eq!(lack(old, |e| e.integer(Tag(0x54_0001), 1)), None);
}

#[test]
fn a_violation_says_where_it_is() {
    let mut encoder = Encoder::ungated();
    encoder.structure(Tag::RESPONSE_PAYLOAD, |e| e.boolean(Tag::SENSITIVE, true));
    let bytes = encoder.into_bytes();
    let view = View::parse(&bytes, &Limits::default()).unwrap();
    let violation = check_version(view, ProtocolVersion::V1_3).unwrap_err();
    assert_eq!(violation.to_string(), "/ResponsePayload/Sensitive: the tag Sensitive");
}

#[test]
fn an_enumeration_value_that_no_version_has_is_not_written_and_an_extension_is() {
    for (code, written) in [(0x0004_0001_u32, false), (0x8000_0001, true)] {
        let mut encoder = Encoder::for_version(ProtocolVersion::V1_3);
        encoder.enumeration(Tag::NAME_TYPE, code);
        assert_eq!(!encoder.is_empty(), written, "{code:08X}");
    }
}
