//! What each route does: read the request, ask the key manager, write the answer. Who may is
//! decided before.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use strongroom_model::Role;

use super::Admin;
use super::types::{
    AuditKey, AuditPage, AuditRecord, AuditVerdict, Health, KeyPage, KeyRotated, NewRootKey,
    NewSlot, PortStatus, PreparedRootKey, ReplaceRootKey, RootKeyReplaced, Rotate, Rotation,
    SharesVerified, Slot, SlotAdded, Status, Unseal, UnsealProgress, VerifyAnchors, VerifyShares,
};
use crate::admission::{Gate, Tally};
use crate::errors::{self, Fault};
use crate::identity::Identity;
use crate::service::{AuditQuery, Caller, KeyQuery, Manager};

pub(super) type Answer<T> = Result<Json<T>, Fault>;

/// Runs what may block on a thread of its own: passphrases are slow by design, and disks by
/// nature.
pub(super) async fn blocking<T: Send + 'static>(
    admin: Arc<Admin>,
    identity: Identity,
    work: impl FnOnce(&dyn Manager, &Caller) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(move || work(admin.manager.as_ref(), &identity.caller))
        .await
        .unwrap_or_else(|_| Err(errors::INTERNAL.into()))
}

/// Reads a JSON body. The parser's words are kept out of the answer where the body may hold
/// secrets, which is everywhere here.
pub(super) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|e| {
        Fault::bad_request(format!(
            "The body is not the JSON expected here (line {}, column {}).",
            e.line(),
            e.column()
        ))
    })
}

