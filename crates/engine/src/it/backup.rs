//! Backups: taken while it serves, proved, restored, kept in quarantine, confirmed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_journal::SignedHead;
use strongroom_kmip::{Attribute, Operation, ResultReason, State, Tag, Value};
use strongroom_secmem::SecretBytes;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::kit::Mount;
use super::old_data::{copy, fixture, passphrase};
use super::{Bench, caller};
use crate::{
    BackupUnlock, Caller, Confirmation, DealtShare, Engine, EngineConfig, EngineError, NewSlot,
    Unlock, drill, restore, verify_backup,
};

/// A key manager that serves, its shares (2 of 3), and a place for backups.
pub(super) struct House {
    pub(super) bench: Bench,
    pub(super) shares: Vec<String>,
    pub(super) place: TempDir,
}

fn two_of_three() -> NewSlot {
    NewSlot::Shamir { label: String::new(), threshold: 2, shares: 3, recipients: Vec::new() }
}

fn texts(made: crate::MadeSlot) -> Vec<String> {
    let texts = made.shares.into_iter().map(|share| match share {
        DealtShare::Text(text) => text.to_string(),
        DealtShare::Encrypted(_) => panic!(),
    });
    texts.collect()
}

fn with(shares: &[String]) -> BackupUnlock {
    BackupUnlock::Shares(shares.iter().map(|s| Zeroizing::new(s.clone())).collect())
}

pub(super) fn take(engine: &Engine, to: &Path) {
    let mut file = fs::File::create(to).unwrap();
    for piece in engine.backup(&Caller::server(), &[]).unwrap() {
        file.write_all(&piece.unwrap()).unwrap();
    }
}

