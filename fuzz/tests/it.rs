//! The targets without a fuzzer: over the seeds, and over what once found a fault.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use strongroom_fuzz::{TARGETS, seeds};

/// The stride keeps this a matter of seconds.
fn over_seeds(target: &str, stride: usize) {
    let run = TARGETS.iter().find(|(name, _)| *name == target).unwrap().1;
    let seeds = seeds::of(target, None);
    assert!(seeds.len() > 20, "{target}: {} seeds", seeds.len());
    seeds.iter().step_by(stride).for_each(|seed| run(seed));
}

#[test]
fn the_codec_reads_and_writes_every_seed() {
    over_seeds("codec", 1);
}

#[test]
fn every_request_of_the_corpus_is_answered_in_its_version() {
    over_seeds("message", 5);
}

#[test]
fn every_route_answers_every_role_without_a_fault_of_its_own() {
    over_seeds("admin", 1);
}

#[test]
fn every_configuration_is_read_or_refused() {
    over_seeds("config", 1);
}

#[test]
fn what_once_found_a_fault_finds_none_any_more() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for (target, run) in TARGETS {
        let Ok(files) = fs::read_dir(dir.join(target)) else { continue };
        for file in files {
            run(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}
