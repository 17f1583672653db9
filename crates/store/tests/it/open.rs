//! Opening, unlocking, locking, closing.

use std::os::unix::fs::PermissionsExt;

use strongroom_model::{Change, Lifecycle, ObjectId, Role, Seen};
use strongroom_store::{Store, StoreError, StoreKeys};

use crate::support::{
    Place, apply, create, exists, keys, material, move_to, new_object, run, secret,
};

fn role() -> Change {
    Change::RoleGranted { user: "olga".into(), role: Role::CryptoOfficer, seen: Seen::default() }
}

#[test]
fn a_locked_store_gives_and_takes_nothing_but_the_servers_own_state() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k"), role()]).unwrap();
    drop(store);

    let store = place.open_locked();
    let id = ObjectId::from("k");
    assert!(matches!(store.read(|tx| tx.object(&id)), Err(StoreError::Locked)));
    assert!(matches!(apply(&store, vec![create("l")]), Err(StoreError::Locked)));
    assert!(matches!(store.chain_state(), Err(StoreError::Locked)));
    assert_eq!(store.server_state().role_of("olga"), Some(Role::CryptoOfficer));
    assert_eq!(store.head().seq, 2);

    store.unlock(keys(), secret(9)).unwrap();
    assert!(exists(&store, "k"));
    store.lock().unwrap();
    assert!(matches!(store.read(|tx| tx.object(&id)), Err(StoreError::Locked)));
    assert!(matches!(apply(&store, vec![create("l")]), Err(StoreError::Locked)));
    store.unlock(keys(), secret(9)).unwrap();
    apply(&store, vec![create("l")]).unwrap();
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn jobs_submitted_before_locking_are_done_first() {
    let place = Place::new();
    let store = place.open();
    let release = crate::support::hold(&store);
    let created = crate::support::later(&store, |tx| crate::support::append(tx, &create("k")));
    std::thread::scope(|scope| {
        scope.spawn(|| store.lock().unwrap());
        drop(release);
        created.recv().unwrap().unwrap();
    });
    assert!(matches!(apply(&store, vec![create("l")]), Err(StoreError::Locked)));
}

#[test]
fn another_key_does_not_unlock() {
    let place = Place::new();
    apply(&place.open(), vec![create("k"), role()]).unwrap();
    let store = place.open_locked();
    let wrong_record_key = StoreKeys::new(&secret(8), secret(2)).unwrap();
    assert!(matches!(store.unlock(wrong_record_key, secret(3)), Err(StoreError::Tampered(_))));
    let wrong_chain_key = StoreKeys::new(&secret(1), secret(8)).unwrap();
    assert!(matches!(store.unlock(wrong_chain_key, secret(3)), Err(StoreError::Damaged(..))));
    assert!(matches!(apply(&store, vec![create("l")]), Err(StoreError::Locked)));
    store.unlock(keys(), secret(3)).unwrap();
}

#[test]
fn a_reopened_store_continues_where_it_stood() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k"), role()]).unwrap();
    let (head, last) = (store.head(), store.last_change_ms());
    assert_eq!(last, Some(crate::support::NOW));
    drop(store);

    let store = place.open();
    assert_eq!((store.head(), store.last_change_ms()), (head, last));
    assert!(exists(&store, "k"));
    apply(&store, vec![create("l")]).unwrap();
    assert_eq!(store.head().seq, head.seq + 1);
    assert!(store.verify(vec![head]).unwrap().is_sound());
}

#[test]
fn stamps_keep_growing_though_the_clock_was_set_back_between_runs() {
    let place = Place::new();
    apply(&place.open(), vec![create("k")]).unwrap();
    let store = place.open();
    let origin = crate::support::origin();
    let stamp = run(&store, move |tx| tx.append(&origin, &create("l"), 1_000)).unwrap();
    assert!(stamp.millis() >= crate::support::NOW);
}

