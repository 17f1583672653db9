//! Keys from the command line, as an officer sees them.

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, text};

fn connect(house: &House) -> Connection {
    let dir = house.data().join("bundles/client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

#[test]
fn keys_are_listed_shown_and_rotated_by_the_officer() {
    let house = House::serving();
    let mut client = connect(&house);
    let ids: Vec<String> = (0..3)
        .map(|n| client.create_symmetric_key(256, 12, Some(&format!("key {n}"))).unwrap())
        .collect();
    client.activate(&ids[1]).unwrap();
    let page = house.json(&["key", "list", "-n", "2"]);
    assert_eq!(page["keys"][0]["id"], ids[0].as_str());
    assert_eq!(page["keys"][1]["state"], "Active");
    let after = page["after"].as_str().unwrap();
    let page = house.json(&["key", "list", "--after", after]);
    assert_eq!(page["keys"].as_array().unwrap().len(), 1);
    assert!(page["after"].is_null());
    let page = house.json(&["key", "list", "--name", "key 1", "--state", "active"]);
    assert_eq!(page["keys"][0]["owner"], "client");
    let wrong = house.run(&["key", "list", "--state", "alive"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong));

    let people = text(&house.run(&["key", "list"]));
    assert!(people.lines().all(|l| l.chars().count() <= 80), "{people}");
    assert!(people.contains(&ids[2]) && people.contains("AES-256"), "{people}");

    let rotated = house.json(&["key", "rotate", &ids[1], "--yes"]);
    let new = rotated["replacement"].as_str().unwrap();
    let shown = house.json(&["key", "show", new]);
    assert_eq!(shown["name"], "key 1");
    assert_eq!(shown["links"][0]["id"], ids[1].as_str());
    let people = text(&house.run(&["key", "show", new]));
    assert!(people.lines().all(|l| l.chars().count() <= 80), "{people}");
    let again = house.run(&["key", "rotate", &ids[1], "--yes"]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert!(text(&again).contains("error 3042"), "{}", text(&again));
    let none = house.run(&["key", "show", "nobody"]);
    assert!(text(&none).contains("error 3041"), "{}", text(&none));
    // An auditor reads, and changes nothing; who administers the server sees no keys at all.
    let bundles = house.data().join("bundles");
    let read = house.run_as(&bundles.join("auditor"), &["key", "show", new]);
    assert!(read.status.success(), "{}", text(&read));
    let denied = house.run_as(&bundles.join("auditor"), &["key", "rotate", new, "--yes"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
    let denied = house.run_as(&bundles.join("sysadmin"), &["key", "list"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
    let tail = house.json(&["audit", "tail", "--operation", "Rotate Key", "--object", new]);
    assert_eq!(tail["records"][0]["actor"], "auditor");
    assert_eq!(tail["records"][0]["result"], "Permission Denied");
}

#[test]
fn a_key_goes_by_its_name_where_only_one_has_it() {
    let mut house = House::new();
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve.env("STRONGROOM_LIFE_CYCLE__DESTROY_DELAY", "3600");
    serve.env("STRONGROOM_KMIP__DUPLICATE_NAMES", "true");
    house.start(serve);
    let mut client = connect(&house);
    let mut make = |name: &str| {
        let id = client.create_symmetric_key(256, 12, Some(name)).unwrap();
        client.activate(&id).unwrap();
        id
    };
    let (one, twin, other) = (make("pay roll/ä"), make("twin"), make("twin"));
    assert_eq!(house.json(&["key", "show", "pay roll/ä"])["id"], one.as_str());
    let rotated = house.json(&["key", "rotate", "pay roll/ä", "--yes"]);
    assert_eq!(rotated["id"], one.as_str());
    // The name has moved to the replacement.
    let new = rotated["replacement"].as_str().unwrap();
    assert_eq!(house.json(&["key", "show", "pay roll/ä"])["id"], new);
    for verb in [&["show"][..], &["rotate", "--yes"], &["recall"]] {
        let mut arguments = vec!["key", verb[0], "twin"];
        arguments.extend(&verb[1..]);
        let refused = house.run(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        let said = text(&refused);
        assert!(said.contains("error 3045"), "{said}");
        assert!(said.contains(&twin) && said.contains(&other), "{said}");
    }
    let doomed = make("doomed");
    let over = strongroom_kmip::RevocationReasonCode::CESSATION_OF_OPERATION;
    connect(&house).revoke(&doomed, over).unwrap();
    connect(&house).destroy(&doomed).unwrap();
    assert_eq!(house.json(&["key", "recall", "doomed"])["recalled"], doomed.as_str());
    let none = house.run(&["key", "rotate", "nobody", "--yes"]);
    assert!(text(&none).contains("error 3041") && text(&none).contains("nobody"), "{none:?}");
}

#[test]
fn a_use_stands_once_in_the_audit_and_signed_heads_only_for_who_asks() {
    let house = House::serving();
    let mut client = connect(&house);
    let id = client.create_symmetric_key(256, 12, None).unwrap();
    client.get(&id).unwrap();
    client.get(&id).unwrap();
    let tail = text(&house.run(&["audit", "tail", "--object", &id]));
    assert_eq!(tail.matches(" Get ").count(), 2, "{tail}");
    assert_eq!(tail.matches(" (Get) ").count(), 1, "{tail}");
    let shown = text(&house.run(&["audit", "tail", "-n", "100"]));
    assert!(!shown.contains(" anchor "), "{shown}");
    let all = text(&house.run(&["audit", "tail", "--all", "-n", "100"]));
    let heads = all.matches(" anchor ").count();
    assert!(heads >= 2 && !all.contains("left out"), "{all}");
    assert!(shown.contains(&format!("{heads} signed heads are left out; --all")), "{shown}");
    for text in [tail, shown, all] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    // What is left out makes no page shorter.
    let page = house.json(&["audit", "tail", "-n", "7"]);
    assert_eq!(page["records"].as_array().unwrap().len(), 7);
    let named = house.json(&["audit", "tail", "--operation", "anchor"]);
    assert!(named["records"].as_array().unwrap().len() >= 2);
}

#[test]
fn a_destruction_waits_as_configured_and_can_be_called_back() {
    let mut house = House::new();
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve.env("STRONGROOM_LIFE_CYCLE__DESTROY_DELAY", "3600");
    house.start(serve);
    let mut client = connect(&house);
    let id = client.create_symmetric_key(128, 12, Some("doomed")).unwrap();
    client.destroy(&id).unwrap();
    let shown = house.json(&["key", "show", &id]);
    assert_eq!(shown["state"], "Pre-Active");
    assert!(shown["destruction"].as_i64().unwrap() > 0);
    let recalled = house.run(&["key", "recall", &id]);
    assert!(recalled.status.success(), "{}", text(&recalled));
    assert!(house.json(&["key", "show", &id])["destruction"].is_null());
    client.get(&id).unwrap();
    let again = house.run(&["key", "recall", &id]);
    assert!(text(&again).contains("error 3042"), "{}", text(&again));
}

#[test]
fn an_officer_takes_a_key_off_line_and_brings_it_back() {
    let house = House::serving();
    let mut client = connect(&house);
    let id = client.create_symmetric_key(256, 12, Some("pay roll")).unwrap();
    assert_eq!(house.json(&["key", "archive", "pay roll"])["archived"], id.as_str());
    assert!(client.get(&id).is_err());
    let shown = text(&house.run(&["key", "show", "pay roll"]));
    assert!(shown.contains("Archive Date"), "{shown}");
    let again = house.run(&["key", "archive", &id]);
    assert!(text(&again).contains("error 3042"), "{}", text(&again));
    assert_eq!(house.json(&["key", "recover", &id])["recovered"], id.as_str());
    client.get(&id).unwrap();
    let again = house.run(&["key", "recover", &id]);
    assert!(text(&again).contains("error 3042"), "{}", text(&again));
    let tail = text(&house.run(&["audit", "tail", "--object", &id]));
    assert!(tail.contains(" archive ") && tail.contains(" recover "), "{tail}");
}
