//! Approvals with the real binary: clients, officers and a server that is killed in between.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::json;
use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, text};

/// A house with two officers: the quickstart's own, and Otto.
struct Two {
    house: House,
    otto: PathBuf,
}

impl Two {
    fn new() -> Self {
        let house = House::serving();
        let otto = house.dir.path().join("otto");
        let issue = ["client", "issue", "otto", "--role", "officer", "--out"];
        let two = Self { house, otto: otto.clone() };
        two.done(&[&issue[..], &[otto.to_str().unwrap()]].concat());
        two
    }

    fn with(require: &[&str]) -> Self {
        let two = Self::new();
        two.done(&[&["approval", "require"], require].concat());
        two
    }

    /// Runs a command that must succeed; its words fit in 80 columns.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.house.run(arguments);
        let said = text(&output);
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert!(said.lines().all(|l| l.chars().count() <= 80), "{said}");
        said
    }

    fn by_otto(&self, arguments: &[&str]) -> Output {
        self.house.run_as(&self.otto, arguments)
    }

    /// Runs a command that must wait, and gives the approval that it waits for.
    fn waits(&self, arguments: &[&str]) -> String {
        let output = self.house.run(arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {said}");
        assert!(said.contains("(error 3025)"), "{said}");
        named(&said)
    }

    fn fails(&self, arguments: &[&str], code: i32, error: u16) -> String {
        let output = self.house.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(&format!("error {error}")), "{}", text(&output));
        text(&output)
    }

    fn otto_approves(&self, id: &str) {
        let output = self.by_otto(&["approval", "approve", id, "--yes"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    fn connect(&self, who: &str) -> Connection {
        let dir = self.house.data().join("bundles").join(who);
        let file = |name: &str| Pem::file(dir.join(name));
        let config = Config::new(
            [self.house.kmip.as_str()],
            file("ca.pem"),
            file("cert.pem"),
            file("key.pem"),
        );
        Connection::open(&config).unwrap()
    }

    fn state_of(&self, id: &str) -> String {
        let view = self.house.json(&["approval", "show", id]);
        view["state"].as_str().unwrap().to_owned()
    }
}

/// The approval that a message names.
fn named(said: &str) -> String {
    // Messages are folded where people read them, never within a word.
    let words = said.split(|c: char| c.is_whitespace() || matches!(c, '`' | ':' | '.'));
    let is_id = |word: &&str| {
        let parts: Vec<&str> = word.split('-').collect();
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let hash = |text: &str| text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
        matches!(parts[..], [site, n, rest] if number(site) && number(n) && hash(rest))
    };
    let id = words.into_iter().find(is_id);
    id.unwrap_or_else(|| panic!("no approval is named: {said}")).to_owned()
}

#[test]
fn a_client_waits_for_an_officer_and_is_let_through_once() {
    let mut two = Two::with(&["last-word", "--on", "destroy", "--open-for", "1h"]);
    let mut client = two.connect("client");
    let id = client.create_symmetric_key(256, 12, Some("payroll key")).unwrap();
    let _ = client.activate(&id);
    client.revoke(&id, strongroom_kmip::RevocationReasonCode::CESSATION_OF_OPERATION).unwrap();
    let refused = client.destroy(&id).unwrap_err().to_string();
    let approval = named(&refused);
    assert!(refused.contains(&format!("`strongroom approval approve {approval}`")), "{refused}");
    assert_eq!(named(&client.destroy(&id).unwrap_err().to_string()), approval);

    let shown = two.done(&["approval", "show", &approval]);
    for said in ["payroll key", "waiting", "role officer (rule last-word)", "Last use", "client"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let listed = two.done(&["approval", "list"]);
    assert!(listed.contains(&approval) && listed.contains("Destroy"), "{listed}");
    let status = two.done(&["status"]);
    assert!(status.contains("1 wait, the oldest since"), "{status}");

    // Killed in between, nothing is forgotten.
    two.house.signal("KILL");
    let _ = two.house.stop("KILL");
    let command = two.house.quickstart(&["--skip-proof"]);
    two.house.start(command);
    let mut client = two.connect("client");
    assert_eq!(named(&client.destroy(&id).unwrap_err().to_string()), approval);
    two.otto_approves(&approval);
    let approved = two.by_otto(&["approval", "approve", &approval, "--yes"]);
    assert!(approved.status.success(), "twice is once: {}", text(&approved));
    assert_eq!(two.state_of(&approval), "approved");
    client.destroy(&id).unwrap();
    assert_eq!(two.state_of(&approval), "executed");
    assert!(two.done(&["approval", "list"]).contains("Nothing waits"));
    two.fails(&["approval", "approve", &approval, "--yes"], 1, 3042);

    // Every step is in the audit, and the audit is sound.
    let tail = two.house.json(&["audit", "tail", "-n", "200"]);
    let records = tail["records"].as_array().unwrap();
    for kind in ["approval-required", "approval-requested", "approval-given", "approval-executed"] {
        assert!(records.iter().any(|r| r["kind"] == kind), "{kind}");
    }
    two.done(&["audit", "verify"]);
}

#[test]
fn no_officer_changes_the_policy_the_rules_or_the_officers_alone() {
    let two = Two::with(&["--preset", "two-officers"]);
    let rules = two.done(&["approval", "rules"]);
    assert!(rules.contains("change-policy") && rules.contains("role:officer"), "{rules}");
    let file = two.house.dir.path().join("rules.cedar");
    fs::write(&file, "@id(\"no\")\nforbid (principal, action == Action::\"Export\", resource);\n")
        .unwrap();
    let set = ["policy", "set", file.to_str().unwrap(), "--yes"];

    // Trying is free, and says what it would come to.
    let tried = two.house.run(&["policy", "set", file.to_str().unwrap(), "--dry-run"]);
    assert!(tried.status.success(), "{}", text(&tried));
    assert!(text(&tried).contains("It would wait for approval: 1 approval"), "{}", text(&tried));
    let test = ["policy", "test", "--user", "officer", "--operation", "change-policy"];
    assert!(two.done(&test).contains("Waits for"));

    let approval = two.waits(&set);
    assert_eq!(two.waits(&set), approval);
    two.fails(&["approval", "approve", &approval, "--yes"], 3, 3028);
    // Other words are another request.
    let other = two.house.dir.path().join("other.cedar");
    fs::write(&other, "@id(\"x\")\npermit (principal, action == Action::\"Get\", resource);\n")
        .unwrap();
    let another = two.waits(&["policy", "set", other.to_str().unwrap(), "--yes"]);
    assert_ne!(another, approval);
    let rejected = two.by_otto(&["approval", "reject", &another, "--reason", "everybody?"]);
    assert!(rejected.status.success(), "{}", text(&rejected));
    two.otto_approves(&approval);
    two.done(&set);
    assert!(two.done(&["policy", "show"]).contains("@id(\"no\")"));
    two.waits(&set);

    // Neither are the rules of approval his alone to lift, nor a new officer his alone to make.
    let waive = two.waits(&["approval", "waive", "two-officers", "--yes"]);
    let weaker = ["approval", "require", "two-officers", "--on", "destroy", "--from", "group:me"];
    let output = two.house.run(&weaker);
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
    two.waits(&["role", "grant", "pal", "officer"]);
    two.waits(&["role", "revoke", "otto", "--yes"]);
    // What clients need every day is not held up, and neither is taking a certificate away.
    let out = two.house.dir.path().join("app");
    two.done(&["client", "issue", "app", "--out", out.to_str().unwrap()]);
    two.done(&["client", "revoke", "app", "--yes", "--reason", "retired"]);

    two.otto_approves(&waive);
    two.done(&["approval", "waive", "two-officers", "--yes"]);
    assert!(two.done(&["approval", "rules"]).contains("Nothing has to wait"));
    two.done(&["role", "grant", "pal", "officer"]);
}

#[test]
fn an_officers_certificate_waits_with_its_key() {
    let two = Two::with(&["--preset", "two-officers"]);
    let out = two.house.dir.path().join("omar");
    let issue = ["client", "issue", "omar", "--role", "officer", "--out", out.to_str().unwrap()];
    let approval = two.waits(&issue);
    // The same key is asked for again.
    assert_eq!(two.waits(&issue), approval);
    let shown = two.done(&["approval", "show", &approval]);
    assert!(shown.contains("omar") && shown.contains("Issue Certificate"), "{shown}");
    two.otto_approves(&approval);
    two.done(&issue);
    assert!(!out.join("waiting-key.pem").exists() && out.join("key.pem").exists());
    let roles = two.house.run_as(&out, &["role", "list"]);
    assert!(roles.status.success(), "{}", text(&roles));
}

#[test]
fn rules_that_could_not_be_met_or_lifted_are_refused() {
    let house = House::serving();
    let two = Two { house, otto: PathBuf::new() };
    // One officer alone would have nobody to ask.
    two.fails(&["approval", "require", "--preset", "two-officers"], 1, 3027);
    two.fails(&["approval", "require", "--preset", "two-officers", "--dry-run"], 1, 3027);
    for wrong in [
        &["approval", "require", "x", "--on", "locate"][..],
        &["approval", "require", "x", "--on", "destroy", "--from", "everybody"],
        &["approval", "require", "x", "--on", "import", "--key-group", "payroll"],
        &["approval", "require", "Not A Name", "--on", "destroy"],
    ] {
        two.fails(wrong, 1, 3040);
    }
    two.fails(&["approval", "require", "x", "--on", "destroy", "--open-for", "soon"], 1, 3104);
    two.fails(&["approval", "waive", "nothing", "--yes"], 1, 3041);
    two.fails(&["approval", "show", "1-99-0123"], 1, 3041);
    assert!(two.done(&["approval", "rules"]).contains("Nothing has to wait"));

    let two = Two::new();
    two.done(&["approval", "require", "x", "--on", "destroy", "--dry-run"]);
    assert!(two.done(&["approval", "rules"]).contains("Nothing has to wait"));
    two.done(&["approval", "require", "x", "--on", "destroy"]);
    two.fails(&["role", "revoke", "otto", "--yes"], 1, 3027);
    two.fails(&["role", "revoke", "otto", "--dry-run"], 1, 3027);
}

#[test]
fn custodians_make_an_officer_under_the_strict_preset_and_he_alone_lifts_nothing() {
    let two = Two::with(&["--preset", "two-officers"]);
    // The other officer has left: taking a certificate away waits for nobody.
    two.done(&["client", "revoke", "otto", "--yes", "--reason", "left"]);
    let alone = two.house.run(&["approval", "waive", "two-officers", "--yes"]);
    assert_ne!(alone.status.code(), Some(0), "{}", text(&alone));
    let recover = |user: &str, shares: &[u8]| {
        let out = two.house.dir.path().join(user);
        let mut command = vec!["root".to_owned(), "recover-officer".into(), user.into()];
        command.extend(["--out".to_owned(), out.to_str().unwrap().to_owned()]);
        for n in shares {
            let share = two.house.data().join(format!("recovery-shares/share-{n}-of-5.txt"));
            command.extend(["--share-file".to_owned(), share.to_str().unwrap().to_owned()]);
        }
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        // Who brings the shares needs no office.
        (two.house.run_as(&two.house.data().join("bundles/client"), &command), out)
    };
    let (few, out) = recover("nora", &[1, 2]);
    assert_eq!(few.status.code(), Some(3), "{}", text(&few));
    assert!(!out.join("cert.pem").exists());
    let (done, nora) = recover("nora", &[1, 3, 5]);
    assert_eq!(done.status.code(), Some(0), "it never waits: {}", text(&done));

    // Alone the new officer lifts nothing, and with the one who is left all works again.
    let waive = ["approval", "waive", "two-officers", "--yes"];
    let waits = two.house.run_as(&nora, &waive);
    assert_eq!(waits.status.code(), Some(4), "{}", text(&waits));
    let id = named(&text(&waits));
    let herself = two.house.run_as(&nora, &["approval", "approve", &id, "--yes"]);
    assert_eq!(herself.status.code(), Some(3), "{}", text(&herself));
    two.done(&["approval", "approve", &id, "--yes"]);
    let lifted = two.house.run_as(&nora, &waive);
    assert!(lifted.status.success(), "{}", text(&lifted));
    // Loudly.
    for event in ["quorum-proved", "officer-recovered"] {
        let told = two.house.json(&["audit", "tail", "--operation", event]);
        assert!(told.to_string().contains("nora"), "{event}: {told}");
    }
}

#[test]
fn a_request_that_waits_uses_its_idempotency_key_up_when_it_is_carried_out_and_not_before() {
    let two = Two::with(&["makes", "--on", "create", "--open-for", "1h"]);
    let body = json!({ "algorithm": "AES", "owner": "client", "name": "once" });
    let post = |key: &str, body: &serde_json::Value| {
        let header = format!("Idempotency-Key: {key}");
        two.house.api("officer", "POST", "/v1/keys", Some(body), &[&header])
    };
    let keys = || two.house.json(&["key", "list"])["keys"].as_array().unwrap().len();
    let first = post("k", &body);
    assert_eq!(first.status, 202, "{}", first.body);
    let id = named(first.body["detail"].as_str().unwrap());
    // Sent again it waits for the same, and the 202 is not what the key keeps.
    let again = post("k", &body);
    assert_eq!((again.status, named(again.body["detail"].as_str().unwrap())), (202, id.clone()));
    assert_eq!(keys(), 0);
    two.otto_approves(&id);
    let done = post("k", &body);
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(two.state_of(&id), "executed");
    // From then on the answer is kept: it needs no second approval and makes no second key.
    let repeated = post("k", &body);
    assert_eq!((repeated.status, &repeated.body), (200, &done.body));
    assert_eq!(keys(), 1);
    let other = json!({ "algorithm": "AES", "owner": "client", "name": "twice" });
    assert_eq!(post("k", &other).body["code"], 3042);
    assert_eq!(post("l", &other).status, 202);
    assert_eq!(keys(), 1);
}

#[test]
fn a_key_does_not_leave_the_group_that_a_rule_is_about_unseen() {
    let two = Two::new();
    let mut client = two.connect("client");
    let id = client.create_symmetric_key(256, 12, None).unwrap();
    let rule = ["approval", "require", "payroll", "--on", "get", "--key-group", "payroll"];
    two.done(&["key", "group", "add", "payroll", &id]);
    client.get(&id).unwrap();
    two.done(&rule);
    let approval = named(&client.get(&id).unwrap_err().to_string());
    let leave = ["key", "group", "remove", "payroll", &id, "--yes"];
    let leaving = two.waits(&leave);
    assert_ne!(approval, leaving);
    two.otto_approves(&approval);
    client.get(&id).unwrap();
    client.get(&id).unwrap_err();
    // Its own user sees what he asked for, and takes it back.
    let bundle = two.house.data().join("bundles/client");
    let mine = text(&two.house.run_as(&bundle, &["approval", "list"]));
    assert!(!mine.contains(&leaving), "{mine}");
    let waiting = named(&client.get(&id).unwrap_err().to_string());
    assert!(mine.contains(&waiting), "{mine}");
    let back = two.house.run_as(&bundle, &["approval", "withdraw", &waiting]);
    assert!(back.status.success(), "{}", text(&back));
    two.otto_approves(&leaving);
    two.done(&leave);
    client.get(&id).unwrap();
}
