use strongroom_root::{Keyring, RootError, RootKey, SlotError, SlotFile, SlotSecret};

use crate::{PHRASE, cheap, new, same, secret, slot_error};

struct Bench {
    dir: tempfile::TempDir,
    root: RootKey,
    slots: SlotFile,
    shares: Vec<strongroom_root::Share>,
}

/// A file (1), a raw key (2), a passphrase (3) and shares (4).
fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (root, mut slots) = new();
    slots.add_file(&root, "disk", &dir.path().join("root.key")).unwrap();
    slots.add_raw(&root, "hsm", &secret(&[4; 32])).unwrap();
    slots.add_passphrase(&root, "safe", &secret(PHRASE), cheap()).unwrap();
    let (_, shares) = slots.add_shamir(&root, "custodians", 2, 3).unwrap();
    Bench { dir, root, slots, shares }
}

#[test]
fn every_slot_opens_the_new_root_key_and_old_shares_open_nothing() {
    let b = bench();
    let new = RootKey::generate().unwrap();
    let (phrase, key) = (secret(PHRASE), secret(&[4; 32]));
    let secrets = [(3, SlotSecret::Passphrase(&phrase)), (2, SlotSecret::Key(&key))];
    let rotated = b.slots.rotate(&b.root, &new, None, &secrets).unwrap();
    let slots = rotated.slots;
    assert_eq!((slots.rotation(), slots.slots().len()), (1, 4));
    let [(4, shares)] = rotated.shares.as_slice() else { panic!() };
    for opened in [
        slots.open_unattended(None).unwrap(),
        slots.open_with_key(&key).unwrap(),
        slots.open_with_passphrase(&phrase).unwrap(),
        slots.open_with_shares(&shares[..2]).unwrap(),
    ] {
        assert!(same(&opened.root, &new));
    }
    assert!(matches!(slot_error(slots.open_with_shares(&b.shares)), SlotError::OtherSet { .. }));
    // The old file still opens the old root key: it is for the caller to replace it.
    assert!(same(&b.slots.open_with_passphrase(&phrase).unwrap().root, &b.root));
    drop(b.dir);
}

#[test]
fn a_slot_whose_secret_is_missing_or_wrong_stops_the_rotation() {
    let b = bench();
    let new = RootKey::generate().unwrap();
    let (phrase, key) = (secret(PHRASE), secret(&[4; 32]));
    let (typo, other) = (secret(b"correct horse battery stable"), secret(&[5; 32]));
    let rotate = |secrets: &[(u32, SlotSecret<'_>)]| {
        slot_error(b.slots.rotate(&b.root, &new, None, secrets))
    };
    let error = rotate(&[(2, SlotSecret::Key(&key))]);
    assert_eq!(
        error.to_string(),
        "the passphrase of slot 3 is needed to put the new root key into it"
    );
    let error = rotate(&[(3, SlotSecret::Passphrase(&phrase))]);
    assert!(matches!(error, SlotError::SecretNeeded { slot: 2, .. }), "{error}");
    let error = rotate(&[(2, SlotSecret::Key(&key)), (3, SlotSecret::Passphrase(&typo))]);
    assert!(matches!(error, SlotError::WrongPassphrase), "{error}");
    let error = rotate(&[(2, SlotSecret::Key(&other)), (3, SlotSecret::Passphrase(&phrase))]);
    assert!(matches!(error, SlotError::WrongKey(2)), "{error}");
}

#[test]
fn only_the_root_key_of_the_slots_can_be_replaced() {
    let b = bench();
    let error = slot_error(b.slots.rotate(&RootKey::generate().unwrap(), &b.root, None, &[]));
    assert!(matches!(error, SlotError::OtherRoot), "{error}");
}

#[test]
fn a_crash_between_the_steps_of_a_rotation_leaves_one_set_of_epochs_that_opens() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    let mut keyring = Keyring::new(root.try_clone().unwrap());
    let old_epochs = vec![keyring.add_epoch().unwrap()];
    let sealed = keyring.seal_object("a", 1, b"material").unwrap();

    let new = RootKey::generate().unwrap();
    let key = secret(&[1; 32]);
    let rotated = slots.rotate(&root, &new, None, &[(1, SlotSecret::Key(&key))]).unwrap();
    let new_epochs = keyring.with_root(new).wrapped_epochs().unwrap();

    let open = |slots: &SlotFile, epochs: &[(u32, Vec<u8>)]| {
        let root = slots.open_with_key(&key).unwrap().root;
        Keyring::open(root, epochs.iter().map(|(e, b)| (*e, b.as_slice())))
    };
    for (slots, right, wrong) in
        [(&slots, &old_epochs, &new_epochs), (&rotated.slots, &new_epochs, &old_epochs)]
    {
        let opened = open(slots, right).unwrap();
        assert_eq!(opened.open_object("a", &sealed).unwrap().as_slice(), b"material");
        assert!(matches!(open(slots, wrong), Err(RootError::WrongRoot { .. })));
    }
}
