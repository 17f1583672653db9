//! Algorithms of the past: stored and returned always, used only where the configuration says so.

use strongroom_kmip::{BlockCipherMode, HashingAlgorithm, KeyFormatType, PaddingMethod};

use super::kit::*;
use super::*;

const REFUSED: Result<Value, ResultReason> = Err(ResultReason::PERMISSION_DENIED);

fn benches() -> [(bool, Bench); 2] {
    [false, true].map(|legacy| (legacy, Bench::with(|config| config.legacy_algorithms = legacy)))
}

fn register(bench: &Bench, algorithm: CryptographicAlgorithm, bits: i32, octets: &[u8]) -> String {
    let payload = bench.one(&bench.alice, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        AttributeSet::Own.write(&Wish { algorithm, bits, ..Wish::default() }.attributes(), e, V);
        e.structure(Tag::SYMMETRIC_KEY, |e| {
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, octets));
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
                e.integer(Tag::CRYPTOGRAPHIC_LENGTH, bits);
            });
        });
    });
    text(&payload.unwrap(), Tag::UNIQUE_IDENTIFIER)
}

/// Refused without the configuration's word, done with it.
fn expect(legacy: bool, what: &str, result: Result<Value, ResultReason>) {
    match legacy {
        true => assert!(result.is_ok(), "{what}: {result:?}"),
        false => assert_eq!(result, REFUSED, "{what}"),
    }
}

#[test]
fn old_ciphers_are_kept_and_used_only_when_allowed() {
    let keys: [(CryptographicAlgorithm, i32, &[u8], Option<BlockCipherMode>); 4] = [
        (CryptographicAlgorithm::DES, 56, &[0x13; 8], Some(BlockCipherMode::CBC)),
        (CryptographicAlgorithm::TRIPLE_DES, 168, &[7; 24], Some(BlockCipherMode::CBC)),
        (CryptographicAlgorithm::TRIPLE_DES, 112, &[9; 16], Some(BlockCipherMode::CBC)),
        (CryptographicAlgorithm::RC4, 128, &[5; 16], None),
    ];
    for (legacy, bench) in benches() {
        for (algorithm, bits, octets_of_key, mode_of_use) in keys {
            let id = register(&bench, algorithm, bits, octets_of_key);
            assert_eq!(bench.material(&id), octets_of_key, "{algorithm}");
            let crypt = |operation, data: &[u8], iv: Option<&[u8]>| {
                bench.on(operation, &id, |e| {
                    if let Some(chosen) = mode_of_use {
                        mode(e, chosen);
                    }
                    e.bytes(Tag::DATA, data);
                    if let Some(iv) = iv {
                        e.bytes(Tag::IV_COUNTER_NONCE, iv);
                    }
                })
            };
            let iv: Option<&[u8]> = mode_of_use.map(|_| &[1; 8][..]);
            let made = crypt(Operation::ENCRYPT, b"sixteen octets..", iv);
            let data = made.as_ref().map_or(vec![0; 24], |made| octets(made, Tag::DATA));
            expect(legacy, &format!("encrypt {algorithm} {bits}"), made);
            let back = crypt(Operation::DECRYPT, &data, iv);
            if let Ok(back) = &back {
                assert_eq!(octets(back, Tag::DATA), b"sixteen octets..", "{algorithm}");
            }
            expect(legacy, &format!("decrypt {algorithm} {bits}"), back);
        }
        // As a wrapping key it is used as well.
        let kek = register(&bench, CryptographicAlgorithm::TRIPLE_DES, 168, &[7; 24]);
        let wrapped = bench.on(Operation::GET, &bench.make(&Wish::default()), |e| {
            e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
                e.enumeration(Tag::WRAPPING_METHOD, strongroom_kmip::WrappingMethod::ENCRYPT);
                e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, &kek);
                    mode(e, BlockCipherMode::CBC);
                });
            });
        });
        expect(legacy, "wrap with 3DES", wrapped);
    }
}

