//! Administrative actions by role.

use strongroom_model::Role::{self, Auditor, CryptoOfficer, Custodian, SystemAdministrator};
use strongroom_policy::{Action, AdminAction, Needs, Request, Who, rule};

use crate::{BUILTIN, ROLES};

#[rustfmt::skip]
const TABLE: &[(AdminAction, &[Role])] = &[
    // A certificate is enough; see the test below.
    (AdminAction::Health,            &Role::ALL),
    (AdminAction::Unseal,            &Role::ALL),
    (AdminAction::VerifyShares,      &Role::ALL),
    (AdminAction::RecoverOfficer,    &Role::ALL),
    // The rule that makes a request wait says who may answer it.
    (AdminAction::ListApprovals,     &Role::ALL),
    (AdminAction::Approve,           &Role::ALL),
    (AdminAction::ChangeApprovals,   &[CryptoOfficer]),
    (AdminAction::Status,            &[CryptoOfficer, SystemAdministrator, Auditor, Custodian]),
    (AdminAction::Seal,              &[SystemAdministrator]),
    (AdminAction::ListSlots,         &[SystemAdministrator, CryptoOfficer, Auditor]),
    (AdminAction::ChangeSlots,       &[SystemAdministrator]),
    (AdminAction::VouchSlot,         &[CryptoOfficer]),
    (AdminAction::RotateRoot,        &[SystemAdministrator]),
    (AdminAction::ConfirmClock,      &[SystemAdministrator]),
    (AdminAction::Configure,         &[SystemAdministrator]),
    (AdminAction::Backup,            &[SystemAdministrator]),
    (AdminAction::ConfirmRestore,    &[CryptoOfficer]),
    (AdminAction::ReadAudit,         &[Auditor, CryptoOfficer]),
    (AdminAction::VerifyAudit,       &[Auditor, CryptoOfficer]),
    (AdminAction::IssueCertificate,  &[CryptoOfficer]),
    (AdminAction::RevokeCertificate, &[CryptoOfficer]),
    (AdminAction::ListUsers,         &[CryptoOfficer, Auditor]),
    (AdminAction::ChangeRoles,       &[CryptoOfficer]),
    (AdminAction::ListKeys,          &[CryptoOfficer, Auditor]),
    (AdminAction::ReadPolicy,        &[CryptoOfficer, Auditor]),
    (AdminAction::ChangePolicy,      &[CryptoOfficer]),
    (AdminAction::ManageKeys,        &[CryptoOfficer]),
];

fn ask(role: Option<Role>, action: AdminAction) -> (bool, String) {
    let groups = ["officer".to_owned(), "sysadmin".to_owned()];
    let action = Action::Admin(action);
    let who = Who { user: "officer", groups: &groups, role, conflicting: false };
    let decision = BUILTIN.decide(&Request { who, action, object: None });
    (decision.allowed, decision.rule().to_owned())
}

#[test]
fn every_role_has_the_actions_of_the_table_and_no_others() {
    assert_eq!(TABLE.len(), AdminAction::ALL.len());
    for (action, roles) in TABLE {
        for role in ROLES {
            let anyone = roles.len() == Role::ALL.len();
            let allowed = anyone || role.is_some_and(|role| roles.contains(&role));
            let rule = match (anyone, allowed) {
                (true, _) => rule::ANYONE,
                (false, true) => rule::ROLE,
                (false, false) => rule::ROLE_LACKS,
            };
            assert_eq!(ask(role, *action), (allowed, rule.to_owned()), "{action:?} {role:?}");
        }
    }
}

#[test]
fn only_reading_is_an_auditors() {
    let has: Vec<&str> =
        AdminAction::ALL.iter().filter(|a| ask(Some(Auditor), **a).0).map(|a| a.name()).collect();
    // The share is what opens, not the role of whoever brings it.
    let anyone =
        ["health", "unseal", "verify-shares", "recover-officer", "list-approvals", "approve"];
    let reading = [
        "status",
        "list-slots",
        "read-audit",
        "verify-audit",
        "list-users",
        "list-keys",
        "read-policy",
    ];
    let has: Vec<&str> = has.into_iter().filter(|name| !anyone.contains(name)).collect();
    assert_eq!(has, reading);
}

#[test]
fn unsealing_asks_for_a_certificate_and_for_no_role() {
    for action in [AdminAction::Unseal, AdminAction::VerifyShares, AdminAction::Health] {
        assert_eq!(action.needs(), Needs::Certificate);
        assert_eq!(ask(None, action), (true, rule::ANYONE.to_owned()));
    }
}

#[test]
fn nobody_has_both_keys_and_server() {
    for role in Role::ALL {
        let keys = ask(Some(role), AdminAction::ManageKeys).0;
        let server = ask(Some(role), AdminAction::Configure).0;
        assert!(!(keys && server), "{role:?}");
    }
}

#[test]
fn names_are_told_apart() {
    let mut names: Vec<&str> = AdminAction::ALL.iter().map(|a| a.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), AdminAction::ALL.len());
}
