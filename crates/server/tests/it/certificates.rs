//! Certificates from the command line, against a server that goes on serving meanwhile.

use std::fs;
use std::path::Path;
use std::process::Command;

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, strongroom, text};

fn open(house: &House, dir: &Path) -> Result<Connection, String> {
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    let mut connection = Connection::open(&config).map_err(|e| e.to_string())?;
    // With TLS 1.3 a refused certificate shows with the first answer only.
    connection.create_symmetric_key(128, 12, None).map_err(|e| e.to_string())?;
    Ok(connection)
}

fn done(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    let said = text(&output);
    assert!(output.status.success(), "{arguments:?}: {said}");
    assert!(said.lines().all(|l| l.chars().count() <= 80), "{said}");
    said
}

fn openssl(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").current_dir(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    text(&output)
}

/// The fingerprint of the certificate that the KMIP port shows.
fn shown(house: &House) -> String {
    let dir = house.data().join("bundles/client");
    let script = format!(
        "openssl s_client -connect {} -cert cert.pem -key key.pem </dev/null 2>/dev/null | openssl \
         x509 -noout -fingerprint -sha256",
        house.kmip
    );
    let output = Command::new("sh").current_dir(dir).args(["-c", &script]).output().unwrap();
    let said = text(&output);
    let print = said.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
    assert_eq!(print.len(), 64, "{said}");
    print
}

