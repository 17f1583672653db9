//! Signed heads and anchors.

use strongroom_journal::{ChainName, SignedHead};
use strongroom_kmip::Operation;

use super::Bench;

#[test]
fn both_heads_are_signed_recorded_and_anchored_on_a_second_path() {
    let second = tempfile::TempDir::new().unwrap();
    let anchors = second.path().join("anchors");
    let bench = Bench::with(|config| config.anchors_path = Some(anchors.clone()));
    let id = bench.create("anchored").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();

    let heads = bench.engine.sign_heads().unwrap();
    let chains: Vec<ChainName> = heads.iter().map(|h| h.chain).collect();
    assert_eq!(chains, [ChainName::Changes, ChainName::Uses]);
    let key = bench.engine.audit_public_key().unwrap();
    let text = std::fs::read_to_string(&anchors).unwrap();
    let kept: Vec<SignedHead> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(kept, heads);
    for head in &kept {
        head.verify(&key).unwrap();
    }
    bench.engine.audit_verify_against(&kept).unwrap();
    // The same key after a restart.
    let bench = bench.restart();
    assert_eq!(bench.engine.audit_public_key(), Some(key));
    bench.engine.audit_verify_against(&kept).unwrap();
}

#[test]
fn an_idle_key_manager_signs_nothing_over_and_over() {
    let bench = Bench::new();
    bench.create("once").unwrap();
    // The first signing makes its key, which is a change that the second one signs.
    bench.engine.sign_heads().unwrap();
    bench.engine.sign_heads().unwrap();
    assert_eq!(bench.engine.sign_heads().unwrap(), []);
}

#[test]
fn an_anchor_that_the_chain_does_not_meet_is_found_with_its_place() {
    let bench = Bench::new();
    bench.create("one").unwrap();
    let mut heads = bench.engine.sign_heads().unwrap();
    heads[0].head.hash[0] ^= 1;
    let fault = bench.engine.audit_verify_against(&heads[..1]).unwrap_err();
    assert_eq!(fault.chain, "changes");
    assert_eq!(fault.seq, Some(heads[0].head.seq));
    // And one that lies beyond the end: the chain was cut.
    heads[0].head.seq += 1_000;
    assert!(bench.engine.audit_verify_against(&heads[..1]).is_err());
}
