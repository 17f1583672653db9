//! The program as it is used: every scenario for a fraction of a second, against our server and
//! the echo. It needs a built server: without STRONGROOM_BIN it says that it skips.

#![allow(clippy::unwrap_used)] // A test that meets the unexpected should panic.

use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_strongroom-bench")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn has_server() -> bool {
    let has = std::env::var_os("STRONGROOM_BIN").is_some();
    if !has {
        eprintln!("skipped: STRONGROOM_BIN names no server");
    }
    has
}

#[test]
fn every_scenario_runs_against_the_server_and_the_echo() {
    if !has_server() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("result.json");
    let out = bench(&[
        "run",
        "--scenarios=get,create,encrypt,decrypt,sign,locate,connect,resume",
        "--connections=2",
        "--keys=20",
        "--seconds=0.2",
        "--warm-up=0.05",
        "--repeats=1",
        "--json",
        json.to_str().unwrap(),
    ]);
    let printed = text(&out.stdout);
    assert!(out.status.success(), "{printed}{}", text(&out.stderr));
    assert!(printed.lines().all(|l| l.chars().count() <= 80), "{printed}");
    let result: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let rows = result["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 16, "eight scenarios on two servers");
    for row in rows {
        assert!(row["rate"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["failures"], 0, "{row}");
    }
}

#[test]
fn a_claim_that_does_not_hold_ends_with_one_and_one_that_holds_with_zero() {
    if !has_server() {
        return;
    }
    let claim = |claim: &str| {
        let out = bench(&[
            "compare",
            "--scenarios=get",
            "--connections=1",
            "--keys=5",
            "--count=200",
            "--warm-up=0.01",
            "--pairs=3",
            "--assert",
            claim,
        ]);
        (out.status.code(), text(&out.stdout) + &text(&out.stderr))
    };
    let (code, printed) = claim("get>=0.0001");
    assert_eq!(code, Some(0), "{printed}");
    let (code, printed) = claim("get>=1000");
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("DOES NOT HOLD"), "{printed}");
}

#[test]
fn a_server_that_is_not_there_is_an_error_with_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let out = bench(&["run", &format!("--server=127.0.0.1:1,{}", dir.path().display())]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("pem"), "{}", text(&out.stderr));
}

#[test]
fn the_disk_is_measured_where_it_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let out = bench(&["fsync", "--seconds=1", "--dir", dir.path().to_str().unwrap()]);
    assert!(out.status.success() && text(&out.stdout).contains("flushes/s"), "{out:?}");
}
