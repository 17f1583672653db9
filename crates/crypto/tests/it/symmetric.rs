//! Symmetric ciphers: known answers, streaming against one-shot, refusals.

use proptest::prelude::*;
use strongroom_crypto::CryptoError;
use strongroom_crypto::cipher::{self, Spec, Stream};
use strongroom_kmip::{BlockCipherMode as Mode, CryptographicAlgorithm as Alg, PaddingMethod};

use crate::{hex, key};

const AES_128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const AES_192: &str = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const AES_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
/// The first two blocks of the examples of SP 800-38A.
const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const IV: &str = "000102030405060708090a0b0c0d0e0f";
const COUNTER: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

fn spec(algorithm: Alg, mode: Mode) -> Spec {
    Spec::new(algorithm, Some(mode))
}

/// Encrypts, compares, decrypts, compares; at once and in steps.
fn check(
    spec: &Spec,
    k: &str,
    iv: &str,
    aad: &str,
    plain: &str,
    expected: &str,
    tag: Option<&str>,
) {
    let (k, iv, aad, plain) = (key(hex(k)), hex(iv), hex(aad), hex(plain));
    let (expected, tag) = (hex(expected), tag.map(hex));
    let made = cipher::encrypt(&k, spec, &iv, &aad, &plain).unwrap();
    assert_eq!((&made.data, &made.tag), (&expected, &tag), "{spec:?}");
    let back = cipher::decrypt(&k, spec, &iv, &aad, &made.data, tag.as_deref()).unwrap();
    assert_eq!(back, plain, "{spec:?}");

    let mut stream = Stream::encrypt(&k, spec, &iv, &aad).unwrap();
    let mut data: Vec<u8> = plain.chunks(7).flat_map(|c| stream.update(c).unwrap()).collect();
    let last = stream.finish(None).unwrap();
    data.extend(last.data);
    assert_eq!((data, last.tag), (expected.clone(), tag.clone()), "{spec:?} in steps");

    let mut stream = Stream::decrypt(&k, spec, &iv, &aad).unwrap();
    let mut data: Vec<u8> = expected.chunks(5).flat_map(|c| stream.update(c).unwrap()).collect();
    assert!(tag.is_none() || data.is_empty(), "nothing leaves before the tag verifies");
    data.extend(stream.finish(tag.as_deref()).unwrap().data);
    assert_eq!(data, plain, "{spec:?} in steps");
}

#[test]
fn aes_block_modes_give_the_values_of_sp_800_38a() {
    let rows = [
        (
            Mode::ECB,
            AES_128,
            "",
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        ),
        (
            Mode::ECB,
            AES_192,
            "",
            "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef",
        ),
        (
            Mode::ECB,
            AES_256,
            "",
            "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870",
        ),
        (
            Mode::CBC,
            AES_128,
            IV,
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
        ),
        (
            Mode::CBC,
            AES_192,
            IV,
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
        ),
        (
            Mode::CBC,
            AES_256,
            IV,
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
        ),
        (
            Mode::CFB,
            AES_128,
            IV,
            "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b",
        ),
        (
            Mode::OFB,
            AES_128,
            IV,
            "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825",
        ),
        (
            Mode::CTR,
            AES_128,
            COUNTER,
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        ),
        (
            Mode::CTR,
            AES_256,
            COUNTER,
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5",
        ),
    ];
    for (mode, k, iv, expected) in rows {
        check(&spec(Alg::AES, mode), k, iv, "", PLAIN, expected, None);
    }
}

