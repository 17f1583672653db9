//! Replicas: made from a backup, serving uses, refreshed, promoted.

use std::path::{Path, PathBuf};

use strongroom_kmip::{
    BatchErrorContinuationOption, BlockCipherMode, DerivationMethod, QueryFunction, UsageLimitsUnit,
};
use strongroom_model::{Counter, ObjectId};
use zeroize::Zeroizing;

use super::backup::{House, bench_over, confirm_without, destroy, history, take};
use super::kit::*;
use super::*;
use crate::allowance::{OTHER_SHARE, reserved, site_limit};
use crate::backup::restore_replica_with;
use crate::{Confirmation, EngineError, ReplicaMade, ReplicaPlan, Unlock, restore_replica};

const SITE: u32 = 2;

const WITHOUT: Confirmation<'static> =
    Confirmation { anchors: &[], destroyed: &[], without_anchor: true };

/// A replica's directory and the house that it is of.
struct Second<'a> {
    house: &'a House,
    data: PathBuf,
    dir: TempDir,
}

impl<'a> Second<'a> {
    fn new(house: &'a House) -> Self {
        let dir = TempDir::new().unwrap();
        Self { house, data: dir.path().join("data"), dir }
    }

    fn restore(&self, file: &Path, plan: &ReplicaPlan) -> Result<ReplicaMade, EngineError> {
        let (slots, with) = (self.house.slots(), self.house.unlock());
        let by = Caller::server();
        restore_replica(file, &slots, &with, &self.data, &by, plan, |_, _| Ok(()))
    }

    /// As [`Self::restore`], with something that happens in the middle of it.
    fn refresh_while(
        &self,
        file: &Path,
        meanwhile: impl FnOnce(),
    ) -> Result<ReplicaMade, EngineError> {
        let (slots, with) = (self.house.slots(), self.house.unlock());
        let (by, plan) = (Caller::server(), ReplicaPlan::default());
        let finish = |_: &Engine, _: &Path| Ok(());
        restore_replica_with(file, &slots, &with, &self.data, &by, &plan, meanwhile, finish)
    }

    fn config(&self) -> EngineConfig {
        let slots_path = self.house.slots();
        EngineConfig { slots_path, site: SITE, ..EngineConfig::new(&self.data) }
    }

    /// Opens it. The directory stays this one's.
    fn open(&self) -> Bench {
        let engine = Engine::open(self.config()).unwrap();
        unseal(&engine, &self.house.shares).unwrap();
        bench_over(TempDir::new().unwrap(), engine)
    }
}

/// A house that replicas may be made of.
fn house() -> House {
    let house = House::new();
    assert!(house.bench.engine.allow_replicas(&Caller::server()).unwrap());
    house
}

fn unseal(engine: &Engine, shares: &[String]) -> Result<(), EngineError> {
    for share in &shares[..2] {
        engine.unseal(&Caller::server(), Unlock::Share(Zeroizing::new(share.clone())))?;
    }
    Ok(())
}

fn close(bench: Bench) {
    bench.engine.stop();
}

fn plan() -> ReplicaPlan {
    ReplicaPlan { site: Some(SITE), primary: Some("kms-1.example".to_owned()) }
}

fn replica<'a>(house: &'a House, file: &Path) -> (Second<'a>, Bench) {
    let second = Second::new(house);
    second.restore(file, &plan()).unwrap();
    let bench = second.open();
    (second, bench)
}

fn gcm(bench: &Bench, id: &str) -> Result<Value, ResultReason> {
    bench.on(Operation::ENCRYPT, id, |e| {
        mode(e, BlockCipherMode::GCM);
        e.bytes(Tag::DATA, b"secret");
    })
}

fn counted(bench: &Bench, id: &str) -> u64 {
    let object = bench.engine.inner.store.read(|tx| tx.object(&id.into())).unwrap().unwrap();
    reserved(&object, Counter::RandomIv)
}

const CHANGES: [Operation; 5] = [
    Operation::ACTIVATE,
    Operation::DESTROY,
    Operation::RE_KEY,
    Operation::ARCHIVE,
    Operation::DELETE_ATTRIBUTE,
];

