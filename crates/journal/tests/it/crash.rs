//! What a crash leaves, rebuilt byte by byte, and what only looks like it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use strongroom_journal::kind::{self, Gap};
use strongroom_journal::{OpenError, Options, UseJournal, UseReader, What};

use crate::{SITE, all, fill, open, options, vault};

const HEADER: usize = 92;

fn first_segment(dir: &Path) -> PathBuf {
    dir.join("uses-00000000000000000001.seg")
}

/// A journal of `n` records of which the first `flushed` are known to be on disk; gives the
/// offsets at which records end (the first is the header's end).
fn written(dir: &Path, flushed: u64, n: u64) -> Vec<usize> {
    let journal = UseJournal::open(
        dir,
        Options { window: Duration::from_secs(600), ..options() },
        vault(),
        0,
    )
    .unwrap();
    let mut ends = vec![HEADER];
    for i in 0..n {
        if i == flushed && i > 0 {
            journal.flush().unwrap();
        }
        fill(&journal, 1);
        ends.push(fs::metadata(first_segment(dir)).unwrap().len() as usize);
    }
    ends
}

fn gaps(dir: &Path) -> Vec<(u64, Gap)> {
    UseReader::open(dir).verify(SITE, None, []).unwrap().gaps
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let ends = written(dir.path(), 3, 6);
    let image = fs::read(first_segment(dir.path())).unwrap();
    for len in ends[3]..image.len() {
        fs::write(first_segment(dir.path()), &image[..len]).unwrap();
        let whole = ends.iter().filter(|e| **e <= len).count() as u64 - 1;
        let cut = (len - ends[whole as usize]) as u64;

        fill(&open(dir.path()), 1);
        let found = gaps(dir.path());
        if cut == 0 {
            assert!(found.is_empty());
            assert_eq!(all(dir.path()).len() as u64, whole + 1);
        } else {
            let [(seq, gap)] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((*seq, gap.bytes, gap.after, gap.last_seen), (whole + 1, cut, whole, None));
            assert_eq!(all(dir.path()).len() as u64, whole + 2);
        }
        assert!(!dir.path().join("uses.gap").exists());
    }
}

#[test]
fn pages_lost_among_unflushed_records_are_cut_and_the_gap_counts_those_seen_behind() {
    let dir = tempfile::tempdir().unwrap();
    let ends = written(dir.path(), 3, 9);
    let mut image = fs::read(first_segment(dir.path())).unwrap();
    image[ends[4]..ends[5]].fill(0);
    fs::write(first_segment(dir.path()), &image).unwrap();
    fill(&open(dir.path()), 1);
    let found = gaps(dir.path());
    let [(5, gap)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((gap.after, gap.last_seen, gap.known_missing()), (4, Some(9), 5));
    assert_eq!(all(dir.path()).last().unwrap().seq, 6);
}

#[test]
fn damage_among_flushed_records_is_an_error_and_nothing_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let ends = written(dir.path(), 6, 9);
    let image = fs::read(first_segment(dir.path())).unwrap();
    for seq in 1..=6 {
        for at in ends[seq - 1]..ends[seq] {
            let mut changed = image.clone();
            changed[at] ^= 0x10;
            fs::write(first_segment(dir.path()), &changed).unwrap();
            match UseJournal::open(dir.path(), options(), vault(), 0) {
                Err(OpenError::Damaged(fault)) => {
                    assert_eq!(fault.seq, seq as u64, "byte {at}: {fault}")
                }
                other => panic!("byte {at} of record {seq}: {other:?}"),
            }
            assert_eq!(fs::read(first_segment(dir.path())).unwrap(), changed);
        }
    }
    fs::write(first_segment(dir.path()), &image).unwrap();
    open(dir.path());
}

#[test]
fn every_changed_byte_of_a_file_is_found_by_verify_at_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let ends = written(dir.path(), 2, 5);
    let image = fs::read(first_segment(dir.path())).unwrap();
    for at in 0..image.len() {
        let mut changed = image.clone();
        changed[at] ^= 0x01;
        fs::write(first_segment(dir.path()), &changed).unwrap();
        let expected = ends.iter().filter(|e| **e <= at).count().max(1) as u64;
        let error = UseReader::open(dir.path()).verify(SITE, None, []).unwrap_err();
        let fault = error.fault().unwrap_or_else(|| panic!("byte {at}: {error}"));
        assert_eq!(fault.seq, expected, "byte {at}: {fault}");
    }
}

#[test]
fn frames_removed_swapped_doubled_or_cut_in_a_file_are_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let ends = written(dir.path(), 2, 6);
    let image = fs::read(first_segment(dir.path())).unwrap();
    let frame = |seq: usize| &image[ends[seq - 1]..ends[seq]];
    let build = |order: &[usize]| {
        let mut bytes = image[..HEADER].to_vec();
        order.iter().for_each(|seq| bytes.extend_from_slice(frame(*seq)));
        bytes
    };
    let head = all(dir.path()).last().unwrap().as_ref().head();
    for (order, seq, what) in [
        (vec![1, 3, 4, 5, 6], 2, What::Missing { through: 2 }),
        (vec![1, 2, 5, 6], 3, What::Missing { through: 4 }),
        (vec![1, 3, 2, 4, 5, 6], 2, What::OutOfOrder { found: 3 }),
        (vec![1, 2, 6, 3, 4, 5], 3, What::OutOfOrder { found: 6 }),
        (vec![1, 2, 2, 3, 4, 5, 6], 3, What::Duplicate { of: 2 }),
        (vec![1, 2, 3, 4], 5, What::Truncated { end: 4, known: 6 }),
    ] {
        fs::write(first_segment(dir.path()), build(&order)).unwrap();
        let error = UseReader::open(dir.path()).verify(SITE, None, [head]).unwrap_err();
        let fault = error.fault().unwrap();
        assert_eq!((fault.seq, &fault.what), (seq, &what), "{order:?}");
        // A shortened file opens (only anchors know better); the rest does not.
        let opened = UseJournal::open(dir.path(), options(), vault(), 0);
        assert_eq!(opened.is_ok(), order == [1, 2, 3, 4], "{order:?}");
    }
}

