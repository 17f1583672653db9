//! What is asked before a certificate is issued, what its bundle says, and who is cut off when an
//! authority goes.

use std::path::PathBuf;

use crate::house::{House, strongroom, text};

fn done(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    text(&output)
}

fn issue(house: &House, user: &str, more: &[&str]) -> PathBuf {
    let out = house.dir.path().join(format!("bundle-{user}-{}", more.len()));
    let path = out.to_str().unwrap().to_owned();
    done(house, &[&["client", "issue", user, "--out", &path][..], more].concat());
    out
}

#[test]
fn a_name_that_deceives_is_refused_as_user_as_group_and_in_a_request() {
    let house = House::serving();
    let out = house.dir.path().join("b");
    let out = out.to_str().unwrap();
    for (user, group, word) in [
        ("db\u{202E}70", "g", "direction"),
        ("ol\u{200B}ga", "g", "cannot be seen"),
        ("r\u{043E}\u{043E}t", "g", "several scripts"),
        ("plain", "gr\u{2067}oup", "direction"),
        ("plain", "\u{0430}dmins", "several scripts"),
    ] {
        let refused = house.run(&["client", "issue", user, "--group", group, "--out", out]);
        assert_eq!(refused.status.code(), Some(1), "{user:?} {group:?}: {}", text(&refused));
        assert!(text(&refused).contains(word), "{user:?} {group:?}: {}", text(&refused));
        let _ = std::fs::remove_dir_all(out);
    }
    issue(&house, "copa", &[]);
    let double = "\u{0441}\u{043E}\u{0440}\u{0430}";
    let refused = house.run(&["client", "issue", double, "--out", out]);
    assert!(text(&refused).contains("reads like the user copa"), "{}", text(&refused));
    let _ = std::fs::remove_dir_all(out);
    // A request's own name is not taken, and such a one is refused all the same.
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "app\u{202E}x");
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let file = house.dir.path().join("csr.pem");
    std::fs::write(&file, csr).unwrap();
    let csr = file.to_str().unwrap();
    let refused = house.run(&["client", "issue", "app", "--csr", csr, "--out", out]);
    assert!(text(&refused).contains("direction"), "{}", text(&refused));
    // One script is one script.
    issue(&house, "Ольга", &[]);
}

/// `client bundle`, which asks no server.
fn bundle(arguments: &[&str]) -> std::process::Output {
    strongroom().args(["client", "bundle"]).args(arguments).output().unwrap()
}

#[test]
fn a_bundle_knows_the_servers_own_port_and_a_host_name_is_taken() {
    let house = House::serving();
    let issued = issue(&house, "app", &[]);
    let port = house.kmip.rsplit_once(':').unwrap().1;
    for dir in [issued.clone(), house.data().join("bundles/client")] {
        let said = text(&bundle(&[dir.to_str().unwrap()]));
        assert!(said.contains(&format!("port={port}")), "{said}");
    }
    let path = issued.to_str().unwrap();
    let said = text(&bundle(&[path, "--kmip", "kms.example:5700"]));
    assert!(said.contains("hostname='kms.example', port=5700"), "{said}");
    let wrong = bundle(&[path, "--kmip", "kms.example"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong));
    // Whoever sent a request has the key.
    std::fs::remove_file(issued.join("key.pem")).unwrap();
    let said = bundle(&[path]);
    assert!(said.status.success(), "{}", text(&said));
    assert!(text(&said).contains("private key is with whoever made the signing request"));
}

#[test]
fn a_dry_run_of_a_renewal_asks_for_the_role_and_changes_nothing() {
    let house = House::serving();
    let before = done(&house, &["cert", "show"]);
    let renew = ["cert", "renew", "--dry-run", "--san", "kms.example"];
    let officer = house.run_as(&house.data().join("bundles/officer"), &renew);
    assert_eq!(officer.status.code(), Some(3), "{}", text(&officer));
    let said = done(&house, &renew);
    assert!(said.contains("Nothing was changed.") && said.contains("kms.example"), "{said}");
    assert_eq!(done(&house, &["cert", "show"]), before);
}

#[test]
fn retiring_an_authority_names_who_is_cut_off_and_the_list_tells_it_afterwards() {
    let house = House::serving();
    issue(&house, "late", &[]);
    issue(&house, "both", &[]);
    // The times of issuing are seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    done(&house, &["cert", "ca", "renew", "--yes"]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    issue(&house, "both", &["--group", "new"]);
    let olga = issue(&house, "olga", &["--role", "officer"]);
    let retire = ["cert", "ca", "retire"];
    let dry = [&retire[..], &["--dry-run"]].concat();
    // What would be refused is refused when it is tried, and who would be cut off is said first.
    let refused = house.run(&dry);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("late") && text(&refused).contains("cert renew"));
    // Whoever would shut himself out is told.
    let refused = house.run(&["cert", "renew"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("does not trust"), "{}", text(&refused));
    done(&house, &["cert", "renew", "--yes"]);
    // The old bundles do not know the new authority.
    let said = house.run_as(&olga, &dry);
    assert!(said.status.success(), "{}", text(&said));
    let said = text(&said);
    let cut = said.split("Cut off").nth(1).unwrap_or_else(|| panic!("{said}"));
    let cut = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(cut.contains("late") && cut.contains("auditor"), "{said}");
    assert!(!cut.contains("both,") && !cut.contains("olga"), "{said}");
    let retired = house.run_as(&olga, &[&retire[..], &["--yes"]].concat());
    assert!(retired.status.success(), "{}", text(&retired));
    let list = text(&house.run_as(&olga, &["client", "list"]));
    assert!(!list.contains("late") && list.contains("olga"), "{list}");
    let all = text(&house.run_as(&olga, &["client", "list", "--all"]));
    let late = all.lines().find(|line| line.starts_with("late")).unwrap();
    assert!(late.contains("authority retired"), "{all}");
}

#[test]
fn a_slot_that_needs_nobody_is_triggered_by_whoever_has_an_office() {
    let house = House::serving();
    done(&house, &["root", "seal", "--yes"]);
    let unseal = ["root", "unseal", "--automatic"];
    let client = house.run_as(&house.data().join("bundles/client"), &unseal);
    assert_eq!(client.status.code(), Some(3), "{}", text(&client));
    assert!(text(&client).contains("trigger"), "{}", text(&client));
    let auditor = house.run_as(&house.data().join("bundles/auditor"), &unseal);
    assert!(auditor.status.success(), "{}", text(&auditor));
}
