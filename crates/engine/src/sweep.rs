//! The work of every second: what the clock says is kept, the ends of the audit chains are signed,
//! objects whose dates have come move on, and requests for approval that are over leave the list.
//!
//! Each step is for itself: one that fails (a second path for anchors that is not mounted, say)
//! holds up no other. A failure is told once and not at every turn, stands in the status while it
//! lasts, and so does its end.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use strongroom_kmip::{Tag, Value};
use strongroom_model::{AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject};
use strongroom_store::{archival_due, scheduled_destruction};

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;
use crate::operations::{archival, archive_when_ended};
use crate::rotation::rotate_if_due;

/// Due objects handled in one transaction.
const SWEEP_BATCH: u32 = 256;

/// A failure that lasts is told again after so long, milliseconds.
const REMIND_MS: i64 = 3_600_000;

/// A step that fails now and then is not told more often than that, milliseconds.
const QUIET_MS: i64 = 60_000;

/// A step of the work of every second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    ClockAlarm,
    ClockMark,
    Heads,
    Dates,
    Approvals,
}

impl Step {
    /// What it is, for people and in records.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::ClockAlarm => "keeping the clock's alarm",
            Self::ClockMark => "keeping the clock's mark",
            Self::Heads => "signing and anchoring the ends of the audit",
            Self::Dates => "acting on dates that have come",
            Self::Approvals => "tidying the list of approvals",
        }
    }
}

/// A step that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// What it is.
    pub what: &'static str,
    /// Since when, milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Why, the last time.
    pub why: String,
}

/// How the steps went.
#[derive(Default)]
pub(crate) struct Upkeep(Mutex<BTreeMap<Step, State>>);

#[derive(Default)]
struct State {
    failing: Option<Failing>,
    /// Whether its failure was told, and its end was not.
    told: bool,
    /// When it was told last, milliseconds since the start.
    told_ms: Option<i64>,
}

/// What is to be told of a step.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Fails(String),
    Works,
}

impl Upkeep {
    /// The steps that fail.
    pub(crate) fn failing(&self) -> Vec<Failing> {
        self.0.lock().values().filter_map(|state| state.failing.clone()).collect()
    }

    /// Notes how a step went at a time of the wall and one since the start.
    fn note(&self, step: Step, went: Result<(), &str>, wall_ms: i64, mono_ms: i64) -> Option<News> {
        let mut states = self.0.lock();
        let state = states.entry(step).or_default();
        let Err(why) = went else {
            state.failing = None;
            return core::mem::take(&mut state.told).then_some(News::Works);
        };
        let what = step.words();
        let new = Failing { what, since_ms: wall_ms, why: String::new() };
        state.failing.get_or_insert(new).why = why.to_owned();
        let quiet = if state.told { REMIND_MS } else { QUIET_MS };
        if state.told_ms.is_some_and(|last| mono_ms.saturating_sub(last) < quiet) {
            return None;
        }
        (state.told, state.told_ms) = (true, Some(mono_ms));
        Some(News::Fails(why.to_owned()))
    }
}

impl Engine {
    /// Does the work of every second. To be called that often; also when nobody calls it, states
    /// are right, because they follow from the dates. Gives how many objects moved on.
    ///
    /// # Errors
    /// That of the first step that failed; the others were done all the same, and what is to be told
    /// of it was told.
    pub fn sweep(&self) -> Result<usize, EngineError> {
        let inner = &self.inner;
        inner.served.prune(inner.mono_ms());
        self.watch_disk();
        let mut first = None;
        let mut done = |step, went: Result<(), EngineError>| {
            self.tell(step, went.as_ref().err());
            if let Err(error) = went {
                first.get_or_insert(error);
            }
        };
        done(Step::ClockAlarm, self.record_clock_alarm());
        done(Step::ClockMark, self.keep_clock_mark(false));
        let mut moved = 0;
        // On a full disk dates wait, and what is not written needs no new signature.
        if !inner.disk.is_full() {
            if inner.unsealed().is_some() {
                match self.sign_heads_if_due() {
                    // Nothing was tried, so nothing is known.
                    Ok(false) => {}
                    went => done(Step::Heads, went.map(|_| ())),
                }
            }
            done(Step::Dates, self.act_on_dates().map(|count| moved = count));
            if self.may_move_on() {
                done(Step::Approvals, self.tidy_approvals());
            }
        }
        match first {
            Some(error) => Err(error),
            None => Ok(moved),
        }
    }

