//! Attributes in both manners.

use proptest::prelude::*;
use strongroom_kmip::{
    ATTRIBUTES, Attribute, AttributeError, AttributeName, AttributeSet, BlockCipherMode,
    CryptographicAlgorithm, CryptographicUsageMask, Encoder, HashingAlgorithm, KeyFormatType,
    Limits, LinkType, Node, ProtocolVersion, Tag, Value, View, check_version,
};

use crate::generate;

fn attribute() -> impl Strategy<Value = Attribute> {
    let standard = prop::sample::select(ATTRIBUTES).prop_flat_map(|rule| {
        let item_type = rule.tag.item_type().unwrap_or(strongroom_kmip::ItemType::TextString);
        generate::value(rule.tag, item_type).prop_map(move |value| Attribute::new(rule.tag, value))
    });
    let vendor =
        ("[xyz]", "[a-zA-Z0-9 -]{1,20}", any::<String>()).prop_map(|(vendor, name, text)| {
            Attribute::new(AttributeName::Vendor { vendor, name }, Value::TextString(text))
        });
    (prop_oneof![3 => standard, 1 => vendor], 0..4_u32)
        .prop_map(|(attribute, index)| Attribute { index, ..attribute })
}

fn written(version: ProtocolVersion, attributes: &[Attribute]) -> Vec<u8> {
    let mut encoder = Encoder::for_version(version);
    encoder.structure(Tag::RESPONSE_PAYLOAD, |e| Attribute::write_all(attributes, e, version));
    encoder.into_bytes()
}

proptest! {
    #[test]
    fn what_a_version_has_reads_back_the_same_and_the_rest_is_left_out(
        attributes in prop::collection::vec(attribute(), 0..6),
        version in prop::sample::select(ProtocolVersion::ALL.to_vec()),
    ) {
        let bytes = written(version, &attributes);
        let view = View::parse(&bytes, &Limits::default()).unwrap();
        if let Err(violation) = check_version(view, version) {
            prop_assert!(false, "{}", violation);
        }
        let read = AttributeSet::Own.read(view).unwrap().attributes;
        let mut want = attributes;
        want.retain(|a| a.exists_in(version));
        prop_assert_eq!(read.len(), want.len());
        for (mut read, mut want) in read.into_iter().zip(want) {
            // Masks lose the bits that the version lacks; 2.x has no index.
            if matches!(want.value, Value::Integer(_)) {
                read.value = want.value.clone();
            }
            if version.has_attributes_structure() {
                want.index = 0;
            }
            prop_assert_eq!(read, want);
        }
    }
}

#[test]
fn names_convert_both_ways() {
    for rule in ATTRIBUTES {
        let name = AttributeName::from(rule.tag);
        match name.name_1x() {
            Some(text) => assert_eq!(AttributeName::from_1x(&text), Ok(name)),
            None => assert!(rule.versions.from >= ProtocolVersion::V2_0),
        }
    }
    let custom =
        AttributeName::Vendor { vendor: "x".to_owned(), name: "Product-Version".to_owned() };
    assert_eq!(AttributeName::from_1x("x-Product-Version"), Ok(custom.clone()));
    assert_eq!(custom.name_1x().as_deref(), Some("x-Product-Version"));
    let foreign = AttributeName::Vendor { vendor: "acme".to_owned(), name: "a".to_owned() };
    assert_eq!(foreign.name_1x(), None);
    assert!(!foreign.exists_in(ProtocolVersion::V1_4));
    assert!(foreign.exists_in(ProtocolVersion::V2_0));
    for unknown in ["", "x-", "z-foo", "No Such", "Custom Attribute", "Key Format Type", "state"] {
        assert!(
            matches!(AttributeName::from_1x(unknown), Err(AttributeError::Unknown { .. })),
            "{unknown}"
        );
    }
}

fn read_one(fill: impl FnOnce(&mut Encoder)) -> Result<Attribute, AttributeError> {
    let mut encoder = Encoder::ungated();
    encoder.structure(Tag::ATTRIBUTE, fill);
    let bytes = encoder.into_bytes();
    Attribute::read_1x(View::parse(&bytes, &Limits::default()).unwrap())
}

