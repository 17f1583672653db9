//! Journal segments: the key moves on, and what it sealed before cannot be made again.

use strongroom_journal::kind::SEGMENT_END;
use strongroom_journal::{ChainName, Start, Verifier, verify};
use strongroom_store::Options;

use crate::support::{Place, apply, create, hold, later};

fn short(place: &Place) -> Options {
    Options { segment_records: 10, ..place.options() }
}

#[test]
fn segments_end_when_they_are_full_and_the_chain_goes_on() {
    let place = Place::new();
    let store = place.open_with(short(&place));
    let first_state = store.chain_state().unwrap();
    for n in 0..35 {
        apply(&store, vec![create(&format!("k{n}"))]).unwrap();
    }
    let records = store.read(|tx| tx.journal(1, 1, 99)).unwrap();
    let ends: Vec<u64> = records.iter().filter(|r| r.kind == SEGMENT_END).map(|r| r.seq).collect();
    assert_eq!(ends, [11, 22, 33]);
    assert_eq!(store.head().seq, records.len() as u64);
    let state = store.chain_state().unwrap();
    assert_eq!((state.segment(), state.first()), (3, 34));
    assert!(store.verify(vec![store.head()]).unwrap().is_sound());

    // Who was given the first key can check every MAC; the server itself only the last ones.
    let verifier = || Verifier::new(ChainName::Changes, 1, Start::genesis(ChainName::Changes, 1));
    let all = verify(records.clone(), verifier().with_state(&first_state).unwrap()).unwrap();
    assert_eq!(all.macs, records.len() as u64);
    let last = verify(records.clone(), verifier().with_state(&state).unwrap()).unwrap();
    assert_eq!(last.macs, records.len() as u64 - 33);
}

#[test]
fn a_store_opens_again_wherever_its_segment_stands() {
    let place = Place::new();
    let mut made = 0;
    for _ in 0..8 {
        let store = place.open_with(short(&place));
        for _ in 0..4 {
            apply(&store, vec![create(&format!("k{made}"))]).unwrap();
            made += 1;
        }
        assert!(store.verify(vec![store.head()]).unwrap().is_sound());
    }
}

#[test]
fn a_batch_longer_than_a_segment_ends_it_once() {
    let place = Place::new();
    let store = place.open_with(short(&place));
    let release = hold(&store);
    let outcomes: Vec<_> = (0..50)
        .map(|n| later(&store, move |tx| crate::support::append(tx, &create(&format!("k{n}")))))
        .collect();
    drop(release);
    for outcome in outcomes {
        outcome.recv().unwrap().unwrap();
    }
    apply(&store, vec![create("after")]).unwrap();
    assert_eq!(store.chain_state().unwrap().segment(), 1);
    assert_eq!(store.head().seq, 52);
    assert!(store.verify(vec![store.head()]).unwrap().is_sound());
}

/// The key of the current segment as it lies in the store, sealed.
fn sealed_key(place: &Place) -> Vec<u8> {
    let intruder = place.intruder();
    let mut rows = intruder.prepare("SELECT value FROM meta WHERE key = 'chain-state'").unwrap();
    rows.query_row([], |row| row.get(0)).unwrap()
}

fn on_disk(place: &Place, bytes: &[u8]) -> bool {
    std::fs::read_dir(place.dir()).unwrap().any(|entry| {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        file.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// A segment ends, and its key is erased, behind the commit that filled it.
fn soon(what: &str, holds: impl Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn the_key_of_a_segment_that_ended_is_on_no_disk_any_more() {
    let place = Place::new();
    let store = place.open_with(short(&place));
    apply(&store, vec![create("first")]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let old = sealed_key(&place);
    assert!(on_disk(&place, &old));
    for n in 0..12 {
        apply(&store, vec![create(&format!("k{n}"))]).unwrap();
    }
    assert_ne!(sealed_key(&place), old);
    soon("the old key lies there yet", || !on_disk(&place, &old));

    // A reader keeps the log from being emptied, and nobody waits for it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let old = sealed_key(&place);
    let reader = place.intruder();
    reader.execute_batch("BEGIN; SELECT count(*) FROM journal").unwrap();
    let begun = std::time::Instant::now();
    for n in 0..12 {
        apply(&store, vec![create(&format!("l{n}"))]).unwrap();
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_ne!(sealed_key(&place), old);
    assert!(on_disk(&place, &old), "the reader was not in the way");
    reader.execute_batch("COMMIT").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    apply(&store, vec![create("later")]).unwrap();
    soon("the old key lies there yet", || !on_disk(&place, &old));
    assert!(store.verify(vec![store.head()]).unwrap().is_sound());
}
