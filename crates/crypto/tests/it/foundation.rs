//! What the rest of the house stands on: sealing, the chain's MAC and signature, HKDF, randomness.

use std::time::Instant;

use strongroom_crypto::{CryptoError, derive, ed25519, hmac256, random, seal, sha256};
use strongroom_kmip::HashingAlgorithm;

use crate::{hex, key};

#[test]
fn what_was_sealed_opens_to_the_same_bytes() {
    let k = key([7; 32]);
    for len in [0, 1, 15, 16, 17, 4096, 5000] {
        let plain: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let sealed = seal::seal(&k, b"id", &plain).unwrap();
        assert_eq!(sealed.len(), len + seal::OVERHEAD);
        assert_eq!(seal::open(&k, b"id", &sealed).unwrap().as_slice(), plain);
    }
}

#[test]
fn a_sealed_text_altered_anywhere_does_not_open() {
    let k = key([7; 32]);
    let sealed = seal::seal(&k, b"id", b"secret").unwrap();
    for i in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[i] ^= 1;
        assert_eq!(seal::open(&k, b"id", &altered).unwrap_err(), CryptoError::BadData);
        assert_eq!(seal::open(&k, b"id", &sealed[..i]).unwrap_err(), CryptoError::BadData);
    }
    assert_eq!(seal::open(&k, b"other", &sealed).unwrap_err(), CryptoError::BadData);
    assert_eq!(seal::open(&key([8; 32]), b"id", &sealed).unwrap_err(), CryptoError::BadData);
    assert!(matches!(seal::seal(&key([7; 16]), b"", b""), Err(CryptoError::BadKey { .. })));
}

#[test]
fn two_sealings_never_look_alike() {
    let k = key([7; 32]);
    assert_ne!(seal::seal(&k, b"", b"x").unwrap(), seal::seal(&k, b"", b"x").unwrap());
}

#[test]
fn sha256_of_parts_is_that_of_the_whole() {
    let expected = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(sha256(&[b"abc"]).as_slice(), expected);
    assert_eq!(sha256(&[b"a", b"", b"bc"]).as_slice(), expected);
}

#[test]
fn hmac256_gives_the_values_of_rfc_4231() {
    let jefe = hmac256::Key::new(&key(b"Jefe")).unwrap();
    let expected = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(jefe.sign(&[b"what do ya want ", b"for nothing?"]).as_slice(), expected);
    assert!(jefe.verify(&[b"what do ya want for nothing?"], &expected));
    assert!(!jefe.verify(&[b"what do ya want for nothing!"], &expected));
    assert!(!jefe.verify(&[b"what do ya want for nothing?"], &expected[..31]));

    // A key longer than the block is hashed first.
    let long = hmac256::Key::new(&key([0xaa; 131])).unwrap();
    let expected = hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    let data = b"Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(long.sign(&[data]).as_slice(), expected);
}

#[test]
fn hkdf_gives_the_values_of_rfc_5869() {
    let ikm = key([0x0b; 22]);
    let okm = derive::hkdf(
        HashingAlgorithm::SHA_256,
        &ikm,
        &hex("000102030405060708090a0b0c"),
        &hex("f0f1f2f3f4f5f6f7f8f9"),
        42,
    );
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf
                    34007208d5b887185865";
    assert_eq!(okm.unwrap().as_slice(), hex(expected));
    let okm = derive::hkdf(HashingAlgorithm::SHA_256, &ikm, b"", b"", 42);
    let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d
                    9d201395faa4b61a96c8";
    assert_eq!(okm.unwrap().as_slice(), hex(expected));
    assert!(derive::hkdf(HashingAlgorithm::SHA_256, &ikm, b"", b"", 255 * 32 + 1).is_err());
}

#[test]
fn ed25519_gives_the_values_of_rfc_8032() {
    let seed = key(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
    let public = ed25519::public_key(&seed).unwrap();
    let expected = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_eq!(public.as_slice(), expected);
    let signature = ed25519::sign(&seed, &[0x72]).unwrap();
    let expected = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_eq!(signature.as_slice(), expected);
    assert!(ed25519::verify(&public, &[0x72], &signature));
    assert!(!ed25519::verify(&public, &[0x73], &signature));
    assert!(!ed25519::verify(&public[..31], &[0x72], &signature));
    assert!(ed25519::sign(&key([1; 31]), b"").is_err());
    assert_ne!(ed25519::generate().unwrap().as_slice(), ed25519::generate().unwrap().as_slice());
}

#[test]
fn random_bytes_differ_from_call_to_call() {
    let (mut a, mut b) = ([0; 32], [0; 32]);
    random(&mut a).unwrap();
    random(&mut b).unwrap();
    assert_ne!(a, b);
}

/// Run by hand, in release, with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_the_foundation() {
    const ROUNDS: u32 = 200_000;
    let measure = |what: &str, f: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| f());
        println!("{what}: {:?}", start.elapsed() / ROUNDS);
    };
    let k = key([7; 32]);
    let mac = hmac256::Key::new(&k).unwrap();
    let sealed = seal::seal(&k, b"id", &[1; 64]).unwrap();
    let mut out = [0; 32];
    measure("random 32 B", &mut || random(&mut out).unwrap());
    measure("sha256 64 B", &mut || {
        std::hint::black_box(sha256(&[&[1; 64]]));
    });
    measure("hmac256 32 B", &mut || {
        std::hint::black_box(mac.sign(&[&[1; 32]]));
    });
    measure("seal 64 B", &mut || drop(seal::seal(&k, b"id", &[1; 64]).unwrap()));
    measure("open 64 B", &mut || drop(seal::open(&k, b"id", &sealed).unwrap()));
}
