use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use strongroom_journal::{
    AppendError, Durability, Entry, OpenError, Options, UseJournal, UseReader, What, kind,
};

use crate::{SITE, all, fill, open, options, secret, vault};

#[test]
fn what_was_appended_is_read_verified_and_continued_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let journal = open(dir.path());
        assert_eq!(journal.status().written.seq, round * 50);
        fill(&journal, 50);
        journal.close().unwrap();
    }
    let records = all(dir.path());
    assert_eq!(records.len(), 150);
    assert!(
        records
            .iter()
            .zip(1..)
            .all(|(r, seq)| r.seq == seq && r.body == format!("use {seq}").as_bytes())
    );
    let reader = UseReader::open(dir.path());
    let state = reader.state(SITE, &*vault()).unwrap();
    assert_eq!(reader.verify(SITE, Some(&state), []).unwrap().macs, 150);
}

#[test]
fn a_dropped_journal_was_flushed_and_an_append_is_written_when_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let journal = UseJournal::open(
        dir.path(),
        Options { window: Duration::from_secs(600), ..options() },
        vault(),
        0,
    )
    .unwrap();
    fill(&journal, 3);
    assert_eq!(all(dir.path()).len(), 3, "another reader of the file sees them at once");
    assert_eq!(journal.status().flushed.seq, 0, "and nothing was flushed yet");
}

#[test]
fn records_are_flushed_within_the_window_without_further_appends() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, 10);
    let until = Instant::now() + Duration::from_secs(5);
    while journal.status().flushed.seq < 10 {
        assert!(Instant::now() < until, "not flushed: {:?}", journal.status());
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(journal.status().oldest_unflushed, None);
}

#[test]
fn a_flushed_append_is_on_disk_when_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let durability = Durability::Flushed;
    let journal =
        UseJournal::open(dir.path(), Options { durability, ..options() }, vault(), 0).unwrap();
    for _ in 0..5 {
        let head = journal.append(1, "alice", kind::USE, b"x").unwrap();
        assert_eq!(journal.status().flushed, head);
    }
}

#[test]
fn many_who_wait_for_the_flush_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let durability = Durability::Flushed;
    let journal =
        UseJournal::open(dir.path(), Options { durability, ..options() }, vault(), 0).unwrap();
    std::thread::scope(|s| {
        for _ in 0..32 {
            s.spawn(|| fill_any(&journal, 20));
        }
    });
    let status = journal.status();
    assert_eq!(status.flushed.seq, 640);
    assert!(status.flushes < 320, "{} flushes for 640 records", status.flushes);
}

fn fill_any(journal: &UseJournal, n: u64) {
    for i in 0..n {
        journal.append(i, "bob", kind::REFUSAL, b"no").unwrap();
    }
}

#[test]
fn concurrent_appends_make_one_chain_without_gaps_over_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let journal =
        UseJournal::open(dir.path(), Options { segment_bytes: 5000, ..options() }, vault(), 0)
            .unwrap();
    let first = journal.state().unwrap();
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| fill_any(&journal, 100));
        }
    });
    let head = journal.flush().unwrap();
    let segments = journal.status().segment;
    assert!(segments > 10);
    assert_eq!(head.seq, 800 + segments);
    let report = journal.reader().verify(SITE, Some(&first), [head]).unwrap();
    assert_eq!(
        (report.records, report.macs),
        (head.seq, head.seq),
        "the first key gives all later ones"
    );
    journal.close().unwrap();
    let journal = open(dir.path());
    assert_eq!(journal.status().written, head);
    assert_eq!(journal.status().segment, segments);
}

#[test]
fn the_kept_state_moves_on_with_the_segments_so_that_old_keys_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let journal =
        UseJournal::open(dir.path(), Options { segment_bytes: 5000, ..options() }, vault(), 0)
            .unwrap();
    fill(&journal, 200);
    let now = journal.status().segment;
    journal.close().unwrap();
    let kept = UseReader::open(dir.path()).state(SITE, &*vault()).unwrap();
    assert_eq!(kept.segment(), now);
    let report = UseReader::open(dir.path()).verify(SITE, Some(&kept), []).unwrap();
    assert!(report.macs < 30 && report.records > 200);
}

