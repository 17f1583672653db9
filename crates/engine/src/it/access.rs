//! Who may do what: users, groups, roles, grants, key groups and rules, over KMIP.

use std::sync::Arc;

use strongroom_kmip::{
    Attribute, AttributeSet, BlockCipherMode, Operation, ResultReason, RevocationReasonCode, State,
    StorageStatusMask, Tag, Value,
};
use strongroom_model::Role;
use strongroom_policy::{Action, AdminAction, rule};

use super::{Bench, V, caller, text};
use crate::{AuditFilter, Caller, EngineError, GrantOn, Question, Subject};

const TABLE: &str = include_str!("access.txt");

const OPERATIONS: [Operation; 9] = [
    Operation::GET,
    Operation::GET_ATTRIBUTES,
    Operation::ADD_ATTRIBUTE,
    Operation::ENCRYPT,
    Operation::DECRYPT,
    Operation::ACTIVATE,
    Operation::REVOKE,
    Operation::DESTROY,
    Operation::LOCATE,
];

/// A row of the first table.
struct Row {
    line: &'static str,
    caller: Arc<Caller>,
    role: Option<Role>,
    granted: &'static str,
    may: &'static str,
}

fn person(user: &str, groups: &[&str]) -> Arc<Caller> {
    let groups = groups.iter().map(|g| (*g).to_owned()).collect();
    Arc::new(Caller { groups, ..Caller::clone(&super::caller(user)) })
}

fn tables() -> (Vec<Row>, Vec<Vec<&'static str>>) {
    let lines = TABLE.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    let (people, states): (Vec<_>, Vec<_>) = lines.partition(|l| l.starts_with(char::is_lowercase));
    let columns = |line: &'static str| -> Vec<&'static str> {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    };
    let rows = people.into_iter().map(|line| {
        let cells = columns(line);
        let groups: Vec<&str> = cells[1].split(',').filter(|g| *g != "-").collect();
        Row {
            line,
            caller: person(cells[0], &groups),
            role: Role::from_name(cells[2]),
            granted: cells[3],
            may: cells[4],
        }
    });
    (rows.collect(), states.into_iter().map(columns).collect())
}

/// A key of alice in a state.
fn key_in(bench: &Bench, state: State, name: &str) -> String {
    let id = bench.create(name).unwrap();
    let revoke = |code| {
        bench.one(&bench.alice, Operation::REVOKE, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &id);
            e.structure(Tag::REVOCATION_REASON, |e| {
                e.enumeration(Tag::REVOCATION_REASON_CODE, code)
            });
        })
    };
    if state != State::PRE_ACTIVE {
        bench.by_id(Operation::ACTIVATE, &id).unwrap();
    }
    match state {
        State::DEACTIVATED | State::DESTROYED => {
            revoke(RevocationReasonCode::CESSATION_OF_OPERATION).unwrap();
        }
        State::COMPROMISED => {
            revoke(RevocationReasonCode::KEY_COMPROMISE).unwrap();
        }
        _ => {}
    }
    bench.engine.set_key_group(&Caller::server(), &id, "payroll", true).unwrap();
    if state == State::DESTROYED {
        bench.by_id(Operation::DESTROY, &id).unwrap();
    }
    assert_eq!(bench.state(&id), state);
    id
}

fn grant(bench: &Bench, granted: &str, id: &str, operation: Operation) {
    let server = Caller::server();
    let Some((subject, on)) = granted.split_once(" on the ") else { return };
    let subject = match subject.split_once(':').unwrap() {
        ("user", name) => Subject::User(name.to_owned()),
        (_, name) => Subject::Group(name.to_owned()),
    };
    let (what, how) = on.split_once(", ").unwrap_or((on, ""));
    let on = match what.strip_prefix("group ") {
        Some(group) => GrantOn::KeyGroup(group.to_owned()),
        None => GrantOn::Object(id.to_owned()),
    };
    let operations: Vec<Operation> = match how {
        "every operation but this" => {
            OPERATIONS.into_iter().filter(|other| *other != operation).collect()
        }
        _ => vec![operation],
    };
    bench.engine.grant(&server, &on, &subject, &operations).unwrap();
    if how == "then withdrawn" {
        bench.engine.withdraw_grant(&server, &on, &subject, &operations).unwrap();
    }
}

