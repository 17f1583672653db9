//! Failing system calls at every call site: nothing is acknowledged that is not there, and the
//! journal takes nothing more until it is opened again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_journal::faults::{Call, FaultyFiles, Injected};
use strongroom_journal::files::OsFiles;
use strongroom_journal::{
    AppendError, Durability, Entry, Head, Options, UseJournal, UseReader, kind,
};

use crate::{SITE, all, options, vault};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn faulty() -> Arc<FaultyFiles> {
    Arc::new(FaultyFiles::new(Arc::new(OsFiles)))
}

fn with(files: &Arc<FaultyFiles>) -> Options {
    Options { files: Arc::clone(files) as _, segment_bytes: 1500, ..options() }
}

fn append(journal: &UseJournal, durability: Durability) -> Result<Head, AppendError> {
    let entry = Entry { hlc: 1, actor: "alice", kind: kind::USE, body: b"something" };
    journal.append_batch_with(&[entry], durability)
}

#[test]
fn a_failed_write_stops_the_journal_until_it_is_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    append(&journal, Durability::Written).unwrap();
    files.inject(Call::Write, 0, Injected::Errno(EIO));
    let error = append(&journal, Durability::Written).unwrap_err();
    assert!(matches!(&error, AppendError::Failed(why) if why.contains("write")), "{error}");
    // The disk would take it again, and still nothing is taken.
    assert_eq!(append(&journal, Durability::Written).unwrap_err(), error);
    assert_eq!(journal.flush().unwrap_err(), error);
    assert!(journal.status().failed.is_some());
    assert!(journal.close().is_err());

    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    assert_eq!(append(&journal, Durability::Flushed).unwrap().seq, 2);
}

#[test]
fn a_failed_flush_fails_those_who_wait_and_all_who_come_later() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    append(&journal, Durability::Flushed).unwrap();
    files.inject(Call::Sync, 0, Injected::Errno(EIO));
    let error = append(&journal, Durability::Flushed).unwrap_err();
    assert!(matches!(&error, AppendError::Failed(why) if why.contains("flush")), "{error}");
    assert!(append(&journal, Durability::Written).is_err());
}

#[test]
fn a_flush_that_fails_in_the_background_stops_the_next_append() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    files.inject(Call::Sync, 0, Injected::Errno(EIO));
    append(&journal, Durability::Written).unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while journal.status().failed.is_none() {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(append(&journal, Durability::Written).is_err());
}

#[test]
fn a_full_disk_takes_nothing_and_the_next_append_may_find_room() {
    for what in [Injected::Errno(ENOSPC), Injected::Torn { bytes: 50, errno: ENOSPC }] {
        let dir = tempfile::tempdir().unwrap();
        let files = faulty();
        let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
        append(&journal, Durability::Written).unwrap();
        files.inject(Call::Write, 0, what);
        let error = append(&journal, Durability::Written).unwrap_err();
        assert!(matches!(error, AppendError::Full(_)), "{error}");
        assert_eq!(journal.status().failed, None);
        assert_eq!(append(&journal, Durability::Flushed).unwrap().seq, 2);
        let state = journal.state().unwrap();
        let report = journal.reader().verify(SITE, Some(&state), []).unwrap();
        assert_eq!((report.records, report.gaps.len()), (2, 0));
        // What was written is what is found again.
        drop(journal);
        let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
        assert_eq!(append(&journal, Durability::Flushed).unwrap().seq, 3);
        assert_eq!(journal.reader().verify(SITE, None, []).unwrap().gaps.len(), 0);
    }
}

#[test]
fn a_segment_ends_when_there_is_room_for_the_next() {
    // The closing record, the next file, its header.
    for (call, skip) in [(Call::Write, 1), (Call::Create, 0), (Call::Write, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let files = faulty();
        let one_each = Options { segment_bytes: 1, ..with(&files) };
        let journal = UseJournal::open(dir.path(), one_each.clone(), vault(), 0).unwrap();
        files.inject(call, skip, Injected::Errno(ENOSPC));
        assert_eq!(append(&journal, Durability::Written).unwrap().seq, 1);
        assert_eq!((journal.status().segment, journal.status().failed), (0, None));
        assert_eq!(append(&journal, Durability::Flushed).unwrap().seq, 2);
        assert_eq!(journal.status().segment, 1);
        let state = journal.state().unwrap();
        journal.reader().verify(SITE, Some(&state), []).unwrap();
        drop(journal);
        let journal = UseJournal::open(dir.path(), one_each, vault(), 0).unwrap();
        assert_eq!(append(&journal, Durability::Flushed).unwrap().seq, 4);
        assert_eq!(journal.reader().verify(SITE, None, []).unwrap().gaps.len(), 0);
    }
}

#[test]
fn what_did_not_fit_and_cannot_be_cut_off_again_stops_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    files.inject(Call::Write, 0, Injected::Torn { bytes: 50, errno: ENOSPC });
    files.inject(Call::SetLen, 0, Injected::Errno(EIO));
    let error = append(&journal, Durability::Written).unwrap_err();
    assert!(matches!(error, AppendError::Failed(_)), "{error}");
    assert!(append(&journal, Durability::Written).is_err());
    drop(journal);
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    assert_eq!(journal.reader().verify(SITE, None, []).unwrap().gaps.len(), 1);
}

