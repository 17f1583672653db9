//! The clock: jumps in a running server, and what a restart makes of them.

use strongroom_kmip::{Attribute, Operation, ResultReason, State, Tag, Value};
use strongroom_root::RootKey;

use super::periods::{actions, crypt};
use super::{Bench, V, create, text};
use crate::{AuditFilter, Caller, Engine};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What is judged by both clocks and right by one only.
const UNSURE: Result<Vec<u8>, ResultReason> = Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE);

/// Sets the machine's wall clock on, or back.
fn move_wall(bench: &Bench, by_ms: i64) {
    bench.engine.inner.clock.wall.move_by(by_ms);
}

/// The time that is certain, POSIX seconds.
fn now(bench: &Bench) -> i64 {
    bench.engine.inner.time().earliest()
}

fn alarmed(bench: &Bench) -> bool {
    bench.engine.status().clock_alarm.is_some()
}

fn confirm(bench: &Bench) {
    bench.engine.confirm_clock(&Caller::server()).unwrap();
    assert!(!alarmed(bench));
}

fn make(bench: &Bench, name: &str, dates: &[(Tag, i64)]) -> String {
    let more: Vec<Attribute> =
        dates.iter().map(|(tag, at)| Attribute::new(*tag, Value::DateTime(*at))).collect();
    let payload = bench.one(&bench.alice, Operation::CREATE, |e| create(e, name, &more)).unwrap();
    text(&payload, Tag::UNIQUE_IDENTIFIER)
}

/// When the destruction of a key comes, POSIX seconds, if one is under way.
fn destruction(bench: &Bench, id: &str) -> Option<i64> {
    bench.engine.key(id).unwrap().summary.destruction
}

fn set_date(bench: &Bench, id: &str, tag: Tag, at: i64) -> Result<Value, ResultReason> {
    bench.one(&bench.alice, Operation::SET_ATTRIBUTE, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        let date = Attribute::new(tag, Value::DateTime(at));
        e.structure(Tag::NEW_ATTRIBUTE, |e| date.write(e, V));
    })
}

/// A server whose clock ran a day ahead, unnoticed, and which was started again after the clock
/// was set right.
fn ran_ahead() -> Bench {
    let bench = Bench::new();
    move_wall(&bench, DAY);
    let bench = bench.restart();
    assert!(!alarmed(&bench), "a long stop raises no alarm");
    bench.create("of tomorrow").unwrap();
    bench.engine.stop();
    move_wall(&bench, -DAY);
    bench.start()
}

