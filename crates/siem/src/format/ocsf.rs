//! OCSF 1.9.0 as JSON: Authentication (3002), User Management (3007), Application Lifecycle
//! (6002), API Activity (6003), with the profile `record_integrity`.

use serde_json::{Map, Value, json};

use crate::catalog::{AUTHENTICATION, LIFECYCLE, USER_MANAGEMENT};
use crate::event::{Outcome, Peer};
use crate::lean::{Lean, List};

use super::json::{detail, line};

pub(super) fn write(lean: &Lean) -> String {
    let Lean { class, device, .. } = lean;
    let (class_uid, class_name) = class.ocsf.class;
    let (category_uid, category_name) = class.ocsf.category;
    let (activity_id, activity_name) = class.ocsf.activity;
    let (severity_id, severity) = lean.severity.ocsf();
    let (status_id, status) = match lean.outcome {
        Outcome::Success => (1, "Success"),
        Outcome::Failure | Outcome::Denied => (2, "Failure"),
        Outcome::Unknown => (0, "Unknown"),
    };
    // The label of an activity that OCSF has no name for is the source's own.
    let action = if lean.action.is_empty() { class.name } else { &lean.action };
    let label = if activity_id == 99 { action } else { activity_name };
    let mut event = json!({
        "category_uid": category_uid,
        "category_name": category_name,
        "class_uid": class_uid,
        "class_name": class_name,
        "activity_id": activity_id,
        "activity_name": label,
        "type_uid": class_uid * 100 + activity_id,
        "time": lean.time_ms,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "metadata": {
            "version": "1.9.0",
            "profiles": ["record_integrity"],
            "uid": lean.id,
            "event_code": class.id(),
            "log_name": lean.chain,
            "product": {
                "vendor_name": device.vendor,
                "name": device.product,
                "version": device.version,
            },
        },
        "actor": actor(lean),
        "src_endpoint": source(lean),
        "attestation_list": [{
            "chain_uid": lean.chain,
            "uid": lean.seq.to_string(),
            "fingerprint": {
                "algorithm_id": 3,
                "encoding_id": 1,
                "serialization_id": 99,
                "serialization": "strongroom-journal",
                "value": lean.hash,
            },
        }],
    });
    let Some(object) = event.as_object_mut() else { return line(&event) };
    if !lean.reason.is_empty() {
        object.insert("status_detail".to_owned(), json!(lean.reason));
    }
    if lean.micros > 0 {
        // OCSF counts milliseconds; the exact figure is under `unmapped`.
        object.insert("duration".to_owned(), json!(lean.micros / 1000));
    }
    let service = json!({ "name": device.product, "version": device.version });
    match class_uid {
        AUTHENTICATION => {
            object.insert("user".to_owned(), user(lean));
            object.insert("service".to_owned(), service);
        }
        USER_MANAGEMENT => {
            // Whose rights change is in the object or the particulars.
            let target = lean.object.as_deref().unwrap_or(&lean.user);
            let target = if target.is_empty() { "unknown" } else { target };
            object.insert("user".to_owned(), json!({ "name": target }));
        }
        LIFECYCLE => {
            object.insert(
                "app".to_owned(),
                json!({
                    "vendor_name": device.vendor,
                    "name": device.product,
                    "version": device.version,
                }),
            );
        }
        _ => {
            object.insert(
                "api".to_owned(),
                json!({ "operation": action, "service": { "name": device.product } }),
            );
            if let Some(uid) = &lean.object {
                object.insert("resources".to_owned(), json!([{ "uid": uid }]));
            }
        }
    }
    let unmapped = unmapped(lean);
    if !unmapped.is_empty() {
        object.insert("unmapped".to_owned(), Value::Object(unmapped));
    }
    line(&event)
}

fn actor(lean: &Lean) -> Value {
    let mut actor = json!({ "user": user(lean) });
    if !lean.rule.is_empty() {
        let decision = if lean.outcome == Outcome::Denied { "Deny" } else { "Allow" };
        let authorization = json!({ "decision": decision, "policy": { "name": lean.rule } });
        actor["authorizations"] = json!([authorization]);
    }
    actor
}

fn user(lean: &Lean) -> Value {
    let name = if lean.user.is_empty() { "unknown" } else { &lean.user };
    let mut user = json!({ "name": name });
    if !lean.certificate.is_empty() {
        user["uid"] = json!(lean.certificate);
    }
    if let List::Whole(groups) = &lean.groups
        && !groups.is_empty()
    {
        user["groups"] =
            groups.iter().map(|group| json!({ "name": group })).collect::<Vec<_>>().into();
    }
    user
}

/// The peer, or this machine for what the server does by itself: the classes require one.
fn source(lean: &Lean) -> Value {
    match &lean.peer {
        Peer::Ip(ip, None) => json!({ "ip": ip.to_string() }),
        Peer::Ip(ip, Some(port)) => json!({ "ip": ip.to_string(), "port": port }),
        Peer::Word(word) => json!({ "name": word }),
        Peer::None => json!({ "hostname": lean.device.host }),
    }
}

fn unmapped(lean: &Lean) -> Map<String, Value> {
    let mut map = Map::new();
    if !lean.kind.is_empty() {
        map.insert("kind".to_owned(), json!(lean.kind));
    }
    if lean.outcome == Outcome::Denied {
        map.insert("outcome".to_owned(), json!(lean.outcome.name()));
    }
    if lean.micros > 0 {
        map.insert("micros".to_owned(), json!(lean.micros));
    }
    if let List::Summary(count, hash) = &lean.groups {
        map.insert("groups".to_owned(), json!({ "count": count, "sha256": hash }));
    }
    if let Some(object) = &lean.object
        && lean.class.ocsf.class.0 != crate::catalog::API
    {
        map.insert("object".to_owned(), json!(object));
    }
    let detail = detail(lean);
    if !detail.is_null() {
        map.insert("detail".to_owned(), detail);
    }
    if lean.class.ocsf.class.0 != crate::catalog::API && !lean.action.is_empty() {
        map.insert("action".to_owned(), json!(lean.action));
    }
    map
}
