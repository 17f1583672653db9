//! Keys as officers make and end them, from the command line and over the API.

use serde_json::json;
use strongroom_client::{CipherParameters, Config, Connection, Pem};
use strongroom_kmip::{
    Attribute, AttributeSet, BlockCipherMode, CryptographicAlgorithm, EncodingOption,
    KeyFormatType, ObjectType, Operation, Tag, Value, WrappingMethod,
};

use crate::house::{House, strongroom, text};
use crate::pty::Terminal;

fn connect(house: &House, who: &str) -> Connection {
    let dir = house.data().join("bundles").join(who);
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

fn attribute(key: &serde_json::Value, name: &str) -> serde_json::Value {
    let all = key["attributes"].as_array().unwrap();
    all.iter().find(|a| a["name"] == name).map(|a| a["value"].clone()).unwrap_or_default()
}

#[test]
fn a_key_made_for_somebody_is_that_somebodys_and_the_officer_stands_in_the_journal() {
    let house = House::serving();
    let made = house.json(&[
        "key",
        "create",
        "payroll",
        "--owner",
        "client",
        "--algorithm",
        "aes",
        "--length",
        "128",
        "--group",
        "payroll",
        "--usage",
        "Encrypt,Decrypt,wrap-key",
        "--rotate-every",
        "90d",
        "--activate",
        "--uses",
        "1000",
        "--deactivate-in",
        "365d",
        "--sensitive",
    ]);
    let id = made["id"].as_str().unwrap();
    let key = house.json(&["key", "show", "payroll"]);
    assert_eq!((&key["owner"], &key["state"]), (&json!("client"), &json!("Active")), "{key}");
    assert_eq!(key["length"], 128);
    assert_eq!(key["key_groups"], json!(["payroll"]));
    assert_eq!(attribute(&key, "Rotate Interval"), 7_776_000);
    assert_eq!(attribute(&key, "Cryptographic Usage Mask"), "Encrypt|Decrypt|WrapKey");
    assert_eq!(attribute(&key, "Sensitive"), true);
    // It is the client's to use, and the sensitive key leaves nobody in clear.
    let mut client = connect(&house, "client");
    assert_eq!(client.locate_by_name("payroll").unwrap(), [id.to_owned()]);
    let sealed = client.encrypt(id, &CipherParameters::gcm(), None, b"", b"pay").unwrap();
    assert_eq!(sealed.data.len(), 3);
    assert!(client.get(id).is_err());
    assert!(connect(&house, "officer").get(id).is_err());
    let tail = house.json(&["audit", "tail", "--object", id, "-n", "50"]);
    let created = tail["records"].as_array().unwrap().iter().find(|r| r["kind"] == "created");
    let created = created.unwrap_or_else(|| panic!("{tail}"));
    assert_eq!((&created["actor"], &created["operation"]), (&json!("officer"), &json!("Create")));
    assert_eq!(created["rule"], "role", "{created}");
    // Names stay unique for their owner, and who may hold no keys gets none.
    let twice = house.run(&["key", "create", "payroll", "--owner", "client"]);
    assert!(text(&twice).contains("error 3042"), "{}", text(&twice));
    house.json(&["key", "create", "payroll"]);
    let keyless = house.run(&["key", "create", "x", "--owner", "auditor"]);
    assert!(text(&keyless).contains("may hold no keys"), "{}", text(&keyless));
    for wrong in [&["--algorithm", "rot13"][..], &["--length", "77"], &["--usage", "fly"]] {
        let refused = house.run(&[&["key", "create", "y"], wrong].concat());
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("error 3040"), "{}", text(&refused));
    }
}

#[test]
fn pairs_are_made_with_halves_that_do_what_theirs_is() {
    let house = House::serving();
    let made = house.json(&["key", "create", "signer", "--algorithm", "RSA", "--activate"]);
    let private = house.json(&["key", "show", "signer"]);
    assert_eq!(private["id"], made["id"]);
    assert_eq!(private["type"].as_str().or(private["object_type"].as_str()), Some("Private Key"));
    let public = house.json(&["key", "show", made["public"].as_str().unwrap()]);
    assert_eq!(attribute(&private, "Cryptographic Usage Mask"), "Sign");
    assert_eq!(attribute(&public, "Cryptographic Usage Mask"), "Verify");
    assert_eq!(private["links"][0]["id"], made["public"]);
    for algorithm in ["ECDSA", "Ed25519", "HMAC-SHA256"] {
        house.json(&["key", "create", algorithm, "--algorithm", algorithm]);
    }
}

