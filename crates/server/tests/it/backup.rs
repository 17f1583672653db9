//! Backups with the binary itself: taken online, proved, tried, restored beside, confirmed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::house::{House, strongroom, text};

/// A house with its backup and its slots, each in a directory of its own.
pub struct Kept {
    pub house: House,
    pub file: PathBuf,
    pub slots: PathBuf,
}

fn share(house: &House, n: u8) -> PathBuf {
    house.data().join(format!("recovery-shares/share-{n}-of-5.txt"))
}

impl Kept {
    pub fn new() -> Self {
        Self::of(House::serving())
    }

    pub fn of(house: House) -> Self {
        let dir = house.dir.path();
        let (file, slots) = (dir.join("backup"), dir.join("slots.json"));
        let kept = Self { file, slots, house };
        kept.take(&kept.file);
        let written = kept.house.json(&["backup", "slots", "--to", kept.slots.to_str().unwrap()]);
        assert_eq!(written["bytes"], fs::metadata(&kept.slots).unwrap().len());
        kept
    }

    pub fn share(&self, n: u8) -> PathBuf {
        share(&self.house, n)
    }

    pub fn take(&self, to: &Path) {
        let written = self.house.json(&["backup", "create", "--to", to.to_str().unwrap()]);
        let metadata = fs::metadata(to).unwrap();
        assert_eq!(written["bytes"], metadata.len());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }

    /// `backup VERB FILE --slots ... ` with three shares of five.
    pub fn offline(&self, verb: &str, file: &Path, more: &[&str]) -> Output {
        let mut command = strongroom();
        command.args(["backup", verb]).arg(file).arg("--slots").arg(&self.slots).args(more);
        for n in [1, 3, 4] {
            command.arg("--share-file").arg(share(&self.house, n));
        }
        command.output().unwrap()
    }
}

/// What a restored server needs beside its data.
pub fn serve(at: &House, slots: &Path) -> Command {
    let dir = at.dir.path();
    fs::create_dir(dir.join("root")).unwrap();
    fs::copy(slots, dir.join("root/slots.json")).unwrap();
    fs::set_permissions(dir.join("root/slots.json"), fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "[data]\ndir = \"data\"\n[root]\nslots_path = \"root/slots.json\"\n\
         accept_file_slot_beside_data = \"{}\"\n\
         [kmip]\nlisten = \"{}\"\n[admin]\nlisten = \"{}\"\n",
        strongroom_server::config::table::ACCEPT_BESIDE,
        at.kmip,
        at.admin
    );
    fs::write(dir.join("strongroom.toml"), text).unwrap();
    let mut command = strongroom();
    command.arg("serve").arg("--config").arg(dir.join("strongroom.toml"));
    command
}

/// A house over what was restored, unsealed. The first house may be gone.
struct Other {
    house: House,
    bundles: PathBuf,
}

impl Other {
    fn of(kept: &Kept) -> Self {
        let mut house = House::new();
        let data = house.data();
        let restored = kept.offline("restore", &kept.file, &["--data", data.to_str().unwrap()]);
        assert!(restored.status.success(), "{}", text(&restored));
        assert!(text(&restored).contains("quarantined"), "{}", text(&restored));
        let command = serve(&house, &kept.slots);
        house.start(command);
        let other = Self { house, bundles: kept.house.data().join("bundles") };
        for n in [1, 3, 4] {
            if text(&other.run(&["status"])).contains("sealed") {
                let file = share(&kept.house, n);
                other.run(&["root", "unseal", "--share-file", file.to_str().unwrap()]);
            }
        }
        other
    }

    /// A command of the first house's people.
    fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(&self.bundles, arguments)
    }

    fn run_as(&self, bundle: &Path, arguments: &[&str]) -> Output {
        let server = ["--server", &self.house.admin];
        strongroom().args(arguments).arg("--bundle").arg(bundle).args(server).output().unwrap()
    }
}

#[test]
fn anchors_of_the_lost_server_confirm_the_restored_one() {
    let mut house = House::new();
    let anchors = house.dir.path().join("anchors");
    let mut command = house.quickstart(&["--skip-proof"]);
    command.env("STRONGROOM_AUDIT__ANCHORS_PATH", &anchors);
    house.start(command);
    let mut kept = Kept::of(house);
    let older = kept.house.dir.path().join("older");
    fs::write(&older, fs::read(&anchors).unwrap_or_default()).unwrap();
    // A change, and the stop signs the ends of both chains.
    let changed = kept.house.run(&["role", "grant", "nora", "auditor"]);
    assert!(changed.status.success(), "{}", text(&changed));
    assert_eq!(kept.house.stop("TERM"), Some(0));

    let other = Other::of(&kept);
    let confirm = |file: &Path| {
        other.run(&["backup", "confirm", "--anchors", file.to_str().unwrap(), "--output", "json"])
    };
    let early = confirm(&older);
    assert_eq!(early.status.code(), Some(1), "{}", text(&early));
    let confirmed = confirm(&anchors);
    assert!(confirmed.status.success(), "{}", text(&confirmed));
    let confirmed: serde_json::Value = serde_json::from_slice(&confirmed.stdout).unwrap();
    assert_eq!(confirmed["destroyed_since"], 0);
    assert!(!text(&other.run(&["status"])).contains("Quarantined"));
}

