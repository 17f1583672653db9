//! Each kind of root slot: made from the command line, and opening the server at its next start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use strongroom_client::{Config, Connection, Pem};
use strongroom_server::cli::{Client, Reach};
use strongroom_server::pki::{Authority, Subject};

use crate::house::{House, strongroom, text};
use crate::init::{PLAN, Site};

const WORDS: &str = "accept_file_slot_beside_data = \
                     \"I accept that whoever copies this disk has every key\"\n";

/// A directory as systemd makes it for a unit's credentials.
fn credentials(dir: &Path) -> PathBuf {
    let credentials = dir.join("credentials");
    fs::create_dir(&credentials).unwrap();
    let file = credentials.join("strongroom-root");
    fs::write(&file, [0x5a; 32]).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    credentials
}

fn with_credentials(mut command: Command, credentials: &Path) -> Command {
    command.env("CREDENTIALS_DIRECTORY", credentials);
    command
}

/// The slot that the running server was opened by, as its audit has it.
fn opened_by(site: &Site) -> String {
    let page = site.json(&site.bundle("aude"), &["audit", "tail", "-n", "1000"]);
    let records = page["records"].as_array().unwrap().iter().rev();
    let mut words = records
        .filter(|record| record["operation"] == "unseal")
        .flat_map(|record| record["detail"].as_str().unwrap().split_whitespace());
    words.find(|word| word.starts_with("slot=")).unwrap_or_else(|| panic!("{page:#}")).to_owned()
}

fn state(site: &Site) -> String {
    let reach = Reach { bundle: Some(site.bundle("db-01")), ..Reach::default() };
    let health: Value = Client::new(&reach, &[]).unwrap().get("/health").unwrap();
    health["state"].as_str().unwrap().to_owned()
}

fn unseal(site: &Site, files: &[PathBuf]) {
    let mut arguments = vec!["root", "unseal"];
    for file in files {
        arguments.extend(["--share-file", file.to_str().unwrap()]);
    }
    let open = site.json(&site.bundle("sam"), &arguments);
    assert_eq!(open["unsealed"], true, "{open}");
}

fn share_files(dir: &Path, which: &[u8], of: u8) -> Vec<PathBuf> {
    which.iter().map(|n| dir.join(format!("share-{n}-of-{of}.txt"))).collect()
}

#[test]
fn a_server_opens_at_its_start_by_each_kind_of_slot() {
    let mut site = Site::new(WORDS, PLAN);
    let set_up = site.init();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let dir = site.house.dir.path().to_owned();
    let sam = site.bundle("sam");
    let credentials = credentials(&dir);
    let serve = site.serve();
    site.house.start(with_credentials(serve, &credentials));

    // The passphrase of the set-up.
    assert_eq!(state(&site), "sealed");
    let pass = dir.join("pass").display().to_string();
    let open = site.json(&sam, &["root", "unseal", "--passphrase-file", &pass]);
    assert_eq!(open["unsealed"], true);
    assert_eq!(opened_by(&site), "slot=2");
    let made = kept_key(&site);

    // A systemd credential: with it a start needs nobody; without it the server starts sealed.
    let added = site.json(&sam, &["root", "slot", "add", "systemd-credential"]);
    assert_eq!(added["id"], 3);
    assert_eq!(site.house.stop("TERM"), Some(0));
    let serve = site.serve();
    site.house.start(with_credentials(serve, &credentials));
    assert_eq!((state(&site).as_str(), opened_by(&site).as_str()), ("serving", "slot=3"));
    assert_eq!(site.house.stop("TERM"), Some(0));
    let serve = site.serve();
    site.house.start(serve);
    assert_eq!(state(&site), "sealed");
    assert!(site.house.log().contains("CREDENTIALS_DIRECTORY is not set"), "{}", site.house.log());
    unseal(&site, &share_files(&dir.join("shares"), &[3, 1], 3));
    assert_eq!(opened_by(&site), "slot=1");

    // A file.
    let added = site.json(&sam, &["root", "slot", "add", "file"]);
    assert_eq!(added["id"], 4);
    let key = fs::metadata(dir.join("root/root.key")).unwrap();
    assert_eq!((key.len(), key.permissions().mode() & 0o777), (32, 0o600));
    assert_eq!(site.house.stop("TERM"), Some(0));
    let serve = site.serve();
    site.house.start(serve);
    assert_eq!((state(&site).as_str(), opened_by(&site).as_str()), ("serving", "slot=4"));
    for id in ["3", "4"] {
        let gone = site.house.run_as(&sam, &["root", "slot", "remove", id, "--yes"]);
        assert!(gone.status.success(), "{}", text(&gone));
    }

    // Other shares, of which other two open, in the place of the first ones.
    let new = dir.join("new-shares");
    let arguments = ["--threshold", "3", "--shares", "4", "--shares-dir", new.to_str().unwrap()];
    let added =
        site.house.run_as(&sam, &[&["root", "slot", "add", "shamir"][..], &arguments].concat());
    assert!(added.status.success(), "{}", text(&added));
    let gone = site.house.run_as(&sam, &["root", "slot", "remove", "1", "--yes"]);
    assert!(gone.status.success(), "{}", text(&gone));
    assert_eq!(site.house.stop("TERM"), Some(0));
    let serve = site.serve();
    site.house.start(with_credentials(serve, &credentials));
    assert_eq!(state(&site), "sealed");
    let old = share_files(&dir.join("shares"), &[1], 3)[0].display().to_string();
    let refused = site.house.run_as(&sam, &["root", "unseal", "--share-file", &old]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    unseal(&site, &share_files(&new, &[4, 2, 1], 4));

    // The last slot that lies elsewhere stays, however many lie on this machine.
    let add = |kind: &str| site.house.run_as(&sam, &["root", "slot", "add", kind]);
    assert!(!dir.join("root/root.key").exists(), "it would open an old slot file");
    assert!(add("file").status.success());
    assert!(add("systemd-credential").status.success());
    let remove = |kind: &str| {
        let slots = site.json(&sam, &["root", "slot", "list"]);
        let slot = slots.as_array().unwrap().iter().find(|slot| slot["kind"] == kind).unwrap();
        let id = slot["id"].to_string();
        site.house.run_as(&sam, &["root", "slot", "remove", &id, "--yes"])
    };
    assert!(remove("passphrase").status.success());
    let refused = remove("shamir");
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("error 3062"), "{}", text(&refused));
    assert!(text(&refused).contains("offline"), "{}", text(&refused));
    // And two there must be.
    assert!(remove("systemd-credential").status.success());
    let refused = remove("file");
    assert!(text(&refused).contains("error 3062"), "{}", text(&refused));
    // Nothing of all that touched what the root key protects.
    assert_eq!(value_of(&site, &made.0), made.1);
    assert_eq!(site.house.stop("TERM"), Some(0));
}

