//! One command to a running key manager.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::house::{House, all_under, strongroom, text};

#[test]
fn once_proves_itself_and_a_second_run_serves_the_same_keys() {
    let house = House::new();
    fs::write(house.dir.path().join("letter"), vec![7; 200_000]).unwrap();
    let first = house.quickstart(&["--once", "--file", "letter"]).output().unwrap();
    let said = text(&first);
    assert!(first.status.success(), "{said}");
    for expected in [
        "NOT FOR PRODUCTION",
        "key-encryption key created",
        "identical to the original",
        "Encrypt",
        "The audit is intact.",
        "Connect something",
        "PyKMIP",
    ] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}");
    }
    let second = house.quickstart(&["--once", "--file", "letter"]).output().unwrap();
    let said = text(&second);
    assert!(second.status.success(), "{said}");
    assert!(said.contains("key-encryption key of an earlier run found"), "{said}");
    assert!(said.contains("what an earlier run encrypted still opens"), "{said}");
}

#[test]
fn options_win_over_the_environment_and_that_over_the_defaults() {
    let mut house = House::new();
    let (kmip, admin) = (crate::house::address(), crate::house::address());
    let mut command = house.quickstart(&["--skip-proof"]);
    command.env("STRONGROOM_KMIP__LISTEN", &kmip).env("STRONGROOM_ADMIN__LISTEN", &admin);
    command.env("STRONGROOM_DATA__DIR", house.dir.path().join("elsewhere"));
    house.start(command);
    let status = house.json(&["status"]);
    assert_eq!(status["kmip"]["listen"], house.kmip.as_str());
    assert_eq!(status["admin"]["listen"], house.admin.as_str());
    assert!(!house.dir.path().join("elsewhere").exists());
    assert_eq!(house.stop("TERM"), Some(0));
    // Without the options it is the environment's, for the bundles and the names too.
    let mut command = strongroom();
    command.current_dir(house.dir.path()).args(["quickstart", "--once"]);
    command.env("STRONGROOM_KMIP__LISTEN", &kmip).env("STRONGROOM_ADMIN__LISTEN", &admin);
    command.env("STRONGROOM_DATA__DIR", house.dir.path().join("elsewhere"));
    let output = command.output().unwrap();
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("KMIP on {kmip}, administration on {admin}")), "{said}");
    let bundle = house.dir.path().join("elsewhere/bundles/client/kmip-address");
    assert_eq!(fs::read_to_string(bundle).unwrap().trim(), kmip);
    // What people read of it fits, but for paths.
    let wide = said.lines().filter(|line| line.chars().count() > 80);
    let wide: Vec<_> = wide.filter(|line| !line.contains("/elsewhere/")).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn the_script_takes_every_option_of_quickstart() {
    let house = House::new();
    // What the script installs and builds is here already.
    let tools = house.dir.path().join("tools");
    let target = house.dir.path().join("target/release");
    fs::create_dir_all(&tools).unwrap();
    fs::create_dir_all(&target).unwrap();
    for (name, text) in [("cargo", "exit 0"), ("rustc", "echo rustc 9.0.0")] {
        let file = tools.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_strongroom"), target.join("strongroom"))
        .unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../run");
    let path = std::env::var("PATH").unwrap();
    let output = std::process::Command::new(script)
        .current_dir(house.dir.path())
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("CARGO_TARGET_DIR", house.dir.path().join("target"))
        .args(["--once", "--data", "data", "--kmip", &house.kmip, "--admin", &house.admin])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(house.data().join("bundles").exists());
}

#[test]
fn recovery_shares_never_reach_a_pipe_and_bundles_are_private() {
    let house = House::new();
    let output = house.quickstart(&["--once"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let shares = house.data().join("recovery-shares");
    let files: Vec<_> = fs::read_dir(&shares).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 5);
    for file in &files {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let share = fs::read_to_string(file).unwrap();
        assert!(share.trim().len() > 32);
        assert!(!text(&output).contains(share.trim()));
    }
    for role in ["officer", "sysadmin", "auditor", "client"] {
        for name in ["cert.pem", "key.pem", "ca.pem"] {
            let file = house.data().join("bundles").join(role).join(name);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    assert_eq!(fs::metadata(house.data()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn status_and_doctor_say_that_it_is_not_for_production() {
    let house = House::serving();
    let status = house.json(&["status"]);
    assert_eq!(status["state"], "serving");
    assert!(status["not_for_production"][0].as_str().unwrap().contains("quickstart"));
    let people = text(&house.run(&["status"]));
    assert!(people.contains("NOT FOR PRODUCTION"), "{people}");
    assert!(people.lines().all(|l| l.chars().count() <= 80), "{people}");
    let config = house.data().join("strongroom.toml");
    let output = house.run(&["doctor", "--config", config.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("NOT FOR PRODUCTION"), "{}", text(&output));
}

#[test]
fn a_second_run_still_warns_of_shares_that_lie_there() {
    let house = House::new();
    let run = || text(&house.quickstart(&["--once"]).output().unwrap());
    run();
    let shares = house.data().join("recovery-shares");
    assert!(run().contains("WARNING: 5 recovery shares are in "));
    fs::remove_file(shares.join("share-1-of-5.txt")).unwrap();
    assert!(run().contains("WARNING: 4 recovery shares are in "));
    for n in 2..=5 {
        fs::remove_file(shares.join(format!("share-{n}-of-5.txt"))).unwrap();
    }
    let said = run();
    assert!(!said.contains("WARNING"), "{said}");
}

#[test]
fn every_file_is_its_owners_alone_whatever_the_umask() {
    for umask in ["000", "077"] {
        let house = House::new();
        let quickstart = house.quickstart(&["--once"]);
        let mut loose = std::process::Command::new("sh");
        loose.arg("-c").arg(format!("umask {umask}; exec \"$@\"")).arg("sh");
        loose.arg(quickstart.get_program()).args(quickstart.get_args());
        let output = loose.current_dir(house.dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let all = all_under(&house.data());
        assert!(all.len() > 30, "{all:?}");
        for path in all {
            let data = fs::metadata(&path).unwrap();
            let wanted = if data.is_dir() { 0o700 } else { 0o600 };
            let mode = data.permissions().mode() & 0o7777;
            assert_eq!(mode, wanted, "{} has {mode:o} with umask {umask}", path.display());
        }
    }
}

#[test]
fn a_log_that_nobody_watches_has_no_colours_and_lock_files_are_private() {
    let mut house = House::new();
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve.env("STRONGROOM_LOG__LEVEL", "info");
    house.start(serve);
    let log = house.log();
    assert!(log.contains("INFO") && !log.contains('\x1b'), "{log}");
    for lock in ["store.db.lock", "audit/uses.lock"] {
        let mode = fs::metadata(house.data().join(lock)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{lock}");
    }
}

#[test]
fn a_signal_stops_it_cleanly_and_the_audit_holds_afterwards() {
    let mut house = House::serving();
    for signal in ["INT", "TERM"] {
        assert_eq!(house.stop(signal), Some(0), "{}", house.log());
        let again = house.quickstart(&["--skip-proof"]);
        house.start(again);
        assert_eq!(house.json(&["audit", "verify"])["intact"], true);
    }
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let house = House::serving();
    let mut other = House::new();
    other.kmip = crate::house::address();
    let mut command = strongroom();
    command.args(["quickstart", "--once", "--data"]).arg(house.data());
    command.args(["--kmip", &other.kmip, "--admin", &other.admin]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("error 3085"), "{}", text(&output));
    assert_eq!(house.json(&["status"])["state"], "serving");
}

#[test]
fn roles_are_told_apart_and_the_exit_code_says_denied() {
    let house = House::serving();
    let bundles = house.data().join("bundles");
    let denied = house.run_as(&bundles.join("officer"), &["root", "seal", "--yes"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
    let denied = house.run_as(&bundles.join("sysadmin"), &["audit", "tail"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
    let tail = house.json(&["audit", "tail", "--actor", "officer"]);
    let record = &tail["records"][0];
    assert_eq!(record["operation"], "Seal");
    // How it ended stands in fields of its own.
    assert_eq!(record["kind"], "refusal");
    assert_eq!(record["result"], "Permission Denied");
    assert_eq!(record["rule"], "role-lacks");
    assert_eq!(record["detail"], "3024 denied");
    let id = format!("{}:{}", record["chain"].as_str().unwrap(), record["seq"]);
    let shown = house.json(&["audit", "show", &id]);
    assert_eq!(&shown, record);
}

#[test]
fn pages_of_the_audit_join_without_gap_or_overlap() {
    let house = House::serving();
    for _ in 0..5 {
        house.json(&["status"]);
    }
    let all = house.json(&["audit", "tail", "--actor", "sysadmin", "-n", "100"]);
    assert_eq!(all["records"].as_array().unwrap().len(), 5);
    let two = house.json(&["audit", "tail", "--actor", "sysadmin", "-n", "2"]);
    assert_eq!(two["records"], serde_json::json!(all["records"].as_array().unwrap()[3..]));
    assert!(two["before"].is_string());
}

#[test]
fn usage_errors_say_what_is_wrong_and_exit_with_1() {
    let output = strongroom().arg("quickstrat").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    fs::write(&file, "[kmip]\nlissten = \"x\"\n").unwrap();
    let output = strongroom().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("kmip.listen"), "{}", text(&output));
    let output = strongroom().args(["status", "--bundle"]).arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let house = House::new();
    let output = house.quickstart(&["--once", "--file", "absent"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!house.data().exists());
}
