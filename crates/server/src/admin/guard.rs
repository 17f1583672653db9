//! Administrative requests that wait for approval: what they ask is put in canonical form, and let
//! through, or answered with `202` and where the approval is.
//!
//! The request is its method, its path and query, the version it is of (If-Match) and its body, as
//! JSON in one spelling. A request that is only tried (`dry_run=true`) changes nothing and waits for
//! nothing; a header of its answer says what it would wait for.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use strongroom_model::Role;
use strongroom_policy::approval::{
    ADMIN_ACTIONS, GRANT, LEAVE_KEY_GROUP, action_named, change_rule, enter_group, enter_role,
};
use strongroom_policy::{Action, AdminAction};
use zeroize::Zeroizing;

use super::asked::{decoded, object_of};
use super::handlers::blocking;
use super::routes::{ANCHORS, RUN_RETENTION};
use super::{Admin, Route};
use crate::errors::Fault;
use crate::identity::Identity;
use crate::service::{AdminAsk, Manager};

/// The header of a tried request's answer that says what the request itself would wait for.
pub const WOULD_WAIT: &str = "strongroom-approval";

/// Members of a body that approvers are shown. A plan stands in the journal for ever: what is not
/// known to hold no secret is not shown, and a misspelt `passphrase` is not known.
const SHOWN: &[&str] = &[
    "absent",
    "activate",
    "activation",
    "algorithm",
    "anchors",
    "approvers",
    "actions",
    "csr",
    "days",
    "delay",
    "destroyed",
    "extractable",
    "from",
    "group",
    "hours",
    "key",
    "key_group",
    "kind",
    "label",
    "length",
    "mask",
    "name",
    "names",
    "open_for",
    "operations",
    "owner",
    "reason",
    "recipients",
    "role",
    "sensitive",
    "shred",
    "text",
    "threshold",
    "usage",
    "user",
    "without_anchor",
];

/// Requests that wait for nothing, though their action could: they undo, change nothing yet, or do
/// what comes by itself anyway (and on a full disk, where no request could be opened).
const FREE: [&str; 4] = ["Withdraw Grant", "Recall Destruction", "Prepare Root Key", RUN_RETENTION];

/// A request that was let through.
#[derive(Default)]
pub(super) struct Passed {
    /// The approval that it used up.
    used: Option<String>,
    /// What it would wait for, were it not only tried.
    would: Vec<String>,
}

impl Passed {
    /// Tells in the answer what came of it.
    pub(super) fn told(&self, response: &mut Response) {
        if let Ok(value) = HeaderValue::from_str(&self.would.join("; and "))
            && !value.is_empty()
        {
            response.headers_mut().insert(WOULD_WAIT, value);
        }
        let failed = response.extensions().get::<Fault>().cloned();
        if let (Some(id), Some(mut fault)) = (&self.used, failed) {
            let space = if fault.detail.is_empty() { "" } else { " " };
            fault.detail += &format!("{space}Approval {id} is used up by this attempt.");
            *response = fault.into_response();
        }
    }
}

/// A request that waits.
pub(super) struct Waits {
    pub(super) fault: Fault,
    /// The approval that it waits for.
    id: Option<String>,
}

impl From<Fault> for Waits {
    fn from(fault: Fault) -> Self {
        Self { fault, id: None }
    }
}

impl IntoResponse for Waits {
    fn into_response(self) -> Response {
        let place = self.id.map(|id| HeaderValue::from_str(&format!("/v1/approvals/{id}")));
        let mut response = self.fault.into_response();
        if let Some(Ok(place)) = place {
            response.headers_mut().insert(header::LOCATION, place);
        }
        response
    }
}

