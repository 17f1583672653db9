//! Approvals: requests that wait, over KMIP and over administration.

use std::sync::{Arc, Barrier};

use strongroom_model::{ApprovalRule, Approvers, CertificateInfo, Ending, Role};
use strongroom_policy::approval::two_officers;
use strongroom_policy::{Action, AdminAction};
use zeroize::Zeroizing;

use super::kit::*;
use super::*;
use crate::{AdminAsk, Approval, ApprovalState, EngineError, Question};

const OFFICERS: Approvers = Approvers::Role(Role::CryptoOfficer);

/// Somebody with a certificate of his own.
pub(super) fn person(user: &str) -> Arc<Caller> {
    Arc::new(Caller { fingerprint: format!("of {user}"), ..Caller::clone(&caller(user)) })
}

fn certified(bench: &Bench, by: &Caller, user: &str, fingerprint: &str) {
    let info = CertificateInfo {
        fingerprint: fingerprint.to_owned(),
        user: user.to_owned(),
        not_after: i64::MAX / 2,
        ..CertificateInfo::default()
    };
    bench.engine.note_certificate(by, info).unwrap();
}

pub(super) fn rule(actions: &[&str], approvers: u32) -> ApprovalRule {
    ApprovalRule {
        name: format!("r-{}", actions.join("-").to_lowercase().replace(' ', "-")),
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        key_group: None,
        approvers,
        from: OFFICERS,
        open_for: 3600,
    }
}

/// Three officers, and rules.
pub(super) fn house(rules: &[ApprovalRule]) -> Bench {
    let bench = Bench::new();
    settle_in(&bench, rules);
    bench
}

/// Shares of the root key with custodians.
fn custodians(bench: &Bench) {
    let path = &bench.engine.config().slots_path;
    if path.exists() {
        return;
    }
    let root = RootKey::from_secret(bench.root.clone()).unwrap();
    let mut file = strongroom_root::SlotFile::new(&root).unwrap();
    let (slot, _) = file.add_shamir(&root, "custodians", 2, 3).unwrap();
    file.save(path).unwrap();
    bench.engine.vouch_slot(&Caller::server(), slot).unwrap();
}

pub(super) fn settle_in(bench: &Bench, rules: &[ApprovalRule]) {
    custodians(bench);
    let server = Caller::server();
    for user in ["olga", "otto", "omar"] {
        bench.engine.grant_role(&server, user, Role::CryptoOfficer).unwrap();
        certified(bench, &server, user, &format!("of {user}"));
    }
    for rule in rules {
        require(bench, rule);
    }
}

fn require(bench: &Bench, rule: &ApprovalRule) {
    assert!(bench.engine.require_approval(&Caller::server(), rule.clone(), |_| true).unwrap());
}

/// A key of alice's that can be destroyed.
pub(super) fn doomed(bench: &Bench, name: &str) -> String {
    bench.create(name).unwrap()
}

pub(super) fn destroy(bench: &Bench, id: &str) -> Result<Value, ResultReason> {
    bench.by_id(Operation::DESTROY, id)
}

const WAITS: Result<Value, ResultReason> = Err(ResultReason::PERMISSION_DENIED);

/// Everything there is, as an officer sees it, the oldest first.
pub(super) fn all(bench: &Bench) -> Vec<Approval> {
    let mut all = bench.engine.approvals(&person("omar"));
    all.reverse();
    all
}

pub(super) fn only(bench: &Bench) -> Approval {
    let all = all(bench);
    let [one] = &all[..] else { panic!("{all:?}") };
    one.clone()
}

pub(super) fn approve(bench: &Bench, by: &Caller, of: &Approval) -> Result<Approval, EngineError> {
    bench.engine.approve(by, &of.new.id, &of.new.digest)
}

