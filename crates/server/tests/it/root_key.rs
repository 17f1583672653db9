//! Replacing the root key from the command line.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::house::{House, strongroom, text};

const PHRASE: &str = "a long and winding passphrase\n";

/// A house with a file slot (1), shares (2) and a passphrase (3), which is in the file given.
fn house() -> (House, String) {
    let house = House::serving();
    let file = house.dir.path().join("passphrase");
    std::fs::write(&file, PHRASE).unwrap();
    let file = file.to_str().unwrap().to_owned();
    house.json(&["root", "slot", "add", "passphrase", "--passphrase-file", &file]);
    (house, file)
}

fn old_shares(house: &House) -> PathBuf {
    house.data().join("recovery-shares")
}

/// `root VERB` with three of the shares in `dir`.
fn with_shares(house: &House, verb: &str, dir: &Path) -> Output {
    let files = [1, 3, 5].map(|n| dir.join(format!("share-{n}-of-5.txt")).display().to_string());
    let mut arguments = vec!["root", verb];
    for file in &files {
        arguments.extend(["--share-file", file]);
    }
    house.run(&arguments)
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn a_replaced_root_key_opens_with_the_new_shares_and_the_old_passphrase() {
    let (mut house, file) = house();
    let new = house.dir.path().join("new-shares");
    let done = house.json(&[
        "root",
        "rotate",
        "--root-key",
        "--shred",
        "--yes",
        "--passphrase-file",
        &format!("3={file}"),
        "--shares-dir",
        new.to_str().unwrap(),
    ]);
    assert_eq!((&done["root_key"], &done["shredded"]), (&1.into(), &true.into()), "{done}");
    let verified = with_shares(&house, "verify-shares", &new);
    assert_eq!(code(&verified), Some(0), "{}", text(&verified));
    // Those of before are told to be old, and nobody is sent to an unsealing.
    let old = text(&with_shares(&house, "verify-shares", &old_shares(&house)));
    assert!(old.contains("error 3067") && old.contains("which opens nothing here"), "{old}");
    assert!(old.contains("handed out last") && !old.contains("--reset"), "{old}");
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    let old = with_shares(&house, "unseal", &old_shares(&house));
    assert_eq!(code(&old), Some(3), "{}", text(&old));
    assert!(text(&old).contains("belongs to set"), "{}", text(&old));
    let opened = with_shares(&house, "unseal", &new);
    assert!(text(&opened).contains("Unsealed"), "{}", text(&opened));
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    assert_eq!(house.json(&["root", "unseal", "--passphrase-file", &file])["unsealed"], true);
    let tail = house.json(&["audit", "tail", "-n", "100"]);
    let records = tail["records"].as_array().unwrap();
    for operation in ["Prepare Root Key", "Replace Root Key", "replace root key"] {
        let found = records.iter().any(|r| r["operation"] == operation && r["result"] == "success");
        assert!(found, "{operation} in {tail:#}");
    }
    // The file slot has the new root key too: it starts without people, and the proof's keys open.
    assert_eq!(house.stop("TERM"), Some(0));
    let proof = house.quickstart(&["--once"]).output().unwrap();
    assert!(proof.status.success(), "{}", text(&proof));
}

#[test]
fn a_replacement_that_cannot_be_finished_is_not_begun() {
    let (house, file) = house();
    let wrong = house.dir.path().join("wrong");
    std::fs::write(&wrong, "a long and winding passphrasf\n").unwrap();
    let wrong = wrong.to_str().unwrap().to_owned();
    let (dir, full) = (house.dir.path().join("new"), house.dir.path().join("full"));
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("share-1-of-5.txt"), "of another set").unwrap();
    let (dir, full) = (dir.to_str().unwrap(), full.to_str().unwrap());
    let rotate = ["root", "rotate", "--root-key", "--yes"];
    for (more, exit, why) in [
        (vec!["--passphrase-file", &wrong, "--shares-dir", dir], 3, "error 3061"),
        (vec!["--passphrase-file", &file], 1, "give --shares-dir DIR"),
        (vec!["--passphrase-file", &file, "--shares-dir", full], 1, "is not empty"),
        (vec!["--shares-dir", dir], 1, "--passphrase-file 3=FILE"),
        (vec!["--passphrase-file", &file, "--recipient", "age1x", "--shares-dir", dir], 1, "not 1"),
    ] {
        let output = house.run(&[&rotate, more.as_slice()].concat());
        assert_eq!(code(&output), Some(exit), "{more:?} {}", text(&output));
        assert!(text(&output).contains(why), "{more:?} {}", text(&output));
    }
    assert!(!Path::new(dir).exists());
    assert_eq!(code(&with_shares(&house, "verify-shares", &old_shares(&house))), Some(0));
    // A secret is no argument, and options for the root key need it to be named.
    let output = house.run(&["root", "rotate", "--shares-dir", dir]);
    assert!(text(&output).contains("--root-key"), "{}", text(&output));
}

#[test]
fn killed_while_the_root_key_is_replaced_the_old_or_the_new_shares_open_it() {
    let (mut house, file) = house();
    let mut good = old_shares(&house);
    let (mut kept, mut replaced) = (0, 0);
    for (round, delay_ms) in [0, 2, 4, 6, 8, 11, 15, 20, 30, 50].into_iter().enumerate() {
        let new = house.dir.path().join(format!("new-{round}"));
        let mut command = strongroom();
        command.args(["root", "rotate", "--root-key", "--yes", "--passphrase-file", &file]);
        command.arg("--shares-dir").arg(&new).arg("--bundle").arg(house.data().join("bundles"));
        let mut client = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The last share is on disk: now the server is told to go on.
        let end = Instant::now() + Duration::from_secs(60);
        while !new.join("share-5-of-5.txt").exists() {
            assert!(Instant::now() < end, "no shares came\n{}", house.log());
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(delay_ms));
        house.stop("KILL");
        client.wait().unwrap();
        let serve = house.quickstart(&["--skip-proof"]);
        house.start(serve);
        // The key file opened it, whichever root key is behind.
        assert_eq!(house.json(&["status"])["state"], "serving");
        let old = code(&with_shares(&house, "verify-shares", &good)) == Some(0);
        let fresh = code(&with_shares(&house, "verify-shares", &new)) == Some(0);
        assert_ne!(old, fresh, "round {round}: old {old}, new {fresh}\n{}", house.log());
        if fresh {
            good = new;
            replaced += 1;
        } else {
            kept += 1;
        }
        assert_eq!(house.json(&["audit", "verify"])["intact"], true);
    }
    eprintln!("{kept} kept the old root key, {replaced} have the new one");
}
