//! Process Start Date and Protect Stop Date, as requests meet them.

use strongroom_kmip::{BlockCipherMode, WrappingMethod};

use super::kit::*;
use super::*;

const WRONG_STATE: ResultReason = ResultReason::WRONG_KEY_LIFECYCLE_STATE;

/// An active key with a date.
fn key(bench: &Bench, tag: Tag, date: i64) -> String {
    let more = vec![Attribute::new(tag, Value::DateTime(date))];
    bench.make(&Wish { more, ..Wish::default() })
}

fn now(bench: &Bench) -> i64 {
    bench.engine.inner.time().earliest()
}

fn crypt(
    bench: &Bench,
    version: ProtocolVersion,
    operation: Operation,
    id: &str,
    data: &[u8],
) -> Result<Value, ResultReason> {
    bench.at(version, operation, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        mode(e, BlockCipherMode::ECB);
        e.bytes(Tag::DATA, data);
    })
}

fn mac(bench: &Bench, operation: Operation, id: &str) -> Result<Value, ResultReason> {
    bench.on(operation, id, |e| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::HMAC_SHA256);
        });
        e.bytes(Tag::DATA, b"data");
        if operation == Operation::MAC_VERIFY {
            e.bytes(Tag::MAC_DATA, &[0; 32]);
        }
    })
}

fn wrap(bench: &Bench, id: &str, kek: &str) -> Result<Value, ResultReason> {
    bench.on(Operation::GET, id, |e| {
        e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
            e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
            e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| e.text(Tag::UNIQUE_IDENTIFIER, kek));
        });
    })
}

fn unwrap(bench: &Bench, wrapped: &Value) -> Result<Value, ResultReason> {
    bench.one(&bench.alice, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        AttributeSet::Own.write(&[], e, V);
        e.node(wrapped.find(Tag::SYMMETRIC_KEY).unwrap());
    })
}

#[test]
fn after_its_protect_stop_date_a_key_only_processes() {
    let bench = Bench::new();
    let stopped = key(&bench, Tag::PROTECT_STOP_DATE, now(&bench) - 10);
    let going = key(&bench, Tag::PROTECT_STOP_DATE, now(&bench) + 1000);
    let other = bench.make(&Wish::default());
    for version in ProtocolVersion::ALL.into_iter().filter(|v| *v >= ProtocolVersion::V1_2) {
        let refused = crypt(&bench, version, Operation::ENCRYPT, &stopped, &[0; 16]);
        assert_eq!(refused, Err(WRONG_STATE.for_version(version)), "{version}");
        crypt(&bench, version, Operation::DECRYPT, &stopped, &[0; 16]).unwrap();
        crypt(&bench, version, Operation::ENCRYPT, &going, &[0; 16]).unwrap();
    }
    assert_eq!(mac(&bench, Operation::MAC, &stopped), Err(WRONG_STATE));
    mac(&bench, Operation::MAC_VERIFY, &stopped).unwrap();
    mac(&bench, Operation::MAC, &going).unwrap();
    assert_eq!(wrap(&bench, &other, &stopped), Err(WRONG_STATE));
    wrap(&bench, &other, &going).unwrap();
    // It stays Active, and can still be given out.
    assert_eq!(bench.state(&stopped), State::ACTIVE);
    bench.by_id(Operation::GET, &stopped).unwrap();
}