#[test]
fn what_waits_is_done_once_when_another_has_approved() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
    let waiting = only(&bench);
    assert_eq!(waiting.state, ApprovalState::Waiting);
    assert_eq!((waiting.new.user.as_str(), waiting.new.object.as_deref()), ("alice", Some(&*id)));
    let shown: Vec<&str> = waiting.new.plan.iter().map(|(name, _)| name.as_str()).collect();
    let named = ["Operation", "Key", "Type", "Name", "Owner", "State", "Protocol", "From"];
    assert_eq!(shown, named);
    let approved = approve(&bench, &person("otto"), &waiting).unwrap();
    assert_eq!(approved.state, ApprovalState::Approved);
    assert_eq!(bench.state(&id), State::PRE_ACTIVE, "nothing is done before who asked comes again");
    destroy(&bench, &id).unwrap();
    assert_eq!(bench.state(&id), State::DESTROYED);
    let done = only(&bench);
    assert_eq!(done.state, ApprovalState::Ended(Ending::Executed));
    assert_eq!(done.ended.unwrap().1, "approved by otto");
    assert!(bench.engine.audit_verify().is_ok());
}

#[test]
fn who_asks_the_same_again_is_told_of_the_same_request() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let (one, two) = (doomed(&bench, "one"), doomed(&bench, "two"));
    for _ in 0..3 {
        assert_eq!(destroy(&bench, &one), WAITS);
    }
    let first = only(&bench);
    // Another key, another user, another protocol: another request.
    assert_eq!(destroy(&bench, &two), WAITS);
    let old = ProtocolVersion::V1_2;
    assert_eq!(bench.at_id(old, Operation::DESTROY, &one), WAITS);
    let ids: Vec<String> = all(&bench).into_iter().map(|a| a.new.id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], first.new.id);
    for (n, id) in ids.iter().enumerate() {
        let hash = id.strip_prefix(&format!("1-{}-", n + 1)).unwrap();
        assert!(hash.len() == 4 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }
}

#[test]
fn the_answer_names_the_approval_and_the_command() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    let frame = RequestBuilder::new(V)
        .item(Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    let message = view.items[0].message.unwrap();
    let approval = only(&bench).new.id;
    for said in [
        format!("approval {approval} (error 3025)"),
        "1 approval from somebody with the role officer (rule r-destroy)".to_owned(),
        format!("`strongroom approval approve {approval}`"),
    ] {
        assert!(message.contains(&said), "{message}");
    }
    assert!(bench.audit_says(&format!("approval={approval}")));
}

/// Who tries to approve what alice asked, and what becomes of it.
#[test]
fn only_another_with_the_role_approves() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let server = Caller::server();
    bench.engine.grant_role(&server, "anna", Role::Auditor).unwrap();
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let waiting = only(&bench);
    // An officer that the asker's own certificate made, under another name.
    let borrowed =
        Caller { fingerprint: bench.alice.fingerprint.clone(), ..caller("otto").as_ref().clone() };
    // One whose certificate was revoked, though the connection stands.
    certified(&bench, &server, "omar", "lost");
    bench.engine.revoke_certificate(&server, "lost", "lost").unwrap();
    let lost = Caller { fingerprint: "lost".to_owned(), ..person("omar").as_ref().clone() };
    // One whose certificate the asker had issued since.
    certified(&bench, &bench.alice, "omar", "made");
    let made = Caller { fingerprint: "made".to_owned(), ..person("omar").as_ref().clone() };
    let rows: [(&str, &Caller, &str); 6] = [
        ("who asked", &bench.alice, "who asks never approves"),
        ("the asker's certificate", &borrowed, "the certificate that asked"),
        ("an auditor", &person("anna"), "no rule asks for this role or group"),
        ("a revoked certificate", &lost, "the certificate is revoked"),
        ("a certificate made for it", &made, "issued after asking"),
        ("somebody else", &person("eve"), "not yours to see"),
    ];
    for (what, by, why) in rows {
        let refused = approve(&bench, by, &waiting).unwrap_err().to_string();
        assert!(refused.contains(why), "{what}: {refused}");
        assert_eq!(destroy(&bench, &id), WAITS, "{what}");
    }
    let other_digest = bench.engine.approve(&person("otto"), &waiting.new.id, &[0; 32]);
    assert!(other_digest.unwrap_err().to_string().contains("something else was approved"));
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("otto"), &waiting).unwrap();
    destroy(&bench, &id).unwrap();
}

