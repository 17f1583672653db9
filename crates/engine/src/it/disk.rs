//! A full disk: nothing is answered, what frees space works, and it ends by itself.

use std::sync::Arc;

use strongroom_journal::faults::{Call, FaultyFiles, Injected};
use strongroom_journal::files::OsFiles;
use strongroom_kmip::{Operation, ResultReason};

use super::Bench;
use crate::machine::Machine;
use crate::{AuditFilter, Caller, DiskLimits, DiskState, Engine, EngineError, Event};

const MIB: u64 = 1 << 20;
const LIMITS: DiskLimits = DiskLimits { reserve: 2 * MIB, floor: MIB, low: 10 * MIB };
const FULL: Result<String, ResultReason> = Err(ResultReason::SERVER_LIMIT_EXCEEDED);

fn bench(machine: &Machine) -> Bench {
    let bench = Bench::on_machine(machine.clone(), |config| config.disk = LIMITS);
    // The first look makes the reserve.
    bench.engine.watch_disk();
    bench
}

/// What is free, as far as the engine can tell.
fn free(machine: &Machine, bytes: u64) {
    *machine.space.said.lock() = Some(bytes);
}

fn state(engine: &Engine) -> DiskState {
    engine.status().disks.iter().map(|d| d.state).max().unwrap()
}

fn events(bench: &Bench) -> Vec<(String, String)> {
    let filter = AuditFilter { user: Some("server".to_owned()), ..AuditFilter::default() };
    let entries = bench.engine.audit_tail(1000, &filter).unwrap();
    let of_disk =
        entries.into_iter().filter(|e| e.action.contains("disk") || e.action.contains("full"));
    of_disk.map(|e| (e.action, e.detail)).collect()
}

