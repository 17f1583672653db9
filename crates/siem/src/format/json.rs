//! JSON with our own names, one object per line.

use serde_json::{Map, Value, json};

use crate::event::Peer;
use crate::lean::{Lean, List};
use crate::text::{clip, rfc3339};

pub(super) fn write(lean: &Lean) -> String {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        if !empty {
            object.insert(name.to_owned(), value);
        }
    };
    put("version", json!(1));
    put("id", json!(lean.id));
    put("time", json!(rfc3339(lean.time_ms)));
    put("time_ms", json!(lean.time_ms));
    put("host", json!(lean.device.host));
    put("vendor", json!(lean.device.vendor));
    put("product", json!(lean.device.product));
    put("product_version", json!(lean.device.version));
    put("class", json!(lean.class.id()));
    put("class_name", json!(lean.class.name));
    put("severity", json!(lean.severity.name()));
    put("chain", json!(lean.chain));
    put("seq", json!(lean.seq));
    put("kind", json!(lean.kind));
    put("user", json!(lean.user));
    put("groups", groups(lean));
    put("certificate", json!(lean.certificate));
    match &lean.peer {
        Peer::Ip(ip, port) => {
            put("address", json!(ip.to_string()));
            put("port", json!(port));
        }
        Peer::Word(word) => put("address", json!(word)),
        Peer::None => {}
    }
    put("action", json!(lean.action));
    put("object", json!(lean.object));
    put("outcome", json!(lean.outcome.name()));
    put("reason", json!(lean.reason));
    put("rule", json!(lean.rule));
    if lean.micros > 0 {
        put("micros", json!(lean.micros));
    }
    put("detail", detail(lean));
    put("hash", json!(lean.hash));
    line(&Value::Object(object))
}

fn groups(lean: &Lean) -> Value {
    match &lean.groups {
        List::Whole(groups) if groups.is_empty() => Value::Null,
        List::Whole(groups) => json!(groups),
        List::Summary(count, hash) => json!({ "count": count, "sha256": hash }),
    }
}

/// The particulars as an object; a name that comes again gets `.2`, `.3` ... so that none is lost.
pub(super) fn detail(lean: &Lean) -> Value {
    let mut object = Map::new();
    for (name, value) in lean.detail_pairs() {
        let name = clip(&name, 64);
        let mut unique = name.clone();
        let mut number = 2;
        while object.contains_key(&unique) {
            unique = format!("{name}.{number}");
            number += 1;
        }
        object.insert(unique, Value::String(value));
    }
    if object.is_empty() { Value::Null } else { Value::Object(object) }
}

/// JSON on one line, also for receivers that end lines at what Unicode calls a line end.
pub(super) fn line(value: &Value) -> String {
    let text = value.to_string();
    let odd = |c: char| matches!(c, '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    if !text.contains(odd) {
        return text;
    }
    // Outside of strings JSON is ASCII, so these stand in strings, where an escape is the same.
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if odd(c) {
            out.push_str(&format!("\\u{:04x}", c as u32));
        } else {
            out.push(c);
        }
        out
    })
}
