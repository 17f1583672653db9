//! Administrative actions by role.

use strongroom_model::Role::{
    self, Auditor, CryptoOfficer, Custodian, KeyUser, SystemAdministrator,
};
use strongroom_policy::{Action, AdminAction, Request, decide, rule};

use crate::ROLES;

#[rustfmt::skip]
const TABLE: &[(AdminAction, &[Role])] = &[
    (AdminAction::Status,            &[CryptoOfficer, SystemAdministrator, Auditor, KeyUser, Custodian]),
    (AdminAction::Unseal,            &[SystemAdministrator, Custodian]),
    (AdminAction::VerifyShares,      &[SystemAdministrator, Custodian]),
    (AdminAction::Seal,              &[SystemAdministrator]),
    (AdminAction::ListSlots,         &[SystemAdministrator, CryptoOfficer, Auditor]),
    (AdminAction::ChangeSlots,       &[SystemAdministrator]),
    (AdminAction::RotateRoot,        &[SystemAdministrator]),
    (AdminAction::ConfirmClock,      &[SystemAdministrator]),
    (AdminAction::Configure,         &[SystemAdministrator]),
    (AdminAction::Backup,            &[SystemAdministrator]),
    (AdminAction::ReadAudit,         &[Auditor, CryptoOfficer]),
    (AdminAction::VerifyAudit,       &[Auditor, CryptoOfficer]),
    (AdminAction::IssueCertificate,  &[CryptoOfficer]),
    (AdminAction::RevokeCertificate, &[CryptoOfficer]),
    (AdminAction::ListUsers,         &[CryptoOfficer, Auditor]),
    (AdminAction::ChangeRoles,       &[CryptoOfficer]),
    (AdminAction::ListKeys,          &[CryptoOfficer, Auditor]),
    (AdminAction::ManageKeys,        &[CryptoOfficer]),
];

fn ask(role: Option<Role>, action: AdminAction) -> (bool, String) {
    let groups = ["officer".to_owned(), "sysadmin".to_owned()];
    let action = Action::Admin(action);
    let request = Request { user: "officer", groups: &groups, role, action, object: None };
    let decision = decide(&request);
    (decision.allowed, decision.rule.into_owned())
}

#[test]
fn every_role_has_the_actions_of_the_table_and_no_others() {
    assert_eq!(TABLE.len(), AdminAction::ALL.len());
    for (action, roles) in TABLE {
        for role in ROLES {
            let allowed = role.is_some_and(|role| roles.contains(&role));
            let rule = if allowed { rule::ROLE } else { rule::ROLE_LACKS };
            assert_eq!(ask(role, *action), (allowed, rule.to_owned()), "{action:?} {role:?}");
        }
    }
}

#[test]
fn only_reading_is_an_auditors() {
    let has: Vec<&str> =
        AdminAction::ALL.iter().filter(|a| ask(Some(Auditor), **a).0).map(|a| a.name()).collect();
    let reading = ["status", "list-slots", "read-audit", "verify-audit", "list-users", "list-keys"];
    assert_eq!(has, reading);
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