fn names(bench: &Bench) -> Vec<String> {
    events(bench).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn on_a_full_disk_changes_and_uses_are_refused_until_there_is_room_again() {
    let machine = Machine::default();
    let bench = bench(&machine);
    let id = bench.create("before").unwrap();
    let reserve = bench.dir.path().join("disk-reserve");
    assert_eq!(reserve.metadata().unwrap().len(), LIMITS.reserve);

    free(&machine, LIMITS.floor - 1);
    bench.engine.sweep().unwrap();
    assert_eq!(state(&bench.engine), DiskState::Full);
    // Nothing needed it so far.
    assert_eq!(reserve.metadata().unwrap().len(), LIMITS.reserve);
    assert_eq!(bench.create("while"), FULL);
    assert_eq!(bench.by_id(Operation::GET, &id).map(|_| String::new()), FULL);
    assert!(matches!(
        bench.engine.put_setting(&Caller::server(), "x", b"y"),
        Err(EngineError::DiskFull(_))
    ));
    // What reads, and what tells that it stopped.
    assert_eq!(names(&bench), ["disk-full"]);
    bench.engine.audit_verify().unwrap();
    let filter = AuditFilter::default();
    assert!(bench.engine.audit_entries(filter).unwrap().all(|entry| entry.is_ok()));
    bench.engine.record(&super::caller("auditor"), &Event::new("Read Audit")).unwrap();

    // Not yet enough that it would not be full again at once.
    free(&machine, 2 * LIMITS.floor - 1);
    bench.engine.sweep().unwrap();
    assert_eq!(bench.create("while"), FULL);
    free(&machine, 100 * MIB);
    bench.engine.sweep().unwrap();
    assert_eq!(state(&bench.engine), DiskState::Ok);
    bench.create("after").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    assert_eq!(names(&bench), ["disk-full", "disk-recovered", "refused-while-full"]);
    assert_eq!(events(&bench)[2].1, "count=3");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn refusals_on_a_full_disk_do_not_fill_what_is_left() {
    let machine = Machine::default();
    let bench = bench(&machine);
    free(&machine, 0);
    bench.engine.sweep().unwrap();
    let before = bench.engine.status().uses.unwrap().0;
    for _ in 0..500 {
        assert_eq!(bench.create("while"), FULL);
        bench.send(&bench.alice, b"nonsense".to_vec());
        let outcome = Err((ResultReason::PERMISSION_DENIED, "3024 denied"));
        bench.engine.record(&bench.alice, &Event { outcome, ..Event::new("Status") }).unwrap();
    }
    for second in 1..=180 {
        bench.engine.watch_disk_at(second * 1000);
        let _ = bench.create("while");
    }
    let records = bench.engine.status().uses.unwrap().0 - before;
    assert!(records <= 4, "{records} records");
    assert_eq!(bench.engine.status().refused_on_full_disk, 1680);
    free(&machine, 100 * MIB);
    bench.engine.watch_disk_at(181_000);
    let told: u64 = events(&bench)
        .iter()
        .filter(|(name, _)| name == "refused-while-full")
        .map(|(_, detail)| detail.strip_prefix("count=").unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(told, 1680);
}

#[test]
fn a_use_for_whose_record_there_is_no_room_is_refused_and_its_bytes_are_gone() {
    let files = Arc::new(FaultyFiles::new(Arc::new(OsFiles)));
    let machine = Machine { files: files.clone(), ..Machine::default() };
    let bench = bench(&machine);
    let id = bench.create("key").unwrap();
    let reserve = bench.dir.path().join("disk-reserve");
    for what in [Injected::Errno(28), Injected::Torn { bytes: 40, errno: 28 }] {
        files.inject(Call::Write, 0, what);
        let got = bench.by_id(Operation::GET, &id).map(|_| String::new());
        assert_eq!(got, FULL);
        assert_eq!(bench.engine.status().audit_failed, None);
        assert_eq!(reserve.metadata().unwrap().len(), LIMITS.reserve / 4 * 3);
        assert_eq!(bench.create("while"), FULL);
        // Free bytes say nothing where something else is short: it lasts a while.
        let now_ms = bench.engine.inner.mono_ms();
        bench.engine.watch_disk_at(now_ms);
        assert_eq!(bench.create("while"), FULL);
        bench.engine.watch_disk_at(now_ms + 60_000);
        bench.by_id(Operation::GET, &id).unwrap();
        assert_eq!(reserve.metadata().unwrap().len(), LIMITS.reserve);
    }
    assert_eq!(names(&bench), ["disk-full", "disk-recovered", "refused-while-full"].repeat(2),);
    let report = bench.engine.audit_verify().unwrap();
    assert_eq!(report.gaps, 0);
    let bench = bench.restart();
    bench.by_id(Operation::GET, &id).unwrap();
    assert_eq!(bench.engine.audit_verify().unwrap().gaps, 0);
}

#[test]
fn a_change_for_which_there_is_no_room_is_undone_and_the_disk_counts_as_full() {
    let machine = Machine::default();
    let bench = bench(&machine);
    bench.engine.inner.store.faults().fill_disk_at_commit(1);
    assert_eq!(bench.create("key"), FULL);
    assert!(!bench.engine.status().store_failed);
    assert_eq!(state(&bench.engine), DiskState::Full);
    assert_eq!(bench.create("key"), FULL);
    let now_ms = bench.engine.inner.mono_ms();
    bench.engine.watch_disk_at(now_ms);
    bench.engine.watch_disk_at(now_ms + 60_000);
    // The name is free: nothing of it was kept.
    bench.create("key").unwrap();
    // The same of a change that the administration asks for.
    bench.engine.inner.store.faults().fill_disk_at_commit(1);
    let refused = bench.engine.put_setting(&Caller::server(), "x", b"y");
    assert!(matches!(refused, Err(EngineError::DiskFull(_))), "{refused:?}");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_flush_that_fails_is_no_full_disk_and_nothing_is_taken_until_a_restart() {
    let files = Arc::new(FaultyFiles::new(Arc::new(OsFiles)));
    let machine = Machine { files: files.clone(), ..Machine::default() };
    let bench = Bench::on_machine(machine, |config| {
        config.disk = LIMITS;
        config.audit_uses = strongroom_journal::Durability::Flushed;
    });
    let id = bench.create("key").unwrap();
    files.inject(Call::Sync, 0, Injected::Errno(28));
    let got = bench.by_id(Operation::GET, &id);
    assert_eq!(got, Err(ResultReason::GENERAL_FAILURE));
    assert_eq!(state(&bench.engine), DiskState::Ok);
    assert!(bench.engine.status().audit_failed.is_some());
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::GENERAL_FAILURE));
    let bench = bench.restart();
    bench.by_id(Operation::GET, &id).unwrap();
}

#[test]
fn a_server_starts_and_opens_on_a_full_disk_and_says_so() {
    let machine = Machine::default();
    let bench = bench(&machine);
    let id = bench.create("key").unwrap();
    free(&machine, 0);
    let bench = bench.restart();
    assert_eq!(state(&bench.engine), DiskState::Full);
    let reserve = bench.dir.path().join("disk-reserve");
    assert_eq!(reserve.metadata().unwrap().len(), LIMITS.reserve / 4 * 3);
    assert_eq!(bench.by_id(Operation::GET, &id).map(|_| String::new()), FULL);
    bench.engine.sweep().unwrap();
    assert_eq!(names(&bench), ["disk-full"]);
    bench.engine.audit_verify().unwrap();
    // Sealed and opened, too.
    bench.engine.seal(&Caller::server()).unwrap();
    let bench = bench.restart();
    free(&machine, 100 * MIB);
    bench.engine.sweep().unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    bench.engine.audit_verify().unwrap();
}

#[test]
fn what_tells_of_the_stop_takes_the_reserve_slice_by_slice_and_the_last_is_the_servers_own() {
    let files = Arc::new(FaultyFiles::new(Arc::new(OsFiles)));
    let machine = Machine { files: files.clone(), ..Machine::default() };
    let bench = bench(&machine);
    free(&machine, 0);
    bench.engine.sweep().unwrap();
    let reserve = bench.dir.path().join("disk-reserve");
    let auditor = super::caller("auditor");
    let slices = || reserve.metadata().unwrap().len() / (LIMITS.reserve / 4);
    let read = || {
        files.inject(Call::Write, 0, Injected::Errno(28));
        bench.engine.record(&auditor, &Event::new("Read Audit"))
    };
    for left in [3, 2, 1] {
        read().unwrap();
        assert_eq!(slices(), left);
    }
    assert!(matches!(read(), Err(EngineError::DiskFull(_))));
    assert_eq!(slices(), 1);
    files.inject(Call::Write, 0, Injected::Errno(28));
    bench.engine.record(&Caller::server(), &Event::new("stop")).unwrap();
    assert_eq!(slices(), 0);
    free(&machine, 100 * MIB);
    let now_ms = bench.engine.inner.mono_ms();
    bench.engine.watch_disk_at(now_ms);
    bench.engine.watch_disk_at(now_ms + 60_000);
    assert_eq!(slices(), 4);
    assert_eq!(bench.engine.audit_verify().unwrap().gaps, 0);
}

#[test]
fn a_low_disk_is_told_of_once_and_so_is_its_recovery() {
    let machine = Machine::default();
    free(&machine, 100 * MIB);
    let bench = bench(&machine);
    for bytes in [9, 9, 10, 9, 11, 9, 12, 100, 100] {
        free(&machine, bytes * MIB);
        bench.engine.sweep().unwrap();
        bench.create(&format!("key {bytes} {}", uuid::Uuid::new_v4())).unwrap();
    }
    assert_eq!(names(&bench), ["disk-low", "disk-recovered"]);
}
