//! What a configuration comes to, and what is wrong with it.

use std::fs;

use crate::house::{House, strongroom, text};

#[test]
fn what_is_in_force_is_shown_without_what_files_hold() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let secret = "MARKER-OF-A-PRIVATE-KEY";
    fs::write(dir.path().join("key.pem"), secret).unwrap();
    fs::write(&file, "[tls]\nkey = \"key.pem\"\n[kmip]\nlisten = \"10.0.0.5:5696\"\n").unwrap();
    let show = |more: &[&str]| {
        let mut command = strongroom();
        command.args(["config", "show"]).args(more);
        command.env("STRONGROOM_LOG__LEVEL", "debug");
        command.output().unwrap()
    };
    let shown = show(&["--config", file.to_str().unwrap()]);
    assert!(shown.status.success(), "{}", text(&shown));
    let said = text(&shown);
    for expected in [
        "listen = \"10.0.0.5:5696\"",
        "level = \"debug\"",
        "STRONGROOM_LOG__LEVEL",
        "max_batch = 128  # default",
        dir.path().join("key.pem").to_str().unwrap(),
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains(secret), "{said}");
    // Without a file it is the defaults and the environment.
    let alone = text(&show(&[]));
    assert!(alone.contains("listen = \"0.0.0.0:5696\"  # default"), "{alone}");
    assert!(alone.contains("level = \"debug\""), "{alone}");
}

#[test]
fn check_names_every_key_that_does_not_exist_with_the_nearest_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    fs::write(&file, "[kmip]\nlissten = \"x\"\n[audti]\nuses = \"flushed\"\n").unwrap();
    let output = strongroom().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    for expected in ["`kmip.lissten`", "`kmip.listen`", "`audti.uses`", "`audit.uses`", "3080"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn what_changed_in_the_configuration_since_the_last_start_is_in_the_audit() {
    let mut house = House::new();
    let set_up = house.quickstart(&["--once"]).output().unwrap();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let config = house.data().join("strongroom.toml");
    let written = fs::read_to_string(&config).unwrap();
    let serve = |house: &mut House, more: &str, levels: &str| {
        fs::write(&config, format!("{written}{more}")).unwrap();
        let mut command = strongroom();
        command.arg("serve").arg("--config").arg(&config);
        command.env("STRONGROOM_LOG__LEVEL", levels);
        house.start(command);
        // It is compared within a second of the start.
        std::thread::sleep(std::time::Duration::from_secs(2));
        let told = house.json(&["audit", "search", "--operation", "configuration-changed"]);
        let loaded = house.json(&["audit", "search", "--operation", "configuration-loaded"]);
        assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
        let count = loaded["records"].as_array().unwrap().len();
        (told["records"].as_array().unwrap().clone(), count)
    };
    // The first start has nothing to compare with, and the second finds the same.
    let (told, before) = serve(&mut house, "", "warn");
    assert_eq!(told, Vec::<serde_json::Value>::new());
    let (told, after) = serve(&mut house, "", "warn");
    assert_eq!((told.len(), after), (0, before + 1));
    let more = "[audit]\nflush_window = \"50ms\"\n[[forward]]\nname = \"siem\"\n\
                address = \"127.0.0.1:9\"\ntransport = \"tcp\"\n";
    let (told, _) = serve(&mut house, more, "error");
    assert_eq!(told.len(), 1, "{told:?}");
    let said = told[0].to_string().replace('\\', "");
    for expected in [
        r#""100ms" -> "50ms""#,
        "audit.flush_window",
        "forward.siem",
        "not set -> ",
        r#""warn" -> "error""#,
        "log.level",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("kmip.listen"), "{said}");
    // Told once; and what goes away is told too.
    let (told, _) = serve(&mut house, "", "error");
    assert_eq!(told.len(), 2, "{told:?}");
    let said = told.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("-> not set"), "{said}");
}