/// Lets a request through, or has it wait. Without an approval rule this is one look at memory.
pub(super) async fn pass(
    admin: &Arc<Admin>,
    identity: &Identity,
    route: &'static Route,
    request: Request,
) -> Result<(Request, Passed), Waits> {
    let waits = route.method != "GET"
        && ADMIN_ACTIONS.contains(&route.action)
        && !FREE.contains(&route.operation);
    if !waits || !admin.manager.has_approval_rules() {
        return Ok((request, Passed::default()));
    }
    let (parts, body) = request.into_parts();
    let bytes = match axum::body::to_bytes(body, ANCHORS).await {
        Ok(bytes) => bytes,
        Err(_) => return Err(Fault::from(crate::errors::TOO_LARGE).into()),
    };
    let asked = Asked {
        route,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        condition: parts.headers.get(header::IF_MATCH).map(|v| v.as_bytes().to_vec()),
        json: serde_json::from_slice(&bytes).ok(),
        body: bytes.clone(),
    };
    let tried = asked.query.split('&').any(|pair| pair == "dry_run=true");
    let looked = blocking(admin.clone(), identity.clone(), move |manager, caller| {
        let ask = asked.ask(manager)?;
        if tried {
            return Ok(Ok(Passed { would: manager.would_wait(&ask), used: None }));
        }
        Ok(manager.pass(caller, &ask).map(|used| Passed { used, would: Vec::new() }))
    });
    let passed = match looked.await? {
        Ok(passed) => passed,
        Err((fault, id)) => return Err(Waits { fault, id }),
    };
    Ok((Request::from_parts(parts, bytes.into()), passed))
}

/// What was asked.
struct Asked {
    route: &'static Route,
    path: String,
    query: String,
    condition: Option<Vec<u8>>,
    json: Option<Value>,
    body: Bytes,
}

impl Asked {
    fn ask(&self, manager: &dyn Manager) -> Result<AdminAsk, Fault> {
        let object = object_of(&self.path);
        let mut key_groups = match &object {
            // What is not there is for the handler to tell.
            Some(id) => manager.key_groups_of(id).unwrap_or_default(),
            None => self.new_key_groups(),
        };
        let mut actions = self.actions(manager);
        if self.route.operation == "Leave Key Group"
            && let Some(group) = self.path.strip_prefix("/v1/key-groups/")
        {
            actions.push(LEAVE_KEY_GROUP.to_owned());
            key_groups = group.split('/').next().map(decoded).into_iter().collect();
        }
        // Bodies are small, and the maps in them ordered: one spelling.
        let body = self.json.as_ref().and_then(|json| serde_json::to_vec(json).ok());
        let parts = [
            self.route.method.as_bytes(),
            self.path.as_bytes(),
            self.query.as_bytes(),
            self.condition.as_deref().unwrap_or_default(),
            body.as_deref().unwrap_or(&self.body),
        ];
        Ok(AdminAsk {
            actions,
            object,
            key_groups,
            parts: parts.map(|part| Zeroizing::new(part.to_vec())).into(),
            plan: self.plan(),
        })
    }

