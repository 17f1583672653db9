use strongroom_root::age::{AgeError, decrypt, encrypt};
use strongroom_root::{RootError, Share, ShareError};

use crate::{new, same};

// Made with age 1.1.1; the second file is for somebody else first and then for this identity.
const RECIPIENT: &str = "age17da02vc3uq6e788lypamucmdd7kqrktfakujmhupa6xy4m337azq5ajvas";
const IDENTITY: &str = "AGE-SECRET-KEY-162EZKYFUDV8LRM94KDJNTE88NELYQMTWF6THCPAFRSLKQMJLAEVQ22R7EU";
const OTHER_RECIPIENT: &str = "age1909ljesjc7kxzl57ju35awv8ng3asrq2av46zfxuvehyc36ldaqqu2mmm3";
const ONE: &[u8] = include_bytes!("../vectors/one.age");
const TWO: &[u8] = include_bytes!("../vectors/two.age");

#[test]
fn files_of_the_age_program_open() {
    assert_eq!(decrypt(IDENTITY, ONE).unwrap().as_slice(), b"a share for a custodian\n");
    assert_eq!(decrypt(&IDENTITY.to_lowercase(), TWO).unwrap().as_slice(), b"for two\n");
}

#[test]
fn a_share_encrypted_to_a_custodian_opens_with_the_custodians_identity() {
    let (root, mut slots) = new();
    let (_, shares) = slots.add_shamir(&root, "custodians", 2, 3).unwrap();
    let files: Vec<Vec<u8>> = shares.iter().map(|s| s.encrypt_to(RECIPIENT).unwrap()).collect();
    assert!(files[0].starts_with(b"age-encryption.org/v1\n-> X25519 "));
    let given = [
        Share::decrypt(IDENTITY, &files[0]).unwrap(),
        Share::decrypt(IDENTITY, &files[2]).unwrap(),
    ];
    assert!(same(&slots.open_with_shares(&given).unwrap().root, &root));
}

#[test]
fn a_file_for_others_is_told_from_an_altered_one() {
    let file = encrypt(OTHER_RECIPIENT, b"x").unwrap();
    assert_eq!(decrypt(IDENTITY, &file).unwrap_err(), AgeError::NotForYou);
    let file = encrypt(RECIPIENT, b"hello").unwrap();
    for at in 0..file.len() {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(decrypt(IDENTITY, &altered).is_err(), "byte {at}");
        assert!(decrypt(IDENTITY, &file[..at]).is_err(), "cut to {at}");
    }
    let mut altered = file.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(decrypt(IDENTITY, &altered).unwrap_err(), AgeError::Altered);
}

#[test]
fn what_is_no_recipient_identity_or_file_is_refused_in_words() {
    for recipient in [
        "",
        "age1",
        "alice@example.com",
        IDENTITY,
        &RECIPIENT.replace('7', "8"),
        "age1yubikey1q2w3e",
    ] {
        assert_eq!(encrypt(recipient, b"x").unwrap_err(), AgeError::BadRecipient, "{recipient}");
    }
    for identity in ["", RECIPIENT, "AGE-PLUGIN-YUBIKEY-1QQ", &IDENTITY.replace('V', "W")] {
        assert_eq!(decrypt(identity, ONE).unwrap_err(), AgeError::BadIdentity);
    }
    assert!(matches!(decrypt(IDENTITY, b"hello\n"), Err(AgeError::BadFile(_))));
    assert!(matches!(decrypt(IDENTITY, b""), Err(AgeError::BadFile(_))));
    assert!(matches!(Share::decrypt(IDENTITY, ONE), Err(ShareError::NotAShare)));
    let (root, mut slots) = new();
    let (_, shares) = slots.add_shamir(&root, "", 2, 2).unwrap();
    assert!(matches!(shares[0].encrypt_to("nobody"), Err(RootError::Age(AgeError::BadRecipient))));
}

#[test]
fn a_recipient_of_small_order_gets_nothing() {
    // The point zero, in the form of a recipient.
    let hrp = bech32::Hrp::parse("age").unwrap();
    let recipient = bech32::encode::<bech32::Bech32>(hrp, &[0; 32]).unwrap();
    assert_eq!(encrypt(&recipient, b"x").unwrap_err(), AgeError::BadRecipient);
}

#[test]
#[ignore = "needs the age program in the path"]
fn the_age_program_opens_our_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), IDENTITY).unwrap();
    for text in ["", "short", &"long ".repeat(9000)] {
        std::fs::write(dir.path().join("file"), encrypt(RECIPIENT, text.as_bytes()).unwrap())
            .unwrap();
        let out = std::process::Command::new("age")
            .args(["-d", "-i", "key", "file"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.stdout, text.as_bytes());
    }
}
