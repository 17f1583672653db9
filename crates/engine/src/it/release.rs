//! What may leave: Sensitive, Extractable, and what the server says of their past.

use strongroom_kmip::{KeyCompressionType, KeyFormatType, WrappingMethod};

use super::kit::*;
use super::*;

fn flag(tag: Tag, value: bool) -> Attribute {
    Attribute::new(tag, Value::Boolean(value))
}

fn with(more: Vec<Attribute>) -> Wish {
    Wish { more, ..Wish::default() }
}

fn wrapped_by(e: &mut Encoder, kek: &str) {
    e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
        e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
        e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| e.text(Tag::UNIQUE_IDENTIFIER, kek));
    });
}

/// Whether the bytes of `key` are in the reply.
fn leaks(reply: &[u8], key: &[u8]) -> bool {
    reply.windows(key.len()).any(|w| w == key)
}

/// A symmetric key's structure with these octets.
pub(super) fn symmetric(e: &mut Encoder, octets: &[u8]) {
    e.structure(Tag::SYMMETRIC_KEY, |e| {
        e.structure(Tag::KEY_BLOCK, |e| {
            e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
            e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, octets));
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
            e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 8 * octets.len() as i32);
        });
    });
}

const OCTETS: [u8; 32] = *b"thirty-two octets of a known key";

fn register(bench: &Bench, more: Vec<Attribute>) -> Result<String, ResultReason> {
    let payload = bench.one(&bench.alice, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        let mut attributes = with(more).attributes();
        attributes.retain(|a| a.name != Tag::CRYPTOGRAPHIC_LENGTH.into());
        AttributeSet::Own.write(&attributes, e, V);
        symmetric(e, &OCTETS);
    })?;
    Ok(text(&payload, Tag::UNIQUE_IDENTIFIER))
}

fn import(
    bench: &Bench,
    id: &str,
    replace: bool,
    attributes: &[Attribute],
) -> Result<Value, ResultReason> {
    bench.one(&bench.alice, Operation::IMPORT, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        e.boolean(Tag::REPLACE_EXISTING, replace);
        AttributeSet::Own.write(attributes, e, V);
        symmetric(e, &OCTETS);
    })
}

/// Sensitive, Always Sensitive, Extractable, Never Extractable.
fn flags(bench: &Bench, id: &str) -> [bool; 4] {
    [Tag::SENSITIVE, Tag::ALWAYS_SENSITIVE, Tag::EXTRACTABLE, Tag::NEVER_EXTRACTABLE].map(|tag| {
        let values = bench.values(id, tag);
        assert_eq!(values.len(), 1, "{tag}");
        values[0].as_boolean().unwrap()
    })
}

