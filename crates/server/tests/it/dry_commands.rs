//! `--dry-run` on every command that changes something, with the binary itself: nothing is another
//! afterwards, neither in the store nor beside it, and the audit says of all of it that it was tried.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use strongroom_server::admin::dry_run::WITHOUT as WITHOUT_ROUTES;
use strongroom_server::admin::{ROUTES, Route};
use strongroom_server::cli;

use crate::dry_run::{Scene, files};
use crate::house::{House, strongroom, text};

/// Commands that only read, or look.
const READ: &[&str] = &[
    "approval list",
    "approval rules",
    "approval show",
    "audit export",
    "audit key",
    "audit retention show",
    "audit search",
    "audit show",
    "audit tail",
    "audit verify",
    "cert show",
    "client bundle",
    "client list",
    "config check",
    "config show",
    "doctor",
    "key expiring",
    "key grants",
    "key group list",
    "key list",
    "key show",
    "policy diff",
    "policy show",
    "policy test",
    "role list",
    "root slot list",
    "root verify-shares",
    "status",
];

/// Commands that do something and have no dry run, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("backup create", "it writes a file of its own, and over none"),
    ("backup drill", "it is the dry run of a restore"),
    ("backup restore", "it makes a directory that was not there; a drill tries it"),
    ("backup slots", "it writes a file of its own, and over none"),
    ("backup verify", "it proves and changes nothing"),
    ("client crl", "it signs what is so already, for others to read"),
    ("completions", "it prints"),
    ("init", "there is no installation yet, and one that fails leaves nothing"),
    ("man", "it writes pages"),
    ("quickstart", "it is a demonstration"),
    ("root init", "there is no installation yet, and one that fails leaves nothing"),
    ("root unseal", "verify-shares tries shares without opening anything"),
    ("serve", "it serves"),
];

/// Every command, and whether it has `--dry-run`.
fn commands() -> Vec<(String, bool)> {
    fn walk(command: &clap::Command, words: &str, above: bool, out: &mut Vec<(String, bool)>) {
        // One that is global holds for the commands under it.
        let has = |a: &clap::Arg| a.get_long() == Some("dry-run");
        let tries = above || command.get_arguments().any(has);
        let mut inner = command.get_subcommands().filter(|c| c.get_name() != "help").peekable();
        if inner.peek().is_none() {
            out.push((words.to_owned(), tries));
        }
        for sub in inner {
            let global = command.get_arguments().any(|a| has(a) && a.is_global_set());
            walk(sub, format!("{words} {}", sub.get_name()).trim(), global, out);
        }
    }
    let mut out = Vec::new();
    walk(&cli::command(), "", false, &mut out);
    out
}

#[test]
fn every_command_that_changes_something_has_a_dry_run_or_a_reason() {
    let listed: Vec<&str> = READ.iter().copied().chain(WITHOUT.iter().map(|(c, _)| *c)).collect();
    for (command, tries) in commands() {
        let known = listed.contains(&command.as_str());
        assert!(tries != known, "{command}: it has --dry-run or stands in one of the lists");
    }
    let all: BTreeSet<String> = commands().into_iter().map(|(command, _)| command).collect();
    assert!(listed.iter().all(|command| all.contains(*command)));
}

/// Commands that are refused here, as the real thing would be: nothing is quarantined, this is no
/// replica, no credentials were given, and the file slot is there already.
const REFUSED: &[&str] =
    &["backup confirm", "backup promote", "root slot add file", "root slot add systemd-credential"];

/// What people see of the state.
fn state(house: &House) -> Vec<Value> {
    [
        &["key", "list", "-n", "1000"][..],
        &["key", "show", "active"],
        &["key", "show", "idle"],
        &["key", "grants", "active"],
        &["key", "group", "list"],
        &["client", "list", "--all"],
        &["role", "list"],
        &["approval", "list", "--all"],
        &["approval", "rules"],
        &["policy", "show"],
        &["root", "slot", "list"],
        &["cert", "show"],
        &["audit", "retention", "show"],
    ]
    .iter()
    .map(|command| house.json(command))
    .collect()
}