#[test]
fn a_start_before_the_records_raises_the_alarm_until_it_is_confirmed_and_then_never_again() {
    let mut bench = ran_ahead();
    assert!(alarmed(&bench));
    let date = now(&bench) + 3600;
    let waits = make(&bench, "waits", &[(Tag::ACTIVATION_DATE, date)]);
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert_eq!(bench.state(&waits), State::PRE_ACTIVE);
    bench = bench.restart();
    assert!(alarmed(&bench), "nobody confirmed it");
    confirm(&bench);
    for _ in 0..3 {
        assert_eq!(bench.engine.sweep().unwrap(), 0);
        assert_eq!(bench.state(&waits), State::PRE_ACTIVE);
        bench = bench.restart();
        assert!(!alarmed(&bench), "it was confirmed");
    }
    bench.engine.stop();
    move_wall(&bench, 2 * HOUR);
    bench = bench.start();
    assert!(!alarmed(&bench));
    assert_eq!(bench.engine.sweep().unwrap(), 1);
    assert_eq!(bench.state(&waits), State::ACTIVE);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_clock_that_goes_back_after_it_was_confirmed_raises_the_alarm_again() {
    let bench = ran_ahead();
    confirm(&bench);
    bench.engine.stop();
    move_wall(&bench, -2 * MINUTE);
    assert!(alarmed(&bench.start()));
}

#[test]
fn while_records_run_ahead_the_time_is_kept_anew_by_the_sweep_and_at_a_stop() {
    // A stop keeps it.
    let bench = ran_ahead();
    confirm(&bench);
    bench.engine.stop();
    move_wall(&bench, HOUR);
    let bench = bench.start();
    assert!(!alarmed(&bench));
    bench.engine.stop();
    move_wall(&bench, -HOUR / 2);
    let bench = bench.start();
    assert!(alarmed(&bench));
    confirm(&bench);
    bench.engine.stop();

    // So does the first sweep, for a server that is killed.
    move_wall(&bench, HOUR);
    let bench = bench.start();
    bench.engine.sweep().unwrap();
    move_wall(&bench, -HOUR / 2);
    let bench = bench.start();
    assert!(alarmed(&bench));
    confirm(&bench);
    // Signing journals the end of the uses, and is not due again.
    bench.engine.sign_heads().unwrap();
    let head = bench.engine.inner.store.head();
    for _ in 0..3 {
        bench.engine.sweep().unwrap();
    }
    assert_eq!(bench.engine.inner.store.head(), head, "not with every sweep");

    // And a stop in between keeps it, too, after a while on both clocks.
    move_wall(&bench, 9 * MINUTE);
    bench.engine.inner.move_clock(0);
    assert!(!alarmed(&bench));
    bench.engine.stop();
    move_wall(&bench, -3 * MINUTE);
    assert!(alarmed(&bench.start()));
}

#[test]
fn once_the_clock_has_caught_up_with_the_records_they_count_again() {
    let bench = ran_ahead();
    confirm(&bench);
    bench.engine.stop();
    move_wall(&bench, DAY + HOUR);
    let bench = bench.start();
    assert!(!alarmed(&bench));
    bench.create("of the day after").unwrap();
    bench.engine.stop();
    move_wall(&bench, -HOUR / 2);
    assert!(alarmed(&bench.start()));
}

#[test]
fn the_chain_of_uses_is_compared_with_once_it_is_open() {
    let bench = Bench::new();
    move_wall(&bench, HOUR);
    // Nothing but uses an hour later.
    let bench = bench.start();
    let _ = bench.by_id(Operation::GET, "nobody");
    // As a crash does: a stop would sign, and signing is a change.
    bench.engine.inner.set_unsealed(None);
    bench.engine.stop();
    move_wall(&bench, -HOUR / 2);
    let wall = bench.engine.inner.clock.wall.clone();
    let config = bench.engine.config().clone();
    drop(bench.engine);
    let engine = Engine::open_at(config, wall).unwrap();
    assert!(engine.status().clock_alarm.is_none());
    let root = RootKey::from_secret(bench.root.clone()).unwrap();
    engine.open_with(&Caller::server(), root).unwrap();
    assert!(engine.status().clock_alarm.is_some());
}

#[test]
fn a_jump_forward_leaves_no_record_ahead_of_the_time_and_stands_over_restarts() {
    let bench = Bench::new();
    let start_ms = bench.engine.inner.stamp_ms();
    move_wall(&bench, DAY);
    let made = bench.create("under alarm").unwrap();
    assert!(alarmed(&bench));
    bench.engine.sweep().unwrap();
    assert!(bench.engine.key(&made).unwrap().summary.created_ms < start_ms + HOUR);
    let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
    assert!(entries.iter().all(|e| e.time_ms < start_ms + HOUR), "{entries:?}");
    assert_eq!(actions(&bench, "clock-jumped"), 1);

    // Not a long stop: the jump was seen.
    let bench = bench.restart();
    assert!(alarmed(&bench));
    let waits = make(&bench, "waits", &[(Tag::ACTIVATION_DATE, start_ms / 1000 + 3600)]);
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert_eq!(bench.state(&waits), State::PRE_ACTIVE);

    // Set right, and confirmed: nothing remains of it.
    move_wall(&bench, -DAY);
    let bench = bench.restart();
    assert!(alarmed(&bench));
    confirm(&bench);
    let bench = bench.restart();
    assert!(!alarmed(&bench));
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    assert_eq!(bench.state(&waits), State::PRE_ACTIVE);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn an_alarm_that_came_while_sealed_is_kept_from_the_unsealing_on() {
    let bench = Bench::new();
    bench.engine.seal(&Caller::server()).unwrap();
    move_wall(&bench, DAY);
    bench.engine.sweep().unwrap();
    assert!(alarmed(&bench));
    assert!(bench.engine.confirm_clock(&Caller::server()).is_err());
    let root = RootKey::from_secret(bench.root.clone()).unwrap();
    bench.engine.open_with(&Caller::server(), root).unwrap();
    bench.engine.sweep().unwrap();
    assert!(alarmed(&bench.restart()));
}

#[test]
fn a_delayed_destruction_comes_at_its_time_over_restarts_and_can_be_called_back_until_then() {
    let bench = Bench::with(|config| config.destroy_delay = 3600);
    let [doomed, saved] = ["doomed", "saved"].map(|name| bench.create(name).unwrap());
    for id in [&doomed, &saved] {
        bench.by_id(Operation::DESTROY, id).unwrap();
    }
    bench.engine.stop();
    move_wall(&bench, HOUR - MINUTE);
    let bench = bench.start();
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    bench.engine.recall_destruction(&bench.alice, &saved).unwrap();
    bench.engine.stop();
    move_wall(&bench, 2 * MINUTE);
    let bench = bench.start();
    assert!(!alarmed(&bench));
    assert_eq!(bench.engine.sweep().unwrap(), 1);
    assert_eq!(bench.state(&doomed), State::DESTROYED);
    assert_eq!(bench.state(&saved), State::PRE_ACTIVE);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_false_clock_never_shortens_the_delay_of_a_destruction() {
    for by_ms in [DAY, -DAY] {
        let bench = Bench::with(|config| config.destroy_delay = 3600);
        let [before, during] = ["before", "during"].map(|name| bench.create(name).unwrap());
        let begin = now(&bench);
        bench.by_id(Operation::DESTROY, &before).unwrap();
        move_wall(&bench, by_ms);
        bench.by_id(Operation::DESTROY, &during).unwrap();
        assert!(alarmed(&bench));
        // An hour at least, whichever clock is right.
        let at = destruction(&bench, &during).unwrap();
        assert!(at >= begin + 3600 && at >= begin + by_ms / 1000 + 3600, "{at} {begin}");
        assert_eq!(bench.engine.sweep().unwrap(), 0);
        let bench = bench.restart();
        assert_eq!(bench.engine.sweep().unwrap(), 0);
        bench.engine.recall_destruction(&bench.alice, &before).unwrap();
        bench.by_id(Operation::DESTROY, &before).unwrap();
        // The clock is set right.
        move_wall(&bench, -by_ms);
        let bench = bench.restart();
        confirm(&bench);
        assert_eq!(bench.engine.sweep().unwrap(), 0);
        for id in [&before, &during] {
            assert_eq!(bench.state(id), State::PRE_ACTIVE);
            bench.engine.recall_destruction(&bench.alice, id).unwrap();
        }
    }
}

#[test]
fn what_no_date_concerns_goes_on_under_an_alarm() {
    for by_ms in [DAY, -DAY] {
        let bench = Bench::new();
        move_wall(&bench, by_ms);
        let id = bench.create("new").unwrap();
        assert!(alarmed(&bench));
        bench.by_id(Operation::ACTIVATE, &id).unwrap();
        let secret = crypt(&bench, Operation::ENCRYPT, &id, &[7; 16]).unwrap();
        assert_eq!(crypt(&bench, Operation::DECRYPT, &id, &secret).unwrap(), [7; 16]);
        let new = bench.by_id(Operation::RE_KEY, &id).unwrap();
        let new = text(&new, Tag::UNIQUE_IDENTIFIER);
        assert_eq!(bench.state(&new), State::ACTIVE);
        bench.revoke(&id).unwrap();
        bench.by_id(Operation::DESTROY, &id).unwrap();
        assert_eq!(bench.state(&id), State::DESTROYED);
    }
}

#[test]
fn under_an_alarm_a_date_permits_only_what_both_clocks_permit() {
    for by_ms in [DAY, -DAY] {
        let bench = Bench::new();
        let begin = now(&bench);
        // Between the two clocks, and before both.
        let between = begin + if by_ms > 0 { by_ms / 2000 } else { 2 };
        let past = begin - 2 * DAY / 1000;
        let make = |name: &str, more: &[(Tag, i64)]| {
            make(&bench, name, &[&[(Tag::ACTIVATION_DATE, past)], more].concat())
        };
        let starts = make("starts", &[(Tag::PROCESS_START_DATE, between)]);
        let stops = make("stops", &[(Tag::PROTECT_STOP_DATE, between)]);
        let ends = make("ends", &[(Tag::DEACTIVATION_DATE, between)]);
        let begins = super::clock::make(&bench, "begins", &[(Tag::ACTIVATION_DATE, between)]);
        while by_ms < 0 && now(&bench) <= between {
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        move_wall(&bench, by_ms);

        for id in [&stops, &ends] {
            assert_eq!(crypt(&bench, Operation::ENCRYPT, id, &[7; 16]), UNSURE);
        }
        assert!(crypt(&bench, Operation::ENCRYPT, &starts, &[7; 16]).is_ok());
        assert_eq!(crypt(&bench, Operation::DECRYPT, &starts, &[7; 16]), UNSURE);
        assert!(crypt(&bench, Operation::DECRYPT, &stops, &[7; 16]).is_ok());
        assert!(crypt(&bench, Operation::DECRYPT, &ends, &[7; 16]).is_ok());
        assert_eq!(crypt(&bench, Operation::ENCRYPT, &begins, &[7; 16]), UNSURE);

        // Nothing moves, and nothing is shown as moved.
        assert_eq!(bench.state(&begins), State::PRE_ACTIVE);
        assert_eq!(bench.state(&ends), State::ACTIVE);
        // An active key is not destroyed; this one may be one.
        let refused = ResultReason::WRONG_KEY_LIFECYCLE_STATE;
        assert_eq!(bench.by_id(Operation::DESTROY, &begins), Err(refused));
        // What may have passed moves no more.
        let far = begin + 9 * DAY / 1000;
        assert!(set_date(&bench, &stops, Tag::PROTECT_STOP_DATE, far).is_err());
        assert!(set_date(&bench, &ends, Tag::DEACTIVATION_DATE, far).is_err());
        // A new key is no different.
        let born = super::clock::make(&bench, "born", &[(Tag::ACTIVATION_DATE, between)]);
        assert_eq!(bench.state(&born), State::PRE_ACTIVE);

        // The dates lie ahead of a clock that was rightly set back, and behind one that went on.
        confirm(&bench);
        let (passed, active) = (by_ms > 0, bench.state(&begins) == State::ACTIVE);
        assert_eq!(active, passed);
        assert_eq!(crypt(&bench, Operation::ENCRYPT, &stops, &[7; 16]).is_err(), passed);
        assert_eq!(crypt(&bench, Operation::DECRYPT, &starts, &[7; 16]).is_ok(), passed);
    }
}

#[test]
fn a_clock_that_runs_ahead_in_small_steps_makes_no_date_come_early() {
    let bench = Bench::with(|config| config.destroy_delay = 3600);
    let id = bench.create("recallable").unwrap();
    bench.by_id(Operation::DESTROY, &id).unwrap();
    for step in 0..70 {
        move_wall(&bench, 59_000);
        bench.engine.sweep().unwrap();
        assert_eq!(alarmed(&bench), step > 0);
    }
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
    bench.engine.recall_destruction(&Caller::server(), &id).unwrap();
}