#[test]
fn a_key_that_is_not_extractable_never_leaves() {
    let bench = Bench::new();
    let id = register(&bench, vec![flag(Tag::EXTRACTABLE, false)]).unwrap();
    let kek = bench.make(&Wish::default());
    for version in ProtocolVersion::ALL {
        // What the version has no word for is no less kept: 1.x before 1.4 lacks the attribute.
        let mut ways = vec![(Operation::GET, false), (Operation::GET, true)];
        if version >= ProtocolVersion::V1_4 {
            ways.extend([(Operation::EXPORT, false), (Operation::EXPORT, true)]);
        }
        for (operation, wrapped) in ways {
            let frame = RequestBuilder::new(version)
                .batch_error(BatchErrorContinuationOption::CONTINUE)
                .item(Operation::CHECK, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
                .item(operation, |e| {
                    if wrapped {
                        wrapped_by(e, &kek);
                    }
                })
                .item(Operation::GET_ATTRIBUTES, |_| {})
                .finish();
            let bytes = bench.send(&bench.alice, frame);
            assert!(!leaks(&bytes, &OCTETS), "{version} {operation}");
            let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
            let statuses: Vec<_> = view.items.iter().map(|i| i.status).collect();
            let (done, failed) = (ResultStatus::SUCCESS, ResultStatus::OPERATION_FAILED);
            assert_eq!(statuses, [done, failed, done], "{version} {operation}");
            let reason = ResultReason::NOT_EXTRACTABLE.for_version(version);
            assert_eq!(view.items[1].reason, Some(reason), "{version} {operation}");
            assert!(view.items[1].payload.is_none());
        }
    }
    // It is of use all the same.
    bench
        .on(Operation::ENCRYPT, &id, |e| {
            mode(e, strongroom_kmip::BlockCipherMode::GCM);
            e.bytes(Tag::DATA, b"data");
        })
        .unwrap();
}

#[test]
fn a_sensitive_key_leaves_only_wrapped() {
    let bench = Bench::new();
    let id = register(&bench, vec![flag(Tag::SENSITIVE, true)]).unwrap();
    let kek = bench.make(&Wish::default());
    for version in ProtocolVersion::ALL {
        let mut operations = vec![Operation::GET];
        if version >= ProtocolVersion::V1_4 {
            operations.push(Operation::EXPORT);
        }
        for operation in operations {
            let plain = bench.at_id(version, operation, &id);
            let reason = ResultReason::SENSITIVE.for_version(version);
            assert_eq!(plain, Err(reason), "{version} {operation}");
            let frame = RequestBuilder::new(version)
                .item(operation, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, &id);
                    wrapped_by(e, &kek);
                })
                .finish();
            let bytes = bench.send(&bench.alice, frame);
            assert!(!leaks(&bytes, &OCTETS), "{version} {operation}");
            let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
            assert_eq!(view.items[0].status, ResultStatus::SUCCESS, "{version} {operation}");
        }
    }
}

#[test]
fn no_way_of_changing_attributes_takes_a_flag_back() {
    let bench = Bench::new();
    let locked = vec![flag(Tag::SENSITIVE, true), flag(Tag::EXTRACTABLE, false)];
    let id = register(&bench, locked).unwrap();
    let kept = [true, true, false, true];
    assert_eq!(flags(&bench, &id), kept);
    for tag in [Tag::SENSITIVE, Tag::ALWAYS_SENSITIVE, Tag::EXTRACTABLE, Tag::NEVER_EXTRACTABLE] {
        let open = matches!(tag, Tag::EXTRACTABLE);
        for operation in
            [Operation::ADD_ATTRIBUTE, Operation::SET_ATTRIBUTE, Operation::MODIFY_ATTRIBUTE]
        {
            let result = bench.on(operation, &id, |e| {
                e.structure(Tag::NEW_ATTRIBUTE, |e| e.boolean(tag, open));
            });
            assert!(result.is_err(), "{operation} {tag}");
        }
        let result = bench.on(Operation::ADJUST_ATTRIBUTE, &id, |e| {
            e.enumeration(Tag::ATTRIBUTE_REFERENCE, tag.0);
            e.enumeration(Tag::ADJUSTMENT_TYPE, strongroom_kmip::AdjustmentType::NEGATE);
        });
        assert_eq!(result, Err(ResultReason::ATTRIBUTE_READ_ONLY), "{tag}");
        let result = bench.on(Operation::DELETE_ATTRIBUTE, &id, |e| {
            e.enumeration(Tag::ATTRIBUTE_REFERENCE, tag.0);
        });
        assert_eq!(result, Err(ResultReason::ATTRIBUTE_READ_ONLY), "{tag}");
    }
    assert_eq!(flags(&bench, &id), kept);
}

#[test]
fn what_was_open_once_is_never_told_to_have_been_closed_always() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    assert_eq!(flags(&bench, &id), [false, false, true, false]);
    for (tag, value) in [(Tag::SENSITIVE, true), (Tag::EXTRACTABLE, false)] {
        bench
            .on(Operation::MODIFY_ATTRIBUTE, &id, |e| {
                e.structure(Tag::NEW_ATTRIBUTE, |e| e.boolean(tag, value));
            })
            .unwrap();
    }
    assert_eq!(flags(&bench, &id), [true, false, false, false]);
    // A replacement has a past of its own.
    let new = bench.by_id(Operation::RE_KEY, &id).unwrap();
    let new = text(&new, Tag::UNIQUE_IDENTIFIER);
    assert_eq!(flags(&bench, &new), [true, true, false, true]);
}

