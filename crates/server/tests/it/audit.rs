//! The audit outside of the server: real collectors, receivers that hang, exports, anchors.

mod hung;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_client::{Config, Connection, Connector, Pem};
use strongroom_server::pki::{Authority, Issued, Subject};

use crate::house::{House, address, strongroom, text};

const RSYSLOG: &str = "/usr/sbin/rsyslogd";
const PATIENCE: Duration = Duration::from_secs(60);

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "still no {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A house that serves by its configuration, with `more` in it.
fn serving(more: &str) -> House {
    let mut house = House::new();
    let set_up = house.quickstart(&["--once"]).output().unwrap();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let config = house.data().join("strongroom.toml");
    let written = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{written}\n{more}")).unwrap();
    let check = strongroom().args(["config", "check", "--config"]).arg(&config).output().unwrap();
    assert!(check.status.success(), "{}", text(&check));
    let mut command = strongroom();
    command.arg("serve").arg("--config").arg(&config);
    house.start(command);
    house
}

fn kmip(house: &House) -> Connection {
    let file = |name: &str| Pem::file(house.data().join("bundles/client").join(name));
    let addresses = [house.kmip.clone()];
    let config = Config::new(addresses, file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connector::new(&config).unwrap().open().unwrap()
}

fn export(house: &House, format: &str) -> Vec<String> {
    let output = house.run(&["audit", "export", "--format", format]);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// rsyslog in a directory of its own.
struct Rsyslog {
    dir: PathBuf,
    child: Child,
}

impl Rsyslog {
    fn installed() -> bool {
        let there = Path::new(RSYSLOG).exists();
        if !there {
            eprintln!("SKIPPED: rsyslog is not installed; run tests/audit/install.sh");
        }
        there
    }

    fn start(dir: &Path, address: &str, tls: Option<(&Path, &str)>) -> Self {
        let (mut global, mut module) = (String::new(), String::new());
        if let Some((files, peer)) = tls {
            let file = |name: &str| files.join(name).display().to_string();
            global = format!(
                "defaultNetstreamDriver=\"gtls\" defaultNetstreamDriverCAFile=\"{}\" \
                 defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\"",
                file("ca.pem"),
                file("siem.pem"),
                file("siem.key")
            );
            module = format!(
                "streamDriver.name=\"gtls\" streamDriver.mode=\"1\" \
                 streamDriver.authMode=\"x509/name\" permittedPeer=[\"{peer}\"]"
            );
        }
        let field =
            |name: &str| format!("property(outname=\"{name}\" name=\"{name}\" format=\"jsonf\")\n");
        let names =
            ["pri", "hostname", "app-name", "procid", "msgid", "structured-data", "msg", "rawmsg"];
        let fields: String = names.map(field).concat();
        let configuration = format!(
            "global(workDirectory=\"{dir}\" maxMessageSize=\"8k\" {global})\n\
             main_queue(queue.type=\"Direct\")\nmodule(load=\"imtcp\" {module})\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"fields\" type=\"list\" option.jsonf=\"on\") {{\n{fields}}}\n\
             if $inputname == \"imtcp\" then {{\n\
             action(type=\"omfile\" file=\"{dir}/received\" template=\"fields\")\n}}\n",
            dir = dir.display(),
            port = address.rsplit_once(':').unwrap().1,
        );
        fs::write(dir.join("rsyslog.conf"), configuration).unwrap();
        let child = Command::new(RSYSLOG)
            .args(["-n", "-i", "NONE", "-f"])
            .arg(dir.join("rsyslog.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("log")).unwrap())
            .spawn()
            .unwrap();
        eventually("rsyslog", || TcpStream::connect(address).is_ok());
        Self { dir: dir.to_owned(), child }
    }

    fn received(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join("received")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line without the number that it has on its way to one receiver.
fn without_sequence(line: &str) -> String {
    let Some((before, rest)) = line.split_once("[meta sequenceId=\"") else { return line.into() };
    format!("{before}{}", rest.split_once("\"]").unwrap().1)
}

/// Certificates for both sides, of an authority of the collector's own.
fn certificates(dir: &Path) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = now.as_secs() as i64;
    let authority = Authority::create("collectors", now).unwrap();
    let write = |name: &str, issued: &Issued| {
        fs::write(dir.join(format!("{name}.pem")), &issued.certificate).unwrap();
        fs::write(dir.join(format!("{name}.key")), issued.key.as_bytes()).unwrap();
    };
    fs::write(dir.join("ca.pem"), authority.certificate()).unwrap();
    write("siem", &authority.issue_server(&["siem.example.net".to_owned()], 30, now).unwrap());
    let us = Subject { user: "km1.example.net".to_owned(), group: None };
    write("us", &authority.issue_client(&us, 30, now).unwrap());
}

#[test]
fn rsyslog_receives_over_tcp_and_tls_what_an_export_gives_field_by_field() {
    if !Rsyslog::installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (plain_dir, tls_dir) = (dir.path().join("plain"), dir.path().join("tls"));
    fs::create_dir_all(&plain_dir).unwrap();
    fs::create_dir_all(&tls_dir).unwrap();
    certificates(dir.path());
    let (plain, tls) = (address(), address());
    let mut receivers = vec![Rsyslog::start(&plain_dir, &plain, None)];
    receivers.push(Rsyslog::start(&tls_dir, &tls, Some((dir.path(), "km1.example.net"))));
    let files = dir.path().display();
    let mut house = serving(&format!(
        "[[forward]]\nname = \"plain\"\naddress = \"{plain}\"\ntransport = \"tcp\"\n\
         [[forward]]\nname = \"tls\"\naddress = \"{tls}\"\nca = \"{files}/ca.pem\"\n\
         certificate = \"{files}/us.pem\"\nkey = \"{files}/us.key\"\n\
         server_name = \"siem.example.net\"\n"
    ));
    let mut client = kmip(&house);
    let id = client.create_symmetric_key(256, 12, Some("Schlüssel \"ä\" ] \\")).unwrap();
    for _ in 0..20 {
        client.get(&id).unwrap();
    }
    assert!(client.get("no-such-object").is_err());
    // Both are shown, with nothing that needs attention.
    eventually("connection of both", || {
        let status = house.json(&["status"]);
        status["forward"].as_array().unwrap().iter().all(|f| f["sent"].as_u64() > Some(20))
    });
    assert!(text(&house.run(&["status"])).contains("Forwarding"));
    let exported = export(&house, "rfc5424");
    assert!(exported.len() > 30, "{}", exported.len());
    // The stop sends what is still there, and the last signed heads with it.
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    for receiver in &receivers {
        let received = receiver.received();
        let lines: BTreeSet<String> =
            received.iter().map(|m| without_sequence(m["rawmsg"].as_str().unwrap())).collect();
        for line in &exported {
            assert!(lines.contains(line), "{}: {line}", receiver.dir.display());
        }
        for message in &received {
            let field = |name: &str| message[name].as_str().unwrap();
            let raw = field("rawmsg");
            let head = format!("<{}>1 ", field("pri"));
            let middle = format!(
                " {} {} {} {} {} ",
                field("hostname"),
                field("app-name"),
                field("procid"),
                field("msgid"),
                field("structured-data")
            );
            assert!(raw.starts_with(&head) && raw.contains(&middle), "{raw}");
            assert!(raw.ends_with(field("msg").trim_start()), "{raw}");
        }
        assert!(lines.iter().any(|line| line.contains("action=\"stop\"")), "the stop is missing");
        assert!(lines.iter().filter(|line| line.contains("strongroom-anchor-1 ")).count() >= 2);
    }
}

#[test]
fn a_destination_that_is_down_is_a_warning_and_an_event_and_comes_back() {
    if !Rsyslog::installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let siem = address();
    let mut house = serving(&format!(
        "[[forward]]\nname = \"siem\"\naddress = \"{siem}\"\ntransport = \"tcp\"\n"
    ));
    let said = |house: &House, action: &str| {
        let page = house.json(&["audit", "search", "--operation", action]);
        page["records"].as_array().unwrap().len()
    };
    eventually("event that it is down", || said(&house, "forwarder-failing") == 1);
    let warnings = house.json(&["status"])["warnings"].to_string();
    assert!(warnings.contains("Forwarding to siem fails"), "{warnings}");
    // It is not told again after a restart, and is a warning from the start.
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    let mut again = strongroom();
    again.arg("serve").arg("--config").arg(house.data().join("strongroom.toml"));
    house.start(again);
    eventually("warning", || {
        let status = house.json(&["status"]);
        let tried = status["forward"][0]["last_error"].is_string();
        tried && status["warnings"].to_string().contains("Forwarding to siem fails")
    });
    // Longer than a destination that is new to it would need to count as down.
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(said(&house, "forwarder-failing"), 1);
    assert_eq!(said(&house, "forwarder-connected"), 0);
    let receiver = Rsyslog::start(dir.path(), &siem, None);
    eventually("event that it is back", || said(&house, "forwarder-connected") == 1);
    assert!(!receiver.received().is_empty());
    assert_eq!(house.json(&["status"])["forward"][0]["failing"], false);
}

#[test]
fn a_destination_that_wants_next_to_nothing_still_gets_the_signed_heads() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let receiver = std::thread::spawn(move || {
        let mut all = String::new();
        // The server ends each connection in order, and the last one when it stops.
        loop {
            let before = all.len();
            listener.accept().unwrap().0.read_to_string(&mut all).unwrap();
            if all.len() == before {
                break;
            }
        }
        all
    });
    let mut house = serving(&format!(
        "[[forward]]\nname = \"few\"\naddress = \"{to}\"\ntransport = \"tcp\"\n\
         severity = \"emergency\"\nusers = [\"nobody\"]\nkinds = [\"refusal\"]\n"
    ));
    let mut client = kmip(&house);
    let id = client.create_symmetric_key(256, 12, None).unwrap();
    client.get(&id).unwrap();
    // The stop signs what there is, and sends it.
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    drop(TcpStream::connect(to));
    let received = receiver.join().unwrap();
    let heads = received.matches("strongroom-anchor-1 ").count();
    assert!(heads >= 2, "{heads} heads in {received}");
    assert!(!received.contains("action=\"Get\""), "{received}");
    for chain in ["chain=changes", "chain=uses"] {
        assert!(received.contains(chain), "{chain}: {received}");
    }
}

#[test]
fn an_audit_is_exported_searched_and_verified_against_anchors_with_and_without_a_server() {
    let mut house = serving("[audit]\nanchors_path = \"anchors\"\n");
    let mut client = kmip(&house);
    let id = client.create_symmetric_key(256, 12, Some("one")).unwrap();
    client.get(&id).unwrap();
    let anchors = house.data().join("anchors");
    eventually("anchor", || {
        fs::read_to_string(&anchors).is_ok_and(|kept| kept.contains("chain=changes"))
    });
    for format in ["json", "ocsf", "cef", "leef", "rfc5424"] {
        assert!(export(&house, format).len() > 10, "{format}");
    }
    let gets = export(&house, "json").into_iter().map(|line| {
        let event: Value = serde_json::from_str(&line).unwrap();
        (event["action"].as_str().unwrap().to_owned(), event["object"].clone())
    });
    assert!(gets.into_iter().any(|(action, object)| action == "Get" && object == id.as_str()));
    let found = house.json(&["audit", "search", "--operation", "Get", "--object", &id]);
    let found = found["records"].as_array().unwrap();
    assert_eq!(found.iter().filter(|r| r["kind"] == "use").count(), 1, "{found:?}");
    let none = house.json(&["audit", "search", "--operation", "Get", "--until", "2020-01-01"]);
    assert_eq!(none["records"].as_array().unwrap().len(), 0);
    let to = house.dir.path().join("out");
    let written = house.run(&["audit", "export", "--user", "server", "--to", to.to_str().unwrap()]);
    assert!(written.status.success(), "{}", text(&written));
    let kept = fs::read_to_string(&to).unwrap();
    assert!(kept.lines().count() > 2);
    let again = house.run(&["audit", "export", "--to", to.to_str().unwrap()]);
    let said = text(&again);
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.contains("error 3087") && said.contains(&format!("It is {}.", to.display())));
    assert_eq!(fs::read_to_string(&to).unwrap(), kept);
    // What was refused leaves no file that stands in the way of the next try.
    let refused = house.dir.path().join("refused");
    let sysadmin = house.data().join("bundles/sysadmin");
    let denied = house.run_as(&sysadmin, &["audit", "export", "--to", refused.to_str().unwrap()]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));
    assert!(!refused.exists());
    let denied = house.run_as(&house.data().join("bundles/sysadmin"), &["audit", "export"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied));

    let path = anchors.to_str().unwrap();
    let verdict = house.json(&["audit", "verify", "--anchors", path]);
    assert_eq!((&verdict["intact"], verdict["anchors"].as_u64() > Some(0)), (&true.into(), true));
    // One that was altered does not bear its signature any more.
    let forged = house.dir.path().join("forged");
    let kept = fs::read_to_string(&anchors).unwrap();
    fs::write(&forged, kept.replacen("destroyed=0", "destroyed=1", 1)).unwrap();
    let broken = house.run(&["audit", "verify", "--anchors", forged.to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(2), "{}", text(&broken));
    assert!(text(&broken).contains("the signature does not fit"), "{}", text(&broken));

    let other = house.run(&["audit", "verify", "--anchors", path, "--key", &"00".repeat(32)]);
    assert_eq!(other.status.code(), Some(2), "another key verifies: {}", text(&other));

    // The files alone: no server, no secret.
    let key = house.json(&["audit", "key"])["key"].as_str().unwrap().to_owned();
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    let data = house.data();
    let alone = || {
        let mut command = strongroom();
        command.args(["audit", "verify", "--anchors", path, "--key", &key, "--data"]).arg(&data);
        command.output().unwrap()
    };
    let sound = alone();
    assert!(sound.status.success(), "{}", text(&sound));
    assert!(text(&sound).contains("The audit is intact."), "{}", text(&sound));
    let segment = data.join("audit/uses-00000000000000000001.seg");
    let whole = fs::read(&segment).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&segment, flipped).unwrap();
    let broken = alone();
    assert_eq!(broken.status.code(), Some(2), "{}", text(&broken));
    // What was read, and where it broke.
    let said = text(&broken).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("uses BROKEN: record "), "{said}");
    assert!(said.contains("Records 1 to ") && said.contains(" before it were read"), "{said}");
    // Cut off where the anchors still know of records.
    fs::write(&segment, &whole[..whole.len() / 2]).unwrap();
    let cut = alone();
    assert_eq!(cut.status.code(), Some(2), "{}", text(&cut));
    assert!(text(&cut).contains("NOT MET"), "{}", text(&cut));
}