#[test]
fn a_new_store_is_empty() {
    let place = Place::new();
    let store = place.open();
    assert_eq!((store.head().seq, store.last_change_ms()), (0, None));
    let counts = store.read(|tx| tx.counts()).unwrap();
    assert!(counts.is_empty());
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn one_database_is_opened_once() {
    let place = Place::new();
    let store = place.open();
    let second = Store::open(place.options(), Box::new(|_| {}));
    assert!(matches!(second, Err(StoreError::InUse(_))));
    drop(store);
    drop(place.open());
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    drop(place.open());
    place.intruder().execute_batch("PRAGMA user_version = 2").unwrap();
    let opened = Store::open(place.options(), Box::new(|_| {}));
    assert!(matches!(opened, Err(StoreError::Newer { found: 2, known: 1 })));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let place = Place::new();
    std::fs::write(place.path(), vec![0x42; 8192]).unwrap();
    let opened = Store::open(place.options(), Box::new(|_| {}));
    assert!(matches!(opened, Err(StoreError::Database(_))));
    assert_eq!(std::fs::read(place.path()).unwrap(), vec![0x42; 8192]);
}

#[test]
fn only_the_owner_can_read_the_files() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k")]).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(place.dir()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".lock") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 3, "database, log, and its index");
}

#[test]
fn the_database_keeps_a_write_ahead_log_and_says_whose_it_is() {
    let place = Place::new();
    drop(place.open());
    let intruder = place.intruder();
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        intruder.query_row(&sql, [], |r| r.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("application_id"), 0x5352_4B4D.to_string());
    assert_eq!(pragma("user_version"), "1");
}

/// Whether any file of the store holds `marker`.
fn on_disk(place: &Place, marker: &[u8]) -> bool {
    std::fs::read_dir(place.dir()).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(marker.len()).any(|w| w == marker)
    })
}

#[test]
fn what_is_destroyed_is_on_no_disk_after_a_checkpoint() {
    let place = Place::new();
    let store = place.open();
    // One that fits its page, and one that spills over several.
    let markers = [b"a marker of some length".repeat(3), b"another marker, repeated".repeat(900)];
    for (id, marker) in ["small", "large"].into_iter().zip(&markers) {
        let mut new = new_object(id, "alice");
        new.material = Some(material(1, marker));
        apply(&store, vec![Change::Created(Box::new(new))]).unwrap();
        assert!(on_disk(&place, &marker[..60]));
    }
    store.checkpoint().unwrap();
    assert!(on_disk(&place, &markers[0]) && on_disk(&place, &markers[1][..60]));
    apply(
        &store,
        vec![move_to("small", Lifecycle::Destroyed), move_to("large", Lifecycle::Destroyed)],
    )
    .unwrap();
    store.checkpoint().unwrap();
    assert!(!on_disk(&place, &markers[0][..60]) && !on_disk(&place, &markers[1][..60]));
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn what_was_submitted_before_the_stop_is_done_and_what_comes_after_is_refused() {
    let place = Place::new();
    let store = place.open();
    let release = crate::support::hold(&store);
    let created = crate::support::later(&store, |tx| crate::support::append(tx, &create("k")));
    std::thread::scope(|scope| {
        scope.spawn(|| store.stop());
        drop(release);
        created.recv().unwrap().unwrap();
    });
    assert!(matches!(apply(&store, vec![create("l")]), Err(StoreError::Stopping)));
    assert!(exists(&store, "k"));
}

#[test]
fn the_last_owner_may_be_a_completion_on_the_writer_itself() {
    let place = Place::new();
    let store = std::sync::Arc::new(place.open());
    let release = crate::support::hold(&store);
    let (sender, done) = std::sync::mpsc::channel();
    let last = store.clone();
    store.submit(Box::new(move |_| {
        Box::new(move |_| {
            drop(last);
            let _ = sender.send(());
        })
    }));
    drop(store);
    drop(release);
    done.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
}