#[test]
fn a_batch_is_written_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let entry = |body| Entry { hlc: 1, actor: "alice", kind: kind::USE, body };
    assert_eq!(journal.append_batch(&[entry(b"1"), entry(b"2"), entry(b"3")]).unwrap().seq, 3);
    let bad = Entry { kind: kind::SEGMENT_END, ..entry(b"5") };
    assert!(matches!(journal.append_batch(&[entry(b"4"), bad]), Err(AppendError::Refused(_))));
    let long = Entry { actor: &"a".repeat(10_000), ..entry(b"5") };
    assert!(matches!(journal.append_batch(&[entry(b"4"), long]), Err(AppendError::Refused(_))));
    assert_eq!(journal.append(1, "alice", kind::USE, b"4").unwrap().seq, 4);
    journal.close().unwrap();
    UseReader::open(dir.path()).verify(SITE, None, []).unwrap();
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let second = UseJournal::open(dir.path(), options(), vault(), 0);
    assert!(matches!(second, Err(OpenError::InUse(_))));
    drop(journal);
    open(dir.path());
}

#[test]
fn directory_and_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("audit");
    fill(&open(&inner), 1);
    assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["uses-00000000000000000001.seg", "uses.state"] {
        assert_eq!(fs::metadata(inner.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn another_vault_or_site_does_not_open_it() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()), 3);
    let other = UseJournal::open(dir.path(), options(), Box::new(secret(1)), 0);
    assert!(matches!(other, Err(OpenError::Chain(_))), "{other:?}");
    let other = UseJournal::open(dir.path(), Options { site: 8, ..options() }, vault(), 0);
    assert!(matches!(other, Err(OpenError::Chain(_))), "{other:?}");
}

#[test]
fn a_missing_state_or_a_missing_last_segment_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Options { segment_bytes: 2000, ..options() };
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    fill(&journal, 40);
    journal.close().unwrap();
    let files = || {
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
        names.retain(|p| p.extension().is_some_and(|e| e == "seg"));
        names.sort();
        names
    };
    let state = dir.path().join("uses.state");
    let kept = fs::read(&state).unwrap();
    fs::remove_file(&state).unwrap();
    let opened = UseJournal::open(dir.path(), small(), vault(), 0);
    assert!(matches!(opened, Err(OpenError::StateMissing)), "{opened:?}");
    fs::write(&state, kept).unwrap();

    while let Some(last) = files().pop() {
        fs::remove_file(last).unwrap();
        let opened = UseJournal::open(dir.path(), small(), vault(), 0);
        assert!(matches!(opened, Err(OpenError::Damaged(_))), "{opened:?}");
    }
}

#[test]
fn a_missing_middle_segment_is_found_by_verify() {
    let dir = tempfile::tempdir().unwrap();
    let journal =
        UseJournal::open(dir.path(), Options { segment_bytes: 2000, ..options() }, vault(), 0)
            .unwrap();
    fill(&journal, 60);
    journal.close().unwrap();
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    names.retain(|p| p.extension().is_some_and(|e| e == "seg"));
    names.sort();
    let first: u64 = names[2].file_stem().unwrap().to_str().unwrap()[5..].parse().unwrap();
    let next: u64 = names[3].file_stem().unwrap().to_str().unwrap()[5..].parse().unwrap();
    fs::remove_file(&names[2]).unwrap();
    let error = UseReader::open(dir.path()).verify(SITE, None, []).unwrap_err();
    let fault = error.fault().unwrap();
    assert_eq!((fault.seq, fault.what.clone()), (first, What::Missing { through: next - 1 }));
    let read: Vec<_> = UseReader::open(dir.path()).records(1).unwrap().collect();
    assert!(read.last().unwrap().is_err(), "reading does not end there as if that were all");
}
