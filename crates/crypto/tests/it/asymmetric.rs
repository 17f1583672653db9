//! Asymmetric keys: formats, components, known answers, agreement with other implementations.

use std::sync::OnceLock;

use strongroom_crypto::asym::{
    self, EcComponents, KeyPair, Message, PrivateKey, PublicKey, RsaComponents, RsaPadding,
    Signing, extension,
};
use strongroom_crypto::{CryptoError, sha256, wrap};
use strongroom_kmip::{
    CryptographicAlgorithm as Alg, DigitalSignatureAlgorithm, HashingAlgorithm as Hash,
    KeyFormatType as Format, PaddingMethod, RecommendedCurve as Curve,
};
use strongroom_secmem::SecretBytes;

use crate::{hex, key};

/// One RSA key for all tests: making it is slow.
pub fn rsa() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| asym::generate(Alg::RSA, Some(2048), None).unwrap())
}

pub fn private(pair: &KeyPair) -> PrivateKey {
    PrivateKey::from_pkcs8(&pair.private_pkcs8).unwrap()
}

pub fn public(pair: &KeyPair) -> PublicKey {
    PublicKey::from_spki(&pair.public_spki).unwrap()
}

const PSS: Signing = Signing {
    hash: Some(Hash::SHA_256),
    padding: Some(PaddingMethod::PSS),
    mgf_hash: None,
    salt_length: None,
};

#[test]
fn every_kind_of_key_survives_every_format_that_it_has() {
    let ec = |curve| (Alg::EC, None, Some(curve));
    let rows = [
        (ec(Curve::P_224), &[Format::RAW, Format::PKCS_8, Format::ECPRIVATEKEY][..]),
        (ec(Curve::P_256), &[Format::RAW, Format::PKCS_8, Format::ECPRIVATEKEY]),
        (ec(Curve::P_384), &[Format::RAW, Format::PKCS_8, Format::ECPRIVATEKEY]),
        (ec(Curve::P_521), &[Format::RAW, Format::PKCS_8, Format::ECPRIVATEKEY]),
        (ec(Curve::SECP256K1), &[Format::RAW, Format::PKCS_8, Format::ECPRIVATEKEY]),
        (ec(Curve::CURVE25519), &[Format::RAW, Format::PKCS_8]),
        ((Alg::ED25519, None, None), &[Format::RAW, Format::PKCS_8]),
        ((extension::ML_KEM_512, None, None), &[Format::RAW, Format::PKCS_8]),
        ((extension::ML_KEM_768, None, None), &[Format::RAW, Format::PKCS_8]),
        ((extension::ML_KEM_1024, None, None), &[Format::RAW, Format::PKCS_8]),
        ((extension::ML_DSA_44, None, None), &[Format::RAW, Format::PKCS_8]),
        ((extension::ML_DSA_65, None, None), &[Format::RAW, Format::PKCS_8]),
        ((extension::ML_DSA_87, None, None), &[Format::RAW, Format::PKCS_8]),
    ];
    for ((algorithm, bits, curve), formats) in rows {
        let pair = asym::generate(algorithm, bits, curve).unwrap();
        let (private, public) = (private(&pair), public(&pair));
        let info = private.info().unwrap();
        assert_eq!((info.algorithm, info.curve), (algorithm, curve));
        assert_eq!(public.info().unwrap(), info);
        for format in formats {
            let encoded = private.encode(*format).unwrap();
            let again = PrivateKey::parse(*format, algorithm, curve, &encoded).unwrap();
            assert_eq!(
                again.public().unwrap().encode(Format::X_509).unwrap(),
                pair.public_spki,
                "{algorithm:?} {curve:?} {format:?}"
            );
            let longer = key([encoded.as_slice(), b"\0"].concat());
            // A scalar is a number: a zero in front, not behind, would change nothing.
            let longer = PrivateKey::parse(*format, algorithm, curve, &longer);
            assert!(longer.is_err(), "{algorithm:?} {curve:?} {format:?} with a byte behind");
        }
        for format in [Format::RAW, Format::X_509] {
            let encoded = public.encode(format).unwrap();
            let again = PublicKey::parse(format, algorithm, curve, &encoded).unwrap();
            assert_eq!(again.encode(Format::X_509).unwrap(), pair.public_spki);
            let shorter = &encoded[..encoded.len() - 1];
            assert!(PublicKey::parse(format, algorithm, curve, shorter).is_err());
        }
        assert!(private.encode(Format::PKCS_1).is_err());
        let other = PrivateKey::parse(Format::PKCS_8, Alg::RSA, None, &pair.private_pkcs8);
        assert!(matches!(other, Err(CryptoError::BadKey { .. })));
    }
    let (private, public) = (private(rsa()), public(rsa()));
    for format in [Format::PKCS_1, Format::PKCS_8] {
        let encoded = private.encode(format).unwrap();
        let again = PrivateKey::parse(format, Alg::RSA, None, &encoded).unwrap();
        assert_eq!(again.info().unwrap().bits, 2048);
        assert_eq!(
            again.encode(Format::PKCS_8).unwrap().as_slice(),
            rsa().private_pkcs8.as_slice()
        );
    }
    for format in [Format::PKCS_1, Format::X_509] {
        let encoded = public.encode(format).unwrap();
        let again = PublicKey::parse(format, Alg::RSA, None, &encoded).unwrap();
        assert_eq!(again.encode(Format::X_509).unwrap(), rsa().public_spki);
    }
    assert!(matches!(private.encode(Format::RAW), Err(CryptoError::Unsupported { .. })));
}

