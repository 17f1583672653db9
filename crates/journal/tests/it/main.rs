//! Integration tests of the journal, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chain;
mod crash;
mod faults;
mod heads;
mod mutations;
mod reading;
mod retain;
mod speed;
mod uses;

use std::path::Path;
use std::time::Duration;

use strongroom_journal::{
    Chain, ChainName, Options, Record, Start, UseJournal, UseReader, Vault, Verifier, kind,
};
use strongroom_secmem::SecretBytes;

const SITE: u32 = 7;

fn vault() -> Box<dyn Vault> {
    Box::new(secret(0x5a))
}

fn secret(byte: u8) -> SecretBytes {
    SecretBytes::from_slice(&[byte; 32]).unwrap()
}

fn options() -> Options {
    Options { window: Duration::from_millis(20), ..Options::new(SITE) }
}

fn open(dir: &Path) -> UseJournal {
    UseJournal::open(dir, options(), vault(), 1).unwrap()
}

/// Appends `n` records whose bodies tell their number.
fn fill(journal: &UseJournal, n: u64) {
    for _ in 0..n {
        let seq = journal.status().written.seq + 1;
        journal.append(seq << 16, "alice", kind::USE, format!("use {seq}").as_bytes()).unwrap();
    }
}

fn all(dir: &Path) -> Vec<Record> {
    UseReader::open(dir).records(1).unwrap().map(Result::unwrap).collect()
}

fn verifier(name: ChainName) -> Verifier {
    Verifier::new(name, SITE, Start::genesis(name, SITE))
}

/// A chain of changes of 13 records whose first segment ends at record 6, and the states of both
/// segments' beginnings.
fn sample() -> (Vec<Record>, Chain) {
    let mut chain = Chain::new(ChainName::Changes, SITE, secret(1)).unwrap();
    let mut records = Vec::new();
    for i in 0..13u64 {
        records.push(if i == 5 {
            chain.end_segment(i << 16, "strongroom").unwrap()
        } else {
            let body = vec![i as u8; (i * 7 % 20) as usize];
            chain.append(i << 16, format!("actor-{}", i % 3), (i % 17 + 1) as u16, body).unwrap()
        });
    }
    (records, chain)
}
