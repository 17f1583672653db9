//! What a configuration comes to, and what is wrong with it.

use std::fs;

use crate::house::{strongroom, text};

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
