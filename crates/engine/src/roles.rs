//! Which roles may be given and taken: they exclude each other, and an officer stays.

use strongroom_model::{Change, Contest, Role, ServerState};
use strongroom_policy::approval::needing;

use crate::error::EngineError;

/// What gives `user` a role; nothing if the user has it.
pub(crate) fn granted(
    state: &ServerState,
    user: &str,
    role: Role,
) -> Result<Vec<Change>, EngineError> {
    if state.role_of(user) == Some(role) {
        return Ok(Vec::new());
    }
    if let Some(held) = state.roles_of(user).find(|held| *held != role) {
        return Err(EngineError::RoleExcluded {
            user: user.to_owned(),
            held: held.name(),
            wanted: role.name(),
        });
    }
    let contest = state.roles.get(&(user.to_owned(), role));
    let seen = contest.map(Contest::strong_seen).unwrap_or_default();
    Ok(vec![Change::RoleGranted { user: user.to_owned(), role, seen }])
}

/// What takes every role that `user` holds.
pub(crate) fn all_revoked(
    state: &ServerState,
    user: &str,
    now: i64,
) -> Result<Vec<Change>, EngineError> {
    check_officer_left(state, user)?;
    check_approvers_left(state, user, now)?;
    let held = state.roles_of(user);
    Ok(held.map(|role| Change::RoleRevoked { user: user.to_owned(), role }).collect())
}

/// What takes one role from `user`.
pub(crate) fn revoked(
    state: &ServerState,
    user: &str,
    role: Role,
    now: i64,
) -> Result<Vec<Change>, EngineError> {
    if state.role_of(user) == Some(role) {
        check_approvers_left(state, user, now)?;
    }
    if role == Role::CryptoOfficer {
        check_officer_left(state, user)?;
    }
    Ok(vec![Change::RoleRevoked { user: user.to_owned(), role }])
}

/// Whether every approval rule can still be met, and lifted, without this user.
fn check_approvers_left(state: &ServerState, user: &str, now: i64) -> Result<(), EngineError> {
    let needing = state.role_of(user).and_then(|role| needing(state, user, role, now));
    match needing {
        None => Ok(()),
        Some(rule) => Err(EngineError::NoApprovers(format!(
            "without {user} nobody could give or lift what rule {} asks for: give another the role \
             first, or waive the rule",
            rule.name
        ))),
    }
}

/// Whether there is an officer when `user` is none any more. Who holds other roles, too, is no
/// officer, and nobody's last one.
fn check_officer_left(state: &ServerState, user: &str) -> Result<(), EngineError> {
    let is_officer = |user: &str| state.role_of(user) == Some(Role::CryptoOfficer);
    let another = || {
        let named = state.roles.keys().filter(|(_, role)| *role == Role::CryptoOfficer);
        named.map(|(name, _)| name).any(|name| name != user && is_officer(name))
    };
    if is_officer(user) && !another() {
        return Err(EngineError::LastOfficer(user.to_owned()));
    }
    Ok(())
}
