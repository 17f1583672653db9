//! Requests for approval that are over: how they leave the list, and that none ever comes back; and
//! approvals whose certificate an authority has listed since.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_model::{Change, Ending, Setting};
use strongroom_store::StoreError;

use super::approvals::{all, approve, destroy, doomed, house, only, person, rule};
use super::*;
use crate::{ApprovalState, EngineError, RevocationLists};

const WAITS: Result<Value, ResultReason> = Err(ResultReason::PERMISSION_DENIED);
const DAY_MS: i64 = 86_400_000;

/// Some time later, and the clock is right.
fn later(bench: &Bench, ms: i64) {
    bench.engine.inner.clock.wall.move_by(ms);
    bench.engine.confirm_clock(&Caller::server()).unwrap();
    bench.engine.sweep().unwrap();
}

/// Opens and ends so many requests, as they are after a busy year.
fn end_many(bench: &Bench, count: usize) {
    let time = bench.engine.inner.time();
    let made = bench.engine.commit(move |tx| {
        let origin = Caller::server().origin("Test", "");
        for n in 0..count {
            let id = tx.server_state().approvals.next_id(1, "0000").as_str().to_owned();
            let new = strongroom_model::NewApproval {
                id: id.clone(),
                user: format!("u{n}"),
                digest: vec![7; 32],
                expires: i64::MAX / 2,
                ..Default::default()
            };
            let ended = Change::ApprovalEnded {
                id,
                how: Ending::Executed,
                user: "u".to_owned(),
                reason: String::new(),
            };
            tx.append(&origin, &Change::ApprovalRequested(Box::new(new)), time.stamp_ms)?;
            tx.append(&origin, &ended, time.stamp_ms)?;
        }
        Ok::<_, StoreError>(())
    });
    made.unwrap();
}

fn kept(bench: &Bench) -> usize {
    bench.engine.inner.store.server_state().approvals.iter().count()
}

/// What the disk holds at this moment, opened on another machine: as after a kill.
fn killed(bench: &Bench) -> Bench {
    let dir = TempDir::new().unwrap();
    super::old_data::copy(bench.dir.path(), dir.path());
    let config = EngineConfig { data_dir: dir.path().to_owned(), ..bench.engine.config().clone() };
    let machine = bench.engine.inner.machine.clone();
    let engine = Engine::open_at(config, machine).unwrap();
    let root = RootKey::from_secret(bench.root.clone()).unwrap();
    engine.open_with(&Caller::server(), root).unwrap();
    Bench { engine, dir, root: bench.root.clone(), alice: bench.alice.clone() }
}

#[test]
fn a_request_that_left_the_list_is_neither_approved_nor_carried_out_nor_used_again() {
    let bench = house(&[rule(&["Destroy", "Get"], 1)]);
    let id = doomed(&bench, "k");
    assert_eq!(bench.by_id(Operation::GET, &id), WAITS);
    let done = only(&bench);
    approve(&bench, &person("otto"), &done).unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    let late = all(&bench).into_iter().find(|a| a.state == ApprovalState::Waiting).unwrap();
    approve(&bench, &person("otto"), &late).unwrap();
    // Approved, and nobody came for it.
    later(&bench, 2 * 3_600_000);
    let states: Vec<_> = all(&bench).into_iter().map(|a| a.state).collect();
    assert_eq!(states, [ApprovalState::Ended(Ending::Executed), ApprovalState::Expired]);
    assert!(all(&bench).iter().all(|a| a.state != ApprovalState::Expired || a.ended.is_none()));
    let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    let told = entries.iter().find(|e| e.kind == "approval-expired").unwrap();
    assert_eq!(told.detail, format!("approval {} expired", late.new.id));
    later(&bench, 31 * DAY_MS);
    assert_eq!(kept(&bench), 0);

    let over = |bench: &Bench| {
        for one in [&done, &late] {
            let refused = approve(bench, &person("omar"), one).unwrap_err();
            assert!(matches!(refused, EngineError::ApprovalGone(_)), "{refused}");
            assert!(bench.engine.reject(&person("omar"), &one.new.id, "").is_err());
            assert!(bench.engine.withdraw(&bench.alice, &one.new.id, "").is_err());
        }
        // Both are asked anew.
        assert_eq!(bench.by_id(Operation::GET, &id), WAITS);
        assert_eq!(destroy(bench, &id), WAITS);
        let ids: Vec<String> = all(bench).into_iter().map(|a| a.new.id).collect();
        assert!(ids[0].starts_with("1-3-") && ids[1].starts_with("1-4-"), "{ids:?}");
        bench.engine.audit_verify().unwrap();
    };
    over(&killed(&bench));
    let bench = bench.restart();
    over(&bench);
    let bench = bench.restart();
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(all(&bench).len(), 2);
    // The audit has every step.
    let entries = bench.engine.audit_tail(200, &AuditFilter::default()).unwrap();
    for kind in ["requested", "given", "executed"] {
        let kind = format!("approval-{kind}");
        let told = |e: &&crate::AuditEntry| e.kind == kind && e.detail.contains(&done.new.id);
        assert!(entries.iter().any(|e| told(&e)), "{kind}");
    }
    assert!(entries.iter().any(|e| e.kind == "approvals-dropped"));
}