#[test]
fn generation_refuses_what_it_cannot_make() {
    let refused = |algorithm, bits, curve| asym::generate(algorithm, bits, curve).unwrap_err();
    assert!(matches!(refused(Alg::RSA, None, None), CryptoError::BadParameter { .. }));
    assert!(matches!(refused(Alg::RSA, Some(512), None), CryptoError::BadParameter { .. }));
    assert!(matches!(refused(Alg::RSA, Some(16384), None), CryptoError::BadParameter { .. }));
    assert!(matches!(refused(Alg::EC, None, None), CryptoError::BadParameter { .. }));
    assert!(matches!(
        refused(Alg::EC, Some(256), Some(Curve::P_384)),
        CryptoError::BadParameter { .. }
    ));
    assert!(matches!(refused(Alg::EC, None, Some(Curve::B_571)), CryptoError::Unsupported { .. }));
    assert!(matches!(refused(Alg::DSA, Some(2048), None), CryptoError::Unsupported { .. }));
    assert!(asym::generate(Alg::ECDSA, Some(521), None).is_ok());
    assert_eq!(
        private(&asym::generate(Alg::RSA, Some(1024), None).unwrap()).info().unwrap().bits,
        1024
    );
}

#[test]
fn rsa_numbers_make_the_same_key_however_many_are_given() {
    let full = private(rsa()).rsa().unwrap();
    let copy = |secret: &Option<SecretBytes>| secret.clone();
    let base = || RsaComponents {
        modulus: full.modulus.clone(),
        public_exponent: full.public_exponent.clone(),
        ..RsaComponents::default()
    };
    let variants = [
        // The private exponent alone: the primes are recovered.
        RsaComponents { private_exponent: copy(&full.private_exponent), ..base() },
        RsaComponents { p: copy(&full.p), q: copy(&full.q), ..base() },
        RsaComponents { p: copy(&full.p), q: copy(&full.q), modulus: Vec::new(), ..base() },
        RsaComponents {
            private_exponent: copy(&full.private_exponent),
            p: copy(&full.p),
            q: copy(&full.q),
            public_exponent: None,
            ..base()
        },
    ];
    let data = Message::Data(b"message");
    for parts in variants {
        let key = PrivateKey::from_rsa(&parts).unwrap();
        let signature = asym::sign(&key, &PSS, data).unwrap();
        assert!(asym::verify(&public(rsa()), &PSS, data, &signature).unwrap());
        let spki = key.public().unwrap().encode(Format::X_509).unwrap();
        assert_eq!(spki, rsa().public_spki);
    }
    assert!(PrivateKey::from_rsa(&base()).is_err());
    let swapped =
        RsaComponents { p: copy(&full.q), q: copy(&full.p), ..private(rsa()).rsa().unwrap() };
    assert!(matches!(PrivateKey::from_rsa(&swapped), Err(CryptoError::BadKey { .. })));
    let wrong = RsaComponents { private_exponent: Some(key([3; 256])), ..base() };
    assert!(matches!(PrivateKey::from_rsa(&wrong), Err(CryptoError::BadKey { .. })));
    for bytes in [&[][..], &[0], &[1], &[2]] {
        let tiny = RsaComponents {
            modulus: bytes.to_vec(),
            public_exponent: Some(bytes.to_vec()),
            private_exponent: Some(key(bytes)),
            p: Some(key(bytes)),
            q: Some(key(bytes)),
            ..RsaComponents::default()
        };
        assert!(PrivateKey::from_rsa(&tiny).is_err(), "{bytes:?}");
        let tiny = RsaComponents { p: None, q: None, ..tiny };
        assert!(PrivateKey::from_rsa(&tiny).is_err(), "{bytes:?}");
        assert!(PublicKey::from_rsa(&tiny).is_err(), "{bytes:?}");
    }
    let numbers = public(rsa()).rsa().unwrap();
    let spki = PublicKey::from_rsa(&numbers).unwrap().encode(Format::X_509).unwrap();
    assert_eq!(spki, rsa().public_spki);
}

