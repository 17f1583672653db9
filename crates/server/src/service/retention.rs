//! How long the audit is kept, as the admin API has it, and the round that is made by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_engine::{Engine, Fate, Forwarded, SegmentFate};

use super::Caller;
use crate::admin::types::{RetentionDone, RetentionView, SegmentRow, SegmentState};
use crate::errors::Fault;
use crate::kmip_listener::now;

/// What the admin API needs of a key manager about retention.
pub trait Keeps {
    /// What there is of the audit of uses, and what the next round would do.
    fn retention(&self) -> Result<RetentionView, Fault>;
    /// A round now.
    fn retain(&self, caller: &Caller) -> Result<RetentionDone, Fault>;
    /// A round in the background, if none is under way. To be asked for every minute or so.
    fn retain_by_itself(&self);
}

/// Whether a round is under way in the background.
#[derive(Clone, Default)]
pub struct Round(Arc<AtomicBool>);

pub fn view(engine: &Engine, forwarded: Forwarded) -> Result<RetentionView, Fault> {
    let rules = engine.config().retention;
    let segments = engine.retention(forwarded, now() * 1000)?;
    Ok(RetentionView {
        compress: rules.compress,
        keep_days: rules.keep_days,
        keep_bytes: rules.keep_bytes,
        deleted_through: engine.uses_deleted_through(),
        segments: segments.into_iter().map(row).collect(),
    })
}

fn row(segment: SegmentFate) -> SegmentRow {
    let (state, why) = match segment.fate {
        Fate::Kept => (SegmentState::Kept, String::new()),
        Fate::Deleted(rule) => (SegmentState::Deleted, rule),
        Fate::Waits { rule, why } => (SegmentState::Waits, format!("{rule}: {why}")),
    };
    SegmentRow {
        first: segment.first,
        last: segment.last,
        bytes: segment.bytes,
        compressed: segment.compressed,
        ended: segment.ended_ms,
        state,
        why,
    }
}

pub fn retain(
    engine: &Engine,
    caller: &Caller,
    forwarded: Forwarded,
) -> Result<RetentionDone, Fault> {
    let done = engine.retain(caller, forwarded, now() * 1000)?;
    Ok(RetentionDone {
        compressed: done.compressed,
        deleted: done.deleted,
        first: done.records.map(|(first, _)| first),
        last: done.records.map(|(_, last)| last),
        freed_bytes: done.freed,
    })
}

/// On a thread of its own: compressing takes seconds.
pub fn in_background(engine: &Engine, round: &Round, forwarded: Forwarded) {
    if engine.is_sealed() || round.0.swap(true, Ordering::SeqCst) {
        return;
    }
    let (engine, under_way) = (engine.clone(), round.clone());
    let work = move || {
        if let Err(error) = engine.retain(&Caller::server(), forwarded, now() * 1000)
            && !engine.is_sealed()
        {
            tracing::error!(%error, "segments of the audit were not compressed or deleted");
        }
        under_way.0.store(false, Ordering::SeqCst);
    };
    let thread = std::thread::Builder::new().name("strongroom-retain".to_owned()).spawn(work);
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for the retention of the audit");
        round.0.store(false, Ordering::SeqCst);
    }
}
