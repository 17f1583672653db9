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
}