#[test]
fn a_trusted_key_is_the_same_key() {
    for format in [Format::PKCS_1, Format::PKCS_8] {
        let encoded = private(rsa()).encode(format).unwrap();
        let again = PrivateKey::parse_trusted(format, Alg::RSA, None, &encoded).unwrap();
        let message = Message::Data(b"message");
        let signature = asym::sign(&again, &PSS, message).unwrap();
        assert!(asym::verify(&public(rsa()), &PSS, message, &signature).unwrap());
        assert_eq!(again.encode(format).unwrap().as_slice(), encoded.as_slice());
        assert_eq!(again.info().unwrap(), private(rsa()).info().unwrap());
        for len in 0..encoded.len() {
            let cut = key(&encoded.as_slice()[..len]);
            assert!(PrivateKey::parse_trusted(format, Alg::RSA, None, &cut).is_err());
        }
        // A broken store is no reason to crash, nor to let out a faulty signature.
        for i in (0..encoded.len()).step_by(7) {
            let mut altered = encoded.as_slice().to_vec();
            altered[i] ^= 0x40;
            let parsed = PrivateKey::parse_trusted(format, Alg::RSA, None, &key(&altered));
            if let Ok(parsed) = parsed
                && let Ok(signature) = asym::sign(&parsed, &PSS, message)
                && let Ok(public) = parsed.public()
            {
                assert!(asym::verify(&public, &PSS, message, &signature).unwrap(), "byte {i}");
            }
        }
    }
    let pair = asym::generate(Alg::EC, None, Some(Curve::P_256)).unwrap();
    let again = PrivateKey::parse_trusted(Format::PKCS_8, Alg::EC, None, &pair.private_pkcs8);
    assert!(again.is_ok());
    assert!(
        PrivateKey::parse_trusted(Format::PKCS_8, Alg::RSA, None, &pair.private_pkcs8).is_err()
    );
}

