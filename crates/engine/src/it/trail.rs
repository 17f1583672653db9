//! Looking the audit up.

use strongroom_kmip::Operation;

use super::Bench;
use crate::AuditFilter;

#[test]
fn every_entry_is_found_by_its_chain_and_number_and_no_other() {
    let bench = Bench::new();
    let id = bench.create("looked up").unwrap();
    for _ in 0..10 {
        bench.by_id(Operation::GET, &id).unwrap();
    }
    let all = bench.engine.audit_tail(1000, &AuditFilter::default()).unwrap();
    assert!(all.len() > 12);
    for entry in &all {
        let found = bench.engine.audit_entry(entry.chain, entry.seq).unwrap();
        assert_eq!(found.as_ref(), Some(entry));
    }
    for (chain, seq) in [("uses", 0), ("uses", 1000), ("changes", 0), ("changes", 1000), ("x", 1)] {
        assert_eq!(bench.engine.audit_entry(chain, seq).unwrap(), None, "{chain}:{seq}");
    }
}

#[test]
fn verifying_compares_the_state_with_what_the_changes_come_to() {
    let bench = Bench::new();
    let kept = bench.create("kept").unwrap();
    let gone = bench.create("gone").unwrap();
    bench.engine.audit_verify().unwrap();
    let database = rusqlite::Connection::open(bench.dir.path().join("store.db")).unwrap();
    assert_eq!(database.execute("DELETE FROM objects WHERE id = ?1", [&gone]).unwrap(), 1);
    let fault = bench.engine.audit_verify().unwrap_err();
    assert_eq!(fault.chain, "changes");
    assert!(fault.fault.contains("the state is not what the journal says"), "{fault}");
    assert!(fault.fault.contains(&gone) && !fault.fault.contains(&kept), "{fault}");
    // The journal itself holds to its end, and the other chain is checked all the same.
    let last = bench.engine.status().changes.0;
    assert_eq!((fault.seq, fault.held), (None, Some((1, last))));
    assert!(bench.engine.audit_verify_chains(&[]).1.is_ok());
}

#[test]
fn verifying_says_which_records_hold_before_the_fault() {
    let bench = Bench::new();
    for name in ["one", "two", "three"] {
        bench.create(name).unwrap();
    }
    let last = bench.engine.status().changes.0;
    let database = rusqlite::Connection::open(bench.dir.path().join("store.db")).unwrap();
    let edit = "UPDATE journal SET actor = 'nobody' WHERE seq = ?1";
    assert_eq!(database.execute(edit, [last as i64 - 1]).unwrap(), 1);
    let (changes, uses) = bench.engine.audit_verify_chains(&[]);
    let fault = changes.unwrap_err();
    assert_eq!((fault.seq, fault.held), (Some(last - 1), Some((1, last - 2))), "{fault}");
    assert!(uses.is_ok());
    database.execute("DELETE FROM journal WHERE seq = 1", []).unwrap();
    let fault = bench.engine.audit_verify().unwrap_err();
    assert_eq!((fault.seq, fault.held), (Some(1), None), "{fault}");
}
