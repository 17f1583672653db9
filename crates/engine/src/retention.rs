//! How long the audit of uses is kept: sealed segments are compressed, and deleted by policy.
//!
//! A segment is deleted only when a signed head behind it is on the second path and every destination
//! has confirmed its records. What is deleted is told first, as a change: first and last record, the
//! rule, and the head of the last one, signed. From there the audit verifies from then on; a segment
//! that is missing and that no such record explains is a loss, and found. The head goes to the second
//! path too, so that also whoever has only the files and the anchors can tell.
//!
//! Before that, what is to be deleted is verified: a loss must not pass for a deletion.
//!
//! Interrupted between the record and the deletion, the next round deletes what the record names.

use std::sync::atomic::Ordering;

use strongroom_journal::{ChainName, Head, SealedSegment, SignedHead, UseJournal};
use strongroom_model::{Change, Setting};

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;

/// Where it is kept up to where the uses were deleted, by site.
const NAMESPACE: &str = "uses-deleted";

/// What the change is called that tells of it.
pub const SEGMENT_DELETED: &str = "segment-deleted";

const DAY_MS: i64 = 86_400_000;

/// How long the audit of uses is kept. The defaults keep it for ever, compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Whether sealed segments are compressed.
    pub compress: bool,
    /// Segments that ended longer ago are deleted, days; 0 for never.
    pub keep_days: u32,
    /// The oldest segments are deleted while all of them take more, bytes; 0 for never.
    pub keep_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { compress: true, keep_days: 0, keep_bytes: 0 }
    }
}

/// How far every destination has confirmed the chain of uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// There is no destination.
    Nowhere,
    /// Up to this record.
    UpTo(u64),
}

/// What becomes of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept.
    Kept,
    /// The next round deletes it, by this rule.
    Deleted(String),
    /// By this rule it would be, and something stands in the way.
    Waits {
        /// The rule.
        rule: String,
        /// What stands in the way.
        why: &'static str,
    },
}

/// A sealed segment and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFate {
    /// Its first record.
    pub first: u64,
    /// Its last record.
    pub last: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Whether it is compressed.
    pub compressed: bool,
    /// When it ended, milliseconds since the Unix epoch.
    pub ended_ms: i64,
    /// What becomes of it.
    pub fate: Fate,
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Segments compressed.
    pub compressed: u64,
    /// Segments deleted.
    pub deleted: u64,
    /// The first and the last record deleted, where any was.
    pub records: Option<(u64, u64)>,
    /// Bytes given back to the disk.
    pub freed: u64,
}

/// Up to where segments may be deleted, and why not further.
#[derive(Clone, Copy)]
struct Bounds {
    now_ms: i64,
    forwarded: Forwarded,
    /// The last record that a head on the second path covers.
    anchored: u64,
    /// Why nothing at all may be deleted.
    never: Option<&'static str>,
}

/// Decides on each segment, oldest first. What is behind one that stays stays too.
fn decide(segments: &mut [SegmentFate], rules: &Retention, bounds: &Bounds) {
    let mut total: u64 = segments.iter().map(|s| s.bytes).sum();
    let oldest_kept = bounds.now_ms.saturating_sub(i64::from(rules.keep_days) * DAY_MS);
    let mut stays = None;
    for segment in segments {
        let rule = if rules.keep_days > 0 && segment.ended_ms < oldest_kept {
            format!("keep_days = {}", rules.keep_days)
        } else if rules.keep_bytes > 0 && total > rules.keep_bytes {
            format!("keep_size = {}", rules.keep_bytes)
        } else {
            stays.get_or_insert("an older segment is kept");
            continue;
        };
        let unforwarded =
            matches!(bounds.forwarded, Forwarded::UpTo(confirmed) if confirmed < segment.last);
        let why = bounds.never.or(stays).or(if unforwarded {
            Some("not every destination has confirmed it")
        } else if bounds.anchored <= segment.last {
            Some("no signed head behind it is on the second path yet")
        } else {
            None
        });
        segment.fate = match why {
            None => {
                total -= segment.bytes;
                Fate::Deleted(rule)
            }
            Some(why) => {
                stays = Some(why);
                Fate::Waits { rule, why }
            }
        };
    }
}

/// What the next round deletes.
fn doomed(fates: &[SegmentFate]) -> impl Iterator<Item = &SegmentFate> {
    fates.iter().take_while(|s| matches!(s.fate, Fate::Deleted(_)))
}

/// The last record of a segment.
fn end_of(uses: &UseJournal, segment: &SegmentFate) -> Result<Head, EngineError> {
    let ends = uses.sealed().map_err(|e| EngineError::Audit(e.to_string()))?;
    let head = ends.iter().find(|s| s.last.seq == segment.last).map(|s| s.last);
    head.ok_or_else(|| EngineError::Audit("a segment has gone".to_owned()))
}

/// The head that a record of a deletion names.
pub(crate) fn deleted_in(change: &Change) -> Option<SignedHead> {
    match change {
        Change::Noted { what, text } if what == SEGMENT_DELETED => text.parse().ok(),
        _ => None,
    }
}