#[test]
fn md5_is_computed_only_when_allowed() {
    for (legacy, bench) in benches() {
        let hash = bench.one(&bench.alice, Operation::HASH, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::MD5);
            });
            e.bytes(Tag::DATA, b"abc");
        });
        if let Ok(hash) = &hash {
            assert_eq!(octets(hash, Tag::DATA)[..4], [0x90, 0x01, 0x50, 0x98]);
        }
        expect(legacy, "MD5", hash);
        let id = register(&bench, CryptographicAlgorithm::HMAC_MD5, 128, &[3; 16]);
        assert_eq!(bench.material(&id), [3; 16]);
        let mac = bench.on(Operation::MAC, &id, |e| e.bytes(Tag::DATA, b"abc"));
        expect(legacy, "HMAC-MD5", mac);
        // In a derivation, and in a signature.
        let base = bench.make(&Wish::default());
        let derived = bench.on(Operation::DERIVE_KEY, &base, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.enumeration(Tag::DERIVATION_METHOD, strongroom_kmip::DerivationMethod::HASH);
            e.structure(Tag::DERIVATION_PARAMETERS, |e| {
                e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                    e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::MD5);
                });
            });
            AttributeSet::Own.write(&Wish { bits: 128, ..Wish::default() }.attributes(), e, V);
        });
        expect(legacy, "derive with MD5", derived);
        let rsa = Wish { algorithm: CryptographicAlgorithm::RSA, bits: 2048, ..Wish::default() };
        let (private, _) = bench.make_pair(&rsa, None);
        let signed = sign(&bench, &private, HashingAlgorithm::MD5);
        expect(legacy, "sign with MD5", signed);
    }
}

fn sign(bench: &Bench, id: &str, hash: HashingAlgorithm) -> Result<Value, ResultReason> {
    bench.on(Operation::SIGN, id, |e| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::PADDING_METHOD, PaddingMethod::PKCS1_V1_5);
            e.enumeration(Tag::HASHING_ALGORITHM, hash);
        });
        e.bytes(Tag::DATA, b"message");
    })
}

#[test]
fn a_short_rsa_pair_is_made_only_when_allowed_and_a_registered_one_is_kept() {
    let wish = Wish { algorithm: CryptographicAlgorithm::RSA, bits: 1024, ..Wish::default() };
    let [(_, strict), (_, lenient)] = benches();
    let made = strict.one(&strict.alice, Operation::CREATE_KEY_PAIR, |e| {
        AttributeSet::Common.write(&wish.attributes(), e, V);
    });
    assert_eq!(made, REFUSED);
    let (private, public) = lenient.make_pair(&wish, None);
    sign(&lenient, &private, HashingAlgorithm::SHA_256).unwrap();
    // The same keys, elsewhere.
    for (id, tag, object_type, usage) in [
        (&private, Tag::PRIVATE_KEY, ObjectType::PRIVATE_KEY, Operation::SIGN),
        (&public, Tag::PUBLIC_KEY, ObjectType::PUBLIC_KEY, Operation::ENCRYPT),
    ] {
        let got = lenient.by_id(Operation::GET, id).unwrap();
        let object = got.find(tag).unwrap();
        let kept = strict.one(&strict.alice, Operation::REGISTER, |e| {
            e.enumeration(Tag::OBJECT_TYPE, object_type);
            let mut attributes = wish.attributes();
            attributes.drain(..2);
            AttributeSet::Own.write(&attributes, e, V);
            e.node(object);
        });
        let kept = text(&kept.unwrap(), Tag::UNIQUE_IDENTIFIER);
        let back = strict.by_id(Operation::GET, &kept).unwrap();
        assert_eq!(back.find(tag), Some(object));
        let used = strict.on(usage, &kept, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::PADDING_METHOD, PaddingMethod::PKCS1_V1_5);
                e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
            });
            e.bytes(Tag::DATA, b"message");
        });
        assert_eq!(used, REFUSED, "{usage}");
    }
}

#[test]
fn old_keys_can_be_made_and_given_and_are_no_more_use_than_registered_ones() {
    for (legacy, bench) in benches() {
        for (algorithm, bits) in
            [(CryptographicAlgorithm::TRIPLE_DES, 168), (CryptographicAlgorithm::RC4, 128)]
        {
            let made = bench.make(&Wish { algorithm, bits, ..Wish::default() });
            let replaced =
                text(&bench.by_id(Operation::RE_KEY, &made).unwrap(), Tag::UNIQUE_IDENTIFIER);
            for id in [&made, &replaced] {
                assert!(bench.material(id).len() >= 16, "{algorithm}");
                let used = bench.on(Operation::ENCRYPT, id, |e| {
                    if algorithm == CryptographicAlgorithm::TRIPLE_DES {
                        mode(e, BlockCipherMode::CBC);
                    }
                    e.bytes(Tag::DATA, b"secret");
                });
                expect(legacy, &format!("encrypt {algorithm}"), used);
            }
        }
    }
}
