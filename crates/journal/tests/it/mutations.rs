//! Every class of damage, at every record and byte, is found and located.

use strongroom_journal::{ChainName, Fault, Record, RecordRef, What, verify};

use crate::{sample, secret, verifier};

fn fault(records: Vec<Record>) -> Fault {
    let (_, chain) = sample();
    verify(records, verifier(ChainName::Changes).with_anchors([chain.head()])).unwrap_err()
}

#[test]
fn every_changed_byte_of_every_record_is_found_at_that_record_without_keys() {
    let (records, _) = sample();
    for (i, record) in records.iter().enumerate() {
        let mut bytes = Vec::new();
        record.as_ref().encode(&mut bytes);
        for at in 0..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut bytes = bytes.clone();
                bytes[at] ^= bit;
                // Bytes that no longer read as a record are the reader's to report.
                let Ok(row) = RecordRef::decode(&bytes) else { continue };
                let mut changed = records.clone();
                changed[i] = row.to_record();
                let fault = fault(changed);
                assert_eq!((fault.seq, fault.what), (i as u64 + 1, What::Edited), "byte {at}");
            }
        }
    }
}

#[test]
fn every_removed_record_is_found_at_its_place() {
    let (records, _) = sample();
    for i in 0..records.len() {
        let mut left = records.clone();
        left.remove(i);
        let seq = i as u64 + 1;
        let expected = match i {
            12 => What::Truncated { end: 12, known: 13 },
            _ => What::Missing { through: seq },
        };
        assert_eq!(fault(left), Fault { seq, what: expected });
    }
}

#[test]
fn every_removed_run_of_records_is_found_with_its_length() {
    let (records, _) = sample();
    for from in 0..12 {
        for to in from + 1..13 {
            let left = [&records[..from], &records[to..]].concat();
            assert_eq!(
                fault(left),
                Fault { seq: from as u64 + 1, what: What::Missing { through: to as u64 } }
            );
        }
    }
}

#[test]
fn every_swap_of_two_records_is_found_at_the_first_of_them() {
    let (records, _) = sample();
    for a in 0..13 {
        for b in a + 1..13 {
            let mut swapped = records.clone();
            swapped.swap(a, b);
            let expected = What::OutOfOrder { found: b as u64 + 1 };
            assert_eq!(fault(swapped), Fault { seq: a as u64 + 1, what: expected });
        }
    }
}

#[test]
fn every_repeated_record_is_found_where_the_copy_stands() {
    let (records, _) = sample();
    for of in 0..13 {
        for at in of + 1..=13 {
            let mut doubled = records.clone();
            doubled.insert(at, records[of].clone());
            let expected = What::Duplicate { of: of as u64 + 1 };
            assert_eq!(fault(doubled), Fault { seq: at as u64 + 1, what: expected });
        }
    }
}

#[test]
fn every_truncation_is_found_by_an_anchor_and_of_whole_segments_by_the_state() {
    let (records, chain) = sample();
    for end in 0..13 {
        let cut = records[..end].to_vec();
        let expected = What::Truncated { end: end as u64, known: 13 };
        assert_eq!(fault(cut.clone()), Fault { seq: end as u64 + 1, what: expected });

        let by_state =
            verify(cut, verifier(ChainName::Changes).with_state(&chain.state().unwrap()).unwrap());
        assert_eq!(by_state.is_err(), end < 6, "the state says that records 1 to 6 existed");
    }
}

/// Someone who has the store but no key rewrites record `i` and relinks all that follow.
fn rebuilt(records: &[Record], i: usize) -> Vec<Record> {
    let mut records = records.to_vec();
    records[i].actor = "mallory".into();
    for at in i..records.len() {
        if at > i {
            records[at].prev = records[at - 1].hash;
        }
        records[at].hash = records[at].as_ref().compute_hash(ChainName::Changes);
    }
    records
}

#[test]
fn a_record_replaced_with_a_right_hash_is_found_at_the_next_one() {
    let (records, _) = sample();
    for i in 0..12 {
        let mut replaced = records.clone();
        replaced[i] = rebuilt(&records, i)[i].clone();
        assert_eq!(fault(replaced), Fault { seq: i as u64 + 2, what: What::DoesNotFollow });
    }
}

#[test]
fn a_rebuilt_chain_is_found_by_any_anchor_behind_it_and_by_the_keys_at_the_very_record() {
    let (records, chain) = sample();
    let seed = {
        let chain =
            strongroom_journal::Chain::new(ChainName::Changes, crate::SITE, secret(1)).unwrap();
        chain.state().unwrap()
    };
    for i in 0..13 {
        let rebuilt = rebuilt(&records, i);
        assert_eq!(fault(rebuilt.clone()), Fault { seq: 13, what: What::NotAsAnchored });
        let all_keys = verifier(ChainName::Changes).with_state(&seed).unwrap();
        let found = verify(rebuilt.clone(), all_keys).unwrap_err();
        assert_eq!(found, Fault { seq: i as u64 + 1, what: What::WrongMac });
        let current = verifier(ChainName::Changes).with_state(&chain.state().unwrap()).unwrap();
        let found = verify(rebuilt, current).unwrap_err();
        assert_eq!(found, Fault { seq: (i as u64 + 1).max(7), what: What::WrongMac });
    }
}

#[test]
fn records_of_another_site_are_named() {
    let (records, _) = sample();
    let mut foreign = records.clone();
    foreign[3].site = 8;
    foreign[3].hash = foreign[3].as_ref().compute_hash(ChainName::Changes);
    assert_eq!(fault(foreign), Fault { seq: 4, what: What::OtherSite(8) });
}