#[test]
fn a_certificate_is_issued_listed_and_revoked_and_that_bites_on_open_connections() {
    let house = House::serving();
    let dir = house.dir.path().join("db-07");
    let out = dir.to_str().unwrap();
    let issue = ["client", "issue", "db-07", "--group", "databases", "--role", "client"];
    let said = done(&house, &[&issue[..], &["--out", out]].concat());
    assert!(said.contains("databases"), "{said}");
    let mut open_one = open(&house, &dir).unwrap();
    open_one.create_symmetric_key(128, 12, None).unwrap();
    let recipes = text(&strongroom().args(["client", "bundle", out]).output().unwrap());
    assert!(recipes.contains("PyKMIP") && recipes.contains(out), "{recipes}");
    let rows = house.json(&["client", "list"]);
    let row = rows.as_array().unwrap().iter().find(|r| r["user"] == "db-07").unwrap();
    assert_eq!(row["groups"][0], "databases");
    assert!(done(&house, &["client", "list"]).contains("db-07"));
    assert_eq!(house.json(&["role", "list"]).to_string().matches("db-07").count(), 1);

    // A bundle that is there is not overwritten, and nothing is issued for it.
    let again = house.run(&["client", "issue", "db-07", "--out", out]);
    assert!(text(&again).contains("error 3087"), "{}", text(&again));
    let count = |house: &House| house.json(&["client", "list", "--all"]).as_array().unwrap().len();
    let before = count(&house);

    let tried = done(&house, &["client", "revoke", "db-07", "--dry-run"]);
    assert!(tried.contains("Nothing was changed"), "{tried}");
    open_one.create_symmetric_key(128, 12, None).unwrap();
    done(&house, &["client", "revoke", "db-07", "--yes", "--reason", "left the house"]);
    assert!(open_one.create_symmetric_key(128, 12, None).is_err());
    assert!(open(&house, &dir).is_err());
    let rows = house.json(&["client", "list"]);
    assert!(!rows.to_string().contains("db-07"), "{rows}");
    assert!(done(&house, &["client", "list", "--all"]).contains("left the house"));
    assert_eq!(count(&house), before);
    // Nobody revokes the certificate that is being used for it, and only officers revoke.
    let own = house.run(&["client", "revoke", "officer", "--yes"]);
    assert!(text(&own).contains("error 3042"), "{}", text(&own));
    let auditor = house.data().join("bundles/auditor");
    let denied = house.run_as(&auditor, &["client", "revoke", "client", "--yes"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
}

#[test]
fn a_request_that_somebody_sends_is_signed_for_its_key_alone() {
    let house = House::serving();
    let dir = house.dir.path();
    let request = |name: &str, key: &[&str]| {
        openssl(dir, &[&["genpkey", "-out", &format!("{name}.key")], key].concat());
        let subject = "/CN=officer/O=a lie";
        let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
        openssl(dir, &["req", "-new", "-key", &key, "-subj", subject, "-out", &csr]);
        dir.join(csr).to_str().unwrap().to_owned()
    };
    let ec = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    for (name, key) in [
        ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..]),
        ("ec", &ec[..]),
        ("ed", &["-algorithm", "ED25519"][..]),
    ] {
        let csr = request(name, key);
        let out = dir.join(format!("bundle-{name}"));
        done(&house, &["client", "issue", name, "--csr", &csr, "--out", out.to_str().unwrap()]);
        assert!(!out.join("key.pem").exists());
        // The name is the one that the officer gave, and the key the one of the request.
        let certificate = out.join("cert.pem");
        let certificate = certificate.to_str().unwrap();
        let subject = openssl(dir, &["x509", "-in", certificate, "-noout", "-subject"]);
        assert!(subject.contains(name) && !subject.contains("officer"), "{subject}");
        fs::copy(dir.join(format!("{name}.key")), out.join("key.pem")).unwrap();
        Command::new("chmod").arg("600").arg(out.join("key.pem")).status().unwrap();
        open(&house, &out).unwrap();
    }
    let weak = request("weak", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    let refused = house.run(&["client", "issue", "weak", "--csr", &weak, "--out", "w"]);
    assert!(text(&refused).contains("1024 bits"), "{}", text(&refused));
    // A request whose signature is not its key's is nobody's.
    let csr = request("forged", &ec);
    let der = dir.join("forged.der");
    let der = der.to_str().unwrap();
    openssl(dir, &["req", "-in", &csr, "-outform", "DER", "-out", der]);
    let mut bytes = fs::read(der).unwrap();
    let at = bytes.windows(7).position(|w| w == b"officer").unwrap();
    bytes[at] = b'O';
    fs::write(der, bytes).unwrap();
    openssl(dir, &["req", "-inform", "DER", "-in", der, "-out", "forged.csr"]);
    let refused = house.run(&["client", "issue", "forged", "--csr", &csr, "--out", "f"]);
    assert!(text(&refused).contains("error 3040"), "{}", text(&refused));
    let rubbish = dir.join("rubbish");
    fs::write(&rubbish, "nothing").unwrap();
    let rubbish = rubbish.to_str().unwrap();
    let refused = house.run(&["client", "issue", "rubbish", "--csr", rubbish, "--out", "r"]);
    assert!(text(&refused).contains("error 3040"), "{}", text(&refused));
}

#[test]
fn the_servers_certificate_is_renewed_while_connections_are_open() {
    let house = House::serving();
    let dir = house.data().join("bundles/client");
    let mut connection = open(&house, &dir).unwrap();
    let before = shown(&house);
    let sysadmin = house.data().join("bundles/sysadmin");
    let tried = house.run_as(&sysadmin, &["cert", "renew", "--dry-run"]);
    assert!(text(&tried).contains("Nothing was changed"), "{}", text(&tried));
    assert_eq!(shown(&house), before);
    let renewed = house.run_as(&sysadmin, &["cert", "renew", "--days", "30"]);
    assert!(renewed.status.success(), "{}", text(&renewed));
    connection.create_symmetric_key(128, 12, None).unwrap();
    let after = shown(&house);
    assert_ne!(after, before);
    open(&house, &dir).unwrap();
    let view = house.json(&["cert", "show"]);
    assert_eq!(view["server"]["fingerprint"], after.as_str());
    assert!(view["server"]["names"].to_string().contains("127.0.0.1"), "{view}");
    done(&house, &["cert", "show"]);
    let status = house.json(&["status"]);
    assert_eq!(status["certificate_ends"], view["server"]["not_after"]);
    // Other names come on top of those by which people here reach it.
    let named = house.run_as(&sysadmin, &["cert", "renew", "--san", "kms.example"]);
    assert!(named.status.success(), "{}", text(&named));
    let names = house.json(&["cert", "show"])["server"]["names"].to_string();
    for name in ["kms.example", "localhost", "127.0.0.1"] {
        assert!(names.contains(name), "{names}");
    }
    // The server's own is no officer's to change.
    let denied = house.run(&["cert", "renew", "--bundle", "x"]);
    assert!(!denied.status.success());
    let officer = house.data().join("bundles/officer");
    let denied = house.run_as(&officer, &["cert", "renew"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
}

#[test]
fn an_authority_is_renewed_with_old_and_new_clients_side_by_side_until_the_old_is_retired() {
    let mut house = House::serving();
    let bundles = house.data().join("bundles");
    let old = bundles.join("client");
    let mut open_one = open(&house, &old).unwrap();
    done(&house, &["cert", "ca", "renew", "--yes"]);
    open_one.create_symmetric_key(128, 12, None).unwrap();
    open(&house, &old).unwrap();
    let view = house.json(&["cert", "show"]);
    assert_eq!(view["authorities"].as_array().unwrap().len(), 2, "{view}");
    assert_eq!(view["authorities"][0]["signs"], true);
    // New people: an officer and a sysadmin of the new authority, who trust both.
    let issue = |house: &House, user: &str, role: &str| {
        let dir = house.dir.path().join(user);
        let out = dir.to_str().unwrap().to_owned();
        done(house, &["client", "issue", user, "--role", role, "--out", &out]);
        dir
    };
    let new = issue(&house, "app", "client");
    let olga = issue(&house, "olga", "officer");
    let sam = issue(&house, "sam", "sysadmin");
    open(&house, &new).unwrap();
    // The old one cannot be retired while the server shows its signature.
    let refused = house.run_as(&olga, &["cert", "ca", "retire", "--yes"]);
    assert!(text(&refused).contains("error 3042"), "{}", text(&refused));
    let shut_out = house.run(&["cert", "renew"]);
    assert!(text(&shut_out).contains("does not trust"), "{}", text(&shut_out));
    let renewed = house.run_as(&sam, &["cert", "renew"]);
    assert!(renewed.status.success(), "{}", text(&renewed));
    open(&house, &new).unwrap();
    let refused = house.run(&["cert", "ca", "retire", "--yes"]);
    assert!(!refused.status.success(), "an officer of the old authority shut everybody out");
    let retired = house.run_as(&olga, &["cert", "ca", "retire", "--yes"]);
    assert!(retired.status.success(), "{}", text(&retired));
    open(&house, &new).unwrap();
    assert!(open(&house, &old).is_err());
    // All of it outlasts a restart.
    assert_eq!(house.stop("TERM"), Some(0));
    let again = house.quickstart(&["--skip-proof"]);
    house.start(again);
    open(&house, &new).unwrap();
    let later = house.dir.path().join("later");
    let out = later.to_str().unwrap();
    let issued = house.run_as(&olga, &["client", "issue", "later", "--out", out]);
    assert!(issued.status.success(), "{}", text(&issued));
    open(&house, &later).unwrap();
}

#[test]
fn a_quorum_of_custodians_gives_a_new_officer_and_nothing_less_does() {
    let house = House::serving();
    let mut shares: Vec<_> = fs::read_dir(house.data().join("recovery-shares"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| path.ends_with(".txt") || path.contains("share"))
        .collect();
    shares.sort();
    let recover = |out: &str, user: &str, shares: &[String]| {
        let mut command = vec!["root", "recover-officer", user, "--out", out];
        for share in shares {
            command.extend(["--share-file", share]);
        }
        house.run_as(&house.data().join("bundles/client"), &command)
    };
    let dir = house.dir.path().join("nora");
    let out = dir.to_str().unwrap();
    let few = recover(out, "nora", &shares[..2]);
    assert_eq!(few.status.code(), Some(3), "{}", text(&few));
    assert!(!dir.join("cert.pem").exists());
    let none = recover(out, "nora", &[]);
    assert!(!none.status.success(), "{}", text(&none));
    // Shares of another root key are nobody's here.
    let other = House::serving();
    let strange: Vec<_> = fs::read_dir(other.data().join("recovery-shares"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .take(3)
        .collect();
    let refused = recover(out, "nora", &strange);
    assert!(!refused.status.success(), "{}", text(&refused));
    // Nobody gets two duties that way.
    let excluded = recover(out, "auditor", &shares[..3]);
    assert!(text(&excluded).contains("error 3026"), "{}", text(&excluded));
    assert!(!house.json(&["client", "list"]).to_string().contains("nora"));

    let given = recover(out, "nora", &shares[..3]);
    assert!(given.status.success(), "{}", text(&given));
    let works = house.run_as(&dir, &["role", "grant", "olga", "officer"]);
    assert!(works.status.success(), "{}", text(&works));
    // Shares that a sysadmin dealt to itself are no quorum until an officer vouches for them.
    let sysadmin = house.data().join("bundles/sysadmin");
    let own = house.dir.path().join("own-shares");
    let own_dir = own.to_str().unwrap();
    let add = ["root", "slot", "add", "shamir", "--threshold", "2", "--shares", "2"];
    let added = house.run_as(&sysadmin, &[&add[..], &["--shares-dir", own_dir]].concat());
    assert!(added.status.success(), "{}", text(&added));
    let dealt: Vec<String> = fs::read_dir(&own)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    let evil = house.dir.path().join("evil");
    let refused = recover(evil.to_str().unwrap(), "evil", &dealt);
    assert!(text(&refused).contains("error 3066"), "{}", text(&refused));
    let slots = house.run(&["root", "slot", "list"]);
    assert!(text(&slots).contains("nobody vouched"), "{}", text(&slots));
    let slots = house.json(&["root", "slot", "list"]);
    let newest = slots.as_array().unwrap().last().unwrap()["id"].to_string();
    let vouch = ["root", "slot", "vouch", newest.as_str(), "--yes"];
    let denied = house.run_as(&sysadmin, &vouch);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
    let vouched = house.run(&vouch);
    assert!(vouched.status.success(), "{}", text(&vouched));
    let given = recover(evil.to_str().unwrap(), "second", &dealt);
    assert!(given.status.success(), "{}", text(&given));

    // Loudly: two events, and the changes that came of it.
    for event in ["quorum-proved", "officer-recovered"] {
        let tail = house.json(&["audit", "tail", "--operation", event]);
        assert!(tail.to_string().contains("nora"), "{tail}");
    }
    let tail = house.json(&["audit", "tail", "--operation", "Recover Officer"]);
    assert!(tail["records"].as_array().unwrap().len() >= 4, "{tail}");
}

#[test]
fn the_same_request_with_the_same_key_is_carried_out_once() {
    let house = House::serving();
    let bundle = house.data().join("bundles/officer");
    let file = |name: &str| bundle.join(name).to_str().unwrap().to_owned();
    let dir = house.dir.path();
    openssl(dir, &["genpkey", "-out", "k", "-algorithm", "ED25519"]);
    openssl(dir, &["req", "-new", "-key", "k", "-subj", "/CN=x", "-out", "r"]);
    let csr = fs::read_to_string(dir.join("r")).unwrap();
    let post = |user: &str, key: &str| {
        let body = serde_json::json!({ "user": user, "csr": csr }).to_string();
        let output = Command::new("curl")
            .args(["-s", "--cacert", &file("ca.pem"), "--cert", &file("cert.pem")])
            .args(["--key", &file("key.pem"), "-H", &format!("Idempotency-Key: {key}")])
            .args(["-d", &body, &format!("https://{}/v1/clients", house.admin)])
            .output()
            .unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let first = post("once", "k1");
    assert!(first["fingerprint"].is_string(), "{first}");
    assert_eq!(post("once", "k1"), first);
    assert_eq!(post("another", "k1")["code"], 3042);
    assert_ne!(post("once", "k2")["fingerprint"], first["fingerprint"]);
    let rows = house.json(&["client", "list"]);
    let once = rows.as_array().unwrap().iter().filter(|r| r["user"] == "once").count();
    assert_eq!(once, 2, "{rows}");
}

#[test]
fn a_renewal_that_was_cut_off_leaves_a_server_that_starts() {
    let mut house = House::serving();
    let tls = house.data().join("tls");
    let sysadmin = house.data().join("bundles/sysadmin");
    let path = |name: &str| tls.join(name);
    assert_eq!(house.stop("TERM"), Some(0));
    let old =
        [fs::read(path("server-cert.pem")).unwrap(), fs::read(path("server-key.pem")).unwrap()];
    // A pair of the same authority, as a renewal writes it.
    let serve = house.quickstart(&["--skip-proof"]);
    house.start(serve);
    let renewed = house.run_as(&sysadmin, &["cert", "renew"]);
    assert!(renewed.status.success(), "{}", text(&renewed));
    assert_eq!(house.stop("TERM"), Some(0));
    let new =
        [fs::read(path("server-cert.pem")).unwrap(), fs::read(path("server-key.pem")).unwrap()];
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    // What lies beside the old pair, what is in its place, and which pair is to be in use.
    type Left = Option<Vec<u8>>;
    let cases: Vec<(Left, Left, [&Vec<u8>; 2], bool)> = vec![
        (None, Some(half(&new[1])), [&old[0], &old[1]], false),
        (None, Some(Vec::new()), [&old[0], &old[1]], false),
        (None, Some(new[1].clone()), [&old[0], &old[1]], false),
        (Some(half(&new[0])), Some(new[1].clone()), [&old[0], &old[1]], false),
        (Some(new[0].clone()), Some(new[1].clone()), [&old[0], &old[1]], true),
        (Some(new[0].clone()), None, [&old[0], &new[1]], true),
        (Some(new[0].clone()), None, [&old[0], &old[1]], false),
    ];
    for (certificate, key, in_place, moved) in cases {
        fs::write(path("server-cert.pem"), in_place[0]).unwrap();
        fs::write(path("server-key.pem"), in_place[1]).unwrap();
        for (name, left) in [("server-cert.pem.new", certificate), ("server-key.pem.new", key)] {
            let _ = fs::remove_file(path(name));
            if let Some(bytes) = left {
                fs::write(path(name), bytes).unwrap();
                Command::new("chmod").arg("600").arg(path(name)).status().unwrap();
            }
        }
        let serve = house.quickstart(&["--skip-proof"]);
        house.start(serve);
        let wanted = if moved { &new } else { &old };
        assert_eq!(&fs::read(path("server-cert.pem")).unwrap(), &wanted[0]);
        assert_eq!(&fs::read(path("server-key.pem")).unwrap(), &wanted[1]);
        assert!(!path("server-key.pem.new").exists() && !path("server-cert.pem.new").exists());
        open(&house, &house.data().join("bundles/client")).unwrap();
        assert_eq!(house.stop("TERM"), Some(0));
    }
}

#[test]
fn the_end_of_the_servers_and_of_a_clients_certificate_is_told_ahead() {
    let mut house = House::serving();
    let told = |house: &House| {
        let found = house.json(&["audit", "search", "--operation", "certificate-expiring"]);
        let records = found["records"].as_array().unwrap().iter();
        records.map(|r| r["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(&house), Vec::<String>::new());
    let out = house.dir.path().join("brief");
    done(&house, &["client", "issue", "brief", "--days", "5", "--out", out.to_str().unwrap()]);
    done(&house, &["cert", "renew", "--days", "12"]);
    // It is looked at every minute, and at the start.
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    let serve = house.quickstart(&["--skip-proof"]);
    house.start(serve);
    let begun = std::time::Instant::now();
    while told(&house).len() < 2 {
        assert!(begun.elapsed().as_secs() < 30, "{:?}", told(&house));
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let all = told(&house);
    let one = |what: &str, days: &str| {
        let of = |line: &&String| {
            line.contains(&format!("what={what}")) && line.contains(&format!("within-days={days}"))
        };
        all.iter().filter(of).count()
    };
    assert_eq!((one("server", "14"), one("client", "7"), all.len()), (1, 1, 2), "{all:?}");
    assert!(all.iter().any(|line| line.contains("name=brief")), "{all:?}");
}