#[test]
fn an_officer_who_asks_needs_another_officer() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let olga = person("olga");
    let made = bench.one(&olga, Operation::CREATE, |e| create(e, "hers", &[])).unwrap();
    let id = text(&made, Tag::UNIQUE_IDENTIFIER);
    let destroy = || {
        bench
            .one(&olga, Operation::REVOKE, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &id);
                e.structure(Tag::REVOCATION_REASON, |e| {
                    e.enumeration(Tag::REVOCATION_REASON_CODE, RevocationReasonCode::SUPERSEDED);
                });
            })
            .ok();
        bench.one(&olga, Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
    };
    assert_eq!(destroy(), WAITS);
    let waiting = only(&bench);
    assert!(approve(&bench, &olga, &waiting).is_err());
    assert_eq!(destroy(), WAITS);
    approve(&bench, &person("otto"), &waiting).unwrap();
    destroy().unwrap();
}

#[test]
fn what_was_approved_counts_at_the_time_it_is_done() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let server = Caller::server();
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let waiting = only(&bench);
    approve(&bench, &person("otto"), &waiting).unwrap();
    bench.engine.revoke_roles(&server, "otto").unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(only(&bench).discounted.len(), 1);
    bench.engine.grant_role(&server, "otto", Role::CryptoOfficer).unwrap();
    bench.engine.revoke_certificate(&server, "of otto", "lost").unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("omar"), &waiting).unwrap();
    // The policy is asked again, too.
    let no =
        r#"@id("no") forbid (principal == User::"alice", action == Action::"Destroy", resource);"#;
    bench.engine.set_rules(&server, no).unwrap();
    assert!(destroy(&bench, &id).is_err());
    assert_eq!(only(&bench).state, ApprovalState::Approved);
    bench.engine.set_rules(&server, "").unwrap();
    destroy(&bench, &id).unwrap();
}

#[test]
fn a_key_that_changed_in_between_is_not_the_one_that_was_approved() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "harmless");
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    bench
        .on(Operation::MODIFY_ATTRIBUTE, &id, |e| {
            e.structure(Tag::NEW_ATTRIBUTE, |e| name("payroll").write(e, V));
        })
        .unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    let states: Vec<_> = all(&bench).into_iter().map(|a| a.state).collect();
    assert_eq!(states, [ApprovalState::Approved, ApprovalState::Waiting]);
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
}

#[test]
fn a_key_that_comes_under_a_stricter_rule_in_between_waits_for_that() {
    let narrow = ApprovalRule {
        name: "payroll".to_owned(),
        key_group: Some("payroll".to_owned()),
        ..rule(&["Destroy"], 2)
    };
    let bench = house(&[rule(&["Destroy"], 1), narrow]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    bench.engine.set_key_group(&Caller::server(), &id, "payroll", true).unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    let second = all(&bench).pop().unwrap();
    assert_eq!(second.needs.len(), 2);
    approve(&bench, &person("otto"), &second).unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("omar"), &second).unwrap();
    destroy(&bench, &id).unwrap();
}

#[test]
fn what_would_fail_anyway_fails_and_opens_no_request() {
    let bench = house(&[rule(&["Destroy", "Get"], 1)]);
    let active = bench.make(&Wish::default());
    assert_eq!(destroy(&bench, &active), Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE));
    assert_eq!(destroy(&bench, "nobody"), Err(ResultReason::OBJECT_NOT_FOUND));
    let stranger = bench.one(&person("eve"), Operation::GET, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, &active);
    });
    assert_eq!(stranger, Err(ResultReason::OBJECT_NOT_FOUND));
    assert!(all(&bench).is_empty());
}

#[test]
fn a_rejected_request_is_over_and_can_be_asked_anew() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let first = only(&bench);
    approve(&bench, &person("otto"), &first).unwrap();
    // Who asked does not reject, who may approve does not withdraw.
    assert!(bench.engine.reject(&bench.alice, &first.new.id, "").is_err());
    assert!(bench.engine.withdraw(&person("otto"), &first.new.id, "").is_err());
    bench.engine.reject(&person("omar"), &first.new.id, "not today").unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    let both = all(&bench);
    let states: Vec<_> = both.iter().map(|a| a.state).collect();
    assert_eq!(states, [ApprovalState::Ended(Ending::Rejected), ApprovalState::Waiting]);
    assert!(matches!(approve(&bench, &person("otto"), &first), Err(EngineError::WrongState(_))));
    bench.engine.withdraw(&bench.alice, &both[1].new.id, "").unwrap();
    assert!(approve(&bench, &person("otto"), &both[1]).is_err());
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
}

