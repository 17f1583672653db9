//! Transactions: what shares a commit, what is undone, what is seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use strongroom_model::{Change, Lifecycle, ObjectId, Role, Seen};
use strongroom_store::{Store, StoreError};

use crate::support::{
    Place, append, apply, create, exists, hold, keys, later, move_to, run, secret,
};

fn refused() -> StoreError {
    StoreError::Database("refused".to_owned())
}

#[test]
fn jobs_that_wait_share_a_commit() {
    let place = Place::new();
    let store = place.open();
    let before = store.stats();
    let release = hold(&store);
    let outcomes: Vec<_> =
        (0..100).map(|n| later(&store, move |tx| append(tx, &create(&format!("k{n}"))))).collect();
    drop(release);
    for outcome in outcomes {
        outcome.recv().unwrap().unwrap();
    }
    let after = store.stats();
    assert_eq!((after.commits - before.commits, after.jobs - before.jobs), (1, 101));
    assert_eq!(store.head().seq, 100);
}

#[test]
fn nothing_is_told_before_its_commit_and_the_hook_comes_before_the_jobs() {
    let place = Place::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let hook = log.clone();
    let hooked = move |ids: &[ObjectId]| {
        hook.lock().push(format!("hook {}", ids.iter().map(ObjectId::as_str).collect::<String>()));
    };
    let store = Store::open(place.options(), Box::new(hooked)).unwrap();
    store.unlock(keys(), secret(3)).unwrap();
    let release = hold(&store);
    let seen = Arc::new(AtomicUsize::new(0));
    for id in ["b", "a"] {
        let (log, job_log, seen) = (log.clone(), log.clone(), seen.clone());
        store.submit(Box::new(move |tx| {
            append(tx.unwrap(), &create(id)).unwrap();
            job_log.lock().push(format!("job {id}"));
            Box::new(move |committed| {
                committed.unwrap();
                log.lock().push(format!("done {id}"));
                seen.fetch_add(1, Ordering::SeqCst);
            })
        }));
    }
    drop(release);
    run(&store, |_| Ok(())).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    assert_eq!(log.lock().as_slice(), ["job b", "job a", "hook ab", "done b", "done a"]);
}

