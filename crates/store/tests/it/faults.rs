//! Disks that fail or are full, and jobs that panic.

use strongroom_model::Lifecycle;
use strongroom_store::StoreError;

use crate::support::{Place, append, apply, create, exists, hold, later, move_to, new_object, run};

#[test]
fn after_a_failed_commit_nothing_is_accepted_until_the_store_is_opened_again() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("kept")]).unwrap();
    let head = store.head();
    store.faults().fail_commits(1);

    let release = hold(&store);
    let lost: Vec<_> =
        (0..3).map(|n| later(&store, move |tx| append(tx, &create(&format!("lost{n}"))))).collect();
    drop(release);
    for outcome in lost {
        assert!(matches!(outcome.recv().unwrap(), Err(StoreError::Database(_))));
    }
    assert!(store.has_failed());
    for id in ["more", "still more"] {
        assert!(matches!(apply(&store, vec![create(id)]), Err(StoreError::Failed)));
    }
    // What was acknowledged can still be read.
    assert!(exists(&store, "kept") && !exists(&store, "lost0"));
    assert_eq!(store.head(), head);
    drop(store);

    let store = place.open();
    assert_eq!(store.head(), head);
    assert!(exists(&store, "kept") && !exists(&store, "lost0") && !exists(&store, "more"));
    apply(&store, vec![create("lost0"), move_to("kept", Lifecycle::Active)]).unwrap();
    assert!(store.verify(vec![head]).unwrap().is_sound());
}

#[test]
fn a_disk_that_is_full_at_commit_takes_changes_again_when_there_is_room() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("kept")]).unwrap();
    let head = store.head();
    store.faults().fill_disk_at_commit(2);
    for _ in 0..2 {
        assert!(matches!(apply(&store, vec![create("later")]), Err(StoreError::Full)));
        assert!(!store.has_failed());
        assert_eq!(store.head(), head);
    }
    apply(&store, vec![create("later")]).unwrap();
    assert_eq!(store.head().seq, 2);
    assert!(store.verify(vec![head]).unwrap().is_sound());
}

#[test]
fn a_disk_that_fills_inside_a_commit_undoes_all_of_it_and_leaves_no_gap() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("kept")]).unwrap();
    let head = store.head();

    // Room for something, then none.
    let pages: u32 = place.intruder().query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    store.faults().limit_pages(pages + 8);
    run(&store, |_| Ok(())).unwrap();
    let release = hold(&store);
    let outcomes: Vec<_> = (0..40)
        .map(|n| {
            later(&store, move |tx| {
                let mut new = new_object(&format!("big{n}"), "alice");
                if let Some(material) = &mut new.material {
                    material.bytes = vec![1; 3000];
                    material.digest = strongroom_crypto::sha256(&[&material.bytes]);
                }
                append(tx, &strongroom_model::Change::Created(Box::new(new)))
            })
        })
        .collect();
    drop(release);
    let results: Vec<_> = outcomes.into_iter().map(|o| o.recv().unwrap()).collect();
    assert!(results.iter().any(|r| matches!(r, Err(StoreError::Full))), "{results:?}");
    // What was acknowledged is there, what was not is not.
    for (n, result) in results.iter().enumerate() {
        assert_eq!(exists(&store, &format!("big{n}")), result.is_ok(), "big{n}");
    }
    assert!(!store.has_failed());
    assert!(store.verify(vec![head]).unwrap().is_sound());

    store.faults().limit_pages(u32::MAX);
    run(&store, |_| Ok(())).unwrap();
    apply(&store, vec![create("after")]).unwrap();
    drop(store);
    let store = place.open();
    assert!(exists(&store, "after"));
    assert!(store.verify(vec![head]).unwrap().is_sound());
}

#[test]
fn a_job_that_panics_undoes_its_commit_and_the_writer_lives() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("kept")]).unwrap();
    let head = store.head();
    let release = hold(&store);
    let beside = later(&store, |tx| append(tx, &create("beside")));
    let bug = later::<()>(&store, |tx| {
        append(tx, &create("half"))?;
        panic!("planted");
    });
    drop(release);
    assert!(matches!(beside.recv().unwrap(), Err(StoreError::Panicked)));
    assert!(bug.recv().is_err(), "its completion died with it");
    assert!(!exists(&store, "beside") && !exists(&store, "half"));
    assert_eq!(store.head(), head);
    apply(&store, vec![create("beside")]).unwrap();
    assert!(store.verify(vec![head]).unwrap().is_sound());
}

#[test]
fn a_change_that_fails_half_way_is_undone_whatever_its_job_makes_of_it() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("kept")]).unwrap();
    let head = store.head();

    // Swallowed inside a part: the part is undone, the job goes on.
    run(&store, |tx| {
        append(tx, &create("before"))?;
        let part: Result<(), StoreError> = tx.nested(|tx| {
            append(tx, &create("half"))?;
            let _ = append(tx, &create("kept"));
            Ok(())
        });
        assert!(part.is_err());
        append(tx, &create("after"))
    })
    .unwrap();
    assert!(exists(&store, "before") && exists(&store, "after") && !exists(&store, "half"));

    // Swallowed outside of any: the commit is undone, the store goes on.
    let release = hold(&store);
    let (sender, told) = std::sync::mpsc::channel();
    store.submit(Box::new(move |tx| {
        let tx = tx.unwrap();
        let _ = append(tx, &create("kept"));
        tx.nested(|tx| append(tx, &create("beside"))).unwrap();
        Box::new(move |committed| sender.send(committed.is_ok()).unwrap())
    }));
    drop(release);
    assert!(!told.recv().unwrap());
    assert!(!store.has_failed() && !exists(&store, "beside"));
    apply(&store, vec![create("beside")]).unwrap();
    assert_eq!(store.head().seq, 4);
    assert!(store.verify(vec![head]).unwrap().is_sound());
}

#[test]
fn a_completion_that_panics_takes_no_other_with_it() {
    let place = Place::new();
    let store = place.open();
    let release = hold(&store);
    store.submit(Box::new(|_| Box::new(|_| panic!("planted"))));
    let other = later(&store, |tx| append(tx, &create("k")));
    drop(release);
    other.recv().unwrap().unwrap();
    apply(&store, vec![create("l")]).unwrap();
}

#[test]
fn an_object_too_large_to_be_read_back_is_refused_and_undone() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k")]).unwrap();
    let key = |index| strongroom_model::AttributeKey {
        name: strongroom_kmip::AttributeName::Vendor { vendor: "x".into(), name: "blob".into() },
        index,
        site: 1,
    };
    let blob = strongroom_kmip::Value::ByteString(vec![5; 1 << 20]);
    let mut refused = 0;
    for index in 0..10 {
        match apply(&store, vec![crate::support::set("k", key(index), Some(blob.clone()))]) {
            Ok(()) => {}
            Err(StoreError::TooLarge { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(exists(&store, "k"));
    }
    assert_eq!(refused, 3, "seven fit into eight MiB");
    assert!(store.verify(Vec::new()).unwrap().is_sound());
}
