//! Hashes, MACs and key derivation: known answers.

use strongroom_crypto::derive::{self, Kbkdf};
use strongroom_crypto::mac::{self, Algorithm, Mac};
use strongroom_crypto::{CryptoError, digest};
use strongroom_kmip::{
    BlockCipherMode as Mode, CryptographicAlgorithm as Alg, HashingAlgorithm as Hash,
};

use crate::{hex, key};

#[test]
fn every_hash_of_abc_is_the_published_one() {
    let rows = [
        (Hash::MD4, "a448017aaf21d8525fc10ae87aa6729d"),
        (Hash::MD5, "900150983cd24fb0d6963f7d28e17f72"),
        (Hash::SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Hash::RIPEMD_160, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        (Hash::SHA_224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (Hash::SHA_256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Hash::SHA_384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca1
             34c825a7",
        ),
        (
            Hash::SHA_512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23
             a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Hash::SHA_512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        (Hash::SHA_512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        (Hash::SHA3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        (Hash::SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (
            Hash::SHA3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf2
             28376d25",
        ),
        (
            Hash::SHA3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec576
             47e3934057340b4cf408d5a56592f8274eec53f0",
        ),
    ];
    for (algorithm, expected) in rows {
        let expected = hex(expected);
        assert_eq!(digest::hash(algorithm, b"abc").unwrap(), expected, "{algorithm:?}");
        assert_eq!(digest::len(algorithm).unwrap(), expected.len());
        let mut hasher = digest::Hasher::new(algorithm).unwrap();
        for piece in [&b"a"[..], b"", b"bc"] {
            hasher.update(piece).unwrap();
        }
        assert_eq!(hasher.finish().unwrap(), expected, "{algorithm:?} in steps");
    }
    for missing in [Hash::MD2, Hash::TIGER, Hash::WHIRLPOOL] {
        assert!(matches!(digest::hash(missing, b""), Err(CryptoError::Unsupported { .. })));
    }
}

#[test]
fn every_hmac_of_jefe_is_the_published_one() {
    let rows = [
        (Alg::HMAC_MD5, "750c783e6ab0b503eaa86e310a5db738"),
        (Alg::HMAC_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (Alg::HMAC_SHA224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
        (Alg::HMAC_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            Alg::HMAC_SHA384,
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ec
             fab21649",
        ),
        (
            Alg::HMAC_SHA512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65
             f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (Alg::HMAC_SHA3_224, "7fdb8dd88bd2f60d1b798634ad386811c2cfc85bfaf5d52bbace5e66"),
        (Alg::HMAC_SHA3_256, "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"),
        (
            Alg::HMAC_SHA3_384,
            "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e
             9df4c20a",
        ),
        (
            Alg::HMAC_SHA3_512,
            "5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0ee7a0c31
             d022a95e1fc92ba9d77df883960275beb4e62024",
        ),
    ];
    let (k, data) = (key(b"Jefe"), b"what do ya want for nothing?");
    for (algorithm, expected) in rows {
        let (which, expected) = (Algorithm::of(algorithm, None).unwrap(), hex(expected));
        assert_eq!(mac::mac(which, &k, data).unwrap(), expected, "{algorithm:?}");
        assert_eq!(which.output_len().unwrap(), expected.len());
        assert!(mac::verify(which, &k, data, &expected).unwrap());
        assert!(!mac::verify(which, &k, data, &expected[1..]).unwrap());
        assert!(!mac::verify(which, &k, b"", &expected).unwrap());
    }
}

#[test]
fn cmac_gives_the_values_of_rfc_4493_and_sp_800_38b() {
    let k = key(hex("2b7e151628aed2a6abf7158809cf4f3c"));
    let message =
        hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411");
    let aes = Algorithm::of(Alg::AES, Some(Mode::CMAC)).unwrap();
    let rows = [
        (0, "bb1d6929e95937287fa37d129b756746"),
        (16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (40, "dfa66747de9ae63030ca32611497c827"),
    ];
    for (len, expected) in rows {
        assert_eq!(mac::mac(aes, &k, &message[..len]).unwrap(), hex(expected));
        let mut steps = Mac::new(aes, &k).unwrap();
        message[..len].chunks(3).for_each(|piece| steps.update(piece).unwrap());
        assert!(steps.verify(&hex(expected)).unwrap());
    }
    let k = key(hex("8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5"));
    let des = Algorithm::of(Alg::TRIPLE_DES, Some(Mode::CMAC)).unwrap();
    assert_eq!(mac::mac(des, &k, b"").unwrap(), hex("b7a688e122ffaf95"));
    assert_eq!(mac::mac(des, &k, &message[..8]).unwrap(), hex("8e8f293136283797"));
    assert!(matches!(mac::mac(aes, &key([0; 17]), b""), Err(CryptoError::BadKey { .. })));
    assert!(Algorithm::of(Alg::AES, Some(Mode::GCM)).is_err());
    assert!(Algorithm::of(Alg::RSA, None).is_err());
}

#[test]
fn the_oasis_derivations_come_out_as_the_standard_expects() {
    let k = key(hex("00112233445566778899aabbccddeeff"));
    // TC-DERIVEKEY-1 to 5.
    let derived = derive::hash(Hash::SHA_256, &k, b"", 16).unwrap();
    assert_eq!(derived.as_slice(), hex("a8faed6abbf35c12a4b26e40f6feb19d"));
    let derived = derive::hmac(Hash::SHA_256, &k, &hex("0102"), 16).unwrap();
    assert_eq!(derived.as_slice(), hex("1e15c1f1da233629f770fb0a04a5020e"));
    let password = key(b"password");
    let rows = [
        (Hash::SHA_1, 1, "0c60c80f961f0e71f3a9b524af601206"),
        (Hash::SHA_1, 4096, "4b007901b765489abead49d926f721d0"),
        (Hash::SHA_256, 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"),
    ];
    for (hash, rounds, expected) in rows {
        let expected = hex(expected);
        let derived = derive::pbkdf2(hash, &password, b"salt", rounds, expected.len()).unwrap();
        assert_eq!(derived.as_slice(), expected);
    }
    assert!(derive::pbkdf2(Hash::SHA_1, &password, b"salt", 0, 16).is_err());
    assert!(derive::pbkdf2(Hash::RIPEMD_160, &password, b"salt", 1, 16).is_err());
}

#[test]
fn more_than_a_method_gives_is_an_error() {
    let k = key([1; 16]);
    assert!(derive::hash(Hash::SHA_256, &k, b"", 33).is_err());
    assert!(derive::hmac(Hash::SHA_1, &k, b"", 21).is_err());
    let spec = strongroom_crypto::cipher::Spec::new(Alg::AES, Some(Mode::ECB));
    let data = hex("6bc1bee22e409f96e93d7e117393172a");
    let k = key(hex("2b7e151628aed2a6abf7158809cf4f3c"));
    let derived = derive::encrypt(&k, &spec, b"", &data, 16).unwrap();
    assert_eq!(derived.as_slice(), hex("3ad77bb40d7a3660a89ecaf32466ef97"));
    assert!(derive::encrypt(&k, &spec, b"", &data, 17).is_err());
}

#[test]
fn sp_800_108_gives_what_an_independent_implementation_gives() {
    let k = key((0..32).collect::<Vec<u8>>());
    let fixed = b"label\0context\0\0\x01\0";
    let prf = Algorithm::Hmac(Hash::SHA_256);
    let rows = [
        (
            Kbkdf::Counter,
            "303790cfe363abe9682dbfff5941f23b32addc96da72f4c7e5b20e9f59a4e5708c8d6550414c4060ac983120
             08df50908728c89b528863421eda656dd237b45ecbfb492fb812458d2faac74c41e4f2c3",
        ),
        (
            Kbkdf::Feedback { iv: b"" },
            "303790cfe363abe9682dbfff5941f23b32addc96da72f4c7e5b20e9f59a4e57012d538d579e0f31ad5ea1e30
             494cef60216b3a4e472c578de2819b08e9342343996a5dfa45ec13b02bc2a85c80699794",
        ),
        (
            Kbkdf::Feedback { iv: &[7; 32] },
            "a0aa40fcddc49f700f02efdc233fe8cddb1f49e8d0ae5519e18876af6b9f449b19d7c448a359c7576bf6d218
             bbba6043b5c1b38b6888ee3a522fdfe96ed7c30301f94f71bd5a6922cf130efe01e97062",
        ),
        (
            Kbkdf::DoublePipeline,
            "d6c8cac8462ec9dba10c698440b47efd077c5170b62e56230dccbb6b0e2c6b21acc21942dcdb40d9e254dc1b
             94b3471ae8689a1ca5f67f4f378d167157c2eadc3bbbf180e2e6ed0bba7e5975af62b779",
        ),
    ];
    for (mode, expected) in rows {
        let expected = hex(expected);
        for len in [1, 16, 32, 33, 80] {
            let derived = derive::nist800_108(mode, prf, &k, fixed, len).unwrap();
            assert_eq!(derived.as_slice(), &expected[..len], "{mode:?}");
        }
    }
    assert_eq!(
        derive::nist800_108(Kbkdf::Counter, Algorithm::CmacAes, &k, fixed, 40).unwrap().len(),
        40
    );
}
