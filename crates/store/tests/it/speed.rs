//! How many objects a single writer makes in a second. A measurement, not a test of right or
//! wrong: run it by hand, optimised.

use std::time::Instant;

use strongroom_kmip::{AttributeName, Node, Tag, Value};
use strongroom_model::{AttributeKey, Change, NewObject};
use strongroom_store::{Options, StoreError};

use crate::support::{NOW, Place, name_value, new_object, origin};

/// A key with twelve attributes, two of them indexed.
fn typical(n: u64) -> NewObject {
    // Time-ordered, as version 7 UUIDs are.
    let id = format!("{:08x}-{:04x}-7000-8000-{:012x}", n >> 16, n & 0xffff, n * 0x9e37_79b9);
    let mut new = new_object(&id, "alice");
    let single = AttributeKey::single;
    let group =
        AttributeKey { name: AttributeName::Standard(Tag::OBJECT_GROUP), index: 0, site: 1 };
    new.attributes[0].1 = name_value(&format!("database-master-key-{n}"));
    new.attributes.extend([
        (group, Value::TextString("payroll".to_owned())),
        (single(Tag::CRYPTOGRAPHIC_ALGORITHM), Value::Enumeration(3)),
        (single(Tag::CRYPTOGRAPHIC_USAGE_MASK), Value::Integer(12)),
        (single(Tag::INITIAL_DATE), Value::DateTime(NOW / 1000)),
        (single(Tag::LAST_CHANGE_DATE), Value::DateTime(NOW / 1000)),
        (single(Tag::ACTIVATION_DATE), Value::DateTime(NOW / 1000)),
        (single(Tag::SENSITIVE), Value::Boolean(true)),
        (single(Tag::EXTRACTABLE), Value::Boolean(true)),
        (single(Tag::FRESH), Value::Boolean(true)),
        (
            single(Tag::DIGEST),
            Value::Structure(vec![
                Node::enumeration(Tag::HASHING_ALGORITHM, 6u32),
                Node::bytes(Tag::DIGEST_VALUE, vec![3; 32]),
                Node::enumeration(Tag::KEY_FORMAT_TYPE, 1u32),
            ]),
        ),
    ]);
    new
}

/// Makes `count` objects, with so many jobs under way at a time.
fn measure(flush: bool, count: u64, at_a_time: u64) {
    let place = Place::new();
    let store = place.open_with(Options { flush, ..Options::new(place.path()) });
    let (sender, done) = std::sync::mpsc::channel::<Result<(), StoreError>>();
    let started = Instant::now();
    for n in 0..count {
        if n >= at_a_time {
            done.recv().unwrap().unwrap();
        }
        let sender = sender.clone();
        store.submit(Box::new(move |tx| {
            let result = tx.and_then(|tx| {
                tx.nested(|tx| {
                    let change = Change::Created(Box::new(typical(n)));
                    tx.append(&origin(), &change, NOW + n as i64)
                })
            });
            Box::new(move |committed| {
                let _ = sender.send(committed.and(result.map(drop)));
            })
        }));
    }
    for _ in 0..count.min(at_a_time) {
        done.recv().unwrap().unwrap();
    }
    let took = started.elapsed();
    let stats = store.stats();
    println!(
        "flush {flush}, {at_a_time} at a time: {:.0} creates/s, {} commits, {:.1} MiB",
        count as f64 / took.as_secs_f64(),
        stats.commits,
        std::fs::metadata(place.path()).unwrap().len() as f64 / 1_048_576.0,
    );
}

#[test]
#[ignore = "a measurement: cargo test --release -p strongroom-store -- --ignored --nocapture"]
fn creates_in_a_second() {
    let count = std::env::var("CREATES").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    for flush in [false, true] {
        for at_a_time in [512, 64] {
            measure(flush, count, at_a_time);
        }
    }
}
