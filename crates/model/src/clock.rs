//! The clock that dates may trust.
//!
//! Wall clocks jump: by a wrong NTP server, by an operator, by a restored snapshot. A jump would
//! activate or deactivate keys that nobody meant to. [`ClockGuard`] compares the wall clock with
//! the monotonic one, and at a start with the newest record. When they part by more than
//! [`MAX_JUMP_MS`], at once or in many small steps, an alarm stands until an operator confirms the wall clock. While it stands
//! nobody knows which of the two is right, so a [`Reading`] gives both: what is to be done for good
//! must be right by both.
//!
//! Records of a time when the clock ran ahead keep their times, and the hybrid clock goes on from
//! them. [`ClockMark`] is what a start compares with instead.

/// How far wall and monotonic clock may part, in milliseconds, before transitions pause.
pub const MAX_JUMP_MS: i64 = 60_000;

/// How fast the two may part for ever without an alarm, parts per million: more than the crystals
/// of two clocks differ by, and less than 1.8 seconds an hour.
pub const FAIR_DRIFT_PPM: i64 = 500;

/// Nanoseconds in a millisecond. A millisecond of a drift of one part per million is one.
const NS_PER_MS: i64 = 1_000_000;

/// A jump that was seen and not yet confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockAlarm {
    /// Where the clock stood by the monotonic clock's reckoning, milliseconds.
    pub expected_ms: i64,
    /// What the wall clock said, milliseconds.
    pub found_ms: i64,
}

/// What time it is. While an alarm stands that is not certain, and lies between two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What has passed by this time has passed, milliseconds since the Unix epoch. While an alarm
    /// stands it does not move on.
    pub earliest_ms: i64,
    /// What has not passed by this time has not passed, milliseconds since the Unix epoch.
    pub latest_ms: i64,
    /// The time for records, milliseconds since the Unix epoch. It moves on also while an alarm
    /// stands, and then by the slower of the two clocks: a record ahead of the true time would
    /// take every later record with it.
    pub stamp_ms: i64,
}

impl Reading {
    /// The time, when it is known.
    pub fn certain(now_ms: i64) -> Self {
        Self { earliest_ms: now_ms, latest_ms: now_ms, stamp_ms: now_ms }
    }

    /// [`Reading::earliest_ms`] in POSIX seconds: the time for what dates move on for good, for
    /// what clients are shown, and for dates that are set to now.
    pub fn earliest(self) -> i64 {
        self.earliest_ms.div_euclid(1000)
    }

    /// [`Reading::latest_ms`] in POSIX seconds.
    pub fn latest(self) -> i64 {
        self.latest_ms.div_euclid(1000)
    }

    /// Asks whether something is right at a time (POSIX seconds), for the earliest and the latest.
    ///
    /// # Errors
    /// The first one that is not.
    pub fn both<E>(self, right: impl Fn(i64) -> Result<(), E>) -> Result<(), E> {
        right(self.earliest())?;
        if self.latest() == self.earliest() { Ok(()) } else { right(self.latest()) }
    }
}

/// A time of the wall clock that could be trusted, and where the hybrid clock stood then. Kept
/// when an operator confirms the clock, and anew as long as the hybrid clock runs ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMark {
    /// The wall clock, milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// The time of the newest record of any chain, milliseconds since the Unix epoch.
    pub hlc_ms: i64,
}

impl ClockMark {
    /// The version of [`ClockMark::encode`].
    const VERSION: u8 = 1;

    /// What a start compares the wall clock with when the newest record is of `record_ms`. A
    /// hybrid clock that has hardly moved since the mark tells nothing of the time since.
    pub fn reference(mark: Option<Self>, record_ms: i64) -> i64 {
        match mark {
            Some(mark) if record_ms.saturating_sub(mark.hlc_ms) <= MAX_JUMP_MS => mark.wall_ms,
            _ => record_ms,
        }
    }

    /// Whether the hybrid clock is so far ahead that its records cannot serve as reference.
    pub fn is_needed(self) -> bool {
        self.hlc_ms.saturating_sub(self.wall_ms) > MAX_JUMP_MS
    }

    /// As it is stored: a version byte, then both times as big-endian octets.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = vec![Self::VERSION];
        bytes.extend_from_slice(&self.wall_ms.to_be_bytes());
        bytes.extend_from_slice(&self.hlc_ms.to_be_bytes());
        bytes
    }

    /// From what is stored; none when that is of no known form.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&Self::VERSION, rest) = bytes.split_first()? else { return None };
        let (wall, rest) = rest.split_first_chunk()?;
        let hlc = <[u8; 8]>::try_from(rest).ok()?;
        Some(Self { wall_ms: i64::from_be_bytes(*wall), hlc_ms: i64::from_be_bytes(hlc) })
    }
}

