use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use strongroom_root::{SlotError, SlotFile};

use crate::{PHRASE, cheap, new, same, secret, slot_error};

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) {
    use std::io::Write;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_saved_slot_file_is_private_loads_again_and_replaces_the_old_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("root.slots");
    let (root, mut slots) = new();
    slots.add_passphrase(&root, "safe", &secret(PHRASE), cheap()).unwrap();
    slots.save(&path).unwrap();
    let (_, _) = slots.add_shamir(&root, "custodians", 2, 3).unwrap();
    slots.save(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    let loaded = SlotFile::load(&path).unwrap();
    assert_eq!(loaded, slots);
    assert!(same(&loaded.open_with_passphrase(&secret(PHRASE)).unwrap().root, &root));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn files_that_others_can_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (root, mut slots) = new();
    let (path, key) = (dir.path().join("root.slots"), dir.path().join("root.key"));
    slots.add_file(&root, "", &key).unwrap();
    slots.save(&path).unwrap();
    for wide in [0o640, 0o604, 0o660, 0o620, 0o644, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(wide)).unwrap();
        let error = slot_error(SlotFile::load(&path));
        assert!(matches!(error, SlotError::Exposed { mode, .. } if mode == wide), "{error}");
        fs::set_permissions(&key, fs::Permissions::from_mode(wide)).unwrap();
        let failures = slots.open_unattended(None).unwrap_err();
        assert!(matches!(failures[0].1.slot(), Some(SlotError::Exposed { .. })), "{failures:?}");
    }
    for narrow in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(narrow)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(narrow)).unwrap();
        SlotFile::load(&path).unwrap().open_unattended(None).unwrap();
    }
}

#[test]
fn a_key_file_is_made_private_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("root.key");
    let (root, mut slots) = new();
    slots.add_file(&root, "", &key).unwrap();
    assert_eq!((mode(&key), fs::metadata(&key).unwrap().len()), (0o600, 32));
    assert!(matches!(slot_error(slots.add_file(&root, "", &key)), SlotError::Io { .. }));
    assert_eq!(slots.slots().len(), 1);
}

#[test]
fn a_key_file_of_the_wrong_size_is_named_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("root.key");
    let (root, mut slots) = new();
    slots.add_file(&root, "", &key).unwrap();
    for len in [0, 31, 33, 44] {
        fs::remove_file(&key).unwrap();
        write(&key, &vec![1; len], 0o600);
        let failures = slots.open_unattended(None).unwrap_err();
        let found = failures[0].1.to_string();
        assert!(found.ends_with(&format!("has {len} bytes; a slot's key has 32")), "{found}");
    }
    fs::remove_file(&key).unwrap();
    write(&key, &[9; 32], 0o600);
    let failures = slots.open_unattended(None).unwrap_err();
    assert!(matches!(failures[0].1.slot(), Some(SlotError::WrongKey(1))), "{failures:?}");
}

#[test]
fn what_is_no_slot_file_or_a_later_one_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(slot_error(SlotFile::load(&dir.path().join("none"))), SlotError::Io { .. }));
    let (root, mut slots) = new();
    slots.add_raw(&root, "", &secret(&[1; 32])).unwrap();
    let json = slots.to_json();
    let read = |json: String| slot_error(SlotFile::from_json(json.as_bytes()));
    assert!(matches!(
        read(json.replace("\"format\": 1", "\"format\": 2")),
        SlotError::UnknownFormat(2)
    ));
    for bad in [
        String::new(),
        "{}".to_owned(),
        json.replace("strongroom-root-slots", "something"),
        json.replace("\"rotation\": 0,", ""),
        json.replace("\"rotation\": 0,", "\"rotation\": 0, \"more\": 1,"),
        json.replace("\"check\": \"", "\"check\": \"zz"),
        json.replace("\"check\": \"", "\"check\": \"00"),
        json[..json.len() / 2].to_owned(),
    ] {
        assert!(matches!(read(bad.clone()), SlotError::BadFile(_)), "{bad}");
    }
}

#[test]
fn every_changed_character_of_a_slot_file_keeps_it_from_opening() {
    let (root, mut slots) = new();
    slots.add_raw(&root, "label", &secret(&[1; 32])).unwrap();
    slots.add_shamir(&root, "other", 2, 3).unwrap();
    let json = slots.to_json();
    for (at, old) in json.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()) {
        let mut altered = json.clone();
        let new = if old == '1' { "2" } else { "1" };
        altered.replace_range(at..=at, new);
        let opened = SlotFile::from_json(altered.as_bytes())
            .and_then(|s| s.open_with_key(&secret(&[1; 32])));
        assert!(opened.is_err(), "{old} at {at}");
    }
}