/// It serves what it can without a change, and refuses the rest.
fn serves_uses_only(bench: &Bench, id: &str) {
    for operation in CHANGES {
        let refused = bench.by_id(operation, id);
        assert_eq!(refused, Err(ResultReason::OPERATION_NOT_SUPPORTED), "{operation:?}");
    }
    assert_eq!(bench.create("new"), Err(ResultReason::OPERATION_NOT_SUPPORTED));
    bench.by_id(Operation::GET, id).unwrap();
    bench.by_id(Operation::GET_ATTRIBUTES, id).unwrap();
    let found = bench.one(&bench.alice, Operation::LOCATE, |_| {}).unwrap();
    assert!(!found.children().is_empty());
    let sealed = gcm(bench, id).unwrap();
    let opened = bench.on(Operation::DECRYPT, id, |e| {
        mode(e, BlockCipherMode::GCM);
        e.bytes(Tag::DATA, &octets(&sealed, Tag::DATA));
        e.bytes(Tag::IV_COUNTER_NONCE, &octets(&sealed, Tag::IV_COUNTER_NONCE));
        e.node(sealed.find(Tag::AUTHENTICATED_ENCRYPTION_TAG).unwrap());
    });
    assert_eq!(octets(&opened.unwrap(), Tag::DATA), b"secret");
}

#[test]
fn a_replica_serves_uses_under_its_own_site_and_refuses_changes_until_it_is_promoted() {
    let house = house();
    let id = house.bench.make(&Wish::default());
    let file = house.take();
    let (second, bench) = replica(&house, &file);
    let found = bench.engine.replica().unwrap();
    assert_eq!((found.of, found.primary.as_str()), (1, "kms-1.example"));
    serves_uses_only(&bench, &id);
    // A batch with one change in it is refused whole, and says where to go.
    let frame = RequestBuilder::new(V)
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .item(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    for item in &view.items {
        assert_eq!(item.status, ResultStatus::OPERATION_FAILED);
        let why = item.message.unwrap();
        assert!(why.contains("3015") && why.contains("site 1, which is kms-1.example"), "{why}");
    }
    // What it refuses it does not offer.
    let query = bench.one(&bench.alice, Operation::QUERY, |e| {
        e.enumeration(Tag::QUERY_FUNCTION, QueryFunction::QUERY_OPERATIONS);
    });
    let query = query.unwrap();
    let offers = |o: Operation| {
        let value = Value::Enumeration(o.0);
        query.children().iter().any(|n| n.tag == Tag::OPERATION && n.value == value)
    };
    assert!(offers(Operation::GET) && !offers(Operation::CREATE) && !offers(Operation::DESTROY));
    // The audit of its uses is its own, and both chains hold.
    let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    assert!(entries.iter().any(|e| e.action == "Encrypt"));
    assert!(entries.iter().any(|e| e.action == "replica-restored"));
    let report = bench.engine.audit_verify().unwrap();
    let heads = bench.engine.sign_heads().unwrap();
    assert!(heads.iter().all(|head| head.site == SITE) && !heads.is_empty());
    assert!(report.changes.0 < 20, "its own chain only");
    // All that outlives a restart.
    close(bench);
    let bench = second.open();
    serves_uses_only(&bench, &id);

    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    assert!(!bench.engine.is_replica());
    let new = bench.create("new").unwrap();
    destroy(&bench, &new);
    assert_eq!(bench.state(&new), State::DESTROYED);
    let twice = bench.engine.promote(&caller("olga"), WITHOUT);
    assert!(matches!(twice, Err(EngineError::WrongState(_))), "{twice:?}");
    bench.engine.audit_verify().unwrap();
    close(bench);
    let bench = second.open();
    assert!(!bench.engine.is_replica());
    assert!(bench.create("newer").is_ok());
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_replica_writes_nothing_when_a_date_comes_and_decides_by_it() {
    let house = house();
    let at = |s: i64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Value::DateTime(now.as_secs() as i64 + s)
    };
    let soon = Attribute::new(Tag::DEACTIVATION_DATE, at(2));
    let id = house.bench.make(&Wish { more: vec![soon], ..Wish::default() });
    let fresh = house.bench.make(&Wish::default());
    let file = house.take();
    let (_second, bench) = replica(&house, &file);
    // Whether it was given out is remembered, not written.
    bench.by_id(Operation::GET, &fresh).unwrap();
    assert_eq!(bench.values(&fresh, Tag::FRESH), [Value::Boolean(false)]);
    let before = bench.engine.status().changes;
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert_eq!(gcm(&bench, &id), Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE));
    assert_eq!(bench.state(&id), State::DEACTIVATED);
    let row = bench.engine.inner.store.read(|tx| tx.object(&id.as_str().into())).unwrap();
    assert_eq!(row.unwrap().lifecycle, strongroom_model::Lifecycle::Active);
    let after = bench.engine.status().changes;
    // The end of the uses may be told, once for each signing.
    assert!(after.0 <= before.0 + 2, "{before:?} {after:?}");
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    assert_eq!(bench.engine.sweep().unwrap(), 1);
}

