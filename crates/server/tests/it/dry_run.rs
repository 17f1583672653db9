//! Dry runs: of every request that changes something, and of every command.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use strongroom_server::admin::dry_run::WITHOUT;
use strongroom_server::admin::{ROUTES, Route};

use crate::house::{House, all_under, text};

/// What a dry run must leave alone beside the store: every file that opens or shows something.
pub fn files(house: &House) -> BTreeMap<PathBuf, Vec<u8>> {
    let data = house.data();
    let all = all_under(&data).into_iter().filter(|path| path.is_file());
    let of_store = |path: &PathBuf| {
        let name = path.strip_prefix(&data).unwrap().to_string_lossy().into_owned();
        // The audit grows with every request, a tried one too.
        name.starts_with("store.db") || name.contains("uses") || name.contains("anchors")
    };
    all.filter(|path| !of_store(path)).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A house with something to try every request on.
pub struct Scene {
    pub house: House,
    cases: BTreeMap<&'static str, (&'static str, String, Value, Vec<String>)>,
}

fn csr(house: &House) -> String {
    let dir = house.dir.path();
    let openssl = |arguments: &[&str]| {
        let run = Command::new("openssl").current_dir(dir).args(arguments).output().unwrap();
        assert!(run.status.success(), "{}", text(&run));
    };
    openssl(&["genpkey", "-out", "k", "-algorithm", "ED25519"]);
    openssl(&["req", "-new", "-key", "k", "-subj", "/CN=x", "-out", "r"]);
    fs::read_to_string(dir.join("r")).unwrap()
}