#[test]
fn a_key_lives_from_creation_to_destruction_in_the_officers_hands() {
    let mut house = House::new();
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve.env("STRONGROOM_LIFE_CYCLE__DESTROY_DELAY", "60");
    house.start(serve);
    let id = house.json(&["key", "create", "k", "--owner", "client"])["id"].clone();
    let id = id.as_str().unwrap();
    assert_eq!(house.json(&["key", "activate", "k"])["activated"], id);
    let again = house.run(&["key", "activate", "k"]);
    assert!(text(&again).contains("error 3042"), "{}", text(&again));
    let active = house.run(&["key", "destroy", "k", "--yes"]);
    assert!(text(&active).contains("revoke it"), "{}", text(&active));
    let mut client = connect(&house, "client");
    client.get(id).unwrap();
    house.json(&[
        "key",
        "revoke",
        "k",
        "--yes",
        "--reason",
        "key-compromise",
        "--message",
        "found on a disk",
        "--happened",
        "2d",
    ]);
    let key = house.json(&["key", "show", "k"]);
    assert_eq!(key["state"], "Compromised");
    assert!(attribute(&key, "Revocation Reason").to_string().contains("found on a disk"), "{key}");
    // Longer than configured is waited, shorter is not.
    for (delay, least, most) in [("1s", 55, 65), ("1h", 3595, 3605)] {
        let done = house.json(&["key", "destroy", "k", "--yes", "--delay", delay]);
        let wait = done["at"].as_i64().unwrap() - jiff::Timestamp::now().as_second();
        assert!((least..=most).contains(&wait), "{delay}: {wait}");
        house.json(&["key", "recall", "k"]);
    }
    let (denied, wrong) = (&["key", "revoke", "k", "--yes"], &["--reason", "boredom"]);
    let wrong = house.run(&[&denied[..], wrong].concat());
    assert!(text(&wrong).contains("A reason is one of"), "{}", text(&wrong));
    let auditor = house.data().join("bundles/auditor");
    for verb in [&["revoke", "k", "--yes"][..], &["destroy", "k", "--yes"], &["activate", "k"]] {
        let denied = house.run_as(&auditor, &[&["key"], verb].concat());
        assert_eq!(denied.status.code(), Some(3), "{verb:?} {}", text(&denied));
    }
}

#[test]
fn what_comes_of_keys_is_listed_by_its_date() {
    let house = House::serving();
    let none = text(&house.run(&["key", "expiring"]));
    assert!(none.contains("No date of a key comes"), "{none}");
    assert!(text(&house.run(&["key", "list", "--name", "x"])).starts_with("No keys."));
    house.json(&["key", "create", "ends", "--activate", "--deactivate-in", "5d"]);
    house.json(&["key", "create", "turns", "--activate", "--rotate-every", "3d"]);
    house.json(&["key", "create", "later", "--activate", "--deactivate-in", "60d"]);
    house.json(&["key", "create", "doomed"]);
    house.json(&["key", "destroy", "doomed", "--yes", "--delay", "1d"]);
    let rows = house.json(&["key", "expiring"]);
    let comes: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["comes"].as_str().unwrap()))
        .collect();
    let expected = [("doomed", "destruction"), ("turns", "rotation"), ("ends", "deactivation")];
    assert_eq!(comes, expected);
    let rows = house.json(&["key", "expiring", "--within", "1y"]);
    assert_eq!(rows.as_array().unwrap().len(), 4);
    // In pages, whose cursor goes by date.
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/expiring?within=31536000&limit=3{after}");
        let page = house.api("auditor", "GET", &path, None, &[]).body;
        let rows = page["rows"].as_array().unwrap().clone();
        assert!(rows.len() <= 3, "{page}");
        seen.extend(rows);
        let Some(last) = page["after"].as_str() else { break };
        after = format!("&after={}", last.replace(' ', "%20").replace('/', "%2F"));
    }
    assert_eq!(serde_json::Value::Array(seen), house.json(&["key", "expiring", "--within", "1y"]));
    for wrong in ["limit=0", "limit=1001", "after=x", "after=1/birth/x", "whatever=1"] {
        let path = format!("/v1/expiring?{wrong}");
        assert_eq!(house.api("auditor", "GET", &path, None, &[]).status, 400, "{wrong}");
    }
    let people = text(&house.run(&["key", "expiring", "--within", "1y"]));
    assert!(
        people.lines().all(|l| l.chars().count() <= 80) && people.contains("later"),
        "{people}"
    );
    let wrong = house.run(&["key", "expiring", "--within", "soon"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong));
}