#[test]
fn a_value_of_another_type_than_the_attribute_is_refused_by_name() {
    let error = read_one(|e| {
        e.text(Tag::ATTRIBUTE_NAME, "Cryptographic Length");
        e.text(Tag::ATTRIBUTE_VALUE, "256");
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the attribute Cryptographic Length must be of type Integer, not TextString"
    );
    assert_eq!(
        read_one(|e| e.text(Tag::ATTRIBUTE_NAME, "State")),
        Err(AttributeError::Missing { field: Tag::ATTRIBUTE_VALUE })
    );
    assert_eq!(
        read_one(|e| e.text(Tag::ATTRIBUTE_VALUE, "")),
        Err(AttributeError::Missing { field: Tag::ATTRIBUTE_NAME })
    );
    assert_eq!(
        read_one(|e| {
            e.text(Tag::ATTRIBUTE_NAME, "x-a");
            e.integer(Tag::ATTRIBUTE_INDEX, -1);
            e.text(Tag::ATTRIBUTE_VALUE, "");
        }),
        Err(AttributeError::BadIndex { index: -1 })
    );
}

#[test]
fn an_attribute_whose_value_the_version_lacks_is_left_out() {
    let chacha = Attribute::new(
        Tag::CRYPTOGRAPHIC_ALGORITHM,
        Value::Enumeration(CryptographicAlgorithm::CHACHA20.0),
    );
    assert!(!chacha.exists_in(ProtocolVersion::V1_3));
    assert!(chacha.exists_in(ProtocolVersion::V1_4));
    let link = Attribute::new(
        Tag::LINK,
        Value::Structure(vec![
            Node::enumeration(Tag::LINK_TYPE, LinkType::PARENT_LINK),
            Node::text(Tag::LINKED_OBJECT_IDENTIFIER, "1"),
        ]),
    );
    assert!(!link.exists_in(ProtocolVersion::V1_0));
    assert!(link.exists_in(ProtocolVersion::V1_2));
    let parameters = Attribute::new(
        Tag::CRYPTOGRAPHIC_PARAMETERS,
        Value::Structure(vec![
            Node::enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::AEAD),
            Node::enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256),
            Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES),
        ]),
    );
    let bytes = written(ProtocolVersion::V1_0, &[chacha, link, parameters]);
    let view = View::parse(&bytes, &Limits::default()).unwrap();
    let read = AttributeSet::Own.read(view).unwrap().attributes;
    assert_eq!(read.len(), 1);
    assert_eq!(
        read[0].value,
        Value::Structure(vec![Node::enumeration(
            Tag::HASHING_ALGORITHM,
            HashingAlgorithm::SHA_256
        )])
    );
}

#[test]
fn fields_and_mask_bits_inside_of_a_1x_value_go_by_the_attribute() {
    let digest = Attribute::new(
        Tag::DIGEST,
        Value::Structure(vec![
            Node::enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256),
            Node::bytes(Tag::DIGEST_VALUE, [1, 2]),
            Node::enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW),
        ]),
    );
    let mask = CryptographicUsageMask::ENCRYPT.0 | CryptographicUsageMask::FPE_ENCRYPT.0;
    let usage = Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(mask as i32));
    for (version, fields, bits) in [
        (ProtocolVersion::V1_0, 2, CryptographicUsageMask::ENCRYPT.0),
        (ProtocolVersion::V1_1, 3, CryptographicUsageMask::ENCRYPT.0),
        (ProtocolVersion::V2_0, 3, mask),
    ] {
        let bytes = written(version, &[digest.clone(), usage.clone()]);
        let view = View::parse(&bytes, &Limits::default()).unwrap();
        let read = AttributeSet::Own.read(view).unwrap().attributes;
        assert_eq!(read[0].value.children().len(), fields, "{version}");
        assert_eq!(read[1].value, Value::Integer(bits as i32), "{version}");
    }
}

