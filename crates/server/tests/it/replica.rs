//! A replica with the binary itself: made from a backup, serving beside its primary, refreshed,
//! promoted.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use strongroom_client::{Config, Connection, Pem};

use crate::backup::{Kept, serve};
use crate::house::{House, address, text};

/// A replica, and the primary with its backup.
struct Pair {
    kept: Kept,
    second: House,
    monitor: String,
}

fn restore(kept: &Kept, data: &std::path::Path, file: &std::path::Path, more: &[&str]) -> Output {
    let mut all = vec!["--data", data.to_str().unwrap(), "--replica"];
    all.extend(more);
    kept.offline("restore", file, &all)
}

/// A house that replicas may be made of.
fn allowed(house: House) -> House {
    for already in [false, true] {
        let answer = house.json(&["backup", "allow-replicas", "--yes"]);
        assert_eq!(answer["already"], already);
    }
    house
}

const MADE: [&str; 8] =
    ["--site", "2", "--san", "replica.example", "--san", "127.0.0.1", "--primary", "kms-1.example"];

impl Pair {
    fn new(kept: Kept) -> Self {
        let mut second = House::new();
        let made = restore(&kept, &second.data(), &kept.file, &MADE);
        assert!(made.status.success(), "{}", text(&made));
        assert!(text(&made).contains("as a replica, site 2"), "{}", text(&made));
        let monitor = address();
        let command = Self::command(&second, &kept, &monitor);
        second.start(command);
        let pair = Self { kept, second, monitor };
        pair.unseal();
        pair
    }

    fn command(second: &House, kept: &Kept, monitor: &str) -> Command {
        let mut command = serve(second, &kept.slots);
        command.env("STRONGROOM_DATA__SITE", "2").env("STRONGROOM_MONITOR__LISTEN", monitor);
        command.env("STRONGROOM_AUDIT__ANCHORS_PATH", second.dir.path().join("anchors"));
        command
    }

    fn again(&mut self) {
        let mut command = crate::house::strongroom();
        command.arg("serve").arg("--config").arg(self.second.dir.path().join("strongroom.toml"));
        command.env("STRONGROOM_DATA__SITE", "2");
        command.env("STRONGROOM_MONITOR__LISTEN", &self.monitor);
        self.second.start(command);
        self.unseal();
    }

    fn unseal(&self) {
        for n in [1, 3, 4] {
            if text(&self.run(&["status"])).contains("sealed") {
                let share = self.kept.share(n);
                self.run(&["root", "unseal", "--share-file", share.to_str().unwrap()]);
            }
        }
    }

    fn bundles(&self) -> PathBuf {
        self.kept.house.data().join("bundles")
    }

