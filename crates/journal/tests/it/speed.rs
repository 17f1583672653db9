//! Rates, for release builds: `cargo test --release -p strongroom-journal -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use strongroom_journal::{Durability, Options, UseJournal, UseReader, kind};

use crate::{SITE, vault};

const N: u32 = 300_000;

/// Processor time of this thread: what a call costs, also while others use the machine.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
#[ignore = "measures; run in release"]
fn appending_and_verifying_rates() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let journal = UseJournal::open(dir.path(), Options::new(SITE), vault(), 0).unwrap();
    // A row of 300 bytes altogether.
    let body = [0x42; 300 - 124 - 14];
    let (began, busy) = (Instant::now(), processor_time());
    let mut worst = Duration::ZERO;
    for i in 0..N {
        let at = Instant::now();
        journal.append(u64::from(i) << 16, "alice@example.", kind::USE, &body).unwrap();
        worst = worst.max(at.elapsed());
    }
    println!(
        "append: {:?} each, of which {:?} processor; worst {worst:?}; {} flushes",
        began.elapsed() / N,
        (processor_time() - busy) / N,
        journal.status().flushes
    );

    for threads in [4, 16] {
        let began = Instant::now();
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    (0..N / threads).for_each(|i| {
                        journal.append(u64::from(i), "alice@example.", kind::USE, &body).unwrap();
                    })
                });
            }
        });
        println!("append by {threads} threads: {:?} each", began.elapsed() / N);
    }
    let state = UseReader::open(dir.path()).state(SITE, &*vault()).unwrap();
    journal.close().unwrap();

    let busy = processor_time();
    let report = UseReader::open(dir.path()).verify(SITE, Some(&state), []).unwrap();
    let each = (processor_time() - busy) / report.records as u32;
    println!("verify: {each:?} processor each ({} MACs)", report.macs);
    let began = Instant::now();
    let mut n = 0u32;
    UseReader::open(dir.path())
        .records(1)
        .unwrap()
        .for_each_ref(|_| {
            n += 1;
            true
        })
        .unwrap();
    println!("read: {:?} each", began.elapsed() / n);
    let began = Instant::now();
    let journal = UseJournal::open(dir.path(), Options::new(SITE), vault(), 0).unwrap();
    println!("open: {:?}", began.elapsed());

    for threads in [1u32, 16, 64] {
        let (began, before) = (Instant::now(), journal.status().flushes);
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    (0..100).for_each(|i| {
                        let e = strongroom_journal::Entry {
                            hlc: i,
                            actor: "a",
                            kind: kind::USE,
                            body: &body,
                        };
                        journal.append_batch_with(&[e], Durability::Flushed).unwrap();
                    })
                });
            }
        });
        let rate = f64::from(threads * 100) / began.elapsed().as_secs_f64();
        println!(
            "flushed, {threads} threads: {rate:.0}/s with {} flushes",
            journal.status().flushes - before
        );
    }
}
