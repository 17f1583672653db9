//! How long a decision takes. The bound is a promise about optimised code; without optimisation
//! the test looks only at what is remembered.

use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strongroom_kmip::{ObjectType, Operation};
use strongroom_model::{ApprovalRule, Approvers, Change, Role, Seen, ServerState, Stamp};
use strongroom_policy::approval::any_holds;
use strongroom_policy::{Action, Decider, Facts, Request, Rules, Who};

/// Two measurements at once would measure each other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A machine that does something else for a moment must not be half of what is measured.
const ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 10 };

/// One that has decided nothing yet.
fn decider() -> Decider {
    let decider = Decider::new().unwrap();
    decider.replace(ten_rules());
    decider
}

/// As many rules of its own as an installation can sensibly have at once.
fn ten_rules() -> Rules {
    let text: String = (0..10)
        .map(|n| {
            format!(
                "@id(\"r{n}\") forbid (principal in Group::\"g{n}\", action == Action::\"Get\", \
                 resource in KeyGroup::\"k{n}\") when {{ !resource.owned }};\n"
            )
        })
        .collect();
    Rules::with(&text).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_first_decision_takes_less_than_30_microseconds_and_a_known_one_less_than_one() {
    let _alone = alone();
    let groups: Vec<String> = ["qa", "ops"].map(str::to_owned).to_vec();
    let key_groups = ["payroll".to_owned()];
    let facts = Facts {
        object_type: ObjectType::SYMMETRIC_KEY,
        owned: true,
        user_grant: false,
        group_grant: false,
        key_groups: &key_groups,
    };
    let names: Vec<String> = (0..2000).map(|n| format!("user-{n}")).collect();
    let time = |decider: &Decider, user: &str, operation| {
        let request = Request {
            who: Who { user, groups: &groups, role: None, conflicting: false },
            action: Action::Kmip(operation),
            object: Some(facts),
        };
        let started = Instant::now();
        assert!(decider.decide(black_box(&request)).allowed);
        started.elapsed()
    };
    // All ten rules are about Get.
    let (mut first, mut known, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let decider = decider();
        first.extend(names.iter().map(|name| time(&decider, name, Operation::GET)));
        known.extend(names.iter().map(|name| time(&decider, name, Operation::GET)));
        other.extend(names.iter().map(|name| time(&decider, name, Operation::ENCRYPT)));
    }
    let of = first.len();
    let (first, known, other) = (median(first), median(known), median(other));
    println!(
        "first decision {first:?}, where no own rule is asked {other:?}, known decision {known:?} \
         (medians of {of})"
    );
    if !cfg!(debug_assertions) {
        assert!(first < Duration::from_micros(30), "{first:?}");
        assert!(known < Duration::from_micros(1), "{known:?}");
    }
    assert!(known * 5 < first, "first {first:?}, known {known:?}");
}

/// Ten approval rules, none about what is asked: another key group, another operation.
fn ten_approval_rules() -> ServerState {
    let mut state = ServerState::default();
    for n in 0..10 {
        let rule = ApprovalRule {
            name: format!("r{n}"),
            actions: vec!["Destroy".to_owned(), "Get".to_owned()],
            key_group: Some(format!("other-{n}")),
            approvers: 2,
            from: Approvers::Role(Role::CryptoOfficer),
            open_for: 3600,
        };
        let stamp = Stamp { hlc: n + 1, site: 1 };
        state.apply(stamp, &Change::ApprovalRequired { rule, seen: Seen::default() });
    }
    state
}

#[test]
fn approval_rules_that_are_about_something_else_leave_a_decision_within_its_bound() {
    let _alone = alone();
    let groups: Vec<String> = ["qa", "ops"].map(str::to_owned).to_vec();
    let key_groups = ["payroll".to_owned()];
    let facts = Facts {
        object_type: ObjectType::SYMMETRIC_KEY,
        owned: true,
        user_grant: false,
        group_grant: false,
        key_groups: &key_groups,
    };
    let (none, ten) = (ServerState::default(), ten_approval_rules());
    let time = |decider: &Decider, state: &ServerState, user: &str| {
        let request = Request {
            who: Who { user, groups: &groups, role: None, conflicting: false },
            action: Action::Kmip(Operation::GET),
            object: Some(facts),
        };
        let started = Instant::now();
        assert!(decider.decide(black_box(&request)).allowed);
        assert!(!any_holds(black_box(state), Operation::GET.name(), &key_groups));
        started.elapsed()
    };
    // In turns, so that what else the machine does meets both.
    let (mut without, mut with, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let decider = decider();
        for n in 0..2000 {
            without.push(time(&decider, &none, &format!("without-{n}")));
            with.push(time(&decider, &ten, &format!("with-{n}")));
        }
        known.extend((0..2000).map(|n| time(&decider, &ten, &format!("with-{n}"))));
    }
    let (without, with, known) = (median(without), median(with), median(known));
    println!("first decision {without:?}, with ten approval rules {with:?}, known then {known:?}");
    if !cfg!(debug_assertions) {
        assert!(with < Duration::from_micros(30), "{with:?}");
        assert!(known < Duration::from_micros(1), "{known:?}");
    }
    assert!(with * 4 < without * 5, "with rules {with:?}, without {without:?}");
    // What is added is one look through the rules in memory, and nothing else: told by itself, since
    // in the sum of above it is lost.
    let look = || {
        let started = Instant::now();
        (0..1000).for_each(|_| {
            assert!(!any_holds(black_box(&ten), Operation::GET.name(), &key_groups));
        });
        started.elapsed() / 1000
    };
    let look = (0..10).map(|_| look()).min().unwrap();
    println!("a look through ten rules {look:?}");
    assert!(look * 30 < without, "a look {look:?}, a first decision {without:?}");
    // And the rules are asked: one that is about it is found.
    assert!(any_holds(&ten, "Get", &["other-3".to_owned()]));
}