#[test]
fn a_request_expires_by_the_clock() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let waiting = only(&bench);
    approve(&bench, &person("otto"), &waiting).unwrap();
    assert_eq!(bench.engine.approvals_waiting().0, 1);
    // By one of two clocks the hour is over: that is enough.
    bench.engine.inner.clock.wall.move_by(3601 * 1000);
    assert_eq!(only(&bench).state, ApprovalState::Expired);
    assert_eq!(bench.engine.approvals_waiting(), (0, None));
    assert!(matches!(approve(&bench, &person("omar"), &waiting), Err(EngineError::WrongState(_))));
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(bench.state(&id), State::PRE_ACTIVE, "what may be too late is not done");
    bench.engine.confirm_clock(&Caller::server()).unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(all(&bench).len(), 2);
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
}

#[test]
fn requests_and_approvals_outlast_a_restart() {
    let bench = house(&[rule(&["Destroy"], 2)]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    let bench = bench.restart();
    let waiting = only(&bench);
    assert_eq!(waiting.state, ApprovalState::Waiting);
    assert_eq!(waiting.needs[0].1, ["otto"]);
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(all(&bench).len(), 1);
    approve(&bench, &person("omar"), &waiting).unwrap();
    let bench = bench.restart();
    destroy(&bench, &id).unwrap();
    let bench = bench.restart();
    assert_eq!(only(&bench).state, ApprovalState::Ended(Ending::Executed));
    assert!(bench.engine.audit_verify().is_ok());
}

#[test]
fn of_many_attempts_at_the_same_time_one_goes_through() {
    let bench = house(&[rule(&["Get"], 1)]);
    let id = bench.create("k").unwrap();
    for round in 0..5 {
        assert_eq!(bench.by_id(Operation::GET, &id), WAITS);
        let waiting = all(&bench).pop().unwrap();
        approve(&bench, &person("otto"), &waiting).unwrap();
        let together = Barrier::new(8);
        let through: usize = std::thread::scope(|scope| {
            let attempts: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        usize::from(bench.by_id(Operation::GET, &id).is_ok())
                    })
                })
                .collect();
            attempts.into_iter().map(|attempt| attempt.join().unwrap()).sum()
        });
        assert_eq!(through, 1, "round {round}");
        let open = all(&bench).into_iter().filter(|a| a.state == ApprovalState::Waiting).count();
        assert_eq!(open, 1, "those that came too late ask anew, together");
        let last = all(&bench).pop().unwrap();
        bench.engine.withdraw(&bench.alice, &last.new.id, "").unwrap();
    }
}

#[test]
fn a_use_that_went_through_is_in_the_chain_of_uses_with_its_approval() {
    let bench = house(&[rule(&["Export"], 1)]);
    let id = bench.create("k").unwrap();
    assert_eq!(bench.by_id(Operation::EXPORT, &id), WAITS);
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    bench.by_id(Operation::EXPORT, &id).unwrap();
    assert!(bench.audit_says(&format!("approval={} approved-by=otto", only(&bench).new.id)));
    let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    let of = |kind: &str| entries.iter().find(|e| e.kind == kind).unwrap().clone();
    let digest = crate::approvals::hex(&only(&bench).new.digest);
    let asked = of("approval-requested");
    assert_eq!((asked.user.as_str(), asked.object.as_deref()), ("alice", Some(id.as_str())));
    assert!(asked.detail.contains(&digest), "{}", asked.detail);
    let given = of("approval-given");
    assert_eq!((given.user.as_str(), given.fingerprint.as_str()), ("otto", "of otto"));
    assert!(given.detail.contains(&digest), "{}", given.detail);
    assert!(of("approval-executed").detail.contains("approved by otto"));
}

#[test]
fn in_a_batch_only_the_item_that_waits_waits() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    let frame = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::CONTINUE)
        .item(Operation::CREATE, |e| create(e, "beside", &[]))
        .item(Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .item(Operation::GET, |_| {});
    let bytes = bench.send(&bench.alice, frame.finish());
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    let statuses: Vec<_> = view.items.iter().map(|i| i.status).collect();
    let (done, failed) = (ResultStatus::SUCCESS, ResultStatus::OPERATION_FAILED);
    assert_eq!(statuses, [done, failed, done]);
    // The Get is of what was made, and not of the key whose end waits.
    let got = view.items[2].payload.unwrap().find(Tag::UNIQUE_IDENTIFIER).unwrap();
    assert_ne!(got.as_text(), Some(id.as_str()));
    assert_eq!(only(&bench).new.object.as_deref(), Some(id.as_str()));
}

