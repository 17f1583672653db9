//! Replacing the root key: at every moment something opens, and afterwards the old secrets do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use strongroom_kmip::{Operation, Tag};
use strongroom_root::{SlotError, SlotFile};
use strongroom_secmem::SecretBytes;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{Bench, caller};
use crate::{
    AuditFilter, Caller, DealtShare, Engine, EngineConfig, EngineError, MadeSlot, NewRootKey,
    NewSlot, PreparedRootKey, Unlock,
};

const PHRASE: &[u8] = b"a long and winding passphrase";

fn phrase() -> SecretBytes {
    SecretBytes::from_slice(PHRASE).unwrap()
}

fn texts(made: &MadeSlot) -> Vec<String> {
    let text = |share: &DealtShare| match share {
        DealtShare::Text(text) => text.to_string(),
        DealtShare::Encrypted(_) => panic!("encrypted"),
    };
    made.shares.iter().map(text).collect()
}

/// A key manager with a key file (1), a passphrase (2) and shares (3), and one key in it.
struct Vault {
    bench: Bench,
    shares: Vec<String>,
    key: String,
    material: Vec<u8>,
}

fn config(dir: &Path) -> EngineConfig {
    EngineConfig { slots_path: dir.join("slots/root.slots"), ..EngineConfig::new(dir.join("data")) }
}

impl Vault {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("slots")).unwrap();
        let engine = Engine::open(config(dir.path())).unwrap();
        let label = String::new;
        let slots = vec![
            NewSlot::File { label: label(), path: dir.path().join("root.key") },
            NewSlot::Passphrase { label: label(), passphrase: phrase() },
            NewSlot::Shamir { label: label(), threshold: 2, shares: 3, recipients: Vec::new() },
        ];
        let made = engine.initialise(&Caller::server(), slots).unwrap();
        let root = SecretBytes::from_slice(&[0; 32]).unwrap();
        let bench = Bench { engine, dir, root, alice: caller("alice") };
        let key = bench.create("kept").unwrap();
        let material = material(&bench, &key);
        Self { shares: texts(&made[2]), bench, key, material }
    }

    fn prepare(&self) -> Result<PreparedRootKey, EngineError> {
        let with = NewRootKey { passphrases: vec![(2, phrase())], ..NewRootKey::default() };
        self.bench.engine.prepare_root_key(&with)
    }

    fn replace(&self) -> (Vec<String>, u64) {
        let prepared = self.prepare().unwrap();
        let shares = texts(&prepared.slots[0]);
        (shares, self.bench.engine.replace_root_key(&caller("sam"), &prepared.token).unwrap())
    }

    /// Whether these shares open what lies in `dir`, all of it.
    fn opens(&self, dir: &Path, shares: &[String]) -> bool {
        let engine = Engine::open(config(dir)).unwrap();
        let mut unsealed = false;
        for share in &shares[..2] {
            let share = Unlock::Share(Zeroizing::new(share.clone()));
            unsealed = engine.unseal(&caller("c"), share).is_ok_and(|p| p.unsealed);
        }
        let alice = self.bench.alice.clone();
        let empty = TempDir::new().unwrap();
        let root = SecretBytes::from_slice(&[0; 32]).unwrap();
        let bench = Bench { engine, dir: empty, root, alice };
        if unsealed {
            assert_eq!(material(&bench, &self.key), self.material);
            bench.engine.audit_verify().unwrap();
            bench.create("after").unwrap();
            // Whichever it is, nothing is left half done.
            assert!(bench.engine.wrapped_epochs("next-epoch/").unwrap().is_empty());
            bench.engine.rotate(&Caller::server(), true, |_, _| {}).unwrap();
        }
        bench.engine.stop();
        unsealed
    }
}