#[test]
fn aes_gcm_gives_the_values_of_its_submission_for_ivs_of_12_8_and_60_bytes() {
    let k = "feffe9928665731c6d6a8f9467308308";
    let aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    let plain =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24
                 49a6b525b16aedf5aa0de657ba637b39";
    let rows = [
        (
            "cafebabefacedbaddecaf888",
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5a
             ac84aa051ba30b396a0aac973d58e091",
            "5bc94fbc3221a5db94fae95ae7121a47",
        ),
        (
            "cafebabefacedbad",
            "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544
             d4896b424989b5e1ebac0f07c23f4598",
            "3612d2e79e3b0785561be14aaca2fccb",
        ),
        (
            "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e242
             9a6b525416aedbf5a0de6a57a637b39b",
            "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281
             d48c7c6fd62875d2aca417034c34aee5",
            "619cc5aefffe0bfa462af43c1699d050",
        ),
    ];
    for (iv, expected, tag) in rows {
        check(&spec(Alg::AES, Mode::GCM), k, iv, aad, plain, expected, Some(tag));
        // A shorter tag is the beginning of the long one.
        for len in [4, 8, 12, 13, 14, 15] {
            let short = Spec { tag_length: Some(len), ..spec(Alg::AES, Mode::GCM) };
            check(&short, k, iv, aad, plain, expected, tag.get(..2 * len));
        }
    }
}

#[test]
fn aes_ccm_gives_the_values_of_sp_800_38c() {
    let k = "404142434445464748494a4b4c4d4e4f";
    let with_tag = |len| Spec { tag_length: Some(len), ..spec(Alg::AES, Mode::CCM) };
    check(
        &with_tag(4),
        k,
        "10111213141516",
        "0001020304050607",
        "20212223",
        "7162015b",
        Some("4dac255d"),
    );
    check(
        &with_tag(6),
        k,
        "1011121314151617",
        "000102030405060708090a0b0c0d0e0f",
        "202122232425262728292a2b2c2d2e2f",
        "d2a1f0e051ea5f62081a7792073d593d",
        Some("1fc64fbfaccd"),
    );
    check(
        &with_tag(8),
        k,
        "101112131415161718191a1b",
        "000102030405060708090a0b0c0d0e0f10111213",
        "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5",
        Some("484392fbc1b09951"),
    );
}

#[test]
fn chacha20_poly1305_gives_the_values_of_rfc_8439_and_of_the_oasis_case() {
    let k = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
    let plain = "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620
                 4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c
                 2073756e73637265656e20776f756c642062652069742e";
    let expected = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69
                    da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594
                    5585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116";
    let (iv, aad) = ("070000004041424344454647", "50515253c0c1c2c3c4c5c6c7");
    let tag = "1ae10b594f09e26a7e902ecbd0600691";
    check(&Spec::new(Alg::CHACHA20POLY1305, None), k, iv, aad, plain, expected, Some(tag));
    let named = spec(Alg::CHACHA20POLY1305, Mode::AEAD);
    check(&named, k, iv, aad, plain, expected, Some(tag));
    let cut = Spec { tag_length: Some(12), ..named };
    check(&cut, k, iv, aad, plain, expected, tag.get(..24));
    for len in [1, 32] {
        let wrong = Spec { tag_length: Some(len), ..named };
        let made = cipher::encrypt(&key(hex(k)), &wrong, &hex(iv), &hex(aad), &hex(plain));
        assert!(matches!(made, Err(CryptoError::BadParameter { .. })));
    }
}

#[test]
fn chacha20_takes_the_nonces_of_the_oasis_cases_and_of_rfc_8439() {
    let spec = Spec::new(Alg::CHACHA20, None);
    let (one, zeros) = (format!("{:064x}", 1), "00".repeat(64));
    let expected = "4540f05a9f1fb296d7736e7b208e3c96eb4fe1834688d2604f450952ed432d41bbe2a0b6ea7566d2a5d1e7e20d42
                    af2c53d792b1c43fea817e9ad275ae546963";
    check(&spec, &one, "0000000000000000", "", &zeros, expected, None);
    let expected = "de9cba7bf3d69ef5e786dc63973f653a0b49e015adbff7134fcb7df137821031e85a050278a7084527214f73efc7
                    fa5b5277062eb7a0433e445f41e3";
    check(&spec, &"00".repeat(32), "0000000000000001", "", &"00".repeat(60), expected, None);

    // RFC 8439, section 2.4.2, begins at block 1.
    let k = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let plain = "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620
                 4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c
                 2073756e73637265656e20776f756c642062652069742e";
    let expected = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dab
                    cd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806
                    818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d";
    check(&spec, k, "01000000000000000000004a00000000", "", plain, expected, None);
    assert!(cipher::encrypt(&key(hex(k)), &spec, &[0; 11], b"", b"x").is_err());
    // The last block of the counter is there, one more is not.
    let last = hex("ffffffff000000000000004a00000000");
    assert!(cipher::encrypt(&key(hex(k)), &spec, &last, b"", &[0; 64]).is_ok());
    assert!(cipher::encrypt(&key(hex(k)), &spec, &last, b"", &[0; 65]).is_err());
}

