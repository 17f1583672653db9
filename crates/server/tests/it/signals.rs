//! What ends a server ends it cleanly: everything is flushed, the audit has the stop and the
//! signed ends of both chains, and the next start serves the same keys.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_client::{Config, Connection, Pem};

use crate::house::House;
use crate::pty::Terminal;

const PATIENCE: Duration = Duration::from_secs(60);

fn connect(house: &House) -> Connection {
    let dir = house.data().join("bundles/client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

/// What the audit has of the last run before this one, oldest first, as operations.
fn last_run(house: &House) -> Vec<Value> {
    let tail = house.json(&["audit", "tail", "--all", "-n", "1000"]);
    let records = tail["records"].as_array().unwrap().clone();
    let starts: Vec<usize> = records
        .iter()
        .enumerate()
        .filter(|(_, r)| r["operation"] == "listening")
        .map(|(i, _)| i)
        .collect();
    let [.., last, this] = starts.as_slice() else { panic!("no earlier run: {tail:#}") };
    records[*last..*this].to_vec()
}

/// The run before this one was stopped by `why`, and signed its ends after that.
fn stopped_cleanly(house: &House, why: &str) {
    let records = last_run(house);
    let at = |name: &str| records.iter().rposition(|r| r["operation"] == name);
    let stopping = &records[at("stopping").unwrap()];
    assert_eq!(stopping["detail"], format!("detail={why}"), "{records:#?}");
    let stop = at("stop").unwrap_or_else(|| panic!("no stop: {records:#?}"));
    let heads = records[stop..].iter().filter(|r| r["operation"] == "anchor");
    assert!(heads.count() >= 1, "no signed head after the stop: {records:#?}");
    assert_eq!(house.json(&["audit", "verify"])["intact"], true);
}

#[test]
fn every_signal_that_stops_a_quickstart_stops_it_cleanly() {
    let mut house = House::serving();
    let key = connect(&house).create_symmetric_key(256, 12, Some("kept")).unwrap();
    for signal in ["INT", "TERM", "HUP"] {
        let value = connect(&house).get(&key).unwrap().material;
        assert_eq!(house.stop(signal), Some(0), "{}", house.log());
        assert!(house.log().contains("Stopped. The keys are kept"), "{}", house.log());
        let again = house.quickstart(&["--skip-proof"]);
        house.start(again);
        stopped_cleanly(&house, &format!("SIG{signal}"));
        assert_eq!(value, connect(&house).get(&key).unwrap().material);
    }
}

#[test]
fn closing_the_terminal_stops_what_runs_in_it() {
    let mut house = House::serving();
    assert_eq!(house.stop("TERM"), Some(0));
    let config = house.data().join("strongroom.toml");
    let mut serve = crate::house::strongroom();
    serve.arg("serve").arg("--config").arg(&config).env("STRONGROOM_LOG__LEVEL", "info");
    for (command, ready) in [(house.quickstart(&["--skip-proof"]), "Ctrl-C"), (serve, "serving")] {
        let mut terminal = Terminal::start(&command);
        terminal.expect(ready);
        house.wait_until_it_answers();
        terminal.close();
        assert_eq!(terminal.wait(), Some(0), "{}", terminal.seen());
        let again = house.quickstart(&["--skip-proof"]);
        house.start(again);
        stopped_cleanly(&house, "SIGHUP");
        assert_eq!(house.stop("TERM"), Some(0));
    }
}

#[test]
fn control_c_in_a_terminal_stops_a_quickstart() {
    let mut house = House::new();
    let mut terminal = Terminal::start(&house.quickstart(&["--skip-proof"]));
    terminal.expect("Ctrl-C stops.");
    // As the terminal itself turns the key into the signal.
    terminal.type_keys("\x03");
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.seen());
    assert!(terminal.seen().contains("the same command serves them again"));
    let again = house.quickstart(&["--skip-proof"]);
    house.start(again);
    stopped_cleanly(&house, "SIGINT");
}

/// `command` behind words that change how it is started.
fn behind(words: &[&str], command: &Command) -> Command {
    let mut all = Command::new(words[0]);
    all.args(&words[1..]).arg(command.get_program()).args(command.get_args());
    all.env_remove("STRONGROOM_BUNDLE").env_remove("STRONGROOM_SERVER");
    all.env("STRONGROOM_LOG__LEVEL", "info").stdin(std::process::Stdio::null());
    all
}

#[test]
fn a_daemon_reads_its_certificates_again_and_so_does_what_outlives_its_terminal() {
    let mut house = House::serving();
    assert_eq!(house.stop("TERM"), Some(0));
    let config = house.data().join("strongroom.toml");
    let mut serve = crate::house::strongroom();
    serve.arg("serve").arg("--config").arg(&config);
    let ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let quickstart = house.quickstart(&["--skip-proof"]);
    for command in [behind(&["setsid"], &serve), behind(&ignoring, &quickstart)] {
        house.start(command);
        let count = |word: &str| {
            let tail = house.json(&["audit", "tail", "--operation", word, "-n", "100"]);
            tail["records"].as_array().unwrap().len()
        };
        let hang_up = |word: &str| {
            let (before, begun) = (count(word), Instant::now());
            house.signal("HUP");
            while count(word) == before {
                assert!(begun.elapsed() < PATIENCE, "no {word}: {}", house.log());
            }
        };
        // Other material must be noticed, and what does not fit must cut nobody off.
        let certificate = house.data().join("tls/server-cert.pem");
        let good = std::fs::read(&certificate).unwrap();
        std::fs::write(&certificate, "no certificate\n").unwrap();
        hang_up("certificates-not-reloaded");
        std::fs::write(&certificate, good).unwrap();
        hang_up("certificates-reloaded");
        assert_eq!(house.json(&["status"])["state"], "serving");
        assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    }
}