#[test]
fn nobody_claims_a_past_that_the_server_has_not_seen() {
    let bench = Bench::new();
    let claims = [Tag::ALWAYS_SENSITIVE, Tag::NEVER_EXTRACTABLE];
    for tag in claims {
        assert_eq!(
            register(&bench, vec![flag(tag, true)]),
            Err(ResultReason::ATTRIBUTE_READ_ONLY),
            "{tag}"
        );
        let created = bench.one(&bench.alice, Operation::CREATE, |e| {
            create(e, "claims", &[flag(tag, true)]);
        });
        assert_eq!(created, Err(ResultReason::ATTRIBUTE_READ_ONLY), "{tag}");
    }
    // Import carries them along from where the object was, and is believed only as far as the
    // object itself agrees.
    let [sensitive, always, extractable, never] =
        [Tag::SENSITIVE, Tag::ALWAYS_SENSITIVE, Tag::EXTRACTABLE, Tag::NEVER_EXTRACTABLE];
    let cases: [(&str, Vec<Attribute>, [bool; 4]); 5] = [
        ("open", vec![], [false, false, true, false]),
        ("liar", claims.map(|t| flag(t, true)).to_vec(), [false, false, true, false]),
        (
            "closed",
            vec![flag(sensitive, true), flag(extractable, false)],
            [true, true, false, true],
        ),
        (
            "closed, and was always",
            vec![
                flag(sensitive, true),
                flag(always, true),
                flag(extractable, false),
                flag(never, true),
            ],
            [true, true, false, true],
        ),
        (
            "closed, and was open once",
            vec![
                flag(sensitive, true),
                flag(always, false),
                flag(extractable, false),
                flag(never, false),
            ],
            [true, false, false, false],
        ),
    ];
    for (id, attributes, expected) in cases {
        import(&bench, id, false, &attributes).unwrap();
        assert_eq!(flags(&bench, id), expected, "{id}");
    }
    // Replacing an object does not wash it clean, nor leave it without an answer.
    import(&bench, "open", true, &[flag(sensitive, true), flag(extractable, false)]).unwrap();
    assert_eq!(flags(&bench, "open"), [true, false, false, false]);
    import(&bench, "closed", true, &claims.map(|t| flag(t, true))).unwrap();
    assert_eq!(flags(&bench, "closed"), [false, false, true, false]);
    import(&bench, "closed", true, &[flag(sensitive, true), flag(extractable, false)]).unwrap();
    assert_eq!(flags(&bench, "closed"), [true, false, false, false]);
}

#[test]
fn a_compressed_key_is_refused_with_its_reason_in_every_version() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    for version in ProtocolVersion::ALL {
        for kind in [
            KeyCompressionType::EC_PUBLIC_KEY_TYPE_UNCOMPRESSED,
            KeyCompressionType::EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME,
        ] {
            let got = bench.at(version, Operation::GET, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &id);
                e.enumeration(Tag::KEY_COMPRESSION_TYPE, kind);
            });
            let reason = ResultReason::KEY_COMPRESSION_TYPE_NOT_SUPPORTED;
            assert!(reason.exists_in(version));
            assert_eq!(got, Err(reason), "{version}");
        }
        bench.at_id(version, Operation::GET, &id).unwrap();
    }
    // Nor is one taken in.
    let registered = bench.one(&bench.alice, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        AttributeSet::Own.write(&[], e, V);
        e.structure(Tag::SYMMETRIC_KEY, |e| {
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                let kind = KeyCompressionType::EC_PUBLIC_KEY_TYPE_UNCOMPRESSED;
                e.enumeration(Tag::KEY_COMPRESSION_TYPE, kind);
                e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &OCTETS));
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
                e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 256);
            });
        });
    });
    assert_eq!(registered, Err(ResultReason::KEY_COMPRESSION_TYPE_NOT_SUPPORTED));
}