#[test]
fn a_batch_that_is_undone_opens_no_request_and_goes_through_when_its_item_is_approved() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    let undo = || {
        let frame = RequestBuilder::new(V)
            .batch_error(BatchErrorContinuationOption::UNDO)
            .item(Operation::CREATE, |e| create(e, "beside", &[]))
            .item(Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id));
        let bytes = bench.send(&bench.alice, frame.finish());
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        let message = view.items.iter().find_map(|i| i.message).unwrap_or_default().to_owned();
        (view.items.iter().map(|i| i.status).collect::<Vec<_>>(), message)
    };
    let (statuses, message) = undo();
    assert_eq!(statuses, [ResultStatus::OPERATION_UNDONE, ResultStatus::OPERATION_FAILED]);
    assert!(message.contains("by itself first"), "{message}");
    assert!(all(&bench).is_empty());
    // By itself it waits, also where it says that it would be undone.
    let alone = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::UNDO)
        .item(Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id));
    bench.send(&bench.alice, alone.finish());
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    let (statuses, message) = undo();
    assert_eq!(statuses, [ResultStatus::SUCCESS; 2], "{message}");
    assert_eq!(bench.state(&id), State::DESTROYED);
}

#[test]
fn an_approval_whose_batch_was_undone_is_not_used_up() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    let frame = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::UNDO)
        .item(Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, "nobody"));
    bench.send(&bench.alice, frame.finish());
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
    assert_eq!(only(&bench).state, ApprovalState::Approved);
    destroy(&bench, &id).unwrap();
}

#[test]
fn import_over_a_key_waits_for_what_its_end_waits_for() {
    let narrow = ApprovalRule { key_group: Some("payroll".to_owned()), ..rule(&["Destroy"], 1) };
    let bench = house(&[narrow]);
    let id = bench.create("k").unwrap();
    bench.engine.set_key_group(&Caller::server(), &id, "payroll", true).unwrap();
    let import = || {
        bench.one(&bench.alice, Operation::IMPORT, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &id);
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.boolean(Tag::REPLACE_EXISTING, true);
            AttributeSet::Own.write(&[], e, V);
            e.structure(Tag::SYMMETRIC_KEY, |e| {
                e.structure(Tag::KEY_BLOCK, |e| {
                    e.enumeration(Tag::KEY_FORMAT_TYPE, strongroom_kmip::KeyFormatType::RAW);
                    e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &[7; 16]));
                    e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
                    e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 128);
                });
            });
        })
    };
    let before = bench.material(&id);
    assert_eq!(import(), WAITS);
    assert_eq!(bench.material(&id), before);
    approve(&bench, &person("otto"), &only(&bench)).unwrap();
    import().unwrap();
    assert_eq!(bench.material(&id), [7; 16]);
}

#[test]
fn without_a_rule_for_it_a_get_takes_no_writer_and_reads_no_row() {
    let bench = house(&[rule(&["Destroy"], 1), two_officers()]);
    let id = bench.create("k").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    // Let what the first Get leaves behind reach the journal.
    bench.create("other").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    let before = bench.engine.inner.store.head().seq;
    // The rows are gone from under it; what is in memory does.
    let path = bench.dir.path().join("store.db");
    let intruder = rusqlite::Connection::open(path).unwrap();
    intruder.execute("DELETE FROM server_state WHERE family = 'approval-rule'", []).unwrap();
    intruder.execute("DELETE FROM objects", []).unwrap();
    for _ in 0..100 {
        bench.by_id(Operation::GET, &id).unwrap();
    }
    assert_eq!(bench.engine.inner.store.head().seq, before);
}