#[test]
fn ec_numbers_make_the_same_key_and_foreign_points_are_refused() {
    for curve in [Curve::P_224, Curve::P_256, Curve::P_384, Curve::P_521, Curve::SECP256K1] {
        let pair = asym::generate(Alg::ECDSA, None, Some(curve)).unwrap();
        let parts = private(&pair).ec().unwrap();
        assert_eq!(parts.curve, curve);
        let spki = |key: PublicKey| key.encode(Format::X_509).unwrap();
        let again = PrivateKey::from_ec(&parts).unwrap();
        assert_eq!(spki(again.public().unwrap()), pair.public_spki);
        assert_eq!(spki(PublicKey::from_ec(&parts).unwrap()), pair.public_spki);
        let alone = EcComponents { q: None, ..parts };
        let again = PrivateKey::from_ec(&alone).unwrap();
        assert_eq!(spki(again.public().unwrap()), pair.public_spki);
        assert!(PublicKey::from_ec(&alone).is_err());

        let other = asym::generate(Alg::ECDSA, None, Some(curve)).unwrap();
        let foreign = EcComponents { q: public(&other).ec().unwrap().q, ..alone };
        assert!(matches!(PrivateKey::from_ec(&foreign), Err(CryptoError::BadKey { .. })));
        let mut off_curve = foreign.q.clone().unwrap();
        off_curve[5] ^= 1;
        let off_curve = EcComponents { curve, d: None, q: Some(off_curve) };
        assert!(matches!(PublicKey::from_ec(&off_curve), Err(CryptoError::BadKey { .. })));
        for d in [&[][..], &[0], &[0xff; 70]] {
            let wrong = EcComponents { curve, d: Some(key(d)), q: None };
            assert!(PrivateKey::from_ec(&wrong).is_err());
        }
    }
}

#[test]
fn signatures_verify_and_altered_ones_do_not() {
    let with = |hash| Signing { hash: Some(hash), ..Signing::default() };
    let hashes =
        [Hash::SHA_1, Hash::SHA_224, Hash::SHA_256, Hash::SHA_384, Hash::SHA_512, Hash::SHA3_256];
    let mut rows = Vec::new();
    for hash in hashes {
        rows.push((Alg::RSA, None, with(hash)));
        rows.push((Alg::RSA, None, Signing { padding: Some(PaddingMethod::PSS), ..with(hash) }));
        for curve in [Curve::P_224, Curve::P_256, Curve::P_384, Curve::P_521, Curve::SECP256K1] {
            rows.push((Alg::ECDSA, Some(curve), with(hash)));
        }
    }
    rows.push((Alg::RSA, None, with(Hash::MD5)));
    rows.push((Alg::RSA, None, Signing { salt_length: Some(222), ..PSS }));
    rows.push((
        Alg::RSA,
        None,
        Signing { salt_length: Some(0), mgf_hash: Some(Hash::SHA_1), ..PSS },
    ));
    rows.push((Alg::ECDSA, Some(Curve::P_384), Signing::default()));
    for algorithm in
        [Alg::ED25519, extension::ML_DSA_44, extension::ML_DSA_65, extension::ML_DSA_87]
    {
        rows.push((algorithm, None, Signing::default()));
    }
    for (algorithm, curve, signing) in rows {
        let made;
        let pair = if algorithm == Alg::RSA {
            rsa()
        } else {
            made = asym::generate(algorithm, None, curve).unwrap();
            &made
        };
        let (private, public) = (private(pair), public(pair));
        let data = Message::Data(b"a message");
        let mut signature = asym::sign(&private, &signing, data).unwrap();
        fn check(
            public: &PublicKey,
            signing: &Signing,
            message: Message<'_>,
            signature: &[u8],
        ) -> bool {
            asym::verify(public, signing, message, signature).unwrap()
        }
        assert!(check(&public, &signing, data, &signature), "{algorithm:?} {curve:?} {signing:?}");
        assert!(!check(&public, &signing, Message::Data(b"another"), &signature));
        assert!(!check(&public, &signing, data, &signature[1..]));
        assert!(!check(&public, &signing, data, b""));
        if let Some(hash) = signing.hash {
            let digest = strongroom_crypto::digest::hash(hash, b"a message").unwrap();
            assert!(check(&public, &signing, Message::Digest(&digest), &signature));
            let made = asym::sign(&private, &signing, Message::Digest(&digest)).unwrap();
            assert!(check(&public, &signing, data, &made));
            let short = Message::Digest(&digest[1..]);
            assert!(asym::sign(&private, &signing, short).is_err());
        }
        let last = signature.len() - 1;
        signature[last] ^= 1;
        assert!(!check(&public, &signing, data, &signature));
    }
}

