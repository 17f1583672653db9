//! Somebody with the disk changes it: what is found on reading, and what on verifying.

use rusqlite::Connection;
use strongroom_journal::What;
use strongroom_model::{Change, Lifecycle, ObjectId, Role, SealedMaterial, Seen, Setting};
use strongroom_store::{Candidates, Difference, Order, Store, StoreError, Verification};

use crate::support::{
    Place, apply, create, keys, move_to, name_key, name_value, new_object, secret, set,
};

/// A store with a little of everything.
fn furnished(place: &Place) -> Store {
    let store = place.open();
    apply(&store, vec![create("a"), create("b"), create("c")]).unwrap();
    apply(&store, vec![move_to("a", Lifecycle::Active)]).unwrap();
    let date = strongroom_model::AttributeKey::single(strongroom_kmip::Tag::ACTIVATION_DATE);
    let value = strongroom_kmip::Value::DateTime(5_000);
    apply(&store, vec![set("b", date, Some(value))]).unwrap();
    let role = Role::CryptoOfficer;
    apply(&store, vec![Change::RoleGranted { user: "olga".into(), role, seen: Seen::default() }])
        .unwrap();
    let setting = Setting { namespace: "config".into(), key: "x".into(), value: Some(vec![1]) };
    apply(&store, vec![Change::Setting(setting)]).unwrap();
    assert!(store.verify(vec![store.head()]).unwrap().is_sound());
    store
}

/// What verifying says after `change`, made while the store is open.
fn after(change: impl FnOnce(&Connection)) -> Verification {
    let place = Place::new();
    let store = furnished(&place);
    let head = store.head();
    change(&place.intruder());
    store.verify(vec![head]).unwrap()
}

fn execute(sql: &str) -> impl FnOnce(&Connection) {
    move |connection| {
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
    }
}

fn differences(sql: &'static str) -> Vec<Difference> {
    let found = after(execute(sql));
    assert!(found.chain.is_ok());
    found.differences
}

fn object(id: &str) -> String {
    format!("object {id}")
}

#[test]
fn an_edited_row_is_refused_on_every_way_to_it() {
    let place = Place::new();
    let store = furnished(&place);
    place
        .intruder()
        .execute("UPDATE objects SET row = CAST(REPLACE(row, 'alice', 'mallo') AS BLOB)", [])
        .unwrap();
    let id = ObjectId::from("b");
    assert!(matches!(store.read(|tx| tx.object(&id)), Err(StoreError::Tampered(_))));
    for candidates in [
        Candidates::All,
        Candidates::Ids(vec![id.clone()]),
        Candidates::WithValue(name_key().name, name_value("b")),
    ] {
        let scanned = store.read(|tx| {
            tx.scan(&candidates, Order::Oldest, |_| std::ops::ControlFlow::Continue(()))
        });
        assert!(matches!(scanned, Err(StoreError::Tampered(_))), "{candidates:?}");
    }
    let changed = apply(&store, vec![move_to("b", Lifecycle::Active)]);
    assert!(matches!(changed, Err(StoreError::Tampered(_))));
}

#[test]
fn a_row_put_under_another_id_is_refused() {
    let place = Place::new();
    let store = furnished(&place);
    place
        .intruder()
        .execute_batch(
            "UPDATE objects SET row = (SELECT row FROM objects WHERE id = 'a'), \
             mac = (SELECT mac FROM objects WHERE id = 'a') WHERE id = 'b'",
        )
        .unwrap();
    let id = ObjectId::from("b");
    assert!(matches!(store.read(|tx| tx.object(&id)), Err(StoreError::Tampered(_))));
}

#[test]
fn an_edited_role_keeps_the_store_locked() {
    let place = Place::new();
    drop(furnished(&place));
    place
        .intruder()
        .execute("UPDATE server_state SET key = REPLACE(key, 'olga', 'mall')", [])
        .unwrap();
    let store = place.open_locked();
    assert!(matches!(store.unlock(keys(), secret(3)), Err(StoreError::Tampered(_))));
}

#[test]
fn verifying_names_the_row_that_was_edited() {
    let found = differences("UPDATE objects SET mac = zeroblob(32) WHERE id = 'b'");
    assert_eq!(found, [Difference::Tampered(object("b"))]);
}

#[test]
fn verifying_finds_a_row_that_was_deleted() {
    let found = differences("DELETE FROM objects WHERE id = 'c'");
    // Its name in the index has no object any more.
    assert_eq!(found, [Difference::Missing(object("c")), Difference::Index(object("c"))]);
}

#[test]
fn verifying_finds_an_older_row_that_was_put_back() {
    let place = Place::new();
    let store = furnished(&place);
    let intruder = place.intruder();
    intruder.execute_batch("CREATE TABLE kept AS SELECT * FROM objects").unwrap();
    apply(&store, vec![move_to("a", Lifecycle::Destroyed)]).unwrap();
    intruder
        .execute_batch("INSERT OR REPLACE INTO objects SELECT * FROM kept WHERE id = 'a'")
        .unwrap();
    // The row is genuine, so reading cannot know; the journal does.
    assert!(store.read(|tx| tx.object(&"a".into())).unwrap().unwrap().material.is_some());
    let found = store.verify(Vec::new()).unwrap();
    assert!(found.chain.is_ok());
    assert_eq!(found.differences, [Difference::Altered(object("a"))]);
}