#[test]
fn a_replica_gives_out_no_key_whose_destruction_has_come_by_then() {
    let house = House::with(|config| config.destroy_delay = 3);
    house.bench.engine.allow_replicas(&Caller::server()).unwrap();
    let id = house.bench.make(&Wish::default());
    let kept = house.bench.make(&Wish::default());
    let sealed = gcm(&house.bench, &id).unwrap();
    house.bench.revoke(&id).unwrap();
    house.bench.by_id(Operation::DESTROY, &id).unwrap();
    let (_second, bench) = replica(&house, &house.take());
    let decrypt = || {
        bench.on(Operation::DECRYPT, &id, |e| {
            mode(e, BlockCipherMode::GCM);
            e.bytes(Tag::DATA, &octets(&sealed, Tag::DATA));
            e.bytes(Tag::IV_COUNTER_NONCE, &octets(&sealed, Tag::IV_COUNTER_NONCE));
            e.node(sealed.find(Tag::AUTHENTICATED_ENCRYPTION_TAG).unwrap());
        })
    };
    // As long as it lasts: it may still be recalled.
    let early = bench.by_id(Operation::GET, &id).is_ok() && decrypt().is_ok();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while bench.by_id(Operation::GET, &id).is_ok() {
        assert!(std::time::Instant::now() < end, "it is given out after its destruction");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_DESTROYED));
    assert_eq!(decrypt(), Err(ResultReason::OBJECT_DESTROYED), "read before: {early}");
    bench.by_id(Operation::GET, &kept).unwrap();
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    bench.engine.sweep().unwrap();
    assert_eq!(bench.state(&id), State::DESTROYED);
}

#[test]
fn random_ivs_of_a_replica_come_out_of_its_own_share_and_never_out_of_the_primarys() {
    let house = house();
    let id = house.bench.make(&Wish::default());
    gcm(&house.bench, &id).unwrap();
    let of_primary = counted(&house.bench, &id);
    assert!(of_primary > 0);
    let file = house.take();
    let (second, bench) = replica(&house, &file);
    let own = |bench: &Bench| {
        let store = &bench.engine.inner.store;
        let object = store.read(|tx| tx.object(&ObjectId::from(id.as_str()))).unwrap().unwrap();
        let own = object.counters.get(&(Counter::RandomIv as u8, SITE)).copied().unwrap_or(0);
        (own, site_limit(&object, SITE, Counter::RandomIv, 1 << 32, true))
    };
    assert_eq!(own(&bench).0, 0);
    gcm(&bench, &id).unwrap();
    let (used, limit) = own(&bench);
    assert!(used > 0 && limit == of_primary + OTHER_SHARE);
    // The block is durable: after a restart it counts as used.
    close(bench);
    let bench = second.open();
    gcm(&bench, &id).unwrap();
    let (again, _) = own(&bench);
    assert!(again > used);
    // All of the share, and no more; promotion brings none either.
    let change = strongroom_model::Change::Reserved {
        id: ObjectId::from(id.as_str()),
        counter: Counter::RandomIv,
        upto: OTHER_SHARE,
    };
    bench.engine.append(&Caller::server(), "test", change).unwrap();
    close(bench);
    let bench = second.open();
    assert_eq!(gcm(&bench, &id), Err(ResultReason::PERMISSION_DENIED));
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    assert_eq!(gcm(&bench, &id), Err(ResultReason::PERMISSION_DENIED));
    // A replacement is made here, and has this site for its home.
    let new = bench.by_id(Operation::RE_KEY, &id).unwrap();
    gcm(&bench, &text(&new, Tag::UNIQUE_IDENTIFIER)).unwrap();
}