    /// The key groups that a new key, or one that is imported, would be in.
    fn new_key_groups(&self) -> Vec<String> {
        let of = |spec: &Value| -> Vec<String> {
            let groups = spec.get("key_groups").and_then(Value::as_array);
            let words = groups.into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        };
        let Some(json) = &self.json else { return Vec::new() };
        let keys = json.get("keys").and_then(Value::as_array);
        let imported = keys.into_iter().flatten().filter_map(|key| key.get("spec")).flat_map(of);
        let mut groups: Vec<String> = of(json).into_iter().chain(imported).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// The actions that approval rules may name for this.
    fn actions(&self, manager: &dyn Manager) -> Vec<String> {
        let route = self.route;
        let member = |name| self.json.as_ref().and_then(|json| json.get(name)?.as_str());
        let mut actions = Vec::new();
        if route.action == AdminAction::IssueCertificate && route.operation == "Issue Certificate" {
            // Clients' certificates are everyday work; those of people with duties are not.
            let held = member("user").map(|user| manager.roles_of(user)).unwrap_or_default();
            if member("role").is_some() {
                actions.push(AdminAction::ChangeRoles.name().to_owned());
            }
            if held.iter().any(|role| *role != Role::KeyUser) || member("role").is_some() {
                actions.push(route.action.name().to_owned());
            }
            actions.extend(held.into_iter().map(enter_role));
            actions.extend(member("group").map(enter_group));
        } else {
            actions.push(route.action.name().to_owned());
        }
        // Who gets a role may be one whom a rule asks.
        if matches!(route.operation, "Issue Certificate" | "Grant Role") {
            actions.extend(member("role").and_then(Role::from_name).map(enter_role));
        }
        match route.operation {
            // A key that joins a group is under the group's grants.
            "Grant" | "Join Key Group" => actions.push(GRANT.to_owned()),
            // It replaces every slot.
            "Replace Root Key" => actions.push(AdminAction::ChangeSlots.name().to_owned()),
            _ => {}
        }
        let rule = self.path.strip_prefix("/v1/approval-rules/");
        actions.extend(rule.map(|name| change_rule(&decoded(name))));
        actions.sort_unstable();
        actions.dedup();
        // What an officer does to a key waits for what a client would wait for, too.
        let words = ["Keys", "Key"].iter().find_map(|end| route.operation.strip_suffix(end));
        let word = words.map(|word| if word.trim() == "Rotate" { "Re-key" } else { word.trim() });
        if let Some(action @ Action::Kmip(_)) = word.and_then(action_named)
            && route.action == AdminAction::ManageKeys
        {
            actions.push(action.name().to_owned());
        }
        actions
    }

    /// What is asked for, for people.
    fn plan(&self) -> Vec<(String, String)> {
        let question = if self.query.is_empty() { "" } else { "?" };
        let path = format!("{} {}{question}{}", self.route.method, self.path, self.query);
        let mut plan = vec![
            ("Request".to_owned(), self.route.operation.to_owned()),
            ("Path".to_owned(), path),
        ];
        match &self.json {
            // It is full of keys.
            Some(json) if self.route.operation == "Import Keys" => {
                let keys = json.get("keys").and_then(Value::as_array);
                let count = keys.map_or(0, Vec::len);
                plan.push(("Keys".to_owned(), format!("{count}, in a file")));
                let names =
                    keys.into_iter().flatten().filter_map(|key| key["spec"]["name"].as_str());
                plan.push(("Names".to_owned(), names.collect::<Vec<_>>().join(", ")));
            }
            Some(Value::Object(members)) => {
                let shown = members.iter().map(|(name, value)| (name.clone(), words(name, value)));
                plan.extend(shown);
            }
            _ if self.body.is_empty() => {}
            _ => plan.push(("Body".to_owned(), format!("{} bytes", self.body.len()))),
        }
        plan
    }
}

/// A member of a body in words, as far as it is known to hold no secret.
fn words(name: &str, value: &Value) -> String {
    let plain = matches!(value, Value::Bool(_) | Value::Number(_) | Value::Null);
    if !plain && !SHOWN.contains(&name) {
        return "(not shown)".to_owned();
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            items.iter().map(|item| words(name, item)).collect::<Vec<_>>().join(", ")
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name} {}", words(name, value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ROUTES;
    use super::*;
    use crate::it::Memory;

    /// The actions of a request, as the rules see them.
    fn actions(method: &str, path: &str, body: Value) -> Vec<String> {
        let fits = |route: &&Route| {
            let (pattern, path) = (route.path.split('/'), path.split('/'));
            route.method == method
                && pattern.clone().count() == path.clone().count()
                && pattern.zip(path).all(|(a, b)| a == b || a.starts_with('{'))
        };
        let asked = Asked {
            route: ROUTES.iter().find(fits).unwrap(),
            path: path.to_owned(),
            query: String::new(),
            condition: None,
            json: Some(body),
            body: Bytes::new(),
        };
        asked.actions(&Memory::default())
    }

    #[test]
    fn what_makes_approvers_or_lets_keys_out_by_a_detour_is_named_as_what_it_is() {
        let grant = serde_json::json!({ "key": "k", "user": "me", "operations": ["Get"] });
        let client = serde_json::json!({ "user": "app", "csr": "" });
        let member = serde_json::json!({ "user": "app", "group": "security", "csr": "" });
        let officer = serde_json::json!({ "user": "app", "role": "officer", "csr": "" });
        let none = Value::Null;
        for (method, path, body, named) in [
            ("POST", "/v1/grants", grant, &["grant", "manage-keys"][..]),
            ("PUT", "/v1/key-groups/g/keys/k", none.clone(), &["grant", "manage-keys"]),
            ("DELETE", "/v1/key-groups/g/keys/k", none.clone(), &["manage-keys"]),
            ("PUT", "/v1/root/key", none.clone(), &["change-slots", "rotate-root"]),
            ("POST", "/v1/root/rotate", none.clone(), &["rotate-root"]),
            ("POST", "/v1/clients", client, &[]),
            ("POST", "/v1/clients", member, &["enter-group:security"]),
            (
                "POST",
                "/v1/clients",
                officer.clone(),
                &["change-roles", "enter-role:officer", "issue-certificate"],
            ),
            ("PUT", "/v1/roles/app", officer, &["change-roles", "enter-role:officer"]),
            ("DELETE", "/v1/roles/app", none.clone(), &["change-roles"]),
            ("DELETE", "/v1/approval-rules/a%2db", none, &["change-approvals", "change-rule:a-b"]),
        ] {
            assert_eq!(actions(method, path, body), named, "{method} {path}");
        }
    }
    use crate::errors;

    #[test]
    fn secrets_are_not_shown_to_approvers_wherever_they_stand() {
        let body = serde_json::json!({
            "passphrase": "hunter2", "pass": "typo-secret", "Passphrase": ["s-0"], "n": 3,
            "recipients": ["age1x"], "from": { "shares": ["s-1"], "role": "officer" },
        });
        let Value::Object(members) = body else { panic!() };
        let text: Vec<_> = members.iter().map(|(n, v)| format!("{n}={}", words(n, v))).collect();
        let text = text.join(" ");
        for secret in ["hunter2", "typo-secret", "s-0", "s-1"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(
            text.contains("age1x") && text.contains("n=3") && text.contains("officer"),
            "{text}"
        );
    }

    #[test]
    fn every_changing_route_of_an_action_that_can_wait_is_one_that_waits_or_is_free() {
        let waiting: Vec<_> = ROUTES
            .iter()
            .filter(|r| r.method != "GET" && ADMIN_ACTIONS.contains(&r.action))
            .filter(|r| !FREE.contains(&r.operation))
            .map(|r| r.operation)
            .collect();
        for operation in ["Change Policy", "Add Slot", "Grant Role", "Require Approval"] {
            assert!(waiting.contains(&operation), "{operation}");
        }
        for free in FREE {
            assert!(ROUTES.iter().any(|r| r.operation == free), "{free}");
        }
        for never in ["Unseal", "Seal", "Recover Officer", "Revoke Certificate", "Approve"] {
            assert!(!waiting.contains(&never), "{never}");
        }
    }

    #[test]
    fn what_waits_is_answered_with_202_and_where_the_approval_is() {
        let fault = Fault::new(errors::NEEDS_APPROVAL, "It is approval 0123456789.");
        let response = Waits { fault, id: Some("0123456789".to_owned()) }.into_response();
        assert_eq!(response.status(), 202);
        assert_eq!(response.headers()[header::LOCATION], "/v1/approvals/0123456789");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let fault = Fault::from(errors::NO_APPROVERS);
        let response = Waits::from(fault).into_response();
        assert_eq!(response.status(), 409);
        assert!(!response.headers().contains_key(header::LOCATION));
    }

    #[test]
    fn a_failed_attempt_says_that_its_approval_is_used_up() {
        let passed = Passed { used: Some("0123456789".to_owned()), would: Vec::new() };
        let mut failed = Fault::bad_request("That is no rule.").into_response();
        passed.told(&mut failed);
        let fault = failed.extensions().get::<Fault>().unwrap();
        assert_eq!(
            fault.detail,
            "That is no rule. Approval 0123456789 is used up by this attempt."
        );
        let mut done = "done".into_response();
        passed.told(&mut done);
        assert!(done.extensions().get::<Fault>().is_none());
    }

    #[test]
    fn parts_of_paths_are_read_as_they_were_meant() {
        assert_eq!(decoded("pay%20roll%2Fx"), "pay roll/x");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz"), "%zz");
    }
}