#[test]
fn verifying_finds_material_that_is_not_what_the_journal_names() {
    let place = Place::new();
    let store = place.open();
    // As a bug would write it: the row is authentic, the seal another than its digest says.
    let mut new = new_object("k", "alice");
    new.material = new.material.map(|m| SealedMaterial { bytes: vec![6; 60], ..m });
    apply(&store, vec![create("a"), Change::Created(Box::new(new))]).unwrap();
    let found = store.verify(Vec::new()).unwrap();
    assert!(found.chain.is_ok());
    assert_eq!(found.differences, [Difference::Altered(object("k"))]);
}

#[test]
fn verifying_finds_columns_and_index_entries_that_do_not_fit_the_row() {
    for sql in [
        "UPDATE objects SET lifecycle = 2 WHERE id = 'b'",
        "UPDATE objects SET created = 1 WHERE id = 'b'",
        "UPDATE objects SET owner = 'mallory' WHERE id = 'b'",
        "UPDATE objects SET object_type = 7 WHERE id = 'b'",
        "UPDATE objects SET epoch = NULL WHERE id = 'b'",
        "DELETE FROM attribute_values WHERE id = 'b'",
        "UPDATE attribute_values SET value = CAST('z' AS BLOB) WHERE id = 'b'",
        "INSERT INTO attribute_values SELECT attribute, CAST('z' AS BLOB), id \
         FROM attribute_values WHERE id = 'b'",
        "DELETE FROM due WHERE id = 'b'",
        "UPDATE due SET at = at + 1 WHERE id = 'b'",
        "INSERT INTO due VALUES (77, 'b')",
    ] {
        assert_eq!(differences(sql), [Difference::Index(object("b"))], "{sql}");
    }
}

#[test]
fn verifying_finds_rows_of_the_servers_own_state_that_are_gone_or_edited() {
    let found = differences("DELETE FROM server_state WHERE family = 'role'");
    assert_eq!(found, [Difference::Missing("role officer of olga".to_owned())]);
    let found = differences("DELETE FROM server_state WHERE family = 'setting'");
    assert_eq!(found, [Difference::Missing("setting x of config".to_owned())]);
    let found = differences("UPDATE server_state SET mac = zeroblob(32)");
    assert!(matches!(found.as_slice(), [Difference::Tampered(_)]));
}

#[test]
fn verifying_says_where_the_journal_was_edited() {
    // Bodies are UTF-8 in places; the CAST keeps the column a blob.
    for (sql, seq) in [
        ("UPDATE journal SET body = CAST(body || x'00' AS BLOB) WHERE seq = 3", 3),
        ("UPDATE journal SET actor = 'mallory' WHERE seq = 4", 4),
        ("UPDATE journal SET hlc = hlc + 1 WHERE seq = 2", 2),
        ("UPDATE journal SET kind = 6 WHERE seq = 4", 4),
        ("UPDATE journal SET mac = zeroblob(32) WHERE seq = 5", 5),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 6", 6),
        ("UPDATE journal SET prev = zeroblob(32) WHERE seq = 6", 6),
        ("UPDATE journal SET prev = zeroblob(31) WHERE seq = 6", 6),
        ("DELETE FROM journal WHERE seq = 3", 3),
        ("DELETE FROM journal WHERE seq >= 6", 6),
    ] {
        let place = Place::new();
        let store = furnished(&place);
        let head = store.head();
        execute(sql)(&place.intruder());
        let chain = store.read(|tx| tx.verify_chain(vec![head])).unwrap();
        assert_eq!(chain.unwrap_err().seq, seq, "{sql}");
    }
}

#[test]
fn a_cut_journal_is_found_by_an_anchor_or_by_the_state_that_outlived_it() {
    let found = after(execute("DELETE FROM journal WHERE seq = 7"));
    let fault = found.chain.unwrap_err();
    assert!(matches!(fault.what, What::Truncated { end: 6, known: 7 }), "{fault}");

    let place = Place::new();
    let store = furnished(&place);
    execute("DELETE FROM journal WHERE seq = 7")(&place.intruder());
    let found = store.verify(Vec::new()).unwrap();
    assert!(found.chain.is_ok(), "without an anchor the shorter chain is a whole one");
    let setting = "setting x of config".to_owned();
    assert_eq!(found.differences, [Difference::Unexplained(setting)]);
}

#[test]
fn an_edited_last_record_keeps_the_store_locked() {
    let place = Place::new();
    drop(furnished(&place));
    execute("UPDATE journal SET actor = 'mallory' WHERE seq = 7")(&place.intruder());
    let store = place.open_locked();
    assert!(matches!(store.unlock(keys(), secret(3)), Err(StoreError::Damaged(..))));
}

#[test]
fn a_journal_without_its_sealed_state_keeps_the_store_locked() {
    let place = Place::new();
    drop(furnished(&place));
    execute("DELETE FROM meta WHERE key = 'chain-state'")(&place.intruder());
    let store = place.open_locked();
    assert!(matches!(store.unlock(keys(), secret(3)), Err(StoreError::Damaged(..))));
}