/// Takes every grant on key groups back, for the next row.
fn clear_groups(bench: &Bench) {
    for group in bench.engine.key_groups().unwrap() {
        for given in group.grants {
            let on = GrantOn::KeyGroup(group.name.clone());
            let server = Caller::server();
            bench.engine.withdraw_grant(&server, &on, &given.subject, &[given.operation]).unwrap();
        }
    }
}

fn ask(
    bench: &Bench,
    who: &Arc<Caller>,
    operation: Operation,
    id: &str,
) -> Result<Value, ResultReason> {
    let ecb = |e: &mut strongroom_kmip::Encoder| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::ECB);
        });
        e.bytes(Tag::DATA, &[7; 16]);
    };
    let answer = bench.one(who, operation, |e| {
        if operation == Operation::LOCATE {
            let all = StorageStatusMask::ON_LINE_STORAGE.0
                | StorageStatusMask::ARCHIVAL_STORAGE.0
                | StorageStatusMask::DESTROYED_STORAGE.0;
            e.integer(Tag::STORAGE_STATUS_MASK, all as i32);
            let one = Attribute::new(Tag::UNIQUE_IDENTIFIER, Value::TextString(id.to_owned()));
            AttributeSet::Own.write(&[one], e, V);
            return;
        }
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        match operation {
            Operation::ENCRYPT | Operation::DECRYPT => ecb(e),
            Operation::ADD_ATTRIBUTE => e.structure(Tag::NEW_ATTRIBUTE, |e| {
                e.text(Tag::CONTACT_INFORMATION, "the vault");
            }),
            Operation::REVOKE => e.structure(Tag::REVOCATION_REASON, |e| {
                e.enumeration(
                    Tag::REVOCATION_REASON_CODE,
                    RevocationReasonCode::CESSATION_OF_OPERATION,
                );
            }),
            _ => {}
        }
    })?;
    // Whoever may not locate an object is told of none.
    if operation == Operation::LOCATE && answer.find(Tag::UNIQUE_IDENTIFIER).is_none() {
        return Err(ResultReason::OBJECT_NOT_FOUND);
    }
    Ok(answer)
}

