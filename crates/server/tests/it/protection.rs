//! How a running server is protected, seen from outside; and what it says where it is not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use strongroom_server::cli::{Client, Reach};

use crate::house::{House, text};
use crate::init::{PLAN, Site};

/// A user without rights, whom root becomes for these tests.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// `command` as a user who is not root, whose processes show by their owner whether they can be
/// dumped.
fn as_somebody(command: &Command, program: &std::path::Path) -> Command {
    if !is_root() {
        let mut same = Command::new(program);
        same.args(command.get_args());
        return same;
    }
    let mut less = Command::new("setpriv");
    less.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]).arg("--clear-groups");
    less.arg(program).args(command.get_args());
    less
}

/// The numbers of a line of `/proc/PID/...`.
fn line(pid: u32, file: &str, begins: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(begins));
    found.unwrap_or_else(|| panic!("no {begins} in {text}")).trim().to_owned()
}

#[test]
fn a_running_server_dumps_no_core_shows_no_memory_and_locks_its_keys() {
    let mut house = House::new();
    fs::set_permissions(house.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = house.dir.path().join("strongroom");
    fs::copy(env!("CARGO_BIN_EXE_strongroom"), &program).unwrap();
    fs::create_dir(house.data()).unwrap();
    if is_root() {
        std::os::unix::fs::chown(house.data(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut quickstart = as_somebody(&house.quickstart(&["--skip-proof"]), &program);
    quickstart.current_dir(house.data()).stdin(Stdio::null());
    house.start(quickstart);
    let pid = house.pid();

    let core = line(pid, "limits", "Max core file size");
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");

    // What cannot be dumped belongs to root in /proc, whoever runs it (`proc(5)`): its own user
    // can neither trace it nor read its memory.
    let owner = |pid: u32| fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid();
    assert_eq!(owner(pid), 0);
    let mut plain = Command::new("sleep");
    plain.arg("60");
    let mut plain = as_somebody(&plain, std::path::Path::new("/bin/sleep")).spawn().unwrap();
    let ordinary = if is_root() { NOBODY } else { fs::metadata("/proc/self").unwrap().uid() };
    let begun = std::time::Instant::now();
    // It is root's until it has become sleep.
    while owner(plain.id()) != ordinary && begun.elapsed().as_secs() < 10 {}
    let seen = owner(plain.id());
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert_eq!(seen, ordinary, "an ordinary process is no different: this shows nothing");

    let memory = house.json(&["status"])["memory"].clone();
    let locked = memory["bytes_locked"].as_u64().unwrap();
    assert!(locked > 0 && memory["secrets"].as_u64().unwrap() > 0, "{memory}");
    let kib = line(pid, "status", "VmLck:");
    let kib: u64 = kib.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib * 1024 >= locked, "{memory}, but {kib} KiB are locked");
    match memory["backing"].as_str().unwrap() {
        "memfd_secret" => {
            // Only root may look at what is mapped.
            if is_root() {
                let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
                assert!(maps.contains("/secretmem"), "{maps}");
            }
        }
        other => assert_eq!(other, "mlock"),
    }
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
}

fn health(bundle: PathBuf) -> Value {
    let reach = Reach { bundle: Some(bundle), ..Reach::default() };
    Client::new(&reach, &[]).unwrap().get("/health").unwrap()
}

/// Health, status and doctor say the same, of which `why` is a part.
fn all_say(house: &House, bundle: &std::path::Path, config: &str, why: &str) {
    let word = |value: &Value| value["not_for_production"][0].as_str().unwrap_or("").to_owned();
    let from_health = word(&health(bundle.to_owned()));
    assert!(from_health.contains(why), "{from_health}");
    let status = house.run_as(bundle, &["status", "--output", "json"]);
    assert_eq!(word(&serde_json::from_slice(&status.stdout).unwrap()), from_health);
    for arguments in [&["status"][..], &["doctor", "--config", config]] {
        let said = text(&house.run_as(bundle, arguments));
        assert!(said.contains("NOT FOR PRODUCTION"), "{said}");
        // Folded as it may be.
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(why), "{said}");
        let wide = |l: &&str| l.chars().count() > 80 && !l.contains(config);
        assert_eq!(said.lines().find(wide), None, "{said}");
    }
}

#[test]
fn a_quickstart_says_everywhere_that_it_is_not_for_production_and_why() {
    let house = House::serving();
    let config = house.data().join("strongroom.toml").display().to_string();
    let bundle = house.data().join("bundles/sysadmin");
    let why = "the root key's file slot lies beside the data, so whoever copies the directory has \
               every key";
    all_say(&house, &bundle, &config, why);
    assert!(house.log().contains("NOT FOR PRODUCTION"));
    // Sealed it is no better, and whoever has any certificate may know.
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    let sealed = health(house.data().join("bundles/client"));
    assert_eq!(sealed["state"], "sealed");
    assert!(sealed["not_for_production"][0].as_str().unwrap().contains("file slot"));
}

#[test]
fn a_file_slot_beside_the_data_is_served_only_when_accepted_in_words_and_then_told_everywhere() {
    let plan = PLAN.replace("kind = \"passphrase\"\npassphrase_file = \"PASS\"", "kind = \"file\"");
    let words = "accept_file_slot_beside_data = \
                 \"I accept that whoever copies this disk has every key\"\n";
    let mut site = Site::new(words, &plan);
    let set_up = site.init();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let serve = site.serve();
    site.house.start(serve);
    let config = site.config.display().to_string();
    let why = "The configuration accepts a file slot of the root key beside the data";
    all_say(&site.house, &site.bundle("sam"), &config, why);
    assert_eq!(site.house.stop("TERM"), Some(0));

    let accepted = fs::read_to_string(&site.config).unwrap();
    for other in ["", "accept_file_slot_beside_data = \"I accept it\"\n"] {
        fs::write(&site.config, accepted.replace(words, other)).unwrap();
        let refused = site.serve().output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        let said = text(&refused);
        // Either it names the words that are wanted, or says that these are not they.
        assert!(said.contains("I accept that whoever copies this disk has every key"), "{said}");
    }
    // On another filesystem nothing has to be accepted.
    let elsewhere = PathBuf::from("/dev/shm");
    let device = |path: &std::path::Path| fs::metadata(path).map(|m| m.dev()).ok();
    if device(&elsewhere).is_none() || device(&elsewhere) == device(site.house.dir.path()) {
        eprintln!("SKIPPED: there is no other filesystem at /dev/shm");
        return;
    }
    let other = tempfile::tempdir_in(&elsewhere).unwrap();
    let key = format!("file_key_path = \"{}\"\n", other.path().join("root.key").display());
    let mut site = Site::new(&key, &plan);
    let set_up = site.init();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let serve = site.serve();
    site.house.start(serve);
    let status = site.json(&site.bundle("sam"), &["status"]);
    assert_eq!(status["state"], "serving");
    assert_eq!(status["not_for_production"], serde_json::json!([]));
}