#[test]
fn of_two_thousand_that_are_over_most_leave_and_none_is_carried_along_by_other_changes() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    end_many(&bench, 2000);
    let before = bench.engine.inner.store.server_state();
    assert_eq!(before.approvals.ended_len(), 2000);
    let setting = Setting { namespace: "test".into(), key: "k".into(), value: None };
    bench.engine.append(&Caller::server(), "Test", Change::Setting(setting)).unwrap();
    let after = bench.engine.inner.store.server_state();
    assert!(!Arc::ptr_eq(&before, &after));
    assert!(after.approvals.shares_ended_with(&before.approvals));
    // One that opens a request copies none either. Those of the last hour stay, to be counted.
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let opened = bench.engine.inner.store.server_state();
    assert!(opened.approvals.shares_ended_with(&before.approvals));
    assert_eq!(opened.approvals.ended_len(), 2000);
    later(&bench, 3_601_000);
    assert_eq!(kept(&bench), 900, "that one is over as well");
    let killed = killed(&bench);
    assert_eq!(kept(&killed), 900);
    killed.engine.audit_verify().unwrap();
    let bench = bench.restart();
    assert_eq!(kept(&bench), 900, "that one is over as well");
}

#[test]
fn whoever_ends_a_request_lets_what_is_too_much_leave() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    end_many(&bench, 1000);
    bench.engine.inner.clock.wall.move_by(2 * 3_600_000);
    bench.engine.confirm_clock(&Caller::server()).unwrap();
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(kept(&bench), 1001);
    let waiting = all(&bench).pop().unwrap();
    approve(&bench, &person("otto"), &waiting).unwrap();
    destroy(&bench, &id).unwrap();
    assert_eq!(kept(&bench), 900);
    assert_eq!(bench.state(&id), State::DESTROYED);
    assert_eq!(
        bench.engine.approval(&bench.alice, &waiting.new.id).unwrap().state.name(),
        "executed"
    );
}

#[test]
fn a_replica_and_a_quarantined_store_tidy_nothing_by_themselves() {
    let house = super::backup::House::new();
    super::approvals::settle_in(&house.bench, &[rule(&["Export"], 1)]);
    let id = house.bench.create("k").unwrap();
    assert_eq!(house.bench.by_id(Operation::EXPORT, &id), WAITS);
    house.bench.engine.withdraw(&house.bench.alice, &only(&house.bench).new.id, "").unwrap();
    let restored = house.restored(&house.take());
    later(&restored, 31 * DAY_MS);
    assert_eq!(kept(&restored), 1);
    super::backup::confirm_without(&restored);
    restored.engine.sweep().unwrap();
    assert_eq!(kept(&restored), 0);
}

/// A list that names everybody of otto's authority, once it is there.
#[derive(Default)]
struct Listed(AtomicBool);

impl RevocationLists for Listed {
    fn refuse(&self, issuer: &[u8], serial: &str, _now: i64) -> Option<&'static str> {
        let there = self.0.load(Ordering::SeqCst);
        (there && issuer == b"otto's" && serial == "0b").then_some("a listed certificate")
    }
}

#[test]
fn an_approval_counts_no_longer_once_an_authority_has_listed_its_certificate() {
    let bench = house(&[rule(&["Destroy"], 1), rule(&["change-policy"], 1)]);
    let lists = Arc::new(Listed::default());
    bench.engine.judge_by(lists.clone());
    let otto = Caller {
        issuer: b"otto's".to_vec(),
        serial: "0b".to_owned(),
        ..Caller::clone(&person("otto"))
    };
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let ask = super::approvals::admin_ask(strongroom_policy::AdminAction::ChangePolicy, "one");
    assert!(bench.engine.pass(&person("olga"), &ask).is_err());
    for one in all(&bench) {
        assert_eq!(approve(&bench, &otto, &one).unwrap().state, ApprovalState::Approved);
    }
    // It is kept with the approval whose certificate it was.
    let bench = bench.restart();
    bench.engine.judge_by(lists.clone());
    lists.0.store(true, Ordering::SeqCst);
    assert_eq!(destroy(&bench, &id), WAITS);
    assert!(bench.engine.pass(&person("olga"), &ask).is_err());
    for one in all(&bench) {
        assert_eq!(one.state, ApprovalState::Waiting);
        let why = "it was given with a listed certificate".to_owned();
        assert_eq!(one.discounted, [("otto".to_owned(), why)]);
    }
    assert_eq!(all(&bench).len(), 2, "the same requests go on");
    for one in all(&bench) {
        approve(&bench, &person("omar"), &one).unwrap();
    }
    destroy(&bench, &id).unwrap();
    bench.engine.pass(&person("olga"), &ask).unwrap();
}