#[test]
fn every_user_group_role_operation_and_state_is_decided_as_the_table_says() {
    let states = [
        State::PRE_ACTIVE,
        State::ACTIVE,
        State::DEACTIVATED,
        State::COMPROMISED,
        State::DESTROYED,
    ];
    let bench = Bench::new();
    let server = Caller::server();
    let (people, cells) = tables();
    // So that nobody in the table is the last officer, who keeps the role.
    bench.engine.grant_role(&server, "standing", Role::CryptoOfficer).unwrap();
    let mut rows = 0;
    for row in &people {
        if let Some(role) = row.role {
            // alice makes her keys before she gets the role.
            bench.engine.revoke_role(&server, &row.caller.user, role).unwrap();
        }
        for line in &cells {
            let operation =
                OPERATIONS.into_iter().find(|o| o.name() == line[0]).expect("a known operation");
            let keys: Vec<(State, String)> = states
                .into_iter()
                .map(|state| (state, key_in(&bench, state, &format!("key {rows} {state:?}"))))
                .collect();
            if let Some(role) = row.role {
                bench.engine.grant_role(&server, &row.caller.user, role).unwrap();
            }
            for ((state, id), cell) in keys.iter().zip(&line[1..]) {
                grant(&bench, row.granted, id, operation);
                let answer = ask(&bench, &row.caller, operation, id).map(|_| ());
                let expected = match (row.may, *cell) {
                    ("duty", _) => Err(ResultReason::PERMISSION_DENIED),
                    ("no", _) => Err(ResultReason::OBJECT_NOT_FOUND),
                    ("yes", "ok") => Ok(()),
                    ("yes", "state") => Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE),
                    ("yes", "gone") => Err(ResultReason::OBJECT_DESTROYED),
                    other => panic!("{other:?}"),
                };
                assert_eq!(answer, expected, "{} | {operation:?} {state:?}", row.line);
                clear_groups(&bench);
                rows += 1;
            }
            if let Some(role) = row.role {
                bench.engine.revoke_role(&server, &row.caller.user, role).unwrap();
            }
        }
    }
    println!("{rows} rows");
    assert!(rows >= 500, "{rows}");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn rules_of_the_installation_bite_on_the_next_request_and_outlast_a_restart() {
    let bench = Bench::new();
    let server = Caller::server();
    let id = bench.create("payroll key").unwrap();
    bench.engine.set_key_group(&server, &id, "payroll", true).unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    let rules = r#"@id("no-get") forbid (principal, action == Action::"Get", resource is Key in KeyGroup::"payroll");"#;
    bench.engine.set_rules(&server, rules).unwrap();
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_NOT_FOUND));
    let bench = bench.restart();
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_NOT_FOUND));
    bench.by_id(Operation::GET_ATTRIBUTES, &id).unwrap();
    let last = bench.engine.audit_tail(2, &AuditFilter::default()).unwrap();
    assert_eq!(last[0].rule, "policy:no-get");
    bench.engine.set_key_group(&server, &id, "payroll", false).unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    bench.engine.set_key_group(&server, &id, "payroll", true).unwrap();
    bench.engine.set_rules(&server, "").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    bench.engine.audit_verify().unwrap();
}

#[test]
fn rules_that_cannot_be_used_are_refused_and_those_in_force_stay() {
    let bench = Bench::new();
    let server = Caller::server();
    let kept = r#"@id("kept") forbid (principal == User::"bob", action, resource);"#;
    bench.engine.set_rules(&server, kept).unwrap();
    let refused = bench.engine.set_rules(&server, "permit (everything);");
    assert!(matches!(refused, Err(EngineError::Refused(_))), "{refused:?}");
    assert_eq!(bench.engine.rules().text(), kept);
    // An officer cannot lock all officers out.
    let olga = super::caller("olga");
    bench.engine.grant_role(&server, "olga", Role::CryptoOfficer).unwrap();
    let lock = r#"@id("lock") forbid (principal, action == Action::"change-policy", resource);"#;
    let refused = bench.engine.set_rules(&olga, lock).unwrap_err();
    assert!(refused.to_string().contains("lock"), "{refused}");
    assert!(bench.engine.decide_admin(&olga, AdminAction::ChangePolicy).allowed);
}

#[test]
fn a_replacement_keeps_the_grants_and_the_key_groups() {
    let bench = Bench::new();
    let server = Caller::server();
    let old = bench.create("rotated").unwrap();
    bench.by_id(Operation::ACTIVATE, &old).unwrap();
    let bob = super::caller("bob");
    let to_bob = Subject::User("bob".to_owned());
    let on = |id: &str| GrantOn::Object(id.to_owned());
    bench.engine.grant(&server, &on(&old), &to_bob, &[Operation::GET, Operation::CHECK]).unwrap();
    bench.engine.withdraw_grant(&server, &on(&old), &to_bob, &[Operation::CHECK]).unwrap();
    bench.engine.set_key_group(&server, &old, "payroll", true).unwrap();
    let new = text(&bench.by_id(Operation::RE_KEY, &old).unwrap(), Tag::UNIQUE_IDENTIFIER);
    ask(&bench, &bob, Operation::GET, &new).unwrap();
    let check = bench.one(&bob, Operation::CHECK, |e| e.text(Tag::UNIQUE_IDENTIFIER, &new));
    assert_eq!(check, Err(ResultReason::OBJECT_NOT_FOUND));
    assert_eq!(bench.engine.key_groups_of(&new).unwrap(), ["payroll"]);
    assert_eq!(bench.engine.grants(&on(&new)).unwrap().len(), 1);
}

