//! What the fuzzer starts from.

use std::io;
use std::path::{Path, PathBuf};

use strongroom_kmip::{Element, Encoder, ProtocolVersion, xml};
use strongroom_oasis::case;
use strongroom_server::admin::{ROUTES, openapi};
use strongroom_server::config::table::annotated;
use strongroom_testkit::corpus::{Scene, samples};

use crate::admin::{USERS, input};

/// The seeds of a target; those of the codec and the message layer have the requests of the OASIS
/// cases too, where a directory with them is given.
pub fn of(target: &str, oasis: Option<&Path>) -> Vec<Vec<u8>> {
    match target {
        "codec" => {
            let mut all = requests(oasis);
            let texts: Vec<_> = oasis.map(texts).unwrap_or_default();
            all.extend(texts);
            all
        }
        "message" => requests(oasis),
        "admin" => bodies(),
        "config" => configurations(),
        _ => Vec::new(),
    }
}

/// With `FUZZ_SEEDS` in the environment: writes the seeds of the target into that directory, each
/// into a file of its own, and ends the process. `FUZZ_OASIS` is where the OASIS cases are.
///
/// The fuzzer does this itself since its crates link with nothing else.
pub fn on_request(target: &str) {
    let Some(dir) = std::env::var_os("FUZZ_SEEDS") else { return };
    let oasis = std::env::var_os("FUZZ_OASIS").map(PathBuf::from);
    match write(target, Path::new(&dir), oasis.as_deref()) {
        Ok(count) => {
            println!("{target}: {count} seeds");
            std::process::exit(0)
        }
        Err(e) => {
            eprintln!(
                "the seeds of {target} cannot be written to {}: {e}",
                Path::new(&dir).display()
            );
            std::process::exit(1)
        }
    }
}

fn write(target: &str, dir: &Path, oasis: Option<&Path>) -> io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let seeds = of(target, oasis);
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(dir.join(format!("seed-{number:05}")), seed)?;
    }
    Ok(seeds.len())
}

fn requests(oasis: Option<&Path>) -> Vec<Vec<u8>> {
    let scene = Scene::fictitious();
    let own = ProtocolVersion::ALL.into_iter().flat_map(|version| samples(version, &scene));
    let mut all: Vec<_> = own.map(|sample| sample.bytes).collect();
    for case in oasis.map(|root| case::load(root).unwrap_or_default()).unwrap_or_default() {
        let Ok(case) = case else { continue };
        for exchange in &case.exchanges {
            let mut request = exchange.request.clone();
            bind(&mut request);
            let Ok(node) = request.to_node() else { continue };
            let mut encoder = Encoder::ungated();
            encoder.node(&node);
            all.push(encoder.into_bytes());
        }
    }
    all
}

/// Puts something in the place of what a case learns on its way.
fn bind(element: &mut Element) {
    if element.value.starts_with('$') {
        let text = match element.value.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "$UNIQUE_IDENTIFIER_" => "key",
            "$NOW" => "2033-05-18T00:00:00+00:00",
            _ => "00",
        };
        element.value = text.to_owned();
    }
    element.children.iter_mut().for_each(bind);
}

/// The first messages of each kind as text.
fn texts(oasis: &Path) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for case in case::load(oasis).unwrap_or_default().into_iter().flatten().step_by(7) {
        for exchange in &case.exchanges {
            let mut response = exchange.response.clone();
            bind(&mut response);
            let text = response.to_node().ok().and_then(|node| xml::write(&node).ok());
            all.extend(text.map(String::into_bytes));
        }
    }
    all
}

/// One request to each route, with the body that its description gives as the schema's bare bones.
fn bodies() -> Vec<Vec<u8>> {
    let description = openapi::document();
    let mut all = Vec::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let method = route.method.to_lowercase();
        let path = description["paths"][route.path].clone();
        let schema = &path[&method]["requestBody"]["content"]["application/json"]["schema"];
        let body = example(schema, &description, 0);
        let body = if schema.is_null() { String::new() } else { body.to_string() };
        for user in 0..USERS.len() {
            all.push(input(number, user, "key", "", body.as_bytes()));
        }
        if route.method != "GET" {
            all.push(input(number, 0, "key", "dry_run=true", body.as_bytes()));
        } else {
            all.push(input(number, 0, "key", "limit=3&user=client&before=0", b""));
        }
    }
    all
}

/// A value of a schema, of the simplest kind.
fn example(
    schema: &serde_json::Value,
    document: &serde_json::Value,
    depth: usize,
) -> serde_json::Value {
    use serde_json::{Map, Value, json};
    if depth > 8 {
        return Value::Null;
    }
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        let target = document.pointer(pointer).cloned().unwrap_or_default();
        return example(&target, document, depth + 1);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[choice].as_array().and_then(|all| all.first()) {
            return example(first, document, depth + 1);
        }
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
        kind => kind.as_str().unwrap_or_default().to_owned(),
    };
    match kind.as_str() {
        "object" => {
            let mut object = Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                object.insert(name.clone(), example(property, document, depth + 1));
            }
            Value::Object(object)
        }
        "array" => json!([example(&schema["items"], document, depth + 1)]),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "string" => json!("key"),
        _ => Value::Null,
    }
}

/// The configuration of the documents, whole and in its parts.
fn configurations() -> Vec<Vec<u8>> {
    let whole = annotated();
    let mut all: Vec<Vec<u8>> = vec![whole.clone().into_bytes()];
    // As if every default had been written down.
    let plain: String = whole
        .lines()
        .map(|line| line.strip_prefix("# ").or(line.strip_prefix('#')).unwrap_or(line))
        .filter(|line| line.contains(" = ") || line.starts_with('['))
        .map(|line| format!("{line}\n"))
        .collect();
    all.push(plain.clone().into_bytes());
    let mut section = "";
    for line in plain.lines() {
        match line.starts_with('[') {
            true => section = line,
            false => all.push(format!("{section}\n{line}\n").into_bytes()),
        }
    }
    all
}
