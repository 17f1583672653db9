//! Lists of revoked certificates with the binary: at the handshake, on open connections, and when the
//! file changes under a running server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, text};

const PATIENCE: Duration = Duration::from_secs(30);

/// Two houses of one authority: the second accepts the clients of the first, whose authority's list
/// it reads.
struct Two {
    first: House,
    second: House,
    list: PathBuf,
}

impl Two {
    fn new(more: &[(&str, &str)]) -> Self {
        let first = House::serving();
        let mut second = House::new();
        let quickstart = second.quickstart(&["--skip-proof"]);
        second.start(quickstart);
        assert_eq!(second.stop("TERM"), Some(0));
        // Both authorities: its own people stay its people.
        let ca = second.data().join("tls/ca.pem");
        let both = [fs::read(&ca).unwrap(), fs::read(first.data().join("tls/ca.pem")).unwrap()];
        fs::write(&ca, both.concat()).unwrap();
        let list = second.dir.path().join("list.pem");
        let two = Self { first, second, list };
        two.sign();
        let mut two = two;
        two.start(more);
        two
    }

    fn start(&mut self, more: &[(&str, &str)]) {
        let mut command = crate::house::strongroom();
        command.arg("serve").arg("--config").arg(self.second.data().join("strongroom.toml"));
        command.env("STRONGROOM_TLS__CRL", &self.list).envs(more.iter().copied());
        self.second.start(command);
    }

    /// The first house signs a list of what it revoked.
    fn sign(&self) {
        let list = self.list.to_str().unwrap();
        let written = self.first.run(&["client", "crl", "--out", list]);
        assert!(written.status.success(), "{}", text(&written));
    }

    fn issue(&self, user: &str) -> PathBuf {
        let out = self.first.dir.path().join(user);
        let made = self.first.run(&["client", "issue", user, "--out", out.to_str().unwrap()]);
        assert!(made.status.success(), "{}", text(&made));
        out
    }

    fn revoke(&self, user: &str) {
        let gone = self.first.run(&["client", "revoke", user, "--yes"]);
        assert!(gone.status.success(), "{}", text(&gone));
    }

    /// A connection to the second house with a bundle of the first.
    fn connect(&self, bundle: &Path) -> Result<Connection, strongroom_client::Error> {
        let file = |at: &Path, name: &str| Pem::file(at.join(name));
        let trust = self.second.data().join("tls");
        let at = [self.second.kmip.as_str()];
        let config = Config::new(
            at,
            file(&trust, "ca.pem"),
            file(bundle, "cert.pem"),
            file(bundle, "key.pem"),
        );
        Connection::open(&config)
    }

    fn audit(&self) -> String {
        text(&self.second.run(&["audit", "tail", "--all", "-n", "1000"]))
    }