#[test]
fn signing_refuses_parameters_that_do_not_fit() {
    let private = private(rsa());
    let data = Message::Data(b"x");
    assert!(asym::sign(&private, &Signing::default(), data).is_err());
    assert!(
        asym::sign(&private, &Signing { hash: None, ..PSS }, Message::Digest(&[0; 32])).is_err()
    );
    assert!(asym::sign(&private, &Signing { salt_length: Some(223), ..PSS }, data).is_err());
    let oaep = Signing { padding: Some(PaddingMethod::OAEP), ..PSS };
    assert!(matches!(asym::sign(&private, &oaep, data), Err(CryptoError::Unsupported { .. })));
    let pair = asym::generate(Alg::ED25519, None, None).unwrap();
    let ed25519 = self::private(&pair);
    assert!(asym::sign(&ed25519, &Signing::default(), Message::Digest(&[0; 32])).is_err());
    assert!(asym::sign(&ed25519, &PSS, data).is_err());
    let x25519 = asym::generate(Alg::ECDH, None, Some(Curve::CURVE25519)).unwrap();
    assert!(asym::sign(&self::private(&x25519), &Signing::default(), data).is_err());
}

#[test]
fn digital_signature_algorithms_name_hash_and_padding() {
    let signing = Signing::of(DigitalSignatureAlgorithm::SHA_256_WITH_RSA_ENCRYPTION).unwrap();
    assert_eq!(signing.hash, Some(Hash::SHA_256));
    assert_eq!(signing.padding, Some(PaddingMethod::PKCS1_V1_5));
    let signing = Signing::of(DigitalSignatureAlgorithm::ECDSA_WITH_SHA384).unwrap();
    assert_eq!((signing.hash, signing.padding), (Some(Hash::SHA_384), None));
    assert!(Signing::of(DigitalSignatureAlgorithm::DSA_WITH_SHA256).is_err());
}

#[test]
fn ecdsa_verifies_the_signature_of_rfc_6979() {
    let parts = EcComponents {
        curve: Curve::P_256,
        d: Some(key(hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))),
        q: Some(hex(
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e956
             28bc64f2f1b20c2d7e9f5177a3c294d4462299",
        )),
    };
    let public = PrivateKey::from_ec(&parts).unwrap().public().unwrap();
    let signature = hex(
        "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c942d657c41
         d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    );
    let signing = Signing { hash: Some(Hash::SHA_256), ..Signing::default() };
    assert!(asym::verify(&public, &signing, Message::Data(b"sample"), &signature).unwrap());
    assert!(!asym::verify(&public, &signing, Message::Data(b"test"), &signature).unwrap());
}

