//! Integration tests of the root key, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod age;
mod files;
mod keyring;
mod rotation;
mod shares;
mod slots;

use strongroom_root::{Argon2Cost, RootError, RootKey, SlotError, SlotFile};
use strongroom_secmem::SecretBytes;

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(bytes).unwrap()
}

/// The cheapest cost that is accepted; tests are not to wait.
fn cheap() -> Argon2Cost {
    Argon2Cost { memory_kib: 1 << 10, passes: 1, lanes: 1 }
}

const PHRASE: &[u8] = b"correct horse battery staple";

fn new() -> (RootKey, SlotFile) {
    let root = RootKey::generate().unwrap();
    let slots = SlotFile::new(&root).unwrap();
    (root, slots)
}

fn same(a: &RootKey, b: &RootKey) -> bool {
    a.secret().ct_eq(b.secret().as_slice())
}

/// The slot error of a result that must have failed with one.
fn slot_error<T: std::fmt::Debug>(result: Result<T, RootError>) -> SlotError {
    match result {
        Err(RootError::Slot(error)) => error,
        other => panic!("no slot error: {other:?}"),
    }
}
