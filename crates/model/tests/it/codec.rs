//! Stored forms: what is written is read back, and nothing that is read can panic.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use strongroom_kmip::{AttributeName, Node, Tag, Value};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Contest, ManagedObject, Origin, Register, Stamp,
    resolve_names,
};

use crate::arb;

fn config(seed: u64) -> ProptestConfig {
    ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z]{0,4}", 1 => "\\PC{0,6}"]
}

fn tag() -> impl Strategy<Value = Tag> {
    prop_oneof![Just(Tag::NAME), Just(Tag::LINK), (0x54_0000..0x54_0040u32).prop_map(Tag)]
}

/// A value of any type, nested a little.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::LongInteger),
        vec(any::<[u8; 8]>(), 1..3).prop_map(|words| Value::BigInteger(words.concat())),
        any::<u32>().prop_map(Value::Enumeration),
        any::<bool>().prop_map(Value::Boolean),
        text().prop_map(Value::TextString),
        vec(any::<u8>(), 0..12).prop_map(Value::ByteString),
        any::<i64>().prop_map(Value::DateTime),
        any::<u32>().prop_map(Value::Interval),
        any::<i64>().prop_map(Value::DateTimeExtended),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        vec((tag(), inner).prop_map(|(tag, value)| Node::new(tag, value)), 0..3)
            .prop_map(Value::Structure)
    })
}

fn key() -> impl Strategy<Value = AttributeKey> {
    let name = prop_oneof![
        tag().prop_map(AttributeName::Standard),
        (text(), text()).prop_map(|(vendor, name)| AttributeName::Vendor { vendor, name }),
    ];
    (name, any::<u32>(), any::<u32>()).prop_map(|(name, index, site)| AttributeKey {
        name,
        index,
        site,
    })
}

fn wide_stamp() -> impl Strategy<Value = Stamp> {
    (any::<u64>(), any::<u32>()).prop_map(|(hlc, site)| Stamp { hlc, site })
}