fn material(bench: &Bench, key: &str) -> Vec<u8> {
    let payload = bench.by_id(Operation::GET, key).unwrap();
    let block = payload.find(Tag::SYMMETRIC_KEY).unwrap().value.find(Tag::KEY_BLOCK).unwrap();
    let value = block.value.find(Tag::KEY_VALUE).unwrap();
    value.value.find(Tag::KEY_MATERIAL).unwrap().value.as_bytes().unwrap().to_vec()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

#[test]
fn a_new_root_key_opens_by_every_slot_and_the_old_shares_by_none() {
    let vault = Vault::new();
    let engine = &vault.bench.engine;
    let before = vault.bench.dir.path().join("before");
    copy(&vault.bench.dir.path().join("slots"), &before.join("slots"));
    let (shares, rotation) = vault.replace();
    assert_eq!(rotation, 1);
    // It serves all the while.
    assert_eq!(material(&vault.bench, &vault.key), vault.material);
    vault.bench.create("with the new one").unwrap();
    let unlocks = [
        vec![Unlock::Unattended],
        vec![Unlock::Passphrase(phrase())],
        shares[1..].iter().map(|s| Unlock::Share(Zeroizing::new(s.clone()))).collect(),
    ];
    for unlock in unlocks {
        engine.seal(&Caller::server()).unwrap();
        let old = Unlock::Share(Zeroizing::new(vault.shares[0].clone()));
        let error = engine.unseal(&caller("c"), old).unwrap_err();
        assert!(error.to_string().contains("belongs to set"), "{error}");
        let mut open = false;
        for unlock in unlock {
            open = engine.unseal(&caller("c"), unlock).unwrap().unsealed;
        }
        assert!(open);
        assert_eq!(material(&vault.bench, &vault.key), vault.material);
    }
    // Slots and epochs can be changed as ever.
    let slot = NewSlot::Passphrase { label: String::new(), passphrase: phrase() };
    engine.add_slot(&Caller::server(), slot).unwrap();
    engine.rotate(&Caller::server(), true, |_, _| {}).unwrap();
    // The old slot file still opens, to the old root key, and that opens nothing here.
    engine.seal(&Caller::server()).unwrap();
    fs::copy(before.join("slots/root.slots"), &engine.config().slots_path).unwrap();
    let error = engine.unseal(&caller("c"), Unlock::Passphrase(phrase())).unwrap_err();
    assert!(error.to_string().contains("belongs to another root key"), "{error}");
    assert!(engine.is_sealed());
}

#[test]
fn every_step_of_a_replacement_is_in_the_journal() {
    let vault = Vault::new();
    vault.replace();
    let entries = vault.bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    let steps = entries.iter().filter(|e| e.action == "replace root key" && e.user == "sam");
    let steps: Vec<_> = steps.map(|e| e.detail.clone()).collect();
    let names = ["epochs wrapped by a new root key", "root slots replaced", "root key replaced"];
    assert_eq!(steps.len(), names.len(), "{steps:?}");
    for (step, name) in steps.iter().zip(names) {
        assert!(step.contains(name), "{steps:?}");
    }
}

/// What a server that is killed leaves is what its files hold at that moment.
#[test]
fn killed_between_any_two_steps_the_old_or_the_new_shares_open_it() {
    let vault = Vault::new();
    // Of several epochs, so that one of them alone would show.
    vault.bench.engine.rotate(&Caller::server(), false, |_, _| {}).unwrap();
    let images: Arc<Mutex<Vec<(&'static str, PathBuf)>>> = Arc::default();
    let (seen, dir) = (images.clone(), vault.bench.dir.path().to_owned());
    let look = move |step: &'static str| {
        let image = dir.join("images").join(step);
        copy(&dir.join("data"), &image.join("data"));
        copy(&dir.join("slots"), &image.join("slots"));
        seen.lock().unwrap().push((step, image));
    };
    vault.bench.engine.inner.root_key_steps.lock().0 = Some(Box::new(look));
    let (shares, _) = vault.replace();
    let images = images.lock().unwrap();
    let mut outcomes = Vec::new();
    for (step, image) in images.iter() {
        let old = vault.opens(image, &vault.shares);
        let new = vault.opens(image, &shares);
        outcomes.push((*step, old, new));
    }
    assert_eq!(
        outcomes,
        [
            ("prepared", true, false),
            ("wrapped beside", true, false),
            ("slots saved", false, true),
            ("slots noted", false, true),
            ("replaced", false, true),
        ]
    );
}

#[test]
fn a_wrong_passphrase_changes_nothing() {
    let vault = Vault::new();
    let engine = &vault.bench.engine;
    let slots = fs::read(&engine.config().slots_path).unwrap();
    let epochs = engine.wrapped_epochs("epoch/").unwrap();
    let typo = SecretBytes::from_slice(b"a long and winding passphrasf").unwrap();
    for (phrases, wanted) in [
        (vec![(2, typo)], "wrong passphrase"),
        (vec![], "the passphrase of slot 2 is needed"),
        (vec![(2, phrase()), (1, phrase())], "slot 1 has no passphrase"),
        (vec![(2, phrase()), (9, phrase())], "there is no slot 9"),
    ] {
        let with = NewRootKey { passphrases: phrases, ..NewRootKey::default() };
        let error = engine.prepare_root_key(&with).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let keys = vec![(3, vec!["age1x".to_owned()])];
    let with = NewRootKey { passphrases: vec![(2, phrase())], recipients: keys };
    let error = engine.prepare_root_key(&with).unwrap_err();
    assert!(error.to_string().contains("3 custodians' keys or none, not 1"), "{error}");
    assert!(matches!(engine.replace_root_key(&caller("sam"), ""), Err(EngineError::WrongState(_))));
    assert_eq!(fs::read(&engine.config().slots_path).unwrap(), slots);
    assert_eq!(engine.wrapped_epochs("epoch/").unwrap(), epochs);
    let entries = engine.audit_tail(100, &AuditFilter::default()).unwrap();
    assert!(entries.iter().all(|e| e.action != "replace root key"), "{entries:?}");
    assert!(vault.bench.engine.inner.waiting_root_key.lock().is_none());
}

#[test]
fn what_was_prepared_is_void_once_slots_changed_another_was_prepared_or_it_was_sealed() {
    let vault = Vault::new();
    let engine = &vault.bench.engine;
    let refused = |token: &str, why: &str| {
        let error = engine.replace_root_key(&caller("sam"), token).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    };
    let first = vault.prepare().unwrap();
    let second = vault.prepare().unwrap();
    refused(&first.token, "no such root key waits");
    let slot = NewSlot::Passphrase { label: String::new(), passphrase: phrase() };
    let added = engine.add_slot(&Caller::server(), slot).unwrap();
    refused(&second.token, "the slots were changed since");
    engine.remove_slot(&Caller::server(), added.id).unwrap();
    let third = vault.prepare().unwrap();
    engine.seal(&Caller::server()).unwrap();
    engine.unseal(&caller("c"), Unlock::Unattended).unwrap();
    refused(&third.token, "no such root key waits");
    // None of them did anything: the shares of the first day still open.
    engine.seal(&Caller::server()).unwrap();
    engine.stop();
    assert!(vault.opens(vault.bench.dir.path(), &vault.shares));
}

#[test]
fn slots_that_cannot_be_written_leave_the_old_root_key() {
    let vault = Vault::new();
    let engine = &vault.bench.engine;
    let prepared = vault.prepare().unwrap();
    // The file's new content is written beside it, where now a directory stands in the way.
    let path = &engine.config().slots_path;
    let mut beside = path.clone().into_os_string();
    beside.push(".tmp");
    fs::create_dir(&beside).unwrap();
    let error = engine.replace_root_key(&caller("sam"), &prepared.token).unwrap_err();
    assert!(matches!(error, EngineError::Root(_)), "{error}");
    fs::remove_dir(&beside).unwrap();
    assert!(engine.wrapped_epochs("next-epoch/").unwrap().is_empty());
    assert_eq!(SlotFile::load(path).unwrap().rotation(), 0);
    // It can be done again.
    let (shares, rotation) = vault.replace();
    assert_eq!(rotation, 1);
    let old = SlotFile::load(path).unwrap().open_with_shares(&[]).unwrap_err();
    assert!(matches!(old.slot(), Some(SlotError::TooFewShares { .. })));
    engine.stop();
    assert!(vault.opens(vault.bench.dir.path(), &shares));
}

#[test]
fn requests_are_answered_while_the_root_key_is_replaced() {
    let vault = Vault::new();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut answered = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(material(&vault.bench, &vault.key), vault.material);
                vault.bench.create(&format!("busy {answered}")).unwrap();
                answered += 1;
            }
            answered
        });
        vault.replace();
        vault.replace();
        let (shares, _) = vault.replace();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let answered = busy.join().unwrap();
        vault.bench.engine.stop();
        assert!(vault.opens(vault.bench.dir.path(), &shares));
        answered
    });
    assert!(answered > 3, "{answered}");
}
