use strongroom_root::{Keyring, RootError, RootKey, Sealed};

fn keyring() -> (Keyring, Vec<(u32, Vec<u8>)>) {
    let mut keyring = Keyring::new(RootKey::generate().unwrap());
    let wrapped = vec![keyring.add_epoch().unwrap()];
    (keyring, wrapped)
}

fn open(root: &RootKey, wrapped: &[(u32, Vec<u8>)]) -> Result<Keyring, RootError> {
    Keyring::open(root.try_clone().unwrap(), wrapped.iter().map(|(e, b)| (*e, b.as_slice())))
}

#[test]
fn material_opens_only_under_its_own_identity_version_and_epoch() {
    let (mut keyring, _) = keyring();
    let sealed = keyring.seal_object("a", 1, b"material").unwrap();
    assert_eq!(keyring.open_object("a", &sealed).unwrap().as_slice(), b"material");
    assert!(matches!(keyring.open_object("b", &sealed), Err(RootError::Tampered(_))));
    assert!(keyring.open_object("a", &Sealed { version: 2, ..sealed.clone() }).is_err());
    keyring.add_epoch().unwrap();
    assert!(keyring.open_object("a", &Sealed { epoch: 2, ..sealed.clone() }).is_err());
    assert_eq!(keyring.open_object("a", &sealed).unwrap().as_slice(), b"material");
    assert_eq!(keyring.seal_object("a", 2, b"x").unwrap().epoch, 2);
}

#[test]
fn every_changed_byte_of_sealed_material_is_refused() {
    let (keyring, _) = keyring();
    let sealed = keyring.seal_object("a", 1, b"material").unwrap();
    for at in 0..sealed.bytes.len() {
        let mut bytes = sealed.bytes.clone();
        bytes[at] ^= 1;
        assert!(keyring.open_object("a", &Sealed { bytes, ..sealed.clone() }).is_err());
    }
}

#[test]
fn sealed_material_survives_its_byte_form() {
    let (keyring, _) = keyring();
    let sealed = keyring.seal_object("a", 7, b"material").unwrap();
    assert_eq!(Sealed::from_bytes(&sealed.to_bytes()), Some(sealed));
    assert_eq!(Sealed::from_bytes(&[0; 7]), None);
}

#[test]
fn a_retired_epoch_opens_nothing_any_more_and_the_current_one_cannot_be_retired() {
    let (mut keyring, mut wrapped) = keyring();
    let old = keyring.seal_object("a", 1, b"material").unwrap();
    wrapped.push(keyring.add_epoch().unwrap());
    keyring.retire_epoch(1);
    keyring.retire_epoch(2);
    assert!(matches!(keyring.open_object("a", &old), Err(RootError::NoEpoch { epoch: 1 })));
    assert_eq!(keyring.epochs().collect::<Vec<_>>(), [2]);
    let reopened = open(keyring.root(), &wrapped[1..]).unwrap();
    assert!(matches!(reopened.open_object("a", &old), Err(RootError::NoEpoch { epoch: 1 })));
    assert_eq!(reopened.current_epoch(), 2);
}

#[test]
fn a_wrong_root_key_is_told_from_altered_epochs() {
    let (keyring, wrapped) = keyring();
    let other = RootKey::generate().unwrap();
    assert!(matches!(open(&other, &wrapped), Err(RootError::WrongRoot { epoch: 1 })));
    for at in 16..wrapped[0].1.len() {
        let mut altered = wrapped.clone();
        altered[0].1[at] ^= 1;
        assert!(matches!(open(keyring.root(), &altered), Err(RootError::Tampered(_))));
    }
    let swapped = [(2, wrapped[0].1.clone())];
    assert!(matches!(open(keyring.root(), &swapped), Err(RootError::Tampered(_))));
    assert!(matches!(open(keyring.root(), &[(1, vec![])]), Err(RootError::Tampered(_))));
}

#[test]
fn a_new_root_key_over_the_same_epochs_changes_no_other_key() {
    let (mut keyring, _) = keyring();
    keyring.add_epoch().unwrap();
    let object = keyring.seal_object("a", 1, b"material").unwrap();
    let secret = keyring.seal_secret("ca", b"ca key").unwrap();
    let record = keyring.record_key().unwrap();
    let (_, chain) = keyring.chain_keys("uses").unwrap();
    let old = keyring.root().try_clone().unwrap();

    let keyring = keyring.with_root(RootKey::generate().unwrap());
    let wrapped = keyring.wrapped_epochs().unwrap();
    assert!(matches!(open(&old, &wrapped), Err(RootError::WrongRoot { .. })));
    let keyring = open(keyring.root(), &wrapped).unwrap();
    assert_eq!(keyring.open_object("a", &object).unwrap().as_slice(), b"material");
    assert_eq!(keyring.open_secret("ca", &secret).unwrap().as_slice(), b"ca key");
    assert!(keyring.record_key().unwrap().ct_eq(record.as_slice()));
    assert!(keyring.chain_keys("uses").unwrap().1.ct_eq(chain.as_slice()));
}

#[test]
fn keys_for_different_purposes_differ() {
    let (keyring, _) = keyring();
    let keys = [
        keyring.record_key().unwrap(),
        keyring.backup_key().unwrap(),
        keyring.cookie_key().unwrap(),
        keyring.chain_keys("uses").unwrap().1,
        keyring.chain_keys("changes").unwrap().1,
    ];
    for (i, a) in keys.iter().enumerate() {
        assert!(keys[i + 1..].iter().all(|b| !a.ct_eq(b.as_slice())));
    }
    assert!(keyring.open_secret("b", &keyring.seal_secret("a", b"x").unwrap()).is_err());
}

#[test]
fn the_seed_of_a_chain_cannot_be_worked_out_later() {
    let (keyring, _) = keyring();
    let first = keyring.chain_keys("uses").unwrap().0;
    assert!(!keyring.chain_keys("uses").unwrap().0.ct_eq(first.as_slice()));
}

#[test]
fn a_keyring_without_epochs_seals_nothing() {
    let keyring = Keyring::new(RootKey::generate().unwrap());
    assert!(matches!(keyring.seal_object("a", 1, b"x"), Err(RootError::NoEpoch { .. })));
    assert!(keyring.record_key().is_err() && keyring.seal_secret("a", b"x").is_err());
}

#[test]
fn a_copy_of_a_keyring_opens_what_the_original_sealed() {
    let (keyring, _) = keyring();
    let sealed = keyring.seal_object("a", 1, b"material").unwrap();
    let copy = keyring.try_clone().unwrap();
    assert_eq!(copy.open_object("a", &sealed).unwrap().as_slice(), b"material");
}

#[test]
fn debug_shows_no_key_byte() {
    let (keyring, _) = keyring();
    let text = format!("{keyring:?}");
    assert!(text.contains("32 bytes"), "{text}");
    let bytes: Vec<String> = keyring.root().secret().as_slice().iter().map(u8::to_string).collect();
    assert!(!text.contains(&bytes.join(", ")));
}