#[test]
fn a_rule_that_nobody_could_lift_is_refused_and_so_is_taking_its_approvers_away() {
    let bench = Bench::new();
    let server = Caller::server();
    let olga = person("olga");
    bench.engine.grant_role(&server, "olga", Role::CryptoOfficer).unwrap();
    certified(&bench, &server, "olga", "of olga");
    let refused = bench.engine.require_approval(&olga, rule(&["Destroy"], 1), |_| true);
    let Err(EngineError::NoApprovers(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("custodians could recover no officer"), "{why}");
    custodians(&bench);
    let refused = bench.engine.require_approval(&olga, rule(&["Destroy"], 1), |_| true);
    let Err(EngineError::NoApprovers(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("there are 0"), "{why}");
    // A role without a certificate is nobody who could come.
    bench.engine.grant_role(&server, "otto", Role::CryptoOfficer).unwrap();
    assert!(bench.engine.require_approval(&olga, rule(&["Destroy"], 1), |_| true).is_err());
    certified(&bench, &server, "otto", "of otto");
    bench.engine.require_approval(&olga, rule(&["Destroy"], 1), |_| true).unwrap();
    assert!(matches!(bench.engine.revoke_roles(&server, "otto"), Err(EngineError::NoApprovers(_))));
    assert!(matches!(
        bench.engine.revoke_role(&server, "otto", Role::CryptoOfficer),
        Err(EngineError::NoApprovers(_))
    ));
    // What quorum recovery does, gives the house another, and then it works.
    bench.engine.grant_role(&server, "omar", Role::CryptoOfficer).unwrap();
    certified(&bench, &server, "omar", "of omar");
    bench.engine.revoke_roles(&server, "otto").unwrap();
}

#[test]
fn a_request_that_nobody_is_left_to_approve_says_so_and_opens_nothing() {
    let bench = house(&[rule(&["Destroy"], 2)]);
    let id = doomed(&bench, "k");
    for user in ["otto", "omar"] {
        let lost = format!("of {user}");
        bench.engine.revoke_certificate(&Caller::server(), &lost, "lost").unwrap();
    }
    assert_eq!(destroy(&bench, &id), WAITS);
    assert!(bench.audit_says("1 could give it"));
    assert!(all(&bench).is_empty());
}

#[test]
fn one_user_cannot_fill_the_list() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    for n in 0..34 {
        let id = doomed(&bench, &format!("k{n}"));
        assert_eq!(destroy(&bench, &id), WAITS);
    }
    assert_eq!(all(&bench).len(), 32);
    assert!(bench.audit_says("too many requests wait for approval"));
}

#[test]
fn everybody_sees_what_is_his_to_ask_or_to_answer() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    bench.engine.grant_role(&Caller::server(), "anna", Role::Auditor).unwrap();
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    for (user, sees) in [("alice", 1), ("otto", 1), ("anna", 1), ("eve", 0)] {
        assert_eq!(bench.engine.approvals(&person(user)).len(), sees, "{user}");
    }
}

#[test]
fn a_policy_question_tells_what_would_be_waited_for() {
    let narrow = ApprovalRule { key_group: Some("payroll".to_owned()), ..rule(&["Destroy"], 1) };
    let bench = house(&[narrow, rule(&["change-policy"], 2)]);
    let id = bench.create("k").unwrap();
    let ask = |action, object: Option<&String>| {
        let question =
            Question { user: "alice".to_owned(), groups: None, action, object: object.cloned() };
        bench.engine.approvals_needed(&question).unwrap()
    };
    let destroy = Action::Kmip(Operation::DESTROY);
    assert!(ask(destroy, Some(&id)).is_empty());
    bench.engine.set_key_group(&Caller::server(), &id, "payroll", true).unwrap();
    assert_eq!(
        ask(destroy, Some(&id)),
        ["1 approval from somebody with the role officer (rule r-destroy)"]
    );
    assert!(ask(Action::Kmip(Operation::GET), Some(&id)).is_empty());
    assert_eq!(ask(Action::Admin(AdminAction::ChangePolicy), None).len(), 1);
}

pub(super) fn admin_ask(action: AdminAction, body: &str) -> AdminAsk {
    AdminAsk {
        actions: vec![action.name().to_owned()],
        parts: vec![Zeroizing::new(body.as_bytes().to_vec())],
        plan: vec![("Request".to_owned(), "Change Policy".to_owned())],
        ..AdminAsk::default()
    }
}

