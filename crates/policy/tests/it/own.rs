//! Rules of an installation's own.

use proptest::prelude::*;
use strongroom_kmip::{ObjectType, Operation};
use strongroom_model::Role;
use strongroom_policy::{
    Action, AdminAction, Decision, Facts, MAX_RULES, MAX_TEXT, Request, Rules, RulesError, Who,
    rule, schema,
};

use crate::{ROLES, operations};

const NO_DBA: &str = r#"
@id("no-dba-export")
forbid (
    principal in Group::"dba",
    action in [Action::"Get", Action::"Export"],
    resource is Key in KeyGroup::"payroll"
);
"#;

fn facts<'a>(owned: bool, key_groups: &'a [String]) -> Facts<'a> {
    Facts {
        object_type: ObjectType::SYMMETRIC_KEY,
        owned,
        user_grant: false,
        group_grant: false,
        key_groups,
    }
}

fn ask(
    rules: &Rules,
    group: &str,
    role: Option<Role>,
    action: Action,
    object: Option<Facts<'_>>,
) -> Decision {
    let groups = [group.to_owned()];
    rules.decide(&Request {
        who: Who { user: "alice", groups: &groups, role, conflicting: false },
        action,
        object,
    })
}

#[test]
fn what_a_rule_forbids_is_denied_even_to_the_owner() {
    let rules = Rules::with(NO_DBA).unwrap();
    let payroll = ["payroll".to_owned()];
    let get = Action::Kmip(Operation::GET);
    let denied = ask(&rules, "dba", None, get, Some(facts(true, &payroll)));
    assert_eq!((denied.allowed, denied.rule()), (false, "policy:no-dba-export"));
    for (group, operation, key_groups) in [
        ("ops", Operation::GET, &payroll[..]),
        ("dba", Operation::ENCRYPT, &payroll[..]),
        ("dba", Operation::GET, &[][..]),
    ] {
        let decision =
            ask(&rules, group, None, Action::Kmip(operation), Some(facts(true, key_groups)));
        assert_eq!((decision.allowed, decision.rule()), (true, rule::OWNER));
    }
}

#[test]
fn a_rule_may_permit_what_nothing_else_does() {
    let rules = Rules::with(
        r#"@id("auditors-look") permit (
            principal in Group::"audit-team",
            action == Action::"Get Attributes",
            resource is Key in KeyGroup::"payroll"
        );"#,
    )
    .unwrap();
    let payroll = ["payroll".to_owned(), "eu".to_owned()];
    let look = Action::Kmip(Operation::GET_ATTRIBUTES);
    let allowed = ask(&rules, "audit-team", None, look, Some(facts(false, &payroll)));
    assert_eq!((allowed.allowed, allowed.rule()), (true, "policy:auditors-look"));
    assert!(!ask(&rules, "audit-team", None, look, Some(facts(false, &[]))).allowed);
    assert!(!ask(&rules, "other", None, look, Some(facts(false, &payroll))).allowed);
}

