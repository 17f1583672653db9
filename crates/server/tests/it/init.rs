//! The real thing: set-up from a file, then `serve`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::house::{House, all_under, strongroom, text};
use crate::pty::Terminal;
use crate::shares::{files_with, shares_in};

pub const PLAN: &str = r#"
server_names = ["kms.example"]
bundles = "BUNDLES"
shares = "SHARES"
[[slot]]
kind = "shamir"
threshold = 2
shares = 3
[[slot]]
kind = "passphrase"
passphrase_file = "PASS"
[[person]]
name = "olga"
role = "officer"
[[person]]
name = "sam"
role = "sysadmin"
[[person]]
name = "aude"
role = "auditor"
[[person]]
name = "db-01"
role = "client"
group = "databases"
"#;

pub struct Site {
    pub house: House,
    pub config: PathBuf,
    plan: PathBuf,
}

impl Site {
    pub fn new(more: &str, plan: &str) -> Self {
        let house = House::new();
        let dir = house.dir.path().to_owned();
        let config = dir.join("strongroom.toml");
        let text = format!(
            "[data]\ndir = \"data\"\n[kmip]\nlisten = \"{}\"\n[admin]\nlisten = \"{}\"\n\
             [root]\nslots_path = \"root/slots.json\"\n{more}",
            house.kmip, house.admin
        );
        fs::write(&config, text).unwrap();
        fs::write(dir.join("pass"), "correct horse battery staple\n").unwrap();
        let at = |name: &str| dir.join(name).display().to_string();
        let plan_text = plan
            .replace("BUNDLES", &at("bundles"))
            .replace("SHARES", &at("shares"))
            .replace("PASS", &at("pass"));
        let plan = dir.join("plan.toml");
        fs::write(&plan, plan_text).unwrap();
        Self { house, config, plan }
    }

    pub fn init(&self) -> Output {
        self.init_command().output().unwrap()
    }

    fn init_command(&self) -> Command {
        let mut command = strongroom();
        command.args(["init", "--config"]).arg(&self.config).arg("--from").arg(&self.plan);
        command
    }

    /// Every path but those that a new site has.
    fn left(&self) -> Vec<PathBuf> {
        let dir = self.house.dir.path();
        let ours = [dir.to_owned(), self.config.clone(), self.plan.clone(), dir.join("pass")];
        let all = all_under(dir).into_iter().filter(|path| !ours.contains(path));
        // What SQLite keeps beside an open store comes and goes.
        let beside =
            |path: &PathBuf| path.ends_with("store.db-wal") || path.ends_with("store.db-shm");
        all.filter(|path| !beside(path)).collect()
    }

    pub fn serve(&self) -> Command {
        let mut command = strongroom();
        command.args(["serve", "--config"]).arg(&self.config);
        command
    }

    pub fn bundle(&self, name: &str) -> PathBuf {
        self.house.dir.path().join("bundles").join(name)
    }

    pub fn json(&self, bundle: &Path, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let output = self.house.run_as(bundle, &all);
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn doctor_says_what_to_do_before_and_after_the_set_up_without_any_bundle() {
    let mut site = Site::new("", PLAN);
    let doctor = |site: &Site| {
        let mut command = strongroom();
        command.current_dir(site.house.dir.path());
        command.args(["doctor", "--config"]).arg(&site.config).output().unwrap()
    };
    let before = doctor(&site);
    assert_eq!(before.status.code(), Some(2), "{}", text(&before));
    let said = text(&before);
    assert!(said.contains("There is no root key yet") && said.contains("init --config"), "{said}");
    assert!(!said.contains("certificate"), "{said}");
    assert!(site.init().status.success());
    let after = doctor(&site);
    let said = text(&after);
    assert_eq!(after.status.code(), Some(0), "{said}");
    assert!(said.contains("nothing listens on") && said.contains("strongroom serve"), "{said}");
    assert!(said.contains("root slots: 2, shares among them"), "{said}");
    let serve = site.serve();
    site.house.start(serve);
    let said = text(&doctor(&site));
    assert!(said.contains("answers, and was not asked") && said.contains("--bundle DIR"), "{said}");
    // A directory of people's bundles says whose there are.
    let bundles = site.bundle("");
    let said = text(&site.house.run_as(&bundles, &["doctor"]));
    assert!(said.contains("bundles/sam") && said.contains("name one"), "{said}");
}

#[test]
fn an_unattended_set_up_serves_sealed_until_the_passphrase_comes() {
    let mut site = Site::new("", PLAN);
    let output = site.init();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(fs::read_dir(site.house.dir.path().join("shares")).unwrap().count(), 3);
    let serve = site.serve();
    site.house.start(serve);
    let sam = site.bundle("sam");
    let status = site.json(&sam, &["status"]);
    assert_eq!(status["state"], "sealed");
    assert_eq!(status["not_for_production"], serde_json::json!([]));
    let pass = site.house.dir.path().join("pass").display().to_string();
    let open = site.json(&sam, &["root", "unseal", "--passphrase-file", &pass]);
    assert_eq!(open["unsealed"], true);
    assert_eq!(site.json(&sam, &["status"])["state"], "serving");
    assert_eq!(site.json(&site.bundle("aude"), &["audit", "verify"])["intact"], true);
    let again = site.init();
    assert_ne!(again.status.code(), Some(0));
    assert_eq!(site.house.stop("TERM"), Some(0));
}

#[test]
fn serve_without_set_up_says_so() {
    let site = Site::new("", PLAN);
    let output = site.serve().output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("strongroom init"), "{}", text(&output));
}

#[test]
fn a_file_slot_beside_the_data_is_refused_unless_accepted_in_words() {
    let plan = PLAN.replace("kind = \"passphrase\"\npassphrase_file = \"PASS\"", "kind = \"file\"");
    let site = Site::new("", &plan);
    let output = site.init();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("error 3083"), "{}", text(&output));