#[test]
fn the_replacement_of_a_pair_keeps_the_grants_and_the_key_groups_of_each_half() {
    let bench = Bench::new();
    let server = Caller::server();
    let algorithm = strongroom_kmip::CryptographicAlgorithm::ED25519;
    let wish = super::kit::Wish { algorithm, ..super::kit::Wish::default() };
    let (private, public) = bench.make_pair(&wish, None);
    let bob = super::caller("bob");
    let to_bob = Subject::User("bob".to_owned());
    let on = GrantOn::Object(public.clone());
    bench.engine.grant(&server, &on, &to_bob, &[Operation::GET]).unwrap();
    bench.engine.set_key_group(&server, &private, "payroll", true).unwrap();
    let new_private = bench.engine.rotate_key(&server, &private).unwrap();
    let link = |l: &&(&str, String)| l.0 == strongroom_kmip::LinkType::PUBLIC_KEY_LINK.name();
    let links = bench.engine.key(&new_private).unwrap().links;
    let new_public = &links.iter().find(link).unwrap().1;
    ask(&bench, &bob, Operation::GET, new_public).unwrap();
    let private = bench.one(&bob, Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &new_private));
    assert_eq!(private, Err(ResultReason::OBJECT_NOT_FOUND));
    assert_eq!(bench.engine.key_groups_of(&new_private).unwrap(), ["payroll"]);
    assert!(bench.engine.key_groups_of(new_public).unwrap().is_empty());
}

#[test]
fn whoever_may_re_key_anothers_key_owns_nothing_by_it() {
    let bench = Bench::new();
    let old = bench.create("theirs").unwrap();
    bench.by_id(Operation::ACTIVATE, &old).unwrap();
    let (bob, to_bob) = (super::caller("bob"), Subject::User("bob".to_owned()));
    let on = GrantOn::Object(old.clone());
    bench.engine.grant(&Caller::server(), &on, &to_bob, &[Operation::RE_KEY]).unwrap();
    let new = bench.one(&bob, Operation::RE_KEY, |e| e.text(Tag::UNIQUE_IDENTIFIER, &old)).unwrap();
    let new = text(&new, Tag::UNIQUE_IDENTIFIER);
    let get = bench.one(&bob, Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &new));
    assert_eq!(get, Err(ResultReason::OBJECT_NOT_FOUND));
    bench.by_id(Operation::GET, &new).unwrap();
    assert_eq!(bench.engine.key(&new).unwrap().summary.owner, "alice");
}

#[test]
fn a_client_neither_sees_nor_sets_key_groups() {
    let bench = Bench::new();
    let id = bench.create("grouped").unwrap();
    bench.engine.set_key_group(&Caller::server(), &id, "payroll", true).unwrap();
    let got = bench.by_id(Operation::GET_ATTRIBUTES, &id).unwrap();
    assert!(!format!("{got:?}").contains("Key Group"), "{got:?}");
    let set = bench.one(&bench.alice, Operation::ADD_ATTRIBUTE, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, &id);
        let name = crate::access::key_group_attribute();
        let one = Attribute { name, index: 0, value: Value::TextString("eu".to_owned()) };
        e.structure(Tag::NEW_ATTRIBUTE, |e| one.write(e, V));
    });
    assert!(set.is_err());
    assert_eq!(bench.engine.key_groups_of(&id).unwrap(), ["payroll"]);
}

