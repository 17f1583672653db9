use std::path::Path;

use strongroom_root::{Argon2Cost, RuleError, SlotError, SlotFile, SlotKind};

use crate::{PHRASE, cheap, new, same, secret, slot_error};

#[test]
fn every_kind_of_slot_opens_the_same_root_key_and_says_which_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (root, mut slots) = new();
    let file = slots.add_file(&root, "disk", &dir.path().join("root.key")).unwrap();
    crate::files::write(&dir.path().join("cred"), &[3; 32], 0o400);
    let credential = slots.add_credential(&root, "vm", "cred", Some(dir.path())).unwrap();
    let raw = slots.add_raw(&root, "hsm", &secret(&[4; 32])).unwrap();
    let phrase = slots.add_passphrase(&root, "safe", &secret(PHRASE), cheap()).unwrap();
    let (shamir, shares) = slots.add_shamir(&root, "custodians", 2, 3).unwrap();
    assert_eq!([file, credential, raw, phrase, shamir], [1, 2, 3, 4, 5]);

    let opened = [
        slots.open_unattended(Some(dir.path())).unwrap(),
        slots.open_with_key(&secret(&[3; 32])).unwrap(),
        slots.open_with_key(&secret(&[4; 32])).unwrap(),
        slots.open_with_passphrase(&secret(PHRASE)).unwrap(),
        slots.open_with_shares(&shares[1..]).unwrap(),
    ];
    assert_eq!(opened.each_ref().map(|o| o.slot), [1, 2, 3, 4, 5]);
    assert!(opened.iter().all(|o| same(&o.root, &root)));

    std::fs::remove_file(dir.path().join("root.key")).unwrap();
    assert_eq!(slots.open_unattended(Some(dir.path())).unwrap().slot, credential, "the next one");
    let failures = slots.open_unattended(None).unwrap_err();
    assert_eq!(failures.len(), 2);
    assert!(matches!(failures[1].1.slot(), Some(SlotError::NoCredentials)), "{failures:?}");
}

#[test]
fn a_wrong_passphrase_is_said_to_be_wrong() {
    let (root, mut slots) = new();
    slots.add_passphrase(&root, "one", &secret(PHRASE), cheap()).unwrap();
    slots.add_passphrase(&root, "two", &secret(b"another long passphrase"), cheap()).unwrap();
    let error = slot_error(slots.open_with_passphrase(&secret(b"correct horse battery stable")));
    assert!(matches!(error, SlotError::WrongPassphrase), "{error}");
    assert_eq!(slots.open_with_passphrase(&secret(b"another long passphrase")).unwrap().slot, 2);
}

#[test]
fn a_short_passphrase_is_refused() {
    let (root, mut slots) = new();
    for phrase in [b"".as_slice(), b"hunter2", "ümläute-11!".as_bytes()] {
        let error = slot_error(slots.add_passphrase(&root, "", &secret(phrase), cheap()));
        assert!(matches!(error, SlotError::WeakPassphrase(12)), "{error}");
    }
}

#[test]
fn a_kind_of_which_there_is_no_slot_is_named() {
    let (root, mut slots) = new();
    slots.add_shamir(&root, "", 2, 2).unwrap();
    let error = slot_error(slots.open_with_passphrase(&secret(PHRASE)));
    assert_eq!(error.to_string(), "there is no passphrase slot");
    let error = slot_error(slots.open_with_key(&secret(&[1; 32])));
    assert_eq!(error.to_string(), "there is no file slot");
    assert!(slots.open_unattended(None).unwrap_err().is_empty());
}

#[test]
fn argon2_parameters_out_of_range_are_refused_also_from_a_file() {
    let (root, mut slots) = new();
    for cost in [
        Argon2Cost { memory_kib: 8, ..cheap() },
        Argon2Cost { memory_kib: 8 << 20, ..cheap() },
        Argon2Cost { passes: 0, ..cheap() },
        Argon2Cost { lanes: 1000, ..cheap() },
    ] {
        let error = slot_error(slots.add_passphrase(&root, "", &secret(PHRASE), cost));
        assert!(matches!(error, SlotError::BadParameters(_)), "{error}");
    }
    slots.add_passphrase(&root, "", &secret(PHRASE), cheap()).unwrap();
    let json = slots.to_json().replace("\"memory_kib\": 1024", "\"memory_kib\": 4294967295");
    let altered = SlotFile::from_json(json.as_bytes()).unwrap();
    let error = slot_error(altered.open_with_passphrase(&secret(PHRASE)));
    assert!(matches!(error, SlotError::BadParameters(_)), "{error}");
}

#[test]
fn the_default_cost_of_a_guess_is_64_mib_and_3_passes() {
    assert_eq!(Argon2Cost::default(), Argon2Cost { memory_kib: 65_536, passes: 3, lanes: 4 });
    let (root, mut slots) = new();
    slots.add_passphrase(&root, "", &secret(PHRASE), Argon2Cost::default()).unwrap();
    assert!(same(&slots.open_with_passphrase(&secret(PHRASE)).unwrap().root, &root));
}

#[test]
fn a_wrong_key_and_a_key_of_another_length_are_told_apart() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    assert!(matches!(slot_error(slots.open_with_key(&secret(&[2; 32]))), SlotError::WrongKey(1)));
    let error = slot_error(slots.open_with_key(&secret(&[1; 31])));
    assert!(matches!(error, SlotError::WrongKeySize { found: 31, .. }), "{error}");
    assert!(slots.add_raw(&root, "", &secret(&[1; 33])).is_err());
}