    fn until(&self, what: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.audit().contains(what) {
            assert!(Instant::now() < end, "no {what} in {}", self.audit());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Whether a request is answered, be it with a refusal.
fn answers(connection: &mut Connection) -> bool {
    match connection.get("no such key") {
        Ok(_) => true,
        Err(error) => error.to_string().contains("no object"),
    }
}

#[test]
fn a_listed_certificate_is_refused_on_the_next_request_and_at_the_next_handshake() {
    let two = Two::new(&[]);
    let (kept, gone) = (two.issue("kept"), two.issue("gone"));
    let mut open = two.connect(&gone).unwrap();
    let mut other = two.connect(&kept).unwrap();
    assert!(answers(&mut open) && answers(&mut other));
    two.revoke("gone");
    assert!(answers(&mut open), "the list is not there yet");
    two.sign();
    two.until("crl-loaded");
    assert!(!answers(&mut open), "an open connection goes on");
    assert!(answers(&mut other));
    // A full handshake is rustls' to refuse; with TLS 1.3 the client hears of it when it reads.
    assert!(!two.connect(&gone).is_ok_and(|mut new| answers(&mut new)));
    assert!(two.connect(&kept).is_ok_and(|mut new| answers(&mut new)));
    let audit = two.audit();
    assert!(audit.contains("gone used "), "{audit}");
    // The admin port asks the list too.
    let admin = crate::house::strongroom()
        .args(["status", "--server", &two.second.admin, "--bundle"])
        .arg(&gone)
        .output()
        .unwrap();
    assert!(!admin.status.success(), "{}", text(&admin));
    let shown = text(&two.second.run(&["cert", "show"]));
    assert!(shown.contains("List of"), "{shown}");
}

#[test]
fn a_broken_list_changes_nothing_and_is_said_and_sighup_reads_it_again() {
    let mut two = Two::new(&[]);
    let gone = two.issue("gone");
    two.revoke("gone");
    two.sign();
    two.until("crl-loaded");
    assert!(!two.connect(&gone).is_ok_and(|mut c| answers(&mut c)));
    fs::write(&two.list, "nothing of the kind").unwrap();
    two.until("crl-refused");
    assert!(!two.connect(&gone).is_ok_and(|mut c| answers(&mut c)));
    let status = text(&two.second.run(&["status"]));
    assert!(status.contains("stay in force"), "{status}");
    let config = two.second.data().join("strongroom.toml");
    let doctor = crate::house::strongroom()
        .args(["doctor", "--config"])
        .arg(&config)
        .env("STRONGROOM_TLS__CRL", &two.list)
        .output()
        .unwrap();
    assert!(text(&doctor).contains("revocation list"), "{}", text(&doctor));
    assert_eq!(doctor.status.code(), Some(2), "{}", text(&doctor));
    two.sign();
    two.second.signal("HUP");
    let end = Instant::now() + PATIENCE;
    while text(&two.second.run(&["status"])).contains("stay in force") {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(200));
    }
    // A start has nothing that could stay in force.
    assert_eq!(two.second.stop("TERM"), Some(0));
    fs::write(&two.list, "nothing of the kind").unwrap();
    let mut command = crate::house::strongroom();
    command.arg("serve").arg("--config").arg(&config).env("STRONGROOM_TLS__CRL", &two.list);
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("error 3090"), "{}", text(&refused));
}

/// The first house's bundle, for the command line against the second.
fn against_the_second(two: &Two, bundle: &Path) -> PathBuf {
    let there = bundle.with_extension("there");
    fs::create_dir(&there).unwrap();
    for name in ["cert.pem", "key.pem"] {
        fs::copy(bundle.join(name), there.join(name)).unwrap();
    }
    fs::copy(two.second.data().join("tls/ca.pem"), there.join("ca.pem")).unwrap();
    there
}

#[test]
fn an_approval_counts_no_longer_once_its_certificate_is_listed() {
    let two = Two::new(&[]);
    // Somebody of the house, on whom the rule can count, and somebody of the other authority.
    let local = two.second.dir.path().join("local");
    let issue = |house: &House, user: &str, out: &Path| {
        let out = out.to_str().unwrap();
        let made = house.run(&["client", "issue", user, "--group", "security", "--out", out]);
        assert!(made.status.success(), "{}", text(&made));
    };
    issue(&two.second, "local", &local);
    let sven = two.first.dir.path().join("sven");
    issue(&two.first, "sven", &sven);
    let there = against_the_second(&two, &sven);
    let rule = ["approval", "require", "last", "--on", "destroy", "--from", "group:security"];
    let required = two.second.run(&rule);
    assert!(required.status.success(), "{}", text(&required));

    let mut client = two.connect(&two.second.data().join("bundles/client")).unwrap();
    let id = client.create_symmetric_key(256, 12, None).unwrap();
    client.destroy(&id).unwrap_err();
    let waiting = two.second.json(&["approval", "list"])[0]["id"].as_str().unwrap().to_owned();
    let by_sven = ["approval", "approve", &waiting, "--yes", "--server", &two.second.admin];
    let approved = two.second.run_as(&there, &by_sven);
    assert!(approved.status.success(), "{}", text(&approved));
    let state = || two.second.json(&["approval", "show", &waiting])["state"].clone();
    assert_eq!(state(), "approved");

    two.revoke("sven");
    two.sign();
    two.until("crl-loaded");
    assert_eq!(state(), "waiting");
    let shown = text(&two.second.run(&["approval", "show", &waiting]));
    assert!(shown.contains("Does not count") && shown.contains("authority revoked"), "{shown}");
    client.destroy(&id).unwrap_err();
    let approved = two.second.run_as(&local, &["approval", "approve", &waiting, "--yes"]);
    assert!(approved.status.success(), "{}", text(&approved));
    client.destroy(&id).unwrap();
    assert_eq!(state(), "executed");
}