#[test]
fn tried_with_the_binary_no_command_changes_anything() {
    let scene = Scene::new();
    let house = &scene.house;
    let work = house.dir.path().join("work");
    fs::create_dir(&work).unwrap();
    let private = |name: &str, content: &str| {
        let path = house.dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let keys = private("keys.csv", "name,key_hex\nold,000102030405060708090a0b0c0d0e0f\n");
    let passphrase = private("passphrase", "a long and winding passphrase\n");
    let rules =
        private("r.cedar", "@id(\"x\") forbid (principal, action == Action::\"Get\", resource);");
    let share = |n: u8| {
        house.data().join(format!("recovery-shares/share-{n}-of-5.txt")).display().to_string()
    };
    let recover = [1, 2, 3].map(|n| format!(" --share-file {}", share(n))).concat();
    let approval = house.json(&["approval", "list"])[0]["id"].as_str().unwrap().to_owned();
    let second = house.data().join("bundles/second").display().to_string();
    // Each as it would be typed; without `--yes`, since what is only tried asks nobody.
    let lines = [
        "root seal".to_owned(),
        "root slot add shamir --threshold 2 --shares 2".to_owned(),
        format!("root slot add passphrase --passphrase-file {passphrase}"),
        "root slot add systemd-credential".to_owned(),
        "root slot add file".to_owned(),
        "root slot remove 1".to_owned(),
        "root slot vouch 3".to_owned(),
        format!("root recover-officer nora{recover}"),
        "root rotate --shred".to_owned(),
        "key create new --group g --activate".to_owned(),
        format!("key import {keys} --owner client"),
        "key activate idle".to_owned(),
        "key rotate active".to_owned(),
        "key revoke active --reason key-compromise".to_owned(),
        "key destroy idle".to_owned(),
        "key recall doomed".to_owned(),
        "key archive idle".to_owned(),
        "key recover archived".to_owned(),
        "key grant active --user y --operation Get".to_owned(),
        "key withdraw active --user x --operation Get".to_owned(),
        "key group add h active".to_owned(),
        "key group remove g active".to_owned(),
        "client issue somebody --role auditor".to_owned(),
        "client revoke client".to_owned(),
        "cert renew".to_owned(),
        "cert ca renew".to_owned(),
        "cert ca retire".to_owned(),
        format!("policy set {rules}"),
        "role grant olga officer".to_owned(),
        "role revoke auditor".to_owned(),
        format!("approval approve {approval} --bundle {second}"),
        format!("approval reject {approval} --bundle {second}"),
        format!("approval withdraw {approval}"),
        "approval require more --on destroy".to_owned(),
        "approval waive archives".to_owned(),
        "audit retention run".to_owned(),
        "clock confirm".to_owned(),
        "backup allow-replicas".to_owned(),
        "backup confirm --without-anchor".to_owned(),
        "backup promote --without-anchor".to_owned(),
    ];
    let tried: BTreeSet<_> = commands()
        .into_iter()
        .filter(|(command, tries)| *tries && lines.iter().any(|l| l.starts_with(command.as_str())))
        .collect();
    let all: BTreeSet<_> = commands().into_iter().filter(|(_, tries)| *tries).collect();
    assert_eq!(tried, all, "each command with --dry-run stands in the list");

    let uses = || {
        let page = house.json(&["audit", "tail", "-n", "1000"]);
        let records = page["records"].as_array().unwrap().clone();
        records.into_iter().filter(|r| r["chain"] == "uses").collect::<Vec<Value>>()
    };
    let seq = |record: &Value| record["seq"].as_u64().unwrap();
    let newest = || uses().iter().map(seq).max().unwrap();
    let (before, changes, beside, first) = (state(house), house.changes(), files(house), newest());
    let bundles = house.data().join("bundles");
    for line in &lines {
        let mut command = strongroom();
        command.current_dir(&work).args(line.split(' ')).arg("--dry-run");
        if !line.contains("--bundle") {
            command.arg("--bundle").arg(&bundles);
        }
        let output = command.output().unwrap();
        let said = text(&output);
        let refused = REFUSED.iter().any(|start| line.starts_with(start));
        assert_eq!(output.status.code(), Some(i32::from(refused)), "{line}: {said}");
        assert!(
            refused || said.contains("othing was changed") || said.contains("ould be"),
            "{line}: {said}"
        );
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.lines().all(|l| l.chars().count() <= 80), "{line}: {out}");
        assert_eq!(house.changes(), changes, "{line} changed the store");
        assert!(files(house) == beside, "{line} changed files");
        let left: Vec<_> = fs::read_dir(&work).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{line} left {left:?}");
    }
    assert!(state(house) == before, "something is another than before");
    // Of what changes something the audit has nothing but what was tried.
    let changing = |operation: &str| {
        let idle = WITHOUT_ROUTES.iter().any(|(without, _)| *without == operation);
        let of = |route: &&Route| route.operation == operation && route.method != "GET";
        !idle && ROUTES.iter().any(|route| of(&route))
    };
    let mut said = 0;
    for record in uses() {
        if seq(&record) <= first || !changing(record["operation"].as_str().unwrap()) {
            continue;
        }
        assert!(record["detail"].as_str().unwrap_or_default().contains("dry-run=true"), "{record}");
        said += 1;
    }
    assert!(said >= lines.len() - REFUSED.len(), "{said} of {}", lines.len());
}
