//! Crypto-periods and the clock that they trust.

use strongroom_kmip::{
    Attribute, AttributeSet, BlockCipherMode, CryptographicAlgorithm, KeyFormatType, LinkType,
    ObjectType, Operation, ResultReason, State, Tag, Value,
};

use super::{Bench, V, create, text};
use crate::{AuditFilter, Caller};

/// Active now, replaced by itself after a second.
fn periodic(bench: &Bench) -> Vec<Attribute> {
    let now = bench.engine.inner.time().earliest();
    vec![
        Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(now)),
        Attribute::new(Tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        Attribute::new(Tag::ROTATE_INTERVAL, Value::Interval(1)),
    ]
}

pub(super) fn make_periodic(bench: &Bench, name: &str) -> String {
    let more = periodic(bench);
    let payload = bench.one(&bench.alice, Operation::CREATE, |e| create(e, name, &more)).unwrap();
    text(&payload, Tag::UNIQUE_IDENTIFIER)
}

pub(super) fn crypt(
    bench: &Bench,
    operation: Operation,
    id: &str,
    data: &[u8],
) -> Result<Vec<u8>, ResultReason> {
    let made = bench.one(&bench.alice, operation, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::ECB);
        });
        e.bytes(Tag::DATA, data);
    })?;
    Ok(made.find(Tag::DATA).unwrap().value.as_bytes().unwrap().to_vec())
}

pub(super) fn sweep_until(bench: &Bench, what: &str, done: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        bench.engine.sweep().unwrap();
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

pub(super) fn actions(bench: &Bench, action: &str) -> usize {
    let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
    bench.engine.audit_tail(100, &filter).unwrap().len()
}

#[test]
fn the_old_version_of_a_key_only_decrypts_and_links_to_the_new_one() {
    let bench = Bench::new();
    let old = make_periodic(&bench, "periodic");
    let secret = crypt(&bench, Operation::ENCRYPT, &old, &[7; 16]).unwrap();
    sweep_until(&bench, "the interval never passed", || bench.state(&old) == State::DEACTIVATED);
    assert!(crypt(&bench, Operation::ENCRYPT, &old, &[7; 16]).is_err());
    assert_eq!(crypt(&bench, Operation::DECRYPT, &old, &secret).unwrap(), [7; 16]);
    let links = bench.engine.key(&old).unwrap().links;
    let [(kind, new)] = &links[..] else { panic!("{links:?}") };
    assert_eq!(*kind, LinkType::REPLACEMENT_OBJECT_LINK.name());
    let back = (LinkType::REPLACED_OBJECT_LINK.name(), old.clone());
    assert!(bench.engine.key(new).unwrap().links.contains(&back));
}

#[test]
fn a_key_that_its_user_replaced_ends_with_its_period_and_is_due_no_more() {
    let bench = Bench::new();
    let old = make_periodic(&bench, "replaced");
    bench.by_id(Operation::RE_KEY, &old).unwrap();
    sweep_until(&bench, "it never ended", || bench.state(&old) == State::DEACTIVATED);
    let due = bench.engine.inner.store.read(|tx| tx.due(i64::MAX, 100)).unwrap();
    assert!(due.iter().all(|id| id.as_str() != old), "{due:?}");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn the_period_of_a_replacement_begins_with_it() {
    let bench = Bench::new();
    let first = make_periodic(&bench, "again");
    sweep_until(&bench, "the interval never passed", || bench.state(&first) == State::DEACTIVATED);
    let second = bench.engine.key(&first).unwrap().links[0].1.clone();
    let third = bench.by_id(Operation::RE_KEY, &second).unwrap();
    let third = text(&third, Tag::UNIQUE_IDENTIFIER);
    let object =
        |id: &str| bench.engine.inner.store.read(|tx| tx.object(&id.into())).unwrap().unwrap();
    assert!(object(&second).date(Tag::ROTATE_DATE).is_some());
    assert_eq!(object(&third).date(Tag::ROTATE_DATE), None);
}

#[test]
fn keys_that_cannot_be_replaced_hold_up_nothing_behind_them() {
    let bench = Bench::with(|config| config.destroy_delay = 3);
    // More than one sweep takes, of an algorithm that is kept but not made here.
    for _ in 0..300 {
        let more = periodic(&bench);
        bench
            .one(&bench.alice, Operation::REGISTER, |e| {
                e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
                let mask = Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(12));
                AttributeSet::Own.write(&[vec![mask], more].concat(), e, V);
                e.structure(Tag::SYMMETRIC_KEY, |e| {
                    e.structure(Tag::KEY_BLOCK, |e| {
                        e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                        e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &[1; 16]));
                        let algorithm = CryptographicAlgorithm::MARS;
                        e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
                        e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 128);
                    });
                });
            })
            .unwrap();
    }
    let doomed = bench.create("doomed").unwrap();
    bench.by_id(Operation::DESTROY, &doomed).unwrap();
    sweep_until(&bench, "the destruction never came", || bench.state(&doomed) == State::DESTROYED);
    let waiting = bench.engine.inner.unrotated.count(0);
    assert_eq!(waiting, 300);
    assert_eq!(bench.engine.sweep().unwrap(), 0);
}

#[test]
fn a_clock_that_jumped_stops_the_dates_and_says_so_until_it_is_confirmed() {
    for by_ms in [3_600_000, -3_600_000] {
        let bench = Bench::new();
        let key = make_periodic(&bench, "waits");
        std::thread::park_timeout(std::time::Duration::from_millis(1100));
        bench.engine.inner.move_clock(by_ms);
        for _ in 0..3 {
            assert_eq!(bench.engine.sweep().unwrap(), 0);
        }
        assert_eq!(bench.state(&key), State::ACTIVE);
        assert!(bench.engine.status().clock_alarm.is_some());
        assert_eq!(actions(&bench, "clock-jumped"), 1);
        assert_eq!(actions(&bench, "clock-confirmed"), 0);
        bench.engine.confirm_clock(&Caller::server()).unwrap();
        assert_eq!(actions(&bench, "clock-confirmed"), 1);
        assert!(bench.engine.status().clock_alarm.is_none());
        sweep_until(&bench, "dates never went on", || bench.state(&key) == State::DEACTIVATED);
        // The next jump is told again.
        bench.engine.inner.move_clock(by_ms);
        bench.engine.sweep().unwrap();
        assert_eq!(actions(&bench, "clock-jumped"), 2);
    }
}
