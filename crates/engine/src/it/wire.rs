//! What clients of the older versions and the standard's own cases expect of the engine.

use strongroom_kmip::{
    BlockCipherMode, EncodingOption, KeyFormatType, LinkType, ObjectGroupMember, QueryFunction,
    WrappingMethod,
};

use super::kit::*;
use super::*;

const V12: ProtocolVersion = ProtocolVersion::V1_2;
const V21: ProtocolVersion = ProtocolVersion::V2_1;

fn register_template(e: &mut Encoder) {
    let group = Attribute::new(Tag::OBJECT_GROUP, Value::TextString("disks".to_owned()));
    let bits = Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(128));
    e.enumeration(Tag::OBJECT_TYPE, ObjectType::TEMPLATE);
    e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| name("usual").write(e, V12));
    e.structure(Tag::TEMPLATE, |e| {
        group.write(e, V12);
        bits.write(e, V12);
    });
}

fn create_by_template(e: &mut Encoder, template: &str, own: &[Attribute]) {
    e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
    e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| {
        e.node(&Node::new(Tag::NAME, name_value(template)));
        let algorithm = Value::Enumeration(CryptographicAlgorithm::AES.0);
        Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm).write(e, V12);
        own.iter().for_each(|a| a.write(e, V12));
    });
}

#[test]
fn a_template_gives_its_attributes_to_new_objects_and_is_not_seen_by_newer_clients() {
    let bench = Bench::new();
    let template = bench.at(V12, Operation::REGISTER, register_template).unwrap();
    let template = text(&template, Tag::UNIQUE_IDENTIFIER);
    let made = bench.at(V12, Operation::CREATE, |e| create_by_template(e, "usual", &[])).unwrap();
    let made = text(&made, Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.values(&made, Tag::OBJECT_GROUP), [Value::TextString("disks".to_owned())]);
    assert_eq!(bench.values(&made, Tag::CRYPTOGRAPHIC_LENGTH), [Value::Integer(128)]);
    // The template's Name is its own, and what the request says counts.
    assert!(bench.values(&made, Tag::NAME).is_empty());
    let own = Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256));
    let made = bench.at(V12, Operation::CREATE, |e| create_by_template(e, "usual", &[own]));
    let made = text(&made.unwrap(), Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.values(&made, Tag::CRYPTOGRAPHIC_LENGTH), [Value::Integer(256)]);

    let got = bench.at_id(V12, Operation::GET, &template).unwrap();
    assert_eq!(got.find(Tag::TEMPLATE).unwrap().children().len(), 2);
    assert!(bench.at_id(V, Operation::GET, &template).is_err());
    let unknown = bench.at(V12, Operation::CREATE, |e| create_by_template(e, "none", &[]));
    assert_eq!(unknown, Err(ResultReason::ITEM_NOT_FOUND));
    bench.at_id(V12, Operation::DESTROY, &template).unwrap();
    let gone = bench.at(V12, Operation::CREATE, |e| create_by_template(e, "usual", &[]));
    assert_eq!(gone, Err(ResultReason::ITEM_NOT_FOUND));
}

#[test]
fn a_key_needs_no_usage_mask_and_then_has_none() {
    let bench = Bench::new();
    let id = bench.make_with(&[]);
    assert!(bench.values(&id, Tag::CRYPTOGRAPHIC_USAGE_MASK).is_empty());
    assert!(bench.by_id(Operation::GET, &id).is_ok());
}

#[test]
fn names_that_a_re_key_gives_come_on_top_of_the_old_ones() {
    let bench = Bench::new();
    let old = bench.make_with(&[name("old")]);
    let new = bench.at(V, Operation::RE_KEY, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, &old);
        AttributeSet::Own.write(&[name("new")], e, V);
    });
    let new = text(&new.unwrap(), Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.values(&new, Tag::NAME), [name_value("old"), name_value("new")]);
    assert!(bench.values(&old, Tag::NAME).is_empty());
}

