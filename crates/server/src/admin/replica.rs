//! `/v1/replica`: whether there may be any, what a replica is of, and its promotion.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::handlers::{Answer, blocking, body};
use super::types::{ConfirmRestore, RestoreConfirmed};
use crate::cli::output::{span, time};
use crate::identity::Identity;

/// What a replica is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaView {
    /// Its own site.
    pub site: u32,
    /// The site that it is a replica of.
    pub of: u32,
    /// Where changes go, in words of whoever made the replica; empty if nothing was said.
    pub primary: String,
    /// When the backup was taken, POSIX milliseconds.
    pub created: i64,
    /// How long ago that was, seconds.
    pub age_seconds: i64,
    /// Records of changes in the backup.
    pub changes: u64,
}

impl ReplicaView {
    /// `replica of site 1, from the backup of ..., 3 hours old`.
    pub fn text(&self) -> String {
        let primary = match self.primary.as_str() {
            "" => String::new(),
            primary => format!(" ({primary})"),
        };
        format!(
            "replica of site {}{primary}, from the backup of {}, {} old",
            self.of,
            time(self.created),
            span(self.age_seconds)
        )
    }
}

/// What hangs on the promotion of a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaReport {
    /// The replica.
    #[serde(flatten)]
    pub replica: ReplicaView,
    /// Objects that are not destroyed.
    pub objects: Option<u64>,
    /// Certificates that count.
    pub certificates: u64,
    /// Requests that it answered since its start.
    pub answered: u64,
}

/// The answer to `POST /v1/replica/allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicasAllowed {
    /// Whether it was so already.
    pub already: bool,
}

/// `POST /v1/replica/promote`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteReplica {
    /// The replica's own site: the one that is meant.
    pub site: u32,
    /// Anchor lines of the primary.
    #[serde(default)]
    pub anchors: Vec<String>,
    /// Identifiers of what was destroyed after the backup.
    #[serde(default)]
    pub destroyed: Vec<String>,
    /// That no anchor is later than the backup.
    #[serde(default)]
    pub without_anchor: bool,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<ReplicaReport> {
    Ok(Json(blocking(admin, identity, |m, _| m.replica_report()).await?))
}

pub(super) async fn allow(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<ReplicasAllowed> {
    Ok(Json(blocking(admin, identity, |m, caller| m.allow_replicas(caller)).await?))
}

pub(super) async fn promote(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<RestoreConfirmed> {
    let asked: PromoteReplica = body(&bytes)?;
    let PromoteReplica { site, anchors, destroyed, without_anchor } = asked;
    let with = ConfirmRestore { anchors, destroyed, without_anchor };
    let promoted = blocking(admin, identity, move |m, caller| m.promote(caller, site, &with));
    Ok(Json(promoted.await?))
}
