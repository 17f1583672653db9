//! Retention: compressed, forwarded, anchored, deleted, and verified from where it was deleted.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_journal::faults::{Call, FaultyFiles, Injected};
use strongroom_journal::files::OsFiles;
use strongroom_kmip::Operation;

use super::Bench;
use super::backup::House;
use crate::machine::Machine;
use crate::{
    AuditFilter, Caller, Engine, EngineConfig, EngineError, Fate, Forwarded, Retention,
    SEGMENT_DELETED, anchors_in, verify_files,
};

const DAY_MS: i64 = 86_400_000;

fn bench(machine: Machine, anchors: &Path) -> Bench {
    Bench::on_machine(machine, |config| configure(config, anchors))
}

fn configure(config: &mut EngineConfig, anchors: &Path) {
    config.segment_bytes = 4000;
    config.retention = Retention { keep_days: 30, ..Retention::default() };
    config.anchors_path = Some(anchors.to_owned());
}

/// Uses over several segments, with the heads signed behind them. Gives the key that was used.
fn uses(bench: &Bench) -> String {
    let id = bench.create(&format!("key {}", uuid::Uuid::new_v4())).unwrap();
    for _ in 0..60 {
        bench.by_id(Operation::GET, &id).unwrap();
    }
    bench.engine.sign_heads().unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    bench.engine.sign_heads().unwrap();
    settle(&bench.engine);
    id
}