#[test]
fn agreement_gives_the_values_of_nist_and_rfc_7748() {
    let d = key(hex("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"));
    let own = PrivateKey::parse(Format::RAW, Alg::ECDH, Some(Curve::P_256), &d).unwrap();
    let peer = hex(
        "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287db71e509e3fd9b060ddb20ba5c51dc
         c5948d46fbf640dfe0441782cab85fa4ac",
    );
    let peer = PublicKey::parse(Format::RAW, Alg::ECDH, Some(Curve::P_256), &peer).unwrap();
    let expected = hex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b");
    assert_eq!(asym::agree(&own, &peer).unwrap().as_slice(), expected);

    let x = Some(Curve::CURVE25519);
    let scalar = key(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
    let own = PrivateKey::parse(Format::RAW, Alg::ECDH, x, &scalar).unwrap();
    let u = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let peer_x = PublicKey::parse(Format::RAW, Alg::ECDH, x, &u).unwrap();
    let expected = hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_eq!(asym::agree(&own, &peer_x).unwrap().as_slice(), expected);
    assert!(asym::agree(&own, &peer).is_err(), "another curve");
    let zero = PublicKey::parse(Format::RAW, Alg::ECDH, x, &[0; 32]).unwrap();
    assert!(asym::agree(&own, &zero).is_err(), "a point of small order");
}

#[test]
fn both_sides_of_an_agreement_get_the_same_secret() {
    let curves = [
        Curve::P_224,
        Curve::P_256,
        Curve::P_384,
        Curve::P_521,
        Curve::SECP256K1,
        Curve::CURVE25519,
    ];
    for curve in curves {
        let [a, b] = [(); 2].map(|()| asym::generate(Alg::ECDH, None, Some(curve)).unwrap());
        let one = asym::agree(&private(&a), &public(&b)).unwrap();
        let two = asym::agree(&private(&b), &public(&a)).unwrap();
        assert_eq!(one.as_slice(), two.as_slice());
    }
}

#[test]
fn ml_kem_and_ml_dsa_make_the_public_keys_that_openssl_makes_of_a_seed() {
    let rows = [
        (
            extension::ML_DSA_44,
            32,
            "9f107644c1084526af3bc8098680b05499a2325a644e388fb4f970e058d19d46",
        ),
        (
            extension::ML_DSA_65,
            32,
            "d666806e11cee19a7c989f7445f90dd419cf4d2d51db8c0fdb4c0f0a542238c9",
        ),
        (
            extension::ML_DSA_87,
            32,
            "91dc389cfaa01470b7f66eee45a4ae9026d154817c754dfe22298b3fa241ffcd",
        ),
        (
            extension::ML_KEM_768,
            64,
            "0b7934c83125c788995e2ba6bd761e33046b3e40571be53e023309a29f398cc9",
        ),
        (
            extension::ML_KEM_1024,
            64,
            "c7b8fa0aa471d5ae18922d6ccad5b31e1d84f92ae723abfd13747018740a8530",
        ),
    ];
    for (algorithm, len, expected) in rows {
        let seed = key((0..len).collect::<Vec<u8>>());
        let private = PrivateKey::parse(Format::RAW, algorithm, None, &seed).unwrap();
        let public = private.public().unwrap().encode(Format::RAW).unwrap();
        assert_eq!(sha256(&[&public]).as_slice(), hex(expected), "{algorithm:?}");
        assert_eq!(private.encode(Format::RAW).unwrap().as_slice(), seed.as_slice());
        assert_eq!(private.info().unwrap().bits as usize, 8 * public.len());
    }
}

#[test]
fn ml_kem_agrees_with_the_safe_interface_of_the_library() {
    use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024};
    let rows = [
        (extension::ML_KEM_512, &ML_KEM_512),
        (extension::ML_KEM_768, &ML_KEM_768),
        (extension::ML_KEM_1024, &ML_KEM_1024),
    ];
    for (algorithm, theirs) in rows {
        let pair = asym::generate(algorithm, None, None).unwrap();
        let raw = public(&pair).encode(Format::RAW).unwrap();
        let (ciphertext, secret) =
            EncapsulationKey::new(theirs, &raw).unwrap().encapsulate().unwrap();
        let ours = asym::decapsulate(&private(&pair), ciphertext.as_ref()).unwrap();
        assert_eq!(ours.as_slice(), secret.as_ref());

        // Their expanded key, which holds no seed, works as ours.
        let their_key = DecapsulationKey::generate(theirs).unwrap();
        let expanded = key(their_key.key_bytes().unwrap().as_ref());
        let ours = PrivateKey::parse(Format::RAW, algorithm, None, &expanded).unwrap();
        let made = asym::encapsulate(&ours.public().unwrap()).unwrap();
        assert_eq!(
            asym::decapsulate(&ours, &made.ciphertext).unwrap().as_slice(),
            made.secret.as_slice()
        );
        let mut altered = made.ciphertext.clone();
        altered[0] ^= 1;
        let other = asym::decapsulate(&ours, &altered).unwrap();
        assert_ne!(other.as_slice(), made.secret.as_slice());
        let short = asym::decapsulate(&ours, &altered[1..]);
        assert_eq!(short.unwrap_err(), CryptoError::BadData);
        assert!(asym::encapsulate(&public(rsa())).is_err());
    }
}