#[test]
fn a_re_keyed_pair_links_to_its_partner_first_and_then_to_what_it_replaces() {
    let bench = Bench::new();
    let pair = bench.at(V, Operation::CREATE_KEY_PAIR, |e| {
        let algorithm = Value::Enumeration(CryptographicAlgorithm::EC.0);
        let algorithm = Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        AttributeSet::Common.write(&[algorithm], e, V);
    });
    let private = text(&pair.unwrap(), Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let pair = bench.at(V, Operation::RE_KEY_KEY_PAIR, |e| {
        e.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private);
    });
    let private = text(&pair.unwrap(), Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let kinds: Vec<_> = bench
        .values(&private, Tag::LINK)
        .iter()
        .map(|link| link.find(Tag::LINK_TYPE).unwrap().value.as_enumeration().unwrap())
        .collect();
    assert_eq!(kinds, [LinkType::PUBLIC_KEY_LINK.0, LinkType::REPLACED_OBJECT_LINK.0]);
}

#[test]
fn a_group_hands_out_fresh_members_in_order_and_has_a_default_one() {
    let bench = Bench::new();
    let group = Attribute::new(Tag::OBJECT_GROUP, Value::TextString("pool".to_owned()));
    let members: Vec<_> = (0..2).map(|_| bench.make_with(std::slice::from_ref(&group))).collect();
    let locate = |member: ObjectGroupMember| {
        let found = bench.at(V, Operation::LOCATE, |e| {
            e.integer(Tag::MAXIMUM_ITEMS, 1);
            e.enumeration(Tag::OBJECT_GROUP_MEMBER, member);
            AttributeSet::Own.write(std::slice::from_ref(&group), e, V);
        });
        let id = found.unwrap().find(Tag::UNIQUE_IDENTIFIER).map(|n| n.value.clone());
        id.and_then(|id| id.as_text().map(str::to_owned))
    };
    let (fresh, default) =
        (ObjectGroupMember::GROUP_MEMBER_FRESH, ObjectGroupMember::GROUP_MEMBER_DEFAULT);
    for member in &members {
        assert_eq!(locate(fresh).as_ref(), Some(member));
        assert_eq!(locate(default).as_ref(), Some(member));
        bench.by_id(Operation::GET, member).unwrap();
    }
    assert_eq!(locate(fresh), None);
    assert_eq!(locate(default).as_ref(), members.first());
}

#[test]
fn an_object_whose_value_is_elsewhere_is_given_without_it() {
    let bench = Bench::new();
    let registered = bench.at(V12, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        e.structure(Tag::TEMPLATE_ATTRIBUTE, |_| {});
        e.structure(Tag::SYMMETRIC_KEY, |e| {
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
                e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 128);
            });
        });
    });
    let id = text(&registered.unwrap(), Tag::UNIQUE_IDENTIFIER);
    let got = bench.at_id(V12, Operation::GET, &id).unwrap();
    let block = got.find(Tag::SYMMETRIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
    assert!(block.find(Tag::KEY_VALUE).is_none());
    assert_eq!(block.find(Tag::CRYPTOGRAPHIC_LENGTH).unwrap().value, Value::Integer(128));
    assert_eq!(bench.values(&id, Tag::KEY_VALUE_PRESENT), [Value::Boolean(false)]);
    // 1.0 and 1.1 cannot say it.
    assert!(bench.at_id(ProtocolVersion::V1_1, Operation::GET, &id).is_err());
}

/// Registers octets wrapped by a key that is not here.
fn register_wrapped(e: &mut Encoder, structure: bool) {
    e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
    e.structure(Tag::TEMPLATE_ATTRIBUTE, |_| {});
    e.structure(Tag::SYMMETRIC_KEY, |e| {
        e.structure(Tag::KEY_BLOCK, |e| {
            e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
            match structure {
                true => e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &[7; 24])),
                false => e.bytes(Tag::KEY_VALUE, &[7; 24]),
            }
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
            e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 128);
            e.structure(Tag::KEY_WRAPPING_DATA, |e| {
                e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
                e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, "elsewhere");
                    e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                        e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::NISTKEYWRAP);
                    });
                });
                e.enumeration(Tag::ENCODING_OPTION, EncodingOption::NO_ENCODING);
            });
        });
    });
}

#[test]
fn a_key_that_came_wrapped_leaves_in_the_form_in_which_it_came() {
    let bench = Bench::new();
    for structure in [true, false] {
        let id = bench.at(V12, Operation::REGISTER, |e| register_wrapped(e, structure)).unwrap();
        let id = text(&id, Tag::UNIQUE_IDENTIFIER);
        for version in [ProtocolVersion::V1_4, V12] {
            let got = bench.at_id(version, Operation::GET, &id).unwrap();
            let block = got.find(Tag::SYMMETRIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
            let value = &block.find(Tag::KEY_VALUE).unwrap().value;
            let octets = match structure {
                true => value.find(Tag::KEY_MATERIAL).and_then(|m| m.value.as_bytes()),
                false => value.as_bytes(),
            };
            assert_eq!(octets, Some([7; 24].as_slice()));
        }
        // How it came is the server's own note.
        let all = bench.by_id(Operation::GET_ATTRIBUTES, &id).unwrap();
        assert!(all.find(Tag::ATTRIBUTES).unwrap().find(Tag::ATTRIBUTE).is_none());
    }
}

#[test]
fn nobody_writes_the_servers_own_notes() {
    let bench = Bench::new();
    let refused = bench.at(V, Operation::CREATE, |e| {
        let note = strongroom_kmip::AttributeName::Vendor {
            vendor: "strongroom".to_owned(),
            name: "wrapped-in-structure".to_owned(),
        };
        create(e, "key", &[Attribute::new(note, Value::Boolean(true))]);
    });
    assert_eq!(refused, Err(ResultReason::ATTRIBUTE_READ_ONLY));
}

#[test]
fn an_attribute_is_asked_for_once() {
    let bench = Bench::new();
    let id = bench.create("key").unwrap();
    let twice = bench.at(V12, Operation::GET_ATTRIBUTES, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, &id);
        e.text(Tag::ATTRIBUTE_NAME, "State");
        e.text(Tag::ATTRIBUTE_NAME, "State");
    });
    assert_eq!(twice, Err(ResultReason::INVALID_MESSAGE));
}

