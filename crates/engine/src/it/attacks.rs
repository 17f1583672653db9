//! What a client with a certificate tries in order to get what it may not have.

use strongroom_kmip::{
    AttributeName, BlockCipherMode, DerivationMethod, EncodingOption, KeyFormatType,
    UsageLimitsUnit, WrappingMethod,
};

use super::*;
use crate::{DealtShare, NewSlot, Unlock};

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

/// Stops, edits the database, and starts again over it.
fn reopened_after(bench: Bench, edit: &str) -> (Engine, TempDir, Result<(), crate::EngineError>) {
    let Bench { engine, dir, root, .. } = bench;
    let config = engine.config().clone();
    engine.stop();
    drop(engine);
    let database = rusqlite::Connection::open(dir.path().join("store.db")).unwrap();
    assert!(database.execute(edit, []).unwrap() > 0);
    drop(database);
    let engine = Engine::open(config).unwrap();
    let opened = engine.open_with(&Caller::server(), RootKey::from_secret(root).unwrap());
    (engine, dir, opened)
}

#[test]
fn verifying_the_audit_finds_what_somebody_did_to_the_state() {
    let edits = [
        "DELETE FROM objects WHERE id = (SELECT MIN(id) FROM objects)",
        "UPDATE objects SET owner = 'eve'",
        "UPDATE objects SET row = (SELECT row FROM objects ORDER BY id LIMIT 1), \
         mac = (SELECT mac FROM objects ORDER BY id LIMIT 1)",
        "DELETE FROM attribute_values",
    ];
    for edit in edits {
        let bench = Bench::new();
        bench.create("one").unwrap();
        bench.create("two").unwrap();
        bench.engine.audit_verify().unwrap();
        let (engine, _dir, opened) = reopened_after(bench, edit);
        opened.unwrap();
        assert!(engine.audit_verify().is_err(), "{edit}");
    }
}

#[test]
fn a_store_whose_journal_or_own_rows_are_gone_is_not_served() {
    for edit in [
        "DELETE FROM journal",
        "DELETE FROM journal WHERE seq = (SELECT MAX(seq) FROM journal)",
        "DELETE FROM server_state",
        "DELETE FROM server_state WHERE key LIKE 'secret%'",
        "DELETE FROM meta WHERE key = 'seal'",
    ] {
        let bench = Bench::new();
        bench.create("one").unwrap();
        bench.create("two").unwrap();
        bench.engine.sign_heads().unwrap();
        let (engine, _dir, opened) = reopened_after(bench, edit);
        assert!(opened.is_err(), "{edit}");
        assert!(engine.is_sealed());
    }
}

#[test]
fn setting_up_over_an_empty_store_keeps_the_slots_that_were_there() {
    let dir = TempDir::new().unwrap();
    let set_up = |data: &str| {
        let mut config = EngineConfig::new(dir.path().join(data));
        config.slots_path = dir.path().join("slots.json");
        let engine = Engine::open(config).unwrap();
        let slots = vec![
            NewSlot::File { label: String::new(), path: dir.path().join("root.key") },
            NewSlot::Shamir {
                label: String::new(),
                threshold: 2,
                shares: 3,
                recipients: Vec::new(),
            },
        ];
        engine.initialise(&Caller::server(), slots).unwrap();
    };
    set_up("mounted");
    let key = std::fs::read(dir.path().join("root.key")).unwrap();
    let slots = std::fs::read(dir.path().join("slots.json")).unwrap();
    // The data's disk is not there this time.
    set_up("bare-mount-point");
    let kept: Vec<Vec<u8>> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(kept.contains(&key) && kept.contains(&slots));
}

#[test]
fn a_batch_of_many_key_pairs_is_refused_as_a_whole() {
    let bench = Bench::new();
    let attributes = [
        Attribute::new(
            Tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(CryptographicAlgorithm::EC.0),
        ),
        Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
    ];
    let statuses = |count: usize| {
        let mut builder = RequestBuilder::new(V);
        for _ in 0..count {
            builder = builder.item(Operation::CREATE_KEY_PAIR, |e| {
                AttributeSet::Common.write(&attributes, e, V);
            });
        }
        let bytes = bench.send(&bench.alice, builder.finish());
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        view.items.iter().map(|i| i.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(8), [ResultStatus::SUCCESS; 8]);
    assert_eq!(statuses(9), [ResultStatus::OPERATION_FAILED; 9]);
}

#[test]
fn a_strangers_share_does_not_shut_out_the_custodians() {
    let in_clear = |share: &DealtShare| match share {
        DealtShare::Text(text) => Some(text.to_string()),
        DealtShare::Encrypted(_) => None,
    };
    let set_up = || {
        let dir = TempDir::new().unwrap();
        let mut config = EngineConfig::new(dir.path().join("data"));
        config.slots_path = dir.path().join("slots.json");
        let engine = Engine::open(config).unwrap();
        let slots = vec![
            NewSlot::File { label: String::new(), path: dir.path().join("root.key") },
            NewSlot::Shamir {
                label: String::new(),
                threshold: 2,
                shares: 3,
                recipients: Vec::new(),
            },
        ];
        let made = engine.initialise(&Caller::server(), slots).unwrap();
        let shares: Vec<String> = made[1].shares.iter().filter_map(in_clear).collect();
        (dir, engine, shares)
    };
    let (_dir, engine, shares) = set_up();
    let (_other_dir, _, strange) = set_up();
    engine.seal(&Caller::server()).unwrap();
    let give = |text: &str| engine.unseal(&caller("x"), Unlock::Share(text.to_owned().into()));
    assert!(give(&strange[0]).is_err());
    assert_eq!(give(&shares[0]).unwrap().given, 1);
    assert!(give(&strange[1]).is_err());
    assert!(give(&shares[2]).unwrap().unsealed);
}

#[test]
fn a_batch_that_asks_for_a_large_object_again_and_again_is_cut_short() {
    let bench = Bench::new();
    let key = bench.key(&[]);
    for at in 0..4 {
        let name = AttributeName::Vendor { vendor: "x".to_owned(), name: format!("a{at}") };
        let value = Value::TextString("v".repeat(900_000));
        bench
            .one(&bench.alice, Operation::ADD_ATTRIBUTE, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &key);
                let attribute = Attribute { name, index: 0, value };
                e.structure(Tag::NEW_ATTRIBUTE, |e| attribute.write(e, V));
            })
            .unwrap();
    }
    let mut builder = RequestBuilder::new(V).batch_error(BatchErrorContinuationOption::CONTINUE);
    for _ in 0..40 {
        builder = builder.item(Operation::GET_ATTRIBUTES, |e| e.text(Tag::UNIQUE_IDENTIFIER, &key));
    }
    let bytes = bench.send(&bench.alice, builder.finish());
    assert!(bytes.len() < 70 << 20);
    let limits = Limits { frame: 128 << 20, ..Limits::default() };
    let view = ResponseView::parse(&bytes, &limits).unwrap();
    assert_eq!(view.items[0].status, ResultStatus::SUCCESS);
    assert_eq!(view.items[39].reason, Some(ResultReason::RESPONSE_TOO_LARGE));
}