impl Scene {
    pub fn new() -> Self {
        let mut house = House::new();
        let mut serve = house.quickstart(&["--skip-proof"]);
        serve.env("STRONGROOM_LIFE_CYCLE__DESTROY_DELAY", "3600");
        house.start(serve);
        let make = |name: &str, more: &[&str]| {
            let made = house.json(&[&["key", "create", name], more].concat());
            made["id"].as_str().unwrap().to_owned()
        };
        let (idle, active) = (make("idle", &[]), make("active", &["--activate", "--group", "g"]));
        let (doomed, archived) = (make("doomed", &[]), make("archived", &[]));
        house.json(&["key", "destroy", "doomed", "--yes"]);
        house.json(&["key", "archive", "archived"]);
        house.json(&["key", "grant", "active", "--user", "x", "--operation", "Get"]);
        // Something that waits for another officer, and that one.
        let bundle = house.data().join("bundles/second");
        let bundle = bundle.to_str().unwrap();
        house.json(&["client", "issue", "second", "--role", "officer", "--out", bundle]);
        let rules = "/v1/approval-rules";
        let etag = |path: &str| house.api("officer", "GET", path, None, &[]).etag.unwrap();
        let rule = json!({ "actions": ["Archive"], "approvers": 1, "from": "role:officer",
                           "open_for": 3600 });
        let condition = format!("If-Match: {}", etag(rules));
        let put = format!("{rules}/archives");
        let put = house.api("officer", "PUT", &put, Some(&rule), &[&condition]);
        assert_eq!(put.status, 200, "{}", put.body);
        let archive = format!("/v1/keys/{idle}/archive");
        let waits = house.api("officer", "POST", &archive, Some(&json!({})), &[]);
        assert_eq!(waits.status, 202, "{}", waits.body);
        let open = house.api("officer", "GET", "/v1/approvals", None, &[]).body;
        let open = open["rows"][0].clone();
        let (approval, digest) = (open["id"].as_str().unwrap(), open["digest"].clone());
        let rules_etag = format!("If-Match: {}", etag(rules));
        // Two slots must stay, so one more makes one that can go.
        let slot = json!({ "kind": "shamir", "threshold": 2, "shares": 3, "recipients": [] });
        let added = house.api("sysadmin", "POST", "/v1/root/slots", Some(&slot), &[]);
        assert_eq!(added.body["id"], 3, "{}", added.body);
        let prepared = house.api("sysadmin", "POST", "/v1/root/key", Some(&json!({})), &[]);
        let token = prepared.body["token"].as_str().unwrap().to_owned();
        let policy_etag = etag("/v1/policy");
        let share = |n: usize| {
            let path = house.data().join(format!("recovery-shares/share-{n}-of-5.txt"));
            let text = fs::read_to_string(path).unwrap();
            let mut lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
            lines.next().unwrap().to_owned()
        };
        let shares = [share(1), share(2), share(3)];
        let clients = house.json(&["client", "list"]);
        let client = clients.as_array().unwrap().iter().find(|r| r["user"] == "client").unwrap();
        let print = client["fingerprint"].as_str().unwrap().to_owned();
        let csr = csr(&house);
        let grant = json!({ "key": active, "user": "x", "operations": ["Encrypt"] });
        let held = json!({ "key": active, "user": "x", "operations": ["Get"] });
        let keys = json!([{ "line": 2, "spec": { "algorithm": "AES", "name": "imported" },
                            "key": "AAECAwQFBgcICQoLDA0ODw==" }]);
        let rules = "@id(\"a\") forbid (principal, action == Action::\"Get\", resource);";
        let none = json!({});
        let mut cases = BTreeMap::new();
        let mut case = |operation, bundle, path: String, body: Value| {
            cases.insert(operation, (bundle, path, body, Vec::new()));
        };
        case("Seal", "sysadmin", "/v1/root/seal".into(), none.clone());
        case("Add Slot", "sysadmin", "/v1/root/slots".into(), slot);
        case("Remove Slot", "sysadmin", "/v1/root/slots/1".into(), none.clone());
        case("Vouch Slot", "officer", "/v1/root/slots/3/vouch".into(), none.clone());
        let recover = json!({ "user": "nora", "csr": csr, "shares": shares });
        case("Recover Officer", "client", "/v1/root/recover-officer".into(), recover);
        case("Rotate Root", "sysadmin", "/v1/root/rotate".into(), json!({ "shred": true }));
        case("Replace Root Key", "sysadmin", "/v1/root/key".into(), json!({ "token": token }));
        case("Confirm Clock", "sysadmin", "/v1/clock/confirm".into(), none.clone());
        let new =
            json!({ "algorithm": "RSA", "length": 2048, "name": "pair", "key_groups": ["h"] });
        case("Create Key", "officer", "/v1/keys".into(), new);
        case("Activate Key", "officer", format!("/v1/keys/{idle}/activate"), none.clone());
        let reason = json!({ "reason": "key-compromise" });
        case("Revoke Key", "officer", format!("/v1/keys/{active}/revoke"), reason);
        case("Destroy Key", "officer", format!("/v1/keys/{idle}/destroy"), none.clone());
        case("Rotate Key", "officer", format!("/v1/keys/{active}/rotate"), none.clone());
        case("Recall Destruction", "officer", format!("/v1/keys/{doomed}/recall"), none.clone());
        case("Archive Key", "officer", format!("/v1/keys/{idle}/archive"), none.clone());
        case("Recover Key", "officer", format!("/v1/keys/{archived}/recover"), none.clone());
        case("Import Keys", "officer", "/v1/import".into(), json!({ "keys": keys }));
        case("Grant", "officer", "/v1/grants".into(), grant);
        case("Withdraw Grant", "officer", "/v1/grants/withdraw".into(), held);
        case("Join Key Group", "officer", format!("/v1/key-groups/h/keys/{idle}"), none.clone());
        case("Leave Key Group", "officer", format!("/v1/key-groups/g/keys/{active}"), none.clone());
        case("Grant Role", "officer", "/v1/roles/x".into(), json!({ "role": "auditor" }));
        case("Revoke Role", "officer", "/v1/roles/auditor".into(), none.clone());
        let new = json!({ "user": "new", "role": "auditor", "csr": csr });
        case("Issue Certificate", "officer", "/v1/clients".into(), new);
        let why = json!({ "reason": "tried" });
        case("Revoke Certificate", "officer", format!("/v1/clients/{print}/revoke"), why);
        let renew = "/v1/certificates/server/renew".to_owned();
        case("Renew Server Certificate", "sysadmin", renew, json!({ "names": ["a.test"] }));
        case("Renew Authority", "officer", "/v1/certificates/ca/renew".into(), none.clone());
        case("Change Policy", "officer", "/v1/policy".into(), json!({ "text": rules }));
        let about = |what: &str| format!("/v1/approvals/{approval}/{what}");
        case("Approve", "second", about("approve"), json!({ "digest": digest }));
        case("Reject Approval", "second", about("reject"), json!({ "reason": "no" }));
        case("Withdraw Approval", "officer", about("withdraw"), json!({ "reason": "no" }));
        case("Require Approval", "officer", "/v1/approval-rules/more".into(), rule);
        case("Waive Approval", "officer", "/v1/approval-rules/archives".into(), none.clone());
        case("Allow Replicas", "sysadmin", "/v1/replica/allow".into(), none.clone());
        case("Run Retention", "sysadmin", "/v1/audit/retention".into(), none.clone());
        case("Retire Authority", "officer", "/v1/certificates/ca/retire".into(), none);
        cases.get_mut("Change Policy").unwrap().3.push(format!("If-Match: {policy_etag}"));
        for operation in ["Require Approval", "Waive Approval"] {
            cases.get_mut(operation).unwrap().3.push(rules_etag.clone());
        }
        Self { house, cases }
    }