    /// Tells of a step what is news.
    fn tell(&self, step: Step, failed: Option<&EngineError>) {
        let why = failed.map(ToString::to_string);
        let went = why.as_deref().map_or(Ok(()), Err);
        let inner = &self.inner;
        let Some(news) = inner.upkeep.note(step, went, inner.stamp_ms(), inner.mono_ms()) else {
            return;
        };
        let what = step.words();
        let (kind, why) = match &news {
            News::Fails(why) => ("upkeep-failing", why.as_str()),
            News::Works => ("upkeep-recovered", ""),
        };
        match news {
            News::Fails(_) => tracing::error!(why, "{what} fails; everything else goes on"),
            News::Works => tracing::info!("{what} works again"),
        }
        let parameters = [("what", what), ("why", why)];
        let given = if why.is_empty() { &parameters[..1] } else { &parameters[..] };
        let event = Event { parameters: given, ..Event::new(kind) };
        if let Err(error) = self.record(&Caller::server(), &event) {
            tracing::error!(%error, kind, "an event was not recorded");
        }
    }

    /// Whether what the time alone brings may be written now. In a quarantined store it is once it is
    /// confirmed: nothing changes before. A replica honours dates when it decides, and writes nothing
    /// of it.
    fn may_move_on(&self) -> bool {
        let waits = self.is_quarantined() || self.inner.is_replica();
        self.inner.unsealed().is_some() && self.inner.clock_alarm().is_none() && !waits
    }

    /// Moves objects on whose dates have come.
    fn act_on_dates(&self) -> Result<usize, EngineError> {
        let inner = &self.inner;
        let time = inner.time();
        if !self.may_move_on() {
            return Ok(0);
        }
        let now = time.earliest();
        // Keys whose replacement was refused stay due: they must not crowd out what comes after.
        let waiting = inner.unrotated.count(now).saturating_add(inner.pairs.count());
        let batch = SWEEP_BATCH.saturating_add(waiting);
        let due = inner.store.read(|tx| tx.due(now, batch))?;
        inner.pairs.forget_but(&due);
        if due.is_empty() {
            return Ok(0);
        }
        let Some(unsealed) = inner.unsealed() else { return Ok(0) };
        let engine = inner.clone();
        self.commit(move |tx| {
            let mut count = 0;
            for id in &due {
                let Some(object) = tx.object(id)? else { continue };
                let rotated = rotate_if_due(&engine, &unsealed, tx, &object, time)?;
                let Some(object) = tx.object(id)? else { continue };
                let change = due_change(&object, now);
                if let Some(change) = &change {
                    let origin = Caller::server().origin("due date", "");
                    let after = engine.config.archive_after;
                    tx.append(&origin, &archive_when_ended(change, after, now), time.stamp_ms)?;
                }
                count += usize::from(rotated || change.is_some());
            }
            Ok(count)
        })
    }
}

/// What a date that has come does to an object.
fn due_change(object: &ManagedObject, now: i64) -> Option<Change> {
    let doomed = object
        .value_of(&scheduled_destruction())
        .and_then(Value::as_date_time)
        .is_some_and(|at| at <= now);
    let lifecycle = if doomed { Lifecycle::Destroyed } else { object.lifecycle_at(now) };
    if lifecycle <= object.lifecycle {
        return archival_due(object).is_some_and(|at| at <= now).then(|| archival(object, now));
    }
    let kind = match lifecycle {
        Lifecycle::Active => ChangeKind::Activated,
        Lifecycle::Destroyed => ChangeKind::Destroyed,
        _ => ChangeKind::Deactivated,
    };
    let mut sets = vec![(AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now)))];
    if doomed {
        let key = AttributeKey { name: scheduled_destruction(), index: 0, site: 0 };
        sets.push((key, None));
        sets.push((AttributeKey::single(Tag::DESTROY_DATE), Some(Value::DateTime(now))));
    }
    Some(Change::Changed {
        kind,
        id: object.id.clone(),
        lifecycle: Some(lifecycle),
        compromised: false,
        sets,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_then_every_hour_and_so_is_its_end() {
        let upkeep = Upkeep::default();
        let mut told = Vec::new();
        for second in 0..8_000 {
            // It fails for two hours and some minutes.
            let went = if second < 7_500 { Err("not mounted") } else { Ok(()) };
            if let Some(news) = upkeep.note(Step::Heads, went, second, second * 1000) {
                told.push((second, news));
            }
            // Another step has nothing to do with it.
            assert_eq!(upkeep.note(Step::Dates, Ok(()), second, second * 1000), None);
            assert_eq!(upkeep.failing().len(), usize::from(second < 7_500));
        }
        let fails = || News::Fails("not mounted".to_owned());
        let expected = [(0, fails()), (3_600, fails()), (7_200, fails()), (7_500, News::Works)];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_step_that_fails_now_and_then_is_told_once_a_minute() {
        let upkeep = Upkeep::default();
        let fails = (0..600_i64).filter(|second| {
            let went = if second % 2 == 0 { Err("sometimes") } else { Ok(()) };
            let news = upkeep.note(Step::ClockMark, went, 0, second * 1000);
            matches!(news, Some(News::Fails(_)))
        });
        assert_eq!(fails.count(), 10);
    }
}
