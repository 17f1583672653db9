//! What a record of the audit has, on both ports: who with which certificate from where, what on which
//! object with which parameters, the rule that decided, the result and how long it took.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use strongroom_client::{CipherParameters, Config, Connection, Pem};
use strongroom_server::admin::ROUTES;

use crate::house::{House, text};

/// SHA-256 of somebody's certificate, as OpenSSL has it.
fn fingerprint(house: &House, who: &str) -> String {
    let path = house.data().join("bundles").join(who).join("cert.pem");
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(path)
        .output()
        .unwrap();
    text(&output).trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase()
}

fn newest(house: &House, operation: &str, actor: &str) -> Value {
    let found = house.json(&["audit", "search", "--operation", operation, "--user", actor]);
    let records = found["records"].as_array().unwrap();
    records.iter().max_by_key(|r| r["time"].as_i64()).unwrap_or(&Value::Null).clone()
}

/// What every record of somebody's request has.
fn whole(house: &House, record: &Value, actor: &str) {
    let words = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(words("actor"), actor, "{record}");
    assert_eq!(words("fingerprint"), fingerprint(house, actor), "{record}");
    assert!(words("address").starts_with("127.0.0.1:"), "{record}");
    assert!(!words("rule").is_empty(), "{record}");
    assert!(!words("result").is_empty(), "{record}");
    assert!(record["duration_us"].as_u64() > Some(0), "{record}");
    assert_eq!(words("hash").len(), 64, "{record}");
}

fn connect(house: &House, who: &str) -> Connection {
    let dir = house.data().join("bundles").join(who);
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

#[test]
fn a_record_of_the_kmip_port_has_every_field() {
    let house = House::serving();
    let mut client = connect(&house, "client");
    let id = client.create_symmetric_key(256, 12, Some("k")).unwrap();
    client.activate(&id).unwrap();
    client.get(&id).unwrap();
    let iv = client.encrypt(&id, &CipherParameters::gcm(), Some(&[7; 12]), b"", b"text");
    iv.unwrap();
    assert!(connect(&house, "officer").get(&id).is_err());

    let get = newest(&house, "Get", "client");
    whole(&house, &get, "client");
    assert_eq!(
        (&get["object"], &get["rule"], &get["kind"]),
        (&json!(id), &json!("owner"), &json!("use"))
    );
    assert_eq!(get["result"], "success");
    // A parameter that matters.
    let encrypt = newest(&house, "Encrypt", "client");
    whole(&house, &encrypt, "client");
    assert!(encrypt["detail"].as_str().unwrap().contains("iv=caller"), "{encrypt}");
    let refused = newest(&house, "Get", "officer");
    whole(&house, &refused, "officer");
    assert_eq!((&refused["kind"], &refused["rule"]), (&json!("refusal"), &json!("default-deny")));
    assert_eq!(refused["object"], json!(id), "{refused}");
    // A change has who, what and by which rule in the chain of changes.
    let created = newest(&house, "Create", "client");
    assert_eq!((&created["chain"], &created["kind"]), (&json!("changes"), &json!("created")));
    assert_eq!(
        (&created["object"], &created["fingerprint"]),
        (&json!(id), &json!(fingerprint(&house, "client")))
    );
    assert!(created["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{created}");
    assert_eq!(created["rule"], "create");
}

#[test]
fn every_request_of_the_admin_port_has_a_record_with_every_field() {
    let house = House::serving();
    let id = house.json(&["key", "create", "k"])["id"].as_str().unwrap().to_owned();
    let mut expected = BTreeMap::new();
    for route in ROUTES.iter().filter(|route| route.path != "/health") {
        let path = route.path.replace("{chain}", "uses").replace("{seq}", "1");
        let path = path.replace("{id}", &id).replace("{group}", "g").replace("{user}", "u");
        let path = path.replace("{fingerprint}", "00").replace("{name}", "n");
        // A key user has none of it, but for what waits for him.
        let answer = house.api("client", route.method, &path, Some(&json!({})), &[]);
        if answer.status != 403 {
            // What takes a certificate and no role, and what waits for a user himself.
            let open = ["Unseal", "Verify Shares", "Recover Officer"].contains(&route.operation);
            assert!(open || path.starts_with("/v1/approval"), "{path}: {}", answer.body);
            continue;
        }
        assert_eq!(answer.body["code"], 3024, "{path}: {}", answer.body);
        *expected.entry(route.operation).or_insert(0_usize) += 1;
    }
    assert!(expected.len() > 50, "{expected:?}");
    let page = house.json(&["audit", "search", "--user", "client", "--lines", "1000"]);
    let records = page["records"].as_array().unwrap();
    for (operation, count) in expected {
        let of: Vec<_> = records
            .iter()
            .filter(|r| r["operation"] == operation && r["kind"] == "refusal")
            .collect();
        let denied: Vec<_> = of
            .iter()
            .filter(|r| r["detail"].as_str().unwrap_or_default().contains("3024"))
            .collect();
        assert_eq!(denied.len(), count, "{operation}: {of:?}");
        for record in denied {
            whole(&house, record, "client");
            assert_eq!(record["rule"], "role-lacks", "{record}");
        }
    }
    // What is let in, too: with the key that it is about.
    house.json(&["key", "activate", "k"]);
    let done = newest(&house, "Activate Key", "officer");
    whole(&house, &done, "officer");
    assert_eq!((&done["object"], &done["result"]), (&json!(id), &json!("success")));
    let denied = records.iter().find(|r| r["operation"] == "Destroy Key").unwrap();
    assert_eq!(denied["object"], json!(id), "{denied}");
}