#[test]
fn xts_gives_the_values_of_ieee_1619_with_both_key_lengths() {
    let spec = spec(Alg::AES, Mode::XTS);
    let k = format!("{}{}", "11".repeat(16), "22".repeat(16));
    let expected = "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0";
    check(&spec, &k, "33333333330000000000000000000000", "", &"44".repeat(32), expected, None);

    // Vector 15: 17 bytes, so the last block is stolen from.
    let k = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0";
    let expected = "6c1625db4671522d3d7599601de7ca09ed";
    let iv = "9a785634120000000000000000000000";
    check(&spec, k, iv, "", "000102030405060708090a0b0c0d0e0f10", expected, None);

    // Vector 10, first block.
    let k = "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383
             279502884197169399375105820974944592";
    let plain: Vec<u8> = (0..=255).collect();
    let iv = hex("ff000000000000000000000000000000");
    let made = cipher::encrypt(&key(hex(k)), &spec, &iv, b"", &plain).unwrap();
    assert_eq!(made.data[..16], hex("1c3b3a102f770386e4836c99e370cf9b"));
    assert_eq!(cipher::decrypt(&key(hex(k)), &spec, &iv, b"", &made.data, None).unwrap(), plain);

    for len in [32, 64] {
        let twice = cipher::encrypt(&key(vec![7; len]), &spec, &iv, b"", &plain);
        assert!(matches!(twice, Err(CryptoError::BadKey { .. })), "equal halves of {len} bytes");
        let mut good: Vec<u8> = (0..len as u8).collect();
        good.reverse();
        let short = cipher::encrypt(&key(good), &spec, &iv, b"", &plain[..15]);
        assert!(matches!(short, Err(CryptoError::BadParameter { .. })));
    }
}

#[test]
fn legacy_ciphers_give_their_published_values() {
    // SP 800-67, appendix B.
    let k = "0123456789abcdef23456789abcdef01456789abcdef0123";
    let plain = "54686520717566636b2062726f776e20666f78206a756d70";
    let expected = "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900";
    check(&spec(Alg::TRIPLE_DES, Mode::ECB), k, "", "", plain, expected, None);
    let des = spec(Alg::DES, Mode::ECB);
    check(&des, "133457799bbcdff1", "", "", "0123456789abcdef", "85e813540f0ab405", None);
    // RFC 6229.
    let rc4 = Spec::new(Alg::RC4, None);
    let expected = "b2396305f03dc027ccc3524a0a1118a8";
    check(&rc4, "0102030405", "", "", &"00".repeat(16), expected, None);
    // Two keys are three with the first again.
    let (two, three) = (&k[..32], format!("{}{}", &k[..32], &k[..16]));
    for mode in [Mode::ECB, Mode::CBC] {
        let (spec, iv) =
            (spec(Alg::TRIPLE_DES, mode), vec![9; if mode == Mode::CBC { 8 } else { 0 }]);
        let with = |k: &str| cipher::encrypt(&key(hex(k)), &spec, &iv, b"", &hex(plain)).unwrap();
        assert_eq!(with(two), with(&three));
    }
    let ctr = cipher::encrypt(&key(hex(k)), &spec(Alg::TRIPLE_DES, Mode::CTR), &[0; 8], b"", b"");
    assert!(matches!(ctr, Err(CryptoError::Unsupported { .. })));
}

#[test]
fn blowfish_gives_the_value_of_its_authors_example() {
    let (k, iv) = ("0123456789abcdeff0e1d2c3b4a59687", "fedcba9876543210");
    let plain = "37363534333231204e6f77206973207468652074696d6520666f722000";
    let expected = "6b77b4d63006dee605b156e27403979358deb9e7154616d9749decbec05d264b";
    let cbc = Spec { padding: Some(PaddingMethod::PKCS5), ..spec(Alg::BLOWFISH, Mode::CBC) };
    check(&cbc, k, iv, "", plain, expected, None);
    let ctr = cipher::encrypt(&key(hex(k)), &spec(Alg::BLOWFISH, Mode::CTR), &[0; 8], b"", b"");
    assert!(matches!(ctr, Err(CryptoError::Unsupported { .. })));
}

