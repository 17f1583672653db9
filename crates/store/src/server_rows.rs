//! The server's own state as rows.

use std::sync::Arc;

use rusqlite::{Connection, params};
use strongroom_model::{
    ApprovalRequest, ApprovalRule, CertificateInfo, Change, Contest, Gone, Origin, Role,
    RuleVersions, ServerState, Setting, Stamp,
};

use crate::error::StoreError;
use crate::keys::StoreKeys;

const ROLE: &str = "role";
const GROUP_GRANT: &str = "group-grant";
const CERTIFICATE: &str = "certificate";
const REVOCATION: &str = "revocation";
const SETTING: &str = "setting";
const APPROVAL_RULE: &str = "approval-rule";
const APPROVAL: &str = "approval";
const APPROVALS_GONE: &str = "approvals-gone";

/// Requests for approval that are over. Many, and of no consequence: one that is missing is one that
/// nobody can carry out. So they are not under the seal, which would read all of them with
/// every change. A row's code binds it to its family, so that none of when a request waited passes for
/// one of these, nor one of these for anything else.
pub(crate) const APPROVAL_ENDED: &str = "approval-ended";

/// Writes the rows that `change` touched.
pub(crate) fn write(
    connection: &Connection,
    keys: &Arc<StoreKeys>,
    state: &ServerState,
    change: &Change,
) -> Result<(), StoreError> {
    match change {
        Change::RoleGranted { user, role, .. } | Change::RoleRevoked { user, role } => {
            if let Some(contest) = state.roles.get(&(user.clone(), *role)) {
                let key = format!("{}\u{0}{user}", role.name());
                put(connection, keys, ROLE, &key, &contest.encode())?;
            }
        }
        Change::GroupGranted { key_group, subject, operation, .. }
        | Change::GroupGrantRevoked { key_group, subject, operation } => {
            let of = (key_group.clone(), subject.clone(), *operation);
            if let Some(contest) = state.group_grants.get(&of) {
                let key = format!("{operation}\u{0}{key_group}\u{0}{subject}");
                put(connection, keys, GROUP_GRANT, &key, &contest.encode())?;
            }
        }
        Change::CertificateIssued(CertificateInfo { fingerprint, .. }) => {
            if let Some((stamp, info)) =
                state.certificates.get(fingerprint).and_then(|c| c.info.as_ref())
            {
                let change = Change::CertificateIssued(info.clone());
                put(connection, keys, CERTIFICATE, fingerprint, &stamped(*stamp, &change))?;
            }
        }
        Change::CertificateRevoked { fingerprint, .. } => {
            if let Some((stamp, reason)) =
                state.certificates.get(fingerprint).and_then(|c| c.revoked.as_ref())
            {
                let change = Change::CertificateRevoked {
                    fingerprint: fingerprint.clone(),
                    reason: reason.clone(),
                };
                put(connection, keys, REVOCATION, fingerprint, &stamped(*stamp, &change))?;
            }
        }
        Change::ApprovalRequired { rule: ApprovalRule { name, .. }, .. }
        | Change::ApprovalWaived { name, .. } => {
            if let Some(versions) = state.approval_rules.get(name) {
                put(connection, keys, APPROVAL_RULE, name, &versions.encode())?;
            }
        }
        Change::ApprovalGiven { id, .. } | Change::ApprovalEnded { id, .. } => {
            put_approval(connection, keys, state, id)?;
        }
        Change::ApprovalRequested(new) => put_approval(connection, keys, state, &new.id)?,
        Change::ApprovalsDropped { site, .. } => {
            if let Some(gone) = state.approvals.gone_of(*site) {
                put(connection, keys, APPROVALS_GONE, &site.to_string(), &gone.encode())?;
            }
            remove_gone(connection, state)?;
        }
        Change::Setting(Setting { namespace, key, .. }) => {
            if let Some((stamp, value)) = state.settings.get(&(namespace.clone(), key.clone())) {
                let change = Change::Setting(Setting {
                    namespace: namespace.clone(),
                    key: key.clone(),
                    value: value.clone(),
                });
                let row_key = format!("{namespace}\u{0}{key}");
                put(connection, keys, SETTING, &row_key, &stamped(*stamp, &change))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Reads all rows. Without keys (while sealed) their codes are not checked: the caller reads them
/// again, with keys, once unsealed.
pub(crate) fn read(
    connection: &Connection,
    keys: Option<&StoreKeys>,
) -> Result<ServerState, StoreError> {
    let mut state = ServerState::default();
    let mut statement = connection
        .prepare_cached("SELECT family, key, value, mac FROM server_state ORDER BY family, key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let family: String = row.get(0)?;
        let key: String = row.get(1)?;
        let value: Vec<u8> = row.get(2)?;
        let mac: Vec<u8> = row.get(3)?;
        if let Some(keys) = keys
            && keys.row_mac(&family, &key, &value) != *mac
        {
            return Err(StoreError::Tampered(format!("{family} {key}")));
        }
        let damaged = |why: String| StoreError::Damaged(format!("{family} {key}"), why);
        if family == ROLE {
            let contest = Contest::decode(&value).map_err(|e| damaged(e.to_string()))?;
            let (role, user) = key
                .split_once('\u{0}')
                .and_then(|(role, user)| Some((Role::from_name(role)?, user)))
                .ok_or_else(|| damaged("no known role".to_owned()))?;
            state.roles.insert((user.to_owned(), role), contest);
        } else if family == GROUP_GRANT {
            let contest = Contest::decode(&value).map_err(|e| damaged(e.to_string()))?;
            let mut parts = key.splitn(3, '\u{0}');
            let of = (parts.next().and_then(|o| o.parse().ok()), parts.next(), parts.next());
            let (Some(operation), Some(key_group), Some(subject)) = of else {
                return Err(damaged("no key group, subject and operation".to_owned()));
            };
            let of = (key_group.to_owned(), subject.to_owned(), operation);
            state.group_grants.insert(of, contest);
        } else if family == APPROVAL_RULE {
            let versions = RuleVersions::decode(&value).map_err(|e| damaged(e.to_string()))?;
            state.approval_rules.insert(key, versions);
        } else if family == APPROVAL || family == APPROVAL_ENDED {
            let request = ApprovalRequest::decode(&value).map_err(|e| damaged(e.to_string()))?;
            state.approvals.insert(&key, &request);
        } else if family == APPROVALS_GONE {
            let site = key.parse().map_err(|_| damaged("no site".to_owned()))?;
            let gone = Gone::decode(site, &value).map_err(|e| damaged(e.to_string()))?;
            state.approvals.drop_of(site, &gone);
        } else {
            let (stamp, change) = unstamped(&value).map_err(damaged)?;
            state.apply(stamp, &change);
        }
    }
    Ok(state)
}

fn put_approval(
    connection: &Connection,
    keys: &StoreKeys,
    state: &ServerState,
    id: &str,
) -> Result<(), StoreError> {
    match state.approvals.get(id) {
        Some(request) if request.ended().is_some() => {
            remove(connection, APPROVAL, id)?;
            put(connection, keys, APPROVAL_ENDED, id, &request.encode())
        }
        Some(request) => put(connection, keys, APPROVAL, id, &request.encode()),
        None => Ok(()),
    }
}

/// Takes away the rows of requests that left the list.
fn remove_gone(connection: &Connection, state: &ServerState) -> Result<(), StoreError> {
    for family in [APPROVAL, APPROVAL_ENDED] {
        let mut statement =
            connection.prepare_cached("SELECT key FROM server_state WHERE family = ?1")?;
        let keys: Vec<String> =
            statement.query_map(params![family], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for key in keys.iter().filter(|key| !state.approvals.contains_key(key)) {
            remove(connection, family, key)?;
        }
    }
    Ok(())
}

fn remove(connection: &Connection, family: &str, key: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM server_state WHERE family = ?1 AND key = ?2")?
        .execute(params![family, key])?;
    Ok(())
}

fn put(
    connection: &Connection,
    keys: &StoreKeys,
    family: &str,
    key: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO server_state (family, key, value, mac) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (family, key) DO UPDATE SET value = excluded.value, mac = excluded.mac",
        )?
        .execute(params![family, key, value, keys.row_mac(family, key, value)])?;
    Ok(())
}

/// A stamp, the kind, and the change in its journal form.
fn stamped(stamp: Stamp, change: &Change) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&stamp.hlc.to_be_bytes());
    bytes.extend_from_slice(&stamp.site.to_be_bytes());
    bytes.extend_from_slice(&(change.kind() as u16).to_be_bytes());
    bytes.extend_from_slice(&change.encode(&Origin::default()));
    bytes
}

fn unstamped(bytes: &[u8]) -> Result<(Stamp, Change), String> {
    let (hlc, rest) = bytes.split_first_chunk().ok_or("too short")?;
    let (site, rest) = rest.split_first_chunk().ok_or("too short")?;
    let (kind, body) = rest.split_first_chunk().ok_or("too short")?;
    let stamp = Stamp { hlc: u64::from_be_bytes(*hlc), site: u32::from_be_bytes(*site) };
    let (_, change) = Change::decode(u16::from_be_bytes(*kind), body).map_err(|e| e.to_string())?;
    Ok((stamp, change))
}