/// An object that came about by changes, with a few registers of any shape.
fn object() -> impl Strategy<Value = ManagedObject> {
    let registers = vec((key(), option::of(value()), wide_stamp()), 0..3);
    (arb::sample(arb::object_change()), registers).prop_map(|(items, registers)| {
        let mut object = ManagedObject::unknown(arb::ID.into());
        for item in items {
            object.apply(item.stamp, &item.change);
        }
        for (key, value, stamp) in registers {
            object.set(&key, &Register { value, stamp });
        }
        object
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (arb::object_change(), vec((key(), value()), 0..2)).prop_map(|(mut change, more)| {
            match &mut change {
                Change::Created(new) => new.attributes.extend(more),
                Change::Changed { sets, .. } => {
                    sets.extend(more.into_iter().map(|(key, value)| (key, Some(value))));
                }
                _ => {}
            }
            change
        }),
        4 => arb::server_change(),
        1 => (text(), text()).prop_map(|(what, text)| Change::Noted { what, text }),
    ]
}

fn origin() -> impl Strategy<Value = Origin> {
    (text(), text(), text(), text(), text()).prop_map(
        |(user, fingerprint, address, operation, rule)| Origin {
            user,
            fingerprint,
            address,
            operation,
            rule,
        },
    )
}

fn contest() -> impl Strategy<Value = Contest> {
    vec((arb::stamp(), option::of(arb::seen())), 0..8).prop_map(|actions| {
        let mut contest = Contest::default();
        for (stamp, seen) in actions {
            match seen {
                Some(seen) => contest.weak(seen),
                None => contest.strong(stamp.site, stamp.hlc),
            }
        }
        contest
    })
}

/// One blow against stored bytes.
#[derive(Clone, Debug)]
enum Blow {
    Set(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Cut(usize),
    Repeat(usize, usize),
}

fn blows() -> impl Strategy<Value = Vec<Blow>> {
    let at = 0..4096usize;
    // Small numbers hit lengths, types and codes; large ones hit texts.
    let byte = prop_oneof![2 => 0..16u8, 1 => any::<u8>()];
    let blow = prop_oneof![
        6 => (at.clone(), byte.clone()).prop_map(|(at, byte)| Blow::Set(at, byte)),
        1 => (at.clone(), byte).prop_map(|(at, byte)| Blow::Insert(at, byte)),
        1 => at.clone().prop_map(Blow::Remove),
        1 => at.clone().prop_map(Blow::Cut),
        1 => (at.clone(), at).prop_map(|(from, to)| Blow::Repeat(from, to)),
    ];
    vec(blow, 1..4)
}

fn strike(bytes: &mut Vec<u8>, blows: &[Blow]) {
    for blow in blows {
        if bytes.is_empty() {
            return;
        }
        let len = bytes.len();
        match *blow {
            Blow::Set(at, byte) => bytes[at % len] = byte,
            Blow::Insert(at, byte) => bytes.insert(at % len, byte),
            Blow::Remove(at) => drop(bytes.remove(at % len)),
            Blow::Cut(at) => bytes.truncate(at % len),
            Blow::Repeat(from, to) => {
                let (from, to) = ((from % len) & !7, (to % len) & !7);
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(from..from, piece);
            }
        }
    }
}

/// Everything that a reader would do with bytes; none of it may panic. What can be read is
/// written and read again alike.
fn read(bytes: &[u8]) {
    if let Ok(object) = ManagedObject::decode(bytes) {
        for name in object.registers.keys().map(|k| &k.name) {
            object.instances(name).count();
            object.key_of(name, 0);
            object.next_index(name);
        }
        object.attributes().count();
        object.state(0);
        resolve_names([&object, &object]);
        assert_eq!(ManagedObject::decode(&object.encode()), Ok(object));
    }
    if let Ok(contest) = Contest::decode(bytes) {
        contest.weak_holds();
        assert_eq!(Contest::decode(&contest.encode()), Ok(contest));
    }
    for kind in 0..30 {
        if let Ok((origin, change)) = Change::decode(kind, bytes) {
            let again = Change::decode(kind, &change.encode(&origin));
            assert_eq!(again, Ok((origin, change)));
        }
    }
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn objects_are_read_as_they_were_written(object in object()) {
        prop_assert_eq!(ManagedObject::decode(&object.encode()), Ok(object));
    }

    #[test]
    fn changes_are_read_as_they_were_written(change in change(), origin in origin()) {
        let kind = change.kind() as u16;
        let kept = change.as_journalled();
        prop_assert_eq!(Change::decode(kind, &change.encode(&origin)), Ok((origin, kept)));
    }

    #[test]
    fn contests_are_read_as_they_were_written(contest in contest()) {
        prop_assert_eq!(Contest::decode(&contest.encode()), Ok(contest));
    }

    #[test]
    fn damaged_objects_are_refused_or_read_but_never_panic(object in object(), blows in blows()) {
        let mut bytes = object.encode();
        strike(&mut bytes, &blows);
        read(&bytes);
    }

    #[test]
    fn damaged_changes_are_refused_or_read_but_never_panic(
        change in change(), origin in origin(), blows in blows(),
    ) {
        let mut bytes = change.encode(&origin);
        strike(&mut bytes, &blows);
        read(&bytes);
    }

    #[test]
    fn damaged_contests_are_refused_or_read_but_never_panic(
        contest in contest(), blows in blows(),
    ) {
        let mut bytes = contest.encode();
        strike(&mut bytes, &blows);
        read(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        read(&bytes);
        // The same behind a header that lets them in.
        let mut framed = vec![0x54, 0x00, 0x01, 0x01];
        framed.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        framed.extend_from_slice(&bytes);
        read(&framed);
    }
}

#[test]
fn every_kind_has_its_number_for_ever() {
    // Stored numbers: this list only ever grows.
    let numbers: Vec<u16> = ChangeKind::ALL.into_iter().map(|k| k as u16).collect();
    assert_eq!(numbers, (1..=30).collect::<Vec<u16>>());
    for kind in ChangeKind::ALL {
        assert_eq!(ChangeKind::from_code(kind as u16), Some(kind));
    }
    assert_eq!(ChangeKind::from_code(0), None);
    assert_eq!(ChangeKind::from_code(31), None);
}

#[test]
fn a_newer_body_is_refused_with_its_version() {
    let mut bytes = Contest::default().encode();
    // Header of the body, header of the version, then its number.
    bytes[8 + 8 + 3] = 2;
    let error = Contest::decode(&bytes).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}
