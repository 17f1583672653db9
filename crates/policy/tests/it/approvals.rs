//! The duties of approvers, row by row.

use std::borrow::Cow;

use strongroom_kmip::Operation;
use strongroom_model::Role::{Auditor, CryptoOfficer, Custodian};
use strongroom_model::{
    ApprovalRequest, ApprovalRule, Approvers, CertificateInfo, Change, Ending, Given, NewApproval,
    Role, RuleVersions, ServerState, Stamp,
};
use strongroom_policy::approval::{
    self, Asked, Standing, WhyNot, any_holds, change_rule, check_rule, enter_group, enter_role,
    may_approve, needing, rules_for, too_few, two_officers,
};
use strongroom_policy::{Action, AdminAction};

/// When the request of [`House::asked`] was opened.
const OPENED: u64 = 100;

/// No authority has a list.
fn nothing_listed(_: &Given) -> Option<&'static str> {
    None
}

struct House {
    state: ServerState,
    clock: u64,
}

fn rule(name: &str, action: &str, approvers: u32, from: Approvers) -> ApprovalRule {
    ApprovalRule {
        name: name.to_owned(),
        actions: vec![action.to_owned()],
        key_group: None,
        approvers,
        from,
        open_for: 3600,
    }
}

impl House {
    /// Three officers, an auditor and a custodian, each with a certificate named after them.
    fn new() -> Self {
        let mut house = Self { state: ServerState::default(), clock: 0 };
        let people = [("olga", CryptoOfficer), ("otto", CryptoOfficer), ("omar", CryptoOfficer)];
        for (user, role) in people.into_iter().chain([("anna", Auditor), ("karl", Custodian)]) {
            house.role(user, role);
            house.certificate(user, user, "console", &[]);
        }
        house
    }

    fn apply(&mut self, change: &Change) {
        self.clock += 1;
        self.state.apply(Stamp { hlc: self.clock, site: 1 }, change);
    }

    fn role(&mut self, user: &str, role: Role) {
        let contest = self.state.roles.get(&(user.to_owned(), role));
        let seen = contest.map(|c| c.strong_seen()).unwrap_or_default();
        self.apply(&Change::RoleGranted { user: user.to_owned(), role, seen });
    }

    fn certificate(&mut self, fingerprint: &str, user: &str, by: &str, groups: &[&str]) {
        self.apply(&Change::CertificateIssued(CertificateInfo {
            fingerprint: fingerprint.to_owned(),
            user: user.to_owned(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            not_after: 1_000,
            issued_by: by.to_owned(),
            ..CertificateInfo::default()
        }));
    }

    fn require(&mut self, rule: ApprovalRule) {
        let seen = self.state.approval_rules.get(&rule.name).map(RuleVersions::seen);
        self.apply(&Change::ApprovalRequired { rule, seen: seen.unwrap_or_default() });
    }

    /// Olga asks for a Destroy.
    fn asked(&mut self) {
        self.clock = OPENED;
        self.apply(&Change::ApprovalRequested(Box::new(NewApproval {
            id: "r".to_owned(),
            user: "olga".to_owned(),
            fingerprint: "olga".to_owned(),
            actions: vec!["Destroy".to_owned()],
            digest: vec![7; 32],
            expires: 900,
            ..NewApproval::default()
        })));
    }

    fn request(&self) -> &ApprovalRequest {
        self.state.approvals.get("r").unwrap()
    }

    fn approve(&mut self, user: &str, fingerprint: &str) {
        self.approve_with(user, fingerprint, &[], 7);
    }

    fn approve_with(&mut self, user: &str, fingerprint: &str, groups: &[&str], digest: u8) {
        self.apply(&Change::ApprovalGiven {
            id: "r".to_owned(),
            user: user.to_owned(),
            fingerprint: fingerprint.to_owned(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            issuer: fingerprint.as_bytes().to_vec(),
            serial: "01".to_owned(),
            digest: vec![digest; 32],
        });
    }

    /// What olga would wait for.
    fn rules_for(&self, actions: &[String]) -> Vec<Cow<'_, ApprovalRule>> {
        let asked = Asked { actions, key_groups: &[], user: "olga", now: 500 };
        rules_for(&self.state, asked)
    }

    fn names(&self, actions: &[String]) -> Vec<String> {
        self.rules_for(actions).iter().map(|rule| approval::asks_for(rule)).collect()
    }

    fn passes(&self) -> bool {
        Standing::of(&self.state, self.request(), &nothing_listed).pass(self.request()).is_some()
    }

    fn discounted(&self) -> Vec<(&str, WhyNot)> {
        Standing::of(&self.state, self.request(), &nothing_listed).discounted
    }
}

type Step = fn(&mut House);

/// What happened, how, whether it passes then, and what does not count.
type Row = (&'static str, &'static [Step], bool, &'static [(&'static str, WhyNot)]);

