//! Roles, certificates and settings, by example.

use strongroom_model::{CertificateInfo, Change, Role, ServerState, Setting, Stamp};

fn at(hlc: u64, site: u32) -> Stamp {
    Stamp { hlc, site }
}

fn grant(state: &ServerState, role: Role) -> Change {
    let contest = state.roles.get(&("alice".to_owned(), role));
    let seen = contest.map(|c| c.strong_seen()).unwrap_or_default();
    Change::RoleGranted { user: "alice".to_owned(), role, seen }
}

#[test]
fn a_role_can_be_taken_and_given_again() {
    let mut state = ServerState::default();
    state.apply(at(1, 1), &grant(&state.clone(), Role::Auditor));
    assert_eq!(state.role_of("alice"), Some(Role::Auditor));
    let revoke = Change::RoleRevoked { user: "alice".to_owned(), role: Role::Auditor };
    state.apply(at(2, 1), &revoke);
    assert_eq!(state.role_of("alice"), None);
    state.apply(at(3, 1), &grant(&state.clone(), Role::Auditor));
    assert_eq!(state.role_of("alice"), Some(Role::Auditor));
    assert_eq!(state.role_of("bob"), None);
}

#[test]
fn two_roles_granted_at_two_sites_are_none_until_one_is_taken() {
    let mut here = ServerState::default();
    here.apply(at(1, 1), &grant(&ServerState::default(), Role::Auditor));
    let mut there = ServerState::default();
    there.apply(at(1, 2), &grant(&ServerState::default(), Role::CryptoOfficer));
    here.join(&there);
    assert_eq!(here.role_of("alice"), None);
    let revoke = Change::RoleRevoked { user: "alice".to_owned(), role: Role::CryptoOfficer };
    here.apply(at(2, 1), &revoke);
    assert_eq!(here.role_of("alice"), Some(Role::Auditor));
}

#[test]
fn a_grant_on_a_key_group_can_be_taken_and_given_again_and_removal_wins() {
    let of = ("payroll".to_owned(), "user:alice".to_owned(), 10);
    let grant = |state: &ServerState| Change::GroupGranted {
        key_group: of.0.clone(),
        subject: of.1.clone(),
        operation: of.2,
        seen: state.group_grants.get(&of).map(|c| c.strong_seen()).unwrap_or_default(),
    };
    let revoke =
        Change::GroupGrantRevoked { key_group: of.0.clone(), subject: of.1.clone(), operation: 10 };
    let holds = |state: &ServerState| state.group_grants.get(&of).is_some_and(|c| c.weak_holds());
    let mut here = ServerState::default();
    here.apply(at(1, 1), &grant(&here.clone()));
    assert!(holds(&here));
    let mut there = here.clone();
    here.apply(at(2, 1), &revoke);
    there.apply(at(3, 2), &grant(&there.clone()));
    here.join(&there);
    assert!(!holds(&here), "a grant that did not see the removal came through");
    here.apply(at(4, 1), &grant(&here.clone()));
    assert!(holds(&here));
}

#[test]
fn a_certificate_may_be_revoked_before_it_is_known() {
    let mut state = ServerState::default();
    let revoke = Change::CertificateRevoked { fingerprint: "aa".into(), reason: "lost".into() };
    state.apply(at(2, 1), &revoke);
    let info = CertificateInfo { fingerprint: "aa".into(), ..CertificateInfo::default() };
    state.apply(at(9, 1), &Change::CertificateIssued(info));
    assert!(state.is_revoked("aa"));
    assert!(!state.is_revoked("bb"));
}

#[test]
fn a_deleted_setting_stays_deleted_when_an_older_write_comes_late() {
    let setting = |value: Option<&[u8]>| {
        Change::Setting(Setting {
            namespace: "config".to_owned(),
            key: "a".to_owned(),
            value: value.map(<[u8]>::to_vec),
        })
    };
    let mut state = ServerState::default();
    state.apply(at(1, 1), &setting(Some(b"one")));
    assert_eq!(state.setting("config", "a"), Some(&b"one"[..]));
    state.apply(at(3, 1), &setting(None));
    state.apply(at(2, 2), &setting(Some(b"two")));
    assert_eq!(state.setting("config", "a"), None);
    assert_eq!(state.setting("config", "b"), None);
}