#[test]
fn rsa_encryption_comes_back_with_any_pair_of_hashes_and_fails_with_another() {
    let hashes =
        [Hash::SHA_1, Hash::SHA_224, Hash::SHA_256, Hash::SHA_384, Hash::SHA_512, Hash::SHA3_256];
    for hash in hashes {
        for mgf in hashes {
            let padding = RsaPadding::Oaep { hash, mgf_hash: Some(mgf), label: b"label" };
            let made = asym::encrypt(&public(rsa()), padding, b"a key").unwrap();
            let back = asym::decrypt(&private(rsa()), padding, &made).unwrap();
            assert_eq!(back.as_slice(), b"a key");
            let label = RsaPadding::Oaep { hash, mgf_hash: Some(mgf), label: b"" };
            assert_eq!(
                asym::decrypt(&private(rsa()), label, &made).unwrap_err(),
                CryptoError::BadData
            );
            let other = RsaPadding::Oaep { hash, mgf_hash: Some(Hash::MD5), label: b"label" };
            assert_eq!(
                asym::decrypt(&private(rsa()), other, &made).unwrap_err(),
                CryptoError::BadData
            );
        }
    }
    let padding = RsaPadding::Oaep { hash: Hash::SHA_256, mgf_hash: None, label: b"" };
    assert!(asym::encrypt(&public(rsa()), padding, &[0; 190]).is_ok());
    let long = asym::encrypt(&public(rsa()), padding, &[0; 191]);
    assert!(matches!(long, Err(CryptoError::BadParameter { .. })));
    for data in [vec![], vec![0; 255], vec![0; 256], vec![0xff; 256], vec![0; 257]] {
        let back = asym::decrypt(&private(rsa()), padding, &data);
        assert_eq!(back.unwrap_err(), CryptoError::BadData);
    }
    let made = asym::encrypt(&public(rsa()), RsaPadding::Pkcs1V15, b"a key").unwrap();
    let back = asym::decrypt(&private(rsa()), RsaPadding::Pkcs1V15, &made).unwrap();
    assert_eq!(back.as_slice(), b"a key");
}

#[test]
fn wrapped_keys_unwrap_into_locked_memory() {
    use strongroom_crypto::cipher::Spec;
    use strongroom_kmip::BlockCipherMode as Mode;
    let kek = key([1; 32]);
    let aes = |mode| Spec::new(Alg::AES, Some(mode));
    let padded = Spec { padding: Some(PaddingMethod::PKCS5), ..aes(Mode::CBC) };
    let rows = [
        (wrap::AES_KEY_WRAP, vec![]),
        (aes(Mode::AESKEYWRAPPADDING), vec![]),
        (aes(Mode::GCM), vec![5; 12]),
        (padded, vec![5; 16]),
    ];
    for (spec, iv) in rows {
        let wrapped = wrap::wrap(&kek, &spec, &iv, &[9; 32]).unwrap();
        assert_eq!(wrap::unwrap(&kek, &spec, &iv, &wrapped).unwrap().as_slice(), [9; 32]);
        let mut altered = wrapped.clone();
        *altered.last_mut().unwrap() ^= 0x80;
        let result = wrap::unwrap(&kek, &spec, &iv, &altered);
        assert_eq!(result.unwrap_err(), CryptoError::BadData, "{spec:?}");
        assert_eq!(wrap::unwrap(&kek, &spec, &iv, b"").unwrap_err(), CryptoError::BadData);
    }
    let padding = RsaPadding::Oaep { hash: Hash::SHA_256, mgf_hash: Some(Hash::SHA_1), label: b"" };
    let wrapped = wrap::wrap_rsa(&public(rsa()), padding, &[9; 32]).unwrap();
    assert_eq!(wrap::unwrap_rsa(&private(rsa()), padding, &wrapped).unwrap().as_slice(), [9; 32]);
}

