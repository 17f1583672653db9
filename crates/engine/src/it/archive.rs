//! Archive and Recover, by request and by the clock.

use strongroom_kmip::{BlockCipherMode, KeyWrapType, StorageStatusMask, WrappingMethod};

use super::kit::*;
use super::*;

/// How long a test waits for the clock.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

fn encrypt(bench: &Bench, id: &str) -> Result<Value, ResultReason> {
    bench.on(Operation::ENCRYPT, id, |e| {
        mode(e, BlockCipherMode::CBC);
        e.bytes(Tag::DATA, b"secret");
    })
}

/// The identifiers that a Locate for this storage finds.
fn stored(bench: &Bench, storage: Option<StorageStatusMask>) -> Vec<String> {
    let found = bench.one(&bench.alice, Operation::LOCATE, |e| {
        if let Some(mask) = storage {
            e.integer(Tag::STORAGE_STATUS_MASK, mask.0 as i32);
        }
    });
    let found = found.unwrap();
    let ids = found.children().iter().filter(|n| n.tag == Tag::UNIQUE_IDENTIFIER);
    ids.map(|n| n.value.as_text().unwrap().to_owned()).collect()
}

fn sweep_until(bench: &Bench, what: &str, done: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !done() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        bench.engine.sweep().unwrap();
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

fn is_archived(bench: &Bench, id: &str) -> bool {
    !bench.values(id, Tag::ARCHIVE_DATE).is_empty()
}

#[test]
fn an_archived_key_is_neither_given_nor_used_nor_changed_until_it_is_recovered() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let other = bench.make(&Wish::default());
    bench.by_id(Operation::ARCHIVE, &id).unwrap();
    let archived = Err(ResultReason::OBJECT_ARCHIVED);
    // Over a restart too.
    let bench = bench.restart();
    for operation in [
        Operation::GET,
        Operation::EXPORT,
        Operation::CHECK,
        Operation::RE_KEY,
        Operation::ACTIVATE,
        Operation::ARCHIVE,
    ] {
        assert_eq!(bench.by_id(operation, &id), archived, "{operation}");
    }
    assert_eq!(encrypt(&bench, &id), archived);
    let use_of = |operation, fill: &dyn Fn(&mut Encoder)| bench.on(operation, &id, fill);
    assert_eq!(use_of(Operation::DECRYPT, &|e| e.bytes(Tag::DATA, &[0; 16])), archived);
    assert_eq!(use_of(Operation::MAC, &|e| e.bytes(Tag::DATA, b"data")), archived);
    let comment = |e: &mut Encoder| {
        e.structure(Tag::NEW_ATTRIBUTE, |e| e.text(Tag::COMMENT, "a text"));
    };
    for operation in [Operation::ADD_ATTRIBUTE, Operation::SET_ATTRIBUTE] {
        assert_eq!(use_of(operation, &comment), archived);
    }
    // As a wrapping key.
    let wrapped = |bench: &Bench| {
        bench.on(Operation::GET, &other, |e| {
            e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
                e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
                e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, &id);
                });
            });
        })
    };
    assert_eq!(wrapped(&bench), Err(ResultReason::WRAPPING_OBJECT_ARCHIVED));
    // As what a key is derived from.
    let derived = use_of(Operation::DERIVE_KEY, &|e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        e.enumeration(Tag::DERIVATION_METHOD, strongroom_kmip::DerivationMethod::HASH);
        e.structure(Tag::DERIVATION_PARAMETERS, |e| e.bytes(Tag::DERIVATION_DATA, b"data"));
        AttributeSet::Own.write(&Wish::default().attributes(), e, V);
    });
    assert_eq!(derived, archived);
    // What it is is still told.
    assert_eq!(bench.state(&id), State::ACTIVE);
    let dates = bench.values(&id, Tag::ARCHIVE_DATE);
    assert_eq!(bench.values(&id, Tag::LAST_CHANGE_DATE), dates);
    bench.by_id(Operation::GET_ATTRIBUTE_LIST, &id).unwrap();

    bench.by_id(Operation::RECOVER, &id).unwrap();
    assert!(!is_archived(&bench, &id));
    bench.by_id(Operation::GET, &id).unwrap();
    encrypt(&bench, &id).unwrap();
    wrapped(&bench).unwrap();
    // A second Recover finds nothing to do.
    bench.by_id(Operation::RECOVER, &id).unwrap();
    let kinds: Vec<String> = bench
        .engine
        .audit_tail(100, &AuditFilter::default())
        .unwrap()
        .into_iter()
        .filter(|e| e.object.as_deref() == Some(id.as_str()) && e.user == "alice")
        .filter(|e| ["archived", "recovered"].contains(&e.kind.as_str()))
        .map(|e| format!("{} {}", e.kind, e.action))
        .collect();
    assert_eq!(kinds, ["archived Archive", "recovered Recover"]);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_stream_over_a_key_that_is_archived_goes_no_further() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let begun = bench
        .on(Operation::ENCRYPT, &id, |e| {
            mode(e, BlockCipherMode::CBC);
            e.bytes(Tag::DATA, b"secret");
            e.boolean(Tag::INIT_INDICATOR, true);
        })
        .unwrap();
    bench.by_id(Operation::ARCHIVE, &id).unwrap();
    let more = bench.on(Operation::ENCRYPT, &id, |e| {
        e.bytes(Tag::DATA, b"secret");
        e.bytes(Tag::CORRELATION_VALUE, &octets(&begun, Tag::CORRELATION_VALUE));
    });
    assert_eq!(more, Err(ResultReason::OBJECT_ARCHIVED));
}

