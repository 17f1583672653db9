//! Sealed segments compressed and deleted: read, verified and continued as before, and at every step
//! that can be interrupted.

use std::path::Path;
use std::sync::Arc;

use strongroom_journal::faults::{Call, FaultyFiles, Injected};
use strongroom_journal::files::OsFiles;
use strongroom_journal::{
    Head, Options, ReadError, Record, SealedSegment, UseJournal, UseReader, What, kind,
};

use crate::{SITE, options, vault};

fn small() -> Options {
    Options { segment_bytes: 4000, ..options() }
}

fn fill(journal: &UseJournal, records: u64) {
    for i in 0..records {
        journal
            .append(i, "alice", kind::USE, format!("record {i} of somebody").as_bytes())
            .unwrap();
    }
    journal.flush().unwrap();
    // The flusher keeps the new segment's key right behind the flush.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while journal.sealed().unwrap().len() as u64 != journal.status().segment
        && std::time::Instant::now() < until
    {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn compress_all(journal: &UseJournal) -> Vec<SealedSegment> {
    for segment in journal.sealed().unwrap() {
        assert!(journal.compress(&segment).unwrap() || segment.compressed);
    }
    journal.sealed().unwrap()
}

fn read(dir: &Path) -> Vec<Record> {
    UseReader::open(dir).records(1).unwrap().collect::<Result<_, _>>().unwrap()
}

fn fault(error: &ReadError) -> (u64, String) {
    let fault = error.fault().unwrap_or_else(|| panic!("{error}"));
    (fault.seq, fault.what.to_string())
}

#[test]
fn compressed_segments_read_as_plain_ones_forward_backward_and_from_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    fill(&journal, 200);
    let before = read(dir.path());
    let plain: u64 = journal.sealed().unwrap().iter().map(|s| s.bytes).sum();
    let sealed = compress_all(&journal);
    assert!(sealed.len() > 5 && sealed.iter().all(|s| s.compressed), "{sealed:?}");
    assert!(sealed.iter().map(|s| s.bytes).sum::<u64>() < plain * 3 / 4);
    assert_eq!(read(dir.path()), before);
    assert_eq!(journal.reader().tail(150).unwrap(), before[before.len() - 150..]);
    for from in [1, 2, sealed[3].last.seq, sealed[3].last.seq + 1, 199] {
        let first = journal.reader().records(from).unwrap().next().unwrap().unwrap();
        assert_eq!(first, before[from as usize - 1]);
    }
    assert_eq!(journal.ended(&sealed[2]).unwrap(), before[sealed[2].last.seq as usize - 1].hlc);
    let state = journal.state().unwrap();
    let report = journal.reader().verify(SITE, Some(&state), [before[10].as_ref().head()]).unwrap();
    assert_eq!((report.records, report.anchors), (before.len() as u64, 1));
    drop(journal);
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    fill(&journal, 50);
    journal.reader().verify(SITE, Some(&journal.state().unwrap()), []).unwrap();
}

#[test]
fn a_segment_of_many_blocks_is_read_at_any_place() {
    let dir = tempfile::tempdir().unwrap();
    let large = Options { segment_bytes: 3 << 20, ..options() };
    let journal = UseJournal::open(dir.path(), large, vault(), 0).unwrap();
    let body = vec![7; 300_000];
    for i in 0..14 {
        journal.append(i, "alice", kind::USE, &body).unwrap();
    }
    fill(&journal, 1);
    let before = read(dir.path());
    let sealed = compress_all(&journal);
    assert!(!sealed.is_empty() && sealed[0].bytes < 100_000);
    assert_eq!(read(dir.path()), before);
    assert_eq!(journal.reader().tail(before.len()).unwrap(), before);
    journal.reader().verify(SITE, Some(&journal.state().unwrap()), []).unwrap();
}

#[test]
fn every_changed_byte_of_a_compressed_segment_is_found_in_that_segment() {
    let dir = tempfile::tempdir().unwrap();
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    fill(&journal, 60);
    let sealed = compress_all(&journal);
    let last = journal.status().written;
    drop(journal);
    let path = dir.path().join(format!("uses-{:020}.segz", sealed[1].first));
    let good = std::fs::read(&path).unwrap();
    let (first, end) = (sealed[1].first, sealed[1].last.seq);
    let verify = || UseReader::open(dir.path()).verify(SITE, None, [last]);
    verify().unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x41;
        std::fs::write(&path, &bad).unwrap();
        let error = verify().expect_err(&format!("byte {at}"));
        let (seq, _) = fault(&error);
        assert!((first..=end + 1).contains(&seq), "byte {at}: record {seq}, not {first} to {end}");
    }
    for cut in [0, 50, 92, 100, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..cut]).unwrap();
        verify().expect_err(&format!("cut at {cut}"));
    }
}

