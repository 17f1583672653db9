//! The real thing: set-up from a file, then `serve`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::house::{House, strongroom, text};

const PLAN: &str = r#"
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

struct Site {
    house: House,
    config: PathBuf,
    plan: PathBuf,
}

impl Site {
    fn new(more: &str, plan: &str) -> Self {
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

    fn init(&self) -> Output {
        let mut command = strongroom();
        command.args(["init", "--config"]).arg(&self.config).arg("--from").arg(&self.plan);
        command.output().unwrap()
    }

    fn serve(&self) -> Command {
        let mut command = strongroom();
        command.args(["serve", "--config"]).arg(&self.config);
        command
    }

    fn bundle(&self, name: &str) -> PathBuf {
        self.house.dir.path().join("bundles").join(name)
    }

    fn json(&self, bundle: &Path, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let output = self.house.run_as(bundle, &all);
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
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
