//! How long a decision takes. The bound is a promise about optimised code; without optimisation
//! the test looks only at what is remembered.

use std::hint::black_box;
use std::time::{Duration, Instant};

use strongroom_kmip::{ObjectType, Operation};
use strongroom_policy::{Action, Decider, Facts, Request, Rules, Who};

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
    let decider = Decider::new().unwrap();
    decider.replace(ten_rules());
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
    let time = |user: &str, operation| {
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
    let first = median(names.iter().map(|name| time(name, Operation::GET)).collect());
    let known = median(names.iter().map(|name| time(name, Operation::GET)).collect());
    let other = median(names.iter().map(|name| time(name, Operation::ENCRYPT)).collect());
    println!(
        "first decision {first:?}, where no own rule is asked {other:?}, known decision {known:?} \
         (medians of {})",
        names.len()
    );
    if !cfg!(debug_assertions) {
        assert!(first < Duration::from_micros(30), "{first:?}");
        assert!(known < Duration::from_micros(1), "{known:?}");
    }
    assert!(known * 5 < first, "first {first:?}, known {known:?}");
}