pub(super) fn bench_over(dir: TempDir, engine: Engine) -> Bench {
    let root = SecretBytes::from_slice(&[0; 32]).unwrap();
    Bench { engine, dir, root, alice: caller("alice") }
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(configure: impl FnOnce(&mut EngineConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = EngineConfig::new(dir.path());
        configure(&mut config);
        let engine = Engine::open(config).unwrap();
        let slots = vec![two_of_three(), two_of_three()];
        let shares = texts(engine.initialise(&Caller::server(), slots).unwrap().remove(0));
        Self { bench: bench_over(dir, engine), shares, place: TempDir::new().unwrap() }
    }

    pub(super) fn slots(&self) -> PathBuf {
        self.bench.engine.config().slots_path.clone()
    }

    pub(super) fn unlock(&self) -> BackupUnlock {
        with(&self.shares[1..])
    }

    pub(super) fn take(&self) -> PathBuf {
        let file = self.place.path().join("backup");
        take(&self.bench.engine, &file);
        file
    }

    pub(super) fn verify(&self, file: &Path) -> Result<crate::VerifiedBackup, EngineError> {
        verify_backup(file, &self.slots(), &self.unlock(), self.place.path())
    }

    /// A key manager over what was restored, open.
    pub(super) fn restored(&self, file: &Path) -> Bench {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        restore(file, &self.slots(), &self.unlock(), &data, &Caller::server()).unwrap();
        let config = EngineConfig { slots_path: self.slots(), ..EngineConfig::new(data) };
        let engine = Engine::open(config).unwrap();
        for share in &self.shares[..2] {
            let share = Unlock::Share(Zeroizing::new(share.clone()));
            engine.unseal(&Caller::server(), share).unwrap();
        }
        bench_over(dir, engine)
    }
}

/// Activates, revokes and destroys.
pub(super) fn destroy(bench: &Bench, id: &str) {
    bench.by_id(Operation::ACTIVATE, id).unwrap();
    bench.revoke(id).unwrap();
    bench.by_id(Operation::DESTROY, id).unwrap();
}

pub(super) fn confirm_without(bench: &Bench) {
    let with = Confirmation { anchors: &[], destroyed: &[], without_anchor: true };
    bench.engine.confirm_restore(&caller("olga"), with).unwrap();
}

#[test]
fn a_backup_has_every_key_as_it_was_and_opens_with_enough_shares() {
    let house = House::new();
    let bench = &house.bench;
    let (kept, gone) = (bench.create("kept").unwrap(), bench.create("gone").unwrap());
    destroy(bench, &gone);
    bench.by_id(Operation::GET, &kept).unwrap();
    let material = bench.material(&kept);
    let file = house.take();

    let verified = house.verify(&file).unwrap();
    assert_eq!((verified.objects, verified.destroyed), (1, 1));
    assert!(verified.codes > 0 && verified.changes.0 > 0 && verified.uses.0 > 0);
    let tried = drill(&file, &house.slots(), &house.unlock(), house.place.path()).unwrap();
    assert_eq!(tried.opened, 1);
    // Neither left anything behind.
    assert_eq!(fs::read_dir(house.place.path()).unwrap().count(), 1);

    let other = house.restored(&file);
    confirm_without(&other);
    assert_eq!(other.material(&kept), material);
    assert_eq!(other.state(&gone), State::DESTROYED);
    assert_eq!(other.by_id(Operation::GET, &gone), Err(ResultReason::OBJECT_DESTROYED));
    other.create("newer").unwrap();
    other.engine.audit_verify().unwrap();
}

#[test]
fn neither_half_opens_alone_and_too_few_shares_do_not() {
    let house = House::new();
    let id = house.bench.create("secret").unwrap();
    let material = house.bench.material(&id);
    let file = house.take();
    // The file alone: nothing of the store is in it in clear, names and slots included.
    let bytes = fs::read(&file).unwrap();
    let has = |what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
    for clear in [&material[..], id.as_bytes(), b"secret", b"alice", b"SQLite format", b"shamir"] {
        assert!(!has(clear), "{}", String::from_utf8_lossy(clear));
    }
    // And this would have found it.
    assert!(has(b"strongroom-backup 1"));
    let place = house.place.path();
    let absent = place.join("absent");
    assert!(verify_backup(&file, &absent, &house.unlock(), place).is_err());
    // The slots of another house open their own root key only.
    let other = House::new();
    let wrong = verify_backup(&file, &other.slots(), &other.unlock(), place);
    assert!(matches!(wrong, Err(EngineError::OtherRoot)), "{wrong:?}");
    let few = verify_backup(&file, &house.slots(), &with(&house.shares[..1]), place);
    assert!(matches!(few, Err(EngineError::Root(_))), "{few:?}");
    let strange = verify_backup(&file, &house.slots(), &other.unlock(), place);
    assert!(matches!(strange, Err(EngineError::Root(_))), "{strange:?}");
}

#[test]
fn slots_made_after_the_backup_open_it_until_the_root_key_is_replaced() {
    let house = House::new();
    let bench = &house.bench;
    bench.create("kept").unwrap();
    let file = house.take();
    let added = bench.engine.add_slot(&Caller::server(), two_of_three()).unwrap();
    let newer = texts(added);
    bench.engine.remove_slot(&Caller::server(), 1).unwrap();
    let place = house.place.path();
    verify_backup(&file, &house.slots(), &with(&newer[..2]), place).unwrap();
    assert!(house.verify(&file).is_err(), "the slot of these shares was removed");
    let of_then = place.join("slots of then");
    fs::copy(house.slots(), &of_then).unwrap();
    let prepared = bench.engine.prepare_root_key(&crate::NewRootKey::default()).unwrap();
    bench.engine.replace_root_key(&Caller::server(), &prepared.token).unwrap();
    let other = verify_backup(&file, &house.slots(), &with(&newer[..2]), place);
    assert!(matches!(other, Err(EngineError::OtherRoot)), "{other:?}");
    verify_backup(&file, &of_then, &with(&newer[..2]), place).unwrap();
    take(&bench.engine, &file);
    let last = texts(prepared.slots.into_iter().next_back().unwrap());
    verify_backup(&file, &house.slots(), &with(&last[..2]), place).unwrap();
}

#[test]
fn every_class_of_byte_that_is_changed_is_found() {
    let house = House::new();
    for n in 0..80 {
        house.bench.create(&format!("key {n}")).unwrap();
    }
    let file = house.take();
    let good = fs::read(&file).unwrap();
    house.verify(&file).unwrap();
    let header = good.windows(2).position(|two| two == b"\n\n").unwrap() + 2;
    let text = String::from_utf8(good[..header].to_vec()).unwrap();
    let length = |at: usize| u32::from_be_bytes(good[at..at + 4].try_into().unwrap()) as usize;
    // Where each piece begins.
    let mut pieces = vec![header];
    while pieces.last().unwrap() + 4 + length(*pieces.last().unwrap()) < good.len() {
        let at = *pieces.last().unwrap();
        pieces.push(at + 4 + length(at));
    }
    assert!(pieces.len() > 2, "{pieces:?}");
    let (second, last) = (pieces[1], *pieces.last().unwrap());

    // What was done to it, the bytes, and a word of what is found: that it is this that finds it.
    let mut bad: Vec<(String, Vec<u8>, &str)> = Vec::new();
    let mut flip = |what: &str, at: usize, word: &'static str| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bad.push((what.to_owned(), bytes, word));
    };
    for line in text.lines().filter(|line| !line.is_empty()) {
        let at = text.find(line).unwrap();
        flip(&format!("header, name: {line}"), at, "");
        flip(&format!("header, value: {line}"), at + line.len() - 1, "");
    }
    flip("the empty line", header - 1, "");
    for (name, at) in [("first", header), ("second", second), ("last", last)] {
        flip(&format!("{name} piece, length"), at + 3, "");
        flip(&format!("{name} piece, nonce"), at + 4, "authenticate");
        flip(&format!("{name} piece, text"), at + 4 + 12, "authenticate");
        flip(&format!("{name} piece, tag"), at + 4 + length(at) - 1, "authenticate");
    }
    for cut in [0, 10, header - 1] {
        bad.push((format!("cut at {cut}"), good[..cut].to_vec(), ""));
    }
    for cut in [header, second, last, last + 2, last + 40, good.len() - 1] {
        bad.push((format!("cut at {cut}"), good[..cut].to_vec(), "cut off"));
    }
    let third = pieces[2];
    let (head, one, two) = (&good[..header], &good[header..second], &good[second..third]);
    let rest = &good[third..];
    bad.push(("a byte more".to_owned(), [&good[..], b"x"].concat(), "behind its end"));
    bad.push((
        "the last piece twice".to_owned(),
        [&good, &good[last..]].concat(),
        "behind its end",
    ));
    bad.push(("a piece is missing".to_owned(), [head, one, rest].concat(), "authenticate"));
    bad.push((
        "a piece is repeated".to_owned(),
        [head, one, one, two, rest].concat(),
        "authenticate",
    ));
    bad.push(("two pieces swapped".to_owned(), [head, two, one, rest].concat(), "authenticate"));
    // Pieces of another backup of the same house, under the same root key.
    let other = house.place.path().join("other");
    take(&house.bench.engine, &other);
    let other = fs::read(other).unwrap();
    let there = other.windows(2).position(|two| two == b"\n\n").unwrap() + 2;
    let of_other = [head, &other[there..]].concat();
    bad.push(("another's pieces".to_owned(), of_other, "authenticate"));
    let of_other = [&other[..there], &good[header..]].concat();
    bad.push(("another's header".to_owned(), of_other, "authenticate"));

    for (what, bytes, word) in bad {
        fs::write(&file, bytes).unwrap();
        let found = house.verify(&file).expect_err(&what).to_string();
        assert!(found.contains(word), "{what}: {found}");
        let to = house.place.path().join("restored");
        let restored = restore(&file, &house.slots(), &house.unlock(), &to, &Caller::server());
        assert!(restored.is_err() && !to.exists(), "{what} was restored");
    }
    fs::write(&file, &good).unwrap();
    house.verify(&file).unwrap();
}

