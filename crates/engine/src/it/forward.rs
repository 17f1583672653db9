//! The audit on its way out: events, exports, and verification of files alone.

use std::fs;
use std::sync::Arc;

use strongroom_journal::{ChainName, SignedHead};
use strongroom_kmip::Operation;
use strongroom_siem::{Device, Event, Outcome};

use super::Bench;
use crate::{AuditFilter, anchors_in, verify_files};

fn events(bench: &Bench) -> Vec<Event> {
    let device = Arc::new(Device::new("km1", "Strongroom", "Key Manager", "1"));
    let sources = bench.engine.audit_sources(&device);
    let read = |source: &Arc<dyn strongroom_siem::Source>| {
        let events: Vec<Event> = source.events(1).unwrap().map(Result::unwrap).collect();
        assert_eq!(events.last().map_or(0, |e| e.seq), source.head().unwrap());
        events
    };
    sources.iter().flat_map(read).collect()
}

fn some_activity(bench: &Bench) -> Vec<SignedHead> {
    let id = bench.create("one").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    bench.by_id(Operation::GET, "no-such-object").unwrap_err();
    let heads = bench.engine.sign_heads().unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    // What was signed last signs the heads before it too.
    let mut all = heads;
    all.append(&mut bench.engine.sign_heads().unwrap());
    all
}

#[test]
fn the_events_of_both_chains_are_the_audit_and_their_ids_stay_the_same() {
    let bench = Bench::new();
    let heads = some_activity(&bench);
    // An export flushes what it then tells of.
    let entries: Vec<_> =
        bench.engine.audit_entries(AuditFilter::default()).unwrap().map(Result::unwrap).collect();
    let all = events(&bench);
    assert_eq!(all.len(), entries.len());
    for entry in &entries {
        let event = all.iter().find(|e| e.chain == entry.chain && e.seq == entry.seq).unwrap();
        assert_eq!((&event.user, &event.action), (&entry.user, &entry.action));
        assert_eq!((event.time_ms, event.hash), (entry.time_ms, entry.hash));
    }
    assert!(entries.windows(2).all(|w| w[0].time_ms <= w[1].time_ms));
    let refused = all.iter().find(|e| e.kind == "refusal").unwrap();
    assert_eq!((refused.outcome, refused.reason.as_str()), (Outcome::Failure, "Object Not Found"));
    let anchors: Vec<&Event> = all.iter().filter(|e| e.action == "anchor").collect();
    assert_eq!(anchors.len(), heads.len());
    for (event, head) in anchors.iter().zip(&heads) {
        assert_eq!(event.detail, [("anchor".to_owned(), head.to_string())]);
    }
    let ids: Vec<String> = all.iter().map(|e| e.id.clone()).collect();
    let again = bench.restart();
    assert_eq!(events(&again).iter().filter(|e| ids.contains(&e.id)).count(), ids.len());
}

#[test]
fn an_export_gives_what_its_filter_wants() {
    let bench = Bench::new();
    some_activity(&bench);
    let export = |filter| -> Vec<_> {
        bench.engine.audit_entries(filter).unwrap().map(Result::unwrap).collect()
    };
    let gets = export(AuditFilter { action: Some("get".into()), ..AuditFilter::default() });
    assert!(gets.len() >= 3 && gets.iter().all(|e| e.action == "Get"));
    let alice = export(AuditFilter { user: Some("alice".into()), ..AuditFilter::default() });
    assert!(!alice.is_empty() && alice.iter().all(|e| e.user == "alice"));
    let none = export(AuditFilter { until_ms: Some(1), ..AuditFilter::default() });
    assert!(none.is_empty());
}

#[test]
fn a_sealed_key_manager_tells_nothing_and_a_reader_does_not_keep_it_open() {
    let bench = Bench::new();
    some_activity(&bench);
    let device = Arc::new(Device::default());
    let sources = bench.engine.audit_sources(&device);
    let mut held = sources[1].events(1).unwrap();
    held.next().unwrap().unwrap();
    bench.engine.seal(&crate::Caller::server()).unwrap();
    assert!(sources.iter().all(|s| s.head().is_err() && s.events(1).is_err()));
    assert!(bench.engine.audit_entries(AuditFilter::default()).is_err());
    // The worker that hangs with its place in the chain does not keep the directory locked.
    bench.restart();
    drop(held);
}

