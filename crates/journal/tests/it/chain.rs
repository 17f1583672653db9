use proptest::prelude::*;
use strongroom_journal::{
    Chain, ChainError, ChainName, ChainState, MAX_BODY, Record, RecordRef, What, kind, verify,
};

use crate::{SITE, sample, secret, vault, verifier};

#[test]
fn an_unharmed_chain_verifies_with_and_without_keys() {
    let (records, chain) = sample();
    let report = verify(records.clone(), verifier(ChainName::Changes)).unwrap();
    assert_eq!((report.records, report.head, report.macs), (13, chain.head(), 0));

    let seed = Chain::new(ChainName::Changes, SITE, secret(1)).unwrap().state().unwrap();
    let all = verifier(ChainName::Changes).with_state(&seed).unwrap();
    assert_eq!(verify(records.clone(), all).unwrap().macs, 13);

    let current = verifier(ChainName::Changes).with_state(&chain.state().unwrap()).unwrap();
    assert_eq!(
        verify(records, current).unwrap().macs,
        7,
        "only the current segment's key is there"
    );
}

#[test]
fn a_restored_snapshot_continues_as_if_the_rolled_back_records_never_were() {
    let (mut records, mut chain) = sample();
    let snapshot = chain.snapshot();
    let lost = chain.append(99, "bob", 1, b"rolled back".to_vec()).unwrap();
    chain.restore(snapshot).unwrap();
    assert_eq!(chain.head(), snapshot.head());
    let kept = chain.append(99, "bob", 2, b"kept".to_vec()).unwrap();
    assert_eq!(lost.seq, kept.seq);
    records.push(kept);
    verify(records, verifier(ChainName::Changes)).unwrap();
}

#[test]
fn a_snapshot_of_an_ended_segment_is_refused() {
    let (_, mut chain) = sample();
    let snapshot = chain.snapshot();
    chain.end_segment(1, "strongroom").unwrap();
    assert!(matches!(chain.restore(snapshot), Err(ChainError::OtherSegment)));
}

#[test]
fn a_chain_continues_from_its_sealed_state_and_last_record() {
    let (mut records, chain) = sample();
    let sealed = chain.state().unwrap().seal(&*vault()).unwrap();
    let state = ChainState::open(ChainName::Changes, SITE, &sealed, &*vault()).unwrap();
    let mut again = Chain::resume(&state, records.last().map(Record::as_ref).as_ref()).unwrap();
    records.push(again.append(0, "carol", 3, vec![]).unwrap());
    let report = verify(records, verifier(ChainName::Changes).with_state(&state).unwrap()).unwrap();
    assert_eq!(report.macs, 8);
}

#[test]
fn a_chain_continues_right_after_a_segment_end_whether_its_state_was_kept_or_not() {
    let (records, chain) = sample();
    let mut chain = chain;
    let before = chain.state().unwrap();
    let end = chain.end_segment(5, "strongroom").unwrap();
    let after = chain.state().unwrap();
    for state in [before, after] {
        let mut again = Chain::resume(&state, Some(&end.as_ref())).unwrap();
        assert_eq!((again.segment(), again.segment_first()), (2, end.seq + 1));
        let mut records = records.clone();
        records.push(end.clone());
        records.push(again.append(6, "dave", 4, vec![1]).unwrap());
        verify(records, verifier(ChainName::Changes)).unwrap();
    }
}

#[test]
fn a_state_ahead_of_the_records_shows_that_records_are_missing() {
    let (records, chain) = sample();
    let state = chain.state().unwrap();
    assert!(matches!(
        Chain::resume(&state, Some(&records[2].as_ref())),
        Err(ChainError::StateDoesNotFit { segment: 1, first: 7, head: 3 })
    ));
    assert!(matches!(Chain::resume(&state, None), Err(ChainError::StateDoesNotFit { .. })));
}

#[test]
fn a_last_record_with_a_changed_body_or_mac_is_not_continued() {
    let (records, chain) = sample();
    let state = chain.state().unwrap();
    let mut last = records.last().unwrap().clone();
    last.body.push(1);
    assert!(Chain::resume(&state, Some(&last.as_ref())).is_err());
    let mut last = records.last().unwrap().clone();
    last.mac[0] ^= 1;
    last.hash = last.as_ref().compute_hash(ChainName::Changes);
    assert!(Chain::resume(&state, Some(&last.as_ref())).is_err());
}

#[test]
fn a_sealed_state_opens_for_its_own_chain_and_site_and_vault_only() {
    let (_, chain) = sample();
    let sealed = chain.state().unwrap().seal(&*vault()).unwrap();
    assert!(ChainState::open(ChainName::Uses, SITE, &sealed, &*vault()).is_err());
    assert!(ChainState::open(ChainName::Changes, SITE + 1, &sealed, &*vault()).is_err());
    assert!(ChainState::open(ChainName::Changes, SITE, &sealed, &secret(9)).is_err());
}