#[test]
fn an_explanation_tells_the_rule_the_group_and_the_fact() {
    let bench = Bench::new();
    let server = Caller::server();
    let id = bench.create("asked about").unwrap();
    let ops = Subject::Group("ops".to_owned());
    bench.engine.grant(&server, &GrantOn::Object(id.clone()), &ops, &[Operation::GET]).unwrap();
    let question = |user: &str, groups: &[&str], operation| Question {
        user: user.to_owned(),
        groups: Some(groups.iter().map(|g| (*g).to_owned()).collect()),
        action: Action::Kmip(operation),
        object: Some(id.clone()),
    };
    let told = bench.engine.explain(&question("bob", &["ops"], Operation::GET)).unwrap();
    assert!(told.decision.allowed);
    assert_eq!(told.rules, [rule::GROUP_GRANT]);
    let told = bench.engine.explain(&question("bob", &[], Operation::GET)).unwrap();
    assert_eq!((told.decision.allowed, told.decision.rule()), (false, rule::DEFAULT_DENY));
    bench.engine.grant_role(&server, "ada", Role::Auditor).unwrap();
    let told = bench.engine.explain(&question("ada", &["ops"], Operation::GET)).unwrap();
    assert!(told.by_duty && !told.decision.allowed);
    let unknown =
        Question { object: Some("nobody".to_owned()), ..question("bob", &[], Operation::GET) };
    assert!(matches!(bench.engine.explain(&unknown), Err(EngineError::NoObject(_))));
}

#[test]
fn a_comparison_shows_which_requests_other_rules_would_have_decided_otherwise() {
    let bench = Bench::new();
    let server = Caller::server();
    let id = bench.create("compared").unwrap();
    let info = strongroom_model::CertificateInfo {
        fingerprint: bench.alice.fingerprint.clone(),
        user: "alice".to_owned(),
        groups: vec!["dba".to_owned()],
        ..strongroom_model::CertificateInfo::default()
    };
    bench.engine.note_certificate(&server, info).unwrap();
    for _ in 0..3 {
        bench.by_id(Operation::GET, &id).unwrap();
    }
    bench.by_id(Operation::GET_ATTRIBUTES, &id).unwrap();
    let rules =
        r#"@id("no-dba") forbid (principal in Group::"dba", action == Action::"Get", resource);"#;
    let diff = bench.engine.compare_rules(&server, rules, 0).unwrap();
    let [one] = &diff.differences[..] else { panic!("{diff:?}") };
    assert_eq!((one.operation, one.requests), (Operation::GET, 3));
    assert_eq!(one.object.as_deref(), Some(&*id));
    assert_eq!(one.now, (true, rule::OWNER.to_owned()));
    assert_eq!(one.then, (false, "policy:no-dba".to_owned()));
    assert!(diff.requests >= 5, "{diff:?}");
    // Only so many records are looked at, and that is said where it leaves something out.
    assert!(!diff.cut);
    let some = bench.engine.asked_since(0, 3).unwrap();
    assert!(some.cut && some.requests.values().sum::<u64>() < diff.requests, "{some:?}");
    assert!(!bench.engine.asked_since(i64::MAX, 3).unwrap().cut);
    let nothing = bench.engine.compare_rules(&server, "", 0).unwrap();
    assert_eq!(nothing.differences, []);
    // Nothing was put in force.
    bench.by_id(Operation::GET, &id).unwrap();
}