#[test]
fn a_restored_store_answers_no_use_and_makes_no_change_until_it_is_confirmed() {
    let house = House::new();
    let id = house.bench.create("one").unwrap();
    // Its date comes while the store is quarantined.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let soon = Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(now.as_secs() as i64 + 2));
    house.bench.make_with(&[soon]);
    let file = house.take();
    let other = house.restored(&file);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let closed = |bench: &Bench| {
        assert!(bench.engine.is_quarantined());
        for operation in [Operation::GET, Operation::ACTIVATE, Operation::GET_ATTRIBUTES] {
            assert_eq!(bench.by_id(operation, &id), Err(ResultReason::GENERAL_FAILURE));
        }
        assert_eq!(bench.create("two"), Err(ResultReason::GENERAL_FAILURE));
        let query = bench.one(&bench.alice, Operation::DISCOVER_VERSIONS, |_| {});
        assert!(query.is_ok(), "{query:?}");
        assert_eq!(bench.engine.sweep().unwrap(), 0);
    };
    closed(&other);
    other.engine.audit_verify().unwrap();
    // Words are needed where there is no anchor.
    let nothing = Confirmation { anchors: &[], destroyed: &[], without_anchor: false };
    let refused = other.engine.confirm_restore(&caller("olga"), nothing);
    assert!(matches!(refused, Err(EngineError::Unconfirmed(_))), "{refused:?}");
    closed(&other);
    // The mark outlives a restart.
    let Bench { engine, dir, .. } = other;
    engine.stop();
    let config = engine.config().clone();
    drop(engine);
    let engine = Engine::open(config).unwrap();
    for share in &house.shares[..2] {
        let share = Unlock::Share(Zeroizing::new(share.clone()));
        engine.unseal(&Caller::server(), share).unwrap();
    }
    let other = bench_over(dir, engine);
    closed(&other);
    confirm_without(&other);
    assert!(!other.engine.is_quarantined());
    assert!(other.by_id(Operation::GET, &id).is_ok());
    assert_eq!(other.engine.sweep().unwrap(), 1);
    let again = Confirmation { anchors: &[], destroyed: &[], without_anchor: true };
    let twice = other.engine.confirm_restore(&caller("olga"), again);
    assert!(matches!(twice, Err(EngineError::WrongState(_))), "{twice:?}");
    let changes = other.engine.audit_tail(50, &crate::AuditFilter::default()).unwrap();
    let mine = |action: &str| changes.iter().filter(|e| e.action == action).count();
    assert!(mine("Confirm Restore") > 0 && mine("Restore Backup") > 0);
}

