//! Rows that are gone, or are of another day: what only the seal of the store shows.

use rusqlite::Connection;
use strongroom_journal::{ChainName, Head};
use strongroom_model::{
    ApprovalRule, Approvers, CertificateInfo, Change, Ending, NewApproval, Role, Seen, Setting,
};
use strongroom_store::{Options, Store, StoreError};

use crate::support::{Place, apply, create, keys, run, secret};

/// A store with a role, a certificate, and two objects, closed.
fn closed() -> Place {
    let place = Place::new();
    let store = place.open();
    let granted =
        Change::RoleGranted { user: "olga".into(), role: Role::Auditor, seen: Seen::default() };
    let certificate = CertificateInfo { fingerprint: "ab".into(), ..CertificateInfo::default() };
    apply(&store, vec![create("a"), granted, Change::CertificateIssued(certificate)]).unwrap();
    apply(&store, vec![revoked()]).unwrap();
    apply(&store, vec![create("b")]).unwrap();
    store.stop();
    place
}

fn revoked() -> Change {
    Change::CertificateRevoked { fingerprint: "ab".into(), reason: "lost".into() }
}

fn rule() -> ApprovalRule {
    ApprovalRule {
        name: "two".into(),
        actions: vec!["Destroy".into()],
        key_group: None,
        approvers: 1,
        from: Approvers::Role(Role::CryptoOfficer),
        open_for: 60,
    }
}

fn unlock(place: &Place) -> Result<Store, StoreError> {
    let store = place.open_locked();
    store.unlock(keys(), secret(3)).map(|()| store)
}

/// Why the store does not open after `edit`.
fn refused(edit: impl FnOnce(&Connection)) -> StoreError {
    let place = closed();
    edit(&place.intruder());
    unlock(&place).err().unwrap()
}

fn execute(sql: &'static str) -> impl FnOnce(&Connection) {
    move |connection| assert!(connection.execute(sql, []).unwrap() > 0, "{sql}")
}

#[test]
fn a_store_whose_own_rows_were_deleted_does_not_open() {
    for sql in [
        "DELETE FROM server_state",
        "DELETE FROM server_state WHERE family = 'revocation'",
        "DELETE FROM server_state WHERE family = 'role'",
    ] {
        let error = refused(execute(sql));
        assert!(matches!(error, StoreError::Incomplete(_)), "{sql}: {error}");
        assert!(error.to_string().contains("the server's own rows"), "{sql}: {error}");
    }
    // Untouched, it does.
    unlock(&closed()).unwrap();
}