#[test]
fn an_administrative_request_waits_and_passes_once() {
    let bench = house(&[rule(&["change-policy"], 1)]);
    let (olga, otto) = (person("olga"), person("otto"));
    let ask = admin_ask(AdminAction::ChangePolicy, "one");
    let free = admin_ask(AdminAction::ChangeRoles, "one");
    assert_eq!(bench.engine.pass(&olga, &free).unwrap(), None);
    let waits = bench.engine.pass(&olga, &ask).unwrap_err();
    let EngineError::NeedsApproval { id, .. } = waits else { panic!("{waits}") };
    assert_eq!(only(&bench).new.id, id);
    approve(&bench, &otto, &only(&bench)).unwrap();
    // Another body, or another officer, is another request.
    assert!(bench.engine.pass(&olga, &admin_ask(AdminAction::ChangePolicy, "two")).is_err());
    assert!(bench.engine.pass(&otto, &ask).is_err());
    assert!(bench.engine.pass(&person("omar"), &ask).is_err());
    let together = Barrier::new(6);
    let through: usize = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    usize::from(bench.engine.pass(&olga, &ask).is_ok())
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().unwrap()).sum()
    });
    assert_eq!(through, 1);
}

#[test]
fn a_digest_cannot_be_found_by_trying_words() {
    let bench = house(&[rule(&["change-slots"], 1)]);
    let ask = admin_ask(AdminAction::ChangeSlots, "a guessable passphrase");
    let asker = person("olga");
    assert!(bench.engine.pass(&asker, &ask).is_err());
    let digest = only(&bench).new.digest;
    let unkeyed = |text: &str| strongroom_crypto::sha256(&[text.as_bytes()]).to_vec();
    assert_ne!(digest, unkeyed("a guessable passphrase"));
    // Another house, the same request: another digest.
    let other = house(&[rule(&["change-slots"], 1)]);
    assert!(other.engine.pass(&asker, &ask).is_err());
    assert_ne!(digest, only(&other).new.digest);
}

#[test]
fn a_rule_that_is_waived_holds_no_longer_and_what_waited_is_free() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    let server = Caller::server();
    assert!(!bench.engine.waive_approval(&server, "r-destroy", |_| false).unwrap());
    assert_eq!(bench.engine.approval_rules().len(), 1);
    assert!(bench.engine.waive_approval(&server, "r-destroy", |_| true).unwrap());
    assert!(bench.engine.waive_approval(&server, "r-destroy", |_| true).is_err());
    assert_eq!(only(&bench).state, ApprovalState::Moot);
    destroy(&bench, &id).unwrap();
}

#[test]
fn what_a_backup_knows_as_approved_is_not_done_again_in_a_restored_store() {
    let house = super::backup::House::new();
    settle_in(&house.bench, &[rule(&["Export", "confirm-restore"], 1)]);
    let id = house.bench.create("k").unwrap();
    assert_eq!(house.bench.by_id(Operation::EXPORT, &id), WAITS);
    approve(&house.bench, &person("otto"), &only(&house.bench)).unwrap();
    let file = house.take();
    // After the backup, so that the backup knows nothing of it.
    house.bench.by_id(Operation::EXPORT, &id).unwrap();
    let restored = house.restored(&file);
    assert_eq!(only(&restored).state, ApprovalState::Approved);
    // Confirming can wait for approval itself, in quarantine.
    let (olga, ask) = (person("olga"), admin_ask(AdminAction::ConfirmRestore, "confirm"));
    assert!(restored.engine.pass(&olga, &ask).is_err());
    approve(&restored, &person("otto"), &all(&restored)[1]).unwrap();
    restored.engine.pass(&olga, &ask).unwrap();
    super::backup::confirm_without(&restored);
    let states: Vec<_> = all(&restored).into_iter().map(|a| a.state).collect();
    let ended = [Ending::Withdrawn, Ending::Executed].map(ApprovalState::Ended);
    assert_eq!(states, ended);
    assert_eq!(restored.by_id(Operation::EXPORT, &id), WAITS);
}