/// What happens after Olga asked for something that takes one officer more, whether it may be
/// carried out then, and which approval does not count for what.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("nobody approved", &[], false, &[]),
    ("another officer approved", &[|h| h.approve("otto", "otto")], true, &[]),
    ("who asked approved", &[|h| h.approve("olga", "olga")], false, &[("olga", WhyNot::Asker)]),
    ("who asked approved with another certificate",
        &[|h| h.certificate("olga-2", "olga", "console", &[]), |h| h.approve("olga", "olga-2")],
        false, &[("olga", WhyNot::Asker)]),
    ("the asker's certificate under another name", &[|h| h.approve("otto", "olga")],
        false, &[("otto", WhyNot::AskersCertificate)]),
    ("an auditor approved", &[|h| h.approve("anna", "anna")], false, &[("anna", WhyNot::Lacks)]),
    ("somebody unknown approved", &[|h| h.approve("eve", "eve")], false, &[("eve", WhyNot::Lacks)]),
    ("the approver's role was withdrawn", &[
        |h| h.approve("otto", "otto"),
        |h| h.apply(&Change::RoleRevoked { user: "otto".into(), role: CryptoOfficer }),
    ], false, &[("otto", WhyNot::Lacks)]),
    ("the approver's role was withdrawn and given back", &[
        |h| h.approve("otto", "otto"),
        |h| h.apply(&Change::RoleRevoked { user: "otto".into(), role: CryptoOfficer }),
        |h| h.role("otto", CryptoOfficer),
    ], true, &[]),
    ("the approver was given a second role", &[
        |h| h.approve("otto", "otto"), |h| h.role("otto", Auditor),
    ], false, &[("otto", WhyNot::Lacks)]),
    ("the approver's certificate was revoked", &[
        |h| h.approve("otto", "otto"),
        |h| h.apply(&Change::CertificateRevoked { fingerprint: "otto".into(), reason: "".into() }),
    ], false, &[("otto", WhyNot::Revoked)]),
    ("the asker had the approver's certificate issued after asking", &[
        |h| h.certificate("otto-2", "otto", "olga", &[]), |h| h.approve("otto", "otto-2"),
    ], false, &[("otto", WhyNot::MadeByAsker)]),
    ("another officer had the approver's certificate issued after asking", &[
        |h| h.certificate("otto-2", "otto", "omar", &[]), |h| h.approve("otto", "otto-2"),
    ], true, &[]),
    ("something else was approved", &[|h| h.approve_with("otto", "otto", &[], 8)],
        false, &[("otto", WhyNot::OtherDigest)]),
    ("an auditor's approval beside an officer's",
        &[|h| h.approve("anna", "anna"), |h| h.approve("omar", "omar")],
        true, &[("anna", WhyNot::Lacks)]),
];

#[test]
fn the_duties_of_approvers_are_those_of_the_table() {
    for (what, steps, passes, discounted) in TABLE {
        let mut house = House::new();
        house.require(rule("one", "Destroy", 1, Approvers::Role(CryptoOfficer)));
        house.asked();
        steps.iter().for_each(|step| step(&mut house));
        assert_eq!(house.passes(), *passes, "{what}");
        assert_eq!(house.discounted(), *discounted, "{what}");
    }
}