#[test]
fn a_missing_segment_that_no_deletion_explains_is_found_and_located() {
    let dir = tempfile::tempdir().unwrap();
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    fill(&journal, 120);
    let sealed = compress_all(&journal);
    assert_eq!(journal.delete_through(sealed[1].last.seq).unwrap(), 2);
    let verify = |deleted: Option<Head>| {
        UseReader::open(dir.path()).verify_behind(SITE, deleted, None, [sealed[0].last])
    };
    let report = verify(Some(sealed[1].last)).unwrap();
    assert_eq!(report.head, journal.status().written);
    // Without the record of the deletion, or with one of less.
    assert_eq!(fault(&verify(None).unwrap_err()).0, 1);
    let (seq, what) = fault(&verify(Some(sealed[0].last)).unwrap_err());
    assert_eq!(seq, sealed[1].first);
    let through = What::Missing { through: sealed[1].last.seq };
    assert_eq!(what, through.to_string());
    // With one of another chain.
    let other = Head { hash: [1; 32], ..sealed[1].last };
    assert_eq!(fault(&verify(Some(other)).unwrap_err()).0, sealed[2].first);
    // A deletion that was recorded and not carried out.
    verify(Some(sealed[3].last)).unwrap();
    let other = Head { hash: [1; 32], ..sealed[3].last };
    assert_eq!(fault(&verify(Some(other)).unwrap_err()).0, sealed[3].last.seq);
    // And one in the middle.
    std::fs::remove_file(dir.path().join(format!("uses-{:020}.segz", sealed[4].first))).unwrap();
    assert_eq!(fault(&verify(Some(sealed[1].last)).unwrap_err()).0, sealed[4].first);
}

#[test]
fn whoever_copies_the_files_keeps_them_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    fill(&journal, 60);
    let sealed = journal.sealed().unwrap();
    let hold = journal.hold();
    let other = journal.hold();
    drop(other);
    assert!(!journal.compress(&sealed[0]).unwrap());
    assert_eq!(journal.delete_through(sealed[0].last.seq).unwrap(), 0);
    drop(hold);
    assert!(journal.compress(&sealed[0]).unwrap());
    assert_eq!(journal.delete_through(sealed[0].last.seq).unwrap(), 1);
}

#[test]
fn an_interruption_at_any_step_leaves_a_chain_that_opens_verifies_and_is_done_later() {
    let mut tried = 0;
    for call in [Call::Create, Call::Write, Call::Sync, Call::Rename, Call::Remove, Call::SyncDir] {
        for nth in 0..12 {
            for what in [Injected::Errno(5), Injected::Errno(28)] {
                let dir = tempfile::tempdir().unwrap();
                let files = Arc::new(FaultyFiles::new(Arc::new(OsFiles)));
                let faulty = Options { files: Arc::clone(&files) as _, ..small() };
                let journal = UseJournal::open(dir.path(), faulty, vault(), 0).unwrap();
                fill(&journal, 60);
                let before = read(dir.path());
                let sealed = journal.sealed().unwrap();
                let deleted = sealed[1].last;
                files.inject(call, nth, what);
                let work = || -> std::io::Result<()> {
                    for segment in &sealed {
                        journal.compress(segment)?;
                    }
                    journal.delete_through(deleted.seq).map(drop)
                };
                let interrupted = work().is_err();
                // As a kill does: nothing is tidied up.
                std::mem::forget(journal.hold());
                drop(journal);
                let reader = UseReader::open(dir.path());
                let report = reader.verify_behind(SITE, Some(deleted), None, []).unwrap();
                assert_eq!(report.head.seq, before.len() as u64, "{call:?} {nth} {what:?}");
                let left = read(dir.path());
                assert_eq!(left[..], before[before.len() - left.len()..], "{call:?} {nth}");
                let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
                compress_all(&journal);
                journal.delete_through(deleted.seq).unwrap();
                let report = reader.verify_behind(SITE, Some(deleted), None, []).unwrap();
                assert_eq!(report.records, before.len() as u64 - deleted.seq);
                tried += u32::from(interrupted);
            }
        }
    }
    assert!(tried > 40, "only {tried} interruptions");
}
