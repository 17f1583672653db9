//! Files that are gone when the server starts again.

use std::fs;
use std::path::{Path, PathBuf};

use strongroom_kmip::Operation;
use strongroom_model::{CertificateInfo, Role};
use strongroom_root::RootKey;
use strongroom_store::StoreError;

use super::Bench;
use crate::{AuditFilter, Caller, Engine, EngineError};

/// What is warned of after `damage` was done to the stopped directory.
fn after(flush_end: bool, damage: impl FnOnce(&std::path::Path)) -> (Bench, Option<String>) {
    let bench = Bench::new();
    let id = bench.create("used").unwrap();
    for _ in 0..5 {
        bench.by_id(Operation::GET, &id).unwrap();
    }
    bench.engine.sign_heads().unwrap();
    if flush_end {
        for _ in 0..5 {
            bench.by_id(Operation::GET, &id).unwrap();
        }
    }
    let Bench { engine, dir, root, alice } = bench;
    let config = engine.config().clone();
    // As a crash does: nothing is signed at the end.
    engine.inner.set_unsealed(None);
    engine.stop();
    drop(engine);
    damage(&dir.path().join("audit"));
    let engine = Engine::open(config).unwrap();
    engine.open_with(&Caller::server(), RootKey::from_secret(root.clone()).unwrap()).unwrap();
    let warned = engine.status().uses_missing;
    (Bench { engine, dir, root, alice }, warned)
}

fn segment(dir: &std::path::Path) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "seg"))
        .collect();
    files.sort();
    files.pop().unwrap()
}

#[test]
fn an_audit_directory_that_was_deleted_is_an_alarm_in_both_chains() {
    let (bench, warned) = after(false, |dir| fs::remove_dir_all(dir).unwrap());
    let warned = warned.unwrap();
    assert!(warned.contains("and ends after 0"), "{warned}");
    let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    let told: Vec<_> = entries.iter().filter(|e| e.action == "uses-missing").collect();
    let mut chains: Vec<_> = told.iter().map(|e| e.chain).collect();
    chains.sort_unstable();
    assert_eq!(chains, ["changes", "uses"], "{entries:?}");
    assert!(told.iter().all(|e| e.detail.contains("and ends after 0")), "{told:?}");
    // It goes on serving, and the chain that begins here is kept from now on.
    bench.create("after").unwrap();
    bench.engine.sign_heads().unwrap();
    let bench = bench.restart();
    assert_eq!(bench.engine.status().uses_missing, None);
}

#[test]
fn a_chain_of_uses_that_was_cut_below_the_kept_end_is_an_alarm() {
    let (_bench, warned) = after(false, |dir| {
        let file = segment(dir);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    });
    let warned = warned.unwrap();
    assert!(warned.contains("and ends after"), "{warned}");
}

#[test]
fn another_record_in_the_place_of_the_kept_end_is_an_alarm() {
    let bench = Bench::new();
    bench.create("used").unwrap();
    let mut end = bench.engine.inner.unsealed().unwrap().uses().flush().unwrap();
    end.hash[0] ^= 1;
    bench.engine.keep_uses(end, true);
    // Nothing is signed at the end, which would keep the true one.
    let config = bench.engine.config().clone();
    bench.engine.inner.set_unsealed(None);
    bench.engine.stop();
    let engine = Engine::open(config).unwrap();
    engine.open_with(&Caller::server(), RootKey::from_secret(bench.root).unwrap()).unwrap();
    assert!(engine.status().uses_missing.unwrap().contains("is not the one that was there"));
}

#[test]
fn what_was_not_flushed_may_be_lost_in_a_crash_and_is_a_gap_and_no_alarm() {
    // The kept end is the flushed one; what came after it is cut, as a crash of the machine may.
    let (bench, warned) = after(true, |dir| {
        let file = segment(dir);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 7]).unwrap();
    });
    assert_eq!(warned, None);
    let report = bench.engine.audit_verify().unwrap();
    assert_eq!(report.gaps, 1);
}

#[test]
fn an_untouched_directory_is_no_alarm() {
    let (bench, warned) = after(true, |_| {});
    assert_eq!(warned, None);
    assert_eq!(bench.restart().engine.status().uses_missing, None);
}