#[test]
fn what_is_not_done_on_keys_cannot_be_granted_and_names_are_checked() {
    let bench = Bench::new();
    let server = Caller::server();
    let on = GrantOn::KeyGroup("payroll".to_owned());
    let bob = Subject::User("bob".to_owned());
    for operation in [Operation::QUERY, Operation::LOGIN] {
        let refused = bench.engine.grant(&server, &on, &bob, &[operation]);
        assert!(matches!(refused, Err(EngineError::Refused(_))), "{operation:?} {refused:?}");
    }
    for name in ["", "  ", "a\nb", &"x".repeat(257)] {
        let subject = Subject::User(name.to_owned());
        assert!(bench.engine.grant(&server, &on, &subject, &[Operation::GET]).is_err());
        let group = GrantOn::KeyGroup(name.to_owned());
        assert!(bench.engine.grant(&server, &group, &bob, &[Operation::GET]).is_err());
    }
    let nobody = GrantOn::Object("nobody".to_owned());
    let none = bench.engine.grant(&server, &nobody, &bob, &[Operation::GET]);
    assert!(matches!(none, Err(EngineError::NoObject(_))), "{none:?}");
}

#[test]
fn an_object_and_all_key_groups_have_so_many_grants_and_no_more() {
    let bench = Bench::new();
    let id = bench.create("wanted").unwrap();
    let olga = caller("olga");
    let operations = [Operation::GET, Operation::ENCRYPT, Operation::DECRYPT, Operation::LOCATE];
    let mut refused = None;
    for n in 0..300 {
        let subject = Subject::User(format!("user-{n}"));
        let on = GrantOn::Object(id.clone());
        if let Err(error) = bench.engine.grant(&olga, &on, &subject, &operations) {
            refused = Some((n, error));
            break;
        }
    }
    let (n, error) = refused.expect("no limit");
    assert_eq!(n, 250);
    assert!(matches!(error, crate::EngineError::Limit(_)), "{error}");
    // Nothing of what was refused is there; what is taken away makes room.
    let on = GrantOn::Object(id);
    assert_eq!(bench.engine.grants(&on).unwrap().len(), 1_000);
    let first = Subject::User("user-0".to_owned());
    bench.engine.withdraw_grant(&olga, &on, &first, &operations).unwrap();
    bench.engine.grant(&olga, &on, &Subject::User("late".to_owned()), &operations).unwrap();
}

#[test]
fn all_key_groups_together_have_so_many_grants_and_no_more() {
    let bench = Bench::new();
    let olga = caller("olga");
    // What counts is each operation of a grant.
    let operations = [
        Operation::GET,
        Operation::GET_ATTRIBUTES,
        Operation::GET_ATTRIBUTE_LIST,
        Operation::ADD_ATTRIBUTE,
        Operation::MODIFY_ATTRIBUTE,
        Operation::DELETE_ATTRIBUTE,
        Operation::SET_ATTRIBUTE,
        Operation::ENCRYPT,
        Operation::DECRYPT,
        Operation::SIGN,
        Operation::SIGNATURE_VERIFY,
        Operation::MAC,
        Operation::MAC_VERIFY,
        Operation::ACTIVATE,
        Operation::REVOKE,
        Operation::DESTROY,
        Operation::LOCATE,
        Operation::EXPORT,
        Operation::RE_KEY,
        Operation::ARCHIVE,
        Operation::RECOVER,
    ];
    let on = |n: usize| GrantOn::KeyGroup(format!("group-{}", n % 7));
    let (mut given, mut n) = (0, 0);
    let error = loop {
        let subject = Subject::User(format!("user-{n}"));
        match bench.engine.grant(&olga, &on(n), &subject, &operations) {
            Ok(_) => given += operations.len(),
            Err(error) => break error,
        }
        n += 1;
    };
    assert!(matches!(error, crate::EngineError::Limit(_)), "{error}");
    assert!(given <= 10_000 && given + operations.len() > 10_000, "{given}");
    // Objects have a limit of their own; what is taken away makes room.
    let id = bench.create("wanted").unwrap();
    let late = Subject::User("late".to_owned());
    bench.engine.grant(&olga, &GrantOn::Object(id), &late, &operations).unwrap();
    let first = Subject::User("user-0".to_owned());
    bench.engine.withdraw_grant(&olga, &on(0), &first, &operations).unwrap();
    bench.engine.grant(&olga, &on(3), &late, &operations).unwrap();
}
