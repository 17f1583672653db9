//! The root key's life from the command line.

use std::path::PathBuf;

use crate::house::{House, text};

fn shares(house: &House, which: &[u8]) -> Vec<PathBuf> {
    let dir = house.data().join("recovery-shares");
    which.iter().map(|n| dir.join(format!("share-{n}-of-5.txt"))).collect()
}

fn with_files(verb: &str, files: &[PathBuf]) -> Vec<String> {
    let mut arguments = vec!["root".to_owned(), verb.to_owned()];
    for file in files {
        arguments.extend(["--share-file".to_owned(), file.display().to_string()]);
    }
    arguments
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn sealed_it_answers_nothing_until_three_custodians_come() {
    let house = House::serving();
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    assert_eq!(house.json(&["status"])["state"], "sealed");
    let refused = house.run(&["audit", "tail"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("error 3002"));
    for command in [&["root", "slot", "list"][..], &["root", "rotate"], &["clock", "confirm"]] {
        let refused = house.run(command);
        assert_eq!(refused.status.code(), Some(2), "{command:?} {}", text(&refused));
        assert!(text(&refused).contains("strongroom root unseal"), "{}", text(&refused));
    }
    let two = with_files("unseal", &shares(&house, &[1, 4]));
    let progress = house.json(&strs(&two));
    assert_eq!((&progress["unsealed"], &progress["given"]), (&false.into(), &2.into()));
    // Whoever asks is told what there is to do, with any certificate, and no more.
    let client = house.data().join("bundles/client");
    let status = text(&house.run_as(&client, &["status"]));
    for part in ["sealed", "NOT FOR PRODUCTION", "file, shamir", "2 of 3", "strongroom root unseal"]
    {
        assert!(status.contains(part), "{part} in {status}");
    }
    let doctor = house.run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(2), "{}", text(&doctor));
    for part in ["opens by file, shamir; 2 of 3 shares", "strongroom root unseal"] {
        assert!(text(&doctor).contains(part), "{part} in {}", text(&doctor));
    }
    let health = house.json(&["status"]);
    assert_eq!(health.as_object().unwrap().len(), 3, "{health}");
    let twice = house.run(&strs(&with_files("unseal", &shares(&house, &[4]))));
    assert_eq!(twice.status.code(), Some(3), "{}", text(&twice));
    assert!(text(&twice).contains("given twice"), "{}", text(&twice));
    let reset = house.json(&["root", "unseal", "--reset"]);
    assert_eq!((&reset["given"], &reset["needed"]), (&0.into(), &3.into()));
    house.json(&strs(&two));
    let third = with_files("unseal", &shares(&house, &[5]));
    assert_eq!(house.json(&strs(&third))["unsealed"], true);
    assert_eq!(house.json(&["status"])["state"], "serving");
    assert_eq!(house.json(&["audit", "verify"])["intact"], true);
    // What was asked while it was sealed was recorded when it opened, in order, once.
    let tail = house.json(&["audit", "tail", "-n", "100"]);
    let of = |operation: &str, result: &str| {
        let all = tail["records"].as_array().unwrap();
        all.iter().filter(|r| r["operation"] == operation && r["result"] == result).count()
    };
    assert_eq!(of("Read Audit", "General Failure"), 1, "{tail:#}");
    assert_eq!(of("Unseal", "success"), 6, "{tail:#}");
    assert_eq!(of("shares-forgotten", "success"), 1, "{tail:#}");
    assert_eq!(of("unseal", "success"), 1, "{tail:#}");
    assert_eq!(of("unsealed", "success"), 0, "{tail:#}");
}

#[test]
fn shares_are_verified_without_opening_anything() {
    let house = House::serving();
    let enough = with_files("verify-shares", &shares(&house, &[2, 3, 5]));
    assert_eq!(house.json(&strs(&enough))["open"], true);
    let few = with_files("verify-shares", &shares(&house, &[2, 3]));
    let output = house.run(&strs(&few));
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn too_few_shares_are_no_wrong_shares() {
    let house = House::serving();
    let told = |which: &[u8]| {
        let output = house.run(&strs(&with_files("verify-shares", &shares(&house, which))));
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        text(&output)
    };
    let few = told(&[2, 3]);
    assert!(few.contains("error 3065") && few.contains("2 of 3"), "{few}");
    let twice = told(&[2, 3, 2]);
    assert!(twice.contains("error 3065") && twice.contains("Share 2 was given twice"), "{twice}");
    // One that is no share of this root key is another thing.
    let other = House::serving();
    let mut files = shares(&house, &[2, 3]);
    files.extend(shares(&other, &[4]));
    let output = house.run(&strs(&with_files("verify-shares", &files)));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("error 3067"), "{}", text(&output));
    assert!(text(&output).contains("opens nothing here"), "{}", text(&output));
    // A slip of the pen is one thing more.
    let misspelt = house.dir.path().join("misspelt");
    let mut share = std::fs::read_to_string(&shares(&house, &[2])[0]).unwrap();
    share = share.trim().to_owned();
    let last = if share.ends_with('2') { '3' } else { '2' };
    share.pop();
    share.push(last);
    std::fs::write(&misspelt, share).unwrap();
    let output = house.run(&["root", "verify-shares", "--share-file", misspelt.to_str().unwrap()]);
    assert!(text(&output).contains("error 3060"), "{}", text(&output));
}

#[test]
fn slots_come_and_go_but_never_the_last_way_in() {
    let house = House::serving();
    let file = house.dir.path().join("passphrase");
    std::fs::write(&file, "a long and winding passphrase\n").unwrap();
    let file = file.to_str().unwrap().to_owned();
    let added = house.json(&["root", "slot", "add", "passphrase", "--passphrase-file", &file]);
    let id = added["id"].to_string();
    let slots = house.json(&["root", "slot", "list"]);
    assert_eq!(slots.as_array().unwrap().len(), 3);
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    let open = house.json(&["root", "unseal", "--passphrase-file", &file]);
    assert_eq!(open["unsealed"], true);
    let output = house.run(&["root", "slot", "remove", &id, "--yes"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("(passphrase)."), "{}", text(&output));
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    let output = house.run(&["root", "unseal", "--passphrase-file", &file]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("no passphrase slot"), "{}", text(&output));
    assert_eq!(house.json(&["root", "unseal", "--automatic"])["unsealed"], true);
    // Two are left, and two there must be.
    let output = house.run(&["root", "slot", "remove", "1", "--yes"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("error 3062"), "{}", text(&output));
    // The key of the file slot lies where another's would.
    let output = house.run(&["root", "slot", "add", "file"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("error 3087"), "{}", text(&output));
    // A wrong passphrase is told apart from a missing slot.
    assert!(
        house
            .run(&["root", "slot", "add", "passphrase", "--passphrase-file", &file])
            .status
            .success()
    );
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    let wrong = house.dir.path().join("wrong");
    std::fs::write(&wrong, "another long passphrase\n").unwrap();
    let output = house.run(&["root", "unseal", "--passphrase-file", wrong.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
}

#[test]
fn what_shredding_is_said_to_do_is_what_it_does() {
    // A full copy from before has the old epoch's key, wrapped by the same root key.
    let mut house = House::new();
    let proof = house.quickstart(&["--once"]).output().unwrap();
    assert!(proof.status.success(), "{}", text(&proof));
    let copy = House::new();
    let mut cp = std::process::Command::new("cp");
    cp.arg("-a").arg(house.data()).arg(copy.data());
    assert!(cp.status().unwrap().success());
    let serve = house.quickstart(&["--skip-proof"]);
    house.start(serve);
    assert_eq!(house.json(&["root", "rotate", "--shred", "--yes"])["shredded"], true);
    let again = copy.quickstart(&["--once"]).output().unwrap();
    assert!(text(&again).contains("still opens"), "{}", text(&again));
    let help = text(&house.run(&["root", "rotate", "--help"]));
    assert!(help.contains("opens as before") && !help.contains("nothing any more"), "{help}");
}

#[test]
fn rotation_wraps_every_object_anew_and_shreds_the_old_epoch() {
    let mut house = House::new();
    let proof = house.quickstart(&["--once"]).output().unwrap();
    assert!(proof.status.success(), "{}", text(&proof));
    let serve = house.quickstart(&["--skip-proof"]);
    house.start(serve);
    let before = house.json(&["status"])["epoch"].as_u64().unwrap();
    let done = house.json(&["root", "rotate", "--shred", "--yes"]);
    assert_eq!(done["epoch"].as_u64().unwrap(), before + 1, "{done}");
    assert_eq!(done["shredded"], true);
    assert_eq!(done["done"], done["total"]);
    assert_eq!(house.stop("TERM"), Some(0));
    // What was sealed before opens still.
    let proof = house.quickstart(&["--once"]).output().unwrap();
    assert!(proof.status.success(), "{}", text(&proof));
    assert!(text(&proof).contains("still opens"), "{}", text(&proof));
}