#[test]
fn locate_looks_only_into_the_storage_that_the_mask_names() {
    let bench = Bench::new();
    let [on_line, archived, destroyed] = ["on line", "archived", "gone"].map(|n| bench.create(n));
    let (on_line, archived, destroyed) = (on_line.unwrap(), archived.unwrap(), destroyed.unwrap());
    bench.by_id(Operation::ARCHIVE, &archived).unwrap();
    bench.by_id(Operation::DESTROY, &destroyed).unwrap();
    let bits = [
        (StorageStatusMask::ON_LINE_STORAGE, &on_line),
        (StorageStatusMask::ARCHIVAL_STORAGE, &archived),
        (StorageStatusMask::DESTROYED_STORAGE, &destroyed),
    ];
    assert_eq!(stored(&bench, None), std::slice::from_ref(&on_line));
    for subset in 1..8_u32 {
        let wanted: Vec<_> = bits
            .iter()
            .enumerate()
            .filter(|(bit, _)| subset >> bit & 1 == 1)
            .map(|b| b.1)
            .collect();
        let mask = wanted.iter().fold(0, |mask, (bit, _)| mask | bit.0);
        // Newest first.
        let expected: Vec<_> = wanted.iter().rev().map(|(_, id)| (*id).clone()).collect();
        assert_eq!(stored(&bench, Some(StorageStatusMask(mask))), expected, "{mask}");
    }
    // Destroyed, it is no longer in the archive.
    bench.by_id(Operation::DESTROY, &archived).unwrap();
    assert_eq!(stored(&bench, Some(StorageStatusMask::ARCHIVAL_STORAGE)), [""; 0]);
    assert_eq!(stored(&bench, Some(StorageStatusMask::DESTROYED_STORAGE)).len(), 2);
}

#[test]
fn an_archived_key_can_be_ended_by_newer_clients_and_has_to_be_recovered_by_older_ones() {
    for version in ProtocolVersion::ALL {
        let bench = Bench::new();
        let compromised = bench.make(&Wish::default());
        let destroyed = bench.create("destroyed").unwrap();
        for id in [&compromised, &destroyed] {
            bench.at_id(version, Operation::ARCHIVE, id).unwrap();
        }
        let ended = [
            bench.at(version, Operation::REVOKE, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &compromised);
                e.structure(Tag::REVOCATION_REASON, |e| {
                    let code = RevocationReasonCode::KEY_COMPROMISE;
                    e.enumeration(Tag::REVOCATION_REASON_CODE, code);
                });
            }),
            bench.at_id(version, Operation::DESTROY, &destroyed),
        ];
        let newer = version >= ProtocolVersion::V2_0;
        for result in ended {
            match newer {
                true => drop(result.unwrap()),
                false => assert_eq!(result, Err(ResultReason::OBJECT_ARCHIVED), "{version}"),
            }
        }
        let after = [&compromised, &destroyed].map(|id| bench.state(id));
        if newer {
            assert_eq!(after, [State::COMPROMISED, State::DESTROYED]);
            // Ended, and still in the archive as long as there is something to keep.
            assert!(is_archived(&bench, &compromised));
            let gone = bench.at_id(version, Operation::RECOVER, &destroyed);
            assert_eq!(gone, Err(ResultReason::OBJECT_DESTROYED));
            let gone = bench.at_id(version, Operation::ARCHIVE, &destroyed);
            assert_eq!(gone, Err(ResultReason::OBJECT_DESTROYED));
        } else {
            assert_eq!(after, [State::ACTIVE, State::PRE_ACTIVE]);
            bench.at_id(version, Operation::RECOVER, &destroyed).unwrap();
            bench.at_id(version, Operation::DESTROY, &destroyed).unwrap();
        }
    }
}