#[test]
fn key_wrap_gives_the_values_of_rfc_3394_and_rfc_5649() {
    let kw = spec(Alg::AES, Mode::NISTKEYWRAP);
    let k = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let data = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
    let rows = [
        (32, 32, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        (48, 32, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
        (
            64,
            64,
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
    ];
    for (k_len, len, expected) in rows {
        check(&kw, &k[..k_len], "", "", &data[..len], expected, None);
    }
    let kwp = spec(Alg::AES, Mode::AESKEYWRAPPADDING);
    let k = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8";
    let rows = [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ];
    for (data, expected) in rows {
        check(&kwp, k, "", "", data, expected, None);
        for (i, _) in hex(expected).iter().enumerate() {
            let mut altered = hex(expected);
            altered[i] ^= 0x40;
            let opened = cipher::decrypt(&key(hex(k)), &kwp, b"", b"", &altered, None);
            assert_eq!(opened, Err(CryptoError::BadData));
        }
    }
    for len in [0, 8, 17] {
        let made = cipher::encrypt(&key([1; 16]), &kw, b"", b"", &vec![0; len]);
        assert!(matches!(made, Err(CryptoError::BadParameter { .. })), "{len} bytes");
        let opened = cipher::decrypt(&key([1; 16]), &kw, b"", b"", &vec![0; len], None);
        assert_eq!(opened, Err(CryptoError::BadData), "{len} bytes");
        let opened = cipher::decrypt(&key([1; 16]), &kwp, b"", b"", &vec![0; len], None);
        assert_eq!(opened, Err(CryptoError::BadData), "{len} bytes");
    }
}

#[test]
fn cbc_with_pkcs5_gives_the_value_of_the_oasis_case() {
    let spec = Spec { padding: Some(PaddingMethod::PKCS5), ..spec(Alg::AES, Mode::CBC) };
    let plain = "010203040506070809101112131415160102030405060708091011121314151601";
    let k = oasis_value("v2.1/profile-mandatory/CS-BC-M-10-21.xml", "KeyMaterial");
    let Some(k) = k else { return };
    let expected =
        "79abc5c23868ad84d388ce61110a62742bda19d694bbcb757dd06617c0d80fb1df2e71864ad9633d7d797e30
                    860df00d";
    check(&spec, &k, "01020304050607080910111213141516", "", plain, expected, None);
}

/// The first value of an element in one of the standard's own cases, when they are at hand.
fn oasis_value(case: &str, element: &str) -> Option<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/oasis-xml/");
    let Ok(text) = std::fs::read_to_string(format!("{root}{case}")) else {
        eprintln!("SKIPPED: no {root}{case}");
        return None;
    };
    let at = text.find(&format!("<{element} "))?;
    let value = text[at..].split("value=\"").nth(1)?.split('"').next()?;
    Some(value.to_owned())
}

#[test]
fn every_padding_is_removed_again_and_a_wrong_one_is_bad_data() {
    for padding in [PaddingMethod::PKCS5, PaddingMethod::ANSI_X9_23, PaddingMethod::ISO_10126] {
        let spec = Spec { padding: Some(padding), ..spec(Alg::AES, Mode::CBC) };
        let bare = Spec { padding: None, ..spec };
        let k = key([3; 16]);
        for len in 0..=48 {
            let plain = vec![0x5a; len];
            let made = cipher::encrypt(&k, &spec, &[1; 16], b"", &plain).unwrap();
            assert_eq!(made.data.len(), (len / 16 + 1) * 16);
            let back = cipher::decrypt(&k, &spec, &[1; 16], b"", &made.data, None).unwrap();
            assert_eq!(back, plain);
        }
        for count in [0, 17, 255] {
            let mut block = [0; 16];
            block[15] = count;
            let made = cipher::encrypt(&k, &bare, &[1; 16], b"", &block).unwrap();
            let back = cipher::decrypt(&k, &spec, &[1; 16], b"", &made.data, None);
            assert_eq!(back, Err(CryptoError::BadData), "{padding:?} {count}");
        }
        for data in [vec![], vec![0; 15], vec![0; 17]] {
            let back = cipher::decrypt(&k, &spec, &[1; 16], b"", &data, None);
            assert_eq!(back, Err(CryptoError::BadData));
        }
    }
    let spec = Spec { padding: Some(PaddingMethod::PKCS5), ..spec(Alg::AES, Mode::CBC) };
    let made = cipher::encrypt(&key([3; 16]), &Spec { padding: None, ..spec }, &[1; 16], b"", &{
        let mut block = [4; 16];
        block[12] = 5;
        block
    });
    let back = cipher::decrypt(&key([3; 16]), &spec, &[1; 16], b"", &made.unwrap().data, None);
    assert_eq!(back, Err(CryptoError::BadData));
}

#[test]
fn zero_padding_fills_the_block_and_stays() {
    let spec = Spec { padding: Some(PaddingMethod::ZEROS), ..spec(Alg::AES, Mode::ECB) };
    let k = key([3; 16]);
    let made = cipher::encrypt(&k, &spec, b"", b"", &[7; 20]).unwrap().data;
    let back = cipher::decrypt(&k, &spec, b"", b"", &made, None).unwrap();
    assert_eq!((made.len(), &back[..20], &back[20..]), (32, &[7; 20][..], &[0; 12][..]));
    assert_eq!(cipher::encrypt(&k, &spec, b"", b"", &[7; 16]).unwrap().data.len(), 16);
}

#[test]
fn wrong_lengths_are_refused_with_their_reason() {
    let refused = |spec: Spec, k: usize, iv: usize, data: usize| {
        cipher::encrypt(&key(vec![1; k]), &spec, &vec![0; iv], b"", &vec![0; data]).unwrap_err()
    };
    for (mode, iv) in [(Mode::CBC, 16), (Mode::GCM, 12), (Mode::ECB, 0), (Mode::XTS, 16)] {
        let error = refused(spec(Alg::AES, mode), 15, iv, 16);
        assert!(matches!(error, CryptoError::BadKey { .. }), "{mode:?}: {error}");
    }
    for (mode, iv) in
        [(Mode::CBC, 12), (Mode::CTR, 0), (Mode::GCM, 0), (Mode::ECB, 16), (Mode::CCM, 6)]
    {
        let error = refused(spec(Alg::AES, mode), 16, iv, 16);
        assert!(error.to_string().contains("IV"), "{mode:?}: {error}");
    }
    for mode in [Mode::CBC, Mode::ECB] {
        let iv = if mode == Mode::CBC { 16 } else { 0 };
        let error = refused(spec(Alg::AES, mode), 16, iv, 15);
        assert!(error.to_string().contains("multiple of 16"), "{mode:?}: {error}");
    }
    for len in [0, 1, 3, 5, 11, 17] {
        let spec = Spec { tag_length: Some(len), ..spec(Alg::AES, Mode::GCM) };
        let error = refused(spec, 16, 12, 16);
        assert!(error.to_string().contains("tag"), "{len}: {error}");
    }
    let error = refused(Spec::new(Alg::AES, None), 16, 16, 16);
    assert!(error.to_string().contains("mode"), "{error}");
    let error = refused(spec(Alg::CAMELLIA, Mode::CBC), 16, 8, 16);
    assert!(matches!(error, CryptoError::Unsupported { .. }), "{error}");
    let padded = Spec { padding: Some(PaddingMethod::PKCS5), ..spec(Alg::AES, Mode::GCM) };
    assert!(matches!(refused(padded, 16, 12, 16), CryptoError::BadParameter { .. }));
    let aad = cipher::encrypt(&key([1; 16]), &spec(Alg::AES, Mode::CTR), &[0; 16], b"a", b"");
    assert!(matches!(aad, Err(CryptoError::BadParameter { .. })));
}

#[test]
fn a_ctr_counter_never_leaves_its_field() {
    let spec = Spec { counter_length: Some(32), ..spec(Alg::AES, Mode::CTR) };
    let k = key([1; 16]);
    let iv = hex("00000000000000000000000000000000fffffffe").split_off(4);
    assert!(cipher::encrypt(&k, &spec, &iv, b"", &[0; 32]).is_ok());
    assert!(cipher::encrypt(&k, &spec, &iv, b"", &[0; 33]).is_err());
    let mut stream = Stream::encrypt(&k, &spec, &iv, b"").unwrap();
    assert!(stream.update(&[0; 32]).is_ok());
    assert!(stream.update(&[0; 1]).is_err());
    for width in [0, 129] {
        let wrong = Spec { counter_length: Some(width), ..spec };
        assert!(cipher::encrypt(&k, &wrong, &iv, b"", b"x").is_err());
    }
}

#[test]
fn an_altered_message_of_an_authenticating_mode_gives_nothing() {
    let rows = [
        (spec(Alg::AES, Mode::GCM), 16),
        (spec(Alg::AES, Mode::CCM), 24),
        (Spec::new(Alg::CHACHA20POLY1305, None), 32),
    ];
    for (spec, k_len) in rows {
        let k = key(vec![9; k_len]);
        let made = cipher::encrypt(&k, &spec, &[2; 12], b"aad", b"a message").unwrap();
        let tag = made.tag.unwrap();
        let attempt = |iv: &[u8], aad: &[u8], data: &[u8], tag: &[u8]| {
            let at_once = cipher::decrypt(&k, &spec, iv, aad, data, Some(tag));
            let mut stream = Stream::decrypt(&k, &spec, iv, aad).unwrap();
            assert_eq!(stream.update(data).unwrap(), b"");
            assert_eq!(stream.withheld(), data.len());
            let in_steps = stream.finish(Some(tag)).map(|last| last.data);
            assert_eq!(at_once, in_steps);
            at_once
        };
        assert_eq!(attempt(&[2; 12], b"aad", &made.data, &tag).unwrap(), b"a message");
        for i in 0..tag.len() {
            let mut altered = tag.clone();
            altered[i] ^= 1;
            let result = attempt(&[2; 12], b"aad", &made.data, &altered);
            assert_eq!(result, Err(CryptoError::BadData), "{spec:?}");
        }
        let mut altered = made.data.clone();
        altered[0] ^= 1;
        assert_eq!(attempt(&[2; 12], b"aad", &altered, &tag), Err(CryptoError::BadData));
        assert_eq!(attempt(&[3; 12], b"aad", &made.data, &tag), Err(CryptoError::BadData));
        assert_eq!(attempt(&[2; 12], b"aax", &made.data, &tag), Err(CryptoError::BadData));
        assert_eq!(attempt(&[2; 12], b"", &made.data, &tag), Err(CryptoError::BadData));
        let missing = cipher::decrypt(&k, &spec, &[2; 12], b"aad", &made.data, None);
        assert!(matches!(missing, Err(CryptoError::BadParameter { .. })));
        let short = cipher::decrypt(&k, &spec, &[2; 12], b"aad", &made.data, Some(&tag[..12]));
        assert!(matches!(short, Err(CryptoError::BadParameter { .. })));
    }
}

/// Every spec with a key length and an IV length that fit it.
fn specs() -> Vec<(Spec, usize, usize)> {
    let mut specs = Vec::new();
    let padded = |spec: Spec| Spec { padding: Some(PaddingMethod::PKCS5), ..spec };
    for k in [16, 24, 32] {
        specs.push((padded(spec(Alg::AES, Mode::ECB)), k, 0));
        specs.push((padded(spec(Alg::AES, Mode::CBC)), k, 16));
        specs.extend([Mode::CFB, Mode::OFB, Mode::CTR].map(|mode| (spec(Alg::AES, mode), k, 16)));
        specs.extend([1, 12, 13, 64].map(|iv| (spec(Alg::AES, Mode::GCM), k, iv)));
        specs.extend([7, 12, 13].map(|iv| (spec(Alg::AES, Mode::CCM), k, iv)));
    }
    specs.push((padded(spec(Alg::TRIPLE_DES, Mode::CBC)), 24, 8));
    specs.push((padded(spec(Alg::DES, Mode::CBC)), 8, 8));
    specs.push((Spec::new(Alg::RC4, None), 16, 0));
    specs.push((Spec::new(Alg::CHACHA20POLY1305, None), 32, 12));
    specs.extend([8, 12, 16].map(|iv| (Spec::new(Alg::CHACHA20, None), 32, iv)));
    specs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_encrypted_decrypts_to_itself_at_once_and_in_any_steps(
        k in proptest::collection::vec(any::<u8>(), 32),
        iv in proptest::collection::vec(0..=127u8, 64),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        cuts in proptest::collection::vec(1..40usize, 1..20),
    ) {
        for (spec, k_len, iv_len) in specs() {
            let (k, iv) = (key(&k[..k_len]), &iv[..iv_len]);
            let aad: &[u8] = if cipher::is_aead(&spec) { b"aad" } else { b"" };
            let made = cipher::encrypt(&k, &spec, iv, aad, &data).unwrap();
            let back = cipher::decrypt(&k, &spec, iv, aad, &made.data, made.tag.as_deref()).unwrap();
            prop_assert_eq!(&back, &data);

            let mut stream = Stream::encrypt(&k, &spec, iv, aad).unwrap();
            let (mut out, mut rest) = (Vec::new(), &data[..]);
            for cut in &cuts {
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                out.extend(stream.update(piece).unwrap());
                rest = tail;
            }
            out.extend(stream.update(rest).unwrap());
            let last = stream.finish(None).unwrap();
            out.extend(last.data);
            prop_assert_eq!((&out, &last.tag), (&made.data, &made.tag));

            let mut stream = Stream::decrypt(&k, &spec, iv, aad).unwrap();
            let (mut back, mut rest) = (Vec::new(), &made.data[..]);
            for cut in &cuts {
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                back.extend(stream.update(piece).unwrap());
                rest = tail;
            }
            back.extend(stream.update(rest).unwrap());
            back.extend(stream.finish(made.tag.as_deref()).unwrap().data);
            prop_assert_eq!(&back, &data);
        }
    }

    /// The crate behind XTS-AES-128 and AWS-LC behind XTS-AES-256 agree with themselves; that they
    /// agree with each other is told by the published values.
    #[test]
    fn xts_decrypts_what_it_encrypts_at_any_length(
        k in proptest::collection::vec(any::<u8>(), 64),
        data in proptest::collection::vec(any::<u8>(), 16..200),
    ) {
        prop_assume!(k[..16] != k[16..32] && k[..32] != k[32..]);
        for len in [32, 64] {
            let (k, spec) = (key(&k[..len]), spec(Alg::AES, Mode::XTS));
            let made = cipher::encrypt(&k, &spec, &[5; 16], b"", &data).unwrap();
            prop_assert_eq!(cipher::decrypt(&k, &spec, &[5; 16], b"", &made.data, None).unwrap(), data.clone());
        }
    }

    #[test]
    fn gcm_agrees_with_the_safe_interface_of_the_library(
        k in any::<[u8; 32]>(),
        iv in any::<[u8; 12]>(),
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let theirs = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &k).unwrap());
        let mut expected = data.clone();
        let nonce = Nonce::assume_unique_for_key(iv);
        let tag = theirs.seal_in_place_separate_tag(nonce, Aad::from(b"aad"), &mut expected).unwrap();
        let ours = cipher::encrypt(&key(k), &spec(Alg::AES, Mode::GCM), &iv, b"aad", &data).unwrap();
        prop_assert_eq!(ours.data, expected);
        prop_assert_eq!(ours.tag.unwrap(), tag.as_ref());
    }
}

/// Run by hand, in release, with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_gcm() {
    let (k, spec) = (key([1; 32]), spec(Alg::AES, Mode::GCM));
    for len in [64, 4096] {
        let data = vec![0; len];
        let start = std::time::Instant::now();
        for _ in 0..200_000 {
            std::hint::black_box(cipher::encrypt(&k, &spec, &[0; 12], b"", &data).unwrap());
        }
        println!("AES-256-GCM {len} B: {:?}", start.elapsed() / 200_000);
    }
}
