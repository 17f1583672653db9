//! The clock guard and the hybrid clock.

use proptest::prelude::*;
use strongroom_model::{ClockAlarm, ClockGuard, FAIR_DRIFT_PPM, HybridClock, MAX_JUMP_MS, Reading};

const START: i64 = 1_700_000_000_000;

#[test]
fn exactly_the_limit_is_still_trusted_and_one_more_is_not() {
    for sign in [1, -1] {
        let mut guard = ClockGuard::start(START, 0, None, false);
        let wall = START + 5_000 + sign * MAX_JUMP_MS;
        assert_eq!(guard.observe(wall, 5_000), Reading::certain(wall));
        assert_eq!(guard.alarm(), None);

        let mut guard = ClockGuard::start(START, 0, None, false);
        let found_ms = START + 5_000 + sign * (MAX_JUMP_MS + 1);
        assert_eq!(guard.observe(found_ms, 5_000).earliest_ms, (START + 5_000).min(found_ms));
        assert_eq!(guard.alarm(), Some(ClockAlarm { expected_ms: START + 5_000, found_ms }));
    }
}

#[test]
fn a_long_pause_of_the_server_is_not_a_jump() {
    // A stopped process, or a suspended machine whose monotonic clock counts on.
    let mut guard = ClockGuard::start(START, 0, None, false);
    let day = 86_400_000;
    assert_eq!(guard.observe(START + day, day), Reading::certain(START + day));
    assert_eq!(guard.alarm(), None);
}

#[test]
fn a_restored_snapshot_whose_monotonic_clock_stood_still_is_a_jump() {
    let mut guard = ClockGuard::start(START, 1_000, None, false);
    assert_eq!(guard.observe(START + 86_400_000, 1_001).earliest_ms, START + 1);
    assert!(guard.alarm().is_some());
}

#[test]
fn the_alarm_stands_though_the_clock_comes_back_by_itself() {
    let mut guard = ClockGuard::start(START, 0, None, false);
    guard.observe(START + 3_600_000, 1_000);
    let alarm = guard.alarm();
    assert!(alarm.is_some());
    assert_eq!(guard.observe(START + 2_000, 2_000).earliest_ms, START + 1_000);
    assert_eq!(guard.alarm(), alarm);
}

#[test]
fn the_first_jump_is_the_one_reported() {
    let mut guard = ClockGuard::start(START, 0, None, false);
    guard.observe(START + 100_000, 1_000);
    guard.observe(START + 900_000, 2_000);
    assert_eq!(guard.alarm().map(|a| a.found_ms), Some(START + 100_000));
}

#[test]
fn after_confirming_the_guard_watches_again() {
    let mut guard = ClockGuard::start(START, 0, None, false);
    guard.observe(START + 3_600_000, 1_000);
    guard.confirm(START + 3_601_000, 2_000);
    assert_eq!(guard.observe(START + 3_602_000, 3_000), Reading::certain(START + 3_602_000));
    guard.observe(START, 4_000);
    assert_eq!(guard.alarm().map(|a| a.found_ms), Some(START));
}

#[test]
fn a_restart_a_little_before_the_last_record_is_trusted() {
    let guard = ClockGuard::start(START, 0, Some(START + MAX_JUMP_MS), false);
    assert_eq!(guard.alarm(), None);
}

#[test]
fn a_restart_long_after_the_last_record_is_trusted() {
    // The server was off: nothing tells that from a jump.
    let mut guard = ClockGuard::start(START, 0, Some(START - 86_400_000), false);
    assert_eq!(guard.observe(START + 1, 1), Reading::certain(START + 1));
    assert_eq!(guard.alarm(), None);
}

