//! Who may do what, from the command line: roles, grants, key groups and rules, with real clients
//! that feel it.

use std::fs;

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, text};

fn connect(house: &House, who: &str) -> Connection {
    let dir = house.data().join("bundles").join(who);
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

/// Runs a command that must succeed; its words fit in 80 columns.
fn done(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    let said = text(&output);
    assert!(output.status.success(), "{arguments:?}: {said}");
    assert!(said.lines().all(|l| l.chars().count() <= 80), "{said}");
    said
}

/// Runs a command that must fail with this exit code and this error.
fn fails(house: &House, arguments: &[&str], code: i32, error: u16) {
    let output = house.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
    assert!(text(&output).contains(&format!("error {error}")), "{}", text(&output));
}

#[test]
fn grants_key_groups_and_rules_bite_on_the_next_request_of_open_connections() {
    let house = House::serving();
    let mut client = connect(&house, "client");
    let mut officer = connect(&house, "officer");
    let id = client.create_symmetric_key(256, 12, Some("payroll key")).unwrap();
    assert!(officer.get(&id).is_err());

    // A grant on the key, first only tried.
    let give = ["key", "grant", "payroll key", "--user", "officer", "--operation", "Get"];
    let tried = done(&house, &[&give[..], &["--dry-run"]].concat());
    assert!(tried.contains("Nothing was changed"), "{tried}");
    assert!(officer.get(&id).is_err());
    done(&house, &give);
    officer.get(&id).unwrap();
    let granted = house.json(&["key", "grants", &id]);
    assert_eq!(granted[0]["user"], "officer");
    assert_eq!(granted[0]["operation"], "Get");
    assert!(done(&house, &give).contains("already"));
    let withdraw = ["key", "withdraw", &id, "--user", "officer", "--operation", "get", "--yes"];
    let words = done(&house, &withdraw).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.starts_with("The grant of get to user officer on key"), "{words}");
    assert!(words.ends_with("is withdrawn."), "{words}");
    assert!(officer.get(&id).is_err());

    // A grant on a key group, to a group of users: the OU of the officer's certificate.
    done(&house, &["key", "group", "add", "payroll", "payroll key"]);
    let to_group =
        ["key", "grant", "--key-group", "payroll", "--user", "officer", "--operation", "get"];
    done(&house, &to_group);
    officer.get(&id).unwrap();
    // The key's grants have those that reach it through its key groups, with the group named.
    let granted = house.json(&["key", "grants", &id]);
    assert_eq!(
        (granted[0]["user"].as_str(), granted.as_array().unwrap().len()),
        (Some("officer"), 1)
    );
    assert_eq!(granted[0]["key_group"], "payroll");
    let shown = done(&house, &["key", "grants", &id]);
    assert!(shown.contains("key group payroll  Get"), "{shown}");
    let of_group = house.json(&["key", "grants", "--key-group", "payroll"]);
    assert_eq!(of_group[0].get("key_group"), None);
    let groups = house.json(&["key", "group", "list"]);
    assert_eq!(groups[0]["name"], "payroll");
    assert_eq!(groups[0]["keys"], 1);
    assert!(done(&house, &["key", "group", "list"]).contains("user officer: Get"));
    done(&house, &["key", "group", "remove", "payroll", &id, "--yes"]);
    assert!(officer.get(&id).is_err());
    done(&house, &["key", "group", "add", "payroll", &id]);

    // A rule that forbids, tried, compared and put in force.
    let file = house.dir.path().join("rules.cedar");
    fs::write(
        &file,
        "@id(\"officers-hold-nothing\")\nforbid (principal, action == Action::\"Get\", resource)\n\
         when { principal.role == \"officer\" };\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let tried = done(&house, &["policy", "set", file, "--dry-run"]);
    assert!(tried.contains("allowed → denied (policy:officers-hold-nothing)"), "{tried}");
    officer.get(&id).unwrap();
    let diff = house.json(&["policy", "diff", file]);
    assert!(diff["differences"][0]["requests"].as_u64().unwrap() >= 1, "{diff}");
    done(&house, &["policy", "set", file, "--yes"]);
    assert!(officer.get(&id).is_err());
    client.get(&id).unwrap();
    let test = ["policy", "test", "--user", "officer", "--operation", "get", "--key", &id];
    let told = done(&house, &test);
    assert!(told.contains("denied") && told.contains("policy:officers-hold-nothing"), "{told}");
    let tail = house.json(&["audit", "tail", "--operation", "Get"]);
    let rules: Vec<_> =
        tail["records"].as_array().unwrap().iter().filter_map(|r| r["rule"].as_str()).collect();
    assert!(rules.contains(&"policy:officers-hold-nothing"), "{rules:?}");
    assert!(done(&house, &["policy", "show"]).contains("officers-hold-nothing"));
    assert!(done(&house, &["policy", "show", "--schema"]).contains("entity Key"));

    // What is wrong with rules is said, and changes nothing.
    fs::write(file, "permit (principal, action, resource);").unwrap();
    fails(&house, &["policy", "set", file, "--yes"], 1, 3040);
    assert!(done(&house, &["policy", "show"]).contains("officers-hold-nothing"));
}

#[test]
fn roles_exclude_each_other_and_bite_at_once() {
    let house = House::serving();
    let roles = house.json(&["role", "list"]);
    assert_eq!(roles.as_array().unwrap().len(), 4, "{roles}");
    fails(&house, &["role", "grant", "auditor", "officer"], 1, 3026);
    fails(&house, &["role", "grant", "auditor", "officer", "--dry-run"], 1, 3026);
    fails(&house, &["role", "grant", "olga", "queen"], 1, 3040);
    fails(&house, &["role", "revoke", "officer", "--yes"], 1, 3042);
    done(&house, &["role", "grant", "olga", "officer"]);
    // The auditor reads the audit until the role is gone, and not after.
    let bundle = house.data().join("bundles/auditor");
    let read = house.run_as(&bundle, &["audit", "tail"]);
    assert!(read.status.success(), "{}", text(&read));
    done(&house, &["role", "revoke", "auditor", "--yes"]);
    let read = house.run_as(&bundle, &["audit", "tail"]);
    assert_eq!(read.status.code(), Some(3), "{}", text(&read));
    // A client that becomes custodian has no keys from the next request on, on an open connection.
    let mut client = connect(&house, "client");
    let id = client.create_symmetric_key(128, 12, None).unwrap();
    client.get(&id).unwrap();
    done(&house, &["role", "revoke", "client", "--yes"]);
    done(&house, &["role", "grant", "client", "custodian"]);
    assert!(client.get(&id).is_err());
    let roles = done(&house, &["role", "list"]);
    assert!(roles.contains("custodian") && roles.contains("olga"), "{roles}");
    // Only officers change roles, and nobody who administers the server.
    let denied =
        house.run_as(&house.data().join("bundles/sysadmin"), &["role", "grant", "x", "officer"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
}

#[test]
fn rules_narrow_an_officers_work_on_every_way() {
    let house = House::serving();
    let mut client = connect(&house, "client");
    let id = client.create_symmetric_key(256, 12, Some("payroll key")).unwrap();
    done(&house, &["key", "group", "add", "payroll", &id]);
    let file = house.dir.path().join("rules.cedar");
    fs::write(
        &file,
        "@id(\"payroll-officers-only\")\nforbid (principal, action == Action::\"manage-keys\", \
         resource is Key in KeyGroup::\"payroll\")\nunless { principal in \
         Group::\"payroll-officers\" };\n@id(\"no-roles\") forbid (principal, action == \
         Action::\"change-roles\", resource);\n",
    )
    .unwrap();
    done(&house, &["policy", "set", file.to_str().unwrap(), "--yes"]);
    let other = client.create_symmetric_key(256, 12, None).unwrap();
    let out = house.dir.path().join("x");
    for command in [
        &["key", "rotate", &id, "--yes"][..],
        &["key", "archive", &id],
        &["key", "recall", &id],
        &["key", "grant", &id, "--user", "x", "--operation", "Get"],
        &["key", "withdraw", &id, "--user", "x", "--operation", "Get", "--yes"],
        &["key", "grant", "--key-group", "payroll", "--user", "x", "--operation", "Get"],
        &[
            "key",
            "withdraw",
            "--key-group",
            "payroll",
            "--user",
            "x",
            "--operation",
            "Get",
            "--yes",
        ],
        &["key", "group", "remove", "payroll", &id, "--yes"],
        &["key", "group", "add", "payroll", &other],
        &["role", "grant", "x", "officer"],
        &["client", "issue", "x", "--role", "officer", "--out", out.to_str().unwrap()],
    ] {
        fails(&house, command, 3, 3024);
    }
    done(&house, &["key", "grant", &other, "--user", "x", "--operation", "Get"]);
}

#[test]
fn rules_are_changed_only_as_they_were_read() {
    let house = House::serving();
    let bundle = house.data().join("bundles/officer");
    let file = |name: &str| bundle.join(name).to_str().unwrap().to_owned();
    let put = |etag: Option<&str>| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "-X", "PUT", "--cacert", &file("ca.pem"), "--cert", &file("cert.pem")]);
        curl.args(["--key", &file("key.pem"), "-H", "content-type: application/json"]);
        if let Some(etag) = etag {
            curl.args(["-H", &format!("If-Match: \"{etag}\"")]);
        }
        let url = format!("https://{}/v1/policy", house.admin);
        let output = curl.args(["-d", "{\"text\":\"\"}", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(put(None).contains("\"code\":3047"), "{}", put(None));
    assert!(put(Some("0123")).contains("\"code\":3046"), "{}", put(Some("0123")));
    let current = house.json(&["policy", "show"]);
    let done = put(current["etag"].as_str());
    assert!(done.contains("\"etag\""), "{done}");
}

#[test]
fn who_may_not_even_look_is_refused_what_was_asked_for() {
    let house = House::serving();
    let sysadmin = house.data().join("bundles/sysadmin");
    let file = house.dir.path().join("rules.cedar");
    fs::write(&file, "").unwrap();
    let rules = file.to_str().unwrap();
    for (command, asked, not) in [
        (&["policy", "set", rules, "--yes"][..], "Change Policy", "Read Policy"),
        (&["policy", "set", rules, "--dry-run"], "Change Policy", "Read Policy"),
        (&["role", "revoke", "auditor"], "Revoke Role", "List Roles"),
        (&["key", "destroy", "a key", "--yes"], "Destroy Key", "List Keys"),
        (&["key", "activate", "a key"], "Activate Key", "List Keys"),
        (
            &["key", "withdraw", "a key", "--user", "client", "--operation", "Get"],
            "Withdraw Grant",
            "List Keys",
        ),
        (&["key", "group", "add", "a group", "a key"], "Join Key Group", "List Keys"),
    ] {
        let output = house.run_as(&sysadmin, command);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{command:?}: {said}");
        assert!(said.contains(asked) && !said.contains(not), "{command:?}: {said}");
        // The audit has it by its name, too.
        let tail = house.json(&["audit", "tail", "-n", "1", "--actor", "sysadmin"]);
        assert_eq!(tail["records"][0]["operation"], asked, "{tail}");
    }
}

#[test]
fn every_recipe_of_the_cookbook_is_a_rule_that_can_be_used() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../doc/policy.md");
    let text = fs::read_to_string(page).unwrap();
    let recipes: Vec<&str> =
        text.split("```cedar\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(recipes.len() >= 6, "{}", recipes.len());
    for recipe in &recipes {
        let rules = strongroom_policy::Rules::with(recipe);
        assert!(rules.is_ok(), "{recipe}{rules:?}");
    }
    strongroom_policy::Rules::with(&recipes.concat()).unwrap();
}
