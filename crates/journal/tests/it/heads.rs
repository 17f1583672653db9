use strongroom_crypto::ed25519;
use strongroom_journal::{AnchorError, ChainName, Head, SignedHead, What, verify};

use crate::{SITE, sample, secret, verifier};

fn signed() -> SignedHead {
    let (records, _) = sample();
    let head = records[9].as_ref().head();
    SignedHead::sign(&secret(8), ChainName::Changes, SITE, head, 1_790_000_000_000, 3).unwrap()
}

fn public() -> [u8; 32] {
    ed25519::public_key(&secret(8)).unwrap()
}

#[test]
fn a_signed_head_survives_its_two_forms_and_verifies() {
    let signed = signed();
    signed.verify(&public()).unwrap();
    assert_eq!(SignedHead::decode(&signed.encode()).unwrap(), signed);
    let line = signed.to_string();
    assert!(
        !line.contains('\n')
            && line.starts_with("strongroom-anchor-1 chain=changes site=7 seq=10 hash=")
    );
    assert_eq!(line.parse::<SignedHead>().unwrap(), signed);
    assert_eq!(format!("<134>1 2026-11-24 host: {line}\n").parse::<SignedHead>().unwrap(), signed);
}

#[test]
fn every_changed_byte_of_a_signed_head_is_found() {
    let bytes = signed().encode();
    for i in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[i] ^= 1;
        let accepted = SignedHead::decode(&bytes).is_ok_and(|s| s.verify(&public()).is_ok());
        assert!(!accepted, "byte {i}");
    }
}

#[test]
fn a_line_that_is_no_anchor_says_which_part_is_wrong() {
    let line = signed().to_string();
    let parse = |line: &str| line.parse::<SignedHead>().unwrap_err();
    assert_eq!(parse("hello"), AnchorError::Malformed("no strongroom-anchor-1 in it"));
    assert_eq!(parse(&line.replace("seq=10", "seq=ten")), AnchorError::Malformed("seq"));
    assert_eq!(parse(&line.replace("hash=", "hash=0")), AnchorError::Malformed("hash"));
    assert_eq!(parse(line.split(" sig=").next().unwrap()), AnchorError::Malformed("sig"));
}

#[test]
fn another_key_is_told_from_a_bad_signature() {
    let other = ed25519::public_key(&secret(9)).unwrap();
    assert!(matches!(signed().verify(&other), Err(AnchorError::OtherKey { .. })));
    let mut bad = signed();
    bad.signature[5] ^= 1;
    assert_eq!(bad.verify(&public()), Err(AnchorError::BadSignature));
}

#[test]
fn anchors_show_truncation_and_rewriting_without_any_secret() {
    let (records, _) = sample();
    let anchor = signed().head;
    let check = |records, anchors: Vec<Head>| {
        verify(records, verifier(ChainName::Changes).with_anchors(anchors))
    };
    assert_eq!(check(records.clone(), vec![anchor]).unwrap().anchors, 1);

    let fault = check(records[..8].to_vec(), vec![anchor]).unwrap_err();
    assert_eq!((fault.seq, fault.what), (9, What::Truncated { end: 8, known: 10 }));

    let other = Head { seq: 10, hash: [1; 32] };
    let fault = check(records.clone(), vec![other]).unwrap_err();
    assert_eq!((fault.seq, fault.what), (10, What::NotAsAnchored));

    // Two anchors of one number that differ: one of them must be wrong.
    assert_eq!(check(records, vec![anchor, other]).unwrap_err().what, What::NotAsAnchored);
}