#[test]
fn only_those_who_may_use_a_key_archive_or_recover_it() {
    let bench = Bench::new();
    let id = bench.create("mine").unwrap();
    let mallory = caller("mallory");
    for operation in [Operation::ARCHIVE, Operation::RECOVER] {
        let refused = bench.one(&mallory, operation, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id));
        assert_eq!(refused, Err(ResultReason::OBJECT_NOT_FOUND), "{operation}");
        bench.by_id(operation, &id).unwrap();
    }
}

#[test]
fn an_officers_archiving_holds_for_the_owner_and_says_where_the_key_is_not() {
    let bench = Bench::new();
    let id = bench.create("mine").unwrap();
    let olga = caller("olga");
    bench.engine.move_key(&olga, &id, true).unwrap();
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_ARCHIVED));
    assert!(bench.engine.move_key(&olga, &id, true).is_err());
    bench.engine.move_key(&olga, &id, false).unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    assert!(bench.engine.move_key(&olga, &id, false).is_err());
    assert!(bench.engine.move_key(&olga, "nobody", true).is_err());
    bench.by_id(Operation::DESTROY, &id).unwrap();
    for to_archive in [true, false] {
        assert!(bench.engine.move_key(&olga, &id, to_archive).is_err());
    }
    bench.engine.audit_verify().unwrap();
}

#[test]
fn what_is_exported_after_an_archiving_is_imported_on_line() {
    let bench = Bench::new();
    let id = bench.create("travels").unwrap();
    let exported = bench.by_id(Operation::EXPORT, &id).unwrap();
    let import = |archived: bool, name: &str| {
        bench.one(&bench.alice, Operation::IMPORT, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, name);
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.enumeration(Tag::KEY_WRAP_TYPE, KeyWrapType::NOT_WRAPPED);
            let date = Attribute::new(Tag::ARCHIVE_DATE, Value::DateTime(1_000_000_000));
            let attributes = if archived { vec![date] } else { Vec::new() };
            AttributeSet::Own.write(&attributes, e, V);
            e.node(exported.find(Tag::SYMMETRIC_KEY).unwrap());
        })
    };
    import(true, "imported").unwrap();
    assert!(!is_archived(&bench, "imported"));
    // Nor is an archived one replaced.
    bench.by_id(Operation::ARCHIVE, "imported").unwrap();
    let replaced = bench.one(&bench.alice, Operation::IMPORT, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, "imported");
        e.boolean(Tag::REPLACE_EXISTING, true);
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        AttributeSet::Own.write(&[], e, V);
        e.node(exported.find(Tag::SYMMETRIC_KEY).unwrap());
    });
    assert_eq!(replaced, Err(ResultReason::OBJECT_ARCHIVED));
}

#[test]
fn a_template_in_the_archive_gives_nothing() {
    const V12: ProtocolVersion = ProtocolVersion::V1_2;
    let bench = Bench::new();
    let template = bench.at(V12, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::TEMPLATE);
        e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| name("usual").write(e, V12));
        e.structure(Tag::TEMPLATE, |e| {
            Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(128)).write(e, V12);
        });
    });
    let template = text(&template.unwrap(), Tag::UNIQUE_IDENTIFIER);
    let create = || {
        bench.at(V12, Operation::CREATE, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| {
                e.node(&Node::new(Tag::NAME, name_value("usual")));
                let aes = Value::Enumeration(CryptographicAlgorithm::AES.0);
                Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, aes).write(e, V12);
            });
        })
    };
    create().unwrap();
    bench.at_id(V12, Operation::ARCHIVE, &template).unwrap();
    assert_eq!(create(), Err(ResultReason::OBJECT_ARCHIVED));
    bench.at_id(V12, Operation::RECOVER, &template).unwrap();
    create().unwrap();
}

