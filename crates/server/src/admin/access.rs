//! Who may do what: rules, grants, key groups and roles over the admin API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::handlers::{Answer, blocking, body};
use super::pages::{self, Page, Which};
use crate::errors::{self, Fault};
use crate::identity::Identity;

/// `GET /v1/policy`, and what a change of it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyView {
    /// The installation's own rules, in Cedar's language.
    pub text: String,
    /// Their ids, in the order of the text.
    pub rules: Vec<String>,
    /// Tells this text from others; the ETag.
    pub etag: String,
    /// The built-in rules, which always hold.
    pub builtin: String,
    /// What rules may speak of.
    pub schema: String,
}

/// `PUT /v1/policy`, `POST /v1/policy/diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// The installation's own rules, in Cedar's language.
    pub text: String,
    /// How far back to look, hours; for a comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// `POST /v1/policy/test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyQuestion {
    /// The user.
    pub user: String,
    /// The user's groups; those of the user's newest certificate if they are not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// A KMIP operation or an administrative action.
    pub operation: String,
    /// The object it is asked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What it is in this case.
    pub value: String,
}

/// The answer to `POST /v1/policy/test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyAnswer {
    /// Whether it may be done.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: String,
    /// What that rule says.
    pub meaning: String,
    /// Whether a duty decided, which no rule can lift.
    pub by_duty: bool,
    /// Every rule that held and so decided.
    pub rules: Vec<String>,
    /// What it would wait for, beside being allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// The facts that were looked at.
    pub facts: Vec<Fact>,
}

/// One difference of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyDifference {
    /// The user.
    pub user: String,
    /// The operation.
    pub operation: String,
    /// The object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many requests.
    pub requests: u64,
    /// Whether the rules in force allow it.
    pub allowed_now: bool,
    /// By which rule.
    pub rule_now: String,
    /// Whether the other rules would.
    pub allowed_then: bool,
    /// By which rule.
    pub rule_then: String,
}

/// The answer to `POST /v1/policy/diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyDiff {
    /// Requests looked at.
    pub requests: u64,
    /// Requests about keys or users that are not known any more.
    pub left_out: u64,
    /// What would have been decided otherwise, most frequent first.
    pub differences: Vec<PolicyDifference>,
    /// Whether there are more records than are looked at, so that the oldest are left out.
    #[serde(default)]
    pub cut: bool,
}

/// What a grant is on: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantTarget {
    /// One object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Every object of a key group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_group: Option<String>,
}

/// The query of `GET /v1/grants`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantQuery {
    /// The grants on this object, and those that reach it through its key groups ...
    key: Option<String>,
    /// ... or on this key group.
    key_group: Option<String>,
    /// How many rows at most: 1 to 1000, 100 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Where the page before ended.
    after: Option<String>,
}

/// `POST /v1/grants`, `POST /v1/grants/withdraw`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantChange {
    /// One object ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// ... or every object of a key group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_group: Option<String>,
    /// To a user ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// ... or to a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// KMIP operations.
    pub operations: Vec<String>,
}

/// A grant that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantRow {
    /// The user it is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group it is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The operation that it allows.
    pub operation: String,
    /// The key group that it is on, where it reaches the key that was asked about through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_group: Option<String>,
}

/// A key group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyGroupRow {
    /// Its name.
    pub name: String,
    /// Its keys that are not destroyed.
    pub keys: u64,
    /// The grants on it.
    pub grants: Vec<GrantRow>,
}

/// Whether a change changed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Whether it did.
    pub changed: bool,
}

/// A user's role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleRow {
    /// The user.
    pub user: String,
    /// The role.
    pub role: String,
}

/// `PUT /v1/roles/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleGrant {
    /// The role.
    pub role: String,
}

fn tagged(view: PolicyView) -> Response {
    let etag = HeaderValue::from_str(&format!("\"{}\"", view.etag));
    let mut response = Json(view).into_response();
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

pub(super) async fn policy(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, Fault> {
    Ok(tagged(blocking(admin, identity, |m, _| m.policy()).await?))
}

pub(super) async fn policy_set(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Fault> {
    let given: PolicyText = body(&bytes)?;
    let condition = headers.get(header::IF_MATCH).and_then(|v| v.to_str().ok());
    let etag = condition
        .map(|text| text.trim_matches('"').to_owned())
        .ok_or_else(|| Fault::from(errors::PRECONDITION_REQUIRED))?;
    let view = blocking(admin, identity, move |m, c| m.policy_set(c, &given.text, &etag));
    Ok(tagged(view.await?))
}

pub(super) async fn policy_test(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<PolicyAnswer> {
    let question: PolicyQuestion = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, _| m.policy_test(&question)).await?))
}

pub(super) async fn policy_diff(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<PolicyDiff> {
    let given: PolicyText = body(&bytes)?;
    let hours = given.hours.unwrap_or(24);
    let diff = blocking(admin, identity, move |m, c| m.policy_diff(c, &given.text, hours));
    Ok(Json(diff.await?))
}

pub(super) async fn grants(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    asked: Result<Query<GrantQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer<Page<GrantRow>> {
    let Ok(Query(asked)) = asked else {
        return Err(Fault::bad_request("The parameters are key or key_group, limit and after."));
    };
    let target = GrantTarget { key: asked.key, key_group: asked.key_group };
    let rows = blocking(admin, identity, move |m, _| m.grants(&target)).await?;
    let name = |whose: &Option<String>| whose.clone().unwrap_or_default();
    let key = |row: &GrantRow| {
        let whom = [name(&row.user), name(&row.group), name(&row.key_group)];
        format!("{}/{}", whom.join("/"), row.operation)
    };
    Ok(Json(Which::new(asked.limit, asked.after).page(rows, key)?))
}

pub(super) async fn grant(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<Changed> {
    let change: GrantChange = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, c| m.grant(c, &change, true)).await?))
}

pub(super) async fn withdraw(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<Changed> {
    let change: GrantChange = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, c| m.grant(c, &change, false)).await?))
}

pub(super) async fn key_groups(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    asked: pages::Asked,
) -> Answer<Page<KeyGroupRow>> {
    let which = pages::which(asked)?;
    let rows = blocking(admin, identity, |m, _| m.key_groups()).await?;
    Ok(Json(which.page(rows, |row| row.name.clone())?))
}

pub(super) async fn join(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path((group, id)): Path<(String, String)>,
) -> Answer<Changed> {
    Ok(Json(blocking(admin, identity, move |m, c| m.key_group(c, &group, &id, true)).await?))
}

pub(super) async fn leave(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path((group, id)): Path<(String, String)>,
) -> Answer<Changed> {
    Ok(Json(blocking(admin, identity, move |m, c| m.key_group(c, &group, &id, false)).await?))
}

pub(super) async fn roles(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    asked: pages::Asked,
) -> Answer<Page<RoleRow>> {
    let which = pages::which(asked)?;
    let rows = blocking(admin, identity, |m, _| m.roles()).await?;
    Ok(Json(which.page(rows, |row| row.user.clone())?))
}

pub(super) async fn role_set(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(user): Path<String>,
    bytes: Bytes,
) -> Answer<Changed> {
    let given: RoleGrant = body(&bytes)?;
    let done = blocking(admin, identity, move |m, c| m.role_set(c, &user, Some(&given.role)));
    Ok(Json(done.await?))
}

pub(super) async fn role_revoke(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(user): Path<String>,
) -> Answer<Changed> {
    Ok(Json(blocking(admin, identity, move |m, c| m.role_set(c, &user, None)).await?))
}