#[test]
fn anchors_are_found_in_whatever_a_collector_made_of_them() {
    let bench = Bench::new();
    let heads = some_activity(&bench);
    let key = bench.engine.audit_public_key().unwrap();
    let device = Arc::new(Device::new("km1", "Strongroom", "Key Manager", "1"));
    for format in ["json", "ocsf", "rfc5424", "cef", "leef", "leef2-tab"] {
        let style = strongroom_siem::Style::new(strongroom_siem::Format::by_name(format).unwrap());
        let entries = bench.engine.audit_entries(AuditFilter::default()).unwrap();
        let lines: Vec<String> =
            entries.map(|e| style.render(&crate::siem_event(&device, e.unwrap()), None)).collect();
        let found: Vec<SignedHead> = anchors_in(&lines.join("\n"))
            .into_iter()
            .map(|(line, a)| a.unwrap_or_else(|e| panic!("{format} {e}: {}", lines[line - 1])))
            .collect();
        assert_eq!(found, heads, "{format}");
        assert!(found.iter().all(|head| head.verify(&key).is_ok()), "{format}");
    }
    let broken = anchors_in("x\nstrongroom-anchor-1 chain=uses site=");
    assert!(matches!(broken.as_slice(), [(2, Err(_))]));
}

/// A stopped key manager's files, and the anchors.
fn stopped() -> (Bench, Vec<SignedHead>) {
    let bench = Bench::new();
    let heads = some_activity(&bench);
    bench.engine.stop();
    (bench, heads)
}

#[test]
fn files_alone_verify_and_every_mutation_of_them_is_found() {
    let (bench, heads) = stopped();
    let dir = bench.dir.path();
    let report = verify_files(dir, &heads).unwrap();
    assert!(report.faults.is_empty() && report.unmet.is_empty(), "{report:?}");
    assert!(report.changes.0 > 0 && report.uses.0 > 5);

    // The chain of changes, in the database.
    let sql = |text: &str| {
        let database = rusqlite::Connection::open(dir.join("store.db")).unwrap();
        database.execute_batch(text).unwrap();
    };
    let last = report.changes.1.seq;
    let saved = dir.join("saved");
    sql(&format!("VACUUM INTO '{}'", saved.display()));
    let restore = || {
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            let _ = fs::remove_file(dir.join(name));
        }
        fs::copy(&saved, dir.join("store.db")).unwrap();
    };
    for (mutation, anchors) in [
        ("UPDATE journal SET actor = 'mallory' WHERE seq = 2".to_owned(), &[][..]),
        ("UPDATE journal SET body = zeroblob(length(body)) WHERE seq = 2".to_owned(), &[]),
        ("DELETE FROM journal WHERE seq = 2".to_owned(), &[]),
        (
            "UPDATE journal SET seq = 900 WHERE seq = 2; UPDATE journal SET seq = 2 WHERE seq = 3; \
             UPDATE journal SET seq = 3 WHERE seq = 900"
                .to_owned(),
            &[],
        ),
        // Only what was kept elsewhere shows that the end is missing.
        (format!("DELETE FROM journal WHERE seq >= {}", last - 1), &heads),
    ] {
        sql(&mutation);
        let report = verify_files(dir, anchors).unwrap();
        assert_eq!(report.faults.first().map(|f| f.chain), Some("changes"), "{mutation}");
        assert_eq!(report.unmet.is_empty(), anchors.is_empty(), "{mutation}");
        restore();
    }
    assert!(verify_files(dir, &heads).unwrap().faults.is_empty());

    // The chain of uses, in its file: every byte of it counts.
    let segment = dir.join("audit/uses-00000000000000000001.seg");
    let whole = fs::read(&segment).unwrap();
    let step = (whole.len() / 199).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&segment, &bytes).unwrap();
        let report = verify_files(dir, &heads).unwrap();
        assert!(!report.faults.is_empty(), "byte {at} of {}", whole.len());
    }
    // Cut at the end of a record, the file is whole in itself: anchors show it.
    let mut shown = 0;
    for end in (whole.len() / 4)..whole.len() - 1 {
        fs::write(&segment, &whole[..end]).unwrap();
        let bare = verify_files(dir, &[]).unwrap();
        let anchored = heads.iter().filter(|h| h.chain == ChainName::Uses);
        let anchored = anchored.map(|h| h.head.seq).max().unwrap();
        // What came after the last anchor has no witness.
        if bare.faults.is_empty() && bare.uses.1.seq < anchored {
            let report = verify_files(dir, &heads).unwrap();
            assert_eq!(report.faults.first().map(|f| f.chain), Some("uses"), "{end}");
            assert!(!report.unmet.is_empty());
            shown += 1;
        }
        if shown == 2 {
            break;
        }
    }
    assert!(shown > 0, "no cut was clean");
    // A rebuilt chain has right hashes and not the anchored ones.
    fs::write(&segment, &whole).unwrap();
    let mut forged = heads.clone();
    forged[0].head.hash[0] ^= 1;
    let report = verify_files(dir, &forged).unwrap();
    assert_eq!(report.unmet.len(), 1);
    assert_eq!(report.unmet[0].anchor, forged[0]);
}