fn client(site: &Site) -> Connection {
    connect(&site.house, &site.bundle("db-01"))
}

fn connect(house: &House, bundle: &Path) -> Connection {
    let file = |name: &str| Pem::file(bundle.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

fn kept_key(site: &Site) -> (String, Vec<u8>) {
    let id = client(site).create_symmetric_key(256, 12, Some("kept")).unwrap();
    let value = value_of(site, &id);
    assert_eq!(value.len(), 32);
    (id, value)
}

fn value_of(site: &Site, id: &str) -> Vec<u8> {
    client(site).get(id).unwrap().material.to_vec()
}

#[test]
fn a_root_key_alone_is_made_for_a_server_with_certificates_of_an_authority_of_ones_own() {
    let mut house = House::new();
    let dir = house.dir.path().to_owned();
    let config = dir.join("c.toml");
    let written = format!(
        "[data]\ndir = \"data\"\n[kmip]\nlisten = \"{}\"\n[admin]\nlisten = \"{}\"\n\
         [root]\nslots_path = \"root/slots.json\"\n\
         [tls]\ncertificate = \"tls/cert.pem\"\nkey = \"tls/key.pem\"\nclient_ca = \"tls/ca.pem\"\n",
        house.kmip, house.admin
    );
    fs::write(&config, written).unwrap();
    let credentials = credentials(&dir);
    let shares = dir.join("shares");
    let root_init = |more: &[&str]| {
        let mut command = strongroom();
        command.args(["root", "init", "--config"]).arg(&config).args(more);
        with_credentials(command, &credentials).output().unwrap()
    };
    let shares_dir = ["--shares-dir", shares.to_str().unwrap()];
    let both = ["--threshold", "2", "--shares", "3", "--systemd-credential", "strongroom-root"];
    // Without a place for the shares, or without the credential, nothing is made.
    let lost = root_init(&both);
    assert_eq!(lost.status.code(), Some(1), "{}", text(&lost));
    let absent = ["--systemd-credential", "absent"];
    let lost = root_init(&[&shares_dir[..], &absent].concat());
    assert!(!lost.status.success() && text(&lost).contains("absent"), "{}", text(&lost));
    assert!(!house.data().exists() && !shares.exists());

    let made = root_init(&[&shares_dir[..], &both].concat());
    assert!(made.status.success(), "{}", text(&made));
    let again = root_init(&[&["--shares-dir", "elsewhere"][..], &both].concat());
    assert!(text(&again).contains("error 3003"), "{}", text(&again));

    let serve = || {
        let mut command = strongroom();
        command.arg("serve").arg("--config").arg(&config);
        command
    };
    let refused = serve().output().unwrap();
    assert!(text(&refused).contains("error 3086"), "{}", text(&refused));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = now.as_secs() as i64;
    let authority = Authority::create("Own CA", now).unwrap();
    let server = authority.issue_server(&["127.0.0.1".to_owned()], 30, now).unwrap();
    server.write_bundle(&dir.join("tls")).unwrap();
    let subject = Subject { user: "app".into(), group: None };
    authority.issue_client(&subject, 30, now).unwrap().write_bundle(&dir.join("app")).unwrap();

    house.start(with_credentials(serve(), &credentials));
    let id = connect(&house, &dir.join("app")).create_symmetric_key(128, 12, None).unwrap();
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    house.start(serve());
    let mut arguments = vec!["root".to_owned(), "unseal".into(), "--server".into()];
    arguments.push(house.admin.clone());
    for file in share_files(&shares, &[2, 3], 3) {
        arguments.extend(["--share-file".into(), file.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let open = house.run_as(&dir.join("app"), &arguments);
    assert!(text(&open).contains("Unsealed."), "{}", text(&open));
    connect(&house, &dir.join("app")).get(&id).unwrap();
}
