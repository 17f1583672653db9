//! Dry runs: `?dry_run=true` on a request that changes something.
//!
//! There is one way for all of them. The request goes the way of any other, to the same handler, but
//! the handler is given a key manager that takes every change back when it has been decided, checked
//! and made ([`Trials`](crate::service::Trials)); what would have been done is the answer. So a dry
//! run is authorised and refused like the real thing, and no handler can forget it. What no
//! transaction can take back is asked for by the few that do it: see where
//! [`rehearses`](crate::service::Trials::rehearses) is asked.
//!
//! The record says `dry-run=true`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_engine::Step;

use super::Route;
use crate::errors::Fault;
use crate::service::Manager;

/// The requests beside GET that have no dry run, and why.
pub const WITHOUT: &[(&str, &str)] = &[
    ("Unseal", "`verify-shares` tries shares without opening anything"),
    ("Verify Shares", "it changes nothing"),
    ("Prepare Root Key", "nothing uses the key that it makes until it is put in place"),
    ("Test Policy", "it changes nothing"),
    ("Compare Policy", "it changes nothing"),
    ("Verify Audit", "it changes nothing"),
];

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStep {
    /// What, as the audit would call it.
    pub what: String,
    /// The object that it would be done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The particulars.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The answer to a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Always true: nothing was changed.
    pub dry_run: bool,
    /// The request, as the audit calls it.
    pub operation: String,
    /// What would be done, in order; nothing if it is so already. Of a great many the first ones.
    pub steps: Vec<PlanStep>,
    /// How many objects would be made.
    #[serde(default)]
    pub created: u64,
}

impl From<Step> for PlanStep {
    fn from(step: Step) -> Self {
        Self { what: step.what, object: step.object, detail: step.detail }
    }
}

/// Whether a request can be tried.
///
/// # Errors
/// [`BAD_REQUEST`](crate::errors::BAD_REQUEST) with the reason why not.
pub(super) fn check(route: &Route) -> Result<(), Fault> {
    match WITHOUT.iter().find(|(operation, _)| *operation == route.operation) {
        Some((operation, why)) => {
            Err(Fault::bad_request(format!("\"{operation}\" has no dry run: {why}.")))
        }
        None if route.method == "GET" => {
            Err(Fault::bad_request(format!("\"{}\" only reads.", route.operation)))
        }
        None => Ok(()),
    }
}

/// The plan in the place of the answer that the real thing would have had.
pub(super) fn answer(manager: &dyn Manager, route: &Route, response: Response) -> Response {
    // What waits for approval is no success either, whatever its status.
    if !response.status().is_success() || response.extensions().get::<Fault>().is_some() {
        return response;
    }
    let rehearsal = manager.rehearses();
    let steps = rehearsal.map(|rehearsal| rehearsal.steps()).unwrap_or_default();
    let created = rehearsal.map_or(0, |rehearsal| rehearsal.created());
    // The identifiers of what would be made are other ones when it is made.
    let new: Vec<String> = steps
        .iter()
        .filter(|step| step.what == "created")
        .filter_map(|step| step.object.clone())
        .collect();
    let mut steps: Vec<PlanStep> = steps.into_iter().map(PlanStep::from).collect();
    for step in &mut steps {
        if step.object.as_ref().is_some_and(|id| new.contains(id)) {
            step.object = None;
        }
    }
    let operation = route.operation.to_owned();
    Json(Plan { dry_run: true, operation, steps, created }).into_response()
}