#[test]
fn a_create_that_comes_again_makes_no_second_key_not_even_after_a_crash() {
    let mut house = House::serving();
    let body = json!({ "algorithm": "AES", "owner": "client" });
    let post = |house: &House, body: &serde_json::Value, key: &str| {
        let header = format!("Idempotency-Key: {key}");
        house.api("officer", "POST", "/v1/keys", Some(body), &[&header])
    };
    let first = post(&house, &body, "once").body;
    assert_eq!(post(&house, &body, "once").body, first);
    let other = json!({ "algorithm": "AES", "owner": "client", "length": 128 });
    assert_eq!(post(&house, &other, "once").body["code"], 3042);
    house.stop("KILL");
    let serve = house.quickstart(&["--skip-proof"]);
    house.start(serve);
    assert_eq!(post(&house, &body, "once").body, first);
    assert_eq!(house.json(&["key", "list"])["keys"].as_array().unwrap().len(), 1);
    // A refusal is no answer to be remembered, and the key is the caller's own.
    let named = json!({ "algorithm": "AES", "name": "n" });
    house.json(&["key", "create", "n"]);
    assert_eq!(post(&house, &named, "later").status, 409);
    house.json(&["key", "destroy", "n", "--yes"]);
    assert_eq!(post(&house, &named, "later").status, 200);
    // A repeated answer is told apart in the audit.
    let tail = house.json(&["audit", "tail", "--operation", "Create Key", "-n", "50"]);
    let details: Vec<_> =
        tail["records"].as_array().unwrap().iter().map(|r| r["detail"].clone()).collect();
    assert_eq!(details.iter().filter(|d| **d == json!("repeated=true")).count(), 2, "{details:?}");
    // Who sends a key relies on it.
    let id = first["id"].as_str().unwrap();
    let path = format!("/v1/keys/{id}/activate");
    let refused = house.api("officer", "POST", &path, None, &["Idempotency-Key: x"]);
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[test]
fn a_create_whose_client_hung_up_and_comes_again_is_one_create() {
    let house = House::serving();
    let url = format!("https://{}/v1/keys", house.admin);
    let dir = house.data().join("bundles/officer");
    let records = || {
        let tail = house.json(&["audit", "tail", "--operation", "Create Key", "-n", "50"]);
        tail["records"].as_array().unwrap().clone()
    };
    // Until one hung up in the middle: not before the server had the request, nor after its answer.
    for attempt in 0..20 {
        let (name, key) = (format!("pair-{attempt}"), format!("Idempotency-Key: {attempt}"));
        let body = json!({ "algorithm": "RSA", "length": 4096, "name": name });
        let before = records().len();
        let mut first = std::process::Command::new("curl")
            .args(["-s", "-d", &body.to_string(), "-H", &key])
            .args(["--cacert".as_ref(), dir.join("ca.pem").as_os_str()])
            .args(["--cert".as_ref(), dir.join("cert.pem").as_os_str()])
            .args(["--key".as_ref(), dir.join("key.pem").as_os_str()])
            .arg(&url)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(60 + 10 * attempt));
        first.kill().unwrap();
        let answered = first.wait_with_output().unwrap().stdout.len();
        let again = house.api("officer", "POST", "/v1/keys", Some(&body), &[&key]);
        assert_eq!(again.status, 200, "{}", again.body);
        let of_it = records().len() - before;
        if answered > 0 || of_it < 2 {
            continue;
        }
        let repeated = records().iter().filter(|r| r["detail"] == json!("repeated=true")).count();
        assert_eq!(repeated, 1, "{:?}", records());
        return;
    }
    panic!("no client hung up in the middle");
}

