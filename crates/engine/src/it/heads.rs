//! Signed heads and anchors.

use strongroom_journal::{ChainName, SignedHead};
use strongroom_kmip::Operation;

use super::Bench;
use super::kit::Mount;

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
fn a_full_second_path_keeps_no_half_of_a_line_and_gets_what_it_missed() {
    let second = tempfile::TempDir::new().unwrap();
    let Some(_mount) = Mount::of(second.path(), "8k") else {
        println!("\nSKIPPED: mounting a tmpfs is refused here");
        return;
    };
    let anchors = second.path().join("anchors");
    let bench = Bench::with(|config| config.anchors_path = Some(anchors.clone()));
    let id = bench.create("anchored").unwrap();
    // One page is taken, and of the other too little is left for a line.
    let ballast = second.path().join("ballast");
    std::fs::write(&ballast, [1; 4096]).unwrap();
    std::fs::write(&anchors, format!("{}\n", "#".repeat(3999))).unwrap();
    let whole = std::fs::read(&anchors).unwrap();
    for _ in 0..3 {
        bench.by_id(Operation::GET, &id).unwrap();
        assert!(bench.engine.sign_heads().is_err());
        assert!(std::fs::read(&anchors).unwrap() == whole, "half a line was left");
        assert!(bench.engine.status().anchors_failed.unwrap().contains("anchors"));
    }
    // Nothing is deleted that no head on the second path covers.
    assert_eq!(bench.engine.inner.signed.anchored(), (0, 0));
    std::fs::remove_file(&ballast).unwrap();
    // Nothing more happens here, and it comes all the same.
    let end = bench.engine.status().uses.unwrap().0;
    bench.engine.sign_heads().unwrap();
    assert!(bench.engine.status().anchors_failed.is_none());
    let read = || {
        let text = std::fs::read_to_string(&anchors).unwrap();
        let found = crate::anchors_in(&text).into_iter();
        found.map(|(_, anchor)| anchor.unwrap()).collect::<Vec<SignedHead>>()
    };
    let of_changes = read().into_iter().any(|head| head.chain == ChainName::Changes);
    assert!(of_changes && read().iter().any(|head| head.head.seq + 3 > end), "{:?}", read());
    bench.engine.audit_verify_against(&read()).unwrap();
    // Half a line that something else left spoils no other.
    std::fs::write(&anchors, "cut o").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    let heads = bench.engine.sign_heads().unwrap();
    assert_eq!(read(), heads);
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
