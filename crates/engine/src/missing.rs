//! Whether the audit of uses is still there.
//!
//! Its directory is plain files: whoever can stop the server can delete it, or put an older copy in
//! its place, and the chain would begin anew or go on from there as if nothing had been. So the
//! store keeps the end of that chain whenever the ends are signed, and at the next unsealing the
//! chain must still have it. Only a flushed end is kept, so that what a crash takes, the last
//! records that were not flushed, is never mistaken for a loss; that shows as a gap.
//!
//! The end is kept in the seal of the store, and a new one is journalled as a change: the seal
//! alone could be put back together with the files of its day. Behind a change that is about no
//! object a seal is too old, and the store does not open.
//!
//! A loss does not stop the server: whoever deleted the files could stop it anyway, and what hangs
//! on its keys is not to blame. It is told in both chains, and so to every collector, in `status`
//! until the next start, and in the diagnostic log.

use strongroom_journal::Head;
use strongroom_model::Change;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::{self, Event};
use crate::unsealed::Unsealed;

/// What the records of it are called.
pub(crate) const USES_MISSING: &str = "uses-missing";

/// The operation of the changes that tell an end of the chain of uses.
pub const KEEP_USES: &str = "keep uses";

impl Engine {
    /// Keeps the end of the chain of uses, which is flushed; with `told`, in the journal too.
    pub(crate) fn keep_uses(&self, head: Head, told: bool) {
        let origin = Caller::server().origin(KEEP_USES, "");
        let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let change = Change::Noted {
            what: "uses-end".to_owned(),
            text: format!("record {} {hash}", head.seq),
        };
        let now_ms = self.inner.stamp_ms();
        let kept = self.commit_in_reserve(move |tx| {
            if told {
                tx.append(&origin, &change, now_ms)?;
            }
            tx.keep_uses(head);
            Ok(())
        });
        if let Err(error) = kept {
            // Signing goes on while the store takes no changes.
            tracing::warn!(%error, "the end of the audit of uses was not kept in the store");
        }
    }

    /// Compares the chain with the end that was kept, and tells of a loss.
    pub(crate) fn compare_uses(&self, unsealed: &Unsealed) -> Result<(), EngineError> {
        let Some(why) = missing(unsealed, self.inner.store.uses()) else { return Ok(()) };
        tracing::error!(why, "records of the audit of uses are gone");
        let server = Caller::server();
        let parameters = [("detail", why.as_str())];
        let event = Event { parameters: &parameters, ..Event::new(USES_MISSING) };
        let (kind, body) = event::encode(&server, &event);
        unsealed
            .append_use(self.inner.stamp_ms(), &server.user, kind, body)
            .map_err(EngineError::unrecorded)?;
        let noted = Change::Noted { what: USES_MISSING.to_owned(), text: why.clone() };
        self.append_in_reserve(&server, USES_MISSING, noted)?;
        *self.inner.uses_missing.lock() = Some(why);
        Ok(())
    }
}

fn missing(unsealed: &Unsealed, kept: Head) -> Option<String> {
    let seq = kept.seq;
    if seq == 0 {
        return None;
    }
    let end = unsealed.uses_status().written.seq;
    if end < seq {
        return Some(format!("the chain of uses had {seq} records and ends after {end}"));
    }
    match unsealed.uses().reader().records(seq).ok().and_then(|mut records| records.next()) {
        Some(Ok(record)) if record.seq == seq && record.hash == kept.hash => None,
        Some(Ok(record)) if record.seq == seq => {
            Some(format!("record {seq} of the chain of uses is not the one that was there"))
        }
        _ => Some(format!("record {seq} of the chain of uses is gone or cannot be read")),
    }
}