#[test]
fn no_replica_is_made_of_a_backup_from_before_they_were_allowed() {
    let house = House::new();
    let id = house.bench.make(&Wish::default());
    let early = house.take();
    let second = Second::new(&house);
    let refused = second.restore(&early, &plan());
    let Err(EngineError::Replica(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("backup allow-replicas"), "{why}");
    assert!(!second.data.exists());
    house.bench.engine.allow_replicas(&Caller::server()).unwrap();
    let file = house.take();
    second.restore(&file, &plan()).unwrap();
    let bench = second.open();
    gcm(&bench, &id).unwrap();
    // Promoted, it has set aside what its own replicas will need.
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    assert!(bench.engine.allows_replicas());
}

#[test]
fn of_a_key_that_had_made_more_than_the_share_of_its_home_a_replica_makes_no_random_iv() {
    let house = House::new();
    let id = house.bench.make(&Wish::default());
    let change = strongroom_model::Change::Reserved {
        id: ObjectId::from(id.as_str()),
        counter: Counter::RandomIv,
        upto: crate::allowance::HOME_SHARE + 1,
    };
    house.bench.engine.append(&Caller::server(), "test", change).unwrap();
    house.bench.engine.allow_replicas(&Caller::server()).unwrap();
    let file = house.take();
    let (_second, bench) = replica(&house, &file);
    assert_eq!(gcm(&bench, &id), Err(ResultReason::PERMISSION_DENIED));
    gcm(&house.bench, &id).unwrap();
}

#[test]
fn a_use_that_comes_to_a_change_is_refused_where_the_change_would_be_made() {
    let house = house();
    let id = house.bench.make(&Wish::default());
    let file = house.take();
    let (_second, bench) = replica(&house, &file);
    // Derive Key is asked for like a use, and makes an object.
    let derive = |bench: &Bench| {
        bench.on(Operation::DERIVE_KEY, &id, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.enumeration(Tag::DERIVATION_METHOD, DerivationMethod::PBKDF2);
            e.structure(Tag::DERIVATION_PARAMETERS, |e| {
                e.bytes(Tag::SALT, b"salt");
                e.integer(Tag::ITERATION_COUNT, 1000);
            });
            AttributeSet::Own.write(&Wish { bits: 128, ..Wish::default() }.attributes(), e, V);
        })
    };
    let objects = bench.engine.status().objects;
    let before = bench.engine.inner.store.head();
    assert_eq!(derive(&bench), Err(ResultReason::OPERATION_NOT_SUPPORTED));
    assert!(bench.audit_says("3015"), "it says where to go");
    // Between uses of one batch it takes none of them along.
    let frame = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::CONTINUE)
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .item(Operation::DERIVE_KEY, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.text(Tag::UNIQUE_IDENTIFIER, &id);
            e.enumeration(Tag::DERIVATION_METHOD, DerivationMethod::PBKDF2);
            e.structure(Tag::DERIVATION_PARAMETERS, |e| {
                e.bytes(Tag::SALT, b"salt");
                e.integer(Tag::ITERATION_COUNT, 1000);
            });
            AttributeSet::Own.write(&Wish { bits: 128, ..Wish::default() }.attributes(), e, V);
        })
        .item(Operation::GET_ATTRIBUTES, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    let status: Vec<_> = view.items.iter().map(|item| item.status).collect();
    let (done, failed) = (ResultStatus::SUCCESS, ResultStatus::OPERATION_FAILED);
    assert_eq!(status, [done, failed, done]);
    assert_eq!(bench.engine.status().objects, objects);
    assert_eq!(bench.engine.inner.store.head(), before, "something was written");
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    derive(&bench).unwrap();
}