#[test]
fn a_damaged_slot_is_told_from_a_wrong_key() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    let json = slots.to_json();
    let at = json.find("\"wrapped\": \"").unwrap() + 30;
    let mut bytes = json.into_bytes();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    let damaged = SlotFile::from_json(&bytes).unwrap();
    assert!(matches!(slot_error(damaged.open_with_key(&secret(&[1; 32]))), SlotError::Damaged(1)));
}

#[test]
fn a_slot_moved_to_another_number_set_or_kind_does_not_open() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    let open = |json: String| {
        SlotFile::from_json(json.as_bytes()).unwrap().open_with_key(&secret(&[1; 32]))
    };
    assert!(open(slots.to_json()).is_ok());
    assert!(open(slots.to_json().replace("\"id\": 1", "\"id\": 2")).is_err());
    assert!(open(slots.to_json().replace("\"rotation\": 0", "\"rotation\": 1")).is_err());
    let renamed = slots.to_json().replace("\"raw\"", "\"system-credential\"");
    assert!(SlotFile::from_json(renamed.as_bytes()).is_err());
    let renamed =
        slots.to_json().replace("\"kind\": \"raw\"", "\"kind\": \"file\", \"path\": \"/x\"");
    assert!(open(renamed).is_err());
}

#[test]
fn an_altered_file_is_found_when_any_slot_opens() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "first", &secret(&[1; 32])).unwrap();
    slots.add_passphrase(&root, "second", &secret(PHRASE), cheap()).unwrap();
    let label = slots.to_json().replace("second", "zecond");
    let next = slots.to_json().replace("\"next_slot\": 3", "\"next_slot\": 9");
    for json in [label, next] {
        let altered = SlotFile::from_json(json.as_bytes()).unwrap();
        let error = slot_error(altered.open_with_key(&secret(&[1; 32])));
        assert!(matches!(error, SlotError::Altered), "{error}");
    }
}

#[test]
fn the_rule_wants_two_slots_and_one_of_them_offline() {
    let (root, mut slots) = new();
    assert_eq!(slots.check_rule(), Err(RuleError::TooFew(0)));
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    assert_eq!(slots.check_rule(), Err(RuleError::TooFew(1)));
    slots.add_raw(&root, "", &secret(&[2; 32])).unwrap();
    assert_eq!(slots.check_rule(), Err(RuleError::NoneOffline));
    slots.add_shamir(&root, "", 2, 3).unwrap();
    assert_eq!(slots.check_rule(), Ok(()));
}

#[test]
fn a_slot_is_removed_only_while_the_rest_keeps_the_rule_and_its_number_is_not_given_again() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    slots.add_raw(&root, "", &secret(&[2; 32])).unwrap();
    let (shamir, _) = slots.add_shamir(&root, "", 2, 3).unwrap();
    assert!(matches!(
        slot_error(slots.remove(&root, shamir)),
        SlotError::Rule(RuleError::NoneOffline)
    ));
    assert!(matches!(slot_error(slots.remove(&root, 9)), SlotError::NoSlot(9)));
    slots.remove(&root, 1).unwrap();
    assert!(slots.open_with_key(&secret(&[1; 32])).is_err());
    assert!(slots.open_with_key(&secret(&[2; 32])).is_ok());
    assert!(matches!(slot_error(slots.remove(&root, 2)), SlotError::Rule(RuleError::TooFew(1))));
    assert_eq!(slots.add_raw(&root, "", &secret(&[3; 32])).unwrap(), 4);
}

#[test]
fn slots_are_changed_with_their_own_root_key_only() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    let (other, _) = new();
    assert!(matches!(
        slot_error(slots.add_raw(&other, "", &secret(&[2; 32]))),
        SlotError::OtherRoot
    ));
    assert!(matches!(slot_error(slots.remove(&other, 1)), SlotError::OtherRoot));
    assert!(matches!(slot_error(slots.verify(&other)), SlotError::OtherRoot));
    slots.verify(&root).unwrap();
}

#[test]
fn a_credential_name_that_is_a_path_is_refused() {
    let (root, mut slots) = new();
    for name in ["", "../x", "/etc/shadow", ".hidden", "a/b"] {
        let error = slot_error(slots.add_credential(&root, "", name, Some(Path::new("/run"))));
        assert!(matches!(error, SlotError::BadCredentialName(_)), "{error}");
    }
    let error = slot_error(slots.add_credential(&root, "", "name", None));
    assert!(matches!(error, SlotError::NoCredentials), "{error}");
}

#[test]
fn one_key_in_two_installations_shows_nothing_in_common() {
    let checks: Vec<String> = (0..2)
        .map(|_| {
            let (root, mut slots) = new();
            slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
            let json = slots.to_json();
            let at = json.find("\"check\": \"").unwrap() + 10;
            json[at..at + 32].to_owned()
        })
        .collect();
    assert_ne!(checks[0], checks[1]);
}

#[test]
fn debug_and_json_show_no_secret() {
    let (root, mut slots) = new();
    slots.add_passphrase(&root, "safe", &secret(PHRASE), cheap()).unwrap();
    let text =
        format!("{slots:?}{root:?}{:?}", slots.open_with_passphrase(&secret(PHRASE)).unwrap());
    let hex: String = root.secret().as_slice().iter().map(|b| format!("{b:02x}")).collect();
    let list = format!("{:?}", root.secret().as_slice());
    for text in [text, slots.to_json()] {
        assert!(!text.contains(&hex) && !text.contains(&list) && !text.contains("horse"));
    }
    assert!(matches!(slots.slots()[0].kind, SlotKind::Passphrase { .. }));
}
