//! `/v1/audit/retention`: what there is of the audit of uses, and what becomes of it.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Admin;
use super::handlers::{Answer, blocking};
use crate::identity::Identity;

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SegmentState {
    /// It is kept.
    Kept,
    /// The next round deletes it.
    Deleted,
    /// A rule has it deleted, and something stands in the way.
    Waits,
}

/// A file of the audit of uses that is written to no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentRow {
    /// Its first record.
    pub first: u64,
    /// Its last record.
    pub last: u64,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// Whether it is compressed.
    pub compressed: bool,
    /// When it ended.
    pub ended: i64,
    /// What the next round does with it.
    pub state: SegmentState,
    /// The rule, and what stands in the way.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// `GET /v1/audit/retention`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionView {
    /// Whether files are compressed.
    pub compress: bool,
    /// Days that they are kept; 0 for ever.
    pub keep_days: u32,
    /// Bytes that are kept; 0 for all.
    pub keep_bytes: u64,
    /// The last record that was deleted so far, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_through: Option<u64>,
    /// The files, oldest first, without the one that is being written.
    pub segments: Vec<SegmentRow>,
}

/// The answer to `POST /v1/audit/retention`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionDone {
    /// Files compressed.
    pub compressed: u64,
    /// Files deleted.
    pub deleted: u64,
    /// The first record deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// The last record deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Bytes given back to the disk.
    pub freed_bytes: u64,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<RetentionView> {
    Ok(Json(blocking(admin, identity, |m, _| m.retention()).await?))
}

pub(super) async fn run(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<RetentionDone> {
    Ok(Json(blocking(admin, identity, |m, caller| m.retain(caller)).await?))
}
