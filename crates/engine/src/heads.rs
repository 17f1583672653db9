//! Signed heads: the ends of both chains, signed every ten seconds of activity, at the sealing and
//! at the stop, kept in the chain of uses and on a second path.
//!
//! Whoever keeps one elsewhere can prove later that the past was cut or rebuilt, without any
//! secret. Only what is flushed is signed: a record that a crash takes back would otherwise look
//! like one that somebody removed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use parking_lot::Mutex;
use strongroom_crypto::ed25519;
use strongroom_journal::{ChainName, Head, SignedHead, kind};
use strongroom_secmem::SecretBytes;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;

/// Between two signings, milliseconds.
const INTERVAL_MS: i64 = 10_000;

/// Name of the signing key among the server's secrets.
const SIGNING_KEY: &str = "audit-signing-key";

/// Name of its public half among the public settings.
const PUBLIC_KEY: &str = "audit-public-key";

/// What was signed last.
#[derive(Default)]
pub(crate) struct Signed(Mutex<Last>);

#[derive(Default)]
struct Last {
    at_ms: i64,
    changes: u64,
    /// The end of the chain of uses right after the last signed head was recorded in it.
    uses: u64,
    /// The last record of the uses that a head on the second path covers, and the record that holds
    /// that head.
    anchored: (u64, u64),
    /// Heads that the second path did not take yet, the newest of each chain, and why not.
    waiting: Vec<SignedHead>,
    failed: Option<String>,
}

impl Signed {
    /// The last record of the uses that a head on the second path covers, since the start, and the
    /// record that holds that head.
    pub(crate) fn anchored(&self) -> (u64, u64) {
        self.0.lock().anchored
    }

    /// Why the second path did not take what was signed last, if so.
    pub(crate) fn failed(&self) -> Option<String> {
        self.0.lock().failed.clone()
    }
}

impl Engine {
    /// Signs the heads when ten seconds have passed and a chain has moved, and says whether it was
    /// time to. Part of the sweep.
    pub(crate) fn sign_heads_if_due(&self) -> Result<bool, EngineError> {
        let due = {
            let last = self.inner.signed.0.lock();
            is_due(self.inner.stamp_ms(), last.at_ms)
        };
        if due { self.sign_heads().map(|_| true) } else { Ok(false) }
    }

    /// Signs the ends of the chains that moved since they were last signed, and gives the heads.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; the audit or the anchors' file cannot be written.
    pub fn sign_heads(&self) -> Result<Vec<SignedHead>, EngineError> {
        let inner = &self.inner;
        let unsealed = inner.unsealed().ok_or(EngineError::Sealed)?;
        let mut last = inner.signed.0.lock();
        let uses = unsealed.uses().flush().map_err(|e| EngineError::Audit(e.to_string()))?;
        last.at_ms = inner.stamp_ms();
        // Before the end of the changes is taken: that this was told is signed with it. Changes
        // alone keep it too, so that few records ever lie behind the seal of the store.
        let used = uses.seq > last.uses;
        if used || inner.store.head().seq > last.changes {
            self.keep_uses(uses, used);
        }
        let changes = inner.store.head();
        let moved: Vec<(ChainName, Head)> = [
            (ChainName::Changes, changes, changes.seq > last.changes),
            (ChainName::Uses, uses, used),
        ]
        .into_iter()
        .filter(|(_, _, moved)| *moved)
        .map(|(chain, head, _)| (chain, head))
        .collect();
        if moved.is_empty() {
            // What the second path did not take is not for the next activity alone to bring.
            self.anchor_waiting(&mut last)?;
            return Ok(Vec::new());
        }
        let seed = self.signing_key()?;
        let destroyed = self.destroyed()?;
        let time_ms = last.at_ms.unsigned_abs();
        let mut signed = Vec::new();
        for (chain, head) in moved {
            let head = SignedHead::sign(&seed, chain, inner.config.site, head, time_ms, destroyed)?;
            unsealed
                .append_use(last.at_ms, "server", kind::SIGNED_HEAD, head.encode())
                .map_err(EngineError::unrecorded)?;
            signed.push(head);
        }
        last.changes = changes.seq;
        last.uses = unsealed.uses_status().written.seq;
        last.waiting.retain(|old| !signed.iter().any(|new| new.chain == old.chain));
        last.waiting.extend_from_slice(&signed);
        self.anchor_waiting(&mut last)?;
        Ok(signed)
    }