/// An officer has a certificate issued in a client's name, asks with it, and approves as himself.
#[test]
fn no_officer_makes_the_client_that_he_approves_for() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let (olga, otto) = (person("olga"), person("otto"));
    let id = doomed(&bench, "k");
    certified(&bench, &olga, "alice", "olga has its key");
    let alice = Arc::new(Caller {
        fingerprint: "olga has its key".to_owned(),
        ..caller("alice").as_ref().clone()
    });
    let destroy = || bench.one(&alice, Operation::DESTROY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id));
    assert_eq!(destroy(), WAITS);
    let waiting = only(&bench);
    let refused = approve(&bench, &olga, &waiting).unwrap_err().to_string();
    assert!(refused.contains("had a certificate of the asker's issued"), "{refused}");
    assert_eq!(destroy(), WAITS);
    // Revoking it afterwards does not make it another's.
    bench.engine.revoke_certificate(&olga, "olga has its key", "done").unwrap();
    assert!(approve(&bench, &olga, &waiting).is_err());
    // Nor does the certificate that came with the request matter: any that counts is hers.
    certified(&bench, &olga, "alice", "another");
    assert_eq!(bench.by_id(Operation::DESTROY, &id), WAITS);
    assert!(approve(&bench, &olga, &waiting).is_err());
    approve(&bench, &otto, &waiting).unwrap();
    bench.by_id(Operation::DESTROY, &id).unwrap();
}

#[test]
fn who_made_the_client_is_not_counted_among_those_who_could_approve() {
    let bench = house(&[rule(&["Destroy"], 2)]);
    certified(&bench, &person("olga"), "alice", "made");
    certified(&bench, &person("otto"), "alice", "made too");
    let id = doomed(&bench, "k");
    assert_eq!(destroy(&bench, &id), WAITS);
    assert!(bench.audit_says("1 could give it"));
    assert!(all(&bench).is_empty());
}

#[test]
fn vouching_for_shares_never_locks_a_house_out() {
    let bench = house(&[rule(&["vouch-slot", "change-slots"], 1)]);
    let olga = person("olga");
    let (vouch, slots) =
        (admin_ask(AdminAction::VouchSlot, "1"), admin_ask(AdminAction::ChangeSlots, "add"));
    assert!(matches!(bench.engine.pass(&olga, &vouch), Err(EngineError::NeedsApproval { .. })));
    for user in ["otto", "omar"] {
        let lost = format!("of {user}");
        bench.engine.revoke_certificate(&Caller::server(), &lost, "lost").unwrap();
    }
    // Dealing new shares is not free, or whoever is left would be the custodians.
    assert!(matches!(bench.engine.pass(&olga, &slots), Err(EngineError::NoApprovers(_))));
    assert_eq!(bench.engine.pass(&olga, &vouch).unwrap(), None);
}

#[test]
fn who_asks_and_withdraws_without_end_has_to_wait() {
    let bench = house(&[rule(&["Destroy"], 1)]);
    let id = doomed(&bench, "k");
    for _ in 0..32 {
        assert_eq!(destroy(&bench, &id), WAITS);
        let last = all(&bench).into_iter().find(|a| a.state == ApprovalState::Waiting).unwrap();
        bench.engine.withdraw(&bench.alice, &last.new.id, "").unwrap();
    }
    assert_eq!(destroy(&bench, &id), WAITS);
    assert!(bench.audit_says("32 of one user in an hour"));
    assert_eq!(all(&bench).len(), 32);
    // An hour later it is open to her again.
    bench.engine.inner.clock.wall.move_by(3601 * 1000);
    bench.engine.confirm_clock(&Caller::server()).unwrap();
    assert_eq!(destroy(&bench, &id), WAITS);
    assert_eq!(all(&bench).len(), 33);
}

#[test]
fn clients_cannot_keep_officers_from_asking() {
    let bench = house(&[rule(&["Destroy", "change-policy"], 1)]);
    for n in 0..24 * 33 {
        let client = person(&format!("client-{}", n / 32));
        let _ = bench.engine.pass(&client, &admin_ask(AdminAction::ChangePolicy, &n.to_string()));
    }
    assert_eq!(all(&bench).len(), 768);
    let ask = admin_ask(AdminAction::ChangePolicy, "olga's");
    let waits = bench.engine.pass(&person("olga"), &ask);
    assert!(matches!(waits, Err(EngineError::NeedsApproval { .. })), "{waits:?}");
}