    /// A command to the replica, with the primary's bundles.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = crate::house::strongroom();
        command.args(arguments).arg("--bundle").arg(self.bundles());
        command.args(["--server", &self.second.admin]).output().unwrap()
    }

    fn status(&self) -> serde_json::Value {
        let output = self.run(&["status", "--output", "json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)))
    }
}

fn connect(at: &str, bundles: &std::path::Path) -> Connection {
    let dir = bundles.join("client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config = Config::new([at], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

#[test]
fn a_replica_serves_the_clients_of_its_primary_and_takes_changes_once_it_is_promoted() {
    let mut house = House::new();
    let anchors = house.dir.path().join("anchors");
    let mut command = house.quickstart(&["--skip-proof"]);
    command.env("STRONGROOM_AUDIT__ANCHORS_PATH", &anchors);
    house.start(command);
    let bundles = house.data().join("bundles");
    let mut primary = connect(&house.kmip, &bundles);
    let id = primary.create_symmetric_key(256, 12, Some("shared")).unwrap();
    let material = primary.get(&id).unwrap().material;
    let mut pair = Pair::new(Kept::of(allowed(house)));

    // Side by side, with the same bundles and certificates of their own.
    let mut replica = connect(&pair.second.kmip, &bundles);
    assert_eq!(replica.get(&id).unwrap().material, material);
    assert_eq!(connect(&pair.kept.house.kmip, &bundles).get(&id).unwrap().material, material);
    let tls = |house: &House| fs::read(house.data().join("tls/server-key.pem")).unwrap();
    assert_ne!(tls(&pair.second), tls(&pair.kept.house), "the primary's key is on the replica");
    let refused = replica.create_symmetric_key(256, 12, Some("new")).unwrap_err().to_string();
    assert!(refused.contains("3015") && refused.contains("kms-1.example"), "{refused}");
    for refused in [&["role", "grant", "mallory", "officer"][..], &["root", "rotate"]] {
        let refused = pair.run(refused);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(text(&refused).contains("error 3015"), "{}", text(&refused));
    }
    // It says so everywhere.
    let status = pair.status();
    assert_eq!((&status["site"], &status["replica"]["of"]), (&2.into(), &1.into()));
    let shown = text(&pair.run(&["status"]));
    assert!(shown.contains("replica of site 1 (kms-1.example), from the backup of"), "{shown}");
    let monitor = pair.monitor.clone();
    let curl = |path: &str| {
        let url = format!("http://{monitor}{path}");
        text(&Command::new("curl").args(["-s", "-m", "20", &url]).output().unwrap())
    };
    assert!(curl("/health").contains("replica of site 1"), "{}", curl("/health"));
    assert!(curl("/metrics").contains("strongroom_replica_backup_age_seconds{of=\"1\"}"));
    assert!(pair.run(&["audit", "verify"]).status.success());

    // A newer backup brings what was made since.
    let newer = primary.create_symmetric_key(256, 12, Some("newer")).unwrap();
    let file = pair.kept.house.dir.path().join("newer");
    pair.kept.take(&file);
    let running = restore(&pair.kept, &pair.second.data(), &file, &[]);
    assert!(!running.status.success(), "{}", text(&running));
    assert_eq!(pair.second.stop("TERM"), Some(0));
    let refreshed = restore(&pair.kept, &pair.second.data(), &file, &[]);
    assert!(text(&refreshed).contains("The replica, site 2, was of"), "{}", text(&refreshed));
    pair.again();
    connect(&pair.second.kmip, &bundles).get(&newer).unwrap();

    // The primary is lost; its anchors are not.
    let changed = pair.kept.house.run(&["role", "grant", "nora", "auditor"]);
    assert!(changed.status.success(), "{}", text(&changed));
    assert_eq!(pair.kept.house.stop("TERM"), Some(0));
    let promote = ["backup", "promote", "--anchors", anchors.to_str().unwrap()];
    let dry = pair.run(&[&promote[..], &["--dry-run"]].concat());
    assert!(text(&dry).contains("Takes the place of") && dry.status.success(), "{}", text(&dry));
    // Not without somebody's word, and not a sysadmin's.
    assert_eq!(pair.run(&promote).status.code(), Some(1));
    let sysadmin = crate::house::strongroom()
        .args(promote)
        .args(["--yes", "--server", &pair.second.admin, "--bundle"])
        .arg(bundles.join("sysadmin"))
        .output()
        .unwrap();
    assert_eq!(sysadmin.status.code(), Some(3), "{}", text(&sysadmin));
    let promoted = pair.run(&[&promote[..], &["--yes"]].concat());
    assert!(promoted.status.success(), "{}", text(&promoted));
    assert!(text(&promoted).contains("Promoted. Site 2 takes changes."), "{}", text(&promoted));
    connect(&pair.second.kmip, &bundles).create_symmetric_key(256, 12, Some("after")).unwrap();
    assert!(pair.status()["replica"].is_null());
    assert!(!curl("/health").contains("replica"));
    assert!(pair.run(&["role", "grant", "nils", "auditor"]).status.success());
    assert!(pair.run(&["audit", "verify"]).status.success());
    let again = pair.run(&[&promote[..], &["--yes"]].concat());
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    let tail = text(&pair.run(&["audit", "tail", "--all", "-n", "1000"]));
    assert!(tail.contains("replica-promoted") && tail.contains("Promote Replica"), "{tail}");
    // Its files verify without a server and without a secret, against its own anchors.
    let key = pair.run(&["audit", "key", "--output", "json"]);
    let key: serde_json::Value = serde_json::from_slice(&key.stdout).unwrap();
    assert_eq!(pair.second.stop("TERM"), Some(0));
    // The second start had another environment: these are of the first.
    let anchors = pair.second.dir.path().join("anchors");
    let said = fs::read_to_string(&anchors).unwrap();
    assert!(said.lines().count() > 0 && said.lines().all(|l| l.contains("site=2")), "{said}");
    let mut offline = crate::house::strongroom();
    offline.args(["audit", "verify", "--key", key["key"].as_str().unwrap(), "--anchors"]);
    let offline = offline.arg(&anchors).arg("--data").arg(pair.second.data()).output().unwrap();
    assert!(offline.status.success(), "{}", text(&offline));
}

#[test]
fn a_replica_needs_a_site_and_a_name_of_its_own_and_its_configuration_the_same_site() {
    let kept = Kept::of(allowed(House::serving()));
    let mut second = House::new();
    let data = second.data();
    for (more, number) in [
        (&["--san", "127.0.0.1"][..], "3017"),
        (&["--site", "1", "--san", "127.0.0.1"], "3017"),
        (&["--site", "16", "--san", "127.0.0.1"], "3017"),
        (&["--site", "2"], "3104"),
    ] {
        let refused = restore(&kept, &data, &kept.file, more);
        assert_eq!(refused.status.code(), Some(1), "{more:?}: {}", text(&refused));
        assert!(text(&refused).contains(number), "{more:?}: {}", text(&refused));
        assert!(!data.exists(), "{more:?}");
    }
    let made = restore(&kept, &data, &kept.file, &MADE);
    assert!(made.status.success(), "{}", text(&made));
    // With the primary's configuration it does not start.
    let wrong = serve(&second, &kept.slots).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
    assert!(text(&wrong).contains("error 3016"), "{}", text(&wrong));
    // What serves is no replica, and is told so.
    let primary = kept.house.run(&["backup", "promote", "--without-anchor", "--yes"]);
    assert!(text(&primary).contains("is no replica"), "{}", text(&primary));
    let onto = restore(&kept, &kept.house.data(), &kept.file, &[]);
    assert!(text(&onto).contains("3017"), "{}", text(&onto));
    let mut command = crate::house::strongroom();
    command.arg("serve").arg("--config").arg(second.dir.path().join("strongroom.toml"));
    command.env("STRONGROOM_DATA__SITE", "2");
    second.start(command);
}