#[test]
fn references_are_written_and_read_in_both_manners() {
    let names = [
        AttributeName::from(Tag::STATE),
        AttributeName::Vendor { vendor: "x".to_owned(), name: "ID".to_owned() },
    ];
    for version in ProtocolVersion::ALL {
        let mut encoder = Encoder::for_version(version);
        encoder.structure(Tag::REQUEST_PAYLOAD, |e| {
            names.iter().for_each(|name| name.write_reference(e, version));
            AttributeName::from(Tag::ROTATE_NAME).write_reference(e, ProtocolVersion::V1_4);
        });
        let bytes = encoder.into_bytes();
        let view = View::parse(&bytes, &Limits::default()).unwrap();
        let read: Vec<_> =
            view.children().map(|v| AttributeName::read_reference(v).unwrap()).collect();
        assert_eq!(read, names);
        assert_eq!(check_version(view, version), Ok(()));
    }
}

#[test]
fn a_set_is_found_in_its_own_structure_of_either_manner() {
    let length = Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256));
    for version in [ProtocolVersion::V1_2, ProtocolVersion::V2_1] {
        let mut encoder = Encoder::for_version(version);
        encoder.structure(Tag::REQUEST_PAYLOAD, |e| {
            AttributeSet::PrivateKey.write(std::slice::from_ref(&length), e, version);
            AttributeSet::PublicKey.write(&[], e, version);
        });
        let bytes = encoder.into_bytes();
        let view = View::parse(&bytes, &Limits::default()).unwrap();
        let read = AttributeSet::PrivateKey.read(view).unwrap().attributes;
        assert_eq!(read, std::slice::from_ref(&length));
        assert_eq!(AttributeSet::Common.read(view), Ok(Default::default()));
        assert_eq!(view.children().count(), 1);
    }
}

#[test]
fn an_enumeration_value_that_no_version_has_is_refused_wherever_it_stands_in_an_attribute() {
    let name = |code: u32| {
        let name_type = Node::enumeration(Tag::NAME_TYPE, code);
        vec![Node::text(Tag::NAME_VALUE, "a"), name_type]
    };
    for (code, known) in [(1, true), (0x0004_0001, false), (0x8000_0001, true)] {
        let old = Node::structure(
            Tag::ATTRIBUTE,
            vec![
                Node::text(Tag::ATTRIBUTE_NAME, "Name"),
                Node::structure(Tag::ATTRIBUTE_VALUE, name(code)),
            ],
        );
        let new = Node::structure(Tag::NAME, name(code));
        let plain = Node::structure(
            Tag::ATTRIBUTE,
            vec![
                Node::text(Tag::ATTRIBUTE_NAME, "Cryptographic Algorithm"),
                Node::enumeration(Tag::ATTRIBUTE_VALUE, code),
            ],
        );
        let bytes = [old, new, plain].map(|node| {
            let mut encoder = Encoder::ungated();
            encoder.node(&node);
            encoder.into_bytes()
        });
        let [old, new, plain] =
            bytes.each_ref().map(|bytes| View::parse(bytes, &Limits::default()).unwrap());
        for read in [Attribute::read_1x(old), Attribute::read_2x(new), Attribute::read_1x(plain)] {
            assert_eq!(read.is_ok(), known, "{code:08X}: {read:?}");
            if let Err(e) = read {
                assert!(
                    matches!(e, AttributeError::UnknownValue { code: found, .. } if found == code)
                );
            }
        }
    }
}

#[test]
fn a_field_that_no_attribute_has_is_refused_and_an_extension_is_not() {
    let read = |tag: Tag, value: Value| {
        let fields = vec![Node::text(Tag::NAME_VALUE, "a"), Node::new(tag, value)];
        let mut encoder = Encoder::ungated();
        encoder.node(&Node::structure(Tag::NAME, fields));
        let bytes = encoder.into_bytes();
        Attribute::read_2x(View::parse(&bytes, &Limits::default()).unwrap())
    };
    for tag in [Tag(0x42_0654), Tag::ATTRIBUTE_NAME, Tag::UNIQUE_IDENTIFIER] {
        let refused = read(tag, Value::TextString("Comment".to_owned()));
        assert_eq!(refused, Err(AttributeError::UnexpectedField { field: tag }));
    }
    assert!(read(Tag(0x54_0001), Value::Integer(1)).is_ok());
    // Nor is such a tag ever written, wherever it was kept.
    let mut encoder = Encoder::for_version(ProtocolVersion::V1_0);
    encoder.text(Tag(0x42_0654), "a");
    assert!(encoder.is_empty());
}