#[test]
fn who_may_not_approve_is_told_so_before_anything_is_kept() {
    let mut house = House::new();
    house.require(rule("one", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.approve("otto", "otto");
    let ask = |user: &str, fingerprint: &str, digest: u8| {
        let given = Given {
            stamp: Stamp::default(),
            fingerprint: fingerprint.to_owned(),
            groups: Vec::new(),
            issuer: Vec::new(),
            serial: String::new(),
            digest: vec![digest; 32],
        };
        may_approve(&house.state, house.request(), user, &given)
    };
    assert_eq!(ask("omar", "omar", 7), Ok(()));
    assert_eq!(ask("olga", "x", 7), Err(WhyNot::Asker));
    assert_eq!(ask("omar", "olga", 7), Err(WhyNot::AskersCertificate));
    assert_eq!(ask("omar", "otto", 7), Err(WhyNot::SameCertificate));
    assert_eq!(ask("anna", "anna", 7), Err(WhyNot::Lacks));
    assert_eq!(ask("omar", "omar", 8), Err(WhyNot::OtherDigest));
}

#[test]
fn one_certificate_under_two_names_is_one_approver() {
    let mut house = House::new();
    house.require(rule("two", "Destroy", 2, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.approve("otto", "shared");
    house.approve("omar", "shared");
    assert!(!house.passes());
    assert_eq!(house.discounted(), [("otto", WhyNot::SameCertificate)]);
    house.approve("nobody", "nobody");
    assert!(!house.passes());
}

#[test]
fn two_certificates_of_one_person_are_one_approver() {
    let mut house = House::new();
    house.require(rule("two", "Destroy", 2, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.approve("otto", "otto");
    house.approve("otto", "otto-2");
    assert!(!house.passes());
    house.approve("omar", "omar");
    assert!(house.passes());
}

#[test]
fn every_rule_that_holds_must_be_met() {
    let mut house = House::new();
    house.require(rule("officers", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.require(rule("security", "Destroy", 1, Approvers::Group("security".into())));
    house.asked();
    house.approve("otto", "otto");
    assert!(!house.passes());
    let missing = Standing::of(&house.state, house.request(), &nothing_listed).missing();
    assert_eq!(missing, "1 approval from the group security (rule security)");
    house.approve_with("sara", "sara", &["security"], 7);
    assert!(house.passes());
}

#[test]
fn a_rule_that_came_while_a_request_waited_counts_for_it() {
    let mut house = House::new();
    house.require(rule("one", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.approve("otto", "otto");
    assert!(house.passes());
    house.require(rule("more", "Destroy", 2, Approvers::Role(CryptoOfficer)));
    assert!(!house.passes());
    house.approve("omar", "omar");
    assert!(house.passes());
}

#[test]
fn a_request_that_no_rule_holds_for_gives_no_pass() {
    let mut house = House::new();
    house.asked();
    house.approve("otto", "otto");
    assert!(!house.passes());
}

#[test]
fn a_rule_for_a_key_group_holds_for_its_keys_and_for_leaving_it() {
    let mut house = House::new();
    let narrow = rule("payroll", "Destroy", 1, Approvers::Role(CryptoOfficer));
    house.require(ApprovalRule { key_group: Some("payroll".into()), ..narrow });
    let (payroll, other) = (["payroll".to_owned()], ["other".to_owned()]);
    for (action, groups, holds) in [
        ("Destroy", &payroll[..], true),
        ("Destroy", &other[..], false),
        ("Destroy", &[], false),
        ("Get", &payroll[..], false),
        (approval::LEAVE_KEY_GROUP, &payroll[..], true),
        (approval::LEAVE_KEY_GROUP, &other[..], false),
    ] {
        assert_eq!(any_holds(&house.state, action, groups), holds, "{action} {groups:?}");
    }
}

#[test]
fn changing_the_rules_waits_for_the_strictest_in_force() {
    let mut house = House::new();
    let change = [AdminAction::ChangeApprovals.name().to_owned()];
    let names = |house: &House| -> Vec<String> {
        house.rules_for(&change).iter().map(|r| r.name.clone()).collect()
    };
    assert!(names(&house).is_empty());
    house.require(rule("a", "Get", 1, Approvers::Role(CryptoOfficer)));
    assert_eq!(names(&house), ["a"]);
    house.require(rule("b", "Destroy", 2, Approvers::Group("security".into())));
    house.require(rule("c", "Export", 2, Approvers::Role(CryptoOfficer)));
    // And for every rule of a role's, so that no stricter one of another's takes them over.
    assert_eq!(names(&house), ["a", "b", "c"]);
    house.require(rule("d", "change-approvals", 1, Approvers::Role(CryptoOfficer)));
    assert_eq!(names(&house), ["a", "b", "c", "d"]);
}

#[test]
fn a_rule_that_nobody_could_meet_is_known_before_it_holds() {
    let house = House::new();
    let officers = |n| rule("x", "Destroy", n, Approvers::Role(CryptoOfficer));
    // Three officers: whoever asks, two are left.
    assert_eq!(too_few(&house.state, &officers(2), "olga", 500), None);
    assert_eq!(too_few(&house.state, &officers(3), "olga", 500), Some(2));
    // Certificates end, and people with them.
    assert_eq!(too_few(&house.state, &officers(1), "olga", 1_001), Some(0));
    let nobody = rule("x", "Destroy", 1, Approvers::Group("nobody".into()));
    assert_eq!(too_few(&house.state, &nobody, "olga", 500), Some(0));
}

#[test]
fn the_last_who_can_meet_a_rule_keeps_the_role() {
    let mut house = House::new();
    assert_eq!(needing(&house.state, "otto", CryptoOfficer, 500), None);
    house.require(rule("one", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    // Two are left: one to ask, one to approve.
    assert_eq!(needing(&house.state, "otto", CryptoOfficer, 500), None);
    house.require(rule("two", "Export", 2, Approvers::Role(CryptoOfficer)));
    let needing = needing(&house.state, "otto", CryptoOfficer, 500);
    assert_eq!(needing.map(|r| r.name.as_str()), Some("two"));
}

#[test]
fn only_what_can_wait_can_be_named_in_a_rule() {
    let good = two_officers();
    assert_eq!(check_rule(&good), Ok(()));
    for word in [
        "Locate",
        "Encrypt",
        "unseal",
        "recover-officer",
        "seal",
        "revoke-certificate",
        "approve",
        "leave-key-group",
        "destroy",
        "",
    ] {
        let rule = rule("x", word, 1, Approvers::Role(CryptoOfficer));
        assert!(check_rule(&rule).is_err(), "{word}");
    }
    let with = |change: fn(&mut ApprovalRule)| {
        let mut rule = rule("x", "Destroy", 1, Approvers::Role(CryptoOfficer));
        change(&mut rule);
        check_rule(&rule)
    };
    assert_eq!(with(|r| r.key_group = Some("payroll".into())), Ok(()));
    assert!(with(|r| r.approvers = 0).is_err());
    assert!(with(|r| r.approvers = 17).is_err());
    assert!(with(|r| r.open_for = 59).is_err());
    assert!(with(|r| r.actions.clear()).is_err());
    assert!(with(|r| r.name = "Two words".into()).is_err());
    for about_no_key in ["Import", "change-policy"] {
        let mut rule = rule("x", about_no_key, 1, Approvers::Role(CryptoOfficer));
        rule.key_group = Some("payroll".to_owned());
        assert!(check_rule(&rule).is_err(), "{about_no_key}");
    }
}

#[test]
fn actions_are_known_however_people_write_them() {
    for word in ["Re-key", "rekey", "RE KEY"] {
        assert_eq!(approval::action_named(word), Some(Action::Kmip(Operation::RE_KEY)));
    }
    assert_eq!(
        approval::action_named("change-policy"),
        Some(Action::Admin(AdminAction::ChangePolicy))
    );
    assert_eq!(approval::action_named("Locate"), None);
}

#[test]
fn what_ended_a_request_closes_it_for_good() {
    let mut house = House::new();
    house.require(rule("one", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.approve("otto", "otto");
    assert!(house.request().is_open(899));
    assert!(!house.request().is_open(900));
    assert!(house.request().is_executable_at(1, 500));
    assert!(!house.request().is_executable_at(2, 500));
    for how in Ending::ALL {
        let mut state = ServerState::default();
        state.approvals.insert("r", house.request());
        let (user, reason) = ("otto".to_owned(), String::new());
        let change = Change::ApprovalEnded { id: "r".into(), how, user, reason };
        state.apply(Stamp { hlc: 999, site: 1 }, &change);
        assert!(!state.approvals.get("r").unwrap().is_open(500), "{how:?}");
    }
}

#[test]
fn becoming_an_approver_waits_for_what_the_approvers_are_asked_for() {
    let mut house = House::new();
    for user in ["sara", "sven"] {
        house.certificate(user, user, "console", &["security"]);
    }
    house.require(rule("group", "Destroy", 2, Approvers::Group("security".into())));
    let group = ["2 approvals from the group security (rule group)"];
    assert_eq!(house.names(&[enter_group("security")]), group);
    assert!(house.names(&[enter_group("sales")]).is_empty());
    assert!(house.names(&[enter_role(Auditor)]).is_empty());
    // Officers stand in where a group is gone, so making one touches every rule.
    assert_eq!(house.names(&[enter_role(CryptoOfficer)]), group);
    house.require(rule("officers", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.require(rule("auditor", "Export", 1, Approvers::Role(Auditor)));
    assert_eq!(house.names(&[enter_role(CryptoOfficer)]).len(), 3);
    let auditor = ["1 approval from somebody with the role auditor (rule auditor)"];
    assert_eq!(house.names(&[enter_role(Auditor)]), auditor);
    assert!(house.names(&[enter_role(Custodian)]).is_empty());
}

#[test]
fn changing_a_rule_waits_for_that_rule_too() {
    let mut house = House::new();
    house.certificate("sara", "sara", "console", &["security"]);
    house.require(rule("weak", "Destroy", 1, Approvers::Group("security".into())));
    house.require(rule("strict", "Get", 2, Approvers::Role(CryptoOfficer)));
    let change = AdminAction::ChangeApprovals.name().to_owned();
    assert_eq!(house.names(std::slice::from_ref(&change)).len(), 1);
    assert_eq!(house.names(&[change.clone(), change_rule("new")]).len(), 1);
    let both = house.names(&[change, change_rule("weak")]);
    assert_eq!(both.len(), 2);
    assert!(both.contains(&"1 approval from the group security (rule weak)".to_owned()));
}

#[test]
fn officers_stand_in_where_too_few_of_a_group_are_left_but_not_for_the_step_itself() {
    let mut house = House::new();
    house.certificate("sara", "sara", "console", &["security"]);
    house.require(rule("group", "Destroy", 1, Approvers::Group("security".into())));
    let (enter, change) = ([enter_group("security")], [change_rule("group")]);
    let group = ["1 approval from the group security (rule group)"];
    assert_eq!(
        (house.names(&enter), house.names(&change)),
        (group.map(String::from).to_vec(), group.map(String::from).to_vec())
    );
    let (fingerprint, reason) = ("sara".to_owned(), String::new());
    house.apply(&Change::CertificateRevoked { fingerprint, reason });
    let officers = ["1 approval from somebody with the role officer (rule group)"];
    assert_eq!(house.names(&enter), officers);
    assert_eq!(house.names(&change), officers);
    assert_eq!(house.names(&["Destroy".to_owned()]), group);
}

#[test]
fn what_gets_a_house_out_of_a_lock_asks_officers_only() {
    for word in
        ["change-approvals", "change-roles", "change-slots", "issue-certificate", "vouch-slot"]
    {
        let officers = rule("x", word, 1, Approvers::Role(CryptoOfficer));
        assert_eq!(check_rule(&officers), Ok(()), "{word}");
        for from in [Approvers::Group("security".into()), Approvers::Role(Custodian)] {
            let why = check_rule(&rule("x", word, 1, from)).unwrap_err();
            assert!(why.contains("role:officer only"), "{word}: {why}");
        }
    }
    assert_eq!(check_rule(&rule("x", "grant", 1, Approvers::Group("security".into()))), Ok(()));
}

#[test]
fn who_made_the_asker_does_not_approve_unless_the_asker_is_an_officer() {
    let mut house = House::new();
    house.require(rule("one", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.certificate("olga-2", "olga", "otto", &[]);
    house.asked();
    house.approve("otto", "otto");
    assert!(house.passes(), "of two officers one had the other's certificate issued");
    house.apply(&Change::RoleRevoked { user: "olga".into(), role: CryptoOfficer });
    assert!(!house.passes());
    assert_eq!(house.discounted(), [("otto", WhyNot::MadeTheAsker)]);
    let (fingerprint, reason) = ("olga-2".to_owned(), String::new());
    house.apply(&Change::CertificateRevoked { fingerprint, reason });
    assert!(house.passes(), "it is neither what counts nor what she came with");
    house.certificate("olga", "olga", "otto", &[]);
    let (fingerprint, reason) = ("olga".to_owned(), String::new());
    house.apply(&Change::CertificateRevoked { fingerprint, reason });
    assert!(!house.passes(), "it counts no more, but is what she came with");
}

#[test]
fn the_preset_holds_grants_and_the_root_key() {
    for word in ["grant", "rotate-root", "change-slots", "change-roles", "Export", "Destroy"] {
        assert!(two_officers().actions.iter().any(|action| action == word), "{word}");
    }
}

#[test]
fn an_approval_of_a_certificate_that_its_authority_has_listed_since_does_not_count() {
    let mut house = House::new();
    house.require(rule("two", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.approve("otto", "otto");
    assert!(house.passes());
    let listed = |given: &Given| (given.issuer == b"otto").then_some("a listed certificate");
    let standing = Standing::of(&house.state, house.request(), &listed);
    assert!(standing.pass(house.request()).is_none());
    assert_eq!(standing.discounted, [("otto", WhyNot::Listed("a listed certificate"))]);
    let why = standing.discounted[0].1.to_string();
    assert_eq!(why, "it was given with a listed certificate");
    // Another's stands, and is enough.
    house.approve("omar", "omar");
    assert!(Standing::of(&house.state, house.request(), &listed).pass(house.request()).is_some());
}

#[test]
fn an_approval_of_a_certificate_that_ended_since_counts() {
    let mut house = House::new();
    house.require(rule("two", "Destroy", 1, Approvers::Role(CryptoOfficer)));
    house.asked();
    house.apply(&Change::CertificateIssued(CertificateInfo {
        fingerprint: "short".to_owned(),
        user: "otto".to_owned(),
        not_after: -1,
        ..CertificateInfo::default()
    }));
    house.approve("otto", "short");
    assert!(house.passes());
}

#[test]
fn the_page_about_approvals_names_every_action_that_a_rule_can_name_and_no_other() {
    let page = include_str!("../../../../doc/approvals.md");
    let row = page.lines().find(|line| line.starts_with("| `--on` |")).unwrap();
    let (_, row) = row.split_once("KMIP operations: ").unwrap();
    let (operations, admin) = row.split_once(". Administration: ").unwrap();
    let mut named: Vec<&str> = operations.split(", ").collect();
    let mut known: Vec<&str> = approval::OPERATIONS.iter().map(|o| o.name()).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
    let words = admin.trim_end_matches(" |").split(", ");
    let mut named: Vec<&str> = words.map(|word| word.trim_matches('`')).collect();
    let mut known: Vec<&str> = approval::ADMIN_ACTIONS.iter().map(|a| a.name()).collect();
    known.push(approval::GRANT);
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn the_page_about_approvals_says_what_the_preset_holds() {
    let page = include_str!("../../../../doc/approvals.md");
    let (_, table) = page.split_once("| what | because |").unwrap();
    let table = table.split("\n\n").next().unwrap();
    for action in two_officers().actions {
        assert!(table.contains(&action), "{action}");
    }
}