#[test]
fn the_digest_of_a_transparent_key_is_that_of_its_encoding() {
    let bench = Bench::new();
    let key = [0x11; 32];
    let registered = bench.at(V12, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        e.structure(Tag::TEMPLATE_ATTRIBUTE, |_| {});
        e.structure(Tag::SYMMETRIC_KEY, |e| {
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::TRANSPARENT_SYMMETRIC_KEY);
                e.structure(Tag::KEY_VALUE, |e| {
                    e.structure(Tag::KEY_MATERIAL, |e| e.bytes(Tag::KEY, &key));
                });
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
                e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 256);
            });
        });
    });
    let id = text(&registered.unwrap(), Tag::UNIQUE_IDENTIFIER);
    let mut e = Encoder::ungated();
    e.structure(Tag::KEY_MATERIAL, |e| e.bytes(Tag::KEY, &key));
    let expected = strongroom_crypto::sha256(&[&e.into_bytes()]);
    let digest = bench.values(&id, Tag::DIGEST).remove(0);
    assert_eq!(digest.find(Tag::DIGEST_VALUE).unwrap().value.as_bytes(), Some(&expected[..]));
}

#[test]
fn profiles_are_listed_as_far_as_the_version_knows_them() {
    let bench = Bench::new();
    let listed = |version| {
        let payload = bench.at(version, Operation::QUERY, |e| {
            e.enumeration(Tag::QUERY_FUNCTION, QueryFunction::QUERY_PROFILES);
        });
        payload.unwrap().children().len()
    };
    let [old, middle, new] =
        [ProtocolVersion::V1_3, ProtocolVersion::V1_4, ProtocolVersion::V2_1].map(listed);
    assert!(0 < old && old < middle && middle < new);
}

#[test]
fn an_undone_change_still_names_its_object() {
    let bench = Bench::new();
    let id = bench.create("key").unwrap();
    let frame = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::UNDO)
        .item(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .item(Operation::CHECK, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .item(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, "none"))
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    for item in &view.items[..2] {
        assert_eq!(item.status, ResultStatus::OPERATION_UNDONE);
        let named = item.payload.and_then(|p| p.find(Tag::UNIQUE_IDENTIFIER)?.as_text());
        assert_eq!(named, Some(id.as_str()));
    }
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
}

#[test]
fn a_key_block_with_a_field_that_no_version_has_is_refused_and_later_ones_stay_in_their_version() {
    let bench = Bench::new();
    let register = |tag: Tag| {
        // What no version has is not written by a gated encoder.
        let mut material = Encoder::ungated();
        material.value(tag, &Value::TextString("a".to_owned()));
        let material = material.into_bytes();
        bench.at(V21, Operation::REGISTER, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::PRIVATE_KEY);
            e.structure(Tag::ATTRIBUTES, |_| {});
            e.structure(Tag::PRIVATE_KEY, |e| {
                e.structure(Tag::KEY_BLOCK, |e| {
                    let format = KeyFormatType::TRANSPARENT_DH_PRIVATE_KEY;
                    e.enumeration(Tag::KEY_FORMAT_TYPE, format);
                    e.structure(Tag::KEY_VALUE, |e| {
                        e.structure(Tag::KEY_MATERIAL, |e| {
                            for tag in [Tag::P, Tag::G, Tag::X] {
                                e.big_integer(tag, &[0x11; 8]);
                            }
                            e.raw_items(&material);
                        });
                    });
                    e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::DH);
                    e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 64);
                });
            });
        })
    };
    assert_eq!(register(Tag(0x42_2463)), Err(ResultReason::INVALID_ATTRIBUTE));
    // Description came with 1.4.
    let made = register(Tag::DESCRIPTION).unwrap();
    let id = text(&made, Tag::UNIQUE_IDENTIFIER);
    for (version, shown) in [(V21, true), (V12, false)] {
        let got = bench.at(version, Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id));
        let got = format!("{:?}", got.unwrap());
        assert_eq!(got.contains("TextString(\"a\")"), shown, "{version}: {got}");
    }
}
