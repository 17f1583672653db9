use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strongroom_journal::{Filter, Options, UseJournal, UseReader, kind};

use crate::{SITE, fill, open, options, vault};

fn small(dir: &std::path::Path) -> UseJournal {
    UseJournal::open(dir, Options { segment_bytes: 2000, ..options() }, vault(), 0).unwrap()
}

#[test]
fn reading_begins_at_any_sequence_number() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    fill(&journal, 60);
    let last = journal.status().written.seq;
    for from in 1..=last + 1 {
        let seqs: Vec<u64> =
            journal.reader().records(from).unwrap().map(|r| r.unwrap().seq).collect();
        assert_eq!(seqs, (from..=last).collect::<Vec<_>>());
    }
}

#[test]
fn the_tail_gives_the_last_n_across_segments_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    assert!(journal.reader().tail(5).unwrap().is_empty());
    fill(&journal, 60);
    let last = journal.status().written.seq;
    for n in [0, 1, 5, 30, 1000] {
        let expected: Vec<u64> = (last.saturating_sub(n) + 1..=last).collect();
        for reader in [journal.reader(), UseReader::open(dir.path())] {
            let seqs: Vec<u64> = reader.tail(n as usize).unwrap().iter().map(|r| r.seq).collect();
            assert_eq!(seqs, expected);
        }
    }
}

#[test]
fn an_iterator_at_the_end_goes_on_when_there_is_more_also_in_a_new_segment() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    let mut inside = journal.reader().records(1).unwrap();
    let mut outside = UseReader::open(dir.path()).records(1).unwrap();
    for round in 1..=12 {
        fill(&journal, 5);
        let expected = journal.status().written.seq;
        for records in [&mut inside, &mut outside] {
            let seqs: Vec<u64> = records.by_ref().map(|r| r.unwrap().seq).collect();
            assert_eq!(seqs.last(), Some(&expected), "round {round}");
            assert!(records.next().is_none());
        }
    }
}

#[test]
fn a_filter_chooses_by_actor_kind_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for i in 0..40u64 {
        let actor = if i % 2 == 0 { "alice" } else { "bob" };
        let kind = if i % 5 == 0 { kind::REFUSAL } else { kind::USE };
        journal.append(i * 10, actor, kind, b"").unwrap();
    }
    let count = |filter| journal.reader().records(1).unwrap().matching(filter).count();
    assert_eq!(count(Filter::default()), 40);
    assert_eq!(count(Filter { actor: Some("bob".into()), ..Filter::default() }), 20);
    assert_eq!(count(Filter { kinds: vec![kind::REFUSAL], ..Filter::default() }), 8);
    assert_eq!(count(Filter { since: Some(100), until: Some(200), ..Filter::default() }), 10);
}

#[test]
fn the_flushed_reader_tells_of_nothing_that_a_crash_could_take_back() {
    let dir = tempfile::tempdir().unwrap();
    let long = Options { window: Duration::from_secs(600), ..options() };
    let journal = UseJournal::open(dir.path(), long, vault(), 0).unwrap();
    fill(&journal, 5);
    assert_eq!(journal.reader().tail(9).unwrap().len(), 5);
    assert_eq!(journal.flushed_reader().tail(9).unwrap().len(), 0);
    let mut follow = journal.flushed_reader().records(1).unwrap();
    assert!(follow.next().is_none());
    journal.flush().unwrap();
    assert_eq!(follow.by_ref().count(), 5);
    fill(&journal, 1);
    assert!(follow.next().is_none());
}

#[test]
fn reading_and_verifying_work_while_others_append() {
    let dir = tempfile::tempdir().unwrap();
    let journal =
        UseJournal::open(dir.path(), Options { segment_bytes: 20_000, ..options() }, vault(), 0)
            .unwrap();
    struct StopOnDrop<'a>(&'a AtomicBool);
    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        let _stop = StopOnDrop(&stop);
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    journal.append(1, "alice", kind::USE, &[7; 100]).unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
        for reader in [journal.reader(), journal.flushed_reader(), UseReader::open(dir.path())] {
            let mut follow = reader.records(1).unwrap();
            let mut seen = 0;
            while seen < 300 {
                for record in follow.by_ref() {
                    seen += 1;
                    assert_eq!(record.unwrap().seq, seen);
                }
                let tail = reader.tail(20).unwrap();
                assert!(tail.windows(2).all(|w| w[1].prev == w[0].hash));
                reader.verify(SITE, None, tail.last().map(|r| r.as_ref().head())).unwrap();
            }
        }
    });
}
