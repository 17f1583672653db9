//! Requests for approval as rows: those that wait, those that are over, and those that are gone.

use std::time::{Duration, Instant};

use strongroom_model::{Change, Ending, NewApproval, Setting};
use strongroom_store::{Store, StoreError};

use crate::support::{Place, apply, keys, secret};

fn opened(id: &str) -> Change {
    Change::ApprovalRequested(Box::new(NewApproval {
        id: id.into(),
        user: "alice".into(),
        ..NewApproval::default()
    }))
}

fn ended(id: &str) -> Change {
    let how = Ending::Executed;
    Change::ApprovalEnded { id: id.into(), how, user: "alice".into(), reason: String::new() }
}

fn dropped(upto: u64) -> Change {
    Change::ApprovalsDropped { site: 1, upto, but: Vec::new() }
}

fn families(place: &Place) -> Vec<(String, String)> {
    let intruder = place.intruder();
    let mut statement = intruder
        .prepare("SELECT family, key FROM server_state WHERE family LIKE 'approval%' ORDER BY 1, 2")
        .unwrap();
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn unlock(place: &Place) -> Result<Store, StoreError> {
    let store = Store::open(place.options(), Box::new(|_| {}))?;
    store.unlock(keys(), secret(3)).map(|()| store)
}

fn there(store: &Store) -> Vec<String> {
    store.server_state().approvals.iter().map(|(id, _)| id.to_owned()).collect()
}

fn row(family: &str, key: &str) -> (String, String) {
    (family.to_owned(), key.to_owned())
}

#[test]
fn a_request_that_ends_moves_and_one_that_is_gone_has_no_row_and_none_comes_back() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![opened("1-1-x"), opened("1-2-x")]).unwrap();
    assert_eq!(families(&place), [row("approval", "1-1-x"), row("approval", "1-2-x")]);
    apply(&store, vec![ended("1-1-x")]).unwrap();
    assert_eq!(families(&place), [row("approval", "1-2-x"), row("approval-ended", "1-1-x")]);
    apply(&store, vec![dropped(1)]).unwrap();
    assert_eq!(families(&place), [row("approval", "1-2-x"), row("approvals-gone", "1")]);
    // What is said of it later changes nothing, also after a restart.
    apply(&store, vec![opened("1-1-x"), ended("1-1-x")]).unwrap();
    assert_eq!(there(&store), ["1-2-x"]);
    assert!(store.verify(vec![]).unwrap().is_sound());
    store.stop();
    let store = place.open();
    apply(&store, vec![opened("1-1-x")]).unwrap();
    assert_eq!(there(&store), ["1-2-x"]);
    assert!(store.verify(vec![]).unwrap().is_sound());
}

#[test]
fn who_has_the_disk_brings_no_request_back_to_life() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![opened("1-1-x"), opened("1-2-x")]).unwrap();
    store.checkpoint().unwrap();
    let intruder = place.intruder();
    intruder.execute_batch("CREATE TABLE old AS SELECT * FROM server_state").unwrap();
    apply(&store, vec![ended("1-1-x"), ended("1-2-x")]).unwrap();
    intruder
        .execute_batch("INSERT INTO old SELECT * FROM server_state WHERE family LIKE '%ended'")
        .unwrap();
    apply(&store, vec![dropped(1)]).unwrap();
    store.stop();
    for (sql, opens) in [
        // The row of when it waited.
        (
            "INSERT INTO server_state SELECT * FROM old WHERE key = '1-2-x' AND family = 'approval'",
            false,
        ),
        // The same as one that is over.
        (
            "INSERT OR REPLACE INTO server_state SELECT 'approval-ended', key, value, mac FROM old \
             WHERE key = '1-2-x' AND family = 'approval'",
            false,
        ),
        // It is said no longer that the first is gone.
        ("DELETE FROM server_state WHERE family = 'approvals-gone'", false),
        // One that is gone, of when it was over: nothing comes of it.
        (
            "INSERT INTO server_state SELECT * FROM old WHERE key = '1-1-x' AND family LIKE '%ended'",
            true,
        ),
        // One that is over is missing: it was over.
        ("DELETE FROM server_state WHERE family = 'approval-ended'", true),
    ] {
        let copy = Place::new();
        place.intruder().execute("VACUUM INTO ?1", [copy.path().to_str().unwrap()]).unwrap();
        assert!(copy.intruder().execute(sql, []).unwrap() > 0, "{sql}");
        match unlock(&copy) {
            Ok(store) => {
                assert!(opens, "{sql}");
                let state = store.server_state();
                assert_eq!(state.approvals.open().count(), 0, "{sql}");
                assert!(!state.approvals.contains_key("1-1-x"), "{sql}");
                let missing = state.approvals.ended_len() == 0;
                // That something is missing is for verifying to tell.
                assert_eq!(store.verify(vec![]).unwrap().is_sound(), !missing, "{sql}");
            }
            Err(_) => assert!(!opens, "{sql}"),
        }
    }
}

#[test]
fn a_commit_that_fails_drops_nothing() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![opened("1-1-x"), ended("1-1-x")]).unwrap();
    let refused = crate::support::run(&store, |tx| {
        crate::support::append(tx, &dropped(1))?;
        Err::<(), _>(StoreError::Database("refused".to_owned()))
    });
    assert!(refused.is_err());
    assert_eq!(there(&store), ["1-1-x"]);
    assert_eq!(families(&place), [row("approval-ended", "1-1-x")]);
    store.stop();
    assert_eq!(there(&place.open()), ["1-1-x"]);
}

/// How long it takes to change a setting, over and over: the fastest of many, which is what it
/// costs when nothing else runs.
fn fastest(store: &Store) -> Duration {
    let change =
        || Change::Setting(Setting { namespace: "n".into(), key: "k".into(), value: None });
    let times = (0..20).map(|_| {
        let started = Instant::now();
        apply(store, vec![change()]).unwrap();
        started.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn two_thousand_requests_that_are_over_make_no_change_of_the_server_slower() {
    let (without, with) = (Place::new(), Place::new());
    let (without, with) = (without.open(), with.open());
    let many: Vec<Change> = (1..=2000)
        .flat_map(|n| [opened(&format!("1-{n}-x")), ended(&format!("1-{n}-x"))])
        .collect();
    apply(&with, many).unwrap();
    let (mut fast, mut loaded) = (Duration::MAX, Duration::MAX);
    for _ in 0..100 {
        fast = fast.min(fastest(&without));
        loaded = loaded.min(fastest(&with));
    }
    println!("a setting changed in {fast:?}, beside 2,000 requests that are over in {loaded:?}");
    assert!(loaded < fast * 3 / 2, "{loaded:?} beside 2,000, {fast:?} beside none");
}
