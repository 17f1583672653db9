//! What the life cycle permits: a table of state and dates against purpose.

use proptest::prelude::*;
use strongroom_kmip::{ObjectType, State, Tag, Value};
use strongroom_model::Lifecycle::{Active, Deactivated, Destroyed, PreActive};
use strongroom_model::StateFault::{
    AfterProtectStop, Archived, BeforeProcessStart, Compromised as IsCompromised,
    Deactivated as IsDeactivated, Destroyed as IsDestroyed, NotYetActive,
};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject, NewObject, ObjectId, Purpose,
    Reading, Stamp, StateFault, permits,
};

const NOW: i64 = 1_000;
/// A date that has come.
const PAST: Option<i64> = Some(NOW - 1);
/// A date comes with its second.
const THIS: Option<i64> = Some(NOW);
/// A date that has not come.
const NEXT: Option<i64> = Some(NOW + 1);

const OK: Result<(), StateFault> = Ok(());

#[derive(Clone, Copy, Default)]
struct Dates {
    activation: Option<i64>,
    process_start: Option<i64>,
    protect_stop: Option<i64>,
    deactivation: Option<i64>,
}

const NONE: Dates =
    Dates { activation: None, process_start: None, protect_stop: None, deactivation: None };

fn object(
    object_type: ObjectType,
    lifecycle: Lifecycle,
    compromised: bool,
    dates: Dates,
) -> ManagedObject {
    let attributes = [
        (Tag::ACTIVATION_DATE, dates.activation),
        (Tag::PROCESS_START_DATE, dates.process_start),
        (Tag::PROTECT_STOP_DATE, dates.protect_stop),
        (Tag::DEACTIVATION_DATE, dates.deactivation),
    ];
    let attributes = attributes
        .into_iter()
        .filter_map(|(tag, date)| Some((AttributeKey::single(tag), Value::DateTime(date?))));
    let id = ObjectId::from("o");
    let new = NewObject {
        id: id.clone(),
        object_type,
        owner: "alice".to_owned(),
        fields: Vec::new(),
        block: None,
        attributes: attributes.collect(),
        lifecycle,
        material: None,
    };
    let mut object = ManagedObject::unknown(id);
    object.apply(Stamp { hlc: 1, site: 1 }, &Change::Created(Box::new(new)));
    object.compromised = compromised;
    object
}