    /// Brings to the second path what it has not taken yet.
    fn anchor_waiting(&self, last: &mut Last) -> Result<(), EngineError> {
        if last.waiting.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.anchor(&last.waiting) {
            last.failed = Some(error.to_string());
            return Err(error);
        }
        last.failed = None;
        for head in std::mem::take(&mut last.waiting) {
            if head.chain == ChainName::Uses {
                last.anchored = (head.head.seq, last.uses);
            }
        }
        Ok(())
    }

    /// Signs the end of what is to be deleted of the uses.
    pub(crate) fn sign_deletion(&self, head: Head) -> Result<SignedHead, EngineError> {
        let seed = self.signing_key()?;
        let time_ms = self.inner.stamp_ms().unsigned_abs();
        let site = self.inner.config.site;
        Ok(SignedHead::sign(&seed, ChainName::Uses, site, head, time_ms, self.destroyed()?)?)
    }

    fn destroyed(&self) -> Result<u64, EngineError> {
        let counts = self.inner.store.read(|tx| tx.counts())?;
        Ok(counts.iter().find(|(place, _)| *place == 3).map_or(0, |(_, n)| n.unsigned_abs()))
    }

    /// Appends anchor lines to the second path, where one is configured.
    pub(crate) fn anchor(&self, heads: &[SignedHead]) -> Result<(), EngineError> {
        let Some(path) = &self.inner.config.anchors_path else { return Ok(()) };
        let lines: String = heads.iter().map(|head| format!("{head}\n")).collect();
        append_whole(path, &lines).map_err(|e| EngineError::io(path, &e))
    }

    /// The public key that heads are verified with; none before the first was signed.
    pub fn audit_public_key(&self) -> Option<[u8; 32]> {
        self.setting(PUBLIC_KEY)?.try_into().ok()
    }

    fn signing_key(&self) -> Result<SecretBytes, EngineError> {
        if let Some(seed) = self.secret(SIGNING_KEY)? {
            return Ok(seed);
        }
        let seed = ed25519::generate()?;
        let server = Caller::server();
        self.put_secret(&server, SIGNING_KEY, seed.as_slice())?;
        self.put_setting(&server, PUBLIC_KEY, &ed25519::public_key(&seed)?)?;
        Ok(seed)
    }
}

/// Appends lines to a file, all of them or nothing: half a line, left by a disk that became full,
/// would look for ever like an anchor that somebody altered, and spoil the one behind it.
fn append_whole(path: &Path, lines: &str) -> io::Result<()> {
    let open =
        |reads| OpenOptions::new().create(true).append(true).read(reads).mode(0o640).open(path);
    // One that this server may not read is taken for whole.
    let mut file = open(true).or_else(|_| open(false))?;
    let before = file.metadata()?.len();
    let begun = !ends_a_line(&file, before);
    let text = if begun { format!("\n{lines}") } else { lines.to_owned() };
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        // Where a file can only grow, what was begun is ended by the next attempt.
        let _ = file.set_len(before);
    }
    written?;
    file.sync_data()
}

/// Whether the next byte begins a line.
fn ends_a_line(file: &File, len: u64) -> bool {
    let mut last = [b'\n'];
    len == 0 || file.read_exact_at(&mut last, len - 1).is_err() || last == *b"\n"
}

/// Whether heads are to be signed at `now_ms` after they were at `last_ms`. A clock that was set
/// back must not end the signing until it has caught up.
fn is_due(now_ms: i64, last_ms: i64) -> bool {
    !(0..INTERVAL_MS).contains(&now_ms.saturating_sub(last_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_signed_every_ten_seconds_also_after_the_clock_was_set_back() {
        assert!(is_due(50_000, 40_000));
        assert!(!is_due(49_999, 40_000));
        assert!(!is_due(40_000, 40_000));
        assert!(is_due(39_999, 40_000));
        assert!(is_due(i64::MIN, i64::MAX));
    }
}