/// The anchors of a house, its backup, and what was done after it: one key of the backup was
/// destroyed, and one that came later.
pub(super) fn history() -> (House, PathBuf, Vec<SignedHead>, [String; 3]) {
    let house = House::new();
    let bench = &house.bench;
    bench.engine.allow_replicas(&Caller::server()).unwrap();
    let (kept, gone) = (bench.create("kept").unwrap(), bench.create("gone").unwrap());
    let mut anchors = bench.engine.sign_heads().unwrap();
    let file = house.take();
    destroy(bench, &gone);
    let later = bench.create("later").unwrap();
    destroy(bench, &later);
    anchors.extend(bench.engine.sign_heads().unwrap());
    (house, file, anchors, [kept, gone, later])
}

#[test]
fn what_was_destroyed_after_the_backup_stays_destroyed() {
    let (house, file, anchors, [kept, gone, later]) = history();
    let other = house.restored(&file);
    let confirm = |destroyed: &[String]| {
        let with = Confirmation { anchors: &anchors, destroyed, without_anchor: false };
        other.engine.confirm_restore(&caller("olga"), with)
    };
    let short = confirm(std::slice::from_ref(&gone)).unwrap_err().to_string();
    assert!(short.contains("2 objects were destroyed") && short.contains("1 of them"), "{short}");
    assert!(other.engine.is_quarantined());
    let confirmed = confirm(&[gone.clone(), later.clone(), gone.clone()]).unwrap();
    assert_eq!(confirmed.destroyed_since, Some(2));
    assert_eq!(confirmed.destroyed, std::slice::from_ref(&gone));
    assert_eq!(confirmed.absent, [later]);
    assert_eq!(other.state(&gone), State::DESTROYED);
    assert_eq!(other.by_id(Operation::GET, &gone), Err(ResultReason::OBJECT_DESTROYED));
    assert!(other.by_id(Operation::GET, &kept).is_ok());
    other.engine.audit_verify().unwrap();
}

#[test]
fn an_anchor_that_is_forged_older_or_of_another_past_confirms_nothing() {
    let (house, file, anchors, [_, gone, later]) = history();
    let other = house.restored(&file);
    let named = [gone, later];
    let confirm = |anchors: &[SignedHead]| {
        let with = Confirmation { anchors, destroyed: &named, without_anchor: false };
        match other.engine.confirm_restore(&caller("olga"), with) {
            Err(EngineError::Unconfirmed(why)) => why,
            result => panic!("{result:?}"),
        }
    };
    let older = &anchors[..2];
    assert!(confirm(older).contains("later"), "{}", confirm(older));
    // What it signed itself since it was restored is no witness.
    let own = other.engine.sign_heads().unwrap();
    assert!(!own.is_empty() && confirm(&own).contains("later"), "{}", confirm(&own));
    let mut forged = anchors.clone();
    forged.last_mut().unwrap().destroyed = 0;
    assert!(confirm(&forged).contains("signature"));
    // A past that this store did not have, signed by its own key: a fork.
    let fork = house.restored(&file);
    confirm_without(&fork);
    let forked = fork.engine.sign_heads().unwrap();
    take(&fork.engine, &house.place.path().join("fork"));
    let of_fork = house.restored(&house.place.path().join("fork"));
    let with = Confirmation { anchors: &anchors, destroyed: &named, without_anchor: false };
    let unmet = of_fork.engine.confirm_restore(&caller("olga"), with).unwrap_err().to_string();
    assert!(unmet.contains("does not meet"), "{unmet}");
    assert!(!forked.is_empty() && other.engine.is_quarantined());
}