impl Engine {
    /// The last record of the chain of uses of `site` that was deleted on purpose.
    pub(crate) fn uses_deleted(&self, site: u32) -> Option<Head> {
        let state = self.inner.store.server_state();
        let line = state.setting(NAMESPACE, &site.to_string())?;
        let head: SignedHead = std::str::from_utf8(line).ok()?.parse().ok()?;
        (head.chain == ChainName::Uses && head.site == site).then_some(head.head)
    }

    /// The number of the last record of the chain of uses that was deleted on purpose.
    pub fn uses_deleted_through(&self) -> Option<u64> {
        self.uses_deleted(self.inner.config.site).map(|head| head.seq)
    }

    /// What there is of the audit of uses, and what the next round would do, at `now_ms`.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or files that cannot be read.
    pub fn retention(
        &self,
        forwarded: Forwarded,
        now_ms: i64,
    ) -> Result<Vec<SegmentFate>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let uses = unsealed.uses();
        let unreadable = |e: std::io::Error| EngineError::Audit(e.to_string());
        let mut segments = Vec::new();
        for segment in uses.sealed().map_err(unreadable)? {
            let ended = uses.ended(&segment).map_err(unreadable)?;
            segments.push(SegmentFate {
                first: segment.first,
                last: segment.last.seq,
                bytes: segment.bytes,
                compressed: segment.compressed,
                ended_ms: (ended >> 16) as i64,
                fate: Fate::Kept,
            });
        }
        let bounds = self.bounds(forwarded, now_ms);
        decide(&mut segments, &self.inner.config.retention, &bounds);
        Ok(segments)
    }

    fn bounds(&self, forwarded: Forwarded, now_ms: i64) -> Bounds {
        let inner = &self.inner;
        let (covered, told) = inner.signed.anchored();
        let second_path = inner.config.anchors_path.is_some();
        let never = if inner.clock_alarm().is_some() {
            Some("the clock jumped and nobody has confirmed it")
        } else if self.is_quarantined() || inner.is_replica() {
            Some("the store is quarantined, or a replica")
        } else if !second_path && forwarded == Forwarded::Nowhere {
            Some("there is neither a second path nor a destination for signed heads")
        } else {
            None
        };
        let anchored = match forwarded {
            // Without a path of its own the head itself must have arrived.
            Forwarded::UpTo(confirmed) if !second_path && confirmed < told => 0,
            _ => covered,
        };
        Bounds { now_ms, forwarded, anchored, never }
    }

    /// Deletes and compresses what the policy says, at `now_ms`, in the name of `by`.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; the store's, the second path's or the files'. What was done stays
    /// done, and a further round goes on with it.
    pub fn retain(
        &self,
        by: &Caller,
        forwarded: Forwarded,
        now_ms: i64,
    ) -> Result<Retained, EngineError> {
        let _one = self.inner.retaining.lock();
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        if let Some(rehearsal) = self.rehearses() {
            let fates = self.retention(forwarded, now_ms)?;
            if let Some(last) = doomed(&fates).last() {
                self.is_whole(end_of(unsealed.uses(), last)?)?;
            }
            for (segment, rule) in fates.iter().filter_map(|s| match &s.fate {
                Fate::Deleted(rule) => Some((s, rule)),
                _ => None,
            }) {
                let records = format!("records {} to {}: {rule}", segment.first, segment.last);
                rehearsal.note("segment-deleted", records);
            }
            return Ok(Retained::default());
        }
        let unreadable = |e: std::io::Error| EngineError::Audit(e.to_string());
        let uses = unsealed.uses();
        let mut done = Retained::default();
        // What an interrupted round recorded.
        if let Some(deleted) = self.uses_deleted(self.inner.config.site) {
            uses.delete_through(deleted.seq).map_err(unreadable)?;
        }
        let fates = self.retention(forwarded, now_ms)?;
        let doomed: Vec<_> = doomed(&fates).collect();
        if let (Some(first), Some(last)) = (doomed.first(), doomed.last()) {
            let head = end_of(uses, last)?;
            self.is_whole(head)?;
            self.record_deletion(by, first, last, head)?;
            if uses.delete_through(last.last).map_err(unreadable)? > 0 {
                done.deleted = doomed.len() as u64;
                done.records = Some((first.first, last.last));
                done.freed = doomed.iter().map(|s| s.bytes).sum();
            }
            // Room for the reserve, perhaps.
            self.watch_disk();
        }
        if self.inner.config.retention.compress && !self.inner.disk.is_full() {
            self.compress(uses.sealed().map_err(unreadable)?, &mut done)?;
        }
        Ok(done)
    }

    fn compress(
        &self,
        segments: Vec<SealedSegment>,
        done: &mut Retained,
    ) -> Result<(), EngineError> {
        for segment in segments.into_iter().filter(|s| !s.compressed) {
            // Sealing and stopping wait for one segment, and not for all.
            let closing = self.inner.closing.load(Ordering::SeqCst);
            let Some(unsealed) = self.inner.unsealed().filter(|_| !closing) else { break };
            let unreadable = |e: std::io::Error| EngineError::Audit(e.to_string());
            if unsealed.uses().compress(&segment).map_err(unreadable)? {
                done.compressed += 1;
                let now = unsealed.uses().sealed().map_err(unreadable)?;
                let after = now.iter().find(|s| s.first == segment.first).map_or(0, |s| s.bytes);
                done.freed += segment.bytes.saturating_sub(after);
            }
        }
        Ok(())
    }

    /// Whether all is there from the last deletion to `head`: a file that somebody took away must
    /// not pass for one that was deleted by a rule.
    fn is_whole(&self, head: Head) -> Result<(), EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let (site, reader) = (self.inner.config.site, unsealed.uses().reader());
        reader.verify_through(site, self.uses_deleted(site), head).map(drop).map_err(|error| {
            EngineError::Audit(format!("nothing is deleted, since the audit is not whole: {error}"))
        })
    }

    fn record_deletion(
        &self,
        by: &Caller,
        first: &SegmentFate,
        last: &SegmentFate,
        head: Head,
    ) -> Result<(), EngineError> {
        let Fate::Deleted(rule) = &last.fate else { return Ok(()) };
        let site = self.inner.config.site;
        let head = self.sign_deletion(head)?;
        let line = head.to_string();
        let text = format!(
            "records {} to {} of uses, audit.{rule}, behind {line}",
            first.first, last.last
        );
        let changes = [
            Change::Noted { what: SEGMENT_DELETED.to_owned(), text },
            Change::Setting(Setting {
                namespace: NAMESPACE.to_owned(),
                key: site.to_string(),
                value: Some(line.into_bytes()),
            }),
        ];
        let origins = [by.origin(SEGMENT_DELETED, ""), by.origin("keep setting", "")];
        let now_ms = self.inner.stamp_ms();
        // On a full disk too: it frees space.
        self.commit_in_reserve(move |tx| {
            for (change, origin) in changes.iter().zip(&origins) {
                tx.append(origin, change, now_ms)?;
            }
            Ok(())
        })?;
        self.anchor(&[head])
    }

    /// No round begins or goes on while this is held: the files are about to be closed.
    pub(crate) fn end_retaining(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.inner.closing.store(true, Ordering::SeqCst);
        let waited = self.inner.retaining.lock();
        self.inner.closing.store(false, Ordering::SeqCst);
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// Segments of ten records and one gibibyte each, one for each day.
    fn fates(rules: &Retention, bounds: &Bounds) -> String {
        let mut segments: Vec<_> = (0..6)
            .map(|n| SegmentFate {
                first: n * 10 + 1,
                last: n * 10 + 10,
                bytes: GIB,
                compressed: true,
                ended_ms: n as i64 * DAY_MS,
                fate: Fate::Kept,
            })
            .collect();
        decide(&mut segments, rules, bounds);
        let letter = |s: &SegmentFate| match &s.fate {
            Fate::Kept => 'k',
            Fate::Deleted(_) => 'd',
            Fate::Waits { .. } => 'w',
        };
        segments.iter().map(letter).collect()
    }

    #[test]
    fn segments_are_deleted_by_age_or_size_once_they_are_forwarded_and_anchored() {
        let days = |keep_days| Retention { keep_days, ..Retention::default() };
        let size = |gib| Retention { keep_bytes: gib * GIB, ..Retention::default() };
        let both = Retention { keep_days: 3, ..size(2) };
        let all = Bounds {
            now_ms: 6 * DAY_MS,
            forwarded: Forwarded::UpTo(1000),
            anchored: 1000,
            never: None,
        };
        let nowhere = Bounds { forwarded: Forwarded::Nowhere, ..all };
        let behind = Bounds { forwarded: Forwarded::UpTo(15), ..all };
        let unconfirmed = Bounds { forwarded: Forwarded::UpTo(0), ..all };
        // The head of a segment's own last record does not cover what tells of it.
        let unanchored = Bounds { anchored: 10, ..all };
        let never = Bounds { never: Some("the clock jumped"), ..all };
        for (rules, bounds, expected) in [
            (Retention::default(), all, "kkkkkk"),
            (days(3), all, "dddkkk"),
            (days(6), all, "kkkkkk"),
            (days(3), nowhere, "dddkkk"),
            (size(4), all, "ddkkkk"),
            (size(6), all, "kkkkkk"),
            (both, all, "ddddkk"),
            (days(3), behind, "dwwkkk"),
            (days(3), unconfirmed, "wwwkkk"),
            (days(3), unanchored, "wwwkkk"),
            (size(4), unconfirmed, "wwwwww"),
            (days(3), never, "wwwkkk"),
        ] {
            assert_eq!(fates(&rules, &bounds), expected, "{rules:?}, {:?}", bounds.forwarded);
        }
    }
}
