//! Backups that the server takes by itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::house::{House, strongroom, text};

const PATIENCE: Duration = Duration::from_secs(60);

struct Scheduled {
    house: House,
    dir: PathBuf,
    slots: PathBuf,
}

fn files(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".backup") || name.ends_with(".json"))
        .collect();
    names.sort();
    names
}

impl Scheduled {
    fn new() -> Self {
        let house = House::new();
        let (dir, slots) = (house.dir.path().join("backups"), house.dir.path().join("slots"));
        let mut made = Self { house, dir, slots };
        let mut command = made.house.quickstart(&["--skip-proof"]);
        command.env("STRONGROOM_BACKUP__DIR", &made.dir);
        command.env("STRONGROOM_BACKUP__SLOTS_DIR", &made.slots);
        command.env("STRONGROOM_BACKUP__EVERY", "2s").env("STRONGROOM_BACKUP__KEEP", "2");
        made.house.start(command);
        made
    }

    fn status(&self) -> Value {
        self.house.json(&["status"])["backup"].clone()
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < end, "{what}: {}\n{}", self.status(), self.house.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn backups_are_taken_verified_and_kept_as_many_as_are_wanted() {
    let made = Scheduled::new();
    made.until("two", |m| files(&m.dir).len() == 2);
    let first = files(&made.dir)[0].clone();
    made.until("the oldest goes", |m| !files(&m.dir).contains(&first));
    assert!(files(&made.dir).len() <= 2 && !files(&made.slots).is_empty());
    let status = made.status();
    assert!(status["last"].as_i64().unwrap() > 0 && status["failed"].is_null(), "{status}");
    let tail = text(&made.house.run(&["audit", "search", "--operation", "backup-verified"]));
    assert!(tail.contains("backup-verified") || tail.contains("backup-ver"), "{tail}");
    // What is there opens with the shares.
    let data = made.dir.join(files(&made.dir).pop().unwrap());
    let kept = made.house.dir.path().join("kept");
    let slots = made.slots.join(files(&made.slots).pop().unwrap());
    let kept_slots = made.house.dir.path().join("kept.json");
    fs::copy(&data, &kept).unwrap();
    fs::copy(&slots, &kept_slots).unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let mut verify = strongroom();
    verify.args(["backup", "verify"]).arg(&kept).arg("--slots").arg(&kept_slots);
    for n in [1, 3, 4] {
        let share = made.house.data().join(format!("recovery-shares/share-{n}-of-5.txt"));
        verify.arg("--share-file").arg(share);
    }
    let verified = verify.output().unwrap();
    assert!(verified.status.success(), "{}", text(&verified));
}

#[test]
fn a_backup_that_fails_is_told_and_nothing_else_stops_and_it_is_tried_again() {
    let made = Scheduled::new();
    made.until("one", |m| !files(&m.dir).is_empty());
    // The place is gone: a file lies there.
    fs::rename(&made.slots, made.house.dir.path().join("away")).unwrap();
    fs::write(&made.slots, "in the way").unwrap();
    made.until("failure", |m| !m.status()["failed"].is_null());
    let before = files(&made.dir);
    assert!(!before.is_empty(), "the last good one was thrown away");
    let status = text(&made.house.run(&["status"]));
    assert!(status.contains("The scheduled backup failed"), "{status}");
    let doctor = text(&made.house.run(&["doctor"]));
    assert!(doctor.contains("backup"), "{doctor}");
    let tail = text(&made.house.run(&["audit", "tail", "--all", "-n", "200"]));
    assert!(tail.contains("backup-failed"), "{tail}");
    assert!(made.house.run(&["key", "list"]).status.success());
    fs::remove_file(&made.slots).unwrap();
    made.until("again", |m| m.status()["failed"].is_null());
}

#[test]
fn data_and_slots_go_to_two_directories() {
    let house = House::new();
    let mut command = house.quickstart(&["--skip-proof"]);
    command
        .env("STRONGROOM_BACKUP__DIR", "/tmp/same")
        .env("STRONGROOM_BACKUP__SLOTS_DIR", "/tmp/same");
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("error 3081"), "{}", text(&refused));
}