#[test]
fn a_replica_has_nothing_of_a_usage_limit() {
    let house = house();
    let limits = Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(100)),
        Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::OBJECT),
    ]);
    let more = vec![Attribute::new(Tag::USAGE_LIMITS, limits)];
    let id = house.bench.make(&Wish { more, ..Wish::default() });
    let file = house.take();
    let (_second, bench) = replica(&house, &file);
    let cbc = || {
        bench.on(Operation::ENCRYPT, &id, |e| {
            mode(e, BlockCipherMode::CBC);
            e.bytes(Tag::DATA, b"secret");
        })
    };
    assert_eq!(cbc(), Err(ResultReason::PERMISSION_DENIED));
    assert!(bench.audit_says("has a usage limit"));
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    cbc().unwrap();
}

#[test]
fn a_newer_backup_refreshes_a_replica_and_its_own_chain_and_counts_go_on() {
    let house = house();
    let id = house.bench.make(&Wish::default());
    let first = house.take();
    let (second, bench) = replica(&house, &first);
    gcm(&bench, &id).unwrap();
    let of_replica = counted(&bench, &id);
    bench.engine.revoke_certificate(&caller("olga"), &"ab".repeat(32), "stolen").unwrap();
    close(bench);

    let gone = house.bench.create("gone").unwrap();
    let newer = house.bench.create("newer").unwrap();
    destroy(&house.bench, &gone);
    gcm(&house.bench, &id).unwrap();
    let of_primary = counted(&house.bench, &id);
    let file = house.place.path().join("newer");
    take(&house.bench.engine, &file);
    let made = second.restore(&file, &ReplicaPlan::default()).unwrap();
    assert!(made.site == SITE && made.before_ms.is_some());
    let bench = second.open();
    assert_eq!(bench.engine.replica().unwrap().primary, "kms-1.example");
    bench.by_id(Operation::GET, &newer).unwrap();
    assert_eq!(bench.state(&gone), State::DESTROYED);
    assert_eq!(counted(&bench, &id), of_primary + of_replica);
    assert!(bench.engine.is_revoked(&"ab".repeat(32)));
    serves_uses_only(&bench, &id);
    let entries = bench.engine.audit_tail(200, &AuditFilter::default()).unwrap();
    let restored = entries.iter().filter(|e| e.action == "replica-restored").count();
    assert_eq!(restored, 2, "the audit of its uses goes on");
    bench.engine.audit_verify().unwrap();
    assert!(bench.engine.status().uses_missing.is_none());
    close(bench);

    // Not back to an older one; and not while it runs.
    let older = second.restore(&first, &ReplicaPlan::default()).unwrap_err().to_string();
    assert!(older.contains("older"), "{older}");
    let bench = second.open();
    assert!(second.restore(&file, &ReplicaPlan::default()).is_err());
    serves_uses_only(&bench, &id);
    // Once promoted it is no replica any more.
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    close(bench);
    let promoted = second.restore(&file, &ReplicaPlan::default()).unwrap_err().to_string();
    assert!(promoted.contains("promoted"), "{promoted}");
    assert!(second.open().create("still there").is_ok());
    drop(second.dir);
}

#[test]
fn a_backup_of_another_continuation_refreshes_nothing() {
    let house = house();
    house.bench.create("one").unwrap();
    let early = house.take();
    // The same site, restored somewhere else, goes another way and further.
    let fork = house.restored(&early);
    confirm_without(&fork);
    for n in 0..20 {
        fork.create(&format!("fork {n}")).unwrap();
    }
    let of_fork = house.place.path().join("fork");
    take(&fork.engine, &of_fork);
    house.bench.create("two").unwrap();
    let late = house.place.path().join("late");
    take(&house.bench.engine, &late);
    let (second, bench) = replica(&house, &late);
    close(bench);
    let refused = second.restore(&of_fork, &ReplicaPlan::default()).unwrap_err().to_string();
    assert!(refused.contains("another continuation"), "{refused}");
    assert!(second.open().engine.is_replica());
}

