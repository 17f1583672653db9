//! What a client with a certificate tries in order to get what it may not have.

use strongroom_kmip::{
    BlockCipherMode, DerivationMethod, EncodingOption, KeyFormatType, UsageLimitsUnit,
    WrappingMethod,
};

use super::*;

const USES: CryptographicUsageMask = CryptographicUsageMask(0x023C);

fn flag(tag: Tag, on: bool) -> Attribute {
    Attribute::new(tag, Value::Boolean(on))
}

impl Bench {
    fn key(&self, more: &[Attribute]) -> String {
        let mut attributes = vec![
            Attribute::new(
                Tag::CRYPTOGRAPHIC_ALGORITHM,
                Value::Enumeration(CryptographicAlgorithm::AES.0),
            ),
            Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
            Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(USES.0 as i32)),
            Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(1)),
        ];
        attributes.extend_from_slice(more);
        let made = self.one(&self.alice, Operation::CREATE, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            AttributeSet::Own.write(&attributes, e, V);
        });
        text(&made.unwrap(), Tag::UNIQUE_IDENTIFIER)
    }
}

#[test]
fn a_key_that_may_not_leave_is_not_derivation_data_of_an_encryption() {
    let bench = Bench::new();
    let known = bench.key(&[]);
    let derive = |data: &str| {
        bench.one(&bench.alice, Operation::DERIVE_KEY, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.text(Tag::UNIQUE_IDENTIFIER, &known);
            e.text(Tag::UNIQUE_IDENTIFIER, data);
            e.enumeration(Tag::DERIVATION_METHOD, DerivationMethod::ENCRYPT);
            e.structure(Tag::DERIVATION_PARAMETERS, |e| {
                e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                    e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::ECB);
                });
            });
            let aes = Value::Enumeration(CryptographicAlgorithm::AES.0);
            let wanted = [
                Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, aes),
                Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
            ];
            AttributeSet::Own.write(&wanted, e, V);
        })
    };
    let sensitive = bench.key(&[flag(Tag::SENSITIVE, true)]);
    assert_eq!(derive(&sensitive).unwrap_err(), ResultReason::SENSITIVE);
    let kept = bench.key(&[flag(Tag::EXTRACTABLE, false)]);
    assert_eq!(derive(&kept).unwrap_err(), ResultReason::NOT_EXTRACTABLE);
    derive(&bench.key(&[])).unwrap();
}

#[test]
fn an_undone_batch_gives_nothing_back_and_cannot_pass_a_usage_limit() {
    let bench = Bench::new();
    let limits = Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(2)),
        Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::OBJECT),
    ]);
    let key = bench.key(&[Attribute::new(Tag::USAGE_LIMITS, limits)]);
    for _ in 0..4 {
        let frame = RequestBuilder::new(V)
            .batch_error(BatchErrorContinuationOption::UNDO)
            .item(Operation::ENCRYPT, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &key);
                e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                    e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM);
                });
                e.bytes(Tag::DATA, b"data");
            })
            .item(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, "none"))
            .finish();
        let bytes = bench.send(&bench.alice, frame);
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        assert_ne!(view.items[0].status, ResultStatus::SUCCESS);
        assert!(view.items[0].payload.is_none());
    }
}

#[test]
fn what_a_sensitive_key_unwraps_is_sensitive() {
    let bench = Bench::new();
    let kek = bench.key(&[flag(Tag::SENSITIVE, true)]);
    let secret = bench.key(&[flag(Tag::SENSITIVE, true)]);
    let wrapped = bench
        .one(&bench.alice, Operation::GET, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &secret);
            e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
                e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
                e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, &kek);
                });
                e.enumeration(Tag::ENCODING_OPTION, EncodingOption::NO_ENCODING);
            });
        })
        .unwrap();
    let block = wrapped.find(Tag::SYMMETRIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
    let octets = block.find(Tag::KEY_VALUE).unwrap().value.as_bytes().unwrap().to_vec();
    let wrapping = block.find(Tag::KEY_WRAPPING_DATA).unwrap().clone();
    let bring = |more: &[Attribute]| {
        bench.one(&bench.alice, Operation::REGISTER, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            AttributeSet::Own.write(more, e, V);
            e.structure(Tag::SYMMETRIC_KEY, |e| {
                e.structure(Tag::KEY_BLOCK, |e| {
                    e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                    e.bytes(Tag::KEY_VALUE, &octets);
                    e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
                    e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 256);
                    e.node(&wrapping);
                });
            });
        })
    };
    let back = text(&bring(&[]).unwrap(), Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.by_id(Operation::GET, &back).unwrap_err(), ResultReason::SENSITIVE);
    assert_eq!(bring(&[flag(Tag::SENSITIVE, false)]).unwrap_err(), ResultReason::SENSITIVE);
}