#[test]
fn a_key_that_was_changed_since_it_was_seen_is_left_alone() {
    let house = House::serving();
    let id = house.json(&["key", "create", "k"])["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/keys/{id}");
    let seen = house.api("officer", "GET", &path, None, &[]).etag.unwrap();
    house.json(&["key", "group", "add", "g", &id]);
    let condition = format!("If-Match: {seen}");
    let act = |verb: &str, condition: &str| {
        house.api("officer", "POST", &format!("{path}/{verb}"), Some(&json!({})), &[condition])
    };
    for verb in ["activate", "archive", "destroy", "rotate"] {
        let refused = act(verb, &condition);
        assert_eq!((refused.status, &refused.body["code"]), (412, &json!(3046)), "{verb}");
    }
    let member = format!("/v1/key-groups/g/keys/{id}");
    for method in ["PUT", "DELETE"] {
        let refused = house.api("officer", method, &member, Some(&json!({})), &[&condition]);
        assert_eq!(refused.status, 412, "{method}: {}", refused.body);
    }
    let now = house.api("officer", "GET", &path, None, &[]).etag.unwrap();
    assert_eq!(act("activate", &format!("If-Match: {now}")).status, 200);
    // Who sends one relies on it: where nothing has an ETag it is not passed over in silence.
    let grant = json!({ "key": id, "user": "x", "operations": ["Get"] });
    let role = json!({ "role": "officer" });
    for (bundle, method, path, body) in [
        ("officer", "POST", "/v1/keys", &json!({ "algorithm": "AES" })),
        ("officer", "POST", "/v1/grants", &grant),
        ("officer", "PUT", "/v1/roles/olga", &role),
        ("sysadmin", "POST", "/v1/root/seal", &json!({})),
    ] {
        let refused = house.api(bundle, method, path, Some(body), &["If-Match: \"1\""]);
        let said = refused.body["detail"].as_str().unwrap().to_owned();
        assert_eq!(refused.status, 400, "{path}: {}", refused.body);
        assert!(said.contains("takes no If-Match"), "{path}: {said}");
    }
    assert_eq!(house.json(&["status"])["state"], "serving");
    assert!(!house.json(&["role", "list"]).to_string().contains("olga"));
}

#[test]
fn rules_that_narrow_an_officers_work_hold_for_keys_too_and_the_record_names_rule_and_key() {
    let house = House::serving();
    let id = house.json(&["key", "create", "k"])["id"].as_str().unwrap().to_owned();
    let inside = house.json(&["key", "create", "p", "--group", "payroll"])["id"].clone();
    let file = house.dir.path().join("rules");
    std::fs::write(
        &file,
        "@id(\"payroll-alone\") forbid (principal, action == Action::\"manage-keys\", resource is \
         Key) unless { resource in KeyGroup::\"payroll\" };\n\
         @id(\"none-destroyed\") forbid (principal, action == Action::\"Destroy\", resource);\n",
    )
    .unwrap();
    let set = house.run(&["policy", "set", file.to_str().unwrap(), "--yes"]);
    assert!(set.status.success(), "{}", text(&set));
    for denied in [
        &["key", "activate", "k"][..],
        &["key", "revoke", "k", "--yes"],
        &["key", "destroy", "k", "--yes"],
        &["key", "rotate", "k", "--yes"],
        &["key", "create", "another"],
        &["key", "create", "another", "--group", "other"],
    ] {
        let output = house.run(denied);
        assert_eq!(output.status.code(), Some(3), "{denied:?}: {}", text(&output));
        assert!(text(&output).contains("payroll-alone"), "{denied:?}: {}", text(&output));
    }
    house.json(&["key", "create", "another", "--group", "payroll"]);
    house.json(&["key", "activate", "p"]);
    // What the rules forbid about the operation itself holds on this way, too.
    house.json(&["key", "revoke", "p", "--yes"]);
    let destroy = house.run(&["key", "destroy", "p", "--yes"]);
    assert_eq!(destroy.status.code(), Some(3), "{}", text(&destroy));
    assert!(text(&destroy).contains("none-destroyed"), "{}", text(&destroy));
    let newest = |operation: &str| {
        let tail = house.json(&["audit", "tail", "--operation", operation, "-n", "1"]);
        tail["records"][0].clone()
    };
    let record = newest("Rotate Key");
    assert_eq!((&record["rule"], &record["object"]), (&json!("policy:payroll-alone"), &json!(id)));
    let record = newest("Destroy Key");
    assert_eq!((&record["rule"], &record["object"]), (&json!("policy:none-destroyed"), &inside));
    // A refusal about a grant names the key as well, though its path does not.
    house.run(&["key", "grant", &id, "--user", "x", "--operation", "Get"]);
    let record = newest("Grant");
    assert_eq!((&record["rule"], &record["object"]), (&json!("policy:payroll-alone"), &json!(id)));
}

