//! The clock that dates may trust.
//!
//! Wall clocks jump: by a wrong NTP server, by an operator, by a restored snapshot. A jump would
//! activate or deactivate keys that nobody meant to. The guard compares the wall clock with the
//! monotonic one; when they part by more than [`MAX_JUMP_MS`], date-driven transitions freeze at
//! the last trusted time until an operator confirms the new time.

/// How far wall and monotonic clock may part, in milliseconds, before transitions pause.
pub const MAX_JUMP_MS: i64 = 60_000;

/// A jump that was seen and not yet confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockAlarm {
    /// Where the clock stood by the monotonic clock's reckoning, milliseconds.
    pub expected_ms: i64,
    /// What the wall clock said, milliseconds.
    pub found_ms: i64,
}

/// Watches the wall clock. Pure: both clocks come in as parameters.
#[derive(Clone, Copy, Debug)]
pub struct ClockGuard {
    wall_ms: i64,
    mono_ms: i64,
    alarm: Option<ClockAlarm>,
}

impl ClockGuard {
    /// Starts watching. `journal_ms` is the time of the last journal record, if there is one: a
    /// wall clock that lies before it by more than the limit raises the alarm at once.
    pub fn start(wall_ms: i64, mono_ms: i64, journal_ms: Option<i64>) -> Self {
        let alarm = journal_ms
            .filter(|last| last.saturating_sub(wall_ms) > MAX_JUMP_MS)
            .map(|last| ClockAlarm { expected_ms: last, found_ms: wall_ms });
        let wall_ms = alarm.map_or(wall_ms, |a| a.expected_ms);
        Self { wall_ms, mono_ms, alarm }
    }

    /// Takes a reading of both clocks and gives the time that dates may trust, milliseconds.
    /// While an alarm stands, that is the last trusted time.
    pub fn observe(&mut self, wall_ms: i64, mono_ms: i64) -> i64 {
        if self.alarm.is_some() {
            return self.wall_ms;
        }
        let expected_ms = self.wall_ms.saturating_add(mono_ms.saturating_sub(self.mono_ms));
        if wall_ms.saturating_sub(expected_ms).saturating_abs() > MAX_JUMP_MS {
            self.alarm = Some(ClockAlarm { expected_ms, found_ms: wall_ms });
            self.wall_ms = expected_ms;
            return expected_ms;
        }
        self.wall_ms = wall_ms;
        self.mono_ms = mono_ms;
        wall_ms
    }

    /// The unconfirmed jump, if there is one.
    pub fn alarm(&self) -> Option<ClockAlarm> {
        self.alarm
    }

    /// An operator vouches for the wall clock as it is now.
    pub fn confirm(&mut self, wall_ms: i64, mono_ms: i64) {
        *self = Self { wall_ms, mono_ms, alarm: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_drift_is_followed() {
        let mut guard = ClockGuard::start(1_000_000, 0, None);
        assert_eq!(guard.observe(1_059_000, 1_000), 1_059_000);
        assert_eq!(guard.alarm(), None);
    }

    #[test]
    fn a_jump_either_way_freezes_the_trusted_time_until_confirmed() {
        for jump in [3_600_000, -3_600_000] {
            let mut guard = ClockGuard::start(10_000_000, 0, None);
            assert_eq!(guard.observe(10_001_000 + jump, 1_000), 10_001_000);
            assert!(guard.alarm().is_some());
            assert_eq!(guard.observe(10_002_000 + jump, 2_000), 10_001_000);
            guard.confirm(10_003_000 + jump, 3_000);
            assert_eq!(guard.observe(10_004_000 + jump, 4_000), 10_004_000 + jump);
            assert_eq!(guard.alarm(), None);
        }
    }

    #[test]
    fn a_restart_before_the_last_journal_record_raises_the_alarm() {
        let mut guard = ClockGuard::start(5_000_000, 0, Some(9_000_000));
        assert!(guard.alarm().is_some());
        assert_eq!(guard.observe(5_000_001, 1), 9_000_000);
    }
}
