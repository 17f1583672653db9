//! A disk that is really full: small filesystems, and the binary itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, address, text};

const PATIENCE: Duration = Duration::from_secs(60);

/// A small filesystem of its own, for as long as it lives.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path) -> Option<Self> {
        Self::over(at, &["-t", "tmpfs", "-o", "size=40m,mode=0700", "none"])
    }

    /// A file with a filesystem in it, which puts off finding blocks until it flushes.
    fn ext4(at: &Path) -> Option<Self> {
        let image = at.with_extension("img");
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image).output();
        if !made.is_ok_and(|made| made.status.success()) {
            return None;
        }
        Self::over(at, &["-o", "loop", image.to_str().unwrap()])
    }

    fn over(at: &Path, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(arguments).arg(at).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Writes until there is no room at all.
fn fill(path: &Path) {
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    let mut part = vec![1; 1 << 20];
    while !part.is_empty() {
        if file.write_all(&part).is_err() {
            part.truncate(part.len() / 2);
        }
    }
    let _ = file.sync_all();
}

fn quickstart(house: &House, monitor: &str) -> Command {
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve
        .env("STRONGROOM_MONITOR__LISTEN", monitor)
        .env("STRONGROOM_DATA__DISK_RESERVE", "4MiB")
        .env("STRONGROOM_DATA__DISK_FLOOR", "2MiB")
        .env("STRONGROOM_DATA__DISK_LOW", "3MiB");
    serve
}

fn connect(house: &House) -> Connection {
    let dir = house.data().join("bundles/client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn seen(monitor: &str, path: &str) -> String {
    let url = format!("http://{monitor}{path}");
    let asked = Command::new("curl").args(["-s", "-m", "20", &url]).output().unwrap();
    String::from_utf8_lossy(&asked.stdout).into_owned()
}

fn room(house: &House) -> String {
    house.json(&["status"])["disks"][0]["room"].as_str().unwrap().to_owned()
}

/// What the audit says of the disk, oldest first.
fn told(house: &House) -> Vec<String> {
    let records = house.json(&["audit", "search", "--user", "server"]);
    let records = records["records"].as_array().unwrap().clone();
    let names = records.iter().map(|r| r["operation"].as_str().unwrap().to_owned());
    names.filter(|name| name.contains("disk") || name.contains("full")).collect()
}

fn is_intact(house: &House) {
    let verified = house.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
}

fn story(house: &mut House, name: &str) {
    let monitor = address();
    house.start(quickstart(house, &monitor));
    let mut client = connect(house);
    let id = client.create_symmetric_key(256, 12, Some("before")).unwrap();
    client.get(&id).unwrap();
    let ballast = house.data().join("ballast");
    fill(&ballast);

    let refused = until("a use is refused", || client.get(&id).err()).to_string();
    assert!(refused.contains("3007") && refused.contains("full"), "{name}: {refused}");
    let refused = client.create_symmetric_key(256, 12, None).unwrap_err().to_string();
    assert!(refused.contains("3007"), "{name}: {refused}");
    for _ in 0..300 {
        client.get(&id).unwrap_err();
    }
    // The administration changes nothing either, and says why.
    let issue = house.run(&["role", "grant", "carol", "auditor"]);
    assert!(!issue.status.success());
    assert!(text(&issue).contains("3007"), "{name}: {}", text(&issue));
    // What reads works, and what tells.
    assert_eq!(seen(&monitor, "/health"), "{\"state\":\"disk-full\"}");
    let metrics = seen(&monitor, "/metrics");
    for line in ["strongroom_serving 0\n", "strongroom_disk_state{disk=\"data\"} 2\n"] {
        assert!(metrics.contains(line), "{name}: {line} in {metrics}");
    }
    let counted =
        metrics.lines().find_map(|l| l.strip_prefix("strongroom_disk_full_refused_total "));
    assert!(counted.unwrap().parse::<u64>().unwrap() >= 300, "{name}: {metrics}");
    assert_eq!(room(house), "full");
    until("it is told", || told(house).contains(&"disk-full".to_owned()).then_some(()));
    is_intact(house);
    let exported = house.run(&["audit", "export", "--format", "json"]);
    assert!(exported.status.success(), "{name}: {}", text(&exported));
    let warned = text(&house.run(&["status"]));
    assert!(warned.contains("full"), "{name}: {warned}");
    assert!(text(&house.run(&["doctor"])).contains("full"));
    let whole = |house: &House| house.json(&["audit", "search", "--user", "client"]);
    let refusals = whole(house)["records"].as_array().unwrap().len();
    assert!(refusals < 20, "{name}: {refusals} records of refusals");

    // The stop finds room, and so does a start; neither an end of power nor a kill harms.
    assert_eq!(house.stop("TERM"), Some(0), "{name}: {}", house.log());
    fill(&ballast);
    house.start(quickstart(house, &monitor));
    until("it opens on a full disk", || (room(house) == "full").then_some(()));
    is_intact(house);
    house.stop("KILL");
    fill(&ballast);
    house.start(quickstart(house, &monitor));
    let mut client = connect(house);
    let refused = until("a use is refused", || client.get(&id).err()).to_string();
    assert!(refused.contains("3007"), "{name}: {refused}");

    // And it ends by itself.
    fs::remove_file(&ballast).unwrap();
    until("uses are answered again", || client.get(&id).ok());
    client.create_symmetric_key(256, 12, Some("after")).unwrap();
    assert_eq!(seen(&monitor, "/health"), "{\"state\":\"serving\"}");
    let told = told(house);
    assert!(told.contains(&"disk-recovered".to_owned()), "{name}: {told:?}");
    assert!(told.contains(&"refused-while-full".to_owned()), "{name}: {told:?}");
    is_intact(house);
    let reserve = house.data().join("disk-reserve").metadata().unwrap().len();
    assert_eq!(reserve, 4 << 20, "{name}");
    assert_eq!(house.stop("TERM"), Some(0), "{name}: {}", house.log());
}

#[test]
fn a_full_tmpfs_stops_every_answer_and_nothing_else_and_it_ends_by_itself() {
    let mut house = House::new();
    let Some(_mount) = Mount::tmpfs(&house.data()) else {
        println!("\nSKIPPED: mounting a tmpfs is refused here");
        return;
    };
    story(&mut house, "tmpfs");
}

#[test]
fn a_full_ext4_stops_every_answer_and_nothing_else_and_it_ends_by_itself() {
    let mut house = House::new();
    let Some(_mount) = Mount::ext4(&house.data()) else {
        println!("\nSKIPPED: making and mounting an ext4 is refused here");
        return;
    };
    story(&mut house, "ext4");
}