#[test]
fn a_flush_for_which_there_is_no_room_is_a_failed_flush() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    files.inject(Call::Sync, 0, Injected::Errno(ENOSPC));
    let error = append(&journal, Durability::Flushed).unwrap_err();
    assert!(matches!(&error, AppendError::Failed(why) if why.contains("flush")), "{error}");
    assert!(append(&journal, Durability::Written).is_err());
}

#[test]
fn a_torn_write_on_a_failing_disk_is_cut_and_told_of_when_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    append(&journal, Durability::Written).unwrap();
    files.inject(Call::Write, 0, Injected::Torn { bytes: 50, errno: EIO });
    append(&journal, Durability::Written).unwrap_err();
    drop(journal);
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    let report = journal.reader().verify(SITE, None, []).unwrap();
    assert_eq!(report.gaps.len(), 1);
    assert_eq!((report.gaps[0].0, report.gaps[0].1.bytes), (2, 50));
}

#[test]
fn while_the_disk_hangs_no_append_returns_that_would_leave_older_records_unflushed() {
    let dir = tempfile::tempdir().unwrap();
    let files = faulty();
    let journal = UseJournal::open(dir.path(), with(&files), vault(), 0).unwrap();
    let stall = Duration::from_millis(600);
    files.inject(Call::Sync, 0, Injected::Stall(stall));
    let began = Instant::now();
    let mut answered_late = 0;
    while began.elapsed() < Duration::from_millis(400) {
        let asked = began.elapsed();
        append(&journal, Durability::Written).unwrap();
        // The window is 20 ms; generous room for a busy machine.
        let answered = began.elapsed();
        if answered > Duration::from_millis(300) && answered < stall {
            answered_late += 1;
        }
        if asked > Duration::from_millis(50) {
            assert!(answered >= stall - Duration::from_millis(50), "{asked:?} to {answered:?}");
        }
    }
    assert_eq!(answered_late, 0);
}

/// One run of everything the journal does: open, append over segments in both manners, close,
/// reopen. Gives what was acknowledged: written, and flushed.
fn story(dir: &std::path::Path, files: &Arc<FaultyFiles>) -> (Vec<Head>, Option<Head>) {
    let mut acknowledged = Vec::new();
    let mut flushed = None;
    for _ in 0..2 {
        let Ok(journal) = UseJournal::open(dir, with(files), vault(), 0) else { continue };
        for i in 0..12 {
            let durability = if i % 3 == 0 { Durability::Flushed } else { Durability::Written };
            match append(&journal, durability) {
                Ok(head) => {
                    acknowledged.push(head);
                    if durability == Durability::Flushed {
                        flushed = Some(head);
                    }
                }
                // A full disk is no failure: there may be room again.
                Err(AppendError::Full(_)) => assert_eq!(journal.status().failed, None),
                Err(_) => assert!(journal.status().failed.is_some()),
            }
        }
        if journal.status().failed.is_some() {
            assert!(append(&journal, Durability::Written).is_err());
        }
        let _ = journal.close();
    }
    (acknowledged, flushed)
}

#[test]
fn a_failure_at_any_call_loses_nothing_acknowledged_and_the_journal_opens_again() {
    let counted = faulty();
    let dir = tempfile::tempdir().unwrap();
    story(dir.path(), &counted);
    let mut tried = 0;
    for call in Call::ALL {
        for nth in 0..counted.made(call) + 2 {
            for what in [
                Injected::Errno(ENOSPC),
                Injected::Errno(EIO),
                Injected::Torn { bytes: 33, errno: ENOSPC },
            ] {
                let dir = tempfile::tempdir().unwrap();
                let files = faulty();
                files.inject(call, nth, what);
                let (acknowledged, _) = story(dir.path(), &files);
                let healthy = Options { files: Arc::new(OsFiles), ..with(&files) };
                let journal = UseJournal::open(dir.path(), healthy, vault(), 0)
                    .unwrap_or_else(|e| panic!("{call:?} {nth} {what:?}: {e}"));
                append(&journal, Durability::Flushed).unwrap();
                let state = journal.state().unwrap();
                drop(journal);
                let report = UseReader::open(dir.path())
                    .verify(SITE, Some(&state), acknowledged.iter().copied())
                    .unwrap_or_else(|e| panic!("{call:?} {nth} {what:?}: {e}"));
                assert_eq!(report.anchors, acknowledged.len());
                assert_eq!(all(dir.path()).len() as u64, report.records);
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "only {tried} call sites");
}
