//! Backups: the whole store and audit in one sealed file, taken while requests go on.
//!
//! ```text
//! strongroom-backup 1          a header for everybody: where it is from, which root key opens it,
//! version ...                  the epochs' keys as the store has them (wrapped by the root key),
//! site ...                     a salt
//! ...
//!                              (empty line)
//! length, sealed piece         pieces of 64 KiB, AES-256-GCM under HKDF(backup key, salt), each
//! length, sealed piece         bound to the header, to its place and to whether it is the last
//! ...
//! ```
//!
//! Inside the pieces are the files one after the other, and behind them the manifest: sizes and
//! digests, and the ends of both chains. A change of any byte, a piece that is missing, repeated or
//! of another backup, and a cut at any place are found; nothing that was not authenticated is ever
//! written or parsed.
//!
//! The slots are never in it: who has this file alone has no way in, and who has the slots alone has
//! nothing to open.
//!
//! Order makes it consistent. The store is copied first; the chain of uses is flushed and copied up
//! to that flushed end afterwards, so that it has at least what the store's seal tells of. The sealed
//! key of the chain is read between the two: it may be behind the files, which opening mends, and is
//! never ahead.

mod read;
mod replica;
mod restore;
mod write;

use strongroom_crypto::derive;
use strongroom_journal::Head;
use strongroom_kmip::HashingAlgorithm;
use strongroom_root::{CHECK_LEN, Keyring};
use strongroom_secmem::SecretBytes;

use crate::error::EngineError;

pub use read::BackupHeader;
#[cfg(test)]
pub(crate) use replica::restore_replica_with;
pub use replica::{ReplicaMade, ReplicaPlan, restore_replica};
pub use restore::{BackupUnlock, Drill, Restored, VerifiedBackup, drill, restore, verify_backup};
pub use write::Backup;

/// First line of a backup.
const MAGIC: &str = "strongroom-backup 1";

/// Bytes of plaintext in one piece.
const PIECE: usize = 64 << 10;

/// The longest header taken: more epochs than anybody makes.
const MAX_HEADER: u64 = 1 << 20;

/// Before each file: this, the length of its name, its name, its size.
const FILE: u8 = 1;

/// Before the manifest: this, and its length.
const END: u8 = 0;

/// What the manifest says, beside the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The end of the chain of changes.
    pub(crate) changes: Head,
    /// The end of the chain of uses.
    pub(crate) uses: Head,
    /// Objects that were destroyed.
    pub(crate) destroyed: u64,
}

/// The key of one backup.
fn backup_key(keyring: &Keyring, salt: &[u8]) -> Result<SecretBytes, EngineError> {
    let key = keyring.backup_key()?;
    Ok(derive::hkdf(HashingAlgorithm::SHA_256, &key, salt, b"strongroom backup 1", 32)?)
}

/// What a piece is bound to.
fn binding(header: &[u8; 32], index: u64, last: bool) -> Vec<u8> {
    let mut aad = b"strongroom backup piece 1".to_vec();
    aad.extend_from_slice(header);
    aad.extend_from_slice(&index.to_be_bytes());
    aad.push(u8::from(last));
    aad
}

fn broken(what: impl Into<String>) -> EngineError {
    EngineError::Backup(what.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|two| two.iter().fold(0, |n, d| n * 16 + d)).collect())
}

/// `SEQ HASH`.
fn head_text(head: &Head) -> String {
    format!("{} {}", head.seq, hex(&head.hash))
}

fn parse_head(text: &str) -> Option<Head> {
    let (seq, hash) = text.split_once(' ')?;
    Some(Head { seq: seq.parse().ok()?, hash: unhex(hash)?.try_into().ok()? })
}

impl Ends {
    pub(crate) fn to_text(self) -> String {
        let (changes, uses) = (head_text(&self.changes), head_text(&self.uses));
        format!("changes {changes}\nuses {uses}\ndestroyed {}\n", self.destroyed)
    }

    /// Reads the three lines among others.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let line = |name: &str| {
            text.lines().find_map(|l| l.strip_prefix(name).and_then(|l| l.strip_prefix(' ')))
        };
        Some(Self {
            changes: parse_head(line("changes")?)?,
            uses: parse_head(line("uses")?)?,
            destroyed: line("destroyed")?.parse().ok()?,
        })
    }
}

type RootCheck = [u8; CHECK_LEN];