#[test]
fn a_crash_at_any_moment_of_beginning_a_new_segment_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Options { segment_bytes: 1000, window: Duration::from_secs(600), ..options() };
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    // Neither files nor state are flushed until the journal is closed: what lies there after the
    // segment ended is what a killed process leaves.
    let state_before = fs::read(dir.path().join("uses.state")).unwrap();
    while journal.status().segment == 0 {
        fill(&journal, 1);
    }
    let head = journal.status().written;
    let second = dir.path().join(format!("uses-{:020}.seg", head.seq + 1));
    let header = fs::read(&second).unwrap();
    journal.close().unwrap();
    let state_after = fs::read(dir.path().join("uses.state")).unwrap();
    assert_ne!(state_before, state_after);

    let mut images: Vec<(&[u8], Option<&[u8]>)> =
        vec![(&state_before, None), (&state_after, Some(&header))];
    images.extend((0..=header.len()).map(|n| (state_before.as_slice(), Some(&header[..n]))));
    for (state, file) in images {
        fs::write(dir.path().join("uses.state"), state).unwrap();
        fs::remove_file(&second).unwrap();
        if let Some(bytes) = file {
            fs::write(&second, bytes).unwrap();
        }
        let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
        assert_eq!(journal.status().written, head);
        assert_eq!(journal.status().segment, 1);
        fill(&journal, 1);
        let state = journal.state().unwrap();
        assert_eq!(journal.reader().verify(SITE, Some(&state), [head]).unwrap().macs, 1);
    }
}

#[test]
fn a_state_several_segments_behind_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Options { segment_bytes: 1000, window: Duration::from_secs(600), ..options() };
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    let state_before = fs::read(dir.path().join("uses.state")).unwrap();
    fill(&journal, 30);
    let (head, segment) = (journal.status().written, journal.status().segment);
    assert!(segment > 3);
    journal.close().unwrap();
    fs::write(dir.path().join("uses.state"), state_before).unwrap();
    let journal = UseJournal::open(dir.path(), small(), vault(), 0).unwrap();
    assert_eq!((journal.status().written, journal.status().segment), (head, segment));
}

#[test]
fn a_crash_at_any_moment_of_the_first_opening_can_be_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let header = fs::read(first_segment(dir.path())).unwrap();
    for n in 0..=header.len() {
        fs::remove_file(dir.path().join("uses.state")).unwrap();
        fs::write(first_segment(dir.path()), &header[..n]).unwrap();
        drop(open(dir.path()));
    }
}

#[test]
fn a_gap_that_was_not_recorded_before_the_next_crash_is_recorded_later_and_once() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 3, 6);
    let gap = Gap { bytes: 17, after: 6, last_seen: None, digest: [3; 32] };
    // Cut, told to the side file, and killed.
    fs::write(dir.path().join("uses.gap"), gap.encode()).unwrap();
    drop(open(dir.path()));
    assert_eq!(gaps(dir.path()), [(7, gap.clone())]);
    // Recorded, and killed before the side file was removed.
    fs::write(dir.path().join("uses.gap"), gap.encode()).unwrap();
    drop(open(dir.path()));
    assert_eq!(gaps(dir.path()), [(7, gap)]);
    assert!(!dir.path().join("uses.gap").exists());
}

#[test]
fn the_gap_record_is_itself_a_record_of_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let ends = written(dir.path(), 3, 6);
    let image = fs::read(first_segment(dir.path())).unwrap();
    fs::write(first_segment(dir.path()), &image[..ends[6] - 1]).unwrap();
    drop(open(dir.path()));
    let records = all(dir.path());
    let last = records.last().unwrap();
    assert_eq!((last.seq, last.kind, last.actor.as_str()), (6, kind::GAP, "strongroom"));
    assert_eq!(last.prev, records[4].hash);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_crash_image_of_the_unflushed_part_opens_and_keeps_all_that_was_flushed(
        flushed in 1u64..6, n in 6u64..10, cut in any::<prop::sample::Index>(),
        holes in proptest::collection::vec((any::<prop::sample::Index>(), 1usize..80, any::<bool>()), 0..4)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let ends = written(dir.path(), flushed, n);
        let mut image = fs::read(first_segment(dir.path())).unwrap();
        let safe = ends[flushed as usize];
        image.truncate(safe + cut.index(image.len() - safe + 1));
        for (at, len, zero) in holes {
            if image.len() > safe {
                let from = safe + at.index(image.len() - safe);
                let to = (from + len).min(image.len());
                image[from..to].iter_mut().for_each(|b| *b = if zero { 0 } else { !*b });
            }
        }
        let before = all(dir.path());
        fs::write(first_segment(dir.path()), &image).unwrap();
        fill(&open(dir.path()), 2);
        let after = all(dir.path());
        prop_assert_eq!(&after[..flushed as usize], &before[..flushed as usize]);
        let state = UseReader::open(dir.path()).state(SITE, &*vault()).unwrap();
        let report = UseReader::open(dir.path()).verify(SITE, Some(&state), []).unwrap();
        prop_assert_eq!(report.macs, report.records);
        prop_assert!(report.gaps.len() <= 1);
    }
}