#[test]
fn the_key_of_an_ended_segment_cannot_be_had_from_the_next() {
    let (records, chain) = sample();
    let key = chain.state().unwrap().key().unwrap();
    let old = records[2].as_ref();
    assert!(!key.verifies(&old.digest(ChainName::Changes), old.mac));
}

#[test]
fn the_two_chains_and_other_sites_never_share_a_hash() {
    let make = |name, site| {
        let mut chain = Chain::new(name, site, secret(1)).unwrap();
        chain.append(1, "a", 1, vec![1]).unwrap().hash
    };
    let hashes =
        [make(ChainName::Changes, 1), make(ChainName::Uses, 1), make(ChainName::Changes, 2)];
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2]);
}

#[test]
fn bytes_moved_between_actor_and_body_change_the_hash() {
    let (records, _) = sample();
    let row = records[0].as_ref();
    let one = RecordRef { actor: "ab", body: b"c", ..row };
    let two = RecordRef { actor: "a", body: b"bc", ..row };
    assert_ne!(one.compute_hash(ChainName::Changes), two.compute_hash(ChainName::Changes));
}

#[test]
fn over_long_and_reserved_records_are_refused_and_leave_the_chain_as_it_was() {
    let (_, mut chain) = sample();
    let head = chain.head();
    assert!(chain.append(0, "a".repeat(5000), 1, vec![]).is_err());
    assert!(chain.append(0, "a", 1, vec![0; MAX_BODY + 1]).is_err());
    assert!(matches!(
        chain.append(0, "a", kind::SEGMENT_END, vec![]),
        Err(ChainError::ReservedKind(_))
    ));
    assert_eq!(chain.head(), head);
}

#[test]
fn the_hash_of_a_known_record_never_changes() {
    // Rows live for decades; this pins the format.
    let mut chain = Chain::new(ChainName::Changes, 1, secret(7)).unwrap();
    let record = chain.append(0x0102, "alice", 5, b"body".to_vec()).unwrap();
    let hex: String = record.hash.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "647f82b02bcb7d7155d65002e1456c09702bfce949fea612f353d532decca3aa");
}

#[test]
fn nothing_secret_is_printed() {
    let (_, chain) = sample();
    let text = format!(
        "{chain:?} {:?} {:?}",
        chain.state().unwrap(),
        chain.state().unwrap().key().unwrap()
    );
    assert!(!text.contains("01, 01") && !text.contains("0101"));
}

proptest! {
    #[test]
    fn any_record_survives_its_byte_form(
        hlc: u64, actor in "\\PC{0,40}", kind in 1u16..200, body in proptest::collection::vec(any::<u8>(), 0..300)
    ) {
        let mut chain = Chain::new(ChainName::Uses, SITE, secret(3)).unwrap();
        let record = chain.append(hlc, actor, kind, body).unwrap();
        let mut bytes = Vec::new();
        record.as_ref().encode(&mut bytes);
        prop_assert_eq!(bytes.len(), record.as_ref().encoded_len());
        prop_assert_eq!(RecordRef::decode(&bytes).unwrap().to_record(), record);
        for cut in 0..bytes.len() {
            prop_assert!(RecordRef::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = RecordRef::decode(&bytes);
    }

    #[test]
    fn rolling_back_any_run_of_savepoints_keeps_the_chain_whole(
        steps in proptest::collection::vec((0u8..5, 0usize..4), 1..60)
    ) {
        let mut chain = Chain::new(ChainName::Changes, SITE, secret(4)).unwrap();
        let mut kept: Vec<Record> = Vec::new();
        for (step, n) in steps {
            match step {
                0..=2 => kept.push(chain.append(1, "x", 1, vec![step; n]).unwrap()),
                3 => {
                    let savepoint = chain.snapshot();
                    for i in 0..n {
                        chain.append(2, "y", 2, vec![i as u8]).unwrap();
                    }
                    chain.restore(savepoint).unwrap();
                }
                _ => kept.push(chain.end_segment(3, "z").unwrap()),
            }
        }
        let seed = Chain::new(ChainName::Changes, SITE, secret(4)).unwrap().state().unwrap();
        let report = verify(kept.clone(), verifier(ChainName::Changes).with_state(&seed).unwrap()).unwrap();
        prop_assert_eq!(report.records as usize, kept.len());
        prop_assert_eq!(report.macs as usize, kept.len());
        if kept.len() > 1 {
            kept.remove(kept.len() / 2);
            let fault = verify(kept, verifier(ChainName::Changes).with_anchors([chain.head()])).unwrap_err();
            let found = matches!(fault.what, What::Missing { .. } | What::Truncated { .. });
            prop_assert!(found, "{}", fault);
        }
    }
}