pub(super) async fn health(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<Health> {
    let state = admin.manager.state();
    let not_for_production = admin.manager.not_for_production();
    let replica = admin.manager.replica().map(|replica| replica.text());
    let disk = admin.manager.room();
    let unsealing = match state {
        // What is wrong with a slot file that cannot be read is for the attempt to tell.
        super::types::State::Sealed => {
            blocking(admin, identity, |m, _| Ok(m.unsealing().ok())).await?
        }
        _ => None,
    };
    Ok(Json(Health { state, not_for_production, replica, disk, unsealing }))
}

pub(super) async fn status(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<Status> {
    let ports = admin.clone();
    let mut status = blocking(admin, identity, |m, _| Ok(m.status())).await?;
    if let Some(certificates) = &ports.certificates {
        status.warnings.append(&mut certificates.warnings());
    }
    if let Some(numbers) = ports.kmip_numbers() {
        status.kmip = numbers;
    }
    status.admin = ports.numbers();
    status.certificate_ends = ports.certificates.as_ref().map(|c| c.ends());
    Ok(Json(status))
}

impl Admin {
    /// This port's numbers.
    pub fn numbers(&self) -> PortStatus {
        numbers(&self.listen, &self.gate, &self.strangers, &self.refused)
    }

    /// The KMIP port's numbers.
    pub fn kmip_numbers(&self) -> Option<PortStatus> {
        let (listen, port) = self.kmip.as_ref()?;
        Some(numbers(listen, &port.gate, &port.strangers, &port.refused))
    }
}

fn numbers(listen: &str, gate: &Gate, strangers: &Tally, refused: &Tally) -> PortStatus {
    PortStatus {
        listen: listen.to_owned(),
        connections: gate.inside() as u64,
        handshakes_failed: strangers.total(),
        refused: refused.total(),
    }
}

pub(super) async fn unseal(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<UnsealProgress> {
    let with: Unseal = body(&bytes)?;
    // A share or a passphrase proves somebody. A slot that needs nobody proves nothing, so whoever
    // triggers it has an office; as far as that can be known while the rows are not checked.
    if matches!(with, Unseal::Automatic) && admin.manager.state() == super::types::State::Sealed {
        let role = admin.manager.role_of(&identity.caller.user);
        if role.is_none_or(|role| role == Role::KeyUser) {
            let user = &identity.caller.user;
            let what = format!(
                "A slot that needs nobody is for an officer, sysadmin, auditor or custodian to \
                 trigger, and {user} is none; with shares or a passphrase anybody unseals."
            );
            return Err(Fault::new(errors::DENIED, what));
        }
    }
    Ok(Json(blocking(admin, identity, |m, caller| m.unseal(caller, with)).await?))
}

pub(super) async fn seal(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<serde_json::Value> {
    blocking(admin, identity, |m, caller| m.seal(caller)).await?;
    Ok(Json(serde_json::json!({ "sealed": true })))
}

pub(super) async fn confirm_clock(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<serde_json::Value> {
    blocking(admin, identity, |m, caller| m.confirm_clock(caller)).await?;
    Ok(Json(serde_json::json!({ "confirmed": true })))
}

pub(super) async fn slots(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<Vec<Slot>> {
    Ok(Json(blocking(admin, identity, |m, _| m.slots()).await?))
}

pub(super) async fn slot_add(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<SlotAdded> {
    let slot: NewSlot = body(&bytes)?;
    Ok(Json(blocking(admin, identity, |m, caller| m.slot_add(caller, slot)).await?))
}

pub(super) async fn slot_remove(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<serde_json::Value> {
    let id: u32 = id.parse().map_err(|_| Fault::bad_request("A slot's id is a number."))?;
    blocking(admin, identity, move |m, caller| m.slot_remove(caller, id)).await?;
    Ok(Json(serde_json::json!({ "removed": id })))
}

pub(super) async fn slot_vouch(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<serde_json::Value> {
    let id: u32 = id.parse().map_err(|_| Fault::bad_request("A slot's id is a number."))?;
    blocking(admin, identity, move |m, caller| m.slot_vouch(caller, id)).await?;
    Ok(Json(serde_json::json!({ "vouched": id })))
}

pub(super) async fn verify_shares(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<SharesVerified> {
    let given: VerifyShares = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, c| m.verify_shares(c, &given.shares)).await?))
}

pub(super) async fn rotate(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<Rotation> {
    let how: Rotate = if bytes.is_empty() { Rotate::default() } else { body(&bytes)? };
    Ok(Json(blocking(admin, identity, move |m, caller| m.rotate(caller, how.shred)).await?))
}

pub(super) async fn rotation(State(admin): State<Arc<Admin>>) -> Json<Rotation> {
    Json(admin.manager.rotation())
}

pub(super) async fn prepare_root_key(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<PreparedRootKey> {
    let with: NewRootKey = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, _| m.prepare_root_key(with)).await?))
}

pub(super) async fn replace_root_key(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<RootKeyReplaced> {
    let with: ReplaceRootKey = body(&bytes)?;
    let rotation =
        blocking(admin, identity, move |m, caller| m.replace_root_key(caller, &with.token)).await?;
    Ok(Json(RootKeyReplaced { rotation }))
}

/// The query of `GET /v1/audit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditParameters {
    /// How many at most: 1 to 1000, 20 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Where the page before ended.
    before: Option<String>,
    /// Only what this user did.
    actor: Option<String>,
    /// Only this operation.
    operation: Option<String>,
    /// Only what was done to this object.
    object: Option<String>,
    /// Not before, POSIX milliseconds.
    since: Option<i64>,
    /// Before, POSIX milliseconds.
    until: Option<i64>,
    /// Whether the signed heads are among them; they are if it is left out.
    heads: Option<bool>,
}

pub(super) async fn audit(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    parameters: Result<Query<AuditParameters>, axum::extract::rejection::QueryRejection>,
) -> Answer<AuditPage> {
    let Ok(Query(p)) = parameters else {
        return Err(Fault::bad_request(
            "The parameters are limit, before, actor, operation, object, since, until and heads.",
        ));
    };
    let query = AuditQuery {
        limit: limit(p.limit)?,
        before: p.before,
        actor: p.actor,
        operation: p.operation,
        object: p.object,
        since: p.since,
        until: p.until,
        without_heads: p.heads == Some(false),
    };
    Ok(Json(blocking(admin, identity, move |m, _| m.audit(&query)).await?))
}

pub(super) async fn audit_record(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path((chain, seq)): Path<(String, String)>,
) -> Answer<AuditRecord> {
    let known = matches!(chain.as_str(), "changes" | "uses");
    let (true, Ok(seq)) = (known, seq.parse::<u64>()) else {
        return Err(Fault::bad_request("A record is a chain, changes or uses, and a number."));
    };
    let none = Fault::new(errors::NOT_FOUND, format!("The audit has no record {chain}:{seq}."));
    let found = blocking(admin, identity, move |m, _| m.audit_record(&chain, seq)).await?;
    found.map(Json).ok_or(none)
}

pub(super) async fn audit_key(State(admin): State<Arc<Admin>>) -> Json<AuditKey> {
    Json(AuditKey { key: admin.manager.audit_key().map(|key| crate::pki::hex(&key)) })
}

pub(super) async fn audit_verify_against(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<AuditVerdict> {
    let given: VerifyAnchors = body(&bytes)?;
    let anchors = given.anchors.iter().map(|line| line.parse()).collect::<Result<Vec<_>, _>>();
    let anchors = anchors.map_err(|e| Fault::bad_request(format!("An anchor is {e}.")))?;
    Ok(Json(blocking(admin, identity, move |m, _| m.audit_verify_against(&anchors)).await?))
}

pub(super) async fn audit_verify(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<AuditVerdict> {
    Ok(Json(blocking(admin, identity, |m, _| m.audit_verify()).await?))
}

/// The query of `GET /v1/keys`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyParameters {
    /// How many at most: 1 to 1000, 20 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Where the page before ended.
    after: Option<String>,
    /// Only those with this name.
    name: Option<String>,
    /// Only those in this state.
    state: Option<String>,
}

pub(super) async fn keys(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    parameters: Result<Query<KeyParameters>, axum::extract::rejection::QueryRejection>,
) -> Answer<KeyPage> {
    let Ok(Query(p)) = parameters else {
        return Err(Fault::bad_request("The parameters are limit, after, name and state."));
    };
    let limit = limit(p.limit)?;
    let query = KeyQuery { limit, after: p.after, name: p.name, state: p.state };
    Ok(Json(blocking(admin, identity, move |m, _| m.keys(&query)).await?))
}

pub(super) async fn rotate_key(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<KeyRotated> {
    Ok(Json(blocking(admin, identity, move |m, caller| m.rotate_key(caller, &id)).await?))
}

pub(super) async fn recall_key(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<serde_json::Value> {
    let recalled = id.clone();
    blocking(admin, identity, move |m, caller| m.recall_key(caller, &id)).await?;
    Ok(Json(serde_json::json!({ "recalled": recalled })))
}

pub(super) async fn archive_key(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<serde_json::Value> {
    let archived = id.clone();
    blocking(admin, identity, move |m, caller| m.move_key(caller, &id, true)).await?;
    Ok(Json(serde_json::json!({ "archived": archived })))
}

pub(super) async fn recover_key(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<serde_json::Value> {
    let recovered = id.clone();
    blocking(admin, identity, move |m, caller| m.move_key(caller, &id, false)).await?;
    Ok(Json(serde_json::json!({ "recovered": recovered })))
}

/// How many a page has.
fn limit(asked: Option<usize>) -> Result<usize, Fault> {
    let limit = asked.unwrap_or(20);
    if (1..=1000).contains(&limit) {
        return Ok(limit);
    }
    Err(Fault::bad_request("limit is a number from 1 to 1000."))
}