#[test]
fn a_backup_taken_online_is_restored_elsewhere_and_serves_once_it_is_confirmed() {
    let kept = Kept::new();
    let good = kept.offline("verify", &kept.file, &[]);
    assert!(good.status.success(), "{}", text(&good));
    assert!(text(&good).contains("The backup is whole and opens."), "{}", text(&good));
    let tried = kept.offline("drill", &kept.file, &["--output", "json"]);
    assert!(tried.status.success(), "{}", text(&tried));
    let tried: serde_json::Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert!(tried["changes"].as_u64().unwrap() > 0 && tried["uses"].as_u64().unwrap() > 0);

    let other = Other::of(&kept);
    let as_of = |arguments: &[&str]| other.run(arguments);
    // It reads, and neither changes nor uses.
    let status = as_of(&["status"]);
    assert!(text(&status).contains("Quarantined"), "{}", text(&status));
    assert!(as_of(&["key", "list"]).status.success());
    assert!(as_of(&["audit", "verify"]).status.success());
    for refused in [&["role", "grant", "mallory", "officer"][..], &["root", "rotate"]] {
        let refused = as_of(refused);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(text(&refused).contains("error 3013"), "{}", text(&refused));
    }
    // A sysadmin does not confirm; and not without words.
    let words = ["backup", "confirm", "--without-anchor", "--yes"];
    let sysadmin = other.run_as(&other.bundles.join("sysadmin"), &words);
    assert_eq!(sysadmin.status.code(), Some(3), "{}", text(&sysadmin));
    let silent = as_of(&["backup", "confirm", "--without-anchor"]);
    assert_eq!(silent.status.code(), Some(1), "{}", text(&silent));
    let confirmed = as_of(&words);
    assert!(confirmed.status.success(), "{}", text(&confirmed));
    assert!(!text(&as_of(&["status"])).contains("Quarantined"));
    assert!(as_of(&["root", "rotate"]).status.success());
    assert!(as_of(&["audit", "verify"]).status.success());
}

#[test]
fn neither_half_opens_alone_and_a_changed_backup_is_named_as_one() {
    let kept = Kept::new();
    let dir = kept.house.dir.path();
    // Slots of another house.
    let other = House::serving();
    let slots = dir.join("other.json");
    let saved = other.run(&["backup", "slots", "--to", slots.to_str().unwrap()]);
    assert!(saved.status.success(), "{}", text(&saved));
    let mut wrong = strongroom();
    wrong.args(["backup", "verify"]).arg(&kept.file).arg("--slots").arg(&slots);
    let wrong = wrong.arg("--share-file").arg(share(&other, 1)).output().unwrap();
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong));
    assert!(text(&wrong).contains("error 3089"), "{}", text(&wrong));
    // Too few shares.
    let mut few = strongroom();
    few.args(["backup", "verify"]).arg(&kept.file).arg("--slots").arg(&kept.slots);
    let few = few.arg("--share-file").arg(share(&kept.house, 1)).output().unwrap();
    assert_eq!(few.status.code(), Some(3), "{}", text(&few));
    // A changed byte.
    let mut bytes = fs::read(&kept.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let changed = dir.join("changed");
    fs::write(&changed, bytes).unwrap();
    for (verb, more) in [("verify", &[][..]), ("drill", &[]), ("restore", &["--data", "nowhere"])] {
        let found = kept.offline(verb, &changed, more);
        assert_eq!(found.status.code(), Some(2), "{verb}: {}", text(&found));
        assert!(text(&found).contains("error 3088"), "{verb}: {}", text(&found));
    }
    assert!(!Path::new("nowhere").exists());
    // Nothing is written over.
    let again = kept.house.run(&["backup", "create", "--to", kept.file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert!(text(&again).contains("error 3087"), "{}", text(&again));
    let data = kept.house.data();
    let over = kept.offline("restore", &kept.file, &["--data", data.to_str().unwrap()]);
    assert_eq!(over.status.code(), Some(1), "{}", text(&over));
}

#[test]
fn only_a_system_administrator_takes_backups_and_it_is_recorded() {
    let house = House::serving();
    let to = house.dir.path().join("backup");
    let create = ["backup", "create", "--to", to.to_str().unwrap()];
    let officer = house.run_as(&house.data().join("bundles/officer"), &create);
    assert_eq!(officer.status.code(), Some(3), "{}", text(&officer));
    assert!(!to.exists());
    assert!(house.run(&create).status.success());
    let tail = text(&house.run(&["audit", "tail"]));
    assert!(tail.contains("Create Backup") && tail.contains("backup-taken"), "{tail}");
}