/// Watches the wall clock. Pure: both clocks come in as parameters.
#[derive(Clone, Copy, Debug)]
pub struct ClockGuard {
    /// The last time that could be trusted; while an alarm stands, the one that it came at.
    trusted_ms: i64,
    /// The monotonic clock at that time.
    mono_ms: i64,
    /// How far the wall clock has moved from where the monotonic clock would have it, in all
    /// steps since the watch began or the clock was confirmed, less what fair drift explains.
    /// Nanoseconds, or a reading each millisecond would lose the drift to rounding.
    drift_ns: i64,
    alarm: Option<ClockAlarm>,
}

impl ClockGuard {
    /// Starts watching. `reference_ms` is the last time that is known from before, if there is
    /// one: a wall clock that lies before it by more than the limit raises the alarm at once. So
    /// does an alarm that stood before and was not confirmed (`standing`).
    pub fn start(wall_ms: i64, mono_ms: i64, reference_ms: Option<i64>, standing: bool) -> Self {
        let reference = reference_ms.unwrap_or(wall_ms);
        let mut guard = Self { trusted_ms: wall_ms, mono_ms, drift_ns: 0, alarm: None };
        if standing || reference.saturating_sub(wall_ms) > MAX_JUMP_MS {
            guard.raise(reference, wall_ms, mono_ms);
        }
        guard
    }

    /// Compares with a further time that is known from before, when it becomes known after the
    /// start only.
    pub fn compare(&mut self, reference_ms: i64, wall_ms: i64, mono_ms: i64) {
        self.observe(wall_ms, mono_ms);
        let late = match self.alarm {
            Some(_) => reference_ms > self.trusted_ms,
            None => reference_ms.saturating_sub(wall_ms) > MAX_JUMP_MS,
        };
        if late {
            self.raise(reference_ms, wall_ms, mono_ms);
        }
    }

    /// Takes a reading of both clocks.
    pub fn observe(&mut self, wall_ms: i64, mono_ms: i64) -> Reading {
        let elapsed_ms = mono_ms.saturating_sub(self.mono_ms);
        let reckoned_ms = self.trusted_ms.saturating_add(elapsed_ms);
        if self.alarm.is_none() {
            let step_ms = wall_ms.saturating_sub(reckoned_ms);
            let fair_ns = elapsed_ms.max(0).saturating_mul(FAIR_DRIFT_PPM);
            let rest_ns = self.drift_ns - self.drift_ns.clamp(-fair_ns, fair_ns);
            let drift_ns = rest_ns.saturating_add(step_ms.saturating_mul(NS_PER_MS));
            let limit_ns = MAX_JUMP_MS.saturating_mul(NS_PER_MS);
            if step_ms.saturating_abs() <= MAX_JUMP_MS && drift_ns.saturating_abs() <= limit_ns {
                self.trusted_ms = wall_ms;
                self.mono_ms = mono_ms;
                self.drift_ns = drift_ns;
                return Reading::certain(wall_ms);
            }
            self.raise(reckoned_ms, wall_ms, mono_ms);
        }
        Reading {
            earliest_ms: self.trusted_ms.min(wall_ms),
            latest_ms: reckoned_ms.max(wall_ms),
            stamp_ms: reckoned_ms.min(wall_ms),
        }
    }

    /// The unconfirmed jump, if there is one.
    pub fn alarm(&self) -> Option<ClockAlarm> {
        self.alarm
    }

    /// An operator vouches for the wall clock as it is now.
    pub fn confirm(&mut self, wall_ms: i64, mono_ms: i64) {
        *self = Self { trusted_ms: wall_ms, mono_ms, drift_ns: 0, alarm: None };
    }