#[test]
fn a_journal_cut_right_at_the_end_of_a_segment_does_not_open_with_a_seal_from_inside_it() {
    let place = Place::new();
    let options = Options { segment_records: 6, ..place.options() };
    let store = place.open_with(options.clone());
    let granted =
        Change::RoleGranted { user: "olga".into(), role: Role::Auditor, seen: Seen::default() };
    apply(&store, vec![create("a"), granted]).unwrap();
    let copy = place.dir().join("old.db");
    store.copy_to(&copy).unwrap();
    for name in ["b", "c", "d", "e"] {
        apply(&store, vec![create(name)]).unwrap();
    }
    // The next segment is begun behind the answer to the commit that filled this one.
    let ended = || store.chain_state().unwrap().first() - 1;
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while ended() == 0 && std::time::Instant::now() < patience {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let end = ended();
    assert_eq!(end, 7, "the segment has ended");
    // What is to be forgotten.
    let certificate = CertificateInfo { fingerprint: "ab".into(), ..CertificateInfo::default() };
    apply(&store, vec![Change::CertificateIssued(certificate), revoked()]).unwrap();
    store.stop();
    drop(store);
    place.open_with(options).stop();

    let intruder = place.intruder();
    intruder.execute(&format!("ATTACH '{}' AS old", copy.display()), []).unwrap();
    let put_back = "DELETE FROM main.server_state; \
                    INSERT INTO main.server_state SELECT * FROM old.server_state; ";
    // The seal of that day with the chain's state of today, then with that of its day too.
    for keys in ["key = 'seal'", "key NOT LIKE 'local:%'"] {
        let sql = format!(
            "{put_back} REPLACE INTO main.meta SELECT * FROM old.meta WHERE {keys}; \
             DELETE FROM main.journal WHERE seq > {end};"
        );
        intruder.execute_batch(&sql).unwrap();
        let error = unlock(&place).err().unwrap();
        assert!(matches!(error, StoreError::Incomplete(_)), "{keys}: {error}");
        assert!(error.to_string().contains("of another segment"), "{keys}: {error}");
    }
}

#[test]
fn rows_of_another_day_are_not_taken_for_todays() {
    let place = closed();
    // The whole table from before the revocation, seal and all that goes with it left as it is.
    let old = {
        let store = place.open();
        let granted =
            Change::RoleGranted { user: "ivan".into(), role: Role::Auditor, seen: Seen::default() };
        let old = std::fs::read(place.path()).unwrap();
        apply(&store, vec![granted]).unwrap();
        apply(&store, vec![create("c")]).unwrap();
        store.stop();
        old
    };
    let copy = place.dir().join("old.db");
    std::fs::write(&copy, old).unwrap();
    let attach = format!("ATTACH '{}' AS old", copy.display());
    let intruder = place.intruder();
    intruder.execute(&attach, []).unwrap();
    let rows: i64 =
        intruder.query_row("SELECT COUNT(*) FROM old.server_state", [], |r| r.get(0)).unwrap();
    assert!(rows > 0);
    intruder
        .execute_batch(
            "DELETE FROM main.server_state; \
             INSERT INTO main.server_state SELECT * FROM old.server_state;",
        )
        .unwrap();
    let error = unlock(&place).err().unwrap();
    assert!(matches!(error, StoreError::Incomplete(_)), "{error}");
    // With the seal of that day too: then the chain has gone on since, and says so by its rows.
    intruder
        .execute_batch("REPLACE INTO main.meta SELECT * FROM old.meta WHERE key = 'seal'")
        .unwrap();
    let error = unlock(&place).err().unwrap();
    assert!(matches!(error, StoreError::Incomplete(_)), "{error}");
    assert!(error.to_string().contains("it was put back"), "{error}");
    // Nor when that change, record 6, is called one of an object, or taken out.
    for sql in ["UPDATE journal SET kind = 2 WHERE seq = 6", "DELETE FROM journal WHERE seq = 6"] {
        execute(sql)(&intruder);
        let error = unlock(&place).err().unwrap();
        assert!(matches!(error, StoreError::Damaged(_, _)), "{sql}: {error}");
    }
}

#[test]
fn every_change_about_the_server_makes_an_older_seal_too_old() {
    let group = || ("payroll".to_owned(), "user:bob".to_owned());
    let changes = [
        Change::RoleGranted { user: "ivan".into(), role: Role::Auditor, seen: Seen::default() },
        Change::RoleRevoked { user: "olga".into(), role: Role::Auditor },
        Change::GroupGranted {
            key_group: group().0,
            subject: group().1,
            operation: 10,
            seen: Seen::default(),
        },
        Change::GroupGrantRevoked { key_group: group().0, subject: group().1, operation: 10 },
        Change::CertificateIssued(CertificateInfo {
            fingerprint: "cd".into(),
            ..CertificateInfo::default()
        }),
        revoked(),
        Change::ApprovalRequired { rule: rule(), seen: Seen::default() },
        Change::ApprovalWaived { name: "two".into(), seen: Seen::default() },
        Change::ApprovalRequested(Box::new(NewApproval {
            id: "r".into(),
            ..NewApproval::default()
        })),
        Change::ApprovalGiven {
            id: "r".into(),
            user: "olga".into(),
            fingerprint: "ab".into(),
            groups: Vec::new(),
            issuer: Vec::new(),
            serial: String::new(),
            digest: vec![1; 32],
        },
        Change::ApprovalEnded {
            id: "r".into(),
            how: Ending::Executed,
            user: "olga".into(),
            reason: String::new(),
        },
        Change::ApprovalsDropped { site: 1, upto: 7, but: vec!["1-3-x".into()] },
        Change::Setting(Setting { namespace: "n".into(), key: "k".into(), value: None }),
        Change::Noted { what: "w".into(), text: "t".into() },
    ];
    for change in changes {
        let place = closed();
        let row = |connection: &Connection| -> Vec<u8> {
            connection
                .query_row("SELECT value FROM meta WHERE key = 'seal'", [], |r| r.get(0))
                .unwrap()
        };
        // What the change writes is put back by hand: only the journal tells of it.
        let (seal, rows) = {
            let intruder = place.intruder();
            let rows: Vec<(String, String, Vec<u8>, Vec<u8>)> = intruder
                .prepare("SELECT family, key, value, mac FROM server_state")
                .unwrap()
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            (row(&intruder), rows)
        };
        let store = place.open();
        apply(&store, vec![change.clone()]).unwrap();
        apply(&store, vec![create("c"), create("d")]).unwrap();
        store.stop();
        unlock(&place).unwrap().stop();
        let intruder = place.intruder();
        assert_ne!(row(&intruder), seal, "{change:?}");
        intruder.execute("UPDATE meta SET value = ?1 WHERE key = 'seal'", [seal]).unwrap();
        intruder.execute("DELETE FROM server_state", []).unwrap();
        for row in rows {
            intruder
                .execute(
                    "INSERT INTO server_state VALUES (?1, ?2, ?3, ?4)",
                    rusqlite::params![row.0, row.1, row.2, row.3],
                )
                .unwrap();
        }
        let error = unlock(&place).err().unwrap();
        assert!(error.to_string().contains("it was put back"), "{change:?}: {error}");
    }
}

#[test]
fn changes_of_objects_after_the_seal_open_over_ends_of_segments() {
    let place = closed();
    let seal = |place: &Place| -> Vec<u8> {
        let sql = "SELECT value FROM meta WHERE key = 'seal'";
        place.intruder().query_row(sql, [], |r| r.get(0)).unwrap()
    };
    let first = seal(&place);
    for n in 0..3 {
        let options = Options { segment_records: 4, ..place.options() };
        let store = place.open_with(options);
        for m in 0..7 {
            apply(&store, vec![create(&format!("s{n}-{m}"))]).unwrap();
        }
        store.stop();
    }
    // The end of a segment writes it anew, so that its key covers what comes after.
    assert_ne!(seal(&place), first);
    assert!(unlock(&place).unwrap().verify(vec![]).unwrap().is_sound());
}

#[test]
fn a_seal_that_is_gone_or_altered_is_missed() {
    let error = refused(execute("DELETE FROM meta WHERE key = 'seal'"));
    assert!(error.to_string().contains("its seal is gone"), "{error}");
    for sql in [
        "UPDATE meta SET value = substr(value, 1, 50) WHERE key = 'seal'",
        "UPDATE meta SET value = CAST(substr(value, 1, 144) || x'00' AS BLOB) WHERE key = 'seal'",
    ] {
        let error = refused(execute(sql));
        assert!(matches!(error, StoreError::Incomplete(_)), "{sql}: {error}");
    }
}

#[test]
fn a_journal_that_was_cut_below_the_seal_does_not_open() {
    // The revocation is record 4; that of object b came after the seal was last written.
    let error = refused(execute("DELETE FROM journal WHERE seq >= 4"));
    assert!(matches!(error, StoreError::Damaged(_, _)), "{error}");
    assert!(error.to_string().contains("its end was cut"), "{error}");
    // What came after the seal is for verifying to miss, since the state has kept it.
    let place = closed();
    execute("DELETE FROM journal WHERE seq = 5")(&place.intruder());
    assert!(!unlock(&place).unwrap().verify(vec![]).unwrap().is_sound());
}

#[test]
fn the_end_of_the_chain_of_uses_is_kept_over_restarts_and_changes() {
    let place = closed();
    let store = place.open();
    assert_eq!(store.uses(), ChainName::Uses.genesis(1));
    let head = Head { seq: 7, hash: [9; 32] };
    run(&store, move |tx| {
        tx.keep_uses(head);
        Ok(())
    })
    .unwrap();
    assert_eq!(store.uses(), head);
    // A change of the server's own rows writes the seal anew, with the same end.
    apply(&store, vec![revoked()]).unwrap();
    store.stop();
    let store = place.open();
    assert_eq!(store.uses(), head);
    assert_eq!(store.server_state().role_of("olga"), Some(Role::Auditor));
}
