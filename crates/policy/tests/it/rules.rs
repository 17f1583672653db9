//! Single rules, and where they could be got round.

use strongroom_kmip::Operation;
use strongroom_model::{ManagedObject, ObjectId, Role};
use strongroom_policy::{group_subject, rule, user_subject};

use crate::{ROLES, ask, grant, object_of, operations};

#[test]
fn get_implies_nothing_else() {
    let mut object = object_of("bob");
    grant(&mut object, &user_subject("alice"), Operation::GET);
    let allowed: Vec<Operation> = operations()
        .filter(|o| {
            let decision = ask("alice", &[], None, *o, Some(&object));
            decision.allowed && decision.rule() != rule::ANYONE
        })
        .collect();
    assert_eq!(allowed, [Operation::GET]);
}

#[test]
fn no_grant_and_no_ownership_lifts_a_duty() {
    for role in [Role::SystemAdministrator, Role::Auditor, Role::Custodian] {
        let mut object = object_of("alice");
        for operation in operations() {
            grant(&mut object, &user_subject("alice"), operation);
            grant(&mut object, &group_subject("ops"), operation);
        }
        for operation in operations() {
            for object in [None, Some(&object)] {
                let decision = ask("alice", &["ops"], Some(role), operation, object);
                assert!(!decision.allowed || decision.rule() == rule::ANYONE, "{operation:?}");
            }
        }
    }
}

#[test]
fn an_object_without_a_known_owner_is_not_the_nameless_users() {
    let object = ManagedObject::unknown(ObjectId::from("o"));
    assert!(!ask("", &[], None, Operation::GET, Some(&object)).allowed);
}

#[test]
fn a_grant_to_an_empty_or_unmarked_subject_is_nobodys() {
    let mut object = object_of("bob");
    for subject in ["", ":", "user:", "group:", "alice", "ops", "USER:alice", "role:alice"] {
        grant(&mut object, subject, Operation::GET);
    }
    for user in ["alice", "", "ops"] {
        assert!(!ask(user, &["ops"], None, Operation::GET, Some(&object)).allowed, "{user:?}");
    }
}

#[test]
fn names_with_colons_are_taken_whole() {
    let mut object = object_of("bob");
    grant(&mut object, &user_subject("a:b"), Operation::GET);
    assert!(ask("a:b", &[], None, Operation::GET, Some(&object)).allowed);
    assert!(!ask("a", &["b"], None, Operation::GET, Some(&object)).allowed);
    assert!(!ask("b", &[], None, Operation::GET, Some(&object)).allowed);
}

#[test]
fn every_rule_that_decides_is_in_the_list_of_rules_as_it_decides() {
    let mut object = object_of("bob");
    grant(&mut object, &user_subject("alice"), Operation::GET);
    grant(&mut object, &group_subject("ops"), Operation::ENCRYPT);
    for role in ROLES {
        for operation in operations() {
            for object in [None, Some(&object)] {
                let decision = ask("alice", &["ops"], role, operation, object);
                let listed = rule::ALL.iter().find(|(name, _, _)| *name == decision.rule());
                assert_eq!(listed.map(|(_, allows, _)| *allows), Some(decision.allowed));
            }
        }
    }
}
