//! What is remembered is never wrong.

use proptest::prelude::*;
use strongroom_kmip::{ObjectType, Operation};
use strongroom_policy::{Action, Decider, Facts, Request, Rules, Who, rule};

use crate::{ROLES, operations};

fn get<'a>(groups: &'a [String], key_groups: &'a [String]) -> Request<'a> {
    Request {
        who: Who { user: "alice", groups, role: None, conflicting: false },
        action: Action::Kmip(Operation::GET),
        object: Some(Facts {
            object_type: ObjectType::SYMMETRIC_KEY,
            owned: true,
            user_grant: false,
            group_grant: false,
            key_groups,
        }),
    }
}

#[test]
fn new_rules_bite_on_the_next_decision() {
    let decider = Decider::new().unwrap();
    let request = get(&[], &[]);
    assert_eq!(decider.decide(&request).rule(), rule::OWNER);
    assert_eq!(decider.decide(&request).rule(), rule::OWNER);
    decider.replace(
        Rules::with(r#"@id("stop") forbid (principal, action == Action::"Get", resource);"#)
            .unwrap(),
    );
    assert_eq!(decider.decide(&request).rule(), "policy:stop");
    decider.replace(Rules::builtin().unwrap());
    assert_eq!(decider.decide(&request).rule(), rule::OWNER);
}

#[test]
fn new_rules_bite_while_others_decide() {
    let decider = Decider::new().unwrap();
    let stop = r#"@id("stop") forbid (principal, action == Action::"Get", resource);"#;
    let going = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        let (going, decider) = (&going, &decider);
        for _ in 0..2 {
            scope.spawn(move || {
                while going.load(std::sync::atomic::Ordering::Relaxed) {
                    decider.decide(&get(&[], &[]));
                }
            });
        }
        for _ in 0..30 {
            decider.replace(Rules::with(stop).unwrap());
            assert!(!decider.decide(&get(&[], &[])).allowed);
            decider.replace(Rules::builtin().unwrap());
            assert!(decider.decide(&get(&[], &[])).allowed);
        }
        going.store(false, std::sync::atomic::Ordering::Relaxed);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_remembered_decision_is_the_one_that_the_rules_make(
        asked in proptest::collection::vec(
            (prop_oneof!["alice", "bob"], proptest::sample::subsequence(vec!["dba".to_owned(), "ops".to_owned()], 0..=2),
             proptest::sample::select(ROLES.to_vec()), 0..operations().count(), any::<(bool, bool, bool)>(),
             proptest::sample::subsequence(vec!["payroll".to_owned(), "eu".to_owned()], 0..=2)),
            1..60,
        ),
    ) {
        let text = r#"
            @id("a") forbid (principal in Group::"dba", action, resource is Key in KeyGroup::"payroll");
            @id("b") permit (principal == User::"bob", action == Action::"Get", resource is Key);
        "#;
        let rules = Rules::with(text).unwrap();
        let decider = Decider::new().unwrap();
        decider.replace(rules.clone());
        for _ in 0..2 {
            for (user, groups, role, at, (owned, user_grant, group_grant), key_groups) in &asked {
                let request = Request {
                    who: Who { user, groups, role: *role, conflicting: false },
                    action: Action::Kmip(operations().nth(*at).unwrap()),
                    object: Some(Facts {
                        object_type: ObjectType::SYMMETRIC_KEY, owned: *owned,
                        user_grant: *user_grant, group_grant: *group_grant, key_groups,
                    }),
                };
                prop_assert_eq!(decider.decide(&request), rules.decide(&request));
            }
        }
    }
}
