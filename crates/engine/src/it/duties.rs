//! Roles that exclude each other, whoever asks at the same time; and what a grant on another's
//! key does not give.

use strongroom_kmip::message::{RequestBuilder, ResponseView};
use strongroom_kmip::{
    Attribute, AttributeSet, Limits, ObjectType, Operation, ResultReason, Tag, Value,
};
use strongroom_model::{Change, Role, Seen};
use strongroom_policy::{AdminAction, rule};

use super::kit::{ALL_USES, Wish};
use super::{Bench, V, text};
use crate::{Caller, EngineError, GrantOn, Subject};

/// Gives a role without asking whether it may be given, as a merge with another site does.
fn given_elsewhere(bench: &Bench, user: &str, role: Role) {
    let change = Change::RoleGranted { user: user.to_owned(), role, seen: Seen::default() };
    bench.engine.append(&Caller::server(), "grant role", change).unwrap();
}

#[test]
fn of_two_roles_given_at_the_same_time_one_is_refused() {
    let bench = Bench::new();
    let server = Caller::server();
    for n in 0..25 {
        let user = format!("user-{n}");
        let given: Vec<bool> = std::thread::scope(|s| {
            let roles = [Role::SystemAdministrator, Role::Custodian];
            let threads = roles.map(|role| {
                let (engine, server, user) = (&bench.engine, &server, &user);
                s.spawn(move || engine.grant_role(server, user, role))
            });
            threads.into_iter().map(|t| t.join().unwrap().is_ok()).collect()
        });
        assert_eq!(given.iter().filter(|ok| **ok).count(), 1, "{given:?}");
        assert!(bench.engine.role_of(&user).is_some());
    }
}

#[test]
fn of_two_officers_who_lose_the_role_at_the_same_time_one_stays() {
    let bench = Bench::new();
    let server = Caller::server();
    for _ in 0..25 {
        for user in ["olga", "oleg"] {
            bench.engine.grant_role(&server, user, Role::CryptoOfficer).unwrap();
        }
        std::thread::scope(|s| {
            for user in ["olga", "oleg"] {
                let (engine, server) = (&bench.engine, &server);
                s.spawn(move || engine.revoke_roles(server, user));
            }
        });
        assert_eq!(bench.engine.roles().len(), 1);
    }
    let last = bench.engine.roles()[0].0.clone();
    for refused in [
        bench.engine.revoke_roles(&server, &last),
        bench.engine.rehearsal().0.revoke_roles(&server, &last),
        bench.engine.revoke_role(&server, &last, Role::CryptoOfficer).map(|()| true),
    ] {
        assert!(matches!(refused, Err(EngineError::LastOfficer(user)) if user == last));
    }
    assert_eq!(bench.engine.role_of(&last), Some(Role::CryptoOfficer));
}

#[test]
fn who_was_given_two_roles_has_neither_nor_keys_until_it_is_settled() {
    let bench = Bench::new();
    let server = Caller::server();
    let id = bench.create("before").unwrap();
    bench.engine.grant_role(&server, "olga", Role::CryptoOfficer).unwrap();
    for role in [Role::CryptoOfficer, Role::KeyUser] {
        given_elsewhere(&bench, "alice", role);
    }
    assert_eq!(bench.engine.role_of("alice"), None);
    assert!(bench.create("after").is_err());
    assert!(bench.by_id(Operation::GET, &id).is_err());
    for action in AdminAction::ALL {
        let decision = bench.engine.decide_admin(&bench.alice, *action);
        let open = matches!(action.needs(), strongroom_policy::Needs::Certificate);
        let wanted = if open { rule::ANYONE } else { rule::ROLES_CONFLICT };
        assert_eq!((decision.allowed, decision.rule()), (open, wanted), "{action:?}");
    }
    let alices: Vec<_> = bench.engine.roles().into_iter().filter(|(u, _)| u == "alice").collect();
    assert_eq!(alices.len(), 2, "an officer sees what there is to settle");
    // Nor is one of the two given, or another, before the rest is taken.
    for role in [Role::CryptoOfficer, Role::KeyUser, Role::Auditor] {
        let again = bench.engine.grant_role(&server, "alice", role);
        assert!(matches!(again, Err(EngineError::RoleExcluded { .. })), "{role:?}");
    }
    bench.engine.revoke_role(&server, "alice", Role::CryptoOfficer).unwrap();
    assert_eq!(bench.engine.role_of("alice"), Some(Role::KeyUser));
    bench.by_id(Operation::GET, &id).unwrap();
    given_elsewhere(&bench, "alice", Role::Auditor);
    assert!(bench.by_id(Operation::GET, &id).is_err());
    assert!(bench.engine.revoke_roles(&server, "alice").unwrap());
    assert!(!bench.engine.revoke_roles(&server, "alice").unwrap());
    bench.by_id(Operation::GET, &id).unwrap();
}