#[test]
fn before_a_key_is_destroyed_its_uses_are_shown_and_its_name_is_asked_for() {
    let house = House::serving();
    let mut client = connect(&house, "client");
    let id = client.create_symmetric_key(256, 12, Some("payroll")).unwrap();
    for _ in 0..3 {
        client.get(&id).unwrap();
    }
    // Nobody is there to be asked: nothing is done, and it is said.
    let changes = house.changes();
    let alone = house.run(&["key", "destroy", "payroll"]);
    assert_eq!(alone.status.code(), Some(1), "{}", text(&alone));
    assert!(text(&alone).contains("--yes"), "{}", text(&alone));
    assert_eq!(house.changes(), changes);
    let mut command = strongroom();
    command.args(["key", "destroy", "payroll", "--bundle"]).arg(house.data().join("bundles"));
    let mut terminal = Terminal::start(&command);
    terminal.expect("last used by client");
    terminal.expect("1 client used it in");
    terminal.expect("client (3 times).");
    terminal.answer("Type payroll to go on:", "payrol");
    assert_eq!(terminal.wait(), Some(1));
    assert!(terminal.seen().lines().all(|l| l.chars().count() <= 80), "{}", terminal.seen());
    let mut terminal = Terminal::start(&command);
    terminal.answer("Type payroll to go on:", "payroll");
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.seen());
    assert_eq!(house.json(&["key", "show", &id])["state"], "Destroyed");
}

#[test]
fn before_a_key_that_wraps_others_is_revoked_it_is_said_who_used_it_and_what_nobody_unwraps_then() {
    let house = House::serving();
    let kek = ["key", "create", "kek", "--owner", "client", "--usage", "wrap-key", "--activate"];
    let kek = house.json(&kek)["id"].as_str().unwrap().to_owned();
    house.json(&["key", "grant", "kek", "--user", "officer", "--operation", "Get Attributes"]);
    let mut client = connect(&house, "client");
    let version = client.version();
    // A key that came wrapped by one that only wraps: it is kept as it came.
    let reply = client.call(Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        let mask = Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(12));
        AttributeSet::Own.write(&[mask], e, version);
        e.structure(Tag::SYMMETRIC_KEY, |e| {
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                e.bytes(Tag::KEY_VALUE, &[7; 40]);
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
                e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 256);
                e.structure(Tag::KEY_WRAPPING_DATA, |e| {
                    e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
                    e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                        e.text(Tag::UNIQUE_IDENTIFIER, &kek);
                        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                            e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::NISTKEYWRAP);
                        });
                    });
                    e.enumeration(Tag::ENCODING_OPTION, EncodingOption::NO_ENCODING);
                });
            });
        });
    });
    let wrapped = reply.unwrap().text(Tag::UNIQUE_IDENTIFIER).unwrap();
    let mut officer = connect(&house, "officer");
    for connection in [&mut client, &mut officer] {
        let asked =
            connection.call(Operation::GET_ATTRIBUTES, |e| e.text(Tag::UNIQUE_IDENTIFIER, &kek));
        asked.unwrap();
    }
    let mut command = strongroom();
    command.args(["key", "revoke", "kek", "--bundle"]).arg(house.data().join("bundles"));
    let mut terminal = Terminal::start(&command);
    for said in ["last used by officer", "2 clients", "kept wrapped by it", &wrapped] {
        terminal.expect(said);
    }
    terminal.answer("Type kek to go on:", "no");
    assert_eq!(terminal.wait(), Some(1), "{}", terminal.seen());
    assert_eq!(house.json(&["key", "show", "kek"])["state"], "Active");
    let uses = house.api("officer", "GET", &format!("/v1/uses?key={kek}"), None, &[]).body;
    assert_eq!((&uses["wraps"], &uses["wraps_count"]), (&json!([wrapped]), &json!(1)), "{uses}");
}