#[test]
fn what_has_ended_is_archived_by_the_clock_and_what_has_not_is_not() {
    let bench = Bench::with(|config| config.archive_after = 1);
    let now = bench.engine.inner.time().earliest();
    let date = |tag, at| vec![Attribute::new(tag, Value::DateTime(at))];
    let active = bench.make(&Wish::default());
    let revoked = bench.make(&Wish::default());
    bench.revoke(&revoked).unwrap();
    let by_date =
        bench.make(&Wish { more: date(Tag::DEACTIVATION_DATE, now + 1), ..Wish::default() });
    let born_ended = bench.make(&Wish { more: date(Tag::DEACTIVATION_DATE, 2), ..Wish::default() });
    let destroyed = bench.create("destroyed").unwrap();
    bench.by_id(Operation::DESTROY, &destroyed).unwrap();
    let compromised = bench.create("compromised").unwrap();
    bench
        .on(Operation::REVOKE, &compromised, |e| {
            e.structure(Tag::REVOCATION_REASON, |e| {
                let code = RevocationReasonCode::KEY_COMPROMISE;
                e.enumeration(Tag::REVOCATION_REASON_CODE, code);
            });
        })
        .unwrap();
    assert!(!is_archived(&bench, &revoked));
    // There already when it ends: nothing remains to be done with it.
    let early = bench.make(&Wish::default());
    bench.by_id(Operation::ARCHIVE, &early).unwrap();
    bench.revoke(&early).unwrap();
    for id in [&revoked, &by_date, &born_ended, &compromised] {
        sweep_until(&bench, "it was never archived", || is_archived(&bench, id));
    }
    for id in [&active, &destroyed] {
        assert!(!is_archived(&bench, id));
    }
    // Nothing is left to be done.
    assert_eq!(bench.engine.inner.store.read(|tx| tx.due(i64::MAX, 100)).unwrap(), []);
    let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    assert!(entries.iter().any(|e| e.kind == "archived" && e.user == "server"));
    // What comes back goes again when the time has passed once more.
    bench.by_id(Operation::RECOVER, &revoked).unwrap();
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert!(!is_archived(&bench, &revoked));
    sweep_until(&bench, "it was not archived again", || is_archived(&bench, &revoked));
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_clock_that_jumped_archives_nothing_and_without_the_setting_nothing_ever_is() {
    let bench = Bench::with(|config| config.archive_after = 1);
    let id = bench.make(&Wish::default());
    bench.revoke(&id).unwrap();
    bench.engine.inner.move_clock(3_600_000);
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    std::thread::park_timeout(std::time::Duration::from_millis(1500));
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert!(!is_archived(&bench, &id));
    bench.engine.confirm_clock(&Caller::server()).unwrap();
    sweep_until(&bench, "it was never archived", || is_archived(&bench, &id));

    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    bench.revoke(&id).unwrap();
    assert_eq!(bench.engine.inner.store.read(|tx| tx.due(i64::MAX, 100)).unwrap(), []);
    assert!(!is_archived(&bench, &id));
}

#[test]
fn a_key_in_the_archive_is_not_rotated_and_is_when_it_comes_back() {
    let bench = Bench::new();
    let more = vec![
        Attribute::new(Tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        Attribute::new(Tag::ROTATE_INTERVAL, Value::Interval(1)),
    ];
    let id = bench.make(&Wish { more, ..Wish::default() });
    bench.by_id(Operation::ARCHIVE, &id).unwrap();
    std::thread::park_timeout(std::time::Duration::from_millis(2100));
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert!(bench.engine.rotate_key(&bench.alice, &id).is_err());
    bench.by_id(Operation::RECOVER, &id).unwrap();
    sweep_until(&bench, "it was never rotated", || bench.state(&id) == State::DEACTIVATED);
}