/// State, compromised, dates; the State shown; may it protect, may it process.
type Row = (Lifecycle, bool, Dates, State, Result<(), StateFault>, Result<(), StateFault>);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // No dates.
    (PreActive,   false, NONE, State::PRE_ACTIVE,  Err(NotYetActive),  Err(NotYetActive)),
    (Active,      false, NONE, State::ACTIVE,      OK,                 OK),
    (Deactivated, false, NONE, State::DEACTIVATED, Err(IsDeactivated), OK),
    (Destroyed,   false, NONE, State::DESTROYED,   Err(IsDestroyed),   Err(IsDestroyed)),
    // Compromised is a flag on every place.
    (PreActive,   true,  NONE, State::COMPROMISED, Err(IsCompromised), OK),
    (Active,      true,  NONE, State::COMPROMISED, Err(IsCompromised), OK),
    (Deactivated, true,  NONE, State::COMPROMISED, Err(IsCompromised), OK),
    (Destroyed,   true,  NONE, State::DESTROYED_COMPROMISED, Err(IsDestroyed), Err(IsDestroyed)),
    // The Activation Date activates when it comes, and takes nothing back.
    (PreActive,   false, Dates { activation: PAST, ..NONE }, State::ACTIVE,      OK,                 OK),
    (PreActive,   false, Dates { activation: THIS, ..NONE }, State::ACTIVE,      OK,                 OK),
    (PreActive,   false, Dates { activation: NEXT, ..NONE }, State::PRE_ACTIVE,  Err(NotYetActive),  Err(NotYetActive)),
    (Active,      false, Dates { activation: NEXT, ..NONE }, State::ACTIVE,      OK,                 OK),
    (Deactivated, false, Dates { activation: PAST, ..NONE }, State::DEACTIVATED, Err(IsDeactivated), OK),
    (Destroyed,   false, Dates { activation: PAST, ..NONE }, State::DESTROYED,   Err(IsDestroyed),   Err(IsDestroyed)),
    (PreActive,   true,  Dates { activation: PAST, ..NONE }, State::COMPROMISED, Err(IsCompromised), OK),
    // The Deactivation Date deactivates what is active.
    (Active,      false, Dates { deactivation: PAST, ..NONE }, State::DEACTIVATED, Err(IsDeactivated), OK),
    (Active,      false, Dates { deactivation: THIS, ..NONE }, State::DEACTIVATED, Err(IsDeactivated), OK),
    (Active,      false, Dates { deactivation: NEXT, ..NONE }, State::ACTIVE,      OK,                 OK),
    (PreActive,   false, Dates { deactivation: PAST, ..NONE }, State::PRE_ACTIVE,  Err(NotYetActive),  Err(NotYetActive)),
    (Active,      true,  Dates { deactivation: PAST, ..NONE }, State::COMPROMISED, Err(IsCompromised), OK),
    // Both at once: through Active to Deactivated.
    (PreActive,   false, Dates { activation: PAST, deactivation: PAST, ..NONE }, State::DEACTIVATED, Err(IsDeactivated), OK),
    (PreActive,   false, Dates { activation: PAST, deactivation: NEXT, ..NONE }, State::ACTIVE,      OK,                 OK),
    (PreActive,   false, Dates { activation: NEXT, deactivation: PAST, ..NONE }, State::PRE_ACTIVE,  Err(NotYetActive),  Err(NotYetActive)),
    // Process Start Date holds processing back, Protect Stop Date ends protecting.
    (Active,      false, Dates { process_start: PAST, ..NONE }, State::ACTIVE, OK,                    OK),
    (Active,      false, Dates { process_start: THIS, ..NONE }, State::ACTIVE, OK,                    OK),
    (Active,      false, Dates { process_start: NEXT, ..NONE }, State::ACTIVE, OK,                    Err(BeforeProcessStart)),
    (Active,      false, Dates { protect_stop: PAST, ..NONE },  State::ACTIVE, Err(AfterProtectStop), OK),
    (Active,      false, Dates { protect_stop: THIS, ..NONE },  State::ACTIVE, Err(AfterProtectStop), OK),
    (Active,      false, Dates { protect_stop: NEXT, ..NONE },  State::ACTIVE, OK,                    OK),
    (Active,      false, Dates { process_start: NEXT, protect_stop: PAST, ..NONE }, State::ACTIVE, Err(AfterProtectStop), Err(BeforeProcessStart)),
    (Deactivated, false, Dates { process_start: NEXT, ..NONE }, State::DEACTIVATED, Err(IsDeactivated), Err(BeforeProcessStart)),
    (Deactivated, false, Dates { protect_stop: PAST, ..NONE },  State::DEACTIVATED, Err(IsDeactivated), OK),
    (PreActive,   false, Dates { activation: PAST, process_start: NEXT, ..NONE }, State::ACTIVE, OK, Err(BeforeProcessStart)),
    (PreActive,   false, Dates { activation: PAST, protect_stop: PAST, ..NONE },  State::ACTIVE, Err(AfterProtectStop), OK),
    (Active,      true,  Dates { process_start: NEXT, ..NONE }, State::COMPROMISED, Err(IsCompromised), Err(BeforeProcessStart)),
    (Destroyed,   false, Dates { process_start: PAST, ..NONE }, State::DESTROYED, Err(IsDestroyed), Err(IsDestroyed)),
];

#[test]
fn the_table_of_states_and_dates_holds_for_symmetric_keys() {
    for (row, (lifecycle, compromised, dates, state, protect, process)) in TABLE.iter().enumerate()
    {
        let key = object(ObjectType::SYMMETRIC_KEY, *lifecycle, *compromised, *dates);
        assert_eq!(key.state(NOW), *state, "state of row {row}");
        assert_eq!(permits(&key, Purpose::Protect, NOW), *protect, "protect, row {row}");
        assert_eq!(permits(&key, Purpose::Process, NOW), *process, "process, row {row}");
    }
}