#[test]
fn before_its_process_start_date_a_key_only_protects() {
    let bench = Bench::new();
    let waiting = key(&bench, Tag::PROCESS_START_DATE, now(&bench) + 1000);
    let begun = key(&bench, Tag::PROCESS_START_DATE, now(&bench) - 10);
    let other = bench.make(&Wish::default());
    for version in ProtocolVersion::ALL.into_iter().filter(|v| *v >= ProtocolVersion::V1_2) {
        let refused = crypt(&bench, version, Operation::DECRYPT, &waiting, &[0; 16]);
        assert_eq!(refused, Err(WRONG_STATE.for_version(version)), "{version}");
        crypt(&bench, version, Operation::ENCRYPT, &waiting, &[0; 16]).unwrap();
        crypt(&bench, version, Operation::DECRYPT, &begun, &[0; 16]).unwrap();
    }
    assert_eq!(mac(&bench, Operation::MAC_VERIFY, &waiting), Err(WRONG_STATE));
    mac(&bench, Operation::MAC, &waiting).unwrap();
    let wrapped = wrap(&bench, &other, &waiting).unwrap();
    assert_eq!(unwrap(&bench, &wrapped), Err(WRONG_STATE));
    let wrapped = wrap(&bench, &other, &begun).unwrap();
    unwrap(&bench, &wrapped).unwrap();
}

#[test]
fn both_dates_come_with_their_second_without_anybody_sweeping() {
    let bench = Bench::new();
    let at = now(&bench) + 2;
    let stops = key(&bench, Tag::PROTECT_STOP_DATE, at);
    let starts = key(&bench, Tag::PROCESS_START_DATE, at);
    let encrypt = || crypt(&bench, V, Operation::ENCRYPT, &stops, &[0; 16]).is_ok();
    let decrypt = || crypt(&bench, V, Operation::DECRYPT, &starts, &[0; 16]).is_ok();
    let mut turned = false;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !turned {
        assert!(std::time::Instant::now() < deadline, "the dates never came");
        let before = now(&bench);
        let answers = (encrypt(), decrypt());
        // Nothing is said of a second that passed meanwhile.
        if now(&bench) == before {
            turned = before >= at;
            assert_eq!(answers, (!turned, turned), "{} seconds before", at - before);
        }
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_stream_that_was_begun_in_time_goes_no_further_when_the_date_has_come() {
    let bench = Bench::new();
    let id = key(&bench, Tag::PROTECT_STOP_DATE, now(&bench) + 1);
    let begun = bench.on(Operation::ENCRYPT, &id, |e| {
        mode(e, BlockCipherMode::CBC);
        e.bytes(Tag::DATA, b"secret");
        e.boolean(Tag::INIT_INDICATOR, true);
    });
    // A slow machine may be past it already, and then the beginning is refused.
    let Ok(begun) = begun else { return };
    std::thread::park_timeout(std::time::Duration::from_millis(2100));
    let more = bench.on(Operation::ENCRYPT, &id, |e| {
        e.bytes(Tag::DATA, b"secret");
        e.bytes(Tag::CORRELATION_VALUE, &octets(&begun, Tag::CORRELATION_VALUE));
    });
    assert_eq!(more, Err(WRONG_STATE));
}

#[test]
fn the_dates_keep_their_order_and_move_only_while_they_lie_ahead() {
    let bench = Bench::new();
    let now = now(&bench);
    let id = key(&bench, Tag::PROTECT_STOP_DATE, now + 1000);
    let set = |tag: Tag, date: i64| {
        bench.on(Operation::SET_ATTRIBUTE, &id, |e| {
            e.structure(Tag::NEW_ATTRIBUTE, |e| e.date_time(tag, date));
        })
    };
    set(Tag::PROTECT_STOP_DATE, now + 500).unwrap();
    set(Tag::DEACTIVATION_DATE, now + 600).unwrap();
    let late = set(Tag::PROTECT_STOP_DATE, now + 700);
    assert_eq!(late, Err(ResultReason::INVALID_FIELD));
    assert_eq!(set(Tag::DEACTIVATION_DATE, now + 400), Err(ResultReason::INVALID_FIELD));
    set(Tag::PROTECT_STOP_DATE, now - 5).unwrap();
    // It has come: a key that may not protect is not made to again.
    assert_eq!(set(Tag::PROTECT_STOP_DATE, now + 300), Err(ResultReason::ATTRIBUTE_READ_ONLY));
    let encrypted = crypt(&bench, V, Operation::ENCRYPT, &id, &[0; 16]);
    assert_eq!(encrypted, Err(WRONG_STATE));
}