#[test]
fn no_rule_lifts_a_duty_or_shuts_out_custodians() {
    let generous = Rules::with(r#"@id("all") permit (principal, action, resource);"#).unwrap();
    let strict = Rules::with(r#"@id("none") forbid (principal, action, resource);"#).unwrap();
    for role in [Role::SystemAdministrator, Role::Auditor, Role::Custodian] {
        for operation in operations() {
            let decision =
                ask(&generous, "g", Some(role), Action::Kmip(operation), Some(facts(true, &[])));
            let keyless = [rule::DUTY_NO_KEYS, rule::DEFAULT_DENY];
            let open = decision.allowed && decision.rule() == rule::ANYONE;
            assert!(open || keyless.contains(&decision.rule()), "{operation:?} {decision:?}");
        }
    }
    for role in ROLES {
        for action in AdminAction::ALL {
            let met = action.needs().met_by(role);
            let decision = ask(&generous, "g", role, Action::Admin(*action), None);
            assert_eq!(decision.allowed, met, "{action:?} {role:?}");
            let decision = ask(&strict, "g", role, Action::Admin(*action), None);
            let open = matches!(
                action,
                AdminAction::Unseal
                    | AdminAction::Health
                    | AdminAction::VerifyShares
                    | AdminAction::RecoverOfficer
                    | AdminAction::ListApprovals
                    | AdminAction::Approve
            );
            assert_eq!(decision.allowed, open, "{action:?} {role:?}");
        }
    }
}

#[test]
fn a_rule_may_narrow_an_officers_work_to_key_groups() {
    let rules = Rules::with(
        r#"@id("payroll-officers-only") forbid (
            principal, action == Action::"manage-keys", resource is Key in KeyGroup::"payroll"
        ) unless { principal in Group::"payroll-officers" };"#,
    )
    .unwrap();
    let payroll = ["payroll".to_owned()];
    let manage = Action::Admin(AdminAction::ManageKeys);
    let officer = Some(Role::CryptoOfficer);
    let object = Some(facts(false, &payroll));
    assert!(!ask(&rules, "officers", officer, manage, object).allowed);
    assert!(ask(&rules, "payroll-officers", officer, manage, object).allowed);
    assert!(ask(&rules, "officers", officer, manage, Some(facts(false, &[]))).allowed);
}

#[test]
fn what_is_wrong_with_a_rule_is_said_with_its_place() {
    let fails = |text: &str| Rules::with(text).unwrap_err();
    let syntax = fails("@id(\"a\") permit (principal, action, resource);\n\n  permit (oops);\n");
    assert!(matches!(syntax, RulesError::Syntax { line: 3, .. }), "{syntax}");
    let no_id = fails("permit (principal, action, resource);");
    assert!(matches!(no_id, RulesError::Id { number: 1, .. }), "{no_id}");
    let taken = fails(r#"@id("owner") permit (principal, action, resource);"#);
    assert!(taken.to_string().contains("built-in"), "{taken}");
    let twice = fails(
        r#"@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);"#,
    );
    assert!(matches!(twice, RulesError::Id { number: 2, .. }), "{twice}");
    let spelled = fails(r#"@id("A b") permit (principal, action, resource);"#);
    assert!(spelled.to_string().contains("lower-case"), "{spelled}");
    for wrong in [
        r#"@id("a") permit (principal, action == Action::"Gett", resource);"#,
        r#"@id("a") permit (principal is Uesr, action, resource);"#,
        r#"@id("a") permit (principal, action, resource) when { resource.owned };"#,
        r#"@id("a") permit (principal, action, resource is Key) when { resource.owner == "x" };"#,
        r#"@id("a") permit (principal, action, resource) when { context.address == "1" };"#,
        r#"@id("a") permit (principal, action, resource) when { principal.role == 1 };"#,
    ] {
        let error = fails(wrong);
        assert!(matches!(&error, RulesError::Invalid { id, .. } if id == "a"), "{wrong}: {error}");
    }
    let template = fails(r#"@id("a") permit (principal == ?principal, action, resource);"#);
    assert!(template.to_string().contains("templates"), "{template}");
    assert!(matches!(fails(&" ".repeat(MAX_TEXT + 1)), RulesError::TooLong(_)));
    let many: String = (0..=MAX_RULES)
        .map(|n| format!("@id(\"r{n}\") permit (principal, action, resource);\n"))
        .collect();
    assert_eq!(fails(&many), RulesError::TooMany(MAX_RULES + 1));
}

#[test]
fn an_explanation_names_every_rule_that_held_and_the_facts() {
    let rules = Rules::with(NO_DBA).unwrap();
    let payroll = ["payroll".to_owned()];
    let groups = ["dba".to_owned()];
    let who = Who { user: "alice", groups: &groups, role: None, conflicting: false };
    let mut object = facts(true, &payroll);
    object.user_grant = true;
    let action = Action::Kmip(Operation::GET);
    let told = rules.explain(&Request { who, action, object: Some(object) });
    assert_eq!(told.rules, ["policy:no-dba-export"]);
    assert!(told.facts.contains(&("key groups", "payroll".to_owned())), "{:?}", told.facts);
    let action = Action::Kmip(Operation::ENCRYPT);
    let told = rules.explain(&Request { who, action, object: Some(object) });
    assert_eq!(told.rules, [rule::OWNER, rule::USER_GRANT]);
    assert!(!told.by_duty);
    let who = Who { role: Some(Role::Auditor), ..who };
    assert!(rules.explain(&Request { who, action, object: Some(object) }).by_duty);
}

#[test]
fn the_schema_names_every_action_that_is_decided() {
    let schema = schema();
    for operation in operations() {
        let named = schema.contains(&format!("action \"{}\" in", operation.name()));
        let never = strongroom_policy::class_of(operation) == strongroom_policy::Class::Never;
        assert_eq!(named, !never, "{operation:?}");
    }
    for action in AdminAction::ALL {
        assert!(schema.contains(&format!("action \"{}\" in", action.name())), "{action:?}");
    }
}

const RULES: [&str; 5] = [
    NO_DBA,
    r#"@id("ops-may") permit (principal in Group::"ops", action == Action::"Encrypt", resource is Key);"#,
    r#"@id("no-bob") forbid (principal == User::"bob", action, resource);"#,
    r#"@id("eu-look") permit (principal, action == Action::"Get Attributes", resource is Key in KeyGroup::"eu");"#,
    r#"@id("officers-do-not-use") forbid (principal, action in Action::"operations on objects", resource is Key)
       when { principal.role == "officer" && !resource.owned };"#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rules_never_matters(
        order in Just(RULES.to_vec()).prop_shuffle(),
        user in prop_oneof!["alice", "bob"],
        group in prop_oneof!["dba", "ops", "none"],
        role in proptest::sample::select(ROLES.to_vec()),
        at in 0..operations().count(),
        owned: bool, user_grant: bool, group_grant: bool,
        key_groups in proptest::sample::subsequence(vec!["payroll".to_owned(), "eu".to_owned()], 0..=2),
    ) {
        let written = Rules::with(&RULES.join("\n")).unwrap();
        let shuffled = Rules::with(&order.join("\n")).unwrap();
        let groups = [group];
        let object = Facts {
            object_type: ObjectType::SYMMETRIC_KEY, owned, user_grant, group_grant,
            key_groups: &key_groups,
        };
        let action = Action::Kmip(operations().nth(at).unwrap());
        for object in [None, Some(object)] {
            let request = Request { who: Who { user: &user, groups: &groups, role, conflicting: false }, action, object };
            prop_assert_eq!(written.decide(&request), shuffled.decide(&request));
        }
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "\\PC{0,200}") {
        let _ = Rules::with(&text);
    }
}

#[test]
fn what_would_bring_the_reader_or_the_server_down_is_refused() {
    let rule =
        |when: &str| format!("@id(\"a\") forbid (principal, action, resource) when {{ {when} }};");
    let nested =
        |open: &str, close: &str| rule(&format!("{}true{}", open.repeat(2000), close.repeat(2000)));
    let chain = |link: &str| rule(&vec!["principal == User::\"x\""; 400].join(link));
    for text in [
        nested("(", ")"),
        nested("[", "]"),
        nested("{", "}"),
        nested("!", ""),
        nested("if true then ", " else true"),
        chain(" || "),
        chain(" && "),
        rule(&format!("resource{}", ".owned".repeat(3000))),
        rule("9223372036854775807 + 1 > 0"),
        rule("principal == User::\"x\" && -9223372036854775808 - 1 < 0"),
        rule("3 * 4 == 12"),
    ] {
        let error = Rules::with(&text);
        assert!(matches!(error, Err(RulesError::Syntax { .. })), "{error:?}");
    }
    // What stands in text and comments is only text.
    let harmless = "// ((((((((((((((((((((((((( + - * \n@id(\"a-b\") forbid (principal == \
                    User::\"x+y-z*(((((((((((((((((((((((\", action, resource);";
    Rules::with(harmless).unwrap();
    // As many parts as a sensible rule has.
    let names: Vec<String> =
        (0..25).map(|n| format!("Action::\"Get\"{}", if n < 24 { "," } else { "" })).collect();
    Rules::with(&format!(
        "@id(\"a\") forbid (principal, action in [{}], resource);",
        names.concat()
    ))
    .unwrap();
}

#[test]
fn a_rule_narrows_to_keys_only_what_is_asked_about_keys() {
    let text = |action: &str| {
        format!("@id(\"a\") forbid (principal, action == Action::\"{action}\", resource is Key);")
    };
    Rules::with(&text("manage-keys")).unwrap();
    assert!(matches!(Rules::with(&text("list-keys")), Err(RulesError::Invalid { .. })));
}