#[test]
fn what_is_archived_may_do_nothing_whatever_its_state_but_destruction_comes_first() {
    for lifecycle in [PreActive, Active, Deactivated, Destroyed] {
        for compromised in [false, true] {
            let mut key = object(ObjectType::SYMMETRIC_KEY, lifecycle, compromised, NONE);
            let state = key.state(NOW);
            archive(&mut key, 2, Some(NOW));
            let fault = if lifecycle == Destroyed { IsDestroyed } else { Archived };
            for purpose in [Purpose::Protect, Purpose::Process] {
                assert_eq!(permits(&key, purpose, NOW), Err(fault));
            }
            assert_eq!(key.is_archived(), lifecycle != Destroyed);
            // Being archived is no state.
            assert_eq!(key.state(NOW), state);
            archive(&mut key, 3, None);
            assert!(!key.is_archived());
        }
    }
}

/// Writes or deletes the Archive Date.
fn archive(object: &mut ManagedObject, hlc: u64, date: Option<i64>) {
    let change = Change::Changed {
        kind: ChangeKind::Archived,
        id: object.id.clone(),
        lifecycle: None,
        compromised: false,
        sets: vec![(AttributeKey::single(Tag::ARCHIVE_DATE), date.map(Value::DateTime))],
    };
    object.apply(Stamp { hlc, site: 1 }, &change);
}

#[test]
fn the_dates_between_bind_every_kind_of_object() {
    let dates = Dates { process_start: NEXT, protect_stop: PAST, ..NONE };
    for object_type in [ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY, ObjectType::SECRET_DATA] {
        let key = object(object_type, Active, false, dates);
        assert_eq!(permits(&key, Purpose::Protect, NOW), Err(AfterProtectStop));
        assert_eq!(permits(&key, Purpose::Process, NOW), Err(BeforeProcessStart));
    }
}

#[test]
fn whatever_may_protect_may_process_unless_held_back_by_its_start_date() {
    let dates = [None, PAST, NEXT];
    for lifecycle in [PreActive, Active, Deactivated, Destroyed] {
        for compromised in [false, true] {
            for activation in dates {
                for deactivation in dates {
                    for protect_stop in dates {
                        let dates =
                            Dates { activation, deactivation, protect_stop, process_start: None };
                        let key = object(ObjectType::SYMMETRIC_KEY, lifecycle, compromised, dates);
                        if permits(&key, Purpose::Protect, NOW).is_ok() {
                            assert_eq!(permits(&key, Purpose::Process, NOW), OK);
                            assert_eq!(key.state(NOW), State::ACTIVE);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn time_moves_the_state_forward_only() {
    let dates = Dates { activation: Some(10), deactivation: Some(20), ..NONE };
    let key = object(ObjectType::SYMMETRIC_KEY, PreActive, false, dates);
    let places: Vec<Lifecycle> = (0..30).map(|now| key.lifecycle_at(now)).collect();
    assert!(places.is_sorted());
    assert_eq!(
        (places[9], places[10], places[19], places[20]),
        (PreActive, Active, Active, Deactivated,)
    );
}

fn date() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(NOW - 20..NOW + 20)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_permitted_by_an_uncertain_clock_is_permitted_at_every_time_it_may_be(
        dates in (date(), date(), date(), date()),
        state in (0..4i32, any::<bool>(), any::<bool>()),
        window in (NOW - 25..NOW + 25, 0..50i64),
    ) {
        let (activation, process_start, protect_stop, deactivation) = dates;
        let dates = Dates { activation, process_start, protect_stop, deactivation };
        let lifecycle = Lifecycle::from_code(state.0).unwrap_or(PreActive);
        let object = object(ObjectType::SYMMETRIC_KEY, lifecycle, state.1, dates);
        let purpose = if state.2 { Purpose::Protect } else { Purpose::Process };
        let (first, last) = (window.0, window.0 + window.1);
        let now = Reading {
            earliest_ms: first * 1000,
            latest_ms: last * 1000 + 999,
            ..Reading::certain(first * 1000)
        };
        let permitted = now.both(|at| permits(&object, purpose, at)).is_ok();
        let always = (first..=last).all(|at| permits(&object, purpose, at).is_ok());
        prop_assert_eq!(permitted, always);
    }
}
