//! Shares that are handed out encrypted, each to its custodian's age key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use strongroom_root::age;

use crate::house::text;
use crate::init::{PLAN, Site};
use crate::shares::shares_in;

/// Custodians made for this test: what a share is encrypted to, and what opens it.
const CUSTODIANS: [(&str, &str); 3] = [
    (
        "age1vwf37uyjk89exag4cf8gn6fpyaf45nkv26g4sz05wxshaxsfcq3q2r5xjn",
        "AGE-SECRET-KEY-1VMVG3VJ3KH5LTFDE0DTRYR9GQMMNST69KZASU4060MMQG5S9RSDQL8SXVP",
    ),
    (
        "age1fqgej3r47vcf3ed55k2ftetu89sls9l5r400m00qh2nuu3y5939q5nrqam",
        "AGE-SECRET-KEY-1WG9V6RMX2FQGLE0NZNN4NG7PD39936P767VWE0LQPYWYM8KZTA2SZFXKRZ",
    ),
    (
        "age13zdfvfda4lygphg32uah0c2fuvkhmwwnr4nf2kuq9uv3antpkp9sl65g8y",
        "AGE-SECRET-KEY-14L0Y4M5TKVZEF4W90VG2H6PQ5YJ5RSAAJKCM6585AJR8ZKPQK4EQ2CZHQK",
    ),
];

/// Opens an age file as its custodian does: with the `age` program where it is installed, and with
/// our own reader always. None if it is not for this custodian.
fn open(file: &Path, identity: &str) -> Option<String> {
    let armoured = fs::read_to_string(file).unwrap();
    let lines = armoured.lines().filter(|line| !line.starts_with("-----")).collect::<String>();
    let bytes = base64::engine::general_purpose::STANDARD.decode(lines).unwrap();
    let ours = age::decrypt(identity, &bytes).ok();
    let ours = ours.map(|plain| String::from_utf8(plain.as_slice().to_vec()).unwrap());
    let key = file.with_extension("identity");
    fs::write(&key, identity).unwrap();
    match Command::new("age").arg("--decrypt").arg("--identity").arg(&key).arg(file).output() {
        Ok(output) => {
            let theirs = output.status.success().then(|| String::from_utf8(output.stdout).unwrap());
            assert_eq!(theirs, ours, "age and we read {} differently", file.display());
        }
        Err(_) => eprintln!("SKIPPED: age is not installed; our own reader alone was asked"),
    }
    fs::remove_file(key).unwrap();
    ours
}

/// Checks what a directory of encrypted shares holds, and gives the shares as their custodians see
/// them.
fn opened(dir: &Path) -> Vec<String> {
    let mut shares = Vec::new();
    assert_eq!(fs::read_dir(dir).unwrap().count(), 3);
    for (n, (_, identity)) in CUSTODIANS.iter().enumerate() {
        let file = dir.join(format!("share-{}-of-3.age", n + 1));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let plain = open(&file, identity).expect("its custodian opens it");
        let found = shares_in(&plain);
        assert_eq!(found.len(), 1, "{plain}");
        assert!(!fs::read_to_string(&file).unwrap().contains(&found[0]));
        let other = CUSTODIANS[(n + 1) % 3].1;
        assert_eq!(open(&file, other), None, "another custodian opens it, too");
        shares.extend(found);
    }
    shares
}

fn unseal(site: &Site, shares: &[&String]) {
    let sam = site.bundle("sam");
    let mut arguments = vec!["root".to_owned(), "unseal".into()];
    for (n, share) in shares.iter().enumerate() {
        let file = site.house.dir.path().join(format!("given-{n}"));
        fs::write(&file, share).unwrap();
        arguments.extend(["--share-file".into(), file.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert_eq!(site.json(&sam, &arguments)["unsealed"], true);
}

#[test]
fn each_custodian_opens_one_share_with_age_and_enough_of_them_unseal() {
    let recipients: Vec<String> = CUSTODIANS.iter().map(|(r, _)| format!("\"{r}\"")).collect();
    let encrypted = format!("shares = 3\nrecipients = [{}]", recipients.join(", "));
    let mut site = Site::new("", &PLAN.replace("shares = 3", &encrypted));
    let set_up = site.init();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let dir: PathBuf = site.house.dir.path().join("shares");
    let shares = opened(&dir);
    let serve = site.serve();
    site.house.start(serve);
    unseal(&site, &[&shares[2], &shares[0]]);

    // A slot that is added later hands its shares out in the same way.
    let later = site.house.dir.path().join("later");
    let mut add = vec!["root", "slot", "add", "shamir", "--threshold", "3", "--shares", "3"];
    for (recipient, _) in &CUSTODIANS {
        add.extend(["--recipient", recipient]);
    }
    let few = site.house.run_as(&site.bundle("sam"), &add[..add.len() - 2]);
    assert!(!few.status.success(), "two keys for three shares: {}", text(&few));
    add.extend(["--shares-dir", later.to_str().unwrap()]);
    let added = site.house.run_as(&site.bundle("sam"), &add);
    assert!(added.status.success(), "{}", text(&added));
    let new = opened(&later);
    assert!(shares.iter().all(|old| !new.contains(old)));
    assert!(site.house.run_as(&site.bundle("sam"), &["root", "seal", "--yes"]).status.success());
    unseal(&site, &new.iter().collect::<Vec<_>>());
    assert_eq!(site.json(&site.bundle("sam"), &["status"])["state"], "serving");
}
