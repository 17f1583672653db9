//! "Every later build opens what an earlier one wrote": data directories of released formats are
//! kept beside the tests and opened here.
//!
//! A new format gets a new directory, made once by the ignored test below; the old ones stay.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use strongroom_kmip::{Operation, State, Tag};
use strongroom_secmem::SecretBytes;
use tempfile::TempDir;

use super::{Bench, caller, create, text};
use crate::{Caller, Engine, EngineConfig, NewSlot, Unlock};

const PASSPHRASE: &[u8] = b"a passphrase for fixtures only";

/// The identifiers in the fixture, by what was done to each object.
const INDEX: &str = "objects.txt";

pub(super) fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/data-v{version}"))
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            // A checkout does not keep the mode that the slot file must have.
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

pub(super) fn passphrase() -> SecretBytes {
    SecretBytes::from_slice(PASSPHRASE).unwrap()
}

#[test]
fn a_data_directory_of_format_1_opens_with_everything_in_it() {
    let dir = TempDir::new().unwrap();
    copy(&fixture(1), dir.path());
    let engine = Engine::open(EngineConfig::new(dir.path())).unwrap();
    engine.unseal(&Caller::server(), Unlock::Passphrase(passphrase())).unwrap();
    let bench = Bench {
        engine,
        dir,
        root: SecretBytes::from_slice(&[0; 32]).unwrap(),
        alice: caller("alice"),
    };
    bench.engine.audit_verify().unwrap();

    let index = fs::read_to_string(bench.dir.path().join(INDEX)).unwrap();
    let mut seen = 0;
    for line in index.lines() {
        let (what, id) = line.split_once(' ').unwrap();
        let (state, readable) = match what {
            "pre-active" => (State::PRE_ACTIVE, true),
            "active" => (State::ACTIVE, true),
            "deactivated" => (State::DEACTIVATED, true),
            "destroyed" => (State::DESTROYED, false),
            other => panic!("the fixture's index knows {other}"),
        };
        assert_eq!(bench.state(id), state, "{what}");
        assert_eq!(bench.by_id(Operation::GET, id).is_ok(), readable, "{what}");
        seen += 1;
    }
    assert_eq!(seen, 4);
    // And it goes on from there.
    bench.create("newer").unwrap();
    bench.engine.audit_verify().unwrap();
}

/// Makes the fixture of the current format. Run once for a new format:
/// `cargo test -p strongroom-engine make_the_fixture -- --ignored`.
#[test]
#[ignore = "writes into the source tree; run by hand for a new format"]
fn make_the_fixture() {
    let dir = TempDir::new().unwrap();
    let engine = Engine::open(EngineConfig::new(dir.path())).unwrap();
    let slots = vec![
        NewSlot::Passphrase { label: "fixture".to_owned(), passphrase: passphrase() },
        NewSlot::Shamir {
            label: "custodians".to_owned(),
            threshold: 2,
            shares: 3,
            recipients: Vec::new(),
        },
    ];
    engine.initialise(&Caller::server(), slots).unwrap();
    let bench = Bench {
        engine,
        dir,
        root: SecretBytes::from_slice(&[0; 32]).unwrap(),
        alice: caller("alice"),
    };
    let mut index = String::new();
    for what in ["pre-active", "active", "deactivated", "destroyed"] {
        let payload = bench.one(&bench.alice, Operation::CREATE, |e| create(e, what, &[])).unwrap();
        let id = text(&payload, Tag::UNIQUE_IDENTIFIER);
        if what != "pre-active" && what != "destroyed" {
            bench.by_id(Operation::ACTIVATE, &id).unwrap();
        }
        if what == "deactivated" {
            bench.revoke(&id).unwrap();
        }
        bench.by_id(Operation::GET, &id).unwrap();
        if what == "destroyed" {
            bench.by_id(Operation::DESTROY, &id).unwrap();
        }
        index += &format!("{what} {id}\n");
    }
    bench.engine.inner.store.checkpoint().unwrap();
    bench.engine.stop();
    let target = fixture(1);
    assert!(!target.exists(), "the fixture of a released format is never written again");
    copy(bench.dir.path(), &target);
    fs::write(target.join(INDEX), index).unwrap();
    for passing in ["store.db-wal", "store.db-shm", "store.db.lock", "audit/uses.lock"] {
        let _ = fs::remove_file(target.join(passing));
    }
}