#[test]
fn a_promoted_replica_meets_the_anchors_of_its_primary_and_destroyed_stays_destroyed() {
    let (house, file, anchors, [kept, gone, later]) = history();
    let (_second, bench) = replica(&house, &file);
    let promote = |destroyed: &[String]| {
        let with = Confirmation { anchors: &anchors, destroyed, without_anchor: false };
        bench.engine.promote(&caller("olga"), with)
    };
    let short = promote(std::slice::from_ref(&gone)).unwrap_err().to_string();
    assert!(short.contains("2 objects were destroyed"), "{short}");
    let nothing = Confirmation { anchors: &[], destroyed: &[], without_anchor: false };
    assert!(bench.engine.promote(&caller("olga"), nothing).is_err());
    // What it signs itself is no witness.
    let own = bench.engine.sign_heads().unwrap();
    let with = Confirmation { anchors: &own, destroyed: &[], without_anchor: false };
    let own = bench.engine.promote(&caller("olga"), with).unwrap_err().to_string();
    assert!(own.contains("is of site 2"), "{own}");
    assert!(bench.engine.is_replica());
    let promoted = promote(&[gone.clone(), later.clone()]).unwrap();
    assert_eq!(promoted.destroyed_since, Some(2));
    assert_eq!(promoted.absent, [later]);
    assert_eq!(bench.by_id(Operation::GET, &gone), Err(ResultReason::OBJECT_DESTROYED));
    bench.by_id(Operation::GET, &kept).unwrap();
    bench.engine.audit_verify().unwrap();
    // Its backup is one of its own site, and restores.
    let of_promoted = house.place.path().join("promoted");
    take(&bench.engine, &of_promoted);
    let place = house.place.path();
    let drilled = crate::drill(&of_promoted, &house.slots(), &house.unlock(), place).unwrap();
    assert_eq!(drilled.backup.header.site, SITE);
}

#[test]
fn the_site_of_a_replica_is_its_own_and_the_configuration_must_say_so() {
    let house = house();
    house.bench.create("one").unwrap();
    let file = house.take();
    let second = Second::new(&house);
    for (site, word) in [(None, "its own"), (Some(1), "site 1"), (Some(16), "1 to 15")] {
        let plan = ReplicaPlan { site, primary: None };
        let refused = second.restore(&file, &plan).unwrap_err().to_string();
        assert!(refused.contains(word), "{site:?}: {refused}");
    }
    assert!(!second.data.exists());
    second.restore(&file, &plan()).unwrap();
    let wrong = Engine::open(EngineConfig { site: 1, ..second.config() });
    assert!(matches!(wrong, Err(EngineError::OtherSite { store: 2, configured: 1 })));
    let other = second.restore(&file, &ReplicaPlan { site: Some(3), primary: None });
    assert!(other.unwrap_err().to_string().contains("is site 2"));
    // A data directory that is no replica is left alone.
    let third = Second { data: house.bench.dir.path().to_owned(), ..Second::new(&house) };
    assert!(third.restore(&file, &plan()).unwrap_err().to_string().contains("no replica"));
}

#[test]
fn neither_the_mark_nor_the_past_can_be_changed_on_the_disk() {
    let house = house();
    house.bench.create("one").unwrap();
    let file = house.take();
    // What is done to the rows, and whether it opens; if it does, the audit shows it.
    let cases = [
        (
            "DELETE FROM server_state WHERE instr(CAST(key AS BLOB), CAST('replica' AS BLOB)) > 0",
            false,
        ),
        ("DELETE FROM server_state WHERE key LIKE 'site%'", false),
        ("DELETE FROM journal WHERE site = 1", true),
        ("DELETE FROM journal WHERE site = 1 AND seq = 1", true),
        (
            "DELETE FROM journal WHERE site = 1 AND seq = \
             (SELECT MAX(seq) FROM journal WHERE site = 1)",
            true,
        ),
        ("UPDATE journal SET actor = 'eve' WHERE site = 1 AND seq = 2", true),
        ("DELETE FROM meta WHERE key = 'local:site'", true),
    ];
    for (sql, opens) in cases {
        let (second, bench) = replica(&house, &file);
        close(bench);
        let path = second.data.join("store.db");
        let db = rusqlite::Connection::open(path).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
        drop(db);
        let engine = Engine::open(second.config()).unwrap();
        assert_eq!(unseal(&engine, &house.shares).is_ok(), opens, "{sql}");
        if !opens {
            continue;
        }
        assert!(engine.is_replica(), "{sql}");
        let whole = sql.contains("local:site");
        assert_eq!(engine.audit_verify().is_ok(), whole, "{sql}");
    }
}

