//! The engine's clock: what time it is, how far that can be trusted, and what is kept of it over
//! restarts.
//!
//! Two settings are kept for each site. The **mark** is a time that could be trusted, for a start
//! to compare with while the records' own times cannot serve: they run ahead after the clock did,
//! and stay there until it has caught up. The **alarm** stands from when a jump was seen until an
//! operator confirms the clock, also over restarts. The rules are in `strongroom_model`'s clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use strongroom_model::{Change, ClockAlarm, ClockGuard, ClockMark, Reading, Setting};
use strongroom_store::Store;

use crate::caller::Caller;
use crate::engine::{Engine, Inner, Unsealed};
use crate::error::EngineError;
use crate::event::Event;

/// The settings' namespace.
const NAMESPACE: &str = "clock";

/// How often the mark is renewed while it is needed, milliseconds.
const KEEP_EVERY_MS: i64 = 600_000;

/// The machine's wall clock. Tests move it.
#[derive(Clone, Default)]
pub(crate) struct WallClock {
    #[cfg(test)]
    moved_ms: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl WallClock {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64 {
        let now_ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        #[cfg(test)]
        let now_ms = now_ms + self.moved_ms.load(Ordering::SeqCst);
        now_ms
    }

    /// Sets the clock on by so much, milliseconds.
    #[cfg(test)]
    pub(crate) fn move_by(&self, by_ms: i64) {
        self.moved_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

/// Watches the clock while the engine runs.
pub(crate) struct Watch {
    pub(crate) wall: WallClock,
    started: Instant,
    guard: Mutex<ClockGuard>,
    /// Whether the alarm that stands is in the audit.
    alarm_recorded: AtomicBool,
    /// Whether the chain of uses was compared with since the start.
    compared: AtomicBool,
    /// When the mark was last kept, by the monotonic clock. Held while the settings change.
    kept: Mutex<Option<i64>>,
}

impl Watch {
    /// Starts watching, and compares with what the store knows while it is locked.
    pub(crate) fn start(wall: WallClock, store: &Store, site: u32) -> Self {
        let state = store.server_state();
        let mark = state.setting(NAMESPACE, &mark_key(site)).and_then(ClockMark::decode);
        let standing = state.setting(NAMESPACE, &alarm_key(site)).is_some();
        let reference = store.last_change_ms().map(|last| ClockMark::reference(mark, last));
        Self {
            guard: Mutex::new(ClockGuard::start(wall.now_ms(), 0, reference, standing)),
            wall,
            started: Instant::now(),
            alarm_recorded: AtomicBool::new(false),
            compared: AtomicBool::new(false),
            kept: Mutex::new(None),
        }
    }

    fn mono_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn read(&self) -> Reading {
        let (wall_ms, mono_ms) = (self.wall.now_ms(), self.mono_ms());
        self.guard.lock().observe(wall_ms, mono_ms)
    }
}

impl Inner {
    /// What time it is, as far as that can be trusted.
    pub(crate) fn time(&self) -> Reading {
        self.clock.read()
    }

    /// The time for records, milliseconds since the Unix epoch.
    pub(crate) fn stamp_ms(&self) -> i64 {
        self.time().stamp_ms
    }

    /// For durations: milliseconds since the start, which no jump touches.
    pub(crate) fn mono_ms(&self) -> i64 {
        self.clock.mono_ms()
    }

    pub(crate) fn clock_alarm(&self) -> Option<ClockAlarm> {
        self.time();
        self.clock.guard.lock().alarm()
    }

    /// Compares the clock with the end of the chain of uses, which is known once its key is.
    pub(crate) fn compare_clock(&self, unsealed: &Unsealed) {
        let last_ms = unsealed.last_ms();
        if last_ms == 0 || self.clock.compared.swap(true, Ordering::SeqCst) {
            return;
        }
        let state = self.store.server_state();
        let mark = state.setting(NAMESPACE, &mark_key(self.config.site));
        let reference = ClockMark::reference(mark.and_then(ClockMark::decode), last_ms);
        let (wall_ms, mono_ms) = (self.clock.wall.now_ms(), self.clock.mono_ms());
        self.clock.guard.lock().compare(reference, wall_ms, mono_ms);
    }

    /// The mark of now.
    fn mark(&self, unsealed: &Unsealed, wall_ms: i64) -> ClockMark {
        let changes = self.store.last_change_ms().unwrap_or(0);
        ClockMark { wall_ms, hlc_ms: changes.max(unsealed.last_ms()) }
    }

    /// As if the wall clock had moved by `by_ms` since it was last read.
    #[cfg(test)]
    pub(crate) fn move_clock(&self, by_ms: i64) {
        *self.clock.guard.lock() =
            ClockGuard::start(self.clock.wall.now_ms() - by_ms, self.mono_ms(), None, false);
    }
}

impl Engine {
    /// An operator vouches for the clock after a jump.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn confirm_clock(&self, by: &Caller) -> Result<(), EngineError> {
        let inner = &self.inner;
        let unsealed = inner.unsealed().ok_or(EngineError::Sealed)?;
        let text = match inner.clock_alarm() {
            Some(alarm) => {
                format!("expected {} ms, found {} ms", alarm.expected_ms, alarm.found_ms)
            }
            None => "no jump".to_owned(),
        };
        let mut kept = inner.clock.kept.lock();
        let (wall_ms, mono_ms) = (inner.clock.wall.now_ms(), inner.mono_ms());
        let mark = inner.mark(&unsealed, wall_ms).encode();
        let site = inner.config.site;
        let mut changes = vec![
            Change::Noted { what: "clock-confirmed".to_owned(), text },
            setting(mark_key(site), Some(mark)),
        ];
        if self.alarm_is_kept() {
            changes.push(setting(alarm_key(site), None));
        }
        let origins = [by.origin("clock-confirmed", ""), by.origin("keep setting", "")];
        self.commit(move |tx| {
            for (at, change) in changes.iter().enumerate() {
                let origin = &origins[at.min(1)];
                tx.append(origin, change, wall_ms)?;
            }
            Ok(())
        })?;
        if self.rehearses().is_some() {
            return Ok(());
        }
        *kept = Some(mono_ms);
        inner.clock.guard.lock().confirm(wall_ms, mono_ms);
        Ok(())
    }

    /// Keeps a new mark if it is needed, at once or when it is time again. Under an alarm there is
    /// no time to keep.
    pub(crate) fn keep_clock_mark(&self, at_once: bool) -> Result<(), EngineError> {
        let inner = &self.inner;
        let Some(unsealed) = inner.unsealed() else { return Ok(()) };
        let mut kept = inner.clock.kept.lock();
        let mono_ms = inner.mono_ms();
        let early = kept.is_some_and(|last| mono_ms.saturating_sub(last) < KEEP_EVERY_MS);
        let mark = inner.mark(&unsealed, inner.stamp_ms());
        if !mark.is_needed() || (early && !at_once) || inner.clock_alarm().is_some() {
            return Ok(());
        }
        let change = setting(mark_key(inner.config.site), Some(mark.encode()));
        self.append_in_reserve(&Caller::server(), "keep setting", change)?;
        *kept = Some(mono_ms);
        Ok(())
    }

    /// Tells the audit, and so every collector, that the clock jumped and dates wait; and keeps
    /// the alarm, so that a restart does not end it.
    pub(crate) fn record_clock_alarm(&self) -> Result<(), EngineError> {
        let inner = &self.inner;
        let Some(alarm) = inner.clock_alarm() else {
            inner.clock.alarm_recorded.store(false, Ordering::Relaxed);
            return Ok(());
        };
        if !inner.clock.alarm_recorded.load(Ordering::Relaxed) {
            let (expected, found) = (alarm.expected_ms.to_string(), alarm.found_ms.to_string());
            let parameters = [("expected-ms", expected.as_str()), ("found-ms", found.as_str())];
            self.record(
                &Caller::server(),
                &Event { parameters: &parameters, ..Event::new("clock-jumped") },
            )?;
            inner.clock.alarm_recorded.store(true, Ordering::Relaxed);
            let (expected_ms, found_ms) = (alarm.expected_ms, alarm.found_ms);
            tracing::error!(expected_ms, found_ms, "clock-jumped");
        }
        let _changing = inner.clock.kept.lock();
        if inner.unsealed().is_none() || inner.store.has_failed() || self.alarm_is_kept() {
            return Ok(());
        }
        // It may have been confirmed just now.
        if inner.clock_alarm().is_none() {
            return Ok(());
        }
        let change = setting(alarm_key(inner.config.site), Some(Vec::new()));
        self.append_in_reserve(&Caller::server(), "keep setting", change)
    }

    fn alarm_is_kept(&self) -> bool {
        let state = self.inner.store.server_state();
        state.setting(NAMESPACE, &alarm_key(self.inner.config.site)).is_some()
    }
}

fn setting(key: String, value: Option<Vec<u8>>) -> Change {
    Change::Setting(Setting { namespace: NAMESPACE.to_owned(), key, value })
}

fn mark_key(site: u32) -> String {
    format!("mark/{site}")
}

fn alarm_key(site: u32) -> String {
    format!("alarm/{site}")
}