    fn raise(&mut self, expected_ms: i64, found_ms: i64, mono_ms: i64) {
        self.alarm = Some(ClockAlarm { expected_ms, found_ms });
        self.trusted_ms = expected_ms;
        self.mono_ms = mono_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_small_drift_is_followed() {
        let mut guard = ClockGuard::start(1_000_000, 0, None, false);
        assert_eq!(guard.observe(1_059_000, 1_000), Reading::certain(1_059_000));
        assert_eq!(guard.alarm(), None);
    }

    #[test]
    fn a_jump_forward_stops_what_has_passed_and_records_go_on_by_the_monotonic_clock() {
        let mut guard = ClockGuard::start(10_000_000, 0, None, false);
        guard.observe(10_001_000 + HOUR, 1_000);
        assert!(guard.alarm().is_some());
        let later = guard.observe(10_061_000 + HOUR, 61_000);
        assert_eq!(later.earliest_ms, 10_001_000);
        assert_eq!(later.latest_ms, 10_061_000 + HOUR);
        assert_eq!(later.stamp_ms, 10_061_000);
        guard.confirm(10_062_000 + HOUR, 62_000);
        assert_eq!(guard.observe(10_063_000 + HOUR, 63_000), Reading::certain(10_063_000 + HOUR));
        assert_eq!(guard.alarm(), None);
    }

    #[test]
    fn a_jump_back_keeps_what_may_have_passed_and_records_wait() {
        let mut guard = ClockGuard::start(10_000_000, 0, None, false);
        guard.observe(10_001_000 - HOUR, 1_000);
        assert!(guard.alarm().is_some());
        let later = guard.observe(10_061_000 - HOUR, 61_000);
        assert_eq!(later.earliest_ms, 10_061_000 - HOUR);
        assert_eq!(later.latest_ms, 10_061_000);
        assert_eq!(later.stamp_ms, 10_061_000 - HOUR);
    }

    #[test]
    fn an_alarm_stands_when_the_clock_comes_back_by_itself() {
        let mut guard = ClockGuard::start(10_000_000, 0, None, false);
        guard.observe(10_001_000 + HOUR, 1_000);
        let back = guard.observe(10_002_000, 2_000);
        assert!(guard.alarm().is_some());
        assert_eq!((back.earliest_ms, back.latest_ms), (10_001_000, 10_002_000));
    }

    #[test]
    fn a_start_before_the_last_known_time_raises_the_alarm() {
        let mut guard = ClockGuard::start(5_000_000, 0, Some(9_000_000), false);
        let seen = ClockAlarm { expected_ms: 9_000_000, found_ms: 5_000_000 };
        assert_eq!(guard.alarm(), Some(seen));
        let now = guard.observe(5_001_000, 1_000);
        assert_eq!((now.earliest_ms, now.latest_ms), (5_001_000, 9_001_000));
        let within = ClockGuard::start(9_000_000 - MAX_JUMP_MS, 0, Some(9_000_000), false);
        assert_eq!(within.alarm(), None);
    }

    #[test]
    fn an_unconfirmed_alarm_stands_at_the_next_start() {
        let mut guard = ClockGuard::start(9_000_000, 0, Some(5_000_000), true);
        assert!(guard.alarm().is_some());
        assert_eq!(guard.observe(9_001_000, 1_000).earliest_ms, 5_000_000);
    }

    #[test]
    fn a_time_that_is_known_later_is_compared_too() {
        let mut guard = ClockGuard::start(5_000_000, 0, Some(4_000_000), false);
        guard.compare(5_000_000 + MAX_JUMP_MS, 5_000_000, 0);
        assert_eq!(guard.alarm(), None);
        guard.compare(5_000_001 + MAX_JUMP_MS, 5_000_000, 0);
        assert!(guard.alarm().is_some());
        let mut standing = ClockGuard::start(9_000_000, 0, Some(5_000_000), true);
        standing.compare(6_000_000, 9_000_000, 0);
        assert_eq!(standing.observe(9_000_000, 0).earliest_ms, 6_000_000);
        standing.compare(4_000_000, 9_000_000, 0);
        assert_eq!(standing.observe(9_000_000, 0).earliest_ms, 6_000_000);
    }

    #[test]
    fn a_mark_stands_in_for_records_that_are_no_newer() {
        let mark = ClockMark { wall_ms: 1_000_000, hlc_ms: 50_000_000 };
        assert!(mark.is_needed());
        let reference = |record| ClockMark::reference(Some(mark), record);
        assert_eq!(reference(50_000_000), 1_000_000);
        assert_eq!(reference(50_000_000 + MAX_JUMP_MS), 1_000_000);
        assert_eq!(reference(50_000_001 + MAX_JUMP_MS), 50_000_001 + MAX_JUMP_MS);
        assert_eq!(ClockMark::reference(None, 7), 7);
    }

    #[test]
    fn a_mark_is_read_back_and_other_octets_are_none() {
        let mark = ClockMark { wall_ms: -5, hlc_ms: i64::MAX };
        let bytes = mark.encode();
        assert_eq!(ClockMark::decode(&bytes), Some(mark));
        for cut in 0..bytes.len() {
            assert_eq!(ClockMark::decode(&bytes[..cut]), None);
        }
        assert_eq!(ClockMark::decode(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(ClockMark::decode(&[&[2], &bytes[1..]].concat()), None);
    }
}