#[test]
fn a_replica_that_is_started_while_it_is_refreshed_loses_nothing_of_what_it_did() {
    let house = house();
    let (second, bench) = replica(&house, &house.take());
    close(bench);
    let file = house.place.path().join("newer");
    take(&house.bench.engine, &file);
    // Promoted in the middle, and stopped again: what it made since must not become a replica's.
    let refused = second.refresh_while(&file, || {
        let bench = second.open();
        bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
        bench.create("new").unwrap();
        close(bench);
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("started meanwhile"), "{refused}");
    let bench = second.open();
    assert!(!bench.engine.is_replica());
    bench.create("newer").unwrap();
    bench.engine.audit_verify().unwrap();
    close(bench);
    // And whoever only lets it be opened and closed is not in the way.
    let (second, bench) = replica(&house, &file);
    close(bench);
    second.refresh_while(&file, || {}).unwrap();
    assert!(second.open().engine.is_replica());
}

#[test]
fn a_replica_gets_no_number_that_a_server_before_it_had() {
    let house = house();
    let (_second, bench) = replica(&house, &house.take());
    bench.engine.promote(&caller("olga"), WITHOUT).unwrap();
    bench.create("of the promoted").unwrap();
    let file = house.place.path().join("promoted");
    take(&bench.engine, &file);
    close(bench);
    // The lost primary is back, and is to be a replica of the promoted one.
    let back = Second::new(&house);
    let plan = |site| ReplicaPlan { site: Some(site), primary: None };
    let refused = back.restore(&file, &plan(1)).unwrap_err();
    assert!(matches!(refused, EngineError::Replica(_)), "{refused:?}");
    assert!(refused.to_string().contains("no server of the house ever had"), "{refused}");
    assert!(!back.data.exists());
    back.restore(&file, &plan(3)).unwrap();
    let engine = Engine::open(EngineConfig { site: 3, ..back.config() }).unwrap();
    unseal(&engine, &house.shares).unwrap();
    assert_eq!(engine.replica().unwrap().of, 2);
    engine.audit_verify().unwrap();
}

#[test]
fn no_replica_is_made_of_what_knows_less_than_a_primary() {
    let house = house();
    house.bench.create("one").unwrap();
    let file = house.take();
    let (_second, bench) = replica(&house, &file);
    let of_replica = house.place.path().join("of-replica");
    take(&bench.engine, &of_replica);
    let restored = house.restored(&file);
    let of_quarantined = house.place.path().join("of-quarantined");
    take(&restored.engine, &of_quarantined);
    for (file, word) in [(&of_replica, "of a replica"), (&of_quarantined, "quarantine")] {
        let third = Second::new(&house);
        let plan = ReplicaPlan { site: Some(3), primary: None };
        let refused = third.restore(file, &plan).unwrap_err();
        assert!(matches!(refused, EngineError::Replica(_)), "{refused:?}");
        assert!(refused.to_string().contains(word), "{refused}");
        assert!(!third.data.exists());
    }
    // As itself it comes back: still a replica, and in quarantine beside.
    let again = TempDir::new().unwrap();
    let data = again.path().join("data");
    let (slots, with) = (house.slots(), house.unlock());
    crate::restore(&of_replica, &slots, &with, &data, &Caller::server()).unwrap();
    let config = EngineConfig { slots_path: slots, site: SITE, ..EngineConfig::new(data) };
    let engine = Engine::open(config).unwrap();
    unseal(&engine, &house.shares).unwrap();
    assert!(engine.is_replica() && engine.is_quarantined());
}