    /// Tries a request and gives its steps.
    fn tried(&self, route: &Route) -> Vec<Value> {
        let none = || panic!("{}: give it a dry run and a case here", route.operation);
        let (bundle, path, body, headers) = self.cases.get(route.operation).unwrap_or_else(none);
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let path = format!("{path}?dry_run=true");
        let answer = self.house.api(bundle, route.method, &path, Some(body), &headers);
        assert_eq!(answer.status, 200, "{}: {}", route.operation, answer.body);
        assert_eq!(answer.body["dry_run"], true, "{}: {}", route.operation, answer.body);
        assert_eq!(answer.body["operation"], route.operation);
        answer.body["steps"].as_array().unwrap().clone()
    }
}

#[test]
fn every_request_that_changes_something_can_be_tried_and_then_changes_nothing() {
    let scene = Scene::new();
    let house = &scene.house;
    let (changes, before) = (house.changes(), files(house));
    for route in ROUTES.iter().filter(|route| route.method != "GET") {
        let without = WITHOUT.iter().find(|(operation, _)| *operation == route.operation);
        // Only a quarantined store has something to confirm, and only a replica is promoted: their
        // own tests try that.
        if ["Confirm Restore", "Promote Replica"].contains(&route.operation) {
            continue;
        }
        if let Some((_, why)) = without {
            let path = format!("{}?dry_run=true", route.path);
            let refused = house.api("officer", route.method, &path, Some(&json!({})), &[]);
            let detail = refused.body["detail"].as_str().unwrap_or_default().to_owned();
            let code = refused.body["code"].as_u64().unwrap();
            assert!(code == 3024 || detail.contains(why), "{}: {}", route.operation, refused.body);
            continue;
        }
        let steps = scene.tried(route);
        // There is one authority, which stays, and no file of the audit that is full.
        let idle = ["Retire Authority", "Run Retention"].contains(&route.operation);
        assert_eq!(steps.is_empty(), idle, "{}: {steps:?}", route.operation);
        assert_eq!(house.changes(), changes, "{} changed the store", route.operation);
        assert!(files(house) == before, "{} changed files", route.operation);
        let tail = house.json(&["audit", "tail", "--operation", route.operation, "-n", "1"]);
        let record = &tail["records"][0];
        assert_eq!(record["result"], "success", "{tail}");
        assert!(record["detail"].as_str().unwrap().contains("dry-run=true"), "{tail}");
    }
    // What was tried still works, and the one who was to be revoked is still let in.
    assert_eq!(house.json(&["status"])["state"], "serving");
    assert_eq!(house.json(&["key", "show", "idle"])["state"], "Pre-Active");
    let read = house.run_as(&house.data().join("bundles/auditor"), &["audit", "tail"]);
    assert!(read.status.success(), "{}", text(&read));
}

#[test]
fn a_dry_run_is_refused_as_the_real_thing_is_and_a_misspelt_one_is_not_taken_for_it() {
    let house = House::serving();
    house.json(&["key", "create", "k", "--activate"]);
    let id = house.json(&["key", "show", "k"])["id"].as_str().unwrap().to_owned();
    let changes = house.changes();
    let path = format!("/v1/keys/{id}/destroy");
    // An active key is not destroyed, a name is not taken twice, and who may not may not try.
    let tried = format!("{path}?dry_run=true");
    let refused = house.api("officer", "POST", &tried, Some(&json!({})), &[]);
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!(3042)), "{}", refused.body);
    let twice = house.run(&["key", "create", "k", "--dry-run"]);
    assert!(text(&twice).contains("error 3042"), "{}", text(&twice));
    let auditor = house.api("auditor", "POST", &tried, Some(&json!({})), &[]);
    assert_eq!(auditor.body["code"], 3024, "{}", auditor.body);
    for wrong in ["dry-run=true", "dry_run=yes", "dry_run=true&x=1", "dryrun"] {
        let path = format!("/v1/keys/{id}/archive?{wrong}");
        let refused = house.api("officer", "POST", &path, Some(&json!({})), &[]);
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.body);
    }
    assert_eq!(house.changes(), changes);
}

#[test]
fn a_plan_is_shown_in_words_and_as_json() {
    let house = House::serving();
    let output = house.run(&["key", "create", "payroll", "--group", "g", "--dry-run"]);
    let said = text(&output);
    assert!(output.status.success() && said.starts_with("Nothing was changed."), "{said}");
    assert!(said.contains("created") && said.lines().all(|l| l.chars().count() <= 80), "{said}");
    let plan = house.json(&["root", "rotate", "--root-key", "--shred", "--dry-run"]);
    assert_eq!(plan["dry_run"], true);
    assert!(plan["steps"].as_array().unwrap().len() >= 4, "{plan}");
    let again = house.json(&["role", "grant", "auditor", "auditor", "--dry-run"]);
    assert_eq!(again["steps"], json!([]));
}