    let words = "accept_file_slot_beside_data = \
                 \"I accept that whoever copies this disk has every key\"\n";
    let mut site = Site::new(words, &plan);
    let output = site.init();
    assert!(output.status.success(), "{}", text(&output));
    let serve = site.serve();
    site.house.start(serve);
    let status = site.json(&site.bundle("sam"), &["status"]);
    assert_eq!(status["state"], "serving");
    assert!(status["not_for_production"][0].as_str().unwrap().contains("accepts"));
    assert_eq!(site.house.stop("INT"), Some(0));

    // Taking the words back keeps it from starting.
    let text_of = fs::read_to_string(&site.config).unwrap().replace(words, "");
    fs::write(&site.config, text_of).unwrap();
    let output = site.serve().output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn a_set_up_that_fails_leaves_nothing_and_the_next_one_succeeds() {
    let site = Site::new("", PLAN);
    let plan = fs::read_to_string(&site.plan).unwrap();
    let pass = site.house.dir.path().join("pass");
    let refused = |why: &str| {
        let output = site.init();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(why), "{why}: {}", text(&output));
        assert_eq!(site.left(), Vec::<PathBuf>::new(), "{}", text(&output));
    };
    fs::write(&pass, "short\n").unwrap();
    refused("at least 12 characters");
    fs::write(&pass, "correct horse battery staple\n").unwrap();
    for (from, to, why) in [
        ("kms.example", "not a name", "neither a DNS name nor an IP address"),
        ("shares = 3", "shares = 3\nrecipients = [\"age1x\", \"age1y\", \"age1z\"]", "age1x"),
        ("\"db-01\"", "\"db/01\"", "db/01"),
        ("\"databases\"", "\"data\\nbases\"", "1 to 64 characters and no control characters"),
    ] {
        fs::write(&site.plan, plan.replace(from, to)).unwrap();
        refused(why);
    }
    // The root key, its shares and the CA are made by the time that this is found.
    let under_a_file = pass.join("bundles").display().to_string();
    let bundles = site.house.dir.path().join("bundles").display().to_string();
    fs::write(&site.plan, plan.replace(&bundles, &under_a_file)).unwrap();
    let output = site.init();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    for part in ["private CA", "Not a directory", "Nothing of this set-up is left"] {
        assert!(text(&output).contains(part), "{part}: {}", text(&output));
    }
    assert_eq!(site.left(), Vec::<PathBuf>::new(), "{}", text(&output));

    fs::write(&site.plan, &plan).unwrap();
    // What is there already stays, and says so before anything is made.
    let taken = site.bundle("db-01");
    fs::create_dir_all(&taken).unwrap();
    fs::write(taken.join("mine"), "x").unwrap();
    let output = site.init();
    assert!(text(&output).contains("error 3087"), "{}", text(&output));
    assert_eq!(site.left().len(), 3, "{:?}", site.left());
    fs::remove_dir_all(site.house.dir.path().join("bundles")).unwrap();

    let output = site.init();
    assert!(output.status.success(), "{}", text(&output));
    // Afterwards there is something to lose: it is refused, and stays.
    let before = site.left();
    let output = site.init();
    assert!(text(&output).contains("error 3003"), "{}", text(&output));
    assert_eq!(site.left(), before);
}

