//! `/v1/approvals` and `/v1/approval-rules`: what waits for approval, and what makes it wait.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::access::Fact;
use super::handlers::{Answer, blocking, body};
use super::pages::{self, Page};
use crate::errors::{self, Fault};
use crate::identity::Identity;

/// A request that waits for approval, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalView {
    /// Its identifier.
    pub id: String,
    /// `waiting`, `approved`, `not needed`, `expired`, `executed`, `rejected` or `withdrawn`.
    pub state: String,
    /// Who asked.
    pub user: String,
    /// The actions, as approval rules name them.
    pub actions: Vec<String>,
    /// The object, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The key groups that it is about.
    pub key_groups: Vec<String>,
    /// What is asked for.
    pub plan: Vec<Fact>,
    /// The digest of the request: what is approved, and nothing else.
    pub digest: String,
    /// When it was asked.
    pub opened: i64,
    /// Until when it can be approved and carried out, POSIX seconds.
    pub expires: i64,
    /// What each rule that holds asks for.
    pub needs: Vec<ApprovalNeed>,
    /// Approvals that do not count: whose, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounted: Vec<Fact>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<ApprovalEnd>,
}

/// What one rule asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalNeed {
    /// In words.
    pub asks: String,
    /// Whose approval counts for it so far.
    pub approved_by: Vec<String>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalEnd {
    /// Who ended it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: i64,
}

/// `POST /v1/approvals/{id}/approve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The digest of what the approver was shown.
    pub digest: String,
}

/// `POST /v1/approvals/{id}/reject`, `POST /v1/approvals/{id}/withdraw`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndApproval {
    /// Why, in words.
    #[serde(default)]
    pub reason: String,
}

/// A rule: these actions wait for so many approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRuleView {
    /// Its name.
    pub name: String,
    /// What it asks.
    #[serde(flatten)]
    pub rule: NewApprovalRule,
}

/// `PUT /v1/approval-rules/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewApprovalRule {
    /// KMIP operations and administrative actions.
    pub actions: Vec<String>,
    /// Only for keys of this key group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_group: Option<String>,
    /// How many must approve, beside who asked.
    pub approvers: u32,
    /// Who may: `role:ROLE` or `group:GROUP`.
    pub from: String,
    /// How long a request stays open, seconds.
    pub open_for: u32,
}

/// `GET /v1/approval-rules`, and what a change of them answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRules {
    /// The rules in force, by name.
    pub rules: Vec<ApprovalRuleView>,
    /// Tells these from others; the ETag.
    pub etag: String,
}

/// What waits, for `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalsWaiting {
    /// How many requests wait.
    pub waiting: u64,
    /// When the oldest of them was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<i64>,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    asked: pages::Asked,
) -> Answer<Page<ApprovalView>> {
    let which = pages::which(asked)?;
    let rows = blocking(admin, identity, |m, caller| m.approvals(caller)).await?;
    // The newest first.
    let key = |row: &ApprovalView| format!("{:019}-{}", i64::MAX - row.opened.max(0), row.id);
    Ok(Json(which.page(rows, key)?))
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Answer<ApprovalView> {
    Ok(Json(blocking(admin, identity, move |m, caller| m.approval(caller, &id)).await?))
}

pub(super) async fn approve(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer<ApprovalView> {
    let given: Approve = body(&bytes)?;
    let done = blocking(admin, identity, move |m, caller| m.approve(caller, &id, &given.digest));
    Ok(Json(done.await?))
}

pub(super) async fn reject(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer<ApprovalView> {
    let end = ending(&bytes)?;
    let done = blocking(admin, identity, move |m, c| m.approval_reject(c, &id, &end.reason));
    Ok(Json(done.await?))
}

pub(super) async fn withdraw(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer<ApprovalView> {
    let end = ending(&bytes)?;
    let done = blocking(admin, identity, move |m, c| m.approval_withdraw(c, &id, &end.reason));
    Ok(Json(done.await?))
}

fn ending(bytes: &Bytes) -> Result<EndApproval, Fault> {
    if bytes.is_empty() { Ok(EndApproval::default()) } else { body(bytes) }
}

pub(super) async fn rules(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, Fault> {
    Ok(tagged(blocking(admin, identity, |m, _| m.approval_rules()).await?))
}

pub(super) async fn require(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Fault> {
    let etag = condition(&headers)?;
    let view = ApprovalRuleView { name, rule: body(&bytes)? };
    let done = blocking(admin, identity, move |m, c| m.approval_require(c, view, &etag));
    Ok(tagged(done.await?))
}

pub(super) async fn waive(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let etag = condition(&headers)?;
    let done = blocking(admin, identity, move |m, c| m.approval_waive(c, &name, &etag));
    Ok(tagged(done.await?))
}

fn condition(headers: &HeaderMap) -> Result<String, Fault> {
    let given = headers.get(header::IF_MATCH).and_then(|v| v.to_str().ok());
    given
        .map(|text| text.trim_matches('"').to_owned())
        .ok_or_else(|| errors::PRECONDITION_REQUIRED.into())
}

fn tagged(rules: ApprovalRules) -> Response {
    let etag = HeaderValue::from_str(&format!("\"{}\"", rules.etag));
    let mut response = Json(rules).into_response();
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