#[test]
fn the_mark_cannot_be_deleted_from_the_disk() {
    let house = House::new();
    let file = house.take();
    let other = house.restored(&file);
    let config = other.engine.config().clone();
    other.engine.stop();
    drop(other.engine);
    let db = rusqlite::Connection::open(config.data_dir.join("store.db")).unwrap();
    let sql = "DELETE FROM server_state \
               WHERE instr(CAST(key AS BLOB), CAST('quarantine' AS BLOB)) > 0";
    let deleted = db.execute(sql, []).unwrap();
    assert_eq!(deleted, 1);
    drop(db);
    let engine = Engine::open(config).unwrap();
    let give = |share: &String| {
        engine.unseal(&Caller::server(), Unlock::Share(Zeroizing::new(share.clone())))
    };
    give(&house.shares[0]).unwrap();
    assert!(give(&house.shares[1]).is_err());
}

#[test]
fn backups_taken_under_load_refuse_no_request_and_are_all_sound() {
    // Small segments, so that they end while a backup is made.
    let house = House::with(|config| config.segment_bytes = 16 << 10);
    let id = house.bench.create("busy").unwrap();
    let stop = AtomicBool::new(false);
    let mut taken = Vec::new();
    let failed = std::thread::scope(|scope| {
        let bench = &house.bench;
        let (id, stop) = (&id, &stop);
        let uses = scope.spawn(move || {
            let mut failed = 0;
            while !stop.load(Ordering::Relaxed) {
                failed += usize::from(bench.by_id(Operation::GET, id).is_err());
            }
            failed
        });
        let changes = scope.spawn(move || {
            let mut failed = 0;
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                failed += usize::from(bench.create(&format!("key {n}")).is_err());
            }
            failed
        });
        for n in 0..8 {
            let file = house.place.path().join(format!("backup {n}"));
            take(&bench.engine, &file);
            taken.push(file);
        }
        stop.store(true, Ordering::Relaxed);
        uses.join().unwrap() + changes.join().unwrap()
    });
    assert_eq!(failed, 0);
    let mut before = 0;
    for file in taken {
        let verified = house.verify(&file).unwrap();
        assert!(verified.uses.0 > before, "nothing was used meanwhile");
        before = verified.uses.0;
    }
    house.bench.engine.audit_verify().unwrap();
    assert!(!house.bench.dir.path().join("store.db.backup").exists());
}