/// The stopped key manager's database, copied aside.
fn kept_aside(bench: &Bench, aside: &Path) -> PathBuf {
    let copy = aside.join("old.db");
    database(bench).execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    copy
}

fn database(bench: &Bench) -> rusqlite::Connection {
    rusqlite::Connection::open(bench.dir.path().join("store.db")).unwrap()
}

/// Puts the server's own rows and the seal of `old` in the place of those of today.
fn put_back(bench: &Bench, old: &Path) {
    let sql = format!(
        "ATTACH '{}' AS old; \
         DELETE FROM main.server_state; \
         INSERT INTO main.server_state SELECT * FROM old.server_state; \
         REPLACE INTO main.meta SELECT * FROM old.meta WHERE key = 'seal';",
        old.display()
    );
    database(bench).execute_batch(&sql).unwrap();
}

/// Why the stopped key manager does not open.
fn does_not_open(bench: &Bench) -> String {
    let engine = Engine::open(bench.engine.config().clone()).unwrap();
    let root = RootKey::from_secret(bench.root.clone()).unwrap();
    match engine.open_with(&Caller::server(), root) {
        Err(EngineError::Store(error @ StoreError::Incomplete(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_of_another_day_do_not_open_with_the_seal_of_that_day() {
    let aside = tempfile::TempDir::new().unwrap();
    let bench = Bench::new();
    let server = Caller::server();
    let info = CertificateInfo {
        fingerprint: "ab".into(),
        user: "mallory".into(),
        ..CertificateInfo::default()
    };
    bench.engine.note_certificate(&server, info).unwrap();
    bench.engine.grant_role(&server, "mallory", Role::CryptoOfficer).unwrap();
    bench.engine.grant_role(&server, "olga", Role::CryptoOfficer).unwrap();
    bench.engine.stop();
    let old = kept_aside(&bench, aside.path());
    let bench = bench.start();
    bench.create("before").unwrap();
    bench.engine.revoke_certificate(&server, "ab", "lost").unwrap();
    bench.engine.revoke_role(&server, "mallory", Role::CryptoOfficer).unwrap();
    let rule = r#"@id("no") forbid (principal == User::"mallory", action, resource);"#;
    bench.engine.set_rules(&server, rule).unwrap();
    for n in 0..20 {
        bench.create(&format!("k{n}")).unwrap();
    }
    bench.engine.stop();
    // Nothing hinders an honest start.
    let bench = bench.restart();
    assert!(bench.engine.is_revoked("ab"));
    bench.engine.stop();
    put_back(&bench, &old);
    let why = does_not_open(&bench);
    assert!(why.contains("it was put back"), "{why}");
}

#[test]
fn uses_that_were_put_back_with_the_seal_of_their_day_do_not_open() {
    let aside = tempfile::TempDir::new().unwrap();
    let bench = Bench::new();
    let id = bench.create("k").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    bench.engine.stop();
    let old = kept_aside(&bench, aside.path());
    let kept = aside.path().join("audit");
    copy_files(&bench.dir.path().join("audit"), &kept);
    let bench = bench.start();
    for _ in 0..30 {
        bench.by_id(Operation::GET, &id).unwrap();
    }
    // As a crash right after the signing: no end at the stop helps.
    bench.engine.sign_heads().unwrap();
    bench.create("later").unwrap();
    bench.engine.inner.set_unsealed(None);
    bench.engine.stop();
    put_back(&bench, &old);
    fs::remove_dir_all(bench.dir.path().join("audit")).unwrap();
    copy_files(&kept, &bench.dir.path().join("audit"));
    let why = does_not_open(&bench);
    assert!(why.contains("an end of the audit of uses"), "{why}");
}

#[test]
fn what_was_used_until_the_sealing_is_kept_with_it() {
    let bench = Bench::new();
    let id = bench.create("k").unwrap();
    bench.engine.sign_heads().unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    let end = bench.engine.inner.unsealed().unwrap().uses_status().written.seq;
    bench.engine.seal(&Caller::server()).unwrap();
    assert!(bench.engine.inner.store.uses().seq > end);
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