#[test]
fn who_replaces_anothers_key_does_not_say_in_what_it_differs() {
    let bench = Bench::new();
    let server = Caller::server();
    let bob = super::caller("bob");
    let uses = |mask: u32| Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, mask_value(mask));
    let wish = Wish {
        mask: 12,
        more: vec![
            Attribute::new(Tag::EXTRACTABLE, Value::Boolean(false)),
            Attribute::new(Tag::SENSITIVE, Value::Boolean(true)),
        ],
        ..Wish::default()
    };
    let id = bench.make(&wish);
    let on = GrantOn::Object(id.clone());
    let to = Subject::User("bob".to_owned());
    bench.engine.grant(&server, &on, &to, &[Operation::RE_KEY, Operation::GET]).unwrap();
    let re_key = |who, given: &[Attribute]| {
        bench.one(who, Operation::RE_KEY, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &id);
            e.interval(Tag::OFFSET, 0);
            AttributeSet::Own.write(given, e, V);
        })
    };
    for wanted in [
        Attribute::new(Tag::EXTRACTABLE, Value::Boolean(true)),
        Attribute::new(Tag::SENSITIVE, Value::Boolean(false)),
        uses(ALL_USES),
        Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(128)),
        Attribute::new(Tag::NAME, super::name_value("bob's")),
        Attribute::new(Tag::DEACTIVATION_DATE, Value::DateTime(4_000_000_000)),
    ] {
        let refused = re_key(&bob, &[uses(12), wanted]);
        assert_eq!(refused, Err(ResultReason::PERMISSION_DENIED));
    }
    let new = text(&re_key(&bob, &[uses(12)]).unwrap(), Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.values(&new, Tag::EXTRACTABLE), [Value::Boolean(false)]);
    let got = bench.one(&bob, Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &new));
    assert!(got.is_err());
}

#[test]
fn who_replaces_anothers_key_pair_does_not_say_in_what_it_differs() {
    let bench = Bench::new();
    let bob = super::caller("bob");
    let curve = Some(strongroom_kmip::RecommendedCurve::P_256);
    let wish =
        Wish { algorithm: strongroom_kmip::CryptographicAlgorithm::EC, mask: 3, ..Wish::default() };
    let (private, public) = bench.make_pair(&wish, curve);
    for id in [&private, &public] {
        let on = GrantOn::Object(id.clone());
        let to = Subject::User("bob".to_owned());
        bench.engine.grant(&Caller::server(), &on, &to, &[Operation::RE_KEY_KEY_PAIR]).unwrap();
    }
    let re_key = |who, set: AttributeSet, given: &[Attribute]| {
        bench.one(who, Operation::RE_KEY_KEY_PAIR, |e| {
            e.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private);
            set.write(given, e, V);
        })
    };
    let wider = Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, mask_value(ALL_USES));
    for set in [AttributeSet::Common, AttributeSet::PrivateKey, AttributeSet::PublicKey] {
        let refused = re_key(&bob, set, std::slice::from_ref(&wider));
        assert_eq!(refused, Err(ResultReason::PERMISSION_DENIED), "{set:?}");
    }
    re_key(&bob, AttributeSet::Common, &[]).unwrap();
}