/// The flusher keeps a new segment's key right behind its flush.
fn settle(engine: &Engine) {
    let count = || engine.inner.unsealed().unwrap().uses().sealed().unwrap().len() as u64;
    let segment = || engine.inner.unsealed().unwrap().uses_status().segment;
    let files = || fs::read_dir(engine.config().data_dir.join("audit")).unwrap().count() as u64;
    for _ in 0..2000 {
        if count() + 3 >= files() || count() == segment() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{} sealed of {} files", count(), files());
}

fn later(bench: &Bench, days: i64) -> i64 {
    bench.engine.inner.stamp_ms() + days * DAY_MS
}

fn segments(bench: &Bench) -> Vec<PathBuf> {
    let entries = fs::read_dir(bench.dir.path().join("audit")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|p| p.extension().is_some_and(|e| e == "seg" || e == "segz")).collect();
    paths.sort();
    paths
}

fn deletions(bench: &Bench) -> Vec<String> {
    let filter = AuditFilter { action: Some(SEGMENT_DELETED.to_owned()), ..AuditFilter::default() };
    bench.engine.audit_tail(100, &filter).unwrap().into_iter().map(|e| e.detail).collect()
}

#[test]
fn what_is_forwarded_and_anchored_is_deleted_by_age_and_the_rest_verifies() {
    let kept = tempfile::tempdir().unwrap();
    let anchors = kept.path().join("anchors");
    let bench = bench(Machine::default(), &anchors);
    let id = uses(&bench);
    let everything = bench.engine.status().uses.unwrap().0;
    let plain = segments(&bench).len();
    assert!(plain > 4, "{plain} segments");

    // Nothing is old yet: it is compressed.
    let now_ms = later(&bench, 1);
    let done = bench.engine.retain(&Caller::server(), Forwarded::UpTo(everything), now_ms).unwrap();
    assert_eq!((done.deleted, done.compressed > 3), (0, true), "{done:?}");
    bench.engine.audit_verify().unwrap();
    let filter = AuditFilter { object: Some(id.clone()), ..AuditFilter::default() };
    assert!(bench.engine.audit_entries(filter).unwrap().filter(|e| e.is_ok()).count() > 60);

    // Old, and not confirmed: it stays. As far as it is confirmed it goes.
    let now_ms = later(&bench, 31);
    let unconfirmed = bench.engine.retention(Forwarded::UpTo(0), now_ms).unwrap();
    assert!(unconfirmed.iter().all(|s| matches!(s.fate, Fate::Waits { .. })), "{unconfirmed:?}");
    let third = unconfirmed[2].last;
    let part = Forwarded::UpTo(third);
    let would = bench.engine.retention(part, now_ms).unwrap();
    assert_eq!(would.iter().filter(|s| matches!(s.fate, Fate::Deleted(_))).count(), 3);
    let done = bench.engine.retain(&super::caller("sam"), part, now_ms).unwrap();
    assert_eq!((done.deleted, done.records), (3, Some((1, third))));
    assert!(done.freed > 0);
    let told = deletions(&bench);
    assert!(told[0].contains(&format!("records 1 to {third} of uses, audit.keep_days = 30")));
    assert_eq!(bench.engine.uses_deleted_through(), Some(third));

    // All of it still holds: here, after a restart, with every anchor, and of the files alone.
    let report = bench.engine.audit_verify().unwrap();
    assert_eq!(report.uses.1.seq - report.uses.0, third);
    assert_eq!(bench.engine.audit_entry("uses", third).unwrap(), None);
    assert!(bench.engine.audit_entry("uses", third + 1).unwrap().is_some());
    let bench = bench.restart();
    assert_eq!(bench.engine.status().uses_missing, None);
    let text = fs::read_to_string(&anchors).unwrap();
    let heads: Vec<_> = anchors_in(&text).into_iter().map(|(_, head)| head.unwrap()).collect();
    let key = bench.engine.audit_public_key().unwrap();
    assert!(heads.iter().all(|head| head.verify(&key).is_ok()));
    assert!(heads.iter().any(|head| head.head.seq == third));
    bench.engine.audit_verify_against(&heads).unwrap();
    assert_eq!(bench.engine.unmet_anchors(&heads).unwrap(), []);
    bench.engine.stop();
    let files = verify_files(bench.dir.path(), &heads).unwrap();
    assert!(files.faults.is_empty() && files.unmet.is_empty(), "{files:?}");

    // A segment that nobody recorded to be deleted is missed, by name.
    fs::remove_file(&segments(&bench)[0]).unwrap();
    let files = verify_files(bench.dir.path(), &[]).unwrap();
    assert_eq!(files.faults[0].seq, Some(third + 1), "{:?}", files.faults);
    let bench = bench.start();
    assert_eq!(bench.engine.audit_verify().unwrap_err().seq, Some(third + 1));
}

#[test]
fn without_retention_a_missing_first_segment_is_found() {
    let kept = tempfile::tempdir().unwrap();
    let bench = bench(Machine::default(), &kept.path().join("anchors"));
    uses(&bench);
    bench.engine.audit_verify().unwrap();
    fs::remove_file(&segments(&bench)[0]).unwrap();
    assert_eq!(bench.engine.audit_verify().unwrap_err().seq, Some(1));
}

#[test]
fn a_file_that_is_missing_does_not_pass_for_a_deletion() {
    for missing in [0, 2] {
        let kept = tempfile::tempdir().unwrap();
        let bench = bench(Machine::default(), &kept.path().join("anchors"));
        uses(&bench);
        let now_ms = later(&bench, 31);
        let fates = bench.engine.retention(Forwarded::Nowhere, now_ms).unwrap();
        fs::remove_file(&segments(&bench)[missing]).unwrap();
        // What is only tried is refused as the real thing is.
        for engine in [&bench.engine.rehearsal().0, &bench.engine] {
            let refused = engine.retain(&Caller::server(), Forwarded::Nowhere, now_ms);
            assert!(matches!(refused, Err(EngineError::Audit(_))), "{refused:?}");
        }
        assert_eq!(bench.engine.uses_deleted_through(), None);
        let fault = bench.engine.audit_verify().unwrap_err();
        assert_eq!(fault.seq, Some(fates[missing].first));
    }
}

#[test]
fn nothing_is_deleted_under_an_alarm_of_the_clock_or_without_a_second_path() {
    let kept = tempfile::tempdir().unwrap();
    let bench = bench(Machine::default(), &kept.path().join("anchors"));
    uses(&bench);
    let everything = Forwarded::UpTo(bench.engine.status().uses.unwrap().0);
    bench.engine.inner.move_clock(40 * DAY_MS);
    assert!(bench.engine.status().clock_alarm.is_some());
    let done = bench.engine.retain(&Caller::server(), everything, later(&bench, 40)).unwrap();
    assert_eq!(done.deleted, 0);

    let bench = Bench::with(|config| {
        config.segment_bytes = 4000;
        config.retention = Retention { keep_days: 30, ..Retention::default() };
    });
    uses(&bench);
    let now_ms = later(&bench, 40);
    let done = bench.engine.retain(&Caller::server(), Forwarded::Nowhere, now_ms).unwrap();
    assert_eq!(done.deleted, 0);
    // A destination is a second path once it has the signed head itself.
    let (covered, told) = bench.engine.inner.signed.anchored();
    assert!(covered < told);
    let first = bench.engine.retention(Forwarded::UpTo(told - 1), now_ms).unwrap();
    assert!(matches!(first[0].fate, Fate::Waits { .. }), "{first:?}");
    let done = bench.engine.retain(&Caller::server(), Forwarded::UpTo(told), now_ms).unwrap();
    assert!(done.deleted > 3, "{done:?}");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_round_that_is_cut_off_anywhere_verifies_and_the_next_one_ends_it() {
    let mut cut = 0;
    for call in [Call::Create, Call::Rename, Call::Remove, Call::SyncDir] {
        for nth in [0, 1, 4] {
            let kept = tempfile::tempdir().unwrap();
            let files = Arc::new(FaultyFiles::new(Arc::new(OsFiles)));
            let machine = Machine { files: files.clone(), ..Machine::default() };
            let bench = bench(machine, &kept.path().join("anchors"));
            uses(&bench);
            let all = Forwarded::UpTo(bench.engine.status().uses.unwrap().0);
            let now_ms = later(&bench, 31);
            files.inject(call, nth, Injected::Errno(5));
            let result = bench.engine.retain(&Caller::server(), all, now_ms);
            cut += u32::from(matches!(result, Err(EngineError::Audit(_))));
            bench.engine.audit_verify().unwrap();
            let bench = bench.restart();
            bench.engine.audit_verify().unwrap();
            settle(&bench.engine);
            bench.engine.sign_heads().unwrap();
            let all = Forwarded::UpTo(bench.engine.status().uses.unwrap().0);
            bench.engine.retain(&Caller::server(), all, now_ms).unwrap();
            let through = bench.engine.uses_deleted_through().unwrap();
            let report = bench.engine.audit_verify().unwrap();
            assert_eq!(report.uses.1.seq - report.uses.0, through, "{call:?} {nth}");
        }
    }
    assert!(cut >= 6, "only {cut} rounds were cut off");
}

#[test]
fn a_backup_of_a_compressed_and_shortened_audit_is_whole() {
    let kept = tempfile::tempdir().unwrap();
    let house = House::with(|config| configure(config, &kept.path().join("anchors")));
    let bench = &house.bench;
    uses(bench);
    let now_ms = later(bench, 31);
    let sealed = bench.engine.retention(Forwarded::Nowhere, now_ms).unwrap();
    bench.engine.retain(&Caller::server(), Forwarded::UpTo(sealed[1].last), now_ms).unwrap();
    // While it is being written the audit goes on being shortened.
    let file = kept.path().join("backup");
    let backup = bench.engine.backup(&Caller::server(), &[]).unwrap();
    bench.engine.sign_heads().unwrap();
    let all = Forwarded::UpTo(bench.engine.status().uses.unwrap().0);
    assert!(bench.engine.retain(&Caller::server(), all, now_ms).unwrap().deleted > 0);
    let bytes: Vec<Vec<u8>> = backup.map(|piece| piece.unwrap().to_vec()).collect();
    fs::write(&file, bytes.concat()).unwrap();
    house.verify(&file).unwrap();
    let restored = house.restored(&file);
    assert_eq!(restored.engine.uses_deleted_through(), Some(sealed[1].last));
    restored.engine.audit_verify().unwrap();
}
