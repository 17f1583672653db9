//! Retention in a running server, and a server that is killed while it deletes.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, strongroom, text};

fn quickstart(house: &House, keep: &str) -> Command {
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve
        .env("STRONGROOM_AUDIT__SEGMENT_SIZE", "8KiB")
        .env("STRONGROOM_AUDIT__KEEP_SIZE", keep)
        .env("STRONGROOM_AUDIT__ANCHORS_PATH", house.dir.path().join("anchors"));
    serve
}

fn connect(house: &House) -> Connection {
    let dir = house.data().join("bundles/client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

fn use_keys(house: &House, times: u32) {
    let mut client = connect(house);
    let id = client.create_symmetric_key(256, 12, None).unwrap();
    for _ in 0..times {
        client.get(&id).unwrap();
    }
}

fn is_intact(house: &House) -> String {
    let verified = house.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}\n{}", text(&verified), house.log());
    let anchors = house.dir.path().join("anchors");
    let against = ["audit", "verify", "--anchors", anchors.to_str().unwrap()];
    let met = house.run(&against);
    assert!(met.status.success(), "{}", text(&met));
    text(&verified)
}

/// Waits for a signed head behind all that is there: they are made every ten seconds.
fn deleted(house: &House) -> serde_json::Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let done = house.json(&["audit", "retention", "run", "--yes"]);
        if done["deleted"].as_u64().unwrap() > 0 {
            return done;
        }
        assert!(Instant::now() < end, "nothing is deleted: {done}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn the_audit_is_compressed_and_deleted_by_size_and_what_is_left_verifies() {
    let mut house = House::new();
    house.start(quickstart(&house, "24KiB"));
    use_keys(&house, 200);
    let dry = house.run(&["audit", "retention", "run", "--dry-run"]);
    assert!(text(&dry).contains("Nothing was changed."), "{}", text(&dry));
    // Nobody confirms here, and only the system administrator may.
    let auditor = house.data().join("bundles/auditor");
    let refused = house.run_as(&auditor, &["audit", "retention", "run", "--yes"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    let seen = house.run_as(&auditor, &["audit", "retention", "show"]);
    assert!(seen.status.success(), "{}", text(&seen));
    let done = deleted(&house);
    let last = done["last"].as_u64().unwrap();
    let shown = text(&house.run(&["audit", "retention", "show"]));
    assert!(shown.contains(&format!("Records up to {last} were deleted.")), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains("packed"), "{shown}");
    let verdict = is_intact(&house);
    assert!(verdict.contains(&format!("uses     records {} to ", last + 1)), "{verdict}");
    // The deletion stands in the audit, with who and by which rule.
    let told = house.json(&["audit", "search", "--operation", "segment-deleted"]);
    let record = &told["records"][0];
    assert_eq!(record["actor"], "sysadmin");
    assert!(record["detail"].as_str().unwrap().contains("audit.keep_size = 24576"), "{record}");
    // Of the files alone, without any secret.
    let key = house.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
    assert_eq!(house.stop("TERM"), Some(0));
    let mut offline = strongroom();
    offline.args(["audit", "verify", "--data"]).arg(house.data());
    offline.arg("--anchors").arg(house.dir.path().join("anchors")).args(["--key", &key]);
    let alone = offline.output().unwrap();
    assert!(alone.status.success(), "{}", text(&alone));
    // What nobody recorded to be deleted is missed.
    let audit = house.data().join("audit");
    let mut files: Vec<_> = fs::read_dir(&audit).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.to_str().unwrap().contains("uses-"));
    files.sort();
    fs::remove_file(&files[0]).unwrap();
    house.start(quickstart(&house, "24KiB"));
    let found = house.run(&["audit", "verify"]);
    assert_eq!(found.status.code(), Some(2), "{}", text(&found));
    assert!(text(&found).contains(&format!("record {}", last + 1)), "{}", text(&found));
}

#[test]
fn a_server_that_is_killed_while_it_compresses_and_deletes_opens_and_verifies() {
    let mut house = House::new();
    house.start(quickstart(&house, "0"));
    use_keys(&house, 150);
    // From now on by size: the first round has much to do.
    for round in 0..8_u64 {
        house.stop("KILL");
        house.start(quickstart(&house, "16KiB"));
        use_keys(&house, 60);
        let data = house.data().join("bundles");
        let again = std::thread::spawn(move || {
            let mut run = strongroom();
            run.args(["audit", "retention", "run", "--yes", "--bundle"]).arg(data);
            let _ = run.output();
        });
        std::thread::sleep(Duration::from_millis(round * 9));
        house.stop("KILL");
        again.join().unwrap();
        house.start(quickstart(&house, "16KiB"));
        is_intact(&house);
    }
    use_keys(&house, 60);
    deleted(&house);
    is_intact(&house);
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn what_deletes_needs_a_second_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    fs::write(&file, "[audit]\nkeep_days = 90\n").unwrap();
    let checked = strongroom().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(text(&checked).contains("audit.anchors_path"), "{}", text(&checked));
    fs::write(&file, "[audit]\nkeep_days = 90\nkeep_size = \"20GiB\"\nanchors_path = \"a\"\n")
        .unwrap();
    let checked = strongroom().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
}
