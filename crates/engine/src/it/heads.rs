//! Signed heads and anchors.

use strongroom_journal::{ChainName, SignedHead};
use strongroom_kmip::Operation;

use super::Bench;
use super::kit::Mount;
use super::periods::{actions, make_periodic};

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
fn a_second_path_that_takes_nothing_holds_up_no_date_and_is_told_once() {
    let second = tempfile::TempDir::new().unwrap();
    // Where the file should be is a directory.
    let anchors = second.path().join("anchors");
    std::fs::create_dir(&anchors).unwrap();
    let bench = Bench::with(|config| config.anchors_path = Some(anchors.clone()));
    let key = make_periodic(&bench, "due");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    // The first one signs, since nothing was signed yet; and the key is replaced in the same one.
    bench.engine.sweep().unwrap_err();
    assert_eq!(bench.engine.key(&key).unwrap().links.len(), 1, "its date was not acted on");
    let [failing] = &bench.engine.status().upkeep[..] else { panic!("nothing fails") };
    assert!(failing.what.contains("anchoring") && failing.why.contains("anchors"), "{failing:?}");
    // Whenever it is tried again, as far as it goes. Ten seconds have passed if the clock goes back.
    for _ in 0..3 {
        bench.engine.inner.clock.wall.move_by(-1_000);
        bench.engine.sweep().unwrap_err();
    }
    assert_eq!(actions(&bench, "upkeep-failing"), 1);
    std::fs::remove_dir(&anchors).unwrap();
    bench.engine.inner.clock.wall.move_by(-1_000);
    bench.engine.sweep().unwrap();
    assert_eq!(bench.engine.status().upkeep, []);
    assert_eq!(actions(&bench, "upkeep-recovered"), 1);
    // The end is on the second path, also if it was signed while that took nothing.
    let text = std::fs::read_to_string(&anchors).unwrap();
    let kept: Vec<SignedHead> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(kept.iter().any(|head| head.chain == ChainName::Changes), "{text}");
    bench.engine.audit_verify_against(&kept).unwrap();
}

#[test]
fn heads_that_the_second_path_did_not_take_are_on_it_as_soon_as_it_does() {
    let second = tempfile::TempDir::new().unwrap();
    let anchors = second.path().join("anchors");
    std::fs::create_dir(&anchors).unwrap();
    let bench = Bench::with(|config| config.anchors_path = Some(anchors.clone()));
    bench.create("quiet from then on").unwrap();
    bench.engine.sign_heads().unwrap_err();
    bench.engine.sign_heads().unwrap_err();
    std::fs::remove_dir(&anchors).unwrap();
    // Nothing moved since.
    assert_eq!(bench.engine.sign_heads().unwrap(), []);
    let text = std::fs::read_to_string(&anchors).unwrap();
    let kept: Vec<SignedHead> = text.lines().map(|line| line.parse().unwrap()).collect();
    let last = |chain| kept.iter().filter(|h| h.chain == chain).map(|h| h.head.seq).max();
    assert_eq!(last(ChainName::Changes), Some(bench.engine.status().changes.0));
    assert_eq!(kept.len(), 2, "{text}");
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