#[test]
fn a_key_that_is_replaced_in_place_keeps_what_the_server_says_of_it() {
    let bench = Bench::new();
    let server = Caller::server();
    let id = bench.create("payroll").unwrap();
    bench.engine.set_key_group(&server, &id, "payroll", true).unwrap();
    import_over(&bench, &bench.alice, &id).unwrap();
    assert_eq!(bench.engine.key_groups_of(&id).unwrap(), ["payroll"]);
    let rules = r#"@id("stays") forbid (principal, action == Action::"Destroy",
        resource is Key in KeyGroup::"payroll");"#;
    bench.engine.set_rules(&server, rules).unwrap();
    // What may not be destroyed is not replaced, either.
    let refused = import_over(&bench, &bench.alice, &id);
    assert_eq!(refused, Err(ResultReason::PERMISSION_DENIED));
    assert!(bench.by_id(Operation::DESTROY, &id).is_err());
    bench.engine.set_rules(&server, "").unwrap();
    import_over(&bench, &bench.alice, &id).unwrap();
}

#[test]
fn a_grant_of_import_is_none_to_end_anothers_key() {
    let bench = Bench::new();
    let bob = super::caller("bob");
    let id = bench.create("alice's").unwrap();
    let before = bench.material(&id);
    let on = GrantOn::Object(id.clone());
    let to = Subject::User("bob".to_owned());
    assert_eq!(import_over(&bench, &bob, &id), Err(ResultReason::OBJECT_NOT_FOUND));
    let give = |operation| bench.engine.grant(&Caller::server(), &on, &to, &[operation]).unwrap();
    give(Operation::IMPORT);
    assert_eq!(import_over(&bench, &bob, &id), Err(ResultReason::PERMISSION_DENIED));
    assert_eq!(bench.material(&id), before);
    give(Operation::DESTROY);
    import_over(&bench, &bob, &id).unwrap();
    assert_ne!(bench.material(&id), before);
}

#[test]
fn a_key_that_is_to_be_destroyed_is_not_replaced_in_place() {
    let bench = Bench::with(|config| config.destroy_delay = 3600);
    let id = bench.create("doomed").unwrap();
    bench.by_id(Operation::DESTROY, &id).unwrap();
    let refused = import_over(&bench, &bench.alice, &id);
    assert_eq!(refused, Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE));
    bench.engine.recall_destruction(&Caller::server(), &id).unwrap();
    import_over(&bench, &bench.alice, &id).unwrap();
}

fn mask_value(mask: u32) -> Value {
    Value::Integer(mask as i32)
}

fn import_over(
    bench: &Bench,
    who: &std::sync::Arc<Caller>,
    id: &str,
) -> Result<Value, ResultReason> {
    bench.one(who, Operation::IMPORT, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        e.boolean(Tag::REPLACE_EXISTING, true);
        AttributeSet::Own.write(&Wish::default().attributes()[..3], e, V);
        super::release::symmetric(e, &[9; 32]);
    })
}

#[test]
fn a_change_is_decided_by_what_came_right_before_it_in_the_same_commit() {
    let bench = Bench::new();
    bench.create("before").unwrap();
    let (engine, alice) = (bench.engine.clone(), bench.alice.clone());
    let (sender, receiver) = std::sync::mpsc::channel();
    // On the writer: what is submitted here waits for the same commit.
    bench.engine.inner.store.submit(Box::new(move |tx| {
        assert!(tx.is_ok());
        let store = &engine.inner.store;
        store.submit(Box::new(|tx| {
            let tx = tx.unwrap();
            let granted = Change::RoleGranted {
                user: "alice".to_owned(),
                role: Role::Auditor,
                seen: Seen::default(),
            };
            let origin = Caller::server().origin("grant role", "");
            tx.append(&origin, &granted, 1_700_000_000_000).unwrap();
            Box::new(|committed| committed.unwrap())
        }));
        let frame = RequestBuilder::new(V)
            .item(Operation::CREATE, |e| super::create(e, "behind", &[]))
            .finish();
        let reply = Box::new(move |reply: crate::Reply| sender.send(reply.bytes).unwrap());
        engine.handle(&alice, frame, reply);
        Box::new(|committed| committed.unwrap())
    }));
    let bytes = receiver.recv().unwrap();
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(view.items[0].reason, Some(ResultReason::PERMISSION_DENIED));
}