#[test]
fn random_bytes_as_keys_are_errors_and_nothing_worse() {
    use proptest::prelude::*;
    let algorithms = [Alg::RSA, Alg::EC, Alg::ED25519, extension::ML_KEM_512, extension::ML_DSA_44];
    let formats =
        [Format::RAW, Format::PKCS_1, Format::PKCS_8, Format::X_509, Format::ECPRIVATEKEY];
    proptest!(ProptestConfig::with_cases(200), |(bytes in proptest::collection::vec(any::<u8>(), 0..200))| {
        for algorithm in algorithms {
            for format in formats {
                let curve = Some(Curve::P_256);
                let _ = PrivateKey::parse(format, algorithm, curve, &key(&bytes));
                let _ = PublicKey::parse(format, algorithm, curve, &bytes);
            }
        }
    });
    // Damage true keys, too.
    let pair = asym::generate(Alg::EC, None, Some(Curve::P_256)).unwrap();
    for der in [pair.private_pkcs8.as_slice(), rsa().private_pkcs8.as_slice()] {
        for i in (0..der.len()).step_by(3) {
            let mut altered = der.to_vec();
            altered[i] ^= 0x21;
            let parsed = PrivateKey::from_pkcs8(&key(&altered));
            if let Ok(parsed) = parsed {
                let _ = parsed.encode(Format::PKCS_8);
                let _ = parsed.public().map(|public| public.encode(Format::X_509));
            }
        }
    }
}

/// Run by hand, in release, with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_asymmetric_operations_with_parsing() {
    let measure = |what: &str, rounds: u32, f: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        (0..rounds).for_each(|_| f());
        println!("{what}: {:?}", start.elapsed() / rounds);
    };
    let sign = |pair: &KeyPair, signing: &Signing| {
        drop(asym::sign(&private(pair), signing, Message::Data(b"x")).unwrap());
    };
    measure("RSA-2048 parse", 200, &mut || drop(private(rsa())));
    measure("RSA-2048 PSS sign", 200, &mut || sign(rsa(), &PSS));
    measure("RSA-2048 PSS sign, trusted key", 200, &mut || {
        let der = &rsa().private_pkcs8;
        let key = PrivateKey::parse_trusted(Format::PKCS_8, Alg::RSA, None, der).unwrap();
        drop(asym::sign(&key, &PSS, Message::Data(b"x")).unwrap());
    });
    let der = &rsa().private_pkcs8;
    let trusted = || PrivateKey::parse_trusted(Format::PKCS_8, Alg::RSA, None, der).unwrap();
    measure("RSA-2048 parse, trusted key", 200, &mut || drop(trusted()));
    let kept = trusted();
    measure("RSA-2048 PSS sign, kept key", 200, &mut || {
        drop(asym::sign(&kept, &PSS, Message::Data(b"x")).unwrap());
    });
    let ec = asym::generate(Alg::ECDSA, Some(256), None).unwrap();
    measure("P-256 sign", 1000, &mut || sign(&ec, &Signing::default()));
    measure("P-256 generate", 1000, &mut || {
        drop(asym::generate(Alg::ECDSA, Some(256), None).unwrap());
    });
    let dsa = asym::generate(extension::ML_DSA_65, None, None).unwrap();
    measure("ML-DSA-65 sign", 200, &mut || sign(&dsa, &Signing::default()));
    measure("RSA-2048 generate", 5, &mut || {
        drop(asym::generate(Alg::RSA, Some(2048), None).unwrap());
    });
}
