//! Keys over the admin API: made, activated, revoked, destroyed, imported, and what is known of
//! their uses and dates.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::Admin;
use super::handlers::{Answer, blocking, body};
use super::pages::{Page, Which};
use super::types::{AuditRecord, KeyLink, KeyRow, SecretText};
use crate::errors::Fault;
use crate::identity::Identity;

/// Most keys of one batch.
pub const MOST_IMPORTED: usize = 1000;

/// `POST /v1/keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// The algorithm, as KMIP names it. An asymmetric one makes a pair.
    pub algorithm: String,
    /// Its length in bits. Default: the algorithm's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<i32>,
    /// Its name; of a pair, that of the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user that owns it. Default: whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The key groups that it is in from the beginning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_groups: Vec<String>,
    /// What it is for, as KMIP names the bits of its usage mask. Default: what suits the algorithm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<String>,
    /// It replaces itself so often, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_every: Option<u32>,
    /// Whether it is active at once.
    #[serde(default)]
    pub activate: bool,
    /// It is deactivated after so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivate_in: Option<i64>,
    /// How often it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<i64>,
    /// Whether it leaves wrapped only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// Whether it may leave at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extractable: Option<bool>,
}

/// The answer to `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyCreated {
    /// The key's identifier; of a pair, the private key's.
    pub id: String,
    /// The public key's identifier, of a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
}

/// `POST /v1/keys/{id}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// The reason, as KMIP names it.
    pub reason: String,
    /// The particulars, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// So many seconds ago a compromise happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<i64>,
}

/// `POST /v1/keys/{id}/destroy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestroyKey {
    /// Seconds until it is done, if that is longer than what is configured. Until then it can be
    /// called back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<i64>,
}

/// The answer to `POST /v1/keys/{id}/destroy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyDestroyed {
    /// The key.
    pub id: String,
    /// When it will be done, POSIX seconds; none when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}

/// A row of `GET /v1/expiring`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExpiringRow {
    /// The key.
    #[serde(flatten)]
    pub key: KeyRow,
    /// What comes: activation, protect stop, deactivation, rotation, archival or destruction.
    pub comes: String,
    /// When, POSIX seconds.
    pub at: i64,
}

/// What wraps a key to be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// The identifier of the key that unwraps it.
    pub by: String,
    /// `kw`, `kwp`, `gcm` (the tag behind the ciphertext) or `rsa-oaep`.
    pub method: String,
    /// The nonce of `gcm`, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv: Option<String>,
    /// The hash of `rsa-oaep`. Default: sha256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// A key of `POST /v1/import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportKey {
    /// Where it stands in its file, for errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The identifier that it gets. Default: a new one; then it needs a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is to be.
    pub spec: CreateKey,
    /// Its octets, or the wrapped ones, base64.
    pub key: SecretText,
    /// What wraps it, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<WrappedKey>,
}

/// `POST /v1/import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportKeys {
    /// The keys: all of them are imported, or none.
    pub keys: Vec<ImportKey>,
}

/// A row of the answer to `POST /v1/import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedRow {
    /// Where it stands in its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Its identifier.
    pub id: String,
    /// Whether that very key was there before.
    pub already: bool,
}

/// The query of `GET /v1/uses`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsesTarget {
    /// Uses of this key.
    pub key: Option<String>,
    /// Uses of the keys in this key group.
    pub key_group: Option<String>,
    /// Uses by this user.
    pub user: Option<String>,
    /// Uses with the certificate of this fingerprint.
    pub certificate: Option<String>,
    /// How far to look back. Default: 30 days.
    pub days: Option<u16>,
}

/// Who used something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedBy {
    /// The user.
    pub user: String,
    /// How often.
    pub uses: u64,
    /// When last.
    pub last: i64,
}

/// `GET /v1/uses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsesView {
    /// The newest use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<AuditRecord>,
    /// Who used it, most frequent first.
    pub users: Vec<UsedBy>,
    /// How many uses there were.
    pub uses: u64,
    /// Of how many objects.
    pub objects: u64,
    /// How far back this goes.
    pub since: i64,
    /// Whether it goes back as far as was asked for, and every object was looked at.
    pub whole: bool,
    /// Objects that only this key unwraps, the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wraps: Vec<String>,
    /// How many they are.
    #[serde(default)]
    pub wraps_count: u64,
    /// Objects that are linked with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<KeyLink>,
}

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<KeyCreated> {
    let new: CreateKey = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, c| m.create_key(c, &new)).await?))
}

/// One key, with the tag of its version.
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let view = blocking(admin, identity, move |m, _| m.key(&id)).await?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", view.etag));
    let mut response = Json(view).into_response();
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

pub(super) async fn activate(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<serde_json::Value> {
    let activated = id.clone();
    blocking(admin, identity, move |m, c| m.activate_key(c, &id)).await?;
    Ok(Json(serde_json::json!({ "activated": activated })))
}

pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer<serde_json::Value> {
    let why: RevokeKey = body(&bytes)?;
    let revoked = id.clone();
    blocking(admin, identity, move |m, c| m.revoke_key(c, &id, &why)).await?;
    Ok(Json(serde_json::json!({ "revoked": revoked })))
}

pub(super) async fn destroy(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer<KeyDestroyed> {
    let how: DestroyKey = if bytes.is_empty() { DestroyKey::default() } else { body(&bytes)? };
    Ok(Json(blocking(admin, identity, move |m, c| m.destroy_key(c, &id, how.delay)).await?))
}

/// The query of `GET /v1/expiring`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Within {
    /// Seconds from now. Default: 30 days.
    within: Option<i64>,
    /// How many rows at most: 1 to 1000, 100 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Where the page before ended.
    after: Option<String>,
}

pub(super) async fn expiring(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    parameters: Result<Query<Within>, QueryRejection>,
) -> Answer<Page<ExpiringRow>> {
    let Ok(Query(Within { within, limit, after })) = parameters else {
        return Err(Fault::bad_request("The parameters are within, in seconds, limit and after."));
    };
    let (limit, after) = Which::new(limit, after).bounds()?;
    let within = within.unwrap_or(30 * 86_400);
    let page = blocking(admin, identity, move |m, _| m.expiring(within, after.as_deref(), limit));
    Ok(Json(page.await?))
}

pub(super) async fn import(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<Vec<ImportedRow>> {
    let given: Result<ImportKeys, Fault> = body(&bytes);
    wipe(bytes);
    let given = given?;
    if !(1..=MOST_IMPORTED).contains(&given.keys.len()) {
        let what = format!("A batch has 1 to {MOST_IMPORTED} keys.");
        return Err(Fault::bad_request(what));
    }
    Ok(Json(blocking(admin, identity, move |m, c| m.import_keys(c, &given.keys)).await?))
}

/// Wipes a body that held keys, if nobody else holds it.
fn wipe(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}

pub(super) async fn uses(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    target: Result<Query<UsesTarget>, QueryRejection>,
) -> Answer<UsesView> {
    let Ok(Query(target)) = target else {
        return Err(Fault::bad_request(
            "The parameters are days and one of key, key_group, user and certificate.",
        ));
    };
    Ok(Json(blocking(admin, identity, move |m, _| m.uses(&target)).await?))
}