#[test]
fn a_set_up_broken_off_while_shares_are_shown_leaves_nothing() {
    let mut site = Site::new("", &PLAN.replace("shares = \"SHARES\"\n", ""));
    for signal in ["INT", "HUP"] {
        let mut terminal = Terminal::start(&site.init_command());
        terminal.expect("Press Enter");
        assert!(site.house.data().join("store.db").exists());
        match signal {
            "INT" => terminal.type_keys("\x03"),
            _ => terminal.close(),
        }
        assert_eq!(terminal.wait(), Some(1), "{}", terminal.seen());
        assert_eq!(site.left(), Vec::<PathBuf>::new(), "{}", terminal.seen());
        if signal == "INT" {
            assert!(terminal.seen().contains("destroy them"), "{}", terminal.seen());
        }
    }
    // And a store that an earlier set-up left without a root key is none that is in the way.
    fs::create_dir(site.house.data()).unwrap();
    fs::write(site.house.data().join("store.db.lock"), "").unwrap();
    let mut terminal = Terminal::start(&site.init_command());
    for _ in 0..3 {
        terminal.answer("Press Enter", "");
    }
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.seen());
    let serve = site.serve();
    site.house.start(serve);
    assert_eq!(site.json(&site.bundle("sam"), &["status"])["state"], "sealed");
}

#[test]
fn asked_on_a_terminal_a_set_up_judges_each_answer_and_ends_in_a_server_that_serves() {
    let mut site = Site::new("", PLAN);
    let dir = site.house.dir.path().to_owned();
    fs::write(dir.join("weak"), "short\n").unwrap();
    let mut command = strongroom();
    command.args(["init", "--config"]).arg(&site.config).current_dir(&dir);
    let mut t = Terminal::start(&command);
    // Each wrong answer is told at once, and asked for again.
    t.answer("reach it (by spaces): ", "kms.example not_a/name");
    t.answer("neither a DNS name", "kms.example");
    t.answer("private CA [Strongroom CA]: ", "");
    t.answer("How many custodians [5]: ", "many");
    t.answer("A whole number from 2 to 255.", "3");
    t.answer("open together [3]: ", "4");
    t.answer("A whole number from 2 to 3.", "2");
    t.answer("age key? [y/N]: ", "perhaps");
    t.answer("y or n.", "n");
    t.answer("Its name, or nothing: ", "strongroom-root");
    t.answer("CREDENTIALS_DIRECTORY", "");
    t.answer("File with the passphrase", "weak");
    t.answer("at least 12 characters", "absent");
    t.answer("No such file", "pass");
    t.answer("Officers", "");
    t.answer("Somebody must be officer.", "olga");
    t.answer("System administrators", "sam olga");
    t.answer("olga is named twice.", "sam");
    t.answer("Auditors", "../aude");
    t.answer("cannot be a bundle's directory", "aude");
    t.answer("First clients", "db-01 db-02");
    fs::create_dir_all(dir.join("there/sam")).unwrap();
    t.answer("Directory for their bundles", "there");
    t.answer("is there already", "bundles");
    assert!(!site.house.data().exists(), "something was made before the last question");
    t.answer("Make it? [y/N]: ", "y");
    let mut shares = Vec::new();
    for i in 1..=3 {
        t.expect(&format!("Share {i} of 3:"));
        t.answer("Press Enter when its custodian has written it down.", "");
    }
    shares.extend(shares_in(&t.seen()));
    assert_eq!(t.wait(), Some(0), "{}", t.seen());
    assert_eq!(shares.len(), 3, "{}", t.seen());
    assert_eq!(files_with(&dir, &shares), Vec::<PathBuf>::new());
    // The terminal is cleared after each, also what can be scrolled back to.
    assert_eq!(t.seen().matches("\x1b[2J\x1b[3J").count(), 3);
    let people = t.seen().replace("\x1b[2J\x1b[3J\x1b[H", "");
    // But for a share and for what was typed.
    let wide = |line: &&str| {
        line.chars().count() > 80 && !line.contains("strongroom-share-1-") && !line.contains(": ")
    };
    assert_eq!(people.lines().find(wide), None, "{people}");

    let serve = site.serve();
    site.house.start(serve);
    let sam = site.bundle("sam");
    for (i, share) in shares.iter().take(2).enumerate() {
        let file = dir.join(format!("given-{i}"));
        fs::write(&file, share).unwrap();
        let arguments = ["root", "unseal", "--share-file", file.to_str().unwrap()];
        let given = site.house.run_as(&sam, &arguments);
        assert!(given.status.success(), "{}", text(&given));
    }
    assert_eq!(site.json(&sam, &["status"])["state"], "serving");
    for name in ["db-01", "db-02"] {
        let file = |part: &str| strongroom_client::Pem::file(site.bundle(name).join(part));
        let config = strongroom_client::Config::new(
            [site.house.kmip.as_str()],
            file("ca.pem"),
            file("cert.pem"),
            file("key.pem"),
        );
        let mut client = strongroom_client::Connection::open(&config).unwrap();
        client.create_symmetric_key(256, 12, Some("first")).unwrap();
    }
    assert_eq!(site.house.stop("TERM"), Some(0));
}