#[test]
fn a_nested_failure_undoes_its_own_part_and_no_other() {
    let place = Place::new();
    let store = place.open();
    run(&store, |tx| {
        append(tx, &create("before"))?;
        let failed: Result<(), StoreError> = tx.nested(|tx| {
            append(tx, &create("inside"))?;
            append(tx, &move_to("before", Lifecycle::Destroyed))?;
            append(tx, &grant_role())?;
            assert_eq!(tx.server_state().role_of("olga"), Some(Role::Auditor));
            Err(refused())
        });
        assert!(failed.is_err());
        assert_eq!(tx.server_state().role_of("olga"), None);
        assert!(tx.object(&"inside".into())?.is_none());
        append(tx, &create("after"))
    })
    .unwrap();
    assert!(exists(&store, "before") && exists(&store, "after") && !exists(&store, "inside"));
    let before = store.read(|tx| tx.object(&"before".into())).unwrap().unwrap();
    assert_eq!(before.lifecycle, Lifecycle::PreActive);
    assert_eq!(store.server_state().role_of("olga"), None);
    // The chain has no gap where the undone records were.
    assert_eq!(store.head().seq, 2);
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

fn grant_role() -> Change {
    Change::RoleGranted { user: "olga".into(), role: Role::Auditor, seen: Seen::default() }
}

#[test]
fn a_failure_three_deep_undoes_what_its_level_says() {
    let place = Place::new();
    let store = place.open();
    run(&store, |tx| {
        append(tx, &create("one"))?;
        let middle: Result<(), StoreError> = tx.nested(|tx| {
            append(tx, &create("two"))?;
            let inner: Result<(), StoreError> = tx.nested(|tx| {
                append(tx, &create("three"))?;
                Err(refused())
            });
            assert!(inner.is_err());
            append(tx, &create("four"))?;
            tx.nested(|tx| append(tx, &create("five")))?;
            Err(refused())
        });
        assert!(middle.is_err());
        tx.nested(|tx| append(tx, &create("six")))
    })
    .unwrap();
    let there: Vec<bool> =
        ["one", "two", "three", "four", "five", "six"].map(|id| exists(&store, id)).to_vec();
    assert_eq!(there, [true, false, false, false, false, true]);
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn a_job_that_fails_leaves_the_others_of_its_commit() {
    let place = Place::new();
    let store = place.open();
    let release = hold(&store);
    let first = later(&store, |tx| append(tx, &create("a")));
    let bad = later(&store, |tx| {
        append(tx, &create("b"))?;
        Err::<(), _>(refused())
    });
    // The same id again: the database itself refuses.
    let twice = later(&store, |tx| append(tx, &create("a")));
    let last = later(&store, |tx| append(tx, &create("c")));
    drop(release);
    assert!(first.recv().unwrap().is_ok());
    assert!(bad.recv().unwrap().is_err());
    assert!(twice.recv().unwrap().is_err());
    assert!(last.recv().unwrap().is_ok());
    assert!(exists(&store, "a") && !exists(&store, "b") && exists(&store, "c"));
    assert_eq!(store.head().seq, 2);
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn a_transaction_sees_its_own_changes_and_readers_only_what_is_committed() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("old")]).unwrap();
    let (inside, entered) = std::sync::mpsc::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let outcome = later(&store, move |tx| {
        append(tx, &create("new"))?;
        append(tx, &move_to("old", Lifecycle::Destroyed))?;
        assert!(tx.object(&"new".into())?.is_some());
        assert!(tx.object(&"old".into())?.unwrap().material.is_none());
        inside.send(()).unwrap();
        let _ = held.recv();
        Ok(())
    });
    entered.recv().unwrap();
    assert!(!exists(&store, "new"));
    let old = store.read(|tx| tx.object(&"old".into())).unwrap().unwrap();
    assert_eq!(old.lifecycle, Lifecycle::PreActive);
    assert_eq!(store.head().seq, 1);

    // A snapshot taken now stays what it is, whatever is committed meanwhile.
    store
        .read(|tx| {
            assert_eq!(tx.counts()?, [(0, 1)]);
            drop(release);
            outcome.recv().unwrap().unwrap();
            assert_eq!(tx.counts()?, [(0, 1)]);
            assert!(tx.object(&"new".into())?.is_none());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert!(exists(&store, "new"));
}

#[test]
fn a_job_that_changes_nothing_costs_no_record() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k")]).unwrap();
    let head = store.head();
    let found = run(&store, |tx| Ok(tx.object(&"k".into())?.is_some())).unwrap();
    assert!(found);
    assert_eq!(store.head(), head);
}

#[test]
fn what_belongs_to_this_copy_is_kept_without_a_record_and_can_be_erased() {
    let place = Place::new();
    let store = place.open();
    run(&store, |tx| {
        tx.put_local("epoch:1", Some(&[1]))?;
        tx.put_local("epoch:2", Some(&[2]))?;
        tx.put_local("other", Some(&[3]))
    })
    .unwrap();
    let failed = run(&store, |tx| {
        tx.put_local("epoch:3", Some(&[4]))?;
        Err::<(), _>(refused())
    });
    assert!(failed.is_err());
    assert_eq!(store.head().seq, 0);
    drop(store);

    // Readable while locked: the root key's own wrappings are among it.
    let store = place.open_locked();
    let epochs = store.locals("epoch:").unwrap();
    assert_eq!(epochs, [("1".to_owned(), vec![1]), ("2".to_owned(), vec![2])]);
    store.unlock(keys(), secret(3)).unwrap();
    run(&store, |tx| tx.put_local("epoch:1", None)).unwrap();
    run(&store, |tx| tx.put_local("epoch:2", Some(&[9]))).unwrap();
    assert_eq!(store.locals("epoch:").unwrap(), [("2".to_owned(), vec![9])]);
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}

#[test]
fn readers_and_writer_work_side_by_side() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..50 {
                    let id = format!("{thread}-{n}");
                    apply(store, vec![create(&id), move_to(&id, Lifecycle::Active)]).unwrap();
                    // What was acknowledged is seen at once.
                    let object = store.read(|tx| tx.object(&id.as_str().into())).unwrap();
                    assert_eq!(object.unwrap().lifecycle, Lifecycle::Active);
                }
            });
        }
    });
    assert_eq!(store.head().seq, 400);
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}