#[test]
fn extreme_readings_raise_the_alarm_and_do_not_panic() {
    for wall in [i64::MIN, 0, i64::MAX] {
        for mono in [0, i64::MAX] {
            let mut guard = ClockGuard::start(START, 0, None, false);
            guard.observe(wall, mono);
            guard.observe(START, 1);
            let mut guard = ClockGuard::start(wall, mono, Some(START), false);
            guard.observe(START, 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn trusted_time_never_leaves_the_monotonic_clock_by_more_than_the_limit_a_reading(
        readings in prop::collection::vec((0..5_000i64, -200_000..200_000i64), 1..20),
    ) {
        let mut guard = ClockGuard::start(START, 0, None, false);
        let (mut mono, mut trusted) = (0, START);
        for (passed, jump) in readings {
            mono += passed;
            let wall = trusted + passed + jump;
            let now = guard.observe(wall, mono).earliest_ms;
            prop_assert!((now - trusted - passed).abs() <= MAX_JUMP_MS || guard.alarm().is_some());
            if guard.alarm().is_some() {
                let later = guard.observe(START * 2, mono + 1);
                prop_assert_eq!(later.earliest_ms, trusted + passed);
                break;
            }
            trusted = now;
        }
    }

    #[test]
    fn a_reading_lies_between_its_ends_and_so_do_both_clocks(
        start in (any::<bool>(), -200_000..200_000i64),
        readings in prop::collection::vec((0..100_000i64, -200_000..200_000i64), 1..20),
    ) {
        let (standing, reference) = start;
        let mut guard = ClockGuard::start(START, 0, Some(START + reference), standing);
        let mut reckoned = if guard.alarm().is_some() { START + reference } else { START };
        let mut mono = 0;
        for (passed, jump) in readings {
            mono += passed;
            reckoned += passed;
            let wall = reckoned + jump;
            let now = guard.observe(wall, mono);
            prop_assert!(now.earliest_ms <= now.stamp_ms && now.stamp_ms <= now.latest_ms);
            prop_assert!(now.earliest_ms <= wall && wall <= now.latest_ms);
            if guard.alarm().is_some() {
                prop_assert!(now.earliest_ms <= reckoned && reckoned <= now.latest_ms);
                prop_assert!(now.stamp_ms <= reckoned && now.stamp_ms <= wall);
            } else {
                prop_assert_eq!(now, Reading::certain(wall));
                reckoned = wall;
            }
        }
    }

    #[test]
    fn the_hybrid_clock_gives_ever_greater_values(
        steps in prop::collection::vec((any::<bool>(), 0..1_000u64), 1..40),
    ) {
        let mut clock = HybridClock::default();
        for (observed, value) in steps {
            let before = clock.last();
            if observed {
                clock.observe(value << 16);
                prop_assert!(clock.last() >= before.max(value << 16));
            } else {
                let tick = clock.tick(value as i64);
                prop_assert!(tick > before && tick >= value << 16);
                prop_assert_eq!(tick, clock.last());
            }
        }
    }
}

#[test]
fn small_steps_count_together() {
    for sign in [1, -1] {
        let mut guard = ClockGuard::start(START, 0, None, false);
        guard.observe(START + sign * 59_000, 0);
        assert_eq!(guard.alarm(), None);
        let (expected_ms, found_ms) = (START + sign * 59_000, START + sign * 61_000);
        let reading = guard.observe(found_ms, 0);
        assert_eq!(guard.alarm(), Some(ClockAlarm { expected_ms, found_ms }));
        assert_eq!(reading.earliest_ms, expected_ms.min(found_ms));
        assert_eq!(reading.latest_ms, expected_ms.max(found_ms));
    }
}

#[test]
fn a_step_that_was_long_ago_counts_no_more() {
    let mut guard = ClockGuard::start(START, 0, None, false);
    guard.observe(START + 59_000, 0);
    let later = 59_000 * 1_000_000 / FAIR_DRIFT_PPM;
    guard.observe(START + 59_000 + later, later);
    guard.observe(START + 118_000 + later, later);
    assert_eq!(guard.alarm(), None);
    guard.observe(START + 120_000 + later, later);
    assert!(guard.alarm().is_some());
}

#[test]
fn confirming_forgets_the_steps_before() {
    let mut guard = ClockGuard::start(START, 0, None, false);
    guard.observe(START + 59_000, 0);
    guard.confirm(START + 59_000, 0);
    guard.observe(START + 118_000, 0);
    assert_eq!(guard.alarm(), None);
}

/// How far fair drift takes a clock in a time, milliseconds, rounded up.
fn fair(elapsed_ms: i64) -> i64 {
    elapsed_ms * FAIR_DRIFT_PPM / 1_000_000 + 1
}

proptest! {
    /// However the wall clock is led away, in steps of whatever size: what is trusted lies no
    /// further from the monotonic clock than the limit and fair drift, also once the alarm stands.
    #[test]
    fn no_steps_lead_the_trusted_time_away(
        steps in prop::collection::vec((0i64..600_000, -61_000i64..=61_000), 1..200),
        lean in -61_000i64..=61_000,
    ) {
        let mut guard = ClockGuard::start(START, 0, None, false);
        let (mut mono, mut moved) = (0, 0);
        for (elapsed, step) in steps {
            mono += elapsed;
            // Half of the cases push one way all the time.
            moved += if lean % 2 == 0 { step } else { lean.signum() * step.abs() };
            let reading = guard.observe(START + mono + moved, mono);
            if let Some(alarm) = guard.alarm() {
                let limit = MAX_JUMP_MS + fair(mono);
                prop_assert!((alarm.expected_ms - START - mono).abs() <= limit);
                prop_assert!(reading.earliest_ms <= START + mono + limit);
                break;
            }
            prop_assert!(moved.abs() <= MAX_JUMP_MS + fair(mono));
        }
    }

    /// A clock that only runs a little fast or slow never raises the alarm, however often or
    /// seldom it is read.
    #[test]
    fn fair_drift_is_followed_for_ever(
        ppm in -FAIR_DRIFT_PPM..=FAIR_DRIFT_PPM,
        pauses in prop::collection::vec(1i64..100_000_000, 1..200),
    ) {
        let mut guard = ClockGuard::start(START, 0, None, false);
        let mut mono = 0;
        for pause in pauses {
            mono += pause;
            let wall = START + mono + mono * ppm / 1_000_000;
            prop_assert_eq!(guard.observe(wall, mono), Reading::certain(wall));
        }
    }
}