#[test]
fn a_backup_is_recorded_and_nothing_is_restored_over_something() {
    let house = House::new();
    let file = house.take();
    let filter = crate::AuditFilter::default();
    let entries = house.bench.engine.audit_tail(5, &filter).unwrap();
    assert!(entries.iter().any(|e| e.action == "backup-taken"), "{entries:?}");
    let to = house.place.path().join("there");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("something"), "precious").unwrap();
    let refused = restore(&file, &house.slots(), &house.unlock(), &to, &Caller::server());
    assert!(matches!(refused, Err(EngineError::Occupied(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(to.join("something")).unwrap(), "precious");
    fs::remove_file(to.join("something")).unwrap();
    restore(&file, &house.slots(), &house.unlock(), &to, &Caller::server()).unwrap();
    house.bench.engine.seal(&Caller::server()).unwrap();
    assert!(house.bench.engine.backup(&Caller::server(), &[]).is_err());
}

#[test]
fn a_data_directory_of_format_1_is_backed_up_and_restored() {
    let dir = TempDir::new().unwrap();
    copy(&fixture(1), dir.path());
    let engine = Engine::open(EngineConfig::new(dir.path())).unwrap();
    engine.unseal(&Caller::server(), Unlock::Passphrase(passphrase())).unwrap();
    let place = TempDir::new().unwrap();
    let file = place.path().join("backup");
    take(&engine, &file);
    let slots = dir.path().join("root-slots.json");
    let with = BackupUnlock::Passphrase(passphrase());
    let to = place.path().join("restored");
    restore(&file, &slots, &with, &to, &Caller::server()).unwrap();
    let config = EngineConfig { slots_path: slots, ..EngineConfig::new(&to) };
    let restored = Engine::open(config).unwrap();
    restored.unseal(&Caller::server(), Unlock::Passphrase(passphrase())).unwrap();
    let restored = bench_over(place, restored);
    confirm_without(&restored);
    let original = bench_over(dir, engine);
    let index = fs::read_to_string(original.dir.path().join("objects.txt")).unwrap();
    for line in index.lines() {
        let (what, id) = line.split_once(' ').unwrap();
        assert_eq!(restored.state(id), original.state(id), "{what}");
        if what != "destroyed" {
            assert_eq!(restored.material(id), original.material(id), "{what}");
        }
    }
}

#[test]
fn a_backup_just_taken_is_verified_with_the_root_key_that_is_open() {
    let house = House::new();
    house.bench.create("one").unwrap();
    let file = house.take();
    let slots = house.place.path().join("slots");
    fs::copy(house.slots(), &slots).unwrap();
    fs::write(&slots, house.bench.engine.slots_backup().unwrap()).unwrap();
    let scratch = house.place.path();
    let verify = || house.bench.engine.verify_own_backup(&file, &slots, scratch);
    assert_eq!(verify().unwrap().objects, 1);
    let good = fs::read(&file).unwrap();
    fs::write(&file, &good[..good.len() - 100]).unwrap();
    assert!(matches!(verify(), Err(EngineError::Backup(_))));
    fs::write(&file, &good).unwrap();
    fs::copy(House::new().slots(), &slots).unwrap();
    assert!(matches!(verify(), Err(EngineError::OtherRoot)));
    // It serves on, and nothing is left behind.
    house.bench.create("two").unwrap();
    house.bench.engine.audit_verify().unwrap();
    assert_eq!(fs::read_dir(scratch).unwrap().count(), 2);
    house.bench.engine.seal(&Caller::server()).unwrap();
    assert!(matches!(verify(), Err(EngineError::Sealed)));
}

#[test]
fn what_is_not_sealed_in_a_backup_is_not_written_where_it_is_only_tried() {
    let house = House::new();
    house.bench.create("one").unwrap();
    let place = TempDir::new().unwrap();
    let Some(_mount) = Mount::of(place.path(), "24m") else {
        println!("\nSKIPPED: mounting a tmpfs is refused here");
        return;
    };
    // A key that there is no room for, so that writing it would show.
    let key = house.place.path().join("key.pem");
    fs::write(&key, vec![b'k'; 32 << 20]).unwrap();
    let file = house.place.path().join("with-key");
    let more = [("tls/server-key.pem".to_owned(), key)];
    let pieces = house.bench.engine.backup(&Caller::server(), &more).unwrap();
    let bytes: Vec<Vec<u8>> = pieces.map(|piece| piece.unwrap()).collect();
    fs::write(&file, bytes.concat()).unwrap();
    let (slots, with) = (house.slots(), house.unlock());
    verify_backup(&file, &slots, &with, place.path()).unwrap();
    drill(&file, &slots, &with, place.path()).unwrap();
    house.bench.engine.verify_own_backup(&file, &slots, place.path()).unwrap();
    let data = place.path().join("data");
    let refused = restore(&file, &slots, &with, &data, &Caller::server());
    assert!(matches!(refused, Err(EngineError::Io { .. })), "{refused:?}");
}

#[test]
fn what_a_killed_restore_left_goes_with_the_next_and_what_is_in_use_stays() {
    let house = House::new();
    let file = house.take();
    let place = TempDir::new().unwrap();
    let make = |name: &str, old: bool| {
        let path = place.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("store.db"), "keys").unwrap();
        let dir = fs::File::open(&path).unwrap();
        if old {
            let then = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
            dir.set_modified(then).unwrap();
        }
        dir
    };
    drop(make("strongroom-scratch-left", true));
    drop(make("strongroom-scratch-just-made", false));
    drop(make("somebody-elses", true));
    let held = make("strongroom-scratch-held", true);
    held.lock_shared().unwrap();
    verify_backup(&file, &house.slots(), &house.unlock(), place.path()).unwrap();
    let names = || {
        let names = fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = names.map(|n| n.into_string().unwrap()).collect();
        names.sort();
        names
    };
    let stay = ["somebody-elses", "strongroom-scratch-held", "strongroom-scratch-just-made"];
    assert_eq!(names(), stay);
    drop(held);
    drill(&file, &house.slots(), &house.unlock(), place.path()).unwrap();
    assert_eq!(names(), ["somebody-elses", "strongroom-scratch-just-made"]);
}
